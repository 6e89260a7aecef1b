// The posture of this site (docs/guard.md): alerts judged, links ended, and the record of both.
//
// A seal is in force when the call that asks for it returns: first the wire, then the disk. It is recorded by the next
// turn, and told as done only then. One switch file beside the journal says the same for what has no journal at hand:
// the command line while no node runs, a machine that is being rebuilt, and the adoption of a chain file.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/read_file.h"
#include "core/fold/incidents.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

bool NodeImpl::is_closed_to(const SiteName& site) const {
  return posture_ == guard::Posture::sealed || cut_.contains(site);
}

// Protocol 10.1: the spare of this store is inside a seal, linked now or not.
std::vector<PublicKey> NodeImpl::inside_keys() const {
  return spare_ ? std::vector<PublicKey>{spare_->certificate.keys.tls} : std::vector<PublicKey>();
}

// Nothing passes to whoever holds this key: everybody outside a seal, and a site whose link is cut (promise 4).
bool NodeImpl::is_shut_out(const PublicKey& tls) const {
  if (posture_ != guard::Posture::sealed) {
    const auto known = keys_.by_tls(tls);
    return known && cut_.contains(known->site);
  }
  const std::vector<PublicKey> inside = inside_keys();
  return std::ranges::find(inside, tls) == inside.end();
}

// The one mechanism of every cut: nothing passes on these connections when this returns.
void NodeImpl::end_sessions(const std::function<bool(const Session&)>& which) {
  std::vector<ConnectionId> ended;
  for (const auto& [id, session] : sessions_)
    if (which(session)) ended.push_back(id);
  for (const ConnectionId id : ended) {
    world_.net.close(id);  // first the wire: established connections end now
    drop(id);
  }
}

void NodeImpl::end_every_link() {
  world_.net.set_doors({true, inside_keys()});
  end_sessions([&](const Session& session) { return is_shut_out(session.tls); });
  for (auto& [site, p] : peers_) {
    if (!p.dialling) continue;
    world_.net.close(*p.dialling);
    p.dialling.reset();
  }
  if (own_dial_) world_.net.close(*own_dial_);
  own_dial_.reset();
}

Status NodeImpl::enforce(guard::Posture posture) {
  const guard::Posture before = std::exchange(posture_, posture);
  if (posture == guard::Posture::sealed) {
    end_every_link();
  } else if (before == guard::Posture::sealed) {
    // Rejoining opens link by link, each by a person's `link heal`: all of them begin cut.
    if (posture == guard::Posture::rejoining) {
      for (const auto& [site, p] : peers_)
        if (cut_.insert(site).second) link_changes_.push_back(fold::LinkCut{site, {}, false});
      HF_TRY_VOID(save_cut_list());
    }
    world_.net.set_doors({});
    for (auto& [site, p] : peers_) p.redial_at = world_.clock.monotonic();
  }
  if (on_posture_) on_posture_(posture);
  return {};
}

void NodeImpl::set_posture(guard::SetPosture order, PostureAnswer answer) {
  if (!answer) answer = [](const Status&) {};
  // Else whoever calls one alert a false alarm opens what another has sealed since, and excuses that one too.
  const bool closes = order.posture == guard::Posture::sealed;
  const bool has_changed =
      order.seen_since && (!posture_recorded_ || *order.seen_since != state_.guard.since) && order.posture != posture_;
  if (has_changed && !closes)
    return answer(fail("guard/changed_meanwhile",
                       fmt::format("this site's posture has changed since you looked: it is {} now; look why, and "
                                   "decide again",
                                   guard::to_text(posture_))));
  guard::GuardState in_force;
  in_force.posture = posture_;
  auto decided = guard::decide(in_force, order);
  if (!decided && decided.error().code == "guard/already_so") {
    posture_waiting_.push_back({std::nullopt, std::move(answer)});  // answered when that is durable
    return;
  }
  if (!decided) return answer(pass_on(decided.error()));
  if (const SiteName* site = cut_that_keeps_rejoining(decided->posture))
    return answer(fail("guard/links_cut",
                       fmt::format("the link with {} is still cut; let it return when its checklist is met, or seal "
                                   "this site and call the seal a false alarm",
                                   site->view())));
  posture_recorded_ = false;
  // Else one more wrong PIN would tighten again what a person has just opened.
  if (decided->posture == guard::Posture::open) judge_.forget_counts();
  if (const Status done = enforce(decided->posture); !done) posture_failed_ = done;
  posture_waiting_.push_back({std::move(*decided), std::move(answer)});
}

void NodeImpl::raise(guard::Alert raw) {
  guard::AlertRaised raised{guard::cleaned(std::move(raw)), guard::Level::watch, {}, 1};
  const guard::Alert& alert = raised.alert;
  const Instant at = world_.clock.monotonic();
  const guard::Verdict verdict = judge_.judge(alert, at);
  raised.alert.unrecorded = std::string();
  ++counters_.alerts;
  if (verdict.level == guard::Level::benign) {
    ++counters_.alerts_benign;
    return;
  }
  raised.level = verdict.level;
  raised.rule = verdict.rule_name();
  if (raised.level > guard::Level::watch &&
      state_.guard.is_excused(alert.source, alert.signature, world_.clock.now())) {
    raised.level = guard::Level::watch;
    raised.rule = "excused by a person";
  }
  const bool seals = raised.level == guard::Level::sealed && posture_ != guard::Posture::sealed;
  const bool guards = raised.level == guard::Level::guarded && posture_ == guard::Posture::open;
  if (seals || guards) {
    std::string reason = alert.text.empty() ? alert.source + " " + alert.signature : alert.text;
    if (verdict.rule != nullptr && reason.size() + verdict.rule->reason.size() + 3 <= guard::reason_bytes_max)
      reason += " (" + verdict.rule->reason + ")";
    set_posture({seals ? guard::Posture::sealed : guard::Posture::guarded,
                 guard::Cause::alert,
                 {},
                 alert.source,
                 alert.signature,
                 raised.rule,
                 std::move(reason)},
                {});
  }
  recorder_.note(std::move(raised), at, seals || guards);
}

// Otherwise one person would open the site and then heal link after link, and no checklist would be asked for. Null:
// nothing is in the way of the posture `next`.
const SiteName* NodeImpl::cut_that_keeps_rejoining(guard::Posture next) const {
  if (posture_ != guard::Posture::rejoining || next == guard::Posture::sealed) return nullptr;
  const auto it = std::ranges::find_if(cut_, [&](const SiteName& site) { return peers_.contains(site); });
  return it == cut_.end() ? nullptr : &*it;
}

std::vector<incident::RejoinCheck> NodeImpl::missing_checks(const SiteName& site) const {
  const auto known = state_.incidents.rejoin.find(site);
  return known == state_.incidents.rejoin.end() ? incident::Checklist{}.missing() : known->second.missing();
}

// What was written beside the journal while no node ran must not walk around the checklist: by the journal this site
// is rejoining, so each link whose checklist is unmet is cut, whatever the list of cuts says.
Status NodeImpl::cut_unmet_links() {
  if (!own_ || state_.guard.posture != guard::Posture::rejoining) return {};
  std::string names;
  for (const auto& [site, p] : peers_) {
    if (missing_checks(site).empty() || !cut_.insert(site).second) continue;
    end_link(site);  // after a mending there are sessions already
    names += (names.empty() ? "" : ", ") + site.str();
  }
  if (names.empty()) return {};
  trip("rejoin-skipped", 2,
       "found open at the start though the checklist is not met, and cut again; let each return by `holdfast rejoin "
       "link SITE`: " +
           names);
  return save_cut_list();
}

// Called where sessions are being walked; judged when the inbox is done, in the same turn.
void NodeImpl::trip(std::string_view signature, std::uint8_t severity, std::string text) {
  if (tripped_.size() >= tripped_max) return;
  guard::Alert alert{
      std::string(guard::tripwire_source), std::string(signature), severity, "", std::move(text), {}, now_};
  alert.digest = sha256(as_bytes(alert.text));
  tripped_.push_back(std::move(alert));
}

void NodeImpl::take_tripped() {
  for (guard::Alert& alert : std::exchange(tripped_, {})) raise(std::move(alert));
}

// What was seen and what was ordered goes into the journal; the switch file follows in write_posture_switch().
Status NodeImpl::record_guard() {
  HF_TRY_VOID(posture_failed_);
  const bool can_record = own_ && phase_ != Phase::rebuilding && phase_ != Phase::stopped;
  if (can_record)
    for (guard::AlertRaised& raised : recorder_.take_due(monotonic_))
      HF_TRY_VOID(append_event({now_, std::nullopt, std::move(raised)}));
  for (PostureOrder& order : std::exchange(posture_waiting_, {})) {
    if (order.event) {
      switch_due_ = PostureSwitch{order.event->posture, order.event->reason};
      if (can_record) {
        EntryIndex at = 0;
        const bool seals = order.event->posture == guard::Posture::sealed;
        HF_TRY_VOID(append_event({now_, std::nullopt, std::move(*order.event)}, &at));
        if (seals) HF_TRY_VOID(open_incident_by_seal(at));
      }
    }
    after_commit_.push_back([answer = std::move(order.answer)] { answer({}); });
  }
  return {};
}

// A seal begins an incident, unless one is open already as far as this site sees: then it belongs to that one.
Status NodeImpl::open_incident_by_seal(EntryIndex at) {
  for (const incident::SeenIncident& seen : fold::incidents_seen(state_))
    if (!seen.is_closed()) return {};
  const Hash hash = sha256(as_bytes(fmt::format("holdfast incident v1\n{}\n{}\n", origin_.text(), at)));
  incident::IncidentOpened opened{{}, "", EntryRef{origin_, at}};
  std::copy_n(hash.begin(), opened.id.bytes.size(), opened.id.bytes.begin());
  return append_event({now_, std::nullopt, std::move(opened)});
}

Status NodeImpl::write_posture_switch() {
  if (switch_due_) {
    const std::string text = fmt::format("{}\n{}\n", guard::to_text(switch_due_->posture), switch_due_->reason);
    HF_TRY_VOID(world_.disk.write_all(posture_path, as_bytes(text)));
    switch_due_.reset();
  }
  posture_recorded_ = posture_waiting_.empty();
  return {};
}

// A crash between the two must not leave a file that says less than the journal, because at a start the file counts: so
// what seals is in the file first, and what opens in the journal first.
Status NodeImpl::commit_with_switch() {
  if (!switch_due_ || switch_due_->posture != guard::Posture::sealed) {
    HF_TRY_VOID(commit());
    return write_posture_switch();
  }
  if (const Status written = write_posture_switch(); !written) {
    // A full disk may leave no room for the file while the journal, whose room is set aside, has some. An empty file
    // means sealed, none leaves the word to the journal; what stands there now would open the site at the next start.
    // Whatever comes of these, the process ends, and nobody is told that it is done.
    Status tried = world_.disk.write_all(posture_path, {});
    if (!tried) tried = world_.disk.remove(posture_path);
    tried = commit();
    return written;
  }
  return commit();
}

PostureSwitch read_posture_switch(std::string_view text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  PostureSwitch out;
  const auto posture = guard::posture_of(text.substr(0, end));
  if (!posture)
    return {guard::Posture::sealed, "the file \"posture\" was damaged; somebody or something has written to it"};
  out.posture = *posture;
  std::string_view rest = text.substr(std::min(end + 1, text.size()));
  out.reason = rest.substr(0, std::min({rest.find('\n'), rest.size(), guard::reason_bytes_max}));
  return out;
}

// On a spare that opens, the file may be older than the journal, which came from another machine: there it only closes.
// Done before the epoch has its first entry: a start that finds one believes the file (restore_posture).
Status NodeImpl::let_switch_only_close() {
  HF_TRY(const auto bytes, read_if_there(world_.disk, posture_path));
  if (!bytes) return {};
  const guard::Posture wanted = read_posture_switch(as_text(*bytes)).posture;
  if (wanted == state_.guard.posture || wanted == guard::Posture::sealed) return {};
  return keep_posture_in_switch();
}

// As the journal says it.
Status NodeImpl::keep_posture_in_switch() {
  switch_due_ = PostureSwitch{state_.guard.posture, state_.guard.last ? state_.guard.last->reason : std::string()};
  return write_posture_switch();
}

// At the start: what the journal says, unless somebody has turned the switch while no node ran.
Status NodeImpl::restore_posture() {
  posture_ = own_ ? state_.guard.posture : guard::Posture::open;
  posture_recorded_ = true;
  HF_TRY_VOID(cut_unmet_links());
  HF_TRY(const auto bytes, read_if_there(world_.disk, posture_path));
  if (bytes) {
    PostureSwitch wanted = read_posture_switch(as_text(*bytes));
    const SiteName* cut = cut_that_keeps_rejoining(wanted.posture);
    if (wanted.posture != posture_ && cut != nullptr) {
      trip("rejoin-skipped", 2,
           fmt::format("the posture was set to {} while no node ran, and the link with {} is still cut: this site is "
                       "rejoining still; let the links return, then `holdfast rejoin end`",
                       guard::to_text(wanted.posture), cut->view()));
      HF_TRY_VOID(keep_posture_in_switch());
    } else if (wanted.posture != posture_) {
      guard::PostureChanged change{wanted.posture, guard::Cause::machine, {}, "", "", "", std::move(wanted.reason)};
      if (!guard::check_event(change)) change.reason = "by the command line while no node ran";
      posture_recorded_ = false;
      if (posture_ == guard::Posture::sealed && change.posture == guard::Posture::rejoining) {
        for (const auto& [site, p] : peers_) cut_.insert(site);
        HF_TRY_VOID(save_cut_list());
      }
      posture_ = change.posture;
      posture_waiting_.push_back({std::move(change), [](const Status&) {}});
    }
  } else if (posture_ != guard::Posture::open) {
    // So that a start that cannot read the journal (2.4) does not open what it says is sealed.
    HF_TRY_VOID(keep_posture_in_switch());
  }
  if (posture_ == guard::Posture::sealed) end_every_link();
  return {};
}

// After the journal was taken back to what a mirror has (3.2): the posture in force stands, and is recorded again.
void NodeImpl::restate_posture() {
  if (!own_ || state_.guard.posture == posture_) return;
  guard::PostureChanged change{posture_,
                               guard::Cause::machine,
                               {},
                               "",
                               "",
                               "",
                               "recorded again: the entry that said so was not among those that a mirror had"};
  posture_recorded_ = false;
  posture_waiting_.push_back({std::move(change), [](const Status&) {}});
}

}  // namespace holdfast::node
