// What a note says, before anybody has looked at who signed it: to find out whose key is to be asked for, or which of
// two is the longer. Nothing may rest on it.
#pragma once

#include "core/journal/note.h"

namespace holdfast::journal {

inline std::optional<Checkpoint> peek_checkpoint(std::string_view whole) {
  const auto note = parse_note(whole);
  if (!note) return std::nullopt;
  const auto checkpoint = parse_checkpoint(note->text);
  return checkpoint ? std::optional(*checkpoint) : std::nullopt;
}

}  // namespace holdfast::journal
