// Mirrors that come back, with empty hands or on an old disk: when they count, and for what they seal (protocol 4.1,
// 4.6, 5.2).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/journal/log.h"
#include "core/journal/peek.h"
#include "core/sync/messages.h"
#include "sim/repair_test_support.h"

namespace holdfast::sim {
namespace {

// One mirror has sealed, one cannot be reached; the third has lost its disk, and is told of the seal before it has
// taken what the others hold (4.6).
TEST(Chain, a_mirror_that_has_come_back_takes_a_sealed_journal_and_seals_for_its_successor) {
  Chain chain(11, 4);
  start_trade(chain);
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  chain.run_for(seconds(2));
  chain.destroy("store-01");
  chain.destroy("warehouse");
  const std::string store = chain.rebuild(store_1), mirror = chain.rebuild(warehouse);
  chain.network.cut(store, "store-02");
  ASSERT_TRUE(chain.start(store).has_value());
  chain.run_for(seconds(3));
  ASSERT_TRUE(comes_to_sign(chain, mirror));
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, store); }, seconds(30)))
      << chain.node(store).progress().value_or(node::Progress{"done"}).step;
  EXPECT_EQ(chain.node(store).state().till.totals.sales, 20u);
  settle(chain);
}

// 4.1: its entries had become durable when its power failed, their checkpoint had not; then it cosigned them.
TEST(Chain, a_mirror_shows_a_rebuild_what_it_has_cosigned_wherever_its_power_failed) {
  for (std::uint64_t n = 0; n < 12; ++n) {
    Chain chain(200 + n, 3);
    start_trade(chain);
    chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    isolate(chain, "warehouse");
    chain.machine("head-office").disk.crash_after(n);
    chain.sell(store_1, 1);
    chain.run_for(seconds(1));
    const bool has_crashed = chain.machine("head-office").node == nullptr;
    chain.machine("head-office").disk.reboot();  // also where nothing has come to that write
    if (has_crashed) {
      ASSERT_TRUE(chain.start("head-office").has_value());
    }
    const auto is_cosigned = [&] {
      const node::Safety safety = chain.node("store-01").safety();
      return safety.cosigned_size == safety.size && is_signing(chain, "head-office");
    };
    for (int i = 0; i < 30'000 && !is_cosigned(); ++i) chain.run_for(milliseconds(1));
    ASSERT_TRUE(is_cosigned()) << n;
    const std::uint64_t size = chain.node("store-01").safety().size;
    chain.destroy("store-01");  // before it could say so
    chain.destroy("store-02");
    chain.network.heal_all();
    const std::string again = chain.rebuild(store_1);
    ASSERT_TRUE(comes_to_sign(chain, again)) << n;
    EXPECT_EQ(chain.node(again).recovery()->cosigned, size) << "after a power cut at write " << n;
  }
}

// The epoch has ended meanwhile, and its owner offers nothing of it any more.
TEST(Chain, a_mirror_whose_power_failed_gets_the_checkpoint_of_an_epoch_that_has_ended) {
  for (std::uint64_t n = 0; n < 12; ++n) {
    Chain chain(220 + n, 3);
    start_trade(chain);
    chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    chain.machine("head-office").disk.crash_after(n);
    chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    chain.kill("head-office");
    chain.machine("head-office").disk.reboot();
    chain.destroy("store-01");
    ASSERT_TRUE(comes_to_sign(chain, chain.rebuild(store_1))) << n;
    ASSERT_TRUE(comes_to_sign(chain, "head-office")) << n;
    chain.run_for(seconds(3));
    chain.kill("head-office");
    SerialExecutor executor;
    const auto log =
        journal::Log::open(chain.machine("head-office").disk, executor, Origin{chain.file().chain, store_1, 1});
    ASSERT_TRUE(log.has_value()) << n;
    const auto newest = journal::peek_checkpoint((*log)->last_checkpoint());
    ASSERT_TRUE(newest.has_value()) << n;
    EXPECT_EQ(newest->size, (*log)->durable_size()) << "after a power cut at write " << n;
  }
}

// Ten sales of the first store are cosigned by head office and by the second store, of whose disk there is an image
// from before; the third mirror has not heard of them.
struct ImageOfAMirror {
  explicit ImageOfAMirror(std::uint64_t seed) : chain(seed, 3) {
    start_trade(chain);
    chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    image = chain.machine("store-02").disk;
    chain.network.cut("warehouse", "store-01");
    for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
    chain.run_for(seconds(3));
    size = chain.node("store-01").safety().cosigned_size;
    EXPECT_EQ(size, chain.node("store-01").safety().size);
  }
  void put_back() {
    chain.kill("store-02");
    chain.put_back("store-02", image);
    EXPECT_TRUE(comes_to_sign(chain, "store-02"));
  }
  // Head office does not reach the new machine: the other two are a quorum.
  void rebuild() {
    const std::string again = chain.rebuild(store_1);
    chain.network.cut(again, "head-office");
    ASSERT_TRUE(comes_to_sign(chain, again));
    EXPECT_GE(chain.node(again).recovery()->cosigned, size);
    settle(chain);
  }
  Chain chain;
  SimDisk image{Random(1)};
  std::uint64_t size = 0;
};

// 4.6: a mirror on an old disk has signed for more than it holds. That its own journal is caught up again says nothing
// of the others'.
TEST(Chain, a_mirror_on_an_old_disk_counts_again_when_it_holds_what_its_fellows_hold) {
  ImageOfAMirror t(45);
  t.chain.sell(store_2, 1);
  t.chain.run_for(seconds(3));
  t.chain.destroy("store-01");
  t.put_back();
  t.rebuild();
}

// Of its own journal nobody knows more: it has not moved since. What it has signed tells it.
TEST(Chain, a_mirror_on_an_old_disk_is_told_by_its_own_cosignature) {
  ImageOfAMirror t(48);
  bool is_told = false;  // and is given nothing more by its owner
  t.chain.network.tap = [&, before = t.chain.network.tap](const std::string& from, const std::string& to,
                                                          ByteView bytes) {
    const auto message = sync::decode(bytes);
    if (from == "store-01" && to == "store-02" && message && std::holds_alternative<sync::Cosigned>(*message)) {
      is_told = true;
      t.chain.network.clog(from, to);
    }
    before(from, to, bytes);
  };
  t.put_back();
  ASSERT_TRUE(t.chain.run_until([&] { return is_told; }, seconds(20)));
  t.chain.destroy("store-01");
  t.rebuild();
}

// 4.6: nor does a mirror that came back count because a new epoch, of which nobody holds anything yet, begins while it
// takes up the one before.
TEST(Chain, a_mirror_that_came_back_counts_for_a_new_epoch_when_it_holds_what_that_rests_on) {
  Chain chain(47, 3);
  start_trade(chain);
  sell_much(chain, 200);  // several pieces
  chain.run_for(seconds(3));
  const node::Safety safety = chain.node("store-01").safety();
  ASSERT_EQ(safety.cosigned_size, safety.size);
  chain.destroy("store-02");
  const std::string mirror = chain.rebuild(store_2);
  chain.network.cut(mirror, "store-01");
  // Its fellows tell it how much there is, and then their lines stand still.
  std::set<std::string> told;
  chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to, ByteView bytes) {
    const auto message = sync::decode(bytes);
    const auto* known = message ? std::get_if<sync::Known>(&*message) : nullptr;
    if (to == mirror && known != nullptr && known->site == store_1 && told.insert(from).second)
      chain.network.clog(from, mirror);
    before(from, to, bytes);
  };
  ASSERT_TRUE(comes_to_sign(chain, mirror));
  ASSERT_TRUE(chain.run_until([&] { return told.size() == 2; }, seconds(20)));
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(chain.start(second).has_value());
  const auto counts = [&] { return counts_for(chain, mirror, store_1); };
  const auto holds = [&] { return chain.node(mirror).root_of(safety.origin, safety.cosigned_size).has_value(); };
  for (int i = 0; i < 10'000 && !counts(); ++i) chain.run_for(milliseconds(1));
  EXPECT_TRUE(!counts() || holds());
  for (const std::string& fellow : told) chain.network.clear(fellow, mirror);
  EXPECT_TRUE(chain.run_until([&] { return counts() && holds(); }, seconds(60)));
  settle(chain);
}

// 4.6: it had asked its fellow mirrors when it came back; a start of its own asks nobody again.
TEST(Chain, a_mirror_that_came_back_counts_after_a_restart_though_a_fellow_mirror_is_gone) {
  Chain chain(9, 3);
  start_trade(chain);
  chain.destroy("warehouse");
  const std::string again = chain.rebuild(warehouse);
  ASSERT_TRUE(comes_to_sign(chain, again));
  const auto cosigns_without_head_office = [&] {
    const std::uint64_t before = chain.node("store-01").safety().cosigned_size;
    chain.sell(store_1, 1);
    return chain.run_until([&] { return chain.node("store-01").safety().cosigned_size > before; }, seconds(20));
  };
  chain.run_for(seconds(10));  // it takes up what the others hold
  chain.kill("head-office");
  EXPECT_TRUE(cosigns_without_head_office());
  chain.kill(again);
  ASSERT_TRUE(chain.start(again).has_value());
  EXPECT_TRUE(cosigns_without_head_office());
  ASSERT_TRUE(chain.start("head-office").has_value());
  settle(chain);
}

// 3.1, 5.2: what it holds may be less than what it has signed, and its seal would be set aside by what it catches up.
TEST(Chain, a_mirror_on_an_old_disk_seals_for_nobody_before_it_has_caught_up) {
  Chain chain(11, 2);
  start_trade(chain);
  const SimDisk image = chain.machine("head-office").disk;
  chain.list_products(3);
  chain.run_for(seconds(2));
  chain.kill("head-office");
  chain.put_back("head-office", image);
  chain.disk_was_replaced(head_office);
  chain.destroy("store-01");
  chain.kill("store-02");  // so that head office is needed for the quorum
  const std::string again = chain.rebuild(store_1);
  ASSERT_TRUE(chain.start(again).has_value());
  ASSERT_TRUE(chain.start("head-office").has_value());
  chain.run_for(seconds(20));
  EXPECT_FALSE(is_signing(chain, "head-office"));
  EXPECT_FALSE(is_signing(chain, again));
  ASSERT_TRUE(chain.start("store-02").has_value());  // which has what head office has lost
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, again); }, seconds(30)));
  EXPECT_GE(chain.node("head-office").state().epochs.at(store_1).sealed_below, 2u);
  settle(chain);
}

// 3.1, 4.6: what cosigned sales head office lacks, only the second store, which is gone, and the warehouse have. A
// mirror that came back with empty hands is no second voice beside head office.
TEST(Chain, a_node_on_an_old_disk_does_not_sign_on_the_word_of_a_mirror_that_does_not_count) {
  Chain chain(49, 3);
  start_trade(chain);
  chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  const SimDisk image = chain.machine("store-01").disk;
  for (int i = 0; i < 5; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  chain.network.cut("head-office", "store-01");
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  const node::Safety safety = chain.node("store-01").safety();
  ASSERT_EQ(safety.cosigned_size, safety.size);
  ASSERT_LT(held_at(chain, "head-office", store_1), safety.size);
  for (const std::string name : {"store-01", "warehouse"}) chain.kill(name);
  chain.destroy("store-02");
  chain.network.heal_all();
  ASSERT_TRUE(comes_to_sign(chain, chain.rebuild(store_2)));
  chain.put_back("store-01", image);
  chain.disk_was_replaced(store_1);
  ASSERT_TRUE(chain.start("store-01").has_value());
  chain.run_for(seconds(20));
  EXPECT_FALSE(is_signing(chain, "store-01"));
  chain.sell(store_1, 1);
  ASSERT_TRUE(chain.start("warehouse").has_value());
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, "store-01"); }, seconds(30)));
  settle(chain);
  EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 17u);
  for (const char* mirror : {"head-office", "warehouse", "store-02#2"})
    EXPECT_TRUE(chain.node(mirror).state().contradictions.empty()) << mirror;
}

// Nor do they wait for each other: it asks them, and they take what they lack from those who count.
TEST(Chain, mirrors_that_do_not_count_take_up_a_journal_whose_owner_asks_on_an_old_disk) {
  Chain chain(50, 3, {.lying_mirrors = 1});
  start_trade(chain);
  chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  const SimDisk image = chain.machine("store-01").disk;
  for (int i = 0; i < 10; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(300));
  }
  chain.run_for(seconds(3));
  const node::Safety safety = chain.node("store-01").safety();
  ASSERT_EQ(safety.cosigned_size, safety.size);
  for (const std::string name : {"store-01", "store-02", "store-03"}) chain.kill(name);
  for (const std::string mirror : {"store-02", "store-03"}) harm_end(chain, mirror, safety.origin, Harm::rot);
  chain.put_back("store-01", image);
  chain.disk_was_replaced(store_1);
  for (const std::string name : {"store-01", "store-02", "store-03"}) ASSERT_TRUE(chain.start(name).has_value());
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, "store-01"); }, seconds(30)));
  settle(chain);
  EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 11u);
}

// 4.7: what is cosigned lies with the warehouse and the mirror that was replaced; head office is behind. The new one
// has nothing yet, and its seal beside head office's would leave cosigned sales behind.
TEST(Chain, a_mirror_that_takes_the_place_of_another_counts_when_it_holds_what_its_fellows_hold) {
  Chain chain(51, 4);
  start_trade(chain);
  chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  chain.network.cut("head-office", "store-01");
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  const std::uint64_t size = chain.node("store-01").safety().cosigned_size;
  ASSERT_EQ(size, chain.node("store-01").safety().size);
  ASSERT_LT(held_at(chain, "head-office", store_1), size);
  chain.replace_mirror(store_1, store_2, SiteName("store-03"));
  chain.destroy("store-01");
  restart(chain, {"head-office", "warehouse"});
  chain.run_for(seconds(6));
  chain.kill("warehouse");
  chain.network.heal_all();
  restart(chain, {"store-03"});
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, "store-03"); }, seconds(20)));
  const std::string again = chain.rebuild(store_1);
  ASSERT_TRUE(chain.start(again).has_value());
  chain.run_for(seconds(20));
  EXPECT_FALSE(is_signing(chain, again));
  ASSERT_TRUE(chain.start("warehouse").has_value());
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, again); }, seconds(60)));
  EXPECT_GE(chain.node(again).recovery()->cosigned, size);
  EXPECT_EQ(chain.node(again).state().till.totals.sales, 11u);
  const auto counts = [&] { return counts_for(chain, "store-03", store_1); };
  EXPECT_TRUE(chain.run_until(counts, seconds(30)));
  restart(chain, {"store-03"});
  EXPECT_TRUE(counts()) << "it goes on counting";
}

// 4.6: that another file is there shows that this is not its first start, at which it would count for all.
TEST(Chain, a_mirror_that_has_lost_the_list_of_those_for_whom_it_counts_takes_all_of_them_up_again) {
  for (const bool is_gone : {false, true}) {
    Chain chain(50, 2);
    start_trade(chain);
    chain.run_for(seconds(3));
    const auto counts = [&] { return counts_for(chain, "store-02", store_1); };
    ASSERT_TRUE(counts());
    chain.kill("store-02");
    SimDisk& disk = chain.machine("store-02").disk;
    ASSERT_TRUE((is_gone ? disk.remove("mirror.taken-up") : disk.write_all("mirror.taken-up", {})).has_value());
    ASSERT_TRUE(chain.start("store-02").has_value());
    EXPECT_FALSE(counts());
    EXPECT_TRUE(chain.run_until(counts, seconds(30)));
    settle(chain);
  }
}

}  // namespace
}  // namespace holdfast::sim
