// How long a replaced machine offers its tail (protocol 13.115).
#include "edge/serve/linger.h"

#include <gtest/gtest.h>

namespace holdfast::serve {
namespace {

using Step = Linger::Step;
constexpr Instant start{1'000'000'000'000};

TEST(Linger, a_machine_without_a_tail_stays_long_enough_to_be_heard) {
  Linger linger;
  EXPECT_EQ(linger.look(start, 0), Step::wait);
  EXPECT_EQ(linger.look(start + seconds(15), 0), Step::wait);
  EXPECT_EQ(linger.look(start + seconds(16), 0), Step::end);
}

// A tail of three days on a slow line: each piece takes minutes.
TEST(Linger, a_long_tail_is_offered_to_its_end_however_long_that_takes) {
  Linger linger;
  std::uint64_t left = 1000;
  Instant now = start;
  std::uint64_t told = 0;
  for (; left > 0; --left, now = now + seconds(240)) {
    const Step step = linger.look(now, left);
    ASSERT_NE(step, Step::end) << left;
    told += step == Step::tell ? 1 : 0;
  }
  EXPECT_EQ(linger.look(now, 0), Step::end) << "all of it is taken";
  EXPECT_GT(told, 100u);
  EXPECT_LT(told, 1000u) << "not in each round";
}

TEST(Linger, what_nobody_has_taken_for_a_day_is_left) {
  Linger linger;
  EXPECT_EQ(linger.look(start, 7), Step::tell);
  EXPECT_EQ(linger.look(start + seconds(61), 7), Step::wait) << "a mirror may be away for an hour";
  EXPECT_NE(linger.look(start + seconds(86'000), 7), Step::end);
  EXPECT_NE(linger.look(start + seconds(86'200), 6), Step::end);
  EXPECT_NE(linger.look(start + seconds(86'200) + days(1), 6), Step::end) << "a day from when the last was taken";
  EXPECT_EQ(linger.look(start + seconds(86'201) + days(1), 6), Step::end);
}

}  // namespace
}  // namespace holdfast::serve
