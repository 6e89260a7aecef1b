// holdfast-sim: simulated days with faults, replayed exactly from their seeds. How we know.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string_view>

#include "sim/day.h"

namespace {

constexpr std::string_view usage =
    "holdfast-sim [--seed N] [--seeds COUNT] [--stores S] [--steps N] [--spares] [--trace]\n"
    "  Runs COUNT simulated days from seed N on: a chain of S stores, head office and warehouse on simulated disks,\n"
    "  network and clocks, N steps of 200 ms with sales and faults, then peace; laws are checked all along.\n"
    "  The same seed gives the same states on any machine. Exit 1: a law was broken; the seed is printed.\n";

bool number(std::string_view text, std::uint64_t& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && stop == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1, seeds = 1, stores = 4, steps = 300;
  bool trace = false, spares = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      fmt::print("{}", usage);
      return 0;
    }
    if (name == "--spares") {
      spares = true;
      continue;
    }
    if (name == "--trace") {
      trace = true;
      continue;
    }
    std::uint64_t* value = name == "--seed"     ? &seed
                           : name == "--seeds"  ? &seeds
                           : name == "--stores" ? &stores
                           : name == "--steps"  ? &steps
                                                : nullptr;
    const char* given = ++i < argc ? argv[i] : nullptr;
    if (value == nullptr || given == nullptr || !number(given, *value) || stores < 2 || stores > 90) {
      fmt::print(stderr, "{} is not understood\n{}", name, usage);
      return 2;
    }
  }
  holdfast::sim::DayResult sum;
  std::uint64_t broken = 0;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const holdfast::sim::DayResult day =
        holdfast::sim::run_day({seed + i, static_cast<unsigned>(stores), static_cast<unsigned>(steps), trace, spares});
    if (!day.broken.empty()) {
      ++broken;
      fmt::print("seed {}: LAW BROKEN: {}\n  replay: holdfast-sim --seed {} --stores {} --steps {}{} --trace\n",
                 seed + i, day.broken, seed + i, stores, steps, spares ? " --spares" : "");
    } else if (seeds == 1) {
      fmt::print("seed {}: state {}\n", seed, holdfast::to_hex(day.state));
    }
    sum.sales += day.sales;
    sum.refunds += day.refunds;
    sum.acknowledged += day.acknowledged;
    sum.cosigned += day.cosigned;
    sum.power_cuts += day.power_cuts;
    sum.torn_writes += day.torn_writes;
    sum.links_cut += day.links_cut;
    sum.machines_destroyed += day.machines_destroyed;
    sum.old_machines_alive += day.old_machines_alive;
    sum.old_images += day.old_images;
    sum.spares_promoted += day.spares_promoted;
    sum.simulated_seconds += day.simulated_seconds;
  }
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  fmt::print(
      "{} seeds, {} sites: laws broken {}; {} sales, {} refunds, {} acknowledged, {} cosigned checkpoints; faults: {} "
      "power cuts ({} in a "
      "write), {} links cut, {} machines lost ({} alive after all), {} spares promoted, {} old images; simulated / "
      "wall time {:.0f}\n",
      seeds, stores + 2, broken, sum.sales, sum.refunds, sum.acknowledged, sum.cosigned, sum.power_cuts,
      sum.torn_writes, sum.links_cut, sum.machines_destroyed, sum.old_machines_alive, sum.spares_promoted,
      sum.old_images, sum.simulated_seconds / wall);
  return broken == 0 ? 0 : 1;
}
