// A site's own private keys, from DIR/keys; they never leave it.
//
// Errors: keys/wrong_site: the keys are another site's. Otherwise as in key_file.h.
// Thread: const after open; sign() from any thread.
#pragma once

#include <memory>

#include "core/base/world.h"
#include "edge/keys/key_file.h"

namespace holdfast::keys {

class FileSigner final : public Signer {
 public:
  static Result<std::unique_ptr<FileSigner>> open(const std::string& data_directory, const SiteName& site);

  Signature sign(KeyUse use, ByteView message) override;  // HF_CHECK: log and cosign only
  PublicKey public_key(KeyUse use) override;
  chain::SiteKeys public_keys() const;
  // RFC 8032 private key of the TLS certificate, for edge/net alone.
  const ByteArray<32>& tls_seed() const { return tls_.seed.bytes(); }

 private:
  FileSigner() = default;
  const PrivateKey& key(KeyUse use) const;
  PrivateKey log_, cosign_, tls_, sealing_;
};

}  // namespace holdfast::keys
