// The same sales for every side: sale number i is always the same sale, drawn from i.
//
// Shape:  5 lines, quantities 1 to 3, from 30,000 products of which few sell most (the cube of a uniform draw), paid in
//         cash. Prices have 2 decimals, so that amounts are whole pence and no side has to round.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::bench {

inline constexpr std::uint32_t products = 30'000;
inline constexpr std::size_t lines_a_sale = 5;

struct BenchLine {
  std::uint32_t product = 0;
  std::int64_t quantity = 1;  // pieces
  std::int64_t pence = 0;     // of one piece
};
struct BenchSale {
  std::uint64_t number = 0;
  IdempotencyKey key;
  std::array<BenchLine, lines_a_sale> lines;
  std::int64_t total_pence() const;
};

std::int64_t price_pence(std::uint32_t product);
std::string sku_text(std::uint32_t product);  // "SKU-01234"
const Sku& sku_of(std::uint32_t product);
// Distinct products within one sale, in ascending order.
BenchSale sale_number(std::uint64_t number);

// Middle and 99th value of a hundred; both 0 for nothing.
struct Spread {
  double p50 = 0, p99 = 0;
};
Spread spread_of(std::vector<double> values);
double median_of(std::vector<double> values);

}  // namespace holdfast::bench
