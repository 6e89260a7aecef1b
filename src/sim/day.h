// One simulated day with faults: everything from one seed; laws checked all along and, when the faults have stopped, at
// rest.
#pragma once

#include <cstdint>
#include <string>

#include "sim/chain.h"

namespace holdfast::sim {

struct DayOptions {
  std::uint64_t seed = 1;
  unsigned stores = 4;
  unsigned steps = 300;  // of 200 ms; in each a sale or two, and now and then a fault
  bool trace = false;    // tells each fault on stdout
  bool spares = false;   // each store has one, and one of them is promoted; no machine is rebuilt on that day
};
struct DayResult {
  std::string broken;  // the first law broken, or empty
  Hash state{};
  std::uint64_t sales = 0, refunds = 0, acknowledged = 0, cosigned = 0;
  std::uint64_t power_cuts = 0, torn_writes = 0, links_cut = 0, machines_destroyed = 0, old_images = 0,
                old_machines_alive = 0, spares_promoted = 0;
  double simulated_seconds = 0;
};
DayResult run_day(const DayOptions& options);

}  // namespace holdfast::sim
