#include "core/journal/tiles.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::journal {
namespace {

class TilesTest : public testing::Test {
 protected:
  void SetUp() override { log_ = std::move(*Log::open(disk_, executor_, test_origin())); }
  void grow_to(std::uint64_t size) {
    while (log_->size() < size) log_->append(as_bytes("entry " + std::to_string(log_->size())));
    ASSERT_TRUE(log_->commit().has_value());
    ASSERT_TRUE(log_->put_checkpoint(size, signed_note(*log_, size)).has_value());
  }
  ExportResult export_all() {
    auto done = export_tiles(*log_, log_->last_checkpoint(), out_, "out");
    EXPECT_TRUE(done.has_value()) << done.error().text;
    return done ? *done : ExportResult{};
  }
  std::string import_code() {
    MemoryDisk disk;
    auto log = std::move(*Log::open(disk, executor_, test_origin()));
    const auto got = import_tiles(out_, "out", *log);
    EXPECT_EQ(log->size(), got.value_or(0));  // all or nothing
    return got ? "" : std::string(got.error().code);
  }

  MemoryDisk disk_, out_;
  SerialExecutor executor_;
  std::unique_ptr<Log> log_;
};

TEST(TilePath, is_as_the_standard_writes_it) {
  EXPECT_EQ(tile_path(0, 1234067, 256), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path(0, 0, 256), "tile/0/000");
  EXPECT_EQ(tile_path(1, 273, 112), "tile/1/273.p/112");
  EXPECT_EQ(tile_path(std::nullopt, 1000, 1), "tile/entries/x001/000.p/1");
}

TEST_F(TilesTest, example_of_the_standard_with_70000_entries) {
  grow_to(70'000);
  EXPECT_EQ(export_all().files, 273u + 1 + 273 + 1 + 1 + 1 + 1 + 1);
  for (const char* path : {"out/tile/0/000", "out/tile/0/272", "out/tile/0/273.p/112", "out/tile/entries/272",
                           "out/tile/entries/273.p/112", "out/tile/1/000", "out/tile/1/001.p/17", "out/tile/2/000.p/1"})
    EXPECT_TRUE(out_.read_all(path).has_value()) << path;
  EXPECT_FALSE(out_.read_all("out/tile/0/273").has_value());
  EXPECT_FALSE(out_.read_all("out/tile/3/000.p/1").has_value());
  EXPECT_EQ(out_.content("out/tile/0/273.p/112").size(), 112u * 32);
  EXPECT_EQ(import_code(), "");
}

TEST_F(TilesTest, a_tree_of_256_has_a_full_tile_and_one_hash_above) {
  grow_to(256);
  EXPECT_EQ(export_all().files, 4u);
  EXPECT_EQ(to_bytes(log_->root()), *out_.read_all("out/tile/1/000.p/1"));
}

TEST_F(TilesTest, a_bundle_is_lengths_and_bodies) {
  log_->append(as_bytes("ab"));
  log_->append(as_bytes(""));
  log_->append(as_bytes(std::string(300, 'x')));
  grow_to(3);
  export_all();
  EXPECT_EQ(*out_.read_all("out/tile/entries/000.p/3"),
            to_bytes(as_bytes(std::string("\0\2ab\0\0\1\x2c", 8) + std::string(300, 'x'))));
  EXPECT_EQ(*out_.read_all("out/checkpoint"), to_bytes(as_bytes(log_->last_checkpoint())));
}

TEST_F(TilesTest, an_empty_journal_exports_its_checkpoint_alone) {
  EXPECT_EQ(export_tiles(*log_, log_->last_checkpoint(), out_, "out").error().code, "journal/no_checkpoint");
  grow_to(0);
  EXPECT_EQ(export_all().files, 1u);
  EXPECT_EQ(import_code(), "");
}

TEST_F(TilesTest, a_later_export_adds_and_never_writes_a_full_tile_again) {
  grow_to(600);
  export_all();
  const Bytes first = *out_.read_all("out/tile/0/001");
  out_.content("out/tile/0/001").clear();  // so that writing it again would show
  grow_to(1000);
  const ExportResult second = export_all();
  EXPECT_EQ(second.size, 1000u);
  EXPECT_EQ(second.files, 2u * 2 + 1 + 1);  // tiles 2 (now full) and 3, the partial one above, the checkpoint
  EXPECT_TRUE(out_.read_all("out/tile/0/001")->empty());
  out_.content("out/tile/0/001") = first;
  EXPECT_EQ(import_code(), "");
}

TEST_F(TilesTest, an_export_cut_short_still_holds_the_earlier_one) {
  grow_to(300);
  export_all();
  grow_to(900);
  for (std::uint64_t nth = 1; nth <= 9; ++nth) {
    out_.stop_at(nth, Left::nothing);
    const auto got = export_tiles(*log_, log_->last_checkpoint(), out_, "out");
    out_.restart();
    if (got) break;
    EXPECT_EQ(import_code(), "") << nth;
  }
  EXPECT_EQ(export_all().size, 900u);
  EXPECT_EQ(import_code(), "");
}

TEST_F(TilesTest, another_history_in_the_directory_is_refused) {
  grow_to(300);
  export_all();
  MemoryDisk other_disk;
  auto other = std::move(*Log::open(other_disk, executor_, test_origin()));
  for (int i = 0; i < 400; ++i) other->append(as_bytes("other"));
  ASSERT_TRUE(other->commit().has_value());
  EXPECT_EQ(export_tiles(*other, signed_note(*other, 400), out_, "out").error().code, "journal/bad_tiles");
  EXPECT_EQ(export_tiles(*log_, signed_note(*log_, 299), out_, "out").error().code, "journal/bad_tiles");
  EXPECT_EQ(export_tiles(*log_, signed_note(*other, 400), out_, "out").error().code, "journal/bad_note");
  EXPECT_EQ(import_code(), "");
}

RC_GTEST_PROP(TilesProperty, export_and_import_give_the_same_journal, ()) {
  MemoryDisk disk, out, back_disk;
  SerialExecutor executor;
  auto log = std::move(*Log::open(disk, executor, test_origin()));
  const int exports = *rc::gen::inRange(1, 4);
  for (int e = 0; e < exports; ++e) {
    const int more = *rc::gen::inRange(0, 700);
    for (int i = 0; i < more; ++i) log->append(as_bytes(std::string(static_cast<std::size_t>(i % 9), 'x')));
    RC_ASSERT(log->commit().has_value());
    RC_ASSERT(log->put_checkpoint(log->size(), signed_note(*log, log->size())).has_value());
    RC_ASSERT(export_tiles(*log, log->last_checkpoint(), out, "o").has_value());
  }
  auto back = std::move(*Log::open(back_disk, executor, test_origin()));
  const auto size = import_tiles(out, "o", *back);
  RC_ASSERT(size.has_value());
  RC_ASSERT(*size == log->size());
  RC_ASSERT(*content(*back) == *content(*log));
  RC_ASSERT(back->root() == log->root());
  RC_ASSERT(back->last_checkpoint() == log->last_checkpoint());
}

TEST_F(TilesTest, every_changed_byte_of_every_file_is_found_and_nothing_taken_in) {
  grow_to(300);
  export_all();
  for (const std::string& path : out_.paths()) {
    const std::uint64_t bits = out_.content(path).size() * 8;
    // The note's signature is not this function's to verify: there, the three signed lines.
    const std::uint64_t end = path == "out/checkpoint" ? as_text(out_.content(path)).find("\n\n") * 8 : bits;
    for (std::uint64_t bit = 0; bit < end; bit += 211) {
      out_.flip_bit(path, bit);
      EXPECT_NE(import_code(), "") << path << " bit " << bit;
      out_.flip_bit(path, bit);
    }
  }
  EXPECT_EQ(import_code(), "");
}

TEST_F(TilesTest, a_forged_entry_with_its_tile_forged_to_fit_is_found_by_the_root) {
  grow_to(10);
  export_all();
  Bytes& bundle = out_.content("out/tile/entries/000.p/10");
  const std::size_t at = as_text(bundle).find("entry 5");
  bundle[at] = std::byte{'E'};
  Bytes& tile = out_.content("out/tile/0/000.p/10");
  std::ranges::copy(leaf_hash(as_bytes("Entry 5")), tile.begin() + 5 * 32);
  EXPECT_EQ(import_code(), "journal/bad_tiles");
}

TEST_F(TilesTest, every_missing_cut_or_grown_file_is_found) {
  grow_to(600);
  export_all();
  for (const std::string& path : out_.paths()) {
    const Bytes whole = out_.content(path);
    out_.content(path).pop_back();
    EXPECT_NE(import_code(), "") << path << " cut";
    out_.content(path) = whole;
    if (path.find(".p/") == std::string::npos) {
      out_.content(path).push_back(std::byte{0});
      EXPECT_NE(import_code(), "") << path << " grown";
    }
    ASSERT_TRUE(out_.remove(path).has_value());
    EXPECT_NE(import_code(), "") << path << " missing";
    ASSERT_TRUE(out_.write_all(path, whole).has_value());
  }
  EXPECT_EQ(import_code(), "");
}

// The machine stops at each change: the same import again takes in the rest.
TEST_F(TilesTest, an_import_that_was_interrupted_goes_on_where_it_stood) {
  grow_to(5'000);
  export_all();
  for (const Left left : {Left::nothing, Left::torn, Left::all}) {
    std::uint64_t begun = 0;
    bool is_done = false;
    for (std::uint64_t stop = 1; !is_done; ++stop) {
      SCOPED_TRACE(stop);
      MemoryDisk disk;
      auto log = std::move(*Log::open(disk, executor_, test_origin()));
      disk.stop_at(stop, left);
      is_done = import_tiles(out_, "out", *log).has_value();
      disk.restart();
      log = std::move(*Log::open(disk, executor_, test_origin()));
      begun += log->size() > 0 && log->size() < 5'000 ? 1 : 0;
      if (log->last_checkpoint().empty()) {
        const auto again = import_tiles(out_, "out", *log);
        ASSERT_TRUE(again.has_value()) << again.error().text;
        EXPECT_EQ(*again, 5'000u);
      }
      EXPECT_EQ(log->root(), log_->root());
      EXPECT_EQ(log->last_checkpoint(), log_->last_checkpoint());
      EXPECT_EQ(*content(*log), *content(*log_));
    }
    EXPECT_GE(begun, 2u);
  }
}

TEST_F(TilesTest, an_import_goes_on_behind_the_first_entries_of_its_tree_alone) {
  grow_to(700);
  export_all();
  for (const std::uint64_t there : {1u, 300u, 512u, 700u, 701u}) {
    for (const bool is_same : {true, false}) {
      SCOPED_TRACE(there + (is_same ? 0 : 1'000));
      MemoryDisk disk;
      auto log = std::move(*Log::open(disk, executor_, test_origin()));
      for (std::uint64_t i = 0; i < there; ++i)
        log->append(as_bytes((is_same || i + 1 < there ? "entry " : "other ") + std::to_string(i)));
      ASSERT_TRUE(log->commit().has_value());
      const auto got = import_tiles(out_, "out", *log);
      EXPECT_EQ(got.has_value(), is_same && there <= 700) << (got ? "" : got.error().text);
      EXPECT_EQ(log->size(), got ? 700 : there);
      if (got) {
        EXPECT_EQ(*content(*log), *content(*log_));
      } else {
        EXPECT_EQ(got.error().code, "journal/bad_tiles");
      }
    }
  }
}

TEST_F(TilesTest, import_wants_an_empty_journal_of_the_same_origin) {
  grow_to(10);
  export_all();
  EXPECT_EQ(import_tiles(out_, "out", *log_).error().code, "journal/bad_tiles");
  MemoryDisk disk;
  auto other = std::move(*Log::open(disk, executor_, test_origin(2)));
  EXPECT_EQ(import_tiles(out_, "out", *other).error().code, "journal/bad_tiles");
  EXPECT_EQ(other->size(), 0u);
}

}  // namespace
}  // namespace holdfast::journal
