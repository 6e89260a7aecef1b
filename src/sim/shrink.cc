#include "sim/shrink.h"

#include <algorithm>
#include <string_view>

namespace holdfast::sim {
namespace {

// Which law it is, without what it says of whom.
std::string kind_of(const std::string& broken) {
  std::string out;
  for (const char c : broken.substr(0, broken.find(':')))
    if (c != '-' && (c < '0' || c > '9')) out += c;
  return out.substr(0, out.find('/'));
}

class Shrinking {
 public:
  Shrinking(const DayOptions& options, const DayResult& found, unsigned runs_max,
            const std::function<DayResult(const DayOptions&)>& run)
      : best_{options, found.broken, 0}, step_(found.step), runs_max_(runs_max), run_(run) {
    best_.options.trace = false;
  }

  Smaller run() {
    DayOptions shorter = best_.options;
    shorter.steps = std::min(shorter.steps, step_ + 1);
    try_it(shorter);
    DayOptions honest = best_.options;
    honest.lying_mirrors = 0;
    if (best_.options.lying_mirrors > 0) try_it(honest);
    DayOptions without_spares = best_.options;
    without_spares.spares = 0;
    if (best_.options.spares > 0) try_it(without_spares);
    for (unsigned stores = best_.options.lying_mirrors > 0 ? 3 : 2; stores < best_.options.stores; ++stores) {
      DayOptions fewer = best_.options;
      fewer.stores = stores;
      fewer.spares = std::min(fewer.spares, stores);
      if (try_it(fewer)) break;
    }
    for (const std::string_view family : {"disk.", "net.", "machine.", "keys.", "people."}) {
      DayOptions without = best_.options;
      for (const FaultKind& kind : fault_kinds())
        if (kind.name.starts_with(family)) without.faults.set_rate(kind.fault, 0);
      if (without.faults.text() != best_.options.faults.text()) try_it(without);
    }
    bool is_smaller = true;
    while (is_smaller && best_.runs < runs_max_) {
      is_smaller = false;
      for (const FaultKind& kind : fault_kinds()) {
        if (best_.options.faults.rate(kind.fault) == 0) continue;
        DayOptions without = best_.options;
        without.faults.set_rate(kind.fault, 0);
        is_smaller = try_it(without) || is_smaller;
      }
    }
    for (unsigned steps = best_.options.steps / 2; steps > 0; steps /= 2) {
      DayOptions less = best_.options;
      less.steps -= std::min(steps, less.steps - 1);
      try_it(less);
    }
    return best_;
  }

 private:
  bool try_it(const DayOptions& options) {
    if (best_.runs >= runs_max_) return false;
    ++best_.runs;
    const DayResult day = run_(options);
    if (day.broken.empty() || kind_of(day.broken) != kind_of(best_.broken)) return false;
    best_.options = options;
    best_.options.steps = std::min(options.steps, day.step + 1);
    best_.broken = day.broken;
    return true;
  }

  Smaller best_;
  unsigned step_;
  unsigned runs_max_;
  const std::function<DayResult(const DayOptions&)>& run_;
};

}  // namespace

Smaller make_smaller(const DayOptions& options, const DayResult& found, unsigned runs_max,
                     const std::function<DayResult(const DayOptions&)>& run) {
  return Shrinking(options, found, runs_max, run).run();
}

}  // namespace holdfast::sim
