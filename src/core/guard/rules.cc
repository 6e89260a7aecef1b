#include "core/guard/rules.h"

#include <algorithm>
#include <charconv>

namespace holdfast::guard {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}
bool holds(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char x, char y) { return lower(x) == lower(y); }) != text.end();
}
bool is_source(std::string_view wanted, std::string_view source) {
  return wanted.ends_with(':') ? source.starts_with(wanted) : wanted == source;
}

}  // namespace

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

bool matches(const Rule& rule, const Alert& alert) {
  if (alert.severity > rule.severity_at_least) return false;
  if (!rule.sources.empty() &&
      std::ranges::none_of(rule.sources, [&](const std::string& s) { return is_source(s, alert.source); }))
    return false;
  if (!rule.ranges.empty() || !rule.signatures.empty()) {
    const auto number = number_of(alert.signature);
    const bool in_range = number && std::ranges::any_of(rule.ranges, [&](const SignatureRange& r) {
                            return *number >= r.first && *number <= r.last;
                          });
    if (!in_range && std::ranges::find(rule.signatures, alert.signature) == rule.signatures.end()) return false;
  }
  if (!rule.categories.empty() &&
      std::ranges::none_of(rule.categories, [&](const std::string& c) { return same(c, alert.category); }))
    return false;
  return rule.words.empty() || std::ranges::any_of(rule.words, [&](const std::string& w) {
           return holds(alert.text, w) || holds(alert.unrecorded, w);
         });
}

bool Judge::is_met(std::size_t at, Instant now) {
  const Rule& rule = rules_.rules[at];
  if (rule.count <= 1) return true;
  std::deque<Instant>& seen = seen_[at];
  seen.push_back(now);
  while (seen.size() > rule.count || now - seen.front() > rule.within) seen.pop_front();
  return seen.size() >= rule.count;
}

Verdict Judge::judge(const Alert& alert, Instant now) {
  std::vector<std::size_t> matching;
  for (std::size_t i = 0; i < rules_.rules.size(); ++i) {
    if (!matches(rules_.rules[i], alert)) continue;
    if (rules_.rules[i].level == Level::benign) return {Level::benign, &rules_.rules[i], false};
    matching.push_back(i);
  }
  if (matching.empty()) {
    const auto own = std::ranges::find(rules_.otherwise_of, alert.source, &std::pair<std::string, Level>::first);
    return {own == rules_.otherwise_of.end() ? rules_.otherwise : own->second, nullptr, false};
  }
  const Rule* gravest = nullptr;
  for (const std::size_t i : matching) {
    const bool met = is_met(i, now);  // each counts, also behind one that is graver
    if (met && (gravest == nullptr || rules_.rules[i].level > gravest->level)) gravest = &rules_.rules[i];
  }
  if (gravest == nullptr) return {Level::benign, &rules_.rules[matching.front()], true};
  return {gravest->level, gravest, false};
}

}  // namespace holdfast::guard
