#include "core/base/ids.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/base/crockford.h"

namespace holdfast {
namespace {

TEST(Receipt, text_of_a_receipt_number) {
  const ReceiptNumber receipt{{3}, {0b00111'10011'10111'00010'10100'01001'11101'01010}, 15};
  EXPECT_EQ(to_text(receipt), "3-7KQ2M9XA-15");
  EXPECT_EQ(*parse_receipt("3-7KQ2M9XA-15"), receipt);
  EXPECT_EQ(*parse_receipt("3-7kq2m9xa-15"), receipt);  // typed from paper
}

RC_GTEST_PROP(Receipt, is_read_back, ()) {
  const ReceiptNumber receipt{{*rc::gen::arbitrary<std::uint32_t>()},
                              {*rc::gen::arbitrary<std::uint64_t>() & ((1ull << 40) - 1)},
                              *rc::gen::arbitrary<std::uint64_t>()};
  const auto back = parse_receipt(to_text(receipt));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == receipt);
}

TEST(Receipt, what_is_not_one_is_refused) {
  for (const char* bad :
       {"", "-", "--", "3", "3-7KQ2M9XA", "3-7KQ2M9XA-", "-7KQ2M9XA-15", "3-7KQ2M9X-15", "3-7KQ2M9XAA-15",
        "3-7KQ2M9XU-15", "3-7KQ2M9XI-15", "03-7KQ2M9XA-15", "3-7KQ2M9XA-015", "3-7KQ2M9XA-1x", "+3-7KQ2M9XA-15",
        "4294967296-7KQ2M9XA-15", "3-7KQ2M9XA-18446744073709551616", "3-7KQ2M9XA--15", "3-7KQ2M9XA-15 "})
    EXPECT_EQ(parse_receipt(bad).error().code, "base/bad_receipt") << bad;
}

// The order of sites and products is that of what a state writes: it must be that of their bytes, whatever they are.
RC_GTEST_PROP(ShortText, sorts_as_its_text_does, ()) {
  const auto text = [] {
    std::string out;
    for (const int c : *rc::gen::container<std::vector<int>>(rc::gen::element(0, 1, 'a', 'b', 0x7f, 0xff)))
      if (out.size() < Sku::bytes_max) out.push_back(static_cast<char>(c));
    return out;
  };
  const std::string a = text(), b = *rc::gen::arbitrary<bool>() ? text() : a + text().substr(0, 31 - a.size());
  RC_ASSERT((Sku(a) <=> Sku(b)) == (std::string_view(a) <=> std::string_view(b)));
  RC_ASSERT((Sku(a) == Sku(b)) == (a == b));
  const std::string_view short_a = std::string_view(a).substr(0, 7), short_b = std::string_view(b).substr(0, 7);
  RC_ASSERT((VatCode(short_a) <=> VatCode(short_b)) == (short_a <=> short_b));
}

TEST(Crockford, what_a_person_types_is_the_digit_that_was_meant_and_nothing_else_becomes_one) {
  for (const char digit : crockford_digits) EXPECT_EQ(crockford_meant(digit), digit);
  std::string meant;
  for (const char typed : std::string_view("0oO1iIlLabzAZ")) meant += crockford_meant(typed);
  EXPECT_EQ(meant, "00011111ABZAZ");
  int digits = 0;
  for (int c = 0; c < 256; ++c)
    digits += crockford_digits.find(crockford_meant(static_cast<char>(c))) != std::string_view::npos;
  EXPECT_EQ(digits, 32 + 22 + 6) << "the digits, the 22 letters in lower case, and o, i and l in either case";
}

TEST(Origin, text_of_an_origin) {
  const Origin origin{"holdfast.example/acme", SiteName("store-07"), 2};
  EXPECT_EQ(origin.text(), "holdfast.example/acme/store-07/2");
  EXPECT_EQ(*parse_origin(origin.text()), origin);
  EXPECT_EQ(parse_origin("acme/store-07/1")->chain, "acme");
}

TEST(Origin, what_is_not_one_is_refused) {
  const std::string long_site = "acme/" + std::string(32, 's') + "/1";
  const std::string long_chain = std::string(200, 'c') + "/store/1";
  for (const std::string& bad :
       {std::string(), std::string("/"), std::string("//"), std::string("acme"), std::string("acme/1"),
        std::string("/store/1"), std::string("acme//1"), std::string("acme/store/"), std::string("acme/store/0"),
        std::string("acme/store/01"), std::string("acme/store/-1"), std::string("acme/store/4294967296"),
        std::string("acme/store/1 "), long_site, long_chain})
    EXPECT_EQ(parse_origin(bad).error().code, "base/bad_origin") << bad;
}

TEST(ShortText, holds_up_to_its_bytes_and_stops_the_program_beyond) {
  EXPECT_EQ(Sku(std::string(31, 'x')).view().size(), 31u);
  EXPECT_TRUE(Sku().empty());
  EXPECT_LT(Sku("A"), Sku("B"));
  EXPECT_DEATH(Sku(std::string(32, 'x')), "32 bytes, at most 31");
}

TEST(OpaqueId, zero_is_known) {
  SubjectId id;
  EXPECT_TRUE(id.is_zero());
  id.bytes[15] = std::byte{1};
  EXPECT_FALSE(id.is_zero());
}

}  // namespace
}  // namespace holdfast
