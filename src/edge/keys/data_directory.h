// A node's data directory as `holdfast site keygen` makes it, and the chain file in it.
//
// Shape:  DIR/holdfast-site       "holdfast site v1\nsite store-07\n": whose directory it is; written last
//         DIR/keys/{log,cosign,tls,sealing}.key, mode 0600 in 0700
//         DIR/store-07.pub.toml   what is handed out
//         DIR/store-07.enrolment  enrolment.h
//         DIR/chain.hfc           the signed chain file; `holdfast site adopt` replaces it
//         DIR/certificate.note    of a rebuilt machine (protocol 5.1); its keys are then those of the certificate
// Errors: keys/wrong_site: another site's directory. keys/not_found: no data directory. edge/not_owner: another
//         user's. Otherwise as in key_file.h.
#pragma once

#include <string>

#include "core/chain/chain.h"
#include "edge/keys/enrolment.h"

namespace holdfast::keys {

inline constexpr std::string_view site_marker_name = "holdfast-site";

// Makes keys and directory; DIR must be missing or empty. After: a failure leaves a directory without a marker.
Result<chain::PublicKeysFile> make_site_directory(const std::string& directory, const SiteName& site);
Result<SiteName> read_site_marker(const std::string& directory);
// Writes DIR/<site>.enrolment; keys/exists if one is there.
Status write_enrolment(const std::string& directory, const Enrolment& enrolment);
Result<Enrolment> read_enrolment(const std::string& directory, const SiteName& site);

struct Adopted {
  chain::ChainFile file;
  bool is_new = true;                 // false: this very file was there already
  std::vector<std::string> openings;  // against the one before
};
// Checks the signed text against the keys in DIR and the chain file already there, and puts it in place, whole or not
// at all. `goes_by`: certificates that count here already; to name them opens nothing. Errors besides those of chain.h:
// keys/wrong_site: the file does not name this site with these keys; keys/sealed; keys/damaged: what lies there.
Result<Adopted> adopt_chain_file(const std::string& directory, std::string_view signed_text,
                                 const std::vector<chain::Certified>& goes_by = {});
// The chain file in place, opened. keys/not_found says to adopt one.
Result<chain::ChainFile> read_chain_file(const std::string& directory);

}  // namespace holdfast::keys
