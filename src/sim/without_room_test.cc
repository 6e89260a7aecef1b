// A disk that is full (protocol 1.2): what nothing rests on ends no machine while its journals have room in the files
// they are in.
#include <gtest/gtest.h>

#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

TEST(WithoutRoom, a_snapshot_waits_and_the_store_sells_on) {
  Chain chain(41, 2);
  start_trade(chain);
  chain.snapshot_entries = 1;  // of the machines that start from here on
  chain.kill("store-01");
  ASSERT_TRUE(comes_to_sign(chain, "store-01"));
  chain.run_for(seconds(5));
  Machine& m = chain.machine("store-01");
  const std::uint64_t snapshots = chain.node("store-01").counters().snapshots;
  const std::uint64_t refused = chain.faults.count(Fault::disk_full).bit;
  ASSERT_GT(snapshots, 0u);
  m.disk.is_full = true;
  const std::size_t sale = chain.sell(store_1, 1);
  chain.run_for(seconds(65));
  ASSERT_TRUE(m.node) << (m.died_of ? m.died_of->text : "");
  const std::size_t later = chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  ASSERT_TRUE(m.node) << (m.died_of ? m.died_of->text : "");
  for (const std::size_t n : {sale, later}) EXPECT_TRUE(chain.writes(store_1)[n].reply.has_value());
  EXPECT_EQ(m.node->counters().snapshots, snapshots);
  // Once a minute, not in each turn; and said once.
  EXPECT_GE(chain.faults.count(Fault::disk_full).bit, refused + 2);
  EXPECT_LE(chain.faults.count(Fault::disk_full).bit, refused + 3);
  EXPECT_EQ(told_of_a_full_disk(chain, "store-01"), 1u);
  m.disk.is_full = false;
  EXPECT_TRUE(chain.run_until([&] { return m.node->counters().snapshots > snapshots; }, seconds(70)));
  settle(chain);
}

TEST(WithoutRoom, a_stop_is_one_without_its_snapshot) {
  Chain chain(42, 2);
  chain.snapshot_entries = 1'000'000;
  start_trade(chain);
  chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  Machine& m = chain.machine("store-01");
  m.disk.is_full = true;
  const Status stopped = m.node->stop();
  EXPECT_TRUE(stopped.has_value()) << stopped.error().text;
  EXPECT_EQ(m.node->counters().snapshots, 0u);
  m.disk.is_full = false;
  EXPECT_TRUE(m.node->stop().has_value());
  EXPECT_EQ(m.node->counters().snapshots, 1u);
  chain.kill("store-01");
  ASSERT_TRUE(comes_to_sign(chain, "store-01"));
  settle(chain);
}

TEST(WithoutRoom, a_spare_stays_and_says_so) {
  Chain chain(43, 2);
  const std::string spare = start_with_spare(chain);
  chain.run_for(seconds(5));
  Machine& m = chain.machine(spare);
  ASSERT_EQ(m.spare->view().problem, "");
  m.disk.is_full = true;
  chain.run_for(seconds(5));
  ASSERT_TRUE(m.spare) << (m.died_of ? m.died_of->text : "");
  EXPECT_NE(m.spare->view().problem.find("is full"), std::string::npos) << m.spare->view().problem;
  m.disk.is_full = false;
  chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  ASSERT_TRUE(m.spare);
  EXPECT_EQ(m.spare->view().problem, "");
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(20)));
}

// A store whose machine was cut off, sold on, and has been replaced; the new one does not reach the old one. Its name.
std::string replace_what_sells_on(Chain& chain) {
  start_trade(chain);
  isolate(chain, "store-01");
  for (int i = 0; i < 5; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(200));
  }
  std::string again = chain.rebuild(store_1);
  chain.network.cut("store-01", again);
  EXPECT_TRUE(comes_to_sign(chain, again));
  chain.run_for(seconds(5));
  return again;
}

TEST(WithoutRoom, a_mirror_keeps_no_tail_for_others_and_goes_on) {
  Chain chain(44, 2);
  const std::string again = replace_what_sells_on(chain);
  chain.kill(again);
  Machine& mirror = chain.machine("warehouse");
  const auto keeps_tail = [&] {
    return std::ranges::any_of(mirror.disk.files(), [](const auto& file) {
      return file.first.starts_with("tails/store-01-") && file.first.ends_with(".tail");
    });
  };
  mirror.disk.is_full = true;
  chain.network.heal("store-01", "warehouse");
  ASSERT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::stopped; }, seconds(30)));
  chain.run_for(seconds(5));
  ASSERT_TRUE(mirror.node) << (mirror.died_of ? mirror.died_of->text : "");
  EXPECT_FALSE(keeps_tail());
  EXPECT_GT(chain.node("store-01").safety().not_taken_in, 0u) << "it lets go of nothing";
  EXPECT_TRUE(chain.run_until([&] { return told_of_a_full_disk(chain, "warehouse") > 0; }, seconds(70)));
  // There is room again, and a new link.
  mirror.disk.is_full = false;
  chain.network.cut("store-01", "warehouse");
  chain.run_for(seconds(5));
  chain.network.heal("store-01", "warehouse");
  EXPECT_TRUE(chain.run_until(keeps_tail, seconds(30)));
  ASSERT_TRUE(comes_to_sign(chain, again));
  EXPECT_TRUE(chain.run_until([&] { return not_here(chain, store_1, again) == 0; }, seconds(30)));
  settle(chain);
}

TEST(WithoutRoom, a_new_machine_takes_in_the_tail_of_the_old_one) {
  Chain chain(45, 2);
  const std::string again = replace_what_sells_on(chain);
  ASSERT_EQ(not_here(chain, store_1, again), 5u);
  Machine& m = chain.machine(again);
  m.disk.is_full = true;
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return !m.node || not_here(chain, store_1, again) == 0; }, seconds(30)));
  chain.run_for(seconds(2));
  ASSERT_TRUE(m.node) << (m.died_of ? m.died_of->text : "");
  const auto is_noted = [&] { return m.disk.files().contains("tails/1.through"); };
  EXPECT_FALSE(is_noted());
  m.disk.is_full = false;
  EXPECT_TRUE(chain.run_until(is_noted, seconds(70))) << "how far it is, for the next start";
  settle(chain);
}

TEST(WithoutRoom, a_store_gets_a_spare) {
  Chain chain(46, 2);
  start_trade(chain);
  chain.run_for(seconds(5));
  const std::string spare = chain.add_spare(store_1);
  Machine& m = chain.machine("store-01");
  m.disk.is_full = true;
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return !m.node || holds_all(chain, spare, "store-01"); }, seconds(20)));
  ASSERT_TRUE(m.node) << (m.died_of ? m.died_of->text : "");
  m.disk.is_full = false;
  settle(chain);
}

}  // namespace
}  // namespace holdfast::sim
