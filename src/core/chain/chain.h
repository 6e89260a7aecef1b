// The chain file: the whole company as one signed, versioned text; and the certificates made with recovery keys.
//
// Shape:  a C2SP signed note whose text is canonical TOML (docs/chain-file.md), signed by k of n root keys.
// Errors: chain/bad_file: says line and what to write. chain/bad_signature: fewer than k root keys have signed.
//         chain/older: not newer than the known one. chain/too_wide: an operations key opened what only roots may.
//         chain/bad_certificate, chain/bad_registration.
// Source: protocol 5.1, 5.2, 9.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"
#include "core/journal/note.h"

namespace holdfast::chain {

enum class SiteKind { head_office, warehouse, store, web_shop, desk };
std::string_view to_text(SiteKind kind);  // "head-office"

struct SiteKeys {
  PublicKey log{};
  PublicKey cosign{};
  PublicKey tls{};
  PublicKey sealing{};
  bool operator==(const SiteKeys&) const = default;
};
struct Site {
  SiteName name;
  SiteKind kind = SiteKind::store;
  std::string link_address;         // host:port where peers reach its node
  SiteKeys keys;                    // of epoch 1; later epochs bring theirs in a certificate
  std::vector<SiteName> mirrors;    // of its journal; n of them
  std::vector<SiteName> follows;    // whose journals it takes into its decisions
};
struct VatRate {
  VatCode code;
  std::string name;
  std::int64_t millionths = 0;  // 20 % = 200000
};
struct Bounds {                     // protocol 4.4, 7.6
  std::int64_t price_change_percent_max = 50;     // of one product by one followed entry; beyond, a manager decides
  std::uint64_t mirror_bytes_a_day = 4ull << 30;  // of one origin at one mirror
  std::uint64_t mirror_entries_a_day = 20'000'000;
};
struct KeySet {  // k of n
  unsigned needed = 1;
  std::vector<std::pair<std::string, PublicKey>> keys;  // name, key
};
struct ChainFile {
  std::string chain;                // "holdfast.example/acme"
  std::uint64_t version = 1;
  Currency currency;
  std::vector<std::string> languages;
  std::vector<VatRate> vat_rates;
  Bounds bounds;
  unsigned quorum = 2;              // q: 2q > n + f
  unsigned lying_mirrors = 0;       // f
  KeySet root, recovery;
  std::optional<PublicKey> operations;
  std::vector<Site> sites;          // in the order of the file; of two linked sites the later one dials

  const Site* find(const SiteName& name) const;
  const VatRate* vat(const VatCode& code) const;
  // n - q + f + 1 for that site's journal (protocol, preamble).
  unsigned honest_any(const Site& site) const;
  bool is_mirror(const SiteName& mirror, const SiteName& owner) const;
  bool follows(const SiteName& follower, const SiteName& owner) const;
  // True if the chain file names any feed between the two: mirror either way, follow either way, or mirrors of one journal.
  bool linked(const SiteName& a, const SiteName& b) const;
};

// The canonical text and its inverse, with every rule checked (mirrors exist, q fits, names unique, VAT codes …).
std::string canonical_text(const ChainFile& file);
Result<ChainFile> parse_chain_text(std::string_view text);
// A whole signed file: parse, then at least k of its root keys must have signed.
Result<ChainFile> open_chain_file(std::string_view note);
// Whether `next` may replace `known` (protocol 9.1): newer, same chain, signed by k of KNOWN's roots (a root change needs
// both), or by the operations key alone if it only narrows links and limits.
Result<ChainFile> open_successor(const ChainFile& known, std::string_view note);

// Protocol 5.1. Signed by k recovery keys of the chain file.
struct Certificate {
  std::string chain;
  SiteName site;
  std::uint32_t epoch = 0;   // >= 2
  SiteKeys keys;             // of the new machine
  std::optional<std::pair<Origin, std::uint64_t>> clean_point;  // nullopt: "longest"
  Instant issued;
  std::string note;          // the whole signed text
  Origin origin() const { return {chain, site, epoch}; }
};
std::string certificate_text(const Certificate& unsigned_certificate);  // what the recovery keys sign
Result<Certificate> open_certificate(const ChainFile& file, std::string_view note);

// Protocol 5.2. Signed by the new log key under the name of the new origin.
struct Registration {
  Certificate certificate;
  Origin old_origin;
  std::uint64_t kept_size = 0;
  Hash kept_root{};
  std::string note;          // the whole signed text
};
Registration make_registration(const Certificate& certificate, const Origin& old_origin, std::uint64_t kept_size,
                               const Hash& kept_root, const journal::SignFunction& sign_with_new_log_key);
Result<Registration> open_registration(const ChainFile& file, std::string_view note);
// Without the recovery keys at hand (events already in a journal were checked when they were taken): shape only.
Result<Registration> parse_registration(std::string_view note);

// What `site keygen` hands out and `recovery sign` takes in: public keys of one machine, readable text.
struct PublicKeysFile {
  SiteName site;
  SiteKeys keys;
};
std::string public_keys_text(const PublicKeysFile& file);
Result<PublicKeysFile> parse_public_keys(std::string_view text);

}  // namespace holdfast::chain
