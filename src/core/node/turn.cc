// The main path (protocol 1.1), told in order.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

Status NodeImpl::turn() {
  now_ = world_.clock.now();
  monotonic_ = world_.clock.monotonic();
  ++counters_.turns;

  // What peers say comes first: a seal or a newer epoch must be known before another sale is acknowledged.
  HF_TRY_VOID(take_inbox());
  HF_TRY_VOID(take_mended());
  if (phase_ != Phase::stopped) want_what_was_over_bound();
  take_tripped();
  HF_TRY_VOID(record_guard());

  if (phase_ == Phase::rebuilding) {
    HF_TRY_VOID(write_posture_switch());
    HF_TRY_VOID(release());
    HF_TRY_VOID(is_mending_ ? advance_mending() : unless_damaged(advance_rebuild()));
  } else {
    if (phase_ == Phase::asking) HF_TRY_VOID(unless_damaged(leave_asking_if_told()));
    HF_TRY_VOID(unless_damaged(register_if_possible()));
    // One write after the other, each on the state that the one before left; all of them share the commit below.
    HF_TRY_VOID(decide_writes());
    HF_TRY_VOID(append_link_changes());
    HF_TRY_VOID(follow_if_due());
    if (HF_MUTANT(1)) HF_TRY_VOID(release());
    // Beyond this point nothing more is decided in this turn.
    HF_TRY_VOID(commit_with_switch());
    HF_TRY_VOID(release());
    // A signature closes what is durable; it is stored before anybody is shown it.
    HF_TRY_VOID(unless_damaged(checkpoint_if_due()));
    HF_TRY_VOID(offer_if_possible());
  }

  dial_peers();
  dial_old_machine();
  heartbeat_if_due();
  HF_TRY_VOID(pump_feeds());
  HF_TRY_VOID(unless_damaged(pump_tails()));
  pump_missing();
  pump_spare();
  HF_TRY_VOID(snapshot_if_due());
  // What is on the disk is looked at when everything else is done.
  return mend_turn();
}

Instant NodeImpl::wake_at() const {
  if (!inbox_.empty() || !waiting_.empty() || !posture_waiting_.empty() || mender_.has_told()) return monotonic_;
  // What no turn does now wakes nobody: a replaced machine, which may stand there for weeks, took a turn each 10 ms.
  const bool can_record = phase_ != Phase::stopped && phase_ != Phase::rebuilding;
  if (!link_changes_.empty() && can_record) return monotonic_;
  Instant at = next_heartbeat_;
  if (const auto due = recorder_.due_at(monotonic_); due && can_record)
    at = std::min(at, std::max(*due, monotonic_ + milliseconds(10)));
  if (unsigned_since_ && phase_ == Phase::signing && !contradicted_)
    at = std::min(at, *unsigned_since_ + options_.checkpoint_delay_max);
  if (phase_ == Phase::asking || phase_ == Phase::rebuilding) at = std::min(at, monotonic_ + milliseconds(50));
  if (is_mend_busy_) at = std::min(at, monotonic_ + milliseconds(10));
  at = std::min(at, std::max(scrubber_.next_at(), monotonic_ + milliseconds(10)));
  if (phase_ == Phase::provisional) at = std::min(at, std::max(next_retry_, monotonic_ + milliseconds(10)));
  if (!me_->follows.empty() && can_record)
    at = std::min(at, std::max(follower_.next_at(), monotonic_ + milliseconds(10)));
  for (const auto& [site, p] : peers_)
    if (!p.session && !p.dialling && !is_closed_to(site))
      at = std::min(at, std::max(p.redial_at, monotonic_ + milliseconds(10)));
  return at;
}

Status NodeImpl::stop() {
  now_ = world_.clock.now();
  monotonic_ = world_.clock.monotonic();
  if (!own_ || is_mending_) return {};
  HF_TRY_VOID(record_guard());
  HF_TRY_VOID(commit_with_switch());
  HF_TRY_VOID(release());
  if (phase_ != Phase::signing || contradicted_) return {};
  if (own_->size() > own_->signed_size()) HF_TRY_VOID(sign_checkpoint(own_->size()));
  return own_->size() > snapshots_.size() ? write_snapshot() : Status();
}

// A failed write to disk, or a state that can no longer be trusted: the process must end (1.2). What cannot be read is
// put back (2.4), and everything else is the peer's or the client's fault and is answered.
bool NodeImpl::is_fatal(const Error& error) const {
  return error.code.starts_with("base/disk") || error.code == "node/half_applied" || error.code == "node/wrong_root" ||
         error.code == "sync/missing_entries";
}

// Of a file on which nothing rests, so that for want of room alone it is left out (1.2). Said once, until one has found
// room again.
bool NodeImpl::is_without_room(const Status& written, std::string_view path) {
  if (written) is_file_without_room_ = false;
  if (written || written.error().code != "base/disk_full") return false;
  if (!std::exchange(is_file_without_room_, true))
    trip(
        "disk-full", 2,
        fmt::format("the disk has no room for {}. Make room in the file system of the data directory: the site goes on "
                    "without that file, and ends when one of its journals needs another",
                    path));
  return true;
}

// A slice of it, once a flood takes longer: a few hundred bytes of a peer may ask for megabytes to be read and hashed,
// and the shop sells in between.
Status NodeImpl::take_inbox() {
  std::size_t left = inbox_.size();  // what arrives while we work is for the next turn
  while (left-- > 0 && world_.clock.monotonic() - monotonic_ <= inbox_slice) {
    auto item = std::move(inbox_.front());
    inbox_.pop_front();
    if (const auto* connected = std::get_if<Connected>(&item)) {
      if (is_shut_out(connected->tls) && !HF_MUTANT(27)) {  // it knocks, and gets no word
        world_.net.close(connected->id);
        drop(connected->id);  // it may be one that we dialled, and is dialled again when the door is open
        continue;
      }
      Session& session = sessions_[connected->id];
      session = Session();
      session.id = connected->id;
      session.tls = connected->tls;
      session.dialled_here = connected->dialled_here;
      greet(connected->id);
    } else if (const auto* closed = std::get_if<Closed>(&item)) {
      drop(closed->id);
    } else {
      const auto& arrived = std::get<Arrived>(item);
      inbox_bytes_ -= arrived.message.size();
      const auto it = sessions_.find(arrived.id);
      if (it == sessions_.end()) continue;
      ++counters_.messages_in;
      counters_.bytes_in += arrived.message.size();
      auto message = sync::decode(arrived.message);
      const Status handled = message ? handle(it->second, *message) : Status(pass_on(message.error()));
      if (handled) continue;
      if (is_fatal(handled.error())) return handled;
      if (unless_damaged(handled)) continue;
      if (const auto again = sessions_.find(arrived.id); again != sessions_.end())
        refuse(again->second, handled.error());
    }
  }
  return {};
}

void NodeImpl::submit(fold::WriteRequest request, Answer answer) {
  if (phase_ == Phase::stopped)
    return answer(fail("node/stopped", fmt::format("this machine has been replaced{}; use the new one",
                                                   replaced_.by() ? " by " + replaced_.by()->text() : std::string())));
  if (phase_ == Phase::rebuilding)
    return answer(fail("node/rebuilding", is_mending_ ? step_ : "this site is being rebuilt; try again in a moment"));
  if (waiting_.size() >= waiting_writes_max)
    return answer(fail("node/busy", "too many writes are waiting; try again in a moment"));
  waiting_.push_back({std::move(request), std::move(answer)});
}

Status NodeImpl::decide_writes() {
  for (std::size_t n = 0; n < options_.group_writes_max && !waiting_.empty(); ++n) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    HF_TRY_VOID(write_one(next.request, std::move(next.answer)));
  }
  return {};
}

Status NodeImpl::write_one(const fold::WriteRequest& request, Answer answer) {
  if (phase_ == Phase::stopped) {
    answer(fail("node/stopped", "this machine has been replaced; use the new one"));
    return {};
  }
  if (auto beyond = beyond_provisional(request)) {
    ++counters_.writes_refused;
    answer(pass_on(std::move(*beyond)));
    return {};
  }
  const fold::DecideContext context{std::max(now_, last_event_at_), chain_, *this};
  Result<fold::Decided> decided = fold::decide(state_, context, request);
  if (!decided) {
    ++counters_.writes_refused;
    // A refusal may rest on what this group has decided, so it too waits until that is durable.
    after_commit_.push_back([answer = std::move(answer), error = decided.error()] { answer(pass_on(error)); });
    return {};
  }
  fold::Taken taken;
  if (decided->known) {
    ++counters_.duplicates;
    const auto event = read(decided->known->epoch, decided->known->index);
    if (!event && is_fatal(event.error())) return pass_on(event.error());
    if (!event) {  // it is taken, and what was answered then cannot be read just now
      ++counters_.damaged_reads;
      after_commit_.push_back([answer = std::move(answer), error = event.error()] { answer(pass_on(error)); });
      return {};
    }
    taken = fold::taken(state_, *event, decided->known->epoch, decided->known->index, true);
  } else {
    EntryIndex at = 0;
    HF_TRY_VOID(append_event(*decided->event, &at));
    taken = fold::taken(state_, *decided->event, origin_.epoch, at, false);
    ++counters_.writes_taken;
    written_at_ = monotonic_;
  }
  after_commit_.push_back([answer = std::move(answer), taken = std::move(taken)] { answer(taken); });
  return {};
}

// Appends one event of ours and applies it to the working state. Its index is that of its last piece (protocol 1.3).
Status NodeImpl::append_event(fold::Event event, EntryIndex* at) {
  // A write has the time of its trade, which an import may bring from last year; our own events follow one another.
  if (!event.write) event.at = std::max(event.at, last_event_at_);
  EntryIndex index = 0;
  for (const Bytes& body : fold::encode(event)) {
    index = own_->log().append(body);
    unsigned_bytes_ += body.size();
    ++counters_.entries;
  }
  last_event_at_ = std::max(last_event_at_, event.at);
  // What an event of ours makes fold() read has been looked at before it is appended (can_be_folded). An error here
  // ends the node, and where a snapshot covers what is lost, the next start would come to the same place.
  if (const Status applied = fold::apply(state_, index, event, replicas_); !applied)
    return fail("node/half_applied", applied.error().text);
  if (at != nullptr) *at = index;
  return {};
}

// Who cut or healed which link, and when (docs/events.md, Incidents of several sites).
Status NodeImpl::append_link_changes() {
  if (phase_ == Phase::stopped) return {};
  for (fold::Body& change : std::exchange(link_changes_, {}))
    HF_TRY_VOID(append_event({now_, std::nullopt, std::move(change)}));
  return {};
}

// Named in our journal first, then folded (7).
Status NodeImpl::follow_if_due() {
  if (phase_ == Phase::stopped || !follower_.is_due(monotonic_)) return {};
  HF_TRY_VOID(unless_damaged(leave_lost_branches()));
  HF_TRY(Follower::Next next, follower_.next(*me_, monotonic_));
  counters_.followed_entries += next.entries;
  if (!next.followed.peers.empty()) HF_TRY_VOID(append_event({now_, std::nullopt, std::move(next.followed)}));
  for (fold::PeerSucceeded& succeeded : next.succeeded)
    HF_TRY_VOID(append_event({now_, std::nullopt, std::move(succeeded)}));
  return {};
}

Status NodeImpl::commit() {
  if (!own_ || own_->log().uncommitted_bytes() == 0) return write_through();
  HF_TRY_VOID(own_->log().commit());
  ++counters_.commits;
  if (!unsigned_since_) unsigned_since_ = monotonic_;
  if (!no_copy_since_) no_copy_since_ = now_;
  return write_through();
}

Status NodeImpl::release() {
  std::vector<std::function<void()>> ready;
  ready.swap(after_commit_);
  for (const auto& f : ready) f();
  return {};
}

Status NodeImpl::snapshot_if_due() {
  if (phase_ != Phase::signing || !own_ || !own_->latest()) return {};
  // Only of a signed size: what is unsigned might have to be set aside at the next start (3.2).
  if (own_->latest()->checkpoint.size != own_->size() || own_->size() <= snapshots_.size()) return {};
  // At once where something that this state is made of has been lost since: a start without it could not fold (2.4).
  const bool is_urgent = snapshots_.is_before_hole(counters_.holes_found) && has_holes(Holes::folded);
  // What a rebuilt or promoted machine has folded of its forerunners is in none yet, and the next start would fold all
  // of it again. To write it takes the longer the more it is, so nobody should be waiting.
  const bool is_owed = origin_.epoch > 1 && snapshots_.size() == 0 && monotonic_ - written_at_ >= snapshot_quiet;
  if (!is_urgent && !is_owed && own_->size() < snapshots_.size() + options_.snapshot_entries) return {};
  return snapshots_.may_write(monotonic_) ? write_snapshot() : Status();
}

Result<Hash> NodeImpl::root_of(const Origin& origin, std::uint64_t size) const {
  journal::Log* log = const_cast<NodeImpl*>(this)->log_of(origin);  // reading fills caches only
  if (log == nullptr || log->durable_size() < size)
    return fail("node/unknown_entry", fmt::format("{} entries of {} are not on this disk", size, origin.text()));
  return log->root_at(size);
}

Result<fold::Event> NodeImpl::read(std::uint32_t epoch, EntryIndex index) const {
  auto* self = const_cast<NodeImpl*>(this);  // reading fills caches only
  journal::Log* log = self->log_of({chain_.chain, me_->name, epoch});
  if (log == nullptr)
    return fail("node/unknown_entry", fmt::format("epoch {} of this site is not on this disk", epoch));
  if (index >= log->size())
    return fail("node/unknown_entry", fmt::format("entry {} of epoch {} is not on this disk any more", index, epoch));
  HF_TRY(const Bytes last, log->read(index));
  HF_TRY(fold::Event event, fold::decode(last));
  const auto* part = std::get_if<fold::Part>(&event.body);
  if (part == nullptr) return event;
  if (part->number > index) return fail("fold/bad_entry", "a part has no beginning");
  fold::Joiner joiner;
  std::optional<fold::Event> joined;
  HF_TRY_VOID(log->scan(index - part->number, index + 1, [&](EntryIndex, ByteView body) -> Status {
    HF_TRY(joined, joiner.take(body));
    return {};
  }));
  if (!joined) return fail("fold/bad_entry", "the parts of an entry do not join");
  return std::move(*joined);
}

}  // namespace holdfast::node
