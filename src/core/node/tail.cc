// Tails: what an old machine or another branch wrote beyond what the new epoch kept (protocol 5.3, 5.7, 6).
// Nothing vanishes.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/mutant.h"
#include "core/node/node_impl.h"

namespace holdfast::node {
namespace {
constexpr std::string_view taken_suffix = ".taken";
}

Status NodeImpl::on(Session& session, const sync::Superseded& m) {
  if (is_mending_) return {};  // it is shown again when the state is whole
  HF_TRY(const chain::Registration registration, chain::open_registration(chain_, m.registration));
  HF_TRY_VOID(take_registration(registration));
  if (registration.certificate.site != me_->name || registration.certificate.epoch <= origin_.epoch) return {};
  if (phase_ == Phase::stopped) offer_tail(session.id);
  return {};
}

// 5.7: stops at once. What waits is answered so that tills go elsewhere.
Status NodeImpl::replaced(const chain::Registration& registration) {
  if (replaced_by_ && replaced_by_->epoch >= registration.certificate.epoch) return {};
  phase_ = Phase::stopped;
  rebuild_.reset();
  replaced_by_ = registration.certificate.origin();
  replaced_kept_ = registration.old_origin == origin_ ? registration.kept_size : 0;
  tail_waiting_ = own_ && own_->log().size() > replaced_kept_ ? own_->log().size() - replaced_kept_ : 0;
  tail_pieces_taken_.clear();
  for (auto& [id, session] : sessions_) session.tail_offered.clear();
  offers_.reset();
  catch_up_.reset();
  for (Waiting& w : waiting_)
    w.answer(fail("node/stopped",
                  fmt::format("this machine has been replaced by {}; use the new one", replaced_by_->text())));
  waiting_.clear();
  return world_.disk.write_all(replaced_path, as_bytes(registration.note));
}

void NodeImpl::offer_tail(ConnectionId to) {
  if (!own_ || own_->log().size() <= replaced_kept_) return;
  const auto runs = runs_of(own_->log(), replaced_kept_, own_->log().size());
  const auto session = sessions_.find(to);
  if (!runs || session == sessions_.end()) return;
  for (const Run& run : *runs)
    for (sync::Tail& tail : recovery::split_tail(origin_, run.first, run.entries)) {
      session->second.tail_offered.emplace(tail.first, tail.entries.size());
      tail.signature = world_.signer.sign(KeyUse::log, sync::tail_text(tail));
      send(to, std::move(tail));
    }
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
  const auto answer = [this, id = session.id, taken = sync::TailTaken{m.origin, m.first, m.entries.size()}] {
    send(id, taken);
  };
  if (!ours) {
    // Kept durably for the new machine, then the old one may go.
    const std::string path = recovery::tail_path(m);
    if (!relayed_.contains(path)) {
      const auto kept =
          std::ranges::count_if(relayed_, [&](const auto& r) { return r.second.origin.site == m.origin.site; });
      if (static_cast<std::size_t>(kept) >= tails_a_site_max)
        return fail("node/refused", "too many tails are kept here; the new machine must take them first");
      HF_TRY_VOID(world_.disk.write_all(path, sync::encode(m)));
      relayed_.emplace(path, m);
    }
    after_commit_.push_back(answer);
    if (Session* s = session_of(m.origin.site); s != nullptr && s->epoch > m.origin.epoch && !s->rebuilding)
      send(s->id, m);
    return {};
  }
  if (m.signature) {
    if (!HF_MUTANT(17)) HF_TRY_VOID(readmit(m.origin, m.first, m.entries));
    note_through(m.origin, m.first, m.first + m.entries.size());
  } else {
    HF_TRY(const std::vector<Bytes> stored, store_surplus(m, *key));
    HF_TRY_VOID(readmit(m.origin, m.first, stored));
  }
  after_commit_.push_back(answer);
  return {};
}

// How far tails of our own old epochs are done, for what people are told; a file, because the machine that sent one is
// not asked again. Written when what it speaks of is durable. What leaves a hole before it does not count yet: its
// sender offers all of it again with the next link.
void NodeImpl::note_through(const Origin& origin, EntryIndex first, std::uint64_t end) {
  const auto before = tail_through_.find(origin);
  std::uint64_t known = before == tail_through_.end() ? 0 : before->second;
  if (record_ && record_->choice.old_origin == origin) known = std::max(known, record_->choice.kept_size);
  if (first > known || end <= known) return;
  tail_through_[origin] = end;
  through_due_.insert(origin);
}

Status NodeImpl::write_through() {
  for (const Origin& origin : std::exchange(through_due_, {})) {
    Writer out;
    out.u64(tail_through_[origin]);
    HF_TRY_VOID(world_.disk.write_all(fmt::format("tails/{}.through", origin.epoch), out.view()));
  }
  return {};
}

// 6.4: entries of the old machine's journal that a mirror holds or heard announced, less those that are here by now.
// What tills send again says nothing about them: it may be of these entries, or of ones that a mirror has brought.
std::uint64_t NodeImpl::not_taken_in() const {
  if (phase_ == Phase::stopped) return tail_waiting_;
  if (!record_) return 0;
  const recovery::Choice& c = record_->choice;
  std::uint64_t through = c.kept_size;
  if (const auto it = tail_through_.find(c.old_origin); it != tail_through_.end())
    through = std::max(through, it->second);
  if (const sync::Replica* old = replicas_.find(c.old_origin)) through = std::max(through, old->size());
  return c.announced > through ? c.announced - through : 0;
}

// From a mirror that held more than was sealed: the old machine's own checkpoint covers it. Several mirrors may hold
// and offer it, each to another size, so what is stored already is passed over. What is re-admitted is what is stored,
// and so verified, never what was sent again.
Result<std::vector<Bytes>> NodeImpl::store_surplus(const sync::Tail& m, const PublicKey& key) {
  HF_TRY(sync::Replica * replica, replicas_.find_or_create(m.origin));
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
  std::vector<Bytes> stored;
  HF_TRY_VOID(replica->log().scan(m.first, end, [&](EntryIndex, ByteView body) -> Status {
    stored.push_back(to_bytes(body));
    return {};
  }));
  return stored;
}

Status NodeImpl::on(Session& session, const sync::TailTaken& m) {
  if (phase_ == Phase::stopped && m.origin == origin_) {
    // Several mirrors get the same pieces; each piece counts once, and only by whoever was given it.
    if (session.tail_offered.erase({m.first, m.count}) > 0 && tail_pieces_taken_.insert(m.first).second)
      tail_waiting_ -= std::min(tail_waiting_, m.count);
    return {};
  }
  for (auto it = relayed_.begin(); it != relayed_.end(); ++it) {
    const sync::Tail& tail = it->second;
    if (tail.origin != m.origin || tail.first != m.first || tail.entries.size() != m.count ||
        session.site != m.origin.site)
      continue;
    HF_TRY_VOID(world_.disk.write_all(it->first + std::string(taken_suffix), ByteView()));
    relayed_.erase(it);
    break;
  }
  return {};
}

Status NodeImpl::load_tails() {
  HF_TRY(const std::vector<std::string> names, world_.disk.list("tails"));
  for (std::uint32_t epoch = 1; epoch < origin_.epoch; ++epoch) {
    const std::string name = fmt::format("{}.through", epoch);
    if (std::ranges::find(names, name) == names.end()) continue;
    HF_TRY(const Bytes bytes, world_.disk.read_all("tails/" + name));
    Reader in(bytes);
    const std::uint64_t through = in.u64();
    if (in.ok()) tail_through_[{chain_.chain, me_->name, epoch}] = through;
  }
  for (const std::string& name : names) {
    if (!name.ends_with(".tail") || std::ranges::find(names, name + std::string(taken_suffix)) != names.end()) continue;
    const std::string path = "tails/" + name;
    const auto bytes = world_.disk.read_all(path);
    const auto message = bytes ? sync::decode(*bytes) : pass_on(bytes.error());
    const auto* tail = message ? std::get_if<sync::Tail>(&*message) : nullptr;
    if (tail != nullptr)
      relayed_.emplace(path, *tail);
    else
      lost_tails_.push_back(path);
  }
  return {};
}

// Its name has the hash of its entries, and the old machine has signed them: what does not hold is sent to nobody. It
// is no hole of a journal: how much was in it is not known, and no mirror of ours has it. Its sender offers it again
// with its next link, if it still has one (6.4).
void NodeImpl::check_kept_tails() {
  std::erase_if(relayed_, [this](const auto& kept) {
    const auto& [path, tail] = kept;
    const auto key = keys_.log_key(tail.origin);
    const bool holds = recovery::tail_path(tail) == path && tail.signature &&
                       (!key || ed25519_verify(*key, sync::tail_text(tail), *tail.signature));
    if (!holds) lost_tails_.push_back(path);
    return !holds;
  });
  if (lost_tails_.empty()) return;
  const std::string more =
      lost_tails_.size() == 1 ? std::string() : fmt::format(", and {} more of them", lost_tails_.size() - 1);
  trip("journal-damage", 2,
       fmt::format("what an old machine left here for the one that took its place cannot be read any more: {}{}. Keep "
                   "that machine, and link it again",
                   lost_tails_.front(), more));
}

void NodeImpl::send_stored_tails(Session& session) {
  for (const auto& [path, tail] : relayed_)
    if (tail.origin.site == *session.site && session.epoch > tail.origin.epoch) send(session.id, tail);
}

// 5.3: what we hold of an old epoch beyond what its successor kept is shown to the successor.
Status NodeImpl::offer_surplus(const SiteName& site) {
  Session* s = session_of(site);
  if (s == nullptr || s->superseded || s->rebuilding) return {};
  for (const auto& [origin, replica] : replicas_.all()) {
    const chain::Registration* next = origin.site == site ? successor_of(origin) : nullptr;
    if (next == nullptr || replica->size() <= next->kept_size || s->epoch < next->certificate.epoch) continue;
    std::uint64_t first = next->kept_size;
    while (first < replica->size()) {
      HF_TRY(std::optional<sync::Entries> chunk, sync::next_chunk(replica->log(), first, 0));
      if (!chunk) break;
      first += chunk->entries.size();
      send(s->id, sync::Tail{origin, chunk->first, std::move(chunk->entries), std::nullopt, std::move(chunk->note)});
    }
  }
  return {};
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
    HF_TRY_VOID(readmit(origin, first + i, **event, [&](const std::string& reason) {
      if (begun == i) return list(first + i, reason, entries[i]);
      const Bytes whole = fold::encode_whole(**event);
      constexpr std::size_t whole_max = fold::part_bytes_max - (64u << 10);  // it stands in another event
      return whole.size() > whole_max ? list_pieces(i + 1, reason) : list(first + i, reason, whole);
    }));
    begun = i + 1;
  }
  return list_pieces(entries.size(), "it is a part of an event, and the other parts did not come with it");
}

Status NodeImpl::readmit(const Origin& origin, EntryIndex at, const fold::Event& event,
                         const std::function<Status(const std::string&)>& list) {
  if (const auto* again = std::get_if<fold::WriteListed>(&event.body))
    return state_.was_listed(again->id) ? Status() : append_event({now_, event.write, *again});
  if (const auto* again = std::get_if<fold::TailListed>(&event.body))
    return state_.was_listed(again->id) ? Status() : append_event({now_, std::nullopt, *again});
  if (origin == origin_ && is_about_epochs(event)) return take_again(event);
  const std::optional<fold::WriteRequest> request = recovery::readmission(event, origin, at);
  if (!request) return {};
  // 6.3: behind a clean point the attacker may have written. Each entry waits for a named person.
  if (certificate_ && certificate_->clean_point && certificate_->clean_point->first == origin &&
      at >= certificate_->clean_point->second)
    return list("it was written after the clean point; a person decides whether it is taken in");
  auto decided = fold::decide(state_, {std::max(now_, last_event_at_), chain_, *this}, *request);
  if (!decided) return list(decided.error().text);
  return decided->event ? append_event(*decided->event) : Status();
}

// 3.2: what was learned of others' epochs since the start has been acted on, and nobody tells it twice.
bool NodeImpl::is_about_epochs(const fold::Event& event) {
  return std::holds_alternative<fold::EpochSealed>(event.body) ||
         std::holds_alternative<fold::RegistrationTaken>(event.body);
}

Status NodeImpl::take_again(const fold::Event& event) {
  if (const auto* sealed = std::get_if<fold::EpochSealed>(&event.body)) {
    const auto c = chain::open_certificate(chain_, sealed->certificate);
    return !c || epochs_of(c->site).sealed_by.contains(c->epoch) ? Status()
                                                                 : append_event({now_, std::nullopt, *sealed});
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
