// The mapping file: what the feed is told about an existing system's exports. Without one, Shopify's, Odoo's and our
// own header names are known, and a location is a site of the same name.
//
// Shape:  TOML. [locations] "their name" = "site"; "their name/*" = "site" for all below it.
//         [vat] "their text" = "code of the chain file"; default = "code" where their cell is empty or there is no
//         column; untaxed = "code" of what Shopify charges no tax on. [[file]] match = "ART*.CSV" (name of the file; *
//         and ?), and any of: kind, stream, whole, separator, decimal, thousands, encoding, adds_up, open = ["state",
//         …], [file.columns] field = "their header".
// Errors: trade/bad_mapping: line and what to write instead; nothing was read.
// Source: docs/feed.md.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/feed/feed.h"

namespace holdfast::trade {

inline constexpr std::size_t mapping_bytes_max = 1u << 20;

// How files of one name are read.
struct FileRule {
  std::string match;
  std::optional<feed::Kind> kind;  // nullopt: the header says
  std::string stream;              // empty: from the file's name
  std::optional<bool> whole;       // nullopt: stock and orders are whole, a catalogue is not
  char separator = ',';
  char decimal = '.';
  std::optional<char> thousands;               // what groups digits; nullopt: only where it cannot be the decimal mark
  bool is_windows_1252 = false;                // else UTF-8
  std::optional<bool> adds_up;                 // several rows of one product and location are added up
  std::set<std::string> open;                  // states of orders that are open; empty: all but the closed ones we know
  std::map<std::string, std::string> columns;  // field -> their header
};

struct Mapping {
  std::map<std::string, std::string> locations;
  std::map<std::string, std::string> vat;
  std::string vat_default, vat_untaxed;
  std::vector<FileRule> files;

  // The site of a location; empty: none that is known.
  std::string site_of(std::string_view location) const;
  // The first rule whose match fits; else the rule of a file that nothing is said about.
  const FileRule& rule_for(std::string_view file_name) const;
};

Result<Mapping> read_mapping(std::string_view toml);
// "*" any run of characters, "?" one; letters' case does not matter.
bool name_matches(std::string_view pattern, std::string_view name);
// The export that a file is one of: its name up to the first dot, in lower case, without digits and what joins them.
// "Products_Export-2026-11-25.csv" -> "products-export".
std::string stream_of(std::string_view file_name);

}  // namespace holdfast::trade
