// Spares (protocol 5, 10): a store's second machine sells on, and nothing is lost, doubled, or believed too early.
#include <gtest/gtest.h>

#include "core/recovery/rebuild.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

TEST(Spare, holds_what_the_mirrors_do_not_have_yet_and_sells_on_from_there) {
  Chain chain(1, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);  // nothing more is cosigned, nor at any mirror
  for (int i = 0; i < 30; ++i) chain.sell(store_1, 1, 2);
  chain.run_for(seconds(2));
  ASSERT_TRUE(holds_all(chain, spare, "store-01"));
  EXPECT_TRUE(chain.node("store-01").safety().spare->is_ready);
  EXPECT_LT(chain.node("store-01").safety().cosigned_size + 25, chain.node("store-01").safety().size);
  ASSERT_TRUE(opens_alone(chain, spare)) << chain.machine(spare).died_of->text;
  expect_all_here(chain, store_1, spare);
  EXPECT_TRUE(chain.node(spare).safety().provisional);
  const std::size_t sale = chain.sell(store_1, 1);
  chain.run_for(seconds(10));
  ASSERT_TRUE(chain.writes(store_1)[sale].reply) << "it sells with nobody in reach";
  EXPECT_EQ(chain.node(spare).phase(), node::Phase::provisional);
  for (const auto& [sku, item] : chain.node(spare).state().stock.items) EXPECT_TRUE(item.count_wanted) << sku.view();
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  EXPECT_FALSE(chain.node(spare).safety().provisional);
  EXPECT_TRUE(chain.run_until(
      [&] { return chain.node(spare).safety().cosigned_size == chain.node(spare).safety().size; }, seconds(20)));
  settle(chain);
}

// 4.4: of what its site follows. Its clock is the one that is late, so the node has taken more than it may.
TEST(Spare, whose_day_is_full_takes_the_rest_on_the_next) {
  ChainOptions options;
  options.bounds.mirror_entries_a_day = 150;
  Chain chain(32, 3, options);
  const std::string spare = start_with_spare(chain);
  const auto problem = [&] { return chain.machine(spare).spare->view().problem; };
  const auto list_many = [&] {
    for (int i = 0; i < 100; ++i) {
      chain.list_products(10);
      chain.run_for(milliseconds(20));
    }
    chain.run_for(seconds(5));
  };
  list_many();
  EXPECT_EQ(problem(), "");
  let_a_day_pass(chain, spare);
  list_many();
  EXPECT_NE(problem().find("more in a day"), std::string::npos) << problem();
  chain.machine(spare).clock->offset = seconds(86'400);
  EXPECT_TRUE(chain.run_until([&] { return problem().empty(); }, seconds(20)));
  chain.run_for(seconds(5));
  EXPECT_EQ(problem(), "");
  const auto size_of_copy = [&](const std::string& machine) {
    SimDisk image = chain.machine(machine).disk;  // opening writes
    SerialExecutor executor;
    return (*journal::Log::open(image, executor, {chain.file().chain, head_office, 1}))->size();
  };
  EXPECT_EQ(size_of_copy(spare), size_of_copy("store-01"));
}

// What it followed beyond the spare's copy belongs to no epoch any more, and its own journal rests on it (7.2).
TEST(Spare, a_follower_on_an_old_disk_gets_what_it_followed_beyond_the_spares_copy) {
  Chain chain(21, 3);
  const std::string spare = start_with_spare(chain);
  const SimDisk image = chain.machine("warehouse").disk;
  chain.network.cut("store-01", spare);
  for (int i = 0; i < 10; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(200));
  }
  chain.run_for(seconds(5));
  const auto followed = [&] { return chain.node("warehouse").state().peers.at(store_1).totals.sales; };
  ASSERT_EQ(followed(), 10u);
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  chain.run_for(seconds(3));
  chain.kill("warehouse");
  chain.put_back("warehouse", image);
  chain.disk_was_replaced(warehouse);
  EXPECT_TRUE(comes_to_sign(chain, "warehouse"));
  EXPECT_EQ(chain.node("warehouse").state().peers.at(store_1).origin.epoch, chain.machine(spare).epoch);
}

TEST(Spare, stays_inside_a_seal_and_opens_sealed) {
  Chain chain(11, 3);
  const std::string spare = start_with_spare(chain);
  guard::SetPosture seal;
  seal.posture = guard::Posture::sealed;
  seal.cause = guard::Cause::machine;
  seal.reason = "somebody is inside";
  chain.node("store-01").set_posture(seal, {});
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  EXPECT_TRUE(holds_all(chain, spare, "store-01"));
  chain.kill("store-01");
  ASSERT_TRUE(chain.start("store-01").has_value());
  chain.sell(store_1, 1);
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(10)))
      << "after a start, too";
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  expect_all_here(chain, store_1, spare);
  chain.sell(store_1, 1);
  chain.run_for(seconds(20));
  EXPECT_EQ(chain.node(spare).posture().posture, guard::Posture::sealed);
  EXPECT_EQ(chain.node(spare).phase(), node::Phase::provisional) << "nothing passes before a person has opened it";
}

TEST(Spare, is_refused_by_mirrors_while_they_hear_the_node) {
  Chain chain(2, 3);
  const std::string spare = start_with_spare(chain);
  ASSERT_TRUE(chain.promote(spare).has_value());
  chain.run_for(seconds(20));
  EXPECT_EQ(chain.node(spare).phase(), node::Phase::provisional);
  EXPECT_NE(chain.node(spare).safety().registering.find("has heard"), std::string::npos)
      << chain.node(spare).safety().registering;
  EXPECT_EQ(chain.node("store-01").phase(), node::Phase::signing) << "the node is not disturbed";
  for (const char* mirror : {"head-office", "warehouse", "store-02"})
    EXPECT_FALSE(chain.node(mirror).state().epochs.contains(store_1)) << mirror << " has sealed nothing";
  const Instant silent_from = chain.now();
  chain.destroy("store-01");
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  EXPECT_GE((chain.now() - silent_from).ns, chain.spare_silence.ns);
  settle(chain);
}

TEST(Spare, and_old_node_both_sell_and_every_sale_is_in_the_new_epoch_once) {
  Chain chain(3, 3);
  const std::string spare = start_with_spare(chain);
  chain.sell(store_1, 1);
  ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(5)));
  isolate(chain, "store-01");  // from the spare, too
  ASSERT_TRUE(chain.promote(spare).has_value());
  std::vector<fold::WriteKey> at_the_old;
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    fold::WriteRequest sale = chain.a_sale(store_1, 2);
    for (std::byte& b : sale.key.bytes) b = static_cast<std::byte>(chain.random().next());
    chain.node("store-01").submit(sale, [&, key = fold::WriteKey{sale.till, sale.key}](const auto& taken) {
      if (taken) at_the_old.push_back(key);
    });
    chain.run_for(milliseconds(500));
  }
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  ASSERT_EQ(at_the_old.size(), 20u);
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::stopped; }, seconds(20)));
  EXPECT_TRUE(chain.run_until([&] { return chain.node("store-01").safety().not_taken_in == 0; }, seconds(20)));
  for (const fold::WriteKey& key : at_the_old) EXPECT_NE(chain.node(spare).state().find_write(key), nullptr);
  EXPECT_EQ(chain.node(spare).state().till.totals.sales, 41u);
  EXPECT_EQ(chain.node(spare).safety().not_taken_in, 0u);
}

TEST(Spare, shows_the_old_machine_its_registration_in_the_store_though_no_mirror_reaches_it) {
  Chain chain(4, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  chain.network.heal("store-01", spare);
  EXPECT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::stopped; }, seconds(20)));
}

// 5.7, with a seal set in the very moment in which the old machine is called.
TEST(Spare, calls_the_old_machine_again_after_a_seal) {
  Chain chain(14, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);
  ASSERT_TRUE(chain.promote(spare).has_value());
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  guard::SetPosture order;
  order.posture = guard::Posture::sealed;
  order.cause = guard::Cause::machine;
  order.reason = "a drill";
  chain.node(spare).set_posture(order, {});
  chain.run_for(seconds(1));
  ASSERT_EQ(chain.node("store-01").phase(), node::Phase::signing) << "the seal came before the call";
  order.posture = guard::Posture::open;
  chain.node(spare).set_posture(order, {});
  EXPECT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::stopped; }, seconds(30)));
}

TEST(Spare, that_asks_and_is_told_to_wait_is_no_alarm_at_its_mirrors) {
  Chain chain(15, 3);
  chain.spare_silence = seconds(60);
  const std::string spare = start_with_spare(chain);
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  chain.run_for(seconds(40));
  ASSERT_EQ(chain.node(spare).phase(), node::Phase::provisional);
  for (const char* mirror : {"head-office", "warehouse", "store-02"})
    EXPECT_EQ(chain.node(mirror).counters().alerts, 0u) << mirror;
}

TEST(Spare, whose_switch_was_turned_while_it_waited_opens_sealed) {
  Chain chain(16, 3);
  const std::string spare = start_with_spare(chain);
  chain.destroy("store-01");
  ASSERT_TRUE(chain.machine(spare).disk.write_all(node::posture_path, as_bytes("sealed\nthe ransom note\n")));
  ASSERT_TRUE(chain.promote(spare).has_value());
  EXPECT_EQ(chain.node(spare).posture().posture, guard::Posture::sealed);
  chain.run_for(seconds(2));
  EXPECT_EQ(chain.node(spare).state().guard.posture, guard::Posture::sealed);
}

// Promotes the spare, which is off, with its power failing at every write in turn; after each it starts, and is looked
// at. It is off in the end.
void promote_through_power_cuts(Chain& chain, const std::string& spare,
                                const std::function<void(std::uint64_t)>& look) {
  Machine& m = chain.machine(spare);
  const SimDisk image = m.disk;
  std::uint64_t writes = 0;
  for (bool is_through = false; !is_through; ++writes) {
    chain.put_back(spare, image);
    m.power_fails_after = writes;
    is_through = chain.promote(spare).has_value();
    if (!is_through) {
      ASSERT_TRUE(chain.start(spare).has_value()) << "write " << writes << ": " << m.died_of->text;
    }
    look(writes);
    chain.kill(spare);
  }
  EXPECT_GT(writes, 6u);
}

// The switch of the spare's directory was turned twice in a drill of last year; the store is sealed tonight.
TEST(Spare, whose_old_switch_says_open_does_not_undo_the_seal_of_its_store) {
  Chain chain(17, 3);
  const std::string spare = start_with_spare(chain);
  ASSERT_TRUE(chain.machine(spare).disk.write_all(node::posture_path, as_bytes("open\nthe drill is over\n")));
  guard::SetPosture seal;
  seal.reason = "somebody is inside";
  chain.node("store-01").set_posture(seal, {});
  chain.run_for(seconds(1));
  ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(10)));
  chain.destroy("store-01");
  chain.kill(spare);
  promote_through_power_cuts(chain, spare, [&](std::uint64_t writes) {
    EXPECT_EQ(chain.node(spare).posture().posture, guard::Posture::sealed) << "write " << writes;
    chain.run_for(seconds(2));
    EXPECT_EQ(chain.node(spare).state().guard.posture, guard::Posture::sealed) << "write " << writes;
  });
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_EQ(chain.node(spare).posture().posture, guard::Posture::sealed);
}

// Promise 4: a link that people have cut stays so until they open it, whichever machine of the store is on.
TEST(Spare, that_loses_its_power_while_it_is_promoted_heals_no_link) {
  Chain chain(46, 3);
  const std::string spare = start_with_spare(chain);
  ASSERT_TRUE(chain.node("store-01").cut_link(warehouse).has_value());
  chain.run_for(seconds(1));
  ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(10)));
  chain.destroy("store-01");
  chain.kill(spare);
  promote_through_power_cuts(chain, spare, [&](std::uint64_t writes) {
    EXPECT_TRUE(chain.node(spare).state().links_cut.contains(warehouse)) << "write " << writes;
    for (const node::LinkView& link : chain.node(spare).links()) {
      if (link.to == warehouse) {
        EXPECT_EQ(link.state, node::LinkState::cut) << "write " << writes;
      }
    }
  });
}

TEST(Spare, that_loses_its_power_while_provisional_is_provisional_again_and_registers) {
  Chain chain(5, 3);
  const std::string spare = start_with_spare(chain);
  ASSERT_TRUE(opens_alone(chain, spare));
  chain.sell(store_1, 1);
  chain.run_for(seconds(1));
  chain.kill(spare);
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_EQ(chain.node(spare).phase(), node::Phase::provisional);
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  chain.kill(spare);
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_EQ(chain.node(spare).phase(), node::Phase::asking) << "registered: it asks like any node";
  settle(chain);
}

TEST(Spare, that_was_registered_and_lost_is_rebuilt_with_what_the_old_key_never_signed) {
  Chain chain(6, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(1));
  chain.destroy("store-01");
  chain.network.heal_all();
  ASSERT_TRUE(chain.promote(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  chain.sell(store_1, 1);
  EXPECT_TRUE(chain.run_until(
      [&] { return chain.node(spare).safety().cosigned_size == chain.node(spare).safety().size; }, seconds(20)));
  chain.destroy(spare);
  const std::string third = chain.rebuild(store_1);
  EXPECT_TRUE(comes_to_sign(chain, third));
  expect_all_here(chain, store_1, third);
  settle(chain);
}

TEST(Spare, whose_registration_stayed_short_of_a_quorum_takes_no_history_away) {
  Chain chain(7, 3);
  const std::string spare = start_with_spare(chain);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(5)));
  chain.run_for(seconds(1));
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  // Destroyed at the moment when the first mirror has registered it.
  const auto one_has = [&] {
    for (const char* mirror : {"head-office", "warehouse", "store-02"}) {
      const auto it = chain.node(mirror).state().epochs.find(store_1);
      if (it != chain.node(mirror).state().epochs.end() && !it->second.registrations.empty()) return true;
    }
    return false;
  };
  for (int i = 0; i < 20'000 && !one_has(); ++i) chain.run_for(milliseconds(1));
  ASSERT_TRUE(one_has());
  ASSERT_NE(chain.node(spare).phase(), node::Phase::signing);
  chain.destroy(spare);
  const std::string third = chain.rebuild(store_1);
  EXPECT_TRUE(comes_to_sign(chain, third));
  expect_all_here(chain, store_1, third);
  settle(chain);
}

TEST(Spare, without_its_code_seals_and_registers_nothing_and_reads_nobodys_journal) {
  Chain chain(9, 3);
  const std::string spare = start_with_spare(chain);
  chain.kill(spare);
  chain.destroy("store-01");
  chain.run_for(seconds(30));  // silent long enough
  const std::string note(as_text(*chain.machine(spare).disk.read_all(node::certificate_path)));
  Impostor thief(chain, chain.machine(spare));
  thief.dial(chain.file().find(head_office)->link_address);
  chain.run_for(seconds(1));
  ASSERT_TRUE(thief.to);
  thief.say(sync::Hello{chain.file().chain, store_1, 2, note, {}});
  thief.say(sync::Have{{chain.file().chain, head_office, 1}, 0, 0});
  thief.say(sync::Ask{store_1});
  chain.run_for(seconds(2));
  for (const sync::Message& message : thief.heard) {
    EXPECT_FALSE(std::holds_alternative<sync::Entries>(message));
    EXPECT_FALSE(std::holds_alternative<sync::Known>(message));
  }
  thief.say(sync::Seal{note, {}});
  chain.run_for(seconds(2));
  EXPECT_FALSE(chain.node("head-office").state().epochs.contains(store_1));
  thief.leave();
}

TEST(Spare, with_its_code_stops_no_node_by_showing_a_registration_that_no_mirror_has_signed) {
  Chain chain(10, 3);
  const std::string spare = start_with_spare(chain);
  ASSERT_TRUE(chain.promote(spare).has_value());
  chain.run_for(seconds(1));
  const std::string note(as_text(*chain.machine(spare).disk.read_all("registration.note")));
  chain.kill(spare);
  Impostor thief(chain, chain.machine(spare));
  for (const SiteName& site : {store_1, head_office, store_2}) {
    thief.dial(chain.file().find(site)->link_address);
    chain.run_for(seconds(1));
    ASSERT_TRUE(thief.to) << site.view();
    thief.say(sync::Hello{chain.file().chain, store_1, 2, {}, note});
    chain.run_for(seconds(1));
    if (thief.to) thief.say(sync::Superseded{note});
    chain.run_for(seconds(1));
  }
  EXPECT_EQ(chain.node("store-01").phase(), node::Phase::signing);
  EXPECT_FALSE(chain.node("head-office").state().epochs.contains(store_1));
  thief.leave();
}

// The power fails at every write of a promotion in turn: what lies behind the usable part of the copy is on no other
// disk, so it must be taken in by the start after.
TEST(Spare, that_loses_its_power_while_it_is_promoted_takes_all_of_its_copy_in) {
  Chain chain(12, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  ASSERT_TRUE(holds_all(chain, spare, "store-01"));
  chain.destroy("store-01");
  isolate(chain, spare);
  chain.kill(spare);
  Machine& m = chain.machine(spare);
  const std::vector<std::string> names = *m.disk.list("journals/head-office/1");
  for (const std::string& name : names)  // the peer's prefix that it names had not come
    ASSERT_TRUE(m.disk.remove("journals/head-office/1/" + name).has_value());
  promote_through_power_cuts(chain, spare, [&](std::uint64_t writes) {
    expect_all_here(chain, store_1, spare);
    EXPECT_EQ(chain.node(spare).safety().not_taken_in, 0u) << "write " << writes;
  });
}

TEST(Spare, with_an_older_epoch_than_its_mirrors_is_refused_and_no_epoch_vanishes) {
  Chain chain(13, 3);
  const std::string spare = start_with_spare(chain);
  chain.sell(store_1, 1);
  ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(5)));
  chain.run_for(seconds(2));
  chain.kill(spare);
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, second));
  std::vector<std::size_t> sales;
  sales.reserve(5);
  for (int i = 0; i < 5; ++i) sales.push_back(chain.sell(store_1, 1));
  ASSERT_TRUE(chain.run_until(
      [&] {
        return chain.writes(store_1)[sales.back()].reply &&
               chain.node(second).safety().cosigned_size == chain.node(second).safety().size;
      },
      seconds(30)));
  chain.destroy(second);
  chain.certify_again(spare);  // and it is not linked to the second machine before that dies, too
  ASSERT_TRUE(chain.promote(spare).has_value());
  chain.run_for(seconds(30));
  EXPECT_EQ(chain.node(spare).phase(), node::Phase::provisional);
  EXPECT_NE(chain.node(spare).safety().registering.find("newer epoch"), std::string::npos)
      << chain.node(spare).safety().registering;
  chain.destroy(spare);
  const std::string third = chain.rebuild(store_1);
  EXPECT_TRUE(comes_to_sign(chain, third));
  expect_all_here(chain, store_1, third);
}

// The replacement spare knows only the chain file's keys of the mirrors. One of those that stand below the store's
// registration has come back with another key since.
TEST(Spare, that_is_new_links_to_a_store_that_a_rebuilt_mirror_has_registered) {
  Chain chain(14, 3);
  const std::string spare = start_with_spare(chain);
  chain.destroy("head-office");
  const std::string head = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, head));
  chain.run_for(seconds(5));
  chain.destroy("warehouse");
  const std::string second = chain.rebuild(warehouse);
  ASSERT_TRUE(comes_to_sign(chain, second));
  chain.run_for(seconds(5));
  ASSERT_TRUE(holds_all(chain, spare, "store-01"));
  chain.destroy("store-01");
  chain.machine(spare).address.clear();  // it takes the store's address over as well
  ASSERT_TRUE(chain.promote(spare).has_value());
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(60)));
  const std::string next = chain.add_spare(store_1);
  ASSERT_TRUE(chain.start(next).has_value());
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, next, spare); }, seconds(20)))
      << chain.machine(next).spare->view().problem;
}

// Found by the simulator: a spare that stopped after its mirrors had registered it, and before their lines were on its
// disk, was refused for ever, because the mirrors "heard the node", which it was by then.
TEST(Spare, whose_power_fails_while_it_registers_is_registered_all_the_same) {
  for (std::uint64_t writes = 0; writes < 200; ++writes) {
    Chain chain(31, 2);
    const std::string spare = start_with_spare(chain);
    chain.destroy("store-01");
    chain.run_for(seconds(4));
    ASSERT_TRUE(chain.promote(spare).has_value());
    chain.machine(spare).disk.crash_after(writes);
    const auto is_over = [&] { return chain.machine(spare).died_of.has_value() || is_signing(chain, spare); };
    ASSERT_TRUE(chain.run_until(is_over, seconds(30))) << "write " << writes;
    if (!chain.machine(spare).died_of) return;  // it got through
    ASSERT_TRUE(chain.start(spare).has_value()) << "write " << writes;
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(60)))
        << "write " << writes << ": " << chain.node(spare).safety().registering;
  }
  FAIL() << "it never got through";
}

TEST(Spare, that_has_lost_its_report_is_registered_all_the_same) {
  Chain chain(33, 2);
  const std::string spare = start_with_spare(chain);
  ASSERT_TRUE(opens_alone(chain, spare));
  chain.kill(spare);
  ASSERT_TRUE(chain.machine(spare).disk.remove(recovery::record_path).has_value());
  chain.network.heal_all();
  ASSERT_TRUE(comes_to_sign(chain, spare));
  EXPECT_EQ(chain.node(spare).recovery().value_or(node::RecoveryReport{}).old_origin.epoch, 1u);
}

}  // namespace
}  // namespace holdfast::sim
