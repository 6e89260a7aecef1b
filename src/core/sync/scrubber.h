// Reads the journals kept on a machine again, all day, so that damage is found while somebody still has what it hit
// (protocol 2.4).
//
// Shape:  turn() is called again and again with all journals of the machine: it reads a few bytes of the next one when
//         nobody waits for anything; where a read has failed, at once. Round after round.
// Errors: base/disk_*: fatal. What cannot be gone on with for another reason is told in `problem`.
// Thread: one.
#pragma once

#include <span>
#include <string>

#include "core/sync/mender.h"

namespace holdfast::sync {

struct ScrubPace {
  std::uint64_t bytes = 0;           // of one journal, in one turn …
  Duration interval;                 // … each so often;
  Duration pause;                    // and so long after all of it was read, from the beginning
  std::uint64_t hurried_factor = 1;  // times as many where a read has failed
};
struct Scrubbed {
  std::uint64_t bytes = 0;
  bool is_round_done = false;  // of all journals
  std::string problem;         // for people; empty: none
};

class Scrubber {
 public:
  // `may_wait`: nobody is kept waiting by it. What is found is told to `mender`.
  Result<Scrubbed> turn(std::span<journal::Log* const> logs, const ScrubPace& pace, bool may_wait, Instant monotonic,
                        Mender& mender);
  Instant next_at() const { return next_at_; }

 private:
  // Whether a round of this journal is done.
  Result<bool> read_on(journal::Log& log, std::uint64_t bytes_max, Mender& mender, Scrubbed& out);

  Instant next_at_;  // monotonic
  std::size_t at_ = 0;
};

}  // namespace holdfast::sync
