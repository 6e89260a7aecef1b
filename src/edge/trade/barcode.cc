#include "edge/trade/barcode.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::trade {

char check_digit(std::string_view body) {
  int sum = 0;
  int weight = 3;
  for (auto it = body.rbegin(); it != body.rend(); ++it, weight = 4 - weight) sum += (*it - '0') * weight;
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

std::optional<std::string> barcode_trouble(std::string_view code) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string shown(code.substr(0, 40));
  if (code.find_first_of("eE") != std::string_view::npos && code.find('+') != std::string_view::npos) {
    return fmt::format(
        "Barcode \"{}\" was turned into a number by a spreadsheet and its digits are lost: read it from the product.",
        shown);
  }
  if (!std::all_of(code.begin(), code.end(), is_digit)) {
    return fmt::format("Barcode \"{}\" holds something else than digits.", shown);
  }
  const std::size_t digits = code.size();
  if (digits > 14) return fmt::format("Barcode \"{}\" has {} digits; 14 are the most.", shown, digits);
  if (digits != 8 && digits != 12 && digits != 13 && digits != 14) {
    return fmt::format("Barcode \"{}\" has {} digits, not 8, 12, 13 or 14: leading zeros may be lost.", shown, digits);
  }
  const char right = check_digit(code.substr(0, digits - 1));
  if (code.back() == right) return std::nullopt;
  return fmt::format("Barcode \"{}\" has the check digit {}; its other digits ask for {}.", shown, code.back(), right);
}

}  // namespace holdfast::trade
