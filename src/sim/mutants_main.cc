// holdfast-sim-mutants: switches on one planted bug of docs/mutants.md after the other and runs days until a law
// breaks; the same days must break none with all of them off. What no day brings is looked for in a scenario. It is
// holdfast-sim otherwise, and gives the same states.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutant.h"
#include "sim/command_line.h"
#include "sim/night.h"
#include "sim/scenario.h"

namespace holdfast {
unsigned mutant_on = 0;
}

namespace {

using holdfast::sim::DayOptions;
using holdfast::sim::DayResult;
using holdfast::sim::read_number;

constexpr unsigned mutants = 32;
constexpr std::string_view usage =
    "holdfast-sim-mutants [--seeds MOST] [--first FILE] [--scenarios FILE] [--only N]\n"
    "    finds each planted bug, and prints the table. FILE: lines \"N SEED\", the seed that is tried first; SEED 0: "
    "it\n"
    "    was not found in 500 seeds, and is told instead of looked for. Scenarios: lines \"N PATH\", what must find N\n"
    "    instead of days\n"
    "holdfast-sim-mutants --states SEED [--seeds COUNT]\n"
    "    all off: the states of these days, as `holdfast-sim --stand-in --states` prints them\n"
    "  A day that breaks a law with all of them off finds nothing. Exit 1: one was not found in so many seeds.\n";

struct Asked {
  std::uint64_t seeds = 500, only = 0, states = 0;
  std::map<unsigned, std::uint64_t> first;  // 0: not found in 500 seeds, and not looked for again
  std::map<unsigned, std::string> scenarios;
};

// Signed as with --stand-in: no planted bug is in a signature, and more days fit into an hour.
DayOptions day_of(std::uint64_t seed) {
  holdfast::sim::NightOptions night;
  night.may_stand_in = true;
  return holdfast::sim::day_of(night, seed);
}

// In a process of its own: a planted bug may also end the program, which is a way of being found. Empty: all well.
std::string with(unsigned mutant, const std::function<std::string()>& play) {
  constexpr std::size_t said_max = 400;
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return "no pipe";
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    holdfast::mutant_on = mutant;
    const std::string broken = play().substr(0, said_max);
    const bool is_told = write(ends[1], broken.data(), broken.size()) == static_cast<ssize_t>(broken.size());
    _exit(is_told ? 0 : 3);
  }
  close(ends[1]);
  std::string said(said_max, '\0');
  const ssize_t size = child < 0 ? 0 : read(ends[0], said.data(), said.size());
  said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return "no process";
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? said : "the program stops itself";
}

std::string day_with(unsigned mutant, std::uint64_t seed) {
  return with(mutant, [seed] { return holdfast::sim::run_day(day_of(seed)).broken; });
}

std::string scenario_with(unsigned mutant, const std::string& text) {
  return with(mutant, [&text] { return holdfast::sim::play_scenario(text).problem; });
}

// The seeds in the order in which they are tried.
std::vector<std::uint64_t> seeds_for(const Asked& asked, unsigned mutant) {
  std::vector<std::uint64_t> out;
  const auto first = asked.first.find(mutant);
  if (first != asked.first.end()) out.push_back(first->second);
  for (std::uint64_t seed = 1; out.size() < asked.seeds; ++seed)
    if (out.empty() || seed != out.front() || first == asked.first.end()) out.push_back(seed);
  return out;
}

struct Hunt {
  std::vector<std::uint64_t> needed;             // days, of each that was found
  std::map<std::uint64_t, std::string> all_off;  // by seed: what breaks with nothing planted
  std::uint64_t days = 0;
};

// Days that break a law with nothing planted find nothing.
bool breaks_by_itself(std::uint64_t seed, Hunt& hunt) {
  const auto [it, is_new] = hunt.all_off.try_emplace(seed);
  if (is_new) it->second = day_with(0, seed);
  if (is_new && !it->second.empty()) fmt::print("all off: seed {} breaks a law all the same: {}\n", seed, it->second);
  return !it->second.empty();
}

void look_for(const Asked& asked, unsigned mutant, Hunt& hunt) {
  std::uint64_t tried = 0;
  for (const std::uint64_t seed : seeds_for(asked, mutant)) {
    ++tried;
    ++hunt.days;
    const std::string broken = day_with(mutant, seed);
    if (broken.empty() || breaks_by_itself(seed, hunt)) continue;
    fmt::print("{:3}  found on day {:3}, seed {:4}: {}\n", mutant, tried, seed, broken);
    return hunt.needed.push_back(tried);
  }
  fmt::print("{:3}  NOT FOUND in {} seeds\n", mutant, asked.seeds);
}

bool is_found_by(const std::string& path, unsigned mutant) {
  const auto text = holdfast::sim::read_small_file(path);
  const std::string off = text ? scenario_with(0, *text) : "it cannot be read";
  const std::string said = off.empty() ? scenario_with(mutant, *text) : std::string();
  if (!off.empty())
    fmt::print("all off: {} fails all the same: {}\n", path, off);
  else if (!said.empty())
    fmt::print("{:3}  found by {}: {}\n", mutant, path, said);
  if (said.empty()) fmt::print("{:3}  NOT FOUND by {}\n", mutant, path);
  return !said.empty();
}

int find_all(const Asked& asked) {
  Hunt all;
  unsigned looked_for = 0, told = 0, by_scenario = 0;
  for (unsigned n = 1; n <= mutants; ++n) {
    if (asked.only != 0 && asked.only != n) continue;
    const auto first = asked.first.find(n);
    if (first != asked.first.end() && first->second == 0) {
      ++told;
      fmt::print("{:3}  NOT FOUND in 500 seeds when it was looked for; not looked for now\n", n);
      continue;
    }
    ++looked_for;
    if (const auto scenario = asked.scenarios.find(n); scenario != asked.scenarios.end())
      by_scenario += is_found_by(scenario->second, n) ? 1 : 0;
    else
      look_for(asked, n, all);
    std::fflush(stdout);
  }
  std::ranges::sort(all.needed);
  const std::size_t found = all.needed.size() + by_scenario;
  fmt::print(
      "planted bugs found: {} of {}, {} of them by a scenario; days needed: median {}, worst {}; {} days in all\n",
      found, looked_for + told, by_scenario, all.needed.empty() ? 0 : all.needed[all.needed.size() / 2],
      all.needed.empty() ? 0 : all.needed.back(), all.days);
  return found == looked_for ? 0 : 1;
}

int print_states(const Asked& asked, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const DayResult day = holdfast::sim::run_day(day_of(asked.states + i));
    if (!day.broken.empty()) return 1;
    fmt::print("seed {}: state {}\n", asked.states + i, holdfast::to_hex(day.state));
  }
  return 0;
}

// Lines "N WHAT".
bool read_lines(const char* path, const std::function<bool(unsigned, std::string_view)>& take) {
  const auto text = holdfast::sim::read_small_file(path);
  if (!text) return false;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    std::uint64_t mutant = 0;
    if (space == std::string_view::npos || !read_number(line.substr(0, space), mutant) || mutant == 0 ||
        mutant > mutants || !take(static_cast<unsigned>(mutant), line.substr(space + 1)))
      return false;
  }
  return true;
}

bool read_first(const char* path, Asked& asked) {
  return read_lines(path, [&](unsigned n, std::string_view seed) { return read_number(seed, asked.first[n]); });
}

bool read_scenarios(const char* path, Asked& asked) {
  return read_lines(path, [&](unsigned n, std::string_view of) { return !(asked.scenarios[n] = of).empty(); });
}

}  // namespace

int main(int argc, char** argv) {
  Asked asked;
  bool has_seeds = false;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* given = i + 1 < argc ? argv[i + 1] : "";
    has_seeds = has_seeds || name == "--seeds";
    const bool is_good = name == "--seeds"       ? read_number(given, asked.seeds)
                         : name == "--only"      ? read_number(given, asked.only) && asked.only <= mutants
                         : name == "--states"    ? read_number(given, asked.states) && asked.states > 0
                         : name == "--first"     ? read_first(given, asked)
                         : name == "--scenarios" ? read_scenarios(given, asked)
                                                 : false;
    if (!is_good) {
      fmt::print(stderr, "{} {} is not understood\n{}", name, given, usage);
      return 2;
    }
  }
  return asked.states == 0 ? find_all(asked) : print_states(asked, has_seeds ? asked.seeds : 1);
}
