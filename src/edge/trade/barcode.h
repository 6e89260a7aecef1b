// What is wrong with a barcode, said so that a person can put it right.
//
// Source: GS1 General Specifications 7.9 (check digit); what spreadsheets do to codes is from
//         ../shared/data/product_codes.csv.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::trade {

// nullopt: a GTIN-8, -12, -13 or -14 with the right check digit.
std::optional<std::string> barcode_trouble(std::string_view code);
// The GS1 check digit that belongs behind `body` (all digits).
char check_digit(std::string_view body);

}  // namespace holdfast::trade
