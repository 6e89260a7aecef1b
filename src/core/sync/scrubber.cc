#include "core/sync/scrubber.h"

#include <algorithm>

namespace holdfast::sync {

Result<Scrubbed> Scrubber::turn(std::span<journal::Log* const> logs, const ScrubPace& pace, bool may_wait,
                                Instant monotonic, Mender& mender) {
  Scrubbed out;
  const auto suspect = std::ranges::find_if(logs, [](journal::Log* log) { return log->has_suspicion(); });
  if (suspect != logs.end()) {
    HF_TRY_VOID(read_on(**suspect, pace.hurried_factor * pace.bytes, mender, out));
    return out;
  }
  if (logs.empty() || !may_wait || monotonic < next_at_) return out;
  next_at_ = monotonic + pace.interval;
  at_ %= logs.size();
  HF_TRY(const bool is_done, read_on(*logs[at_], pace.bytes, mender, out));
  if (!is_done || ++at_ < logs.size()) return out;
  at_ = 0;
  out.is_round_done = true;
  next_at_ = monotonic + pace.pause;
  return out;
}

Result<bool> Scrubber::read_on(journal::Log& log, std::uint64_t bytes_max, Mender& mender, Scrubbed& out) {
  const auto scrubbed = log.scrub(bytes_max);
  if (!scrubbed && scrubbed.error().code.starts_with("base/disk")) return pass_on(scrubbed.error());
  if (!scrubbed) {
    out.problem = scrubbed.error().text;
    return true;
  }
  out.bytes += scrubbed->bytes;
  for (const journal::Hole& hole : scrubbed->found) mender.tell_found(log.origin(), hole);
  return scrubbed->is_round_done;
}

}  // namespace holdfast::sync
