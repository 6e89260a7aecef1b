#include "core/catalogue/catalogue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace holdfast::catalogue {
namespace {

Product product(std::string_view sku, std::int64_t price = 1'000'000, std::string gtin = "") {
  return {Sku(sku), std::move(gtin), "Name of " + std::string(sku), UnitPrice{price}, VatCode("S"), true};
}
Bytes bytes_of(const CatalogueState& state) {
  Writer out;
  state.encode(out);
  return out.take();
}
void list(CatalogueState& state, EntryIndex at, std::vector<Product> products) {
  const auto event = decide(state, ListProducts{std::move(products)});
  ASSERT_TRUE(event) << event.error().text;
  apply(state, EntryPlace{1, at}, std::get<ProductsListed>(*event));
}
std::string_view refusal(const CatalogueState& state, std::vector<Product> products) {
  const auto event = decide(state, ListProducts{std::move(products)});
  return event ? "taken" : event.error().code;
}

constexpr std::string_view gtin_a = "4006381333931", gtin_b = "5012345678900";

TEST(Gtin, check_digits_of_the_gs1_examples_hold) {
  for (std::string_view good : {"6291041500213", "4006381333931", "614141000036", "96385074", "10614141000415"})
    EXPECT_TRUE(gtin_is_valid(good)) << good;
}

TEST(Gtin, one_wrong_digit_a_letter_or_a_wrong_length_is_refused) {
  const std::string good(gtin_a);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == '9' ? '0' : static_cast<char>(bad[i] + 1);
    EXPECT_FALSE(gtin_is_valid(bad)) << bad;
  }
  for (std::string_view bad : {"", "0", "123456789", "40063813339310", "400638133393x", "400638133393 "})
    EXPECT_FALSE(gtin_is_valid(bad)) << bad;
}

TEST(Catalogue, a_listed_product_is_found_by_sku_and_by_gtin) {
  CatalogueState state;
  list(state, 7, {product("A", 1, std::string(gtin_a)), product("B")});
  ASSERT_NE(state.find_code("A"), nullptr);
  EXPECT_EQ(state.find_code("A")->at, (EntryPlace{1, 7}));
  EXPECT_EQ(state.find_code(gtin_a), state.find(Sku("A")));
  EXPECT_EQ(state.find_code("nothing"), nullptr);
  EXPECT_EQ(state.find_code(std::string(100, 'x')), nullptr);
}

TEST(Catalogue, listing_again_changes_price_and_gtin_and_forgets_the_old_gtin) {
  CatalogueState state;
  list(state, 1, {product("A", 1, std::string(gtin_a))});
  list(state, 2, {product("A", 5, std::string(gtin_b))});
  EXPECT_EQ(state.find(Sku("A"))->product.unit_price.millionths, 5);
  EXPECT_EQ(state.find_code(gtin_a), nullptr);
  EXPECT_EQ(state.find_code(gtin_b), state.find(Sku("A")));
}

TEST(Catalogue, a_gtin_is_one_code_with_and_without_leading_zeros) {
  const std::string upc = "012345678905", ean = "0012345678905", itf = "00012345678905";
  CatalogueState state;
  list(state, 1, {product("A", 1, upc), product("SMALL", 1, "96385074")});
  for (const std::string& code : {upc, ean, itf}) EXPECT_EQ(state.find_code(code), state.find(Sku("A"))) << code;
  EXPECT_EQ(state.find_code("0000096385074"), state.find(Sku("SMALL")));
  EXPECT_EQ(state.find_code("12345678905"), nullptr) << "11 digits are no GTIN";
  EXPECT_EQ(state.find(Sku("A"))->product.gtin, upc) << "it is shown as it was given";
  for (const std::string& code : {ean, itf})
    EXPECT_EQ(refusal(state, {product("B", 1, code)}), "catalogue/duplicate_gtin");
  EXPECT_EQ(refusal({}, {product("A", 1, upc), product("B", 1, ean)}), "catalogue/duplicate_gtin");
  list(state, 2, {product("A", 1, ean)});  // the same product may change how it is written
  EXPECT_EQ(state.find_code(upc), state.find(Sku("A")));
  list(state, 3, {product("A", 1, std::string(gtin_a)), product("B", 1, itf)});  // or give it up
  EXPECT_EQ(state.find_code(upc), state.find(Sku("B")));
}

TEST(Catalogue, a_sku_that_is_a_barcode_is_found_however_a_scanner_writes_it) {
  CatalogueState state;
  list(state, 1, {product("0012345678905"), product("0007"), product("96385075")});
  for (const char* code : {"012345678905", "0012345678905", "00012345678905"})
    EXPECT_EQ(state.find_code(code), state.find(Sku("0012345678905"))) << code;
  EXPECT_EQ(state.find_code("07"), nullptr) << "no GTIN: zeros count";
  EXPECT_EQ(state.find_code("0000096385075"), nullptr) << "its check digit is wrong";
  apply(state, {1, 2}, ProductsListed{{product("012345678905")}});
  EXPECT_EQ(state.find_code("0012345678905"), state.find(Sku("0012345678905"))) << "as it is written";
  EXPECT_EQ(state.find_code("00012345678905"), state.find(Sku("012345678905"))) << "the one that was listed last";
  apply(state, {2, 1}, ProductsListed{{product("0012345678905")}});
  EXPECT_EQ(state.find_code("00012345678905"), state.find(Sku("0012345678905"))) << "in a later epoch";
}

TEST(Catalogue, a_sku_that_is_another_products_gtin_is_refused) {
  CatalogueState state;
  list(state, 1, {product("A", 1, "012345678905"), product(gtin_a, 1, std::string(gtin_a)), product(gtin_b)});
  EXPECT_EQ(refusal(state, {product("0012345678905")}), "catalogue/duplicate_gtin");
  EXPECT_EQ(refusal(state, {product("B", 1, std::string(gtin_b))}), "catalogue/duplicate_gtin");
  EXPECT_EQ(refusal({}, {product(gtin_b), product("B", 1, std::string(gtin_b))}), "catalogue/duplicate_gtin");
  EXPECT_EQ(refusal(state, {product("22423", 1), product(gtin_a, 5, std::string(gtin_a))}), "taken")
      << "a number that is no GTIN, and a product's own";
}

// A journal from before codes were compared in 14 digits.
TEST(Catalogue, two_spellings_of_a_gtin_that_were_taken_once_stay_and_can_be_priced) {
  CatalogueState state;
  apply(state, {1, 1}, ProductsListed{{product("A", 1, "012345678905"), product("0012345678905")}});
  apply(state, {1, 2}, ProductsListed{{product("B", 1, "00012345678905")}});
  EXPECT_EQ(state.find_code("012345678905"), state.find(Sku("A")));
  EXPECT_EQ(state.find_code("0012345678905"), state.find(Sku("0012345678905")));
  EXPECT_EQ(state.find_code("00012345678905"), state.find(Sku("B")));
  EXPECT_EQ(refusal(state, {product("A", 7, "012345678905"), product("0012345678905", 7)}), "taken");
  apply(state, ProductDelisted{Sku("0012345678905")});
  EXPECT_EQ(state.find_code("0012345678905"), state.find(Sku("B"))) << "the one that was listed last";
}

TEST(Catalogue, a_gtin_of_another_product_is_refused_unless_that_one_gives_it_up_in_the_same_request) {
  CatalogueState state;
  list(state, 1, {product("A", 1, std::string(gtin_a))});
  EXPECT_EQ(refusal(state, {product("B", 1, std::string(gtin_a))}), "catalogue/duplicate_gtin");
  EXPECT_EQ(refusal(state, {product("B", 1, std::string(gtin_b)), product("C", 1, std::string(gtin_b))}),
            "catalogue/duplicate_gtin");
  for (const bool giver_first : {true, false}) {
    CatalogueState copy = state;
    std::vector<Product> both = {product("A", 1, std::string(gtin_b)), product("B", 1, std::string(gtin_a))};
    if (!giver_first) std::swap(both[0], both[1]);
    list(copy, 2, both);
    EXPECT_EQ(copy.find_code(gtin_a), copy.find(Sku("B")));
    EXPECT_EQ(copy.find_code(gtin_b), copy.find(Sku("A")));
  }
}

TEST(Catalogue, bad_products_are_refused_whole) {
  const CatalogueState state;
  Product no_name = product("A"), no_sku = product(""), bad_gtin = product("A", 1, "4006381333930"),
          negative = product("A", -1), dear = product("A", unit_price_millionths_max + 1), no_vat = product("A"),
          latin1 = product("A"), escape = product("A"), endless = product("A");
  no_name.name.clear();
  no_vat.vat = {};
  latin1.name = "Caf\xe9";
  escape.name = "a\x1b[2J";
  endless.name = std::string(201, 'x');
  for (const Product& bad : {no_name, no_sku, bad_gtin, negative, dear, no_vat, latin1, escape, endless})
    EXPECT_EQ(refusal(state, {product("fine"), bad}), "catalogue/bad_product");
  EXPECT_EQ(refusal(state, {}), "catalogue/bad_product");
  EXPECT_EQ(refusal(state, {product("A"), product("A")}), "catalogue/bad_product");
  EXPECT_EQ(refusal(state, std::vector<Product>(1001, product("A"))), "catalogue/bad_product");
}

TEST(Catalogue, a_delisted_product_is_gone_and_its_gtin_is_free) {
  CatalogueState state;
  list(state, 1, {product("A", 1, std::string(gtin_a))});
  const auto event = decide(state, DelistProduct{Sku("A")});
  ASSERT_TRUE(event);
  apply(state, std::get<ProductDelisted>(*event));
  EXPECT_EQ(state, CatalogueState());
  const auto again = decide(state, DelistProduct{Sku("A")});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "catalogue/unknown_sku");
}

TEST(Catalogue, a_price_beyond_the_bound_is_seen_either_way_and_new_products_pass) {
  CatalogueState state;
  list(state, 1, {product("A", 1'000'000), product("Free", 0)});
  const auto beyond = [&](std::string_view sku, std::int64_t price) {
    return beyond_bound(state, ProductsListed{{product(sku, price)}}, 50);
  };
  EXPECT_FALSE(beyond("A", 1'500'000));
  EXPECT_TRUE(beyond("A", 1'500'001));
  EXPECT_FALSE(beyond("A", 500'000));
  EXPECT_TRUE(beyond("A", 499'999));
  EXPECT_FALSE(beyond("New", unit_price_millionths_max));
  EXPECT_TRUE(beyond("Free", 1));
  EXPECT_FALSE(beyond("Free", 0));
  EXPECT_TRUE(beyond("A", unit_price_millionths_max));
  Product taxed = product("A", 1'000'000);
  taxed.vat = VatCode("Z");
  EXPECT_TRUE(beyond_bound(state, ProductsListed{{taxed}}, 50)) << "another VAT is no matter of how much";
}

RC_GTEST_PROP(CatalogueProperty, whatever_is_listed_and_delisted_comes_back_from_a_snapshot, ()) {
  const std::vector<std::string> gtins = {"", std::string(gtin_a), std::string(gtin_b), "96385074"};
  CatalogueState state;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 12), rc::gen::inRange(0, 4)));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string sku = "sku-" + std::to_string(steps[i].first);
    if (steps[i].second == 3 && state.find(Sku(sku)) != nullptr)
      apply(state, std::get<ProductDelisted>(*decide(state, DelistProduct{Sku(sku)})));
    else  // apply() alone: a followed journal may move a GTIN without asking
      apply(state, {1 + static_cast<std::uint32_t>(i / 7), i % 7},
            ProductsListed{{product(sku, steps[i].first, gtins[static_cast<std::size_t>(steps[i].second)])}});
    for (const auto& [gtin, owner] : state.by_gtin) RC_ASSERT(state.find(owner)->product.gtin == gtin);
  }
  const Bytes bytes = bytes_of(state);
  Reader in(bytes);
  const auto back = CatalogueState::decode(in);
  RC_ASSERT(back.has_value());
  RC_ASSERT(in.at_end());
  RC_ASSERT(*back == state);
  RC_ASSERT(bytes_of(*back) == bytes);
}

TEST(CatalogueSnapshot, cut_anywhere_it_is_refused) {
  CatalogueState state;
  list(state, 7, {product("A", 1, std::string(gtin_a)), product("B")});
  const Bytes bytes = bytes_of(state);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader in(ByteView(bytes).first(size));
    EXPECT_FALSE(CatalogueState::decode(in) && in.at_end()) << size;
  }
}

}  // namespace
}  // namespace holdfast::catalogue
