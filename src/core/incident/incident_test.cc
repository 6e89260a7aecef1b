#include "core/incident/incident.h"

#include <gtest/gtest.h>

#include <set>

#include "core/incident/incident_test_support.h"

namespace holdfast::incident {
namespace {

template <class T>
std::string code(const Result<T>& result) {
  return result ? "fine" : std::string(result.error().code);
}

struct Incidents : testing::Test {
  IncidentState own, peer;
  States states{&own, &peer};
  void SetUp() override {
    apply(peer, Record{Instant{5}, 1, 0, id<NoteId>(1), id<SubjectId>(9), IncidentOpened{id<IncidentId>(1), "x", {}}});
  }
  NoteIncident note(std::string text = "seen") {
    NoteIncident n;
    n.incident = id<IncidentId>(1);
    n.text = std::move(text);
    return n;
  }
};

TEST_F(Incidents, a_note_may_be_of_an_incident_that_another_site_opened_and_of_no_unknown_one) {
  EXPECT_EQ(code(decide(states, note())), "fine");
  auto lost = note();
  lost.incident = id<IncidentId>(2);
  EXPECT_EQ(code(decide(states, lost)), "incident/unknown");
  EXPECT_EQ(code(decide({&own}, note())), "incident/unknown") << "not seen from here";
}

TEST_F(Incidents, a_note_without_words_says_something_only_when_it_is_not_yet_known) {
  EXPECT_EQ(code(decide(states, note(""))), "incident/bad_note");
  auto unknown = note("");
  unknown.kind = NoteKind::cause;
  unknown.knowing = Knowing::not_yet_known;
  EXPECT_EQ(code(decide(states, unknown)), "fine");
}

TEST_F(Incidents, texts_are_bounded_and_one_line) {
  EXPECT_EQ(code(decide(states, note(std::string(text_bytes_max, 'a')))), "fine");
  EXPECT_EQ(code(decide(states, note(std::string(text_bytes_max + 1, 'a')))), "incident/bad_note");
  EXPECT_EQ(code(decide(states, note("two\nlines"))), "incident/bad_note");
  EXPECT_EQ(code(decide(states, note("\xff"))), "incident/bad_note");
  EXPECT_EQ(code(decide(states, OpenIncident{""}, id<IncidentId>(3))), "incident/bad_title");
  EXPECT_EQ(code(decide(states, OpenIncident{std::string(201, 't')}, id<IncidentId>(3))), "incident/bad_title");
}

TEST_F(Incidents, when_it_happened_may_be_a_span_with_open_ends_but_not_backwards) {
  auto n = note();
  n.about = {Instant{5}, std::nullopt};
  EXPECT_EQ(code(decide(states, n)), "fine");
  n.about = {std::nullopt, Instant{5}};
  EXPECT_EQ(code(decide(states, n)), "fine");
  n.about = {Instant{6}, Instant{5}};
  EXPECT_EQ(code(decide(states, n)), "incident/bad_note");
  n.about = {Instant{-1}, std::nullopt};
  EXPECT_EQ(code(decide(states, n)), "incident/bad_note");
}

TEST_F(Incidents, a_correction_names_a_note_that_is_seen) {
  auto n = note();
  n.corrects = id<NoteId>(1);
  EXPECT_EQ(code(decide(states, n)), "incident/unknown") << "an opening is no note";
  apply(peer, Record{Instant{6}, 1, 1, id<NoteId>(2), {}, *decide(states, note())});
  n.corrects = id<NoteId>(2);
  EXPECT_EQ(code(decide(states, n)), "fine");
}

TEST_F(Incidents, a_correction_and_a_task_are_of_the_incident_that_they_are_written_to) {
  apply(peer, Record{Instant{6}, 1, 1, id<NoteId>(2), {}, *decide(states, note())});
  apply(peer, Record{Instant{6}, 1, 2, id<NoteId>(3), {}, TaskSet{id<IncidentId>(1), id<TaskId>(7), "call", {}, {}}});
  apply(own, Record{Instant{7}, 1, 0, id<NoteId>(4), {}, IncidentOpened{id<IncidentId>(2), "y", {}}});
  auto n = note();
  n.incident = id<IncidentId>(2);
  n.corrects = id<NoteId>(2);
  const SetTask set{id<IncidentId>(2), id<TaskId>(7), "call", {}, TaskState::done};
  EXPECT_EQ(code(decide(states, n)), "incident/unknown");
  EXPECT_EQ(code(decide(states, set, id<TaskId>(8))), "incident/unknown");
  apply(
      own,
      Record{
          Instant{8}, 1, 1, id<NoteId>(5), {}, *decide(states, JoinIncidents{id<IncidentId>(1), {id<IncidentId>(2)}})});
  EXPECT_EQ(code(decide(states, n)), "fine") << "they are one by now";
  EXPECT_EQ(code(decide(states, set, id<TaskId>(8))), "fine");
}

TEST_F(Incidents, a_task_is_new_or_one_that_is_seen) {
  SetTask set{id<IncidentId>(1), std::nullopt, "call", {}, TaskState::open};
  const auto made = decide(states, set, id<TaskId>(7));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->task, id<TaskId>(7));
  set.task = id<TaskId>(7);
  EXPECT_EQ(code(decide(states, set, id<TaskId>(8))), "incident/unknown");
  apply(own, Record{Instant{6}, 1, 1, id<NoteId>(7), {}, *made});
  EXPECT_EQ(decide(states, set, id<TaskId>(8))->task, id<TaskId>(7));
}

TEST_F(Incidents, joining_names_known_incidents_once_and_not_itself) {
  const auto join = [&](std::vector<IncidentId> others) {
    return code(decide(states, JoinIncidents{id<IncidentId>(1), std::move(others)}));
  };
  EXPECT_EQ(join({}), "incident/bad_note");
  EXPECT_EQ(join({id<IncidentId>(1)}), "incident/bad_note");
  EXPECT_EQ(join({id<IncidentId>(2)}), "incident/unknown");
  for (std::uint8_t n : {2, 3})
    apply(own, Record{Instant{7}, 1, n, id<NoteId>(n), {}, IncidentOpened{id<IncidentId>(n), "y", {}}});
  EXPECT_EQ(join({id<IncidentId>(3), id<IncidentId>(2)}), "fine") << "in any order";
  EXPECT_EQ(join({id<IncidentId>(2), id<IncidentId>(2)}), "incident/bad_note");
}

TEST_F(Incidents, a_journal_that_writes_without_end_fills_its_own_part_and_no_more) {
  for (std::size_t i = 0; i < own_room.records + 3; ++i)
    apply(own, Record{Instant{7}, 1, i, id<NoteId>(2), {}, *decide({&peer}, note())});
  EXPECT_EQ(own.records.size(), own_room.records);
  EXPECT_EQ(own.records_dropped, 3u);
  EXPECT_EQ(code(decide(states, note())), "incident/full");
  for (std::size_t i = 0; i < facts_max + 2; ++i) {
    Fact fact;
    fact.index = i;
    apply(own, fact);
  }
  EXPECT_EQ(own.facts.size(), facts_max);
  EXPECT_EQ(own.facts.front().index, 2u) << "the newest are kept";
}

TEST_F(Incidents, a_part_has_room_for_so_many_bytes_and_so_many_incidents_joined) {
  IncidentState part;
  IncidentClosed closed{id<IncidentId>(1), "over", {}};
  closed.figures.resize(figures_max);
  for (int i = 0; i < 100; ++i) apply(part, Record{Instant{7}, 1, 0, {}, {}, closed}, peer_room);
  EXPECT_GT(part.records.size(), 1u);
  EXPECT_LE(part.bytes, peer_room.bytes);
  EXPECT_EQ(part.records.size() + part.records_dropped, 100u);
  part = {};
  IncidentsJoined joined{id<IncidentId>(1), std::vector<IncidentId>(joined_max)};
  for (int i = 0; i < 100; ++i) apply(part, Record{Instant{7}, 1, 0, {}, {}, joined}, peer_room);
  EXPECT_EQ(part.joined, peer_room.joined);
  EXPECT_EQ(part.records.size(), peer_room.joined / joined_max);
  Writer out;
  part.encode(out);
  Reader in(out.view());
  const auto again = IncidentState::decode(in);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, part) << "what is taken of the room is counted again";
}

TEST_F(Incidents, a_link_returns_when_every_check_is_done_and_somebody_else_agrees) {
  const SiteName link("head-office");
  const auto step = [&](RejoinCheck check, std::uint8_t who, std::string text = "done", bool not_needed = false) {
    const auto event = decide(own, StepRejoin{link, check, not_needed, std::move(text)}, id<SubjectId>(who));
    if (event) apply(own, *event, Instant{5}, id<SubjectId>(who));
    return code(event);
  };
  EXPECT_EQ(step(RejoinCheck::agreed, 2), "incident/check_missing");
  EXPECT_EQ(step(RejoinCheck::clean_point, 1, "its machine is new", true), "fine");
  EXPECT_EQ(step(RejoinCheck::keys, 1, ""), "incident/bad_step") << "what was done?";
  EXPECT_EQ(step(RejoinCheck::keys, 0), "incident/second_person") << "nobody's";
  EXPECT_EQ(step(RejoinCheck::keys, 1), "fine");
  EXPECT_EQ(step(RejoinCheck::journals, 1, "no need", true), "incident/bad_step");
  EXPECT_EQ(step(RejoinCheck::agreed, 2), "incident/check_missing");
  EXPECT_EQ(step(RejoinCheck::journals, 3), "fine");
  EXPECT_EQ(step(RejoinCheck::agreed, 1), "incident/second_person");
  EXPECT_EQ(step(RejoinCheck::agreed, 3), "incident/second_person");
  EXPECT_EQ(step(RejoinCheck::agreed, 2, ""), "fine");
  EXPECT_TRUE(own.rejoin.at(link).missing().empty());
  EXPECT_EQ(step(RejoinCheck::keys, 1, "changed once more"), "fine");
  EXPECT_EQ(own.rejoin.at(link).missing(), std::vector{RejoinCheck::agreed}) << "agreed to something else";
  seal(own, {Instant{9}, 0, 0, {}});
  EXPECT_TRUE(own.rejoin.empty()) << "a new seal, a new checklist";
}

TEST_F(Incidents, a_snapshot_brings_everything_back_and_a_damaged_one_is_refused) {
  IncidentNoted full;
  full.incident = id<IncidentId>(1);
  full.kind = NoteKind::data_affected;
  full.knowing = Knowing::suspected;
  full.text = "names";
  full.about = {Instant{1}, Instant{2}};
  full.by_whom = id<SubjectId>(4);
  full.corrects = id<NoteId>(2);
  std::vector<What> all = {
      IncidentOpened{id<IncidentId>(1), "", EntryRef{{"c", SiteName("s"), 2}, 7}}, full,
      TaskSet{id<IncidentId>(1), id<TaskId>(3), "call", id<SubjectId>(4), TaskState::doing},
      IncidentsJoined{id<IncidentId>(1), {id<IncidentId>(2), id<IncidentId>(3)}},
      IncidentClosed{id<IncidentId>(1), "over", {{SiteName("s"), 9, true, seconds(3), 4, Money{5}, 6, 7}}}};
  for (std::size_t i = 0; i < all.size(); ++i)
    apply(own, Record{Instant{7}, 1, i, id<NoteId>(2), id<SubjectId>(1), all[i]});
  apply(own, Fact{Instant{8}, 2, 3, FactKind::link_cut, id<SubjectId>(1), "store-01", "found"});
  seal(own, {Instant{9}, 1, 2, Money{3}});
  unseal(own, {Instant{10}, 4, 5, Money{6}});
  seal(own, {Instant{11}, 7, 8, Money{9}});
  apply(own, RejoinStep{SiteName("store-02"), RejoinCheck::keys, true, "new"}, Instant{12}, id<SubjectId>(1));
  Writer out;
  own.encode(out);
  const Bytes bytes = out.take();
  Reader in(bytes);
  const auto back = IncidentState::decode(in);
  ASSERT_TRUE(back);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(*back, own);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader cut(ByteView(bytes).first(size));
    EXPECT_FALSE(IncidentState::decode(cut)) << size;
  }
}

TEST(IncidentEvents, every_kind_has_its_word) {
  std::set<std::string_view> words;
  for (std::uint8_t k = 0; k < note_kinds; ++k) words.insert(to_text(static_cast<NoteKind>(k)));
  EXPECT_EQ(words.size(), note_kinds);
  EXPECT_EQ(to_text(NoteKind::title), "title");
  EXPECT_EQ(to_text(NoteKind::ransom_asked), "ransom_asked");
  words.clear();
  for (std::uint8_t k = 0; k < fact_kinds; ++k) words.insert(to_text(static_cast<FactKind>(k)));
  EXPECT_EQ(words.size(), fact_kinds);
  EXPECT_EQ(to_text(FactKind::link_returned), "link_returned");
}

}  // namespace
}  // namespace holdfast::incident
