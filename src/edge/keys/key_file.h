// Private keys, one a file, mode 0600 in a directory of mode 0700; the other half is public.
//
// Shape:  three lines: "holdfast private key v1 <use> <holder>", "public <hex>", "seed <base64>". The holder is a site,
//         or the name of a root, recovery or operations key. File name: "<use>.key" for a site's, "<holder>.key"
//         otherwise. log, cosign, tls, root, recovery, operations: Ed25519 (RFC 8032 seed). sealing: X25519, from
//         libsodium's crypto_box_seed_keypair; Ed25519 keys are never converted, so that one use cannot weaken another.
// Errors: keys/bad_file: damaged or of another use. keys/exposed, keys/exists, keys/not_found, keys/failed as in
//         private_files.h.
// Source: protocol 9.2.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/chain/chain.h"
#include "edge/keys/secret.h"

namespace holdfast::keys {

enum class Use { log, cosign, tls, sealing, root, recovery, operations };
std::string_view to_text(Use use);
std::optional<Use> use_of(std::string_view text);

struct PrivateKey {
  Use use = Use::log;
  std::string holder;
  PublicKey pub{};
  Secret<32> seed;
  Secret<64> ed25519;  // seed || public, as libsodium signs with it; zero for sealing

  Signature sign(ByteView message) const;  // HF_CHECK: not a sealing key
};

// sodium_init(), once; HF_CHECK if the machine has no randomness.
void init_crypto();

PrivateKey make_key(Use use, std::string_view holder);
PrivateKey key_of_seed(Use use, std::string_view holder, std::span<const std::byte, 32> seed);
std::string key_file_name(const PrivateKey& key);
Status write_key(const std::string& directory, const PrivateKey& key);
// `expected`: keys/bad_file if the file holds a key of another use.
Result<PrivateKey> read_key(const std::string& path, Use expected);
// Every "*.key" of the directory with this use, by file name. keys/not_found if there is none.
Result<std::vector<PrivateKey>> read_keys(const std::string& directory, Use use);

// Anyone may seal to a site; only its sealing key opens (libsodium's sealed box: X25519, XSalsa20-Poly1305).
// keys/bad_key: of small order; no machine has made it, and anybody could open what is sealed to it.
Result<Bytes> seal_to(const PublicKey& sealing_key, ByteView message);
Result<Bytes> unseal(const PrivateKey& sealing_key, ByteView box);  // keys/bad_file: not for this key, or damaged

}  // namespace holdfast::keys
