// The state is a function of journals alone (protocol 7.1): laws over random trade of three sites, snapshots, own
// epochs.
#include "core/fold/state.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>

#include "core/base/sums.h"
#include "core/fold/test_events.h"
#include "core/fold/test_fold.h"

namespace holdfast::fold {
namespace {

using namespace testing;

template <class T>
T pick(T first, T last) {  // of the whole range, whatever RapidCheck's size
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<T>(first, last + 1));
}
Sku any_sku() { return Sku("sku-" + std::to_string(pick(0, 5))); }

struct Town {
  Journals journals;
  std::vector<std::unique_ptr<Shop>> shops;  // head office, warehouse, two stores
  std::vector<WriteRequest> sent;            // to shops[3]
  std::vector<std::pair<std::size_t, DispatchId>> dispatches;

  Town() {
    for (std::string_view name : {"head-office", "warehouse", "store-01", "store-02"})
      shops.push_back(std::make_unique<Shop>(journals, name));
  }
  Shop& any() { return *shops[pick<std::size_t>(0, 3)]; }

  std::vector<till::AskedLine> any_lines(const Shop& shop) {
    std::vector<till::AskedLine> lines;
    for (int i = pick(1, 3); i > 0; --i) {
      const Sku sku = any_sku();
      const auto* listed = shop.state.find_product(sku.view());
      const auto quantity = pick<std::int64_t>(1, 3000);
      if (listed != nullptr)
        lines.push_back({sku, Quantity{quantity}, listed->product.unit_price, listed->product.vat, "", false});
      else
        lines.push_back(open_line(sku.view(), quantity, pick<std::int64_t>(0, 9'000'000)));
    }
    return lines;
  }
  static std::int64_t sum(const std::vector<till::AskedLine>& lines) {
    std::int64_t total = 0;
    for (const till::AskedLine& line : lines) total += line_amount(line.unit_price, line.quantity, 2)->minor;
    return total;
  }
  Command any_command(Shop& shop) {
    const std::vector<stock::Line> goods = {{any_sku(), Quantity{pick<std::int64_t>(1, 9000)}}};
    const std::size_t other = pick<std::size_t>(0, 3);
    const TillId till{static_cast<std::uint32_t>(pick(1, 3))};
    switch (pick(0, 14)) {
      case 0:
        return catalogue::ListProducts{
            {product(any_sku().view(), pick<std::int64_t>(0, 5'000'000), pick(0, 1) ? "S" : "R")}};
      case 1:
        return catalogue::DelistProduct{any_sku()};
      case 2:
        return stock::Receive{goods, "paper"};
      case 3:
        return stock::WriteOff{goods, "broken"};
      case 4:
        return stock::Count{goods};
      case 12:
        return stock::Feed{shop.now(), {{any_sku(), Quantity{pick<std::int64_t>(-9000, 9000)}}}};
      case 13: {
        feed::FeedOrders fed{shop.now(), {}, {std::to_string(pick(0, 3))}};
        fed.orders.push_back({std::to_string(pick(4, 7)), {}, "paid", shop.now(), {{any_sku(), Quantity{1000}}}});
        return fed;
      }
      case 14: {
        feed::FeedTaken file{static_cast<feed::Kind>(pick(0, 2)), std::to_string(pick(0, 2)), "f.csv"};
        file.as_of = shop.now();
        file.whole = pick(0, 1) == 1;
        return feed::TakeFile{file};
      }
      case 5:
        return stock::Dispatch{shops[other]->origin.site, goods};
      case 6: {
        if (dispatches.empty()) return stock::Receive{goods, ""};
        const auto& [from, id] = dispatches[pick<std::size_t>(0, dispatches.size() - 1)];
        return stock::ReceiveDispatch{shops[from]->origin.site, id, goods};
      }
      case 7: {
        const auto lines = any_lines(shop);
        return till::RefundNoReceipt{till, lines, {cash(sum(lines))}, "faulty"};
      }
      case 8:
      case 9: {
        const auto& receipts = shop.state.till.receipts;
        if (receipts.empty()) return stock::Receive{goods, ""};
        const auto& [key, series] = *receipts.begin();
        const auto n = pick<std::uint64_t>(1, series.next - 1);
        const auto place = series.receipts.at(n);
        const auto event = shop.reader().read(place.epoch, place.index);
        const auto* sale = std::get_if<till::SaleRecorded>(&event->body);
        const Quantity all = sale == nullptr ? Quantity{1} : sale->lines[0].quantity;
        const Money due = sale == nullptr ? Money{1} : sale->lines[0].amount;
        return till::Refund{till, {key.first, key.second, n}, {{0, all}}, {cash(due.minor)}, ""};
      }
      default: {
        const auto lines = any_lines(shop);
        return till::RecordSale{till, lines, {card(sum(lines))}, {}};
      }
    }
  }

  // One step of anything; deciding must change nothing, whatever comes of it.
  void step() {
    Shop& shop = any();
    const int kind = pick(0, 9);
    if (kind == 0) return shop.follow(*shops[pick(0, 1) == 0 ? 0 : pick<std::size_t>(0, 3)]);
    if (kind == 1) {
      shop.append({shop.now(), {}, NodeStarted{SeriesId{pick<std::uint64_t>(1, 99)}, "test"}});
      return;
    }
    WriteRequest request;
    const bool is_retry = kind == 2 && !sent.empty();
    if (is_retry) {
      request = sent[pick<std::size_t>(0, sent.size() - 1)];
    } else {
      const Command command = any_command(shop);
      TillId till;
      std::visit(
          [&](const auto& c) {
            if constexpr (requires { c.till; }) till = c.till;
          },
          command);
      request = shop.request(command, till);
      if (kind == 3) request.prior = Prior{{shop.chain.chain, shop.origin.site, 1}, 7, shop.now() - seconds(9), false};
    }
    Shop& to = is_retry ? *shops[3] : shop;
    const Bytes before = to.state.encode();
    const auto decided = to.ask(request);
    RC_ASSERT(to.state.encode() == before);
    const auto again = to.ask(request);
    RC_ASSERT(again.has_value() == decided.has_value());
    if (!decided) {
      RC_ASSERT(again.error().code == decided.error().code);
      RC_ASSERT(!is_retry);
      return;
    }
    RC_ASSERT(again->event == decided->event);
    RC_ASSERT(again->known == decided->known);
    RC_ASSERT(decided->event.has_value() != decided->known.has_value());
    RC_ASSERT(is_retry == decided->known.has_value());
    if (decided->known) return;
    to.append(*decided->event);
    if (&to == shops[3].get()) sent.push_back(request);
    if (std::holds_alternative<stock::StockDispatched>(decided->event->body))
      dispatches.emplace_back(
          static_cast<std::size_t>(std::ranges::find(shops, &to, &std::unique_ptr<Shop>::get) - shops.begin()),
          DispatchId{request.key.bytes});
  }
};

bool is_conserved(const stock::StockState& s) {
  Quantity sum, balance;
  for (const auto& [sku, item] : s.items) add(sum, item.on_hand);
  for (const Quantity* in : {&s.received, &s.counted_up, &s.taken_back, &s.arrived_units, &s.fed_up}) add(balance, *in);
  for (const Quantity* out : {&s.written_off, &s.counted_down, &s.sold, &s.dispatched, &s.fed_down})
    take_off(balance, *out);
  return sum == s.total && balance == s.total;
}

RC_GTEST_PROP(StateProperty, random_trade_of_four_sites_keeps_every_law, ()) {
  Town town;
  for (int i = pick(0, 120); i > 0; --i) town.step();
  RC_CLASSIFY(std::ranges::any_of(town.shops, [](const auto& s) { return !s->state.till.refunded.empty(); }),
              "a refund");
  RC_CLASSIFY(std::ranges::any_of(town.shops, [](const auto& s) { return !s->state.stock.arrived.empty(); }),
              "an arrival");
  RC_CLASSIFY(std::ranges::any_of(town.shops, [](const auto& s) { return !s->state.listed.empty(); }),
              "a listed write");
  RC_CLASSIFY(std::ranges::any_of(town.shops[3]->state.till.receipts,
                                  [](const auto& s) { return s.second.receipts.begin()->second.listed_at > 0; }),
              "a followed price");
  for (const auto& shop : town.shops) {
    const State& state = shop->state;
    // Goods and receipts.
    RC_ASSERT(is_conserved(state.stock));
    RC_ASSERT(till::gaps(state.till, 10).empty());
    Quantity till_moved = state.stock.sold;
    take_off(till_moved, state.stock.taken_back);
    RC_ASSERT(till_moved == state.till.totals.units);
    for (const auto& [receipt, lines] : state.till.refunded) {
      const auto place = *state.till.find(receipt);
      const auto event = shop->reader().read(place.epoch, place.index);
      for (const auto& [line, quantity] : lines) {
        const auto sold = std::get<till::SaleRecorded>(event->body).lines[line].quantity;
        RC_ASSERT(quantity <= sold || !state.listed.empty());
      }
    }
    // What is followed is what the peer's own state was there; all of it, if all of it is followed.
    for (const auto& [name, part] : state.peers) {
      const auto peer = std::ranges::find(town.shops, name, [](const auto& s) { return s->origin.site; });
      if (part.size != (*peer)->size()) continue;
      RC_ASSERT(part.totals == (*peer)->state.till.totals);
      RC_ASSERT(part.stock_total == (*peer)->state.stock.total);
      RC_ASSERT(part.dispatches == (*peer)->state.stock.sent);
      RC_ASSERT(part.arrivals == (*peer)->state.stock.arrived);
    }
    // Replay gives the same bytes, from the journal alone and from a snapshot; and twice the same.
    const Bytes live = state.encode();
    const auto replayed = replay(town.journals, {shop->origin});
    RC_ASSERT(replayed.has_value());
    RC_ASSERT(replayed->encode() == live);
    RC_ASSERT(replayed->hash() == state.hash());
    const auto decoded = State::decode(live);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(decoded->encode() == live);
    RC_ASSERT(decoded->writes == state.writes);
    RC_ASSERT(decoded->peers == state.peers);
  }
}

RC_GTEST_PROP(StateProperty, a_start_from_any_snapshot_ends_like_one_without, ()) {
  Town town;
  Shop& shop = *town.shops[3];
  std::vector<std::pair<std::uint64_t, Bytes>> snapshots;
  for (int i = pick(0, 60); i > 0; --i) {
    town.step();
    if (pick(0, 4) == 0) snapshots.emplace_back(shop.size(), shop.state.encode());
  }
  for (const auto& [size, bytes] : snapshots) {
    auto state = State::decode(bytes);
    RC_ASSERT(state.has_value());
    for (EntryIndex i = size; i < shop.size(); ++i)
      RC_ASSERT(apply(*state, i, *decode(shop.entries()[i]), shop.reader()).has_value());
    RC_ASSERT(state->encode() == shop.state.encode());
  }
}

RC_GTEST_PROP(StateProperty, any_events_in_any_order_are_folded_and_twice_alike, ()) {
  const std::vector<Event> all = samples();
  const Journals journals;
  const JournalReader nothing(journals);
  State first, second;
  const Event opened{Instant{1}, {}, EpochOpened{"example.com/c", SiteName("store-01"), 1, "GBP", ""}};
  RC_ASSERT(apply(first, 0, opened, nothing).has_value());
  RC_ASSERT(apply(second, 0, opened, nothing).has_value());
  for (EntryIndex i = 1; i < 40; ++i) {
    Event event = all[pick<std::size_t>(0, all.size() - 1)];
    if (event.write) event.write->key.bytes[1] = std::byte(pick(0, 255));
    event.at = Instant{pick<std::int64_t>(0, 1ll << 62)};
    const bool applied = apply(first, i, event, nothing).has_value();
    RC_ASSERT(apply(second, i, event, nothing).has_value() == applied);
    RC_ASSERT(first.writes.size() == first.writes_by_age.size() + first.writes_kept.size());
  }
  RC_ASSERT(first.encode() == second.encode());
  const auto back = State::decode(first.encode());
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->encode() == first.encode());
}

RC_GTEST_PROP(StateProperty, damaged_snapshots_are_refused_or_are_another_state, ()) {
  static const Bytes good = [] {
    Journals journals;
    Shop head(journals, "head-office"), store(journals, "store-01");
    EXPECT_TRUE(head.write(catalogue::ListProducts{{product("A", 1'000'000), product("B", 1)}}));
    EXPECT_TRUE(head.write(catalogue::ListProducts{{product("A", 9'000'000)}}));
    store.follow(head);
    EXPECT_TRUE(store.write(stock::Receive{{{Sku("A"), Quantity{1}}}, ""}));
    EXPECT_TRUE(store.write(till::RecordSale{TillId{1}, {line("A", 1000, 1'000'000)}, {cash(100)}, {}}, TillId{1}));
    store.append({store.now(), {}, ContradictionSeen{head.origin, "a", "b"}});
    store.append({store.now(), sample_write(), WriteListed{{}, "why", "body"}});
    return store.state.encode();
  }();
  Bytes bytes = good;
  for (int i = pick(1, 4); i > 0; --i) bytes[pick<std::size_t>(0, bytes.size() - 1)] = std::byte(pick(0, 255));
  if (pick(0, 3) == 0) bytes.resize(pick<std::size_t>(0, bytes.size()));
  const auto state = State::decode(bytes);
  RC_CLASSIFY(state.has_value(), "still a state");
  if (state) RC_ASSERT(State::decode(state->encode()).has_value());
}

TEST(Snapshot, cut_or_lengthened_anywhere_it_is_refused) {
  Journals journals;
  Shop head(journals, "head-office"), store(journals, "store-01");
  ASSERT_TRUE(head.write(catalogue::ListProducts{{product("A", 1'000'000)}}));
  store.follow(head);
  ASSERT_TRUE(store.write(till::RecordSale{TillId{1}, {line("A", 1000, 1'000'000)}, {cash(100)}, {}}, TillId{1}));
  Bytes bytes = store.state.encode();
  ASSERT_TRUE(State::decode(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto state = State::decode(ByteView(bytes).first(size));
    ASSERT_FALSE(state) << size;
    EXPECT_TRUE(state.error().code.ends_with("/bad_snapshot"));
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(State::decode(bytes));
}

TEST(Snapshot, accepted_products_out_of_order_are_refused) {
  Journals journals;
  Shop head(journals, "head-office"), store(journals, "store-01");
  ASSERT_TRUE(head.write(catalogue::ListProducts{{product("A", 1'000'000)}}));
  store.follow(head);
  store.state.peers.at(SiteName("head-office")).held_back[2] = {true, {Sku("KX"), Sku("KY")}};
  Bytes bytes = store.state.encode();
  const auto again = State::decode(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->peers, store.state.peers);
  for (const std::string_view other : {"KZ", "KY"}) {  // out of order, twice
    Bytes changed = bytes;
    const auto at = std::ranges::search(changed, as_bytes("KX")).begin();
    ASSERT_NE(at, changed.end());
    std::ranges::copy(as_bytes(other), at);
    EXPECT_FALSE(State::decode(changed)) << other;
  }
}

// ---- own epochs (protocol 5, 6)

TEST(OwnEpochs, the_state_goes_on_in_the_new_journal_and_receipts_of_both_are_found) {
  Journals journals;
  Shop old_machine(journals, "store-01");
  const auto sale =
      old_machine.write(till::RecordSale{TillId{1}, {open_line("A", 1000, 1'000'000)}, {cash(100)}, {}}, TillId{1});
  ASSERT_TRUE(sale);
  const WriteRequest retried =
      old_machine.request(till::RecordSale{TillId{1}, {open_line("B", 1000, 0)}, {}, {}}, TillId{1});
  const auto kept = old_machine.write(retried);
  Shop new_machine(journals, "store-01", 2);
  auto state = replay(journals, {old_machine.origin, new_machine.origin});
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(state->epoch, 2u);
  EXPECT_EQ(state->registration, "registration");
  EXPECT_EQ(state->till.series, SeriesId{0x1002});
  new_machine.state = *state;
  const auto again = new_machine.write(retried);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->origin, old_machine.origin);
  EXPECT_EQ(again->receipt, kept->receipt);
  const auto refund =
      new_machine.write(till::Refund{TillId{1}, *sale->receipt, {{0, Quantity{1000}}}, {cash(100)}, ""}, TillId{1});
  ASSERT_TRUE(refund) << refund.error().text;
  EXPECT_EQ(refund->receipt, (ReceiptNumber{TillId{1}, SeriesId{0x1002}, 1}));
}

TEST(OwnEpochs, until_a_node_has_started_a_new_epoch_sells_nothing) {
  Journals journals;
  Shop old_machine(journals, "store-01");
  Shop new_machine(journals, "store-01", 2);
  journals[new_machine.origin].resize(1);
  new_machine.state = *replay(journals, {old_machine.origin, new_machine.origin});
  ASSERT_REFUSED(new_machine.write(till::RecordSale{TillId{1}, {open_line("A", 1, 0)}, {}, {}}, TillId{1}),
                 "till/not_started");
}

TEST(OwnEpochs, a_journal_of_another_site_an_older_epoch_or_without_a_beginning_is_refused) {
  Journals journals;
  Shop one(journals, "store-01"), two(journals, "store-02"), newer(journals, "store-01", 2);
  const auto code = [&](const std::vector<Origin>& order) {
    const auto state = replay(journals, order);
    return state ? "folded" : std::string(state.error().code);
  };
  EXPECT_EQ(code({one.origin, newer.origin}), "folded");
  EXPECT_EQ(code({one.origin, two.origin}), "fold/wrong_journal");
  EXPECT_EQ(code({newer.origin, one.origin}), "fold/wrong_journal");
  EXPECT_EQ(code({one.origin, one.origin}), "fold/wrong_journal");
  journals[one.origin].erase(journals[one.origin].begin());
  EXPECT_EQ(code({one.origin}), "fold/wrong_journal");
}

// ---- as a mirror

TEST(Epochs, seals_and_registrations_are_known_by_the_notes_that_made_them) {
  namespace ct = chain::testing;
  Journals journals;
  Shop store(journals, "store-01");
  const chain::Certificate c2 = ct::make_certificate(store.chain, "store-02", 2, Instant{start_ns});
  const chain::Certificate c4 = ct::make_certificate(store.chain, "store-02", 4, Instant{start_ns});
  const Origin old_origin{store.chain.chain, SiteName("store-02"), 1};
  const chain::Registration r4 =
      chain::make_registration(c4, old_origin, 100, Hash{}, ct::site_key("store-02", "log", 4).signer());
  store.append({store.now(), {}, EpochSealed{c4.note}});
  store.append({store.now(), {}, EpochSealed{c2.note}});
  store.append({store.now(), {}, RegistrationTaken{r4.note}});
  store.append({store.now(), {}, EpochSealed{"no certificate"}});
  store.append({store.now(), {}, RegistrationTaken{"no registration"}});
  ASSERT_EQ(store.state.epochs.size(), 1u);
  const SiteEpochs& epochs = store.state.epochs.at(SiteName("store-02"));
  EXPECT_EQ(epochs.sealed_below, 4u);
  EXPECT_EQ(epochs.sealed_by, (std::map<std::uint32_t, std::string>{{2, c2.note}, {4, c4.note}}));
  EXPECT_EQ(epochs.registrations, (std::map<std::uint32_t, std::string>{{4, r4.note}}));
  EXPECT_EQ(State::decode(store.state.encode())->epochs, store.state.epochs);
}

TEST(Epochs, a_contradiction_is_kept_once) {
  Journals journals;
  Shop store(journals, "store-01");
  const ContradictionSeen seen{store.origin, "a", "b"};
  for (int i = 0; i < 3; ++i) store.append({store.now(), {}, seen});
  EXPECT_EQ(store.state.contradictions, std::vector<ContradictionSeen>{seen});
}

}  // namespace
}  // namespace holdfast::fold
