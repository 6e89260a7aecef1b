// Keeping other sites' journals: storing, cosigning, sealing, and what is seen when somebody lies (protocol 4,
// 5.2-5.4).
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/base/mutant.h"
#include "core/journal/peek.h"
#include "core/node/closing.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

// How far entries of an origin are still taken: a sealed epoch only to what its successor kept; what lies beyond comes
// as a tail. Before there is a successor, a mirror that has come back takes what its fellow mirrors hold: only then may
// it seal, and the successor may need it for its quorum.
std::uint64_t NodeImpl::acceptable_size(const Origin& origin) const {
  if (const chain::Registration* next = successor_of(origin)) return next->kept_size;
  const auto it = state_.epochs.find(origin.site);
  if (it == state_.epochs.end() || origin.epoch >= it->second.sealed_below) return UINT64_MAX;
  return taken_up_.contains(origin.site) ? 0 : taken_up_.longest_told(origin);
}

const chain::Registration* NodeImpl::successor_of(const Origin& origin) const { return successor_in(keys_, origin); }

Status NodeImpl::on(Session& session, const sync::Entries& m) {
  if (catch_up_ && m.origin == origin_ && session.site == catch_up_->from()) return take_catch_up(session, m);
  const SiteName& owner = m.origin.site;
  const bool wanted =
      chain_.is_mirror(me_->name, owner) || chain_.follows(me_->name, owner) || needs_.contains(m.origin);
  const auto key = key_for(m);
  if (!wanted || !key || m.origin == origin_)
    return fail("node/refused", fmt::format("{} is not kept here", m.origin.text()));
  if (!needs_.contains(m.origin) && m.first + m.entries.size() > acceptable_size(m.origin))
    return fail("node/refused", fmt::format("{} is sealed here", m.origin.text()));
  HF_TRY(sync::Replica * replica, copy_of(m.origin));
  // What a new machine has kept of it is the history that counts: that is taken from this machine, to its end.
  const chain::Registration* next = successor_of(m.origin);
  const bool is_kept = next != nullptr && session.site == owner && m.first + m.entries.size() <= next->kept_size;
  if (replica->frozen && !is_kept)
    return fail("node/refused", fmt::format("{} contradicts itself; nothing more of it is taken", m.origin.text()));
  Need* need = needs_.find(m.origin);
  const bool is_rebuilt = rebuild_ && need != nullptr;
  if (is_rebuilt && need->from && need->from != session.site) return {};  // another gives all of it
  const auto asked = session.asked_from.find(m.origin);
  const bool was_asked = asked != session.asked_from.end() && asked->second == m.first;
  // Whoever is linked may say anything; who was asked is known, and nothing is no answer.
  if (is_rebuilt && (!was_asked || m.entries.empty())) return {};
  if (is_rebuilt) need->silent_since[*session.site] = monotonic_;
  // What is needed is known by its size beforehand, so it is bound by that and not by the day; and the next piece is
  // asked for before this one is checked and stored: its holder reads while we write.
  const std::uint64_t end = m.first + m.entries.size();
  const bool is_needed = need != nullptr && m.first < need->size;
  const bool is_asked_ahead =
      is_needed && end < need->size && m.first == replica->size() && end > m.first && replica->is_hashed();
  if (is_asked_ahead) ask_for(session, {m.origin, end, limit_of(m.origin, *need)});
  const Status taken = replica->take(m, *key, is_needed ? nullptr : &chain_.bounds, now_);
  if (is_rebuilt && !need->met && taken) need->givers.insert(*session.site);
  if (!taken && taken.error().code == "sync/contradiction" && is_rebuilt)
    return need->met ? Status() : fetch_anew(m.origin, session.site);
  if (!taken && taken.error().code == "sync/contradiction" && is_kept && !next->certificate.spare) {
    HF_TRY(const bool is_left, leave_branch(m.origin));
    if (is_left) return want(owner), Status();
  }
  // A root that does not fit may be junk under a checkpoint that is good, unless the owner himself sends it. What
  // others hold of a second history is seen by its checkpoints, each with one of ours at the same size.
  if (!taken && taken.error().code == "sync/contradiction" && session.site != owner)
    return fail("sync/bad_entries",
                fmt::format("{}: the entries do not give the root that is signed", m.origin.text()));
  if (!taken && taken.error().code == "sync/contradiction") {
    HF_TRY_VOID(contradiction(replica, m.origin, replica->latest_note(), m.note));
    return taken;
  }
  if (!taken && taken.error().code != "sync/out_of_order") return taken;
  const auto bytes = std::accumulate(m.entries.begin(), m.entries.end(), std::size_t{0},
                                     [](std::size_t sum, const Bytes& e) { return sum + e.size(); });
  if (taken && record_ && phase_ == Phase::rebuilding) {
    record_->entries_fetched += m.entries.size();
    record_->bytes_fetched += bytes;
  }
  // Each answer asks for one piece, and one piece is under way at a time. So one that is not what we asked this peer
  // for last gets none; one that is gets it though another has brought the same before, or this peer would send no
  // more. A rebuild lets the faster one go on, and asks the other when that one stops.
  if (!taken && m.first < replica->size() && (!was_asked || is_rebuilt)) return {};
  // Who drips gives nothing: another is asked, too.
  if (need != nullptr && (end >= need->size || bytes >= sync::chunk_bytes / 4)) need->gave(monotonic_, *session.site);
  const std::uint64_t acceptable = acceptable_size(m.origin);
  if (acceptable != UINT64_MAX && replica->size() >= acceptable) {  // now for what rests on it
    want(owner);
    want_from_fellow(session, owner);
  }
  const std::uint64_t most = acceptable == UINT64_MAX ? 0 : acceptable;
  const std::uint64_t limit = need != nullptr ? limit_of(m.origin, *need) : most;
  // What was here already may have come for its checkpoint alone (Replica::take).
  if (!is_asked_ahead || !taken) ask_for(session, {m.origin, taken ? end : replica->size(), limit});
  return compare_what_waits(*replica);
}

Status NodeImpl::leave_lost_branches() {
  HF_TRY(const std::vector<Origin> lost, branches_.lost(me_->name));
  for (const Origin& origin : lost) {
    const Result<bool> left = leave_branch(origin);
    if (!left && left.error().code == "journal/damaged") continue;  // what both have is mended first
    if (!left) return pass_on(left.error());
    branches_.settled(origin);
    if (*left) want(origin.site);
  }
  return {};
}

// False: it stays as it is.
Result<bool> NodeImpl::leave_branch(const Origin& origin) {
  HF_TRY(std::optional<Branches::Told> told, branches_.leave(origin, unsigned_bytes_max));
  if (!told) return false;
  trip(told->signature, told->severity, std::move(told->text));
  return told->is_left;
}

// What came before its entries did, or while a hole was in the way: checkpoints of others, cosigned ones, and the one
// on offer.
Status NodeImpl::compare_what_waits(sync::Replica& replica) {
  if (replica.gossiped && replica.latest()) {
    const auto agrees = replica.agrees(replica.gossiped->checkpoint);
    if (!agrees && agrees.error().code == "sync/contradiction")
      return contradiction(&replica, replica.origin(), replica.latest_note(), journal::to_text(replica.gossiped->note));
    if (agrees && *agrees) replica.gossiped.reset();
  }
  if (const Status cosigned = replica.take_cosigned_ahead(keys_, now_); !cosigned && is_fatal(cosigned.error()))
    return cosigned;
  return cosign_if_held(replica);
}

// A mirror's promise: stored durably, consistent with all it ever saw of this journal, and no newer epoch sealed it
// (4.1, 5.2).
bool NodeImpl::may_cosign(const Origin& origin) const {
  // While it asks, a mirror does not know either whether its disk is an old one, with seals missing that it once gave;
  // they stand in its own journal, so once that has caught up it may sign (3.1).
  if (!chain_.is_mirror(me_->name, origin.site) || phase_ != Phase::signing) return false;
  if (certificate_ && certificate_->spare) return false;  // 10.2
  const auto it = state_.epochs.find(origin.site);
  if (it != state_.epochs.end() && origin.epoch < it->second.sealed_below && !HF_MUTANT(5)) return false;
  return taken_up_.contains(origin.site);
}

// A checkpoint under our key within what we have signed, and of something else.
bool NodeImpl::is_not_ours(const std::string& note) const {
  const auto c = journal::peek_checkpoint(note);
  if (!c || c->origin != origin_ || c->size > own_->signed_size()) return false;
  const auto root = own_->log().root_at(c->size);
  return !root || *root != c->root;
}

// One that begins now, of a journal that was seen to contradict itself, goes on where what was seen of it ended (4.3).
Result<sync::Replica*> NodeImpl::copy_of(const Origin& origin) {
  if (sync::Replica* there = replicas_.find(origin)) return there;
  HF_TRY(sync::Replica * begun, replicas_.find_or_create(origin));
  begun->frozen = std::ranges::any_of(state_.contradictions,
                                      [&](const fold::ContradictionSeen& seen) { return seen.origin == origin; });
  return begun;
}

void NodeImpl::freeze_contradicted() {
  for (const fold::ContradictionSeen& seen : state_.contradictions) {
    if (sync::Replica* replica = replicas_.find(seen.origin)) replica->frozen = true;
    if (seen.origin == origin_ && (is_not_ours(seen.note_a) || is_not_ours(seen.note_b))) contradicted_ = true;
  }
}

Status NodeImpl::on(Session& session, const sync::Offer& m) {
  HF_TRY(const journal::Note note, journal::parse_note(m.note));
  HF_TRY(const journal::Checkpoint c, journal::parse_checkpoint(note.text));
  const auto key = keys_.log_key(c.origin);
  if (!key || c.origin.site != *session.site || !chain_.is_mirror(me_->name, c.origin.site))
    return fail("node/refused", fmt::format("{} is not mirrored here for this link", c.origin.text()));
  HF_TRY(journal::SignedCheckpoint offered, journal::open_checkpoint(m.note, *key));
  HF_TRY(sync::Replica * replica, copy_of(c.origin));
  replica->offered = std::move(offered);
  return cosign_if_held(*replica);
}

Status NodeImpl::cosign_if_held(sync::Replica& replica) {
  HF_TRY_VOID(take_up_if_told(replica.origin().site));
  if (!replica.offered || replica.frozen || !may_cosign(replica.origin())) return {};
  if (!replica.is_whole()) return {};  // 4.1: what is signed can be read here; it is asked for again when mended
  const journal::Checkpoint c = replica.offered->checkpoint;
  const auto agrees = replica.agrees(c);
  if (!agrees) {
    if (agrees.error().code != "sync/contradiction") return pass_on(agrees.error());
    const std::string note_b = journal::to_text(replica.offered->note);
    replica.offered.reset();
    return contradiction(&replica, c.origin, replica.latest_note(), note_b);
  }
  if (!*agrees && !HF_MUTANT(2)) return {};  // behind: we catch up and sign the one on offer
  // Its entries may have become durable and the power failed before their checkpoint did (replica.h). A rebuild asks
  // for what is signed here, and must be shown what we have cosigned.
  if (*agrees && c.size > replica.signed_size()) HF_TRY_VOID(replica.put_signed(*replica.offered));
  const std::string note = journal::to_text(replica.offered->note);
  replica.offered.reset();
  const journal::NoteSignature signature =
      journal::cosign(c, journal::cosigner_name(chain_.chain, me_->name), world_.signer.public_key(KeyUse::cosign),
                      now_, [&](ByteView text) { return world_.signer.sign(KeyUse::cosign, text); });
  ++counters_.cosignatures_given;
  send_site(c.origin.site, sync::Cosignature{c.origin, c.size, signature});
  // 4.3: the other mirrors of this journal hear what we have signed.
  for (const SiteName& mirror : chain_.find(c.origin.site)->mirrors)
    if (mirror != me_->name) send_site(mirror, sync::Gossip{note});
  return {};
}

Status NodeImpl::on(Session& session, const sync::Gossip& m) {
  HF_TRY(const journal::Note parsed, journal::parse_note(m.note));
  HF_TRY(const journal::Checkpoint c, journal::parse_checkpoint(parsed.text));
  const auto key = keys_.log_key(c.origin);
  sync::Replica* replica = replicas_.find(c.origin);
  if (c.origin == origin_) replica = own_.get();
  const bool concerned = c.origin == origin_ ||
                         (chain_.is_mirror(*session.site, c.origin.site) && chain_.is_mirror(me_->name, c.origin.site));
  if (!key || !concerned) return fail("node/refused", "this checkpoint does not concern us");
  HF_TRY(journal::SignedCheckpoint seen, journal::open_checkpoint(m.note, *key));
  if (replica == nullptr) return {};
  // What our key has signed and this disk lacks is no second history: while we ask, it comes back (3.2).
  if (c.origin == origin_ && phase_ == Phase::asking && c.size > replica->signed_size()) return {};
  const auto agrees = replica->agrees(c);
  if (agrees && *agrees) return {};
  if (agrees) {
    if (!replica->gossiped || replica->gossiped->checkpoint.size < c.size) replica->gossiped = std::move(seen);
    return {};
  }
  if (agrees.error().code != "sync/contradiction") return pass_on(agrees.error());
  const std::string ours = replica->latest_note();
  if (!replica->frozen && !ours.empty() && c.origin != origin_)
    send(session.id, sync::Gossip{ours});  // he should see it too
  return contradiction(replica, c.origin, ours, m.note);
}

// Two statements under one key that cannot both be true. Kept as evidence, shown, and nothing further is cosigned
// (4.3).
Status NodeImpl::contradiction(sync::Replica* replica, const Origin& origin, const std::string& note_a,
                               const std::string& note_b) {
  if (rebuild_) return {};  // what is here is not compared yet with what was sealed; the others know of it
  const auto of_site =
      std::ranges::count_if(state_.contradictions, [&](const auto& seen) { return seen.origin == origin; });
  const bool known = std::ranges::any_of(state_.contradictions, [&](const auto& seen) {
    return seen.origin == origin && (seen.note_b == note_b || seen.note_a == note_b);
  });
  if (replica != nullptr && origin != origin_) replica->frozen = true;
  if (origin == origin_) contradicted_ = true;
  if (known || static_cast<std::size_t>(of_site) >= contradictions_a_site_max || phase_ == Phase::rebuilding || !own_)
    return {};
  const bool ours = origin == origin_;
  trip(ours ? "contradiction-own" : "contradiction-peer", 1,
       fmt::format("two signed checkpoints of {} contradict each other", origin.text()));
  const std::size_t number = state_.contradictions.size();
  const std::string path = evidence_path(origin, number);
  const Status written = world_.disk.write_all(path, as_bytes(note_a + "\n" + note_b));
  if (!is_without_room(written, path)) HF_TRY_VOID(written);  // the journal has both notes anyway
  HF_TRY_VOID(append_event({now_, std::nullopt, fold::ContradictionSeen{origin, note_a, note_b}}));
  for (const chain::Site& site : chain_.sites)
    if (site.name != me_->name && chain_.is_mirror(site.name, origin.site)) send_site(site.name, sync::Gossip{note_b});
  return {};
}

std::string Node::evidence_path(const Origin& origin, std::size_t i) {
  return fmt::format("evidence/{:04}-{}-{}.txt", i, origin.site.view(), origin.epoch);
}

Status NodeImpl::on(Session& session, const sync::Cosigned& m) {
  HF_TRY(const journal::Note note, journal::parse_note(m.note));
  HF_TRY(const journal::Checkpoint c, journal::parse_checkpoint(note.text));
  const auto key = keys_.log_key(c.origin);
  const bool is_kept = chain_.is_mirror(me_->name, c.origin.site) || chain_.follows(me_->name, c.origin.site);
  if (!key || !is_kept || c.origin.site != *session.site) return {};
  HF_TRY(const journal::SignedCheckpoint signed_by_owner, journal::open_checkpoint(m.note, *key));
  // It may be here before the first entry, and is told once only.
  HF_TRY(sync::Replica * replica, copy_of(c.origin));
  // We have signed it and do not hold it: this disk is an old one, though our own journal may have told nothing of
  // that.
  if (c.size > replica->size() && taken_up_.contains(c.origin.site) &&
      keys_.cosignatures(signed_by_owner).contains(me_->name)) {
    HF_TRY_VOID(taken_up_.remove(c.origin.site));
    ask_fellows(c.origin.site);
  }
  const Status taken = replica->take_cosigned(signed_by_owner, keys_, now_);
  if (!taken && taken.error().code == "sync/contradiction")
    return contradiction(replica, c.origin, replica->latest_note(), m.note);
  // A mirror whose new key we do not know yet is no reason to end a link.
  if (!taken && taken.error().code == "sync/bad_signature") return {};
  return taken;
}

Status NodeImpl::on(Session& session, const sync::Heartbeat& m) {
  Peer* p = peer(*session.site);
  if (p == nullptr || m.origin.site != *session.site) return fail("sync/bad_message", "a heartbeat of another site");
  if (m.signature) {
    const auto key = keys_.log_key(m.origin);
    if (!key || !ed25519_verify(*key, sync::heartbeat_text(m), *m.signature))
      return fail("sync/bad_signature", "the signature of a heartbeat does not hold");
    session.is_asking = false;
    if (sync::Replica* replica = replicas_.find(m.origin)) {
      if (!replica->announced || replica->announced->size <= m.size) replica->announced = m;
      replica->announced_heard_at = now_;
    }
  }
  p->beat = m;
  return {};
}

fold::SiteEpochs NodeImpl::epochs_of(const SiteName& site) const {
  const auto it = state_.epochs.find(site);
  return it == state_.epochs.end() ? fold::SiteEpochs() : it->second;
}

sync::Known NodeImpl::what_we_know(const SiteName& site) const {
  sync::Known known;
  known.site = site;
  for (const auto& [origin, replica] : replicas_.all()) {
    if (origin.site != site) continue;
    sync::HeldEpoch held{origin, replica->size(), replica->latest_note(), {}};
    held.beat = replica->announced;
    if (replica->announced_heard_at) held.heard_at = *replica->announced_heard_at;
    if (replica->cosigned()) held.cosigned = journal::to_text(replica->cosigned()->note);
    known.held.push_back(std::move(held));
  }
  if (const auto it = state_.epochs.find(site); it != state_.epochs.end()) {
    for (const auto& [epoch, note] : it->second.registrations) known.registrations.push_back(note);
    for (const auto& [epoch, note] : it->second.sealed_by) known.seals.push_back(note);
  }
  return known;
}

Status NodeImpl::on(Session& session, const sync::Ask& m) {
  const bool his = m.site == *session.site && chain_.is_mirror(me_->name, m.site);
  const bool fellow = chain_.is_mirror(me_->name, m.site) && chain_.is_mirror(*session.site, m.site);
  if (!his && !fellow) return fail("node/refused", "that journal is not mirrored by us both");
  // A spare's epoch holds nobody's journal but its own; its word about another's is none (10.2).
  if (phase_ == Phase::rebuilding || (certificate_ && certificate_->spare)) return {};
  // For whom we do not count our word counts not either: he would sign without what we had signed (4.6). He asks again.
  if (his) HF_TRY_VOID(take_up_if_told(m.site));
  if (his && !taken_up_.contains(m.site)) {
    if (std::exchange(session.is_asking, true)) return {};
    want_from_fellows(m.site);
    return {};
  }
  after_commit_.push_back([this, id = session.id, site = m.site] { send(id, what_we_know(site)); });
  return {};
}

Status NodeImpl::on(Session& session, const sync::Seal& m) {
  // Nor while it asks itself: on an old disk the seal would be set aside, and less is held than was signed (3.1). Nor
  // where no mirror takes our journal any more (4.3), so that the seal would go with this disk. It is asked again.
  if (contradicted_) return {};
  if (phase_ == Phase::rebuilding || phase_ == Phase::stopped || phase_ == Phase::asking) return {};
  HF_TRY(const chain::Certificate c, chain::open_certificate(chain_, m.certificate));
  HF_TRY_VOID(check_let_in(c));
  if (c.site != *session.site || !chain_.is_mirror(me_->name, c.site))
    return fail("node/refused", "this certificate is not for you, or we are no mirror of that site");
  if (certificate_ && certificate_->spare) return fail("node/refused", "a spare's epoch is no mirror");
  if (c.spare) {
    HF_TRY(const chain::Registration registration, chain::open_registration(chain_, m.registration));
    if (registration.certificate.note != c.note)
      return fail("node/refused", "the registration shown is not of this certificate");
    HF_TRY_VOID(check_silence(c));
    HF_TRY_VOID(check_kept(registration));
  }
  // Our empty hands would count towards q, and what the others have cosigned be left behind. It asks again.
  HF_TRY_VOID(take_up_if_told(c.site));
  if (!taken_up_.contains(c.site)) return {};
  const fold::SiteEpochs known = epochs_of(c.site);
  const auto sealed = known.sealed_by.find(c.epoch);
  if (sealed != known.sealed_by.end() && sealed->second != c.note && !HF_MUTANT(23))
    return fail("node/refused",
                fmt::format("epoch {} was given to another certificate; ask for a higher number", c.epoch));
  if (sealed == known.sealed_by.end()) {
    // Others registered it before it could ask us: what it is registered for is what it asks to be sealed.
    const auto heard_of = known.registrations.find(c.epoch);
    const auto registration = heard_of == known.registrations.end()
                                  ? Result<chain::Registration>(fail("node/unknown", ""))
                                  : chain::parse_registration(heard_of->second);
    const bool is_of_this = registration && registration->certificate.note == c.note && known.sealed_below == c.epoch;
    if (known.sealed_below >= c.epoch && !is_of_this)
      return fail("node/refused",
                  fmt::format("epoch {} or a higher one has been taken here; ask for a higher number", c.epoch));
    HF_TRY_VOID(append_event({now_, std::nullopt, fold::EpochSealed{c.note}}));
  }
  // The answer leaves when the seal is durable; then nothing of a lower epoch is cosigned here any more.
  after_commit_.push_back([this, id = session.id, site = c.site, epoch = c.epoch] {
    sync::Known known_now = what_we_know(site);
    known_now.sealed_for = epoch;
    send(id, known_now);
  });
  return {};
}

Status NodeImpl::on(Session& session, const sync::Register& m) {
  if (contradicted_) return {};
  if (phase_ == Phase::rebuilding || phase_ == Phase::stopped || phase_ == Phase::asking) return {};
  HF_TRY(const chain::Registration registration, chain::open_registration(chain_, m.registration));
  const chain::Certificate& c = registration.certificate;
  HF_TRY_VOID(check_let_in(c));
  if (c.site != *session.site || !chain_.is_mirror(me_->name, c.site))
    return fail("node/refused", "this registration is not yours, or we are no mirror of that site");
  if (certificate_ && certificate_->spare) return fail("node/refused", "a spare's epoch is no mirror");
  HF_TRY_VOID(check_silence(c));
  HF_TRY_VOID(check_kept(registration));
  const fold::SiteEpochs known = epochs_of(c.site);
  const auto sealed = known.sealed_by.find(c.epoch);
  if (sealed == known.sealed_by.end() || (sealed->second != c.note && !HF_MUTANT(23)))
    return fail("node/refused", "we have not sealed for this certificate; ask us to seal first");
  const auto taken = known.registrations.find(c.epoch);
  // A spare's is kept with its mirrors' lines, and a machine that has lost them asks without.
  const auto before = taken == known.registrations.end() ? Result<chain::Registration>(fail("node/unknown", ""))
                                                         : chain::parse_registration(taken->second);
  if (before && !chain::is_same_registration(*before, registration) && !HF_MUTANT(23))
    return fail("node/refused",
                fmt::format("epoch {} is registered here with other contents; a new certificate is needed", c.epoch));
  if (taken == known.registrations.end() && !known.registrations.empty() &&
      known.registrations.rbegin()->first > c.epoch)
    return fail("node/refused", "a higher epoch is registered here");
  HF_TRY_VOID(take_registration(registration, true));
  session.rebuilding = false;
  session.epoch = c.epoch;
  sync::Registered answer{c.site, c.epoch, std::nullopt};
  if (c.spare)
    answer.witness = chain::witness(registration, me_->name, world_.signer.public_key(KeyUse::cosign),
                                    [&](ByteView text) { return world_.signer.sign(KeyUse::cosign, text); });
  after_commit_.push_back([this, id = session.id, answer = std::move(answer)] {
    send(id, answer);
    want(answer.site);
  });
  return {};
}

Status NodeImpl::on(Session& session, const sync::Known& m) {
  for (const std::string& note : m.registrations) {
    const auto registration = chain::open_registration(chain_, note);
    if (registration && registration->certificate.site == m.site) HF_TRY_VOID(take_registration(*registration));
  }
  if (phase_ == Phase::stopped) return {};
  if (!keys_.is_mirroring(*session.site)) return {};  // 10.2
  if (m.site == me_->name) {
    if (!chain_.is_mirror(*session.site, me_->name)) return {};
    if (rebuild_) {
      rebuild_->sealed(*session.site, m);
    } else if (Peer* p = peer(*session.site)) {
      p->told = m;
    }
    return {};
  }
  // 4.6: a fellow mirror's answer. Seals are taken as our own; the longest is what we must hold before we sign.
  if (!session.asked_of.contains(m.site) || phase_ == Phase::rebuilding) return {};
  for (const std::string& note : m.seals) {
    const auto c = chain::open_certificate(chain_, note);
    if (!c || c->site != m.site || epochs_of(m.site).sealed_below >= c->epoch || !may_take_seal(*c, m)) continue;
    if (!check_let_in(*c)) continue;
    HF_TRY_VOID(append_event({now_, std::nullopt, fold::EpochSealed{note}}));
  }
  const Origin newest = keys_.newest_origin(m.site);
  TakenUp::Told& told = taken_up_.begin_told(m.site, *session.site, newest);
  for (const sync::HeldEpoch& h : m.held) {
    if (h.origin != newest || h.note.empty()) continue;
    const auto key = keys_.log_key(newest);
    auto c = journal::open_checkpoint(h.note, *key);
    if (c && c->checkpoint.origin == newest && c->checkpoint.size > told.size()) told.longest = std::move(*c);
  }
  want_from_fellow(session, m.site);
  sync::Replica* replica = replicas_.find(newest);
  return replica == nullptr ? Status() : cosign_if_held(*replica);
}

}  // namespace holdfast::node
