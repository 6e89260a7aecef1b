// What old machines and mirrors show of a site's older epochs: what goes in by itself, and what waits for a person
// (protocol 5.3, 6).
#include <gtest/gtest.h>

#include "core/fold/event.h"
#include "core/recovery/readmit.h"
#include "core/recovery/rebuild.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

Origin first_epoch(Chain& chain) { return {chain.file().chain, store_1, 1}; }
std::uint64_t sold_at(Chain& chain, const std::string& name) { return chain.node(name).state().till.totals.sales; }
std::size_t listed_at(Chain& chain, const std::string& name) { return chain.node(name).state().listed.size(); }
void sell_ten(Chain& chain) {
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
}

// 6.3: the next epoch's certificate says nothing of the clean point, and mirrors show it the same entries again.
TEST(Tail, what_lies_behind_a_clean_point_waits_for_a_person_in_later_epochs_too) {
  Chain chain(71, 4);
  start_trade(chain);
  sell_ten(chain);
  const std::uint64_t clean = chain.node("store-01").safety().cosigned_size;
  fold::Event forged = *chain.node("store-01").read(1, chain.writes(store_1)[0].reply->index);
  forged.write->key.bytes[0] ^= std::byte{1};
  sell_ten(chain);
  ASSERT_EQ(chain.node("store-01").safety().cosigned_size, chain.node("store-01").safety().size);
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1, {{first_epoch(chain), clean}});
  ASSERT_TRUE(comes_to_sign(chain, second));
  ASSERT_TRUE(chain.run_until([&] { return listed_at(chain, second) == 10; }, seconds(20))) << listed_at(chain, second);
  EXPECT_EQ(sold_at(chain, second), 10u);
  chain.run_for(seconds(3));
  // 5.7: and what its key signs at a place before the clean point is not of what was kept there.
  Impostor thief(chain, chain.machine("store-01"));
  thief.dial(chain.file().find(store_1)->link_address);
  chain.run_for(seconds(1));
  ASSERT_TRUE(thief.to.has_value());
  thief.say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
  thief.hand_in(first_epoch(chain), 1, {fold::encode(forged)[0]});
  chain.run_for(seconds(3));
  thief.leave();
  EXPECT_EQ(listed_at(chain, second), 11u);
  EXPECT_EQ(sold_at(chain, second), 10u);
  chain.destroy(second);
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  chain.run_for(seconds(10));
  EXPECT_EQ(sold_at(chain, third), 10u);
  EXPECT_EQ(listed_at(chain, third), 11u);
}

// 5.4: nothing of that epoch is kept, whether its machine shows it or those who had cosigned it.
TEST(Tail, a_clean_point_cuts_off_the_epochs_behind_it_too) {
  for (const bool lives : {false, true}) {
    Chain chain(72, 4);
    const std::string second = start_on_second_machine(chain);
    const std::uint64_t clean = chain.node(second).recovery()->cosigned;
    if (lives)
      isolate(chain, second);
    else
      chain.destroy(second);
    const std::string third = chain.rebuild(store_1, {{first_epoch(chain), clean}});
    if (lives) {  // and signs all of it as a tail
      chain.network.cut(second, third);
      ASSERT_TRUE(comes_to_sign(chain, third));
      chain.network.heal_all();
      ASSERT_TRUE(chain.run_until([&] { return chain.node(second).phase() == node::Phase::stopped; }, seconds(30)));
    } else {
      ASSERT_TRUE(comes_to_sign(chain, third));
    }
    EXPECT_TRUE(chain.run_until([&] { return listed_at(chain, third) == 10; }, seconds(30))) << listed_at(chain, third);
    chain.run_for(seconds(5));
    EXPECT_EQ(listed_at(chain, third), 10u) << "each once";
    EXPECT_EQ(sold_at(chain, third), 10u);
  }
}

// 6.4: a person closes it, and may have entered it by hand.
TEST(Tail, what_stands_on_the_list_does_not_go_in_when_it_is_offered_again) {
  Chain chain(73, 3);
  start_all(chain);
  chain.kill("store-01");
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, second));
  Impostor old(chain, chain.machine("store-01"));
  old.dial(chain.file().find(store_1)->link_address);
  chain.run_for(seconds(1));
  ASSERT_TRUE(old.to.has_value());
  old.say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
  const auto hand_in = [&](EntryIndex first, const Bytes& entry) {
    old.hand_in(first_epoch(chain), first, {entry});
    chain.run_for(seconds(1));
    return listed_at(chain, second);
  };
  const std::size_t before = listed_at(chain, second);
  const Bytes unreadable = to_bytes(as_bytes(std::string_view("x")));
  fold::WriteInfo write;
  write.till = TillId{1};
  write.key.bytes[0] = std::byte{7};
  const fold::ListedClosed closing{recovery::list_entry(first_epoch(chain), 2000, {}, unreadable).id, "seen"};
  const Bytes closes = fold::encode({chain.now(), write, closing})[0];
  EXPECT_EQ(hand_in(1000, closes), before + 1) << "there is nothing to close yet";
  EXPECT_EQ(hand_in(2000, unreadable), before + 2);
  EXPECT_EQ(hand_in(1000, closes), before + 2) << "it would be taken now";
}

// Of these sales no till sends one again.
void sell_from_here_alone(Chain& chain, int number) {
  for (int i = 0; i < number; ++i) {
    const std::size_t sale = chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
    chain.writes(store_1)[sale].is_forgotten = true;
  }
  chain.run_for(seconds(1));
}

// 5.3: its journal is another history than was kept, and that is longer than all of it, or not.
TEST(Tail, of_a_machine_on_an_old_disk_has_what_it_sold_there) {
  for (const int alone : {5, 60}) {
    Chain chain(74, 4);
    start_trade(chain);
    sell_ten(chain);
    const SimDisk image = chain.machine("store-01").disk;
    sell_ten(chain);
    sell_ten(chain);
    chain.kill("store-01");
    chain.put_back("store-01", image);
    isolate(chain, "store-01");
    ASSERT_TRUE(chain.start("store-01").has_value());
    sell_from_here_alone(chain, alone);
    ASSERT_EQ(sold_at(chain, "store-01"), 10u + static_cast<unsigned>(alone));
    const std::uint64_t size = chain.node("store-01").safety().size;
    const std::string second = chain.rebuild(store_1);
    chain.network.cut("store-01", second);
    ASSERT_TRUE(comes_to_sign(chain, second));
    ASSERT_EQ(sold_at(chain, second), 30u);
    ASSERT_EQ(size < chain.node(second).recovery()->cosigned, alone == 5);
    chain.network.heal_all();
    ASSERT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::stopped; }, seconds(30)));
    const auto is_in = [&] {
      return sold_at(chain, second) == 30u + static_cast<unsigned>(alone) &&
             chain.node("store-01").safety().not_taken_in == 0;
    };
    EXPECT_TRUE(chain.run_until(is_in, seconds(30))) << sold_at(chain, second);
  }
}

// 5.3: it is shown the newest registration alone, which says nothing of its own journal.
TEST(Tail, of_a_machine_that_returns_two_epochs_later_begins_where_it_was_cosigned) {
  Chain chain(75, 4);
  start_trade(chain);
  sell_ten(chain);
  isolate(chain, "store-01");
  const std::uint64_t cosigned = chain.node("store-01").safety().cosigned_size;
  ASSERT_GT(cosigned, 10u);
  sell_from_here_alone(chain, 10);
  const std::string second = chain.rebuild(store_1);
  chain.network.cut("store-01", second);
  ASSERT_TRUE(comes_to_sign(chain, second));
  sell_ten(chain);
  chain.destroy(second);
  const std::string third = chain.rebuild(store_1);
  chain.network.cut("store-01", third);
  ASSERT_TRUE(comes_to_sign(chain, third));
  ASSERT_EQ(sold_at(chain, third), 20u);
  std::optional<EntryIndex> first;
  chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to, ByteView bytes) {
    const auto message = sync::decode(bytes);
    const auto* tail = message ? std::get_if<sync::Tail>(&*message) : nullptr;
    if (from == "store-01" && tail != nullptr) first = std::min(first.value_or(tail->first), tail->first);
    if (before) before(from, to, bytes);
  };
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return sold_at(chain, third) == 30; }, seconds(30))) << sold_at(chain, third);
  EXPECT_EQ(first, cosigned);
  settle(chain);
}

TEST(Tail, is_taken_when_more_say_so_than_may_lie) {
  Chain chain(76, 3, {.lying_mirrors = 1});
  start_trade(chain);
  isolate(chain, "store-01");
  sell_from_here_alone(chain, 10);
  const std::string second = chain.rebuild(store_1);
  chain.network.cut("store-01", second);
  ASSERT_TRUE(comes_to_sign(chain, second));
  const std::string note(as_text(*chain.machine(second).disk.read_all(recovery::registration_path)));
  chain.kill("warehouse");
  Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address, "warehouse");
  isolate(chain, "warehouse", "store-01");
  chain.network.heal("warehouse", "store-01");
  liar.answer = [&](const sync::Message& m) {
    const auto* tail = std::get_if<sync::Tail>(&m);
    if (tail != nullptr) liar.say(sync::TailTaken{tail->origin, tail->first, tail->entries.size()});
    if (!std::holds_alternative<sync::Hello>(m)) return;
    liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    liar.say(sync::Superseded{note});
  };
  const auto waiting = [&] { return chain.node("store-01").safety().not_taken_in; };
  ASSERT_TRUE(chain.run_until([&] { return liar.count<sync::Tail>() > 0; }, seconds(20)));
  chain.run_for(seconds(2));
  EXPECT_GE(waiting(), 10u) << "he may be the one";
  chain.network.heal("store-01", "head-office");
  EXPECT_TRUE(chain.run_until([&] { return waiting() == 0; }, seconds(20)));
  EXPECT_TRUE(chain.run_until([&] { return sold_at(chain, second) == 10; }, seconds(20))) << "an honest one has it";
}

}  // namespace
}  // namespace holdfast::sim
