// A journal to be damaged, and somebody who has everything that is in it: what the tests of repair and scrub share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/journal/format.h"
#include "core/journal/log.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::journal {

using Texts = std::vector<std::string>;
using Holes = std::vector<Hole>;

// Twelve commits of five entries of about 1,200 bytes each (two blocks a record), a checkpoint behind every third.
class LogRepair : public testing::Test {
 protected:
  void SetUp() override {
    auto log = open();
    for (std::size_t c = 0; c < 12; ++c) {
      for (std::size_t i = 0; i < 5; ++i) {
        expected_.push_back(std::to_string(c * 5 + i) + std::string(1'200, static_cast<char>('a' + c)));
        log->append(as_bytes(expected_.back()));
      }
      ASSERT_TRUE(log->commit().has_value());
      if (c == 5) mark_in_the_middle_ = log->mark();
      if (c % 3 != 2) continue;
      ASSERT_TRUE(log->put_checkpoint(log->size(), signed_note(*log, log->size())).has_value());
    }
    mark_ = log->mark();
  }
  std::unique_ptr<Log> open(const std::optional<LogMark>& mark = std::nullopt) {
    auto log = Log::open(disk_, executor_, test_origin(), mark);
    EXPECT_TRUE(log.has_value()) << log.error().text;
    return log ? std::move(*log) : nullptr;
  }
  std::string segment() const { return Log::directory(test_origin()) + "/" + segment_name(0); }
  // The first block of commit number c: two blocks a commit, one a checkpoint.
  static std::uint64_t block_of(std::uint64_t c) { return 1 + 2 * c + c / 3; }
  void rot(std::uint64_t block, std::size_t at = 100) { disk_.flip_bit(segment(), (block * block_bytes + at) * 8); }
  std::vector<Piece> pieces(const Holes& holes) const {
    std::vector<Piece> out;
    for (const Hole& hole : holes) {
      Piece piece{hole.first, {}};
      for (EntryIndex i = hole.first; i < hole.end; ++i) piece.entries.push_back(to_bytes(as_bytes(expected_[i])));
      out.push_back(std::move(piece));
    }
    return out;
  }
  // As a machine does it, until nothing is missing.
  void mend_all(Log& log) {
    for (int i = 0; i < 100 && (log.has_holes() || log.hashed_size() < log.size()); ++i) {
      const Holes wanted = log.wanted();
      if (wanted.empty()) {
        ASSERT_TRUE(log.hash_on(1u << 20).has_value());
      } else {
        const Status done = log.mend(pieces(wanted));
        ASSERT_TRUE(done.has_value()) << done.error().text;
      }
    }
  }
  void expect_whole(Log& log) {
    EXPECT_EQ(log.holes(), Holes());
    EXPECT_EQ(log.hashed_size(), expected_.size());
    EXPECT_EQ(*content(log), expected_);
    EXPECT_EQ(log.root(), root_of(expected_));
  }
  // Now, at the next start, and after one more commit and start.
  void expect_whole_for_good(std::unique_ptr<Log> log) {
    expect_whole(*log);
    log = open();
    expect_whole(*log);
    expected_.push_back("one more");
    log->append(as_bytes(expected_.back()));
    ASSERT_TRUE(log->commit().has_value());
    expect_whole(*log);
    expect_whole(*open());
  }

  MemoryDisk disk_;
  SerialExecutor executor_;
  Texts expected_;
  LogMark mark_, mark_in_the_middle_;
};

}  // namespace holdfast::journal
