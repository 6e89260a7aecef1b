#include "sim/night.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "sim/shrink.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t real_each_seeds = 50;
constexpr std::uint64_t steps_to_ask_all = 6000;            // after which each law must have been looked at
constexpr std::uint64_t sales_to_ask_all = 10'000;          // after which each kind of trade must have been asked for
constexpr std::uint64_t seeds_a_line = 100;                 // of a long night
constexpr unsigned steps_without_word = 4 * steps_an_hour;  // a longer day says on stderr how far it is

volatile std::sig_atomic_t stop_asked = 0;

// Days that were signed in one way.
struct Share {
  std::uint64_t days = 0;
  double simulated_seconds = 0, wall_seconds = 0;
};

std::string replay_command(const NightOptions& night, const DayOptions& day) {
  const std::string names = day.faults.names_on();
  return fmt::format(
      "holdfast-sim --seed {} --sites {} --steps {} --spares {} --liars {} --calm {}{}{}{}{} --only {} "
      "--trace",
      day.seed, day.stores + 2, day.steps, day.spares, day.lying_mirrors, day.calm, day.is_shop ? " --shop" : "",
      day.closes_at_night ? " --nights" : "", night.may_stand_in ? " --stand-in" : "",
      night.faults_file.empty() ? "" : " --faults " + night.faults_file, names.empty() ? "none" : names);
}

class Night {
 public:
  explicit Night(const NightOptions& options) : options_(options) { faults_ = options.day.faults; }

  int run() {
    const std::uint64_t first = options_.day.seed;
    for (std::uint64_t i = 0; (options_.seeds == 0 || i < options_.seeds) && stop_asked == 0; ++i) {
      play(day_of(options_, first + i));
      if ((options_.seeds == 0 || options_.seeds > seeds_a_line) && (i + 1) % seeds_a_line == 0) {
        fmt::print("{} seeds from {} on: laws broken {}\n", i + 1, first, broken_);
        std::fflush(stdout);
      }
    }
    print_sums(first);
    print_faults();
    print_laws();
    return verdict();
  }

 private:
  void play(const DayOptions& day) {
    const auto began = std::chrono::steady_clock::now();
    DayOptions watched = day;
    if (day.steps > steps_without_word)
      watched.each_hour = [&day](const DayResult& so_far) {
        fmt::print(stderr, "seed {}: {} of {} hours, {} sales\n", day.seed, (so_far.step + 1) / steps_an_hour,
                   day.steps / steps_an_hour, so_far.trade.sales);
      };
    const DayResult result = run_day(watched);
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (!result.broken.empty()) {
      ++broken_;
      show_broken(day, result);
    } else if (options_.prints_states || options_.seeds == 1) {
      fmt::print("seed {}: state {}\n", day.seed, to_hex(result.state));
    }
    Share& share = day.signatures == Signatures::real ? real_ : stand_in_;
    ++share.days;
    share.simulated_seconds += result.simulated_seconds;
    share.wall_seconds += wall;
    trade_ += result.trade;
    acknowledged_ += result.acknowledged;
    cosigned_ += result.cosigned;
    faults_.add_counts(result.faults);
    played_.add_all(result.played);
    laws_.resize(result.laws.size());
    for (std::size_t i = 0; i < laws_.size(); ++i)
      laws_[i] = {result.laws[i].law, laws_[i].exercised + result.laws[i].exercised};
  }

  void show_broken(const DayOptions& day, const DayResult& result) {
    fmt::print("seed {}: LAW BROKEN: {}\n  replay: {}\n", day.seed, result.broken, replay_command(options_, day));
    std::fflush(stdout);
    if (day.trace || options_.leaves_as_is) return;  // somebody is looking at it already
    keep(day, fmt::format("seed {}: {}\n  {}\n", day.seed, result.broken, replay_command(options_, day)));
    const Smaller smaller = make_smaller(day, result);
    const std::string text = fmt::format("seed {}: {}\n  {}\n  smaller, after {} days: {}\n  {}\n", day.seed,
                                         result.broken, replay_command(options_, day), smaller.runs, smaller.broken,
                                         replay_command(options_, smaller.options));
    fmt::print("{}", text);
    std::fflush(stdout);
    keep(day, text);
  }

  void keep(const DayOptions& day, const std::string& text) const {
    if (options_.keep.empty()) return;
    const std::string path = fmt::format("{}/seed-{}.txt", options_.keep, day.seed);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return fmt::print(stderr, "{} cannot be written\n", path);
    fmt::print(file, "{}", text);
    std::fclose(file);
  }

  void print_sums(std::uint64_t first) const {
    const DayOptions& day = options_.day;
    const double hours = (real_.simulated_seconds + stand_in_.simulated_seconds) / 3600;
    fmt::print("{} seeds from {} on, {} sites, {} steps of {} ms{}: laws broken {}\n", real_.days + stand_in_.days,
               first, day.stores + 2, day.steps, step_takes.ns / 1'000'000, day.is_shop ? " at a shop's pace" : "",
               broken_);
    fmt::print("{:.0f} site-hours, {} sales, {} refunds, {} acknowledged, {} cosigned checkpoints\n",
               hours * (day.stores + 2), trade_.sales, trade_.refunds, acknowledged_, cosigned_);
    fmt::print("asked for: {} movements of goods, {} price lists, {} held lists accepted\n", trade_.movements,
               trade_.price_lists, trade_.accepted);
    for (const auto& [how, share] : {std::pair(Signatures::real, real_), std::pair(Signatures::stand_in, stand_in_)})
      if (share.days > 0)
        fmt::print("signed with {}: {} days, simulated / wall time {:.0f}\n", to_text(how), share.days,
                   share.simulated_seconds / std::max(share.wall_seconds, 1e-9));
  }

  void print_faults() const {
    fmt::print("  fault                      fired    changed something\n");
    for (const FaultKind& kind : fault_kinds()) {
      const FaultCount& count = faults_.count(kind.fault);
      if (faults_.rate(kind.fault) == 0 && count.fired + count.bit == 0) continue;
      fmt::print("  {:24} {:>7} {:>7}\n", kind.name, count.fired, count.bit);
    }
  }

  void print_laws() const {
    fmt::print("  law                                                  looked at\n");
    for (const auto& law : laws_) fmt::print("  {:50} {:>11}\n", law.law, law.exercised);
  }

  int verdict() const {
    const std::string idle = faults_.below_minimum(played_);
    if (!idle.empty()) fmt::print("FAULTS BELOW THEIR MINIMUM:\n{}", idle);
    // A short night, or one of few faults, may not come to each law.
    bool is_asleep = false;
    if (broken_ == 0 && played_.on(Days::all) >= steps_to_ask_all && options_.day.faults.text() == Faults().text())
      for (const auto& law : laws_) {
        if (law.exercised > 0) continue;
        is_asleep = true;
        fmt::print("A LAW WAS NEVER LOOKED AT: {}\n", law.law);
      }
    // What moves no goods, and holds no price list back, proves nothing of those.
    const bool is_shut =
        trade_.sales >= sales_to_ask_all && (trade_.movements == 0 || trade_.price_lists == 0 || trade_.accepted == 0);
    if (is_shut) fmt::print("NO GOODS MOVED, OR NO PRICES WERE CHANGED, HELD BACK AND ACCEPTED\n");
    return broken_ == 0 && idle.empty() && !is_asleep && !is_shut ? 0 : 1;
  }

  NightOptions options_;
  Faults faults_;
  Played played_;
  Share real_, stand_in_;
  Trade::Counts trade_;
  std::uint64_t broken_ = 0, acknowledged_ = 0, cosigned_ = 0;
  std::vector<audit::Auditor::Count> laws_;
};

}  // namespace

DayOptions day_of(const NightOptions& options, std::uint64_t seed) {
  DayOptions day = options.day;
  day.seed = seed;
  const bool has_room = day.stores >= 3;  // for a store that mirrors no more, and for a fourth mirror
  day.spares = options.spares.value_or(has_room ? 1 : 0);
  day.lying_mirrors = options.liars.value_or(has_room ? static_cast<unsigned>(seed % 2) : 0);
  day.signatures = options.may_stand_in && seed % real_each_seeds != 0 ? Signatures::stand_in : Signatures::real;
  return day;
}

int run_night(const NightOptions& options) { return Night(options).run(); }
void stop_night() { stop_asked = 1; }

}  // namespace holdfast::sim
