// A scenario: a text file that a store manager can read, one sentence a line, played on a simulated chain. The laws are
// looked at after each line.
//
// Shape:  '#' begins a comment. scenario_verbs() lists the sentences; SITE stands for a site's name, NUM for a number.
//         A site's name means the machine that serves it now.
// Errors: the returned sentence names the line that is not understood, or after which something was not as the file or
//         a law says.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sim {

struct ScenarioResult {
  std::string problem;  // empty: all was as it should be
  std::size_t lines = 0;
  std::set<std::string_view> verbs;  // of scenario_verbs(), those that were said
};
ScenarioResult play_scenario(std::string_view text);
std::vector<std::string_view> scenario_verbs();

}  // namespace holdfast::sim
