// Copies of others' journals that cannot be opened (protocol 13.94): their machine works without them, and begins anew
// those that no mend could fill.
#include <gtest/gtest.h>

#include "sim/repair_test_support.h"

namespace holdfast::sim {
namespace {

// What no mend could fill, in a copy that is kept for another (13.94): a segment of another journal, as a person who
// mixes up directories leaves it.
class RepairClosed : public testing::Test {
 protected:
  RepairClosed() {
    start_all(shop_.chain);
    open_trade(shop_.chain);
    shop_.trade(5);
    shop_.chain.kill("store-02");
    foreign_ = put_foreign_segment(shop_.chain, "store-02", shop_.origin(), warehouse);
    shop_.chain.disk_has_lost("store-02");
  }
  std::uint64_t held() { return held_at(shop_.chain, "store-02", store_1); }
  bool lies_in(std::string_view place) const {
    return std::ranges::any_of(mirror_.disk.files(), [&](const auto& file) {
      return file.first.starts_with(fmt::format("{}.{}/", copy_, place));
    });
  }
  bool is_safe() {
    return shop_.chain.run_until(
        [&] {
          const node::Safety safety = shop_.chain.node("store-01").safety();
          return safety.cosigned_size == safety.size;
        },
        seconds(20));
  }

  Shop shop_{24};
  Machine& mirror_ = shop_.chain.machine("store-02");
  const std::string copy_ = journal::Log::directory(shop_.origin());
  std::string foreign_;
};

TEST_F(RepairClosed, a_copy_that_cannot_be_opened_is_put_aside_and_fetched_again) {
  ASSERT_TRUE(comes_to_sign(shop_.chain, "store-02"));
  EXPECT_TRUE(shop_.chain.run_until([&] { return counts_for(shop_.chain, "store-02", store_1); }, seconds(20)));
  shop_.trade(5);
  EXPECT_TRUE(is_safe());
  EXPECT_TRUE(tells_damage(shop_.chain, "store-02", "1.damaged-1"));
  EXPECT_TRUE(mirror_.disk.files().contains(fmt::format("{}.damaged-1/{}", copy_, journal::segment_name(99))));
  EXPECT_FALSE(mirror_.disk.files().contains(foreign_));
  EXPECT_EQ(held(), shop_.chain.node("store-01").safety().cosigned_size);
  EXPECT_EQ(shop_.chain.broken_law(), "");
  settle(shop_.chain);
}

// What it signed for it may not have any more (4.6): nothing, until a fellow mirror has told it what it holds.
TEST_F(RepairClosed, a_mirror_that_begins_a_copy_anew_signs_nothing_before_it_has_taken_it_up) {
  for (const SiteName& mirror : shop_.chain.file().find(store_1)->mirrors)
    if (mirror.view() != "store-02") shop_.chain.network.cut("store-02", mirror.str());
  ASSERT_TRUE(shop_.chain.start("store-02").has_value());
  EXPECT_TRUE(shop_.chain.run_until([&] { return held() > 0; }, seconds(20))) << "the owner gives it";
  EXPECT_FALSE(shop_.chain.run_until([&] { return counts_for(shop_.chain, "store-02", store_1); }, seconds(20)));
  shop_.chain.network.heal_all();
  EXPECT_TRUE(shop_.chain.run_until([&] { return counts_for(shop_.chain, "store-02", store_1); }, seconds(20)));
  settle(shop_.chain);
}

// Copying and taking away are many writes.
TEST_F(RepairClosed, it_is_put_aside_though_the_power_fails_at_any_write) {
  const SimDisk closed = mirror_.disk;
  unsigned in_the_middle = 0;
  bool has_failed = true;
  for (std::uint64_t writes = 0; writes < 40 && has_failed; ++writes) {
    mirror_.disk = closed;
    mirror_.power_fails_after = writes;
    has_failed = !shop_.chain.start("store-02").has_value();
    if (!has_failed) break;
    in_the_middle += mirror_.disk.files().contains("leaving-copy");
    ASSERT_TRUE(shop_.chain.start("store-02").has_value()) << writes;
    EXPECT_TRUE(lies_in("damaged-1")) << writes;
    EXPECT_FALSE(lies_in("damaged-2")) << writes;
    EXPECT_FALSE(mirror_.disk.files().contains(foreign_)) << writes;
    EXPECT_FALSE(mirror_.disk.files().contains("leaving-copy")) << writes;
    shop_.chain.kill("store-02");
  }
  EXPECT_FALSE(has_failed);
  EXPECT_GT(in_the_middle, 3u);
}

// No room, or no place: its mirror works without it, signs nothing of it, and says so.
TEST_F(RepairClosed, a_copy_that_cannot_be_put_aside_keeps_no_mirror_from_starting) {
  mirror_.disk.full_for = ".damaged-1/";
  ASSERT_TRUE(comes_to_sign(shop_.chain, "store-02"));
  EXPECT_FALSE(lies_in("damaged-1"));
  shop_.trade(5);
  EXPECT_TRUE(is_safe()) << "by the others";
  EXPECT_FALSE(counts_for(shop_.chain, "store-02", store_1));
  EXPECT_TRUE(tells_damage(shop_.chain, "store-02", "stays closed"));
  EXPECT_EQ(shop_.chain.broken_law(), "");
  shop_.chain.kill("store-02");
  mirror_.disk.full_for.clear();
  ASSERT_TRUE(shop_.chain.start("store-02").has_value());
  EXPECT_TRUE(lies_in("damaged-1"));
  settle(shop_.chain);
}

TEST_F(RepairClosed, a_copy_that_finds_all_its_places_taken_stays_closed_until_there_is_one) {
  for (int n = 1; n <= 8; ++n)
    ASSERT_TRUE(mirror_.disk.write_all(fmt::format("{}.damaged-{}/x", copy_, n), Bytes(1)).has_value());
  ASSERT_TRUE(shop_.chain.start("store-02").has_value());
  EXPECT_TRUE(shop_.chain.run_until([&] { return tells_damage(shop_.chain, "store-02", "all places are taken"); },
                                    seconds(20)));
  shop_.chain.kill("store-02");
  ASSERT_TRUE(mirror_.disk.remove(fmt::format("{}.damaged-3/x", copy_)).has_value());
  ASSERT_TRUE(shop_.chain.start("store-02").has_value());
  EXPECT_TRUE(lies_in("damaged-3"));
  settle(shop_.chain);
}

// Head office follows what the store sells, and without a snapshot it folds all of it at its start: who gives it that
// journal anew could give it another one.
TEST(RepairClosedFollowed, a_copy_on_which_a_start_rests_is_left_to_people) {
  Shop shop(25);
  shop.chain.snapshot_entries = 1'000'000;
  shop.open(10);
  Chain& chain = shop.chain;
  ASSERT_TRUE(chain.run_until([&] { return chain.node("head-office").state().peers.at(store_1).totals.sales == 10; },
                              seconds(20)));
  chain.kill("head-office");
  SimDisk& disk = chain.machine("head-office").disk;
  const std::string foreign = put_foreign_segment(chain, "head-office", shop.origin(), warehouse);
  const Status started = chain.start("head-office");
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, "sync/missing_entries");
  EXPECT_NE(started.error().text.find(shop.origin().text()), std::string::npos) << started.error().text;
  EXPECT_TRUE(disk.files().contains(foreign)) << "as it was";
  ASSERT_TRUE(disk.remove(foreign).has_value());
  ASSERT_TRUE(chain.start("head-office").has_value());
  settle(chain);
}

// A disk that does not open one file: its inode is broken, or somebody else's.
class ClosedFile final : public Disk {
 public:
  explicit ClosedFile(SimDisk& below) : below_(below) {}
  std::string closed;  // its path
  Result<std::vector<std::string>> list(std::string_view directory) override { return below_.list(directory); }
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override {
    return below_.create(path, size);
  }
  Result<std::unique_ptr<File>> open(std::string_view path) override {
    if (path == closed) return fail("base/disk_failed", fmt::format("Cannot open {}: Input/output error.", path));
    return below_.open(path);
  }
  Result<Bytes> read_all(std::string_view path) override { return below_.read_all(path); }
  Status write_all(std::string_view path, ByteView bytes) override { return below_.write_all(path, bytes); }
  Status remove(std::string_view path) override { return below_.remove(path); }

 private:
  SimDisk& below_;
};

TEST(RepairClosedFile, of_a_copy_keeps_no_store_closed) {
  Shop shop(24);
  shop.open(10);
  Machine& m = shop.chain.machine("store-02");
  const std::string path = commits(m, shop.origin()).front().path;
  ClosedFile disk(m.disk);
  disk.closed = path;
  shop.chain.kill("store-02");
  m.given_disk = &disk;
  ASSERT_TRUE(comes_to_sign(shop.chain, "store-02"));
  const std::size_t sale = shop.chain.sell(store_2, 1);
  shop.trade(3);
  EXPECT_TRUE(shop.chain.writes(store_2)[sale].reply.has_value());
  EXPECT_TRUE(tells_damage(shop.chain, "store-02", path));
  // The other two are enough, and this one counts for nothing of that site.
  EXPECT_TRUE(shop.chain.run_until(
      [&] {
        const node::Safety safety = shop.chain.node("store-01").safety();
        return safety.cosigned_size == safety.size;
      },
      seconds(20)));
  EXPECT_EQ(shop.chain.broken_law(), "");
  shop.chain.kill("store-02");
  m.given_disk = nullptr;
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  settle(shop.chain);
}

// What stands in the copy is of another journal, and beside it lies what cannot be put aside with it (13.94).
TEST(RepairClosedFile, of_a_copy_that_is_to_be_put_aside_keeps_no_store_closed) {
  Shop shop(24);
  shop.open(10);
  shop.chain.kill("store-02");
  Machine& m = shop.chain.machine("store-02");
  const std::string copy = journal::Log::directory(shop.origin());
  ASSERT_TRUE(m.disk.write_all(copy + "/notes", Bytes(1)).has_value());
  put_foreign_segment(shop.chain, "store-02", shop.origin(), warehouse);
  shop.chain.disk_has_lost("store-02");
  ClosedFile disk(m.disk);
  disk.closed = copy + "/notes";
  m.given_disk = &disk;
  ASSERT_TRUE(comes_to_sign(shop.chain, "store-02"));
  EXPECT_TRUE(shop.chain.run_until([&] { return tells_damage(shop.chain, "store-02", disk.closed); }, seconds(20)));
  EXPECT_FALSE(counts_for(shop.chain, "store-02", store_1));
  shop.chain.kill("store-02");
  m.given_disk = nullptr;
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  EXPECT_TRUE(shop.chain.run_until([&] { return counts_for(shop.chain, "store-02", store_1); }, seconds(20)));
  settle(shop.chain);
}

// Found while it runs: it ends once, because it could no longer say what it holds, and the next start goes without it.
TEST(RepairClosedFile, of_a_copy_that_is_found_while_it_runs_costs_one_start) {
  Shop shop(25);
  shop.chain.scrub_pause = seconds(2);
  shop.open(10);
  Machine& m = shop.chain.machine("store-02");
  ClosedFile disk(m.disk);
  shop.chain.kill("store-02");
  m.given_disk = &disk;
  ASSERT_TRUE(comes_to_sign(shop.chain, "store-02"));
  disk.closed = commits(m, shop.origin()).front().path;
  ASSERT_TRUE(shop.chain.run_until([&] { return m.node == nullptr; }, seconds(60)));
  EXPECT_EQ(m.died_of->code, "base/disk_failed");
  ASSERT_TRUE(comes_to_sign(shop.chain, "store-02"));
  shop.trade(20);
  ASSERT_TRUE(m.node) << m.died_of->text;
  shop.chain.kill("store-02");
  m.given_disk = nullptr;
  ASSERT_TRUE(shop.chain.start("store-02").has_value());
  settle(shop.chain);
}

}  // namespace
}  // namespace holdfast::sim
