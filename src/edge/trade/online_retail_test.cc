#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/shared_test_support.h"
#include "edge/trade/fake_node.h"
#include "edge/trade/online_retail_import.h"

namespace holdfast::trade {
namespace {

constexpr std::string_view header =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

class OnlineRetail : public testing::Test {
 protected:
  std::string base = (std::filesystem::path(testing::TempDir()) / "hf_retail").string();
  FakeNode node;
  RetailOptions options{base + ".refused.csv", base + ".rows.csv", "S", "online-retail", TillId{9001}, {}};
  Result<RetailReport> run(const std::string& rows) {
    const std::string text = std::string(header) + rows;
    return import_online_retail([&] { return Result<std::unique_ptr<ByteSource>>(text_source(text, 4096)); }, node,
                                node, options);
  }
  void TearDown() override {
    std::filesystem::remove(base + ".refused.csv");
    std::filesystem::remove(base + ".rows.csv");
  }
};

TEST_F(OnlineRetail, each_kind_of_row_becomes_what_it_is) {
  const auto report =
      run("1,A,Lamp,2,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
          "1,A,Lamp,2,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"  // a duplicate is a line
          "1,POST,POSTAGE,1,2010-12-01 08:26:00,18,17850.0,France\n"
          "C2,A,Lamp,-1,2010-12-02 08:26:00,2.55,17850.0,United Kingdom\n"
          "3,B2,?,-5,2010-12-02 09:00:00,0,,United Kingdom\n"
          "4,B2,,-7,2010-12-02 09:00:00,0,,United Kingdom\n"
          "5,B2,found,9,2010-12-02 09:00:00,0,,United Kingdom\n"
          "6,A,Lamp,1,2010-12-02 09:00:00,0,12345.0,United Kingdom\n"          // a gift to a customer is a sale at 0
          "1,A,Lamp late,1,2010-12-01 08:27:00,2.60,17850.0,United Kingdom\n"  // the same invoice, a minute later
          "A7,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom\n"
          "A8,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom\n"
          "9,A,Lamp,1,2011-08-12 14:52:00,-1,,United Kingdom\n");
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_TRUE(report->complete());
  EXPECT_EQ(report->rows, 12u);
  EXPECT_EQ(node.count("sale"), 2u);
  EXPECT_EQ(node.count("refund_no_receipt"), 1u);
  EXPECT_EQ(node.count("write_off"), 2u);
  EXPECT_EQ(node.count("receive"), 1u);
  EXPECT_EQ(report->refused, 3u);
  EXPECT_EQ(report->reasons.at("adjustment"), 2u) << "no cash came in with a bad debt";
  EXPECT_EQ(report->reasons.at("negative price"), 1u);
  EXPECT_EQ(report->largest_event_lines, 4u);
  EXPECT_EQ(report->price_differs, 2u);
  EXPECT_EQ(report->recorded.minor, 510 + 510 + 1800 + 260 - 255);
  EXPECT_EQ(to_text_milliardths(report->refused_sum), "-1");
  EXPECT_EQ(to_text_milliardths(report->accepted), "28.25");
  EXPECT_FALSE(node.listed.at("POST").goods);
  EXPECT_EQ(node.listed.at("B2").name, "?");
  for (const auto& event : node.events) {
    if (event.kind == "write_off" && event.body.at("lines").as_array()[0].as_object().at("quantity") == "7") {
      EXPECT_EQ(event.body.at("reason"), "no reason given");
    }
  }
}

TEST_F(OnlineRetail, a_second_import_changes_nothing) {
  const std::string rows =
      "1,A,Lamp,2,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
      "C2,A,Lamp,-1,2010-12-02 08:26:00,2.55,17850.0,United Kingdom\n"
      "3,A,broken,-5,2010-12-02 09:00:00,0,,United Kingdom\n";
  ASSERT_TRUE(run(rows));
  const auto events = node.events.size();
  const auto again = run(rows);
  EXPECT_EQ(node.events.size(), events);
  EXPECT_EQ(again->duplicates, 3u);
  EXPECT_TRUE(again->complete());
}

TEST_F(OnlineRetail, lines_below_a_penny_are_told_and_never_lost) {
  const auto report =
      run("1,PADS,Pads,1,2010-12-01 08:26:00,0.001,1.0,X\n2,A,Lamp,3,2010-12-01 08:26:00,0.335,1.0,X\n");
  ASSERT_EQ(report->rounded.size(), 2u);
  EXPECT_EQ(report->rounded[0].recorded.minor, 0);
  EXPECT_EQ(report->rounded[1].recorded.minor, 101);
  EXPECT_EQ(to_text_milliardths(report->accepted), "1.006");
}

TEST_F(OnlineRetail, what_cannot_be_read_is_refused_with_its_line) {
  const auto report =
      run("1,A,Lamp,two,2010-12-01 08:26:00,2.55,1.0,X\n"
          "2,A,Lamp,2,01/12/2010,2.55,1.0,X\n"
          "3,A,Lamp,2,2010-12-01 08:26:00,2.5555555,1.0,X\n"
          "4,A,Lamp,99999999999999999999,2010-12-01 08:26:00,2.55,1.0,X\n"
          "5,A\n"
          "C6,A,Lamp,3,2010-12-01 08:26:00,2.55,1.0,X\n"
          "7,A,Lamp,-3,2010-12-01 08:26:00,2.55,1.0,X\n"
          "8,A,Lamp,0,2010-12-01 08:26:00,2.55,1.0,X\n"
          "9,A,Lamp,1000000000,2010-12-01 08:26:00,1000000000,1.0,X\n");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->refused, 9u);
  EXPECT_EQ(node.count("sale"), 0u);
  std::ifstream file(options.refused_path);
  std::string line;
  std::vector<std::string> numbers;
  while (std::getline(file, line)) numbers.push_back(line.substr(0, line.find(',')));
  EXPECT_EQ(numbers, (std::vector<std::string>{"line", "2", "3", "4", "5", "6", "7", "8", "9", "10"}));
}

TEST_F(OnlineRetail, a_code_that_head_office_refuses_is_sold_by_open_price) {
  node.unlistable = {"A"};
  const auto report = run("1,A,Lamp,2,2010-12-01 08:26:00,2.55,1.0,X\n");
  EXPECT_EQ(report->products_refused, 1u);
  EXPECT_EQ(report->refused, 0u);
  EXPECT_EQ(report->recorded.minor, 510);
}

TEST_F(OnlineRetail, a_missing_column_is_named_and_nothing_is_imported) {
  const std::string text = "InvoiceNo,StockCode\n";
  const auto report =
      import_online_retail([&] { return Result<std::unique_ptr<ByteSource>>(text_source(text)); }, node, node, options);
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().text.find("Description"), std::string::npos);
  EXPECT_EQ(node.posts, 0u);
}

TEST_F(OnlineRetail, all_541909_rows_are_accounted_for_to_the_last_penny) {
  const std::string path = path_in_shared("data/online_retail.csv.zst").string();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << ": " << not_in_shared;
  const auto report = import_online_retail([&] { return open_source(path); }, node, node, options);
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_TRUE(report->complete());
  EXPECT_EQ(report->rows, 541'909u);
  EXPECT_EQ(report->refused, 3u);
  EXPECT_EQ(report->rows_by_kind[static_cast<std::size_t>(RowKind::refund)], 9'288u);
  EXPECT_EQ(report->events_by_kind[static_cast<std::size_t>(RowKind::refund)], 3'836u);
  EXPECT_EQ(report->rows_by_kind[static_cast<std::size_t>(RowKind::write_off)], 1'336u);
  EXPECT_EQ(report->rows_by_kind[static_cast<std::size_t>(RowKind::receipt)], 772u);
  EXPECT_EQ(to_text_milliardths(report->accepted + report->refused_sum), "9747747.934");
  EXPECT_EQ(report->recorded.minor + 1'106'206 - 2 * 1'106'206, 974'774'793) << "a bad debt, taken back twice";
  EXPECT_EQ(report->rounded_lines, 4u);
  EXPECT_EQ(report->largest_invoice, "573585");
  EXPECT_EQ(report->largest_event_lines, 1114u);
  EXPECT_EQ(report->products_listed, 4070u);
  EXPECT_LT(node.bytes_largest, 1u << 20);
}

}  // namespace
}  // namespace holdfast::trade
