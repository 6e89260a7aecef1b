#include "core/till/till.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>

#include "core/till/cash.h"

namespace holdfast::till {
namespace {

const VatRates rates = {{VatCode("S"), 200'000}, {VatCode("R"), 50'000}, {VatCode("Z"), 0}};
constexpr TillId till_3{3};
constexpr SeriesId series{77};

TillState opened() {
  TillState state;
  state.series = series;
  return state;
}
AskedLine asked(std::string_view sku, std::int64_t thousandths, std::int64_t price, std::string_view vat = "S") {
  return {Sku(sku), Quantity{thousandths}, UnitPrice{price}, VatCode(vat), "", false};
}
AskedLine open_price(AskedLine line) {
  line.open_price = true;
  line.name = "A thing";
  return line;
}
PriceInfo listed(std::int64_t price, std::string_view vat = "S", std::uint64_t at = 9) {
  return {UnitPrice{price}, VatCode(vat), "Listed thing", true, 2, at};
}
using Prices = std::vector<std::optional<PriceInfo>>;
Tender cash(std::int64_t minor) { return {TenderKind::cash, Money{minor}, "", "", CardResult::approved}; }
Tender card(std::int64_t minor, CardResult result = CardResult::approved) {
  return {TenderKind::card, Money{minor}, "tok-1", "**** 1234", result};
}
template <class R>
std::string_view code(const R& result) {
  return result ? "taken" : result.error().code;
}
Result<SaleRecorded> sell(const TillState& state, std::vector<AskedLine> lines, std::vector<Tender> tenders,
                          std::int64_t change = 0, Prices prices = {}, Numbering numbering = {}) {
  prices.resize(lines.size());
  return decide(state, RecordSale{till_3, std::move(lines), std::move(tenders), Money{change}}, numbering, rates,
                prices);
}
SaleRecorded sold(TillState& state, std::vector<AskedLine> lines, std::vector<Tender> tenders,
                  std::int64_t change = 0) {
  const auto sale = sell(state, std::move(lines), std::move(tenders), change);
  EXPECT_TRUE(sale) << sale.error().text;
  apply(state, *sale, Instant{1}, {.epoch = 1, .index = 5});
  return *sale;
}

TEST(Sale, a_listed_product_takes_name_and_listing_and_its_vat_is_inside_the_price) {
  const auto sale = sell(opened(), {asked("A", 3000, 2'550'000)}, {cash(1000)}, 235, {listed(2'550'000)});
  ASSERT_TRUE(sale) << sale.error().text;
  const SaleLine& line = sale->lines[0];
  EXPECT_EQ(line.amount, Money{765});
  EXPECT_EQ(line.vat_amount, Money{128});  // 765 x 20 / 120 = 127.5
  EXPECT_EQ(line.name, "Listed thing");
  EXPECT_EQ(std::pair(line.listed_epoch, line.listed_at), std::pair(2u, std::uint64_t{9}));
  EXPECT_FALSE(line.open_price || line.price_differs);
  EXPECT_EQ(sale->receipt, (ReceiptNumber{till_3, series, 1}));
  EXPECT_EQ(sale->total, Money{765});
}

TEST(Sale, another_price_than_the_listed_one_is_taken_and_flagged) {
  const auto sale = sell(opened(), {asked("A", 1000, 2'000'000)}, {cash(200)}, 0, {listed(2'550'000)});
  ASSERT_TRUE(sale);
  EXPECT_TRUE(sale->lines[0].price_differs);
}

TEST(Sale, another_vat_than_the_listed_one_is_refused) {
  EXPECT_EQ(code(sell(opened(), {asked("A", 1000, 1'000'000, "Z")}, {cash(100)}, 0, {listed(1'000'000)})),
            "till/wrong_vat");
  EXPECT_EQ(code(sell(opened(), {asked("A", 1000, 1'000'000, "X")}, {cash(100)}, 0, {listed(1'000'000)})),
            "till/wrong_vat");
}

TEST(Sale, an_open_price_is_for_what_is_not_listed_and_needs_name_and_vat) {
  const AskedLine line = open_price(asked("A", 1000, 1'000'000));
  const auto sale = sell(opened(), {line}, {cash(100)});
  ASSERT_TRUE(sale);
  EXPECT_TRUE(sale->lines[0].open_price);
  EXPECT_EQ(sale->lines[0].listed_at, 0u);
  EXPECT_EQ(code(sell(opened(), {line}, {cash(100)}, 0, {listed(1'000'000)})), "till/bad_line");
  EXPECT_EQ(code(sell(opened(), {asked("A", 1000, 1'000'000)}, {cash(100)})), "till/unknown_sku");
  AskedLine no_name = line, no_vat = line;
  no_name.name.clear();
  no_vat.vat = {};
  EXPECT_EQ(code(sell(opened(), {no_name}, {cash(100)})), "till/bad_line");
  EXPECT_EQ(code(sell(opened(), {no_vat}, {cash(100)})), "till/wrong_vat");
}

TEST(Sale, bad_quantities_prices_and_texts_are_refused) {
  const auto with = [](auto change) {
    AskedLine line = open_price(asked("A", 1000, 1'000'000));
    change(line);
    return code(sell(opened(), {line}, {cash(100)}));
  };
  EXPECT_EQ(with([](AskedLine& l) { l.quantity = {0}; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.quantity = {-1000}; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.quantity = {quantity_thousandths_max + 1}; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.unit_price = {-1}; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.unit_price = {unit_price_millionths_max + 1}; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.sku = {}; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.name = "Caf\xe9"; }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) { l.name = std::string(201, 'x'); }), "till/bad_line");
  EXPECT_EQ(with([](AskedLine& l) {
              l.quantity = {quantity_thousandths_max};
              l.unit_price = {unit_price_millionths_max};
            }),
            "base/overflow");
  EXPECT_EQ(code(sell(opened(), {}, {})), "till/bad_line");
  EXPECT_EQ(code(sell(opened(), std::vector<AskedLine>(lines_max + 1, open_price(asked("A", 1, 1))), {})),
            "till/bad_line");
}

TEST(Sale, tenders_less_change_are_the_total_and_change_comes_out_of_cash) {
  const std::vector<AskedLine> ten = {open_price(asked("A", 1000, 10'000'000))};
  EXPECT_EQ(code(sell(opened(), ten, {cash(1000)})), "taken");
  EXPECT_EQ(code(sell(opened(), ten, {cash(2000)}, 1000)), "taken");
  EXPECT_EQ(code(sell(opened(), ten, {card(600), cash(400)})), "taken");
  EXPECT_EQ(code(sell(opened(), ten, {card(1000, CardResult::declined), cash(1000)})), "taken");
  EXPECT_EQ(code(sell(opened(), ten, {})), "till/tender_mismatch");
  EXPECT_EQ(code(sell(opened(), ten, {cash(999)})), "till/tender_mismatch");
  EXPECT_EQ(code(sell(opened(), ten, {card(1000, CardResult::declined)})), "till/tender_mismatch");
  EXPECT_EQ(code(sell(opened(), ten, {card(2000)}, 1000)), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, {card(1500), cash(100)}, 600)), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, {cash(900)}, -100)), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, {cash(-1000)})), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, {cash(INT64_MAX), cash(INT64_MAX)})), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, {cash(1000)}, INT64_MIN)), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, std::vector<Tender>(21, cash(100)))), "till/bad_tender");
  Tender no_token = card(1000), masked_cash = cash(1000);
  no_token.token.clear();
  masked_cash.masked = "1";
  EXPECT_EQ(code(sell(opened(), ten, {no_token})), "till/bad_tender");
  EXPECT_EQ(code(sell(opened(), ten, {masked_cash})), "till/bad_tender");
}

TEST(Sale, a_mismatch_tells_both_sums) {
  const auto sale = sell(opened(), {open_price(asked("A", 1000, 10'000'000))}, {cash(2000)}, 1);
  ASSERT_FALSE(sale);
  EXPECT_NE(sale.error().text.find("19.99"), std::string::npos) << sale.error().text;
  EXPECT_NE(sale.error().text.find("10.00"), std::string::npos) << sale.error().text;
}

TEST(Sale, what_costs_nothing_needs_no_tender) {
  EXPECT_EQ(code(sell(opened(), {open_price(asked("A", 1000, 0))}, {})), "taken");
  EXPECT_EQ(code(sell(opened(), {open_price(asked("A", 1, 1))}, {})), "taken");  // 0.001 pence
}

TEST(Sale, needs_a_till_and_a_series) {
  EXPECT_EQ(code(sell(TillState(), {open_price(asked("A", 1000, 0))}, {})), "till/not_started");
  const RecordSale command{TillId{0}, {open_price(asked("A", 1000, 0))}, {}, {}};
  EXPECT_EQ(code(decide(opened(), command, {}, rates, {std::nullopt})), "till/no_till");
}

TEST(CardNumber, test_numbers_of_the_card_schemes_are_seen_however_they_are_grouped) {
  for (std::string_view text :
       {"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111",
        "card 5555555555554444 please", "378282246310005", "3782 822463 10005", "6011111111111117", "4222222222222",
        "6304000000000000000", "no. 12 4111 1111 1111 1111", "4111 1111 1111 1111 12/27", "x4111111111111111x",
        // No-break spaces, in octal because a hexadecimal escape would take the digits that follow.
        "4111\302\2401111\302\2401111\302\2401111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111 - 1111 - 1111 - 1111"})
    EXPECT_TRUE(looks_like_card_number(text)) << text;
}

TEST(CardNumber, in_free_text_dots_hide_nothing) {
  EXPECT_TRUE(free_text_holds_card_number("4111 1111 1111 1111"));
  EXPECT_TRUE(free_text_holds_card_number("4111.1111...1111.....1111"));
  EXPECT_FALSE(free_text_holds_card_number("4111.1111.1111.1112"));
}

// What the till's page keeps and sends is looked at by the same rule there (web/src/lib/card.ts): one list for both.
TEST(CardNumber, is_seen_as_the_tills_page_sees_it) {
  std::ifstream in(HF_SOURCE_DIR "/test/data/card-numbers.txt");
  std::size_t texts = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    const std::string text = line.substr(tab + 1);
    EXPECT_EQ(looks_like_card_number(text) || free_text_holds_card_number(text), line.substr(0, tab) == "card") << text;
    ++texts;
  }
  EXPECT_GT(texts, 20U);
}

TEST(CardNumber, other_numbers_are_not) {
  for (std::string_view text :
       {"", "1234", "4111111111111112", "**** 1234", "555555555554", "tok_8f14e45fceea167a5a36", "12345678901234567890",
        "4111 1111 1111", "order 4111 of 1111, box 1111, row 1111", "01-02-2026"})
    EXPECT_FALSE(looks_like_card_number(text)) << text;
}

TEST(CardNumber, is_refused_in_every_text_a_till_can_send) {
  const std::string number = "4111 1111 1111 1111";
  AskedLine line = open_price(asked("A", 1000, 1'000'000));
  line.name = number;
  EXPECT_EQ(code(sell(opened(), {line}, {cash(100)})), "till/card_number");
  line.name = "A";
  Tender token = card(100), masked = card(100), too_much_shown = card(100);
  token.token = number;
  masked.masked = number;
  too_much_shown.masked = "411111******1234";
  for (const Tender& tender : {token, masked, too_much_shown})
    EXPECT_EQ(code(sell(opened(), {line}, {tender})), "till/card_number");
  TillState state = opened();
  const SaleRecorded sale = sold(state, {line}, {cash(100)});
  EXPECT_EQ(code(decide(state, Refund{till_3, sale.receipt, {{0, Quantity{1000}}}, {cash(100)}, number}, {}, sale)),
            "till/card_number");
  EXPECT_EQ(code(decide(state, RefundNoReceipt{till_3, {line}, {cash(100)}, number}, {}, rates, {std::nullopt})),
            "till/card_number");
}

TEST(Receipt, numbers_of_each_till_run_without_gap) {
  TillState state = opened();
  for (std::uint64_t n = 1; n <= 5; ++n) {
    EXPECT_EQ(sold(state, {open_price(asked("A", 1000, 0))}, {}).receipt, (ReceiptNumber{till_3, series, n}));
  }
  const auto other =
      decide(state, RecordSale{TillId{4}, {open_price(asked("A", 1000, 0))}, {}, {}}, {}, rates, {std::nullopt});
  EXPECT_EQ(other->receipt, (ReceiptNumber{TillId{4}, series, 1}));
  EXPECT_TRUE(gaps(state, 10).empty());
}

TEST(Receipt, one_that_was_printed_in_an_old_series_keeps_its_number_where_it_is_free) {
  TillState state = opened();
  const std::vector<AskedLine> line = {open_price(asked("A", 1000, 0))};
  const ReceiptNumber printed{till_3, SeriesId{5}, 4};
  const auto kept = sell(state, line, {}, 0, {}, {printed});
  EXPECT_EQ(kept->receipt, printed);
  apply(state, *kept, Instant{1}, {.epoch = 1, .index = 1});
  EXPECT_EQ(sell(state, line, {}, 0, {}, {printed})->receipt, (ReceiptNumber{till_3, series, 1})) << "taken";
  EXPECT_EQ(gaps(state, 10),
            (std::vector<ReceiptNumber>{{till_3, SeriesId{5}, 1}, {till_3, SeriesId{5}, 2}, {till_3, SeriesId{5}, 3}}));
  EXPECT_EQ(gaps(state, 2).size(), 2u);
}

TEST(Receipt, a_printed_number_of_another_till_of_the_current_series_or_out_of_range_is_not_believed) {
  const TillState state = opened();
  for (const ReceiptNumber& forged :
       {ReceiptNumber{TillId{4}, SeriesId{5}, 1}, ReceiptNumber{till_3, series, 1000},
        ReceiptNumber{till_3, SeriesId{5}, 0}, ReceiptNumber{till_3, SeriesId{5}, receipt_n_max + 1},
        ReceiptNumber{till_3, SeriesId{1ull << 40}, 1}}) {
    EXPECT_EQ(sell(state, {open_price(asked("A", 1000, 0))}, {}, 0, {}, {forged})->receipt,
              (ReceiptNumber{till_3, series, 1}));
  }
}

TEST(Refund, of_a_line_is_taken_once) {
  TillState state = opened();
  const SaleRecorded sale = sold(state, {open_price(asked("A", 2000, 1'000'000))}, {cash(200)});
  const Refund both{till_3, sale.receipt, {{0, Quantity{2000}}}, {cash(200)}, ""};
  const auto first = decide(state, both, {}, sale);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_EQ(first->total, Money{200});
  apply(state, *first, Instant{2}, {.epoch = 1, .index = 6});
  const auto second = decide(state, both, {}, sale);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "till/refund_too_much");
  EXPECT_NE(second.error().text.find("0 is left"), std::string::npos) << second.error().text;
}

TEST(Refund, bad_requests_are_refused) {
  TillState state = opened();
  const SaleRecorded sale = sold(state, {open_price(asked("A", 2000, 1'000'000))}, {cash(200)});
  const auto ask = [&](std::vector<AskedRefundLine> lines, std::vector<Tender> tenders) {
    return code(decide(state, Refund{till_3, sale.receipt, std::move(lines), std::move(tenders), ""}, {}, sale));
  };
  EXPECT_EQ(ask({}, {}), "till/bad_line");
  EXPECT_EQ(ask({{1, Quantity{1000}}}, {cash(100)}), "till/bad_line");
  EXPECT_EQ(ask({{0, Quantity{0}}}, {}), "till/bad_line");
  EXPECT_EQ(ask({{0, Quantity{-1000}}}, {}), "till/bad_line");
  EXPECT_EQ(ask({{0, Quantity{1000}}, {0, Quantity{1000}}}, {cash(200)}), "till/bad_line");
  EXPECT_EQ(ask({{0, Quantity{2001}}}, {cash(200)}), "till/refund_too_much");
  EXPECT_EQ(ask({{0, Quantity{1000}}}, {cash(99)}), "till/tender_mismatch");
  EXPECT_EQ(ask({{0, Quantity{1000}}}, {cash(-100)}), "till/bad_tender");
  EXPECT_EQ(ask({{0, Quantity{1000}}}, {card(50), cash(50)}), "taken");
}

TEST(Refund, without_receipt_needs_a_reason_and_may_be_of_what_is_not_listed) {
  const TillState state = opened();
  const auto ask = [&](AskedLine line, std::string reason) {
    return decide(state, RefundNoReceipt{till_3, {line}, {cash(100)}, std::move(reason)}, {}, rates, {std::nullopt});
  };
  EXPECT_EQ(code(ask(asked("A", 1000, 1'000'000), "")), "till/reason_needed");
  const auto taken = ask(asked("A", 1000, 1'000'000), "faulty");
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_TRUE(taken->lines[0].open_price);
  EXPECT_EQ(taken->lines[0].name, "A");
}

// Protocol 6.2: it has happened.
TEST(Happened, what_was_listed_or_changed_since_refuses_nothing) {
  const Numbering happened{std::nullopt, 2, true};
  const auto open =
      sell(opened(), {open_price(asked("A", 1000, 1'000'000))}, {cash(100)}, 0, {listed(2'000'000, "Z")}, happened);
  ASSERT_TRUE(open) << open.error().text;
  EXPECT_TRUE(open->lines[0].open_price && open->lines[0].price_differs);
  EXPECT_EQ(open->lines[0].vat, VatCode("S"));
  const auto delisted = sell(opened(), {asked("A", 1000, 1'000'000)}, {cash(100)}, 0, {}, happened);
  ASSERT_TRUE(delisted);
  EXPECT_TRUE(delisted->lines[0].open_price);
  EXPECT_EQ(delisted->lines[0].name, "A");
  EXPECT_EQ(code(sell(opened(), {asked("A", 1000, 1'000'000)}, {cash(99)}, 0, {}, happened)), "till/tender_mismatch");
}

TEST(Happened, a_line_from_its_entry_keeps_rate_name_and_kind_whatever_counts_today) {
  AskedLine line = asked("A", 1000, 1'220'000);
  line.name = "Postage";
  line.recorded = Recorded{220'000, false};
  const auto relisted = sell(opened(), {line}, {cash(122)}, 0, {listed(1'220'000)});
  ASSERT_TRUE(relisted) << relisted.error().text;
  EXPECT_EQ(relisted->lines[0].vat_millionths, 220'000);
  EXPECT_EQ(relisted->lines[0].vat_amount, Money{22}) << "at today's 20 % it would be 20";
  EXPECT_EQ(relisted->lines[0].name, "Postage");
  EXPECT_FALSE(relisted->lines[0].goods || relisted->lines[0].open_price);
  line.vat = VatCode("OLD");
  EXPECT_EQ(code(sell(opened(), {line}, {cash(122)})), "till/wrong_vat") << "a person is to read of it";
  const auto delisted = sell(opened(), {line}, {cash(122)}, 0, {}, Numbering{std::nullopt, 2, true});
  ASSERT_TRUE(delisted) << delisted.error().text;
  EXPECT_EQ(delisted->lines[0].vat_amount, Money{22});
  EXPECT_FALSE(delisted->lines[0].goods);
}

TEST(Happened, a_refund_beyond_what_is_left_is_taken_with_what_was_paid_out) {
  TillState state = opened();
  const SaleRecorded sale = sold(state, {open_price(asked("A", 3000, 333'000))}, {cash(100)});
  const Refund one{till_3, sale.receipt, {{0, Quantity{1000}}}, {cash(33)}, ""};
  const Numbering happened{std::nullopt, 2, true};
  for (int i = 0; i < 4; ++i) {  // 33 + 34 + 33 would be due; 33 were paid each time
    const auto refund = decide(state, one, happened, sale);
    ASSERT_TRUE(refund) << i << refund.error().text;
    EXPECT_EQ(refund->total, Money{33});
    EXPECT_TRUE(check_event(*refund));
    apply(state, *refund, Instant{2}, {.epoch = 1, .index = 6});
  }
  Refund far_off = one;
  far_off.tenders = {cash(40)};
  EXPECT_EQ(code(decide(state, far_off, happened, sale)), "till/tender_mismatch");
}

TEST(CheckEvent, an_event_whose_sums_do_not_hold_is_refused_whoever_wrote_it) {
  TillState state = opened();
  const SaleRecorded good = sold(state, {open_price(asked("A", 2000, 1'000'000))}, {cash(200)});
  ASSERT_TRUE(check_event(good));
  const auto with = [&](auto change) {
    SaleRecorded bad = good;
    change(bad);
    return code(check_event(bad));
  };
  EXPECT_EQ(with([](SaleRecorded& e) { e.total = {199}; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.lines[0].amount = {199}; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.lines[0].vat_amount = {201}; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.lines[0].vat_amount = {-1}; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.receipt.n = 0; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.receipt.n = receipt_n_max + 1; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.receipt.till = {}; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.receipt.series.bits = 1ull << 40; }), "till/bad_line");
  EXPECT_EQ(with([](SaleRecorded& e) { e.tenders[0].amount = {201}; }), "till/tender_mismatch");
  EXPECT_EQ(with([](SaleRecorded& e) { e.change = {1}; }), "till/tender_mismatch");
  EXPECT_EQ(with([](SaleRecorded& e) { e.lines.clear(); }), "till/bad_line");
}

TEST(Cash, with_few_witnesses_is_bounded_by_the_decimals_of_the_currency) {
  for (const auto& [decimals, most] :
       std::map<int, std::int64_t>{{0, 50'000}, {2, 50'000}, {3, 200'000}, {4, 2'000'000}}) {
    EXPECT_FALSE(moves_much_cash({cash(most + 900), card(most)}, Money{900}, decimals)) << decimals;
    EXPECT_TRUE(moves_much_cash({cash(most + 1)}, Money{}, decimals)) << decimals;
  }
}

TEST(Totals, minutes_and_days_go_by_event_time_and_the_oldest_are_dropped) {
  TillState state = opened();
  const auto sale = sell(state, {open_price(asked("A", 1000, 1'000'000))}, {cash(100)});
  constexpr std::int64_t minute = 60'000'000'000;
  for (std::int64_t m = 0; m < 600 * 1440; m += 720) apply(state.totals, *sale, Instant{m * minute});
  EXPECT_EQ(state.totals.minutes.size(), 120u);
  EXPECT_EQ(state.totals.days.size(), 400u);
  EXPECT_EQ(state.totals.days.rbegin()->first, 599);
  EXPECT_EQ(state.totals.days.rbegin()->second, (MinuteSales{2, Money{200}}));
  EXPECT_EQ(state.totals.sales, 1200u);
  EXPECT_EQ(state.totals.gross, Money{120'000});
}

TEST(Totals, cash_card_change_and_refunds_are_told_apart) {
  TillState state = opened();
  const SaleRecorded sale =
      sold(state, {open_price(asked("A", 2000, 5'000'000, "S")), open_price(asked("B", 1000, 1'000'000, "Z"))},
           {card(500), card(900, CardResult::declined), cash(1000)}, 400);
  const auto refund = decide(state, Refund{till_3, sale.receipt, {{0, Quantity{1000}}}, {cash(500)}, ""}, {}, sale);
  apply(state, *refund, Instant{1}, {.epoch = 1, .index = 6});
  EXPECT_EQ(state.totals.cash, Money{1000 - 400 - 500});
  EXPECT_EQ(state.totals.card, Money{500});
  EXPECT_EQ(state.totals.gross, Money{600});
  EXPECT_EQ(state.totals.units, Quantity{2000});
  EXPECT_EQ(state.totals.by_vat.at(VatCode("S")), (VatSum{Money{500}, Money{83 + 1}}));  // 167 - 83
  EXPECT_EQ(state.totals.by_vat.at(VatCode("Z")), (VatSum{Money{100}, Money{0}}));
}

// ---- properties

Bytes bytes_of(const TillState& state) {
  Writer out;
  state.encode(out);
  return out.take();
}
AskedLine random_line() {
  static constexpr std::string_view codes[] = {"S", "R", "Z"};
  return open_price(asked("sku-" + std::to_string(*rc::gen::inRange(0, 4)), *rc::gen::inRange<std::int64_t>(1, 20'000),
                          *rc::gen::inRange<std::int64_t>(0, 100'000'000), codes[*rc::gen::inRange(0, 3)]));
}
// A sale whose customer pays exactly.
Result<SaleRecorded> random_sale(const TillState& state) {
  RecordSale command;
  command.till = TillId{*rc::gen::inRange(1u, 4u)};
  const auto count = *rc::gen::inRange<std::size_t>(1, 6);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    command.lines.push_back(random_line());
    total += line_amount(command.lines[i].unit_price, command.lines[i].quantity, 2)->minor;
  }
  const auto by_card = *rc::gen::inRange<std::int64_t>(0, total + 1);
  const auto change = *rc::gen::inRange<std::int64_t>(0, 1000);
  command.tenders = {card(by_card), cash(total - by_card + change), card(7, CardResult::declined)};
  command.change = Money{change};
  return decide(state, command, {}, rates, Prices(command.lines.size()));
}

RC_GTEST_PROP(TillProperty, refunds_in_any_pieces_never_exceed_the_sale_and_add_up_to_it, ()) {
  TillState state = opened();
  const auto sale = random_sale(state);
  RC_ASSERT(sale.has_value());
  apply(state, *sale, Instant{1}, {.epoch = 1, .index = 1});
  std::vector<std::int64_t> left, amount(sale->lines.size()), vat(sale->lines.size());
  for (const SaleLine& line : sale->lines) left.push_back(line.quantity.thousandths);
  while (std::ranges::any_of(left, [](std::int64_t l) { return l > 0; })) {
    std::vector<std::size_t> open;
    for (std::size_t l = 0; l < left.size(); ++l)
      if (left[l] > 0) open.push_back(l);
    const std::size_t i = open[*rc::gen::inRange<std::size_t>(0, open.size())];
    // Pieces of at least a quarter, so that a line is done soon, and now and then one too many.
    const auto piece = *rc::gen::inRange<std::int64_t>(left[i] / 4 + 1, left[i] + 2);
    Refund command{TillId{2}, sale->receipt, {{static_cast<std::uint32_t>(i), Quantity{piece}}}, {}, ""};
    const SaleLine& line = sale->lines[i];
    const auto so_far = line.quantity.thousandths - left[i];
    const auto due = line_amount(line.unit_price, Quantity{so_far + piece}, 2)->minor -
                     line_amount(line.unit_price, Quantity{so_far}, 2)->minor;
    command.tenders = {cash(due)};
    const TillState before = state;
    const auto refund = decide(state, command, {}, *sale);
    RC_ASSERT(state == before);
    RC_ASSERT(refund.has_value() == (piece <= left[i]));
    if (!refund) {
      RC_ASSERT(refund.error().code == "till/refund_too_much");
      continue;
    }
    RC_ASSERT(check_event(*refund).has_value());
    apply(state, *refund, Instant{2}, {.epoch = 1, .index = 2});
    left[i] -= piece;
    amount[i] += refund->lines[0].amount.minor;
    vat[i] += refund->lines[0].vat_amount.minor;
    RC_ASSERT(amount[i] <= line.amount.minor);
    RC_ASSERT(vat[i] <= line.vat_amount.minor);
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    RC_ASSERT(amount[i] == sale->lines[i].amount.minor);
    RC_ASSERT(vat[i] == sale->lines[i].vat_amount.minor);
  }
  RC_ASSERT(state.totals.gross == Money{0});
  RC_ASSERT(state.totals.units == Quantity{0});
  for (const auto& [vat_code, sum] : state.totals.by_vat) RC_ASSERT(sum == VatSum());
}

RC_GTEST_PROP(TillProperty, sums_hold_numbers_have_no_gap_and_snapshots_come_back, ()) {
  TillState state = opened();
  std::int64_t gross = 0, vat = 0, drawer = 0;
  const auto sales = *rc::gen::inRange(0, 30);
  for (int i = 0; i < sales; ++i) {
    if (*rc::gen::inRange(0, 10) == 0) state.series = SeriesId{*rc::gen::inRange<std::uint64_t>(1, 1ull << 40)};
    const auto sale = random_sale(state);
    RC_ASSERT(sale.has_value());
    RC_ASSERT(check_event(*sale).has_value());
    for (const SaleLine& line : sale->lines) {
      RC_ASSERT(line.vat_amount == vat_in_gross(line.amount, line.vat_millionths));
      vat += line.vat_amount.minor;
    }
    gross += sale->total.minor;
    drawer += sale->tenders[1].amount.minor - sale->change.minor;
    apply(state, *sale, Instant{*rc::gen::inRange<std::int64_t>(0, 1ll << 60)},
          {.epoch = 1, .index = static_cast<EntryIndex>(i)});
    RC_ASSERT(state.find(sale->receipt) != nullptr);
  }
  RC_ASSERT(gaps(state, 100).empty());
  std::int64_t vat_told = 0, gross_told = 0;
  for (const auto& [vat_code, sum] : state.totals.by_vat) {
    vat_told += sum.vat.minor;
    gross_told += sum.gross.minor;
  }
  RC_ASSERT(vat_told == vat);
  RC_ASSERT(gross_told == gross);
  RC_ASSERT(state.totals.gross.minor == gross);
  RC_ASSERT(state.totals.cash.minor + state.totals.card.minor == gross);
  RC_ASSERT(state.totals.cash.minor == drawer);
  const Bytes bytes = bytes_of(state);
  Reader in(bytes);
  const auto back = TillState::decode(in);
  RC_ASSERT(back.has_value());
  RC_ASSERT(in.at_end());
  RC_ASSERT(*back == state);
  RC_ASSERT(bytes_of(*back) == bytes);
}

TEST(TillSnapshot, cut_anywhere_it_is_refused) {
  TillState state = opened();
  const SaleRecorded sale = sold(state, {open_price(asked("A", 2000, 1'000'000))}, {cash(200)});
  apply(state, *decide(state, Refund{till_3, sale.receipt, {{0, Quantity{1000}}}, {cash(100)}, ""}, {}, sale),
        Instant{2}, {.epoch = 1, .index = 6});
  const Bytes bytes = bytes_of(state);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader in(ByteView(bytes).first(size));
    EXPECT_FALSE(TillState::decode(in)) << size;
  }
}

}  // namespace
}  // namespace holdfast::till
