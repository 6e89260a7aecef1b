#include "core/chain/signers.h"

#include <fmt/format.h>

namespace holdfast::chain {

Result<journal::Note> split_note(std::string_view whole, std::size_t bytes_max, std::string_view code,
                                 std::string_view what) {
  if (whole.size() > bytes_max)
    return fail(code, fmt::format("the {} has {} bytes, the most is {}", what, whole.size(), bytes_max));
  const std::size_t blank = whole.rfind("\n\n");
  if (blank == std::string_view::npos)
    return fail(code,
                fmt::format("this is not a signed {}: no blank line with signatures below stands at its end", what));
  // parse_note reads the signature lines, under a text of its own; the long text is checked to the byte by our callers.
  auto note = journal::parse_note("holdfast\n\n" + std::string(whole.substr(blank + 2)));
  if (!note)
    return fail(code,
                fmt::format("this is not a signed {}, or its signatures are damaged: {}", what, note.error().text));
  note->text = std::string(whole.substr(0, blank + 1));
  if (journal::to_text(*note) != whole)
    return fail(code, fmt::format("the signatures of the {} are not well formed", what));
  return std::move(*note);
}

Result<std::vector<bool>> check_signers(const journal::Note& note, const std::vector<NamedKey>& may_sign,
                                        std::string_view code, std::string_view what) {
  std::vector<bool> has_signed(may_sign.size());
  for (const journal::NoteSignature& line : note.signatures) {
    std::size_t i = 0;
    while (i < may_sign.size() &&
           (may_sign[i].name != line.name || journal::note_key_id(may_sign[i].name, 1, may_sign[i].key) != line.key_id))
      ++i;
    if (i == may_sign.size())
      return fail(code, fmt::format("{} is signed by \"{}\", whose key may not sign it or is not the one known", what,
                                    line.name));
    if (has_signed[i])
      return fail(code, fmt::format("{} is signed twice by \"{}\"; leave one signature out", what, line.name));
    const auto valid = journal::has_signature(note, may_sign[i].name, may_sign[i].key);
    if (!valid || !*valid)
      return fail(
          code, fmt::format("the signature of \"{}\" under {} does not hold: the text was changed after it was signed",
                            line.name, what));
    has_signed[i] = true;
  }
  return has_signed;
}

}  // namespace holdfast::chain
