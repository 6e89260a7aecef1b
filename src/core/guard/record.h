// What of a stream of alerts goes into the journal: the first of each kind at once, its repeats as a count, and no more
// than the journal can carry, whatever a sensor or an attacker sends.
//
// Shape:  alike = same source and signature. An alike alert within `repeat_interval` of the one recorded before only
//         counts; the count is recorded when that time is over. At most `records_a_minute` are recorded a minute, and
//         at most `kinds_max` kinds are kept apart; what is beyond is counted in one kind of its own, "guard/flood".
//         Alerts of level sealed have a minute of their own, so that lesser ones never hold them back. Neither bound
//         holds back the one alert that changes the posture; such a change takes a person's opening to come again.
// Thread: one object of its owner; `now` is monotonic.
#pragma once

#include <map>
#include <vector>

#include "core/guard/guard.h"

namespace holdfast::guard {

class Recorder {
 public:
  static constexpr Duration repeat_interval = seconds(60);
  static constexpr std::uint32_t records_a_minute = 60;  // of lesser levels, and as many that would seal
  static constexpr std::size_t kinds_max = 500;

  // is_turn: it changes the posture.
  void note(AlertRaised alert, Instant now, bool is_turn = false);
  std::vector<AlertRaised> take_due(Instant now);
  // When take_due() may have something; nullopt: nothing waits.
  std::optional<Instant> due_at(Instant now) const;

 private:
  struct Kind {
    AlertRaised waiting = {{}, Level::benign, {}, 0};  // its count: how many wait; 0: none
    std::optional<Instant> recorded_at;
    bool is_turn = false;  // what waits is recorded with the next turn, whatever was before
  };
  using Key = std::pair<std::string, std::string>;
  bool is_due(const Kind& kind, Instant now) const;
  std::uint32_t& recorded_in_minute(const Kind& kind) {
    return kind.waiting.level == Level::sealed ? seals_in_minute_ : in_minute_;
  }
  std::map<Key, Kind> kinds_;
  Instant minute_began_;
  std::uint32_t in_minute_ = 0, seals_in_minute_ = 0;
};

}  // namespace holdfast::guard
