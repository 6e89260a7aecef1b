#include "edge/keys/file_signer.h"

#include <fmt/format.h>

#include "edge/keys/private_files.h"

namespace holdfast::keys {

Result<std::unique_ptr<FileSigner>> FileSigner::open(const std::string& data_directory, const SiteName& site) {
  const std::string directory = data_directory + "/keys";
  HF_TRY_VOID(check_private_directory(directory));
  std::unique_ptr<FileSigner> signer(new FileSigner);
  const std::pair<Use, PrivateKey*> all[] = {{Use::log, &signer->log_},
                                             {Use::cosign, &signer->cosign_},
                                             {Use::tls, &signer->tls_},
                                             {Use::sealing, &signer->sealing_}};
  for (const auto& [use, key] : all) {
    HF_TRY(*key, read_key(fmt::format("{}/{}.key", directory, to_text(use)), use));
    if (key->holder != site.view())
      return fail("keys/wrong_site",
                  fmt::format("{}/{}.key is a key of {}, not of {}; give that site's own data directory", directory,
                              to_text(use), key->holder, site.view()));
  }
  return signer;
}

const PrivateKey& FileSigner::key(KeyUse use) const {
  switch (use) {
    case KeyUse::log:
      return log_;
    case KeyUse::cosign:
      return cosign_;
    case KeyUse::tls:
      return tls_;
    case KeyUse::sealing:
      return sealing_;
  }
  HF_CHECK(false, "key use {}", static_cast<int>(use));
}

Signature FileSigner::sign(KeyUse use, ByteView message) {
  HF_CHECK(use == KeyUse::log || use == KeyUse::cosign, "key use {} signs no message", static_cast<int>(use));
  return key(use).sign(message);
}

PublicKey FileSigner::public_key(KeyUse use) { return key(use).pub; }

chain::SiteKeys FileSigner::public_keys() const { return {log_.pub, cosign_.pub, tls_.pub, sealing_.pub}; }

}  // namespace holdfast::keys
