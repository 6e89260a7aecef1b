#include "edge/trade/catalogue_import.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/shared_test_support.h"
#include "core/catalogue/catalogue.h"
#include "edge/trade/barcode.h"
#include "edge/trade/fake_node.h"

namespace holdfast::trade {
namespace {

class CatalogueImport : public testing::Test {
 protected:
  std::string refused_path = (std::filesystem::path(testing::TempDir()) / "hf_catalogue_refused.csv").string();
  FakeNode node;
  CatalogueOptions options{refused_path, "", false};
  Result<CatalogueReport> run(const std::string& text) {
    return import_catalogue(text_source(text, 64), node, options);
  }
  std::string refused() {
    std::ifstream file(refused_path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void TearDown() override { std::filesystem::remove(refused_path); }
};

TEST_F(CatalogueImport, good_rows_are_listed_and_bad_ones_go_to_the_file) {
  const auto report =
      run("sku,gtin,name,unit_price,vat,goods\n"
          "A1,4006381333931,Pen,1.25,S,true\n"
          "A2,4006381333930,Wrong check digit,1.25,S,true\n"
          "A3,2.02E+11,Spreadsheet,1.25,S,true\n"
          "A4,0000000000000000000225,Too long,1,S,true\n"
          "A5,638133393,Zeros lost,1,S,true\n"
          "A6,,No barcode,0.001,Z,false\n"
          "A7,,Price,1.1234567,S,true\n"
          "A8,,VAT,1,X,true\n"
          "A1,,Twice,1,S,true\n"
          "A9,,Negative,-1,S,true\n"
          "A10,,Short row\n"
          "A11,4006381333931,Barcode twice,1,S,true\n"
          "A15,04006381333931,Barcode with a zero before it,1,S,true\n"
          "4006381333931,,SKU is a barcode,1,S,true\n"
          "96385074,96385074,SKU and barcode,1,S,true\n"
          "A16,0000096385074,Barcode is a SKU,1,S,true\n"
          "5012345678900,,SKU alone,1,S,true\n"
          "A17,5012345678900,Barcode is that SKU,1,S,true\n"
          ",,No sku,1,S,true\n"
          "A12,,,1,S,true\n"
          "A13,,Bytes \xff,1,S,true\n"
          "A14,,Goods,1,S,perhaps\n");
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_EQ(report->rows, 22u);
  EXPECT_EQ(report->listed, 4u);
  EXPECT_EQ(report->refused, 18u);
  EXPECT_EQ(report->reasons.at("barcode twice"), 3u) << "with and without leading zeros it is one code";
  EXPECT_EQ(report->reasons.at("SKU is a barcode"), 1u);
  EXPECT_EQ(report->reasons.at("barcode is a SKU"), 1u);
  EXPECT_EQ(report->reasons.at("spoilt barcode"), 4u);
  EXPECT_EQ(node.listed.size(), 4u);
  EXPECT_EQ(node.listed.at("A6").unit_price.millionths, 1000);
  EXPECT_FALSE(node.listed.at("A6").goods);
  EXPECT_NE(
      refused().find("\n3,\"Barcode \"\"4006381333930\"\" has the check digit 0; its other digits ask for 1.\",A2,"),
      std::string::npos);
}

TEST_F(CatalogueImport, a_missing_column_is_named_and_nothing_is_imported) {
  const auto report = run("sku,name,price\nA1,Pen,1\n");
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, "trade/bad_header");
  EXPECT_NE(report.error().text.find("gtin, vat"), std::string::npos) << report.error().text;
  EXPECT_EQ(node.posts, 0u);
  EXPECT_EQ(run("").error().code, "trade/bad_header");
  EXPECT_EQ(node.posts, 0u);
}

TEST_F(CatalogueImport, headers_of_shopify_and_odoo_are_understood) {
  options.vat_for_all = "S";
  ASSERT_TRUE(run("Handle,Title,Variant SKU,Variant Price,Variant Barcode\npen,Pen,A1,1.25,4006381333931\n"));
  EXPECT_EQ(node.listed.at("A1").gtin, "4006381333931");
  const auto report = run("Name,Internal Reference,Barcode,Sales Price,Product Type\nWrapping,A2,,2.5,Service\n");
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_FALSE(node.listed.at("A2").goods);
  EXPECT_EQ(to_text(node.listed.at("A2").unit_price), "2.50");
}

TEST_F(CatalogueImport, a_second_import_sends_nothing_and_going_back_to_an_older_file_does) {
  const std::string first = "sku,gtin,name,unit_price,vat,goods\nA1,,Pen,1.25,S,\n";
  const std::string second = "sku,gtin,name,unit_price,vat,goods\nA1,,Pen,1.30,S,\n";
  ASSERT_TRUE(run(first));
  const auto posts = node.posts;
  const auto again = run(first);
  EXPECT_EQ(again->unchanged, 1u);
  EXPECT_EQ(node.posts, posts);
  ASSERT_TRUE(run(second));
  ASSERT_TRUE(run(first));
  EXPECT_EQ(to_text(node.listed.at("A1").unit_price), "1.25");
}

TEST_F(CatalogueImport, what_followers_hold_for_a_person_is_sent_apart_and_a_barcode_changes_hands_before) {
  const std::string header = "sku,gtin,name,unit_price,vat,goods\n";
  ASSERT_TRUE(run(header + "A1,4006381333931,Pen,1,S,\nA2,96385074,Ink,1,S,\nA3,,Nib,1,S,\n"));
  const auto report = run(header + "A1,96385074,Pen,9,S,\nA2,4006381333931,Ink,1.1,S,\nA3,,Nib,1,Z,\n");
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_EQ(report->listed, 3u);
  ASSERT_EQ(node.events.size(), 3u);
  const auto sku_and_price = [&](std::size_t event, std::size_t at) {
    const auto& product = node.events[event].body.at("products").as_array().at(at).as_object();
    return std::string(product.at("sku").as_string()) + " " + std::string(product.at("unit_price").as_string());
  };
  EXPECT_EQ(node.events[1].body.at("products").as_array().size(), 2u);
  EXPECT_EQ(sku_and_price(1, 0), "A1 1.00");
  EXPECT_EQ(sku_and_price(1, 1), "A2 1.10");
  EXPECT_EQ(node.events[2].body.at("products").as_array().size(), 2u);
  EXPECT_EQ(sku_and_price(2, 0), "A1 9.00");
  EXPECT_EQ(sku_and_price(2, 1), "A3 1.00") << "its VAT code alone";
  EXPECT_EQ(node.listed.at("A3").vat, "Z");
  EXPECT_EQ(node.listed.at("A1").gtin, "96385074");
}

TEST_F(CatalogueImport, a_product_that_the_node_refuses_costs_itself_alone) {
  std::string text = "sku,gtin,name,unit_price,vat,goods\n";
  for (int i = 0; i < 450; ++i) text += "P" + std::to_string(i) + ",,Product,1,S,true\n";
  node.unlistable = {"P17"};
  const auto report = run(text);
  EXPECT_EQ(report->listed, 449u);
  EXPECT_EQ(report->refused, 1u);
  EXPECT_EQ(refused(), "line,reason,sku,gtin,name,unit_price,vat,goods\n19,Not this one.,P17,,Product,1,S,true\n");
}

TEST_F(CatalogueImport, a_name_that_holds_what_looks_like_a_card_number_is_not_sent) {
  const auto report =
      run("sku,gtin,name,unit_price,vat,goods\nA1,,Pen,1,S,true\nA2,,Ink 4111.1111.1111.1111,1,S,true\n");
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_EQ(report->listed, 1u);
  EXPECT_EQ(report->reasons.at("looks like a card number"), 1u);
  EXPECT_EQ(node.posts, 1u);
  EXPECT_NE(refused().find("\n3,\"The name holds"), std::string::npos) << refused();
}

TEST_F(CatalogueImport, a_file_whose_lines_end_with_a_carriage_return_alone_names_its_bad_rows) {
  node.unlistable = {"A2", "A3"};
  const auto report =
      run("sku,gtin,name,unit_price,vat,goods\rA1,,Pen,1,S,true\rA2,,Ink,1,S,true\rA3,,Nib,1,S,true\r"
          "A4,,5\" rule,1,S,true\rA5,,Pad,1,S,true\r");
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_EQ(report->rows, 5u);
  EXPECT_EQ(report->listed, 2u);
  EXPECT_EQ(report->refused, 3u);
  EXPECT_TRUE(node.listed.contains("A5"));
  EXPECT_NE(refused().find("\n3,Not this one.,A2,,Ink,"), std::string::npos) << refused();
  EXPECT_NE(refused().find("\n4,Not this one.,A3,,Nib,"), std::string::npos) << refused();
}

TEST(Barcode, agrees_with_core_on_real_codes) {
  const std::string path = path_in_shared("data/product_codes.csv").string();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << ": " << not_in_shared;
  CsvReader reader(*open_source(path));
  std::map<std::size_t, std::size_t> good;
  std::size_t spreadsheet = 0, wrong_13 = 0, codes = 0;
  ASSERT_TRUE(reader.next().has_value());
  for (;;) {
    const auto record = reader.next();
    ASSERT_TRUE(record.has_value());
    if (!*record) break;
    ++codes;
    const std::string& code = (*record)->fields[0];
    const auto trouble = barcode_trouble(code);
    EXPECT_EQ(!trouble, catalogue::gtin_is_valid(code)) << code;
    if (!trouble) ++good[code.size()];
    spreadsheet += trouble && trouble->find("spreadsheet") != std::string::npos ? 1u : 0u;
    wrong_13 += trouble && code.size() == 13 && trouble->find("check digit") != std::string::npos ? 1u : 0u;
  }
  EXPECT_EQ(codes, 3449u);
  EXPECT_EQ(good[13], 2309u);
  EXPECT_EQ(good[8], 357u);
  EXPECT_EQ(spreadsheet, 254u);
  EXPECT_EQ(wrong_13, 94u);
}

}  // namespace
}  // namespace holdfast::trade
