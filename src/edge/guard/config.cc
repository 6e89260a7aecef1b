#include "edge/guard/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/base/toml.h"
#include "edge/guard/default_rules.h"

namespace holdfast::guard {
namespace {

// Collects everything that is wrong, each with its line.
class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}
  void add(const toml::node& at, std::string_view what) { add(at.source().begin.line, what); }
  void add(std::uint32_t line, std::string_view what) {
    constexpr std::size_t shown_max = 20;
    if (++count_ <= shown_max) text_ += fmt::format("{}{}:{}: {}", text_.empty() ? "" : "\n", file_, line, what);
  }
  bool any() const { return count_ > 0; }
  std::string take() { return std::move(text_); }

 private:
  std::string file_, text_;
  std::size_t count_ = 0;
};

// One table: each key is asked for by name; finish() names those that nobody asked for.
class Table {
 public:
  Table(const toml::table& table, Problems& problems) : table_(table), problems_(problems) {}

  std::string text(std::string_view key, std::size_t bytes_max, bool needed = false) {
    const toml::node* node = get(key);
    if (node == nullptr) {
      if (needed) problems_.add(table_, fmt::format("`{} = \"…\"` is missing", key));
      return {};
    }
    const auto value = node->value_exact<std::string>();
    if (!value) {
      problems_.add(*node, fmt::format("`{}` must be a text in quotation marks", key));
      return {};
    }
    if (value->size() > bytes_max || !is_clean_text(*value) || (needed && value->empty())) {
      problems_.add(*node, fmt::format("`{}` must be one line of 1 to {} bytes", key, bytes_max));
      return {};
    }
    return *value;
  }
  bool flag(std::string_view key, bool otherwise) {
    const toml::node* node = get(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value_exact<bool>();
    if (!value) problems_.add(*node, fmt::format("`{}` must be true or false", key));
    return value.value_or(otherwise);
  }
  std::int64_t number(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t otherwise) {
    const toml::node* node = get(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value_exact<std::int64_t>();
    if (value && *value >= min && *value <= max) return *value;
    problems_.add(*node, fmt::format("`{}` must be a whole number from {} to {}", key, min, max));
    return otherwise;
  }
  std::vector<std::string> texts(std::string_view key, std::size_t bytes_max) {
    std::vector<std::string> out;
    const toml::node* node = get(key);
    if (node == nullptr) return out;
    const toml::array* list = node->as_array();
    if (list == nullptr || list->size() > 2000) {
      problems_.add(*node, fmt::format("`{}` must be a list [\"…\", \"…\"] of at most 2000 texts", key));
      return out;
    }
    for (const toml::node& item : *list) {
      const auto value = item.value_exact<std::string>();
      if (!value || value->empty() || value->size() > bytes_max || !is_clean_text(*value))
        problems_.add(item, fmt::format("`{}` must hold texts of 1 to {} bytes", key, bytes_max));
      else
        out.push_back(*value);
    }
    return out;
  }
  std::optional<Level> level(std::string_view key, bool needed) {
    const std::string word = text(key, 20, needed);
    if (word.empty()) return std::nullopt;
    const auto level = level_of(word);
    if (!level)
      problems_.add(*get(key), fmt::format("\"{}\" is no level: write benign, watch, guarded or sealed", word));
    return level;
  }
  bool has(std::string_view key) { return get(key) != nullptr; }
  const toml::node* get(std::string_view key) {
    asked_.emplace(key);
    return table_.get(key);
  }
  void finish(std::string_view what) {
    for (const auto& [key, node] : table_)
      if (!asked_.contains(std::string(key.str())))
        problems_.add(node,
                      fmt::format("{} has no key `{}`; take it out, or look for the slip of the pen", what, key.str()));
  }
  const toml::table& raw() const { return table_; }

 private:
  const toml::table& table_;
  Problems& problems_;
  std::set<std::string> asked_;
};

// "2024297", "2024216-2024218", or a text.
void add_signature(Rule& rule, const std::string& text, const toml::node& at, Problems& problems) {
  if (const auto one = number_of(text)) {
    rule.ranges.push_back({*one, *one});
    return;
  }
  const std::size_t dash = text.find('-');
  const auto first = number_of(std::string_view(text).substr(0, dash));
  const auto last = dash == std::string::npos ? std::nullopt : number_of(std::string_view(text).substr(dash + 1));
  if (first && last) {
    if (*first > *last) problems.add(at, fmt::format("the range {} ends before it begins", text));
    rule.ranges.push_back({*first, *last});
  } else {
    rule.signatures.push_back(text);
  }
}

Rule read_rule(const toml::table& raw, Problems& problems) {
  Table table(raw, problems);
  Rule rule;
  rule.name = table.text("name", rule_bytes_max, true);
  rule.reason = table.text("reason", 400, true);
  rule.level = table.level("level", true).value_or(Level::watch);
  rule.sources = table.texts("source", source_bytes_max);
  for (const std::string& signature : table.texts("signature", signature_bytes_max))
    add_signature(rule, signature, *table.get("signature"), problems);
  rule.categories = table.texts("category", category_bytes_max);
  rule.words = table.texts("words", 200);
  rule.severity_at_least = static_cast<std::uint8_t>(table.number("severity", 1, 4, 4));
  rule.count = static_cast<std::uint32_t>(table.number("count", 1, count_max, 1));
  rule.within = seconds(table.number("within_seconds", 1, 24 * 3600, 0));
  if ((rule.count > 1) != (rule.within.ns > 0))
    problems.add(raw, "`count` (more than 1) and `within_seconds` belong together");
  const bool matches_all = rule.sources.empty() && rule.ranges.empty() && rule.signatures.empty() &&
                           rule.categories.empty() && rule.words.empty() && rule.severity_at_least == 4;
  if (matches_all)
    problems.add(
        raw, "the rule matches every alert; say source, signature, category, words or severity, or use `otherwise`");
  if (rule.level == Level::benign && rule.count > 1) problems.add(raw, "a benign rule has no count");
  table.finish("a rule");
  return rule;
}

void check_template(Table& table, std::string_view key, const std::string& text, Problems& problems) {
  for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos || text[at + 1] != '/')
      return problems.add(*table.get(key),
                          fmt::format("`{}`: write {{/pointer}} (RFC 6901) for what the line says", key));
  }
}

Mapping read_webhook(const toml::table& raw, Problems& problems) {
  Table table(raw, problems);
  Mapping out;
  out.name = table.text("name", 30, true);
  const bool plain = std::ranges::all_of(
      out.name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (!plain) problems.add(*table.get("name"), "a webhook's name is made of a-z, 0-9 and -; it stands in its address");
  out.signature = table.text("signature", 200, true);
  out.category = table.text("category", 200);
  out.text = table.text("text", 500);
  out.record = table.text("record", 500);
  out.seen_at = table.text("seen_at", 200);
  if (const toml::node* severity = table.get("severity"); severity != nullptr && severity->is_string())
    out.severity = table.text("severity", 200);
  else
    out.severity_otherwise = static_cast<std::uint8_t>(table.number("severity", 1, 4, 2));
  out.lower_case = table.flag("lower_case", false);
  out.otherwise = table.level("otherwise", false);
  for (const auto& [key, text] :
       {std::pair("signature", &out.signature), std::pair("category", &out.category), std::pair("text", &out.text),
        std::pair("record", &out.record), std::pair("seen_at", &out.seen_at), std::pair("severity", &out.severity)})
    check_template(table, key, *text, problems);
  table.finish("a webhook");
  return out;
}

// Each table of an array of tables.
template <class Read>
void each_of(Table& table, std::string_view key, Problems& problems, Read read) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  if (list == nullptr || !list->is_array_of_tables() || list->size() > rules_max)
    return problems.add(*node, fmt::format("write [[{}]] before each, at most {}", key, rules_max));
  for (const toml::node& item : *list) read(*item.as_table());
}

struct Parsed {
  Config config;
  bool defaults = true;
  bool says_otherwise = false;
};

void read_places(Table& table, Config& config, Problems& problems) {
  const auto section = [&](std::string_view key) -> const toml::table* {
    const toml::node* node = table.get(key);
    if (node != nullptr && !node->is_table()) problems.add(*node, fmt::format("write [{}] on a line of its own", key));
    return node == nullptr ? nullptr : node->as_table();
  };
  if (const toml::table* raw = section("inputs")) {
    Table inputs(*raw, problems);
    config.eve_files = inputs.texts("eve_files", 1000);
    config.socket = inputs.text("socket", 100);
    inputs.finish("[inputs]");
  }
  if (const toml::table* raw = section("tripwires")) {
    Table wires(*raw, problems);
    config.canaries = wires.texts("canaries", 1000);
    config.watch_journal = wires.flag("journal", true);
    config.watch_keys = wires.flag("keys", true);
    wires.finish("[tripwires]");
  }
  if (const toml::table* raw = section("seal")) {
    Table seal(*raw, problems);
    if (seal.has("helper")) config.sealer = seal.text("helper", 100);
    config.probes = seal.texts("probes", 200);
    for (const std::string& text : seal.texts("inside", 60)) {
      if (const auto network = Network::parse(text))
        config.inside.push_back(*network);
      else
        problems.add(*seal.get("inside"), fmt::format("\"{}\" is no address or network; write 192.168.10.0/24", text));
    }
    seal.finish("[seal]");
  }
  for (const std::string* path : {&config.socket, &config.sealer})
    if (!path->empty() && path->front() != '/')
      problems.add(1, fmt::format("\"{}\": write the whole path, from /", *path));
}

Parsed read_file(std::string_view text, std::string_view name, Problems& problems) {
  Parsed out;
  const toml::parse_result parsed = toml::parse(text, std::string(name));
  if (!parsed) {
    problems.add(parsed.error().source().begin.line, parsed.error().description());
    return out;
  }
  Table table(parsed.table(), problems);
  out.defaults = table.flag("defaults", true);
  if (const auto level = table.level("otherwise", false)) {
    out.config.rules.otherwise = *level;
    out.says_otherwise = true;
  }
  std::set<std::string> names;
  each_of(table, "rule", problems, [&](const toml::table& raw) {
    out.config.rules.rules.push_back(read_rule(raw, problems));
    if (!names.insert(out.config.rules.rules.back().name).second)
      problems.add(raw, fmt::format("there are two rules \"{}\"", out.config.rules.rules.back().name));
  });
  each_of(table, "webhook", problems, [&](const toml::table& raw) {
    out.config.webhooks.push_back(read_webhook(raw, problems));
    if (!names.insert("webhook " + out.config.webhooks.back().name).second)
      problems.add(raw, fmt::format("there are two webhooks \"{}\"", out.config.webhooks.back().name));
  });
  read_places(table, out.config, problems);
  table.finish("the file");
  return out;
}

}  // namespace

std::string_view shipped_rules() { return default_rules_text; }

const Mapping* Config::webhook(std::string_view name) const {
  const auto it = std::ranges::find(webhooks, name, &Mapping::name);
  return it == webhooks.end() ? nullptr : &*it;
}

Result<Config> parse_config(const std::optional<std::string>& text, std::string_view name) {
  Problems problems(name);
  Parsed own;
  if (text) {
    if (text->size() > config_bytes_max) return fail("guard/bad_file", fmt::format("{} is larger than 1 MiB", name));
    own = read_file(*text, name, problems);
  }
  if (own.defaults) {
    Parsed shipped = read_file(shipped_rules(), "the shipped rules", problems);
    for (Rule& rule : shipped.config.rules.rules)
      if (std::ranges::find(own.config.rules.rules, rule.name, &Rule::name) == own.config.rules.rules.end())
        own.config.rules.rules.push_back(std::move(rule));
    for (Mapping& webhook : shipped.config.webhooks)
      if (own.config.webhook(webhook.name) == nullptr) own.config.webhooks.push_back(std::move(webhook));
    if (!own.says_otherwise) own.config.rules.otherwise = shipped.config.rules.otherwise;
  }
  for (const Mapping& webhook : own.config.webhooks)
    if (webhook.otherwise) own.config.rules.otherwise_of.emplace_back("webhook:" + webhook.name, *webhook.otherwise);
  if (problems.any()) return fail("guard/bad_file", problems.take());
  return std::move(own.config);
}

}  // namespace holdfast::guard
