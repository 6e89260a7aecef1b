// A node on an old disk, and who holds up what it takes back (protocol 3.1, 3.2).
#include <gtest/gtest.h>

#include "core/journal/log.h"
#include "core/journal/peek.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

// Ten sales of the first store are cosigned; then its machine has its disk of before them, and somebody has the
// warehouse's keys and answers in its place. The second store has them, too; head office is out of reach.
struct OldDisk {
  explicit OldDisk(std::uint64_t seed) : chain(seed, 3), origin{chain.file().chain, store_1, 1} {
    start_all(chain);
    chain.run_for(seconds(5));  // until nothing new of the warehouse's journal is followed: nobody gives that later
    const SimDisk image = chain.machine("store-01").disk;
    for (int i = 0; i < 10; ++i) {
      chain.sell(store_1, 1);
      chain.run_for(milliseconds(500));
    }
    chain.run_for(seconds(3));
    size = chain.node("store-01").safety().cosigned_size;
    EXPECT_EQ(size, chain.node("store-01").safety().size);
    EXPECT_EQ(size, held_at(chain, "store-02", store_1));
    chain.kill("store-01");
    chain.kill("warehouse");
    disk = chain.machine("warehouse").disk;
    log = *journal::Log::open(disk, executor, origin);
    newest = log->last_checkpoint();
    EXPECT_EQ(journal::peek_checkpoint(newest)->size, size);
    chain.put_back("store-01", image);
    chain.network.cut("store-01", "head-office");
    liar = std::make_unique<Impostor>(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address,
                                      "warehouse");
    isolate(chain, "warehouse", "store-01");
    liar->answer = [this](const sync::Message& m) {
      if (std::holds_alternative<sync::Hello>(m)) liar->say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
      if (const auto* ask = std::get_if<sync::Ask>(&m))
        liar->say(sync::Known{ask->site, {{origin, size, newest, 0, {}, {}}}, {}, {}, 0});
      if (const auto* have = std::get_if<sync::Have>(&m); have != nullptr && have->origin == origin) {
        asked = have->size;
        if (give_at_once) liar->say(give_at_once(have->size));
      }
    };
  }
  // As little as can be given, and true.
  sync::Entries crumb(EntryIndex first) const {
    const std::uint64_t end = log->next_checkpoint_size(first).value_or(size);
    sync::Entries out{origin, first, {}, log->checkpoint_at_most(end)};
    EXPECT_TRUE(log->scan(first, end,
                          [&](EntryIndex, ByteView body) -> Status {
                            out.entries.push_back(to_bytes(body));
                            return {};
                          })
                    .has_value());
    return out;
  }
  void expect_all_is_back() {
    ASSERT_TRUE(chain.machine("store-01").node) << chain.machine("store-01").died_of->text;
    EXPECT_TRUE(is_signing(chain, "store-01"));
    EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 10u) << "the honest mirror had them";
    EXPECT_TRUE(chain.node("store-01").state().contradictions.empty());
  }
  Chain chain;
  Origin origin;
  SerialExecutor executor;
  SimDisk disk{Random(1)};
  std::unique_ptr<journal::Log> log;
  std::string newest;
  std::uint64_t size = 0;
  std::optional<EntryIndex> asked;  // of the liar, from where on
  std::function<sync::Entries(EntryIndex)> give_at_once;
  std::unique_ptr<Impostor> liar;
};

TEST(CatchUp, mirror_that_drips_loses_its_turn) {
  OldDisk t(71);
  ASSERT_TRUE(t.chain.start("store-01").has_value());
  for (int i = 0; i < 2; ++i) {  // as late as patience with it lasts
    t.chain.run_for(seconds(31));
    if (!t.asked) continue;
    const sync::Entries crumb = t.crumb(*std::exchange(t.asked, {}));
    EXPECT_LT(crumb.first + crumb.entries.size(), t.size);
    t.liar->say(crumb);
  }
  t.chain.run_for(seconds(8));
  t.expect_all_is_back();
}

// Large entries that nothing proves, as many as were signed: they would fill the memory before the last of them shows.
TEST(CatchUp, piece_under_no_checkpoint_of_ours_is_the_last_that_its_giver_is_asked_for) {
  OldDisk t(72);
  std::size_t given = 0;
  t.give_at_once = [&](EntryIndex first) {
    ++given;
    return sync::Entries{t.origin, first, {Bytes(65'535)}, t.newest};
  };
  ASSERT_TRUE(t.chain.start("store-01").has_value());
  EXPECT_TRUE(t.chain.run_until([&] { return is_signing(t.chain, "store-01"); }, seconds(20)));
  EXPECT_EQ(given, 1u);
  t.expect_all_is_back();
}

// Ten sales of the machine that the first store has now are cosigned.
void sell_cosigned(Chain& chain, const std::string& name) {
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(5));
  const auto is_cosigned = [&] { return chain.node(name).safety().cosigned_size == chain.node(name).safety().size; };
  ASSERT_TRUE(chain.run_until(is_cosigned, seconds(20)));
}
void expect_begun_once(Chain& chain, const std::string& name, std::uint64_t sales) {
  ASSERT_TRUE(comes_to_sign(chain, name));
  EXPECT_EQ(chain.node(name).state().till.totals.sales, sales) << "of mirrors, before anything was signed";
  for (const auto& [other, m] : chain.machines())
    EXPECT_TRUE(m->node == nullptr || m->node->state().contradictions.empty()) << other;
  settle(chain);
}

// 3.1: it rebuilds once more, and comes to the very registration that it had.
TEST(CatchUp, rebuilt_machine_that_has_the_disk_of_before_its_first_start) {
  Chain chain(73, 3);
  start_trade(chain);
  sell_cosigned(chain, "store-01");
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1);
  const SimDisk image(chain.machine(second).disk);
  ASSERT_TRUE(comes_to_sign(chain, second));
  sell_cosigned(chain, second);
  chain.kill(second);
  chain.put_back(second, image);
  chain.disk_was_replaced(store_1);
  expect_begun_once(chain, second, 20);
}

// It asks for its registration without the lines that mirrors keep below it; and where only the journal is gone, opens
// with the entry that it had.
TEST(CatchUp, spare_that_has_the_disk_of_before_it_was_registered) {
  for (const bool is_journal_lost : {false, true}) {
    Chain chain(74, 3);
    const std::string spare = start_with_spare(chain);
    ASSERT_TRUE(opens_alone(chain, spare));
    chain.run_for(seconds(2));
    ASSERT_EQ(chain.node(spare).phase(), node::Phase::provisional);
    const SimDisk image(chain.machine(spare).disk);
    chain.network.heal_all();
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
    sell_cosigned(chain, spare);
    chain.kill(spare);
    SimDisk disk = is_journal_lost ? chain.machine(spare).disk : image;
    const std::string journal = journal::Log::directory({chain.file().chain, store_1, 2});
    const std::vector<std::string> lost = is_journal_lost ? *disk.list(journal) : std::vector<std::string>();
    for (const std::string& file : lost) ASSERT_TRUE(disk.remove(journal + "/" + file).has_value());
    chain.put_back(spare, disk);
    chain.disk_was_replaced(store_1);
    expect_begun_once(chain, spare, 10);
  }
}

}  // namespace
}  // namespace holdfast::sim
