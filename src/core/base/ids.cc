#include "core/base/ids.h"

#include <fmt/format.h>

#include <charconv>

#include "core/base/crockford.h"

namespace holdfast {
namespace {

template <class T>
bool parse_number(std::string_view text, T& out) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && stop == text.data() + text.size();
}

}  // namespace

std::string to_text(const ReceiptNumber& receipt) {
  std::string series(8, '0');
  for (std::size_t i = 0; i < 8; ++i) series[7 - i] = crockford_digits[receipt.series.bits >> (5 * i) & 31];
  return fmt::format("{}-{}-{}", receipt.till.number, series, receipt.n);
}

Result<ReceiptNumber> parse_receipt(std::string_view text) {
  const auto bad = [&] {
    return fail("base/bad_receipt",
                fmt::format("\"{}\" is not a receipt number; it looks like 3-7KQ2M9XA-15", text.substr(0, 40)));
  };
  const std::size_t first = text.find('-');
  const std::size_t second = text.find('-', first == std::string_view::npos ? first : first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos || second - first != 9) return bad();
  ReceiptNumber out;
  if (!parse_number(text.substr(0, first), out.till.number) || !parse_number(text.substr(second + 1), out.n))
    return bad();
  for (char c : text.substr(first + 1, 8)) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    const std::size_t digit = crockford_digits.find(c);
    if (digit == std::string_view::npos) return bad();
    out.series.bits = out.series.bits << 5 | digit;
  }
  return out;
}

Result<Origin> parse_origin(std::string_view text) {
  const std::size_t last = text.rfind('/');
  const std::size_t middle = last == std::string_view::npos || last == 0 ? last : text.rfind('/', last - 1);
  Origin out;
  if (last == std::string_view::npos || middle == std::string_view::npos || middle == 0 || middle + 1 == last ||
      last - middle - 1 > SiteName::bytes_max || text.size() > 200 || !parse_number(text.substr(last + 1), out.epoch) ||
      out.epoch == 0)
    return fail("base/bad_origin",
                fmt::format("\"{}\" is not an origin; it looks like example.com/chain/store-07/1", text.substr(0, 80)));
  out.chain = std::string(text.substr(0, middle));
  out.site = SiteName(text.substr(middle + 1, last - middle - 1));
  return out;
}

}  // namespace holdfast
