// Rules: which alert is benign, which one people should see, which one tightens limits, which one seals.
//
// Shape:  a rule matches by everything it names: source, signature (number or range, or text), category, severity,
//         words in the text. A rule with a count is met when that many matching alerts came within its window.
//         1 a rule of level benign that matches wins: the alert is counted and nothing else.
//         2 otherwise the gravest rule that is met; of equally grave ones the first.
//         3 rules match, but none is met yet: benign for now ("below the count").
//         4 no rule matches: the default level, of that source if it has one of its own.
//         Judge remembers, for each rule with a count, at most `count` times. It is no part of the state: what it
//         found is in the recorded event.
// Thread: pure code and one object of its owner.
// Source: docs/guard.md.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/guard/guard.h"

namespace holdfast::guard {

inline constexpr std::size_t rules_max = 1000;
inline constexpr std::uint32_t count_max = 10'000;

struct SignatureRange {
  std::uint64_t first = 0, last = 0;  // inclusive
  bool operator==(const SignatureRange&) const = default;
};
struct Rule {
  std::string name;
  std::string reason;  // for a person, beside the rule
  Level level = Level::watch;
  // what it matches; an empty list matches all
  std::vector<std::string> sources;  // "webhook:" matches every webhook
  std::vector<SignatureRange> ranges;
  std::vector<std::string> signatures;
  std::vector<std::string> categories;  // any letter case
  std::vector<std::string> words;       // in the text or what is not recorded of it, any letter case; one of them
  std::uint8_t severity_at_least = 4;   // 1: only the gravest; 4: any
  std::uint32_t count = 1;
  Duration within;
  bool operator==(const Rule&) const = default;
};
struct Rules {
  Level otherwise = Level::watch;
  std::vector<std::pair<std::string, Level>> otherwise_of;  // sources of telemetry, of which only rules say anything
  std::vector<Rule> rules;
};

// A signature that is a number and nothing else.
std::optional<std::uint64_t> number_of(std::string_view text);
bool matches(const Rule& rule, const Alert& alert);

struct Verdict {
  Level level = Level::watch;
  const Rule* rule = nullptr;  // of the judge's rules; null: none matched
  bool below_count = false;    // benign only because no rule was met yet
  std::string rule_name() const { return rule == nullptr ? "(no rule)" : rule->name; }
};

class Judge {
 public:
  explicit Judge(Rules rules = {}) : rules_(std::move(rules)), seen_(rules_.rules.size()) {}
  Judge(Judge&&) = default;
  Judge& operator=(Judge&&) = default;
  const Rules& rules() const { return rules_; }
  // `now` is monotonic and never goes back.
  Verdict judge(const Alert& alert, Instant now);
  // Every rule with a count begins afresh: a person has looked at what came until now.
  void forget_counts() {
    for (std::deque<Instant>& seen : seen_) seen.clear();
  }

 private:
  bool is_met(std::size_t rule, Instant now);
  Rules rules_;
  std::vector<std::deque<Instant>> seen_;  // of each rule with a count
};

}  // namespace holdfast::guard
