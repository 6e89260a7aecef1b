// A day that breaks a law is made smaller: with a law of this test's own, whose least day is known.
#include "sim/shrink.h"

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

// Breaks at step 40, if the network is cut and there are three stores.
DayResult breaks_when_cut(const DayOptions& day) {
  DayResult out;
  out.step = day.steps;
  if (day.stores < 3 || day.steps < 41 || day.faults.rate(Fault::net_cut) == 0) return out;
  out.broken = "this law: store-0" + std::to_string(day.stores) + " has broken it";
  out.step = 40;
  return out;
}

TEST(Shrink, leaves_the_least_day_that_breaks_the_same_law) {
  DayOptions day;
  day.stores = 9;
  day.spares = 1;
  day.lying_mirrors = 1;
  const DayResult found = breaks_when_cut(day);
  ASSERT_NE(found.broken, "");
  const Smaller smaller = make_smaller(day, found, 100, breaks_when_cut);
  EXPECT_EQ(smaller.options.stores, 3u);
  EXPECT_EQ(smaller.options.steps, 41u);
  EXPECT_EQ(smaller.options.spares, 0u);
  EXPECT_EQ(smaller.options.lying_mirrors, 0u);
  EXPECT_EQ(smaller.options.faults.names_on(), "net.cut");
  EXPECT_EQ(smaller.broken, "this law: store-03 has broken it");
}

TEST(Shrink, does_not_go_over_to_another_law) {
  const auto run = [](const DayOptions& day) {
    DayResult out = breaks_when_cut(day);
    if (day.stores < 5 && !out.broken.empty()) out.broken = "another law: broken";
    return out;
  };
  DayOptions day;
  day.stores = 9;
  const Smaller smaller = make_smaller(day, run(day), 100, run);
  EXPECT_EQ(smaller.options.stores, 5u);
}

TEST(Shrink, runs_no_more_days_than_it_is_let) {
  DayOptions day;
  const Smaller smaller = make_smaller(day, breaks_when_cut(day), 3, breaks_when_cut);
  EXPECT_EQ(smaller.runs, 3u);
}

}  // namespace
}  // namespace holdfast::sim
