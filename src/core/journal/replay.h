// What a journal's segments say when it is opened: everything through the last whole record (protocol 2.3).
//
// Shape:  segments are read in the order of their numbers; numbers may have gaps (a segment that held nothing of its
//         own is removed at a later start). A segment's first record is the next one, or a copy of the last one; a torn
//         copy, or none, is fine.
// Errors: journal/damaged, journal/wrong_origin (log.h). Nothing is written here.
// Source: protocol 2.3, docs/journal-format.md "Opening".
#pragma once

#include "core/base/world.h"
#include "core/journal/index.h"
#include "core/journal/log.h"
#include "core/journal/segments.h"

namespace holdfast::journal {

struct Replayed {
  Index index;
  Tree tree;                      // at index.size()
  std::uint64_t last_record = 0;  // its number; 0: the journal has none
  Hash last_hash{};
  Place last_place;                    // where a whole copy of it stands
  std::string last_note;               // of the largest checkpoint
  std::uint32_t next_segment = 0;      // a number above all on the disk
  std::vector<std::uint32_t> useless;  // segments with nothing of their own; may go once the next one is durable
};
Result<Replayed> replay(Disk& disk, Executor& executor, const Origin& origin, const std::optional<LogMark>& mark);

}  // namespace holdfast::journal
