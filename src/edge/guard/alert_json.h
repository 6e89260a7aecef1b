// A line of JSON from a sensor -> an alert.
//
// Shape:  EVE: Suricata's own; lines of another event_type than "alert" are none of ours (nullopt). A webhook: by its
//         mapping. What comes is hostile: sizes, depth and types are checked, texts cut and cleaned.
// Errors: guard/bad_alert: says what is wrong with the line.
// Thread: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "edge/guard/config.h"

namespace holdfast::guard {

inline constexpr std::size_t alert_bytes_max = 256u << 10;  // of one line

Result<std::optional<Alert>> read_eve(std::string_view line);
Result<Alert> read_mapped(const Mapping& mapping, std::string_view line);

}  // namespace holdfast::guard
