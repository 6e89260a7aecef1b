#include "core/base/text.h"

#include <cstdint>

namespace holdfast {
namespace {

// The length of the UTF-8 sequence at the start of `text`, which is not empty and starts with no ASCII byte; 0:
// invalid.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const std::uint8_t second = byte(1);
  if (first == 0xe0 && second < 0xa0) return 0;   // overlong
  if (first == 0xed && second >= 0xa0) return 0;  // surrogates
  if (first == 0xf0 && second < 0x90) return 0;   // overlong
  if (first == 0xf4 && second >= 0x90) return 0;  // above U+10FFFF
  return length;
}

bool check(std::string_view text, bool controls_allowed) {
  while (!text.empty()) {
    const auto first = static_cast<std::uint8_t>(text[0]);
    if (first < 0x80) {
      if (!controls_allowed && (first < 0x20 || first == 0x7f)) return false;
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

bool is_utf8(std::string_view text) { return check(text, true); }
bool is_clean_text(std::string_view text) { return check(text, false); }

std::string clean_text(std::string_view text, std::size_t bytes_max) {
  std::string out(text.substr(0, bytes_max));
  for (int i = 0; i < 3 && text.size() > bytes_max && !is_utf8(out); ++i) out.pop_back();
  const bool utf8 = is_utf8(out);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (!utf8 && byte >= 0x80)) c = '?';
  }
  return out;
}

}  // namespace holdfast
