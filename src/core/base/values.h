// The values trade is counted in. Integers only; nothing floats.
//
// Units:  Money: minor units of the chain's currency (pence). UnitPrice: millionths of its major unit (pounds), so that
//         a price has up to 6 decimals. Quantity: thousandths of a piece, kilogram, litre. Instant: UTC nanoseconds
//         since 1970.
// Errors: base/bad_number: not a plain decimal, too many decimals, or beyond the range given with each parser.
// Source: ISO 4217 (currency decimals), RFC 3339 (time as text).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace holdfast {

struct Money {
  std::int64_t minor = 0;
  auto operator<=>(const Money&) const = default;
};
struct UnitPrice {
  std::int64_t millionths = 0;
  auto operator<=>(const UnitPrice&) const = default;
};
struct Quantity {
  std::int64_t thousandths = 0;
  auto operator<=>(const Quantity&) const = default;
};
struct Instant {
  std::int64_t unix_ns = 0;
  auto operator<=>(const Instant&) const = default;
};
struct Duration {
  std::int64_t ns = 0;
  auto operator<=>(const Duration&) const = default;
};
inline constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000'000}; }
inline constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }
inline constexpr Duration days(std::int64_t n) { return seconds(n * 86'400); }
// So far may clocks of two machines, or of one before and after a restart, lie apart without being called wrong.
inline constexpr Duration clock_slack = seconds(300);
inline constexpr std::int64_t day_ns = days(1).ns;
inline constexpr Instant operator+(Instant a, Duration d) { return {a.unix_ns + d.ns}; }
inline constexpr Instant operator-(Instant a, Duration d) { return {a.unix_ns - d.ns}; }
inline constexpr Duration operator-(Instant a, Instant b) { return {a.unix_ns - b.unix_ns}; }

// Bounds that keep every product and sum of one event inside 64 bits.
inline constexpr std::int64_t quantity_thousandths_max = 1'000'000'000'000;       // a milliard pieces
inline constexpr std::int64_t unit_price_millionths_max = 1'000'000'000'000'000;  // a milliard of the major unit
inline constexpr std::int64_t money_minor_max = 1'000'000'000'000'000;  // ten thousand milliard of the major unit

struct Currency {
  std::string code;  // ISO 4217, "GBP"
  int decimals = 2;  // of the minor unit: JPY 0, GBP 2, KWD 3
};
Result<Currency> currency_of(std::string_view iso_4217);  // base/unknown_currency

// quantity x price in minor units, half rounded up (away from zero for negative amounts, so that a refund mirrors its
// sale). base/overflow beyond money_minor_max.
Result<Money> line_amount(UnitPrice price, Quantity quantity, int currency_decimals);
// The VAT contained in a gross amount at `rate_millionths` (20 % = 200000), half rounded up: gross x rate / (1 + rate).
Money vat_in_gross(Money gross, std::int64_t rate_millionths);

// "12.34"; at most the currency's decimals, and money_minor_max.
Result<Money> parse_money(std::string_view text, int currency_decimals);

Result<UnitPrice> parse_unit_price(std::string_view text);  // "2.55", "-1.5"; at most 6 decimals
Result<Quantity> parse_quantity(std::string_view text);     // "1", "0.25"; at most 3 decimals
std::string to_text(UnitPrice price);                       // shortest exact decimal, at least 2 decimals
std::string to_text(Quantity quantity);                     // shortest exact decimal
std::string to_text(Money amount, int currency_decimals);   // "12.34"
std::string to_text(Instant at);                            // "2026-11-22T14:03:05.123456789Z"
Result<Instant> parse_instant(std::string_view text);       // the same form; fraction optional; base/bad_time

}  // namespace holdfast
