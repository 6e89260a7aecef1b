// What a site does when an epoch that it follows is succeeded, and keeps less (protocol 7.4).
#include <gtest/gtest.h>

#include "core/fold/follow_test_support.h"
#include "core/fold/test_events.h"

namespace holdfast::fold {
namespace {

using namespace testing;

struct Succession : Follow {
  // A new machine of head office that has kept `kept` entries; its journal goes on from there.
  Shop rebuilt(std::uint64_t kept, std::uint32_t epoch) {
    Shop next(journals, "head-office", epoch);
    Origin old = next.origin;
    old.epoch = epoch - 1;
    next.state.catalogue = {};
    for (EntryIndex i = 0; i < kept; ++i) {
      const auto event = decode(journals.at(old)[i]);
      if (const auto* listed = std::get_if<catalogue::ProductsListed>(&event->body))
        catalogue::apply(next.state.catalogue, {old.epoch, i}, *listed);
    }
    return next;
  }
  void succeed(const Shop& next, std::uint64_t kept) {
    Origin old = next.origin;
    old.epoch = next.origin.epoch - 1;
    store.append({store.now(), {}, PeerSucceeded{old, kept, {}, next.origin}});
  }
  // What the list for a person says of receipts whose prices head office has lost.
  std::vector<std::string> receipts_listed() {
    std::vector<std::string> out;
    for (const auto& [id, item] : store.state.listed)
      if (item.what == "receipts") out.push_back(item.reason.substr(item.reason.find("prices: ") + 8));
    return out;
  }
  // Head office lists A at a price beyond the bound, and B with it; the store follows. Head office's size then.
  std::uint64_t list_two_beyond_bound() {
    list(product("A", 1'000'000));
    EXPECT_TRUE(head.write(catalogue::ListProducts{{product("A", 9'000'000), product("B", 2'000'000)}}));
    store.follow(head);
    return head.size();
  }
  // Head office lists A at a price beyond the bound, and `later` behind it; the store follows both. How much of head
  // office's journal stands before `later`.
  std::uint64_t list_beyond_bound_and(catalogue::Product later) {
    list(product("A", 1'000'000));
    list(product("A", 9'000'000));
    const std::uint64_t before = head.size();
    store.follow(head);
    list(std::move(later));
    store.follow(head);
    return before;
  }
};

TEST_F(Succession, that_keeps_all_goes_on_with_the_new_journal) {
  list(product("A", 1'000'000));
  store.follow(head);
  ASSERT_TRUE(sell_a(100));
  Shop next = rebuilt(head.size(), 2);
  succeed(next, head.size());
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(part("head-office").origin, next.origin);
  EXPECT_EQ(part("head-office").size, 0u);
  EXPECT_TRUE(receipts_listed().empty());
  ASSERT_TRUE(next.write(catalogue::ListProducts{{product("A", 1'300'000)}}));
  store.follow(next);
  EXPECT_EQ(price("A"), 1'300'000);
  expect_replay_equals_live();
}

TEST_F(Succession, that_keeps_more_than_was_followed_brings_the_rest) {
  list(product("A", 1'000'000));
  store.follow(head);
  list(product("A", 1'100'000));
  Shop next = rebuilt(head.size(), 2);
  succeed(next, head.size());
  EXPECT_EQ(price("A"), 1'100'000);
  expect_replay_equals_live();
}

TEST_F(Succession, that_keeps_less_takes_the_part_back_and_lists_the_receipts_that_rested_on_the_rest) {
  list(product("A", 1'000'000));
  const std::uint64_t kept = head.size();
  store.follow(head);
  const auto before = sell_a(100);
  list(product("A", 1'400'000));
  store.follow(head);
  const auto after = sell_a(140);
  ASSERT_TRUE(before && after);
  Shop next = rebuilt(kept, 2);
  succeed(next, kept);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(receipts_listed(), std::vector{"1 receipt: " + to_text(*after->receipt)});
  EXPECT_EQ(store.state.till.totals.gross, Money{240}) << "earlier decisions stand";
  expect_replay_equals_live();
}

TEST_F(Succession, a_second_one_lists_only_what_rested_on_the_second_epoch) {
  for (int i = 0; i < 5; ++i) list(product("Z" + std::to_string(i), 1'000'000));
  list(product("A", 1'000'000));
  store.follow(head);
  const auto first = sell_a(100);  // rests on entry 7 of epoch 1, which is kept
  Shop second = rebuilt(head.size(), 2);
  succeed(second, head.size());
  ASSERT_TRUE(second.write(catalogue::ListProducts{{product("A", 1'200'000)}}));
  store.follow(second);
  const auto lost = sell_a(120);
  ASSERT_TRUE(first && lost);
  Shop third = rebuilt(2, 3);
  succeed(third, 2);
  EXPECT_EQ(price("A"), 1'000'000) << "the fold of both kept prefixes";
  EXPECT_EQ(receipts_listed(), std::vector{"1 receipt: " + to_text(*lost->receipt)});
  ASSERT_EQ(part("head-office").lineage.size(), 2u);
  EXPECT_EQ(part("head-office").lineage[1].size, 2u);
  expect_replay_equals_live();
}

// A basket of what stands far back in the first epoch, and of what the second has changed.
TEST_F(Succession, receipts_of_both_epochs_are_told_by_what_the_second_has_lost) {
  for (int i = 0; i < 20; ++i) list(product("Z" + std::to_string(i), 1'000'000));
  list(product("A", 1'000'000));
  store.follow(head);
  Shop second = rebuilt(head.size(), 2);
  succeed(second, head.size());
  const auto basket = [&](std::string_view other) {
    return store.write(
        till::RecordSale{first_till, {line("A", 1000, 1'000'000), line(other, 1000, 1'000'000)}, {cash(200)}, {}},
        first_till);
  };
  ASSERT_TRUE(second.write(catalogue::ListProducts{{product("Z0", 1'000'000)}}));
  const std::uint64_t kept = second.size();
  ASSERT_TRUE(second.write(catalogue::ListProducts{{product("Z1", 1'000'000)}}));
  store.follow(second);
  ASSERT_TRUE(basket("Z0") && basket("Z2"));
  const auto lost = basket("Z1");
  ASSERT_TRUE(lost && basket("Z2"));
  succeed(rebuilt(kept, 3), kept);
  EXPECT_EQ(receipts_listed(), std::vector{"1 receipt: " + to_text(*lost->receipt)});
  expect_replay_equals_live();
}

TEST_F(Succession, receipts_that_rested_on_the_rest_are_one_item_that_a_person_can_close) {
  list(product("A", 1'000'000));
  const std::uint64_t kept = head.size();
  store.follow(head);
  list(product("A", 1'400'000));
  list(product("Z", 1'000'000));
  store.follow(head);
  const auto first = sell_a(140);
  ASSERT_TRUE(sell_a(140));
  const till::RecordSale of_no_list{first_till, {open_line("cake", 1000, 1'000'000)}, {cash(100)}, {}};
  ASSERT_TRUE(store.write(of_no_list, first_till));
  const auto last = sell_a(140);
  ASSERT_TRUE(first && last);
  succeed(rebuilt(kept, 2), kept);
  EXPECT_EQ(receipts_listed(), std::vector{fmt::format("3 receipts: {} to {}, {}", to_text(*first->receipt),
                                                       first->receipt->n + 1, to_text(*last->receipt))});
  expect_replay_equals_live();
  const ListedId id = store.state.listed.begin()->first;
  ASSERT_TRUE(store.write(CloseListed{id, "prices compared"}));
  EXPECT_TRUE(receipts_listed().empty());
  expect_replay_equals_live();
}

TEST_F(Succession, receipts_are_told_also_where_the_rest_has_delisted_everything_since) {
  list(product("A", 1'000'000));
  const std::uint64_t kept = head.size();
  store.follow(head);
  list(product("A", 1'400'000));
  store.follow(head);
  const auto lost = sell_a(140);
  ASSERT_TRUE(head.write(catalogue::DelistProduct{Sku("A")}));
  store.follow(head);
  ASSERT_EQ(store.state.prices(), nullptr);
  succeed(rebuilt(kept, 2), kept);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(receipts_listed(), std::vector{"1 receipt: " + to_text(*lost->receipt)});
}

TEST_F(Succession, receipts_are_told_once_and_none_that_rested_on_what_is_kept) {
  list(product("A", 1'000'000));
  const std::uint64_t kept = head.size();
  store.follow(head);
  ASSERT_TRUE(sell_a(100));
  list(product("A", 1'400'000));
  store.follow(head);
  ASSERT_TRUE(sell_a(140));
  Shop second = rebuilt(kept, 2);
  succeed(second, kept);
  ASSERT_EQ(receipts_listed().size(), 1u);
  const ListedId told = store.state.listed.begin()->first;
  ASSERT_TRUE(store.write(CloseListed{told, "prices compared"}));
  store.follow(second);  // it has listed nothing
  ASSERT_TRUE(sell_a(100));
  Origin third = head.origin;
  third.epoch = 3;
  store.append({store.now(), {}, PeerSucceeded{head.origin, kept, Hash{}, third}});
  EXPECT_EQ(part("head-office").origin, third);
  EXPECT_TRUE(store.state.listed.empty());
  expect_replay_equals_live();
}

TEST_F(Succession, a_warehouse_s_tells_no_receipts) {
  list(product("A", 1'000'000));
  store.follow(head);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(warehouse.write(stock::Receive{{{Sku("A"), Quantity{1000}}}, ""}));
  for (std::uint64_t i = 0; i < 5; ++i) {  // whoever has its key writes what it never would
    const auto written = [](std::uint64_t n) { return WriteInfo{{}, key(n), {}, {}, {}}; };
    warehouse.append({warehouse.now(), written(900 + 2 * i), catalogue::ProductsListed{{product("A", 1)}}});
    warehouse.append({warehouse.now(), written(901 + 2 * i), catalogue::ProductDelisted{Sku("A")}});
  }
  store.follow(warehouse);
  ASSERT_TRUE(sell_a(100));
  const Origin second{warehouse.origin.chain, warehouse.origin.site, 2};
  store.append({store.now(), {}, PeerSucceeded{warehouse.origin, 1, Hash{}, second}});
  EXPECT_TRUE(store.state.listed.empty());
}

// An entry's index alone does not tell its epoch: entry 2 of the second stood before entry 6 of the first.
TEST_F(Succession, of_an_older_epoch_lists_what_rested_on_the_epochs_behind_it) {
  for (int i = 0; i < 5; ++i) list(product("Z" + std::to_string(i), 1'000'000));
  list(product("A", 1'000'000));
  store.follow(head);
  Shop second = rebuilt(head.size(), 2);
  succeed(second, head.size());
  ASSERT_TRUE(second.write(catalogue::ListProducts{{product("A", 1'200'000)}}));
  store.follow(second);
  const auto lost = sell_a(120);
  ASSERT_TRUE(lost);
  Origin third = head.origin;
  third.epoch = 3;
  store.append({store.now(), {}, PeerSucceeded{head.origin, head.size(), Hash{}, third}});
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(receipts_listed(), std::vector{"1 receipt: " + to_text(*lost->receipt)});
  expect_replay_equals_live();
}

// Nobody has accepted the price that a later list had overtaken, though the rest of its own list was accepted.
TEST_F(Succession, what_of_an_accepted_list_was_overtaken_waits_again_where_nothing_overtakes_it) {
  const std::uint64_t kept = list_two_beyond_bound();
  list(product("A", 1'050'000));
  store.follow(head);
  const EntryRef waiting{head.origin, part("head-office").held.begin()->first};
  ASSERT_TRUE(store.write(AcceptHeld{waiting}));
  EXPECT_EQ(price("A"), 1'050'000);
  EXPECT_EQ(price("B"), 2'000'000);
  EXPECT_TRUE(part("head-office").held.empty());
  expect_replay_equals_live();
  const auto again = State::decode(store.state.encode());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(again->peers, store.state.peers);
  succeed(rebuilt(kept, 2), kept);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), 2'000'000) << "accepted";
  const auto& held = part("head-office").lineage[0].held;
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held.begin()->second.products, (std::vector{product("A", 9'000'000)}));
  ASSERT_TRUE(store.write(AcceptHeld{waiting}));
  EXPECT_EQ(price("A"), 9'000'000);
  EXPECT_TRUE(held.empty());
  expect_replay_equals_live();
}

// The same, where the list is of an epoch before, and the new one overtakes it and is cut to nothing.
TEST_F(Succession, what_of_an_older_epoch_s_accepted_list_was_overtaken_by_a_newer_one_waits_again) {
  const std::uint64_t kept = list_two_beyond_bound();
  const EntryRef waiting{head.origin, part("head-office").held.begin()->first};
  Shop second = rebuilt(kept, 2);
  succeed(second, kept);
  ASSERT_TRUE(second.write(catalogue::ListProducts{{product("A", 1'050'000)}}));
  store.follow(second);
  ASSERT_TRUE(store.write(AcceptHeld{waiting}));
  EXPECT_EQ(price("A"), 1'050'000);
  EXPECT_EQ(price("B"), 2'000'000);
  succeed(rebuilt(0, 3), 0);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), 2'000'000);
  ASSERT_EQ(part("head-office").lineage[0].held.size(), 1u);
  expect_replay_equals_live();
  // Cut to before the list, and then not: nothing of it is accepted any more.
  Origin fourth = head.origin, fifth = head.origin;
  fourth.epoch = 4;
  fifth.epoch = 5;
  store.append({store.now(), {}, PeerSucceeded{head.origin, kept - 1, Hash{}, fourth}});
  EXPECT_EQ(price("B"), -1);
  store.append({store.now(), {}, PeerSucceeded{head.origin, kept, Hash{}, fifth}});
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), -1);
  EXPECT_EQ(part("head-office").lineage[0].held.begin()->second.products.size(), 2u);
  expect_replay_equals_live();
}

TEST_F(Succession, what_waits_in_the_kept_prefix_still_waits_and_can_be_accepted) {
  const std::uint64_t kept = list_beyond_bound_and(product("B", 1'000'000));
  const EntryRef waiting{head.origin, part("head-office").held.begin()->first};
  Shop next = rebuilt(kept, 2);
  succeed(next, kept);
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(price("B"), -1);
  EXPECT_TRUE(part("head-office").held.empty());
  ASSERT_TRUE(store.write(AcceptHeld{waiting}));
  EXPECT_EQ(price("A"), 9'000'000);
  expect_replay_equals_live();
}

// The difference was counted; the new epoch brings no other.
TEST_F(Succession, a_long_new_epoch_wants_no_count_of_what_an_older_one_sent) {
  const auto sent = warehouse.request(stock::Dispatch{SiteName("store-01"), {{Sku("A"), Quantity{5000}}}});
  ASSERT_TRUE(warehouse.write(sent));
  store.follow(warehouse);
  ASSERT_TRUE(store.write(
      stock::ReceiveDispatch{SiteName("warehouse"), DispatchId{sent.key.bytes}, {{Sku("A"), Quantity{4000}}}}));
  ASSERT_TRUE(store.write(stock::Count{{{Sku("A"), Quantity{4000}}}}));
  ASSERT_FALSE(store.state.stock.items.at(Sku("A")).count_wanted);
  Shop next(journals, "warehouse", 2);
  store.append({store.now(), {}, PeerSucceeded{warehouse.origin, warehouse.size(), {}, next.origin}});
  const Bytes received =
      encode({next.now(), sample_write(), stock::StockReceived{{{Sku("B"), Quantity{1000}}}, ""}})[0];
  for (int i = 0; i < 20'100; ++i) next.entries().push_back(received);
  store.follow(next);
  ASSERT_EQ(part("warehouse").size, next.size());
  EXPECT_FALSE(store.state.stock.items.at(Sku("A")).count_wanted);
}

// A clean point that was too early, and then a later one: what lies between them was never held against a bound.
TEST_F(Succession, that_keeps_more_of_an_older_epoch_than_the_one_before_holds_its_price_lists_back) {
  list(product("A", 1'000'000));
  const std::uint64_t early = head.size();
  list(product("A", 9'000'000));
  store.follow(head);
  Shop next = rebuilt(early, 2);
  succeed(next, early);
  EXPECT_EQ(price("A"), 1'000'000);
  Origin third = head.origin;
  third.epoch = 3;
  store.append({store.now(), {}, PeerSucceeded{head.origin, head.size(), Hash{}, third}});
  EXPECT_EQ(price("A"), 1'000'000);
  ASSERT_EQ(part("head-office").lineage.size(), 1u);
  ASSERT_EQ(part("head-office").lineage[0].held.size(), 1u);
  expect_replay_equals_live();
  ASSERT_TRUE(store.write(AcceptHeld{{head.origin, part("head-office").lineage[0].held.begin()->first}}));
  EXPECT_EQ(price("A"), 9'000'000);
  expect_replay_equals_live();
}

// Who accepts the newer of two cannot be handed the older price behind it.
TEST_F(Succession, of_two_that_wait_in_the_kept_prefix_the_newer_overtakes_the_older_when_it_is_accepted) {
  list_beyond_bound_and(product("A", 8'000'000));
  const std::uint64_t kept = head.size();
  Shop next = rebuilt(kept, 2);
  succeed(next, kept);
  const auto& held = part("head-office").lineage[0].held;
  ASSERT_EQ(held.size(), 2u);
  const EntryRef older{head.origin, held.begin()->first}, newer{head.origin, held.rbegin()->first};
  ASSERT_TRUE(store.write(AcceptHeld{newer}));
  EXPECT_EQ(price("A"), 8'000'000);
  EXPECT_TRUE(part("head-office").lineage[0].held.empty());
  ASSERT_REFUSED(store.write(AcceptHeld{older}), "fold/unknown_held");
  EXPECT_EQ(price("A"), 8'000'000);
  expect_replay_equals_live();
}

// A clean point before what overtook it: it was folded as if somebody had accepted it.
TEST_F(Succession, what_was_overtaken_behind_the_kept_prefix_waits_again) {
  const std::uint64_t kept = list_beyond_bound_and(product("A", 1'050'000));
  EXPECT_EQ(price("A"), 1'050'000);
  EXPECT_TRUE(part("head-office").held.empty());
  Shop next = rebuilt(kept, 2);
  succeed(next, kept);
  EXPECT_EQ(price("A"), 1'000'000);
  ASSERT_EQ(part("head-office").lineage.size(), 1u);
  ASSERT_EQ(part("head-office").lineage[0].held.size(), 1u);
  const EntryRef waiting{head.origin, part("head-office").lineage[0].held.begin()->first};
  expect_replay_equals_live();
  ASSERT_TRUE(store.write(AcceptHeld{waiting}));
  EXPECT_EQ(price("A"), 9'000'000);
  expect_replay_equals_live();
}

TEST_F(Succession, a_price_list_of_no_head_office_that_was_delisted_behind_the_kept_prefix_is_not_taken_either) {
  const WriteInfo write{{}, key(900), {}, {}, {}};
  warehouse.append({warehouse.now(), write, catalogue::ProductsListed{{product("A", 1)}}});
  const std::uint64_t kept = warehouse.size();
  store.follow(warehouse);
  warehouse.append({warehouse.now(), WriteInfo{{}, key(901), {}, {}, {}}, catalogue::ProductDelisted{Sku("A")}});
  store.follow(warehouse);
  const Origin second{warehouse.origin.chain, warehouse.origin.site, 2};
  store.append({store.now(), {}, PeerSucceeded{warehouse.origin, kept, Hash{}, second}});
  EXPECT_EQ(store.state.prices(), nullptr);
  EXPECT_EQ(part("warehouse").lineage[0].held.size(), 1u);
  expect_replay_equals_live();
}

TEST_F(Succession, of_a_site_never_followed_starts_with_its_kept_prefix) {
  list(product("A", 1'000'000));
  Shop next = rebuilt(head.size(), 2);
  succeed(next, head.size());
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(part("head-office").origin, next.origin);
}

TEST_F(Succession, that_overtakes_one_that_never_counted_takes_its_branch_back) {
  list(product("A", 1'000'000));
  store.follow(head);
  const std::uint64_t kept = head.size();
  Shop second = rebuilt(kept, 2);
  succeed(second, kept);
  ASSERT_TRUE(second.write(catalogue::ListProducts{{product("A", 1'300'000)}}));
  store.follow(second);
  EXPECT_EQ(price("A"), 1'300'000);
  Shop third(journals, "head-office", 3);  // its registration names epoch 1: epoch 2 was short of q
  store.append({store.now(), {}, PeerSucceeded{head.origin, kept, {}, third.origin}});
  EXPECT_EQ(price("A"), 1'000'000);
  EXPECT_EQ(part("head-office").origin, third.origin);
  EXPECT_EQ(part("head-office").lineage.size(), 1u);
  expect_replay_equals_live();
}

TEST_F(Succession, of_an_origin_that_was_not_followed_does_nothing) {
  list(product("A", 1'000'000));
  store.follow(head);
  const PeerPart before = part("head-office");
  Origin second = head.origin, third = head.origin;
  second.epoch = 2;
  third.epoch = 3;
  store.append({store.now(), {}, PeerSucceeded{second, 5, {}, third}});
  EXPECT_EQ(part("head-office"), before);
}

}  // namespace
}  // namespace holdfast::fold
