// A day that breaks a law, made smaller before it is shown: fewer sites, shorter, fewer kinds of faults.
//
// Shape:  greedy; every change is kept if the day still breaks the same law. Each kind of fault draws from its own
//         stream (mishaps.h), so that leaving one out moves the others as little as can be.
#pragma once

#include <functional>
#include <string>

#include "sim/day.h"

namespace holdfast::sim {

struct Smaller {
  DayOptions options;
  std::string broken;  // by it
  unsigned runs = 0;   // days that were tried
};
// `found`: what run_day(options) has said. At most so many days are run.
Smaller make_smaller(const DayOptions& options, const DayResult& found, unsigned runs_max = 60,
                     const std::function<DayResult(const DayOptions&)>& run = run_day);

}  // namespace holdfast::sim
