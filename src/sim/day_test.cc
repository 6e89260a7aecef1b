// Whole days with every fault on.
#include "sim/day.h"

#include <gtest/gtest.h>

#include "sim/night.h"

namespace holdfast::sim {
namespace {

NightOptions night() {
  NightOptions out;
  out.day.stores = 3;
  out.day.steps = 120;
  return out;
}

TEST(Day, a_seed_gives_the_same_states_faults_and_counts_each_time) {
  for (const std::uint64_t seed : {1u, 2u}) {
    const DayResult first = run_day(day_of(night(), seed)), again = run_day(day_of(night(), seed));
    EXPECT_EQ(first.broken, "") << "seed " << seed;
    EXPECT_EQ(first.state, again.state) << "seed " << seed;
    EXPECT_EQ(first.acknowledged, again.acknowledged);
    for (const FaultKind& kind : fault_kinds()) {
      EXPECT_EQ(first.faults.count(kind.fault).fired, again.faults.count(kind.fault).fired) << kind.name;
      EXPECT_EQ(first.faults.count(kind.fault).bit, again.faults.count(kind.fault).bit) << kind.name;
    }
  }
  EXPECT_NE(run_day(day_of(night(), 1)).state, run_day(day_of(night(), 3)).state);
}

TEST(Day, with_spares_promoted_breaks_no_law) {
  std::uint64_t promoted = 0;  // on some of these days no store is fit when it is due
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    DayOptions day = day_of(night(), seed);
    day.steps = 200;
    day.spares = day.stores;
    const DayResult result = run_day(day);
    EXPECT_EQ(result.broken, "") << "seed " << seed;
    promoted += result.faults.count(Fault::machine_spare_promoted).fired;
  }
  EXPECT_GE(promoted, 2u);
}

TEST(Day, without_faults_does_nothing_but_trade) {
  DayOptions day = day_of(night(), 5);
  ASSERT_TRUE(day.faults.read("all 0").has_value());
  const DayResult result = run_day(day);
  EXPECT_EQ(result.broken, "");
  EXPECT_GT(result.trade.sales, 100u);
  EXPECT_GT(result.cosigned, 0u);
  for (const FaultKind& kind : fault_kinds()) EXPECT_EQ(result.faults.count(kind.fault).fired, 0u) << kind.name;
}

TEST(Day, of_a_shop_sells_each_20_s_at_a_till_and_only_while_it_is_open) {
  NightOptions options = night();
  options.day.is_shop = options.day.closes_at_night = true;
  options.day.steps = steps_an_hour / 4;
  DayOptions day = day_of(options, 1);
  ASSERT_TRUE(day.faults.read("all 0").has_value());
  const DayResult open = run_day(day);
  EXPECT_EQ(open.broken, "");
  // Nine tills, 15 min of 20 s each: 405, less the refunds.
  EXPECT_NEAR(static_cast<double>(open.trade.sales + open.trade.refunds), 405, 80);
}

TEST(Day, shows_how_far_it_is_after_each_hour) {
  NightOptions options = night();
  options.day.stores = 2;
  options.day.is_shop = true;
  options.day.steps = steps_an_hour + 10;
  options.may_stand_in = true;
  DayOptions day = day_of(options, 1);
  ASSERT_TRUE(day.faults.read("all 0").has_value());
  std::vector<unsigned> steps;
  std::uint64_t sales = 0;
  day.each_hour = [&](const DayResult& so_far) {
    steps.push_back(so_far.step + 1);
    sales = so_far.trade.sales;
  };
  const DayResult result = run_day(day);
  EXPECT_EQ(result.broken, "");
  EXPECT_EQ(steps, std::vector{steps_an_hour});
  EXPECT_GT(sales, 0u);
  EXPECT_LE(sales, result.trade.sales);
}

TEST(Night, a_seed_says_what_is_not_said) {
  NightOptions options;
  options.may_stand_in = true;
  EXPECT_EQ(day_of(options, 50).signatures, Signatures::real);
  EXPECT_EQ(day_of(options, 51).signatures, Signatures::stand_in);
  EXPECT_EQ(day_of(options, 50).lying_mirrors, 0u);
  EXPECT_EQ(day_of(options, 51).lying_mirrors, 1u);
  EXPECT_EQ(day_of(options, 51).spares, 1u);
  options.liars = 0;
  options.spares = 0;
  EXPECT_EQ(day_of(options, 51).lying_mirrors, 0u);
  EXPECT_EQ(day_of(options, 51).spares, 0u);
  options.liars.reset();
  options.spares.reset();
  options.day.stores = 2;
  EXPECT_EQ(day_of(options, 51).lying_mirrors, 0u) << "a fourth mirror needs a third store";
  EXPECT_EQ(day_of(options, 51).spares, 0u);
}

}  // namespace
}  // namespace holdfast::sim
