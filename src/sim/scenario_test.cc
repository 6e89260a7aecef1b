// Every file of test/scenarios is played; and the player itself says when something is not as it should be.
#include "sim/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace holdfast::sim {
namespace {

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(HF_SOURCE_DIR "/test/scenarios"))
    if (entry.path().extension() == ".txt") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

// What it is about: the comment that it begins with, up to the first full stop.
std::string about(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, text.find("\na chain"))) out += c == '\n' ? ' ' : c == '#' ? '\0' : c;
  std::erase(out, '\0');
  return out.substr(0, out.find(". "));
}

TEST(Scenarios, are_as_they_say_break_no_law_and_use_every_sentence) {
  const auto files = scenario_files();
  EXPECT_GE(files.size(), 25u);
  std::set<std::string_view> verbs;
  std::size_t lines = 0;
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(text.str().starts_with("# ")) << path.filename() << " does not say what it is about";
    const ScenarioResult result = play_scenario(text.str());
    EXPECT_EQ(result.problem, "") << path.filename();
    verbs.insert(result.verbs.begin(), result.verbs.end());
    lines += result.lines;
    std::printf("%-40s%s\n", path.stem().c_str(), about(text.str()).c_str());
  }
  for (const std::string_view verb : scenario_verbs()) EXPECT_TRUE(verbs.contains(verb)) << verb;
  std::printf("scenarios: %zu of %zu lines, laws checked after each\n", files.size(), lines);
}

TEST(Scenarios, a_sentence_that_nobody_knows_and_one_that_is_not_true_are_told_with_their_line) {
  EXPECT_EQ(play_scenario("a chain of 2 stores opens\nthe roof leaks\n").problem,
            "line 2, \"the roof leaks\": this sentence is not understood");
  EXPECT_EQ(play_scenario("a chain of 2 stores opens\n# nothing was sold\nstore-01 has 1 sales\n").problem,
            "line 3, \"store-01 has 1 sales\": it has 0");
  EXPECT_NE(play_scenario("a chain of 2 stores opens\n").problem, "");
  EXPECT_NE(play_scenario("store-01 sells 1 times\n").problem.find("no chain has opened yet"), std::string::npos);
  EXPECT_NE(play_scenario("a chain of 2 stores opens\nstore-07 sells 1 times\n").problem.find("no site"),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast::sim
