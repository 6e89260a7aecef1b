// Certificates (protocol 5.1) and registrations (5.2): strict lines, signed.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/chain/rules.h"
#include "core/chain/signers.h"

namespace holdfast::chain {
namespace {

constexpr std::string_view bad_certificate = "chain/bad_certificate";
constexpr std::string_view bad_registration = "chain/bad_registration";
constexpr std::size_t witnesses_max = 16;
constexpr std::string_view certificate_first_line = "holdfast certificate v1\n";
constexpr std::string_view registration_first_line = "holdfast registration v1\n";

// Lines "name value" in a fixed order. A line that is not as asked makes ok() false for ever.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  void literal(std::string_view text) {
    if (rest_.starts_with(text))
      rest_.remove_prefix(text.size());
    else
      spoil();
  }
  std::string_view field(std::string_view name) {
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    if (end == std::string_view::npos || !line.starts_with(name) || line.size() <= name.size() ||
        line[name.size()] != ' ')
      return spoil();
    rest_.remove_prefix(end + 1);
    return line.substr(name.size() + 1);
  }
  template <class T>
  T number(std::string_view text) {
    T out{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || stop != text.data() + text.size()) spoil();
    return out;
  }
  Hash hash(std::string_view text) {
    const auto out = array_from_hex<32>(text);
    if (!out) spoil();
    return out.value_or(Hash{});
  }
  std::string_view spoil() {
    ok_ = false;
    rest_ = {};
    return {};
  }
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string registration_text(const Registration& r) {
  return fmt::format("{}old {}\nsize {}\nroot {}\ncertificate\n{}", registration_first_line, r.old_origin.text(),
                     r.kept_size, to_hex(r.kept_root), r.certificate.note);
}

// The lines alone. They have one form: what is read must give the same text again.
Result<Certificate> parse_certificate_text(std::string_view text) {
  const auto bad = [](std::string_view what) {
    return fail(bad_certificate, fmt::format("not a certificate as `holdfast recovery sign` writes it: {}", what));
  };
  LineReader in(text);
  Certificate c;
  in.literal(certificate_first_line);
  if (!in.ok()) return bad("its first line is not \"holdfast certificate v1\"");
  c.chain = std::string(in.field("chain"));
  const auto site = site_name_of(in.field("site"));
  c.epoch = in.number<std::uint32_t>(in.field("epoch"));
  c.keys.log = in.hash(in.field("log"));
  c.keys.cosign = in.hash(in.field("cosign"));
  c.keys.tls = in.hash(in.field("tls"));
  c.keys.sealing = in.hash(in.field("sealing"));
  const std::string_view take = in.field("take");
  const auto issued = parse_instant(in.field("issued"));
  if (!in.ok() || !in.rest().empty() || !site || !issued) return bad("a line is missing, misspelt or too many");
  if (!is_chain_name(c.chain)) return bad("the chain's name is not one");
  c.site = *site;
  c.issued = *issued;
  if (c.epoch < 2) return bad("epoch 1 needs no certificate; the chain file names its keys");
  if (c.epoch > epochs_max) return bad("its epoch is higher than any site may have");
  c.spare = take == "spare";
  if (take != "longest" && !c.spare) {
    const std::size_t space = take.find(' ');
    const auto origin = parse_origin(take.substr(0, space));
    if (space == std::string_view::npos || !origin)
      return bad("the line \"take\" is neither \"longest\" nor \"spare\" nor origin and size");
    c.clean_point.emplace(*origin, in.number<std::uint64_t>(take.substr(space + 1)));
    if (origin->chain != c.chain || origin->site != c.site || origin->epoch >= c.epoch)
      return bad("its clean point is not in an older epoch of the same site");
  }
  const PublicKey* all[] = {&c.keys.log, &c.keys.cosign, &c.keys.tls, &c.keys.sealing};
  for (std::size_t i = 0; i < 4; ++i)
    if (*all[i] == PublicKey{} || std::any_of(all, all + i, [&](const PublicKey* k) { return *k == *all[i]; }))
      return bad("one of its keys is zero or stands twice");
  if (!in.ok() || certificate_text(c) != text) return bad("a value is not in its one form");
  return c;
}

Result<Certificate> parse_certificate(std::string_view whole, journal::Note& note) {
  HF_TRY(note, split_note(whole, certificate_bytes_max, bad_certificate, "certificate"));
  HF_TRY(Certificate certificate, parse_certificate_text(note.text));
  certificate.note = std::string(whole);
  return certificate;
}

// A machine's keys are its own: none may be another's, or the site's of epoch 1 (protocol 4.6, 9.2).
Status check_new_keys(const ChainFile& file, const SiteKeys& keys) {
  const PublicKey* fresh[] = {&keys.log, &keys.cosign, &keys.tls, &keys.sealing};
  const auto is_fresh = [&](const PublicKey& known) {
    return std::none_of(std::begin(fresh), std::end(fresh), [&](const PublicKey* k) { return *k == known; });
  };
  const auto refuse = [](std::string_view whose) {
    return fail(bad_certificate,
                fmt::format("a key of the certificate is {} already; the new machine makes its own keys", whose));
  };
  for (const Site& site : file.sites)
    if (!is_fresh(site.keys.log) || !is_fresh(site.keys.cosign) || !is_fresh(site.keys.tls) ||
        !is_fresh(site.keys.sealing))
      return refuse(fmt::format("a key of {}", site.name.view()));
  for (const KeySet* set : {&file.root, &file.recovery})
    for (const auto& [name, key] : set->keys)
      if (!is_fresh(key)) return refuse(name);
  if (file.operations && !is_fresh(*file.operations)) return refuse("the operations key");
  return {};
}

Result<Registration> parse_registration_note(std::string_view whole, journal::Note& note) {
  const auto bad = [](std::string_view what) {
    return fail(bad_registration, fmt::format("not a registration: {}", what));
  };
  HF_TRY(note, split_note(whole, 3 * certificate_bytes_max, bad_registration, "registration"));
  LineReader in(note.text);
  Registration r;
  in.literal(registration_first_line);
  const auto old = parse_origin(in.field("old"));
  r.kept_size = in.number<std::uint64_t>(in.field("size"));
  r.kept_root = in.hash(in.field("root"));
  in.literal("certificate\n");
  if (!in.ok() || !old) return bad("a line is missing or misspelt");
  journal::Note certificate_note;
  HF_TRY(r.certificate, parse_certificate(in.rest(), certificate_note));
  r.old_origin = *old;
  r.note = std::string(whole);
  const Certificate& c = r.certificate;
  if (old->chain != c.chain || old->site != c.site || old->epoch >= c.epoch)
    return bad("the old origin is not an older epoch of the same site");
  if (c.clean_point && (c.clean_point->first != *old || r.kept_size > c.clean_point->second))
    return bad("it keeps more than the clean point of its certificate allows, or of another origin");
  if (registration_text(r) != note.text) return bad("a value is not in its one form");
  if (c.spare)
    for (const journal::NoteSignature& line : note.signatures)
      if (line.name != c.origin().text()) r.witnesses.push_back(line);
  if (r.witnesses.size() > witnesses_max) return bad("more mirrors than a journal can have stand below it");
  return r;
}

}  // namespace

std::string certificate_text(const Certificate& c) {
  const std::string take = c.clean_point ? fmt::format("{} {}", c.clean_point->first.text(), c.clean_point->second)
                                         : std::string(c.spare ? "spare" : "longest");
  return fmt::format("{}chain {}\nsite {}\nepoch {}\nlog {}\ncosign {}\ntls {}\nsealing {}\ntake {}\nissued {}\n",
                     certificate_first_line, c.chain, c.site.view(), c.epoch, to_hex(c.keys.log), to_hex(c.keys.cosign),
                     to_hex(c.keys.tls), to_hex(c.keys.sealing), take, holdfast::to_text(c.issued));
}

Result<Certificate> parse_certificate(std::string_view whole) {
  journal::Note note;
  return parse_certificate(whole, note);
}

Result<Certificate> open_certificate(const ChainFile& file, std::string_view whole) {
  journal::Note note;
  HF_TRY(Certificate certificate, parse_certificate(whole, note));
  if (certificate.chain != file.chain)
    return fail(bad_certificate,
                fmt::format("the certificate is of chain {}, this is {}", certificate.chain, file.chain));
  if (file.find(certificate.site) == nullptr)
    return fail(bad_certificate,
                fmt::format("the certificate is for {}, which the chain file does not name; take the newest "
                            "chain file first",
                            certificate.site.view()));
  HF_TRY_VOID(check_new_keys(file, certificate.keys));
  if (const Certified* named = file.find_certified(certificate.site, certificate.epoch)) {
    if (*named == certified(certificate)) return certificate;
    return fail(bad_certificate,
                fmt::format("version {} of the chain file names another certificate of {} for epoch {}; each number "
                            "counts once",
                            file.version, certificate.site.view(), certificate.epoch));
  }
  std::vector<NamedKey> may_sign;
  may_sign.reserve(file.recovery.keys.size());
  for (const auto& [name, key] : file.recovery.keys) may_sign.push_back({recovery_key_name(file.chain, name), key});
  HF_TRY(const std::vector<bool> signed_by, check_signers(note, may_sign, bad_certificate, "the certificate"));
  const auto count = static_cast<unsigned>(std::count(signed_by.begin(), signed_by.end(), true));
  if (count < file.recovery.needed)
    return fail(bad_certificate,
                fmt::format("{} recovery keys have signed the certificate, {} must; sign it again with "
                            "`holdfast recovery sign` and the missing --keys",
                            count, file.recovery.needed));
  return certificate;
}

Certified certified(const Certificate& certificate) {
  return {certificate.site, certificate.epoch, sha256(as_bytes(certificate.note))};
}

Status check_not_revoked(const ChainFile& file, const Certificate& certificate) {
  if (!file.is_revoked(certificate.site, certificate.epoch)) return {};
  return fail(bad_certificate,
              fmt::format("the certificate of {} for epoch {} is revoked in version {} of the chain file",
                          certificate.site.view(), certificate.epoch, file.version));
}

Result<Certificate> open_unrevoked_certificate(const ChainFile& file, std::string_view note) {
  HF_TRY(Certificate certificate, open_certificate(file, note));
  HF_TRY_VOID(check_not_revoked(file, certificate));
  return certificate;
}

Registration make_registration(const Certificate& certificate, const Origin& old_origin, std::uint64_t kept_size,
                               const Hash& kept_root, const journal::SignFunction& sign_with_new_log_key) {
  Registration r{certificate, old_origin, kept_size, kept_root, {}};
  HF_CHECK(!certificate.note.empty(), "certificate of {} is not signed", certificate.site.view());
  HF_CHECK(old_origin.epoch < certificate.epoch && old_origin.site == certificate.site, "old {}, new {}",
           old_origin.text(), certificate.origin().text());
  journal::Note note{registration_text(r), {}};
  journal::sign_note(note, certificate.origin().text(), certificate.keys.log, sign_with_new_log_key);
  r.note = journal::to_text(note);
  return r;
}

namespace {

std::string mirror_name(const Registration& r, const SiteName& mirror) {
  return journal::cosigner_name(r.certificate.chain, mirror);
}

}  // namespace

journal::NoteSignature witness(const Registration& r, const SiteName& mirror, const PublicKey& cosign_key,
                               const journal::SignFunction& sign) {
  journal::Note note{registration_text(r), {}};
  journal::sign_note(note, mirror_name(r, mirror), cosign_key, sign);
  return std::move(note.signatures.front());
}

bool is_witness(const Registration& r, const journal::NoteSignature& line, const SiteName& mirror,
                const PublicKey& cosign_key) {
  if (line.name != mirror_name(r, mirror)) return false;
  const auto has = journal::has_signature({registration_text(r), {line}}, line.name, cosign_key);
  return has && *has;
}

std::string with_witnesses(const Registration& r, const std::vector<journal::NoteSignature>& lines) {
  auto note = split_note(r.note, 3 * certificate_bytes_max, bad_registration, "registration");
  HF_CHECK(note.has_value(), "registration of {}", r.certificate.site.view());
  std::erase_if(note->signatures, [&](const auto& line) { return line.name != r.certificate.origin().text(); });
  note->signatures.insert(note->signatures.end(), lines.begin(), lines.end());
  return journal::to_text(*note);
}

bool is_same_registration(const Registration& a, const Registration& b) {
  return a.certificate.note == b.certificate.note && a.old_origin == b.old_origin && a.kept_size == b.kept_size &&
         a.kept_root == b.kept_root;
}

Result<Registration> parse_registration(std::string_view whole) {
  journal::Note note;
  return parse_registration_note(whole, note);
}

Result<Registration> open_registration(const ChainFile& file, std::string_view whole) {
  journal::Note note;
  HF_TRY(Registration r, parse_registration_note(whole, note));
  HF_TRY(const Certificate certificate, open_certificate(file, r.certificate.note));
  // What mirrors have written below a spare's is weighed by whoever knows their keys (sync/keyring.h).
  if (certificate.spare)
    std::erase_if(note.signatures, [&](const auto& line) { return line.name != certificate.origin().text(); });
  HF_TRY(const std::vector<bool> signed_by, check_signers(note, {{certificate.origin().text(), certificate.keys.log}},
                                                          bad_registration, "the registration"));
  if (!signed_by[0]) return fail(bad_registration, "the new machine's log key has not signed the registration");
  return r;
}

}  // namespace holdfast::chain
