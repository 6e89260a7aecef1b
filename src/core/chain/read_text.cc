// Our TOML texts, read.
//
// Hostile input: bounded in size before toml++ sees it (which bounds nesting itself); every value is checked for type
// and range, an unknown key is refused with the nearest known one.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "core/base/toml.h"
#include "core/chain/rules.h"

namespace holdfast::chain {
namespace {

std::uint32_t line_of(const toml::source_region& source) { return source.begin.line; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t next = std::min({row[j] + 1, row[j + 1] + 1, diagonal + (a[i] != b[j])});
      diagonal = std::exchange(row[j + 1], next);
    }
  }
  return row[b.size()];
}

struct Reading {
  std::vector<Problem> problems;
  Lines lines;
};

// One table of the text. Every key that is asked for becomes a known one; refuse_unknown() names the others.
class Table {
 public:
  Table(const toml::table& table, std::string path, std::string called, Reading& reading)
      : table_(table), path_(std::move(path)), called_(std::move(called)), reading_(reading) {
    if (!path_.empty()) reading_.lines.set(path_, line_of(table.source()));
  }

  std::string path(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  std::uint32_t line() const { return line_of(table_.source()); }

  template <class... Args>
  void say(std::uint32_t line, fmt::format_string<Args...> text, Args&&... args) {
    reading_.problems.push_back({line, fmt::format(text, std::forward<Args>(args)...)});
  }

  // The value under `key`, or nullptr, with a problem if it is needed.
  const toml::node* node(std::string_view key, bool is_needed, std::string_view example) {
    known_.push_back(key);
    const toml::node* found = table_.get(key);
    if (found != nullptr)
      reading_.lines.set(path(key), line_of(found->source()));
    else if (is_needed)
      say(line(), "{} has no {}; write {} = {}", called_, key, key, example);
    return found;
  }

  std::optional<std::string> text(std::string_view key, bool is_needed, std::string_view example) {
    const toml::node* found = node(key, is_needed, example);
    if (found == nullptr) return std::nullopt;
    if (const auto* value = found->as_string()) return value->get();
    say(line_of(found->source()), "{} must be text in quotes: {} = {}", key, key, example);
    return std::nullopt;
  }

  std::optional<std::int64_t> integer(std::string_view key, bool is_needed, std::int64_t min, std::int64_t max,
                                      std::string_view example) {
    const toml::node* found = node(key, is_needed, example);
    if (found == nullptr) return std::nullopt;
    if (const auto* value = found->as_integer(); value != nullptr && value->get() >= min && value->get() <= max)
      return value->get();
    say(line_of(found->source()), "{} must be a whole number from {} to {}: {} = {}", key, min, max, key, example);
    return std::nullopt;
  }

  std::vector<std::string> texts(std::string_view key, bool is_needed, std::string_view example) {
    std::vector<std::string> out;
    const toml::node* found = node(key, is_needed, example);
    if (found == nullptr) return out;
    const toml::array* array = found->as_array();
    if (array == nullptr) {
      say(line_of(found->source()), "{} must be a list: {} = {}", key, key, example);
      return out;
    }
    for (const toml::node& item : *array) {
      if (const auto* value = item.as_string())
        out.push_back(value->get());
      else
        say(line_of(item.source()), "each item of {} must be text in quotes: {} = {}", key, key, example);
    }
    return out;
  }

  // 32 bytes as 64 hexadecimal characters; all zero when missing or refused.
  PublicKey key(std::string_view name, bool is_needed) {
    constexpr std::string_view example = "\"<64 hexadecimal characters>\"";
    const std::optional<std::string> value = text(name, is_needed, example);
    if (!value) return {};
    const auto bytes = array_from_hex<32>(*value);
    if (bytes && *bytes != PublicKey{}) return *bytes;
    say(reading_.lines.of(path(name)),
        "{} must be 64 hexadecimal characters (32 bytes), not all zero; it has {} characters", name, value->size());
    return {};
  }

  std::optional<Table> table(std::string_view key) {
    known_.push_back(key);
    const toml::node* found = table_.get(key);
    if (found == nullptr) return std::nullopt;
    if (const toml::table* inner = found->as_table())
      return Table(*inner, path(key), fmt::format("[{}]", key), reading_);
    say(line_of(found->source()), "{} must be a table: a line [{}] and its values below", key, key);
    return std::nullopt;
  }

  std::vector<Table> tables(std::string_view key, std::string_view heading) {
    known_.push_back(key);
    std::vector<Table> out;
    const toml::node* found = table_.get(key);
    if (found == nullptr) return out;
    const toml::array* array = found->as_array();
    if (array != nullptr) reading_.lines.set(path(key), line_of(array->source()));
    if (array == nullptr || !std::ranges::all_of(*array, [](const toml::node& n) { return n.is_table(); })) {
      say(line_of(found->source()), "{} must be written as {}", key, heading);
      return out;
    }
    for (const toml::node& item : *array)
      out.emplace_back(*item.as_table(), fmt::format("{}.{}", path(key), out.size()), std::string(heading), reading_);
    return out;
  }

  void refuse_unknown() {
    for (const auto& [key, value] : table_) {
      const std::string_view name = key.str();
      if (std::ranges::find(known_, name) != known_.end()) continue;
      std::string_view nearest;
      std::size_t distance = name.size() > 60 ? 0 : 4;
      for (std::string_view known : known_)
        if (const std::size_t d = distance == 0 ? 1 : edit_distance(name, known); d < distance) {
          distance = d;
          nearest = known;
        }
      const std::string hint = nearest.empty() ? "leave it out" : fmt::format("did you mean {}?", nearest);
      say(line_of(key.source()), "{} has no value called \"{}\"; {}", called_, name.substr(0, 40), hint);
    }
  }

 private:
  const toml::table& table_;
  std::string path_;
  std::string called_;
  Reading& reading_;
  std::vector<std::string_view> known_;
};

// "20", "5.5", "2.1250" -> millionths of the gross-free price.
std::optional<std::int64_t> parse_percent(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  const auto are_digits = [](std::string_view t) {
    return std::ranges::all_of(t, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (whole.empty() || whole.size() > 3 || fraction.size() > 4 || !are_digits(whole) || !are_digits(fraction))
    return std::nullopt;
  if (dot != std::string_view::npos && fraction.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (char c : whole) value = value * 10 + (c - '0');
  for (std::size_t i = 0; i < 4; ++i) value = value * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  return value;
}

KeySet read_key_set(Table table) {
  KeySet set;
  set.needed = static_cast<unsigned>(table.integer("needed", true, 1, 16, "2").value_or(1));
  for (Table& key : table.tables("keys", "keys = [ { name = \"…\", key = \"…\" }, … ]")) {
    const std::string name = key.text("name", true, "\"root-1\"").value_or("");
    set.keys.emplace_back(name, key.key("key", true));
    key.refuse_unknown();
  }
  table.refuse_unknown();
  return set;
}

void read_authority(Table& top, KeySet& root, KeySet& recovery, std::optional<PublicKey>& operations) {
  if (auto table = top.table("root")) root = read_key_set(*table);
  if (auto table = top.table("recovery")) recovery = read_key_set(*table);
  if (auto table = top.table("operations")) {
    operations = table->key("key", true);
    table->refuse_unknown();
  }
}

SiteKeys read_site_keys(Table& table, bool are_needed) {
  SiteKeys keys;
  keys.log = table.key("log_key", are_needed);
  keys.cosign = table.key("cosign_key", are_needed);
  keys.tls = table.key("tls_key", are_needed);
  keys.sealing = table.key("sealing_key", are_needed);
  return keys;
}

VatRate read_vat_rate(Table& table) {
  VatRate rate;
  const std::string code = table.text("code", true, "\"S\"").value_or("");
  if (code.size() <= VatCode::bytes_max)
    rate.code = VatCode(code);
  else
    table.say(table.line(), "VAT code \"{}\" is longer than {} characters", code.substr(0, 40), VatCode::bytes_max);
  rate.name = table.text("name", true, "\"Standard rate\"").value_or("");
  if (const toml::node* node = table.node("rate_percent", true, "\"20\"")) {
    const auto* text = node->as_string();
    if (const auto percent = text == nullptr ? std::nullopt : parse_percent(text->get()))
      rate.millionths = *percent;
    else
      table.say(
          line_of(node->source()),
          "rate_percent must be a decimal number in quotes with at most 4 decimals: rate_percent = \"20\" or \"5.5\"");
  }
  table.refuse_unknown();
  return rate;
}

std::vector<SiteName> read_site_names(Table& table, std::string_view key, bool is_needed, std::string_view example) {
  std::vector<SiteName> out;
  for (const std::string& text : table.texts(key, is_needed, example)) {
    if (const auto name = site_name_of(text))
      out.push_back(*name);
    else
      table.say(table.line(), "{}: \"{}\" is not a site's name (1 to {} of a-z, 0-9 and '-')", key, text.substr(0, 40),
                SiteName::bytes_max);
  }
  return out;
}

Site read_site(Table& table, Form form) {
  Site site;
  if (const auto text = table.text("name", true, "\"store-07\"")) {
    if (const auto name = site_name_of(*text))
      site.name = *name;
    else
      table.say(table.line(), "site name \"{}\" must be 1 to {} of a-z, 0-9 and '-', like \"store-07\"",
                text->substr(0, 40), SiteName::bytes_max);
  }
  if (const auto text = table.text("kind", true, "\"store\"")) {
    if (const auto kind = site_kind_of(*text))
      site.kind = *kind;
    else
      table.say(table.line(), "kind \"{}\" is not known; write head-office, warehouse, store, web-shop or desk",
                text->substr(0, 40));
  }
  site.link_address = table.text("link_address", true, "\"10.0.7.2:7400\"").value_or("");
  site.mirrors = read_site_names(table, "mirrors", true, "[\"head-office\", \"warehouse\", \"store-02\"]");
  site.follows = read_site_names(table, "follows", form == Form::whole, "[\"head-office\"]");
  site.keys = read_site_keys(table, form == Form::whole);
  table.refuse_unknown();
  return site;
}

Bounds read_bounds(Table table, bool are_needed) {
  constexpr std::int64_t max = INT64_MAX;
  Bounds b;
  b.price_change_percent_max =
      table.integer("price_change_percent_max", are_needed, 1, 1'000'000, "50").value_or(b.price_change_percent_max);
  if (const auto v = table.integer("mirror_bytes_a_day", are_needed, 1, max, "4294967296"))
    b.mirror_bytes_a_day = static_cast<std::uint64_t>(*v);
  if (const auto v = table.integer("mirror_entries_a_day", are_needed, 1, max, "20000000"))
    b.mirror_entries_a_day = static_cast<std::uint64_t>(*v);
  table.refuse_unknown();
  return b;
}

// `site` and `epoch`: the number of one certificate.
std::pair<SiteName, std::uint32_t> read_number(Table& table) {
  std::pair<SiteName, std::uint32_t> out;
  if (const auto text = table.text("site", true, "\"store-07\"")) {
    if (const auto name = site_name_of(*text))
      out.first = *name;
    else
      table.say(table.line(), "\"{}\" is not a site's name", text->substr(0, 40));
  }
  out.second = static_cast<std::uint32_t>(table.integer("epoch", true, 2, epochs_max, "2").value_or(0));
  return out;
}

Certified read_certified(Table& table) {
  const auto [site, epoch] = read_number(table);
  const Hash note_hash = table.key("sha256", true);
  table.refuse_unknown();
  return {site, epoch, note_hash};
}

ChainFile read_chain_file(Table& top, Form form) {
  const bool is_whole = form == Form::whole;
  ChainFile file;
  top.integer("format", is_whole, 1, 1, "1");
  file.chain = top.text("chain", true, "\"example.com/acme\"").value_or("");
  file.version = static_cast<std::uint64_t>(top.integer("version", is_whole, 1, version_max, "1").value_or(1));
  file.currency.code = top.text("currency", true, "\"GBP\"").value_or("");
  if (auto currency = currency_of(file.currency.code)) file.currency = std::move(*currency);
  file.languages = top.texts("languages", true, "[\"en\", \"fr\"]");
  file.quorum = static_cast<unsigned>(top.integer("quorum", true, 1, 16, "2").value_or(2));
  file.lying_mirrors = static_cast<unsigned>(top.integer("lying_mirrors", is_whole, 0, 15, "0").value_or(0));
  if (auto table = top.table("within")) {
    file.within = Within{static_cast<std::uint64_t>(table->integer("version", true, 1, version_max, "1").value_or(1)),
                         table->key("sha256", true)};
    table->refuse_unknown();
  }
  if (auto table = top.table("bounds"))
    file.bounds = read_bounds(*table, is_whole);
  else if (is_whole)
    top.say(0, "the file has no [bounds]");
  read_authority(top, file.root, file.recovery, file.operations);
  if (auto table = top.table("former_root")) file.former_root = read_key_set(*table);
  for (Table& table : top.tables("vat", "[[vat]], one for each rate")) file.vat_rates.push_back(read_vat_rate(table));
  for (Table& table : top.tables("site", "[[site]], one for each site")) file.sites.push_back(read_site(table, form));
  for (Table& table : top.tables("revoked", "[[revoked]], one for each certificate")) {
    file.revoked.push_back(read_number(table));
    table.refuse_unknown();
  }
  for (Table& table : top.tables("certified", "[[certified]], one for each certificate"))
    file.certified.push_back(read_certified(table));
  top.refuse_unknown();
  return file;
}

// Parses `text` and hands its top table to `read`, unless it is too long or no TOML.
template <class Read>
void read_toml(std::string_view text, Reading& reading, const Read& read) {
  if (text.size() > chain_file_bytes_max) {
    reading.problems.push_back(
        {0, fmt::format("the file has {} bytes, the most is {}", text.size(), chain_file_bytes_max)});
    return;
  }
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    reading.problems.push_back({line_of(result.error().source()),
                                fmt::format("not TOML: {}", std::string_view(result.error().description()))});
    return;
  }
  Table top(result.table(), "", "the file", reading);
  read(top);
}

ChainFile read_and_check(std::string_view text, Form form, std::vector<Problem>& problems) {
  Reading reading;
  ChainFile file;
  read_toml(text, reading, [&](Table& top) {
    file = read_chain_file(top, form);
    std::vector<Problem> broken_rules;
    find_problems(file, form, reading.lines, broken_rules);
    // What could not be read breaks rules too; the reader's sentence about that line is the better one.
    for (Problem& problem : broken_rules) {
      const auto same_line = std::ranges::find(reading.problems, problem.line, &Problem::line);
      const bool is_told = problem.line == 0 ? !reading.problems.empty() : same_line != reading.problems.end();
      if (!is_told) problems.push_back(std::move(problem));
    }
  });
  problems.insert(problems.end(), std::make_move_iterator(reading.problems.begin()),
                  std::make_move_iterator(reading.problems.end()));
  std::ranges::stable_sort(problems, {}, &Problem::line);
  return file;
}

Result<ChainFile> whole_or_first_problem(std::string_view text, Form form) {
  std::vector<Problem> problems;
  ChainFile file = read_and_check(text, form, problems);
  if (!problems.empty()) return pass_on(as_error(bad_file, problems));
  return file;
}

}  // namespace

Result<ChainFile> parse_chain_text(std::string_view text) { return whole_or_first_problem(text, Form::whole); }
Result<ChainFile> parse_description(std::string_view text) { return whole_or_first_problem(text, Form::description); }

std::vector<Problem> problems_in_chain_text(std::string_view text) {
  std::vector<Problem> problems;
  read_and_check(text, Form::whole, problems);
  return problems;
}
std::vector<Problem> problems_in_description(std::string_view text) {
  std::vector<Problem> problems;
  read_and_check(text, Form::description, problems);
  return problems;
}

Result<PublicKeysFile> parse_public_keys(std::string_view text) {
  if (text.size() > certificate_bytes_max)
    return fail(bad_file, "too long for a file of public keys; give NAME.pub.toml");
  Reading reading;
  PublicKeysFile file;
  read_toml(text, reading, [&](Table& top) {
    const std::string name = top.text("site", true, "\"store-07\"").value_or("");
    if (const auto site = site_name_of(name))
      file.site = *site;
    else if (!name.empty())
      top.say(reading.lines.of("site"), "site name \"{}\" is not 1 to {} of a-z, 0-9 and '-'", name.substr(0, 40),
              SiteName::bytes_max);
    file.keys = read_site_keys(top, true);
    top.refuse_unknown();
  });
  if (!reading.problems.empty()) return pass_on(as_error(bad_file, reading.problems));
  const SiteKeys& k = file.keys;
  const PublicKey* all[] = {&k.log, &k.cosign, &k.tls, &k.sealing};
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (*all[i] == *all[j])
        return fail(bad_file, fmt::format("two keys of {} are the same; make them with `holdfast site keygen`",
                                          file.site.view()));
  return file;
}

Result<Authority> parse_authority(std::string_view text) {
  Reading reading;
  Authority out;
  read_toml(text, reading, [&](Table& top) {
    read_authority(top, out.root, out.recovery, out.operations);
    top.refuse_unknown();
  });
  if (!reading.problems.empty()) return pass_on(as_error(bad_file, reading.problems));
  if (out.root.keys.empty() || out.recovery.keys.empty())
    return fail(bad_file, "the file names no root or no recovery keys; `holdfast chain roots` writes both");
  return out;
}

}  // namespace holdfast::chain
