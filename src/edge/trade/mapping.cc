#include "edge/trade/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/base/toml.h"

namespace holdfast::trade {
namespace {

constexpr std::array<std::string_view, 15> fields = {"sku",   "gtin",      "name",     "unit_price", "vat",
                                                     "goods", "location",  "quantity", "number",     "customer",
                                                     "state", "placed_at", "active",   "product",    "taxable"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Reads one text; the first thing that is wrong is kept.
class Reading {
 public:
  std::optional<Error> error;

  void refuse(const toml::node& at, std::string why) {
    if (!error)
      error = Error{"trade/bad_mapping", fmt::format("Mapping file, line {}: {}", at.source().begin.line, why)};
  }
  std::string text(const toml::node& node, std::string_view key) {
    const auto value = node.value_exact<std::string>();
    if (value && is_clean_text(*value)) return *value;
    refuse(node, fmt::format("{} must be a text in quotes.", key));
    return {};
  }
  std::map<std::string, std::string> texts(const toml::node& node, std::string_view key) {
    std::map<std::string, std::string> out;
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      refuse(node, fmt::format("{} must be a table [{}].", key, key));
      return out;
    }
    for (const auto& [name, value] : *table) out.emplace(name.str(), text(value, name.str()));
    return out;
  }
  bool flag(const toml::node& node, std::string_view key) {
    const auto value = node.value_exact<bool>();
    if (!value) refuse(node, fmt::format("{} must be true or false.", key));
    return value.value_or(false);
  }
  char character(const toml::node& node, std::string_view key, std::string_view allowed) {
    const std::string value = text_or_tab(node, key);
    if (value.size() == 1 && allowed.find(value[0]) != std::string_view::npos) return value[0];
    std::string shown;
    for (const char c : allowed)
      shown += c == '\t' ? std::string(" \\t") : c == ' ' ? std::string(" a blank") : std::string{' ', c};
    refuse(node, fmt::format("{} must be one of these characters:{}", key, shown));
    return allowed[0];
  }
  FileRule rule(const toml::table& table);

 private:
  std::string text_or_tab(const toml::node& node, std::string_view key) {
    const auto value = node.value_exact<std::string>();
    return value && *value == "\t" ? "\t" : text(node, key);
  }
  void set(FileRule& rule, std::string_view key, const toml::node& node);
};

void Reading::set(FileRule& rule, std::string_view key, const toml::node& node) {
  if (key == "match") {
    rule.match = text(node, key);
  } else if (key == "kind") {
    rule.kind = feed::kind_of(text(node, key));
    if (!rule.kind) refuse(node, "kind must be \"catalogue\", \"stock\" or \"orders\".");
  } else if (key == "stream") {
    rule.stream = text(node, key);
    if (rule.stream.empty() || rule.stream.size() > feed::stream_bytes_max)
      refuse(node, fmt::format("stream must have 1 to {} bytes.", feed::stream_bytes_max));
  } else if (key == "whole") {
    rule.whole = flag(node, key);
  } else if (key == "separator") {
    rule.separator = character(node, key, ",;|\t");
  } else if (key == "decimal") {
    rule.decimal = character(node, key, ".,");
  } else if (key == "thousands") {
    rule.thousands = character(node, key, ".,' ");
  } else if (key == "encoding") {
    const std::string encoding = text(node, key);
    if (encoding != "utf-8" && encoding != "windows-1252")
      refuse(node, "encoding must be \"utf-8\" or \"windows-1252\".");
    rule.is_windows_1252 = encoding == "windows-1252";
  } else if (key == "adds_up") {
    rule.adds_up = flag(node, key);
  } else if (key == "open") {
    const toml::array* list = node.as_array();
    if (list == nullptr) return refuse(node, "open must be a list of states: [\"confirmed\", \"in progress\"].");
    for (const toml::node& each : *list) rule.open.insert(text(each, key));
  } else if (key == "columns") {
    rule.columns = texts(node, key);
    for (const auto& [field, header] : rule.columns)
      if (std::ranges::find(fields, field) == fields.end())
        refuse(node, fmt::format("\"{}\" is no field; the fields are: {}.", field, fmt::join(fields, ", ")));
  } else {
    refuse(node, fmt::format("\"{}\" is not known in [[file]]; docs/feed.md names what is.", key));
  }
}

FileRule Reading::rule(const toml::table& table) {
  FileRule rule;
  for (const auto& [key, node] : table) set(rule, key.str(), node);
  if (rule.match.empty()) refuse(table, "[[file]] needs match = \"NAME*.csv\".");
  if (rule.thousands == rule.decimal)
    refuse(table, fmt::format("thousands and decimal cannot both be \"{}\".", rule.decimal));
  return rule;
}

}  // namespace

Result<Mapping> read_mapping(std::string_view toml_text) {
  if (toml_text.size() > mapping_bytes_max) return fail("trade/bad_mapping", "The mapping file is larger than 1 MiB.");
  if (!is_utf8(toml_text)) return fail("trade/bad_mapping", "The mapping file is not UTF-8.");
  const toml::parse_result parsed = toml::parse(toml_text);
  if (!parsed)
    return fail("trade/bad_mapping", fmt::format("Mapping file, line {}: {}.", parsed.error().source().begin.line,
                                                 parsed.error().description()));
  Mapping mapping;
  Reading reading;
  for (const auto& [key, node] : parsed.table()) {
    if (key.str() == "locations") {
      mapping.locations = reading.texts(node, "locations");
    } else if (key.str() == "vat") {
      mapping.vat = reading.texts(node, "vat");
      if (auto own = mapping.vat.extract("default")) mapping.vat_default = own.mapped();
      if (auto own = mapping.vat.extract("untaxed")) mapping.vat_untaxed = own.mapped();
    } else if (key.str() == "file") {
      const toml::array* list = node.as_array();
      if (list == nullptr) reading.refuse(node, "write [[file]], in double brackets.");
      for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        const toml::table* each = list->get(i)->as_table();
        if (each == nullptr)
          reading.refuse(node, "each [[file]] is a table.");
        else
          mapping.files.push_back(reading.rule(*each));
      }
    } else {
      reading.refuse(node, fmt::format("\"{}\" is not known; there are [locations], [vat] and [[file]].", key.str()));
    }
  }
  if (reading.error) return pass_on(std::move(*reading.error));
  return mapping;
}

std::string Mapping::site_of(std::string_view location) const {
  if (const auto exact = locations.find(std::string(location)); exact != locations.end()) return exact->second;
  const std::string* best = nullptr;
  std::size_t longest = 0;
  for (const auto& [name, site] : locations) {
    if (!name.ends_with("/*") || name.size() <= longest) continue;
    const std::string_view above = std::string_view(name).substr(0, name.size() - 1);
    if (!location.starts_with(above) && location != above.substr(0, above.size() - 1)) continue;
    longest = name.size();
    best = &site;
  }
  return best != nullptr ? *best : std::string(location);
}

const FileRule& Mapping::rule_for(std::string_view file_name) const {
  static const FileRule none;
  for (const FileRule& rule : files)
    if (name_matches(rule.match, file_name)) return rule;
  return none;
}

bool name_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(name[n])) && pattern[p] != '*') {
      ++p;
      ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string stream_of(std::string_view file_name) {
  std::string out;
  bool joins = false;  // a run of digits and marks stands between two words
  for (const char c : file_name.substr(0, file_name.find('.'))) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    if (is_letter && joins && !out.empty()) out += '-';
    joins = !is_letter;
    if (is_letter) out += lower(c);
  }
  while (out.size() > feed::stream_bytes_max || !is_utf8(out)) out.pop_back();
  return out.empty() ? "files" : out;
}

}  // namespace holdfast::trade
