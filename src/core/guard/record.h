// What of a stream of alerts goes into the journal: the first of each kind at once, its repeats as a count, and no more
// than the journal can carry, whatever a sensor or an attacker sends.
//
// Shape:  alike = same source and signature. An alike alert within `repeat_interval` of the one recorded before only
//         counts; the count is recorded when that time is over. At most `records_a_minute` are recorded a minute, and
//         at most `kinds_max` kinds are kept apart; what is beyond is counted in one kind of its own, "guard/flood".
//         An alert of level sealed is never held back for the minute's sake.
// Thread: one object of its owner; `now` is monotonic.
#pragma once

#include <map>
#include <vector>

#include "core/guard/guard.h"

namespace holdfast::guard {

class Recorder {
 public:
  static constexpr Duration repeat_interval = seconds(60);
  static constexpr std::uint32_t records_a_minute = 60;
  static constexpr std::size_t kinds_max = 500;

  void note(AlertRaised alert, Instant now);
  std::vector<AlertRaised> take_due(Instant now);
  // When take_due() may have something; nullopt: nothing waits.
  std::optional<Instant> due_at(Instant now) const;

 private:
  struct Kind {
    AlertRaised waiting = {{}, Level::benign, {}, 0};  // its count: how many wait; 0: none
    std::optional<Instant> recorded_at;
  };
  using Key = std::pair<std::string, std::string>;
  bool is_due(const Kind& kind, Instant now) const;
  std::map<Key, Kind> kinds_;
  Instant minute_began_;
  std::uint32_t in_minute_ = 0;
};

}  // namespace holdfast::guard
