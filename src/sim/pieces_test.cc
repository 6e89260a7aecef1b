// A journal goes over a link in pieces: each within a message, a day's bound and the line's patience (protocol 2.2,
// 4.4).
#include <gtest/gtest.h>

#include "core/sync/messages.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

// Nothing of it was signed, so nothing of it has left the store; and what a message holds is less than it.
TEST(Pieces, what_a_store_sold_alone_over_several_starts_goes_out_in_pieces) {
  Chain chain(11, 4);
  start_trade(chain);
  chain.run_for(seconds(2));
  for (int day = 0; day < 3; ++day) {
    chain.kill("store-01");
    isolate(chain, "store-01");
    ASSERT_TRUE(chain.start("store-01").has_value());
    sell_much(chain, 120);
    EXPECT_EQ(chain.node("store-01").phase(), node::Phase::asking);
  }
  chain.network.heal_all();
  settle(chain);
  EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 360u);
  chain.destroy("warehouse");  // and whoever comes anew gets it from those who have it
  const std::string again = chain.rebuild(SiteName("warehouse"));
  ASSERT_TRUE(comes_to_sign(chain, again));
  settle(chain);
}

TEST(Pieces, what_an_old_disk_took_back_goes_out_in_pieces_again) {
  Chain chain(12, 4);
  start_trade(chain);
  const SimDisk image = chain.machine("store-01").disk;
  sell_much(chain, 350);
  chain.run_for(seconds(2));
  chain.kill("store-01");
  chain.put_back("store-01", image);
  ASSERT_TRUE(comes_to_sign(chain, "store-01"));
  EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 350u);
  chain.destroy("warehouse");
  const std::string again = chain.rebuild(SiteName("warehouse"));
  for (const std::string other : {"head-office", "store-02"}) chain.network.cut(again, other);
  chain.run_for(seconds(1));
  chain.network.heal_all();
  ASSERT_TRUE(comes_to_sign(chain, again));
  settle(chain);
}

// A store is being rebuilt, has had a piece, and its two mirrors' lines have given nothing more for 100 s.
struct StandingStill {
  Chain chain{13, 4};
  std::string again, asked;  // who was asked last
  void begin() {
    start_trade(chain);
    sell_much(chain, 150);
    chain.run_for(seconds(2));
    chain.destroy("store-01");
    chain.kill("warehouse");
    again = chain.rebuild(store_1);
    std::size_t pieces = 0;
    const auto before = chain.network.tap;
    chain.network.tap = [&](const std::string& from, const std::string& to, ByteView bytes) {
      const auto message = sync::decode(bytes);
      pieces += to == again && message && std::holds_alternative<sync::Entries>(*message);
      if (from == again && message && std::holds_alternative<sync::Have>(*message)) asked = to;
      if (before) before(from, to, bytes);
    };
    ASSERT_TRUE(chain.start(again).has_value());
    ASSERT_TRUE(chain.run_until([&] { return pieces > 0; }, seconds(30)));
    for (const std::string mirror : {"head-office", "store-02"}) chain.network.clog(mirror, again);
    chain.run_for(seconds(100));
    chain.network.tap = before;
    ASSERT_FALSE(is_signing(chain, again));
  }
  void clear() {
    for (const std::string mirror : {"head-office", "store-02"}) chain.network.clear(mirror, again);
  }
};

// A line that gives nothing for less than two minutes is slow, and what its mirror holds is not given up.
TEST(Pieces, a_rebuild_waits_for_mirrors_whose_lines_stand_still) {
  StandingStill t;
  ASSERT_NO_FATAL_FAILURE(t.begin());
  t.clear();
  EXPECT_TRUE(t.chain.run_until([&] { return is_signing(t.chain, t.again); }, seconds(10)));
  ASSERT_TRUE(t.chain.start("warehouse").has_value());
  settle(t.chain);
}

// By now it asks each half minute. Who was asked and is gone will not answer.
TEST(Pieces, a_rebuild_asks_another_at_once_when_who_was_asked_is_gone) {
  StandingStill t;
  ASSERT_NO_FATAL_FAILURE(t.begin());
  const std::string other = t.asked == "store-02" ? "head-office" : "store-02";
  t.chain.kill(t.asked);
  t.chain.kill(other);  // and with it what it was asked for before
  t.clear();
  ASSERT_TRUE(t.chain.start(other).has_value());
  EXPECT_TRUE(t.chain.run_until(
      [&] { return t.chain.node(t.again).progress().value_or(node::Progress()).step.starts_with("registering"); },
      seconds(10)));
  ASSERT_TRUE(t.chain.start(t.asked).has_value());
  ASSERT_TRUE(t.chain.start("warehouse").has_value());
  settle(t.chain);
}

// It takes a journal from its owner and from a fellow mirror at once. What the fellow brings first is no reason for the
// owner to stop sending (4.1).
TEST(Pieces, a_mirror_that_was_given_the_same_twice_is_given_the_next) {
  Chain chain(12, 4);
  start_trade(chain);
  chain.destroy("warehouse");
  const std::string mirror = chain.rebuild(warehouse);
  chain.network.cut(mirror, "store-01");
  chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  ASSERT_TRUE(comes_to_sign(chain, mirror));
  chain.run_for(seconds(3));  // it has asked head-office
  chain.network.heal(mirror, "store-01");
  chain.run_for(seconds(5));  // and the store
  chain.network.clog("store-01", mirror);
  chain.sell(store_1, 1);
  chain.run_for(seconds(1));
  chain.network.clear("store-01", mirror);
  chain.run_for(seconds(1));
  chain.network.cut(mirror, "head-office");
  chain.network.cut(mirror, "store-02");
  chain.sell(store_1, 1);
  const auto size = [&] { return chain.node("store-01").safety().size; };
  const auto held = [&] { return held_at(chain, mirror, store_1); };
  EXPECT_TRUE(chain.run_until([&] { return held() >= size(); }, seconds(10))) << held() << " of " << size();
  settle(chain);
}

// 4.4; the links stand all the while.
TEST(Pieces, a_mirror_whose_day_is_full_takes_the_rest_on_the_next) {
  ChainOptions options;
  options.bounds.mirror_entries_a_day = 150;
  Chain chain(31, 3, options);
  start_trade(chain);
  for (int i = 0; i < 200; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(20));
  }
  chain.run_for(seconds(5));
  const auto safety = [&] { return chain.node("store-01").safety(); };
  EXPECT_GT(safety().cosigned_size, 0u);
  EXPECT_LE(safety().cosigned_size, options.bounds.mirror_entries_a_day);
  let_a_day_pass(chain);
  EXPECT_TRUE(chain.run_until([&] { return safety().cosigned_size == safety().size; }, seconds(20)))
      << safety().cosigned_size << " of " << safety().size;
  settle(chain);
}

// 4.4, 4.6: nobody but a fellow mirror can give what a site has had that is gone.
TEST(Pieces, a_rebuilt_mirror_takes_a_gone_sites_journal_from_its_fellows_over_several_days) {
  ChainOptions options;
  options.bounds.mirror_entries_a_day = 120;  // a piece has some 75 of these
  Chain chain(34, 3, options);
  start_trade(chain);
  for (int day = 0; day < 2; ++day) {
    sell_much(chain, 100);
    chain.run_for(seconds(3));
    let_a_day_pass(chain);
  }
  const node::Safety before = chain.node("store-01").safety();
  ASSERT_EQ(before.cosigned_size, before.size);
  ASSERT_GT(before.size, options.bounds.mirror_entries_a_day);
  chain.destroy("store-01");
  chain.destroy("store-02");
  const std::string mirror = chain.rebuild(store_2);
  ASSERT_TRUE(comes_to_sign(chain, mirror));
  chain.run_for(seconds(10));
  EXPECT_GT(held_at(chain, mirror, store_1), 0u);
  EXPECT_LT(held_at(chain, mirror, store_1), before.size);
  for (int day = 0; day < 2; ++day) {
    let_a_day_pass(chain);
    chain.run_for(seconds(10));
  }
  EXPECT_EQ(held_at(chain, mirror, store_1), before.size);
  const std::string again = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, again));
  settle(chain);
}

// And with it what its newest epoch rests on: without that it may neither seal nor count.
TEST(Pieces, a_rebuilt_mirror_takes_a_gone_sites_epochs_from_its_fellows) {
  Chain chain(35, 3);
  const std::string second = start_on_second_machine(chain);
  const node::Safety before = chain.node(second).safety();
  ASSERT_EQ(before.cosigned_size, before.size);
  chain.destroy(second);
  chain.destroy("store-02");
  const std::string mirror = chain.rebuild(store_2);
  ASSERT_TRUE(comes_to_sign(chain, mirror));
  EXPECT_TRUE(chain.run_until([&] { return held_at(chain, mirror, store_1) == before.size; }, seconds(20)))
      << held_at(chain, mirror, store_1) << " of " << before.size;
  chain.kill("warehouse");  // now it is needed
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  ASSERT_TRUE(chain.start("warehouse").has_value());
  settle(chain);
}

// More than one signature can close: what is behind that is taken in by its keys, and mirrors get all of it.
TEST(Pieces, of_a_spare_that_opens_over_more_unsigned_than_a_message_holds_is_mirrored) {
  Chain chain(32, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);
  chain.kill("store-01");
  ASSERT_TRUE(chain.start("store-01").has_value());
  sell_much(chain, 350);
  ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(30)));
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  chain.network.heal_all();
  ASSERT_TRUE(comes_to_sign(chain, spare));
  expect_all_here(chain, store_1, spare);
  settle(chain);
}

}  // namespace
}  // namespace holdfast::sim
