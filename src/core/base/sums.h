// Sums over many events. Each amount is bounded, but nothing bounds how many of them a hostile journal holds: these
// wrap around where plain addition would be undefined.
#pragma once

#include "core/base/values.h"

namespace holdfast {

constexpr std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr void add(Money& sum, Money by) { sum.minor = wrapping_sum(sum.minor, by.minor); }
constexpr void take_off(Money& sum, Money by) { sum.minor = wrapping_minus(sum.minor, by.minor); }
constexpr void add(Quantity& sum, Quantity by) { sum.thousandths = wrapping_sum(sum.thousandths, by.thousandths); }
constexpr void take_off(Quantity& sum, Quantity by) {
  sum.thousandths = wrapping_minus(sum.thousandths, by.thousandths);
}

}  // namespace holdfast
