// What a handback's files hold, from trade made here by hand; whole journals are in test/e2e/handback.test.mjs.
#include "edge/handback/handback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "edge/handback/csv_out.h"
#include "edge/handback/totals.h"
#include "edge/handback/writers.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::handback {
namespace {

using standby::TotalKey;
using standby::TotalKind;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant evening{seconds(1795649400).ns};  // 2026-11-25T23:30:00Z

Trade sale(std::string id, std::int64_t total, std::int64_t vat) {
  Trade trade;
  trade.id = std::move(id);
  trade.receipt = "1-00000ABC-1";
  trade.at = evening;
  trade.till = 1;
  trade.lines = {{Sku("PEN"), "=SUM(A1)", Quantity{2000}, UnitPrice{total * 5'000}, VatCode("S"), 200'000, Money{total},
                  Money{vat}, true, 0}};
  trade.tenders = {{till::TenderKind::cash, Money{total + 50}, "", "", {}}};
  trade.change = Money{50};
  trade.total = Money{total};
  return trade;
}
Gathered one_sale_and_its_refund() {
  Gathered all;
  all.chain = "c";
  all.site = "store-01";
  all.currency = "GBP";
  all.number = 1;
  all.trades.push_back(sale("store-01-1-aa", 1000, 167));
  Trade back = sale("store-01-1-bb", 500, 83);
  back.kind = TradeKind::refund;
  back.of = "1-00000ABC-1";
  back.of_id = "store-01-1-aa";
  back.lines[0].quantity = Quantity{1000};
  back.tenders = {{till::TenderKind::card, Money{500}, "tok", "**** 1", {}}};
  back.change = {};
  all.trades.push_back(back);
  all.movements.push_back(
      {MovementKind::written_off, "store-01-0-cc", evening, "-broken", {{Sku("PEN"), Quantity{-1500}}}, false});
  all.levels = {{Sku("LOOSE"), {Quantity{500}, Quantity{250}, true, ""}},
                {Sku("NEW"), {Quantity{}, Quantity{-1000}, false, ""}},
                {Sku("PEN"), {Quantity{9000}, Quantity{8000}, true, "Pen"}}};
  all.counts = {1, 1, 1};
  return all;
}

TEST(CsvOut, what_a_spreadsheet_would_run_is_made_harmless_and_numbers_stay) {
  CsvOut out({"a", "b"});
  out.text("=1+1").number("-5").end_row();
  out.text("@x,\"y\"").text("-").end_row();
  out.text("plain").text("\tx").end_row();
  EXPECT_EQ(out.take(), "a,b\r\n'=1+1,-5\r\n\"'@x,\"\"y\"\"\",'-\r\nplain,'\tx\r\n");
}

TEST(Totals, a_day_is_the_shops_and_rates_and_tenders_add_up_to_it) {
  const Gathered all = one_sale_and_its_refund();
  const standby::Totals utc = totals_of(all, 0);
  const std::int64_t day = day_of(evening, 0);
  EXPECT_EQ(day_text(day), "2026-11-25");
  EXPECT_EQ(utc.at({day, TotalKind::gross, ""}), 500);
  EXPECT_EQ(utc.at({day, TotalKind::taxed, "S 20"}), 500);
  EXPECT_EQ(utc.at({day, TotalKind::vat, "S 20"}), 84);
  EXPECT_EQ(utc.at({day, TotalKind::paid, "cash"}), 1000) << "the change is taken off";
  EXPECT_EQ(utc.at({day, TotalKind::paid, "card"}), -500);
  EXPECT_EQ(totals_of(all, 60).begin()->first.day, day + 1) << "in Paris it is tomorrow";
  EXPECT_EQ(day_from_text("2026-11-25"), day);
  EXPECT_FALSE(day_from_text("25/11/2026"));
}

TEST(Totals, what_the_old_system_reports_is_read_from_the_filled_in_file) {
  edge::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/t.csv";
  const auto read = [&](const std::string& text, int decimals = 2) {
    std::ofstream(path) << text;
    return reported_from_csv(path, decimals);
  };
  const std::string header = "day,total,code,amount,reported\n";
  const auto good = read(header + "2026-11-25,gross,,5.00,4.99\n2026-11-25,sales,,1,\nall,vat,S 20,0.84,0.84\n");
  ASSERT_TRUE(good) << good.error().text;
  EXPECT_EQ(good->size(), 2u);
  EXPECT_EQ(good->at({day_of(evening, 0), TotalKind::gross, ""}), 499);
  for (const char* bad : {"2026-11-25,gross,,5.00,4.999\n", "2026-11-25,gross,,5.00,4,99\n", "25.11.,gross,,5.00,1\n",
                          "all,takings,,5.00,1\n", "all,sales,,1,1.5\n", "all,gross,,1,1\nall,gross,,1,2\n", ""})
    EXPECT_EQ(read(header + bad).error().code, "handback/bad_totals") << bad;
  EXPECT_EQ(read("day,amount\n").error().code, "handback/bad_totals");
  const TotalKey gross{standby::all_days, TotalKind::gross, ""};
  const auto yen = read(header + "all,gross,,1500000000,1500000000\n", 0);
  ASSERT_TRUE(yen) << yen.error().text;
  EXPECT_EQ(yen->at(gross), 1'500'000'000);
  EXPECT_EQ(read(header + "all,gross,,1,1500000000.00\n", 0)->at(gross), 1'500'000'000) << "zeros say nothing";
  EXPECT_EQ(read(header + "all,gross,,1,-10000000000000.00\n")->at(gross), -money_minor_max);
  EXPECT_THAT(read(header + "all,gross,,1,10000000000000.01\n").error().text, HasSubstr("too large for an amount"));
  EXPECT_THAT(read(header + "all,gross,,1,1.005\n").error().text, HasSubstr("more than 2 decimals"));
}

TEST(Totals, a_file_of_another_handback_is_not_taken_for_what_the_old_system_says_of_this_one) {
  edge::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/t.csv";
  const std::int64_t day = day_of(evening, 0);
  const standby::Totals ours{{{day, TotalKind::gross, ""}, 500}, {{day, TotalKind::sales, ""}, 1}};
  const auto read = [&](const std::string& rows) {
    std::ofstream(path) << "day,total,code,amount,reported\n" << rows;
    return reported_from_csv(path, 2, &ours);
  };
  EXPECT_TRUE(read("2026-11-25,gross,,5.00,4.99\nall,gross,,5.0,5.00\nall,sales,,1,1\n")) << "whatever is reported";
  EXPECT_TRUE(read("2026-11-25,gross,,,4.99\n")) << "typed by hand, without our amounts";
  for (const char* other : {"2026-11-25,gross,,5.01,5.01\n", "all,gross,,7.00,7.00\n", "2026-11-26,gross,,5.00,5.00\n",
                            "2026-11-25,vat,S 20,0.84,0.84\n"})
    EXPECT_THAT(read(other).error().text, HasSubstr("the file is of another one")) << other;
}

TEST(Odoo, each_entry_balances_and_a_refund_is_the_other_way_round) {
  const std::string text = odoo_entries(one_sale_and_its_refund(), *parse_settings(""));
  EXPECT_THAT(text, HasSubstr("holdfast.store-01-1-aa,entry,2026-11-25,Point of Sale,"));
  EXPECT_THAT(text, HasSubstr("holdfast.store-01-1-aa-l0,101501,cash,10.00,0.00\r\n"));
  EXPECT_THAT(text, HasSubstr("holdfast.store-01-1-aa-l1,400000,sales at S 20%,0.00,8.33\r\n"));
  EXPECT_THAT(text, HasSubstr("holdfast.store-01-1-aa-l2,251000,VAT S 20%,0.00,1.67\r\n"));
  EXPECT_THAT(text, HasSubstr("101403,card **** 1,0.00,5.00\r\n"));
  EXPECT_THAT(text, HasSubstr("400000,refunds at S 20%,4.17,0.00\r\n"));
  const std::string moves = odoo_moves(one_sale_and_its_refund(), *parse_settings("[odoo]\nstock = \"B1/Stock\"\n"));
  EXPECT_THAT(moves, HasSubstr("PEN,2,Units,B1/Stock,Partners/Customers\r\n"));
  EXPECT_THAT(moves, HasSubstr("PEN,1,Units,Partners/Customers,B1/Stock\r\n"));
  EXPECT_THAT(moves, HasSubstr("written off: -broken,2026-11-25 23:30:00,handback 1,PEN,1.5,Units,B1/Stock,"));
}

TEST(Shopify, lines_multiply_to_the_penny_or_are_told_as_one_piece) {
  Gathered all = one_sale_and_its_refund();
  const std::string whole = shopify_orders(all, *parse_settings(""));
  EXPECT_THAT(whole, HasSubstr("#1-00000ABC-1,,partially_refunded,2026-11-25 23:30:00 +0000"));
  EXPECT_THAT(whole, HasSubstr(",2,'=SUM(A1),5.00,,PEN,"));
  all.trades[0].lines[0].unit_price = UnitPrice{5'004'000};
  EXPECT_THAT(shopify_orders(all, *parse_settings("")), HasSubstr(",1,'=SUM(A1) (2 x 5.004),10.00,,PEN,"));
}

TEST(Shopify, levels_go_back_only_where_the_product_is_known_there) {
  const std::string products =
      "\n# products\nHandle,Title,SKU,Location,On hand (new)\npen,Pen,PEN,Main,9\nloose,Loose,LOOSE,Main,1\n";
  std::vector<std::string> left_out;
  const std::string text = shopify_inventory(one_sale_and_its_refund(),
                                             *parse_settings("[shopify]\nlocation = \"Main\"\n" + products), left_out);
  EXPECT_THAT(text, HasSubstr("pen,Pen,PEN,Main,,,,,,9,8\r\n"));
  EXPECT_EQ(left_out, (std::vector<std::string>{"LOOSE", "NEW"})) << "half a piece, and a level that nobody told";
}

TEST(Settings, what_is_wrong_is_told_with_its_line) {
  const auto refusal = [](const char* text) {
    const auto settings = parse_settings(text);
    return settings ? std::string("taken") : settings.error().text;
  };
  EXPECT_THAT(refusal("formats = [\"sap\"]"), HasSubstr("\"sap\" is no format"));
  EXPECT_THAT(refusal("\nutc_offset = \"1\""), HasSubstr("line 2"));
  EXPECT_THAT(refusal("[odoo]\nkasse = \"1\""), HasSubstr("knows no kasse"));
  EXPECT_THAT(refusal("[[file]]\nname=\"x.csv\"\nrows=\"lines\"\ncolumns=[{header=\"A\", field=\"price\"}]"),
              HasSubstr("is no field"));
  EXPECT_THAT(refusal("[[file]]\nname=\"../x\"\nrows=\"lines\"\ncolumns=[{header=\"A\", field=\"sku\"}]"),
              HasSubstr("a file's name"));
  EXPECT_THAT(refusal("formats = []"), HasSubstr("nothing would be written"));
  EXPECT_THAT(refusal("[="), HasSubstr("not TOML"));
  EXPECT_EQ(refusal("formats = []\n[[file]]\nname=\"x.csv\"\nrows=\"lines\"\ncolumns=[{header=\"A\", field=\"sku\"}]"),
            "taken");
}

TEST(Settings, a_mapping_names_its_own_columns) {
  const auto settings = parse_settings(
      "[[file]]\nname = \"x.csv\"\nrows = \"lines\"\ncolumns = [{header = \"Art\", field = \"sku\"}, {header = "
      "\"Src\", "
      "text = \"Till\"}, {header = \"Brutto\", field = \"amount\"}]\n");
  ASSERT_TRUE(settings) << settings.error().text;
  EXPECT_EQ(mapped(one_sale_and_its_refund(), *settings, settings->files[0]),
            "Art,Src,Brutto\r\nPEN,Till,10.00\r\nPEN,Till,-5.00\r\n");
}

TEST(Summary, what_is_on_the_list_and_recorded_all_the_same_is_not_to_be_booked_again) {
  Gathered all = one_sale_and_its_refund();
  all.on_list = {{"SaleRecorded", "behind the clean point", evening, "1-00000ABC-7", Money{250}, "1-00000ABC-1"},
                 {"SaleRecorded", "behind the clean point", evening, "1-00000ABC-8", Money{85}},
                 {"StockReceived", "behind the clean point", evening, "", {}, ""}};
  standby::MakeHandback made;
  made.number = 1;
  const std::string text = summary_text(all, made, 0, {});
  EXPECT_THAT(text,
              HasSubstr("and NOT in these files (1): decide on each (page Chain, the list), and book by hand what "
                        "has happened.\r\n  SaleRecorded of 2026-11-25T23:30:00.000000000Z, receipt "
                        "1-00000ABC-8, 0.85: behind the clean point\r\n"));
  EXPECT_THAT(text, HasSubstr("recorded here under the same id (2): "));
  EXPECT_THAT(text, HasSubstr(", receipt 1-00000ABC-7, 2.50; recorded as receipt 1-00000ABC-1: behind"));
  all.came_since = {all.on_list.front()};
  all.on_list.clear();
  const std::string since = summary_text(all, made, 0, {});
  EXPECT_THAT(since, Not(HasSubstr("On the list")));
  EXPECT_THAT(since, HasSubstr("Dealt with by a person, and recorded here since (1): it is in these files; if it was "
                               "booked by hand, take that back.\r\n  SaleRecorded of "));
}

TEST(PutFiles, the_same_bytes_twice_are_fine_and_a_changed_file_is_told) {
  edge::ScratchDirectory scratch;
  Written written;
  written.directory = "store-01-handback-0001";
  written.files = {{"a.csv", "a\r\n"}};
  written.made.number = 1;
  written.made.files = {{"a.csv", sha256(as_bytes("a\r\n")), 3}};
  const auto first = put_files(written, scratch.path());
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_FALSE(*first);
  EXPECT_TRUE(*put_files(written, scratch.path()));
  std::ofstream(scratch.path() + "/store-01-handback-0001/a.csv") << "b\r\n";
  EXPECT_EQ(put_files(written, scratch.path()).error().code, "handback/changed");
  std::filesystem::remove(scratch.path() + "/store-01-handback-0001/a.csv");
  EXPECT_THAT(put_files(written, scratch.path()).error().text, HasSubstr("missing"));
}

}  // namespace
}  // namespace holdfast::handback
