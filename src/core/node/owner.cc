// Our own journal: asking before signing, checkpoints, offers, heartbeats (protocol 2.2, 3, 4.2, 4.5).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/mutant.h"
#include "core/journal/peek.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

// 3.1: signs only after r mirrors have told the largest size and newest epoch they know.
Status NodeImpl::leave_asking_if_told() {
  if (contradicted_ || catch_up_) {
    if (catch_up_ && catch_up_->is_complete()) {
      // It is folded anew then, from the beginning: nothing that is read for that may be missing (2.4).
      HF_TRY_VOID(fetch_needs());
      return needs_.are_met() && !has_holes(Holes::folded) ? finish_catch_up() : Status();
    }
    if (catch_up_ && monotonic_ - catch_up_->asked_at() > patience_max) {
      givers_.gave_nothing(catch_up_->from());  // it went away, drips, or has a hole there: another is asked first
      catch_up_.reset();
    }
    return {};
  }
  const unsigned needed = me_->mirrors.empty() || HF_MUTANT(4) ? 0 : HF_MUTANT(14) ? 1 : chain_.honest_any(*me_);
  std::vector<const Peer*> told;
  for (const SiteName& mirror : me_->mirrors)
    if (const Peer* p = peer(mirror); p != nullptr && p->told) told.push_back(p);
  if (told.size() < needed) {
    quorum_told_at_.reset();
    if (monotonic_ >= next_retry_) {
      next_retry_ = monotonic_ + retry_interval;
      for (const SiteName& mirror : me_->mirrors) send_site(mirror, sync::Ask{me_->name});
    }
    return {};
  }
  // Whoever else is linked is waited for a moment: r mirrors know all that was cosigned, and one of the others may hold
  // what we have only signed. Signing another history than that would freeze this journal (4.3). Our spare is waited
  // for somewhat longer, because it has to call first: it may have what no mirror has (10.1).
  const auto linked = std::ranges::count_if(me_->mirrors, [this](const auto& m) { return session_of(m) != nullptr; });
  if (!quorum_told_at_) quorum_told_at_ = monotonic_;
  const Duration waited = monotonic_ - *quorum_told_at_;
  if (std::cmp_less(told.size(), linked) && waited < straggler_patience) return {};
  if (spare_ && !spare_->has_told && waited < spare_patience) return {};
  const PublicKey key = world_.signer.public_key(KeyUse::log);
  const std::uint64_t signed_size = own_->signed_size();
  const Peer* ahead = nullptr;
  bool is_behind = false;
  std::optional<journal::SignedCheckpoint> target;
  for (const Peer* p : told) {
    for (const sync::HeldEpoch& h : p->told->held) {
      if (h.origin != origin_ || h.note.empty()) continue;
      auto note = journal::open_checkpoint(h.note, key);
      if (!note || note->checkpoint.origin != origin_) continue;  // not by our key: says nothing about us
      const journal::Checkpoint& c = note->checkpoint;
      if (c.size <= own_->size()) {
        HF_TRY(const Hash root, own_->log().root_at(c.size));
        if (root == c.root) continue;
        // Within what we signed this is a second history under our key; above it, it is what we were rolled back from.
        if (c.size <= signed_size) {
          HF_TRY_VOID(contradiction(nullptr, origin_, own_->latest_note(), h.note));
          return {};
        }
      }
      is_behind = true;
      if (givers_.is_distrusted(p->site)) continue;
      const auto rank = [&](const Peer& each, std::uint64_t size) {
        return std::pair(-givers_.times_nothing(each.site), size);
      };
      if (!target || rank(*p, c.size) > rank(*ahead, target->checkpoint.size)) {
        ahead = p;
        target = std::move(*note);
      }
    }
  }
  if (ahead == nullptr && is_behind) return {};  // until somebody gives us what we have signed
  if (ahead == nullptr || HF_MUTANT(28)) {
    phase_ = Phase::signing;
    unsigned_since_ = monotonic_ - options_.checkpoint_delay_max;
    for (auto& [id, session] : sessions_)  // what was too long to give while nothing could be signed in between
      if (const auto feed = session.feeds.find(origin_); feed != session.feeds.end()) feed->second.under_way = false;
    for (auto& [origin, replica] : replicas_.all())
      HF_TRY_VOID(cosign_if_held(*replica));  // what was offered meanwhile
    return {};
  }
  HF_TRY(catch_up_, CatchUp::begin(*own_, ahead->site, std::move(*target), monotonic_));
  send_site(ahead->site, sync::Have{origin_, signed_size, catch_up_->target().checkpoint.size});
  return {};
}

Status NodeImpl::take_catch_up(Session& session, const sync::Entries& m) {
  switch (catch_up_->take(m, world_.signer.public_key(KeyUse::log), monotonic_)) {
    case CatchUp::Took::late:
      break;
    case CatchUp::Took::none:
      return take_none_of(std::exchange(catch_up_, {})->target(), *session.site);
    case CatchUp::Took::piece:
      send(session.id, sync::Have{origin_, catch_up_->have(), catch_up_->target().checkpoint.size});
      break;
    case CatchUp::Took::all:
      need_what_is_named(catch_up_->entries());
      break;
  }
  return {};
}

// Whoever gave them may lie: he is not asked again, and another is. Only r mirrors include an honest one, and then it
// is our own history that is not the one we signed.
Status NodeImpl::take_none_of(const journal::SignedCheckpoint& target, const SiteName& from) {
  givers_.distrust(from);
  const auto mirrors = std::ranges::count_if(me_->mirrors, [&](const auto& m) { return givers_.is_distrusted(m); });
  if (mirrors > 0 && static_cast<std::size_t>(mirrors) >= chain_.honest_any(*me_))
    return contradiction(nullptr, origin_, own_->latest_note(), journal::to_text(target.note));
  return fail("sync/bad_entries",
              fmt::format("the entries that {} gave of our own journal do not give a root that we have signed; it is "
                          "not asked again before the next start",
                          from.view()));
}

// An older disk may also lack what its own lost entries followed of peers (7.2), and of an epoch that was followed
// further than its successor kept, no link brings it by itself. Whoever has it is asked; until it is here we sell on.
void NodeImpl::need_what_is_named(const std::vector<Bytes>& entries) {
  fold::Joiner joiner;
  for (const Bytes& body : entries) {
    const auto event = joiner.take(body);
    if (!event) return;  // told when it is folded
    const auto* followed = *event ? std::get_if<fold::PeerFollowed>(&(*event)->body) : nullptr;
    if (followed == nullptr) continue;
    for (const fold::FollowedPrefix& p : followed->peers)
      if (needs_.is_of_a_peer(p.origin)) needs_.add(p.origin, p.size, p.root);
  }
}

// Whoever has our log key can sign anything, and what is committed here is folded by each start. So state_ is made of
// it before that; the error is about the first entry that cannot be folded, and state_ is nobody's then.
Status NodeImpl::fold_catch_up(const CatchUp& c, const std::string& registration) {
  HF_TRY_VOID(replay(c.base()));
  EntryIndex index = c.base();
  EntryIndex begins = c.base();
  const auto cannot = [&](std::string_view code, std::string_view why) {
    return fail(code, fmt::format("entry {} of {}: {}", begins, origin_.text(), why));
  };
  fold::Joiner joiner;
  for (const Bytes& body : c.entries()) {
    if (!joiner.in_the_middle()) begins = index;
    const auto event = joiner.take(body);
    if (!event) return cannot(event.error().code, event.error().text);
    if (*event) {
      if (begins > 0 && std::holds_alternative<fold::EpochOpened>((*event)->body))
        return cannot(fold::bad_entry, "an epoch opens within another");
      const Status applied = fold::apply(state_, index, **event, replicas_);
      if (!applied) return cannot(applied.error().code, applied.error().text);
      last_event_at_ = std::max(last_event_at_, (*event)->at);
    }
    ++index;
  }
  if (joiner.in_the_middle()) return cannot(fold::bad_entry, "the other parts of its event are missing");
  const bool is_ours = state_.chain == chain_.chain && state_.site == me_->name && state_.epoch == origin_.epoch &&
                       state_.registration == registration;
  return is_ours ? Status() : cannot(fold::bad_entry, "it does not go on from the opening of this epoch");
}

// Our key has signed what this program cannot have written: a second history (4.3), wherever it begins. What a newer
// version wrote may be ours; this one takes none of it, and signs no other in its place.
Status NodeImpl::leave_catch_up(const Error& why) {
  if (why.code.starts_with("base/disk") || why.code == "journal/damaged") return pass_on(why);
  if (why.code == "sync/missing_entries" &&
      catch_up_->begin_to_need_all())  // a snapshot covered what is not here any more
    if (needs_.discover(own_->log(), catch_up_->base())) return {};
  const CatchUp c = std::move(*catch_up_);
  catch_up_.reset();
  needs_.clear();
  givers_.leave(c.target().checkpoint.root);
  trip("journal-damage", 2,
       fmt::format("what {} gave of our own journal is signed by our key and cannot be folded, so none of it is taken "
                   "and nothing more is signed: {}",
                   c.from().view(), why.text));
  if (why.code != "fold/unknown_event")
    return contradiction(nullptr, origin_, own_->latest_note(), journal::to_text(c.target().note));
  contradicted_ = true;
  return {};
}

// 3.2: what the mirror has comes first; what was taken since the start is set aside and re-admitted behind it.
Status NodeImpl::finish_catch_up() {
  HF_TRY_VOID(commit());
  HF_TRY_VOID(release());
  fold::State in_force = std::exchange(state_, fold::State());
  const Instant newest = std::exchange(last_event_at_, Instant());
  const auto put_back = [&] {
    state_ = std::move(in_force);
    last_event_at_ = newest;
  };
  if (const Status folded = fold_catch_up(*catch_up_, in_force.registration); !folded) {
    put_back();
    return leave_catch_up(folded.error());
  }
  journal::Log& log = own_->log();
  if (own_rotten_end_.empty()) HF_TRY_VOID(forget_taken_up());  // an old disk
  const Status rewound = log.size() > catch_up_->base() ? log.rewind(catch_up_->base()) : Status();
  if (!rewound) {  // a sector that cannot be read now: the journal is as it was, and so is its state
    put_back();
    return rewound;
  }
  CatchUp c = std::move(*catch_up_);
  catch_up_.reset();
  needs_.clear();
  // A piece at a time, each under its checkpoint, as any mirror has stored them: whoever asks us gets pieces, too.
  std::vector<journal::SignedCheckpoint> notes = c.take_notes();
  auto note = notes.begin();
  for (const Bytes& e : c.entries()) {
    log.append(e);
    for (; note != notes.end() && note->checkpoint.size == log.size(); ++note) {
      HF_TRY_VOID(log.commit());
      HF_TRY_VOID(own_->put_signed(std::move(*note)));
    }
  }
  HF_TRY_VOID(log.commit());
  HF_TRY_VOID(own_->put_signed(c.target()));
  keys_.add_all(state_);
  freeze_contradicted();
  HF_TRY_VOID(append_start_events());
  HF_TRY_VOID(readmit_aside());
  for (auto& [id, session] : sessions_)  // what was taken in since the start lies farther back now
    for (TakenDue& due : session.taken_due) due.size = log.size();
  restate_posture();
  for (auto& [site, p] : peers_) p.told.reset();
  for (const SiteName& mirror : me_->mirrors) send_site(mirror, sync::Ask{me_->name});
  unsigned_bytes_ = 0;
  return {};
}

bool NodeImpl::may_sign() const {
  return (phase_ == Phase::signing || (HF_MUTANT(21) && phase_ == Phase::provisional)) && !contradicted_;
}

Status NodeImpl::checkpoint_if_due() {
  if (!may_sign()) return {};
  const std::uint64_t signed_size = own_->signed_size();
  const std::uint64_t size = own_->size();
  if (size <= signed_size) {
    unsigned_since_.reset();
    return {};
  }
  const bool late = unsigned_since_ && monotonic_ - *unsigned_since_ >= options_.checkpoint_delay_max;
  if (!late && size - signed_size < options_.checkpoint_entries_max && unsigned_bytes_ < unsigned_bytes_max) return {};
  HF_TRY_VOID(sign_checkpoint(size));
  unsigned_since_.reset();
  unsigned_bytes_ = 0;
  return {};
}

Result<journal::SignedCheckpoint> NodeImpl::signed_checkpoint(std::uint64_t size) {
  HF_TRY(const Hash root, own_->log().root_at(size));
  ++counters_.checkpoints;
  return journal::sign_checkpoint({origin_, size, root}, world_.signer.public_key(KeyUse::log),
                                  [&](ByteView text) { return world_.signer.sign(KeyUse::log, text); });
}

Status NodeImpl::sign_checkpoint(std::uint64_t size) {
  HF_TRY(journal::SignedCheckpoint made, signed_checkpoint(size));
  return own_->put_signed(std::move(made));
}

// Where more lies between two checkpoints than a message holds (a week that was sold while nobody could be asked, over
// any number of starts), ends of events in between are signed too (2.2). The tree has them; nothing new is said.
Status NodeImpl::sign_between(EntryIndex first) {
  journal::Log& log = own_->log();
  const auto before = journal::peek_checkpoint(log.checkpoint_at_most(first));
  const auto end = log.next_checkpoint_size(first);
  if (!end) return {};
  std::vector<std::uint64_t> sizes;
  fold::Joiner joiner;
  std::size_t bytes = 0;
  HF_TRY_VOID(log.scan(before ? before->size : 0, *end, [&](EntryIndex index, ByteView body) -> Status {
    bytes += body.size();
    HF_TRY(const std::optional<fold::Event> whole, joiner.take(body));
    if (!whole || bytes < unsigned_bytes_max || index + 1 == *end) return {};
    sizes.push_back(index + 1);
    bytes = 0;
    return {};
  }));
  for (const std::uint64_t size : sizes) {
    HF_TRY(const journal::SignedCheckpoint made, signed_checkpoint(size));
    HF_TRY_VOID(log.put_checkpoint(size, journal::to_text(made.note)));
  }
  return {};
}

Status NodeImpl::offer_if_possible() {
  if (!may_sign() || !own_->latest() || me_->mirrors.empty()) return {};
  const std::uint64_t offered = offers_.current() ? offers_.current()->checkpoint.size : 0;
  const std::uint64_t cosigned = offers_.cosigned() ? offers_.cosigned()->checkpoint.size : 0;
  const bool newer = own_->latest()->checkpoint.size > std::max(offered, cosigned);
  if (newer && offers_.may_offer(monotonic_)) {
    offers_.offer(*own_->latest(), monotonic_);
  } else if (!offers_.current() || monotonic_ - offer_sent_at_ < sync::offer_patience) {
    return {};
  }
  // A mirror that has not signed is asked again; the checkpoint stays one and the same for all (4.2).
  offer_sent_at_ = monotonic_;
  const std::string note = journal::to_text(offers_.current()->note);
  for (const SiteName& mirror : me_->mirrors)
    if (offers_.waits_for(mirror)) send_site(mirror, sync::Offer{note});
  return {};
}

Status NodeImpl::on(Session& session, const sync::Cosignature& m) {
  if (m.origin != origin_ || !offers_.current() || offers_.current()->checkpoint.size != m.size) return {};
  HF_TRY(const bool complete, offers_.take(*session.site, m.signature, keys_, chain_));
  if (Peer* p = peer(*session.site)) p->held = std::max(p->held.value_or(0), m.size);
  if (!complete) return {};
  ++counters_.cosigned;
  const std::string note = journal::to_text(offers_.cosigned()->note);
  HF_TRY_VOID(unless_damaged(own_->log().put_checkpoint(m.size, note)));
  cosigned_at_ = now_;
  no_copy_since_ = m.size >= own_->size() ? std::nullopt : std::optional(now_);
  for (const auto& [id, s] : sessions_)
    if (s.site && !s.superseded) send(id, sync::Cosigned{note});
  return {};
}

void NodeImpl::heartbeat_if_due() {
  if (monotonic_ < next_heartbeat_) return;
  next_heartbeat_ = monotonic_ + heartbeat_interval;
  sync::Heartbeat beat{origin_, 0, 0, now_, phase_ != Phase::stopped && phase_ != Phase::rebuilding, std::nullopt};
  if (phase_ == Phase::signing && !contradicted_) {
    beat.size = own_->size();
    beat.cosigned_size = offers_.cosigned() ? offers_.cosigned()->checkpoint.size : 0;
    beat.signature = world_.signer.sign(KeyUse::log, sync::heartbeat_text(beat));
  }
  for (const auto& [id, session] : sessions_)
    if (session.site && !session.superseded && !session.candidate) send(id, beat);
}

}  // namespace holdfast::node
