#include "edge/people/limits.h"

#include <algorithm>

namespace holdfast::people {

Duration AttemptLimits::wait_after(int attempts_beyond) const {
  if (attempts_beyond <= 0) return {};
  Duration wait = wait_first();
  for (int i = 1; i < attempts_beyond && wait < settings_.wait_longest; ++i) wait.ns *= 2;
  return std::min(wait, settings_.wait_longest);
}

// A bounded table: counts that no longer hold anybody up go first, then the oldest.
void AttemptLimits::forget_old(Instant now) {
  std::erase_if(subjects_, [&](const auto& item) { return now - item.second.last > settings_.wait_longest; });
  if (subjects_.size() < settings_.subjects_max) return;
  const auto oldest = std::ranges::min_element(subjects_, {}, [](const auto& item) { return item.second.last; });
  subjects_.erase(oldest);
}

AttemptLimits::Group& AttemptLimits::group_of(const std::string& name, Instant now) {
  if (!groups_.contains(name) && groups_.size() >= settings_.groups_max)
    groups_.erase(std::ranges::min_element(groups_, {}, [](const auto& item) { return item.second.all.last; }));
  Group& group = groups_[name];
  Count& all = group.all;
  const auto forgotten =
      std::min<std::int64_t>((now - group.forget_from).ns / settings_.global_forget.ns, all.attempts);
  all.attempts -= static_cast<int>(forgotten);
  group.forget_from = all.attempts == 0 ? now : group.forget_from + Duration{settings_.global_forget.ns * forgotten};
  return group;
}

std::optional<Duration> AttemptLimits::begin(const std::string& subject, Instant now, const std::string& group) {
  if (!subjects_.contains(subject) && subjects_.size() >= settings_.subjects_max) forget_old(now);
  Count& count = subjects_[subject];
  Group& whole = group_of(group, now);
  Count& all = whole.all;
  // The (free + 1)th attempt waits for the first time.
  const std::int64_t own = wait_after(count.attempts - free_attempts() + 1).ns - (now - count.last).ns;
  const int beyond = settings_.all_together ? all.attempts - settings_.global_free_attempts + 1 : 0;
  const std::int64_t global = wait_after(beyond).ns - (now - all.last).ns;
  const std::int64_t checks = settings_.all_together ? whole.checks.wait(1, settings_.checks, now).ns : 0;
  if (const std::int64_t wait = std::max({own, global, checks}); wait > 0) return Duration{wait};
  whole.checks.take(1, settings_.checks, now);
  ++count.attempts;
  ++all.attempts;
  count.last = now;
  all.last = now;
  return std::nullopt;
}

void AttemptLimits::succeeded(const std::string& subject, const std::string& group) {
  const auto count = subjects_.find(subject);
  if (count == subjects_.end()) return;
  if (const auto of = groups_.find(group); of != groups_.end())
    of->second.all.attempts = std::max(0, of->second.all.attempts - 1);
  subjects_.erase(count);
}

}  // namespace holdfast::people
