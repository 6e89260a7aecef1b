// Incidents of several sites put together: the same from whichever site one looks.
#include "core/incident/merge.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "core/incident/incident_test_support.h"

namespace holdfast::incident {
namespace {

Instant at(std::int64_t s) { return Instant{1'000'000'000'000'000'000} + seconds(s); }

// A site that writes one record after the other.
struct Writing {
  SiteName site;
  IncidentState state = {};
  EntryIndex next = 0;
  void add(std::int64_t s, What what, std::uint8_t key = 0, std::uint32_t epoch = 1) {
    apply(state, Record{at(s), epoch, next++, id<NoteId>(key), id<SubjectId>(9), std::move(what)});
  }
};
IncidentOpened opened(std::uint8_t n, std::string title = "") { return {id<IncidentId>(n), std::move(title), {}}; }
IncidentNoted noted(std::uint8_t n, std::string text, NoteKind kind = NoteKind::note) {
  IncidentNoted e;
  e.incident = id<IncidentId>(n);
  e.kind = kind;
  e.text = std::move(text);
  return e;
}
TaskSet task(std::uint8_t n, std::uint8_t t, std::string text, TaskState state = TaskState::open) {
  return {id<IncidentId>(n), id<TaskId>(t), std::move(text), {}, state};
}
std::vector<std::string> texts(const SeenIncident& incident) {
  std::vector<std::string> out;
  for (const SeenRecord& seen : incident.records)
    if (const auto* note = std::get_if<IncidentNoted>(&seen.record->what)) out.push_back(note->text);
  return out;
}
std::vector<Part> parts_of(const std::vector<Writing*>& all) {
  std::vector<Part> out;
  out.reserve(all.size());
  for (const Writing* w : all) out.push_back({w->site, &w->state});
  return out;
}

TEST(Merge, notes_of_two_sites_stand_in_the_order_of_time_whoever_looks) {
  Writing a{SiteName("head-office")}, b{SiteName("store-01")};
  a.add(1, opened(1, "Tills encrypted"));
  a.add(5, noted(1, "from head office"));
  b.add(3, noted(1, "from the store"));
  b.add(7, noted(1, "later"));
  for (const auto& parts : {parts_of({&a, &b}), parts_of({&b, &a})}) {
    const auto seen = merge(parts);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].title, "Tills encrypted");
    EXPECT_EQ(texts(seen[0]), (std::vector<std::string>{"from the store", "from head office", "later"}));
  }
}

TEST(Merge, at_one_time_the_origin_and_then_the_place_in_the_journal_decide) {
  Writing a{SiteName("b-site")}, b{SiteName("a-site")};
  a.add(1, noted(1, "b, first"));
  a.add(1, noted(1, "b, second"));
  b.add(1, noted(1, "a, of an older epoch"), 0, 1);
  EXPECT_EQ(texts(merge(parts_of({&a, &b}))[0]),
            (std::vector<std::string>{"a, of an older epoch", "b, first", "b, second"}));
}

TEST(Merge, a_note_whose_opening_is_not_seen_yet_is_shown_and_belongs_to_it_when_it_comes) {
  Writing a{SiteName("head-office")}, b{SiteName("store-01")};
  b.add(3, noted(1, "the screen shows a demand"));
  auto seen = merge(parts_of({&b}));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_FALSE(seen[0].opening);
  EXPECT_EQ(seen[0].id, id<IncidentId>(1));
  a.add(1, opened(1, "Ransom"));
  seen = merge(parts_of({&a, &b}));
  ASSERT_EQ(seen.size(), 1u);
  ASSERT_TRUE(seen[0].opening);
  EXPECT_EQ(seen[0].opening->site, SiteName("head-office"));
}

TEST(Merge, two_incidents_that_are_joined_are_one_under_the_earliest_and_both_titles_are_told) {
  Writing a{SiteName("head-office")}, b{SiteName("store-01")};
  a.add(5, opened(2, "Mail server encrypted"));
  b.add(1, opened(7, "Back-office PC encrypted"));
  ASSERT_EQ(merge(parts_of({&a, &b})).size(), 2u);
  a.add(9, IncidentsJoined{id<IncidentId>(2), {id<IncidentId>(7)}});
  auto seen = merge(parts_of({&a, &b}));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].id, id<IncidentId>(7)) << "the store opened its own first";
  EXPECT_EQ(seen[0].title, "Back-office PC encrypted");
  EXPECT_EQ(seen[0].other_titles, std::vector<std::string>{"Mail server encrypted"});
  EXPECT_NE(find(seen, id<IncidentId>(2)), nullptr) << "it is found under both ids";
  // A title that a person gives later counts; the newest of two.
  b.add(12, noted(7, "The night of the 25th", NoteKind::title));
  a.add(11, noted(2, "Ransomware everywhere", NoteKind::title));
  seen = merge(parts_of({&a, &b}));
  EXPECT_EQ(seen[0].title, "The night of the 25th");
  EXPECT_EQ(seen[0].other_titles.size(), 3u);
}

TEST(Merge, chains_of_joins_that_different_sites_make_end_in_one) {
  Writing a{SiteName("a")}, b{SiteName("b")}, c{SiteName("c")};
  for (std::uint8_t n = 1; n <= 6; ++n) (n % 2 == 0 ? a : b).add(n, opened(n, std::to_string(n)));
  a.add(10, IncidentsJoined{id<IncidentId>(2), {id<IncidentId>(4)}});
  b.add(11, IncidentsJoined{id<IncidentId>(5), {id<IncidentId>(4), id<IncidentId>(6)}});
  c.add(12, IncidentsJoined{id<IncidentId>(6), {id<IncidentId>(1), id<IncidentId>(3)}});
  const auto seen = merge(parts_of({&c, &a, &b}));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].id, id<IncidentId>(1));
  EXPECT_EQ(seen[0].ids.size(), 6u);
}

TEST(Merge, two_closings_the_first_counts_and_a_later_note_opens_nothing) {
  Writing a{SiteName("a")}, b{SiteName("b")};
  a.add(1, opened(1, "x"));
  b.add(20, IncidentClosed{id<IncidentId>(1), "over, says b", {}});
  a.add(10, IncidentClosed{id<IncidentId>(1), "over, says a", {}});
  a.add(30, noted(1, "the regulator answered"));
  const auto seen = merge(parts_of({&b, &a}));
  ASSERT_TRUE(seen[0].is_closed());
  EXPECT_EQ(seen[0].closing->site, SiteName("a"));
  EXPECT_EQ(seen[0].records.size(), 4u) << "the other closing and the note stay in the timeline";
  // What opens it again is an opening that is joined.
  b.add(40, opened(2, "again"));
  b.add(41, IncidentsJoined{id<IncidentId>(1), {id<IncidentId>(2)}});
  EXPECT_FALSE(merge(parts_of({&a, &b}))[0].is_closed());
}

TEST(Merge, a_closing_counts_though_the_clock_that_dated_the_opening_was_ahead) {
  Writing store{SiteName("store-01")}, head{SiteName("head-office")};
  store.add(7200, opened(1, "its clock is two hours ahead"));
  head.add(10, noted(1, "seen"));
  head.add(20, IncidentClosed{id<IncidentId>(1), "over", {}});
  auto seen = merge(parts_of({&store, &head}));
  ASSERT_TRUE(seen[0].is_closed());
  EXPECT_EQ(seen[0].closing->site, SiteName("head-office"));
  EXPECT_EQ(began(seen[0]), at(7200));
  EXPECT_EQ(ended(seen[0]), at(7200)) << "not before it began";
  // Another one that is joined opens it again, as ever.
  head.add(9000, opened(2, "again"));
  head.add(9001, IncidentsJoined{id<IncidentId>(1), {id<IncidentId>(2)}});
  seen = merge(parts_of({&store, &head}));
  EXPECT_FALSE(seen[0].is_closed());
}

TEST(Merge, of_two_that_are_joined_a_closing_closes_what_it_names_and_what_was_opened_before_that) {
  Writing store{SiteName("store-01")}, head{SiteName("head-office")};
  head.add(1, opened(1, "by head office"));
  store.add(7200, opened(2, "its clock is two hours ahead"));
  head.add(10, IncidentsJoined{id<IncidentId>(1), {id<IncidentId>(2)}});
  auto seen = merge(parts_of({&store, &head}));
  EXPECT_EQ(to_close(seen[0], id<IncidentId>(1), at(20)), id<IncidentId>(2));
  EXPECT_EQ(to_close(seen[0], id<IncidentId>(1), at(7201)), id<IncidentId>(1));
  Writing asked = head;
  asked.add(20, IncidentClosed{id<IncidentId>(1), "over", {}});
  EXPECT_FALSE(merge(parts_of({&store, &asked}))[0].is_closed()) << "behind it stands an opening that it may not know";
  head.add(20, IncidentClosed{id<IncidentId>(2), "over", {}});
  EXPECT_TRUE(merge(parts_of({&store, &head}))[0].is_closed());
}

TEST(Merge, a_record_that_a_peer_has_dated_1970_moves_no_beginning) {
  Writing store{SiteName("store-01")}, head{SiteName("head-office")};
  store.add(100, opened(1, "x"));
  apply(head.state, Record{Instant{1}, 1, 0, id<NoteId>(7), {}, noted(1, "a clock without a battery")});
  const auto parts = parts_of({&store, &head});
  const auto seen = merge(parts);
  EXPECT_EQ(began(seen[0]), at(100));
  Fact old;
  old.at = at(-1'000'000);
  apply(store.state, old);
  EXPECT_TRUE(facts_of(seen[0], parts).empty()) << "nor is all that ever happened a fact of it";
}

TEST(Merge, a_task_is_as_it_was_set_last_at_whichever_site) {
  Writing a{SiteName("a")}, b{SiteName("b")};
  a.add(1, opened(1, "x"));
  a.add(2, task(1, 5, "call the stores"));
  a.add(3, task(1, 6, "find the last backup"));
  b.add(9, task(1, 5, "call the stores", TaskState::done));
  a.add(8, task(1, 5, "call the stores", TaskState::doing));
  const auto seen = merge(parts_of({&a, &b}));
  ASSERT_EQ(seen[0].tasks.size(), 2u);
  EXPECT_EQ(std::get<TaskSet>(seen[0].tasks[0].record->what).state, TaskState::done);
  EXPECT_EQ(std::get<TaskSet>(seen[0].tasks[1].record->what).text, "find the last backup");
}

TEST(Merge, a_correction_names_what_it_corrects_and_what_is_known_goes_by_what_is_left) {
  Writing a{SiteName("a")}, b{SiteName("b")};
  a.add(1, opened(1, "x"));
  a.add(2, noted(1, "no data left", NoteKind::data_affected), 40);
  auto right = noted(1, "names of 30 staff left", NoteKind::data_affected);
  right.corrects = id<NoteId>(40);
  b.add(5, right, 41);
  a.add(6, noted(1, "an unpatched VPN", NoteKind::cause), 42);
  const auto seen = merge(parts_of({&a, &b}));
  EXPECT_EQ(seen[0].corrected_by.at(id<NoteId>(40)), id<NoteId>(41));
  const auto& data = seen[0].standing.at(NoteKind::data_affected);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0].record->id, id<NoteId>(41));
  EXPECT_EQ(seen[0].standing.size(), 2u);
  EXPECT_EQ(texts(seen[0]).size(), 3u) << "what was wrong is still told";
}

TEST(Merge, facts_of_the_day_before_belong_to_it_and_those_behind_the_closing_do_not) {
  Writing a{SiteName("a")}, b{SiteName("b")};
  const auto fact = [](Writing& w, std::int64_t s, std::string about) {
    Fact f;
    f.at = at(s);
    f.index = w.next++;
    f.about = std::move(about);
    apply(w.state, std::move(f));
  };
  fact(a, -90'000, "long before");
  fact(b, -3600, "the hour before");
  a.add(0, opened(1, "x"));
  fact(a, 60, "meanwhile");
  a.add(100, IncidentClosed{id<IncidentId>(1), "", {}});
  fact(b, 200, "afterwards");
  const auto parts = parts_of({&a, &b});
  const auto facts = facts_of(merge(parts)[0], parts);
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].fact->about, "the hour before");
  EXPECT_EQ(facts[1].fact->about, "meanwhile");
}

TEST(Merge, figures_count_what_was_sold_while_sealed_and_what_waited) {
  Writing a{SiteName("a")};
  seal(a.state, {at(-500'000), 10, 5, Money{500}});  // another night
  unseal(a.state, {at(-499'000), 20, 7, Money{700}});
  seal(a.state, {at(0), 100, 50, Money{5000}});
  seal(a.state, {at(1), 101, 51, Money{5001}});  // sealed is sealed
  unseal(a.state, {at(60), 160, 90, Money{9000}});
  unseal(a.state, {at(70), 170, 91, Money{9100}});
  seal(a.state, {at(100), 200, 100, Money{10'000}});
  const SiteFigures f = figures_of({a.site, &a.state}, {at(130), 230, 110, Money{10'900}}, at(-10));
  EXPECT_EQ(f.sealed, seconds(90));
  EXPECT_TRUE(f.is_sealed);
  EXPECT_EQ(f.sales, 40u + 10u);
  EXPECT_EQ(f.gross, Money{4000 + 900});
  EXPECT_EQ(f.waiting, 60u + 30u);
  EXPECT_EQ(f.as_of, 230u);
}

TEST(Merge, a_machine_that_was_replaced_while_sealed_counts_anew) {
  Writing a{SiteName("a")};
  seal(a.state, {at(0), 100, 50, Money{5000}});
  EXPECT_EQ(figures_of({a.site, &a.state}, {at(30), 12, 60, Money{6000}}, at(-10)).waiting, 12u);
}

TEST(Merge, a_machine_that_was_replaced_while_sealed_and_has_written_more_since_counts_anew_too) {
  Writing a{SiteName("a")};
  seal(a.state, {at(0), 100, 50, Money{5000}});
  apply(a.state, Fact{at(10), 2, 0, FactKind::epoch_opened, {}, "c/a/2", ""});
  EXPECT_EQ(figures_of({a.site, &a.state}, {at(30), 150, 60, Money{6000}}, at(-10)).waiting, 150u);
  EXPECT_EQ(figures_of({a.site, &a.state}, {at(5), 150, 60, Money{6000}}, at(-10)).waiting, 50u) << "not yet then";
}

TEST(Merge, figures_end_with_the_incident_and_count_alerts_and_not_what_tells_of_them) {
  Writing a{SiteName("a")};
  const auto alert = [&](std::int64_t s, std::uint64_t count) {
    apply(a.state,
          Fact{at(s), 1, a.next++, FactKind::alert, {}, "suricata 7", with_count("seen x 9 (watch: r)", count)});
  };
  alert(0, 1);
  alert(1, 41);
  seal(a.state, {at(10), 10, 5, Money{500}});
  unseal(a.state, {at(20), 20, 7, Money{700}});
  seal(a.state, {at(90), 30, 9, Money{900}});
  unseal(a.state, {at(150), 40, 10, Money{1000}});
  alert(160, 1000);
  seal(a.state, {at(200), 50, 20, Money{2000}});  // another night
  const Standing standing{at(300), 70, 30, Money{3000}};
  const SiteFigures closed = figures_of({a.site, &a.state}, standing, at(0), at(100));
  EXPECT_EQ(closed.alerts, 42u);
  EXPECT_EQ(closed.sealed, seconds(10 + 10)) << "until it was closed";
  EXPECT_TRUE(closed.is_sealed) << "as it was then";
  EXPECT_EQ(closed.sales, 2u + 1u);
  const SiteFigures open = figures_of({a.site, &a.state}, standing, at(0));
  EXPECT_EQ(open.alerts, 1042u);
  EXPECT_EQ(open.sealed, seconds(10 + 60 + 100));
  EXPECT_EQ(count_in("seen x 9 (watch: r) x 0"), 1u);
  EXPECT_EQ(count_in("seen (watch: r) x many"), 1u);
}

// However the records are spread over sites and in whichever order the parts are named: one answer.
RC_GTEST_PROP(Merge, the_order_of_parts_is_no_matter, ()) {
  std::vector<Writing> sites;
  for (const char* name : {"a", "b", "c"}) sites.push_back({SiteName(name)});
  const int count = *rc::gen::inRange(1, 30);
  for (int i = 0; i < count; ++i) {
    Writing& w = sites[*rc::gen::inRange(0, 3)];
    const auto which = static_cast<std::uint8_t>(*rc::gen::inRange(1, 5));
    const auto other = static_cast<std::uint8_t>(which % 4 + 1);
    const std::int64_t when = *rc::gen::inRange(0, 10);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        w.add(when, opened(which, std::to_string(i)));
        break;
      case 1:
        w.add(when, noted(which, std::to_string(i), NoteKind::title));
        break;
      case 2:
        w.add(when, IncidentsJoined{id<IncidentId>(which), {id<IncidentId>(other)}});
        break;
      case 3:
        w.add(when, IncidentClosed{id<IncidentId>(which), "", {}});
        break;
      default:
        w.add(when, task(which, other, std::to_string(i)));
    }
  }
  const auto told = [](const std::vector<SeenIncident>& all) {
    std::vector<std::string> out;
    for (const SeenIncident& i : all) {
      std::string one = to_hex(i.id.bytes) + "|" + i.title + "|" + (i.is_closed() ? i.closing->site.str() : "open");
      for (const SeenRecord& r : i.records) one += "|" + r.site.str() + std::to_string(r.record->index);
      for (const SeenRecord& r : i.tasks) one += "|" + std::get<TaskSet>(r.record->what).text;
      out.push_back(one);
    }
    std::ranges::sort(out);
    return out;
  };
  std::vector<Writing*> order{&sites[0], &sites[1], &sites[2]};
  const auto first = told(merge(parts_of(order)));
  while (std::ranges::next_permutation(order).found) RC_ASSERT(told(merge(parts_of(order))) == first);
}

// A peer may have joined as many as its part holds, in the order that is worst. Counted in steps it is 12 million
// look-ups without shortened ways, for each of these looks.
TEST(Merge, a_peer_that_joins_thousands_in_a_row_makes_nobody_wait) {
  Writing own{SiteName("store-01")}, peer{SiteName("head-office")};
  const auto nth = [](std::size_t n) {
    IncidentId out;
    out.bytes[0] = std::byte{1};
    out.bytes[1] = static_cast<std::byte>(n >> 8);
    out.bytes[2] = static_cast<std::byte>(n);
    return out;
  };
  own.add(1, opened(1));
  const std::size_t last = own_room.joined - 1;
  for (std::size_t n = last; n > 0; --n) peer.add(2, IncidentsJoined{nth(n - 1), {nth(n)}});
  for (int i = 0; i < 20; ++i) {
    const auto seen = merge(parts_of({&own, &peer}));
    ASSERT_EQ(seen.size(), 1u);
    ASSERT_EQ(seen[0].ids.size(), last + 1);
  }
}

}  // namespace
}  // namespace holdfast::incident
