// Exports of other systems, taken whole or not at all. How they are read: feed_exports_test.cc; what is looked at
// again: feed_watch_test.cc.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "edge/trade/feed_test_support.h"

namespace holdfast::trade {
namespace {

namespace fs = std::filesystem;

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

TEST_F(Feed, what_followers_hold_for_a_person_holds_nothing_else_up) {
  head_office();
  put("products.csv", catalogue(0, 200));
  ASSERT_EQ(one().fate, FileFate::taken);
  put("products.csv", catalogue(0, 199, "1.10") + "P1199,,Product 199,1.00,Z,true\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  ASSERT_EQ(node.events.size(), 5u) << "200 and the record; 199, one, and the record";
  EXPECT_EQ(products_of(2).size(), 199u);
  EXPECT_EQ(products_of(3), std::vector<std::string>{"P1199 1.00 Z"}) << "another VAT code, at the same price";
}

TEST_F(Feed, a_barcode_changes_hands_at_once_and_a_price_that_jumps_with_it_goes_apart) {
  head_office();
  node.listed["A"] = {"A", "4006381333931", "Pen", {1'000'000}, "S", true};
  node.listed["B"] = {"B", "96385074", "Tea", {1'000'000}, "S", true};
  put("products.csv", catalogue(0, 2) + "A,96385074,Pen,9.00,S,true\nB,4006381333931,Tea,1.10,S,true\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(products_of(0), (std::vector<std::string>{"A 1.00 S", "B 1.10 S"}));
  EXPECT_EQ(products_of(1), (std::vector<std::string>{"P1000 1.00 S", "P1001 1.00 S"}));
  EXPECT_EQ(products_of(2), std::vector<std::string>{"A 9.00 S"});
  EXPECT_EQ(node.taken.at(0).taken, 4u);
  EXPECT_EQ(node.listed.at("A"), (Product{"A", "96385074", "Pen", {9'000'000}, "S", true}));
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

// Rows of orders hold names and addresses.
TEST_F(Feed, refused_rows_are_readable_by_the_user_of_the_feed_alone) {
  map("[locations]\n\"\" = \"store-01\"\n");
  put("orders.csv", "number,sku,quantity,state,customer\n1,A,1,paid,Ann\n2,A,1,paid,Max\n3,A,x,paid,Jane\n");
  const mode_t before = ::umask(0);
  pass();
  ::umask(before);
  EXPECT_NE(refused("orders.csv").find("Jane"), std::string::npos) << refused("orders.csv");
  struct stat is {};
  ASSERT_EQ(::stat((exports.path() + "/orders.csv.refused.csv").c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 0777u, 0600u);
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

TEST_F(Feed, a_chain_of_barcodes_that_move_costs_the_products_in_it_alone) {
  head_office();
  node.listed["A"] = {"A", "4006381333931", "Pen", {1'000'000}, "S", true};
  node.listed["B"] = {"B", "96385074", "Tea", {1'000'000}, "S", true};
  node.listed["C"] = {"C", "5012345678900", "Ink", {1'000'000}, "S", true};
  put("products.csv", catalogue(0, 4) + "A,96385074,Pen,1.10,S,true\nB,5012345678900,Tea,1.10,S,true\n");
  const FileState state = one();
  ASSERT_EQ(state.fate, FileFate::taken) << state.text;
  EXPECT_NE(state.text.find("2 barcode of another product"), std::string::npos) << state.text;
  EXPECT_EQ(node.listed.size(), 3u + 4u);
  EXPECT_EQ(node.listed.at("A").gtin, "4006381333931")
      << "B keeps its own, because C does, which the file does not name";
  EXPECT_EQ(node.listed.at("B").gtin, "96385074");
  put("products.csv",
      catalogue(0, 4) + "A,96385074,Pen,1.10,S,true\nB,5012345678900,Tea,1.10,S,true\nC,,Ink,1,S,true\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.listed.at("A").gtin, "96385074") << "named, each gives its own up";
  EXPECT_EQ(node.listed.at("B").gtin, "5012345678900");
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

}  // namespace
}  // namespace holdfast::trade
