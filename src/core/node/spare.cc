// The second machine of a store, as its node and its mirrors see it (protocol 10): the copy it gets, what it gives
// back, and when mirrors believe it. Being one: spare_copy.h before it is promoted, promote.cc after.
#include <fmt/format.h>

#include <algorithm>

#include "core/journal/peek.h"
#include "core/node/closing.h"
#include "core/node/node_impl.h"

namespace holdfast::node {
namespace {
constexpr std::size_t spare_chunk_bytes = 1u << 20;
constexpr Duration spare_heard_recently = seconds(5);
}  // namespace

// ---- the node and the spare of its own store

// Whoever says that he is our own site: our spare, an older machine of ours, a newer one, or we ourselves.
Status NodeImpl::meet_own_site(Session& session, const sync::Hello& m) {
  const auto refused = [](std::string why) { return fail("sync/bad_message", std::move(why)); };
  if (session.tls == world_.signer.public_key(KeyUse::tls)) {
    is_our_address_ = true;
    return refused("we have called ourselves");
  }
  if (const auto known = keys_.by_tls(session.tls); known && known->site == me_->name && known->epoch < origin_.epoch) {
    session.site = m.site;
    session.epoch = known->epoch;
    session.superseded = true;
    if (phase_ == Phase::signing || phase_ == Phase::asking) send(session.id, sync::Superseded{registration_});
    return {};
  }
  if ((phase_ == Phase::rebuilding && !is_mending_) || phase_ == Phase::provisional)
    return refused("this machine has just taken the site over; it keeps no spare yet");
  if (!m.registration.empty()) {
    HF_TRY(const chain::Registration registration, chain::open_registration(chain_, m.registration));
    const chain::Certificate& c = registration.certificate;
    if (c.site != me_->name || c.keys.tls != session.tls)
      return refused("the registration shown is not of this machine");
    HF_TRY_VOID(take_registration(registration));
    if (phase_ != Phase::stopped) return refused("this registration does not replace us");
    session.site = m.site;
    session.epoch = c.epoch;
    begin_tails(session);
    return {};
  }
  HF_TRY(const chain::Certificate c, chain::open_unrevoked_certificate(chain_, m.certificate));
  if (!c.spare || c.site != me_->name || c.keys.tls != session.tls)
    return refused("this is no spare of this site: its certificate is another machine's, or not a spare's");
  if (c.epoch <= origin_.epoch)
    return refused(
        fmt::format("the certificate of this spare is for epoch {}, and the site is in epoch {} by now; sign "
                    "it a new one with `holdfast recovery sign --spare`",
                    c.epoch, origin_.epoch));
  if (spare_ && spare_->session && *spare_->session != session.id) {
    const ConnectionId old = *spare_->session;
    world_.net.close(old);
    drop(old);
  }
  session.site = m.site;
  session.epoch = c.epoch;
  session.own_spare = true;
  if (!spare_ || spare_->certificate.note != c.note) {
    const Status written = world_.disk.write_all(own_spare_path, as_bytes(c.note));
    if (!is_without_room(written, own_spare_path)) HF_TRY_VOID(written);  // it shows it again whenever it is linked
  }
  spare_ = OwnSpare{c, session.id, now_, monotonic_};
  tell_registrations(session.id);
  tell_former_registrations(session.id);
  if (!spare_box_.empty()) send(session.id, sync::SpareCredentials{spare_box_});
  return {};
}

// Those in our journal that count no longer (9.1): it holds what the journal names of them, and needs their keys for
// it.
void NodeImpl::tell_former_registrations(ConnectionId to) {
  for (const auto& [site, epochs] : state_.epochs)
    for (const auto& [epoch, note] : epochs.registrations)
      if (keys_.registration(site, epoch) == nullptr) send(to, sync::Superseded{note});
}

// What a machine of our own site may say; the rest is not for it.
Status NodeImpl::from_own_site(Session& session, const sync::Message& message) {
  if (session.own_spare && spare_ && spare_->session == session.id) {
    spare_->heard_at = now_;
    spare_->heard_monotonic = monotonic_;
    if (const auto* found = std::get_if<sync::Found>(&message)) return on(session, *found);
    if (is_mending_) return {};
    if (const auto* missing = std::get_if<sync::Missing>(&message)) return on(session, *missing);
    if (const auto* have = std::get_if<sync::SpareHave>(&message)) return on(session, *have);
    if (const auto* have = std::get_if<sync::Have>(&message)) return on(session, *have);
    const bool is_ours = catch_up_ && catch_up_->from() == me_->name;
    if (const auto* entries = std::get_if<sync::Entries>(&message); entries && is_ours) return on(session, *entries);
    if (const auto* tail = std::get_if<sync::Tail>(&message)) return take_from_spare(session, *tail);
    if (const auto* parcel = std::get_if<sync::SpareParcel>(&message))
      spare_word_ = {spare_word_.number + 1, parcel->body};
    return {};
  }
  if (const auto* hello = std::get_if<sync::Hello>(&message)) return on(session, *hello);
  if (const auto* tail = std::get_if<sync::Tail>(&message); tail && session.superseded) return on(session, *tail);
  if (const auto* taken = std::get_if<sync::TailTaken>(&message)) return on(session, *taken);
  if (const auto* refused = std::get_if<sync::Refused>(&message)) return on(session, *refused);
  if (const auto* superseded = std::get_if<sync::Superseded>(&message)) return on(session, *superseded);
  return {};
}

Status NodeImpl::on(Session& session, const sync::SpareHave& m) {
  if (m.origin != origin_ || !own_) return {};  // it learns our epoch from our Hello, and asks for that
  const std::uint64_t size = own_->size();
  bool agrees = m.size <= size;
  if (agrees) {
    HF_TRY(const Hash root, own_->log().root_at(m.size));
    agrees = root == m.root;
  }
  // Else it has what this disk does not: the disk is an old one, or we went on differently after a start. What this key
  // has signed comes back first, as from a mirror (3.2); what it had only acknowledged comes back as a tail.
  auto ahead = agrees ? std::nullopt : signed_and_forgotten(m);
  if (ahead && catch_up_) return {};  // from a mirror: the spare asks again when that is done
  if (ahead && givers_.has_left(ahead->checkpoint.root)) return {};  // it keeps what it has
  spare_->has_told = true;
  if (agrees) {
    spare_->held = m.size;
    spare_->has_asked = true;
  } else if (ahead) {
    HF_TRY(catch_up_, CatchUp::begin(*own_, me_->name, std::move(*ahead), monotonic_));
    send(session.id, sync::Have{origin_, catch_up_->base(), catch_up_->target().checkpoint.size});
  } else {
    send(session.id, sync::SpareDiffers{origin_});
  }
  return {};
}

// Its newest checkpoint, if this key has signed it and this disk has less; while that may be taken as ours.
std::optional<journal::SignedCheckpoint> NodeImpl::signed_and_forgotten(const sync::SpareHave& m) const {
  if (phase_ != Phase::asking || givers_.is_distrusted(me_->name)) return std::nullopt;
  auto newest = journal::open_checkpoint(m.note, world_.signer.public_key(KeyUse::log));
  const std::uint64_t here = own_->signed_size();
  if (!newest || newest->checkpoint.origin != origin_ || newest->checkpoint.size <= here) return std::nullopt;
  return std::move(*newest);
}

// What a spare holds and this node does not: under the signature that this log key gave when the spare took it, or,
// of an epoch that ended, under a checkpoint of that key.
Status NodeImpl::take_from_spare(Session& session, const sync::Tail& m) {
  const auto key = m.origin.site == me_->name ? keys_.log_key(m.origin) : std::nullopt;
  const bool is_signed = key && m.signature && ed25519_verify(*key, sync::tail_text(m), *m.signature);
  const bool is_surplus = key && !m.signature && m.origin.epoch < origin_.epoch;
  if (m.origin.epoch > origin_.epoch || (!is_signed && !is_surplus))
    return fail("sync/bad_signature", "the signature over what the spare gives back does not hold");
  if (phase_ == Phase::stopped) return {};
  HF_TRY_VOID(is_signed ? readmit(m.origin, m.first, m.entries) : readmit_surplus(m, *key));
  const sync::TailTaken answer{m.origin, m.first, m.entries.size()};
  if (m.origin != origin_) return answer_when_cosigned(session, answer);
  // What it has of this epoch it keeps until it has it in our journal.
  after_commit_.push_back([this, id = session.id, answer] { send(id, answer); });
  return {};
}

// These go from a node to its spare alone; a node that gets one is spoken to by something broken.
Status NodeImpl::on(Session&, const sync::SpareEntries&) { return fail("sync/bad_message", "we are no spare"); }
Status NodeImpl::on(Session&, const sync::SpareDiffers&) { return fail("sync/bad_message", "we are no spare"); }
Status NodeImpl::on(Session&, const sync::SpareCredentials&) { return fail("sync/bad_message", "we are no spare"); }
Status NodeImpl::on(Session&, const sync::SpareParcel&) { return fail("sync/bad_message", "we are no spare"); }

// Everything durable, signed or not: what the mirrors do not have yet is what the spare is for. No checkpoint is made
// for it; the signature over a piece says only "we wrote this", as over a tail.
void NodeImpl::pump_spare() {
  if (!spare_ || !spare_->session || !spare_->has_asked || !own_ || phase_ == Phase::rebuilding) return;
  journal::Log& log = own_->log();
  // It has asked, and then this journal was set back to what the mirrors have (3.2). It asks again, and is told so.
  if (spare_->held > log.durable_size()) {
    spare_->has_asked = false;
    return;
  }
  sync::SpareEntries out{origin_, spare_->held, {}, std::nullopt, {}};
  std::size_t bytes = 0;
  constexpr std::string_view full = "node/chunk_full";
  const Status scanned = log.scan(spare_->held, log.durable_size(), [&](EntryIndex, ByteView body) -> Status {
    const std::size_t with_it = bytes + body.size();
    // An event's parts can only together be taken in again, and what comes back comes in the pieces that were given.
    const bool is_full =
        with_it > recovery::tail_event_bytes_max || (with_it > spare_chunk_bytes && !recovery::is_later_part(body));
    if (is_full && !out.entries.empty()) return fail(full, "");
    bytes = with_it;
    out.entries.push_back(to_bytes(body));
    return {};
  });
  if (!scanned && scanned.error().code != full) return;
  const std::uint64_t end = out.first + out.entries.size();
  if (own_->signed_size() > spare_->noted) {
    out.note = log.checkpoint_at_most(end);
    const auto checkpoint = journal::peek_checkpoint(out.note);
    if (checkpoint && checkpoint->size > spare_->noted)
      spare_->noted = checkpoint->size;
    else
      out.note.clear();
  }
  if (out.entries.empty() && out.note.empty()) return;
  if (!out.entries.empty())
    out.signature = world_.signer.sign(KeyUse::log, sync::tail_text({origin_, out.first, out.entries, {}, {}}));
  send(*spare_->session, std::move(out));
  spare_->has_asked = false;
}

void NodeImpl::keep_on_spare(Bytes box) {
  spare_box_ = std::move(box);
  if (spare_ && spare_->session) send(*spare_->session, sync::SpareCredentials{spare_box_});
}

void NodeImpl::tell_spare(Bytes body) {
  if (spare_ && spare_->session) send(*spare_->session, sync::SpareParcel{std::move(body)});
}

std::optional<SpareLink> NodeImpl::spare_link() const {
  if (!spare_ || !spare_->heard_at) return std::nullopt;
  SpareLink out{spare_->certificate.epoch, spare_->certificate.keys.sealing, spare_->held,
                spare_->heard_at,          spare_->session.has_value(),      false};
  const bool recent =
      spare_->heard_monotonic && world_.clock.monotonic() - *spare_->heard_monotonic < spare_heard_recently;
  out.is_ready = out.is_linked && (recent || (own_ && out.held >= own_->size()));
  return out;
}

// ---- a mirror and another store's spare

// 10.2: not while the node is heard. What was before this start is not known, so it counts from there.
Status NodeImpl::check_silence(const chain::Certificate& certificate) const {
  if (!certificate.spare) return {};
  // Registered here already: whom we have heard since is the spare itself. It asks once more, because it has stopped
  // before our line was on its disk.
  const fold::SiteEpochs known = epochs_of(certificate.site);
  if (const auto taken = known.registrations.find(certificate.epoch); taken != known.registrations.end()) {
    const auto registration = chain::parse_registration(taken->second);
    if (registration && registration->certificate.note == certificate.note) return {};
  }
  Instant heard = started_;
  if (const auto p = peers_.find(certificate.site); p != peers_.end() && p->second.heard_monotonic)
    heard = std::max(heard, *p->second.heard_monotonic);
  const Duration silent = monotonic_ - heard;
  if (silent >= options_.spare_silence) return {};
  return fail(
      "node/refused",
      fmt::format("{} has heard the machine that the spare of {} is to replace; it must have been silent for {} "
                  "s, and that is {} s from now at the earliest",
                  me_->name.view(), certificate.site.view(), options_.spare_silence.ns / seconds(1).ns,
                  (options_.spare_silence.ns - silent.ns) / seconds(1).ns + 1));
}

// A fellow mirror's seal, of which it says nothing but the certificate. A ceremony's certificate is made when the site
// is lost; a spare's lies about for years, and says nothing about that. So it counts only where the fellow shows what
// only the spare's code can have signed, and where we have heard nothing of the node either. A spare that is meant asks
// us itself; what q mirrors have registered is known by their lines.
bool NodeImpl::may_take_seal(const chain::Certificate& certificate, const sync::Known& told) const {
  if (!certificate.spare) return true;
  const bool is_opened = std::ranges::any_of(told.registrations, [&](const std::string& note) {
    const auto registration = chain::open_registration(chain_, note);
    return registration && registration->certificate.note == certificate.note;
  });
  return is_opened && check_silence(certificate).has_value();
}

// A spare's copy is no signed history. One that contradicts what is kept here is not taken; that is for a ceremony.
Status NodeImpl::check_kept(const chain::Registration& registration) {
  if (!registration.certificate.spare) return {};
  // 6.4: nothing follows an epoch between, so nobody would be shown what is held of it. One that was overtaken before
  // anything of it was cosigned has nothing to show (5.4).
  for (const auto& [origin, between] : replicas_.all())
    if (origin.site == registration.certificate.site && origin.epoch > registration.old_origin.epoch &&
        origin.epoch < registration.certificate.epoch && between->size() > 0)
      return fail(
          "node/refused",
          fmt::format("the spare's copy is of {}, and a newer epoch, {}, is kept here; rebuild the site from its "
                      "mirrors instead, and what the spare has sold is sent again by its tills",
                      registration.old_origin.text(), origin.text()));
  sync::Replica* replica = replicas_.find(registration.old_origin);
  const std::uint64_t size = replica == nullptr ? 0 : replica->size();
  if (registration.kept_size > size || registration.kept_size == 0) return {};
  HF_TRY(const Hash root, replica->log().root_at(registration.kept_size));
  if (root == registration.kept_root) return {};
  return fail("node/refused",
              fmt::format("the spare's copy of {} is not the history that is kept here; rebuild the site from its "
                          "mirrors instead, and what the spare has sold is taken in as a tail",
                          registration.old_origin.text()));
}

// What a newer epoch rests on is held before anything of it is: so whoever has signed one entry of it holds all of it,
// and a spare's unsigned part is at q mirrors before an epoch counts as cosigned.
// An epoch that kept nothing of the one before rests on nothing, and nobody may have what came before it any more.
bool NodeImpl::holds_lineage(const Origin& origin) const {
  const chain::Registration* r = keys_.registration(origin.site, origin.epoch);
  for (; r != nullptr && r->kept_size > 0; r = keys_.registration(origin.site, r->old_origin.epoch)) {
    const sync::Replica* replica = replicas_.find(r->old_origin);
    if (replica != nullptr && replica->frozen) continue;
    if (replica == nullptr || replica->size() < r->kept_size) return false;
  }
  return true;
}

std::optional<PublicKey> NodeImpl::key_for(const sync::Entries& m) const {
  if (const auto closing = closing_key(keys_, m)) return closing;
  const sync::KeyRing& keys = rebuild_ && phase_ == Phase::rebuilding ? rebuild_->keys() : keys_;
  if (const auto key = keys.log_key(m.origin)) return key;
  if (const auto key = keys_.log_key(m.origin)) return key;
  return needs_.former_key(m.origin);
}

// The other side of closing_key(): so that whoever keeps the old journal can be given it to its end.
Status NodeImpl::close_old_journal(const chain::Registration& registration) {
  sync::Replica* old = replicas_.find(registration.old_origin);
  if (old == nullptr || registration.kept_size == 0 || old->size() < registration.kept_size) return {};
  const std::string last = old->log().checkpoint_at_most(registration.kept_size);
  const auto checkpoint = journal::peek_checkpoint(last);
  if (checkpoint && checkpoint->size == registration.kept_size) return {};
  const journal::SignedCheckpoint closing = journal::sign_checkpoint(
      {registration.old_origin, registration.kept_size, registration.kept_root}, world_.signer.public_key(KeyUse::log),
      [&](ByteView text) { return world_.signer.sign(KeyUse::log, text); });
  return old->log().put_checkpoint(registration.kept_size, journal::to_text(closing.note));
}

}  // namespace holdfast::node
