// The data directory of a spare (protocol 10): a site's, but for the keys that lie under the promotion code.
//
// Shape:  DIR/holdfast-site, DIR/NAME.pub.toml   as of a site
//         DIR/keys/tls.key                       in clear: it calls the store's node with it, and opens nothing else
//         DIR/keys/promotion.sealed              log, cosigning and sealing keys, sealed to the code
//         DIR/chain.hfc, DIR/certificate.note    put there by adopt_spare()
//         DIR/journals, DIR/copy, DIR/spare.*    the copy (core/node/spare_copy.h)
//         promote_directory() adds the three key files and the credential store. keys/log.key is written last: with it
//         the directory is a node's, and `holdfast serve` opens it.
// Errors: keys/mistyped_code, keys/wrong_code (promotion_code.h); keys/wrong_site; otherwise as data_directory.h.
// After:  a promotion that failed or was interrupted is done again with the code; one that was done changes nothing.
#pragma once

#include <string>

#include "core/base/world.h"
#include "core/chain/chain.h"

namespace holdfast::keys {

struct NewSpare {
  chain::PublicKeysFile keys;
  std::string code;  // for the paper; it is nowhere else, but in code_file
};
// code_file: gets "SITE CODE", durable before anything is sealed to the code; empty: none. After a failure it is not
// there.
Result<NewSpare> make_spare_directory(const std::string& directory, const SiteName& site,
                                      const std::string& code_file = {});
bool is_spare_directory(const std::string& directory);  // promoted or not
bool is_promoted(const std::string& directory);

// Both checked against the keys made here, and put in place. A newer chain file alone: `certificate` empty.
Status adopt_spare(const std::string& directory, std::string_view chain_text, std::string_view certificate_note);

struct Promoted {
  bool has_people = false;    // the credential store came along
  bool was_promoted = false;  // before: nothing was changed, and least of all the people of today
};
// What whoever types the code is told where the copy cannot be opened (protocol 13.116): spare/not_ready. Before it.
Error not_ready(std::string_view why);
Result<Promoted> promote_directory(const std::string& directory, std::string_view typed_code, Entropy& entropy);

}  // namespace holdfast::keys
