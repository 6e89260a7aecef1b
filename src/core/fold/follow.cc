#include "core/fold/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/mutant.h"
#include "core/fold/incidents.h"

namespace holdfast::fold {
namespace {

constexpr std::string_view stop_here = "fold/stop_here";  // ends a scan; never leaves this file
// Up to here new events are collected before any is applied, so that a journal that cannot be read leaves the part as
// it was; beyond, a copy of the part is cheaper.
constexpr std::uint64_t collected_entries_max = 20'000;

void note_held(HeldBySku& by_sku, std::uint32_t epoch, EntryIndex index, const catalogue::ProductsListed& listed) {
  for (const catalogue::Product& product : listed.products) by_sku.places[product.sku].push_back({epoch, index});
}

HeldBySku& held_by_sku(PeerPart& part) {
  HeldBySku& out = part.held_by_sku;
  if (std::exchange(out.is_made, true)) return out;
  for (const KeptPrefix& kept : part.lineage)
    for (const auto& [index, listed] : kept.held) note_held(out, kept.origin.epoch, index, listed);
  for (const auto& [index, listed] : part.held) note_held(out, part.origin.epoch, index, listed);
  return out;
}

// What waits of one epoch, and what of it has counted.
struct Waits {
  std::map<EntryIndex, catalogue::ProductsListed>& held;
  std::map<EntryIndex, HeldBack>& held_back;
  std::uint64_t& listed_to;
};
std::optional<Waits> waits_of(PeerPart& part, std::uint32_t epoch) {
  if (part.origin.epoch == epoch) return Waits{part.held, part.held_back, part.listed_to};
  const auto kept = std::ranges::find(part.lineage, epoch, [](const KeptPrefix& k) { return k.origin.epoch; });
  return kept == part.lineage.end() ? std::nullopt : std::optional(Waits{kept->held, kept->held_back, kept->listed_to});
}

// This product waits no more in those held entries that are overtaken.
void supersede(PeerPart& part, const Sku& sku, const std::function<bool(const EntryPlace&)>& is_overtaken) {
  if (part.held.empty() && std::ranges::all_of(part.lineage, [](const KeptPrefix& k) { return k.held.empty(); }))
    return;  // as mostly
  auto& places = held_by_sku(part).places;
  const auto waits = places.find(sku);
  if (waits == places.end()) return;
  std::erase_if(waits->second, [&](const EntryPlace& place) {
    if (!is_overtaken(place)) return false;
    const auto waits_there = waits_of(part, place.epoch);
    const auto entry = waits_there ? waits_there->held.find(place.index) : decltype(waits_there->held.end()){};
    if (!waits_there || entry == waits_there->held.end()) return true;
    std::erase_if(entry->second.products, [&](const catalogue::Product& product) { return product.sku == sku; });
    waits_there->held_back[place.index].has_lost = true;
    if (entry->second.products.empty()) waits_there->held.erase(entry);
    return true;
  });
  if (waits->second.empty()) places.erase(waits);
}
void supersede(PeerPart& part, const Sku& sku) {
  supersede(part, sku, [](const EntryPlace&) { return true; });
}

// Takes one event of a peer in. Kinds that a follower's fold does not use do nothing.
struct ToPart {
  PeerPart& part;
  EntryIndex index;
  const Event& event;
  EntryIndex hold_from;

  void operator()(const catalogue::ProductsListed& e) {
    if (!part.held.contains(index)) {
      if (index < hold_from) return list(e);
      part.held_back.try_emplace(index);
    }
    // What a person has accepted of it counts (a succession reads it anew); the rest waits.
    HeldBack& back = part.held_back[index];
    catalogue::ProductsListed accepted, rest;
    for (const catalogue::Product& product : e.products)
      (back.accepted.contains(product.sku) ? accepted : rest).products.push_back(product);
    back.has_lost = !accepted.products.empty();
    if (rest.products.empty()) {
      part.held.erase(index);
    } else {
      if (part.held_by_sku.is_made) note_held(part.held_by_sku, part.origin.epoch, index, rest);
      part.held[index] = std::move(rest);
    }
    if (!accepted.products.empty()) list(accepted);
  }
  void operator()(const catalogue::ProductDelisted& e) {
    supersede(part, e.sku);
    catalogue::apply(part.catalogue, e);
  }
  void operator()(const guard::PostureChanged& e) {
    part.posture = e.posture;
    part.posture_since = event.at;
    tell_posture(part.incidents, e.posture, {event.at, index + 1, part.totals.sales, part.totals.gross});
  }
  void operator()(const stock::StockReceived& e) { move(e); }
  void operator()(const stock::StockWrittenOff& e) { move(e); }
  void operator()(const stock::StockCounted& e) {
    stock::apply(part.stock, e, happened_at(event));
    part.stock_total = part.stock.total;
  }
  void operator()(const stock::StockDispatched& e) {
    const DispatchId id{event.write->key.bytes};
    if (part.dispatches.contains(id) || e.to == part.origin.site) return;
    stock::apply(part.stock, e, id, happened_at(event), index);
    part.dispatches.insert(part.stock.sent.extract(id));
    part.stock_total = part.stock.total;
  }
  void operator()(const stock::DispatchReceived& e) {
    if (part.arrivals.contains(e.dispatch) || e.from == part.origin.site) return;
    stock::apply(part.stock, e, happened_at(event));
    part.arrivals.insert(part.stock.arrived.extract(e.dispatch));
    part.stock_total = part.stock.total;
  }
  void operator()(const till::SaleRecorded& e) { trade(e); }
  void operator()(const till::RefundRecorded& e) { trade(e); }
  void operator()(const till::RefundWithoutReceipt& e) { trade(e); }
  void operator()(const feed::FeedTaken& e) { feed::apply(part.feed, e, event.at); }
  void operator()(const stock::StockFed& e) { move(e); }
  void operator()(const feed::OrdersFed&) {}
  void operator()(const EpochOpened&) {}
  void operator()(const NodeStarted&) {}
  void operator()(const RulesAdopted&) {}
  void operator()(const Part&) {}
  void operator()(const PeerFollowed&) {}
  void operator()(const PeerSucceeded&) {}
  void operator()(const PeerEntryAccepted&) {}
  void operator()(const EpochSealed&) {}
  void operator()(const RegistrationTaken&) {}
  void operator()(const ContradictionSeen&) {}
  void operator()(const TailListed&) {}
  void operator()(const WriteListed&) {}
  void operator()(const ListedClosed&) {}
  void operator()(const SubjectRead&) {}
  void operator()(const guard::AlertRaised&) {}
  // Told together with the facts of all events.
  void operator()(const incident::IncidentOpened&) {}
  void operator()(const incident::IncidentNoted&) {}
  void operator()(const incident::TaskSet&) {}
  void operator()(const incident::IncidentsJoined&) {}
  void operator()(const incident::IncidentClosed&) {}
  void operator()(const LinkCut&) {}
  void operator()(const LinkHealed&) {}
  void operator()(const incident::RejoinStep&) {}
  void operator()(const standby::StandbyBegun&) {}
  void operator()(const standby::TakenOver&) {}
  void operator()(const standby::StandbyResumed&) {}
  void operator()(const standby::HandbackMade&) {}
  void operator()(const standby::HandbackConfirmed&) {}

 private:
  void list(const catalogue::ProductsListed& e) {
    for (const catalogue::Product& product : e.products) supersede(part, product.sku);
    catalogue::apply(part.catalogue, {part.origin.epoch, index}, e);
    part.listed_to = index + 1;
  }
  void move(const auto& e) {
    stock::apply(part.stock, e);
    part.stock_total = part.stock.total;
  }
  void trade(const auto& e) {
    till::apply(part.totals, e, happened_at(event));
    move_stock(part.stock, e);
    part.stock_total = part.stock.total;
  }
};

Status fold_range(PeerPart& part, std::uint64_t end, const PeerEntries& peers, EntryIndex hold_from = UINT64_MAX) {
  HF_TRY(const ScanEnd stopped, scan_events(peers, part.origin, part.size, end, [&](EntryIndex index, Event&& event) {
           apply_to_part(part, index, event, hold_from);
           return true;
         }));
  part.size = stopped.size;
  part.needs_newer_version = stopped.needs_newer_version;
  return {};
}

// What is followed of this epoch is all that is kept of it.
void keep(PeerPart& part) {
  part.lineage.push_back({part.origin, part.size, part.since, std::exchange(part.held, {}),
                          std::exchange(part.held_back, {}), std::exchange(part.listed_to, 0)});
  part.size = 0;
}

// The part of a peer at the end of `line`, whose last element is the origin followed now, folded from entry 0. What of
// that comes in without having been followed, from `hold_from` on, was held against no bound, so it waits (7.6).
Result<PeerPart> refold(const std::vector<KeptPrefix>& line, EntryIndex hold_from, const PeerEntries& peers) {
  PeerPart part;
  for (const KeptPrefix& prefix : line) {
    if (!part.origin.chain.empty()) keep(part);
    part.origin = prefix.origin;
    part.since = prefix.since;
    part.held_back = {prefix.held_back.begin(), prefix.held_back.lower_bound(prefix.size)};
    for (const auto& [index, back] : part.held_back) part.held.try_emplace(index);  // filled when the fold comes to it
    HF_TRY_VOID(fold_range(part, prefix.size, peers, &prefix == &line.back() ? hold_from : UINT64_MAX));
    std::erase_if(part.held, [](const auto& entry) { return entry.second.products.empty(); });
  }
  return part;
}

// Entries of one epoch that a succession drops: 1 + index, in (from, to], as far as they set prices.
struct Dropped {
  std::uint32_t epoch = 0;
  std::uint64_t from = 0, to = 0;
};
bool rested_on(const till::ReceiptPlace& receipt, const Dropped& dropped) {
  const bool may_be_of_it = receipt.listed_epoch == dropped.epoch || receipt.listed_epoch == 0;
  return may_be_of_it && receipt.listed_at > dropped.from && receipt.listed_at <= dropped.to;
}

// What `old` of `line` does not keep, and all of the epochs behind it.
std::vector<Dropped> dropped_of(const std::vector<KeptPrefix>& line, std::vector<KeptPrefix>::iterator old,
                                std::uint64_t kept_size) {
  std::vector<Dropped> out;
  for (auto each = old; each != line.end(); ++each)
    out.push_back({each->origin.epoch, each == old ? kept_size : 0, each->listed_to});
  std::erase_if(out, [](const Dropped& d) { return d.from >= d.to; });
  return out;
}

// Receipts of this site whose prices rested on what was dropped (protocol 7.4), as text; nothing if there are none.
std::optional<std::string> receipts_to_look_at(const till::TillState& till, const std::vector<Dropped>& dropped) {
  constexpr std::size_t ranges_told_max = 20;
  std::uint64_t receipts = 0;
  std::size_t ranges = 0;
  std::string told;
  for (const auto& [key, series] : till.receipts) {
    std::uint64_t first = 0, last = 0;  // of a range; 0: none
    const auto tell = [&] {
      if (first == 0 || ++ranges > ranges_told_max) return;
      told += (told.empty() ? "" : ", ") + to_text(ReceiptNumber{key.first, key.second, first});
      if (last != first) told += fmt::format(" to {}", last);
    };
    for (const auto& [n, place] : series.receipts) {
      if (std::ranges::none_of(dropped, [&](const Dropped& d) { return rested_on(place, d); })) continue;
      ++receipts;
      if (first == 0 || n != last + 1) {
        tell();
        first = n;
      }
      last = n;
    }
    tell();
  }
  if (receipts == 0) return std::nullopt;
  if (ranges > ranges_told_max) told += fmt::format(" and {} more ranges", ranges - ranges_told_max);
  return fmt::format("{} {}: {}", receipts, receipts == 1 ? "receipt" : "receipts", told);
}

void list_receipts(State& state, const PeerSucceeded& event, const std::vector<Dropped>& dropped, Instant at) {
  const auto receipts = receipts_to_look_at(state.till, dropped);
  const ListedId id = listed_id(as_bytes("holdfast receipts on lost prices v1\n" + event.new_origin.text()));
  if (!receipts || state.was_listed(id)) return;
  std::string reason = fmt::format(
      "{} was rebuilt without the price lists that these sales rested on; the sales stand, look at their prices: {}",
      event.old_origin.site.view(), *receipts);
  state.listed[id] = {EntryRef{event.old_origin, event.kept_size}, std::nullopt, std::move(reason), "receipts", {}, at};
}

PeerPart new_part(const Origin& origin, EntryPlace since) {
  PeerPart part;
  part.origin = origin;
  part.since = since;
  return part;
}

struct NewEvents {
  const FollowedPrefix* prefix = nullptr;
  std::uint64_t first = 0;
  ScanEnd end;
  std::vector<std::pair<EntryIndex, Event>> events;
  std::optional<PeerPart> copy;  // instead of events, when they are many
};

// Goods that this site has received before it heard of their dispatch: now both papers are here.
void compare_with_arrivals(State& state, const PeerPart& part, const NewEvents& news,
                           const std::map<DispatchId, stock::Sent>& known) {
  const auto compare = [&](const DispatchId& id, const stock::Sent& sent) {
    if (sent.to != state.site) return;
    if (const auto arrived = state.stock.arrived.find(id); arrived != state.stock.arrived.end())
      stock::want_count_of_differences(state.stock, sent.lines, arrived->second.lines);
  };
  if (news.copy) {
    for (const auto& [id, sent] : part.dispatches)
      if (!known.contains(id)) compare(id, sent);
    return;
  }
  for (const auto& [index, event] : news.events) {
    if (!std::holds_alternative<stock::StockDispatched>(event.body)) continue;
    const DispatchId id{event.write->key.bytes};
    if (const auto it = part.dispatches.find(id); it != part.dispatches.end() && it->second.index == index)
      compare(id, it->second);
  }
}

bool is_followed_on(const State& state, const FollowedPrefix& prefix) {
  if (prefix.origin.site == state.site || prefix.origin.chain != state.chain) return false;
  const auto it = state.peers.find(prefix.origin.site);
  return it == state.peers.end() || (it->second.origin == prefix.origin && it->second.size < prefix.size);
}

void put_held(PeerPart& part, const FollowedPrefix& prefix) {
  for (const EntryIndex index : prefix.held) {
    if (index < part.size || index >= prefix.size) continue;
    part.held.try_emplace(index);
    part.held_back.try_emplace(index);
  }
}

Result<NewEvents> read_new(const State& state, EntryPlace here, const FollowedPrefix& prefix,
                           const PeerEntries& peers) {
  NewEvents out;
  out.prefix = &prefix;
  const auto known = state.peers.find(prefix.origin.site);
  if (known != state.peers.end()) out.first = known->second.size;
  if (prefix.size - out.first <= collected_entries_max) {
    HF_TRY(out.end, scan_events(peers, prefix.origin, out.first, prefix.size, [&](EntryIndex index, Event&& event) {
             if (!HF_MUTANT(19) || index + 1 < prefix.size) out.events.emplace_back(index, std::move(event));
             return true;
           }));
    return out;
  }
  out.copy = known != state.peers.end() ? known->second : new_part(prefix.origin, here);
  put_held(*out.copy, prefix);
  HF_TRY_VOID(fold_range(*out.copy, prefix.size, peers));
  out.end = {out.copy->size, out.copy->needs_newer_version};
  return out;
}

}  // namespace

Result<ScanEnd> scan_events(const PeerEntries& peers, const Origin& origin, EntryIndex first, EntryIndex end,
                            const std::function<bool(EntryIndex, Event&&)>& use) {
  Joiner joiner;
  EntryIndex event_starts = first;
  bool needs_newer = false;
  std::optional<std::uint64_t> enough;
  const Status scanned = peers.scan(origin, first, end, [&](EntryIndex index, ByteView bytes) -> Status {
    if (!joiner.in_the_middle()) event_starts = index;
    auto taken = joiner.take(bytes);
    if (!taken && taken.error().code == "fold/unknown_event") {
      needs_newer = true;
      return fail(stop_here, "");
    }
    if (!taken || !*taken || use_by_followers((*taken)->body) == Use::none || use(index, std::move(**taken))) return {};
    enough = index + 1;
    return fail(stop_here, "");
  });
  if (!scanned && scanned.error().code != stop_here) return pass_on(scanned.error());
  if (enough) return ScanEnd{*enough, false};
  return ScanEnd{needs_newer || joiner.in_the_middle() ? event_starts : end, needs_newer};
}

void apply_to_part(PeerPart& part, EntryIndex index, const Event& event, EntryIndex hold_from) {
  std::visit(ToPart{part, index, event, hold_from}, event.body);
  part.newest = std::max(part.newest, event.at);
  tell_incidents(part.incidents, event, EntryPlace{part.origin.epoch, index}, part.posture, incident::peer_room);
}

Status apply(State& state, EntryIndex index, const PeerFollowed& event, const PeerEntries& peers) {
  const EntryPlace here{state.epoch, index};
  std::vector<NewEvents> all;
  for (const FollowedPrefix& prefix : event.peers) {
    const bool named_twice =
        std::ranges::any_of(all, [&](const NewEvents& n) { return n.prefix->origin.site == prefix.origin.site; });
    if (named_twice || !is_followed_on(state, prefix)) continue;
    HF_TRY(NewEvents news, read_new(state, here, prefix, peers));
    all.push_back(std::move(news));
  }
  for (NewEvents& news : all) {  // nothing fails from here on
    PeerPart& part =
        state.peers.try_emplace(news.prefix->origin.site, new_part(news.prefix->origin, here)).first->second;
    std::map<DispatchId, stock::Sent> known;  // before a copy takes the part's place
    if (news.copy) {
      known = std::move(part.dispatches);
      part = *std::move(news.copy);
    } else {
      put_held(part, *news.prefix);
      for (const auto& [at, each] : news.events) apply_to_part(part, at, each);
    }
    // What was to be held and lists nothing holds nothing; what lies beyond the end is named again by the next follow.
    part.held.erase(part.held.lower_bound(news.end.size), part.held.end());
    for (auto held = part.held.lower_bound(news.first); held != part.held.end();)
      held = held->second.products.empty() ? part.held.erase(held) : std::next(held);
    part.held_back.erase(part.held_back.lower_bound(news.end.size), part.held_back.end());
    part.size = news.end.size;
    part.needs_newer_version = news.end.needs_newer_version;
    part.root = part.size == news.prefix->size ? news.prefix->root : Hash{};
    compare_with_arrivals(state, part, news, known);
  }
  return {};
}

Status apply(State& state, EntryIndex index, const PeerSucceeded& event, Instant at, const PeerEntries& peers) {
  const SiteName& site = event.old_origin.site;
  const EntryPlace here{state.epoch, index};
  if (site == state.site || event.old_origin.chain != state.chain) return {};
  // Every origin of this peer that was followed, oldest first, and among them the one that is succeeded now.
  std::vector<KeptPrefix> line;
  const auto known = state.peers.find(site);
  if (known != state.peers.end()) {
    line = known->second.lineage;
    const PeerPart& part = known->second;
    line.push_back({part.origin, part.size, part.since, part.held, part.held_back, part.listed_to});
  } else {
    line.push_back({event.old_origin, 0, here, {}, {}, 0});
  }
  const auto old = std::ranges::find(line, event.old_origin, &KeptPrefix::origin);
  if (old == line.end()) return {};  // never followed, so nothing of it was kept or lost here
  const std::uint64_t followed = old->size;
  const bool is_last = std::next(old) == line.end();
  const std::vector<Dropped> dropped = dropped_of(line, old, event.kept_size);
  line.erase(std::next(old), line.end());

  PeerPart part;
  if (known != state.peers.end() && is_last && followed <= event.kept_size) {
    part = known->second;
    HF_TRY_VOID(fold_range(part, event.kept_size, peers));
  } else {
    line.back().size = event.kept_size;
    const bool goes_further = known != state.peers.end() && !is_last;  // of an older epoch than was followed then
    HF_TRY(part, refold(line, goes_further ? followed : UINT64_MAX, peers));
  }
  if (!dropped.empty() && state.catalogue.products.empty()) list_receipts(state, event, dropped, at);
  keep(part);
  part.origin = event.new_origin;
  part.root = {};
  part.since = here;
  part.needs_newer_version = false;
  state.peers.insert_or_assign(site, std::move(part));
  return {};
}

const catalogue::ProductsListed* find_held(const State& state, const EntryRef& entry) {
  const auto peer = state.peers.find(entry.origin.site);
  if (peer == state.peers.end()) return nullptr;
  const PeerPart& part = peer->second;
  const auto in = [&](const std::map<EntryIndex, catalogue::ProductsListed>& held) {
    const auto it = held.find(entry.index);
    return it == held.end() ? nullptr : &it->second;
  };
  if (part.origin == entry.origin) return in(part.held);
  const auto kept = std::ranges::find(part.lineage, entry.origin, &KeptPrefix::origin);
  return kept == part.lineage.end() ? nullptr : in(kept->held);
}

Hash hash_of(const catalogue::ProductsListed& waiting) {
  Writer out;
  out.text("holdfast price list that waits v1");
  for (const catalogue::Product& product : waiting.products) catalogue::encode(out, product);
  return sha256(out.view());
}

void apply(State& state, const PeerEntryAccepted& event) {
  const catalogue::ProductsListed* waiting = find_held(state, event.entry);
  if (waiting == nullptr) return;
  PeerPart& part = state.peers.find(event.entry.origin.site)->second;
  const Waits waits = *waits_of(part, event.entry.origin.epoch);
  const catalogue::ProductsListed accepted = *waiting;
  waits.held.erase(event.entry.index);
  if (HeldBack& back = waits.held_back[event.entry.index]; !back.has_lost)
    waits.held_back.erase(event.entry.index);  // all of it
  else
    for (const catalogue::Product& product : accepted.products) back.accepted.insert(product.sku);
  // Its products wait in older entries no longer.
  const auto is_older = [&](const EntryPlace& place) {
    return !HF_MUTANT(32) && place < EntryPlace{event.entry.origin.epoch, event.entry.index};
  };
  for (const catalogue::Product& product : accepted.products) supersede(part, product.sku, is_older);
  catalogue::apply(part.catalogue, {event.entry.origin.epoch, event.entry.index}, accepted);
  waits.listed_to = std::max(waits.listed_to, event.entry.index + 1);
}

void move_stock(stock::StockState& stock, const till::SaleRecorded& event) {
  for (const till::SaleLine& line : event.lines)
    if (line.goods) stock::move_by_till(stock, line.sku, line.quantity);
}
void move_stock(stock::StockState& stock, const till::RefundRecorded& event) {
  for (const till::RefundLine& line : event.lines)
    if (line.goods && !HF_MUTANT(10)) stock::move_by_till(stock, line.sku, Quantity{-line.quantity.thousandths});
}
void move_stock(stock::StockState& stock, const till::RefundWithoutReceipt& event) {
  for (const till::SaleLine& line : event.lines)
    if (line.goods) stock::move_by_till(stock, line.sku, Quantity{-line.quantity.thousandths});
}

Use use_by_followers(const Body& body) {
  if (HF_MUTANT(29) && std::holds_alternative<PeerFollowed>(body)) return Use::at_once;
  // What only watches stays at home: a sensor may see it a thousand times a night.
  if (const auto* alert = std::get_if<guard::AlertRaised>(&body))
    return alert->level >= guard::Level::guarded ? Use::at_once : Use::none;
  return std::visit(
      [](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        constexpr bool is_of_trade = std::is_same_v<E, till::SaleRecorded> || std::is_same_v<E, till::RefundRecorded> ||
                                     std::is_same_v<E, till::RefundWithoutReceipt>;
        constexpr bool is_at_once =
            std::is_same_v<E, EpochOpened> || std::is_same_v<E, catalogue::ProductsListed> ||
            std::is_same_v<E, catalogue::ProductDelisted> || std::is_same_v<E, stock::StockReceived> ||
            std::is_same_v<E, stock::StockWrittenOff> || std::is_same_v<E, stock::StockCounted> ||
            std::is_same_v<E, stock::StockDispatched> || std::is_same_v<E, stock::DispatchReceived> ||
            std::is_same_v<E, feed::FeedTaken> || std::is_same_v<E, stock::StockFed> ||
            std::is_same_v<E, guard::PostureChanged> || std::is_same_v<E, ContradictionSeen> ||
            std::is_same_v<E, standby::TakenOver> || std::is_same_v<E, standby::HandbackMade> ||
            std::is_same_v<E, LinkCut> || std::is_same_v<E, LinkHealed> ||
            std::is_same_v<E, incident::IncidentOpened> || std::is_same_v<E, incident::IncidentNoted> ||
            std::is_same_v<E, incident::TaskSet> || std::is_same_v<E, incident::IncidentsJoined> ||
            std::is_same_v<E, incident::IncidentClosed> || std::is_same_v<E, incident::RejoinStep>;
        return is_of_trade ? Use::of_trade : is_at_once ? Use::at_once : Use::none;
      },
      body);
}

Result<Followable> followable(const State& state, const SiteName& peer, const Origin& origin, std::uint64_t size,
                              const chain::ChainFile& chain, const PeerEntries& peers, std::size_t beyond_max) {
  const chain::Site* site = chain.find(peer);
  const bool lists = site != nullptr && site->kind == chain::SiteKind::head_office;
  const auto known = state.peers.find(peer);
  const PeerPart* part = known == state.peers.end() ? nullptr : &known->second;
  const EntryIndex first = part != nullptr && part->origin == origin ? part->size : 0;
  // Products as they would stand after each entry that is within bounds; only those that the new entries name.
  catalogue::CatalogueState standing;
  Followable out{size, {}};
  if (size <= first) return out;
  std::uint64_t behind = first;  // the last event that it has room for
  bool is_full = false;
  auto visit = [&](EntryIndex index, const catalogue::ProductsListed& event) {
    for (const catalogue::Product& product : event.products) {
      if (part == nullptr || standing.products.contains(product.sku)) continue;
      if (const catalogue::Listed* listed = part->catalogue.find(product.sku))
        standing.products.emplace(product.sku, *listed);
    }
    // A guarded site takes no changed price by itself: whoever holds head office would begin with those.
    const std::int64_t bound = guard::is_tight(state.guard.posture) ? 0 : chain.bounds.price_change_percent_max;
    if (lists && !catalogue::beyond_bound(standing, event, bound)) {
      catalogue::apply(standing, {origin.epoch, index}, event);
    } else if (out.beyond.size() < beyond_max) {
      out.beyond.push_back(index);
    } else {
      is_full = true;
    }
  };
  HF_TRY(const ScanEnd end, scan_events(peers, origin, first, size, [&](EntryIndex index, Event&& event) {
           if (const auto* listed = std::get_if<catalogue::ProductsListed>(&event.body)) visit(index, *listed);
           if (!is_full) behind = index + 1;
           return !is_full;
         }));
  if (is_full)
    out.size = behind;
  else if (end.needs_newer_version)
    out.size = end.size;
  return out;
}

bool can_follow_on(const PeerPart& part, std::uint64_t size, const PeerEntries& peers) {
  if (size <= part.size) return false;
  const auto end = scan_events(peers, part.origin, part.size, size, [](EntryIndex, Event&&) { return true; });
  return end && end->size > part.size;
}

}  // namespace holdfast::fold
