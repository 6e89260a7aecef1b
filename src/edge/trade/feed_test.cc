// Exports of other systems, taken whole or not at all.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "edge/posix/scratch_directory.h"
#include "edge/trade/fake_node.h"
#include "edge/trade/feed_folder.h"

namespace holdfast::trade {
namespace {

namespace fs = std::filesystem;

class Feed : public testing::Test {
 protected:
  edge::ScratchDirectory exports, data;
  FakeNode node;
  std::vector<FileState> told;
  std::unique_ptr<FeedFolder> folder;

  // Another date each time, as exports of another night have.
  void put(const std::string& name, const std::string& text) {
    std::ofstream(exports.path() + "/" + name, std::ios::binary) << text;
    const timespec at{1'700'000'000 + ++nights_, 0};
    const timespec times[2] = {at, at};
    ::utimensat(AT_FDCWD, (exports.path() + "/" + name).c_str(), times, 0);
  }
  void map(const std::string& toml) { std::ofstream(data.path() + "/feed.toml") << toml; }
  std::vector<FileState> pass(int settle_seconds = 0) {
    if (!folder) {
      auto opened = FeedFolder::open({exports.path(), data.path(), "", settle_seconds});
      EXPECT_TRUE(opened) << opened.error().text;
      folder = std::move(*opened);
    }
    auto states = folder->pass(node, [this](const FileState& state) { told.push_back(state); });
    EXPECT_TRUE(states) << states.error().text;
    return states.value_or(std::vector<FileState>());
  }
  FileState one(int settle_seconds = 0) {
    const auto states = pass(settle_seconds);
    EXPECT_EQ(states.size(), 1u);
    return states.empty() ? FileState{} : states[0];
  }
  std::string refused(const std::string& name) {
    std::ifstream file(exports.path() + "/" + name + ".refused.csv");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void head_office() {
    node.self.site = "head-office";
    node.self.kind = "head-office";
  }
  static std::string catalogue(int from, int to, const std::string& price = "1.00") {
    std::string text = "sku,gtin,name,unit_price,vat,goods\n";
    for (int i = from; i < to; ++i)
      text += "P" + std::to_string(1000 + i) + ",,Product " + std::to_string(i) + "," + price + ",S,true\n";
    return text;
  }

 private:
  int nights_ = 0;
};

// ---- what an export looks like

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

// ---- whole or not at all

TEST_F(Feed, a_file_is_taken_once_and_a_changed_one_costs_what_changed) {
  head_office();
  put("products.csv", catalogue(0, 1000));
  EXPECT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.events.size(), 6u) << "five writes of 200 and the record";
  EXPECT_EQ(pass()[0].fate, FileFate::taken) << "and looked at no more";
  folder.reset();
  EXPECT_EQ(one().fate, FileFate::known) << "another process finds it taken";
  EXPECT_EQ(node.events.size(), 6u);
  put("products.csv", catalogue(0, 999) + "P1999,,Product 999,1.10,S,true\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.events.size(), 8u) << "one write and the record";
  put("products.csv", catalogue(0, 999) + "P1999,,Product 999,1.10,S,true\n");
  EXPECT_EQ(one().fate, FileFate::taken) << "the same again, of a later night: its age is news";
  EXPECT_EQ(node.events.size(), 9u);
}

TEST_F(Feed, a_crash_in_the_middle_is_finished_by_the_next_run_and_nothing_is_added_twice) {
  for (const bool loses_answers : {false, true}) {
    for (std::size_t dies = 0; dies < 7; ++dies) {
      FakeNode fresh;
      node = fresh;
      head_office();
      folder.reset();
      put("products.csv", catalogue(0, 1000));
      node.dies_after = dies;
      if (dies < 6) {
        EXPECT_EQ(one().fate, FileFate::no_node);
        EXPECT_TRUE(node.taken.empty()) << "not taken before the last of it";
      }
      if (loses_answers) folder.reset();
      node.dies_after = SIZE_MAX;
      EXPECT_EQ(one().fate, FileFate::taken);
      EXPECT_EQ(node.listed.size(), 1000u);
      EXPECT_EQ(node.events.size(), 6u) << "died after " << dies;
    }
  }
}

TEST_F(Feed, a_file_that_is_still_written_is_waited_for_unless_it_is_marked_done) {
  put("inventory.csv", "sku,location,quantity\nA,store-01,1\n");
  EXPECT_EQ(one(600).fate, FileFate::settling);
  EXPECT_EQ(node.posts, 0u);
  std::ofstream(exports.path() + "/inventory.csv.done") << "";
  EXPECT_EQ(one(600).fate, FileFate::taken);
  put("inventory.csv.part", "sku,location,quantity\nA,store-01,9\n");
  EXPECT_EQ(pass(600).size(), 1u) << "a half name is no export";
}

TEST_F(Feed, fewer_than_half_of_the_products_wait_for_a_person_who_lets_in_these_bytes_alone) {
  head_office();
  put("products.csv", catalogue(0, 100));
  EXPECT_EQ(one().fate, FileFate::taken);
  put("products.csv", catalogue(0, 49));
  const FileState waits = one();
  EXPECT_EQ(waits.fate, FileFate::waits);
  EXPECT_NE(waits.text.find("49 where 100"), std::string::npos) << waits.text;
  ASSERT_TRUE(accept_feed_file(exports.path() + "/products.csv", data.path()));
  put("products.csv", catalogue(0, 48));
  EXPECT_EQ(one().fate, FileFate::waits) << "others than those that were let in";
  ASSERT_TRUE(accept_feed_file(exports.path() + "/products.csv", data.path()));
  EXPECT_EQ(one().fate, FileFate::taken);
  EXPECT_TRUE(node.taken.at(0).accepted) << "on record";
  EXPECT_EQ(node.listed.size(), 100u) << "a file that is not whole takes nothing away";
  put("products.csv", catalogue(0, 50));
  EXPECT_EQ(one().fate, FileFate::taken);
}

TEST_F(Feed, a_whole_catalogue_takes_away_what_it_no_longer_names_but_nothing_whose_row_was_refused) {
  head_office();
  map("[[file]]\nmatch = \"products*\"\nwhole = true\n");
  put("products.csv", catalogue(0, 100));
  EXPECT_EQ(one().fate, FileFate::taken);
  put("products.csv", catalogue(0, 60) + "P1060,,Product 60,a lot,S,true\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.listed.size(), 61u);
  EXPECT_TRUE(node.listed.contains("P1060")) << "yesterday's price stays";
  EXPECT_NE(refused("products.csv").find("62,"), std::string::npos) << refused("products.csv");
}

// One ISBN in ten passes for a card's number. The node refuses a write with one, and 199 other products with it.
TEST_F(Feed, a_name_that_holds_what_looks_like_a_card_number_costs_that_product_alone) {
  head_office();
  put("products.csv", catalogue(0, 300));
  ASSERT_EQ(one().fate, FileFate::taken);
  for (const char* name : {"Ink 4111111111111111", "Ink 4111 1111 1111 1111", "Ink 4111....1111.1111.1111"}) {
    put("products.csv", catalogue(0, 250, "1.01") + "P1299,," + name + ",1.00,S,true\n");
    const FileState state = one();
    ASSERT_EQ(state.fate, FileFate::taken) << state.text;
    EXPECT_EQ(node.listed.at("P1249").unit_price.millionths, 1'010'000);
    EXPECT_EQ(node.listed.at("P1299").name, "Product 299") << "it stays as it was";
    EXPECT_NE(state.text.find("1 looks like a card number"), std::string::npos) << state.text;
    EXPECT_NE(refused("products.csv").find("\n252,\"The name holds what looks like"), std::string::npos);
  }
  put("products.csv", catalogue(0, 299) + "P1299,,Ink 4111111111111112,1.00,S,true\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.listed.at("P1299").name, "Ink 4111111111111112") << "whose check digit is wrong";
}

TEST_F(Feed, a_price_list_gone_mad_waits) {
  head_office();
  put("products.csv", catalogue(0, 100));
  EXPECT_EQ(one().fate, FileFate::taken);
  put("products.csv", catalogue(0, 100, "100.00"));
  EXPECT_EQ(one().fate, FileFate::waits);
  EXPECT_EQ(node.listed.at("P1000").unit_price.millionths, 1'000'000);
  put(
      "products.csv", catalogue(0, 95) + [] {
        std::string far = catalogue(95, 100, "9.00");
        return far.substr(far.find('\n') + 1);
      }());
  EXPECT_EQ(one().fate, FileFate::taken) << "five in a hundred may";
}

TEST_F(Feed, what_cannot_be_an_export_destroys_nothing) {
  put("inventory.csv", "sku,location,quantity\nA,store-01,5\nB,store-01,5\nC,store-01,5\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  const auto before = node.levels;
  for (const std::string& text :
       {std::string("\x8f\x02\x00\xff encrypted", 14), std::string(), std::string("a,b,c\n1,2,3\n"),
        std::string("sku,location,quantity\n"), std::string("sku,location,quantity\nA,store-02,1\n"),
        std::string("sku,location,quantity\nA,store-01,x\nB,store-01,y\nC,store-01,5\n"),
        std::string("sku,location,quantity\nA,store-01,1\nB,store-01,1\nC,st")}) {
    put("inventory.csv", text);
    const FileState state = one();
    EXPECT_TRUE(state.fate == FileFate::broken || state.fate == FileFate::waits) << text << state.text;
    EXPECT_EQ(node.levels, before) << text;
  }
}

TEST_F(Feed, a_link_or_a_pipe_in_the_folder_is_no_export) {
  const std::string secret = data.path() + "/secret.csv";
  std::ofstream(secret) << "sku,location,quantity\nA,store-01,5\n";
  fs::create_symlink(secret, exports.path() + "/stock.csv");
  ASSERT_EQ(::mkfifo((exports.path() + "/pipe.csv").c_str(), 0600), 0);
  EXPECT_TRUE(pass().empty());
  EXPECT_FALSE(hash_feed_file(exports.path() + "/stock.csv"));
}

TEST_F(Feed, refused_rows_are_not_written_through_a_link_of_whoever_owns_the_folder) {
  const std::string precious = data.path() + "/precious";
  std::ofstream(precious) << "precious";
  fs::create_symlink(precious, exports.path() + "/inventory.csv.refused.csv");
  fs::create_symlink(precious, exports.path() + "/inventory.csv.refused.csv.part");
  put("inventory.csv", "sku,location,quantity\nA,store-01,5\nB,store-01,5\nC,store-01,x\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  std::ifstream in(precious);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "precious");
  EXPECT_NE(refused("inventory.csv").find("C,store-01,x"), std::string::npos);
}

TEST_F(Feed, levels_that_a_whole_file_no_longer_names_are_none) {
  put("inventory.csv", "sku,location,quantity\nA,store-01,5\nB,store-01,5\nC,store-01,5\nD,store-01,5\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  put("inventory.csv", "sku,location,quantity\nA,store-01,5\nC,store-01,6\nD,store-01,x\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.levels, (std::map<std::string, Quantity>{{"A", {5000}}, {"B", {0}}, {"C", {6000}}, {"D", {5000}}}));
  EXPECT_EQ(node.count("feed_stock"), 2u);
}

TEST_F(Feed, orders_that_are_delivered_go_and_one_with_a_bad_row_stays_as_it_was) {
  map("[locations]\n\"\" = \"store-01\"\n");
  const std::string header = "number,sku,quantity,state\n";
  put("orders.csv", header + "1,A,1,paid\n2,A,1,paid\n3,A,1,paid\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  put("orders.csv", header + "2,A,1,paid\n2,B,x,paid\n3,A,2,paid\n");
  EXPECT_EQ(one().fate, FileFate::taken);
  ASSERT_EQ(node.orders.size(), 2u);
  EXPECT_EQ(node.orders.at("2").lines, (std::vector<Level>{{"A", {1000}}}));
  EXPECT_EQ(node.orders.at("3").lines, (std::vector<Level>{{"A", {2000}}}));
}

// A separator or a quote too many, a byte of another encoding: nobody can tell which product such a row is of.
const std::vector<std::string>& unreadable_rows() {
  static const std::vector<std::string> rows = {"C,store;-01,5,\n", "C,store-01\n", "C\xe4,store-01,5\n",
                                                "C,\"store-01,5\n", "C,store-\"01\",5\n"};
  return rows;
}

TEST_F(Feed, with_a_row_that_cannot_be_read_the_good_ones_are_taken_and_no_level_is_set_to_0) {
  const std::string header = "sku,location,quantity\n";
  for (const std::string& bad : unreadable_rows()) {
    put("stock.csv", header + "A,store-01,5\nB,store-01,5\nC,store-01,5\nD,store-01,5\n");
    ASSERT_EQ(one().fate, FileFate::taken);
    put("stock.csv", header + "A,store-01,6\n" + bad + "D,store-01,7\n");
    const FileState state = one();
    ASSERT_EQ(state.fate, FileFate::taken) << state.text;
    EXPECT_EQ(node.levels,
              (std::map<std::string, Quantity>{{"A", {6000}}, {"B", {5000}}, {"C", {5000}}, {"D", {7000}}}))
        << bad;
    EXPECT_NE(state.text.find("the product of: 1. So nothing is set to 0"), std::string::npos) << state.text;
  }
  put("stock.csv", header + "A,store-01,6\nD,store-01,7\n,store-01,1\n");
  const FileState state = one();
  EXPECT_EQ(state.fate, FileFate::taken);
  EXPECT_EQ(node.levels.at("C"), Quantity{0}) << "a row that can be read, and names no product, hides none";
  EXPECT_EQ(state.text.find("nobody can tell"), std::string::npos) << state.text;
}

TEST_F(Feed, one_open_quote_in_thirty_thousand_rows_leaves_all_others) {
  const auto stock = [](const std::string& quote, int level) {
    std::string text = "sku,name,location,quantity\n";
    for (int i = 0; i < 30'000; ++i)
      text += fmt::format("P{},{}Product {},store-01,{}\n", 100'000 + i, i == 5 ? quote : "", i, level);
    return text;
  };
  put("stock.csv", stock("", 1));
  ASSERT_EQ(one().fate, FileFate::taken);
  put("stock.csv", stock("\"", 2));
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_EQ(std::ranges::count_if(node.levels, [](const auto& level) { return level.second == Quantity{2000}; }),
            29'999);
  EXPECT_EQ(node.levels.at("P100005"), Quantity{1000});
}

TEST_F(Feed, a_level_of_several_rows_waits_where_one_of_them_cannot_be_read) {
  map("[locations]\n\"Shop\" = \"store-01\"\n\"Cellar\" = \"store-01\"\n");
  const std::string header = "sku,location,quantity\n";
  put("stock.csv", header + "A,Shop,5\nA,Cellar,7\nB,Shop,1\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  put("stock.csv", header + "A,Shop,5\nA,\"Cellar,7\nB,Cellar,2\n");
  const FileState state = one();
  EXPECT_EQ(state.fate, FileFate::waits) << state.text;
  EXPECT_NE(state.text.find("which level 1 of its refused rows"), std::string::npos) << state.text;
  EXPECT_EQ(node.levels.at("A"), Quantity{12'000});
  put("stock.csv", "SKU,HS Code,COO,Shop,Cellar\nA,,,6,8\nB,,,1\n");
  EXPECT_EQ(one().fate, FileFate::taken) << "here a level is of one row";
  EXPECT_EQ(node.levels, (std::map<std::string, Quantity>{{"A", {14'000}}, {"B", {1'000}}}));
}

TEST_F(Feed, a_whole_catalogue_with_a_row_that_cannot_be_read_delists_nothing) {
  head_office();
  map("[[file]]\nmatch = \"products*\"\nwhole = true\n");
  put("products.csv", catalogue(0, 9) + "OLD,4006381333931,Pen,1.00,S,true\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  put("products.csv",
      catalogue(0, 9, "1.01") + "OLD,4006381333931,Pen, red,1.00,S,true\nNEW,4006381333931,Ink,1.00,S,true\n");
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_TRUE(node.listed.contains("OLD"));
  EXPECT_FALSE(node.listed.contains("NEW")) << "its barcode is the old product's, which is not gone";
  EXPECT_EQ(node.listed.at("P1008").unit_price.millionths, 1'010'000);
  EXPECT_NE(state.text.find("nothing is delisted"), std::string::npos) << state.text;
}

TEST_F(Feed, a_code_of_a_product_that_the_file_does_not_name_is_refused_however_it_is_written) {
  head_office();
  node.listed["OLD"] = {"OLD", "4006381333931", "Pen", {1'000'000}, "S", true};
  node.listed["SMALL"] = {"SMALL", "96385074", "Tea", {1'000'000}, "S", true};
  node.listed["5012345678900"] = {"5012345678900", "", "Ink", {1'000'000}, "S", true};
  put("products.csv", catalogue(0, 4) + "N1,04006381333931,Pen,1.00,S,true\n" + "0000096385074,,Tea,1.00,S,true\n" +
                          "N2,5012345678900,Ink,1.00,S,true\n");
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_EQ(node.listed.size(), 3u + 4u) << state.text;
  EXPECT_FALSE(node.listed.contains("N1") || node.listed.contains("N2") || node.listed.contains("0000096385074"));
}

TEST_F(Feed, orders_with_a_row_that_cannot_be_read_wait_and_none_is_gone) {
  map("[locations]\n\"\" = \"store-01\"\n");
  const std::string header = "number,sku,quantity,state\n";
  for (const std::string bad : {"2,A,1,2,paid\n", "2,\"A,1,paid\n", "2,\xe4,1,paid\n"}) {
    put("orders.csv", header + "1,A,1,paid\n2,A,1,paid\n3,A,1,paid\n");
    ASSERT_EQ(one().fate, FileFate::taken);
    put("orders.csv", header + "1,A,2,paid\n3,A,2,paid\n" + bad + "4,A,1,paid\n");
    const FileState state = one();
    EXPECT_EQ(state.fate, FileFate::waits) << state.text;
    EXPECT_NE(state.text.find("which order 1 of its refused rows"), std::string::npos) << state.text;
    EXPECT_EQ(node.orders.at("1").lines, (std::vector<Level>{{"A", {1000}}}));
    ASSERT_TRUE(accept_feed_file(exports.path() + "/orders.csv", data.path()));
    ASSERT_EQ(one().fate, FileFate::taken);
    EXPECT_EQ(node.orders.at("1").lines, (std::vector<Level>{{"A", {2000}}}));
    EXPECT_TRUE(node.orders.contains("2")) << "let in by a person, and still not gone";
    EXPECT_EQ(node.orders.at("3").lines, (std::vector<Level>{{"A", {1000}}})) << "the row may be of the one above";
    EXPECT_TRUE(node.orders.contains("4"));
  }
  put("orders.csv", header + ",B,1,paid\n1,A,1,paid\n2,A,1,paid\n");
  EXPECT_EQ(one().fate, FileFate::waits) << "a line of an order that nobody names";
}

TEST_F(Feed, of_one_export_the_newest_is_taken_and_an_older_one_only_where_that_is_broken) {
  put("stock-1.csv", "sku,location,quantity\nA,store-01,1\n");
  put("stock-2.csv", "sku,location,quantity\nA,store-01,2\n");
  put("stock-3.csv", "nothing\n");
  const auto states = pass();
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(node.levels.at("A"), Quantity{2000});
  EXPECT_EQ(node.count("feed_stock"), 1u);
}

// Whatever writes the exports names each by its date, and nobody moves the old ones away for years.
TEST_F(Feed, a_folder_with_years_of_old_exports_still_gives_the_newest) {
  for (int i = 0; i < 1005; ++i) put("stock-" + std::to_string(20'000'101 + i) + ".csv", "nothing\n");
  put("stock-20260101.csv", "sku,location,quantity\nA,store-01,2\n");
  const auto states = pass();
  ASSERT_EQ(states.size(), 1001u);
  EXPECT_EQ(node.levels.at("A"), Quantity{2000});
  EXPECT_NE(states.back().text.find("6 files older than the newest 1000 of their export"), std::string::npos)
      << states.back().text;
}

TEST_F(Feed, a_store_leaves_the_catalogue_to_head_office) {
  put("products.csv", catalogue(0, 3));
  EXPECT_EQ(one().fate, FileFate::elsewhere);
  EXPECT_EQ(node.posts, 0u);
}

TEST_F(Feed, files_of_other_stores_alone_are_left_to_them_and_a_name_that_nobody_knows_is_told) {
  const auto fate_of = [&](const std::string& text) {
    put("stock.csv", text);
    const FileState state = one();
    EXPECT_EQ(node.posts, 0u) << text;
    return std::string(to_text(state.fate)) + ": " + state.text;
  };
  node.chain_sites = {"store-01", "store-02", "head-office"};
  map("[locations]\n\"Harbour\" = \"store-03\"\n\"WH2/*\" = \"store-04\"\n");
  EXPECT_EQ(fate_of("sku,location,quantity\nA,store-02,1\nB,Harbour,2\nC,WH2/Stock,2\n"),
            "elsewhere: stock.csv names no stock of store-01.");
  EXPECT_EQ(fate_of("SKU,HS Code,COO,store-02,Harbour\nA,,,1,2\n"), "elsewhere: stock.csv names no stock of store-01.");
  const std::string unknown = fate_of("sku,location,quantity\nA,store-02,1\nA,store-1,2\n");
  EXPECT_TRUE(unknown.starts_with("broken: ")) << unknown << ": it may be this site's, misspelt";
  EXPECT_NE(unknown.find("\"store-1\""), std::string::npos) << unknown;
  const std::string spoilt = fate_of("sku,location,quantity\nA,store-01,x\nA,store-02,2\n");
  EXPECT_TRUE(spoilt.starts_with("broken: ")) << spoilt << ": its own rows are in it";
  EXPECT_NE(spoilt.find("1 bad quantity"), std::string::npos) << spoilt;
  for (const auto& entry : fs::directory_iterator(exports.path()))
    EXPECT_FALSE(entry.path().string().ends_with(".part")) << entry.path();
}

// ---- while it watches

TEST_F(Feed, what_it_writes_itself_is_no_reason_to_look_again) {
  put("stock.csv", "sku,location,quantity\nA,store-01,x\nB,store-01,y\nC,store-01,1\n");
  ASSERT_EQ(one().fate, FileFate::waits);
  ASSERT_FALSE(refused("stock.csv").empty());
  const auto waited = [&](int seconds) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(folder->wait(seconds));
    return std::chrono::steady_clock::now() - began;
  };
  EXPECT_GE(waited(1), std::chrono::milliseconds(900)) << "woken by its own file of refused rows";
  std::ofstream(exports.path() + "/stock.csv.part") << "half";
  EXPECT_GE(waited(1), std::chrono::milliseconds(900)) << "a half name is no export";
  fs::rename(exports.path() + "/stock.csv.part", exports.path() + "/stock.csv");
  const auto woken = waited(60);
  EXPECT_LT(woken, std::chrono::seconds(30));
  EXPECT_GE(woken, std::chrono::milliseconds(400)) << "and however busy the folder is, it rests between two looks";
}

TEST_F(Feed, what_waits_is_not_read_again_and_again) {
  put("stock.csv", "sku,location,quantity\nA,store-01,x\nB,store-01,y\nC,store-01,1\n");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one().fate, FileFate::waits);
  EXPECT_EQ(node.looks, 1u);
  ASSERT_TRUE(accept_feed_file(exports.path() + "/stock.csv", data.path()));
  EXPECT_EQ(one().fate, FileFate::taken) << "let in, it is read at the next look";
}

TEST_F(Feed, what_the_node_refuses_is_told_in_its_words_and_not_sent_again_and_again) {
  node.has_taken_over = true;
  put("stock.csv", "sku,location,quantity\nA,store-01,1\n");
  const FileState state = one();
  EXPECT_EQ(to_text(state.fate), "refused");
  EXPECT_NE(state.text.find("standby/taken_over"), std::string::npos) << state.text;
  const auto posts = node.posts;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one().fate, FileFate::refused);
  EXPECT_EQ(node.posts, posts);
  node.has_taken_over = false;
  put("stock.csv", "sku,location,quantity\nA,store-01,2\n");
  EXPECT_EQ(one().fate, FileFate::taken) << "another file is another attempt";
}

TEST_F(Feed, one_feed_at_a_time) {
  pass();
  const auto second = FeedFolder::open({exports.path(), data.path(), "", 0});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "feed/in_use");
}

}  // namespace
}  // namespace holdfast::trade
