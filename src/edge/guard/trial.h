// What the rules would have done with a sensor's own log: for whoever wants to know before the bad night.
//
// Shape:  each line is judged alone, as if it came by itself on a quiet night (a rule with a count is not met by one
//         line), and then all of them as one burst within a second, which is what counts are for.
// Thread: pure; reads the stream it is given.
#pragma once

#include <istream>
#include <map>
#include <string>

#include "edge/guard/config.h"

namespace holdfast::guard {

struct TrialRow {
  std::uint64_t lines = 0;
  Level level = Level::benign;
  std::string rule, reason;  // the rule's; of the first line
  std::string source, signature, text;
  std::uint8_t severity = 4;
};
struct Trial {
  std::map<std::pair<std::string, std::string>, TrialRow> rows;  // by source and signature; the gravest line's
  std::map<Level, std::uint64_t> lines, signatures;              // by level, each line alone
  std::uint64_t total = 0, bad = 0, other = 0;                   // other: no alert (flow records, …)
  std::map<Level, std::uint64_t> burst;                          // by level, all as one burst
  bool sealed_alone = false, sealed_by_burst = false;
};
// `webhook`: name of the mapping; empty: EVE. guard/unknown_webhook.
Result<Trial> try_rules(const Config& config, const std::string& webhook, std::istream& in);

}  // namespace holdfast::guard
