// What a kept copy takes, and that nothing of what it refuses stays in it.
#include "core/sync/replica.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::sync {
namespace {

class ReplicaTest : public testing::Test {
 protected:
  // The owner's next entries, under its checkpoint.
  Entries next(std::size_t count) {
    Entries out{journal::test_origin(), owner_.size(), {}, {}};
    for (std::size_t i = 0; i < count; ++i) {
      out.entries.push_back(to_bytes(as_bytes("entry " + std::to_string(owner_.size()))));
      owner_.append(leaf_hash(out.entries.back()));
    }
    out.note = journal::signed_note(out.origin, owner_.size(), owner_.root());
    return out;
  }
  Status take(const Entries& entries, const chain::Bounds* bounds = nullptr) {
    return copy_.take(entries, journal::TestKey().open, bounds, now_);
  }
  std::string refusal(const Entries& entries, const chain::Bounds* bounds = nullptr) {
    const Status taken = take(entries, bounds);
    return taken ? "" : std::string(taken.error().code);
  }

  Instant now_;
  journal::MemoryDisk disk_;
  SerialExecutor executor_;
  journal::Tree owner_;
  Replica copy_{std::move(*journal::Log::open(disk_, executor_, journal::test_origin()))};
};

TEST_F(ReplicaTest, a_day_is_bounded_but_for_what_is_needed) {
  chain::Bounds bounds;
  bounds.mirror_entries_a_day = 10;
  ASSERT_TRUE(take(next(8), &bounds));
  const Entries more = next(8);
  EXPECT_EQ(refusal(more, &bounds), "sync/over_bound");
  EXPECT_EQ(copy_.size(), 8u);
  EXPECT_EQ(copy_.log().uncommitted_bytes(), 0u);
  ASSERT_TRUE(take(more));
  EXPECT_EQ(copy_.size(), 16u);
  EXPECT_EQ(copy_.log().root(), owner_.root());
}

TEST_F(ReplicaTest, what_a_day_did_not_allow_is_asked_for_once_on_the_next) {
  chain::Bounds bounds;
  bounds.mirror_entries_a_day = 10;
  ASSERT_TRUE(take(next(8), &bounds));
  EXPECT_FALSE(copy_.takes_again(now_));
  const Entries more = next(8);
  EXPECT_EQ(refusal(more, &bounds), "sync/over_bound");
  now_ = now_ + seconds(86'399);
  EXPECT_FALSE(copy_.takes_again(now_));
  now_ = now_ + seconds(1);
  EXPECT_TRUE(copy_.takes_again(now_));
  EXPECT_FALSE(copy_.takes_again(now_));
  EXPECT_TRUE(take(more, &bounds));
}

TEST_F(ReplicaTest, nothing_stays_of_entries_that_do_not_give_the_signed_root) {
  ASSERT_TRUE(take(next(300)));
  const Hash before = copy_.log().root();
  const Entries true_ones = next(300);
  Entries forged = true_ones;
  forged.entries[299].back() ^= std::byte{1};
  EXPECT_EQ(refusal(forged), "sync/contradiction");
  EXPECT_EQ(copy_.log().size(), 300u);
  EXPECT_EQ(copy_.log().root(), before);
  ASSERT_TRUE(take(true_ones));
  EXPECT_EQ(copy_.log().root(), owner_.root());
}

// The power failed between the entries and their checkpoint; then the same piece comes once more, or a longer one.
TEST_F(ReplicaTest, a_piece_that_comes_again_brings_the_checkpoint_of_what_is_here) {
  const auto store_unsigned = [this](const std::vector<Bytes>& entries) {
    for (const Bytes& e : entries) copy_.log().append(e);
    ASSERT_TRUE(copy_.log().commit());
  };
  ASSERT_TRUE(take(next(5)));
  const Entries piece = next(3);
  store_unsigned(piece.entries);
  ASSERT_EQ(copy_.signed_size(), 5u);
  ASSERT_TRUE(take(piece));
  EXPECT_EQ(copy_.signed_size(), 8u);

  Entries longer = next(2);
  store_unsigned(longer.entries);
  Entries more = next(4);
  std::ranges::move(more.entries, std::back_inserter(longer.entries));
  longer.note = more.note;
  Entries forged = longer;
  forged.entries.back().back() ^= std::byte{1};
  EXPECT_EQ(refusal(forged), "sync/contradiction");
  EXPECT_EQ(copy_.size(), 10u);
  EXPECT_EQ(copy_.signed_size(), 8u);
  ASSERT_TRUE(take(longer));
  EXPECT_EQ(copy_.signed_size(), 14u);
  EXPECT_EQ(copy_.log().root(), owner_.root());

  store_unsigned({to_bytes(as_bytes("another history"))});
  EXPECT_EQ(refusal(next(1)), "sync/contradiction");
  EXPECT_EQ(copy_.signed_size(), 14u);
}

TEST_F(ReplicaTest, a_piece_ends_at_a_checkpoint_and_reaches_to_the_next_if_there_is_none_within_2_MiB) {
  const std::string large(60'000, 'x');
  journal::Log& log = copy_.log();
  const auto commit = [&](int count) {
    for (int i = 0; i < count; ++i) log.append(as_bytes(large));
    ASSERT_TRUE(log.commit());
    ASSERT_TRUE(log.put_checkpoint(log.size(), journal::signed_note(log, log.size())));
  };
  commit(20);
  commit(30);  // 2 MiB end among these
  commit(50);  // and here is no checkpoint within them
  const auto sizes = [&](EntryIndex first) {
    const auto piece = next_chunk(log, first, 0);
    return piece && *piece ? (*piece)->entries.size() : 0;
  };
  EXPECT_EQ(sizes(0), 20u);
  EXPECT_EQ(sizes(20), 30u);
  EXPECT_EQ(sizes(50), 50u);
  EXPECT_EQ(sizes(100), 0u);
}

// Or it could not be given on: a message may be larger than what fits beside a note of any size.
TEST_F(ReplicaTest, a_piece_that_no_piece_can_hold_is_not_taken) {
  const Bytes large = to_bytes(as_bytes(std::string(65'535, 'x')));
  Entries all{journal::test_origin(), 0, std::vector<Bytes>(126, large), {}};
  for (const Bytes& e : all.entries) owner_.append(leaf_hash(e));
  all.note = journal::signed_note(all.origin, owner_.size(), owner_.root());
  ASSERT_LT(encode(all).size(), message_bytes_max);
  EXPECT_EQ(refusal(all), "sync/bad_entries");
  EXPECT_EQ(copy_.log().size(), 0u);
}

TEST_F(ReplicaTest, a_piece_is_never_more_than_a_message) {
  journal::Log& log = copy_.log();
  const auto commit = [&](std::size_t count, std::size_t bytes) {
    const std::string entry(bytes, 'x');
    for (std::size_t i = 0; i < count; ++i) log.append(as_bytes(entry));
    ASSERT_TRUE(log.commit());
    ASSERT_TRUE(log.put_checkpoint(log.size(), journal::signed_note(log, log.size())));
  };
  commit(120, 65'535);
  commit(message_items_max, 1);
  commit(140, 65'535);
  commit(message_items_max + 1, 1);
  for (const EntryIndex first : {EntryIndex{0}, EntryIndex{120}}) {
    const auto piece = next_chunk(log, first, 0);
    ASSERT_TRUE(piece.has_value() && piece->has_value());
    const Bytes message = encode(**piece);
    EXPECT_LE(message.size(), message_bytes_max);
    EXPECT_TRUE(decode(message).has_value());
  }
  for (const std::size_t before : {120 + message_items_max, 120 + message_items_max + 140}) {
    const auto piece = next_chunk(log, before, 0);
    ASSERT_FALSE(piece.has_value());
    EXPECT_EQ(piece.error().code, "sync/no_checkpoint");
  }
}

}  // namespace
}  // namespace holdfast::sync
