// A rebuild folds while it fetches, and keeps what folds (protocol 5.2, 7.1).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/fold/pipeline.h"
#include "core/node/lineage.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

// The epochs that make the state, oldest first; known when the first entry of each but the oldest has come.
Status NodeImpl::find_line() {
  std::vector<std::pair<Origin, std::uint64_t>> line;
  Origin origin = record_->choice.old_origin;
  for (std::uint64_t kept = record_->choice.kept_size; kept > 0;) {
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
  folding_.line = std::move(line);
  state_ = fold::State();
  last_event_at_ = {};
  return {};
}

// What has come is folded while the rest is under way, as far as what it rests on has come too (7.2), and tells what
// else is needed. None of it is proven before its roots are: a history that is not the one to keep, or entries of a
// peer that a mirror made up, may not even fold. So a failure says nothing until all has its root; and where something
// is fetched anew, folding begins again.
Status NodeImpl::fold_ahead() {
  const bool is_proven = record_->choice.is_settled && needs_.are_met();
  if (folding_.has_failed && !is_proven) return {};
  if (folding_.has_failed) folding_ = {};
  const Status folded = fold_fetched();
  if (folded || folded.error().code.starts_with("base/disk")) return folded;
  if (is_proven) return keep_what_folds(folded.error());
  folding_.has_failed = true;
  return {};
}

// Whoever has the old machine's log key can sign anything, and must not be able to keep its site from coming back. As
// on a spare, what is kept ends before the command that cannot be read or applied: what lies behind comes as a tail,
// and is taken in by its keys or listed. Not where people chose the size, or it has been said; nor before what only a
// newer version knows.
Status NodeImpl::keep_what_folds(const Error& why) {
  if (!folding_.line || why.code == "journal/damaged") return pass_on(why);
  const Origin origin = (*folding_.line)[folding_.at].first;
  const EntryIndex at = folding_.next;
  const bool is_last = folding_.at + 1 == folding_.line->size();
  const bool is_bad = why.code.starts_with("fold/") && why.code != "fold/unknown_event";
  if (!is_bad || !is_last || at == 0 || !registration_.empty() || certificate_->clean_point)
    return fail(why.code, fmt::format("entry {} of {} cannot be folded: {}. If no newer version knows it, rebuild "
                                      "with a certificate for the clean point {}:{}",
                                      at, origin.text(), why.text, origin.text(), at));
  trip("journal-damage", 2,
       fmt::format("entry {} of {} is signed and cannot be folded: {}. This epoch goes on from before it; what lies "
                   "behind is taken in by its keys, or listed",
                   at, origin.text(), why.text));
  record_->choice.kept_size = at;
  record_->choice.root_is_signed = false;
  folding_ = {};
  return {};
}

Status NodeImpl::fold_fetched() {
  if (!folding_.line) HF_TRY_VOID(find_line());
  if (!folding_.line) return {};
  for (; !is_all_folded(); ++folding_.at, folding_.next = 0) {
    const auto& [origin, kept] = (*folding_.line)[folding_.at];
    sync::Replica* replica = replicas_.find(origin);
    const auto& waits = folding_.waits_for;
    if (replica == nullptr || (waits && is_missing(waits->first, waits->second, replicas_))) return {};
    folding_.waits_for.reset();
    const std::uint64_t end = std::min(kept, replica->size());
    if (folding_.next < end) HF_TRY_VOID(fold_on(replica->log(), end, kept));
    if (folding_.next < kept) return {};
  }
  return {};
}

Status NodeImpl::fold_on(journal::Log& log, EntryIndex end, std::uint64_t kept) {
  constexpr std::string_view waits = "node/waits";
  fold::Pipeline pipeline(world_.executor, [&](EntryIndex index, fold::Event&& event) -> Status {
    if (folding_.next > 0 && std::holds_alternative<fold::EpochOpened>(event.body))
      return fail(fold::bad_entry, "an epoch opens within another");
    HF_TRY_VOID(needs_.note(event, {log.origin(), folding_.next}));
    if (auto missing = first_missing(event, replicas_);
        missing && needs_.is_of_a_peer(missing->first) && needs_.contains(missing->first)) {
      folding_.waits_for = std::move(missing);
      return fail(waits, "");
    }
    last_event_at_ = std::max(last_event_at_, event.at);
    HF_TRY_VOID(fold::apply(state_, index, event, replicas_));
    folding_.next = index + 1;
    return {};
  });
  Status folded = log.scan(folding_.next, end, [&](EntryIndex i, ByteView body) { return pipeline.take(i, body); });
  if (folded) folded = pipeline.finish();
  if (!folded) return folded.error().code == waits ? Status() : folded;
  if (end == kept) folding_.next = kept;  // parts whose last was not kept count for nothing
  return {};
}

}  // namespace holdfast::node
