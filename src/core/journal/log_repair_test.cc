// Damage below the last record: which entries it took, what still works, and how they are put back (protocol 2.4).
#include <gtest/gtest.h>

#include "core/journal/gaps.h"
#include "core/journal/log_repair_fixture.h"

namespace holdfast::journal {
namespace {

TEST_F(LogRepair, only_the_entries_of_a_rotten_sector_are_lost_when_the_header_holds) {
  rot(block_of(4) + 1, 2'000);  // commit 4: entries 20 to 24; its second block, inside entry 24
  auto log = open();
  EXPECT_EQ(log->holes(), (Holes{{24, 25}}));
  EXPECT_EQ(as_text(*log->read(20)), expected_[20]);
  EXPECT_EQ(log->read(24).error().code, "journal/damaged");
  EXPECT_EQ(as_text(*log->read(25)), expected_[25]);
  EXPECT_EQ(log->size(), 60u);
  EXPECT_EQ(log->hashed_size(), 20u);
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, entries_behind_the_damage_in_one_record_still_hold) {
  rot(block_of(4), 200);  // inside entry 20
  EXPECT_EQ(open()->holes(), (Holes{{20, 21}}));
}

TEST_F(LogRepair, a_record_whose_header_is_lost_is_proven_by_the_next_signed_root) {
  rot(block_of(4));
  auto log = open();
  EXPECT_EQ(log->holes(), (Holes{{20, 25}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, sectors_that_cannot_be_read_do_not_hide_their_neighbours) {
  for (const std::uint64_t c : {1u, 4u, 7u}) disk_.make_unreadable(segment(), block_of(c) + c % 2);
  auto log = open();
  ASSERT_EQ(log->holes().size(), 3u);
  EXPECT_EQ(log->holes()[1], (Hole{20, 25}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, holes_below_one_signed_root_are_proven_together) {
  rot(block_of(3));
  rot(block_of(5));
  auto log = open();
  EXPECT_EQ(log->wanted(), (Holes{{15, 20}, {25, 30}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, many_records_in_a_row) {
  for (std::uint64_t b = block_of(2); b <= block_of(8); ++b) disk_.make_unreadable(segment(), b);
  auto log = open();
  EXPECT_EQ(log->holes(), (Holes{{10, 45}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, a_lost_checkpoint_loses_no_entry) {
  rot(block_of(3) - 1);  // the checkpoint at 15
  auto log = open();
  EXPECT_EQ(log->holes(), (Holes{{15, 15}}));
  EXPECT_EQ(log->hashed_size(), 60u);
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, what_is_not_what_was_there_is_refused_and_changes_nothing) {
  for (const std::size_t at : {100u, 200u}) {  // the header, and an entry
    const std::string lie = "not what was there";
    rot(block_of(at == 100 ? 4 : 6), at);
    auto log = open();
    std::vector<Piece> bad = pieces(log->wanted());
    bad[0].entries.back() = to_bytes(as_bytes(lie));
    const auto files = disk_.paths();
    EXPECT_EQ(log->mend(bad).error().code, "journal/bad_entries");
    bad[0].entries.pop_back();
    EXPECT_EQ(log->mend(bad).error().code, "journal/bad_entries");
    EXPECT_EQ(disk_.paths(), files);
    EXPECT_TRUE(log->has_holes());
    mend_all(*log);
    expect_whole(*log);
  }
}

TEST_F(LogRepair, with_a_mark_behind_the_hole_the_log_is_written_on_and_the_tree_proves_what_comes) {
  rot(block_of(1));
  rot(block_of(4), 200);
  auto log = open(mark_);
  EXPECT_EQ(log->holes(), (Holes{{5, 10}, {20, 21}}));
  EXPECT_EQ(log->hashed_size(), 60u);
  expected_.push_back("sold meanwhile");
  log->append(as_bytes(expected_.back()));
  ASSERT_TRUE(log->commit().has_value());
  EXPECT_EQ(log->root(), root_of(expected_));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, a_mark_before_the_hole_is_of_use_as_well) {
  rot(block_of(8));
  auto log = open(mark_in_the_middle_);
  EXPECT_EQ(log->hashed_size(), 40u);
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, damage_behind_the_last_signed_root_is_proven_by_the_record_that_follows) {
  auto log = open();
  for (const char* e : {"x", "y", "z"}) {
    expected_.emplace_back(e);
    log->append(as_bytes(e));
    ASSERT_TRUE(log->commit().has_value());
  }
  log.reset();
  const std::string last = Log::directory(test_origin()) + "/" + segment_name(1);
  auto before = disk_.copy();
  disk_.flip_bit(last, (3 * block_bytes + 170) * 8);  // "y", its body
  log = open();
  EXPECT_EQ(log->holes(), (Holes{{61, 62}}));
  mend_all(*log);
  expect_whole(*log);
  // Without the header nothing that is signed says what was there.
  before->flip_bit(last, (3 * block_bytes + 20) * 8);
  auto other = Log::open(*before, executor_, test_origin());
  EXPECT_EQ((*other)->holes(), (Holes{{61, 62}}));
  EXPECT_EQ((*other)->wanted(), Holes());
}

TEST_F(LogRepair, a_torn_end_is_cut_off_and_a_rotten_one_is_told) {
  auto log = open();
  log->append(as_bytes(std::string(9'000, 'x')));
  disk_.stop_at(1, Left::nothing);
  ASSERT_FALSE(log->commit().has_value());
  disk_.restart();
  EXPECT_EQ(open()->rotten_end(), "");
  log = open();
  log->append(as_bytes(std::string(9'000, 'x')));
  ASSERT_TRUE(log->commit().has_value());
  log.reset();
  const std::string last = disk_.paths().back();
  disk_.flip_bit(last, (2 * block_bytes + 5'000) * 8);
  log = open();
  EXPECT_NE(log->rotten_end().find("entries 60 to 60"), std::string::npos) << log->rotten_end();
  EXPECT_EQ(log->size(), 60u);
}

TEST_F(LogRepair, a_mend_that_rots_is_a_hole_again) {
  rot(block_of(4));
  auto log = open();
  mend_all(*log);
  log.reset();
  disk_.flip_bit(Log::directory(test_origin()) + "/" + mend_name(0), (2 * block_bytes + 300) * 8);
  log = open();
  EXPECT_EQ(log->holes(), (Holes{{20, 25}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, a_power_cut_while_it_is_put_back_loses_nothing) {
  rot(block_of(4));
  for (const Left left : {Left::nothing, Left::all}) {
    auto log = open();
    if (!log->has_holes()) break;
    disk_.stop_at(1, left);
    EXPECT_FALSE(log->mend(pieces(log->wanted())).has_value());
    disk_.restart();
  }
  auto log = open();
  mend_all(*log);
  expect_whole(*log);
}

// Two that are proven together are put back one after the other.
TEST_F(LogRepair, a_power_cut_between_two_of_them_leaves_one_that_is_put_back_later) {
  rot(block_of(3));
  rot(block_of(5));
  auto log = open();
  const Holes wanted = log->wanted();
  ASSERT_EQ(wanted.size(), 2u);
  disk_.stop_at(2, Left::nothing);
  EXPECT_FALSE(log->mend(pieces(wanted)).has_value());
  disk_.restart();
  log = open();
  EXPECT_EQ(log->holes(), (Holes{{25, 30}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

// ---- rewinds

TEST_F(LogRepair, what_was_set_aside_and_is_lost_is_no_hole_of_the_journal) {
  auto log = open();
  for (const char* e : {"x", "y", "z"}) {
    log->append(as_bytes(e));
    ASSERT_TRUE(log->commit().has_value());
  }
  ASSERT_TRUE(log->rewind(60).has_value());
  for (const char* e : {"other x", "other y"}) {
    expected_.emplace_back(e);
    log->append(as_bytes(e));
    ASSERT_TRUE(log->commit().has_value());
  }
  log.reset();
  const std::string last = Log::directory(test_origin()) + "/" + segment_name(1);
  disk_.flip_bit(last, (3 * block_bytes + 20) * 8);  // the header of "y"
  log = open();
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(log->lost_aside(), 1u);
  EXPECT_EQ(aside(*log), (std::vector<std::pair<EntryIndex, std::string>>{{60, "x"}, {62, "z"}}));
  expect_whole(*log);
  // Another hole, at an index that the lost one had once: it is put back.
  disk_.flip_bit(last, (6 * block_bytes + 20) * 8);  // the header of "other x"
  ASSERT_TRUE(log->put_checkpoint(62, signed_note(*log, 62)).has_value());
  log = open();
  EXPECT_EQ(log->holes(), (Holes{{60, 61}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, a_lost_rewind_is_told_by_the_record_behind_it) {
  auto log = open();
  log->append(as_bytes("set aside"));
  ASSERT_TRUE(log->commit().has_value());
  ASSERT_TRUE(log->rewind(60).has_value());
  expected_.emplace_back("instead");
  log->append(as_bytes(expected_.back()));
  ASSERT_TRUE(log->commit().has_value());
  log.reset();
  disk_.make_unreadable(Log::directory(test_origin()) + "/" + segment_name(1), 3);
  log = open();
  EXPECT_EQ(log->holes(), (Holes{{60, 60}}));
  EXPECT_EQ(aside(*log), (std::vector<std::pair<EntryIndex, std::string>>{{60, "set aside"}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

TEST_F(LogRepair, of_several_lost_records_one_may_be_a_rewind) {
  auto log = open();
  log->append(as_bytes("set aside"));
  log->append(as_bytes("and this"));
  log->append(as_bytes("and this, too"));
  ASSERT_TRUE(log->commit().has_value());
  ASSERT_TRUE(log->rewind(60).has_value());
  for (const char* e : {"lost with it", "instead"}) {
    expected_.emplace_back(e);
    log->append(as_bytes(e));
    ASSERT_TRUE(log->commit().has_value());
  }
  ASSERT_TRUE(log->put_checkpoint(62, signed_note(*log, 62)).has_value());
  log.reset();
  for (const std::uint64_t block : {3u, 4u})  // the rewind, and the first commit behind it
    disk_.make_unreadable(Log::directory(test_origin()) + "/" + segment_name(1), block);
  log = open();
  EXPECT_EQ(log->holes(), (Holes{{60, 61}}));
  mend_all(*log);
  expect_whole_for_good(std::move(log));
}

// ---- what only pretends

// Whoever may write entries into a journal may write what looks like its records: where they stand on a block's border
// and the header of the record around them is lost, they must not be taken for the journal.
TEST_F(LogRepair, a_record_inside_an_entry_is_none) {
  for (const auto& [is_last_in_segment, number] :
       {std::pair(false, 3u), std::pair(false, 40u), std::pair(true, 3u), std::pair(true, 40u)}) {
    SCOPED_TRACE(number);
    MemoryDisk disk;
    const std::string directory = Log::directory(test_origin());
    auto log = std::move(*Log::open(disk, executor_, test_origin()));
    Texts entries = {"first"};
    log->append(as_bytes(entries[0]));
    ASSERT_TRUE(log->commit().has_value());
    // Its entry begins 168 bytes behind the block's border, so 3,928 bytes on there is another.
    RecordHeader fake;
    fake.journal_id = journal_id_of(test_origin());
    fake.number = number;
    fake.first = 3;
    fake.count = 1;
    Bytes payload;
    frame_entry(payload, as_bytes("believe me"));
    fake.payload_bytes = static_cast<std::uint32_t>(payload.size());
    fake.payload_crc = crc32c(payload);
    Bytes record(record_header_bytes);
    encode_record_header(fake, record);
    record.insert(record.end(), payload.begin(), payload.end());
    std::string body(3'928, '.');
    body += as_text(record);
    entries.push_back(body);
    log->append(as_bytes(body));
    ASSERT_TRUE(log->commit().has_value());
    if (is_last_in_segment) log = std::move(*Log::open(disk, executor_, test_origin()));
    entries.emplace_back("third");
    log->append(as_bytes(entries[2]));
    ASSERT_TRUE(log->commit().has_value());
    ASSERT_TRUE(log->put_checkpoint(3, signed_note(*log, 3)).has_value());
    log.reset();
    disk.flip_bit(directory + "/" + segment_name(0), (2 * block_bytes + 20) * 8);
    if (is_last_in_segment) disk.flip_bit(directory + "/" + segment_name(1), (block_bytes + 20) * 8);  // the copy
    log = std::move(*Log::open(disk, executor_, test_origin()));
    EXPECT_EQ(log->size(), 3u);
    EXPECT_EQ(log->holes(), (Holes{{1, 2}}));
    ASSERT_TRUE(log->mend(std::vector<Piece>{{1, {to_bytes(as_bytes(entries[1]))}}}).has_value());
    while (log->hashed_size() < 3) ASSERT_TRUE(log->hash_on(1u << 20).has_value());
    EXPECT_EQ(*content(*log), entries);
  }
}

}  // namespace
}  // namespace holdfast::journal
