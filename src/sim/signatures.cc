#include "sim/signatures.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace holdfast::sim {
namespace {

constexpr std::string_view stand_in_mark = "a simulation's stand-in, no key ";  // as long as half a signature
static_assert(stand_in_mark.size() == 32);
constexpr std::string_view stand_in_secret = "known to the simulator alone";

const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

Signature stand_in(const PublicKey& key, ByteView message) {
  Bytes keyed(stand_in_secret.size() + key.size());
  std::memcpy(keyed.data(), stand_in_secret.data(), stand_in_secret.size());
  std::memcpy(keyed.data() + stand_in_secret.size(), key.data(), key.size());
  const Hash hash = sha256(keyed, message);
  Signature out;
  std::memcpy(out.data(), hash.data(), 32);
  std::memcpy(out.data() + 32, stand_in_mark.data(), 32);
  return out;
}

}  // namespace

std::string_view to_text(Signatures how) { return how == Signatures::real ? "Ed25519" : "a keyed hash for Ed25519"; }

KeyPair draw_keys(Random& random) {
  ByteArray<32> seed;
  for (std::byte& b : seed) b = static_cast<std::byte>(random.next());
  KeyPair out;
  crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(out.open.data()),
                           reinterpret_cast<unsigned char*>(out.secret.data()), raw(seed.data()));
  return out;
}

Signature sign_with(const KeyPair& keys, Signatures how, ByteView message) {
  if (how == Signatures::stand_in) return stand_in(keys.open, message);
  Signature out;
  crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr, raw(message.data()), message.size(),
                       raw(keys.secret.data()));
  return out;
}

}  // namespace holdfast::sim

// The linker gives these names: every call of libsodium's verification comes here, from core and from the auditor.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" {
int __real_crypto_sign_ed25519_verify_detached(const unsigned char* signature, const unsigned char* message,
                                               unsigned long long size, const unsigned char* key);
int __wrap_crypto_sign_ed25519_verify_detached(const unsigned char* signature, const unsigned char* message,
                                               unsigned long long size, const unsigned char* key);

int __wrap_crypto_sign_ed25519_verify_detached(const unsigned char* signature, const unsigned char* message,
                                               unsigned long long size, const unsigned char* key) {
  namespace sim = holdfast::sim;
  if (std::memcmp(signature + 32, sim::stand_in_mark.data(), 32) != 0)
    return __real_crypto_sign_ed25519_verify_detached(signature, message, size, key);
  holdfast::PublicKey open;
  std::memcpy(open.data(), key, open.size());
  const auto expected = sim::stand_in(open, {reinterpret_cast<const std::byte*>(message), size});
  return std::memcmp(expected.data(), signature, expected.size()) == 0 ? 0 : -1;
}
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
