// What each event of this site's own journal does to its state. It has happened: nothing is refused here but a journal
// that is not this site's, or that names entries of peers that cannot be read.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/fold/follow.h"
#include "core/fold/incidents.h"

namespace holdfast::fold {
namespace {

Status check_opening(const State& state, const EpochOpened& event) {
  constexpr std::string_view wrong = "fold/wrong_journal";
  if (state.epoch == 0) return {};
  if (event.chain != state.chain || event.site != state.site)
    return fail(wrong, fmt::format("this journal is of {}/{}, the site is {}/{}", event.chain, event.site.view(),
                                   state.chain, state.site.view()));
  if (event.epoch <= state.epoch)
    return fail(wrong, fmt::format("epoch {} cannot come after epoch {}", event.epoch, state.epoch));
  return {};
}

struct ToState {
  State& state;
  EntryIndex index;
  const Event& event;

  void operator()(const EpochOpened& e) {
    state.chain = e.chain;
    state.site = e.site;
    state.epoch = e.epoch;
    state.currency = e.currency;
    if (const auto currency = currency_of(e.currency)) state.currency_decimals = currency->decimals;
    state.registration = e.registration;
    state.till.series = {};  // receipts of this epoch begin with its first start
    if (HF_MUTANT(7)) state.writes.clear(), state.writes_by_age.clear(), state.writes_kept.clear();
    // What the old machine moved last may be missing here, and the shelf knows.
    if (const auto registration = chain::parse_registration(e.registration);
        registration && registration->certificate.spare)
      stock::want_count_of_all(state.stock);
    state.readmission.resubmitted = state.readmission.readmitted = state.readmission.listed = 0;
  }
  void operator()(const NodeStarted& e) {
    if (!HF_MUTANT(8) || state.till.series == SeriesId{}) state.till.series = e.series;
    state.started_at = event.at;
  }
  void operator()(const RulesAdopted& e) { state.rules = std::max(state.rules, e.version); }
  void operator()(const Part&) {}           // counts with the last, joined
  void operator()(const PeerFollowed&) {}   // done before anything else, because it may fail
  void operator()(const PeerSucceeded&) {}  // likewise
  void operator()(const PeerEntryAccepted& e) { apply(state, e); }
  void operator()(const EpochSealed& e) {
    const auto certificate = chain::parse_certificate(e.certificate);
    if (!certificate) return;
    SiteEpochs& epochs = state.epochs[certificate->site];
    epochs.sealed_below = std::max(epochs.sealed_below, certificate->epoch);
    epochs.sealed_by.try_emplace(certificate->epoch, e.certificate);
  }
  void operator()(const RegistrationTaken& e) {
    const auto registration = chain::parse_registration(e.registration);
    if (!registration) return;
    SiteEpochs& epochs = state.epochs[registration->certificate.site];
    epochs.sealed_below = std::max(epochs.sealed_below, registration->certificate.epoch);
    const auto [known, is_new] = epochs.registrations.try_emplace(registration->certificate.epoch, e.registration);
    if (is_new) return;
    // The same registration of a spare with more mirrors' lines below it (chain.h).
    const auto before = chain::parse_registration(known->second);
    if (before && chain::is_same_registration(*before, *registration) &&
        before->witnesses.size() < registration->witnesses.size())
      known->second = e.registration;
  }
  void operator()(const ContradictionSeen& e) {
    if (std::ranges::find(state.contradictions, e) == state.contradictions.end()) state.contradictions.push_back(e);
  }
  void operator()(const TailListed& e) {
    const auto entry = decode(e.entry);
    state.listed[e.id] = {e.from,  write_key(), e.reason, entry ? std::string(kind_name(entry->body)) : "entry",
                          e.entry, event.at};
    ++state.readmission.listed;
  }
  void operator()(const WriteListed& e) {
    state.listed[e.id] = {std::nullopt, write_key(), e.reason, e.body, {}, happened_at(event)};
    if (!was_rung_alone(event)) ++state.readmission.listed;
  }
  void operator()(const ListedClosed& e) {
    state.listed.erase(e.id);
    state.listed_closed.insert(e.id);
  }
  void operator()(const SubjectRead&) {}  // that it was read is the record
  void operator()(const LinkCut& e) { state.links_cut.insert_or_assign(e.site, event.at); }
  void operator()(const LinkHealed& e) { state.links_cut.erase(e.site); }
  void operator()(const incident::RejoinStep& e) { incident::apply(state.incidents, e, event.at, event.write->staff); }
  // Told together with the facts of all events.
  void operator()(const incident::IncidentOpened&) {}
  void operator()(const incident::IncidentNoted&) {}
  void operator()(const incident::TaskSet&) {}
  void operator()(const incident::IncidentsJoined&) {}
  void operator()(const incident::IncidentClosed&) {}
  void operator()(const catalogue::ProductsListed& e) { catalogue::apply(state.catalogue, {state.epoch, index}, e); }
  void operator()(const catalogue::ProductDelisted& e) { catalogue::apply(state.catalogue, e); }
  void operator()(const stock::StockReceived& e) { move(e); }
  void operator()(const stock::StockWrittenOff& e) { move(e); }
  void operator()(const stock::StockCounted& e) {
    stock::apply(state.stock, e, happened_at(event));
    goes_back(standby::Happened::movement);
    // One that comes back says what lay there once; what was sold since may stand before it in this journal.
    if (event.write && event.write->prior) stock::want_count(state.stock, e);
  }
  void operator()(const stock::StockDispatched& e) {
    if (!event.write) return;
    const DispatchId id{event.write->key.bytes};
    const bool is_first = !state.stock.sent.contains(id);
    stock::apply(state.stock, e, id, happened_at(event), index);
    if (is_first) came_late(e);
    goes_back(standby::Happened::movement);
  }
  void operator()(const stock::DispatchReceived& e) {
    const bool is_first = !state.stock.arrived.contains(e.dispatch);
    stock::apply(state.stock, e, happened_at(event));
    if (is_first) {
      came_late(e);
      goes_back(standby::Happened::movement);
    }
    const auto sender = state.peers.find(e.from);
    if (!is_first || sender == state.peers.end()) return;
    if (const auto sent = sender->second.dispatches.find(e.dispatch); sent != sender->second.dispatches.end())
      stock::want_count_of_differences(state.stock, sent->second.lines, e.lines);
  }
  void operator()(const feed::FeedTaken& e) { feed::apply(state.feed, e, event.at); }
  void operator()(const stock::StockFed& e) { stock::apply(state.stock, e); }
  void operator()(const feed::OrdersFed& e) { feed::apply(state.feed, e); }
  void operator()(const guard::AlertRaised& e) { guard::apply(state.guard, e, event.at); }
  void operator()(const guard::PostureChanged& e) {
    guard::apply(state.guard, e, event.at);
    const till::Totals& totals = state.till.totals;
    tell_posture(state.incidents, e.posture, {event.at, index + 1, totals.sales, totals.gross});
  }
  void operator()(const till::SaleRecorded& e) { trade(e, standby::Happened::sale); }
  void operator()(const till::RefundRecorded& e) { trade(e, standby::Happened::refund); }
  void operator()(const till::RefundWithoutReceipt& e) { trade(e, standby::Happened::refund); }
  void operator()(const standby::StandbyBegun& e) { standby::apply(state.standby, e, event.at, here()); }
  void operator()(const standby::TakenOver& e) { standby::apply(state.standby, e, event.at); }
  void operator()(const standby::StandbyResumed& e) { standby::apply(state.standby, e, event.at); }
  void operator()(const standby::HandbackMade& e) { standby::apply(state.standby, e, event.at); }
  void operator()(const standby::HandbackConfirmed& e) { standby::apply(state.standby, e, event.at); }

 private:
  void trade(const auto& e, standby::Happened what) {
    till::apply(state.till, e, happened_at(event), till::ReceiptPlace{.epoch = state.epoch, .index = index});
    move_stock(state.stock, e);
    came_late(e);
    goes_back(what);
  }
  void move(const auto& e) {
    stock::apply(state.stock, e);
    came_late(e);
    goes_back(standby::Happened::movement);
  }
  // Who counted since may have counted what moved here.
  void came_late(const auto& e) {
    if (!event.write || !event.write->prior) return;
    for (const auto& line : e.lines) {
      if constexpr (requires { line.goods; })
        if (!line.goods) continue;
      stock::want_count_if_set_since(state.stock, line.sku, happened_at(event));
    }
  }
  EntryPlace here() const { return {state.epoch, index}; }
  void goes_back(standby::Happened what) {
    if (standby::goes_back(state.standby, event.write && event.write->prior))
      standby::note(state.standby, what, event.at, here());
  }
  std::optional<WriteKey> write_key() const {
    return event.write ? std::optional(WriteKey{event.write->till, event.write->key}) : std::nullopt;
  }
};

bool puts_on_list(const Body& body) {
  return std::holds_alternative<TailListed>(body) || std::holds_alternative<WriteListed>(body);
}

// Protocol 8.1, 8.5. Ages are counted in the journal's own time, which imports of old trade do not turn back.
void remember_write(State& state, EntryIndex index, const Event& event) {
  if (event.write) {
    const WriteKey key{event.write->till, event.write->key};
    const KnownWrite known{event.write->request, state.epoch, index, state.newest, puts_on_list(event.body)};
    if (state.writes.try_emplace(key, known).second) {
      if (event.write->prior)
        state.writes_kept.push_back(key);
      else
        state.writes_by_age.emplace_back(state.newest, key);
    }
  }
  while (state.writes_by_age.size() > writes_remembered_min &&
         state.writes_by_age.front().first + writes_remembered < state.newest) {
    state.writes_forgotten_to = state.writes_by_age.front().first;
    state.writes.erase(state.writes_by_age.front().second);
    state.writes_by_age.pop_front();
  }
}

// Protocol 6.2, 6.4: what came back is counted, and what a rule would have refused is flagged for a person.
void note_return(State& state, const Event& event) {
  if (!event.write || !event.write->prior) return;
  const Prior& prior = *event.write->prior;
  if (puts_on_list(event.body)) return;
  if (!was_rung_alone(event)) ++(prior.readmitted ? state.readmission.readmitted : state.readmission.resubmitted);
  if (prior.broke.empty()) return;
  const WriteKey key{event.write->till, event.write->key};
  std::string reason = fmt::format("taken because it has happened; the rule {} would have refused it", prior.broke);
  state.listed[listed_id(key)] = {EntryRef{prior.origin, prior.index}, key, std::move(reason),
                                  std::string(kind_name(event.body)),  {},  happened_at(event)};
}

}  // namespace

Status apply(State& state, EntryIndex index, const Event& event, const PeerEntries& peers) {
  if (const auto* opened = std::get_if<EpochOpened>(&event.body))
    HF_TRY_VOID(check_opening(state, *opened));
  else if (state.epoch == 0)
    return fail("fold/wrong_journal",
                fmt::format("a journal begins with EpochOpened, not with {}", kind_name(event.body)));
  if (const auto* followed = std::get_if<PeerFollowed>(&event.body)) HF_TRY_VOID(apply(state, index, *followed, peers));
  if (const auto* succeeded = std::get_if<PeerSucceeded>(&event.body))
    HF_TRY_VOID(apply(state, index, *succeeded, event.at, peers));
  state.newest = std::max(state.newest, event.at);
  state.size = index + 1;
  std::visit(ToState{state, index, event}, event.body);
  tell_incidents(state.incidents, event, EntryPlace{state.epoch, index}, state.guard.posture);
  remember_write(state, index, event);
  note_return(state, event);
  return {};
}

}  // namespace holdfast::fold
