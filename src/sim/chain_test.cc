// Whole chains on simulated disks, network and clocks, in one thread: what must hold whoever fails.
#include "sim/chain.h"

#include <gtest/gtest.h>

#include "sim/chain_test_support.h"
#include "sim/told.h"

namespace holdfast::sim {
namespace {

TEST(Chain, a_sale_is_acknowledged_at_once_and_cosigned_soon) {
  Chain chain(1, 3);
  start_trade(chain);
  const std::size_t sale = chain.sell(store_1, 1, 3);
  chain.run_for(milliseconds(5));
  ASSERT_TRUE(chain.writes(store_1)[sale].reply);
  EXPECT_EQ(to_text(*chain.writes(store_1)[sale].reply->receipt).substr(0, 2), "1-");
  EXPECT_TRUE(chain.run_until(
      [&] { return chain.node("store-01").safety().cosigned_size > chain.writes(store_1)[sale].reply->index; },
      seconds(5)));
  settle(chain);
  EXPECT_GT(chain.cosigned_seen(), 0u);
}

TEST(Chain, stores_sell_with_every_link_cut) {
  Chain chain(2, 3);
  start_trade(chain);
  for (const chain::Site& a : chain.file().sites)
    for (const chain::Site& b : chain.file().sites)
      if (a.name < b.name) chain.network.cut(a.name.str(), b.name.str());
  chain.run_for(seconds(1));
  for (int i = 0; i < 200; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(20));
  }
  for (const TillWrite& w : chain.writes(store_1)) EXPECT_TRUE(w.reply);
  EXPECT_TRUE(chain.node("store-01").safety().no_copy_since);
  settle(chain);
}

TEST(Chain, head_office_is_destroyed_and_comes_back_with_what_was_cosigned) {
  Chain chain(3, 4);
  start_trade(chain);
  for (int i = 0; i < 50; ++i) {
    chain.sell(store_1, 1, 2);
    chain.sell(store_2, 2);
    chain.run_for(milliseconds(50));
  }
  chain.destroy("head-office");
  for (int i = 0; i < 50; ++i) {
    chain.sell(store_1, 1, 2);
    chain.run_for(milliseconds(50));
    EXPECT_EQ(chain.broken_law(), "");
  }
  EXPECT_TRUE(chain.writes(store_1).back().reply);
  const std::string again = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, again));
  ASSERT_TRUE(chain.node(again).recovery());
  EXPECT_GT(chain.node(again).recovery()->cosigned, 0u);
  EXPECT_NE(chain.node(again).state().find_product("P9"), nullptr);
  settle(chain);
}

TEST(Chain, a_store_is_destroyed_and_its_tills_bring_back_what_was_not_copied) {
  Chain chain(4, 4);
  start_trade(chain);
  for (int i = 0; i < 30; ++i) {
    chain.sell(store_1, 1, 2);
    chain.run_for(milliseconds(40));
  }
  // Cut off, it sells on; then the machine is lost with sales that nobody else has.
  isolate(chain, "store-01");
  for (int i = 0; i < 30; ++i) {
    chain.sell(store_1, 1, 2);
    chain.run_for(milliseconds(40));
  }
  chain.destroy("store-01");
  chain.network.heal_all();
  chain.run_for(seconds(3));
  const std::string again = chain.rebuild(store_1);
  for (const chain::Site& site : chain.file().sites) chain.network.heal(again, site.name.str());
  ASSERT_TRUE(comes_to_sign(chain, again));
  settle(chain);
  EXPECT_EQ(chain.node(again).state().till.totals.sales, 60u);
  EXPECT_GE(chain.node(again).recovery()->resubmitted, 30u);
}

TEST(Chain, the_old_machine_comes_back_alive_stops_and_its_tail_is_taken_in) {
  Chain chain(5, 4);
  start_trade(chain);
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  chain.run_for(seconds(2));
  // It is cut off and sells on; people think it is dead and rebuild.
  for (const auto& [name, m] : chain.machines())
    if (name != "store-01") chain.network.cut("store-01", name);
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  const std::string again = chain.rebuild(store_1);
  chain.network.cut("store-01", again);
  ASSERT_TRUE(comes_to_sign(chain, again));
  EXPECT_EQ(chain.node("store-01").phase(), node::Phase::signing);
  EXPECT_EQ(chain.node(again).state().till.totals.sales, 20u);
  chain.network.heal_all();
  ASSERT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::stopped; }, seconds(30)));
  EXPECT_TRUE(chain.run_until([&] { return chain.node("store-01").safety().not_taken_in == 0; }, seconds(30)));
  EXPECT_TRUE(chain.run_until([&] { return chain.node(again).state().till.totals.sales == 40; }, seconds(30)));
  EXPECT_EQ(chain.node(again).recovery()->readmitted, 20u);
  settle(chain);
}

// Its mirrors have dialled the old machine and are linked with it; the new one can only dial them (5.7).
TEST(Chain, a_machine_taken_for_dead_that_is_linked_with_everybody_gives_way_to_its_successor) {
  Chain chain(7, 4);
  start_trade(chain);
  const std::string again = chain.rebuild(warehouse);
  ASSERT_TRUE(comes_to_sign(chain, again));
  EXPECT_TRUE(chain.run_until([&] { return chain.node("warehouse").phase() == node::Phase::stopped; }, seconds(30)));
  settle(chain);
  const std::uint64_t turns = chain.node("warehouse").counters().turns;
  chain.run_for(seconds(10));
  EXPECT_LT(chain.node("warehouse").counters().turns, turns + 300) << "it sleeps between its heartbeats";
}

// 5.2: people say that the attacker was there from the beginning.
TEST(Chain, rebuilt_at_a_clean_point_before_all_begins_an_empty_epoch) {
  Chain chain(23, 4);
  start_trade(chain);
  chain.destroy("store-01");
  const std::string again = chain.rebuild(store_1, std::pair(Origin{chain.file().chain, store_1, 1}, 0));
  ASSERT_TRUE(comes_to_sign(chain, again));
  EXPECT_EQ(chain.node(again).state().till.totals.sales, 0u);
  chain.kill(again);
  ASSERT_TRUE(comes_to_sign(chain, again));
}

// Each has dialled the other's old machine, which answers, and is not the site (5.7).
TEST(Chain, two_sites_that_were_replaced_find_each_other_though_their_old_machines_live) {
  Chain chain(12, 4);
  start_trade(chain);
  for (const SiteName& site : {warehouse, head_office}) {
    const std::string again = chain.rebuild(site);
    ASSERT_TRUE(comes_to_sign(chain, again));
  }
  settle(chain);
  for (const node::LinkView& link : chain.node(chain.serving(head_office)).links()) {
    EXPECT_EQ(link.state, node::LinkState::up) << link.to.view();
  }
}

// Somebody begins again with another machine while the first still asks: the higher number has the links (5.4).
TEST(Chain, of_two_machines_that_are_rebuilt_the_one_with_the_higher_number_gets_through) {
  Chain chain(8, 4);
  start_trade(chain);
  chain.destroy("warehouse");
  // The first reaches one mirror of three, store-02, which the second needs for its quorum.
  const std::string first = chain.rebuild(warehouse);
  for (const std::string name : {"head-office", "store-01"}) chain.network.cut(first, name);
  ASSERT_TRUE(chain.start(first).has_value());
  chain.run_for(seconds(5));
  const std::string second = chain.rebuild(warehouse);
  chain.network.cut(second, "head-office");
  ASSERT_TRUE(comes_to_sign(chain, second));
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return chain.node(first).phase() == node::Phase::stopped; }, seconds(30)));
  settle(chain);
}

// Neither its registration nor what was cosigned of it is told any more when the next epoch has begun (7.2, 7.4).
TEST(Chain, a_follower_that_was_away_for_a_whole_epoch_comes_to_the_next) {
  Chain chain(9, 4);
  start_trade(chain);
  chain.kill("store-03");
  for (int i = 0; i < 2; ++i) {
    chain.destroy(chain.serving(head_office));
    const std::string again = chain.rebuild(head_office);
    ASSERT_TRUE(comes_to_sign(chain, again));
    chain.list_products(11 + static_cast<unsigned>(i));
    chain.run_for(seconds(3));
  }
  ASSERT_TRUE(chain.start("store-03").has_value());
  EXPECT_TRUE(
      chain.run_until([&] { return chain.node("store-03").state().find_product("P11") != nullptr; }, seconds(20)));
  settle(chain);
}

// 7.3: head office takes what a till rings with what is rung after it, and a price list while somebody waits for it.
TEST(Chain, what_tills_ring_is_followed_together_and_what_somebody_waits_for_at_once) {
  Chain chain(13, 3);
  start_trade(chain);
  chain.run_for(seconds(5));
  const std::uint64_t before = chain.node("head-office").safety().size;
  for (int i = 0; i < 100; ++i) {
    chain.sell(store_1, 1);
    chain.sell(store_2, 1);
    chain.run_for(milliseconds(100));
  }
  const std::uint64_t own = chain.node("head-office").safety().size - before;
  EXPECT_GE(own, 4u);  // of ten seconds
  EXPECT_LE(own, 7u);
  chain.list_products(11);  // while what tills rang waits
  chain.sell(store_1, 1);
  const auto has_come = [&] { return chain.node("store-01").state().find_product("P10") != nullptr; };
  EXPECT_TRUE(chain.run_until(has_come, milliseconds(1200)));
  settle(chain);
}

TEST(Chain, a_follower_hears_that_something_is_cosigned_before_it_holds_any_of_it) {
  Chain chain(10, 4);
  start_trade(chain);
  chain.destroy("head-office");
  const std::string again = chain.rebuild(head_office);
  ASSERT_TRUE(chain.start(again).has_value());
  const auto is_linked = [&] {
    return std::ranges::any_of(chain.node(again).links(), [](const node::LinkView& link) {
      return link.to.view() == "store-03" && link.state == node::LinkState::up;
    });
  };
  ASSERT_TRUE(chain.run_until(is_linked, seconds(5)));
  ASSERT_FALSE(is_signing(chain, again));
  chain.network.clog("store-03", again);  // it hears, and its own question waits
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, again); }, seconds(30)));
  chain.run_for(seconds(3));
  chain.network.clear("store-03", again);
  const auto follows = [&] { return chain.node("store-03").state().peers.at(head_office).origin.epoch == 2; };
  EXPECT_TRUE(chain.run_until(follows, seconds(10)));
}

TEST(Chain, last_weeks_disk_under_a_running_name_signs_nothing_that_contradicts) {
  Chain chain(6, 4);
  start_trade(chain);
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  const SimDisk image = chain.machine("store-01").disk;
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  chain.run_for(seconds(2));
  chain.kill("store-01");
  chain.put_back("store-01", image);
  // First without mirrors: it sells and signs nothing.
  isolate(chain, "store-01");
  ASSERT_TRUE(chain.start("store-01").has_value());
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  EXPECT_EQ(chain.node("store-01").phase(), node::Phase::asking);
  EXPECT_EQ(chain.node("store-01").counters().checkpoints, 0u);
  // Then with them: what they have comes first, what was sold since is taken in behind it.
  chain.network.heal_all();
  ASSERT_TRUE(chain.run_until([&] { return chain.node("store-01").phase() == node::Phase::signing; }, seconds(30)));
  settle(chain);
  EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 60u);
  EXPECT_TRUE(chain.node("store-01").state().contradictions.empty());
}

// Once a year, say, for many years: whoever needs all of its epochs asks one node for more journals than the chain has
// sites.
TEST(Chain, a_store_that_was_rebuilt_many_times_keeps_its_spare_and_its_head_office_comes_back) {
  Chain chain(41, 2);
  start_trade(chain);
  std::string machine = "store-01";
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    chain.destroy(machine);
    machine = chain.rebuild(store_1);
    ASSERT_TRUE(comes_to_sign(chain, machine)) << i;
  }
  chain.sell(store_1, 1);
  const std::string spare = chain.add_spare(store_1);
  ASSERT_TRUE(chain.start(spare).has_value());
  const auto holds = [&] {
    const node::SpareView view = chain.machine(spare).spare->view();
    return view.is_linked && view.size == chain.node(machine).safety().size;
  };
  EXPECT_TRUE(chain.run_until(holds, seconds(20))) << chain.machine(spare).spare->view().problem;
  chain.run_for(seconds(5));
  EXPECT_TRUE(holds()) << chain.machine(spare).spare->view().problem;
  chain.destroy("head-office");
  const std::string office = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, office));
  settle(chain);
}

// 5.3: a sale that only the machine of an epoch between has, and no till any more. Its key is that of no epoch that the
// state names: not of the newest, nor of the chain file's.
TEST(Chain, what_the_machine_of_an_epoch_between_has_is_taken_in) {
  Chain chain(15, 4);
  start_trade(chain);
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, second));
  chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  for (const auto& [name, m] : chain.machines()) chain.network.cut(second, name);
  const std::size_t alone = chain.sell(store_1, 1);
  chain.run_for(seconds(1));
  ASSERT_EQ(chain.writes(store_1)[alone].kept_by, second);
  chain.writes(store_1)[alone].is_forgotten = true;
  const std::string third = chain.rebuild(store_1);
  chain.network.cut(second, third);
  ASSERT_TRUE(comes_to_sign(chain, third));
  chain.kill(third);
  ASSERT_TRUE(chain.start(third).has_value());
  settle(chain);
}

// Two of four mirrors have registered a rebuild when its power fails, and one of the three that had sealed for it is
// lost; who has heard of the registration before he was asked to seal seals all the same (5.2).
TEST(Chain, who_has_heard_of_a_registration_still_seals_for_it) {
  Chain chain(16, 4, {1});
  start_trade(chain);
  chain.destroy("store-01");
  const std::string next = chain.rebuild(store_1);
  chain.network.cut(next, "store-03");
  ASSERT_TRUE(chain.start(next).has_value());
  for (int i = 0; i < 10'000 && !chain.machine(next).disk.files().contains("registration.note"); ++i)
    chain.run_for(milliseconds(1));
  chain.network.cut(next, "warehouse");
  chain.run_for(seconds(1));
  ASSERT_FALSE(is_signing(chain, next));
  chain.kill(next);
  chain.destroy("warehouse");
  const std::string mirror = chain.rebuild(warehouse);
  chain.network.heal_all();
  ASSERT_TRUE(comes_to_sign(chain, mirror));
  ASSERT_TRUE(chain.node(mirror).state().epochs.at(store_1).registrations.contains(2));
  ASSERT_FALSE(chain.node("store-03").state().epochs.at(store_1).sealed_by.contains(2));
  ASSERT_TRUE(comes_to_sign(chain, next));
  settle(chain);
}

// 8.4: no rebuild, no report. What only this disk had and no till sends again is named by the site itself.
TEST(Chain, a_site_on_an_old_disk_names_the_receipt_numbers_that_it_lacks) {
  Chain chain(14, 4);
  start_trade(chain);
  const SimDisk image = chain.machine("store-01").disk;
  for (const char* mirror : {"head-office", "warehouse", "store-02"}) chain.network.cut("store-01", mirror);
  const std::size_t first = chain.sell(store_1, 1);
  const std::size_t second = chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  const auto receipt = chain.writes(store_1)[first].reply->receipt;
  ASSERT_EQ(chain.writes(store_1)[second].reply->receipt->n, receipt->n + 1);
  EXPECT_TRUE(chain.node("store-01").safety().missing_receipts.empty());
  chain.kill("store-01");
  chain.put_back("store-01", image);
  chain.disk_was_replaced(store_1);
  chain.writes(store_1)[first].is_forgotten = true;
  chain.auditor().forgets(store_1.str(), id_of(chain.writes(store_1)[first].request));
  ASSERT_TRUE(chain.start("store-01").has_value());
  settle(chain);
  EXPECT_EQ(chain.node("store-01").safety().missing_receipts, std::vector{*receipt});
}

TEST(Chain, a_stolen_key_that_signs_two_histories_never_gets_a_quorum_for_the_second) {
  Chain chain(7, 4);
  start_trade(chain);
  for (int i = 0; i < 10; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(40));
  }
  chain.run_for(seconds(2));
  // The thief has the disk and the keys. The honest machine reaches head office and store-02; the thief's reaches the
  // warehouse.
  auto thief = std::make_unique<Machine>(Random(99));
  thief->name = "thief";
  thief->site = store_1;
  thief->disk = chain.machine("store-01").disk;
  thief->wire = std::make_unique<Wire>(chain.network, "thief");
  thief->clock = std::make_unique<SimClock>(chain.network);
  thief->signer = chain.machine("store-01").signer;
  chain.machines()["thief"] = std::move(thief);
  chain.network.cut("store-01", "warehouse");
  chain.network.cut("thief", "head-office");
  chain.network.cut("thief", "store-02");
  chain.network.cut("thief", "store-04");
  // The thief needs to be told by r mirrors before it signs: he has seen to that by writing his own program; here we
  // let him ask and then cut.
  chain.network.heal("thief", "head-office");
  ASSERT_TRUE(comes_to_sign(chain, "thief"));
  chain.network.cut("thief", "head-office");
  for (int i = 0; i < 20; ++i) {
    chain.sell(store_1, 1);
    fold::WriteRequest forged = chain.writes(store_1).back().request;
    forged.key.bytes[0] = static_cast<std::byte>(i);
    forged.till = TillId{9};
    std::get<till::RecordSale>(forged.command).till = TillId{9};
    chain.node("thief").submit(forged, [](const Result<fold::Taken>&) {});
    chain.run_for(milliseconds(100));
  }
  EXPECT_TRUE(chain.run_until(
      [&] {
        return !chain.node("warehouse").state().contradictions.empty() ||
               !chain.node("head-office").state().contradictions.empty();
      },
      seconds(30)));
  EXPECT_EQ(chain.broken_law(), "");  // holds: no two cosigned checkpoints of one origin disagree
  bool evidence = false;
  for (const auto& [name, m] : chain.machines())
    for (const auto& [path, bytes] : m->disk.files()) evidence = evidence || path.starts_with("evidence/");
  EXPECT_TRUE(evidence);
}

TEST(Chain, goods_in_transit_are_conserved) {
  Chain chain(8, 3);
  start_trade(chain);
  chain.submit(warehouse, {{}, {}, {}, {}, {}, stock::Receive{{{Sku("P1"), Quantity{100'000}}}, "delivery"}, {}, {}});
  const std::size_t sent =
      chain.submit(warehouse, {{}, {}, {}, {}, {}, stock::Dispatch{store_1, {{Sku("P1"), Quantity{40'000}}}}, {}, {}});
  chain.run_for(seconds(3));
  ASSERT_TRUE(chain.writes(warehouse)[sent].reply);
  DispatchId id;
  id.bytes = chain.writes(warehouse)[sent].request.key.bytes;
  const auto& dispatches = chain.node("store-01").state().peers.at(warehouse).dispatches;
  ASSERT_TRUE(dispatches.contains(id));
  chain.submit(store_1,
               {{}, {}, {}, {}, {}, stock::ReceiveDispatch{warehouse, id, {{Sku("P1"), Quantity{40'000}}}}, {}, {}});
  chain.run_for(seconds(1));
  EXPECT_EQ(chain.node("store-01").state().stock.items.at(Sku("P1")).on_hand.thousandths, 40'000);
  EXPECT_EQ(chain.node("warehouse").state().stock.items.at(Sku("P1")).on_hand.thousandths, 60'000);
  settle(chain);
}

// A power cut in the middle of the Nth write, for many N, at a store that sells: nothing acknowledged is lost or
// doubled.
TEST(Chain, a_power_cut_at_any_write_loses_nothing_acknowledged) {
  for (std::uint64_t n = 0; n < 60; ++n) {
    Chain chain(100 + n, 3);
    start_trade(chain);
    chain.machine("store-01").disk.crash_after(n);
    for (int i = 0; i < 40; ++i) {
      chain.sell(store_1, 1, 2);
      chain.run_for(milliseconds(10));
      if (chain.machine("store-01").node == nullptr) break;
    }
    if (chain.machine("store-01").node != nullptr) chain.kill("store-01");
    const Status started = chain.start("store-01");
    ASSERT_TRUE(started.has_value()) << "n " << n << ": " << started.error().text;
    settle(chain);
    if (HasFailure()) {
      ADD_FAILURE() << "after a power cut at write " << n;
      return;
    }
  }
}

// Its mirrors are gone, and have been for more than a few signatures: a start of it forgets nothing.
TEST(Chain, a_site_that_sold_alone_knows_after_a_start_what_was_cosigned_before) {
  Chain chain(43, 3);
  start_trade(chain);
  chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  isolate(chain, "store-01");
  for (int i = 0; i < 50; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(300));
  }
  const std::uint64_t cosigned = chain.node("store-01").safety().cosigned_size;
  EXPECT_GT(cosigned, 0u);
  restart(chain, {"store-01"});
  EXPECT_EQ(chain.node("store-01").safety().cosigned_size, cosigned);
  settle(chain);
}

// Promise 4, 5.4: a file that cannot be read is not a file that is not there.
TEST(Chain, a_read_that_fails_at_a_start_opens_no_link_and_forgets_no_registration) {
  std::uint64_t opened = 0, refused = 0;
  for (std::uint64_t reads = 0; reads < 40; ++reads) {
    Chain chain(10, 2);
    start_trade(chain);
    ASSERT_TRUE(chain.node("store-01").cut_link(head_office).has_value());
    chain.run_for(seconds(1));
    chain.kill("store-01");
    chain.machine("store-01").read_fails_after = reads;
    const Status started = chain.start("store-01");
    if (!started) {
      EXPECT_TRUE(started.error().code.starts_with("base/disk")) << reads << ": " << started.error().text;
      ++refused;
      ASSERT_TRUE(chain.start("store-01").has_value());
    } else {
      ++opened;
    }
    for (const node::LinkView& link : chain.node("store-01").links())
      EXPECT_EQ(link.state == node::LinkState::cut, link.to == head_office) << "read " << reads << " failed";
  }
  EXPECT_GE(refused, 2u);  // a read of a journal is tried again, block by block (2.4)
  EXPECT_GT(opened, 0u) << "no start had so few reads that the failure came after it";
}

TEST(Chain, the_same_seed_gives_the_same_states) {
  auto run = [](std::uint64_t seed) {
    Chain chain(seed, 3);
    start_trade(chain);
    for (int i = 0; i < 30; ++i) {
      chain.sell(store_1, 1, 2);
      if (i == 10) chain.network.cut("store-01", "head-office");
      if (i == 20) chain.network.heal_all();
      chain.run_for(milliseconds(30));
    }
    return chain.state_hash();
  };
  EXPECT_EQ(run(42), run(42));
  EXPECT_NE(run(42), run(43));
}

}  // namespace
}  // namespace holdfast::sim
