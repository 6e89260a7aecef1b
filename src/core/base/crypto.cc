// OpenSSL 3 marks SHA256_Init/Update/Final as deprecated in favour of EVP, which costs a fifth more per small message
// (../docs/performance: 1.9 against 2.45 million entries a second); they are kept for that reason, in this file alone.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/base/crypto.h"

#include <nmmintrin.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <boost/crc.hpp>

namespace holdfast {
namespace {

Hash finish(SHA256_CTX& context) {
  Hash out;
  SHA256_Final(reinterpret_cast<unsigned char*>(out.data()), &context);
  return out;
}

SHA256_CTX begin() {
  SHA256_CTX context;
  SHA256_Init(&context);
  return context;
}

}  // namespace

Hash sha256(ByteView bytes) {
  SHA256_CTX context = begin();
  SHA256_Update(&context, bytes.data(), bytes.size());
  return finish(context);
}

Hash sha256(ByteView first, ByteView second) {
  SHA256_CTX context = begin();
  SHA256_Update(&context, first.data(), first.size());
  SHA256_Update(&context, second.data(), second.size());
  return finish(context);
}

Hash leaf_hash(ByteView entry) {
  const unsigned char prefix = 0;
  SHA256_CTX context = begin();
  SHA256_Update(&context, &prefix, 1);
  SHA256_Update(&context, entry.data(), entry.size());
  return finish(context);
}

Hash node_hash(const Hash& left, const Hash& right) {
  unsigned char block[65];
  block[0] = 1;
  std::memcpy(block + 1, left.data(), 32);
  std::memcpy(block + 33, right.data(), 32);
  SHA256_CTX context = begin();
  SHA256_Update(&context, block, sizeof block);
  return finish(context);
}

bool ed25519_verify(const PublicKey& key, ByteView message, const Signature& signature) {
  return crypto_sign_ed25519_verify_detached(reinterpret_cast<const unsigned char*>(signature.data()),
                                             reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                             reinterpret_cast<const unsigned char*>(key.data())) == 0;
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t start) {
  std::uint64_t crc = ~start;
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    crc = _mm_crc32_u64(crc, word);
    bytes = bytes.subspan(8);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (std::byte b : bytes) rest = _mm_crc32_u8(rest, std::to_integer<unsigned char>(b));
  return ~rest;
}

std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t start) {
  // Boost keeps the register unreflected between calls, so a continued sum starts from the reflected complement.
  auto reflect = [](std::uint32_t v) {
    std::uint32_t out = 0;
    for (int i = 0; i < 32; ++i) out = out << 1 | (v >> i & 1u);
    return out;
  };
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc(reflect(~start));
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

}  // namespace holdfast
