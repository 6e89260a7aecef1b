// What a site takes from others (protocol 7).
#include "core/fold/follow.h"

#include <gtest/gtest.h>

#include "core/fold/follow_test_support.h"
#include "core/fold/test_events.h"
#include "schema/events_generated.h"

namespace holdfast::fold {
namespace {

using namespace testing;

TEST_F(Follow, prices_of_head_office_count_from_where_they_are_followed) {
  EXPECT_EQ(store.state.prices(), nullptr);
  list(product("A", 1'000'000));
  store.follow(head);
  list(product("A", 1'200'000));
  EXPECT_EQ(price("A"), 1'000'000);
  store.follow(head);
  EXPECT_EQ(price("A"), 1'200'000);
  EXPECT_EQ(part("head-office").size, head.size());
  EXPECT_EQ(head.state.prices(), &head.state.catalogue);
  expect_replay_equals_live();
}

TEST_F(Follow, the_age_of_a_price_is_that_of_the_file_head_office_took) {
  EXPECT_EQ(store.state.prices_feed(), nullptr);
  list(product("A", 1'000'000));
  store.follow(head);
  ASSERT_NE(store.state.prices_feed(), nullptr);
  EXPECT_EQ(store.state.prices_feed()->as_of(feed::Kind::catalogue), std::nullopt) << "not yet known";
  feed::FeedTaken file{feed::Kind::catalogue, "products", "products-1125.csv"};
  file.as_of = Instant{start_ns - 9};
  ASSERT_TRUE(head.write(feed::TakeFile{file}));
  EXPECT_EQ(head.state.prices_feed()->as_of(feed::Kind::catalogue), file.as_of);
  store.follow(head);
  EXPECT_EQ(store.state.prices_feed()->as_of(feed::Kind::catalogue), file.as_of);
  EXPECT_FALSE(store.state.feed.is_fed()) << "it was head office that took it";
  expect_replay_equals_live();
}

TEST_F(Follow, a_store_s_fed_levels_are_known_and_its_open_orders_stay_its_own) {
  ASSERT_TRUE(store.write(stock::Feed{store.now(), {{Sku("A"), Quantity{7000}}}}));
  ASSERT_TRUE(store.write(feed::FeedOrders{store.now(), {{"#1", {}, "paid", {}, {{Sku("A"), Quantity{1}}}}}, {}}));
  feed::FeedTaken file{feed::Kind::stock, "stock", "stock.csv"};
  ASSERT_TRUE(store.write(feed::TakeFile{file}));
  head.follow(store);
  const PeerPart& seen = head.state.peers.at(SiteName("store-01"));
  EXPECT_EQ(seen.stock_total, Quantity{7000});
  EXPECT_TRUE(seen.feed.as_of(feed::Kind::stock).has_value());
  EXPECT_TRUE(seen.feed.orders.empty());
  EXPECT_EQ(store.state.feed.orders.size(), 1u);
}

TEST_F(Follow, what_the_old_system_said_is_not_taken_from_a_tail_but_listed) {
  ASSERT_TRUE(store.write(stock::Feed{store.now(), {{Sku("A"), Quantity{7000}}}}));
  auto level = store.request(stock::Feed{store.now(), {{Sku("A"), Quantity{9000}}}});
  level.prior = Prior{store.origin, 99, store.now(), true};
  ASSERT_REFUSED(store.ask(level), "feed/take_again");
  auto taken = store.request(feed::TakeFile{{feed::Kind::stock, "stock", "stock.csv"}});
  taken.prior = level.prior;
  ASSERT_REFUSED(store.ask(taken), "feed/take_again");
}

TEST_F(Follow, head_office_knows_each_store_s_totals_and_stock) {
  ASSERT_TRUE(store.write(stock::Receive{{{Sku("A"), Quantity{5000}}}, ""}));
  const auto sale =
      store.write(till::RecordSale{first_till, {open_line("A", 2000, 1'000'000)}, {cash(200)}, {}}, first_till);
  ASSERT_TRUE(
      store.write(till::Refund{first_till, *sale->receipt, {{0, Quantity{1000}}}, {cash(100)}, ""}, first_till));
  head.follow(store);
  const PeerPart& seen = head.state.peers.at(SiteName("store-01"));
  EXPECT_EQ(seen.totals, store.state.till.totals);
  EXPECT_EQ(seen.stock_total, Quantity{4000});
  EXPECT_EQ(seen.stock.items, store.state.stock.items);
}

TEST_F(Follow, goods_in_transit_are_seen_by_both_and_a_difference_wants_a_count) {
  const std::vector<stock::Line> lines = {{Sku("A"), Quantity{5000}}};
  const auto to_store = warehouse.request(stock::Dispatch{SiteName("store-01"), lines});
  ASSERT_TRUE(warehouse.write(to_store));
  const DispatchId id{to_store.key.bytes};
  store.follow(warehouse);
  EXPECT_EQ(part("warehouse").dispatches.at(id).lines, lines);
  ASSERT_TRUE(store.write(stock::ReceiveDispatch{SiteName("warehouse"), id, {{Sku("A"), Quantity{4000}}}}));
  EXPECT_TRUE(store.state.stock.items.at(Sku("A")).count_wanted);
  warehouse.follow(store);
  EXPECT_EQ(warehouse.state.peers.at(SiteName("store-01")).arrivals.at(id).lines[0].quantity, Quantity{4000});
  expect_replay_equals_live();
}

TEST_F(Follow, goods_that_came_before_their_paper_are_compared_when_it_comes) {
  const auto to_store = warehouse.request(stock::Dispatch{SiteName("store-01"), {{Sku("A"), Quantity{5000}}}});
  ASSERT_TRUE(warehouse.write(to_store));
  ASSERT_TRUE(
      store.write(stock::ReceiveDispatch{SiteName("warehouse"), {to_store.key.bytes}, {{Sku("A"), Quantity{6000}}}}));
  EXPECT_FALSE(store.state.stock.items.at(Sku("A")).count_wanted);
  store.follow(warehouse);
  EXPECT_TRUE(store.state.stock.items.at(Sku("A")).count_wanted);
}

TEST_F(Follow, a_dispatch_to_another_site_is_not_received_here_unless_it_has_happened) {
  const auto to_other = warehouse.request(stock::Dispatch{SiteName("store-02"), {{Sku("A"), Quantity{5000}}}});
  ASSERT_TRUE(warehouse.write(to_other));
  store.follow(warehouse);
  WriteRequest arrival =
      store.request(stock::ReceiveDispatch{SiteName("warehouse"), {to_other.key.bytes}, {{Sku("A"), Quantity{5000}}}});
  ASSERT_REFUSED(store.write(arrival), "stock/not_for_here");
  EXPECT_NE(store.write(arrival).error().text.find("store-02"), std::string::npos) << "it names whom it is for";
  arrival.prior = Prior{store.origin, 40, Instant{start_ns - 5}, false};
  const auto taken = store.write(arrival);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_FALSE(taken->listed) << "the goods are booked";
  EXPECT_EQ(store.state.stock.total, Quantity{5000});
  EXPECT_NE(store.state.listed.begin()->second.reason.find("stock/not_for_here"), std::string::npos);
  expect_replay_equals_live();
}

TEST_F(Follow, a_dispatch_is_not_received_under_another_senders_name) {
  const auto sent = warehouse.request(stock::Dispatch{SiteName("store-01"), {{Sku("A"), Quantity{5000}}}});
  ASSERT_TRUE(warehouse.write(sent));
  store.follow(warehouse);
  const DispatchId id{sent.key.bytes};
  const auto wrong = store.write(stock::ReceiveDispatch{SiteName("head-office"), id, {{Sku("A"), Quantity{3000}}}});
  ASSERT_REFUSED(wrong, "stock/other_sender");
  EXPECT_NE(wrong.error().text.find("warehouse"), std::string::npos) << "it names who sent it";
  ASSERT_TRUE(store.write(stock::ReceiveDispatch{SiteName("warehouse"), id, {{Sku("A"), Quantity{3000}}}}));
  EXPECT_TRUE(store.state.stock.items.at(Sku("A")).count_wanted) << "two are missing";
}

TEST_F(Follow, a_guarded_site_takes_new_products_and_no_changed_price_by_itself) {
  list(product("A", 1'000'000));
  store.follow(head);
  store.append({store.now(),
                {},
                guard::PostureChanged{guard::Posture::guarded, guard::Cause::alert, {}, "suricata", "1", "r", ""}});
  list(product("A", 1'000'001));
  list(product("B", 3'000'000));
  store.follow(head);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), 3'000'000);
  EXPECT_EQ(part("head-office").held.size(), 1u);
  expect_replay_equals_live();
  store.append(
      {store.now(), {}, guard::PostureChanged{guard::Posture::open, guard::Cause::person, {}, "", "", "", "over"}});
  list(product("A", 1'100'000));
  store.follow(head);
  EXPECT_EQ(price("A"), 1'100'000);
  expect_replay_equals_live();
}

TEST_F(Follow, the_posture_that_a_peer_last_told_is_known) {
  head.append({head.now(),
               {},
               guard::PostureChanged{guard::Posture::guarded, guard::Cause::alert, {}, "suricata", "1", "r", ""}});
  store.follow(head);
  EXPECT_EQ(part("head-office").posture, guard::Posture::guarded);
  expect_replay_equals_live();
}

TEST_F(Follow, a_price_beyond_the_bound_waits_for_a_named_person) {
  list(product("A", 1'000'000));
  list(product("A", 9'000'000));
  list(product("B", 1'000'000));
  store.follow(head);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), 1'000'000);
  ASSERT_EQ(part("head-office").held.size(), 1u);
  const EntryRef waiting{head.origin, part("head-office").held.begin()->first};
  ASSERT_REFUSED(store.write(AcceptHeld{{head.origin, 2}}), "fold/unknown_held");
  ASSERT_REFUSED(store.write(AcceptHeld{{warehouse.origin, waiting.index}}), "fold/unknown_held");
  ASSERT_TRUE(store.write(AcceptHeld{waiting}));
  EXPECT_EQ(price("A"), 9'000'000);
  EXPECT_TRUE(part("head-office").held.empty());
  ASSERT_REFUSED(store.write(AcceptHeld{waiting}), "fold/unknown_held");
  expect_replay_equals_live();
}

TEST_F(Follow, who_accepts_a_price_list_accepts_what_was_shown_of_it) {
  list(product("A", 1'000'000));
  ASSERT_TRUE(head.write(catalogue::ListProducts{{product("A", 9'000'000), product("B", 2'000'000)}}));
  store.follow(head);
  const EntryRef waiting{head.origin, part("head-office").held.begin()->first};
  const Hash whole = hash_of(*find_held(store.state, waiting));
  list(product("A", 1'050'000));
  store.follow(head);
  ASSERT_REFUSED(store.write(AcceptHeld{waiting, whole}), "fold/held_changed");
  EXPECT_EQ(price("B"), -1);
  const Hash left = hash_of(*find_held(store.state, waiting));
  EXPECT_NE(left, whole);
  const auto taken = store.write(AcceptHeld{waiting, left});
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(std::get<PeerEntryAccepted>(store.read(taken->index).body).products, left);
  EXPECT_EQ(price("B"), 2'000'000);
}

TEST_F(Follow, small_steps_in_one_follow_are_measured_from_the_price_before) {
  list(product("A", 1'000'000));
  list(product("A", 1'400'000));
  list(product("A", 1'900'000));
  list(product("A", 2'900'000));
  store.follow(head);
  EXPECT_EQ(price("A"), 1'900'000);
  EXPECT_EQ(part("head-office").held.size(), 1u);
}

TEST_F(Follow, a_later_listing_or_delisting_overtakes_what_waits) {
  for (const bool delist : {false, true}) {
    list(product("A", 1'000'000));
    list(product("A", 9'000'000));
    store.follow(head);
    ASSERT_EQ(part("head-office").held.size(), 1u);
    const EntryRef waiting{head.origin, part("head-office").held.begin()->first};
    if (delist)
      ASSERT_TRUE(head.write(catalogue::DelistProduct{Sku("A")}));
    else
      list(product("A", 1'100'000));
    store.follow(head);
    EXPECT_TRUE(part("head-office").held.empty());
    EXPECT_EQ(price("A"), delist ? -1 : 1'100'000);
    ASSERT_REFUSED(store.write(AcceptHeld{waiting}), "fold/unknown_held");
    if (!delist) list(product("A", 1'000'000));
  }
  expect_replay_equals_live();
}

TEST_F(Follow, a_price_list_of_a_site_that_is_no_head_office_is_never_taken) {
  // The warehouse's key is stolen: its journal lists products.
  warehouse.append(
      {warehouse.now(), WriteInfo{{}, key(900), {}, {}, {}}, catalogue::ProductsListed{{product("A", 1)}}});
  store.follow(warehouse);
  EXPECT_EQ(store.state.prices(), nullptr);
  ASSERT_EQ(part("warehouse").held.size(), 1u);
  ASSERT_REFUSED(store.write(AcceptHeld{{warehouse.origin, part("warehouse").held.begin()->first}}), "fold/not_here");
}

// With a stolen key a million of them: named in one event, they made one that nobody got past in our journal.
TEST_F(Follow, a_flood_of_price_lists_is_followed_in_events_that_fit_a_message) {
  for (int i = 0; i < 7; ++i)
    warehouse.append({warehouse.now(), WriteInfo{{}, key(900 + i), {}, {}, {}},
                      catalogue::ProductsListed{{product("A" + std::to_string(i), 1)}}});
  const std::uint64_t all = warehouse.size();
  std::vector<std::size_t> named;
  for (std::uint64_t at = 0; at < all && named.size() < 9; at = part("warehouse").size) {
    const auto can =
        followable(store.state, warehouse.origin.site, warehouse.origin, all, store.chain, store.reader(), 3);
    ASSERT_TRUE(can);
    ASSERT_GT(can->size, at);
    named.push_back(can->beyond.size());
    store.append({store.now(), {}, PeerFollowed{{{warehouse.origin, can->size, Hash{}, can->beyond}}}});
  }
  EXPECT_EQ(named, (std::vector<std::size_t>{3, 3, 1}));
  EXPECT_EQ(part("warehouse").held.size(), 7u);
  EXPECT_EQ(part("warehouse").size, all);
  const auto none = followable(store.state, warehouse.origin.site, {warehouse.origin.chain, warehouse.origin.site, 2},
                               0, store.chain, store.reader(), 0);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->size, 0u);
  expect_replay_equals_live();

  PeerFollowed most{{{warehouse.origin, 1u << 30, Hash{}, {}}}};
  for (std::size_t i = 0; i < beyond_an_event_max; ++i) most.peers[0].held.push_back((1u << 29) + i);
  std::size_t bytes = 0;
  for (const Bytes& piece : encode(Event{store.now(), {}, most})) bytes += piece.size();
  EXPECT_LT(bytes, 1u << 20) << "a checkpoint's worth";
}

// Each listing walked over all that waits: with a whole price list waiting, a new one stood still for a minute.
TEST_F(Follow, a_price_list_that_waits_is_overtaken_product_by_product) {
  constexpr int lists = 300, products = 300;
  const auto listing = [&](int i, std::int64_t price) {
    catalogue::ProductsListed out;
    for (int k = 0; k < products; ++k) out.products.push_back(product(std::to_string(i * products + k), price));
    return out;
  };
  for (int i = 0; i < lists; ++i)
    warehouse.append({warehouse.now(), WriteInfo{{}, key(2000 + i), {}, {}, {}}, listing(i, 1)});
  store.follow(warehouse);
  ASSERT_EQ(part("warehouse").held.size(), std::size_t{lists});
  // All but the last product of the last list; some of them twice, and some that nobody has listed.
  for (int n = 0; n + 1 < lists * products; ++n)
    warehouse.append({warehouse.now(), WriteInfo{{}, key(9000 + n), {}, {}, {}},
                      catalogue::ProductDelisted{Sku(n % 1000 == 0 ? "none" : std::to_string(n))}});
  for (int i = 0; i < lists; ++i)
    warehouse.append({warehouse.now(), WriteInfo{{}, key(500'000 + i), {}, {}, {}},
                      catalogue::ProductDelisted{Sku(std::to_string(i * 1000 % (lists * products)))}});
  store.follow(warehouse);
  ASSERT_EQ(part("warehouse").held.size(), 1u);
  ASSERT_EQ(part("warehouse").held.rbegin()->second.products.size(), 1u);
  EXPECT_EQ(part("warehouse").held.rbegin()->second.products[0].sku.view(), std::to_string(lists * products - 1));
  EXPECT_EQ(part("warehouse").held_back.size(), std::size_t{lists});
  expect_replay_equals_live();
}

TEST_F(Follow, entries_that_are_no_events_are_skipped) {
  list(product("A", 1'000'000));
  head.entries().push_back(Bytes(40, std::byte{0xab}));
  Event lie{head.now(), sample_write(), till::SaleRecorded()};
  head.entries().push_back(encode(lie)[0]);
  list(product("B", 1'000'000));
  store.follow(head);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), 1'000'000);
  EXPECT_EQ(part("head-office").size, head.size());
  EXPECT_EQ(part("head-office").totals, till::Totals());
}

TEST_F(Follow, what_a_hostile_peer_repeats_or_sends_to_itself_moves_nothing_twice) {
  const std::vector<stock::Line> lines = {{Sku("A"), Quantity{5000}}};
  const WriteInfo write{{}, key(900), {}, {}, {}};
  for (int i = 0; i < 3; ++i) {
    warehouse.append({warehouse.now(), write, stock::StockDispatched{SiteName("store-01"), lines}});
    warehouse.append({warehouse.now(), write, stock::DispatchReceived{SiteName("store-02"), {{std::byte{9}}}, lines}});
    warehouse.append({warehouse.now(), write, stock::StockDispatched{SiteName("warehouse"), lines}});
  }
  store.follow(warehouse);
  EXPECT_EQ(part("warehouse").dispatches.size(), 1u);
  EXPECT_EQ(part("warehouse").arrivals.size(), 1u);
  EXPECT_EQ(part("warehouse").stock_total, Quantity{0});
}

TEST_F(Follow, amounts_that_no_sum_holds_wrap_and_crash_nothing) {
  const std::vector<stock::Line> lines(stock::lines_max, {Sku("A"), Quantity{quantity_thousandths_max}});
  for (int i = 0; i < 4; ++i)
    warehouse.append({warehouse.now(), WriteInfo{{}, key(900), {}, {}, {}}, stock::StockReceived{lines, ""}});
  for (int i = 0; i < 3; ++i) store.follow(warehouse);
  EXPECT_EQ(part("warehouse").stock_total, part("warehouse").stock.items.at(Sku("A")).on_hand);
}

TEST_F(Follow, an_unknown_kind_stops_the_following_there_and_the_site_sells_on) {
  list(product("A", 1'000'000));
  const std::uint64_t known = head.size();
  flatbuffers::FlatBufferBuilder b;
  b.Finish(fbs::CreateEntry(b, 1, 0, fbs::Body(99), fbs::CreateRulesAdopted(b, 1).Union()));
  const auto* data = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  head.entries().emplace_back(data, data + b.GetSize());
  list(product("B", 1'000'000));
  for (int i = 0; i < 2; ++i) {
    store.follow(head);
    EXPECT_EQ(part("head-office").size, known);
    EXPECT_TRUE(part("head-office").needs_newer_version);
    EXPECT_EQ(part("head-office").root, Hash{});
    EXPECT_EQ(price("B"), -1);
  }
  EXPECT_TRUE(sell_a(100));
  expect_replay_equals_live();
  EXPECT_FALSE(can_follow_on(part("head-office"), head.size(), store.reader()));
  head.entries()[known] = head.entries()[known - 1];  // as a version that knows the kind reads it
  EXPECT_TRUE(can_follow_on(part("head-office"), head.size(), store.reader()));
  EXPECT_FALSE(can_follow_on(part("head-office"), known, store.reader())) << "nothing is there to be known";
}

TEST_F(Follow, an_event_in_parts_is_taken_when_its_last_part_is_named) {
  std::vector<catalogue::Product> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(product("sku-" + std::to_string(i), 1'000'000));
    many.back().name = std::string(150, 'n');
  }
  const auto listed = head.write(catalogue::ListProducts{many});
  ASSERT_TRUE(listed);
  ASSERT_GT(head.size(), 3u);
  store.follow(head, head.size() - 1);
  EXPECT_EQ(part("head-office").size, 2u) << "before the first part";
  EXPECT_EQ(price("sku-7"), -1);
  store.follow(head);
  EXPECT_EQ(price("sku-7"), 1'000'000);
  EXPECT_EQ(store.state.find_product("sku-7")->at, (EntryPlace{1, listed->index}));
  expect_replay_equals_live();
}

TEST_F(Follow, entries_that_cannot_be_read_change_nothing) {
  list(product("A", 1'000'000));
  store.follow(head);
  list(product("A", 1'100'000));
  list(product("A", 1'200'000));
  const Bytes before = store.state.encode();
  store.reader().unreadable_from = head.size() - 1;
  const PeerFollowed followed{{{head.origin, head.size(), {}, {}}}};
  const Status applied = apply(store.state, 99, {store.now(), {}, followed}, store.reader());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, "test/missing");
  EXPECT_EQ(store.state.encode(), before);
}

TEST_F(Follow, far_behind_or_step_by_step_gives_the_same_part) {
  Shop stepwise(journals, "store-02");
  const Event sale = [&] {
    EXPECT_TRUE(
        store.write(till::RecordSale{first_till, {open_line("A", 1000, 1'000'000)}, {cash(100)}, {}}, first_till));
    return store.read(store.size() - 1);
  }();
  for (int i = 0; i < 20'100; ++i) warehouse.entries().push_back(encode(sale)[0]);
  expect_the_same_part_at_once_and_by(warehouse, stepwise);
  EXPECT_EQ(part("warehouse").totals.sales, 20'100u);
}

// A list waits, and is overtaken in part behind the place from which a long way is folded on a copy.
TEST_F(Follow, far_behind_or_step_by_step_holds_the_same_back) {
  Shop stepwise(journals, "store-02");
  list(product("A", 1'000'000));
  ASSERT_TRUE(head.write(catalogue::ListProducts{{product("A", 9'000'000), product("B", 2'000'000)}}));
  for (Shop* shop : {&store, &stepwise}) shop->follow(head);
  const stock::StockReceived goods{{{Sku("A"), Quantity{1}}}, ""};
  const Event receipt{head.now(), WriteInfo{{}, key(900), {}, {}, {}}, goods};
  for (int i = 0; i < 20'100; ++i) head.entries().push_back(encode(receipt)[0]);
  list(product("A", 1'050'000));
  expect_the_same_part_at_once_and_by(head, stepwise);
  ASSERT_EQ(part("head-office").held_back.size(), 1u);
  EXPECT_TRUE(part("head-office").held_back.begin()->second.has_lost);
}

TEST_F(Follow, following_backwards_oneself_or_another_chain_does_nothing) {
  list(product("A", 1'000'000));
  store.follow(head);
  const PeerPart before = part("head-office");
  Origin foreign = head.origin;
  foreign.chain = "elsewhere";
  Origin newer = head.origin;
  newer.epoch = 2;
  for (const Origin& origin : {head.origin, store.origin, foreign, newer})
    store.append({store.now(), {}, PeerFollowed{{{origin, 1, {}, {}}}}});
  EXPECT_EQ(store.state.peers.size(), 1u);
  EXPECT_EQ(part("head-office"), before);
}

}  // namespace
}  // namespace holdfast::fold
