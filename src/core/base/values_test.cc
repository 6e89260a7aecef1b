#include "core/base/values.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace holdfast {
namespace {

TEST(UnitPrice, up_to_six_decimals) {
  EXPECT_EQ(parse_unit_price("2.55")->millionths, 2'550'000);
  EXPECT_EQ(parse_unit_price("0.000001")->millionths, 1);
  EXPECT_EQ(parse_unit_price("-1.5")->millionths, -1'500'000);
  EXPECT_EQ(parse_unit_price("0")->millionths, 0);
  EXPECT_EQ(parse_unit_price("1000000000")->millionths, unit_price_millionths_max);
  EXPECT_EQ(to_text(UnitPrice{2'550'000}), "2.55");
  EXPECT_EQ(to_text(UnitPrice{2'000'000}), "2.00");
  EXPECT_EQ(to_text(UnitPrice{-1}), "-0.000001");
}

TEST(UnitPrice, what_is_not_a_plain_decimal_in_range_is_refused) {
  for (const char* bad :
       {"", ".", "-", "1.", ".5", "1.2345678", "1e3", "1,5", " 1", "1 ", "+1", "--1", "0x1", "1.2.3", "NaN", "inf",
        "1000000000.000001", "1000000001", "99999999999999999999999999999999999999999999"})
    EXPECT_EQ(parse_unit_price(bad).error().code, "base/bad_number") << bad;
}

TEST(Quantity, up_to_three_decimals) {
  EXPECT_EQ(parse_quantity("1")->thousandths, 1000);
  EXPECT_EQ(parse_quantity("0.250")->thousandths, 250);
  EXPECT_EQ(parse_quantity("-3")->thousandths, -3000);
  EXPECT_EQ(parse_quantity("1000000000")->thousandths, quantity_thousandths_max);
  EXPECT_FALSE(parse_quantity("0.0001"));
  EXPECT_FALSE(parse_quantity("1000000000.001"));
  EXPECT_EQ(to_text(Quantity{1000}), "1");
  EXPECT_EQ(to_text(Quantity{-250}), "-0.25");
}

RC_GTEST_PROP(Values, every_value_in_range_is_read_back, ()) {
  const auto price = *rc::gen::inRange<std::int64_t>(-unit_price_millionths_max, unit_price_millionths_max);
  const auto quantity = *rc::gen::inRange<std::int64_t>(-quantity_thousandths_max, quantity_thousandths_max);
  RC_ASSERT(parse_unit_price(to_text(UnitPrice{price}))->millionths == price);
  RC_ASSERT(parse_quantity(to_text(Quantity{quantity}))->thousandths == quantity);
}

TEST(Money, text_has_the_currency_s_decimals) {
  EXPECT_EQ(parse_money("123.45", 2)->minor, 12345);
  EXPECT_EQ(parse_money("-1500000000", 0)->minor, -1'500'000'000);
  EXPECT_EQ(parse_money("10000000000000.00", 2)->minor, money_minor_max);
  EXPECT_FALSE(parse_money("10000000000000.01", 2));
  EXPECT_FALSE(parse_money("1.5", 0));
  EXPECT_EQ(to_text(Money{12345}, 2), "123.45");
  EXPECT_EQ(to_text(Money{-5}, 2), "-0.05");
  EXPECT_EQ(to_text(Money{5}, 0), "5");
  EXPECT_EQ(to_text(Money{1}, 3), "0.001");
}

TEST(Currency, decimals_are_those_of_iso_4217) {
  EXPECT_EQ(currency_of("GBP")->decimals, 2);
  EXPECT_EQ(currency_of("JPY")->decimals, 0);
  EXPECT_EQ(currency_of("KWD")->decimals, 3);
  for (const char* bad : {"", "gbp", "XXX", "POUND"}) EXPECT_EQ(currency_of(bad).error().code, "base/unknown_currency");
}

TEST(LineAmount, half_a_minor_unit_goes_up_and_a_refund_mirrors_its_sale) {
  const auto amount = [](const char* price, const char* quantity, int decimals) {
    return line_amount(*parse_unit_price(price), *parse_quantity(quantity), decimals)->minor;
  };
  EXPECT_EQ(amount("2.55", "3", 2), 765);
  EXPECT_EQ(amount("0.005", "1", 2), 1);
  EXPECT_EQ(amount("0.004999", "1", 2), 0);
  EXPECT_EQ(amount("0.005", "-1", 2), -1);
  EXPECT_EQ(amount("0.001", "1", 2), 0);  // as the four lines of Online Retail
  EXPECT_EQ(amount("1.99", "0.335", 2), 67);
  EXPECT_EQ(amount("1.5", "1", 0), 2);
  EXPECT_EQ(amount("1.5", "1", 3), 1500);
}

RC_GTEST_PROP(LineAmount, is_odd_and_within_half_a_unit, ()) {
  const UnitPrice price{*rc::gen::inRange<std::int64_t>(-10'000'000'000, 10'000'000'000)};
  const Quantity quantity{*rc::gen::inRange<std::int64_t>(-10'000'000, 10'000'000)};
  const auto amount = line_amount(price, quantity, 2);
  RC_ASSERT(amount.has_value());
  RC_ASSERT(line_amount(price, Quantity{-quantity.thousandths}, 2)->minor == -amount->minor);
  __extension__ using Wide = __int128;
  const Wide exact = static_cast<Wide>(price.millionths) * quantity.thousandths;  // in 10^-9 of the major unit
  const Wide difference = exact - static_cast<Wide>(amount->minor) * 10'000'000;
  RC_ASSERT(difference <= 5'000'000);
  RC_ASSERT(difference >= -5'000'000);
}

TEST(LineAmount, what_does_not_fit_is_refused) {
  EXPECT_EQ(line_amount({unit_price_millionths_max}, {quantity_thousandths_max}, 2).error().code, "base/overflow");
  EXPECT_EQ(line_amount({-unit_price_millionths_max}, {quantity_thousandths_max}, 2).error().code, "base/overflow");
}

TEST(Vat, contained_in_a_gross_amount) {
  EXPECT_EQ(vat_in_gross({120}, 200'000).minor, 20);
  EXPECT_EQ(vat_in_gross({255}, 200'000).minor, 43);  // 42.5
  EXPECT_EQ(vat_in_gross({-255}, 200'000).minor, -43);
  EXPECT_EQ(vat_in_gross({1000}, 0).minor, 0);
  EXPECT_EQ(vat_in_gross({money_minor_max}, 50'000).minor, 47'619'047'619'048);
}

TEST(Instant, text_is_rfc_3339_in_utc) {
  EXPECT_EQ(to_text(Instant{0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(to_text(Instant{-1}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_text(Instant{1'795'356'185'123'456'789}), "2026-11-22T14:03:05.123456789Z");
  EXPECT_EQ(parse_instant("2026-11-22T14:03:05.123456789Z")->unix_ns, 1'795'356'185'123'456'789);
  EXPECT_EQ(parse_instant("2026-11-22T14:03:05Z")->unix_ns, 1'795'356'185'000'000'000);
  EXPECT_EQ(parse_instant("2026-11-22T14:03:05.5Z")->unix_ns, 1'795'356'185'500'000'000);
  EXPECT_EQ(parse_instant("2000-02-29T00:00:00Z")->unix_ns, 951'782'400'000'000'000);
}

RC_GTEST_PROP(Instant, is_read_back, ()) {
  const Instant at{*rc::gen::inRange<std::int64_t>(-8'000'000'000'000'000'000, 9'000'000'000'000'000'000)};
  const auto back = parse_instant(to_text(at));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == at);
}

TEST(Instant, what_is_not_a_utc_time_is_refused) {
  for (const char* bad :
       {"", "2026-11-22", "2026-11-22T14:03:05", "2026-11-22T14:03:05+01:00", "2026-11-22 14:03:05Z",
        "2026-13-22T14:03:05Z", "2026-02-30T14:03:05Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z", "2026-11-22T14:60:05Z", "2026-11-22T14:03:60Z", "2026-11-22T14:03:05.Z",
        "2026-11-22T14:03:05.1234567890Z", "2026-11-22T14:03:05.-1Z", "-026-11-22T14:03:05Z", "9999-01-01T00:00:00Z"})
    EXPECT_EQ(parse_instant(bad).error().code, "base/bad_time") << bad;
}

}  // namespace
}  // namespace holdfast
