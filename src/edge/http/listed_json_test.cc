// What the list for a person says of each item: whoever deals with it needs the receipt and the sum.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "edge/http/fake_node.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

class ListedJson : public ::testing::Test {
 protected:
  static fold::WriteKey key(std::uint8_t n) {
    fold::WriteKey out{TillId{1}, {}};
    out.key.bytes[0] = std::byte{n};
    return out;
  }
  static fold::Event sale(const fold::WriteKey& write, std::uint64_t n) {
    fold::WriteInfo info;
    info.till = write.till;
    info.key = write.key;
    till::SaleRecorded body;
    body.receipt = {TillId{1}, SeriesId{7}, n};
    body.lines = {{Sku("PEN"), Quantity{2000}, UnitPrice{1'250'000}, VatCode("S"), 200'000, Money{250}, Money{42}}};
    body.lines[0].name = "Pen";
    body.tenders = {{till::TenderKind::cash, Money{250}, "", "", {}}};
    body.total = Money{250};
    return {Instant{5}, info, body};
  }
  fold::ListedItem& list(std::uint8_t id) { return node.fold_state.listed[fold::ListedId{{std::byte{id}}}]; }
  boost::json::object only() const {
    const auto whole = boost::json::parse(listed_json(node));
    const auto& all = whole.as_object().at("listed").as_array();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? boost::json::object() : all[0].as_object();
  }
  const Origin old{"holdfast.example/test", SiteName("store-01"), 1};
  FakeNode node;
};

TEST_F(ListedJson, what_was_taken_and_flagged_is_told_with_its_receipt_and_its_sum) {
  node.fold_state.writes[key(1)] = {.epoch = 1, .index = 9};
  node.events[9] = sale(key(1), 3);
  list(1) = {EntryRef{old, 4}, key(1), "taken because it has happened", "SaleRecorded", {}, Instant{5}};
  boost::json::object item = only();
  EXPECT_EQ(item.at("kind").as_string(), "sale");
  EXPECT_EQ(item.at("receipt").as_string(), to_text(ReceiptNumber{TillId{1}, SeriesId{7}, 3}));
  EXPECT_EQ(item.at("total").as_int64(), 250);
  EXPECT_EQ(item.at("recorded").at("index").as_int64(), 9);
  node.events.clear();  // a hole in the journal
  item = only();
  EXPECT_EQ(item.at("kind").as_string(), "SaleRecorded");
  EXPECT_TRUE(item.at("receipt").is_null());
}

TEST_F(ListedJson, an_entry_of_the_old_machine_says_whether_its_write_is_recorded_here_all_the_same) {
  list(1) = {
      EntryRef{old, 4}, std::nullopt, "behind the clean point", "SaleRecorded", fold::encode_whole(sale(key(1), 3)),
      Instant{5}};
  EXPECT_TRUE(only().at("recorded").is_null());
  EXPECT_EQ(only().at("total").as_int64(), 250);
  node.fold_state.writes[key(1)] = {.epoch = 1, .index = 9, .listed = true};
  EXPECT_TRUE(only().at("recorded").is_null()) << "on the list is not in the books";
  node.fold_state.writes[key(1)].listed = false;
  EXPECT_EQ(only().at("recorded").at("origin").as_string(), "holdfast.example/test/store-01/1");
}

TEST_F(ListedJson, receipts_on_lost_prices_name_the_journal_that_ends_before_them) {
  const Origin head{"holdfast.example/test", SiteName("head-office"), 1};
  list(1) = {EntryRef{head, 40}, std::nullopt, "head-office was rebuilt without", "receipts", {}, Instant{5}};
  const boost::json::object item = only();
  EXPECT_EQ(item.at("kind").as_string(), "receipts");
  EXPECT_EQ(item.at("from").at("origin").as_string(), head.text());
  EXPECT_EQ(item.at("from").at("index").as_int64(), 40);
  EXPECT_TRUE(item.at("receipt").is_null());
  EXPECT_TRUE(item.at("recorded").is_null());
}

TEST_F(ListedJson, a_request_tells_the_number_it_was_rung_under_and_what_was_paid_and_not_declined) {
  list(1) = {std::nullopt,
             key(1),
             "till/tender_mismatch",
             R"({"kind":"sale","alone":{"receipt":"1-0ABCDEFG-3","at":"2026-11-28T20:00:00Z"},"change":5,"tenders":[)"
             R"({"kind":"card","amount":125,"token":"t","result":"declined"},{"kind":"cash","amount":105}]})",
             {},
             Instant{5}};
  const boost::json::object item = only();
  EXPECT_EQ(item.at("kind").as_string(), "sale");
  EXPECT_EQ(item.at("receipt").as_string(), "1-0ABCDEFG-3");
  EXPECT_EQ(item.at("total").as_int64(), 100);
  EXPECT_EQ(item.at("from").at("till").as_int64(), 1);
}

}  // namespace
}  // namespace holdfast::http
