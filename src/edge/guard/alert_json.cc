#include "edge/guard/alert_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/text.h"

namespace holdfast::guard {
namespace {

namespace json = boost::json;

Result<json::value> parse(std::string_view line) {
  if (line.size() > alert_bytes_max)
    return fail("guard/bad_alert",
                fmt::format("an alert of {} bytes; at most {} are read", line.size(), alert_bytes_max));
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  json::value value = json::parse(json::string_view(line.data(), line.size()), error, {}, options);
  if (error) return fail("guard/bad_alert", fmt::format("the line is not JSON ({})", error.message()));
  if (!value.is_object()) return fail("guard/bad_alert", "the line is JSON, but no object {…}");
  return value;
}

std::string text_of(const json::value* value) {
  if (value == nullptr || value->is_null()) return {};
  if (const json::string* text = value->if_string())
    return std::string(text->data(), std::min<std::size_t>(text->size(), 2000));
  if (value->is_object() || value->is_array()) return {};
  return json::serialize(*value);
}
const json::value* member(const json::object& object, std::string_view name) {
  return object.if_contains(json::string_view(name.data(), name.size()));
}
std::string text_at(const json::object& object, std::string_view name) { return text_of(member(object, name)); }

// RFC 3339, and as Suricata writes it: "2018-03-23T12:00:00.000000-0600". Zero: it says no time that can be read.
Instant time_of(std::string text) {
  Duration offset;
  const std::size_t zone = text.find_first_of("+-", 19 < text.size() ? 19 : text.size());
  if (zone != std::string::npos) {
    std::string digits;
    for (const char c : std::string_view(text).substr(zone + 1))
      if (c >= '0' && c <= '9') digits += c;
    if (digits.size() != 4) return {};
    const int minutes = ((digits[0] - '0') * 10 + digits[1] - '0') * 60 + (digits[2] - '0') * 10 + digits[3] - '0';
    offset = seconds((text[zone] == '-' ? -60 : 60) * minutes);
    text = text.substr(0, zone) + "Z";
  }
  const auto at = parse_instant(text);
  return at ? Instant{at->unix_ns - offset.ns} : Instant{};
}

// "{/a/b} text" with what the pointers find.
std::string fill(const std::string& pattern, const json::value& line) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] != '{') {
      out += pattern[at++];
      continue;
    }
    const std::size_t end = pattern.find('}', at);
    const std::string_view pointer = std::string_view(pattern).substr(at + 1, end - at - 1);
    boost::system::error_code missing;
    out += text_of(line.find_pointer(json::string_view(pointer.data(), pointer.size()), missing));
    at = end + 1;
  }
  return out;
}

std::uint8_t severity_of(std::string_view text, std::uint8_t otherwise) {
  if (text.size() == 1 && text[0] >= '1' && text[0] <= '4') return static_cast<std::uint8_t>(text[0] - '0');
  return otherwise;
}

}  // namespace

Result<std::optional<Alert>> read_eve(std::string_view line) {
  HF_TRY(const json::value value, parse(line));
  const json::object& event = value.get_object();
  if (text_at(event, "event_type") != "alert") return std::optional<Alert>();
  const json::value* body = member(event, "alert");
  if (body == nullptr || !body->is_object()) return fail("guard/bad_alert", "an alert line without \"alert\": {…}");
  const json::object& what = body->get_object();
  Alert alert;
  alert.source = "suricata";
  alert.signature = text_at(what, "signature_id");
  if (alert.signature.empty()) return fail("guard/bad_alert", "an alert line without a signature_id");
  alert.severity = severity_of(text_at(what, "severity"), 2);
  alert.category = text_at(what, "category");
  alert.text = fmt::format("{} ({}:{} -> {}:{})", text_at(what, "signature"), text_at(event, "src_ip"),
                           text_at(event, "src_port"), text_at(event, "dest_ip"), text_at(event, "dest_port"));
  alert.seen_at = time_of(text_at(event, "timestamp"));
  alert.digest = sha256(as_bytes(line));
  return std::optional(cleaned(std::move(alert)));
}

Result<Alert> read_mapped(const Mapping& mapping, std::string_view line) {
  HF_TRY(const json::value value, parse(line));
  Alert alert;
  alert.source = "webhook:" + mapping.name;
  alert.signature = fill(mapping.signature, value);
  if (mapping.lower_case)
    for (char& c : alert.signature)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (alert.signature.empty())
    return fail("guard/bad_alert", fmt::format("the mapping \"{}\" finds no signature in the line", mapping.name));
  alert.severity = severity_of(fill(mapping.severity, value), mapping.severity_otherwise);
  alert.category = fill(mapping.category, value);
  alert.text = fill(mapping.record, value);
  alert.unrecorded = fill(mapping.text, value);
  alert.seen_at = time_of(fill(mapping.seen_at, value));
  alert.digest = sha256(as_bytes(line));
  return cleaned(std::move(alert));
}

}  // namespace holdfast::guard
