// A folder that somebody else may write into: what a file costs is bounded, whatever it holds.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>

#include "edge/trade/feed_test_support.h"

namespace holdfast::trade {
namespace {

namespace fs = std::filesystem;

class HostileFeed : public Feed {
 protected:
  Result<FeedFile> read(const std::string& name) {
    FeedSite site;
    site.about = node.self;
    site.customer_key = std::string(32, 'k');
    site.mapping.locations[""] = "store-01";
    return read_feed_file(exports.path() + "/" + name, site, data.path());
  }
  static std::string packed(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
  }
};

TEST_F(HostileFeed, refused_rows_are_counted_to_the_last_and_written_to_a_small_file) {
  std::string text = "sku,location,quantity\nA,store-01,1\n";
  const std::string junk(1500, 'x');
  for (int i = 0; i < 12'000; ++i) text += "B,store-01," + junk + "\n";
  put("stock.csv.zst", packed(text));
  const FileState state = one();
  EXPECT_EQ(state.fate, FileFate::waits);
  EXPECT_NE(state.text.find("12000 of 12001 rows refused"), std::string::npos) << state.text;
  const std::string written = refused("stock.csv.zst");
  EXPECT_LT(written.size(), 17u << 20);
  EXPECT_NE(written.find("\n3,"), std::string::npos) << "the first of them";
  EXPECT_NE(written.find(" more refused rows"), std::string::npos);
}

TEST_F(HostileFeed, what_is_too_long_to_be_a_sku_or_a_number_or_a_location_is_refused_and_not_kept) {
  std::string stock = "sku,location,quantity\nA,store-01,1\n", orders = "number,sku,quantity,state\n1,A,1,paid\n";
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(1000 + i) + std::string(20'000, 'n');
    stock += name + ",store-01,1\nB," + name + ",1\n";
    orders += name + ",A,1,paid\n";
  }
  put("stock.csv", stock);
  const auto levels = read("stock.csv");
  ASSERT_TRUE(levels) << levels.error().text;
  EXPECT_EQ(levels->refused, 200u);
  EXPECT_EQ(levels->reasons.at("SKU too long"), 100u);
  EXPECT_EQ(levels->reasons.at("location too long"), 100u);
  EXPECT_EQ(levels->nameless, 0u);
  EXPECT_EQ(levels->unclear, std::set<std::string>{"B"}) << "what the location hid of it stays as it was";
  put("orders.csv", orders);
  const auto open = read("orders.csv");
  ASSERT_TRUE(open) << open.error().text;
  EXPECT_EQ(open->orders.size(), 1u);
  EXPECT_EQ(open->refused, 100u);
  EXPECT_EQ(open->unclear.size(), 100u);
  EXPECT_TRUE(std::ranges::all_of(open->unclear, [](const std::string& number) { return number.size() <= 64; }));
}

TEST_F(HostileFeed, a_file_with_more_than_any_export_holds_is_broken_and_nothing_of_it_is_taken) {
  limits = {100, 40'000};
  node.self.kind = "head-office";  // it takes all kinds, and orders that name no location
  std::string stock = "sku,location,quantity\n", orders = "number,sku,quantity,state\n";
  for (int i = 0; i < 101; ++i) {
    stock += fmt::format("P{},store-01,1\n", i);
    orders += fmt::format("{},A,1,paid\n", i / 2);  // 51 orders with 101 lines
  }
  const std::vector<std::pair<std::string, std::string>> files = {
      {"products.csv", catalogue(0, 101)},
      {"stock.csv", stock},
      {"orders.csv", orders},
      {"bomb.csv.zst", packed("sku,location,quantity\n" + std::string(40'000, '\n'))}};
  for (const auto& [name, text] : files) {
    put(name, text);
    const FileState state = one();
    EXPECT_EQ(state.fate, FileFate::broken) << name << ": " << state.text;
    EXPECT_NE(state.text.find("more than"), std::string::npos) << state.text;
    fs::remove(exports.path() + "/" + name);
  }
  EXPECT_EQ(node.posts, 0u);
  put("stock.csv", "sku,location,quantity\nA,store-01,1\n");
  EXPECT_EQ(one().fate, FileFate::taken);
}

}  // namespace
}  // namespace holdfast::trade
