// Damage on this machine's own disk (protocol 2.4): looked for all day, put back from who has a copy, told; and what a
// start does when its state rests on what cannot be read.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/node/damage.h"
#include "core/node/node_impl.h"

namespace holdfast::node {
namespace {
constexpr std::size_t step_bytes_max = 300;              // of what a start says that it waits for, about
constexpr std::uint64_t mending_hash_bytes = 32u << 20;  // a turn, while nobody is served
constexpr std::uint64_t hurried_scrub_factor = 8;
constexpr Duration fold_again_after = seconds(10);
}  // namespace

// What cannot be read is nobody's fault who asks for it, and no reason to end: it is put back, and asked for again.
Status NodeImpl::unless_damaged(const Status& done) {
  if (done || done.error().code != "journal/damaged") return done;
  ++counters_.damaged_reads;
  return {};
}

std::vector<journal::Log*> NodeImpl::logs() const {
  std::vector<journal::Log*> out;
  if (own_) out.push_back(&own_->log());
  for (const auto& [origin, replica] : replicas_.all()) out.push_back(&replica->log());
  return out;
}

// Journals whose entries the state is made of: our own, and those that we follow.
bool NodeImpl::is_folded(const Origin& origin) const {
  return origin.site == me_->name || chain_.follows(me_->name, origin.site);
}

bool NodeImpl::has_holes(Holes of) {
  return std::ranges::any_of(logs(), [&](journal::Log* log) {
    return (of == Holes::any || is_folded(log->origin())) &&
           (log->has_holes() || log->hashed_size() < log->durable_size());
  });
}

// A snapshot names a record that was not found. If the journal ends before it, that is no torn end but lost, whatever
// it looks like (2.3). The site starts all the same, since one rotten checkpoint at the end must not keep it shut, and
// asks its mirrors before it signs (3.1).
void NodeImpl::tell_lost_end(const journal::LogMark& covered) {
  const std::uint64_t size = own_->size();
  std::string what;
  if (size < covered.size)
    what = fmt::format("entries {} to {} of {}", size, covered.size - 1, origin_.text());
  else if (own_->is_hashed() && own_->log().mark().record_number < covered.record_number)
    what = fmt::format("what stood behind the {} entries of {}, a checkpoint,", size, origin_.text());
  if (!what.empty())
    trip("journal-damage", 2,
         what +
             " cannot be found on this disk any more, and a snapshot says that it was there. It comes back from "
             "mirrors, the spare and tills as far as they have it; what only this machine had is lost. Replace the "
             "disk");
}

// Who may have this journal and is linked now: its owner, its mirrors, those who follow it, and the spare of this
// store.
std::vector<SiteName> NodeImpl::holders_of(const Origin& origin) {
  std::vector<SiteName> out;
  for (const chain::Site& site : chain_.sites) {
    if (site.name == me_->name) continue;
    const bool has_it =
        site.name == origin.site || chain_.is_mirror(site.name, origin.site) || chain_.follows(site.name, origin.site);
    const Session* s = has_it ? session_of(site.name) : nullptr;
    if (s != nullptr && !s->superseded && !s->rebuilding) out.push_back(site.name);
  }
  if (spare_ && spare_->session) out.push_back(me_->name);
  return out;
}

Status NodeImpl::mend_turn() {
  const auto ask = [this](const SiteName& site, const sync::Missing& missing) {
    if (site != me_->name) return send_site(site, missing);
    if (spare_ && spare_->session) send(*spare_->session, missing);
  };
  const std::uint64_t hash_bytes = is_mending_ ? mending_hash_bytes : sync::hash_on_bytes;
  const std::vector<journal::Log*> all = logs();
  for (journal::Log* log : all) {
    const bool is_whole = !log->has_holes() && log->hashed_size() == log->durable_size();  // as almost always
    const std::vector<SiteName> holders = is_whole ? std::vector<SiteName>() : holders_of(log->origin());
    HF_TRY_VOID(mender_.turn(*log, holders, monotonic_, ask, hash_bytes));
  }
  const sync::ScrubPace pace{options_.scrub_bytes, options_.scrub_interval, options_.scrub_pause, hurried_scrub_factor};
  HF_TRY(const sync::Scrubbed scrubbed, scrubber_.turn(all, pace, waiting_.empty(), monotonic_, mender_));
  counters_.bytes_scrubbed += scrubbed.bytes;
  if (scrubbed.is_round_done) ++counters_.scrub_rounds;
  if (!scrubbed.problem.empty()) trip("journal-damage", 2, scrubbed.problem);
  is_mend_busy_ = mender_.take_goes_on() || is_mending_ ||
                  std::ranges::any_of(all, [](journal::Log* log) { return log->has_suspicion(); });
  return {};
}

// What has come of it is taken up before the next commit: it may be of weight for what is written.
Status NodeImpl::take_mended() {
  for (const sync::MendTold& told : mender_.take_told()) HF_TRY_VOID(take_told(told));
  return {};
}

Status NodeImpl::take_told(const sync::MendTold& told) {
  using What = sync::MendTold::What;
  switch (told.what) {
    case What::found:
      ++counters_.holes_found;
      break;
    case What::mended:
      ++counters_.holes_mended;
      counters_.entries_mended += told.hole.end - told.hole.first;
      counters_.bytes_mended += told.bytes;
      break;
    case What::lied:
      ++counters_.bad_mends_refused;
      break;
    case What::whole:  // what waited for it goes on
      if (sync::Replica* replica = replicas_.find(told.origin); replica != nullptr && !is_mending_) {
        HF_TRY_VOID(unless_damaged(compare_what_waits(*replica)));
        want(told.origin.site);
      }
      return {};
    case What::unprovable:
    case What::refuted:
      break;
  }
  const bool is_good = told.what == What::mended;
  trip(is_good ? "journal-mended" : "journal-damage", is_good ? 4 : 2, sync::to_text(told));
  return {};
}

// Asked for by somebody whose own copy is damaged: as far as he may have this journal at all.
Status NodeImpl::on(Session& session, const sync::Missing& m) {
  HF_TRY_VOID(check_may_have(session, m.origin));
  session.missing = m;  // answered when there is room: one answer is under way at a time
  return {};
}

Status NodeImpl::on(Session& session, const sync::Found& m) {
  mender_.take(*session.site, m);
  return {};
}

void NodeImpl::pump_missing() {
  for (auto& [id, session] : sessions_) {
    if (!session.missing || world_.net.unsent_bytes(id) > unsent_bytes_max) continue;
    const sync::Missing missing = *std::exchange(session.missing, {});
    // Of our own journal, nothing leaves the site unsigned (2.2).
    const bool is_limited = missing.origin == origin_ && !session.own_spare;
    const std::uint64_t signed_size = own_ ? own_->signed_size() : 0;
    send(id, sync::found_in(log_of(missing.origin), missing, is_limited ? signed_size : UINT64_MAX));
  }
}

// ---- a start whose state rests on what cannot be read

// Nothing is served before the state is whole; what is missing is named, and asked for.
void NodeImpl::begin_mending() {
  phase_ = Phase::rebuilding;
  is_mending_ = true;
  mended_before_fold_ = counters_.holes_mended;
  was_whole_before_fold_ = !has_holes(Holes::folded);
  next_fold_ = monotonic_ + fold_again_after;
  state_ = fold::State();
  step_ = what_is_missing();
}

// What is named by our journal and is not on this disk at all: the end of a copy has rotted, or a directory is gone. It
// is fetched as a rebuild fetches it. False: a copy that stays closed is in the way.
Result<bool> NodeImpl::may_fetch_what_is_named() {
  HF_TRY_VOID(needs_.discover(own_->log(), own_->size()));
  for (auto& [origin, replica] : replicas_.all()) replica->reload(keys_);
  return std::ranges::none_of(needs_.all(),
                              [this](const auto& need) { return replicas_.unopened().contains(need.first); });
}

std::string NodeImpl::what_is_missing() {
  std::string text;
  std::size_t more = 0;
  const auto add = [&](const Origin& origin, const journal::Hole& hole) {
    if (text.size() > step_bytes_max)
      ++more;
    else
      text += (text.empty() ? "" : "; ") + sync::to_text(origin, hole);
  };
  for (journal::Log* log : logs())
    if (is_folded(log->origin()))
      for (const journal::Hole& hole : log->holes()) add(log->origin(), hole);
  for (const auto& [origin, need] : needs_.all()) {
    const sync::Replica* replica = replicas_.find(origin);
    const std::uint64_t size = replica == nullptr ? 0 : replica->size();
    if (size < need.size) add(origin, {size, need.size});
  }
  if (more > 0) text += fmt::format("; and {} more", more);
  if (text.empty()) return "reading what was put back";
  return fmt::format(
      "cannot be read from this disk, and the state rests on it: {}. It comes back by itself as soon as a "
      "mirror or the spare that has it is linked; without any, rebuild this site (holdfast site rebuild)",
      text);
}

// Folding anew reads everything, so it is tried when all is there; or now and then, when something has come back and
// what is still missing may not be needed.
Status NodeImpl::advance_mending() {
  step_ = what_is_missing();
  if (!own_->is_whole()) return {};
  const bool had_needs = !needs_.empty();
  if (had_needs) {
    HF_TRY_VOID(unless_damaged(fetch_needs()));
    step_ = what_is_missing();
    if (!needs_.are_met()) return {};
    needs_.clear();
  }
  const bool is_whole = !has_holes(Holes::folded);
  const bool is_news = had_needs || counters_.holes_mended != mended_before_fold_ || is_whole != was_whole_before_fold_;
  if (!is_news || (!is_whole && !had_needs && monotonic_ < next_fold_)) return {};
  is_mending_ = false;
  HF_TRY_VOID(open_own_journal());
  if (!own_) return fail("journal/damaged", "what was put back of " + origin_.text() + " leaves no entry of it");
  if (is_mending_) return {};
  step_.clear();
  posture_waiting_.clear();
  switch_due_.reset();
  HF_TRY_VOID(serve_own_journal());
  if (phase_ != Phase::stopped)
    for (const chain::Registration& registration : std::exchange(learned_, {}))
      HF_TRY_VOID(take_registration(registration));
  return greet_all();
}

std::vector<DamageView> damage_of(std::span<journal::Log* const> logs) {
  std::vector<DamageView> out;
  for (journal::Log* log : logs)
    for (const journal::Hole& hole : log->holes())
      if (out.size() < damage_told_max) out.push_back({log->origin(), hole.first, hole.end});
  return out;
}

}  // namespace holdfast::node
