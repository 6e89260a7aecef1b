#include "core/guard/record.h"

#include <algorithm>

namespace holdfast::guard {

bool Recorder::is_due(const Kind& kind, Instant now) const {
  return kind.waiting.count > 0 && (kind.is_turn || !kind.recorded_at || now - *kind.recorded_at >= repeat_interval);
}

void Recorder::note(AlertRaised alert, Instant now, bool is_turn) {
  Key key{alert.alert.source, alert.alert.signature};
  if (!kinds_.contains(key) && kinds_.size() >= kinds_max) {
    std::erase_if(kinds_, [&](const auto& item) {
      const Kind& k = item.second;
      return k.waiting.count == 0 && k.recorded_at && now - *k.recorded_at >= repeat_interval;
    });
    if (kinds_.size() >= kinds_max && !is_turn) {
      alert.alert.source = "guard";
      alert.alert.signature = "flood";
      alert.alert.category.clear();
      alert.alert.text = "more kinds of alerts than are kept apart; the sensor's own log has them";
      alert.rule = "(no rule)";
      key = {alert.alert.source, alert.alert.signature};
    }
  }
  Kind& kind = kinds_[key];
  const std::uint64_t waiting = kind.waiting.count;
  // A graver one is news, also of a kind that was recorded a moment ago.
  if (kind.recorded_at && alert.level > kind.waiting.level) kind.recorded_at.reset();
  kind.is_turn = kind.is_turn || is_turn;
  const bool keeps_first = waiting > 0 && !is_turn && alert.level <= kind.waiting.level;
  if (!keeps_first) kind.waiting = std::move(alert);
  kind.waiting.count = waiting + 1;
}

std::vector<AlertRaised> Recorder::take_due(Instant now) {
  std::vector<AlertRaised> out;
  if (now - minute_began_ >= seconds(60)) {
    minute_began_ = now;
    in_minute_ = seals_in_minute_ = 0;
  }
  for (const bool sealing : {true, false}) {
    for (auto& [key, kind] : kinds_) {
      if ((kind.waiting.level == Level::sealed) != sealing || !is_due(kind, now)) continue;
      std::uint32_t& recorded = recorded_in_minute(kind);
      if (recorded >= records_a_minute && !kind.is_turn) continue;
      ++recorded;
      out.push_back(kind.waiting);
      kind.waiting.count = 0;
      kind.is_turn = false;
      kind.recorded_at = now;
    }
  }
  return out;
}

std::optional<Instant> Recorder::due_at(Instant now) const {
  std::optional<Instant> at;
  for (const auto& [key, kind] : kinds_) {
    if (kind.waiting.count == 0) continue;
    Instant due = kind.recorded_at && !kind.is_turn ? *kind.recorded_at + repeat_interval : now;
    const std::uint32_t recorded = kind.waiting.level == Level::sealed ? seals_in_minute_ : in_minute_;
    if (recorded >= records_a_minute && !kind.is_turn) due = std::max(due, minute_began_ + seconds(60));
    if (!at || due < *at) at = due;
  }
  return at;
}

}  // namespace holdfast::guard
