// The chain file: the whole company as one signed, versioned text; and the certificates made with recovery keys.
//
// Shape:  a C2SP signed note whose text is canonical TOML (docs/chain-file.md), signed by k of n root keys; or by the
//         operations key alone, and then the root-signed file in whose bounds it lies follows after a line of its own.
// Errors: chain/bad_file: says line and what to write. chain/bad_signature: fewer than k root keys have signed, or one
//         that the file does not name has. chain/older: not newer than the known one. chain/too_wide: a key changed
//         what it may not. chain/bad_certificate, chain/bad_registration.
// Thread: pure functions and values.
// Source: protocol 4.7, 5.1, 5.2, 9.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"
#include "core/journal/note.h"

namespace holdfast::chain {

// Hostile input is bounded: some 10,000 sites.
inline constexpr std::size_t chain_file_bytes_max = 8u << 20;
inline constexpr std::size_t sites_max = 10'000;
inline constexpr std::size_t certificate_bytes_max = 16u << 10;
inline constexpr std::uint64_t version_max = 1'000'000'000'000'000;
// So far an operations-signed file may be ahead of the root-signed one: nobody who has that key uses the numbers up.
inline constexpr std::uint64_t operations_versions_max = 1'000'000;
inline constexpr std::uint32_t epochs_max = 10'000;  // of a site; who looks for the newest counts up to it

enum class SiteKind { head_office, warehouse, store, web_shop, desk };
std::string_view to_text(SiteKind kind);  // "head-office"
std::optional<SiteKind> site_kind_of(std::string_view text);

struct SiteKeys {
  PublicKey log{};
  PublicKey cosign{};
  PublicKey tls{};
  PublicKey sealing{};  // X25519; the others are Ed25519
  bool operator==(const SiteKeys&) const = default;
};
struct Site {
  SiteName name;
  SiteKind kind = SiteKind::store;
  std::string link_address;       // host:port where peers reach its node
  SiteKeys keys;                  // of epoch 1; later epochs bring theirs in a certificate
  std::vector<SiteName> mirrors;  // of its journal; n of them
  std::vector<SiteName> follows;  // whose journals it takes into its decisions
  bool operator==(const Site&) const = default;
};
struct VatRate {
  VatCode code;
  std::string name;
  std::int64_t millionths = 0;  // 20 % = 200000
  bool operator==(const VatRate&) const = default;
};
struct Bounds {                                   // protocol 4.4, 7.6
  std::int64_t price_change_percent_max = 50;     // of one product by one followed entry; beyond, a manager decides
  std::uint64_t mirror_bytes_a_day = 4ull << 30;  // of one origin at one mirror
  std::uint64_t mirror_entries_a_day = 20'000'000;
  bool operator==(const Bounds&) const = default;
};
struct KeySet {  // k of n; 2k > n, so that two ceremonies have a key, and what its folder remembers, in common
  unsigned needed = 1;
  std::vector<std::pair<std::string, PublicKey>> keys;  // name, key
  bool operator==(const KeySet&) const = default;
};
// The root-signed file in whose bounds an operations-signed one lies.
struct Within {
  std::uint64_t version = 0;
  Hash text_hash{};  // SHA-256 of its canonical text
  bool operator==(const Within&) const = default;
};
// A certificate that counts by the root keys' word, whoever has signed it: recovery keys that were replaced since.
struct Certified {
  SiteName site;
  std::uint32_t epoch = 0;  // >= 2
  Hash note_hash{};         // SHA-256 of its whole text, signatures included
  bool operator==(const Certified&) const = default;
};
struct ChainFile {
  std::string chain;  // "holdfast.example/acme"
  std::uint64_t version = 1;
  Currency currency;
  std::vector<std::string> languages;
  std::vector<VatRate> vat_rates;
  Bounds bounds;
  unsigned quorum = 2;         // q: 2q > n + f
  unsigned lying_mirrors = 0;  // f
  KeySet root, recovery;
  std::optional<PublicKey> operations;
  std::optional<KeySet> former_root;  // what `root` has replaced: signs too, for those who know only the former file
  std::optional<Within> within;       // set: signed by the operations key
  std::vector<Site> sites;            // in the order of the file; of two linked sites the later one dials
  // Certificates that count no longer, by site and epoch: of a spare that was stolen (protocol 10.2).
  std::vector<std::pair<SiteName, std::uint32_t>> revoked = {};
  // By site and epoch, each number once: no other certificate counts for it.
  std::vector<Certified> certified = {};

  bool operator==(const ChainFile&) const;
  const Site* find(const SiteName& name) const;
  const VatRate* vat(const VatCode& code) const;
  bool is_revoked(const SiteName& site, std::uint32_t epoch) const;
  const Certified* find_certified(const SiteName& site, std::uint32_t epoch) const;
  // n - q + f + 1 for that site's journal (protocol, preamble).
  unsigned honest_any(const Site& site) const;
  bool is_mirror(const SiteName& mirror, const SiteName& owner) const;
  bool follows(const SiteName& follower, const SiteName& owner) const;
  // True if the chain file names any feed between the two: mirror or follow either way, or mirrors of one journal.
  bool linked(const SiteName& a, const SiteName& b) const;
};

// The canonical text and its inverse, with every rule checked (mirrors exist, q fits, names unique, VAT codes …).
// parse accepts comments and any layout; only a signed file must be canonical to the byte.
std::string canonical_text(const ChainFile& file);
Result<ChainFile> parse_chain_text(std::string_view text);

// What a person writes (test/data/chain.toml): the same text, in which version, keys and key sets may be missing.
// Every rule that needs no key is checked.
Result<ChainFile> parse_description(std::string_view text);
// What is wrong with a text, all of it, in the order of the lines; line 0: the file as a whole. Empty: nothing.
struct Problem {
  std::uint32_t line = 0;
  std::string text;  // a sentence with what to write instead
};
std::vector<Problem> problems_in_chain_text(std::string_view text);
std::vector<Problem> problems_in_description(std::string_view text);
// The same rules for a file put together in memory, before it is signed.
Status check_rules(const ChainFile& file);

// Names under which keys sign: "<chain>/root/<name>", "<chain>/recovery/<name>", "<chain>/operations/key".
std::string root_key_name(std::string_view chain, std::string_view name);
std::string recovery_key_name(std::string_view chain, std::string_view name);
std::string operations_key_name(std::string_view chain);

// A whole signed file: parse, then at least k of its root keys must have signed, and nobody it does not name.
// An operations-signed one: the root-signed file that follows it is opened in the same way, its operations key must
// have signed, and nothing may be wider than there.
Result<ChainFile> open_chain_file(std::string_view note);
// An operations-signed file as stored: its own note, then the root-signed one.
std::string join_within(std::string_view operations_signed_note, std::string_view root_signed_note);
// The root-signed note of a stored file (the whole of it, or the part after the line), and who it must be for `within`.
std::string_view root_signed_part(std::string_view note);
Within within_of(const ChainFile& root_signed);

// Whether `next` may replace `known` (protocol 9.1): newer, same chain, signed by k of KNOWN's roots (a root change
// needs both), or by the operations key alone if it only narrows links and limits against what the roots have signed
// last. chain/too_wide also for what no key may change in one step: the log key of a site (5.6), two mirrors of a
// journal (4.7), the currency.
Result<ChainFile> open_successor(const ChainFile& known, std::string_view note);
// What `next` opens that is not open in `known`: links, mirrors, sites, raised bounds, certificates; each a phrase
// ("store-02 follows web-shop"). A sealed site takes a successor only if there is none (protocol 9.1).
std::vector<std::string> openings(const ChainFile& known, const ChainFile& next);

// Protocol 5.1, 10.2. Signed by k recovery keys of the chain file: at a ceremony, or beforehand for a spare. What a
// spare keeps is what its registration names, and its epoch cosigns for nobody.
struct Certificate {
  std::string chain;
  SiteName site;
  std::uint32_t epoch = 0;  // >= 2
  SiteKeys keys;            // of the new machine; none of them named in the chain file
  std::optional<std::pair<Origin, std::uint64_t>> clean_point;  // nullopt: "longest"
  Instant issued;
  std::string note;    // the whole signed text
  bool spare = false;  // "take spare"
  Origin origin() const { return {chain, site, epoch}; }
};
std::string certificate_text(const Certificate& unsigned_certificate);  // what the recovery keys sign
// Signed by k recovery keys of the file, or named by it under [[certified]]. A certificate that was taken once counts
// on, also when it is revoked later: a revocation ends what has not happened yet. Whoever lets a machine in that is not
// known by it yet asks check_not_revoked() too. Errors: chain/bad_certificate.
Result<Certificate> open_certificate(const ChainFile& file, std::string_view note);
Certified certified(const Certificate& certificate);  // as [[certified]] names it
Status check_not_revoked(const ChainFile& file, const Certificate& certificate);
Result<Certificate> open_unrevoked_certificate(const ChainFile& file, std::string_view note);
// Without the recovery keys at hand (fold: what a journal holds was checked when it was taken): shape only.
Result<Certificate> parse_certificate(std::string_view note);

// Protocol 5.2. Signed by the new log key under the name of the new origin; a spare's also by the mirrors that have
// registered it, with their cosigning keys, so that whoever did not hear the silence himself can see that q of them
// did.
struct Registration {
  Certificate certificate;
  Origin old_origin;
  std::uint64_t kept_size = 0;
  Hash kept_root{};
  std::string note;                                    // the whole signed text
  std::vector<journal::NoteSignature> witnesses = {};  // of a spare's; not verified here
};
// The mirror's line under a spare's registration, and the note with such lines put below it.
journal::NoteSignature witness(const Registration& registration, const SiteName& mirror, const PublicKey& cosign_key,
                               const journal::SignFunction& sign);
bool is_witness(const Registration& registration, const journal::NoteSignature& line, const SiteName& mirror,
                const PublicKey& cosign_key);
std::string with_witnesses(const Registration& registration, const std::vector<journal::NoteSignature>& lines);
bool is_same_registration(const Registration& a, const Registration& b);  // whatever lines stand below each
Registration make_registration(const Certificate& certificate, const Origin& old_origin, std::uint64_t kept_size,
                               const Hash& kept_root, const journal::SignFunction& sign_with_new_log_key);
Result<Registration> open_registration(const ChainFile& file, std::string_view note);
// Without the recovery keys at hand (events already in a journal were checked when they were taken): shape only.
Result<Registration> parse_registration(std::string_view note);

// What `site keygen` hands out and `recovery sign` takes in: public keys of one machine, readable text.
struct PublicKeysFile {
  SiteName site;
  SiteKeys keys;
  bool operator==(const PublicKeysFile&) const = default;
};
std::string public_keys_text(const PublicKeysFile& file);
Result<PublicKeysFile> parse_public_keys(std::string_view text);
// Short enough to read out on the telephone: 80 bits of SHA-256 over site and keys, "7KQ2-M9XA-0V3E-PPRT".
std::string fingerprint(const PublicKeysFile& file);

// What `chain roots` hands out and `chain init` takes in: the public halves of root, recovery and operations keys.
struct Authority {
  KeySet root, recovery;
  std::optional<PublicKey> operations;
};
std::string authority_text(const Authority& authority);
Result<Authority> parse_authority(std::string_view text);

// [a-z0-9-]+, at most 31 bytes. nullopt otherwise.
std::optional<SiteName> site_name_of(std::string_view text);
// Bytes as Crockford base32 in groups of four; bytes.size() a multiple of 5.
std::string crockford_groups(ByteView bytes);

}  // namespace holdfast::chain
