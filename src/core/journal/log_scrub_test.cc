// Damage while a log is open: found by reading it all over again, some bytes at a time (protocol 2.4).
#include <gtest/gtest.h>

#include "core/journal/gaps.h"
#include "core/journal/log_repair_fixture.h"

namespace holdfast::journal {
namespace {

using LogScrub = LogRepair;

// One round, in small steps; what it has found.
Holes scrub_round(Log& log, std::uint64_t* bytes = nullptr) {
  for (int step = 0; step < 1'000; ++step) {
    const auto scrubbed = log.scrub(8'192);
    EXPECT_TRUE(scrubbed.has_value()) << (scrubbed ? "" : scrubbed.error().text);
    if (!scrubbed) break;
    EXPECT_LE(scrubbed->bytes, 8'192u + (128u << 10));  // and a record, or a mend
    if (bytes != nullptr) *bytes += scrubbed->bytes;
    if (scrubbed->is_round_done) return scrubbed->found;
    EXPECT_TRUE(scrubbed->found.empty());
  }
  ADD_FAILURE() << "the round does not end";
  return {};
}

TEST_F(LogScrub, a_scrub_reads_everything_and_finds_nothing_in_a_whole_journal) {
  auto log = open();
  for (int round = 0; round < 3; ++round) {
    std::uint64_t bytes = 0;
    EXPECT_EQ(scrub_round(*log, &bytes), Holes());
    EXPECT_GT(bytes, 60u * 1'200);
    // Written on between and within rounds.
    ASSERT_TRUE(log->scrub(4'096).has_value());
    expected_.push_back(std::string(90'000, 'n').substr(0, 60'000) + std::to_string(round));
    log->append(as_bytes(expected_.back()));
    ASSERT_TRUE(log->commit().has_value());
  }
  expect_whole(*log);
}

TEST_F(LogScrub, what_rots_while_the_log_is_open_is_found_by_the_scrub_and_put_back) {
  auto log = open();
  rot(block_of(7));
  rot(block_of(9), 200);
  const Holes found = scrub_round(*log);
  EXPECT_EQ(found, (Holes{{35, 40}, {45, 46}}));
  EXPECT_EQ(log->holes(), found);
  EXPECT_EQ(scrub_round(*log), Holes());  // told once
  mend_all(*log);
  expect_whole(*log);
  log = open();
  expect_whole(*log);
  rot(block_of(7));  // as it was: the mend is not needed, and does no harm
  expect_whole(*open());
}

TEST_F(LogScrub, the_newest_checkpoint_is_known_while_the_log_is_open_whatever_becomes_of_its_record) {
  auto log = open();
  expected_.emplace_back("one more");
  log->append(as_bytes(expected_.back()));
  ASSERT_TRUE(log->commit().has_value());
  const std::string newest = signed_note(*log, 61);
  ASSERT_TRUE(log->put_checkpoint(61, newest).has_value());
  disk_.make_unreadable(disk_.paths().back(), 3);  // behind the copy and the commit
  EXPECT_EQ(scrub_round(*log), (Holes{{61, 61}}));
  EXPECT_EQ(log->last_checkpoint(), newest);
  ASSERT_TRUE(log->put_checkpoint(60, signed_note(*log, 60)).has_value());  // an older one, cosigned at last
  EXPECT_EQ(log->last_checkpoint(), newest);
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

// The neighbour of a record that is mended, or lost, rots as well: one gap then, and the next start must agree.
TEST_F(LogScrub, damage_beside_damage_is_one_gap) {
  for (const bool is_mended_first : {true, false}) {
    SCOPED_TRACE(is_mended_first);
    auto log = open();
    const std::uint64_t c = is_mended_first ? 4 : 7;
    rot(block_of(c));
    EXPECT_EQ(scrub_round(*log), (Holes{{c * 5, c * 5 + 5}}));
    if (is_mended_first) mend_all(*log);
    rot(block_of(c - 1));
    (void)scrub_round(*log);
    EXPECT_EQ(log->holes(), (Holes{{c * 5 - 5, c * 5 + 5}}));
    mend_all(*log);
    expect_whole(*log);
    expect_whole(*open());
  }
}

TEST_F(LogScrub, a_mend_that_rots_while_the_log_is_open_is_found) {
  rot(block_of(4));
  auto log = open();
  mend_all(*log);
  disk_.flip_bit(Log::directory(test_origin()) + "/" + mend_name(0), (2 * block_bytes + 300) * 8);
  EXPECT_EQ(scrub_round(*log), (Holes{{20, 25}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogScrub, the_last_record_of_an_open_log_is_put_back_and_stays_so) {
  for (const std::size_t at : {20u, 170u}) {  // its header, its entry
    SCOPED_TRACE(at);
    auto log = open();
    expected_.push_back("the last one " + std::to_string(at));
    log->append(as_bytes(expected_.back()));
    ASSERT_TRUE(log->commit().has_value());
    disk_.flip_bit(disk_.paths().back(), (2 * block_bytes + at) * 8);
    const std::uint64_t n = expected_.size();
    EXPECT_EQ(scrub_round(*log), (Holes{{n - 1, n}}));
    mend_all(*log);
    expect_whole(*log);
    log = open();  // nothing stands behind it
    expect_whole(*log);
    expected_.push_back("and more");
    log->append(as_bytes(expected_.back()));
    ASSERT_TRUE(log->commit().has_value());
    expect_whole(*open());
  }
}

// Sixty commits in a segment of their own, the last of them copied into the next one.
TEST_F(LogScrub, a_segment_that_is_cut_short_while_the_log_is_open_is_a_hole_and_no_more) {
  for (const std::uint64_t blocks_left : {0u, 32u}) {
    SCOPED_TRACE(blocks_left);
    disk_ = MemoryDisk();
    expected_.clear();
    SetUp();
    std::unique_ptr<Log> log;
    const auto commit = [&](int count) {
      log = open();
      for (int i = 0; i < count; ++i) {
        expected_.push_back("more " + std::to_string(expected_.size()));
        log->append(as_bytes(expected_.back()));
        ASSERT_TRUE(log->commit().has_value());
      }
    };
    commit(60);
    commit(3);
    ASSERT_TRUE(log->put_checkpoint(123, signed_note(*log, 123)).has_value());
    ASSERT_EQ(disk_.paths().size(), 3u);
    disk_.content(Log::directory(test_origin()) + "/" + segment_name(1)).resize(blocks_left * block_bytes);
    EXPECT_EQ(scrub_round(*log), (Holes{{blocks_left == 0 ? 60u : 90u, 119}}));
    mend_all(*log);
    expect_whole_for_good(std::move(log));
  }
}

TEST_F(LogScrub, a_read_that_meets_damage_makes_the_scrub_hurry) {
  auto log = open();
  disk_.make_unreadable(segment(), block_of(7));
  EXPECT_FALSE(log->has_suspicion());
  EXPECT_EQ(log->read(36).error().code, "journal/damaged");
  EXPECT_TRUE(log->has_suspicion());
  EXPECT_EQ(scrub_round(*log), (Holes{{35, 40}}));
  EXPECT_FALSE(log->has_suspicion());
  EXPECT_FALSE(log->read(36).has_value());
  EXPECT_FALSE(log->has_suspicion());  // it is known
  mend_all(*log);
  expect_whole(*log);
}

TEST_F(LogScrub, the_last_record_of_an_old_segment_is_read_from_its_copy) {
  auto log = open();  // copies the checkpoint behind commit 11
  disk_.make_unreadable(segment(), block_of(12) - 1);
  EXPECT_EQ(scrub_round(*log), Holes());
  EXPECT_FALSE(log->has_holes());
  EXPECT_NE(log->checkpoint_at_most(60), "");
}

}  // namespace
}  // namespace holdfast::journal
