// Rules between standby and the rest: who may trade, what goes back, and what is never refused.
#include <gtest/gtest.h>

#include "core/fold/test_fold.h"

namespace holdfast::fold {
namespace {

using namespace testing;

Command a_sale(std::int64_t price_pence = 100) {
  return till::RecordSale{TillId{1},
                          {{Sku("OPEN"), Quantity{1000}, UnitPrice{price_pence * 10'000}, VatCode("S"), "Thing", true}},
                          {{till::TenderKind::cash, Money{price_pence}, "", "", till::CardResult::approved}},
                          Money{}};
}
std::string_view code_of(const auto& result) { return result ? "taken" : result.error().code; }

struct Standing : ::testing::Test {
  Journals journals;
  Shop shop{journals, "store-01"};
  Result<Taken> write(Command command, TillId till = {}) { return shop.write(shop.request(std::move(command), till)); }
  const standby::StandbyState& standby() const { return shop.state.standby; }
  WriteRequest sent_again(Command command) {
    WriteRequest request = shop.request(std::move(command), TillId{1});
    request.prior = Prior{shop.origin, 3, shop.now(), false, {}, {}};
    request.printed_receipt = ReceiptNumber{TillId{1}, SeriesId{0x77}, ++printed};
    return request;
  }
  standby::MakeHandback handback(EntryIndex end) const {
    standby::MakeHandback made;
    made.number = static_cast<std::uint32_t>(standby().handbacks.size() + 1);
    made.first = *standby().handed_to;
    made.end = {1, end};
    made.files = {{"a.csv", {}, 1}};
    made.counts = standby().open;
    const auto sales = static_cast<std::int64_t>(made.counts.sales);
    made.totals = {{{1, standby::TotalKind::sales, ""}, sales},
                   {{1, standby::TotalKind::refunds, ""}, static_cast<std::int64_t>(made.counts.refunds)},
                   {{1, standby::TotalKind::gross, ""}, 100 * sales},
                   {{1, standby::TotalKind::taxed, "S 20"}, 100 * sales},
                   {{1, standby::TotalKind::paid, "cash"}, 100 * sales}};
    return made;
  }
  EntryIndex size() const { return journals.at(shop.origin).size(); }
  std::uint64_t printed = 0;
};

TEST_F(Standing, while_it_stands_by_a_till_trades_nothing_and_is_told_what_to_do) {
  ASSERT_TRUE(write(a_sale(), TillId{1})) << "a chain that runs on Holdfast";
  ASSERT_TRUE(write(standby::Begin{"opening"}));
  const auto refused = write(a_sale(), TillId{1});
  EXPECT_EQ(code_of(refused), "standby/stands_by");
  EXPECT_NE(refused.error().text.find("manager takes over"), std::string::npos);
  EXPECT_EQ(code_of(write(till::RefundNoReceipt{TillId{1}, {}, {}, "x"}, TillId{1})), "standby/stands_by");
  const ReceiptNumber first{TillId{1}, SeriesId{0x1001}, 1};
  const Command refund =
      till::Refund{TillId{1}, first, {{0, Quantity{1000}}}, {{till::TenderKind::cash, Money{100}, "", "", {}}}, ""};
  EXPECT_EQ(code_of(write(refund, TillId{1})), "standby/stands_by");
  ASSERT_TRUE(write(standby::TakeOver{"dead"}));
  EXPECT_EQ(shop.state.incidents.facts.back().kind, incident::FactKind::take_over) << "counsel asks since when";
  EXPECT_EQ(shop.state.incidents.facts.back().text, "dead");
  EXPECT_TRUE(write(a_sale(), TillId{1}));
  EXPECT_TRUE(write(refund, TillId{1}));
  ASSERT_TRUE(write(standby::Resume{}));
  EXPECT_EQ(code_of(write(a_sale(), TillId{1})), "standby/stands_by");
}

TEST_F(Standing, what_has_happened_is_taken_while_it_stands_by_and_goes_back_unflagged) {
  ASSERT_TRUE(write(standby::Begin{}));
  const auto taken = shop.write(sent_again(a_sale()));
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_TRUE(shop.state.listed.empty()) << "no rule was broken: whoever was to sell, this was sold";
  WriteRequest tail = sent_again(a_sale());
  tail.prior->readmitted = true;
  ASSERT_TRUE(shop.write(tail));
  EXPECT_EQ(standby().open.sales, 2u);
}

TEST_F(Standing, the_old_systems_stock_does_not_go_back_and_ours_does) {
  ASSERT_TRUE(write(standby::Begin{}));
  ASSERT_TRUE(write(stock::Receive{{{Sku("A"), Quantity{5000}}}, "level"}));
  EXPECT_EQ(standby().open.all(), 0u);
  ASSERT_TRUE(write(standby::TakeOver{}));
  ASSERT_TRUE(write(stock::Receive{{{Sku("A"), Quantity{5000}}}, "a delivery"}));
  ASSERT_TRUE(write(stock::WriteOff{{{Sku("A"), Quantity{1000}}}, "broken"}));
  EXPECT_EQ(standby().open.movements, 2u);
}

TEST_F(Standing, a_feed_sets_no_level_over_what_was_sold_here) {
  ASSERT_TRUE(write(standby::Begin{}));
  ASSERT_TRUE(write(stock::Feed{Instant{5}, {{Sku("OPEN"), Quantity{9000}}}}));
  ASSERT_TRUE(
      write(feed::TakeFile{{feed::Kind::stock, "stock", "stock.csv", {}, Instant{5}, true, false, 1, 0, 1, 1}}));
  ASSERT_TRUE(write(standby::TakeOver{}));
  EXPECT_EQ(standby().ages.stock, Instant{5}) << "what the manager was shown is on record";
  EXPECT_EQ(standby().ages.prices, std::nullopt);
  EXPECT_EQ(standby().open.all(), 0u);
  ASSERT_TRUE(write(a_sale(), TillId{1}));
  EXPECT_EQ(code_of(write(stock::Feed{Instant{6}, {{Sku("OPEN"), Quantity{9000}}}})), "standby/taken_over");
  const Instant before = shop.now();
  ASSERT_TRUE(write(standby::Resume{}));
  const auto old = write(stock::Feed{before - milliseconds(1), {{Sku("OPEN"), Quantity{9000}}}});
  EXPECT_EQ(code_of(old), "standby/exported_before") << "nor after the take-over what was exported before its end";
  EXPECT_EQ(shop.state.stock.items.at(Sku("OPEN")).on_hand, Quantity{8000});
  EXPECT_TRUE(write(stock::Feed{shop.now(), {{Sku("OPEN"), Quantity{7000}}}}));
}

TEST_F(Standing, a_handback_closes_its_range_and_what_comes_back_late_is_in_the_next) {
  ASSERT_TRUE(write(standby::Begin{}));
  ASSERT_TRUE(write(standby::TakeOver{}));
  ASSERT_TRUE(write(a_sale(), TillId{1}));
  const EntryIndex end = size();
  EXPECT_EQ(code_of(write(handback(end + 1))), "standby/bad_handback") << "nothing has happened there yet";
  ASSERT_TRUE(write(handback(end)));
  EXPECT_EQ(standby().open.all(), 0u);
  ASSERT_TRUE(write(standby::Resume{}));
  ASSERT_TRUE(shop.write(sent_again(a_sale())));
  EXPECT_EQ(standby().open.sales, 1u);
  EXPECT_EQ(standby().handed_to, (EntryPlace{1, end}));
  ASSERT_TRUE(write(handback(size())));
  EXPECT_EQ(standby().handbacks.size(), 2u);
  EXPECT_EQ(code_of(write(standby::ConfirmHandback{3, {{{1, standby::TotalKind::gross, ""}, 100}}, ""})),
            "standby/unknown_handback");
  EXPECT_TRUE(write(standby::ConfirmHandback{2, {{{1, standby::TotalKind::gross, ""}, 100}}, ""}));
}

TEST_F(Standing, a_machines_past_decides_nothing_anew) {
  ASSERT_TRUE(write(standby::Begin{}));
  WriteRequest tail = shop.request(standby::TakeOver{"by the old machine"});
  tail.prior = Prior{shop.origin, 3, shop.now(), true, {}, {}};
  EXPECT_EQ(code_of(shop.ask(tail)), "standby/decide_again") << "so it goes on the list";
  EXPECT_EQ(standby().phase, standby::Phase::standing_by);
}

TEST_F(Standing, the_state_is_a_function_of_the_journal) {
  ASSERT_TRUE(write(standby::Begin{}));
  ASSERT_TRUE(write(standby::TakeOver{}));
  ASSERT_TRUE(write(a_sale(), TillId{1}));
  ASSERT_TRUE(write(handback(size())));
  const auto again = replay(journals, {shop.origin});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->standby, standby());
  EXPECT_EQ(again->hash(), shop.state.hash());
  const auto back = State::decode(shop.state.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->standby, standby());
}

// Protocol 13.86: a sale that a till rang while no machine of the store answered.
TEST_F(Standing, what_a_till_rang_alone_is_taken_under_its_number_and_flagged_but_is_nothing_that_came_back) {
  ASSERT_TRUE(write(standby::Begin{"opening"}));
  WriteRequest request = shop.request(a_sale(), TillId{1});
  const ReceiptNumber on_paper{TillId{1}, SeriesId{0x77}, 1};
  request.prior = Prior{{shop.origin.chain, shop.origin.site, rung_alone_epoch}, 1, shop.now(), false, {}, {}};
  request.printed_receipt = on_paper;
  const auto taken = shop.write(request);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(taken->receipt, on_paper);
  EXPECT_TRUE(taken->flags.rung_alone);
  EXPECT_FALSE(taken->flags.resubmitted);
  EXPECT_EQ(shop.state.readmission.resubmitted, 0u) << "the report of a rebuild would count it against what was lost";
  ASSERT_EQ(shop.state.listed.size(), 1u);
  EXPECT_NE(shop.state.listed.begin()->second.reason.find("standby/stands_by"), std::string::npos);
  EXPECT_TRUE(shop.write(request)->duplicate);
  ASSERT_TRUE(write(standby::TakeOver{"dead"}));
  EXPECT_EQ(standby().open.sales, 1u) << "it goes back with the next handback";
}

TEST_F(Standing, more_cash_than_a_till_may_take_alone_is_taken_and_put_before_a_person) {
  const auto ring = [&](std::int64_t minor, std::int64_t change, std::uint64_t n) {
    auto sale = std::get<till::RecordSale>(a_sale(minor - change));
    sale.tenders[0].amount = Money{minor};
    sale.change = Money{change};
    WriteRequest request = shop.request(sale, TillId{1});
    request.prior = Prior{{shop.origin.chain, shop.origin.site, rung_alone_epoch}, n, shop.now(), false, {}, {}};
    request.printed_receipt = ReceiptNumber{TillId{1}, SeriesId{0x77}, n};
    const auto taken = shop.write(request);
    ASSERT_TRUE(taken) << taken.error().text;
  };
  ring(50'000, 0, 1);
  ring(60'000, 10'000, 2);
  EXPECT_TRUE(shop.state.listed.empty());
  ring(50'001, 0, 3);
  ASSERT_EQ(shop.state.listed.size(), 1u);
  EXPECT_NE(shop.state.listed.begin()->second.reason.find("till/rung_alone_cash"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::fold
