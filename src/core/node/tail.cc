// Tails: what an old machine or another branch wrote beyond what the new epoch kept (protocol 5.3, 5.7, 6).
// Nothing vanishes.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/mutant.h"
#include "core/node/closing.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

Status NodeImpl::on(Session& session, const sync::Superseded& m) {
  if (is_mending_) return {};  // it is shown again when the state is whole
  // He may go by another chain file, which names other recovery keys: no reason to end a link.
  const auto shown = chain::open_registration(chain_, m.registration);
  if (!shown) return fail("node/refused", shown.error().text);
  const chain::Registration& registration = *shown;
  HF_TRY_VOID(take_registration(registration));
  if (registration.certificate.site != me_->name || registration.certificate.epoch <= origin_.epoch) return {};
  if (phase_ == Phase::stopped && !session.tails.own) begin_tails(session);
  return {};
}

// 5.7: stops at once. What waits is answered so that tills go elsewhere.
Status NodeImpl::replaced(const chain::Registration& registration) {
  if (replaced_.by() && replaced_.by()->epoch >= registration.certificate.epoch) return {};
  phase_ = Phase::stopped;
  rebuild_.reset();
  const auto& cosigned = offers_.cosigned();
  replaced_.begin(registration, own_ ? &own_->log() : nullptr,
                  cosigned ? std::optional(cosigned->checkpoint.size) : std::nullopt);
  for (auto& [id, session] : sessions_) session.tails = {};
  offers_.reset();
  catch_up_.reset();
  for (Waiting& w : waiting_)
    w.answer(fail("node/stopped",
                  fmt::format("this machine has been replaced by {}; use the new one", replaced_.by()->text())));
  waiting_.clear();
  return world_.disk.write_all(replaced_path, as_bytes(registration.note));
}

// All that is due to him, from its beginning: what is shown twice is answered twice, and taken in once (6.1). Of a
// machine that was replaced: its tail. Of all others: what they keep for his newest machine, and what they hold of his
// old epochs beyond what was kept of them (5.3).
void NodeImpl::begin_tails(Session& session) {
  TailsDue& due = session.tails = {};
  if (phase_ == Phase::stopped) {
    due.own = replaced_.kept();
    return;
  }
  if (session.superseded || session.rebuilding) return;
  due.kept = kept_tails_.paths_for(*session.site, session.epoch);
  for (const auto& [origin, replica] : replicas_.all()) {
    if (origin.site != *session.site || origin.epoch >= session.epoch) continue;
    if (chain_.is_revoked(origin.site, origin.epoch) && !keys_.is_succeeded(origin))
      continue;  // its key is not known there (13.7)
    const std::optional<std::uint64_t> kept = kept_of(keys_, origin);
    if (kept && replica->size() > *kept) due.surplus.emplace(origin, *kept);
  }
}

Status NodeImpl::pump_tails() {
  answer_tails();
  for (auto& [id, session] : sessions_) {
    if (session.tails.under_way || world_.net.unsent_bytes(id) > unsent_bytes_max) continue;
    std::string kept_at;
    HF_TRY(std::optional<sync::Tail> tail, next_tail(session.tails, kept_at));
    if (!tail) continue;
    session.tails.under_way = TailsDue::UnderWay{{tail->origin, tail->first, tail->entries.size()}, std::move(kept_at)};
    send(id, std::move(*tail));
  }
  return {};
}

// kept_at: its path, if it was kept here.
Result<std::optional<sync::Tail>> NodeImpl::next_tail(TailsDue& due, std::string& kept_at) {
  if (due.own && own_ && *due.own < own_->log().size()) {
    const std::uint64_t end = own_->log().size();
    HF_TRY(std::optional<sync::Tail> tail, recovery::next_piece(own_->log(), *due.own, end));
    due.own = tail ? tail->first + tail->entries.size() : end;
    if (tail) tail->signature = world_.signer.sign(KeyUse::log, sync::tail_text(*tail));
    return tail;
  }
  while (!due.kept.empty()) {
    const std::string path = std::move(due.kept.front());
    due.kept.pop_front();
    if (!kept_tails_.contains(path)) continue;  // he has taken it meanwhile
    if (std::optional<sync::Tail> tail = kept_tails_.read(path)) {
      kept_at = path;
      return tail;
    }
    kept_tails_.forget(path);
    tell_lost_tail(path, 1);
  }
  while (!due.surplus.empty()) {
    const auto next = due.surplus.begin();
    sync::Replica* replica = replicas_.find(next->first);
    auto chunk =
        replica == nullptr ? std::optional<sync::Entries>() : sync::next_chunk(replica->log(), next->second, 0);
    if (!chunk || !*chunk) due.surplus.erase(next);  // a hole ends it until the next link
    if (!chunk && chunk.error().code != "sync/no_checkpoint") return pass_on(chunk.error());
    if (!chunk || !*chunk) continue;
    sync::Entries& entries = **chunk;
    next->second = entries.first + entries.entries.size();
    return std::optional(
        sync::Tail{entries.origin, entries.first, std::move(entries.entries), std::nullopt, std::move(entries.note)});
  }
  return std::optional<sync::Tail>();
}

Status NodeImpl::on(Session& session, const sync::Tail& m) {
  const auto key = keys_.log_key(m.origin);
  const Origin newest = keys_.newest_origin(m.origin.site);
  const bool ours = m.origin.site == me_->name;
  if (!key || m.origin.epoch >= (ours ? origin_.epoch : newest.epoch))
    return fail("node/refused", fmt::format("{} has no newer epoch; there can be no tail of it", m.origin.text()));
  if (m.signature) {
    if (!ed25519_verify(*key, sync::tail_text(m), *m.signature))
      return fail("sync/bad_signature", "the signature over a tail does not hold");
  } else if (!ours) {
    return fail("node/refused", "an unsigned tail goes to its own site only");
  }
  if (phase_ == Phase::rebuilding || phase_ == Phase::stopped || phase_ == Phase::provisional)
    return {};  // it is offered again
  const sync::TailTaken answer{m.origin, m.first, m.entries.size()};
  if (!ours) {
    // Kept durably for the new machine, then the old one may go.
    const std::string path = recovery::tail_path(m);
    if (!kept_tails_.contains(path)) {
      const Status kept = kept_tails_.keep(m);
      if (is_without_room(kept, path)) {  // no fault of his, so no alert about him
        send(session.id, sync::Refused{"node/refused",
                                       "the disk here has no room for a tail; make room, or link the "
                                       "new machine; it is offered again with the next link"});
        return {};
      }
      HF_TRY_VOID(kept);
    }
    send(session.id, answer);
    if (Session* s = session_of(m.origin.site); s != nullptr && s->epoch > m.origin.epoch && !s->rebuilding &&
                                                std::ranges::find(s->tails.kept, path) == s->tails.kept.end())
      s->tails.kept.push_back(path);
    return {};
  }
  if (m.signature) {
    if (!HF_MUTANT(17)) HF_TRY_VOID(readmit(m.origin, m.first, m.entries));
    note_through(m.origin, m.first, m.first + m.entries.size());
  } else {
    HF_TRY_VOID(readmit_surplus(m, *key));
  }
  return answer_when_cosigned(session, answer);
}

// Whoever gave it lets go of it then, so it must not be on this disk alone (4.1).
Status NodeImpl::answer_when_cosigned(Session& session, const sync::TailTaken& answer) {
  if (session.taken_due.size() >= tail_answers_due_max)
    return fail("node/refused", "too many pieces wait here until mirrors have them; give them again later");
  session.taken_due.push_back({own_->log().size(), answer});
  return {};
}

void NodeImpl::answer_tails() {
  if (!own_) return;
  const std::uint64_t safe = me_->mirrors.empty() ? own_->log().durable_size()
                             : offers_.cosigned() ? offers_.cosigned()->checkpoint.size
                                                  : 0;
  for (auto& [id, session] : sessions_) {
    std::deque<TakenDue>& due = session.taken_due;  // in the order in which they were taken in
    for (; !due.empty() && due.front().size <= safe; due.pop_front()) send(id, due.front().answer);
  }
}

// What a rebuild kept of that journal is here without its tail.
void NodeImpl::note_through(const Origin& origin, EntryIndex first, std::uint64_t end, std::uint64_t kept) {
  if (record_ && record_->choice.old_origin == origin) kept = std::max(kept, record_->choice.kept_size);
  tail_through_.note(origin, first, end, kept);
}

Status NodeImpl::write_through() {
  return tail_through_.write(
      monotonic_, [this](const Status& written, std::string_view path) { return is_without_room(written, path); });
}

// 6.4: entries of the old machine's journal that a mirror holds or heard announced, less those that are here by now.
// What tills send again says nothing about them: it may be of these entries, or of ones that a mirror has brought.
std::uint64_t NodeImpl::not_taken_in() const {
  if (phase_ == Phase::stopped) return replaced_.waiting();
  if (!record_) return 0;
  const recovery::Choice& c = record_->choice;
  std::uint64_t through = std::max(c.kept_size, tail_through_.of(c.old_origin));
  if (const sync::Replica* old = replicas_.find(c.old_origin)) through = std::max(through, old->size());
  return c.announced > through ? c.announced - through : 0;
}

// From a mirror that held more than was sealed, or from our spare: the old machine's own checkpoint covers it. Several
// may hold and offer it, each to another size, so what is stored already is passed over. What is re-admitted is what is
// stored, and so verified, never what was sent again.
Status NodeImpl::readmit_surplus(const sync::Tail& m, const PublicKey& key) {
  HF_TRY(sync::Replica * replica, copy_of(m.origin));
  const std::uint64_t end = m.first + m.entries.size();
  if (m.first > replica->size())
    return fail("node/refused",
                fmt::format("a tail of {} from {} on, but {} entries are stored; send what lies between",
                            m.origin.text(), m.first, replica->size()));
  if (end > replica->size()) {
    const auto known = static_cast<std::ptrdiff_t>(replica->size() - m.first);
    const std::vector<Bytes> more(m.entries.begin() + known, m.entries.end());
    HF_TRY_VOID(replica->take({m.origin, replica->size(), more, m.note}, key, &chain_.bounds, now_));
  }
  const std::uint64_t first = std::max(m.first, kept_of(keys_, m.origin).value_or(0));  // what was kept is here
  if (first >= end) return {};
  std::vector<Bytes> stored;
  HF_TRY_VOID(replica->log().scan(first, end, [&](EntryIndex, ByteView body) -> Status {
    stored.push_back(to_bytes(body));
    return {};
  }));
  return readmit(m.origin, first, stored);
}

Status NodeImpl::on(Session& session, const sync::TailTaken& m) {
  if (!session.tails.under_way || session.tails.under_way->answer != m) return {};  // by whom it was given, and once
  const std::string kept_at = std::exchange(session.tails.under_way, {})->kept_at;
  if (phase_ == Phase::stopped) {
    const bool is_older_machine = *session.site == me_->name && session.epoch <= origin_.epoch;
    if (m.origin == origin_ && !is_older_machine)
      replaced_.taken(m.first, m.count, *session.site, chain_.lying_mirrors);
    return {};
  }
  if (!kept_tails_.contains(kept_at)) return {};
  const Status taken = kept_tails_.taken(kept_at);
  // Without room it is given again with his next link, and taken in once.
  return is_without_room(taken, KeptTails::taken_path(kept_at)) ? Status() : taken;
}

void NodeImpl::tell_lost_tail(const std::string& path, std::size_t lost) {
  const std::string more = lost == 1 ? std::string() : fmt::format(", and {} more of them", lost - 1);
  trip("journal-damage", 2,
       fmt::format("what an old machine left here for the one that took its place cannot be read any more: {}{}. Keep "
                   "that machine, and link it again",
                   path, more));
}

// 6.4: each event is taken in under its own key, or listed with the reason; once, however often it is offered.
Status NodeImpl::readmit(const Origin& origin, EntryIndex first, const std::vector<Bytes>& entries) {
  const auto list = [&](EntryIndex at, const std::string& reason, ByteView entry) -> Status {
    fold::TailListed listed = recovery::list_entry(origin, at, reason, entry);
    return state_.was_listed(listed.id) ? Status() : append_event({now_, std::nullopt, std::move(listed)});
  };
  fold::Joiner joiner;
  std::size_t begun = 0;  // where the parts of an event began that is not whole yet
  // An event that lacks some of its parts, or of which none can be read: each entry as it stands.
  const auto list_pieces = [&](std::size_t end, const std::string& reason) -> Status {
    for (; begun < end; ++begun) HF_TRY_VOID(list(first + begun, reason, entries[begun]));
    return {};
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto event = joiner.take(entries[i]);
    if (!event) {
      HF_TRY_VOID(list_pieces(i + 1, event.error().text));
      continue;
    }
    if (!*event) continue;
    // An event is given on whole or not at all: one that fills a message would end each link of ours that came to it.
    std::size_t bytes = 0;
    for (std::size_t part = begun; part <= i; ++part) bytes += entries[part].size();
    if (bytes > recovery::tail_event_bytes_max) {
      HF_TRY_VOID(list_pieces(i + 1, "it is more than one message between sites takes"));
      continue;
    }
    const Bytes whole = begun == i ? entries[i] : fold::encode_whole(**event);
    begun = i + 1;
    // What has been put before a person is his: he may have entered it by hand.
    if (state_.was_listed(recovery::list_entry(origin, first + i, {}, whole).id)) continue;
    HF_TRY_VOID(
        readmit(origin, first + i, **event, [&](const std::string& reason) { return list(first + i, reason, whole); }));
  }
  return list_pieces(entries.size(), "it is a part of an event, and the other parts did not come with it");
}

Status NodeImpl::readmit(const Origin& origin, EntryIndex at, const fold::Event& event,
                         const std::function<Status(const std::string&)>& list) {
  if (const auto* again = std::get_if<fold::WriteListed>(&event.body))
    return state_.was_listed(again->id) ? Status() : append_event({now_, event.write, *again});
  if (const auto* again = std::get_if<fold::TailListed>(&event.body))
    return state_.was_listed(again->id) ? Status() : append_event({now_, std::nullopt, *again});
  if (origin == origin_ && is_about_others(event)) return take_again(event);
  const std::optional<fold::WriteRequest> request = recovery::readmission(event, origin, at);
  if (!request) return {};
  // 6.3: behind a clean point the attacker may have written. Each entry waits for a named person. What was kept before
  // it, and what a till has sent again, is known and done.
  if (is_cut_by_clean_point(origin) && state_.find_write({request->till, request->key}) == nullptr)
    return list("it was written after the clean point; a person decides whether it is taken in");
  auto decided = fold::decide(state_, {std::max(now_, last_event_at_), chain_, *this}, *request);
  if (!decided) return list(decided.error().text);
  return decided->event ? append_event(*decided->event) : Status();
}

// Whether people have cut its history off, at the ceremony of this epoch or of one between. With the journal that a
// clean point names they have given up those of the epochs behind it; and who has that journal's key can sign a tail at
// a place before the clean point, too.
bool NodeImpl::is_cut_by_clean_point(const Origin& origin) const {
  const auto is_cut_by = [&](const chain::Certificate& c) {
    return c.clean_point && c.clean_point->first.epoch <= origin.epoch && origin.epoch < c.epoch;
  };
  if (certificate_ && is_cut_by(*certificate_)) return true;
  for (std::uint32_t epoch = origin.epoch + 1; epoch < origin_.epoch; ++epoch)
    if (const chain::Registration* r = keys_.registration(me_->name, epoch); r != nullptr && is_cut_by(r->certificate))
      return true;
  return false;
}

// 3.2: what was learned of journals and their epochs since the start has been acted on, and nobody tells it twice.
bool NodeImpl::is_about_others(const fold::Event& event) {
  return std::holds_alternative<fold::EpochSealed>(event.body) ||
         std::holds_alternative<fold::RegistrationTaken>(event.body) ||
         std::holds_alternative<fold::ContradictionSeen>(event.body);
}

Status NodeImpl::take_again(const fold::Event& event) {
  if (const auto* sealed = std::get_if<fold::EpochSealed>(&event.body)) {
    const auto c = chain::open_certificate(chain_, sealed->certificate);
    return !c || epochs_of(c->site).sealed_by.contains(c->epoch) ? Status()
                                                                 : append_event({now_, std::nullopt, *sealed});
  }
  if (const auto* seen = std::get_if<fold::ContradictionSeen>(&event.body)) {
    if (seen->origin == origin_ && !is_not_ours(seen->note_a) && !is_not_ours(seen->note_b)) return {};
    return contradiction(replicas_.find(seen->origin), seen->origin, seen->note_a, seen->note_b);
  }
  const auto& taken = std::get<fold::RegistrationTaken>(event.body);
  const auto r = chain::open_registration(chain_, taken.registration);
  if (!r || epochs_of(r->certificate.site).registrations.contains(r->certificate.epoch)) return {};
  return append_event({now_, std::nullopt, taken});
}

Status NodeImpl::readmit_aside() {
  if (phase_ == Phase::stopped || own_->log().aside_count() == 0) return {};
  // Runs of consecutive indices, so that parts join; a second rewind begins a run of its own.
  std::vector<std::pair<EntryIndex, std::vector<Bytes>>> runs;
  HF_TRY_VOID(own_->log().scan_aside([&](EntryIndex index, ByteView body) -> Status {
    if (runs.empty() || runs.back().first + runs.back().second.size() != index) runs.push_back({index, {}});
    runs.back().second.push_back(to_bytes(body));
    return {};
  }));
  for (const auto& [first, entries] : runs) HF_TRY_VOID(readmit(origin_, first, entries));
  return {};
}

}  // namespace holdfast::node
