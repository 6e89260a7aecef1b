// Damage on a spare's disk (protocol 2.4): looked for all day, and put back from its node.
#include <algorithm>

#include "core/journal/peek.h"
#include "core/node/damage.h"
#include "core/node/spare_copy.h"

namespace holdfast::node {

journal::Log* Spare::log_of(const Origin& origin) {
  if (copy_ && copy_->origin() == origin) return copy_.get();
  sync::Replica* replica = replicas_.find(origin);
  return replica == nullptr ? nullptr : &replica->log();
}

std::vector<journal::Log*> Spare::logs() const {
  std::vector<journal::Log*> out;
  if (copy_) out.push_back(copy_.get());
  for (const auto& [origin, replica] : replicas_.all()) out.push_back(&replica->log());
  return out;
}

// Whatever cannot be read here is asked of the node: it has all of it.
Status Spare::mend_turn() {
  std::vector<SiteName> holders;
  if (session_ && is_greeted_) holders.push_back(me_->name);
  const auto ask = [this](const SiteName&, const sync::Missing& missing) { send(missing); };
  const std::vector<journal::Log*> all = logs();
  for (journal::Log* log : all) HF_TRY_VOID(mender_.turn(*log, holders, monotonic_, ask));
  for (const sync::MendTold& told : mender_.take_told()) {
    if (told.what == sync::MendTold::What::found) ++holes_found_;
    if (told.what == sync::MendTold::What::mended) ++holes_mended_;
    if (told.what != sync::MendTold::What::whole || !is_greeted_) continue;
    // What waited for it is asked for again.
    HF_TRY_VOID(ask_for_copy());
    ask_for_others();
  }
  const sync::ScrubPace pace{options_.scrub_bytes, options_.scrub_interval, options_.scrub_pause};
  HF_TRY(const sync::Scrubbed scrubbed, scrubber_.turn(all, pace, true, monotonic_, mender_));
  if (!scrubbed.problem.empty()) problem_ = scrubbed.problem;
  is_mend_busy_ =
      mender_.take_goes_on() || std::ranges::any_of(all, [](journal::Log* log) { return log->has_suspicion(); });
  return {};
}

// The node's own disk is damaged, and this copy may have what it lacks.
Status Spare::on(const sync::Missing& m) {
  send(sync::found_in(log_of(m.origin), m, UINT64_MAX));
  return {};
}

Status Spare::on(const sync::Found& m) {
  mender_.take(me_->name, m);
  return {};
}

// Each of these ends a promoted spare at every start, and then it copies nothing any more (promote.cc). Behind the last
// checkpoint it opens with what comes before the hole (13.73).
std::string why_not_to_open(const SiteName& site, std::span<journal::Log* const> logs) {
  const auto is_copy = [&](const journal::Log* log) { return log->origin().site == site && log->durable_size() > 0; };
  if (std::ranges::none_of(logs, is_copy)) return "there is no copy of the store's journal here yet";
  for (const journal::Log* log : logs) {
    if (!log->has_holes()) continue;
    const auto last = journal::peek_checkpoint(log->last_checkpoint());
    const std::uint64_t needed = last ? last->size : 1;
    for (const journal::Hole& hole : log->holes())
      if (hole.first < hole.end && hole.first < needed)
        return sync::to_text(log->origin(), hole) + " cannot be read from this disk any more";
  }
  return {};
}

void Spare::add_damage(SpareView& view) const {
  view.holes_found = holes_found_;
  view.holes_mended = holes_mended_;
  const std::vector<journal::Log*> all = logs();
  view.damage = damage_of(all);
  view.cannot_open = why_not_to_open(me_->name, all);
  if (!replicas_.unopened().empty()) {
    const auto& [origin, error] = *replicas_.unopened().begin();
    view.problem = "the copy of " + origin.text() + " stays closed: " + error.text;
  }
  for (const auto& [origin, error] : replicas_.unopened())
    if (origin.site == me_->name && view.cannot_open.empty())
      view.cannot_open = "the copy of " + origin.text() + " stays closed: " + error.text;
  if (view.damage.empty()) return;
  const DamageView& first = view.damage.front();
  view.problem = sync::to_text(first.origin, {first.first, first.end}) + (view.damage.size() > 1 ? " and more" : "") +
                 " cannot be read from the disk of this spare any more; the node fills it in as soon as it is linked";
}

}  // namespace holdfast::node
