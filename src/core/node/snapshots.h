// A node's snapshots: its encoded state, with the place in the journal where it stood. Derived and disposable: a start
// without one folds from entry 0 and reaches the same bytes.
//
// Shape:  snapshots/<epoch>-<size>.hfs below the data directory; of one epoch the two newest stay. Each ends in the
//         SHA-256 of what is before it; one that does not hold, or is of another version or origin, is passed over.
// Errors: write(): base/disk_failed. A disk without room is no error (Wrote).
// Thread: one.
#pragma once

#include <optional>
#include <string>

#include "core/base/world.h"
#include "core/fold/state.h"
#include "core/journal/log.h"

namespace holdfast::node {

struct Snapshot {
  journal::LogMark mark;
  fold::State state;
};

class Snapshots {
 public:
  // `again`: after one that found no room none is tried for so long.
  Snapshots(Disk& disk, Duration again) : disk_(disk), again_(again) {}

  // The newest usable one of this origin.
  std::optional<Snapshot> newest(const Origin& origin) const;
  // What a start folded from: the one of so many entries; 0: none.
  void began_from(std::uint64_t size) { size_ = size; }
  std::uint64_t size() const { return size_; }  // entries that the newest one covers; 0: there is none

  enum class Wrote {
    whole,
    without_room,   // nothing; people are to be told
    still_no_room,  // nothing, and it has been said
  };
  // `holes_found`: of this start, till now.
  Result<Wrote> write(const Origin& origin, const journal::LogMark& mark, const fold::State& state, Instant monotonic,
                      std::uint64_t holes_found);
  bool may_write(Instant monotonic) const { return monotonic >= next_; }
  // Holes have been found since the last one was written, of which the caller counts so many by now.
  bool is_before_hole(std::uint64_t holes_found) const { return holes_found > holes_found_before_; }

 private:
  static std::string path(const Origin& origin, std::uint64_t size);
  void tidy(const Origin& origin, std::uint64_t newest);

  Disk& disk_;
  Duration again_;
  std::uint64_t size_ = 0;
  Instant next_;  // monotonic; none is tried before
  bool is_without_room_ = false;
  std::uint64_t holes_found_before_ = 0;
};

}  // namespace holdfast::node
