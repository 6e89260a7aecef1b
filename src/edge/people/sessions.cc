#include "edge/people/sessions.h"

#include <algorithm>

namespace holdfast::people {

bool Sessions::is_over(const Record& record, Instant now) const {
  return now - record.used > settings_.idle_max || now - record.started > settings_.total_max;
}

std::pair<std::string, Session> Sessions::start(const Staff& staff, std::optional<TillId> at) {
  ByteArray<32> token, csrf;
  entropy_.fill(token);
  entropy_.fill(csrf);
  const std::string text = to_hex(token);
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.monotonic();
  std::erase_if(sessions_, [&](const auto& item) { return is_over(item.second, now); });
  if (sessions_.size() >= settings_.sessions_max) {
    sessions_.erase(std::ranges::min_element(sessions_, {}, [](const auto& item) { return item.second.used; }));
  }
  sessions_[sha256(as_bytes(text))] = {staff, to_hex(csrf), at, now, now};
  return {text, {staff, to_hex(csrf), std::min(settings_.idle_max, settings_.total_max)}};
}

std::optional<Session> Sessions::find(std::string_view token, std::optional<TillId> at, bool is_use) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sha256(as_bytes(token)));
  if (found == sessions_.end() || found->second.at != at) return std::nullopt;
  Record& record = found->second;
  const Instant now = clock_.monotonic();
  if (is_over(record, now)) {
    sessions_.erase(found);
    return std::nullopt;
  }
  if (is_use) record.used = now;
  const Duration left = std::min(Duration{settings_.idle_max.ns - (now - record.used).ns},
                                 Duration{settings_.total_max.ns - (now - record.started).ns});
  return Session{record.staff, record.csrf, left};
}

void Sessions::end(std::string_view token) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(sha256(as_bytes(token)));
}
void Sessions::end_all_of(const SubjectId& staff) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& item) { return item.second.staff.id == staff; });
}

}  // namespace holdfast::people
