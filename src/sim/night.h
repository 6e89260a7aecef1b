// Many simulated days from consecutive seeds, and what came of them.
//
// Shape:  a seed stands for a whole day: what is not said follows from it, so that the days of a night differ (day_of).
//         A day that breaks a law is made smaller, shown with the command that replays it, and kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/day.h"

namespace holdfast::sim {

struct NightOptions {
  DayOptions day;
  std::uint64_t seeds = 1;         // from day.seed on; 0: until stop_night()
  std::optional<unsigned> spares;  // said; else the last of three or more stores has one
  std::optional<unsigned> liars;   // said; else each odd seed's chain bears one, if it has three stores
  bool may_stand_in = false;       // a keyed hash for Ed25519, but on every fiftieth seed
  bool prints_states = false;      // of each day
  bool leaves_as_is = false;       // a day that breaks a law is not made smaller
  std::string faults_file, keep;   // keep: a directory for days that break a law
};
DayOptions day_of(const NightOptions& options, std::uint64_t seed);

// Runs it and prints the tables. Exit code 1: a law was broken; or a fault stayed below its minimum, or a law was never
// looked at, in so many days that this says something.
int run_night(const NightOptions& options);
void stop_night();  // after the day that is on; also from a signal

}  // namespace holdfast::sim
