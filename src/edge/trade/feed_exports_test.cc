// What an export looks like: of which system it is, what its columns mean, and what a mapping file says of them.
#include <fmt/format.h>

#include "edge/trade/feed_test_support.h"

namespace holdfast::trade {
namespace {

struct Export {
  const char* of;
  const char* text;
};
void PrintTo(const Export& e, std::ostream* out) { *out << e.of; }

class CatalogueHeaders : public Feed, public testing::WithParamInterface<Export> {};
TEST_P(CatalogueHeaders, give_the_same_two_products) {
  head_office();
  map("[vat]\ndefault = \"S\"\n\"20% S\" = \"S\"\n");
  put("products.csv", GetParam().text);
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  ASSERT_EQ(node.listed.size(), 2u) << state.text;
  EXPECT_EQ(node.listed.at("TEE-S"), (Product{"TEE-S", "4006381333931", "Tee - Small", {9'990'000}, "S", true}));
  EXPECT_EQ(node.listed.at("POST").goods, false);
  EXPECT_EQ(node.listed.at("POST").unit_price.millionths, 3'500'000);
}
INSTANTIATE_TEST_SUITE_P(
    OfOtherSystems, CatalogueHeaders,
    testing::Values(
        Export{
            "Shopify, old names",
            "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,"
            "Variant Inventory Qty,Variant Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,"
            "Variant Tax Code,Status\n"
            "tee,Tee,\"<p>Soft,\nwarm</p>\",V,T,,true,Size,Small,TEE-S,100,3,9.99,true,true,'4006381333931,http://i/"
            "1,,active\n"
            "tee,,,,,,,,,,,,,,,,http://i/2,,\n"
            "old,Old tee,,V,T,,true,Title,Default Title,OLD,100,3,9.99,true,true,,,,archived\n"
            "post,Postage,,V,T,,true,Title,Default Title,POST,0,0,3.50,false,true,,,,active\n"},
        Export{
            "Shopify, new names",
            "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online "
            "store,Status,SKU,Barcode,"
            "Option1 name,Option1 value,Option1 Linked To,Price,Compare-at price,Cost per item,Charge tax,Tax code,"
            "Inventory tracker,Inventory quantity,Requires shipping,Product image URL,Gift card\n"
            "Tee,tee,Soft,V,,T,,true,Active,TEE-S,4006381333931,Size,Small,,9.99,,,true,,shopify,3,true,http://i/1,\n"
            ",tee,,,,,,,,,,,,,,,,,,,,,http://i/2,\n"
            "Draft,draft,,V,,T,,true,Draft,DRAFT,,Title,Default Title,,9.99,,,true,,shopify,3,true,,\n"
            "Postage,post,,V,,T,,true,Active,POST,,Title,Default Title,,3.5,,,true,,,,false,,\n"},
        Export{"Odoo, technical names",
               "id,default_code,barcode,name,list_price,taxes_id,type,active\n"
               "a.b,TEE-S,4006381333931,Tee - Small,9.990000,20% S,consu,True\n"
               "a.c,POST,,Postage,3.5,,service,True\n"
               "a.d,GONE,,Gone,3.5,,service,False\n"},
        Export{"Odoo, labels",
               "External ID,Internal Reference,Barcode,Name,Sales Price,Customer Taxes,Product Type\n"
               "a.b,TEE-S,4006381333931,Tee - Small,9.99,20% S,Storable Product\n"
               "a.c,POST,,Postage,3.50,20% S,Service\n"}));

class StockHeaders : public Feed, public testing::WithParamInterface<Export> {};
TEST_P(StockHeaders, give_this_site_s_levels_alone) {
  map("[locations]\n\"Main Street\" = \"store-01\"\n\"WH1/Stock/*\" = \"store-01\"\n\"Elsewhere\" = \"store-02\"\n");
  put("inventory.csv", GetParam().text);
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_EQ(node.levels, (std::map<std::string, Quantity>{{"TEE-S", {12'000}}, {"TEE-M", {-2'000}}})) << state.text;
}
INSTANTIATE_TEST_SUITE_P(
    OfOtherSystems, StockHeaders,
    testing::Values(
        Export{"Shopify, a row a location",
               "Handle,Title,Option1 Name,Option1 Value,SKU,HS Code,COO,Location,Bin name,Incoming (not editable),"
               "Unavailable (not editable),Committed (not editable),Available (not editable),On hand (current),On hand "
               "(new)\n"
               "tee,Tee,Size,S,TEE-S,,,Main Street,,0,0,2,10,12,\n"
               "tee,Tee,Size,S,TEE-S,,,Elsewhere,,0,0,0,5,5,\n"
               "tee,Tee,Size,M,TEE-M,,,Main Street,,0,0,0,-2,-2,\n"
               "tee,Tee,Size,L,TEE-L,,,Main Street,,,,,,not stocked,\n"},
        Export{"Shopify, a column a location",
               "Handle,Title,Option1 Name,Option1 Value,SKU,HS Code,COO,Elsewhere,Main Street\n"
               "tee,Tee,Size,S,TEE-S,,,5,12\n"
               "tee,Tee,Size,M,TEE-M,,,,-2\n"
               "tee,Tee,Size,L,TEE-L,,,0,not stocked\n"},
        Export{"Odoo, technical names, adding up lots and shelves",
               "id,product_id/default_code,location_id,lot_id,quantity\n"
               "q1,TEE-S,WH1/Stock,,5.0\nq2,TEE-S,WH1/Stock/Shelf 1,L1,4.0\nq3,TEE-S,WH1/Stock/Shelf 1,L2,3.0\n"
               "q4,TEE-M,WH1/Stock,,-2.0\nq5,TEE-M,WH2/Stock,,9.0\n"},
        Export{"Odoo, labels",
               "Product,Location,Quantity\n"
               "[TEE-S] Tee (Small),Main Street,12.00\n[TEE-M] Tee (Medium),Main Street,-2.00\n[TEE-M] "
               "Tee,WH2/Stock,4.00\n"},
        Export{"our own", "sku,location,quantity\nTEE-S,store-01,12\nTEE-M,store-01,-2\nTEE-M,store-02,7\n"}));

class OrderHeaders : public Feed, public testing::WithParamInterface<Export> {};
TEST_P(OrderHeaders, give_open_orders_without_a_person_in_them) {
  map("[locations]\n\"\" = \"store-01\"\n\"Main Street\" = \"store-01\"\n");
  put("orders.csv", GetParam().text);
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  ASSERT_EQ(node.orders.size(), 1u) << state.text;
  const FedOrder& order = node.orders.at("#1002");
  EXPECT_EQ(order.lines, (std::vector<Level>{{"TEE-S", {1000}}, {"TEE-M", {2000}}}));
  EXPECT_EQ(order.placed_at, *parse_instant("2026-05-01T07:59:00Z"));
  EXPECT_EQ(order.customer.size(), 32u);
  for (const auto& [key, write] : node.known) {
    EXPECT_EQ(write.first.find("jane"), std::string::npos) << "a person's address is on its way to a journal";
    EXPECT_EQ(write.first.find("Jane"), std::string::npos);
  }
}
INSTANTIATE_TEST_SUITE_P(
    OfOtherSystems, OrderHeaders,
    testing::Values(
        Export{"Shopify",
               "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Total,Created at,Lineitem "
               "quantity,"
               "Lineitem name,Lineitem price,Lineitem sku,Billing Name,Cancelled at,Location\n"
               "#1001,max@example.com,paid,,fulfilled,2026-05-02,GBP,9,2026-05-01 09:59:00 +0200,1,Tee,9,TEE-S,Max,,\n"
               "#1002,jane@example.com,paid,,unfulfilled,,GBP,9,2026-05-01 09:59:00 +0200,1,Tee,9,TEE-S,Jane,,\n"
               "#1002,jane@example.com,,,,,,,,2,Tee,9,TEE-M,,,\n"
               "#1003,eve@example.com,paid,,unfulfilled,,GBP,9,2026-05-01 09:59:00 +0200,1,Tee,9,TEE-S,Eve,,Far away\n"
               "#1004,ann@example.com,paid,,,,GBP,9,2026-05-01 09:59:00 +0200,1,Tee,9,TEE-S,Ann,2026-05-01 10:00:00 "
               "+0200,\n"},
        Export{"Odoo, technical names",
               "id,name,partner_id,state,date_order,warehouse_id,order_line/product_id/default_code,order_line/"
               "product_uom_qty\n"
               "s1,#1002,Jane,sale,2026-05-01 07:59:00,Main Street,TEE-S,1.0\n"
               ",,,,,,TEE-M,2.0\n"
               "s2,#1005,Max,draft,2026-05-01 07:59:00,Main Street,TEE-S,1.0\n"},
        Export{"Odoo, labels",
               "Order Reference,Customer,Status,Order Date,Order Lines/Product,Order Lines/Quantity\n"
               "#1002,Jane,Sales Order,2026-05-01 07:59:00,[TEE-S] Tee,1.00\n"
               ",,,,[TEE-M] Tee,2.00\n"
               "#1006,Max,Cancelled,2026-05-01 07:59:00,[TEE-S] Tee,1.00\n"}));

TEST_F(Feed, a_mapping_file_reads_any_other_export) {
  head_office();
  map("[vat]\n\"1\" = \"S\"\n"
      "[[file]]\nmatch = \"art*.csv\"\nkind = \"catalogue\"\nstream = \"articles\"\nseparator = \";\"\ndecimal = "
      "\",\"\n"
      "encoding = \"windows-1252\"\nwhole = true\n"
      "[file.columns]\nsku = \"ArtNr\"\nname = \"Bezeichnung\"\nunit_price = \"VK\"\nvat = \"MwSt\"\n");
  put("ART1125.csv", "ArtNr;Bezeichnung;VK;MwSt\n17;K\xe4se \x80;1.234,50;1\n");
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_EQ(node.listed.at("17"), (Product{"17", "", "Käse €", {1'234'500'000}, "S", true}));
  EXPECT_EQ(node.taken.at(0).stream, "articles");
  EXPECT_TRUE(node.taken.at(0).whole);
}

// It ended, for the reader, where its buffer was full: all rows behind that were lost, or no such file was ever taken.
TEST_F(Feed, a_long_windows_1252_export_whose_lines_end_with_cr_alone_is_read_to_its_end) {
  head_office();
  map("[[file]]\nmatch = \"*\"\nencoding = \"windows-1252\"\n");
  std::string text = "sku,gtin,name,unit_price,vat,goods\r";
  const std::string rest(80, 'x');
  for (int i = 1000; i < 3000; ++i) text += "P" + std::to_string(i) + ",,K\xe4se \x80 " + rest + ",1.00,S,true\r";
  put("products.csv", text);
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_EQ(node.listed.size(), 2000u);
  ASSERT_TRUE(node.listed.contains("P2999"));
  EXPECT_EQ(node.listed.at("P2999").name, "Käse € " + rest);
  ASSERT_EQ(node.taken.size(), 1u);
  EXPECT_EQ(node.taken[0].sha256, hash_feed_file(exports.path() + "/products.csv").value_or(Hash{}))
      << "what `feed accept` lets in";
}

TEST_F(Feed, a_point_groups_digits_or_the_number_is_refused) {
  const auto read = [](std::string_view text, char decimal, std::optional<char> thousands = {}) {
    return plain_number(text, decimal, thousands).value_or("refused");
  };
  EXPECT_EQ(read("1.234,50", ','), "1234.5");
  EXPECT_EQ(read("-1.234.567,00", ','), "-1234567");
  EXPECT_EQ(read("1.234.567", ','), "1234567") << "a mark that stands twice is no decimal mark";
  EXPECT_EQ(read("12,50", ','), "12.5");
  EXPECT_EQ(read("12.50", ','), "refused") << "not 1,250";
  EXPECT_EQ(read("1.23,50", ','), "refused");
  EXPECT_EQ(read("1234.567,50", ','), "refused");
  EXPECT_EQ(read(".123,50", ','), "refused");
  EXPECT_EQ(read("1,234.50", ','), "refused");
  EXPECT_EQ(read("5.000", ','), "refused") << "five, or five thousand";
  EXPECT_EQ(read("5.000", ',', '.'), "5000") << "the mapping file says so";
  EXPECT_EQ(read("12.50", ',', '.'), "refused");
  EXPECT_EQ(read("1 234,5", ',', ' '), "1234.5");
  EXPECT_EQ(read("1,234.50", '.'), "1234.5");
  EXPECT_EQ(read("12,50", '.'), "refused");
  EXPECT_EQ(read("1,234", '.'), "refused");
  EXPECT_EQ(read("5.000000", '.'), "5");
  head_office();
  map("[vat]\ndefault = \"S\"\n[[file]]\nmatch = \"*\"\ndecimal = \",\"\n");
  put("products.csv", "sku,name,unit_price\nA,Ink,12.50\nB,Pen,\"1,25\"\nC,Nib,\"2,25\"\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_FALSE(node.listed.contains("A")) << "listed at " << node.listed["A"].unit_price.millionths;
  EXPECT_NE(refused("products.csv").find("group"), std::string::npos) << refused("products.csv");
}

TEST_F(Feed, what_the_old_system_sells_untaxed_has_the_code_that_a_person_named_or_is_refused) {
  head_office();
  const std::string rows =
      "Handle,Title,Variant SKU,Variant Price,Variant Taxable,Variant Tax Code,Status\n"
      "a,Pen,PEN,1.00,true,,active\nb,Book,BOOK,5.00,FALSE,,active\nc,Bread,BREAD,2.00,false,S,active\n"
      "d,Odd,ODD,2.00,perhaps,,active\ne,Ink,INK,2.00,,,active\n";
  map("[vat]\ndefault = \"S\"\n");
  put("products.csv", rows);
  EXPECT_EQ(one().fate, FileFate::waits) << "three of five are refused";
  EXPECT_EQ(node.posts, 0u) << "nothing is sold with a tax that the old system does not take";
  EXPECT_NE(refused("products.csv").find("[vat] untaxed"), std::string::npos) << refused("products.csv");
  folder.reset();
  map("[vat]\ndefault = \"S\"\nuntaxed = \"Z\"\n");
  put("products.csv", rows);
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  ASSERT_EQ(node.listed.size(), 4u);
  EXPECT_EQ(node.listed.at("PEN").vat, "S");
  EXPECT_EQ(node.listed.at("INK").vat, "S") << "an empty cell says nothing";
  EXPECT_EQ(node.listed.at("BOOK").vat, "Z");
  EXPECT_EQ(node.listed.at("BREAD").vat, "Z") << "whatever code it would have";
  node.listed.clear();
  put("new_names.csv", "Title,URL handle,Status,SKU,Price,Charge tax\nBook,b,Active,BOOK,5.00,FALSE\n");
  pass();
  ASSERT_TRUE(node.listed.contains("BOOK"));
  EXPECT_EQ(node.listed.at("BOOK").vat, "Z");
}

TEST_F(Feed, the_variants_of_a_draft_or_archived_product_are_not_sold) {
  head_office();
  map("[vat]\ndefault = \"S\"\n");
  put("products.csv",
      "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Status\n"
      "old,Old tee,Size,S,OLD-S,9.99,archived\nold,,,M,OLD-M,9.99,\nold,,,L,OLD-L,9.99,\n"
      "tee,Tee,Size,S,TEE-S,9.99,active\ntee,,,M,TEE-M,9.99,\n"
      "soon,Soon,Size,S,SOON-S,9.99,draft\n,,,M,NO-HANDLE,9.99,\n"
      "more,More,Size,S,MORE-S,9.99,\n");
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  std::string listed;
  for (const auto& [sku, product] : node.listed) listed += sku + " ";
  EXPECT_EQ(listed, "MORE-S TEE-M TEE-S ");
}

TEST_F(Feed, a_level_is_never_written_from_half_of_its_rows) {
  map("[locations]\n\"Shop\" = \"store-01\"\n\"Cellar\" = \"store-01\"\n");
  put("stock.csv", "sku,location,quantity\nA,Shop,5\nA,Cellar,7\nB,Shop,1\nC,Shop,1\nD,Shop,4\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.levels.at("A"), Quantity{12'000});
  put("stock.csv", "sku,location,quantity\nA,Shop,5\nA,Cellar,seven\nB,Shop,2\nC,Shop,1\nD,Shop,4\nD,Shop,3\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.levels.at("A"), Quantity{12'000}) << "it stays as it was";
  EXPECT_EQ(node.levels.at("B"), Quantity{2'000});
  EXPECT_EQ(node.levels.at("D"), Quantity{4'000});
  put("inventory.csv", "SKU,HS Code,COO,Shop,Cellar\nA,,,9,x\nB,,,3,3\nC,,,1,1\nD,,,1,\n");
  pass();
  EXPECT_EQ(node.levels.at("A"), Quantity{12'000}) << "one column of two";
  EXPECT_EQ(node.levels.at("B"), Quantity{6'000});
}

TEST_F(Feed, a_file_whose_date_lies_in_the_future_is_taken_when_it_has_not_changed) {
  put("stock.csv", "sku,location,quantity\nA,store-01,1\n");
  const timespec at{4'000'000'000, 0};
  const timespec times[2] = {at, at};
  ::utimensat(AT_FDCWD, (exports.path() + "/stock.csv").c_str(), times, 0);
  EXPECT_EQ(one(600).fate, FileFate::settling) << "its entry has just changed";
  folder.reset();
  const FileState state = one(0);
  EXPECT_EQ(state.fate, FileFate::taken) << state.text;
  ASSERT_EQ(node.taken.size(), 1u);
  EXPECT_LT(node.taken[0].as_of.unix_ns, seconds(4'000'000'000).ns) << "it cannot be of a day that has not come";
}

TEST_F(Feed, a_mapping_file_that_is_wrong_is_refused_with_its_line) {
  for (const auto& [text, says] : std::initializer_list<std::pair<const char*, const char*>>{
           {"[location]\n", "there are [locations]"},
           {"[[file]]\nkind = \"stock\"\n", "needs match"},
           {"[[file]]\nmatch = \"a\"\nkind = \"stocks\"\n", "line 3"},
           {"[[file]]\nmatch = \"a\"\ndecimal = \",\"\nthousands = \",\"\n", "cannot both be"},
           {"[[file]]\nmatch = \"a\"\nthousands = \"x\"\n", "a blank"},
           {"[[file]]\nmatch = \"a\"\n[file.columns]\nprice = \"VK\"\n", "\"price\" is no field"},
           {"[locations]\na = 1\n", "text in quotes"},
           {"[=]", "line 1"}}) {
    const auto read = read_mapping(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, "trade/bad_mapping");
    EXPECT_NE(read.error().text.find(says), std::string::npos) << read.error().text;
  }
}

TEST_F(Feed, files_of_one_export_are_known_by_their_name_without_its_date) {
  EXPECT_EQ(stream_of("products_export_1.csv"), "products-export");
  EXPECT_EQ(stream_of("Products_Export-2026-11-25.csv.zst"), "products-export");
  EXPECT_EQ(stream_of("20261125.csv"), "files");
  EXPECT_TRUE(name_matches("ART*.csv", "art-17.CSV"));
  EXPECT_FALSE(name_matches("ART?.csv", "ART17.csv"));
}

}  // namespace
}  // namespace holdfast::trade
