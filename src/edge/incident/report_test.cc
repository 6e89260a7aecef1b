// What is told of an incident: the range of the usual, the next steps, both languages, and texts that are no markup.
#include "edge/incident/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/chain/test_chain.h"
#include "edge/incident/words.h"

namespace holdfast::incident_report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t hour = 490'000;  // since 1970
constexpr std::int64_t week = 7 * 24;

till::Totals sold(const std::map<std::int64_t, std::uint64_t>& hours) {
  till::Totals totals;
  for (const auto& [at, count] : hours) totals.hours[at] = {count, Money{static_cast<std::int64_t>(count) * 100}};
  return totals;
}

TEST(Usual, two_weeks_are_no_range_and_three_are) {
  std::map<std::int64_t, std::uint64_t> hours{{hour, 7}, {hour - week, 10}, {hour - 2 * week, 20}};
  HourSales seen = sales_in_hour(sold(hours), hour);
  EXPECT_EQ(seen.count, 7u);
  EXPECT_EQ(seen.weeks, 2u);
  EXPECT_FALSE(seen.has_usual());
  hours[hour - 3 * week] = 15;
  seen = sales_in_hour(sold(hours), hour);
  ASSERT_TRUE(seen.has_usual());
  EXPECT_EQ(seen.usual_min, 10u);
  EXPECT_EQ(seen.usual_max, 20u);
}

TEST(Usual, an_hour_without_a_sale_counts_as_none_but_a_time_before_the_first_sale_does_not) {
  const HourSales seen = sales_in_hour(sold({{hour - 4 * week, 9}, {hour - 2 * week, 5}, {hour - week, 6}}), hour);
  EXPECT_EQ(seen.weeks, 4u);
  EXPECT_EQ(seen.usual_min, 0u) << "three weeks ago nothing was sold in this hour";
  EXPECT_EQ(seen.usual_max, 9u);
  EXPECT_EQ(sales_in_hour(sold({{hour, 1}}), hour).weeks, 0u);
  EXPECT_EQ(sales_in_hour({}, hour).weeks, 0u);
}

TEST(Usual, only_eight_weeks_count) {
  std::map<std::int64_t, std::uint64_t> hours;
  for (int w = 1; w <= 12; ++w) hours[hour - w * week] = static_cast<std::uint64_t>(w);
  const HourSales seen = sales_in_hour(sold(hours), hour);
  EXPECT_EQ(seen.weeks, 8u);
  EXPECT_EQ(seen.usual_max, 8u);
}

struct Told : ::testing::Test {
  fold::State state;
  incident::IncidentId id{{std::byte{1}}};
  EntryIndex next = 0;
  static Instant at(std::int64_t s) { return Instant{1'760'000'000'000'000'000} + seconds(s); }
  void SetUp() override {
    state.chain = "example.com/c";
    state.site = SiteName("store-01");
    state.epoch = 1;
    state.currency = "GBP";
    add(0, incident::IncidentOpened{id, "<b>Night</b> & \"day\"", {}});
  }
  void add(std::int64_t s, incident::What what, std::uint8_t key = 0) {
    incident::apply(state.incidents, incident::Record{at(s), 1, next++, {{std::byte{key}}}, {}, std::move(what)});
    state.newest = at(s);
    state.size = next;
  }
  // Its id is its second; `corrects` names one so.
  void note(std::int64_t s, incident::NoteKind kind, incident::Knowing knowing = incident::Knowing::known,
            incident::Period about = {}, std::uint8_t corrects = 0) {
    incident::IncidentNoted noted{id, kind, knowing, "words", about, {}, {}};
    if (corrects != 0) noted.corrects = incident::NoteId{{std::byte{corrects}}};
    add(s, noted, static_cast<std::uint8_t>(s));
  }
  std::vector<std::string> codes() {
    std::vector<std::string> out;
    const auto report = export_report(state, id);
    for (const Step& step : report->next) out.emplace_back(step.code);
    return out;
  }
  bool says(std::string_view code) {
    const auto all = codes();
    return std::ranges::find(all, code) != all.end();
  }
};

TEST_F(Told, steps_come_and_go_with_what_is_noted) {
  using incident::Knowing;
  using incident::NoteKind;
  EXPECT_TRUE(says("sell_on"));
  EXPECT_TRUE(says("note_discovered"));
  EXPECT_TRUE(says("note_data"));
  EXPECT_TRUE(says("inform_authority"));
  note(1, NoteKind::discovered);
  EXPECT_FALSE(says("note_discovered"));
  note(2, NoteKind::ransom_asked);
  EXPECT_TRUE(says("decide"));
  note(3, NoteKind::decision);
  EXPECT_FALSE(says("decide"));
  note(4, NoteKind::data_affected, Knowing::not_yet_known);
  EXPECT_TRUE(says("note_data")) << "not yet known is to be asked again";
  note(5, NoteKind::data_affected);
  EXPECT_TRUE(says("inform_people"));
  note(6, NoteKind::data_affected, Knowing::ruled_out);
  EXPECT_TRUE(says("inform_authority")) << "card data is ruled out, and addresses are still known";
  EXPECT_TRUE(says("inform_people"));
  note(7, NoteKind::data_affected, Knowing::ruled_out, {}, 5);
  EXPECT_FALSE(says("inform_authority"));
  EXPECT_FALSE(says("inform_people"));
  note(7, NoteKind::cause);
  EXPECT_TRUE(says("contain"));
  EXPECT_FALSE(says("close"));
  note(8, NoteKind::contained, Knowing::ruled_out);
  EXPECT_TRUE(says("contain")) << "it is not";
  EXPECT_FALSE(says("close"));
  note(8, NoteKind::contained);
  EXPECT_FALSE(says("contain"));
  EXPECT_TRUE(says("close"));
  add(9, incident::TaskSet{id, {{std::byte{9}}}, "call", {}, incident::TaskState::open});
  EXPECT_TRUE(says("own_tasks"));
  EXPECT_FALSE(says("close"));
  add(10, incident::IncidentClosed{id, "", {}});
  EXPECT_TRUE(codes().empty());
}

TEST_F(Told, the_72_hours_run_from_the_discovery_as_far_as_it_is_noted) {
  const auto due = [&] {
    const auto report = export_report(state, id);
    for (const Step& step : report->next)
      if (step.code == "inform_authority") return step.at->unix_ns;
    return std::int64_t{0};
  };
  EXPECT_EQ(due(), (at(0) + seconds(72 * 3600)).unix_ns);
  note(50, incident::NoteKind::discovered, incident::Knowing::known, {at(-7200), std::nullopt});
  EXPECT_EQ(due(), (at(-7200) + seconds(72 * 3600)).unix_ns);
  note(60, incident::NoteKind::discovered, incident::Knowing::known, {at(60), std::nullopt});
  EXPECT_EQ(due(), (at(-7200) + seconds(72 * 3600)).unix_ns) << "another store that learns of it later moves nothing";
  note(70, incident::NoteKind::authority_informed, incident::Knowing::suspected);
  EXPECT_NE(due(), 0) << "somebody who may have been told is not told";
  note(71, incident::NoteKind::authority_informed);
  EXPECT_EQ(due(), 0);
}

TEST_F(Told, a_record_of_a_peer_that_is_dated_1970_moves_no_deadline) {
  incident::IncidentNoted noted;
  noted.incident = id;
  noted.text = "a clock without a battery";
  incident::apply(state.peers[SiteName("store-02")].incidents,
                  incident::Record{Instant{1}, 1, 0, {{std::byte{7}}}, {}, noted});
  const auto report = export_report(state, id);
  ASSERT_TRUE(report);
  const auto step = std::ranges::find(report->next, "inform_authority", &Step::code);
  ASSERT_NE(step, report->next.end());
  EXPECT_EQ(step->at, at(72 * 3600));
}

TEST_F(Told, the_end_of_the_72_hours_is_not_yet_known_where_the_clock_that_said_when_was_ahead) {
  const auto told = [&](Instant now) {
    const auto report = report_of(state, id, now, {});
    for (const Step& step : report->next)
      if (step.code == "inform_authority") return step;
    return Step{};
  };
  const Step unknown = told(at(-3650ll * 86'400));
  EXPECT_FALSE(unknown.at) << "not ten years from now";
  EXPECT_THAT(unknown.en, HasSubstr("not yet known"));
  EXPECT_THAT(unknown.fr, HasSubstr("pas encore connue"));
  EXPECT_EQ(told(at(-60)).at, at(72 * 3600)) << "two good clocks are seconds apart";
  note(50, incident::NoteKind::discovered, incident::Knowing::known, {at(-3651ll * 86'400), std::nullopt});
  EXPECT_EQ(told(at(-3650ll * 86'400)).at, at(-3648ll * 86'400)) << "a person has said when";
}

TEST_F(Told, a_sealed_site_that_is_not_explained_stays_sealed_and_rejoins_when_it_is) {
  incident::seal(state.incidents, {at(1), 1, 0, {}});
  state.guard.posture = guard::Posture::sealed;
  EXPECT_TRUE(says("no_outside"));
  EXPECT_TRUE(says("explain_seal"));
  EXPECT_FALSE(says("begin_rejoin"));
  note(1, incident::NoteKind::cause, incident::Knowing::ruled_out);
  EXPECT_TRUE(says("explain_seal")) << "what it was not explains nothing";
  note(2, incident::NoteKind::cause, incident::Knowing::suspected);
  note(3, incident::NoteKind::contained, incident::Knowing::suspected);
  EXPECT_FALSE(says("begin_rejoin")) << "a guess opens no link";
  note(3, incident::NoteKind::contained);
  EXPECT_FALSE(says("explain_seal"));
  EXPECT_TRUE(says("begin_rejoin"));
  EXPECT_FALSE(says("close"));
}

TEST_F(Told, a_closed_incident_goes_on_counting_nothing) {
  incident::seal(state.incidents, {at(1), 1, 0, {}});
  incident::unseal(state.incidents, {at(61), 2, 0, {}});
  add(100, incident::IncidentClosed{id, "", {}});
  incident::seal(state.incidents, {at(500), 3, 0, {}});
  incident::apply(state.incidents, incident::Fact{at(500), 1, 9, incident::FactKind::alert, {}, "suricata 7", "seen"});
  const auto report = report_of(state, id, at(5000), {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->sites.front().figures.sealed, seconds(60)) << "the next night is another's";
  EXPECT_EQ(report->sites.front().figures.alerts, 0u);
  EXPECT_FALSE(report->sites.front().figures.is_sealed);
}

TEST_F(Told, nobody_is_told_to_close_while_a_site_is_silent) {
  note(1, incident::NoteKind::contained);
  state.peers[SiteName("store-02")].newest = at(0);
  const auto closes = [&](const Live& live) {
    const auto report = report_of(state, id, at(9), live);
    return std::ranges::any_of(report->next, [](const Step& step) { return step.code == "close"; });
  };
  EXPECT_TRUE(closes({}));
  EXPECT_FALSE(closes({{}, {SiteName("store-02")}})) << "it may be sealed: a seal says nothing to others";
}

TEST_F(Told, the_html_holds_no_markup_of_anybody_and_no_script) {
  const std::vector<RestsOn> rests{{{"example.com/c", SiteName("store-01"), 1}, 1, Hash{}}};
  const std::string html = export_html(*export_report(state, id), rests, Language::en);
  EXPECT_THAT(html, HasSubstr("&lt;b&gt;Night&lt;/b&gt; &amp; &quot;day&quot;"));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http:")));
  EXPECT_THAT(html, HasSubstr("example.com/c/store-01/1"));
  EXPECT_EQ(html, export_html(*export_report(state, id), rests, Language::en)) << "the same bytes";
  EXPECT_THAT(export_html(*export_report(state, id), rests, Language::fr), HasSubstr("<html lang=\"fr\">"));
}

TEST_F(Told, an_export_names_every_epoch_that_it_was_folded_from) {
  const chain::ChainFile file = chain::testing::small_chain();
  const auto origin = [&](std::uint32_t epoch) { return Origin{file.chain, SiteName("store-01"), epoch}; };
  const auto registration = [&](std::uint32_t epoch, std::uint64_t kept) {
    return chain::make_registration(chain::testing::make_certificate(file, "store-01", epoch, at(0)), origin(epoch - 1),
                                    kept, Hash{}, chain::testing::site_key("store-01", "log", epoch).signer())
        .note;
  };
  state.chain = file.chain;
  state.epoch = 3;
  state.registration = registration(3, 20);
  const auto no_root = [](const Origin&, std::uint64_t) { return std::optional<Hash>(); };
  const auto named = [&](const RegistrationOf& of) {
    std::vector<std::pair<Origin, std::uint64_t>> out;
    for (const RestsOn& each : rests_on(state, no_root, of)) out.emplace_back(each.origin, each.size);
    return out;
  };
  const std::vector<std::pair<Origin, std::uint64_t>> all{{origin(3), state.size}, {origin(2), 20}, {origin(1), 10}};
  EXPECT_EQ(
      named([&](const Origin& of) { return of == origin(2) ? std::optional(registration(2, 10)) : std::nullopt; }),
      all);
  EXPECT_EQ(named([&](const Origin&) { return std::optional(registration(3, 20)); }).size(), 2u)
      << "a journal that says it continues a later one ends the way";
}

TEST_F(Told, an_export_is_as_of_the_journal_and_not_of_today) {
  EXPECT_EQ(export_report(state, id)->as_of, at(0));
  EXPECT_EQ(export_report(state, incident::IncidentId{{std::byte{7}}}).error().code, "incident/unknown");
}

TEST(Words, every_kind_has_its_words_in_both_languages) {
  const auto check = [](const std::string& group, std::string_view key) {
    for (const Language language : {Language::en, Language::fr})
      EXPECT_NE(word(group + "." + std::string(key), language), group + "." + std::string(key)) << key;
  };
  for (std::uint8_t i = 0; i < incident::note_kinds; ++i) check("kind", to_text(static_cast<incident::NoteKind>(i)));
  for (std::uint8_t i = 0; i < incident::fact_kinds; ++i) check("fact", to_text(static_cast<incident::FactKind>(i)));
  for (std::uint8_t i = 0; i < 4; ++i) {
    check("knowing", to_text(static_cast<incident::Knowing>(i)));
    check("task", to_text(static_cast<incident::TaskState>(i)));
  }
  for (const char* posture : {"open", "guarded", "sealed", "rejoining"}) check("posture", posture);
}

}  // namespace
}  // namespace holdfast::incident_report
