#include "core/base/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast {
namespace {

constexpr std::string_view bad_number = "base/bad_number";
__extension__ using Wide = __int128;

// A plain decimal with at most `decimals` decimals, scaled by 10^decimals. No exponent, no thousands sign, no blanks.
Result<std::int64_t> parse_decimal(std::string_view text, int decimals, std::int64_t max, std::string_view what) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  const std::size_t dot = rest.find('.');
  const std::string_view whole = rest.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  auto is_digits = [](std::string_view t) {
    return std::ranges::all_of(t, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (whole.empty() || !is_digits(whole) || !is_digits(fraction) || (dot != std::string_view::npos && fraction.empty()))
    return fail(bad_number,
                fmt::format("\"{}\" is not a plain decimal number; write {} like 12.5", text.substr(0, 40), what));
  if (fraction.size() > static_cast<std::size_t>(decimals))
    return fail(bad_number, fmt::format("\"{}\" has more than {} decimals, the most {} may have", text.substr(0, 40),
                                        decimals, what));
  Wide value = 0;
  for (std::string_view part : {whole, fraction}) {
    for (char c : part) {
      value = value * 10 + (c - '0');
      if (value > max) return fail(bad_number, fmt::format("\"{}\" is too large for {}", text.substr(0, 40), what));
    }
  }
  for (std::size_t i = fraction.size(); i < static_cast<std::size_t>(decimals); ++i) value *= 10;
  if (value > max) return fail(bad_number, fmt::format("\"{}\" is too large for {}", text.substr(0, 40), what));
  const auto out = static_cast<std::int64_t>(value);
  return negative ? -out : out;
}

std::string decimal_text(std::int64_t value, int decimals, int decimals_min) {
  const bool negative = value < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits = fmt::format("{:0{}}", magnitude, decimals + 1);
  std::string fraction = digits.substr(digits.size() - static_cast<std::size_t>(decimals));
  digits.resize(digits.size() - static_cast<std::size_t>(decimals));
  while (fraction.size() > static_cast<std::size_t>(decimals_min) && fraction.back() == '0') fraction.pop_back();
  return (negative ? "-" : "") + digits + (fraction.empty() ? "" : "." + fraction);
}

Wide power_of_ten(int n) {
  Wide out = 1;
  while (n-- > 0) out *= 10;
  return out;
}

Wide divide_half_up(Wide value, Wide divisor) {
  return value >= 0 ? (value + divisor / 2) / divisor : -((-value + divisor / 2) / divisor);
}

struct Civil {
  std::int64_t year;
  unsigned month, day;
};
// Days since 1970-01-01 <-> proleptic Gregorian date. Source: Howard Hinnant, "chrono-compatible low-level date
// algorithms".
std::int64_t days_from_civil(Civil c) {
  const std::int64_t y = c.year - (c.month <= 2);
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}
Civil civil_from_days(std::int64_t z) {
  z += 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1};
}

}  // namespace

Result<Currency> currency_of(std::string_view code) {
  // ISO 4217 active codes whose minor unit is not 2, and the ones with 2 that our chains meet.
  static constexpr std::array<std::pair<std::string_view, int>, 38> table = {{
      {"AUD", 2}, {"BGN", 2}, {"BHD", 3}, {"BRL", 2}, {"CAD", 2}, {"CHF", 2}, {"CLP", 0}, {"CNY", 2},
      {"CZK", 2}, {"DKK", 2}, {"EUR", 2}, {"GBP", 2}, {"HKD", 2}, {"HUF", 2}, {"INR", 2}, {"IQD", 3},
      {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3}, {"MAD", 2}, {"MXN", 2},
      {"NOK", 2}, {"NZD", 2}, {"OMR", 3}, {"PLN", 2}, {"PYG", 0}, {"RON", 2}, {"SEK", 2}, {"SGD", 2},
      {"TND", 3}, {"TRY", 2}, {"UGX", 0}, {"USD", 2}, {"VND", 0}, {"ZAR", 2},
  }};
  for (const auto& [name, decimals] : table)
    if (name == code) return Currency{std::string(code), decimals};
  return fail(
      "base/unknown_currency",
      fmt::format("currency \"{}\" is not known here; use an ISO 4217 code such as GBP, EUR, USD", code.substr(0, 10)));
}

Result<Money> line_amount(UnitPrice price, Quantity quantity, int currency_decimals) {
  const Wide product = static_cast<Wide>(price.millionths) * quantity.thousandths;
  const Wide amount = divide_half_up(product, power_of_ten(9 - currency_decimals));
  if (amount > money_minor_max || amount < -money_minor_max)
    return fail("base/overflow", "the line's amount is too large; check price and quantity");
  return Money{static_cast<std::int64_t>(amount)};
}

Money vat_in_gross(Money gross, std::int64_t rate_millionths) {
  const Wide vat =
      divide_half_up(static_cast<Wide>(gross.minor) * rate_millionths, 1'000'000 + static_cast<Wide>(rate_millionths));
  return Money{static_cast<std::int64_t>(vat)};
}

Result<UnitPrice> parse_unit_price(std::string_view text) {
  HF_TRY(const std::int64_t v, parse_decimal(text, 6, unit_price_millionths_max, "a unit price"));
  return UnitPrice{v};
}
Result<Quantity> parse_quantity(std::string_view text) {
  HF_TRY(const std::int64_t v, parse_decimal(text, 3, quantity_thousandths_max, "a quantity"));
  return Quantity{v};
}
Result<Money> parse_money(std::string_view text, int currency_decimals) {
  HF_TRY(const std::int64_t v, parse_decimal(text, currency_decimals, money_minor_max, "an amount"));
  return Money{v};
}
std::string to_text(UnitPrice price) { return decimal_text(price.millionths, 6, 2); }
std::string to_text(Quantity quantity) { return decimal_text(quantity.thousandths, 3, 0); }
std::string to_text(Money amount, int currency_decimals) {
  return decimal_text(amount.minor, currency_decimals, currency_decimals);
}

std::string to_text(Instant at) {
  std::int64_t day = at.unix_ns / day_ns;
  std::int64_t rest = at.unix_ns % day_ns;
  if (rest < 0) {
    rest += day_ns;
    --day;
  }
  const Civil c = civil_from_days(day);
  const std::int64_t second = rest / 1'000'000'000;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", c.year, c.month, c.day, second / 3600,
                     second / 60 % 60, second % 60, rest % 1'000'000'000);
}

Result<Instant> parse_instant(std::string_view text) {
  const auto bad = [&] {
    return fail("base/bad_time", fmt::format("\"{}\" is not a UTC time like 2026-11-22T14:03:05Z", text.substr(0, 40)));
  };
  auto number = [&](std::size_t from, std::size_t length, std::int64_t low, std::int64_t high) -> std::int64_t {
    std::int64_t v = -1;
    if (from + length > text.size()) return -1;
    const char* end = text.data() + from + length;
    const auto [stop, error] = std::from_chars(text.data() + from, end, v);
    return error == std::errc() && stop == end && v >= low && v <= high && text[from] != '-' ? v : -1;
  };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z')
    return bad();
  const std::int64_t year = number(0, 4, 1700, 2260), month = number(5, 2, 1, 12), day = number(8, 2, 1, 31);
  const std::int64_t hour = number(11, 2, 0, 23), minute = number(14, 2, 0, 59), second = number(17, 2, 0, 59);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return bad();
  std::int64_t fraction = 0;
  if (text.size() > 20) {
    const std::size_t digits = text.size() - 21;
    if (text[19] != '.' || digits < 1 || digits > 9) return bad();
    fraction = number(20, digits, 0, 999'999'999);
    if (fraction < 0) return bad();
    for (std::size_t i = digits; i < 9; ++i) fraction *= 10;
  }
  const Civil c{year, static_cast<unsigned>(month), static_cast<unsigned>(day)};
  const std::int64_t date = days_from_civil(c);
  const Civil back = civil_from_days(date);
  if (back.month != c.month || back.day != c.day) return bad();  // 30 February
  return Instant{((date * 24 + hour) * 60 + minute) * 60'000'000'000 + second * 1'000'000'000 + fraction};
}

}  // namespace holdfast
