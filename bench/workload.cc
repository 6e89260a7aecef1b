#include "bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace holdfast::bench {
namespace {

// Steele, Lea, Flood: SplitMix64.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace

std::int64_t BenchSale::total_pence() const {
  std::int64_t total = 0;
  for (const auto& line : lines) total += line.quantity * line.pence;
  return total;
}

std::int64_t price_pence(std::uint32_t product) { return 49 + static_cast<std::int64_t>(mixed(product) % 4000); }
std::string sku_text(std::uint32_t product) { return fmt::format("SKU-{:05}", product); }
const Sku& sku_of(std::uint32_t product) {
  static const std::vector<Sku> all = [] {
    std::vector<Sku> skus;
    for (std::uint32_t p = 0; p < products; ++p) skus.emplace_back(sku_text(p));
    return skus;
  }();
  return all.at(product);
}

BenchSale sale_number(std::uint64_t number) {
  BenchSale sale;
  sale.number = number;
  const std::uint64_t key[2] = {mixed(number ^ 0x5a1e), mixed(number + 0x1000'0000'0000)};
  std::memcpy(sale.key.bytes.data(), key, sizeof key);
  std::uint64_t draw = mixed(number * 31 + 7);
  for (std::size_t i = 0; i < lines_a_sale;) {
    draw = mixed(draw);
    const double u = static_cast<double>(draw >> 11) * 0x1.0p-53;
    const auto product = static_cast<std::uint32_t>(u * u * u * products);
    const auto end = sale.lines.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(sale.lines.begin(), end, [&](const BenchLine& l) { return l.product == product; })) continue;
    sale.lines[i++] = {product, 1 + static_cast<std::int64_t>(draw % 3), price_pence(product)};
  }
  std::sort(sale.lines.begin(), sale.lines.end(),
            [](const BenchLine& a, const BenchLine& b) { return a.product < b.product; });
  return sale;
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {
    return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
  };
  return {at(0.5), at(0.99)};
}
double median_of(std::vector<double> values) { return spread_of(std::move(values)).p50; }

}  // namespace holdfast::bench
