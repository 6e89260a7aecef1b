#include "core/node/fold_ahead.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "core/fold/pipeline.h"

namespace holdfast::node {

// The epochs that make the state, oldest first; known when the first entry of each but the oldest has come.
Status FoldAhead::find_line(const recovery::Choice& choice) {
  std::vector<Kept> line;
  Origin origin = choice.old_origin;
  for (std::uint64_t kept = choice.kept_size; kept > 0;) {
    line.emplace_back(origin, kept);
    if (origin.epoch == 1) break;
    sync::Replica* replica = replicas_.find(origin);
    if (replica == nullptr || replica->size() == 0) return {};
    HF_TRY(const chain::Registration opening, opening_registration(replica->log()));
    HF_TRY(const chain::Registration r, chain::open_registration(chain_, opening.note));
    keys_.add(r);
    needs_.add(r.old_origin, r.kept_size, r.kept_root);
    origin = r.old_origin;
    kept = r.kept_size;
  }
  std::ranges::reverse(line);
  done_.line = std::move(line);
  into_.state = fold::State();
  into_.last_event_at = {};
  return {};
}

Status FoldAhead::fold(const recovery::Choice& choice) {
  if (!done_.line) HF_TRY_VOID(find_line(choice));
  if (!done_.line) return {};
  for (; !is_done(); ++done_.at, done_.next = 0) {
    const auto& [origin, kept] = (*done_.line)[done_.at];
    sync::Replica* replica = replicas_.find(origin);
    const auto& waits = done_.waits_for;
    if (replica == nullptr || (waits && is_missing(waits->first, waits->second, replicas_))) return {};
    done_.waits_for.reset();
    const std::uint64_t end = std::min(kept, replica->size());
    if (done_.next < end) HF_TRY_VOID(fold_on(replica->log(), end, kept));
    if (done_.next < kept) return {};
  }
  return {};
}

Status FoldAhead::fold_on(journal::Log& log, EntryIndex end, std::uint64_t kept) {
  constexpr std::string_view waits = "node/waits";
  fold::Pipeline pipeline(executor_, [&](EntryIndex index, fold::Event&& event) -> Status {
    if (done_.next > 0 && std::holds_alternative<fold::EpochOpened>(event.body))
      return fail(fold::bad_entry, "an epoch opens within another");
    HF_TRY_VOID(needs_.note(event, {log.origin(), done_.next}));
    if (auto missing = first_missing(event, replicas_);
        missing && needs_.is_of_a_peer(missing->first) && needs_.contains(missing->first)) {
      done_.waits_for = std::move(missing);
      return fail(waits, "");
    }
    into_.last_event_at = std::max(into_.last_event_at, event.at);
    HF_TRY_VOID(fold::apply(into_.state, index, event, replicas_));
    done_.next = index + 1;
    return {};
  });
  Status folded = log.scan(done_.next, end, [&](EntryIndex i, ByteView body) { return pipeline.take(i, body); });
  if (folded) folded = pipeline.finish();
  if (!folded) return folded.error().code == waits ? Status() : folded;
  if (end == kept) done_.next = kept;  // parts whose last was not kept count for nothing
  return {};
}

std::optional<FoldAhead::Place> FoldAhead::place() const {
  if (!done_.line || is_done()) return std::nullopt;
  return Place{(*done_.line)[done_.at].first, done_.next, done_.at + 1 == done_.line->size()};
}

}  // namespace holdfast::node
