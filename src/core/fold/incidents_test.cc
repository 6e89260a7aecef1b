// Incidents at sites that follow each other.
#include "core/fold/incidents.h"

#include <gtest/gtest.h>

#include "core/fold/test_fold.h"

namespace holdfast::fold {
namespace {

using namespace testing;

incident::NoteIncident note(const incident::IncidentId& id, std::string text) {
  incident::NoteIncident out;
  out.incident = id;
  out.text = std::move(text);
  return out;
}
template <class T>
std::string code(const Result<T>& result) {
  return result ? "fine" : std::string(result.error().code);
}

struct Night : ::testing::Test {
  Journals journals;
  Shop head{journals, "head-office"}, store{journals, "store-01"};
  incident::IncidentId open(Shop& shop, const std::string& title) {
    const auto request = shop.request(incident::OpenIncident{title});
    EXPECT_TRUE(shop.write(request));
    return {request.key.bytes};
  }
};

TEST_F(Night, two_people_write_at_two_sites_and_what_was_written_apart_comes_together) {
  const auto id = open(head, "Mail encrypted");
  EXPECT_EQ(code(store.write(note(id, "the tills still sell"))), "incident/unknown") << "not seen from the store yet";
  store.follow(head);
  ASSERT_TRUE(store.write(note(id, "the tills still sell")));
  ASSERT_TRUE(head.write(note(id, "the backup is whole")));
  // Each alone for a while; then they see each other again.
  ASSERT_TRUE(store.write(note(id, "a demand on the screen")));
  head.follow(store);
  store.follow(head);
  const auto at_head = incidents_seen(head.state), at_store = incidents_seen(store.state);
  ASSERT_EQ(at_head.size(), 1u);
  ASSERT_EQ(at_store.size(), 1u);
  ASSERT_EQ(at_head[0].records.size(), 4u);
  ASSERT_EQ(at_store[0].records.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(at_head[0].records[i].site, at_store[0].records[i].site);
    EXPECT_EQ(at_head[0].records[i].record->index, at_store[0].records[i].record->index);
  }
}

TEST_F(Night, a_retry_is_one_note_and_the_same_key_for_another_note_is_refused) {
  const auto id = open(store, "x");
  auto request = store.request(note(id, "once"));
  ASSERT_TRUE(store.write(request));
  const auto again = store.write(request);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(incidents_seen(store.state)[0].records.size(), 2u);
  request.command = note(id, "twice");
  EXPECT_EQ(code(store.write(request)), "fold/key_reused");
}

TEST_F(Night, a_note_has_the_time_at_which_it_was_written_whatever_a_client_says) {
  const auto id = open(store, "x");
  auto early = store.request(note(id, "we knew this last week"));
  early.at = Instant{start_ns - 1'000'000'000};
  const Instant now = store.now();
  ASSERT_TRUE(store.write(early));
  auto again = store.request(note(id, "and this"));
  again.prior = Prior{store.origin, 1, Instant{start_ns - 2'000'000'000}, false};
  ASSERT_TRUE(store.write(again));
  const auto seen = incidents_seen(store.state);
  ASSERT_EQ(seen[0].records.size(), 3u);
  EXPECT_EQ(seen[0].records[1].record->at, now);
  EXPECT_GT(seen[0].records[2].record->at, now);
}

TEST_F(Night, no_card_number_goes_into_any_text) {
  const std::string card = "paid with 4111 1111 1111 1111";
  const auto id = open(store, "x");
  EXPECT_EQ(code(store.write(incident::OpenIncident{card})), "till/card_number");
  EXPECT_EQ(code(store.write(note(id, card))), "till/card_number");
  EXPECT_EQ(code(store.write(incident::SetTask{id, std::nullopt, card})), "till/card_number");
  EXPECT_EQ(code(store.write(incident::CloseIncident{id, card})), "till/card_number");
}

TEST_F(Night, cuts_are_facts_and_the_state_knows_since_when) {
  const auto id = open(store, "x");
  store.append({store.now(), {}, LinkCut{SiteName("head-office"), {{std::byte{4}}}, false}});
  EXPECT_EQ(store.state.links_cut.count(SiteName("head-office")), 1u);
  store.append({store.now(), {}, ContradictionSeen{head.origin, "note a\n", "note b\n"}});
  store.append({store.now(), {}, LinkHealed{SiteName("head-office"), {}, true}});
  EXPECT_TRUE(store.state.links_cut.empty());
  head.follow(store);
  const auto parts = incident_parts(head.state);
  const auto seen = incident::merge(parts);
  const auto* incident = incident::find(seen, id);
  ASSERT_NE(incident, nullptr);
  const auto facts = incident::facts_of(*incident, parts);
  ASSERT_EQ(facts.size(), 3u);
  EXPECT_EQ(facts[0].fact->kind, incident::FactKind::link_cut);
  EXPECT_EQ(facts[0].fact->by, SubjectId{{std::byte{4}}});
  EXPECT_EQ(facts[1].fact->about, head.origin.text());
  EXPECT_EQ(facts[2].fact->text, "found");
}

TEST_F(Night, a_closing_has_figures_of_every_site_that_is_seen_and_comes_once) {
  const auto id = open(store, "x");
  store.follow(head);
  ASSERT_TRUE(store.write(incident::CloseIncident{id, "over"}));
  const auto seen = incidents_seen(store.state);
  ASSERT_TRUE(seen[0].is_closed());
  const auto& closed = std::get<incident::IncidentClosed>(seen[0].closing->record->what);
  ASSERT_EQ(closed.figures.size(), 2u);
  EXPECT_EQ(closed.figures[0].site, SiteName("store-01"));
  EXPECT_EQ(code(store.write(incident::CloseIncident{id, "over again"})), "incident/closed_before");
  EXPECT_TRUE(store.write(note(id, "the regulator answered"))) << "what becomes known later is still noted";
}

TEST_F(Night, what_was_opened_under_a_clock_that_is_ahead_is_closed_when_that_is_answered) {
  const auto mine = open(head, "mail encrypted");
  store.clock_ns += seconds(7200).ns;
  const auto theirs = open(store, "a demand on the screen");
  const auto alone = open(store, "a printer test");
  head.follow(store);
  ASSERT_TRUE(head.write(incident::JoinIncidents{mine, {theirs}}));
  ASSERT_TRUE(head.write(incident::CloseIncident{mine, "over"}));
  ASSERT_TRUE(head.write(incident::CloseIncident{alone, "over"}));
  store.follow(head);
  for (const Shop* shop : {&head, &store})
    for (const auto& each : incidents_seen(shop->state)) EXPECT_TRUE(each.is_closed()) << each.title;
  EXPECT_EQ(code(head.write(incident::CloseIncident{alone, "over again"})), "incident/closed_before");
}

TEST_F(Night, seals_and_the_alerts_that_made_them_are_facts_at_every_site_and_mere_watching_stays_at_home) {
  const auto id = open(store, "x");
  const guard::Alert alert{"tripwire", "canary", 1, "", "a canary file was touched", Hash{}, Instant{start_ns}};
  store.append({store.now(), {}, guard::AlertRaised{alert, guard::Level::watch, "noise", 1}});
  store.append({store.now(), {}, guard::AlertRaised{alert, guard::Level::sealed, "canary", 1}});
  store.append({store.now(),
                {},
                guard::PostureChanged{guard::Posture::sealed,
                                      guard::Cause::alert,
                                      {},
                                      "tripwire",
                                      "canary",
                                      "canary",
                                      "a canary file was touched"}});
  EXPECT_EQ(posture_of(store.state).posture, "sealed");
  EXPECT_EQ(store.state.incidents.facts.size(), 3u);
  head.follow(store);
  EXPECT_EQ(head.state.peers.at(store.origin.site).incidents.facts.size(), 2u);
  EXPECT_EQ(incident_figures(head.state, Instant{start_ns})[1].is_sealed, true);
  const auto step = [&](incident::RejoinCheck check) {
    return code(store.write(incident::StepRejoin{SiteName("head-office"), check, false, "done"}));
  };
  EXPECT_EQ(step(incident::RejoinCheck::keys), "fine");
  store.append({store.now(),
                {},
                guard::PostureChanged{
                    guard::Posture::rejoining, guard::Cause::person, {{std::byte{4}}}, "", "", "", "explained"}});
  store.append({store.now(), {}, LinkHealed{SiteName("head-office"), {{std::byte{4}}}, false}});
  EXPECT_EQ(store.state.incidents.facts.back().kind, incident::FactKind::link_returned);
  store.append(
      {store.now(),
       {},
       guard::PostureChanged{guard::Posture::open, guard::Cause::person, {{std::byte{4}}}, "", "", "", "all back"}});
  EXPECT_EQ(step(incident::RejoinCheck::keys), "incident/not_rejoining");
  ASSERT_TRUE(store.write(incident::CloseIncident{id, "over"}));
}

TEST_F(Night, the_state_comes_back_from_its_snapshot_and_from_its_journals) {
  const auto id = open(head, "x");
  store.follow(head);
  ASSERT_TRUE(store.write(note(id, "y")));
  store.append({store.now(), {}, LinkCut{SiteName("head-office"), {}, false}});
  const auto back = State::decode(store.state.encode());
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->hash(), store.state.hash());
  EXPECT_EQ(back->size, store.size());
  const auto replayed = replay(journals, {store.origin});
  ASSERT_TRUE(replayed);
  EXPECT_EQ(replayed->hash(), store.state.hash());
}

TEST_F(Night, what_a_peers_rebuilt_epoch_did_not_keep_is_gone_from_its_part) {
  const auto id = open(store, "x");
  ASSERT_TRUE(store.write(note(id, "kept")));
  const std::uint64_t kept = store.size();
  ASSERT_TRUE(store.write(note(id, "lost with the machine")));
  head.follow(store);
  EXPECT_EQ(incidents_seen(head.state)[0].records.size(), 3u);
  Origin next = store.origin;
  next.epoch = 2;
  head.append({head.now(), {}, PeerSucceeded{store.origin, kept, Hash{}, next}});
  EXPECT_EQ(incidents_seen(head.state)[0].records.size(), 2u);
}

TEST_F(Night, the_tally_of_hours_knows_the_same_hour_of_earlier_weeks) {
  till::Totals totals;
  till::SaleRecorded sale;
  sale.total = Money{100};
  constexpr std::int64_t hour_ns = 3'600'000'000'000;
  for (int week = 0; week < 10; ++week)
    for (int n = 0; n <= week; ++n) till::apply(totals, sale, Instant{start_ns + week * 168 * hour_ns});
  EXPECT_EQ(totals.hours.size(), 10u);
  EXPECT_EQ(totals.hours.at(start_ns / hour_ns + 3 * 168).count, 4u);
  for (int hour = 0; hour < 2000; ++hour) till::apply(totals, sale, Instant{start_ns + (5000 + hour) * hour_ns});
  EXPECT_EQ(totals.hours.size(), 1512u);
}

}  // namespace
}  // namespace holdfast::fold
