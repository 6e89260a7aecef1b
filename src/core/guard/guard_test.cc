#include "core/guard/guard.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/guard/record.h"
#include "core/guard/rules.h"

namespace holdfast::guard {
namespace {

Alert alert(std::string signature, std::uint8_t severity = 1, std::string category = "",
            std::string source = "suricata") {
  return {std::move(source), std::move(signature), severity, std::move(category), "what was seen", {}, Instant{5}};
}
AlertRaised raised(std::string signature, Level level = Level::watch) {
  return {alert(std::move(signature)), level, "a rule", 1};
}
SetPosture order(Posture posture, Cause cause = Cause::person, std::string reason = "because") {
  SetPosture out;
  out.posture = posture;
  out.cause = cause;
  out.reason = std::move(reason);
  if (cause == Cause::alert) {
    out.source = "suricata";
    out.signature = "2024297";
  }
  return out;
}
Instant at(std::int64_t s) { return Instant{s * 1'000'000'000}; }

TEST(Posture, an_alert_tightens_and_never_loosens) {
  GuardState state;
  EXPECT_TRUE(decide(state, order(Posture::guarded, Cause::alert)));
  EXPECT_TRUE(decide(state, order(Posture::sealed, Cause::alert)));
  state.posture = Posture::sealed;
  for (const Posture p : {Posture::open, Posture::guarded, Posture::rejoining})
    EXPECT_EQ(decide(state, order(p, Cause::alert)).error().code, "guard/never_loosens");
  state.posture = Posture::rejoining;
  EXPECT_EQ(decide(state, order(Posture::guarded, Cause::alert)).error().code, "guard/never_loosens");
  EXPECT_TRUE(decide(state, order(Posture::sealed, Cause::alert)));
}

TEST(Posture, sealing_by_hand_needs_no_reason_and_opening_does) {
  GuardState state;
  EXPECT_TRUE(decide(state, order(Posture::sealed, Cause::person, "")));
  state.posture = Posture::sealed;
  EXPECT_EQ(decide(state, order(Posture::open, Cause::person, "")).error().code, "guard/reason_needed");
  EXPECT_TRUE(decide(state, order(Posture::open, Cause::person, "a printer test")));
  EXPECT_EQ(decide(state, order(Posture::sealed)).error().code, "guard/already_so");
  EXPECT_EQ(decide(state, order(Posture::open, Cause::person, std::string(501, 'x'))).error().code, "guard/bad_text");
  EXPECT_EQ(decide(state, order(Posture::open, Cause::person, "two\nlines")).error().code, "guard/bad_text");
}

TEST(Posture, only_a_sealed_site_rejoins) {
  GuardState state;
  EXPECT_EQ(decide(state, order(Posture::rejoining)).error().code, "guard/not_sealed");
  state.posture = Posture::sealed;
  EXPECT_TRUE(decide(state, order(Posture::rejoining)));
}

TEST(Posture, what_a_person_called_a_false_alarm_does_not_seal_again_at_once) {
  GuardState state;
  apply(state, *decide(state, order(Posture::sealed, Cause::alert)), at(100));
  EXPECT_EQ(state.seals, 1u);
  EXPECT_FALSE(state.is_excused("suricata", "2024297", at(101)));
  apply(state, *decide(state, order(Posture::open)), at(200));
  EXPECT_TRUE(state.is_excused("suricata", "2024297", at(201)));
  EXPECT_FALSE(state.is_excused("suricata", "2024298", at(201)));
  EXPECT_FALSE(state.is_excused("webhook:x", "2024297", at(201)));
  EXPECT_FALSE(state.is_excused("suricata", "2024297", at(200) + excused_for + seconds(1)));
}

TEST(Posture, what_a_clock_of_years_ahead_has_excused_seals_when_the_clock_is_right_again) {
  constexpr std::int64_t y2036 = 2'082'758'400, y2027 = 1'798'761'600;
  GuardState state;
  apply(state, *decide(state, order(Posture::sealed, Cause::alert)), at(y2036));
  apply(state, *decide(state, order(Posture::open)), at(y2036 + 60));
  EXPECT_TRUE(state.is_excused("suricata", "2024297", at(y2036 + 61)));
  EXPECT_TRUE(state.is_excused("suricata", "2024297", at(y2036 + 55))) << "a clock that was set back by seconds";
  EXPECT_FALSE(state.is_excused("suricata", "2024297", at(y2027)));
  EXPECT_FALSE(state.is_excused("suricata", "2024297", at(y2036 - 400)));
}

TEST(Posture, a_tripwire_is_never_excused) {
  GuardState state;
  SetPosture sealing = order(Posture::sealed, Cause::alert);
  sealing.source = tripwire_source;
  sealing.signature = "canary";
  apply(state, *decide(state, sealing), at(100));
  apply(state, *decide(state, order(Posture::open)), at(200));
  EXPECT_TRUE(state.excused.empty());
}

TEST(Alerts, alike_ones_are_counted_and_only_the_newest_kinds_are_kept) {
  GuardState state;
  for (int i = 0; i < 1000; ++i) apply(state, raised("7"), at(i));
  ASSERT_EQ(state.recent.size(), 1u);
  EXPECT_EQ(state.recent[0].count, 1000u);
  EXPECT_EQ(state.recent[0].first_at, at(0));
  EXPECT_EQ(state.recent[0].last_at, at(999));
  apply(state, raised("grave", Level::sealed), at(1000));
  for (int i = 0; i < 500; ++i) apply(state, raised(std::to_string(100 + i)), at(2000 + i));
  EXPECT_EQ(state.recent.size(), recent_max);
  EXPECT_EQ(state.alerts, 1501u);
  const bool kept =
      std::ranges::any_of(state.recent, [](const SeenAlert& s) { return s.first.alert.signature == "grave"; });
  EXPECT_TRUE(kept) << "the gravest goes last";
}

TEST(Alerts, a_state_is_the_same_after_encoding_and_damage_is_found) {
  GuardState state;
  apply(state, raised("7", Level::sealed), at(3));
  apply(state, *decide(state, order(Posture::sealed, Cause::alert)), at(4));
  apply(state, *decide(state, order(Posture::open)), at(5));
  Writer out;
  state.encode(out);
  const Bytes bytes = out.take();
  Reader in(bytes);
  const auto again = GuardState::decode(in);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, state);
  EXPECT_TRUE(in.at_end());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader shorter(ByteView(bytes).first(size));
    EXPECT_FALSE(GuardState::decode(shorter)) << size;
  }
}

TEST(Alerts, hostile_text_is_cut_and_made_printable) {
  Alert hostile = alert(std::string(5000, 'x'), 0);
  hostile.text = "line\nbreak \x1b[31m " + std::string(1000, 'y');
  hostile.category = std::string(119, 'c') + "\xc3\xa9";  // the bound falls into the letter
  hostile.source = "\xff\xfe";
  hostile.seen_at = Instant{-7};
  const Alert clean = cleaned(hostile);
  EXPECT_EQ(clean.text.find('\n'), std::string::npos);
  EXPECT_EQ(clean.category, std::string(119, 'c'));
  EXPECT_EQ(clean.source, "??");
  EXPECT_TRUE(check_event(AlertRaised{clean, Level::watch, "r", 1}));
  EXPECT_FALSE(check_event(AlertRaised{hostile, Level::watch, "r", 1}));
  EXPECT_FALSE(check_event(AlertRaised{clean, Level::benign, "r", 1}));
  EXPECT_FALSE(check_event(AlertRaised{clean, Level::watch, "r", 0}));
}

// ---- rules

Rule rule(std::string name, Level level) {
  Rule out;
  out.name = std::move(name);
  out.level = level;
  return out;
}

TEST(Judge, benign_wins_over_everything_and_the_gravest_over_the_rest) {
  Rules rules;
  rules.rules = {rule("all", Level::watch), rule("range", Level::sealed), rule("known noise", Level::benign)};
  rules.rules[1].ranges = {{2024290, 2024299}};
  rules.rules[2].signatures = {"2024291"};
  Judge judge(rules);
  EXPECT_EQ(judge.judge(alert("2024290"), at(1)).level, Level::sealed);
  EXPECT_EQ(judge.judge(alert("2024299"), at(1)).rule->name, "range");
  EXPECT_EQ(judge.judge(alert("2024300"), at(1)).level, Level::watch);
  EXPECT_EQ(judge.judge(alert("2024291"), at(1)).level, Level::benign);
  EXPECT_EQ(judge.judge(alert("2024290x"), at(1)).level, Level::watch) << "text is no number";
}

TEST(Judge, a_rule_with_a_count_is_met_when_so_many_came_in_its_window) {
  Rules rules;
  rules.otherwise = Level::watch;
  rules.rules = {rule("burst", Level::guarded)};
  rules.rules[0].count = 3;
  rules.rules[0].within = seconds(10);
  rules.rules[0].sources = {"tripwire"};
  Judge judge(rules);
  const Alert failed = alert("sign-in-failed", 3, "", "tripwire");
  EXPECT_TRUE(judge.judge(failed, at(0)).below_count);
  EXPECT_EQ(judge.judge(failed, at(6)).level, Level::benign);
  EXPECT_EQ(judge.judge(failed, at(12)).level, Level::benign) << "the first has left the window";
  EXPECT_EQ(judge.judge(failed, at(13)).level, Level::guarded);
  EXPECT_EQ(judge.judge(alert("x"), at(13)).level, Level::watch) << "no rule";
  judge.forget_counts();
  EXPECT_TRUE(judge.judge(failed, at(14)).below_count) << "somebody has looked at what came before";
}

TEST(Judge, category_severity_words_and_sources_must_all_fit) {
  Rule r = rule("r", Level::sealed);
  r.categories = {"a network trojan was detected"};
  r.severity_at_least = 2;
  r.words = {"SEEN"};
  r.sources = {"webhook:"};
  EXPECT_TRUE(matches(r, alert("1", 2, "A Network Trojan was detected", "webhook:edr")));
  EXPECT_FALSE(matches(r, alert("1", 3, "A Network Trojan was detected", "webhook:edr")));
  EXPECT_FALSE(matches(r, alert("1", 2, "Misc", "webhook:edr")));
  EXPECT_FALSE(matches(r, alert("1", 2, "A Network Trojan was detected", "suricata")));
  r.words = {"nothing of this"};
  EXPECT_FALSE(matches(r, alert("1", 2, "A Network Trojan was detected", "webhook:edr")));
}

// ---- recording

TEST(Recorder, the_first_is_recorded_at_once_and_its_repeats_as_a_count) {
  Recorder recorder;
  recorder.note(raised("7"), at(100));
  const auto first = recorder.take_due(at(100));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].count, 1u);
  for (int i = 0; i < 5000; ++i) recorder.note(raised("7"), at(101));
  EXPECT_TRUE(recorder.take_due(at(110)).empty());
  EXPECT_EQ(recorder.due_at(at(110)), at(160));
  const auto later = recorder.take_due(at(160));
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].count, 5000u);
  EXPECT_TRUE(recorder.take_due(at(500)).empty());
  EXPECT_FALSE(recorder.due_at(at(500)));
}

TEST(Recorder, a_flood_of_kinds_fills_neither_memory_nor_journal_and_loses_no_count) {
  Recorder recorder;
  std::uint64_t recorded = 0, events = 0;
  for (int i = 0; i < 20'000; ++i) recorder.note(raised(std::to_string(i)), at(100));
  const auto first = recorder.take_due(at(100));
  EXPECT_EQ(first.size(), Recorder::records_a_minute);
  for (const auto& e : first) recorded += e.count;
  for (int minute = 1; minute < 20; ++minute)
    for (const auto& e : recorder.take_due(at(100 + 60 * minute))) {
      recorded += e.count;
      ++events;
    }
  EXPECT_EQ(recorded, 20'000u);
  EXPECT_LE(events, Recorder::kinds_max + 1);
}

TEST(Recorder, what_seals_is_not_held_back_by_a_flood) {
  Recorder recorder;
  for (int i = 0; i < 20'000; ++i) recorder.note(raised(std::to_string(i)), at(100));
  EXPECT_FALSE(recorder.take_due(at(100)).empty());
  recorder.note(raised("canary", Level::sealed), at(101), true);
  EXPECT_EQ(recorder.due_at(at(101)), at(101));
  const auto due = recorder.take_due(at(101));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].alert.signature, "canary");
  recorder.note(raised("canary", Level::sealed), at(102), true);
  EXPECT_EQ(recorder.take_due(at(102)).size(), 1u) << "sealed again within the minute is news again";
}

TEST(Recorder, a_flood_of_what_would_seal_is_bounded_like_any_other_and_holds_nothing_else_back) {
  Recorder recorder;
  std::uint64_t recorded = 0, events = 0;
  recorder.note(raised("0", Level::sealed), at(100), true);
  for (int i = 0; i < 20'000; ++i) recorder.note(raised(std::to_string(i), Level::sealed), at(100));
  recorder.note(raised("quiet"), at(100));
  for (int minute = 0; minute < 20; ++minute) {
    const auto due = recorder.take_due(at(100 + 60 * minute));
    EXPECT_LE(due.size(), 2 * Recorder::records_a_minute + 1);
    for (const auto& e : due) {
      recorded += e.count;
      ++events;
    }
  }
  EXPECT_EQ(recorded, 20'002u) << "counted to the last";
  EXPECT_LE(events, Recorder::kinds_max + 2);
}

}  // namespace
}  // namespace holdfast::guard
