// The store's own certificate authority, and the certificates that its machines show to tills' browsers.
//
// Shape:  DIR/store-ca/ca.key    ECDSA P-256, PKCS #8, 0600: of the store's node alone; a promoted spare gets it from
//                                under the promotion code (machine.h, StoreCopy), and never has it before
//         DIR/store-ca/ca.crt    self-signed, 10 years; what a device trusts, for web servers alone. Critical: CA with
//                                path length 0, keyCertSign, and name constraints: addresses of private networks, names
//                                below local, internal, lan, home.arpa and localhost, and what `tills` named at its
//                                making
//         DIR/store-tls/tls.key  ECDSA P-256 of this machine, 0600
//         DIR/store-tls/tls.crt  its leaf and ca.crt: 397 days, serverAuth, the names below
//         Leaves are made anew when half of their time is over, or the names are others. None outlasts the authority.
//         A name is an IP address or a DNS name in lower case.
// Errors: tills/bad_name, tills/name_outside (the authority may not sign this name: browsers would refuse it),
//         tills/clock (it does not hold at the time that this machine's clock says), tills/bad_certificate,
//         tills/failed (OpenSSL's words), keys/*, base/disk_*.
// Thread: one at a time.
// Source: RFC 5280 4.2, RFC 6125; CA/Browser Forum 6.3.2 and Apple HT210176 (how long a leaf may last; both refuse
//         more, and no browser takes Ed25519).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/values.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace holdfast::tills {

inline constexpr std::string_view ca_key_path = "store-ca/ca.key", ca_certificate_path = "store-ca/ca.crt";
inline constexpr std::string_view tls_key_path = "store-tls/tls.key", tls_certificate_path = "store-tls/tls.crt";
inline constexpr std::size_t pem_bytes_max = 16u << 10;
// What a person does to get a new authority, at the end of a sentence.
inline constexpr std::string_view new_authority_takes =
    "move store-ca and store-tls/tls.crt away on the node, start it again, and install the new certificate on every "
    "till";

Status check_name(std::string_view name);                       // tills/bad_name
bool is_same_name(const std::string& a, const std::string& b);  // one address may be written in many ways

struct Authority {
  std::string key, certificate;  // PEM
};
// Made where it is missing, but not while the clock is surely wrong (tills/clock; nothing is written then). `names`: of
// this store's machines, beyond the private ranges.
Result<Authority> open_authority(const std::string& directory, std::string_view site,
                                 const std::vector<std::string>& names, Instant now);
// Puts one that came from elsewhere in place; an existing one stays.
Status keep_authority(const std::string& directory, const Authority& authority);

// This machine's key, made where it is missing, and its public half as PEM.
struct MachineKey {
  std::string key, public_key;
};
Result<MachineKey> open_machine_key(const std::string& directory);

// A leaf for `public_key` (PEM), followed by the authority's certificate. It is verified against the authority as a
// browser does it before it is given out.
Result<std::string> issue(const Authority& authority, const std::string& public_key,
                          const std::vector<std::string>& names, Instant now);
// Whether it can be read and is for this key and these names, whatever the time.
bool is_for(const std::string& leaf_and_authority, const std::string& public_key,
            const std::vector<std::string>& names);
// Whether a machine should ask for another leaf: none, for other names or another key, or half of its time is over.
bool is_due(const std::string& leaf_and_authority, const std::string& public_key, const std::vector<std::string>& names,
            Instant now);
// The part of a leaf file that devices install (PEM); tills/bad_certificate.
Result<std::string> authority_of(const std::string& leaf_and_authority);
// SHA-256 over the certificate as devices show it: "3F:A2:...".
Result<std::string> fingerprint(const std::string& certificate);
struct Validity {
  Instant from, to;  // both belong to it
};
Result<Validity> validity_of(const std::string& certificate);  // the first one in a file
// Whether all certificates of a file hold at `now`; tills/clock says which one does not, and from when to when it does.
Status check_dates(const std::string& leaf_and_authority, Instant now);

// TLS 1.3 alone (every browser since 2019), ALPN http/1.1, no tickets, no client certificates.
Result<std::shared_ptr<SSL_CTX>> server_context(const std::string& key, const std::string& leaf_and_authority);

}  // namespace holdfast::tills
