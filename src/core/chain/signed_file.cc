// Who has signed a chain file, and whether one may follow another.
#include <fmt/format.h>

#include <algorithm>

#include "core/chain/rules.h"
#include "core/chain/signers.h"

namespace holdfast::chain {
namespace {

constexpr std::string_view bad_signature = "chain/bad_signature";
constexpr std::string_view too_wide = "chain/too_wide";
// No canonical text and no signature line starts with '='.
constexpr std::string_view within_line = "\n=== within ===\n";

struct Opened {
  ChainFile file;
  journal::Note note;
  std::string_view root_part;     // of the stored file
  std::optional<ChainFile> base;  // set: signed by the operations key, in the bounds of this one
  journal::Note base_note;
};

std::vector<NamedKey> root_signers(std::string_view chain, const KeySet& set) {
  std::vector<NamedKey> out;
  out.reserve(set.keys.size());
  for (const auto& [name, key] : set.keys) out.push_back({root_key_name(chain, name), key});
  return out;
}

// A root-signed note alone.
Status open_root_signed(std::string_view whole, ChainFile& file, journal::Note& note) {
  HF_TRY(note, split_note(whole, chain_file_bytes_max, bad_file, "chain file"));
  HF_TRY(file, parse_chain_text(note.text));
  if (canonical_text(file) != note.text)
    return fail(bad_file, "the text is not as `holdfast chain init` writes it; sign it again from its description");
  if (file.within) return fail(bad_file, "an operations-signed file stands where a root-signed one is needed");
  std::vector<NamedKey> may_sign = root_signers(file.chain, file.root);
  const std::size_t roots = may_sign.size();
  if (file.former_root)
    for (NamedKey& key : root_signers(file.chain, *file.former_root))
      if (std::ranges::find(may_sign, key) == may_sign.end()) may_sign.push_back(std::move(key));
  HF_TRY(const std::vector<bool> signed_by, check_signers(note, may_sign, bad_signature, "the chain file"));
  const auto count = static_cast<unsigned>(
      std::count(signed_by.begin(), signed_by.begin() + static_cast<std::ptrdiff_t>(roots), true));
  if (count < file.root.needed)
    return fail(bad_signature,
                fmt::format("{} of its root keys have signed the chain file, {} must; collect the missing "
                            "signatures with `holdfast chain init --root-keys`",
                            count, file.root.needed));
  return {};
}

// Everything but links and limits as in `base`; `opened` is what openings() found.
Status check_only_links_and_limits(const ChainFile& base, const ChainFile& file) {
  ChainFile narrowed = base;
  narrowed.version = file.version;
  narrowed.within = file.within;
  narrowed.bounds = file.bounds;
  narrowed.revoked = file.revoked;
  if (file.sites.size() == base.sites.size())
    for (std::size_t i = 0; i < base.sites.size(); ++i) narrowed.sites[i].follows = file.sites[i].follows;
  if (!(narrowed == file))
    return fail(too_wide,
                "the operations key has changed more than links (follows) and bounds; that is for the root keys");
  if (const auto opened = openings(base, file); !opened.empty())
    return fail(too_wide, fmt::format("the operations key opens what the root keys have not: {}{}", opened.front(),
                                      opened.size() > 1 ? fmt::format(" (and {} more)", opened.size() - 1) : ""));
  return {};
}

Result<Opened> open_signed(std::string_view whole) {
  if (whole.size() > 2 * chain_file_bytes_max)
    return fail(bad_file, fmt::format("the file has {} bytes, too many for a chain file", whole.size()));
  Opened out;
  const std::size_t cut = whole.find(within_line);
  out.root_part = root_signed_part(whole);
  if (cut == std::string_view::npos) {
    HF_TRY_VOID(open_root_signed(whole, out.file, out.note));
    return out;
  }
  ChainFile base;
  HF_TRY_VOID(open_root_signed(out.root_part, base, out.base_note));
  HF_TRY(out.note, split_note(whole.substr(0, cut + 1), chain_file_bytes_max, bad_file, "chain file"));
  HF_TRY(out.file, parse_chain_text(out.note.text));
  if (canonical_text(out.file) != out.note.text)
    return fail(bad_file, "the text is not as `holdfast chain init` writes it; sign it again from its description");
  if (out.file.within != within_of(base))
    return fail(bad_file, "[within] does not name the root-signed file that follows; sign it again with --supersedes");
  if (!base.operations) return fail(bad_signature, "the chain has no operations key; a change needs the root keys");
  HF_TRY(
      const std::vector<bool> signed_by,
      check_signers(out.note, {{operations_key_name(base.chain), *base.operations}}, bad_signature, "the chain file"));
  if (!signed_by[0]) return fail(bad_signature, "the operations key has not signed the file");
  HF_TRY_VOID(check_only_links_and_limits(base, out.file));
  out.base = std::move(base);
  return out;
}

// Protocol 4.7: mirrors of a journal are replaced one at a time.
Status check_steps(const ChainFile& known, const ChainFile& next) {
  if (next.currency.code != known.currency.code)
    return fail(
        too_wide,
        fmt::format("the currency changes from {} to {}; journals are counted in one currency: make a new chain",
                    known.currency.code, next.currency.code));
  for (const Site& site : next.sites) {
    const Site* before = known.find(site.name);
    if (before == nullptr) continue;
    if (site.keys.log != before->keys.log)
      return fail(too_wide,
                  fmt::format("the log key of {} changes; it changes only with an epoch: use `holdfast recovery sign`",
                              site.name.view()));
    const auto lost = std::ranges::count_if(
        before->mirrors, [&](const SiteName& m) { return std::ranges::find(site.mirrors, m) == site.mirrors.end(); });
    const auto won = std::ranges::count_if(site.mirrors, [&](const SiteName& m) {
      return std::ranges::find(before->mirrors, m) == before->mirrors.end();
    });
    if (lost > 1 || won > 1)
      return fail(too_wide, fmt::format("{} mirrors of {} change at once; replace them one at a time, a version each",
                                        std::max(lost, won), site.name.view()));
  }
  return {};
}

// `note` is signed by k of the roots that `known` names.
Status check_known_roots(const ChainFile& known, const ChainFile& next, const journal::Note& note) {
  unsigned count = 0;
  for (const NamedKey& key : root_signers(known.chain, known.root))
    if (const auto has = journal::has_signature(note, key.name, key.key); has && *has) ++count;
  if (count >= known.root.needed) return {};
  const std::string_view hint =
      next.root == known.root
          ? "collect the missing signatures"
          : "a change of root keys needs the old and the new ones: take the versions one after another";
  return fail(bad_signature,
              fmt::format("{} of the root keys known here (version {}) have signed version {}, {} must; {}", count,
                          known.version, next.version, known.root.needed, hint));
}

}  // namespace

Within within_of(const ChainFile& root_signed) {
  return {root_signed.version, sha256(as_bytes(canonical_text(root_signed)))};
}

std::string join_within(std::string_view operations_signed_note, std::string_view root_signed_note) {
  HF_CHECK(operations_signed_note.ends_with('\n'), "{} bytes", operations_signed_note.size());
  return std::string(operations_signed_note) + std::string(within_line.substr(1)) + std::string(root_signed_note);
}

std::string_view root_signed_part(std::string_view note) {
  const std::size_t cut = note.find(within_line);
  return cut == std::string_view::npos ? note : note.substr(cut + within_line.size());
}

Result<ChainFile> open_chain_file(std::string_view note) {
  HF_TRY(Opened opened, open_signed(note));
  return std::move(opened.file);
}

Result<ChainFile> open_successor(const ChainFile& known, std::string_view note) {
  HF_TRY(Opened next, open_signed(note));
  if (next.file.chain != known.chain)
    return fail(bad_file,
                fmt::format("the file is of chain {}, this is {}; take the right file", next.file.chain, known.chain));
  if (next.file.version <= known.version)
    return fail("chain/older", fmt::format("the file is version {}, version {} is known already; take a newer one",
                                           next.file.version, known.version));
  const Within roots_last = known.within ? *known.within : within_of(known);
  const ChainFile& root_signed = next.base ? *next.base : next.file;
  const journal::Note& root_note = next.base ? next.base_note : next.note;
  if (root_signed.version < roots_last.version)
    return fail("chain/older",
                fmt::format("the file lies within root-signed version {}, but {} is known; sign it again with "
                            "--supersedes the newer one",
                            root_signed.version, roots_last.version));
  if (root_signed.version == roots_last.version) {
    // The same version signed twice is two histories of the chain; nothing newer makes that right.
    if (within_of(root_signed) != roots_last)
      return fail(bad_file,
                  fmt::format("root-signed version {} exists in two forms; ask who holds the root keys which is right",
                              root_signed.version));
  } else {
    HF_TRY_VOID(check_known_roots(known, root_signed, root_note));
    HF_TRY_VOID(check_steps(known, root_signed));
  }
  return std::move(next.file);
}

}  // namespace holdfast::chain
