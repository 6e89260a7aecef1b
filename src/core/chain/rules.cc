#include "core/chain/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace holdfast::chain {
namespace {

constexpr std::size_t mirrors_max = 16;
constexpr std::size_t keys_of_a_set_max = 16;  // root and former root together fit into one note
constexpr std::size_t vat_rates_max = 64;
constexpr std::size_t link_address_bytes_max = 255;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Finder {
 public:
  Finder(const ChainFile& file, Form form, const Lines& lines, std::vector<Problem>& problems)
      : file_(file), form_(form), lines_(lines), problems_(problems) {}

  void find() {
    chain_and_money();
    bounds();
    key_set("root", file_.root);
    key_set("recovery", file_.recovery);
    if (file_.former_root) key_set("former_root", *file_.former_root);
    if (file_.within && file_.within->version >= file_.version)
      say("within", "within.version must be lower than version: an operations-signed file follows a root-signed one");
    else if (file_.within && file_.version - file_.within->version > operations_versions_max)
      say("version", "version {} is more than {} above within.version; only the root keys may sign it", file_.version,
          operations_versions_max);
    sites();
    certificates();
    all_keys();
  }

 private:
  template <class... Args>
  void say(std::string_view path, fmt::format_string<Args...> text, Args&&... args) {
    problems_.push_back({lines_.of(path), fmt::format(text, std::forward<Args>(args)...)});
  }

  void chain_and_money() {
    if (!is_chain_name(file_.chain))
      say("chain",
          "chain \"{}\" is not a chain's name; write lower-case words like \"example.com/acme\" (a-z 0-9 . - /)",
          file_.chain.substr(0, 80));
    if (file_.version == 0) say("version", "version must be 1 or more");
    if (auto known = currency_of(file_.currency.code); !known) {
      say("currency", "{}", known.error().text);
    } else if (known->decimals != file_.currency.decimals) {
      say("currency", "{} has {} decimals", known->code, known->decimals);
    }
    if (file_.languages.empty()) say("languages", "languages is empty; write languages = [\"en\"] or [\"en\", \"fr\"]");
    std::set<std::string_view> languages;
    for (const std::string& language : file_.languages) {
      if (language != "en" && language != "fr")
        say("languages", "language \"{}\" is not known here; the pages speak \"en\" and \"fr\"",
            language.substr(0, 20));
      else if (!languages.insert(language).second)
        say("languages", "language \"{}\" stands twice; leave one out", language);
    }
    vat_rates();
  }

  void vat_rates() {
    if (file_.vat_rates.empty())
      say("vat",
          "no VAT rate is given; add a [[vat]] with code, name and rate_percent for each (0 where there is none)");
    if (file_.vat_rates.size() > vat_rates_max) say("vat", "more than {} VAT rates", vat_rates_max);
    std::set<std::string_view> codes;
    for (std::size_t i = 0; i < file_.vat_rates.size(); ++i) {
      const VatRate& rate = file_.vat_rates[i];
      const std::string path = fmt::format("vat.{}", i);
      const auto is_code_char = [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); };
      if (rate.code.empty() || !std::ranges::all_of(rate.code.view(), is_code_char))
        say(path + ".code", "VAT code \"{}\" must be 1 to {} capitals or digits, like \"S\"", rate.code.view(),
            VatCode::bytes_max);
      else if (!codes.insert(rate.code.view()).second)
        say(path + ".code", "VAT code \"{}\" stands twice; each rate needs its own code", rate.code.view());
      if (rate.name.empty() || rate.name.size() > 60 || !is_plain_text(rate.name))
        say(path + ".name", "the VAT rate's name must be 1 to 60 bytes without control characters");
      if (rate.millionths < 0 || rate.millionths > 1'000'000)
        say(path + ".rate_percent", "a VAT rate lies between 0 and 100 percent");
    }
  }

  void bounds() {
    const Bounds& b = file_.bounds;
    if (b.price_change_percent_max < 1 || b.price_change_percent_max > 1'000'000)
      say("bounds.price_change_percent_max", "price_change_percent_max must be a whole number from 1 to 1000000");
    // TOML's integers are signed 64-bit.
    constexpr std::uint64_t max = INT64_MAX;
    if (b.mirror_bytes_a_day < 1 || b.mirror_bytes_a_day > max)
      say("bounds.mirror_bytes_a_day", "mirror_bytes_a_day must be positive; 4294967296 is 4 GiB");
    if (b.mirror_entries_a_day < 1 || b.mirror_entries_a_day > max)
      say("bounds.mirror_entries_a_day", "mirror_entries_a_day must be positive, like 20000000");
  }

  void key_set(std::string_view path, const KeySet& set) {
    const std::size_t n = set.keys.size();
    if (n == 0) {
      if (form_ == Form::whole) say(path, "[{}] names no key; `holdfast chain roots` makes them", path);
      return;
    }
    if (n > keys_of_a_set_max) say(path, "[{}] names {} keys, the most is {}", path, n, keys_of_a_set_max);
    if (set.needed < 1 || set.needed > n) {
      say(fmt::format("{}.needed", path), "{}.needed is {}, but [{}] names {} key{}; write a number from {} to {}",
          path, set.needed, path, n, n == 1 ? "" : "s", n / 2 + 1, n);
    } else if (2 * static_cast<std::size_t>(set.needed) <= n) {
      say(fmt::format("{}.needed", path),
          "{}.needed is {} of {} keys: two halves could each sign something else; write at least {}", path, set.needed,
          n, n / 2 + 1);
    }
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < n; ++i) {
      const std::string& name = set.keys[i].first;
      if (!is_key_name(name))
        say(fmt::format("{}.keys.{}", path, i),
            "key name \"{}\" must be lower-case letters, digits and '-', like \"root-1\"", name.substr(0, 40));
      else if (!names.insert(name).second)
        say(fmt::format("{}.keys.{}", path, i), "[{}] has two keys named \"{}\"; give each its own name", path, name);
    }
  }

  void sites() {
    if (file_.sites.size() > sites_max) {
      say("site", "{} sites, the most is {}", file_.sites.size(), sites_max);
      return;
    }
    std::size_t head_offices = 0;
    for (const Site& site : file_.sites) head_offices += site.kind == SiteKind::head_office;
    if (head_offices != 1)
      say("site", "the file has {} sites of kind \"head-office\"; exactly one site must be it", head_offices);
    std::set<std::string_view> addresses;
    for (std::size_t i = 0; i < file_.sites.size(); ++i) {
      const Site& site = file_.sites[i];
      const std::string path = fmt::format("site.{}", i);
      if (!site_name_of(site.name.view()))
        say(path + ".name", "site name \"{}\" must be 1 to {} of a-z, 0-9 and '-', like \"store-07\"", site.name.view(),
            SiteName::bytes_max);
      else if (!names_.insert(site.name).second)
        say(path + ".name", "two sites are named \"{}\"; give each its own name", site.name.view());
      if (!is_link_address(site.link_address))
        say(path + ".link_address", "link_address of {} must be host:port, like \"10.0.7.2:7400\"", site.name.view());
      else if (!addresses.insert(site.link_address).second)
        say(path + ".link_address", "link_address {} of {} is another site's too; each site needs its own",
            site.link_address, site.name.view());
    }
    for (std::size_t i = 0; i < file_.sites.size(); ++i) {
      const Site& site = file_.sites[i];
      named_sites(fmt::format("site.{}.mirrors", i), "mirrors", site, site.mirrors);
      named_sites(fmt::format("site.{}.follows", i), "follows", site, site.follows);
      quorum(fmt::format("site.{}.mirrors", i), site);
    }
  }

  void certificates() {
    numbers("revoked", file_.revoked);
    std::vector<std::pair<SiteName, std::uint32_t>> certified;
    certified.reserve(file_.certified.size());
    for (const Certified& c : file_.certified) certified.emplace_back(c.site, c.epoch);
    numbers("certified", certified);
  }

  void numbers(std::string_view table, const std::vector<std::pair<SiteName, std::uint32_t>>& all) {
    std::set<std::pair<SiteName, std::uint32_t>> seen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& [site, epoch] = all[i];
      const std::string path = fmt::format("{}.{}", table, i);
      if (!names_.contains(site))
        say(path, "[[{}]] names \"{}\", which is no site of this file", table, site.view());
      else if (!seen.insert(all[i]).second)
        say(path, "[[{}]] names epoch {} of {} twice; leave one out", table, epoch, site.view());
    }
  }

  void named_sites(const std::string& path, std::string_view what, const Site& site,
                   const std::vector<SiteName>& named) {
    std::set<SiteName> seen;
    for (const SiteName& name : named) {
      if (name == site.name)
        say(path, "{} of {} name {} itself; leave it out", what, site.name.view(), name.view());
      else if (!names_.contains(name))
        say(path, "{} of {} name \"{}\", which is no site of this file; add a [[site]] of that name or correct it",
            what, site.name.view(), name.view());
      else if (!seen.insert(name).second)
        say(path, "{} of {} name \"{}\" twice; leave one out", what, site.name.view(), name.view());
    }
  }

  // Protocol, preamble: q is the smallest number with 2q > n + f; a larger one holds too, while n mirrors are there.
  void quorum(const std::string& path, const Site& site) {
    const std::size_t n = site.mirrors.size(), q = file_.quorum, f = file_.lying_mirrors;
    if (n > mirrors_max) {
      say(path, "{} has {} mirrors, the most is {}", site.name.view(), n, mirrors_max);
    } else if (n < q) {
      say(path, "{} has {} mirror{}, but quorum is {}: name at least {} mirrors, better {}", site.name.view(), n,
          n == 1 ? "" : "s", q, q, 2 * q > f + 1 ? 2 * q - f - 1 : q);
    } else if (2 * q <= n + f) {
      say(path,
          "{} has {} mirrors with lying_mirrors = {}: two quorums of {} could sign different histories; write quorum = "
          "{} "
          "or name at most {} mirrors",
          site.name.view(), n, f, q, (n + f) / 2 + 1, 2 * q > f + 1 ? 2 * q - f - 1 : 0);
    }
  }

  void all_keys() {
    const auto add_set = [&](std::string_view path, const KeySet& set) {
      for (std::size_t i = 0; i < set.keys.size(); ++i)
        add_key(fmt::format("{}.keys.{}", path, i), fmt::format("{} key {}", path, set.keys[i].first),
                set.keys[i].second);
    };
    add_set("root", file_.root);
    add_set("recovery", file_.recovery);
    if (file_.operations) add_key("operations.key", "the operations key", *file_.operations);
    for (std::size_t i = 0; i < file_.sites.size(); ++i) {
      const Site& site = file_.sites[i];
      const std::pair<std::string_view, const PublicKey*> keys[] = {{"log_key", &site.keys.log},
                                                                    {"cosign_key", &site.keys.cosign},
                                                                    {"tls_key", &site.keys.tls},
                                                                    {"sealing_key", &site.keys.sealing}};
      for (const auto& [what, key] : keys)
        add_key(fmt::format("site.{}.{}", i, what), fmt::format("{} of {}", what, site.name.view()), *key);
    }
    // Former roots may be roots still; they only may not be anything else.
    if (!file_.former_root) return;
    for (std::size_t i = 0; i < file_.former_root->keys.size(); ++i) {
      const auto found = keys_.find(file_.former_root->keys[i].second);
      if (found != keys_.end() && !found->second.starts_with("root key "))
        say(fmt::format("former_root.keys.{}", i), "a former root key is {} too; each use needs its own key",
            found->second);
    }
  }

  void add_key(const std::string& path, std::string what, const PublicKey& key) {
    if (key == PublicKey{}) {
      if (form_ == Form::whole) say(path, "{} is missing; it must be 64 hexadecimal characters, not all zero", what);
      return;
    }
    if (const auto [known, is_new] = keys_.try_emplace(key, what); !is_new)
      say(path, "{} is the same key as {}; each use of each site needs its own (`holdfast site keygen`)", what,
          known->second);
  }

  const ChainFile& file_;
  Form form_;
  const Lines& lines_;
  std::vector<Problem>& problems_;
  std::set<SiteName> names_;
  std::map<PublicKey, std::string> keys_;
};

}  // namespace

std::uint32_t Lines::of(std::string_view path) const {
  for (;;) {
    if (const auto found = at_.find(path); found != at_.end()) return found->second;
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return 0;
    path = path.substr(0, dot);
  }
}

void find_problems(const ChainFile& file, Form form, const Lines& lines, std::vector<Problem>& problems) {
  Finder(file, form, lines, problems).find();
}

Error as_error(std::string_view code, const std::vector<Problem>& problems) {
  HF_CHECK(!problems.empty(), "code {}", code);
  const Problem& first = problems.front();
  std::string text = first.line == 0 ? first.text : fmt::format("line {}: {}", first.line, first.text);
  if (problems.size() > 1)
    text += fmt::format(" (and {} more; `holdfast chain check` lists them)", problems.size() - 1);
  return {code, std::move(text)};
}

Status check_rules(const ChainFile& file) {
  std::vector<Problem> problems;
  find_problems(file, Form::whole, Lines(), problems);
  if (!problems.empty()) return pass_on(as_error(bad_file, problems));
  return {};
}

bool is_chain_name(std::string_view text) {
  if (text.empty() || text.size() > 100) return false;
  bool word_is_empty = true;
  for (char c : text) {
    if (c == '/') {
      if (word_is_empty) return false;
      word_is_empty = true;
    } else {
      if (!is_lower(c) && !is_digit(c) && c != '.' && c != '-') return false;
      word_is_empty = false;
    }
  }
  return !word_is_empty;
}

bool is_key_name(std::string_view text) {
  return !text.empty() && text.size() <= 40 && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_plain_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool is_link_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (text.size() > link_address_bytes_max || colon == std::string_view::npos || colon == 0) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  unsigned number = 0;
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || stop != port.data() + port.size() || number < 1 || number > 65'535 || port.front() == '0')
    return false;
  const bool is_v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_v6) host = host.substr(1, host.size() - 2);
  return std::ranges::all_of(host, [&](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '-' || (is_v6 && c == ':');
  });
}

std::optional<SiteName> site_name_of(std::string_view text) {
  if (text.empty() || text.size() > SiteName::bytes_max) return std::nullopt;
  if (!std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; })) return std::nullopt;
  return SiteName(text);
}

}  // namespace holdfast::chain
