// A file whose end is missing, seen by its last line alone.
#include <gtest/gtest.h>

#include <fstream>

#include "edge/trade/feed_test_support.h"

namespace holdfast::trade {
namespace {

// "…,125" cut off behind the 1 is a row like any other, but for its line end.
TEST_F(Feed, a_file_that_is_cut_off_in_its_last_field_sets_no_level_wrong_and_none_to_0) {
  const std::string header = "sku,location,quantity\n";
  put("stock.csv", header + "A,store-01,5\nB,store-01,5\nC,store-01,5\nD,store-01,5\n");
  ASSERT_EQ(one().fate, FileFate::taken);
  const auto before = node.levels;
  put("stock.csv", header + "A,store-01,6\nB,store-01,6\nC,store-01,1");
  FileState state = one();
  EXPECT_EQ(state.fate, FileFate::waits) << state.text;
  EXPECT_NE(state.text.find("not ended and it has 3 rows where stock.csv had 4"), std::string::npos) << state.text;
  EXPECT_EQ(node.levels, before);
  ASSERT_TRUE(accept_feed_file(exports.path() + "/stock.csv", data.path()));
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.levels.at("C"), Quantity{1000}) << "let in as it is";
  EXPECT_EQ(node.levels.at("D"), Quantity{0});

  put("stock.csv", header + "A,store-01,7\nB,store-01,7\nC,store-01,7\nD,store-01,7");
  state = one();
  EXPECT_EQ(state.fate, FileFate::taken) << "an export that never ends its last line";
  EXPECT_NE(state.text.find("says of D stays as it was"), std::string::npos) << state.text;
  EXPECT_EQ(node.levels, (std::map<std::string, Quantity>{{"A", {7000}}, {"B", {7000}}, {"C", {7000}}, {"D", {0}}}));
  put("stock.csv", header + "A,store-01,8\nD,store-01,8");
  std::ofstream(exports.path() + "/stock.csv.done") << "";
  EXPECT_EQ(one().fate, FileFate::taken) << "marked as whole";
  EXPECT_EQ(node.levels, (std::map<std::string, Quantity>{{"A", {8000}}, {"B", {0}}, {"C", {0}}, {"D", {8000}}}));
}

TEST_F(Feed, the_last_price_or_order_of_a_file_that_does_not_end_its_last_line_stays_as_it_was) {
  head_office();
  const std::string header = "number,sku,state,quantity\n";
  put("products.csv", catalogue(0, 3, "12.50"));
  put("orders.csv", header + "1,A,paid,1\n2,A,paid,10\n");
  pass();
  std::string unended = catalogue(0, 3, "13.50");
  unended.pop_back();
  put("products.csv", unended);
  put("orders.csv", header + "1,A,paid,2\n2,A,paid,1");
  pass();
  EXPECT_EQ(node.listed.at("P1001").unit_price.millionths, 13'500'000);
  EXPECT_EQ(node.listed.at("P1002").unit_price.millionths, 12'500'000);
  EXPECT_EQ(node.orders.at("1").lines, (std::vector<Level>{{"A", {2000}}}));
  EXPECT_EQ(node.orders.at("2").lines, (std::vector<Level>{{"A", {10'000}}}));
}

}  // namespace
}  // namespace holdfast::trade
