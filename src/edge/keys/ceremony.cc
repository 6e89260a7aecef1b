#include "edge/keys/ceremony.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "edge/keys/issued_epochs.h"
#include "edge/keys/private_files.h"

namespace holdfast::keys {
namespace {

Result<chain::KeySet> make_key_set(const std::string& directory, Use use, KeyCount count, bool together) {
  chain::KeySet set;
  set.needed = count.needed;
  for (unsigned i = 1; i <= count.made; ++i) {
    const PrivateKey key = make_key(use, fmt::format("{}-{}", to_text(use), i));
    HF_TRY_VOID(write_key(fmt::format("{}/{}", directory, together ? std::string(to_text(use)) : key.holder), key));
    set.keys.emplace_back(key.holder, key.pub);
  }
  return set;
}

Status check_count(std::string_view what, KeyCount count) {
  if (count.made >= 1 && count.made <= 16 && count.needed <= count.made && 2 * count.needed > count.made) return {};
  return fail("keys/bad_count",
              fmt::format("{} keys: {} of {} cannot be; make 1 to 16 and need more than half of them, like 2/3", what,
                          count.needed, count.made));
}

bool names(const chain::KeySet& set, const PrivateKey& key) {
  return std::ranges::find(set.keys, std::pair(key.holder, key.pub)) != set.keys.end();
}

// All keys of the folders, each once.
Result<std::vector<PrivateKey>> gather(const std::vector<std::string>& folders, Use use) {
  std::vector<PrivateKey> out;
  std::set<PublicKey> seen;
  for (const std::string& folder : folders) {
    HF_TRY(std::vector<PrivateKey> keys, read_keys(folder, use));
    for (PrivateKey& key : keys)
      if (seen.insert(key.pub).second) out.push_back(std::move(key));
  }
  return out;
}

Status check_enough(const chain::KeySet& set, const std::vector<PrivateKey>& keys, std::string_view option) {
  std::string missing;
  unsigned count = 0;
  for (const auto& [name, key] : set.keys) {
    if (std::ranges::any_of(keys, [&](const PrivateKey& k) { return k.holder == name && k.pub == key; }))
      ++count;
    else
      missing += (missing.empty() ? "" : ", ") + name;
  }
  if (count >= set.needed) return {};
  return fail("keys/too_few",
              fmt::format("{} of the {} keys that must sign are there; give more folders with {} (not given: {})",
                          count, set.needed, option, missing));
}

Status check_requests(const chain::ChainFile& file, const std::vector<CertificateRequest>& requests) {
  std::set<SiteName> seen;
  std::set<PublicKey> keys;
  for (const CertificateRequest& request : requests) {
    const SiteName& site = request.machine.site;
    const chain::SiteKeys& k = request.machine.keys;
    for (const PublicKey& key : {k.log, k.cosign, k.tls, k.sealing})
      if (!keys.insert(key).second)
        return fail(
            "keys/wrong_site",
            fmt::format("the request of {} has a key that another request has too; each machine makes its own keys",
                        site.view()));
    if (const auto sealed = seal_to(k.sealing, {}); !sealed)
      return fail(sealed.error().code, fmt::format("the request of {}: {}", site.view(), sealed.error().text));
    if (file.find(site) == nullptr)
      return fail("keys/wrong_site",
                  fmt::format("the chain file names no site {}; take the newest chain file", site.view()));
    if (!seen.insert(site).second)
      return fail("keys/wrong_site", fmt::format("two requests are for {}; a site has one new machine", site.view()));
  }
  return {};
}

// Each once, by its real path: the same folder under two names would wait for its own lock.
Result<std::vector<IssuedEpochs>> open_memories(const std::vector<std::string>& recovery_key_folders) {
  std::set<std::string> folders;
  for (const std::string& folder : recovery_key_folders) {
    std::error_code error;
    folders.insert(std::filesystem::canonical(folder, error).string());
    if (error) return fail("keys/failed", fmt::format("cannot enter {}: {}", folder, error.message()));
  }
  std::vector<IssuedEpochs> out;
  for (const std::string& folder : folders) {
    HF_TRY(IssuedEpochs memory, IssuedEpochs::open(folder));
    out.push_back(std::move(memory));
  }
  return out;
}

// What the root keys themselves have named: new recovery keys remember nothing of what those before them gave out.
std::uint32_t newest_named(const chain::ChainFile& file, const IssueOptions& options, const SiteName& site) {
  std::uint32_t newest = 1;
  for (const auto& [name, epoch] : options.revoked_by_root)
    if (name == site) newest = std::max(newest, epoch);
  for (const chain::Certified& c : file.certified)
    if (c.site == site) newest = std::max(newest, c.epoch);
  return newest;
}

chain::Certificate sign_certificate(const chain::ChainFile& file, chain::Certificate certificate,
                                    const std::vector<PrivateKey>& keys) {
  journal::Note note{chain::certificate_text(certificate), {}};
  for (const PrivateKey& key : keys)
    journal::sign_note(note, chain::recovery_key_name(file.chain, key.holder), key.pub,
                       [&](ByteView m) { return key.sign(m); });
  certificate.note = journal::to_text(note);
  return certificate;
}

}  // namespace

Result<chain::Authority> make_authority(const std::string& directory, const AuthorityOptions& options) {
  HF_TRY_VOID(check_count("root", options.root));
  HF_TRY_VOID(check_count("recovery", options.recovery));
  HF_TRY_VOID(check_missing_or_empty(directory));
  HF_TRY_VOID(make_private_directory(directory));
  chain::Authority authority;
  HF_TRY(authority.root, make_key_set(directory, Use::root, options.root, options.together));
  HF_TRY(authority.recovery, make_key_set(directory, Use::recovery, options.recovery, options.together));
  if (options.with_operations) {
    const PrivateKey key = make_key(Use::operations, "operations");
    HF_TRY_VOID(write_key(directory + "/operations", key));
    authority.operations = key.pub;
  }
  HF_TRY_VOID(create_public_file(directory + "/authority.pub.toml", chain::authority_text(authority)));
  return authority;
}

Result<std::string> sign_chain_file(const chain::ChainFile& file, const std::vector<std::string>& root_key_folders) {
  HF_TRY_VOID(chain::check_rules(file));
  HF_TRY(const std::vector<PrivateKey> keys, gather(root_key_folders, Use::root));
  for (const PrivateKey& key : keys)
    if (!names(file.root, key) && !(file.former_root && names(*file.former_root, key)))
      return fail("keys/wrong_site",
                  fmt::format("the key {} is not a root key of this chain; leave its folder out", key.holder));
  HF_TRY_VOID(check_enough(file.root, keys, "--root-keys"));
  journal::Note note{chain::canonical_text(file), {}};
  for (const PrivateKey& key : keys)
    journal::sign_note(note, chain::root_key_name(file.chain, key.holder), key.pub,
                       [&](ByteView m) { return key.sign(m); });
  return journal::to_text(note);
}

Result<std::string> sign_within(chain::ChainFile file, std::string_view root_signed_note,
                                const std::string& operations_key_folder) {
  HF_TRY(const chain::ChainFile base, chain::open_chain_file(root_signed_note));
  HF_TRY(const std::vector<PrivateKey> keys, read_keys(operations_key_folder, Use::operations));
  file.within = chain::within_of(base);
  journal::Note note{chain::canonical_text(file), {}};
  journal::sign_note(note, chain::operations_key_name(file.chain), keys.front().pub,
                     [&](ByteView m) { return keys.front().sign(m); });
  std::string out = chain::join_within(journal::to_text(note), root_signed_note);
  HF_TRY_VOID(chain::open_chain_file(out));
  return out;
}

Result<std::vector<Issued>> issue_certificates(const chain::ChainFile& file,
                                               const std::vector<std::string>& recovery_key_folders,
                                               const std::vector<CertificateRequest>& requests,
                                               const IssueOptions& options) {
  HF_TRY_VOID(check_requests(file, requests));
  HF_TRY(const std::vector<PrivateKey> keys, gather(recovery_key_folders, Use::recovery));
  for (const PrivateKey& key : keys)
    if (!names(file.recovery, key))
      return fail("keys/wrong_site",
                  fmt::format("the key {} is not a recovery key of this chain; leave its folder out", key.holder));
  HF_TRY_VOID(check_enough(file.recovery, keys, "--keys"));
  HF_TRY(std::vector<IssuedEpochs> memories, open_memories(recovery_key_folders));
  std::vector<Issued> out;
  std::vector<std::pair<SiteName, std::uint32_t>> epochs;
  for (const CertificateRequest& request : requests) {
    const SiteName& site = request.machine.site;
    std::uint32_t newest = newest_named(file, options, site);
    for (const IssuedEpochs& memory : memories) newest = std::max(newest, memory.newest(file.chain, site));
    if (!options.epoch && newest >= chain::epochs_max)
      return fail("keys/epoch_taken",
                  fmt::format("{} has no epoch numbers left; look into issued-epochs, and into [[certified]] and "
                              "[[revoked]] of the chain file, by hand",
                              site.view()));
    std::uint32_t epoch = options.epoch.value_or(newest + 1);
    while (!options.epoch && file.is_revoked(site, epoch)) ++epoch;
    if (epoch <= newest)
      return fail("keys/epoch_taken",
                  fmt::format("epoch {} of {} may not be given out: epoch {} was, and each number counts once; use "
                              "--epoch auto or a higher number",
                              epoch, site.view(), newest));
    chain::Certificate certificate{file.chain,          site,        epoch, request.machine.keys,
                                   request.clean_point, options.now, {},    options.spares};
    certificate = sign_certificate(file, std::move(certificate), keys);
    HF_TRY_VOID(chain::open_unrevoked_certificate(file, certificate.note));  // what no mirror would take is not issued
    epochs.emplace_back(site, epoch);
    out.push_back({std::move(certificate), make_enrolment(site, epoch, options.managers)});
  }
  for (IssuedEpochs& memory : memories) HF_TRY_VOID(memory.remember(file.chain, epochs, options.now));
  return out;
}

}  // namespace holdfast::keys
