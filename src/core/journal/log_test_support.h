// What the tests of this room share: a key, signed checkpoints, a journal's whole content.
#pragma once

#include <gtest/gtest.h>
#include <sodium.h>

#include "core/journal/log.h"
#include "core/journal/note.h"

namespace holdfast::journal {

struct TestKey {
  PublicKey open{};
  ByteArray<64> secret{};
  explicit TestKey(unsigned char seed_byte = 1) {
    ByteArray<32> seed;
    seed.fill(std::byte{seed_byte});
    crypto_sign_ed25519_seed_keypair(reinterpret_cast<unsigned char*>(open.data()),
                                     reinterpret_cast<unsigned char*>(secret.data()),
                                     reinterpret_cast<const unsigned char*>(seed.data()));
  }
  SignFunction signer() const {
    return [this](ByteView message) {
      Signature s;
      crypto_sign_ed25519_detached(reinterpret_cast<unsigned char*>(s.data()), nullptr,
                                   reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                   reinterpret_cast<const unsigned char*>(secret.data()));
      return s;
    };
  }
};

// A leaf of a tree that is made of numbers.
inline Hash leaf(std::uint64_t i) {
  Writer w;
  w.u64(i);
  return leaf_hash(w.view());
}

inline Origin test_origin(std::uint32_t epoch = 1) { return {"holdfast.example/acme", SiteName("store-07"), epoch}; }

inline std::string signed_note(const Origin& origin, std::uint64_t size, const Hash& root) {
  const TestKey key;
  return to_text(sign_checkpoint({origin, size, root}, key.open, key.signer()).note);
}
inline std::string signed_note(Log& log, std::uint64_t size) {
  return signed_note(log.origin(), size, *log.root_at(size));
}

inline Hash root_of(std::span<const std::string> entries) {
  Tree tree;
  for (const std::string& e : entries) tree.append(leaf_hash(as_bytes(e)));
  return tree.root();
}

inline Result<std::vector<std::string>> content(Log& log) {
  std::vector<std::string> out;
  HF_TRY_VOID(log.scan(0, log.size(), [&out](EntryIndex index, ByteView body) -> Status {
    HF_CHECK(index == out.size(), "{}", index);
    out.emplace_back(as_text(body));
    return {};
  }));
  return out;
}
inline std::vector<std::pair<EntryIndex, std::string>> aside(Log& log) {
  std::vector<std::pair<EntryIndex, std::string>> out;
  const Status all = log.scan_aside([&out](EntryIndex index, ByteView body) -> Status {
    out.emplace_back(index, as_text(body));
    return {};
  });
  EXPECT_TRUE(all.has_value()) << (all ? "" : all.error().text);
  return out;
}

}  // namespace holdfast::journal
