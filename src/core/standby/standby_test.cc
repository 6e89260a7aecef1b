#include "core/standby/standby.h"

#include <gtest/gtest.h>

namespace holdfast::standby {
namespace {

constexpr Instant noon{1'000'000'000};

StandbyState after_take_over() {
  StandbyState state;
  apply(state, *decide(state, Begin{"opening"}), noon, {1, 7});
  apply(state, *decide(state, TakeOver{"the old system is dead"}, Ages{noon, {}, {}}), noon);
  return state;
}
void sell(StandbyState& state, EntryIndex at) {
  ASSERT_TRUE(goes_back(state, false));
  note(state, Happened::sale, noon, {1, at});
}
// One sale of 12.50 at 20 %, paid in cash.
MakeHandback handback(const StandbyState& state, EntryIndex end, std::uint64_t sales) {
  MakeHandback made;
  made.number = static_cast<std::uint32_t>(state.handbacks.size() + 1);
  made.first = *state.handed_to;
  made.end = {1, end};
  made.writer = 1;
  made.settings = "[odoo]\n";
  made.files = {{"orders.csv", {}, 12}};
  const auto n = static_cast<std::int64_t>(sales);
  made.totals = {{{20'000, TotalKind::sales, ""}, n},
                 {{20'000, TotalKind::gross, ""}, 1250 * n},
                 {{20'000, TotalKind::taxed, "S 20"}, 1250 * n},
                 {{20'000, TotalKind::vat, "S 20"}, 208 * n},
                 {{20'000, TotalKind::paid, "cash"}, 1250 * n}};
  made.counts.sales = sales;
  return made;
}
std::string_view code_of(const auto& result) { return result ? "taken" : result.error().code; }

TEST(Standby, who_sells_changes_in_one_circle) {
  StandbyState state;
  EXPECT_EQ(code_of(decide(state, TakeOver{}, Ages{})), "standby/wrong_phase");
  EXPECT_EQ(code_of(decide(state, Resume{})), "standby/wrong_phase");
  apply(state, *decide(state, Begin{}), noon, {1, 3});
  EXPECT_EQ(state.phase, Phase::standing_by);
  EXPECT_EQ(code_of(decide(state, Begin{})), "standby/wrong_phase");
  EXPECT_EQ(code_of(decide(state, Resume{})), "standby/wrong_phase");
  apply(state, *decide(state, TakeOver{}, Ages{noon, {}, {}}), noon);
  EXPECT_EQ(state.phase, Phase::taken_over);
  EXPECT_EQ(state.ages.prices, noon);
  EXPECT_EQ(code_of(decide(state, Begin{})), "standby/wrong_phase");
  EXPECT_EQ(code_of(decide(state, TakeOver{}, Ages{})), "standby/wrong_phase");
  apply(state, *decide(state, Resume{}), noon);
  EXPECT_EQ(state.phase, Phase::standing_by);
  EXPECT_EQ(state.handed_to, (EntryPlace{1, 3})) << "the first time counts: what comes back late goes back, too";
}

TEST(Standby, what_goes_back_is_the_trade_since_the_take_over_and_what_comes_back_late) {
  StandbyState state;
  EXPECT_FALSE(goes_back(state, false));
  EXPECT_FALSE(goes_back(state, true)) << "a chain that runs on Holdfast hands nothing back";
  apply(state, *decide(state, Begin{}), noon, {1, 3});
  EXPECT_FALSE(goes_back(state, false)) << "the old system's own stock";
  EXPECT_TRUE(goes_back(state, true));
  apply(state, *decide(state, TakeOver{}, Ages{}), noon);
  EXPECT_TRUE(goes_back(state, false));
}

TEST(Standby, handbacks_follow_one_another_without_gap_and_number_by_number) {
  StandbyState state = after_take_over();
  EXPECT_EQ(code_of(decide(state, handback(state, 20, 0))), "standby/nothing_new");
  sell(state, 10);
  sell(state, 11);
  MakeHandback first = handback(state, 12, 2);
  first.number = 2;
  EXPECT_EQ(code_of(decide(state, first)), "standby/wrong_number");
  first.number = 1;
  const auto made = decide(state, first);
  ASSERT_TRUE(made) << made.error().text;
  apply(state, *made, noon);
  EXPECT_EQ(state.open, Counts{});
  EXPECT_EQ(state.open_since, std::nullopt);
  EXPECT_EQ(code_of(decide(state, first)), "standby/wrong_number") << "asked again, it is not made again";
  sell(state, 15);
  MakeHandback stale = handback(state, 16, 1);
  stale.first = {1, 7};
  EXPECT_EQ(code_of(decide(state, stale)), "standby/overtaken");
  apply(state, *decide(state, handback(state, 16, 1)), noon);
  EXPECT_EQ(state.handbacks[1].made.first, (EntryPlace{1, 12}));
  EXPECT_EQ(state.handed_to, (EntryPlace{1, 16}));
}

TEST(Standby, a_handback_that_left_something_out_is_refused) {
  StandbyState state = after_take_over();
  for (const EntryIndex at : {10, 11, 12}) sell(state, at);
  EXPECT_EQ(code_of(decide(state, handback(state, 13, 2))), "standby/bad_handback") << "the range holds 3";
  EXPECT_EQ(code_of(decide(state, handback(state, 12, 4))), "standby/bad_handback");
  EXPECT_EQ(code_of(decide(state, handback(state, 12, 2))), "taken")
      << "the third was sold while the files were written";
  EXPECT_EQ(code_of(decide(state, handback(state, 13, 3))), "taken");
}

TEST(Standby, totals_that_do_not_add_up_are_no_handback) {
  StandbyState state = after_take_over();
  sell(state, 10);
  MakeHandback made = handback(state, 11, 1);
  made.totals[{20'000, TotalKind::paid, "card"}] = 1;
  EXPECT_EQ(code_of(decide(state, made)), "standby/bad_totals");
  made = handback(state, 11, 1);
  made.totals[{20'000, TotalKind::taxed, "R 5"}] = -1;
  EXPECT_EQ(code_of(decide(state, made)), "standby/bad_totals");
  made = handback(state, 11, 1);
  made.totals[{20'000, TotalKind::sales, ""}] = 2;
  EXPECT_EQ(code_of(decide(state, made)), "standby/bad_handback");
  made = handback(state, 11, 1);
  made.files = {{"a.csv", {}, 1}, {"a.csv", {}, 1}};
  EXPECT_EQ(code_of(decide(state, made)), "standby/bad_handback");
  made.files = {{"../a.csv", {}, 1}};
  EXPECT_EQ(code_of(decide(state, made)), "standby/bad_handback");
}

TEST(Standby, a_confirmation_shows_each_difference_to_the_penny) {
  StandbyState state = after_take_over();
  EXPECT_EQ(code_of(decide(state, ConfirmHandback{1, {{{20'000, TotalKind::gross, ""}, 1}}, ""})),
            "standby/unknown_handback");
  sell(state, 10);
  apply(state, *decide(state, handback(state, 11, 1)), noon);
  EXPECT_EQ(code_of(decide(state, ConfirmHandback{1, {}, ""})), "standby/bad_totals");
  const auto said = decide(state, ConfirmHandback{1,
                                                  {{{20'000, TotalKind::gross, ""}, 1249},
                                                   {{all_days, TotalKind::vat, "S 20"}, 208},
                                                   {{20'001, TotalKind::gross, ""}, 5}},
                                                  "by telephone"});
  ASSERT_TRUE(said) << said.error().text;
  EXPECT_EQ(said->totals.at({20'000, TotalKind::gross, ""}).difference(), -1);
  EXPECT_EQ(said->totals.at({all_days, TotalKind::vat, "S 20"}).difference(), 0);
  EXPECT_EQ(said->totals.at({20'001, TotalKind::gross, ""}).difference(), 5) << "a day that we know nothing of";
  apply(state, *said, noon);
  apply(state, *decide(state, ConfirmHandback{1, {{{20'000, TotalKind::gross, ""}, 1250}}, ""}), noon);
  EXPECT_EQ(state.handbacks[0].confirmed.at({20'000, TotalKind::gross, ""}).figures.difference(), 0);
  EXPECT_EQ(state.handbacks[0].confirmed.size(), 3u);
}

TEST(Standby, rates_are_told_as_people_write_them) {
  EXPECT_EQ(rate_code(VatCode("S"), 200'000), "S 20");
  EXPECT_EQ(rate_code(VatCode("R"), 55'000), "R 5.5");
  EXPECT_EQ(rate_code(VatCode("Z"), 0), "Z 0");
}

TEST(Standby, a_snapshot_holds_it_all_and_a_damaged_one_is_refused) {
  StandbyState state = after_take_over();
  sell(state, 10);
  apply(state, *decide(state, handback(state, 11, 1)), noon);
  apply(state, *decide(state, ConfirmHandback{1, {{{20'000, TotalKind::gross, ""}, 1250}}, ""}), noon);
  sell(state, 14);
  Writer out;
  state.encode(out);
  Reader in(out.view());
  const auto back = StandbyState::decode(in);
  ASSERT_TRUE(back);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(*back, state);
  for (std::size_t size = 0; size < out.size(); ++size) {
    Reader cut(out.view().first(size));
    EXPECT_FALSE(StandbyState::decode(cut)) << size;
  }
}

}  // namespace
}  // namespace holdfast::standby
