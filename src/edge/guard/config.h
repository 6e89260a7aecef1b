// guard.toml: the rules of this site, where its alerts come from, and what of it is a tripwire.
//
// Shape:  DATA/guard.toml, TOML, every key known; docs/guard.md has all of them. Missing: the shipped rules
//         (default_rules.toml) and nothing else. The site's own rules come before the shipped ones; one with the same
//         name replaces the shipped one; `defaults = false` leaves the shipped ones out. Same for webhooks.
// Errors: guard/bad_file: every problem with its line, what is wrong and what to write.
// Thread: pure functions and values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/guard/rules.h"
#include "edge/guard/inside.h"

namespace holdfast::guard {

inline constexpr std::string_view config_path = "guard.toml";  // in the data directory
inline constexpr std::size_t config_bytes_max = 1u << 20;

// How a foreign JSON object becomes an alert: templates with "{/pointer}" (RFC 6901).
struct Mapping {
  std::string name;
  std::string signature, category, text, record, seen_at, severity;  // text: for `words` alone; record: kept
  bool lower_case = false;                                           // the signature
  std::uint8_t severity_otherwise = 2;
  std::optional<Level> otherwise;
};
struct Config {
  Rules rules;
  std::vector<Mapping> webhooks;
  std::vector<std::string> eve_files;
  std::string socket;                 // Unix stream and datagram (+ ".dgram"); empty: none
  std::vector<std::string> canaries;  // files nobody has any business with
  bool watch_journal = true, watch_keys = true;
  std::string sealer = "/run/holdfast/sealer.sock";
  std::vector<Network> inside;      // who may still ask a sealed node; empty: attached_networks()
  std::vector<std::string> probes;  // host:port outside; after a seal none of them may answer
  const Mapping* webhook(std::string_view name) const;
};

std::string_view shipped_rules();  // default_rules.toml
// `text` of a site's file; nullopt: there is none. `name`: for the errors.
Result<Config> parse_config(const std::optional<std::string>& text, std::string_view name);

}  // namespace holdfast::guard
