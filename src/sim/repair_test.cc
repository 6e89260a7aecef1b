// Damage on disks while a chain trades (protocol 2.4): own journals, copies of peers', a spare's copy; with mirrors and
// without; found at a start, by a read, by the scrubber.
#include <gtest/gtest.h>

#include "core/journal/format.h"
#include "core/journal/log.h"
#include "core/journal/segments.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

enum class Harm { rot, unreadable };

struct Stored {
  std::string path;
  std::uint64_t block = 0;
  journal::RecordHeader header;
};

// The records of a journal on a machine's disk, in order; copies at the beginning of segments left out.
std::vector<Stored> records(const Machine& machine, const Origin& origin) {
  std::vector<Stored> out;
  std::uint64_t last = 0;
  for (const auto& [path, bytes] : machine.disk.files()) {
    if (!path.starts_with(journal::Log::directory(origin) + "/seg-")) continue;
    for (std::uint64_t at = journal::block_bytes; at < bytes->size();) {
      const auto header = journal::decode_record_header(ByteView(*bytes).subspan(at));
      if (header && header->number > last) {
        out.push_back({path, at / journal::block_bytes, *header});
        last = header->number;
      }
      at += header ? journal::record_extent(header->payload_bytes) : journal::block_bytes;
    }
  }
  return out;
}

void harm(Machine& machine, const Stored& record, Harm how) {
  if (how == Harm::unreadable) return machine.disk.spoil_sector(record.path, record.block);
  Bytes& bytes = *machine.disk.files().at(record.path);
  bytes[record.block * journal::block_bytes + 250] ^= std::byte{0x10};  // in the first entry's body
}

// Commits of this journal, as they lie on the disk.
std::vector<Stored> commits(const Machine& machine, const Origin& origin) {
  std::vector<Stored> out = records(machine, origin);
  std::erase_if(out, [](const Stored& s) { return s.header.kind != journal::RecordKind::commit; });
  return out;
}

struct Shop {
  explicit Shop(std::uint64_t seed) : chain(seed, 2) { chain.snapshot_entries = 20; }
  void trade(int sales) {
    for (int i = 0; i < sales; ++i) {
      chain.sell(store_1, 1 + static_cast<std::uint32_t>(i % 3));
      chain.run_for(milliseconds(200));
    }
    chain.run_for(seconds(3));
  }
  bool run_until_mended(const std::string& name) {
    return chain.run_until(
        [&] {
          const Machine& m = chain.machine(name);
          return m.node && m.node->safety().damage.empty() && !m.node->progress() &&
                 m.node->counters().holes_mended > 0;
        },
        seconds(60));
  }
  std::string step() { return chain.node("store-01").progress() ? chain.node("store-01").progress()->step : ""; }
  Origin origin() const { return {chain.file().chain, store_1, 1}; }
  Chain chain;
};

class Repair : public testing::TestWithParam<Harm> {};
INSTANTIATE_TEST_SUITE_P(Harms, Repair, testing::Values(Harm::rot, Harm::unreadable),
                         [](const auto& each) { return each.param == Harm::rot ? "rot" : "unreadable"; });

TEST_P(Repair, of_a_journal_below_a_snapshot_while_the_store_sells) {
  Shop shop(11);
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(40);
  ASSERT_GT(shop.chain.node("store-01").counters().snapshots, 0u);
  shop.chain.kill("store-01");
  const auto all = commits(shop.chain.machine("store-01"), shop.origin());
  ASSERT_GT(all.size(), 10u);
  for (const std::size_t i : {2u, 3u, 7u}) harm(shop.chain.machine("store-01"), all[i], GetParam());
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
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(20);
  const std::uint64_t size = shop.chain.node("store-01").safety().size;
  shop.chain.kill("store-01");
  const auto all = commits(shop.chain.machine("store-01"), shop.origin());
  for (const std::size_t i : {1u, 5u, 6u}) harm(shop.chain.machine("store-01"), all[i], GetParam());
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
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(40);
  shop.chain.kill("store-01");
  const auto all = commits(shop.chain.machine("store-01"), shop.origin());
  harm(shop.chain.machine("store-01"), all[3], GetParam());
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
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(10);
  shop.chain.kill("store-01");
  harm(shop.chain.machine("store-01"), commits(shop.chain.machine("store-01"), shop.origin())[4], GetParam());
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
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(10);
  isolate(shop.chain, "store-01");
  harm(shop.chain.machine("store-01"), commits(shop.chain.machine("store-01"), shop.origin())[3], GetParam());
  ASSERT_TRUE(shop.chain.run_until([&] { return shop.chain.node("store-01").counters().snapshots == 1; }, seconds(30)));
  shop.trade(5);
  EXPECT_EQ(shop.chain.node("store-01").counters().snapshots, 1u);
  shop.chain.kill("store-01");
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
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(30);
  for (const std::string& name : {std::string("warehouse"), std::string("head-office")}) {
    shop.chain.kill(name);
    const auto all = commits(shop.chain.machine(name), shop.origin());
    ASSERT_GT(all.size(), 4u) << name;
    harm(shop.chain.machine(name), all[1], GetParam());
    harm(shop.chain.machine(name), all[3], GetParam());
    ASSERT_TRUE(shop.chain.start(name).has_value()) << name;
    EXPECT_TRUE(shop.run_until_mended(name)) << name;
  }
  shop.trade(5);
  settle(shop.chain);
}

TEST_P(Repair, what_rots_while_everything_runs_is_found_by_the_scrubber) {
  Shop shop(16);
  shop.chain.scrub_pause = seconds(2);
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(30);
  for (const std::string& name : {std::string("store-01"), std::string("warehouse")}) {
    const auto all = commits(shop.chain.machine(name), shop.origin());
    harm(shop.chain.machine(name), all[2], GetParam());
    EXPECT_TRUE(shop.run_until_mended(name)) << name;
  }
  settle(shop.chain);
}

TEST_P(Repair, of_the_last_committed_group_that_mirrors_have) {
  Shop shop(17);
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(20);
  shop.chain.kill("store-01");
  // The last commit and everything behind it: checkpoints of its own, which no whole record follows.
  Machine& machine = shop.chain.machine("store-01");
  const auto all = records(machine, shop.origin());
  const std::uint64_t last = commits(machine, shop.origin()).back().header.number;
  for (const Stored& record : all)
    if (record.header.number >= last) harm(machine, record, GetParam());
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
  harm(machine, commits(machine, shop.origin())[2], GetParam());
  EXPECT_TRUE(shop.chain.run_until([&] { return machine.spare->view().holes_mended == 1; }, seconds(30)));
  shop.chain.kill(spare);
  harm(machine, commits(machine, shop.origin())[4], GetParam());
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

TEST_P(Repair, of_a_journal_from_its_spare_when_no_mirror_is_linked) {
  Shop shop(19);
  shop.chain.snapshot_entries = 1'000'000;
  const std::string spare = start_with_spare(shop.chain);
  shop.trade(10);
  shop.chain.kill("store-01");
  harm(shop.chain.machine("store-01"), commits(shop.chain.machine("store-01"), shop.origin())[3], GetParam());
  isolate(shop.chain, "store-01", spare);
  ASSERT_TRUE(shop.chain.start("store-01").has_value());
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::rebuilding);
  EXPECT_TRUE(shop.run_until_mended("store-01"));
  settle(shop.chain);
}

// Spoils the record around this entry on every machine that has it. Where: the same again makes it whole.
std::vector<std::byte*> spoil_everywhere(Shop& shop, EntryIndex entry) {
  std::vector<std::byte*> out;
  for (const auto& [name, machine] : shop.chain.machines())
    for (const Stored& record : commits(*machine, shop.origin()))
      if (entry >= record.header.first && entry < record.header.first + record.header.count)
        out.push_back(&(*machine->disk.files().at(record.path))[record.block * journal::block_bytes + 100]);
  for (std::byte* byte : out) *byte ^= std::byte{0x10};  // in its header
  return out;
}

// Protocol 4.1: what is cosigned is stored. Sales go on, acknowledged here alone.
TEST(RepairEverywhere, what_nobody_can_read_any_more_is_cosigned_by_nobody) {
  Shop shop(21);
  shop.chain.scrub_pause = seconds(2);
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(20);
  const auto stored = commits(shop.chain.machine("store-01"), shop.origin());
  std::vector<std::string> holders;
  for (const auto& [name, machine] : shop.chain.machines())
    if (!commits(*machine, shop.origin()).empty()) holders.push_back(name);
  const std::vector<std::byte*> spoilt = spoil_everywhere(shop, stored[stored.size() / 2].header.first);
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
  for (std::byte* byte : spoilt) *byte ^= std::byte{0x10};
  EXPECT_TRUE(shop.chain.run_until([&] { return all(false); }, seconds(30)));
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node("store-01").safety().cosigned_size > cosigned; }, seconds(30)));
  settle(shop.chain);
}

// What no mend could fill, in a copy that is kept for another: its mirror works without it, signs nothing of it, and
// says so.
TEST(RepairClosed, a_copy_that_cannot_be_opened_keeps_no_mirror_from_starting) {
  Shop shop(24);
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(5);
  shop.chain.kill("store-02");
  Machine& machine = shop.chain.machine("store-02");
  const std::string foreign = journal::Log::directory(shop.origin()) + "/" + journal::segment_name(99);
  const Origin other{shop.chain.file().chain, warehouse, 1};
  ASSERT_FALSE(commits(machine, other).empty());
  ASSERT_TRUE(machine.disk.write_all(foreign, *machine.disk.files().at(commits(machine, other)[0].path)).has_value());
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  ASSERT_TRUE(shop.chain.run_until([&] { return is_signing(shop.chain, "store-02"); }, seconds(20)));
  shop.trade(5);
  EXPECT_TRUE(shop.chain.run_until(
      [&] {
        const node::Safety safety = shop.chain.node("store-01").safety();
        return safety.cosigned_size == safety.size;
      },
      seconds(20)));
  EXPECT_TRUE(std::ranges::any_of(shop.chain.node("store-02").state().guard.recent, [](const auto& seen) {
    return seen.first.alert.signature == "journal-damage" &&
           seen.first.alert.text.find("store-01") != std::string::npos;
  }));
  EXPECT_EQ(shop.chain.broken_law(), "");
  shop.chain.kill("store-02");
  ASSERT_TRUE(machine.disk.remove(foreign).has_value());
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  settle(shop.chain);
}

// 9.1, promise 4: no state can be read, and nothing opens because of that.
TEST(RepairSealed, a_sealed_site_that_waits_for_its_journal_stays_sealed) {
  Shop shop(22);
  shop.chain.snapshot_entries = 1'000'000;
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(10);
  guard::SetPosture order;
  order.posture = guard::Posture::sealed;
  order.reason = "a test";
  shop.chain.node("store-01").set_posture(order, {});
  shop.chain.run_for(seconds(1));
  shop.chain.kill("store-01");
  harm(shop.chain.machine("store-01"), commits(shop.chain.machine("store-01"), shop.origin())[3], Harm::rot);
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
  start_all(shop.chain);
  open_trade(shop.chain);
  shop.trade(10);
  isolate(shop.chain, "store-01");
  shop.trade(10);
  const auto stored = commits(shop.chain.machine("store-01"), shop.origin());
  harm(shop.chain.machine("store-01"), stored[stored.size() - 5], Harm::unreadable);
  const std::string again = shop.chain.rebuild(store_1);
  shop.chain.network.cut("store-01", again);
  ASSERT_TRUE(shop.chain.start(again).has_value());
  ASSERT_TRUE(shop.chain.run_until([&] { return is_signing(shop.chain, again); }, seconds(30)));
  shop.chain.network.heal_all();
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node(again).state().till.totals.sales == 19; }, seconds(30)));
  EXPECT_EQ(shop.chain.node("store-01").phase(), node::Phase::stopped);
  EXPECT_TRUE(
      shop.chain.run_until([&] { return shop.chain.node("store-01").safety().not_taken_in == 1; }, seconds(10)));
  settle(shop.chain);  // a till has the one that is missing
}

}  // namespace
}  // namespace holdfast::sim
