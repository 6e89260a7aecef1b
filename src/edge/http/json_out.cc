#include "edge/http/json_out.h"

#include <fmt/format.h>

#include "edge/http/text.h"

namespace holdfast::http {

JsonOut& JsonOut::text(std::string_view value) {
  comma();
  if (!bad_utf8_at(value)) {
    quote(value);
    return *this;
  }
  std::string mended(value);
  while (const auto bad = bad_utf8_at(mended)) mended[*bad] = '?';
  quote(mended);
  return *this;
}

void JsonOut::quote(std::string_view value) {
  out_ += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

}  // namespace holdfast::http
