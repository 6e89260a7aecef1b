// A seal, in a whole simulated chain: nothing passes afterwards, it survives what may happen to a machine, and
// everything that waited catches up when it is undone (docs/guard.md, promise 4).
#include <gtest/gtest.h>

#include "core/fold/incidents.h"
#include "sim/chain_test_support.h"

namespace holdfast::sim {
namespace {

guard::Rules rules() {
  guard::Rules out;
  guard::Rule seals;
  seals.name = "lateral";
  seals.reason = "somebody is inside";
  seals.level = guard::Level::sealed;
  seals.signatures = {"bad"};
  guard::Rule noise;
  noise.name = "noise";
  noise.level = guard::Level::benign;
  noise.signatures = {"noise"};
  out.rules = {seals, noise};
  return out;
}
guard::Alert alert(std::string signature) { return {"suricata", std::move(signature), 1, "", "seen", {}, Instant{1}}; }
guard::SetPosture order(guard::Posture posture, std::string reason) {
  guard::SetPosture out;
  out.posture = posture;
  out.reason = std::move(reason);
  return out;
}
// A chain in which every machine signs, and its store with these rules.
node::Node& store_with_rules(Chain& chain) {
  start_all(chain);
  node::Node& store = chain.node("store-01");
  store.set_rules(rules());
  return store;
}
bool is_sealed(Chain& chain) { return chain.node("store-01").posture().posture == guard::Posture::sealed; }

// What comes to or from the store's machine from now on, and what of it the store has sent.
struct Tap {
  Chain& chain;
  std::uint64_t seen = 0, sent = 0;
  explicit Tap(Chain& c) : chain(c) {
    chain.network.tap = [this, before = chain.network.tap](const std::string& from, const std::string& to,
                                                           ByteView bytes) {
      if (from == "store-01" || to == "store-01") ++seen;
      if (from == "store-01") ++sent;
      if (before) before(from, to, bytes);
    };
  }
};

TEST(Seal, an_alert_ends_every_link_in_the_very_call_and_the_store_sells_on) {
  Chain chain(11, 3);
  node::Node& store = store_with_rules(chain);
  store.raise(alert("noise"));
  EXPECT_EQ(store.posture().posture, guard::Posture::open);
  bool heard_before_disk = false;
  const std::uint64_t size_before = store.safety().size;
  store.on_posture(
      [&](guard::Posture p) { heard_before_disk = p == guard::Posture::sealed && store.safety().size == size_before; });
  Tap tap(chain);
  store.raise(alert("bad"));
  EXPECT_TRUE(heard_before_disk) << "first the wire, then the disk";
  EXPECT_FALSE(store.posture().recorded) << "and not told as durable before it is";
  for (const node::LinkView& link : store.links()) EXPECT_EQ(link.state, node::LinkState::cut);
  const std::size_t sale = chain.sell(store_1, 1);
  chain.run_for(seconds(20));
  EXPECT_EQ(tap.seen, 0u);
  EXPECT_TRUE(chain.writes(store_1)[sale].reply) << "a sealed store sells on";
  EXPECT_TRUE(store.posture().recorded);
  EXPECT_EQ(store.state().guard.posture, guard::Posture::sealed);
  EXPECT_EQ(store.state().guard.last->rule, "lateral");
  ASSERT_EQ(store.state().guard.recent.size(), 1u);
  EXPECT_EQ(chain.broken_law(), "");
}

TEST(Seal, what_only_the_rules_may_read_of_an_alert_is_recorded_nowhere) {
  Chain chain(23, 2);
  node::Node& store = store_with_rules(chain);
  guard::Rules wanted = rules();
  wanted.rules[0].words = {"hunter2"};
  store.set_rules(wanted);
  guard::Alert told = alert("bad");
  told.text = "";
  told.unrecorded = "jane.doe hunter2";
  store.raise(told);
  chain.run_for(seconds(1));
  ASSERT_TRUE(is_sealed(chain)) << "its words are looked at";
  const guard::GuardState& kept = store.state().guard;
  EXPECT_EQ(kept.last->reason, "suricata bad (somebody is inside)");
  EXPECT_EQ(kept.recent.back().first.alert.unrecorded, "");
  EXPECT_EQ(kept.recent.back().first.alert.text, "");
}

TEST(Seal, it_survives_a_power_cut_and_needs_nobody_to_be_undone) {
  Chain chain(12, 3);
  start_all(chain);
  chain.node("store-01").set_rules(rules());
  chain.node("store-01").raise(alert("bad"));
  chain.run_for(seconds(1));
  for (int i = 0; i < 5; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(1));
  chain.kill("store-01");
  Tap tap(chain);
  ASSERT_TRUE(chain.start("store-01"));
  EXPECT_TRUE(is_sealed(chain));
  chain.run_for(seconds(30));
  EXPECT_EQ(tap.seen, 0u);
  Status done = fail("x", "not answered");
  guard::SetPosture open;
  open.posture = guard::Posture::open;
  open.staff.bytes[0] = std::byte{7};
  open.reason = "a printer test";
  chain.node("store-01").set_posture(open, [&](const Status& told) { done = told; });
  chain.run_for(seconds(40));
  EXPECT_TRUE(done);
  EXPECT_GT(tap.seen, 0u);
  EXPECT_EQ(chain.node("store-01").safety().cosigned_size, chain.node("store-01").safety().size);
  EXPECT_EQ(chain.node("store-01").state().guard.last->reason, "a printer test");
  for (int i = 0; i < 30 && !chain.broken_at_rest().empty(); ++i) {
    chain.send_again(store_1);
    chain.run_for(seconds(1));
  }
  EXPECT_EQ(chain.broken_at_rest(), "");
}

TEST(Seal, what_a_person_excused_does_not_seal_again_and_what_floods_does_not_fill_the_journal) {
  Chain chain(13, 3);
  node::Node& store = store_with_rules(chain);
  store.raise(alert("bad"));
  chain.run_for(seconds(1));
  store.set_posture(order(guard::Posture::open, "a false alarm"), {});
  chain.run_for(seconds(1));
  const std::uint64_t size = store.safety().size;
  for (int i = 0; i < 50'000; ++i) store.raise(alert("bad"));
  EXPECT_FALSE(is_sealed(chain));
  for (int i = 0; i < 50'000; ++i) store.raise(alert("kind " + std::to_string(i)));
  chain.run_for(seconds(30));
  EXPECT_LT(store.safety().size, size + 200) << "repeats are counted, not stored";
  EXPECT_LE(store.state().guard.recent.size(), guard::recent_max);
}

TEST(Seal, a_false_alarm_under_a_clock_of_ten_years_ahead_excuses_nothing_when_it_is_right_again) {
  Chain chain(22, 2);
  node::Node& store = store_with_rules(chain);
  const Duration ten_years = days(3650);
  EXPECT_FALSE(store.safety().clock_behind);
  chain.machine("store-01").clock->offset.ns += ten_years.ns;
  chain.run_for(seconds(1));
  store.raise(alert("bad"));
  chain.run_for(seconds(1));
  store.set_posture(order(guard::Posture::open, "a false alarm"), {});
  chain.run_for(seconds(1));
  store.raise(alert("bad"));
  EXPECT_FALSE(is_sealed(chain)) << "it is excused for a while";
  chain.machine("store-01").clock->offset.ns -= ten_years.ns;
  chain.run_for(seconds(1));
  ASSERT_TRUE(store.safety().clock_behind) << "and that is told";
  EXPECT_GT(*store.safety().clock_behind, days(3649));
  store.raise(alert("bad"));
  EXPECT_TRUE(is_sealed(chain)) << "for a while, not for ten years";
}

TEST(Seal, what_was_sealed_since_a_person_looked_is_not_opened_by_what_he_saw) {
  Chain chain(13, 3);
  node::Node& store = store_with_rules(chain);
  store.set_posture(order(guard::Posture::guarded, "a test"), {});
  chain.run_for(seconds(1));
  guard::SetPosture open = order(guard::Posture::open, "a false alarm");
  open.seen_since = store.state().guard.since;
  store.raise(alert("bad"));
  std::string said;
  const auto take = [&](const Status& done) { said = done ? "done" : std::string(done.error().code); };
  store.set_posture(open, take);
  EXPECT_EQ(said, "guard/changed_meanwhile") << "in force, though not recorded yet";
  chain.run_for(seconds(1));
  store.set_posture(open, take);
  EXPECT_EQ(said, "guard/changed_meanwhile");
  EXPECT_TRUE(is_sealed(chain));
  open.seen_since = store.state().guard.since;
  store.set_posture(open, take);
  chain.run_for(seconds(1));
  EXPECT_EQ(said, "done");
  EXPECT_FALSE(is_sealed(chain));
}

TEST(Seal, rejoining_opens_link_by_link) {
  Chain chain(14, 3);
  node::Node& store = store_with_rules(chain);
  store.raise(alert("bad"));
  chain.run_for(seconds(1));
  store.set_posture(order(guard::Posture::rejoining, "the checklist is met"), {});
  Tap tap(chain);
  chain.run_for(seconds(10));
  EXPECT_EQ(tap.sent, 0u) << "its door is open again, but who knocks on a cut link gets no word";
  const auto refused = store.open_link(SiteName("head-office"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "incident/check_missing");
  std::uint8_t key = 0;
  const auto check = [&](incident::RejoinCheck which, std::uint8_t who) {
    fold::WriteRequest request;
    request.key.bytes[0] = std::byte{++key};
    request.staff.bytes[0] = std::byte{who};
    request.command = incident::StepRejoin{SiteName("head-office"), which, false, "done"};
    bool taken = false;
    store.submit(std::move(request), [&](const Result<fold::Taken>& answer) { taken = answer.has_value(); });
    chain.run_for(seconds(1));
    EXPECT_TRUE(taken) << to_text(which);
  };
  check(incident::RejoinCheck::clean_point, 1);
  check(incident::RejoinCheck::keys, 1);
  check(incident::RejoinCheck::journals, 1);
  check(incident::RejoinCheck::agreed, 2);
  EXPECT_EQ(tap.sent, 0u);
  ASSERT_TRUE(store.open_link(SiteName("head-office")));
  chain.run_for(seconds(10));
  EXPECT_GT(tap.sent, 0u);
  const auto incidents = fold::incidents_seen(store.state());
  ASSERT_EQ(incidents.size(), 1u) << "the seal opened it";
  EXPECT_TRUE(std::get<incident::IncidentOpened>(incidents[0].opening->record->what).cause);
  std::size_t up = 0;
  for (const node::LinkView& link : store.links()) up += link.state == node::LinkState::up ? 1 : 0;
  EXPECT_EQ(up, 1u);
}

TEST(Seal, a_rebuilt_machine_begins_open_whatever_the_old_journal_said) {
  Chain chain(15, 3);
  node::Node& store = store_with_rules(chain);
  store.set_posture(order(guard::Posture::guarded, "a test"), {});
  chain.run_for(seconds(5));
  ASSERT_EQ(store.safety().cosigned_size, store.safety().size);
  chain.destroy("store-01");
  const std::string machine = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, machine));
  chain.run_for(seconds(2));
  EXPECT_EQ(chain.node(machine).posture().posture, guard::Posture::open);
  EXPECT_EQ(chain.node(machine).state().guard.posture, guard::Posture::open);
}

TEST(Seal, a_rebuilt_machine_whose_power_fails_when_its_epoch_begins_is_open_all_the_same) {
  for (std::uint64_t writes = 0; writes < 200; ++writes) {
    Chain chain(20, 2);
    store_with_rules(chain).set_posture(order(guard::Posture::guarded, "a test"), {});
    chain.run_for(seconds(5));
    chain.destroy("store-01");
    const std::string machine = chain.rebuild(store_1);
    const Machine& m = chain.machine(machine);
    chain.machine(machine).power_fails_after = writes;
    const Status started = chain.start(machine);
    const auto is_over = [&] { return m.died_of.has_value() || is_signing(chain, machine); };
    if (started) chain.run_until(is_over, seconds(60));
    const bool got_through = !m.died_of;
    if (got_through) chain.kill(machine);
    ASSERT_TRUE(comes_to_sign(chain, machine)) << "write " << writes;
    EXPECT_EQ(chain.node(machine).posture().posture, guard::Posture::open) << "write " << writes;
    if (got_through || HasFailure()) return;
  }
  FAIL() << "it never got through";
}

// An alert had made the site guarded, so the file says "guarded"; then comes what seals.
TEST(Seal, a_power_cut_at_any_write_of_it_leaves_no_site_that_opens_again) {
  for (std::uint64_t writes = 0; writes < 4; ++writes) {
    Chain chain(16, 2);
    node::Node& store = store_with_rules(chain);
    store.set_posture(order(guard::Posture::guarded, "a test"), {});
    chain.run_for(seconds(1));
    const std::uint64_t before = store.state().size;
    bool told = false;
    store.raise(alert("bad"));
    guard::SetPosture again;  // by hand as well: answered when the seal is durable
    store.set_posture(again, [&](const Status& done) { told = done.has_value(); });
    SimDisk& disk = chain.machine("store-01").disk;
    const std::uint64_t wrote = disk.writes();
    disk.crash_after(writes);
    chain.run_for(milliseconds(200));
    const bool wrote_all = disk.writes() - wrote <= writes;
    chain.kill("store-01");
    disk.reboot();
    ASSERT_TRUE(chain.start("store-01"));
    if (told || writes > 0) {
      EXPECT_TRUE(is_sealed(chain)) << "after " << writes << " writes, all of them: " << wrote_all;
    }
    chain.run_for(seconds(5));
    if (told || writes > 0) {
      EXPECT_TRUE(is_sealed(chain));
      EXPECT_EQ(chain.node("store-01").state().guard.posture, guard::Posture::sealed);
      EXPECT_GT(chain.node("store-01").state().size, before);
    }
    EXPECT_EQ(chain.broken_law(), "");
  }
}

// Ransomware writes a second copy of every file until the disk is full. The journal's room is set aside.
TEST(Seal, on_a_full_disk_it_is_still_there_after_the_restart) {
  Chain chain(17, 2);
  node::Node& store = store_with_rules(chain);
  store.set_posture(order(guard::Posture::guarded, "a test"), {});
  chain.run_for(seconds(1));
  SimDisk& disk = chain.machine("store-01").disk;
  disk.is_full = true;
  Tap tap(chain);
  store.raise(alert("bad"));
  chain.run_for(seconds(2));
  EXPECT_FALSE(chain.machine("store-01").node) << "nobody is told that it is done: the process ends (1.2)";
  disk.is_full = false;  // somebody has made room
  ASSERT_TRUE(chain.start("store-01"));
  EXPECT_TRUE(is_sealed(chain));
  chain.run_for(seconds(10));
  EXPECT_TRUE(is_sealed(chain));
  EXPECT_EQ(tap.seen, 0u);
  EXPECT_EQ(chain.node("store-01").state().guard.posture, guard::Posture::sealed);
}

TEST(Seal, a_cut_ends_also_what_has_not_said_yet_who_it_is) {
  std::size_t met = 0;
  for (std::uint64_t seed = 30; seed < 42; ++seed) {
    Chain chain(seed, 2);
    ASSERT_TRUE(chain.start("store-01"));
    ASSERT_TRUE(chain.start("head-office"));
    node::Node& store = chain.node("store-01");
    bool greeted = false, answered = false;
    chain.network.tap = [&](const std::string& from, const std::string& to, ByteView) {
      greeted = greeted || (from == "store-01" && to == "head-office");
      answered = answered || (from == "head-office" && to == "store-01");
    };
    for (int i = 0; i < 5000 && !greeted && !answered; ++i) chain.run_for(milliseconds(1));
    if (answered) continue;  // its Hello was quicker; the next seed
    ++met;
    for (const node::LinkView& link : store.links()) ASSERT_TRUE(store.cut_link(link.to, {}));
    const std::uint64_t out = store.counters().messages_out;
    chain.run_for(seconds(3));
    EXPECT_FALSE(answered) << "the wire is cut before the other side's Hello comes";
    EXPECT_EQ(store.counters().messages_out, out) << "not even a word of refusal";
  }
  EXPECT_GT(met, 0u);
}

TEST(Seal, rejoining_is_neither_run_ahead_of_nor_left_while_a_link_is_cut) {
  Chain chain(18, 2);
  node::Node& store = store_with_rules(chain);
  store.raise(alert("bad"));
  chain.run_for(seconds(1));
  guard::SetPosture order;
  order.posture = guard::Posture::rejoining;
  order.reason = "the checklist is met";
  store.set_posture(order, {});
  // Before the next turn, with nothing in the journal yet.
  const auto at_once = store.open_link(SiteName("head-office"));
  ASSERT_FALSE(at_once);
  EXPECT_EQ(at_once.error().code, "incident/check_missing");
  chain.run_for(seconds(1));
  for (const guard::Posture posture : {guard::Posture::open, guard::Posture::guarded}) {
    Status told;
    order.posture = posture;
    order.reason = "let us be done with it";
    store.set_posture(order, [&](const Status& done) { told = done; });
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, "guard/links_cut");
  }
  chain.run_for(seconds(1));
  EXPECT_EQ(store.posture().posture, guard::Posture::rejoining);
  EXPECT_FALSE(store.open_link(SiteName("head-office")));
  store.raise(alert("bad"));
  EXPECT_TRUE(is_sealed(chain)) << "and it is sealed again at any time";
}

// With the node stopped, a person at the machine can write what he likes beside the journal.
TEST(Seal, what_is_written_while_no_node_runs_does_not_walk_around_the_checklist) {
  Chain chain(20, 2);
  node::Node& store = store_with_rules(chain);
  store.raise(alert("bad"));
  chain.run_for(seconds(1));
  store.set_posture(order(guard::Posture::rejoining, "explained and contained"), {});
  chain.run_for(seconds(1));
  const auto cut_links = [&] {
    const auto links = chain.node("store-01").links();
    EXPECT_EQ(links.size(), chain.node("store-01").state().links_cut.size()) << "nor healed by the journal";
    return std::ranges::count(links, node::LinkState::cut, &node::LinkView::state);
  };
  const auto all = cut_links();
  ASSERT_GT(all, 1);
  SimDisk& disk = chain.machine("store-01").disk;
  Tap tap(chain);
  for (const char* posture : {"rejoining\ncontained\n", "open\nlet us be done with it\n", "guarded\n"}) {
    chain.kill("store-01");
    ASSERT_TRUE(disk.write_all("links.cut", {}));
    ASSERT_TRUE(disk.write_all(node::posture_path, as_bytes(posture)));
    ASSERT_TRUE(chain.start("store-01"));
    chain.run_for(seconds(10));
    EXPECT_EQ(tap.sent, 0u) << posture;
    EXPECT_EQ(cut_links(), all) << posture;
    EXPECT_EQ(chain.node("store-01").posture().posture, guard::Posture::rejoining) << posture;
    EXPECT_EQ(chain.node("store-01").state().guard.posture, guard::Posture::rejoining) << posture;
    const auto refused = chain.node("store-01").open_link(SiteName("head-office"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "incident/check_missing");
    EXPECT_EQ(chain.node("store-01").state().guard.recent.back().first.alert.signature, "rejoin-skipped");
  }
  const auto switched = disk.read_all(node::posture_path);
  ASSERT_TRUE(switched);
  EXPECT_EQ(node::read_posture_switch(as_text(*switched)).posture, guard::Posture::rejoining);
}

TEST(Seal, a_cut_while_a_machine_is_rebuilt_does_not_keep_it_awake_and_is_recorded_once_with_who_did_it) {
  Chain chain(19, 3);
  start_all(chain);
  chain.run_for(seconds(2));
  chain.destroy("store-01");
  const std::string machine = chain.rebuild(store_1);
  for (const char* mirror : {"head-office", "warehouse", "store-02", "store-03"}) chain.network.cut(machine, mirror);
  ASSERT_TRUE(chain.start(machine));
  chain.run_for(milliseconds(100));
  node::Node& store = chain.node(machine);
  ASSERT_EQ(store.phase(), node::Phase::rebuilding);
  SubjectId who;
  who.bytes[0] = std::byte{7};
  ASSERT_TRUE(store.cut_link(SiteName("store-02"), who));
  const std::uint64_t turns = store.counters().turns;
  chain.run_for(seconds(1));
  EXPECT_LT(store.counters().turns, turns + 1000) << "it sleeps between its questions";
  chain.network.heal_all();
  ASSERT_TRUE(chain.run_until([&] { return store.phase() == node::Phase::signing; }, seconds(60)));
  chain.run_for(seconds(1));
  std::size_t cuts = 0;
  for (EntryIndex at = 0; at < store.safety().size; ++at) {
    const auto event = store.read(2, at);
    if (!event) continue;
    if (const auto* cut = std::get_if<fold::LinkCut>(&event->body)) {
      ++cuts;
      EXPECT_EQ(cut->by, who);
    }
  }
  EXPECT_EQ(cuts, 1u);
}

}  // namespace
}  // namespace holdfast::sim
