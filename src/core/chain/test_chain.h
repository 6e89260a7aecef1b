// A small chain with its private keys, for tests and the simulator: keys are drawn from a number, never from entropy.
// Nothing in the program includes this.
#pragma once

#include <fmt/format.h>
#include <sodium.h>

#include "core/chain/chain.h"

namespace holdfast::chain::testing {

// An Ed25519 pair from a word; the same word gives the same pair.
struct TestKey {
  PublicKey pub{};
  ByteArray<64> secret{};

  explicit TestKey(std::string_view word) {
    const Hash seed = sha256(as_bytes("holdfast test key, not secret: "), as_bytes(word));
    crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(pub.data()),
                             reinterpret_cast<unsigned char*>(secret.data()),
                             reinterpret_cast<const unsigned char*>(seed.data()));
  }
  Signature sign(ByteView message) const {
    Signature out;
    crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr,
                         reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                         reinterpret_cast<const unsigned char*>(secret.data()));
    return out;
  }
  journal::SignFunction signer() const {
    return [copy = *this](ByteView message) { return copy.sign(message); };
  }
};

// "store-01 log 1": the keys of a site's epoch.
inline TestKey site_key(std::string_view site, std::string_view use, unsigned epoch = 1) {
  return TestKey(fmt::format("{} {} {}", site, use, epoch));
}
inline SiteKeys site_keys(std::string_view site, unsigned epoch = 1) {
  return {site_key(site, "log", epoch).pub, site_key(site, "cosign", epoch).pub, site_key(site, "tls", epoch).pub,
          site_key(site, "sealing", epoch).pub};
}
inline KeySet key_set(std::string_view use, unsigned needed, unsigned n) {
  KeySet set;
  set.needed = needed;
  for (unsigned i = 1; i <= n; ++i) {
    std::string name = fmt::format("{}-{}", use, i);
    const PublicKey key = TestKey(name).pub;
    set.keys.emplace_back(std::move(name), key);
  }
  return set;
}

// Head office, warehouse and `stores` stores with three mirrors each, as `holdfast chain demo` makes them.
// Root keys "root-1".."root-3" and recovery keys "recovery-1".."recovery-3", 2 of 3 each.
inline ChainFile small_chain(unsigned stores = 3) {
  ChainFile file;
  file.chain = "holdfast.example/small";
  file.currency = {"GBP", 2};
  file.languages = {"en", "fr"};
  file.vat_rates = {{VatCode("S"), "Standard rate", 200'000},
                    {VatCode("R"), "Reduced \"5\" rate", 50'000},
                    {VatCode("Z"), "Zero rate", 0}};
  file.root = key_set("root", 2, 3);
  file.recovery = key_set("recovery", 2, 3);
  file.operations = TestKey("operations").pub;
  const auto store = [](unsigned i) { return SiteName(fmt::format("store-{:02}", i)); };
  const SiteName head("head-office"), warehouse("warehouse");
  const auto add = [&](SiteName name, SiteKind kind, std::vector<SiteName> mirrors, std::vector<SiteName> follows) {
    std::string address = fmt::format("127.0.0.1:{}", 7400 + file.sites.size());
    file.sites.push_back(
        {name, kind, std::move(address), site_keys(name.view()), std::move(mirrors), std::move(follows)});
  };
  std::vector<SiteName> all_stores;
  for (unsigned i = 1; i <= stores; ++i) all_stores.push_back(store(i));
  const auto and_stores = [&](SiteName first) {
    std::vector<SiteName> out{first};
    out.insert(out.end(), all_stores.begin(), all_stores.end());
    return out;
  };
  add(head, SiteKind::head_office, {warehouse, store(1), store(2)}, and_stores(warehouse));
  add(warehouse, SiteKind::warehouse, {head, store(1), store(2)}, and_stores(head));
  for (unsigned i = 1; i <= stores; ++i)
    add(store(i), SiteKind::store, {head, warehouse, store(i % stores + 1)}, {head, warehouse});
  return file;
}

// `signers` are words of root keys: "root-1".
inline std::string sign_as_root(const ChainFile& file, const std::vector<std::string>& signers = {"root-1", "root-2"}) {
  journal::Note note{canonical_text(file), {}};
  for (const std::string& word : signers) {
    const TestKey key(word);
    journal::sign_note(note, root_key_name(file.chain, word), key.pub, key.signer());
  }
  return journal::to_text(note);
}
inline std::string sign_as_operations(const ChainFile& file, std::string_view root_signed_note) {
  journal::Note note{canonical_text(file), {}};
  const TestKey key("operations");
  journal::sign_note(note, operations_key_name(file.chain), key.pub, key.signer());
  return join_within(journal::to_text(note), root_signed_note);
}
inline Certificate make_certificate(const ChainFile& file, std::string_view site, std::uint32_t epoch, Instant issued,
                                    std::optional<std::pair<Origin, std::uint64_t>> clean_point = {},
                                    const std::vector<std::string>& signers = {"recovery-1", "recovery-3"}) {
  Certificate c{file.chain, SiteName(site), epoch, site_keys(site, epoch), std::move(clean_point), issued, {}};
  journal::Note note{certificate_text(c), {}};
  for (const std::string& word : signers) {
    const TestKey key(word);
    journal::sign_note(note, recovery_key_name(file.chain, word), key.pub, key.signer());
  }
  c.note = journal::to_text(note);
  return c;
}

// `text` with the byte at i changed in one bit, made a blank, and made a line end (or no longer one).
inline std::vector<std::string> damaged_at(const std::string& text, std::size_t i) {
  std::vector<std::string> out(3, text);
  out[0][i] = static_cast<char>(text[i] ^ 1);
  out[1][i] = text[i] == ' ' ? '\t' : ' ';
  out[2][i] = text[i] == '\n' ? 'x' : '\n';
  return out;
}

}  // namespace holdfast::chain::testing
