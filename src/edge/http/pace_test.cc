#include "edge/http/pace.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

Instant at(std::int64_t ms) { return Instant{} + seconds(1000) + milliseconds(ms); }

TEST(Pace, a_burst_then_so_much_a_second_and_each_asker_for_itself) {
  Pace pace;
  const Rate little = a_second(10, 2);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(pace.begin("a", little, 1, at(0))) << i;
  const auto wait = pace.begin("a", little, 1, at(0));
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, milliseconds(500));
  EXPECT_FALSE(pace.begin("b", little, 1, at(0)));
  EXPECT_TRUE(pace.begin("a", little, 1, at(499)));
  EXPECT_FALSE(pace.begin("a", little, 1, at(500))) << "what was refused has cost nothing";
  EXPECT_TRUE(pace.begin("a", little, 3, at(1900)));
  EXPECT_FALSE(pace.begin("a", little, 3, at(2000)));
  EXPECT_FALSE(pace.begin("a", little, 10, at(100'000))) << "the burst is whole again, and no more than that";
  EXPECT_TRUE(pace.begin("a", little, 1, at(100'000)));
}

TEST(Pace, a_flood_of_askers_is_bounded_and_takes_nothing_from_those_who_are_known) {
  Pace pace;
  const Rate little = a_second(10, 2);
  EXPECT_FALSE(pace.begin("till/1", little, 9, at(0)));
  int taken = 0;
  for (std::size_t i = 0; i < 3 * Pace::askers_max; ++i)
    if (!pace.begin("address " + std::to_string(i), little, 1, at(1))) ++taken;
  EXPECT_LE(taken, static_cast<int>(Pace::askers_max) + 10);
  EXPECT_FALSE(pace.begin("till/1", little, 1, at(1)));
  EXPECT_FALSE(pace.begin("somebody new", little, 1, at(60'000))) << "the old ones are forgotten";
}

TEST(Pace, a_device_is_one_asker_by_whatever_address_of_its_network) {
  EXPECT_EQ(asker_of_address("192.168.1.7"), "192.168.1.7");
  EXPECT_EQ(asker_of_address("fd00::1"), asker_of_address("fd00::2:3"));
  EXPECT_NE(asker_of_address("fd00::1"), asker_of_address("fd00:0:0:1::1"));
  EXPECT_EQ(asker_of_address("fe80::1%eth0"), asker_of_address("fe80::2"));
  EXPECT_NE(asker_of_address("::ffff:192.168.1.7"), asker_of_address("::ffff:192.168.1.8"));
}

}  // namespace
}  // namespace holdfast::http
