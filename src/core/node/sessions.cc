// Connections: who is at the other end, what he may have, and what we want of him.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/fold/incidents.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

void NodeImpl::on_connected(ConnectionId connection, const PublicKey& peer_tls_key, bool dialled_here) {
  inbox_.push_back(Connected{connection, peer_tls_key, dialled_here});
}

void NodeImpl::on_message(ConnectionId from, Bytes message) {
  if (inbox_bytes_ + message.size() > inbox_bytes_max) {  // a flood costs its sender the connection, not us the memory
    ++counters_.messages_refused;
    world_.net.close(from);
    inbox_.push_back(Closed{from});
    return;
  }
  inbox_bytes_ += message.size();
  inbox_.push_back(Arrived{from, std::move(message)});
}

void NodeImpl::on_closed(ConnectionId connection) { inbox_.push_back(Closed{connection}); }

Peer* NodeImpl::peer(const SiteName& site) {
  const auto it = peers_.find(site);
  return it == peers_.end() ? nullptr : &it->second;
}

Session* NodeImpl::session_of(const SiteName& site) {
  Peer* p = peer(site);
  if (p == nullptr || !p->session) return nullptr;
  const auto it = sessions_.find(*p->session);
  return it == sessions_.end() ? nullptr : &it->second;
}

void NodeImpl::send(ConnectionId id, const sync::Message& message) {
  Bytes bytes = sync::encode(message);
  ++counters_.messages_out;
  counters_.bytes_out += bytes.size();
  world_.net.send(id, std::move(bytes));
}

void NodeImpl::send_site(const SiteName& site, const sync::Message& message) {
  if (const Session* s = session_of(site); s != nullptr && !s->superseded) send(s->id, message);
}

void NodeImpl::refuse(Session& session, const Error& error) {
  ++counters_.messages_refused;
  // A promoted spare asks until its mirrors have not heard the node for long enough: that is no attack.
  const bool just_asks = session.candidate && error.code == "node/refused";
  if (!just_asks)
    trip("link-refused", 3,
         fmt::format("a message of {} was refused: {}", session.site ? session.site->view() : "an unknown peer",
                     error.code));
  const bool stay = error.code == "sync/over_bound" || error.code == "sync/contradiction" ||
                    error.code == "sync/bad_entries" || error.code == "node/refused";
  send(session.id, sync::Refused{std::string(error.code), error.text});
  if (stay && session.site) return;  // the link goes on; what was refused stays refused
  const ConnectionId id = session.id;
  world_.net.close(id);
  drop(id);
}

void NodeImpl::drop(ConnectionId id) {
  const auto dropped = sessions_.find(id);
  std::optional<SiteName> left;
  if (dropped != sessions_.end() && dropped->second.site && session_of(*dropped->second.site) == &dropped->second)
    left = dropped->second.site;
  if (left) {
    needs_.left(*left);
    note_end_of_link(*left);
  }
  if (own_dial_ == id) own_dial_.reset();
  if (spare_ && spare_->session == id) {
    spare_->session.reset();
    spare_->has_asked = false;
  }
  for (auto& [site, p] : peers_) {
    if (p.session == id) {
      p.session.reset();
      p.redial_at = monotonic_ + redial_after(site);
    }
    if (p.dialling == id) {
      p.dialling.reset();
      p.redial_at = monotonic_ + redial_after(site);
    }
  }
  sessions_.erase(id);
  // What its mirrors told of its journal while it was linked was left to it to give (want_from_fellow).
  if (left && !taken_up_.contains(*left))
    for (auto& [other, session] : sessions_)
      if (session.asked_of.contains(*left)) want_from_fellow(session, *left);
}

// Of two linked sites the later one in the chain file dials, so that there is one connection and not two. The earlier
// one dials only when nobody has come for a while: its address may have gone to a machine that took its place (5.7).
Duration NodeImpl::redial_after(const SiteName& site) const {
  const auto place = [&](const SiteName& name) { return std::ranges::find(chain_.sites, name, &chain::Site::name); };
  return place(site) < place(me_->name) ? redial_interval : uncalled_patience;
}

void NodeImpl::dial_peers() {
  for (auto& [site, p] : peers_) {
    if (p.session || p.dialling || is_closed_to(site) || monotonic_ < p.redial_at) continue;
    p.redial_at = monotonic_ + redial_after(site);
    p.dialling = world_.net.dial(chain_.find(site)->link_address);
  }
}

void NodeImpl::greet(ConnectionId id) {
  sync::Hello hello{chain_.chain, me_->name, origin_.epoch, {}, registration_};
  if (phase_ == Phase::rebuilding && certificate_ && registration_.empty()) hello.certificate = certificate_->note;
  if (phase_ == Phase::provisional) {  // nobody takes the registration before q mirrors have signed below it
    hello.certificate = certificate_->note;
    hello.registration.clear();
  }
  send(id, hello);
}

// As if every link began now, because we are somebody else, or can answer again. Also where the other side has not said
// yet who it is: it has heard the old Hello.
Status NodeImpl::greet_all() {
  const bool is_spares = certificate_ && certificate_->spare;
  std::vector<ConnectionId> ids;
  for (const auto& [id, session] : sessions_)
    if (!session.own_spare && !(is_spares && session.site == me_->name)) ids.push_back(id);
  for (const ConnectionId id : ids) {
    greet(id);
    if (const auto it = sessions_.find(id); it != sessions_.end() && it->second.site) HF_TRY_VOID(ready(it->second));
  }
  return {};
}

Status NodeImpl::handle(Session& session, const sync::Message& message) {
  const auto refused = [](std::string_view why) { return fail("sync/bad_message", std::string(why)); };
  if (!session.site && !std::holds_alternative<sync::Hello>(message)) return refused("say Hello first");
  if (session.site) {
    if (*session.site == me_->name) return from_own_site(session, message);
    if (session.candidate) {
      const bool asks = std::holds_alternative<sync::Seal>(message) ||
                        std::holds_alternative<sync::Register>(message) || std::holds_alternative<sync::Hello>(message);
      if (!asks) return {};  // it may become the site; until then it is nobody
      return std::visit([&](const auto& m) { return on(session, m); }, message);
    }
    // While the state is not whole, nobody is answered from it.
    const bool is_of_mending =
        std::holds_alternative<sync::Hello>(message) || std::holds_alternative<sync::Found>(message) ||
        std::holds_alternative<sync::Missing>(message) || std::holds_alternative<sync::Have>(message) ||
        (std::holds_alternative<sync::Entries>(message) && needs_.contains(std::get<sync::Entries>(message).origin));
    if (is_mending_ && !is_of_mending) return {};
    Peer* p = peer(*session.site);
    if (p != nullptr && !session.superseded) {
      p->heard_at = now_;
      p->heard_monotonic = monotonic_;
    }
    const bool allowed = std::holds_alternative<sync::Tail>(message) || std::holds_alternative<sync::Hello>(message) ||
                         std::holds_alternative<sync::Refused>(message) ||
                         std::holds_alternative<sync::Superseded>(message);
    if (session.superseded && !allowed) return {};  // an old machine: only its tail is taken
  }
  return std::visit([&](const auto& m) { return on(session, m); }, message);
}

Status NodeImpl::on(Session& session, const sync::Hello& m) {
  const auto refused = [&](std::string why) { return fail("sync/bad_message", std::move(why)); };
  if (m.chain != chain_.chain) return refused("this is a site of another chain");
  if (m.site == me_->name) return meet_own_site(session, m);
  Peer* p = peer(m.site);
  if (p == nullptr) return refused("the chain file names no link between us");
  if (is_closed_to(m.site)) {  // not even a word of refusal: a cut link passes nothing
    const ConnectionId id = session.id;
    world_.net.close(id);
    drop(id);
    return {};
  }
  const std::uint32_t newest = keys_.newest_epoch(m.site);
  bool rebuilding = false;
  // A machine that was the site before, and has a certificate for a new epoch with the same keys, is of that one (5.4).
  auto shown_for = chain::open_certificate(chain_, m.certificate);
  if (const auto shown = chain::open_registration(chain_, m.registration)) shown_for = shown->certificate;
  const bool begins_again = shown_for && shown_for->site == m.site && shown_for->epoch > newest &&
                            shown_for->keys.tls == session.tls && !shown_for->spare;
  if (const chain::SiteKeys* keys = keys_.keys(m.site, newest);
      keys != nullptr && keys->tls == session.tls && !begins_again) {
    session.epoch = newest;
    // A spare that this mirror has registered shows the lines of the others now.
    if (const auto shown = chain::open_registration(chain_, m.registration)) HF_TRY_VOID(take_registration(*shown));
  } else if (const auto known = keys_.by_tls(session.tls); known && known->site == m.site && !begins_again) {
    return meet_old_machine(session, m.site, known->epoch);  // alive after all
  } else if (!m.registration.empty()) {
    HF_TRY(const chain::Registration registration, chain::open_registration(chain_, m.registration));
    const chain::Certificate& c = registration.certificate;
    if (c.site != m.site || c.epoch <= newest || c.keys.tls != session.tls)
      return refused("the registration shown is not of this machine, or not newer than what is known here");
    HF_TRY_VOID(take_registration(registration));
    if (keys_.newest_epoch(m.site) < c.epoch) {
      HF_TRY_VOID(check_let_in(c));
      return refused("the registration of a spare lacks the signatures of its mirrors, or of mirrors not known here");
    }
    session.epoch = c.epoch;
  } else if (!m.certificate.empty()) {
    HF_TRY(const chain::Certificate c, chain::open_certificate(chain_, m.certificate));
    HF_TRY_VOID(check_let_in(c));
    if (c.site != m.site || c.epoch == newest || c.keys.tls != session.tls)
      return refused("the certificate shown is not of this machine, or its number was given to another");
    if (c.epoch < newest) return meet_old_machine(session, m.site, c.epoch);  // it was overtaken unregistered (5.4)
    session.epoch = c.epoch;
    if (c.spare) {  // the place of the node is not taken for it: the node may be alive
      session.site = m.site;
      session.candidate = true;
      if (p->dialling == session.id) p->dialling.reset();
      return {};
    }
    rebuilding = true;
  } else {
    return refused("this TLS key is not known for that site");
  }
  const bool we_are_later = std::ranges::find(chain_.sites, me_->name, &chain::Site::name) >
                            std::ranges::find(chain_.sites, m.site, &chain::Site::name);
  if (p->session && *p->session != session.id) {
    const auto other = sessions_.find(*p->session);
    // Of two machines the one of the newer epoch is the site. Of one machine's two connections the dialling rule
    // decides; of two by the same side the newer is alive.
    if (other != sessions_.end() && other->second.epoch > session.epoch)
      return refused("a newer machine of this site is linked with us");
    if (other != sessions_.end() && other->second.epoch == session.epoch && session.dialled_here != we_are_later &&
        other->second.dialled_here == we_are_later)
      return refused("there is a link between us already");
    const ConnectionId old = *p->session;
    p->session.reset();
    world_.net.close(old);
    sessions_.erase(old);
  }
  session.site = m.site;
  session.rebuilding = rebuilding;
  session.candidate = false;
  p->session = session.id;
  if (p->dialling == session.id) p->dialling.reset();
  p->heard_at = now_;
  p->heard_monotonic = monotonic_;
  return ready(session);
}

// It is shown what replaced it (5.7), and may hand in its tail. One link is enough for that, and if it was we who
// dialled, the site itself is still to be dialled.
Status NodeImpl::meet_old_machine(Session& session, const SiteName& site, std::uint32_t epoch) {
  if (std::ranges::any_of(sessions_, [&](const auto& s) {
        return s.first != session.id && s.second.superseded && s.second.tls == session.tls;
      }))
    return fail("sync/bad_message", "there is a link between us already");
  Peer* p = peer(site);
  if (p != nullptr && p->dialling == session.id) p->dialling.reset();
  session.site = site;
  session.epoch = epoch;
  session.superseded = true;
  // First what it may not know of its mirrors' keys: they stand below a spare's registration.
  for (const SiteName& mirror : chain_.find(site)->mirrors)
    if (const chain::Registration* r = keys_.registration(mirror, keys_.newest_epoch(mirror)))
      send(session.id, sync::Superseded{r->note});
  if (const chain::Registration* r = keys_.registration(site, keys_.newest_epoch(site)))
    send(session.id, sync::Superseded{r->note});
  return {};
}

// What is said at the beginning of every link, so that whatever was lost with the last one is asked for again.
Status NodeImpl::ready(Session& session) {
  const SiteName site = *session.site;
  session.feeds.clear();
  const bool our_mirror = chain_.is_mirror(site, me_->name);
  if (phase_ == Phase::rebuilding) {
    if (our_mirror && rebuild_) send(session.id, sync::Seal{rebuild_->certificate().note});
    for (auto& [origin, need] : needs_.all()) {  // what he was asked for went with the link before
      need.left(site);
      need.silent_since.erase(site);
    }
    return {};
  }
  if (phase_ == Phase::provisional) {
    next_retry_ = monotonic_;
    return {};
  }
  if (our_mirror && phase_ == Phase::asking) send(session.id, sync::Ask{me_->name});
  if (our_mirror && offers_.waits_for(site)) send(session.id, sync::Offer{journal::to_text(offers_.current()->note)});
  tell_registrations(session.id);
  if (offers_.cosigned()) send(session.id, sync::Cosigned{journal::to_text(offers_.cosigned()->note)});
  // 4.6: a machine that lost what it stored asks its fellow mirrors before it cosigns again.
  for (const chain::Site& owner : chain_.sites)
    if (origin_.epoch > 1 || !taken_up_.contains(owner.name)) ask_fellow(session, owner.name);
  begin_tails(session);
  if (phase_ != Phase::stopped) want(site);
  return {};
}

// All of a site, oldest first: the newest does not say what an epoch between rests on.
void NodeImpl::tell_registrations(ConnectionId to) {
  for (const chain::Site& site : chain_.sites)
    for (std::uint32_t epoch = 2; epoch <= keys_.newest_epoch(site.name); ++epoch)
      if (const chain::Registration* r = keys_.registration(site.name, epoch)) send(to, sync::Superseded{r->note});
}

// Asks a peer for its journal, if we mirror or follow it: the newest epoch, and what is kept of the ones before.
void NodeImpl::want(const SiteName& site) {
  Session* s = session_of(site);
  if (s == nullptr || s->rebuilding || s->superseded || phase_ == Phase::rebuilding) return;
  if (!chain_.is_mirror(me_->name, site) && !chain_.follows(me_->name, site)) return;
  for (const sync::Have& lack : lacking(site))
    ask_for(*s, {lack.origin, lack.size, lack.limit == UINT64_MAX ? 0 : lack.limit});
}

// Epochs of a site that are not whole here and may be taken now, the oldest first; limit: UINT64_MAX: as far as they
// go.
std::vector<sync::Have> NodeImpl::lacking(const SiteName& site) const {
  std::vector<sync::Have> out;
  for (std::uint32_t epoch = 1; epoch <= keys_.newest_epoch(site); ++epoch) {
    const Origin origin{chain_.chain, site, epoch};
    if (keys_.keys(site, epoch) == nullptr) continue;
    if (!holds_lineage(origin)) continue;  // it is asked for when what it rests on has come
    const sync::Replica* replica = replicas_.find(origin);
    if (replica != nullptr && !replica->is_hashed()) continue;  // when its hole is mended
    if (replicas_.unopened().contains(origin)) continue;
    // What the power took the checkpoint of is asked for once more: without it, it is shown to nobody.
    const std::uint64_t from = replica == nullptr ? 0 : std::min(replica->size(), replica->signed_size());
    const std::uint64_t most = acceptable_size(origin);
    if (from < most) out.push_back({origin, from, most});
  }
  return out;
}

// 4.4: what one day may not bring comes on the next, over a link that may have stood all the while.
void NodeImpl::want_what_was_over_bound() {
  for (const auto& [origin, replica] : replicas_.all()) {
    if (!replica->takes_again(now_)) continue;
    want(origin.site);
    want_from_fellows(origin.site);
  }
}

void NodeImpl::ask_for(Session& session, const sync::Have& more) {
  session.asked_from[more.origin] = more.size;
  send(session.id, more);
}

journal::Log* NodeImpl::log_of(const Origin& origin) {
  if (origin == origin_) return own_ ? &own_->log() : nullptr;
  sync::Replica* replica = replicas_.find(origin);
  return replica == nullptr ? nullptr : &replica->log();
}

Status NodeImpl::check_may_have(const Session& session, const Origin& origin) const {
  const SiteName& site = *session.site;
  const bool his = origin.site == site;  // a rebuilt machine takes back its own
  const bool shared = session.own_spare || chain_.is_mirror(site, origin.site) || chain_.follows(site, origin.site) ||
                      (session.rebuilding && chain_.linked(site, origin.site));
  if (his || shared) return {};
  return fail("node/refused", fmt::format("{} may not have {}", site.view(), origin.text()));
}

Status NodeImpl::on(Session& session, const sync::Have& m) {
  const SiteName& site = *session.site;
  const bool ours = m.origin.site == me_->name;
  HF_TRY_VOID(check_may_have(session, m.origin));
  if (ours && m.origin == origin_ && chain_.is_mirror(site, me_->name)) {
    Peer* p = peer(site);
    p->held = std::max(p->held.value_or(0), m.size);
  }
  Feed& feed = session.feeds[m.origin];
  feed = Feed{m.size, m.limit, false};
  if (session.feeds.size() > feeds_max()) return fail("sync/bad_message", "too many journals asked for");
  return {};
}

// Nobody asks for more journals than there are: one of each epoch, and a few that are not known here yet.
std::size_t NodeImpl::feeds_max() const {
  std::size_t most = 4 * chain_.sites.size();
  for (const chain::Site& site : chain_.sites) most += keys_.newest_epoch(site.name);
  return most;
}

// Sends each open feed its next piece. Never beyond the last checkpoint: nothing leaves the site unsigned (2.2).
Status NodeImpl::pump_feeds() {
  for (auto& [id, session] : sessions_) {
    if (!session.site || session.superseded || session.candidate) continue;
    for (auto& [origin, feed] : session.feeds) {
      if (feed.under_way || world_.net.unsent_bytes(id) > unsent_bytes_max) continue;
      journal::Log* log = log_of(origin);
      if (log == nullptr || (feed.limit != 0 && feed.have >= feed.limit) || !log->next_checkpoint_size(feed.have))
        continue;
      auto chunk = sync::next_chunk(*log, feed.have, feed.limit);
      const auto is_too_long = [&] { return !chunk && chunk.error().code == "sync/no_checkpoint"; };
      if (is_too_long() && origin == origin_ && may_sign()) {
        if (const Status made = sign_between(feed.have); !made && is_fatal(made.error())) return made;
        chunk = sync::next_chunk(*log, feed.have, feed.limit);
      }
      // A machine that is being rebuilt needs it, and knows its root, also where no checkpoint stands at the limit.
      if (chunk && !*chunk && session.rebuilding && feed.limit != 0) chunk = sync::next_chunk(*log, feed.have, 0);
      if (is_too_long()) feed.under_way = true;  // not looked at again before he asks again
      if (!chunk || !*chunk) continue;
      send(id, std::move(**chunk));
      feed.under_way = true;
    }
  }
  return {};
}

// What is registered stays so, here or where an epoch that counts goes on from it; a revocation ends what has not
// happened yet.
Status NodeImpl::check_let_in(const chain::Certificate& c) const {
  const chain::Registration* known = keys_.registration(c.site, c.epoch);
  if (known != nullptr && known->certificate.note == c.note) return {};
  if (keys_.is_succeeded(c.origin())) return {};
  return chain::check_not_revoked(chain_, c);
}

// A newer epoch of a peer, proven by its certificate: from here its new keys count (5.2, 5.4).
Status NodeImpl::take_registration(const chain::Registration& registration, bool is_direct) {
  const chain::Certificate& c = registration.certificate;
  if (!is_direct && !keys_.may_be_taken(registration)) return {};  // 10.2: not shown to have been silent
  if ((is_direct || !c.spare) && !check_let_in(c)) {               // revoked, and q have not signed below it
    if (!is_direct) passed_over_.insert_or_assign({c.site, c.epoch}, registration);
    return {};
  }
  if (c.site == me_->name && c.epoch < origin_.epoch) {  // one that was passed over may have a tail, too (5.3, 5.4)
    if (keys_.registration(c.site, c.epoch) == nullptr) keys_.add(registration);
    return {};
  }
  if (c.site == me_->name) return c.epoch > origin_.epoch && !is_mending_ ? replaced(registration) : Status();
  const auto known = state_.epochs.find(c.site);
  if (known != state_.epochs.end() && known->second.registrations.contains(c.epoch)) {
    // Taken directly before, and now with the mirrors' lines below it: kept in that form, and told on.
    const auto before = chain::parse_registration(known->second.registrations.at(c.epoch));
    if (is_direct || !before || before->witnesses.size() >= registration.witnesses.size()) return {};
  } else if (keys_.registration(c.site, c.epoch) != nullptr) {
    return {};
  }
  const bool is_newest = c.epoch > keys_.newest_epoch(c.site);
  if (phase_ == Phase::rebuilding || phase_ == Phase::stopped || !own_) {
    keys_.add(registration);
    learned_.push_back(registration);
    return take_passed_over(registration);
  }
  HF_TRY_VOID(append_event({now_, std::nullopt, fold::RegistrationTaken{registration.note}}));
  keys_.add(registration);
  if (is_newest) offers_.forget(c.site, chain_);
  // A machine of an older epoch that is still connected is told at once.
  for (auto& [id, session] : sessions_) {
    if (session.site != c.site || session.epoch >= c.epoch) continue;
    session.superseded = true;
    session.rebuilding = session.candidate = false;
    if (Peer* p = peer(c.site); p != nullptr && p->session == id) p->session.reset();
    after_commit_.push_back([this, old = id, note = registration.note] { send(old, sync::Superseded{note}); });
  }
  // Everybody must know: whoever counts cosignatures needs the newest key of each mirror, linked to it or not.
  after_commit_.push_back([this, site = c.site, note = registration.note] {
    for (const auto& [id, session] : sessions_)
      if (session.site && !session.superseded && !session.candidate) send(id, sync::Superseded{note});
    if (chain_.is_mirror(me_->name, site) && !taken_up_.contains(site)) ask_fellows(site);
    want(site);
  });
  return take_passed_over(registration);
}

Status NodeImpl::take_passed_over(const chain::Registration& next) {
  const auto older = passed_over_.extract({next.certificate.site, next.old_origin.epoch});
  return older ? take_registration(older.mapped()) : Status();
}

Status NodeImpl::cut_link(const SiteName& site, const SubjectId& by) {
  if (peer(site) == nullptr)
    return fail("node/unknown_link",
                fmt::format("the chain file names no link between {} and {}", me_->name.view(), site.view()));
  // Promise 4: the cut waits for nothing, not even for our own journal. What a crash leaves unwritten is found at the
  // start.
  if (cut_.insert(site).second) link_changes_.push_back(fold::LinkCut{site, by, false});
  end_link(site);
  return save_cut_list();
}

// Of a peer whose link is cut.
void NodeImpl::end_link(const SiteName& site) {
  // Also those that have not said yet who they are: their key has.
  if (!HF_MUTANT(6))
    end_sessions(
        [&](const Session& session) { return session.site == site || (!session.site && is_shut_out(session.tls)); });
  Peer* p = peer(site);
  if (p->dialling) {
    world_.net.close(*p->dialling);
    p->dialling.reset();
  }
}

Status NodeImpl::open_link(const SiteName& site, const SubjectId& by) {
  if (peer(site) == nullptr)
    return fail("node/unknown_link",
                fmt::format("the chain file names no link between {} and {}", me_->name.view(), site.view()));
  // By the posture in force; what is known of the checklist is of this seal only when that is in the journal.
  if (posture_ == guard::Posture::rejoining && cut_.contains(site) && !HF_MUTANT(25)) {
    const auto missing = posture_recorded_ ? missing_checks(site) : incident::Checklist{}.missing();
    if (!missing.empty())
      return fail("incident/check_missing",
                  fmt::format("the link with {} returns when its checklist is met; \"{}\" is missing", site.view(),
                              to_text(missing.front())));
  }
  if (cut_.erase(site) > 0) link_changes_.push_back(fold::LinkHealed{site, by, false});
  return save_cut_list();
}

}  // namespace holdfast::node
