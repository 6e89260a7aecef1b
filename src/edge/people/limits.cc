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

std::optional<Duration> AttemptLimits::begin(const std::string& subject, Instant now) {
  if (!subjects_.contains(subject) && subjects_.size() >= settings_.subjects_max) forget_old(now);
  Count& count = subjects_[subject];
  const auto forgotten = std::min<std::int64_t>((now - forget_from_).ns / settings_.global_forget.ns, all_.attempts);
  all_.attempts -= static_cast<int>(forgotten);
  forget_from_ = all_.attempts == 0 ? now : forget_from_ + Duration{settings_.global_forget.ns * forgotten};
  // The (free + 1)th attempt waits for the first time.
  const std::int64_t own = wait_after(count.attempts - free_attempts() + 1).ns - (now - count.last).ns;
  const std::int64_t global = wait_after(all_.attempts - settings_.global_free_attempts + 1).ns - (now - all_.last).ns;
  if (std::max(own, global) > 0) return Duration{std::max(own, global)};
  ++count.attempts;
  ++all_.attempts;
  count.last = now;
  all_.last = now;
  return std::nullopt;
}

void AttemptLimits::succeeded(const std::string& subject) {
  const auto count = subjects_.find(subject);
  if (count == subjects_.end()) return;
  all_.attempts = std::max(0, all_.attempts - 1);
  subjects_.erase(count);
}

}  // namespace holdfast::people
