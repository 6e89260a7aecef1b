// What a crash and what damage look like when the journal is opened again.
#include <gtest/gtest.h>

#include "core/journal/format.h"
#include "core/journal/gaps.h"
#include "core/journal/log.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::journal {
namespace {

using Texts = std::vector<std::string>;

class LogDamage : public testing::Test {
 protected:
  std::unique_ptr<Log> open(const std::optional<LogMark>& mark = std::nullopt) {
    auto log = Log::open(disk_, executor_, test_origin(), mark);
    EXPECT_TRUE(log.has_value()) << log.error().text;
    return log ? std::move(*log) : nullptr;
  }
  Error open_error(const std::optional<LogMark>& mark = std::nullopt) {
    auto log = Log::open(disk_, executor_, test_origin(), mark);
    EXPECT_FALSE(log.has_value());
    return log ? Error{} : log.error();
  }
  static void commit(Log& log, const Texts& entries) {
    for (const std::string& e : entries) log.append(as_bytes(e));
    const Status done = log.commit();
    ASSERT_TRUE(done.has_value()) << done.error().text;
  }
  std::string segment(std::uint32_t number) const { return Log::directory(test_origin()) + "/" + segment_name(number); }
  Texts segments() const { return disk_.paths(); }
  // Where the record after `records` one-block records of a segment stands.
  static std::size_t block(std::size_t records) { return block_bytes * (1 + records); }

  MemoryDisk disk_;
  SerialExecutor executor_;
};

// ---- crash windows, in the order of docs/journal-format.md

TEST_F(LogDamage, a_segment_without_a_header_is_harmless) {
  auto log = open();
  commit(*log, {"a"});
  ASSERT_TRUE(disk_.create(segment(7), segment_bytes_min).has_value());
  ASSERT_TRUE(disk_.create(segment(8), 512).has_value());  // stopped while it was zeroed
  log = open();
  EXPECT_EQ(*content(*log), Texts{"a"});
  EXPECT_EQ(segments(), (Texts{segment(0), segment(9)}));  // the empty ones are gone
  commit(*log, {"b"});
  EXPECT_EQ(*content(*open()), (Texts{"a", "b"}));
}

TEST_F(LogDamage, a_journal_whose_first_segment_got_no_record_is_empty) {
  ASSERT_TRUE(disk_.create(segment(0), segment_bytes_min).has_value());
  auto log = open();
  EXPECT_EQ(log->size(), 0u);
  EXPECT_TRUE(segments().empty());
  commit(*log, {"a"});
  EXPECT_EQ(*content(*open()), Texts{"a"});
}

TEST_F(LogDamage, a_torn_record_at_the_end_is_dropped_and_its_place_not_used_again) {
  auto log = open();
  commit(*log, {"a"});
  disk_.stop_at(1, Left::torn);
  log->append(as_bytes(std::string(20'000, 'b')));
  EXPECT_EQ(log->commit().error().code, "base/disk_failed");
  disk_.restart();
  const Bytes before = disk_.content(segment(0));
  log = open();
  EXPECT_EQ(*content(*log), Texts{"a"});
  commit(*log, {"c"});
  EXPECT_EQ(*content(*open()), (Texts{"a", "c"}));
  EXPECT_EQ(disk_.content(segment(0)), before);
}

TEST_F(LogDamage, a_whole_record_that_was_not_acknowledged_is_kept) {
  auto log = open();
  commit(*log, {"a"});
  disk_.stop_at(1, Left::all);
  log->append(as_bytes("b"));
  EXPECT_FALSE(log->commit());
  disk_.restart();
  EXPECT_EQ(*content(*open()), (Texts{"a", "b"}));
}

TEST_F(LogDamage, a_torn_copy_is_fine_the_older_stays) {
  commit(*open(), {std::string(9'000, 'a')});
  for (std::uint64_t countdown : {3u, 3u, 2u, 2u, 1u}) {
    disk_.stop_at(countdown, Left::torn);  // create, header, copy
    EXPECT_EQ(open_error().code, "base/disk_failed");
    disk_.restart();
  }
  EXPECT_EQ(*content(*open()), Texts{std::string(9'000, 'a')});
}

TEST_F(LogDamage, a_failed_write_leaves_the_log_unusable) {
  auto log = open();
  commit(*log, {"a"});
  disk_.stop_at(1, Left::nothing);
  log->append(as_bytes("b"));
  EXPECT_FALSE(log->commit());
  disk_.restart();
  EXPECT_DEATH((void)log->commit(), "protocol 1.2");
}

TEST_F(LogDamage, a_full_disk_is_told_and_what_was_durable_stays) {
  auto log = open();
  commit(*log, {"a"});
  disk_.set_capacity(300'000);
  log->append(as_bytes(std::string(60'000, 'b')));
  ASSERT_TRUE(log->commit().has_value());
  for (int i = 0; i < 10; ++i) log->append(as_bytes(std::string(60'000, 'c')));
  EXPECT_EQ(log->commit().error().code, "base/disk_full");
  EXPECT_EQ(open_error().code, "base/disk_full");
  disk_.set_capacity(~0ull);
  EXPECT_EQ(content(*open())->size(), 2u);
}

// ---- damage

TEST_F(LogDamage, a_whole_record_beyond_a_broken_one_is_a_hole_that_names_the_place) {
  auto log = open();
  for (const char* e : {"a", "b", "c"}) commit(*log, {e});
  log.reset();
  disk_.flip_bit(segment(0), (block(1) + 170) * 8);
  log = open();
  EXPECT_EQ(log->holes(), (std::vector<Hole>{{1, 2}}));
  EXPECT_EQ(log->size(), 3u);
  const Error error = log->read(1).error();
  EXPECT_EQ(error.code, "journal/damaged");
  EXPECT_NE(error.text.find("seg-00000000.hfj, offset 8192, entry 1"), std::string::npos) << error.text;
  EXPECT_EQ(*log->read(2), to_bytes(as_bytes("c")));
  disk_.flip_bit(segment(0), (block(1) + 170) * 8);
  EXPECT_EQ(content(*open())->size(), 3u);  // nothing had been changed
}

TEST_F(LogDamage, a_missing_segment_is_a_hole) {
  auto log = open();
  for (int i = 0; i < 10; ++i) commit(*log, {std::string(60'000, 'e')});
  log.reset();
  ASSERT_EQ(segments().size(), 2u);
  ASSERT_TRUE(disk_.remove(segment(0)).has_value());
  log = open();
  ASSERT_EQ(log->holes().size(), 1u);
  EXPECT_EQ(log->holes()[0].first, 0u);
  EXPECT_EQ(log->size(), 10u);
  EXPECT_TRUE(log->read(9).has_value());
}

// Segments of 63, 127 and 255 blocks behind their headers; the one in the middle has become shorter.
TEST_F(LogDamage, a_segment_that_was_cut_short_is_a_hole) {
  struct Cut {
    std::size_t entry_bytes;  // records of one block, or of two
    std::size_t blocks_left;
    Hole hole;
  };
  for (const Cut& cut : {Cut{100, 0, {63, 190}}, {100, 64, {126, 190}}, {6'000, 0, {31, 94}}, {6'000, 64, {62, 94}}}) {
    SCOPED_TRACE(cut.entry_bytes + cut.blocks_left);
    disk_ = MemoryDisk();
    auto log = open();
    for (int i = 0; i < 210; ++i) commit(*log, {std::string(cut.entry_bytes, 'e')});
    log.reset();
    ASSERT_EQ(segments().size(), 3u);
    disk_.content(segment(1)).resize(cut.blocks_left * block_bytes);
    auto gone = cut.blocks_left == 0 ? disk_.copy() : nullptr;
    log = open();
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->holes(), std::vector<Hole>{cut.hole});
    EXPECT_EQ(log->size(), 210u);
    EXPECT_TRUE(log->read(cut.hole.first - 1).has_value());
    EXPECT_FALSE(log->read(cut.hole.first).has_value());
    EXPECT_TRUE(log->read(cut.hole.end).has_value());
    if (!gone) continue;
    ASSERT_TRUE(gone->remove(segment(1)).has_value());
    EXPECT_EQ((*Log::open(*gone, executor_, test_origin()))->holes(), log->holes());
  }
}

// Also where the first record behind it is lost as well: what its header says of it still counts.
TEST_F(LogDamage, the_record_behind_a_cut_segment_may_be_broken_as_well) {
  auto log = open();
  for (int i = 0; i < 210; ++i) commit(*log, {"e"});
  log.reset();
  disk_.content(segment(1)).clear();
  disk_.flip_bit(segment(2), (block(0) + 170) * 8);
  log = open();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->holes(), (std::vector<Hole>{{63, 191}}));
}

TEST_F(LogDamage, a_segment_whose_header_is_broken_is_read_by_its_records_chain) {
  auto log = open();
  commit(*log, {"a"});
  log = open();
  commit(*log, {"b"});
  log.reset();
  disk_.flip_bit(segment(1), 100);
  log = open();
  EXPECT_FALSE(log->has_holes());
  EXPECT_EQ(*content(*log), (Texts{"a", "b"}));
}

TEST_F(LogDamage, a_segment_of_another_journal_is_refused) {
  auto other = Log::open(disk_, executor_, test_origin(2));
  commit(**other, {"x"});
  disk_.rename(Log::directory(test_origin(2)) + "/" + segment_name(0), segment(5));
  const Error error = open_error();
  EXPECT_EQ(error.code, "journal/wrong_origin");
  EXPECT_NE(error.text.find("store-07/2"), std::string::npos) << error.text;
  EXPECT_NE(error.text.find("store-07/1"), std::string::npos) << error.text;
}

TEST_F(LogDamage, a_renamed_segment_is_read_by_its_records) {
  commit(*open(), {"x"});
  disk_.rename(segment(0), segment(4));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(*content(*open()), Texts{"x"});
}

TEST_F(LogDamage, a_file_that_says_that_it_is_another_and_holds_nothing_is_damage) {
  commit(*open(), {"x"});
  auto log = open();
  commit(*log, {"y"});
  log.reset();
  Bytes& file = disk_.content(segment(1));
  std::ranges::fill(std::span(file).subspan(block_bytes), std::byte{});
  disk_.rename(segment(1), segment(4));
  EXPECT_EQ(open_error().code, "journal/damaged");
}

// A disk that writes to the wrong place: as any other header that is lost, at this start and at those after it.
TEST_F(LogDamage, another_file_s_header_over_a_segment_s_own_loses_nothing) {
  {
    auto other = Log::open(disk_, executor_, test_origin(2));
    commit(**other, {"x"});
  }
  for (const char* text : {"a", "b", "c"}) commit(*open(), {text});
  const Bytes foreign = disk_.content(Log::directory(test_origin(2)) + "/" + segment_name(0));
  const Bytes first = disk_.content(segment(0));
  for (const Bytes& from : {foreign, first}) {
    std::copy_n(from.begin(), block_bytes, disk_.content(segment(1)).begin());
    for (int i = 0; i < 3; ++i) {
      auto log = open();
      EXPECT_FALSE(log->has_holes());
      EXPECT_EQ(*content(*log), (Texts{"a", "b", "c"}));
    }
  }
}

TEST_F(LogDamage, files_with_other_names_are_left_alone) {
  ASSERT_TRUE(disk_.write_all(Log::directory(test_origin()) + "/note.txt", as_bytes("x")).has_value());
  ASSERT_TRUE(disk_.write_all(Log::directory(test_origin()) + "/seg-1.hfj", as_bytes("x")).has_value());
  commit(*open(), {"a"});
  EXPECT_EQ(*content(*open()), Texts{"a"});
}

TEST_F(LogDamage, a_number_that_leaves_none_for_the_next_file_is_refused) {
  commit(*open(), {"a"});
  for (const std::uint32_t number : {99'999'999u, 99'999'998u, 99'000'000u}) {
    ASSERT_TRUE(disk_.write_all(segment(number), {}).has_value());
    const Error error = open_error();
    EXPECT_EQ(error.code, "journal/damaged");
    EXPECT_NE(error.text.find(segment_name(number)), std::string::npos) << error.text;
    EXPECT_NE(error.text.find("move the file out"), std::string::npos) << error.text;
    ASSERT_TRUE(disk_.remove(segment(number)).has_value());
    EXPECT_EQ(*content(*open()), Texts{"a"});
  }
}

// A file without blocks that says it has eight GiB: to read it would take all memory, at every start.
class HugeMend final : public Disk {
 public:
  HugeMend(MemoryDisk& below, std::string path) : below_(below), path_(std::move(path)) {}
  Result<std::vector<std::string>> list(std::string_view directory) override { return below_.list(directory); }
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override {
    return below_.create(path, size);
  }
  Result<std::unique_ptr<File>> open(std::string_view path) override {
    if (path != path_) return below_.open(path);
    return std::make_unique<Huge>();
  }
  Result<Bytes> read_all(std::string_view path) override {
    EXPECT_NE(path, path_);
    return below_.read_all(path);
  }
  Status write_all(std::string_view path, ByteView bytes) override { return below_.write_all(path, bytes); }
  Status remove(std::string_view path) override { return below_.remove(path); }

 private:
  struct Huge final : File {
    Status write_durable(std::uint64_t, ByteView) override { return fail("base/disk_failed", "nobody writes here"); }
    Status read(std::uint64_t, std::span<std::byte> into) override {
      std::ranges::fill(into, std::byte{0});
      return {};
    }
    std::uint64_t size() const override { return 8ull << 30; }
  };
  MemoryDisk& below_;
  std::string path_;
};

TEST_F(LogDamage, a_mend_that_is_larger_than_any_is_not_read) {
  commit(*open(), {"a"});
  const std::string path = Log::directory(test_origin()) + "/" + mend_name(0);
  ASSERT_TRUE(disk_.write_all(path, {}).has_value());
  HugeMend disk(disk_, path);
  const auto log = Log::open(disk, executor_, test_origin());
  ASSERT_TRUE(log.has_value()) << log.error().text;
  EXPECT_EQ(*content(**log), Texts{"a"});
}

TEST_F(LogDamage, an_entry_that_rots_while_the_node_runs_is_refused_when_it_is_read) {
  auto log = open();
  commit(*log, {"a"});
  commit(*log, {"b"});
  disk_.flip_bit(segment(0), (block(0) + 168) * 8);
  EXPECT_EQ(log->read(0).error().code, "journal/damaged");
  EXPECT_EQ(*log->read(1), to_bytes(as_bytes("b")));  // the rest is served (protocol 2.4)
}

TEST_F(LogDamage, a_record_that_names_another_predecessor_is_no_part_of_the_journal) {
  auto log = open();
  for (const char* e : {"a", "b", "c"}) commit(*log, {e});
  log.reset();
  Bytes& file = disk_.content(segment(0));
  RecordHeader header = *decode_record_header(ByteView(file).subspan(block(1)));
  header.before[0] ^= std::byte{1};
  encode_record_header(header, std::span(file).subspan(block(1), record_header_bytes));  // every checksum right
  EXPECT_EQ(open()->holes(), (std::vector<Hole>{{1, 2}}));
}

TEST_F(LogDamage, entries_that_do_not_have_the_hash_in_their_header_are_damage) {
  auto log = open();
  for (const char* e : {"a", "b"}) commit(*log, {e});
  log.reset();
  Bytes& file = disk_.content(segment(0));
  RecordHeader header = *decode_record_header(ByteView(file).subspan(block(1)));
  header.content[0] ^= std::byte{1};
  encode_record_header(header, std::span(file).subspan(block(1), record_header_bytes));
  const Error error = open_error();
  EXPECT_EQ(error.code, "journal/damaged");
  EXPECT_NE(error.text.find("offset 8192, entry 1"), std::string::npos) << error.text;
}

TEST_F(LogDamage, a_segment_of_another_branch_of_the_same_journal_is_damage) {
  auto log = open();
  commit(*log, {"a"});
  log.reset();
  auto other = disk_.copy();
  commit(*open(), {"b"});
  commit(**Log::open(*other, executor_, test_origin()), {"c"});
  auto file = disk_.create(segment(2), segment_bytes_min);
  ASSERT_TRUE(file.has_value());
  Bytes foreign = other->content(segment(1));
  SegmentHeader header = *decode_segment_header(ByteView(foreign).first(block_bytes));
  header.number = 2;
  std::ranges::copy(encode_segment_header(header), foreign.begin());
  disk_.content(segment(2)) = foreign;
  EXPECT_EQ(open_error().code, "journal/damaged");
}

// ---- mark

TEST_F(LogDamage, opening_with_a_mark_gives_the_same_log) {
  auto log = open();
  for (int i = 0; i < 700; ++i) commit(*log, {"entry " + std::to_string(i)});
  const LogMark mark = log->mark();
  for (int i = 0; i < 300; ++i) commit(*log, {"later " + std::to_string(i), "x"});
  ASSERT_TRUE(log->put_checkpoint(800, signed_note(*log, 800)).has_value());
  const LogMark end = log->mark();
  log = open(mark);
  EXPECT_EQ(log->mark().tree, end.tree);
  EXPECT_EQ(log->size(), end.size);
  EXPECT_EQ(content(*log)->size(), 1300u);
  EXPECT_EQ(*log->root_at(700), mark.tree.root());
  EXPECT_EQ(open(end)->mark().record_hash, end.record_hash);
}

TEST_F(LogDamage, a_mark_beyond_the_last_record_is_damage) {
  auto log = open();
  commit(*log, {"a"});
  auto before = disk_.copy();
  commit(*log, {"b"});
  const LogMark mark = log->mark();
  auto older = Log::open(*before, executor_, test_origin(), mark);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, "journal/damaged");
  EXPECT_NE(older.error().text.find("snapshot"), std::string::npos);
}

TEST_F(LogDamage, a_mark_of_another_branch_is_damage) {
  auto log = open();
  commit(*log, {"a"});
  auto before = disk_.copy();
  commit(*log, {"b"});
  const LogMark mark = log->mark();
  auto branch = Log::open(*before, executor_, test_origin());
  commit(**branch, {"c"});
  EXPECT_EQ(Log::open(*before, executor_, test_origin(), mark).error().code, "journal/damaged");
}

}  // namespace
}  // namespace holdfast::journal
