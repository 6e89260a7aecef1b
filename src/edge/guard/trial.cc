#include "edge/guard/trial.h"

#include <fmt/format.h>

#include <optional>

#include "edge/guard/alert_json.h"

namespace holdfast::guard {
namespace {

Result<std::optional<Alert>> read_line(const Mapping* mapping, const std::string& line) {
  if (mapping == nullptr) return read_eve(line);
  HF_TRY(Alert alert, read_mapped(*mapping, line));
  return std::optional(std::move(alert));
}

}  // namespace

Result<Trial> try_rules(const Config& config, const std::string& webhook, std::istream& in) {
  const Mapping* mapping = webhook.empty() ? nullptr : config.webhook(webhook);
  if (mapping == nullptr && !webhook.empty())
    return fail("guard/unknown_webhook", fmt::format("guard.toml has no webhook \"{}\"", webhook));
  Trial trial;
  Judge burst(config.rules);
  Judge alone;
  std::string line;
  for (std::int64_t at = 0; std::getline(in, line); ++at) {
    if (line.empty()) continue;
    ++trial.total;
    auto read = read_line(mapping, line);
    if (!read || !*read) {
      ++(read ? trial.other : trial.bad);
      continue;
    }
    const Alert& alert = **read;
    // More than any window lies between two lines of the quiet nights, a microsecond between those of the burst.
    const std::int64_t night = at % 50'000;
    if (night == 0) alone = Judge(config.rules);
    const Verdict verdict = alone.judge(alert, Instant{night * days(2).ns});
    const Verdict in_burst = burst.judge(alert, Instant{at * 1000});
    ++trial.lines[verdict.level];
    ++trial.burst[in_burst.level];
    trial.sealed_alone = trial.sealed_alone || verdict.level == Level::sealed;
    trial.sealed_by_burst = trial.sealed_by_burst || in_burst.level == Level::sealed;
    TrialRow& row = trial.rows[{alert.source, alert.signature}];
    if (row.lines++ > 0 && verdict.level <= row.level) continue;
    row.level = verdict.level;
    row.rule = verdict.rule_name();
    row.reason = verdict.rule == nullptr ? "no rule names it" : verdict.rule->reason;
    if (verdict.below_count) row.reason += " (below its count)";
    row.source = alert.source;
    row.signature = alert.signature;
    row.text = alert.unrecorded.empty() ? alert.text : alert.unrecorded;  // of the asker's own file
    row.severity = alert.severity;
  }
  for (const auto& [key, row] : trial.rows) ++trial.signatures[row.level];
  return trial;
}

}  // namespace holdfast::guard
