// What is done with root, recovery and operations keys, offline: making them, signing the chain file, issuing
// certificates.
//
// Shape:  each key is made into a folder of its own, meant for a medium of its own (protocol 9.2). A recovery folder
//         also holds "issued-epochs", which remembers the epoch numbers its key has signed: each is given out once
//         (5.1). Since 2k > n, two ceremonies share a folder, and so a memory. One without it has never signed, or
//         is a copy from before it did: only a person knows which.
// Errors: keys/epoch_taken: the number, or a higher one, was given out. keys/too_few: which keys are missing.
//         Otherwise as in key_file.h and chain.h.
#pragma once

#include <string>
#include <vector>

#include "core/chain/chain.h"
#include "edge/keys/enrolment.h"
#include "edge/keys/key_file.h"

namespace holdfast::keys {

struct KeyCount {
  unsigned needed = 2, made = 3;
};
// Makes DIR/root-1 …, DIR/recovery-1 …, DIR/operations and DIR/authority.pub.toml. With `together`, which only a demo
// uses: DIR/root, DIR/recovery and DIR/operations.
struct AuthorityOptions {
  KeyCount root, recovery;
  bool with_operations = true;
  bool together = false;
};
Result<chain::Authority> make_authority(const std::string& directory, const AuthorityOptions& options);

// Signs with every root key found in the folders; they must be enough, and all named in the file (or as former roots).
Result<std::string> sign_chain_file(const chain::ChainFile& file, const std::vector<std::string>& root_key_folders);
// `file.within` is set from `root_signed_note`, which goes along.
Result<std::string> sign_within(chain::ChainFile file, std::string_view root_signed_note,
                                const std::string& operations_key_folder);

struct CertificateRequest {
  chain::PublicKeysFile machine;
  std::optional<std::pair<Origin, std::uint64_t>> clean_point;
};
struct IssueOptions {
  std::optional<std::uint32_t>
      epoch;              // nullopt: for each site one more than any that these folders remember, at least 2
  unsigned managers = 1;  // enrolment codes for each site
  Instant now;
  bool spares = false;  // certificates signed beforehand (protocol 10.2): what is kept is what the spare has
  // By the root keys: numbers are given out behind these. One that an operations key revoked is stepped over only, or
  // it could use up all of them.
  std::vector<std::pair<SiteName, std::uint32_t>> revoked_by_root = {};
};
struct Issued {
  chain::Certificate certificate;
  NewEnrolment enrolment;
};
// The epochs are remembered, durably, in every folder before a certificate is handed out; a failure after that burns
// them.
Result<std::vector<Issued>> issue_certificates(const chain::ChainFile& file,
                                               const std::vector<std::string>& recovery_key_folders,
                                               const std::vector<CertificateRequest>& requests,
                                               const IssueOptions& options);

}  // namespace holdfast::keys
