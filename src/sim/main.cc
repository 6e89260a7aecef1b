// holdfast-sim: simulated days with faults, replayed exactly from their seeds. How we know.
#include <fmt/format.h>
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include "sim/command_line.h"
#include "sim/night.h"
#include "sim/scenario.h"

namespace {

using holdfast::sim::NightOptions;

constexpr std::string_view usage =
    "holdfast-sim [--seed N] [--seeds COUNT | --until-stopped] [--sites S] [--days D | --hours H | --steps N]\n"
    "             [--faults FILE] [--only NAME,NAME] [--trace] [--stand-in] [--states] [--keep DIR] ...\n"
    "holdfast-sim --scenario FILE | --list-faults\n"
    "  Runs simulated days from seed N on: a chain of S sites (head office, warehouse and stores) on simulated\n"
    "  disks, network and clocks, with trade and faults; then peace. Laws are checked all along. A seed gives the\n"
    "  same states on any machine and in any build.\n"
    "  --steps N     a busy day of N steps of 200 ms, two writes in each; 300 if nothing is said\n"
    "  --hours H     H hours of open shops, three tills each, a sale every 20 s at a till; faults 60 times rarer\n"
    "  --days D      likewise, D days of 24 h, open for 10; faults 240 times rarer, and disks are read\n"
    "                through every four hours instead of every ten minutes\n"
    "  --calm C      faults C times more rarely than their rates say\n"
    "  --faults FILE how often each fault comes: lines of \"NAME RATE\", so many in a thousand steps; \"all 0\" turns\n"
    "                all off. --list-faults prints such a file, with what each means. --only: no others\n"
    "  --stand-in    a keyed hash in the place of Ed25519, but for each fiftieth seed\n"
    "  --spares N    stores with a spare, from the last on; --liars F: mirrors that may lie, 0 or 1. Not said: the\n"
    "                seed says it. --shop, --nights: what --hours and --days mean, for days of --steps\n"
    "  --states      prints the hash of each day's states. --trace tells the day\n"
    "  --keep DIR    a day that breaks a law is made smaller, shown, and kept there as a file\n"
    "  --as-is       it is not made smaller: to count how many of many break\n"
    "  A day of more than four hours says after each on stderr how far it is. Ctrl-C: no other day begins, and the\n"
    "  tables are shown when this one has ended; a second time: at once, without them.\n"
    "  Exit 1: a law was broken, or never looked at, or a fault changed less than its minimum in all these days.\n";
constexpr unsigned calm_of_hours = 60, calm_of_days = 240;
constexpr std::uint64_t stores_max = 90;

// The exit code.
int play(const std::string& path) {
  const auto text = holdfast::sim::read_small_file(path);
  if (!text) {
    fmt::print(stderr, "{} cannot be read\n", path);
    return 2;
  }
  const auto played = holdfast::sim::play_scenario(*text);
  fmt::print("{}: {}\n", path, played.problem.empty() ? "as it says" : played.problem);
  return played.problem.empty() ? 0 : 1;
}

int list_faults() {
  for (const auto& kind : holdfast::sim::fault_kinds()) fmt::print("{} {}  # {}\n", kind.name, kind.rate, kind.what);
  return 0;
}

// What the arguments say. Nothing: the exit code is there instead.
class Arguments {
 public:
  std::optional<NightOptions> read(int argc, char** argv) {
    for (int i = 1; i < argc && !exit_code; ++i) {
      const std::string_view name = argv[i];
      if (take_flag(name)) continue;
      const char* given = i + 1 < argc ? argv[++i] : nullptr;
      if (given == nullptr || (!take_text(name, given) && !take_number(name, given))) refuse(name);
    }
    if (exit_code) return std::nullopt;
    return options_;
  }
  std::optional<int> exit_code;

 private:
  bool take_flag(std::string_view name) {
    if (name == "--help") {
      fmt::print("{}", usage);
      exit_code = 0;
    } else if (name == "--list-faults") {
      exit_code = list_faults();
    } else if (name == "--trace") {
      options_.day.trace = true;
    } else if (name == "--stand-in") {
      options_.may_stand_in = true;
    } else if (name == "--states") {
      options_.prints_states = true;
    } else if (name == "--as-is") {
      options_.leaves_as_is = true;
    } else if (name == "--until-stopped") {
      options_.seeds = 0;
    } else if (name == "--shop") {
      options_.day.is_shop = true;
    } else if (name == "--nights") {
      options_.day.closes_at_night = true;
    } else {
      return false;
    }
    return true;
  }

  bool take_text(std::string_view name, const std::string& given) {
    if (name == "--scenario") {
      exit_code = play(given);
    } else if (name == "--keep") {
      options_.keep = given;
    } else if (name == "--only") {
      if (const auto kept = options_.day.faults.keep_only(given == "none" ? "" : given); !kept) tell(kept.error().text);
    } else if (name == "--faults") {
      options_.faults_file = given;
      const auto text = holdfast::sim::read_small_file(given);
      if (!text) return tell(fmt::format("{} cannot be read", given));
      if (const auto read = options_.day.faults.read(*text); !read) tell(read.error().text);
    } else {
      return false;
    }
    return true;
  }

  bool take_number(std::string_view name, std::string_view given) {
    std::uint64_t value = 0;
    if (!holdfast::sim::read_number(given, value)) return false;
    auto& day = options_.day;
    if (name == "--seed") {
      day.seed = value;
    } else if (name == "--seeds" && value > 0) {
      options_.seeds = value;
    } else if (name == "--sites" && value >= 4 && value <= stores_max + 2) {
      day.stores = static_cast<unsigned>(value - 2);
    } else if (name == "--steps" && value > 0 && value <= UINT32_MAX) {
      day.steps = static_cast<unsigned>(value);
    } else if ((name == "--hours" || name == "--days") && value > 0 && value <= 1000) {
      day.is_shop = true;
      day.closes_at_night = name == "--days";
      day.calm = day.closes_at_night ? calm_of_days : calm_of_hours;
      day.steps = static_cast<unsigned>(value) * (day.closes_at_night ? 24 : 1) * holdfast::sim::steps_an_hour;
    } else if (name == "--calm" && value > 0 && value <= 100'000) {
      day.calm = static_cast<unsigned>(value);
    } else if (name == "--spares" && value <= stores_max) {
      options_.spares = static_cast<unsigned>(value);
    } else if (name == "--liars" && value <= 1) {
      options_.liars = static_cast<unsigned>(value);
    } else {
      return false;
    }
    return true;
  }

  void refuse(std::string_view name) {
    fmt::print(stderr, "{} is not understood\n{}", name, usage);
    exit_code = 2;
  }
  bool tell(std::string_view problem) {
    fmt::print(stderr, "{}\n", problem);
    exit_code = 2;
    return true;
  }

  NightOptions options_;
};

}  // namespace

int main(int argc, char** argv) {
  // Segments are cut, copied as old images and thrown away all day; giving their memory back to the kernel each time
  // was a tenth of it.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  Arguments arguments;
  const auto options = arguments.read(argc, argv);
  if (!options) return *arguments.exit_code;
  const unsigned stores = options->day.stores;
  if (options->spares.value_or(0) > stores || (options->liars.value_or(0) > 0 && stores < 3)) {
    fmt::print(stderr, "--spares and --liars need so many stores; a chain that bears a liar has three\n");
    return 2;
  }
  // The day that is on ends as it would, so that the tables are of whole days; who cannot wait for it asks twice.
  std::signal(SIGINT, [](int) {
    holdfast::sim::stop_night();
    std::signal(SIGINT, SIG_DFL);
  });
  return holdfast::sim::run_night(*options);
}
