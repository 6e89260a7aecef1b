// One simulated day with faults: everything from one seed; laws checked all along and, when the faults have stopped, at
// rest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/trade.h"

namespace holdfast::sim {

struct DayResult;

// A busy day has two writes of tills a step in the whole chain, and its faults as often as their rates say: an hour's
// worth in a minute. A shop's day is as long as it is: three tills a store, a sale every 20 s at each while the shop is
// open, and faults so many times (`calm`) more rarely.
struct DayOptions {
  std::uint64_t seed = 1;
  unsigned stores = 4;
  unsigned steps = 300;  // of step_takes
  unsigned spares = 0;   // stores that have one, from the last on; one of them opens on it
  unsigned lying_mirrors = 0;
  Signatures signatures = Signatures::real;
  bool is_shop = false;
  bool closes_at_night = false;  // open for 10 h of 24; disks are read through every four hours
  unsigned calm = 1;
  bool trace = false;  // tells the day on stdout
  Faults faults = {};  // how often each comes
  // Shown what has come of it so far after each simulated hour but the last.
  std::function<void(const DayResult&)> each_hour = {};
};
inline constexpr Duration step_takes = milliseconds(200);
inline constexpr unsigned steps_an_hour = 3600 * 5;
struct DayResult {
  std::string broken;  // the first law broken, or empty
  unsigned step = 0;   // in which it was; as many as there are: when the faults had stopped
  Hash state{};
  Trade::Counts trade;
  std::uint64_t acknowledged = 0, cosigned = 0;
  Faults faults;  // what fired, and what it changed
  Played played;
  std::vector<audit::Auditor::Count> laws;
  double simulated_seconds = 0;
};
DayResult run_day(const DayOptions& options);

}  // namespace holdfast::sim
