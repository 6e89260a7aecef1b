// The three primitives that bytes on disk depend on: SHA-256, Ed25519 and CRC32C.
//
// Thread: every function is pure and may be called from any thread.
// Source: FIPS 180-4 (OpenSSL), RFC 8032 (libsodium), RFC 3720 appendix B.4 (CRC32C; SSE4.2, Boost.CRC elsewhere).
#pragma once

#include "core/base/bytes.h"

namespace holdfast {

using Hash = ByteArray<32>;
using PublicKey = ByteArray<32>;
using Signature = ByteArray<64>;

Hash sha256(ByteView bytes);
Hash sha256(ByteView first, ByteView second);
// RFC 6962 section 2.1: SHA-256(0x00 || entry) and SHA-256(0x01 || left || right).
Hash leaf_hash(ByteView entry);
Hash node_hash(const Hash& left, const Hash& right);

// libsodium's strict verification: rejects small-order keys, non-canonical S and R. No cofactor.
bool ed25519_verify(const PublicKey& key, ByteView message, const Signature& signature);

std::uint32_t crc32c(ByteView bytes, std::uint32_t start = 0);
std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t start = 0);

}  // namespace holdfast
