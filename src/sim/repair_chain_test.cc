// Damage and the rest of the chain (protocol 2.4): what nobody can read any more, what a mirror may still sign (4.1,
// 4.6), copies that a state rests on, tails, a seal.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/sync/messages.h"
#include "sim/repair_test_support.h"

namespace holdfast::sim {
namespace {

// Spoils the record around this entry on every machine that has it. Where: the same again makes it whole.
using Spoilt = std::pair<std::shared_ptr<SimContent>, std::uint64_t>;  // a byte of a file
void spoil(const std::vector<Spoilt>& places) {
  for (const auto& [content, at] : places) content->flip(at, std::byte{0x10});
}
std::vector<Spoilt> spoil_everywhere(Shop& shop, EntryIndex entry) {
  std::vector<Spoilt> out;
  for (const auto& [name, machine] : shop.chain.machines())
    for (const Stored& record : commits(*machine, shop.origin()))
      if (entry >= record.header.first && entry < record.header.first + record.header.count) {
        shop.chain.disk_has_lost(name);
        out.emplace_back(machine->disk.files().at(record.path), record.block * journal::block_bytes + 100);
      }
  spoil(out);  // in its header
  return out;
}

// Protocol 4.1: what is cosigned is stored. Sales go on, acknowledged here alone.
TEST(RepairEverywhere, what_nobody_can_read_any_more_is_cosigned_by_nobody) {
  Shop shop(21);
  shop.chain.scrub_pause = seconds(2);
  shop.open(20);
  const auto stored = commits(shop.chain.machine("store-01"), shop.origin());
  std::vector<std::string> holders;
  for (const auto& [name, machine] : shop.chain.machines())
    if (!commits(*machine, shop.origin()).empty()) holders.push_back(name);
  const std::vector<Spoilt> spoilt = spoil_everywhere(shop, stored[stored.size() / 2].header.first);
  ASSERT_EQ(spoilt.size(), holders.size());
  ASSERT_GE(holders.size(), 3u);
  const auto all = [&](bool damaged) {
    return std::ranges::all_of(
        holders, [&](const auto& name) { return shop.chain.node(name).safety().damage.empty() != damaged; });
  };
  ASSERT_TRUE(shop.chain.run_until([&] { return all(true); }, seconds(30)));
  const std::uint64_t cosigned = shop.chain.node("store-01").safety().cosigned_size;
  shop.trade(10);
  EXPECT_EQ(shop.chain.node("store-01").safety().cosigned_size, cosigned);
  for (const TillWrite& w : shop.chain.writes(store_1)) EXPECT_TRUE(w.reply.has_value());
  EXPECT_EQ(shop.chain.broken_law(), "");
  // The sectors can be read again, as happens: nothing was lost, and what waited goes on.
  spoil(spoilt);
  EXPECT_TRUE(shop.chain.run_until([&] { return all(false); }, seconds(30)));
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node("store-01").safety().cosigned_size > cosigned; }, seconds(30)));
  settle(shop.chain);
}

// 9.1, promise 4: no state can be read, and nothing opens because of that.
TEST(RepairSealed, a_sealed_site_that_waits_for_its_journal_stays_sealed) {
  Shop shop(22);
  shop.chain.snapshot_entries = 1'000'000;
  shop.open(10);
  guard::SetPosture order;
  order.posture = guard::Posture::sealed;
  order.reason = "a test";
  shop.chain.node("store-01").set_posture(order, {});
  shop.chain.run_for(seconds(1));
  shop.chain.kill("store-01");
  harm(shop.chain, "store-01", commits(shop.chain.machine("store-01"), shop.origin())[3], Harm::rot);
  std::uint64_t seen = 0;
  shop.chain.network.tap = [&seen, before = shop.chain.network.tap](const std::string& from, const std::string& to,
                                                                    ByteView bytes) {
    if (from == "store-01" || to == "store-01") ++seen;
    if (before) before(from, to, bytes);
  };
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  shop.chain.run_for(seconds(10));
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::rebuilding);
  EXPECT_EQ(shop.chain.node("store-01").posture().posture, guard::Posture::sealed);
  EXPECT_EQ(seen, 0u);
  order.posture = guard::Posture::open;
  shop.chain.node("store-01").set_posture(order, {});
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  shop.chain.run_for(seconds(5));
  EXPECT_EQ(shop.chain.node("store-01").state().guard.posture, guard::Posture::open);
  settle(shop.chain);
}

// 6.4: nothing vanishes because of one sector.
TEST(RepairTail, of_an_old_machine_all_is_offered_that_can_be_read) {
  Shop shop(23);
  shop.open(10);
  isolate(shop.chain, "store-01");
  shop.trade(10);
  const auto stored = commits(shop.chain.machine("store-01"), shop.origin());
  harm(shop.chain, "store-01", stored[stored.size() - 5], Harm::unreadable);
  const std::string again = shop.chain.rebuild(store_1);
  shop.chain.network.cut("store-01", again);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  shop.chain.network.heal_all();
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node(again).state().till.totals.sales == 19; }, seconds(30)));
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::stopped);
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node("store-01").safety().not_taken_in == 1; }, seconds(10)));
  settle(shop.chain);  // a till has the one that is missing
}

// Whatever there is of a tail, neither side keeps more than one piece in memory, and no link ends over what it does not
// take. How many pieces went, by giver and taker.
using PiecesGiven = std::map<std::pair<std::string, std::string>, int>;
void watch_pieces(Chain& chain, PiecesGiven& given) {
  chain.network.tap = [&given, under_way = PiecesGiven(), before = chain.network.tap](
                          const std::string& from, const std::string& to, ByteView bytes) mutable {
    const auto message = sync::decode(bytes);
    if (message && std::holds_alternative<sync::Tail>(*message)) {
      ++given[{from, to}];
      EXPECT_EQ((++under_way[{from, to}]), 1) << from << " to " << to;
    }
    if (message && std::holds_alternative<sync::TailTaken>(*message)) --under_way[{to, from}];
    before(from, to, bytes);
  };
}

TEST(RepairTail, goes_one_piece_after_the_other) {
  Shop shop(27);
  start_all(shop.chain);
  open_trade(shop.chain);
  isolate(shop.chain, "store-01");
  shop.trade(20);
  const auto stored = commits(shop.chain.machine("store-01"), shop.origin());
  for (const std::size_t back : {3, 6, 9, 12})  // a piece ends where one cannot be read
    harm(shop.chain, "store-01", stored[stored.size() - back], Harm::unreadable);
  const std::string again = shop.chain.rebuild(store_1);
  shop.chain.network.cut("store-01", again);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  shop.chain.kill(again);
  PiecesGiven given;
  watch_pieces(shop.chain, given);
  shop.chain.network.heal_all();
  shop.chain.network.cut("store-01", again);
  ASSERT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node("store-01").safety().not_taken_in == 4; }, seconds(30)));
  EXPECT_GE((given[{"store-01", "warehouse"}]), 4);
  ASSERT_TRUE(shop.chain.start(again).has_value());
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node(again).state().till.totals.sales == 16; }, seconds(30)));
  EXPECT_GE((given[{"warehouse", again}]), 4);
  settle(shop.chain);
}

// The old machine sold on alone and has handed that in at the warehouse, the only one that keeps it; then it is gone.
struct KeptAtOneMirror : Shop {
  explicit KeptAtOneMirror(std::uint64_t seed) : Shop(seed) {
    start_all(chain);
    open_trade(chain);
    trade(5);
    isolate(chain, "store-01");
    trade(5);
    second = chain.rebuild(store_1);
    chain.network.cut("store-01", second);
    chain.network.cut("warehouse", second);
    EXPECT_TRUE(comes_to_sign(chain, second));
    chain.network.heal("store-01", "warehouse");
    const auto has_handed_in = [&] {
      const node::Node& old = chain.node("store-01");
      return old.phase() == node::Phase::stopped && old.safety().not_taken_in == 0;
    };
    EXPECT_TRUE(chain.run_until(has_handed_in, seconds(30)));
    chain.destroy("store-01");
  }
  // The second machine takes it in, and is lost before a second mirror has that: the warehouse has it still.
  void expect_it_at_the_third() {
    ASSERT_TRUE(chain.run_until([&] { return chain.node(second).state().till.totals.sales == 10; }, seconds(30)));
    chain.run_for(seconds(2));
    chain.destroy(second);
    chain.network.heal_all();
    const std::string third = chain.rebuild(store_1);
    ASSERT_TRUE(comes_to_sign(chain, third));
    EXPECT_TRUE(chain.run_until([&] { return chain.node(third).state().till.totals.sales == 10; }, seconds(30)))
        << chain.node(third).state().till.totals.sales;
    settle(chain);
  }
  std::string second;
};

TEST(RepairTail, is_let_go_of_when_what_a_machine_that_asks_took_in_is_cosigned) {
  KeptAtOneMirror t(29);
  t.chain.kill(t.second);
  isolate(t.chain, t.second, "warehouse");
  t.chain.network.heal(t.second, "warehouse");
  ASSERT_TRUE(t.chain.start(t.second).has_value());
  t.expect_it_at_the_third();
}

TEST(RepairTail, is_let_go_of_when_what_a_machine_that_signs_took_in_is_cosigned) {
  KeptAtOneMirror t(30);
  bool is_answered = false;
  t.chain.network.tap = [&, before = t.chain.network.tap](const std::string& from, const std::string& to,
                                                          ByteView bytes) {
    const auto message = sync::decode(bytes);
    if (from == t.second && message && std::holds_alternative<sync::TailTaken>(*message)) is_answered = true;
    if (to == t.second && message && std::holds_alternative<sync::Tail>(*message)) {
      t.chain.network.cut(t.second, "head-office");
      t.chain.network.cut(t.second, "store-02");
    }
    if (before) before(from, to, bytes);
  };
  t.chain.network.heal(t.second, "warehouse");
  const auto is_in = [&] { return t.chain.node(t.second).state().till.totals.sales == 10; };
  ASSERT_TRUE(t.chain.run_until(is_in, seconds(30)));
  t.chain.run_for(milliseconds(50));
  t.chain.network.cut(t.second, "warehouse");  // before anything of it is signed
  EXPECT_FALSE(is_answered);
  t.expect_it_at_the_third();
}

// The two mirrors that sealed had less of it, and their size was kept.
TEST(RepairTail, of_several_megabytes_that_one_mirror_alone_holds_is_taken_in) {
  Shop shop(28);
  Chain& chain = shop.chain;
  start_all(chain);
  open_trade(chain);
  isolate(chain, "store-01", "store-02");
  sell_much(chain, 120);
  chain.run_for(seconds(2));
  chain.destroy("store-01");
  const std::string again = chain.rebuild(store_1);
  chain.network.cut(again, "store-02");
  ASSERT_TRUE(comes_to_sign(chain, again));
  ASSERT_EQ(not_here(chain, store_1, again), 120u);
  PiecesGiven given;
  watch_pieces(chain, given);
  chain.network.heal(again, "store-02");
  EXPECT_TRUE(chain.run_until([&] { return not_here(chain, store_1, again) == 0; }, seconds(30)))
      << not_here(chain, store_1, again);
  EXPECT_GE((given[{"store-02", again}]), 2);
  settle(chain);
}

// A piece of a tail that a mirror keeps is the only copy that the new machine may ever see.
TEST(RepairTail, of_which_a_mirror_keeps_a_rotten_piece_is_told_and_kept_anew) {
  Shop shop(25);
  shop.open(5);
  isolate(shop.chain, "store-01");
  shop.trade(5);
  const std::string again = shop.chain.rebuild(store_1);
  shop.chain.network.cut("store-01", again);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  shop.chain.kill(again);
  shop.chain.network.heal_all();
  Machine& mirror = shop.chain.machine("warehouse");
  const auto piece = [&]() -> std::string {
    for (const auto& [path, bytes] : mirror.disk.files())
      if (path.starts_with("tails/store-01-") && path.ends_with(".tail")) return path;
    return {};
  };
  ASSERT_TRUE(shop.chain.run_until([&] { return !piece().empty(); }, seconds(30)));
  shop.chain.run_for(seconds(2));
  const std::string path = piece();
  const Bytes whole = mirror.disk.files().at(path)->written();
  const sync::Tail sent = std::get<sync::Tail>(*sync::decode(whole));
  for (std::size_t at = 0; at < whole.size(); at += 31) {
    SCOPED_TRACE(at);
    shop.chain.kill("warehouse");
    mirror.disk.files().at(path)->flip(at, std::byte{0x10});
    ASSERT_TRUE(shop.chain.start("warehouse").has_value());
    // What was signed is there: it does not depend on that bit, or the old machine has offered it again.
    EXPECT_TRUE(shop.chain.run_until(
        [&] {
          const auto kept = sync::decode(mirror.disk.files().at(path)->written());
          const auto* tail = kept ? std::get_if<sync::Tail>(&*kept) : nullptr;
          return tail != nullptr && tail->signature == sent.signature &&
                 sync::tail_text(*tail) == sync::tail_text(sent);
        },
        seconds(30)));
  }
  EXPECT_TRUE(tells_damage(shop.chain, "warehouse", path));
  ASSERT_TRUE(shop.chain.start(again).has_value());
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node(again).state().till.totals.sales == 10; }, seconds(30)));
  settle(shop.chain);
}

// 4.6: it may have signed for what it no longer has, and does not know what that was.
TEST(RepairRottenEnd, of_a_mirrors_copy_makes_it_count_for_nothing_before_its_fellows_have_told) {
  Shop shop(26);
  shop.open(20);
  std::uint64_t signed_for = 0;  // by the other store, which mirrors it and follows it not
  shop.chain.network.tap = [&, before = shop.chain.network.tap](const std::string& from, const std::string& to,
                                                                ByteView bytes) {
    const auto message = sync::decode(bytes);
    const auto* given = message ? std::get_if<sync::Cosignature>(&*message) : nullptr;
    if (from == "store-02" && given != nullptr && given->origin == shop.origin()) ++signed_for;
    if (before) before(from, to, bytes);
  };
  shop.trade(1);
  EXPECT_GT(signed_for, 0u);
  const auto start = [&] {
    const Status started = shop.chain.start("store-02");
    ASSERT_TRUE(started.has_value()) << started.error().text;
    ASSERT_TRUE(shop.chain.run_until([&] { return is_signing(shop.chain, "store-02"); }, seconds(20)));
    signed_for = 0;
    shop.trade(5);
  };
  shop.chain.kill("store-02");
  harm_end(shop.chain, "store-02", shop.origin(), Harm::rot);
  shop.chain.network.cut("store-02", "warehouse");  // one of two fellows is not enough
  for (int starts = 0; starts < 2; ++starts) {      // the second does not see the rot: the journal goes on behind it
    start();
    EXPECT_EQ(signed_for, 0u);
    shop.chain.kill("store-02");
  }
  shop.chain.network.heal_all();
  start();
  EXPECT_GT(signed_for, 0u);
  // From then on it counts again, whoever is linked.
  shop.chain.kill("store-02");
  shop.chain.network.cut("store-02", "warehouse");
  start();
  EXPECT_GT(signed_for, 0u);
  settle(shop.chain);
}

// 7.2: the end of a copy that the state rests on, and all of it.
TEST(RepairRottenEnd, of_a_copy_that_is_followed_is_fetched_before_anything_is_served) {
  for (const bool is_all_gone : {false, true}) {
    SCOPED_TRACE(is_all_gone);
    Shop shop(27);
    shop.chain.snapshot_entries = 1'000'000;
    shop.open(20);
    Machine& follower = shop.chain.machine("warehouse");
    shop.chain.kill("warehouse");
    harm_end(shop.chain, "warehouse", shop.origin(), Harm::rot);
    if (is_all_gone)
      for (const auto& [path, bytes] : std::map(follower.disk.files()))
        if (path.starts_with(journal::Log::directory(shop.origin()))) (void)follower.disk.remove(path);
    isolate(shop.chain, "warehouse");
    const Status started = shop.chain.start("warehouse");
    ASSERT_TRUE(started.has_value()) << started.error().text;
    shop.chain.run_for(seconds(5));
    ASSERT_TRUE(shop.chain.node("warehouse").progress().has_value());
    const std::string step = shop.chain.node("warehouse").progress()->step;
    EXPECT_NE(step.find(is_all_gone ? "entries 0 to" : "entr"), std::string::npos) << step;
    EXPECT_NE(step.find(shop.origin().text()), std::string::npos) << step;
    shop.chain.network.heal_all();
    EXPECT_TRUE(shop.chain.run_until([&] { return is_signing(shop.chain, "warehouse"); }, seconds(30)));
    settle(shop.chain);
  }
}

// 5.2: an own older epoch, of which the newer one goes on.
TEST(RepairRottenEnd, of_an_own_older_epoch_is_fetched_before_anything_is_served) {
  Shop shop(28);
  shop.chain.snapshot_entries = 1'000'000;
  shop.open(20);
  shop.chain.destroy("store-01");
  const std::string again = shop.chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  shop.trade(5);
  shop.chain.kill(again);
  harm_end(shop.chain, again, shop.origin(), Harm::rot);
  EXPECT_TRUE(comes_to_sign(shop.chain, again));
  EXPECT_EQ(shop.chain.node(again).state().till.totals.sales, 25u);
  settle(shop.chain);
}

// Without the second store it cannot take head office's journal up again.
void stop_cosigned(Chain& chain, const std::string& name) {
  const auto is_cosigned = [&] { return chain.node(name).safety().cosigned_size == chain.node(name).safety().size; };
  ASSERT_TRUE(chain.run_until([&] { return counts_for(chain, name, head_office) && is_cosigned(); }, seconds(30)));
  chain.kill(name);
  chain.kill("store-02");
}

// 2.3, 13.35: what this machine alone had is told as lost; where mirrors have it, the disk is no old one all the same.
TEST(RepairRottenEnd, of_an_own_journal_in_a_later_epoch_is_seen_by_the_start_that_finds_it) {
  Shop shop(32);
  start_trade(shop.chain);
  shop.chain.destroy("store-01");
  const std::string again = shop.chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  shop.trade(20);
  const Origin own{shop.chain.file().chain, store_1, 2};
  stop_cosigned(shop.chain, again);
  harm_end(shop.chain, again, own, Harm::rot);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  EXPECT_TRUE(counts_for(shop.chain, again, head_office));
  isolate(shop.chain, again);
  shop.trade(1);
  shop.chain.kill(again);
  SimDisk& disk = shop.chain.machine(again).disk;
  const std::vector<std::string> snapshots = *disk.list("snapshots");
  for (const std::string& name : snapshots) ASSERT_TRUE(disk.remove("snapshots/" + name).has_value());
  harm_end(shop.chain, again, own, Harm::rot);
  shop.chain.disk_was_replaced(store_1);
  ASSERT_TRUE(shop.chain.start(again).has_value());
  shop.chain.run_for(seconds(2));
  EXPECT_TRUE(tells_damage(shop.chain, again, "did not end torn but rotted"));
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  settle(shop.chain);
}

TEST(RepairRottenEnd, of_an_own_journal_is_not_forgotten_when_a_hole_of_it_is_mended_first) {
  Shop shop(33);
  shop.chain.snapshot_entries = 1'000'000;
  start_trade(shop.chain);
  shop.trade(20);
  stop_cosigned(shop.chain, "store-01");
  harm(shop.chain, "store-01", commits(shop.chain.machine("store-01"), shop.origin())[4], Harm::rot);
  harm_end(shop.chain, "store-01", shop.origin(), Harm::rot);
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  ASSERT_EQ(shop.chain.node("store-01").phase(), node::Phase::rebuilding);
  ASSERT_TRUE(shop.chain.run_until([&] { return is_signing(shop.chain, "store-01"); }, seconds(60)));
  EXPECT_TRUE(counts_for(shop.chain, "store-01", head_office));
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  settle(shop.chain);
}

// 7.4: a snapshot covers what was followed of a journal, whose copy has a hole; then its owner comes back in a new
// epoch. Nothing that cannot be read is named.
TEST(RepairFollowing, a_succession_does_not_wait_for_what_it_does_not_read_and_ends_nobody) {
  Shop shop(29);
  shop.chain.snapshot_entries = 1;
  shop.open(40);
  shop.chain.kill("warehouse");
  shop.chain.destroy("store-01");
  const std::string again = shop.chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(shop.chain, again));
  shop.trade(3);
  const auto stored = commits(shop.chain.machine("warehouse"), shop.origin());
  const std::vector<Spoilt> spoilt = spoil_everywhere(shop, stored[stored.size() / 2].header.first);
  ASSERT_GE(spoilt.size(), 2u);
  ASSERT_TRUE(shop.chain.start("warehouse").has_value());
  ASSERT_EQ(shop.chain.node("warehouse").phase(), node::Phase::asking) << shop.chain.node("warehouse").progress()->step;
  const auto follows = [&] {
    const Machine& m = shop.chain.machine("warehouse");
    return m.node && m.node->state().peers.at(store_1).origin.epoch == 2;
  };
  EXPECT_TRUE(shop.chain.run_until(follows, seconds(30)));
  ASSERT_TRUE(shop.chain.machine("warehouse").node) << shop.chain.machine("warehouse").died_of->text;
  spoil(spoilt);
  EXPECT_TRUE(shop.chain.run_until([&] { return shop.chain.node("warehouse").safety().damage.empty(); }, seconds(60)));
  settle(shop.chain);
}

}  // namespace
}  // namespace holdfast::sim
