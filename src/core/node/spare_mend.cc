// Damage on a spare's disk (protocol 2.4): looked for all day, and put back from its node.
#include <algorithm>

#include "core/node/spare_copy.h"

namespace holdfast::node {

journal::Log* Spare::log_of(const Origin& origin) {
  if (copy_ && copy_->origin() == origin) return copy_.get();
  sync::Replica* replica = replicas_.find(origin);
  return replica == nullptr ? nullptr : &replica->log();
}

std::vector<journal::Log*> Spare::logs() {
  std::vector<journal::Log*> out;
  if (copy_) out.push_back(copy_.get());
  for (auto& [origin, replica] : replicas_.all()) out.push_back(&replica->log());
  return out;
}

// Whatever cannot be read here is asked of the node: it has all of it.
Status Spare::mend_turn() {
  std::vector<SiteName> holders;
  if (session_ && is_greeted_) holders.push_back(me_->name);
  const auto ask = [this](const SiteName&, const sync::Missing& missing) { send(missing); };
  for (journal::Log* log : logs()) HF_TRY_VOID(mender_.turn(*log, holders, monotonic_, ask));
  for (const sync::MendTold& told : mender_.take_told()) {
    if (told.what == sync::MendTold::What::found) ++holes_found_;
    if (told.what == sync::MendTold::What::mended) ++holes_mended_;
    if (told.what != sync::MendTold::What::whole || !is_greeted_) continue;
    // What waited for it is asked for again.
    HF_TRY_VOID(ask_for_copy());
    ask_for_others();
  }
  HF_TRY_VOID(scrub_if_due());
  is_mend_busy_ =
      mender_.take_goes_on() || std::ranges::any_of(logs(), [](journal::Log* log) { return log->has_suspicion(); });
  return {};
}

Status Spare::scrub_if_due() {
  const std::vector<journal::Log*> all = logs();
  for (journal::Log* log : all)
    if (log->has_suspicion()) {
      HF_TRY_VOID(scrub(*log));
      return {};
    }
  if (all.empty() || monotonic_ < next_scrub_) return {};
  next_scrub_ = monotonic_ + options_.scrub_interval;
  scrubbed_log_ %= all.size();
  HF_TRY(const bool is_done, scrub(*all[scrubbed_log_]));
  if (!is_done || ++scrubbed_log_ < all.size()) return {};
  scrubbed_log_ = 0;
  next_scrub_ = monotonic_ + options_.scrub_pause;
  return {};
}

// Whether a round is done.
Result<bool> Spare::scrub(journal::Log& log) {
  const auto scrubbed = log.scrub(options_.scrub_bytes);
  if (!scrubbed && scrubbed.error().code.starts_with("base/disk")) return pass_on(scrubbed.error());
  if (!scrubbed) {
    problem_ = scrubbed.error().text;
    return true;
  }
  for (const journal::Hole& hole : scrubbed->found) mender_.tell_found(log.origin(), hole);
  return scrubbed->is_round_done;
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

void Spare::add_damage(SpareView& view) const {
  view.holes_found = holes_found_;
  view.holes_mended = holes_mended_;
  for (journal::Log* log : const_cast<Spare*>(this)->logs())  // reading what it lacks changes nothing
    for (const journal::Hole& hole : log->holes())
      if (view.damage.size() < damage_told_max) view.damage.push_back({log->origin(), hole.first, hole.end});
  if (!replicas_.unopened().empty()) {
    const auto& [origin, error] = *replicas_.unopened().begin();
    view.problem = "the copy of " + origin.text() + " stays closed: " + error.text;
  }
  if (view.damage.empty()) return;
  const DamageView& first = view.damage.front();
  view.problem = sync::to_text(first.origin, {first.first, first.end}) + (view.damage.size() > 1 ? " and more" : "") +
                 " cannot be read from the disk of this spare any more; the node fills it in as soon as it is linked";
}

}  // namespace holdfast::node
