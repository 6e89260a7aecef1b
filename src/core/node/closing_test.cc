// Which epoch continues an ended one, and whether a copy holds what that one kept.
#include "core/node/closing.h"

#include <gtest/gtest.h>

#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::node {
namespace {
using journal::test_origin;

// Epoch `epoch` goes on from `old`, of which it kept `kept` entries.
chain::Registration registration(std::uint32_t epoch, std::uint32_t old, std::uint64_t kept = 1, Hash root = {}) {
  chain::Registration out;
  out.certificate.chain = test_origin().chain;
  out.certificate.site = test_origin().site;
  out.certificate.epoch = epoch;
  out.old_origin = test_origin(old);
  out.kept_size = kept;
  out.kept_root = root;
  return out;
}

struct Ring {
  explicit Ring(const std::vector<chain::Registration>& registrations) {
    file.sites.resize(1);
    file.sites[0].name = test_origin().site;
    keys.emplace(file);
    for (const chain::Registration& r : registrations) keys->add(r);
  }
  chain::ChainFile file;
  std::optional<sync::KeyRing> keys;
};

std::uint32_t successor(const std::vector<chain::Registration>& registrations, std::uint32_t of) {
  const Ring ring(registrations);
  const chain::Registration* next = successor_in(*ring.keys, test_origin(of));
  return next == nullptr ? 0 : next->certificate.epoch;
}

std::optional<std::uint64_t> kept(const std::vector<chain::Registration>& registrations, std::uint32_t of) {
  return kept_of(*Ring(registrations).keys, test_origin(of));
}

TEST(Successor, of_an_epoch_is_the_one_that_went_on_from_it) {
  EXPECT_EQ(successor({}, 1), 0u);
  EXPECT_EQ(successor({registration(2, 1), registration(3, 2)}, 1), 2u);
  EXPECT_EQ(successor({registration(2, 1), registration(3, 2)}, 2), 3u);
  EXPECT_EQ(successor({registration(2, 1), registration(3, 2)}, 3), 0u);
}

// Seed 822: a machine was registered and lost before anything of its epoch was kept, and another took the same end.
TEST(Successor, is_no_epoch_of_which_nothing_came) {
  EXPECT_EQ(successor({registration(2, 1), registration(3, 1)}, 1), 3u) << "3 passed 2 over";
  EXPECT_EQ(successor({registration(2, 1), registration(3, 1), registration(4, 2)}, 1), 2u) << "4 rests on 2, not on 3";
  EXPECT_EQ(successor({registration(2, 1), registration(3, 1), registration(4, 2)}, 3), 0u);
}

TEST(Successor, is_the_highest_known_while_the_way_from_the_newest_is_not) {
  EXPECT_EQ(successor({registration(2, 1), registration(3, 1), registration(6, 5)}, 1), 3u);
}

TEST(KeptOf, an_epoch_is_what_the_next_one_says) {
  EXPECT_EQ(kept({}, 1), std::nullopt);
  EXPECT_EQ(kept({registration(2, 1, 7), registration(3, 2, 5)}, 1), 7u);
  EXPECT_EQ(kept({registration(2, 1, 7), registration(3, 2, 5)}, 2), 5u);
  EXPECT_EQ(kept({registration(2, 1, 7), registration(3, 2, 5)}, 3), std::nullopt);
}

// 5.4: a clean point lay in an older epoch than the last.
TEST(KeptOf, an_epoch_that_was_passed_over_is_nothing) {
  EXPECT_EQ(kept({registration(2, 1, 7), registration(3, 1, 4)}, 1), 4u);
  EXPECT_EQ(kept({registration(2, 1, 7), registration(3, 1, 4)}, 2), 0u);
  const std::vector<chain::Registration> two = {registration(2, 1, 7), registration(3, 2, 5), registration(4, 1, 4)};
  EXPECT_EQ(kept(two, 2), 0u) << "though 3 had gone on from it";
  EXPECT_EQ(kept(two, 3), 0u);
  EXPECT_EQ(kept({registration(3, 1, 4)}, 2), std::nullopt) << "its registration does not count here";
}

TEST(KeptOf, an_epoch_behind_which_one_is_not_known_is_not_taken_for_passed_over) {
  EXPECT_EQ(kept({registration(3, 2, 5)}, 1), std::nullopt);
  EXPECT_EQ(kept({registration(2, 1, 7), registration(4, 3, 9)}, 1), 7u);
}

class DiffersFromKept : public testing::Test {
 protected:
  DiffersFromKept() {
    for (const char* entry : {"a", "b", "c"}) {
      const Bytes body = to_bytes(as_bytes(entry));
      owner_.append(leaf_hash(body));
      entries_.push_back(body);
    }
    const std::string note = journal::signed_note(test_origin(), owner_.size(), owner_.root());
    EXPECT_TRUE(copy_.take({test_origin(), 0, entries_, note}, journal::TestKey().open, nullptr, Instant{}));
  }
  std::optional<bool> differs(const chain::Registration& next) {
    const auto told = differs_from_kept(copy_, next);
    EXPECT_TRUE(told.has_value());
    return told.value_or(std::nullopt);
  }

  journal::MemoryDisk disk_;
  SerialExecutor executor_;
  journal::Tree owner_;
  std::vector<Bytes> entries_;
  sync::Replica copy_{std::move(*journal::Log::open(disk_, executor_, test_origin()))};
};

TEST_F(DiffersFromKept, a_copy_that_has_another_root_where_the_next_epoch_goes_on) {
  EXPECT_EQ(differs(registration(2, 1, 3, owner_.root())), false);
  EXPECT_EQ(differs(registration(2, 1, 2, *copy_.log().root_at(2))), false);
  EXPECT_EQ(differs(registration(2, 1, 2, owner_.root())), true);
}

TEST_F(DiffersFromKept, cannot_be_told_of_a_copy_that_is_shorter) {
  EXPECT_EQ(differs(registration(2, 1, 4, owner_.root())), std::nullopt);
}

TEST_F(DiffersFromKept, no_copy_of_what_a_promoted_spare_goes_on_from) {
  chain::Registration next = registration(2, 1, 2, owner_.root());
  next.certificate.spare = true;
  EXPECT_EQ(differs(next), false);
  EXPECT_EQ(differs(registration(2, 1, 0, owner_.root())), false) << "nothing was kept";
}

}  // namespace
}  // namespace holdfast::node
