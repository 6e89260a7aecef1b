// Damage on a machine's disk while it trades (protocol 2.4): its own journal, copies of peers', a spare's copy; with
// mirrors and without; found at a start, by a read, by the scrubber.
#include <gtest/gtest.h>

#include <set>

#include "sim/repair_test_support.h"

namespace holdfast::sim {
namespace {

class Repair : public testing::TestWithParam<Harm> {};
INSTANTIATE_TEST_SUITE_P(Harms, Repair, testing::Values(Harm::rot, Harm::unreadable),
                         [](const auto& each) { return each.param == Harm::rot ? "rot" : "unreadable"; });

TEST_P(Repair, of_a_journal_below_a_snapshot_while_the_store_sells) {
  Shop shop(11);
  shop.open(40);
  ASSERT_GT(shop.chain.node("store-01").counters().snapshots, 0u);
  shop.chain.kill("store-01");
  const auto all = commits(shop.chain.machine("store-01"), shop.origin());
  ASSERT_GT(all.size(), 10u);
  for (const std::size_t i : {2u, 3u, 7u}) harm(shop.chain, "store-01", all[i], GetParam());
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::asking);  // it sells at once
  EXPECT_FALSE(shop.chain.node("store-01").safety().damage.empty());
  const std::size_t sale = shop.chain.sell(store_1, 1);
  shop.chain.run_for(milliseconds(100));
  EXPECT_TRUE(shop.chain.writes(store_1)[sale].reply.has_value());
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  settle(shop.chain);
  // For good: nothing is missing at the next start.
  shop.chain.kill("store-01");
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  EXPECT_TRUE(shop.chain.node("store-01").safety().damage.empty());
  settle(shop.chain);
}

TEST_P(Repair, of_a_journal_that_no_snapshot_covers_comes_before_the_first_sale) {
  Shop shop(12);
  shop.chain.snapshot_entries = 1'000'000;
  shop.open(20);
  const std::uint64_t size = shop.chain.node("store-01").safety().size;
  shop.chain.kill("store-01");
  const auto all = commits(shop.chain.machine("store-01"), shop.origin());
  for (const std::size_t i : {1u, 5u, 6u}) harm(shop.chain, "store-01", all[i], GetParam());
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::rebuilding);
  EXPECT_NE(shop.step().find(fmt::format("entr{} ", all[1].header.count == 1 ? "y" : "ies")), std::string::npos)
      << shop.step();
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  EXPECT_GT(shop.chain.node("store-01").safety().size, size);  // and it has started
  EXPECT_GT(shop.chain.node("store-01").counters().bytes_mended, 0u);
  settle(shop.chain);
}

TEST_P(Repair, without_mirrors_a_store_sells_on_and_names_what_is_missing) {
  Shop shop(13);
  shop.open(40);
  shop.chain.kill("store-01");
  const auto all = commits(shop.chain.machine("store-01"), shop.origin());
  harm(shop.chain, "store-01", all[3], GetParam());
  isolate(shop.chain, "store-01");
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  shop.trade(10);
  const node::Safety safety = shop.chain.node("store-01").safety();
  ASSERT_EQ(safety.damage.size(), 1u);
  EXPECT_EQ(safety.damage[0].origin, shop.origin());
  EXPECT_GE(safety.damage[0].first, all[3].header.first);
  EXPECT_LE(safety.damage[0].end, all[3].header.first + all[3].header.count);
  EXPECT_TRUE(shop.chain.node("store-01").read(1, all[2].header.first).has_value());  // the rest is served
  for (const TillWrite& w : shop.chain.writes(store_1)) EXPECT_TRUE(w.reply.has_value());
  shop.chain.network.heal_all();
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  settle(shop.chain);
}

TEST_P(Repair, without_mirrors_and_without_a_snapshot_a_start_says_what_it_needs) {
  Shop shop(14);
  shop.chain.snapshot_entries = 1'000'000;
  shop.open(10);
  shop.chain.kill("store-01");
  harm(shop.chain, "store-01", commits(shop.chain.machine("store-01"), shop.origin())[4], GetParam());
  isolate(shop.chain, "store-01");
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  shop.chain.run_for(seconds(10));
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::rebuilding);
  EXPECT_NE(shop.step().find(shop.origin().text()), std::string::npos) << shop.step();
  EXPECT_NE(shop.step().find("rebuild this site"), std::string::npos) << shop.step();
  // Nothing was cut away: with the links back it is as it was.
  shop.chain.network.heal_all();
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  settle(shop.chain);
}

TEST_P(Repair, what_is_found_while_it_runs_does_not_keep_the_next_start_from_selling) {
  Shop shop(20);
  shop.chain.snapshot_entries = 1'000'000;
  shop.chain.scrub_pause = seconds(2);
  shop.open(10);
  isolate(shop.chain, "store-01");
  harm(shop.chain, "store-01", commits(shop.chain.machine("store-01"), shop.origin())[3], GetParam());
  ASSERT_TRUE(shop.chain.run_until([&] { return shop.chain.node("store-01").counters().snapshots == 1; }, seconds(30)));
  shop.trade(5);
  EXPECT_EQ(shop.chain.node("store-01").counters().snapshots, 1u);
  shop.chain.kill("store-01");
  shop.chain.disk_has_lost("store-01");  // the auditor reads no further than the hole
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::asking);
  shop.trade(5);
  for (const TillWrite& w : shop.chain.writes(store_1)) EXPECT_TRUE(w.reply.has_value());
  shop.chain.network.heal_all();
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  settle(shop.chain);
}

TEST_P(Repair, of_a_mirrors_copy_while_it_trades_itself) {
  Shop shop(15);
  shop.open(30);
  for (const std::string& name : {std::string("warehouse"), std::string("head-office")}) {
    shop.chain.kill(name);
    const auto all = commits(shop.chain.machine(name), shop.origin());
    ASSERT_GT(all.size(), 4u) << name;
    harm(shop.chain, name, all[1], GetParam());
    harm(shop.chain, name, all[3], GetParam());
    ASSERT_TRUE(shop.chain.start(name).has_value()) << name;
    EXPECT_TRUE(shop.run_until_mended(name)) << name;
  }
  shop.trade(5);
  settle(shop.chain);
}

TEST_P(Repair, what_rots_while_everything_runs_is_found_by_the_scrubber) {
  Shop shop(16);
  shop.chain.scrub_pause = seconds(2);
  shop.open(30);
  for (const std::string& name : {std::string("store-01"), std::string("warehouse")}) {
    const auto all = commits(shop.chain.machine(name), shop.origin());
    harm(shop.chain, name, all[2], GetParam());
    EXPECT_TRUE(shop.run_until_mended(name)) << name;
  }
  settle(shop.chain);
}

TEST_P(Repair, of_the_last_committed_group_that_mirrors_have) {
  Shop shop(17);
  shop.open(20);
  shop.chain.kill("store-01");
  // The last commit and everything behind it: checkpoints of its own, which no whole record follows.
  harm_end(shop.chain, "store-01", shop.origin(), GetParam());
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  settle(shop.chain);  // nothing that was acknowledged is missing
}

TEST_P(Repair, of_a_spares_copy_from_its_node) {
  Shop shop(18);
  shop.chain.scrub_pause = seconds(2);
  const std::string spare = start_with_spare(shop.chain);
  shop.trade(20);
  Machine& machine = shop.chain.machine(spare);
  // While it runs, and found by the scrubber; then at its start.
  harm(shop.chain, spare, commits(machine, shop.origin())[2], GetParam());
  EXPECT_TRUE(shop.chain.run_until([&] { return machine.spare->view().holes_mended == 1; }, seconds(30)));
  shop.chain.kill(spare);
  harm(shop.chain, spare, commits(machine, shop.origin())[4], GetParam());
  ASSERT_TRUE(shop.chain.start(spare).has_value());
  EXPECT_FALSE(machine.spare->view().damage.empty());
  EXPECT_TRUE(shop.chain.run_until(
      [&] { return machine.spare->view().damage.empty() && holds_all(shop.chain, spare, "store-01"); }, seconds(30)));
  shop.trade(5);
  isolate(shop.chain, "store-01", spare);
  shop.chain.kill("store-01");
  ASSERT_TRUE(shop.chain.promote(spare).has_value());
  expect_all_here(shop.chain, store_1, spare);
}

// 13.116: from a copy with a hole below what was signed no start opens the store; what lies behind that is let go.
TEST_P(Repair, a_spare_says_whether_its_copy_can_be_opened) {
  Shop shop(20);
  start_all(shop.chain);
  const std::string spare = shop.chain.add_spare(store_1);
  ASSERT_TRUE(shop.chain.start(spare).has_value());
  Machine& machine = shop.chain.machine(spare);
  EXPECT_NE(machine.spare->view().cannot_open, "") << "nothing has come yet";
  open_trade(shop.chain);
  EXPECT_TRUE(shop.chain.run_until([&] { return holds_all(shop.chain, spare, "store-01"); }, seconds(20)));
  EXPECT_EQ(machine.spare->view().cannot_open, "");
  shop.trade(20);
  isolate(shop.chain, "store-01", spare);
  shop.chain.kill("store-01");
  shop.chain.kill(spare);
  harm(shop.chain, spare, commits(machine, shop.origin())[4], GetParam());
  ASSERT_TRUE(shop.chain.start(spare).has_value());
  EXPECT_NE(machine.spare->view().cannot_open.find("cannot be read"), std::string::npos)
      << machine.spare->view().cannot_open;
  EXPECT_FALSE(shop.chain.promote(spare).has_value()) << "so nobody should get as far";
}

TEST_P(Repair, of_a_journal_from_its_spare_when_no_mirror_is_linked) {
  Shop shop(19);
  shop.chain.snapshot_entries = 1'000'000;
  const std::string spare = start_with_spare(shop.chain);
  shop.trade(10);
  shop.chain.kill("store-01");
  harm(shop.chain, "store-01", commits(shop.chain.machine("store-01"), shop.origin())[3], GetParam());
  isolate(shop.chain, "store-01", spare);
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::rebuilding);
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  settle(shop.chain);
}

// 2.3: what was acknowledged and signed with all links cut is gone with the files that it was in. Nothing on the disk
// shows it but a snapshot.
TEST(RepairLostEnd, is_told_by_the_snapshot_that_covers_it) {
  Shop shop(23);
  shop.open(10);
  shop.chain.kill("store-01");
  Machine& m = shop.chain.machine("store-01");
  const auto segments = [&] {
    std::set<std::string> out;
    for (const auto& [path, bytes] : m.disk.files())
      if (path.starts_with(journal::Log::directory(shop.origin()) + "/seg-")) out.insert(path);
    return out;
  };
  const auto newest_snapshot = [&] {  // its size
    const std::vector<std::string> names = *m.disk.list("snapshots");
    return names.empty() ? 0 : std::stoull(names.back().substr(names.back().find('-') + 1));
  };
  const std::set<std::string> before = segments();
  ASSERT_TRUE(comes_to_sign(shop.chain, "store-01"));
  shop.trade(1);
  isolate(shop.chain, "store-01");
  shop.trade(45);
  const std::uint64_t covered = newest_snapshot();
  shop.chain.kill("store-01");
  for (const std::string& path : segments()) {
    if (before.contains(path)) continue;
    ASSERT_TRUE(m.disk.remove(path).has_value());
  }
  shop.chain.disk_was_replaced(store_1);
  const journal::RecordHeader last = commits(m, shop.origin()).back().header;
  const std::uint64_t left = last.first + last.count;
  ASSERT_LT(left, covered);
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  shop.chain.run_for(seconds(2));
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::asking);
  const std::string range = fmt::format("entries {} to {} of {}", left, covered - 1, shop.origin().text());
  EXPECT_TRUE(tells_damage(shop.chain, "store-01", range)) << range;
  // The next snapshot is of less, and takes its place.
  shop.chain.network.heal_all();
  shop.trade(20);
  ASSERT_TRUE(shop.chain.run_until([&] { return shop.chain.node("store-01").counters().snapshots > 0; }, seconds(60)));
  EXPECT_LT(newest_snapshot(), covered);
  EXPECT_GT(newest_snapshot(), left);
  settle(shop.chain);
  shop.chain.kill("store-01");
  ASSERT_TRUE(comes_to_sign(shop.chain, "store-01"));
  settle(shop.chain);
}

}  // namespace
}  // namespace holdfast::sim
