#include "core/journal/log.h"

#include <gtest/gtest.h>

#include "core/journal/format.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::journal {
namespace {

using Texts = std::vector<std::string>;

class LogTest : public testing::Test {
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
  static void checkpoint(Log& log, std::uint64_t size) {
    ASSERT_TRUE(log.put_checkpoint(size, signed_note(log, size)).has_value());
  }
  std::string segment(std::uint32_t number) const { return Log::directory(test_origin()) + "/" + segment_name(number); }
  Texts segments() const { return disk_.paths(); }
  // Where the record after `records` one-block records of a segment stands.
  static std::size_t block(std::size_t records) { return block_bytes * (1 + records); }

  MemoryDisk disk_;
  SerialExecutor executor_;
};

TEST_F(LogTest, an_empty_log_makes_no_file) {
  auto log = open();
  EXPECT_EQ(log->size(), 0u);
  EXPECT_EQ(log->root(), Tree().root());
  EXPECT_TRUE(log->commit().has_value());
  EXPECT_TRUE(segments().empty());
  EXPECT_EQ(log->last_checkpoint(), "");
  EXPECT_EQ(Log::directory(test_origin(3)), "journals/store-07/3");
}

TEST_F(LogTest, committed_entries_are_there_after_reopening) {
  auto log = open();
  EXPECT_EQ(log->append(as_bytes("a")), 0u);
  EXPECT_EQ(log->append(as_bytes("")), 1u);
  EXPECT_EQ(log->size(), 2u);
  EXPECT_EQ(log->durable_size(), 0u);
  EXPECT_EQ(*content(*log), (Texts{"a", ""}));  // readable before it is durable
  EXPECT_EQ(log->root(), root_of(Texts{"a", ""}));
  ASSERT_TRUE(log->commit().has_value());
  EXPECT_EQ(log->durable_size(), 2u);
  EXPECT_EQ(log->uncommitted_bytes(), 0u);
  const std::string large(entry_bytes_max, 'x');
  commit(*log, {large});
  const Hash root = log->root();
  log = open();
  EXPECT_EQ(*content(*log), (Texts{"a", "", large}));
  EXPECT_EQ(log->root(), root);
  EXPECT_EQ(root, root_of(Texts{"a", "", large}));
  EXPECT_EQ(to_bytes(as_bytes("a")), *log->read(0));
}

TEST_F(LogTest, entries_that_are_dropped_were_never_there) {
  auto log = open();
  commit(*log, {"kept"});
  log->append(as_bytes("dropped"));
  EXPECT_EQ(log->root(), root_of(Texts{"kept", "dropped"}));
  log->drop_uncommitted();
  EXPECT_EQ(log->size(), 1u);
  EXPECT_EQ(log->root(), root_of(Texts{"kept"}));
  log->append(as_bytes("a"));
  EXPECT_EQ(*log->root_at(2), root_of(Texts{"kept", "a"}));
  log->append(as_bytes("b"));
  EXPECT_EQ(*log->root_at(2), root_of(Texts{"kept", "a"}));
  commit(*log, {"c"});
  for (int i = 0; i < 2; ++i, log = open()) {
    EXPECT_EQ(*content(*log), (Texts{"kept", "a", "b", "c"}));
    EXPECT_EQ(log->root(), root_of(Texts{"kept", "a", "b", "c"}));
  }
}

TEST_F(LogTest, a_large_commit_reads_as_it_was_written_at_once_and_later) {
  auto log = open();
  Texts entries;
  for (int i = 0; i < 2000; ++i) entries.push_back(std::string(static_cast<std::size_t>(i % 100), 'x'));
  commit(*log, entries);
  EXPECT_EQ(*content(*log), entries);
  checkpoint(*log, 2000);
  commit(*log, {"next"});
  entries.push_back("next");
  for (int i = 0; i < 2; ++i, log = open()) EXPECT_EQ(*content(*log), entries);
}

TEST_F(LogTest, uncommitted_entries_are_gone_after_reopening) {
  auto log = open();
  commit(*log, {"kept"});
  log->append(as_bytes("lost"));
  EXPECT_EQ(*content(*open()), Texts{"kept"});
}

TEST_F(LogTest, every_entry_body_starts_on_a_multiple_of_eight) {
  auto log = open();
  commit(*log, {"1", "12345678", "123", ""});
  const Bytes file = disk_.content(segment(0));
  const auto entries = split_entries(ByteView(file).subspan(block_bytes + record_header_bytes, 56), 4);
  ASSERT_TRUE(entries.has_value());
  for (ByteView e : *entries) EXPECT_EQ((e.data() - file.data()) % 8, 0);
}

TEST_F(LogTest, segments_grow_and_a_record_larger_than_one_gets_its_own) {
  auto log = open();
  const std::string entry(60'000, 'e');
  for (int i = 0; i < 12; ++i) commit(*log, {entry});
  commit(*log, Texts(100, entry));
  EXPECT_EQ(disk_.content(segment(0)).size(), 256u << 10);
  EXPECT_EQ(disk_.content(segment(1)).size(), 512u << 10);
  EXPECT_GE(disk_.content(segment(2)).size(), 6'000'000u);
  commit(*log, {"small"});
  const auto before = *content(*log);
  log = open();
  EXPECT_EQ(*content(*log), before);
  EXPECT_EQ(log->root(), root_of(before));
}

TEST_F(LogTest, no_byte_that_was_written_is_written_again) {
  auto log = open();
  Bytes before;
  for (int i = 0; i < 20; ++i) {
    commit(*log, {"entry " + std::to_string(i)});
    const Bytes& now = disk_.content(segment(0));
    for (std::size_t at = 0; at < before.size(); ++at) {
      ASSERT_TRUE(before[at] == std::byte{0} || before[at] == now[at]) << at;
    }
    before = now;
  }
}

TEST_F(LogTest, the_last_record_is_made_durable_again_in_a_new_segment_before_anything_is_served) {
  commit(*open(), {"a"});
  const std::uint64_t before = disk_.changes();
  auto log = open();
  EXPECT_EQ(segments(), (Texts{segment(0), segment(1)}));
  EXPECT_GT(disk_.changes(), before);
  const Bytes& old_bytes = disk_.content(segment(0));
  const Bytes& new_bytes = disk_.content(segment(1));
  EXPECT_TRUE(std::equal(old_bytes.begin() + 4096, old_bytes.begin() + 8192, new_bytes.begin() + 4096));
  // Without the older copy, the newer one carries the journal on.
  std::ranges::fill(std::span(disk_.content(segment(0))).subspan(4096, 4096), std::byte{0});
  EXPECT_EQ(*content(*open()), Texts{"a"});
}

TEST_F(LogTest, a_hundred_starts_without_a_write_leave_two_segments) {
  commit(*open(), {"a"});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*content(*open()), Texts{"a"});
  EXPECT_EQ(segments().size(), 2u);
  auto log = open();
  commit(*log, {"b"});
  EXPECT_EQ(*content(*open()), (Texts{"a", "b"}));
}

// ---- checkpoints

TEST_F(LogTest, checkpoints_are_found_by_size_after_reopening_too) {
  auto log = open();
  for (int i = 0; i < 5; ++i) {
    commit(*log, {"x", "y"});
    if (i % 2 == 0) checkpoint(*log, log->size());  // 2, 6, 10
  }
  const auto check = [](Log& l) {
    EXPECT_EQ(l.last_checkpoint(), signed_note(l, 10));
    EXPECT_EQ(l.checkpoint_at_most(9), signed_note(l, 6));
    EXPECT_EQ(l.checkpoint_at_most(6), signed_note(l, 6));
    EXPECT_EQ(l.checkpoint_at_most(1), "");
    EXPECT_EQ(l.next_checkpoint_size(0), 2u);
    EXPECT_EQ(l.next_checkpoint_size(2), 6u);
    EXPECT_EQ(l.next_checkpoint_size(10), std::nullopt);
  };
  check(*log);
  log = open();
  check(*log);
}

TEST_F(LogTest, of_one_size_the_note_stored_last_counts_and_the_largest_size_is_the_last) {
  auto log = open();
  commit(*log, {"x", "y"});
  checkpoint(*log, 1);
  checkpoint(*log, 2);
  Note note = *parse_note(signed_note(*log, 1));
  const TestKey mirror(2);
  note.signatures.push_back(cosign(*parse_checkpoint(note.text), "m", mirror.open, Instant{}, mirror.signer()));
  ASSERT_TRUE(log->put_checkpoint(1, to_text(note)).has_value());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(log->checkpoint_at_most(1), to_text(note));
    EXPECT_EQ(log->last_checkpoint(), signed_note(*log, 2));
    log = open();
  }
}

TEST_F(LogTest, a_note_that_does_not_fit_is_refused_and_nothing_is_written) {
  auto log = open();
  commit(*log, {"x"});
  const std::uint64_t before = disk_.changes();
  const Hash root = log->root();
  EXPECT_EQ(log->put_checkpoint(1, "x").error().code, "journal/bad_note");
  EXPECT_EQ(log->put_checkpoint(1, signed_note(test_origin(2), 1, root)).error().code, "journal/bad_note");
  EXPECT_EQ(log->put_checkpoint(0, signed_note(test_origin(), 1, root)).error().code, "journal/bad_note");
  EXPECT_EQ(log->put_checkpoint(1, signed_note(test_origin(), 1, sha256({}))).error().code, "journal/bad_note");
  EXPECT_EQ(disk_.changes(), before);
  checkpoint(*log, 1);  // still usable
}

TEST_F(LogTest, entries_that_do_not_have_the_root_of_a_checkpoint_on_this_disk_are_damage) {
  // As if someone had written the journal again, with every checksum right: he can not sign.
  auto log = open();
  commit(*log, {"a"});
  checkpoint(*log, 1);
  Bytes& file = disk_.content(segment(0));
  RecordHeader header = *decode_record_header(ByteView(file).subspan(block(0)));
  file[block(0) + 168] = std::byte{'b'};
  Writer crc;
  crc.u32(crc32c(as_bytes("b")));
  std::ranges::copy(crc.view(), file.begin() + static_cast<std::ptrdiff_t>(block(0)) + 164);
  header.payload_crc = crc32c(ByteView(file).subspan(block(0) + 160, header.payload_bytes));
  header.content = content_of(std::vector<Hash>{leaf_hash(as_bytes("b"))});
  encode_record_header(header, std::span(file).subspan(block(0), 160));
  RecordHeader second = *decode_record_header(ByteView(file).subspan(block(1)));
  second.before = record_hash(ByteView(file).subspan(block(0), 160));
  encode_record_header(second, std::span(file).subspan(block(1), 160));
  const Error error = open_error();
  EXPECT_EQ(error.code, "journal/damaged");
  EXPECT_NE(error.text.find("checkpoint"), std::string::npos) << error.text;
}

// ---- rewind (protocol 3.2)

TEST_F(LogTest, a_rewind_sets_entries_aside_where_they_are_found_again) {
  auto log = open();
  commit(*log, {"0", "1", "2"});
  checkpoint(*log, 2);
  commit(*log, {"3", "4"});
  ASSERT_TRUE(log->rewind(2).has_value());
  EXPECT_EQ(log->size(), 2u);
  EXPECT_EQ(log->aside_count(), 3u);
  commit(*log, {"two", "three"});
  ASSERT_TRUE(log->rewind(3).has_value());
  commit(*log, {"drei"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(*content(*log), (Texts{"0", "1", "two", "drei"}));
    EXPECT_EQ(log->root(), root_of(Texts{"0", "1", "two", "drei"}));
    const std::vector<std::pair<EntryIndex, std::string>> all = {{2, "2"}, {3, "3"}, {4, "4"}, {3, "three"}};
    EXPECT_EQ(aside(*log), all);
    EXPECT_EQ(log->aside_count(), 4u);
    log = open();
  }
}

TEST_F(LogTest, a_rewind_to_where_the_log_stands_writes_nothing) {
  auto log = open();
  commit(*log, {"0"});
  const std::uint64_t before = disk_.changes();
  ASSERT_TRUE(log->rewind(1).has_value());
  EXPECT_EQ(disk_.changes(), before);
}

TEST_F(LogTest, a_rewind_below_a_checkpoint_stops_the_program) {
  auto log = open();
  commit(*log, {"0", "1"});
  checkpoint(*log, 1);
  EXPECT_DEATH((void)log->rewind(0), "checkpoint at 1");
}

TEST_F(LogTest, a_rewind_across_full_tiles_gives_the_tree_of_what_is_left) {
  auto log = open();
  Texts kept;
  for (int i = 0; i < 10; ++i) {
    Texts batch(100, "batch " + std::to_string(i));
    if (i < 4) kept.insert(kept.end(), batch.begin(), batch.end());
    commit(*log, batch);
  }
  kept.resize(333);
  ASSERT_TRUE(log->rewind(333).has_value());
  EXPECT_EQ(log->root(), root_of(kept));
  EXPECT_EQ(open()->root(), root_of(kept));
  EXPECT_EQ(aside(*log).size(), 667u);
}

// ---- reading

TEST_F(LogTest, a_scan_may_read_and_append) {
  auto log = open();
  commit(*log, {"0", "1"});
  commit(*log, {"2"});
  log->append(as_bytes("3"));
  Texts seen;
  ASSERT_TRUE(log->scan(0, 4,
                        [&](EntryIndex index, ByteView body) -> Status {
                          EXPECT_EQ(*log->read(3 - index), to_bytes(as_bytes(std::to_string(3 - index))));
                          log->append(as_bytes("more"));
                          seen.emplace_back(as_text(body));
                          return {};
                        })
                  .has_value());
  EXPECT_EQ(seen, (Texts{"0", "1", "2", "3"}));
  EXPECT_EQ(log->size(), 8u);
}

TEST_F(LogTest, an_error_of_the_scanning_function_ends_the_scan) {
  auto log = open();
  commit(*log, {"0", "1", "2"});
  int seen = 0;
  const Status got = log->scan(0, 3, [&](EntryIndex, ByteView) -> Status {
    ++seen;
    return fail("test/enough", "");
  });
  EXPECT_EQ(got.error().code, "test/enough");
  EXPECT_EQ(seen, 1);
}

TEST_F(LogTest, root_at_any_size_agrees) {
  auto log = open();
  Texts all;
  for (int i = 0; i < 40; ++i) {
    Texts batch(15, std::to_string(i));
    all.insert(all.end(), batch.begin(), batch.end());
    commit(*log, batch);
  }
  log->append(as_bytes("pending"));
  all.push_back("pending");
  for (std::uint64_t size : {0, 1, 17, 255, 256, 257, 512, 513, 599, 600, 601})
    EXPECT_EQ(*log->root_at(size), root_of(std::span(all).first(size))) << size;
}

}  // namespace
}  // namespace holdfast::journal
