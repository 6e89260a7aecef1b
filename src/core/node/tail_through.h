// How far the tails of our own older epochs have been taken in, for what people are told (protocol 6.4).
//
// Shape:  a file tails/<epoch>.through for each, a u64: a file, because the machine that sent one is not asked again.
//         It is written when what it speaks of is durable. What leaves a hole before it does not count yet: its sender
//         offers all of it again with the next link. Nothing rests on it: for want of room it is left for later.
// Errors: base/disk_*: the process must end (1.2).
// Thread: one.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/world.h"

namespace holdfast::node {

class TailThrough {
 public:
  // `again`: after a file that found no room none is tried for so long.
  TailThrough(Disk& disk, Duration again) : disk_(disk), again_(again) {}

  // At the start, once: of all epochs of this site before this one.
  Status load(const Origin& own);
  std::uint64_t of(const Origin& origin) const;  // 0: nothing of it was taken in
  // Entries [first, end) are taken in; `kept`: what our epoch has of that journal without them.
  void note(const Origin& origin, EntryIndex first, std::uint64_t end, std::uint64_t kept);
  // What came of the write of the file at this path; whether the disk had no room for it, and it is left for later.
  using IsWithoutRoom = std::function<bool(const Status& written, std::string_view path)>;
  // Behind the commit: durable, what was noted before it, as far as there is room.
  Status write(Instant monotonic, const IsWithoutRoom& is_without_room);

 private:
  Disk& disk_;
  Duration again_;
  std::map<Origin, std::uint64_t> through_;
  std::set<Origin> due_;  // to be written
  Instant next_;          // monotonic; none is tried before
};

}  // namespace holdfast::node
