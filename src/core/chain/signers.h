// Signed notes of this room: every signature line must be of a key that may sign, valid, and stand once. So a signed
// text has one form, and a changed character anywhere is refused. Internal to this room.
#pragma once

#include "core/journal/note.h"

namespace holdfast::chain {

struct NamedKey {
  std::string name;
  PublicKey key{};
  bool operator==(const NamedKey&) const = default;
};

// A note of up to bytes_max: journal::parse_note is for the short ones that peers exchange, and the file of a chain of
// 500 sites has 300 KB. `what` names it in the error.
Result<journal::Note> split_note(std::string_view whole, std::size_t bytes_max, std::string_view code,
                                 std::string_view what);

// For each of `may_sign` whether it has signed.
// Errors: `code`: a line of anybody else, the same key twice, a signature that does not hold.
Result<std::vector<bool>> check_signers(const journal::Note& note, const std::vector<NamedKey>& may_sign,
                                        std::string_view code, std::string_view what);

}  // namespace holdfast::chain
