// How a tail is cut into messages.
#include "core/recovery/readmit.h"

#include <gtest/gtest.h>

#include "core/fold/event.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::recovery {
namespace {

class NextPiece : public testing::Test {
 protected:
  void append(std::size_t bytes) { log_->append(Bytes(bytes, std::byte{'x'})); }
  // First entry and count of each, from `first` on.
  std::vector<std::pair<EntryIndex, std::size_t>> pieces(EntryIndex first) {
    std::vector<std::pair<EntryIndex, std::size_t>> out;
    while (true) {
      const auto piece = next_piece(*log_, first, log_->size());
      EXPECT_TRUE(piece.has_value());
      if (!piece || !*piece) return out;
      out.emplace_back((*piece)->first, (*piece)->entries.size());
      first = (*piece)->first + (*piece)->entries.size();
    }
  }
  using Pieces = std::vector<std::pair<EntryIndex, std::size_t>>;

  journal::MemoryDisk disk_;
  SerialExecutor executor_;
  std::unique_ptr<journal::Log> log_ = *journal::Log::open(disk_, executor_, journal::test_origin());
};

TEST_F(NextPiece, has_about_a_mebibyte) {
  for (int i = 0; i < 50; ++i) append(60'000);
  ASSERT_TRUE(log_->commit());
  EXPECT_EQ(pieces(0), (Pieces{{0, 17}, {17, 17}, {34, 16}}));
  EXPECT_EQ(pieces(48), (Pieces{{48, 2}}));
  EXPECT_EQ(pieces(50), Pieces());
}

TEST_F(NextPiece, keeps_the_parts_of_an_event_together) {
  const fold::Event large{Instant{}, std::nullopt,
                          fold::TailListed{{}, {journal::test_origin(), 5}, "why", Bytes(2'000'000, std::byte{'n'})}};
  append(60'000);
  const std::vector<Bytes> parts = fold::encode(large);
  for (const Bytes& part : parts) log_->append(part);
  append(60'000);
  ASSERT_TRUE(log_->commit());
  ASSERT_GT(parts.size(), 20u);
  EXPECT_EQ(pieces(0), (Pieces{{0, 1 + parts.size()}, {1 + parts.size(), 1}}));
}

}  // namespace
}  // namespace holdfast::recovery
