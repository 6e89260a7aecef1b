// Who lies to a spare, to the node it stands for, or about either (protocol 3, 4.6, 10): nothing is lost by it, and
// nobody is stopped by one machine's word.
#include <gtest/gtest.h>

#include "core/fold/event.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

bool is_cosigned(Chain& chain, const std::string& name) {
  return chain.node(name).safety().cosigned_size == chain.node(name).safety().size;
}
std::string certificate_of(Chain& chain, const std::string& name) {
  return std::string(as_text(*chain.machine(name).disk.read_all(node::certificate_path)));
}
bool has_sealed(Chain& chain, const std::string& mirror) { return chain.node(mirror).state().epochs.contains(store_1); }
// A sale at this very machine, whoever serves the store. Its key, once it is acknowledged.
void sell_at(Chain& chain, const std::string& machine, std::vector<fold::WriteKey>& acknowledged) {
  fold::WriteRequest sale = chain.a_sale(store_1, 2);
  for (std::byte& b : sale.key.bytes) b = static_cast<std::byte>(chain.random().next());
  // The chain made it for whoever serves the store now; this machine knows the products, too.
  for (till::AskedLine& line : std::get<till::RecordSale>(sale.command).lines) {
    line.open_price = false;
    line.name.clear();
  }
  chain.node(machine).submit(sale, [&acknowledged, key = fold::WriteKey{sale.till, sale.key}](const auto& taken) {
    if (taken) acknowledged.push_back(key);
  });
}

TEST(Hostile, mirror_that_shows_a_spares_certificate_makes_no_other_mirror_seal) {
  Chain chain(21, 3);
  const std::string spare = start_with_spare(chain);
  const std::string note = certificate_of(chain, spare);
  chain.kill(spare);
  chain.kill("warehouse");
  Impostor liar(chain, chain.machine("warehouse"));
  for (const SiteName& mirror : {head_office, store_2}) {
    liar.dial(chain.file().find(mirror)->link_address);
    chain.run_for(seconds(1));
    ASSERT_TRUE(liar.to) << mirror.view();
    liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    liar.say(sync::Known{store_1, {}, {}, {note}, 0});
    chain.run_for(seconds(1));
    EXPECT_FALSE(has_sealed(chain, mirror.str())) << "it has asked nobody";
  }
  chain.sell(store_1, 1);
  EXPECT_TRUE(chain.run_until([&] { return is_cosigned(chain, "store-01"); }, seconds(20)))
      << "the two others cosign the store on";
}

TEST(Hostile, seal_that_one_mirror_gave_to_a_spare_is_not_taken_over_by_one_that_was_rebuilt_and_hears_the_node) {
  Chain chain(22, 3);
  const std::string spare = start_with_spare(chain);
  chain.network.cut("warehouse", "store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return has_sealed(chain, "warehouse"); }, seconds(30)))
      << "it hears the node no longer, and the spare asks with its registration";
  chain.run_for(seconds(5));
  EXPECT_FALSE(has_sealed(chain, "head-office"));
  chain.destroy(spare);  // it registers nothing
  chain.destroy("head-office");
  const std::string rebuilt = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, rebuilt));
  std::vector<fold::WriteKey> acknowledged;
  sell_at(chain, "store-01", acknowledged);
  EXPECT_TRUE(chain.run_until([&] { return acknowledged.size() == 1 && is_cosigned(chain, "store-01"); }, seconds(30)))
      << "q of its mirrors hear it and cosign";
  EXPECT_FALSE(has_sealed(chain, rebuilt));
}

TEST(Hostile, mirror_that_gives_junk_to_a_node_on_an_old_disk_neither_ends_it_nor_makes_it_doubt_itself) {
  for (const bool decodes : {false, true}) {
    Chain chain(23, 3);
    for (const auto& [name, m] : chain.machines()) ASSERT_TRUE(chain.start(name)) << name;
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, "store-01"); }, seconds(20)));
    chain.run_for(seconds(5));  // until nothing new of the warehouse's journal is followed: nobody gives that later
    const SimDisk image = chain.machine("store-01").disk;
    std::string newest;
    chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to,
                                                        ByteView bytes) {
      const auto message = sync::decode(bytes);
      const auto* cosigned = message ? std::get_if<sync::Cosigned>(&*message) : nullptr;
      if (from == "store-01" && cosigned != nullptr) newest = cosigned->note;
      if (before) before(from, to, bytes);
    };
    for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
    ASSERT_TRUE(chain.run_until(
        [&] { return chain.node("store-01").state().till.totals.sales == 10 && is_cosigned(chain, "store-01"); },
        seconds(20)));
    chain.run_for(seconds(1));
    const auto note = journal::parse_note(newest);
    ASSERT_TRUE(note.has_value());
    const std::uint64_t size = journal::parse_checkpoint(note->text)->size;
    chain.kill("store-01");
    chain.kill("warehouse");
    chain.put_back("store-01", image);
    chain.network.cut("store-01", "head-office");
    Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address, "warehouse");
    isolate(chain, "warehouse", "store-01");
    chain.network.heal("warehouse", "store-01");
    const Bytes junk = decodes ? fold::encode({chain.now(), std::nullopt, fold::NodeStarted{SeriesId{7}, "junk"}})[0]
                               : to_bytes(as_bytes(std::string_view("junk")));
    std::size_t junk_sent = 0;
    liar.answer = [&](const sync::Message& m) {
      if (std::holds_alternative<sync::Hello>(m)) liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
      if (const auto* ask = std::get_if<sync::Ask>(&m))
        liar.say(sync::Known{ask->site, {{{chain.file().chain, store_1, 1}, size, newest, 0, {}, {}}}, {}, {}, 0});
      if (const auto* have = std::get_if<sync::Have>(&m); have != nullptr && have->origin.site == store_1) {
        liar.say(sync::Entries{have->origin, have->size, std::vector<Bytes>(size - have->size, junk), newest});
        ++junk_sent;
      }
    };
    ASSERT_TRUE(chain.start("store-01"));
    EXPECT_TRUE(
        chain.run_until([&] { return !chain.machine("store-01").node || is_signing(chain, "store-01"); }, seconds(40)));
    ASSERT_TRUE(chain.machine("store-01").node) << chain.machine("store-01").died_of->text;
    EXPECT_EQ(junk_sent, 1u) << "asked once, and not again";
    EXPECT_TRUE(is_signing(chain, "store-01"));
    EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 10u) << "the honest mirror had them";
    EXPECT_TRUE(chain.node("store-01").state().contradictions.empty());
    EXPECT_EQ(chain.node("store-01").posture().posture, guard::Posture::open);
  }
}

// Junk under a checkpoint that is good. Whoever is linked has heard such a checkpoint.
struct Junk {
  std::string newest;
  Origin origin;
  explicit Junk(Chain& chain) : origin{chain.file().chain, store_1, 1} {
    chain.network.tap = [this, before = chain.network.tap](const std::string& from, const std::string& to,
                                                           ByteView bytes) {
      const auto message = sync::decode(bytes);
      const auto* entries = message ? std::get_if<sync::Entries>(&*message) : nullptr;
      if (from == "store-01" && entries != nullptr && entries->origin == origin) newest = entries->note;
      if (before) before(from, to, bytes);
    };
  }
  std::uint64_t size() const { return journal::parse_checkpoint(journal::parse_note(newest)->text)->size; }
  sync::Entries from(EntryIndex first) const {
    return {origin, first, std::vector<Bytes>(size() - first, to_bytes(as_bytes(std::string_view("junk")))), newest};
  }
};

TEST(Hostile, entries_that_do_not_fit_from_who_does_not_own_them_freeze_nothing) {
  Chain chain(28, 3);
  start_all(chain);
  open_trade(chain);
  Junk junk(chain);
  chain.run_for(seconds(2));
  chain.network.cut("store-01", "head-office");
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  chain.kill("warehouse");
  const auto kept = [&]() -> std::uint64_t {
    for (const node::SiteView& each : chain.node("head-office").sites())
      if (each.site == store_1) return each.held_here.value_or(0);
    return 0;
  };
  ASSERT_LT(kept(), junk.size());
  {
    Impostor liar(chain, chain.machine("warehouse"));
    liar.dial(chain.file().find(head_office)->link_address);
    chain.run_for(seconds(1));
    liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    liar.say(junk.from(kept()));
    chain.run_for(seconds(1));
  }
  EXPECT_TRUE(chain.node("head-office").state().contradictions.empty());
  chain.network.heal_all();
  chain.run_for(seconds(5));
  EXPECT_EQ(kept(), chain.node("store-01").safety().size);
  ASSERT_TRUE(chain.start("warehouse").has_value());
  settle(chain);
}

TEST(Hostile, node_that_signs_entries_that_cannot_be_folded_does_not_make_its_spare_unopenable) {
  for (const bool decodes : {false, true}) {
    Chain chain(24, 3);
    const std::string spare = start_with_spare(chain);
    for (int i = 0; i < 5; ++i) chain.sell(store_1, 1);
    ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(10)));
    const std::uint64_t held = chain.machine(spare).spare->view().size;
    chain.kill("store-01");
    Impostor node(chain, chain.machine("store-01"), chain.file().find(store_1)->link_address, "store-01");
    isolate(chain, "store-01", spare);
    const Origin origin{chain.file().chain, store_1, 1};
    const fold::Event again{chain.now(), std::nullopt, fold::EpochOpened{chain.file().chain, store_1, 1, "GBP", {}}};
    const Bytes bad = decodes ? fold::encode(again)[0] : to_bytes(as_bytes(std::string_view("junk")));
    node.answer = [&](const sync::Message& m) {
      if (std::holds_alternative<sync::Hello>(m)) node.say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
      const auto* have = std::get_if<sync::SpareHave>(&m);
      if (have == nullptr || have->size > held) return;
      sync::SpareEntries entries{origin, have->size, {bad}, std::nullopt, {}};
      entries.signature = node.sign(sync::tail_text({origin, have->size, entries.entries, {}, {}}));
      node.say(entries);
    };
    ASSERT_TRUE(chain.run_until([&] { return chain.machine(spare).spare->view().size == held + 1; }, seconds(10)));
    node.leave();
    chain.destroy("store-01");
    ASSERT_TRUE(chain.promote(spare).has_value()) << chain.machine(spare).died_of->text;
    expect_all_here(chain, store_1, spare);
    chain.sell(store_1, 1);
    EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
    chain.kill(spare);
    ASSERT_TRUE(chain.start(spare).has_value()) << "and again after a power cut";
    EXPECT_EQ(chain.node(spare).state().listed.size(), decodes ? 0u : 1u) << "what cannot be read is for a person";
    settle(chain);
  }
}

TEST(Hostile, tail_is_not_taken_because_somebody_says_so_twice_or_of_more_than_he_was_given) {
  Chain chain(25, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  std::vector<fold::WriteKey> acknowledged;
  for (int i = 0; i < 10; ++i) sell_at(chain, "store-01", acknowledged);
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  chain.run_for(seconds(1));
  const std::string note(as_text(*chain.machine(spare).disk.read_all("registration.note")));
  chain.kill("warehouse");
  Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address, "warehouse");
  isolate(chain, "warehouse", "store-01");
  chain.network.heal("warehouse", "store-01");
  liar.answer = [&](const sync::Message& m) {
    if (!std::holds_alternative<sync::Hello>(m)) return;
    liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    liar.say(sync::Superseded{note});
  };
  ASSERT_TRUE(chain.run_until([&] { return liar.count<sync::Tail>() > 0; }, seconds(20)));
  ASSERT_EQ(chain.node("store-01").phase(), node::Phase::stopped);
  const auto waiting = [&] { return chain.node("store-01").safety().not_taken_in; };
  const std::uint64_t all = waiting();
  EXPECT_GE(all, 10u);
  const auto tail =
      std::ranges::find_if(liar.heard, [](const auto& m) { return std::holds_alternative<sync::Tail>(m); });
  const sync::Tail first = std::get<sync::Tail>(*tail);
  liar.say(sync::TailTaken{first.origin, first.first, first.entries.size() + 1000});
  liar.say(sync::TailTaken{first.origin, first.first + 1, first.entries.size()});
  chain.run_for(seconds(1));
  EXPECT_EQ(waiting(), all) << "that was never offered";
  liar.say(sync::TailTaken{first.origin, first.first, first.entries.size()});
  liar.say(sync::TailTaken{first.origin, first.first, first.entries.size()});
  chain.run_for(seconds(1));
  EXPECT_EQ(waiting(), all - first.entries.size());
}

TEST(Hostile, old_key_of_one_store_leaves_room_for_the_tails_of_another) {
  Chain chain(26, 3);
  for (const auto& [name, m] : chain.machines()) ASSERT_TRUE(chain.start(name)) << name;
  ASSERT_TRUE(
      chain.run_until([&] { return is_signing(chain, "store-01") && is_signing(chain, "store-02"); }, seconds(20)));
  chain.run_for(seconds(2));
  std::vector<std::unique_ptr<Impostor>> old;
  for (const SiteName& site : {store_1, store_2}) {
    chain.kill(site.str());
    const std::string rebuilt = chain.rebuild(site);
    ASSERT_TRUE(comes_to_sign(chain, rebuilt));
    chain.kill(rebuilt);  // the tails wait for it
    old.push_back(std::make_unique<Impostor>(chain, chain.machine(site.str()), "10.9.9.9:1", "old-" + site.str()));
  }
  const auto hand_in = [&](std::size_t i, const SiteName& site, std::size_t tails) {
    old[i]->dial(chain.file().find(head_office)->link_address);
    chain.run_for(seconds(1));
    old[i]->say(sync::Hello{chain.file().chain, site, 1, {}, {}});
    for (std::size_t n = 0; n < tails; ++n) {
      sync::Tail tail{{chain.file().chain, site, 1}, 1000 + n, {to_bytes(as_bytes(std::string_view("x")))}, {}, {}};
      tail.signature = old[i]->sign(sync::tail_text(tail));
      old[i]->say(tail);
    }
    chain.run_for(seconds(2));
    return old[i]->count<sync::TailTaken>();
  };
  EXPECT_EQ(hand_in(0, store_1, 1001), 1000u);
  EXPECT_EQ(hand_in(1, store_2, 1), 1u);
}

// A store was rebuilt, and somebody who has the keys of its old machine calls `whom`.
struct OldKeys {
  Chain chain;
  std::string rebuilt;
  std::unique_ptr<Impostor> old;
  OldKeys(std::uint64_t seed, const SiteName& whom) : chain(seed, 3) {
    start_all(chain);
    chain.kill("store-01");
    rebuilt = chain.rebuild(store_1);
    EXPECT_TRUE(comes_to_sign(chain, rebuilt));
    old = std::make_unique<Impostor>(chain, chain.machine("store-01"));
    old->dial(chain.file().find(whom)->link_address);
    chain.run_for(seconds(1));
    EXPECT_TRUE(old->to.has_value());
    old->say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
  }
  void hand_in(EntryIndex first, std::vector<Bytes> entries) {
    old->hand_in({chain.file().chain, store_1, 1}, first, std::move(entries));
  }
  std::size_t listed() { return chain.node(rebuilt).state().listed.size(); }
};

// 6.4: nor hand in an event that is let in alone and then fits into no message, so that nobody could mirror the site.
TEST(Hostile, old_key_cannot_hand_in_what_no_message_takes) {
  OldKeys t(44, store_1);
  const Bytes much((8u << 20) - (100u << 10), std::byte{'n'});
  t.hand_in(1'000'000, fold::encode({t.chain.now(), std::nullopt,
                                     fold::TailListed{{}, {{t.chain.file().chain, store_1, 1}, 5}, "why", much}}));
  t.chain.run_for(seconds(2));
  EXPECT_GT(t.listed(), 100u) << "each part as it stands";
  t.old->leave();
  for (int i = 0; i < 5; ++i) t.chain.sell(store_1, 1);
  const auto is_cosigned = [&] {
    const node::Safety safety = t.chain.node(t.rebuilt).safety();
    return safety.cosigned_size == safety.size;
  };
  EXPECT_TRUE(t.chain.run_until(is_cosigned, seconds(60)));
}

// 6.4: who has an old key cannot hide what the old machine wrote behind entries of his own.
TEST(Hostile, old_key_cannot_keep_entries_of_a_tail_off_the_list) {
  OldKeys t(28, store_1);
  const auto offer = [&](EntryIndex first, std::vector<Bytes> entries) {
    const std::size_t before = t.listed();
    t.hand_in(first, std::move(entries));
    t.chain.run_for(seconds(1));
    return t.listed() - before;
  };
  const auto junk = [](std::string_view text) { return to_bytes(as_bytes(text)); };
  EXPECT_EQ(offer(1'000'000, {junk("x")}), 1u);
  EXPECT_EQ(offer(1000, {junk("x")}), 1u) << "though one behind it has come before";
  EXPECT_EQ(offer(1000, {junk("y")}), 1u) << "though another stands at its place";
  EXPECT_EQ(offer(1000, {junk("y")}), 0u) << "once, however often it is offered";
  // An event in parts of which some do not come: each as it stands.
  const std::string long_text(150'000, 'n');
  const std::vector<Bytes> parts =
      fold::encode({t.chain.now(), std::nullopt,
                    fold::TailListed{{}, {{t.chain.file().chain, store_1, 1}, 5}, "why", junk(long_text)}});
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(offer(2000, {parts[0], parts[1]}), 2u);
  EXPECT_EQ(offer(3000, {parts[1], parts[2]}), 2u);
  EXPECT_EQ(offer(4000, parts), 1u) << "whole, it is what the old machine had listed";
}

// Of two pieces for one place a mirror passes on both, whichever it was given first.
TEST(Hostile, old_key_cannot_hide_a_piece_that_a_mirror_keeps_behind_one_of_the_same_place) {
  OldKeys t(29, warehouse);
  const std::size_t before = t.listed();
  const auto entry = [](std::string_view text) { return std::vector<Bytes>{to_bytes(as_bytes(text))}; };
  for (const auto& [first, one, other] : {std::tuple(1000, "x", "y"), std::tuple(1000, "p", "q"),
                                          std::tuple(2000, "y", "x"), std::tuple(2000, "q", "p")}) {
    t.hand_in(static_cast<EntryIndex>(first), entry(one));
    t.hand_in(static_cast<EntryIndex>(first), entry(other));
  }
  t.chain.run_for(seconds(5));
  EXPECT_EQ(t.listed(), before + 8);
}

// No liar, but told in the same way: what the old machine announced and nobody has is out, whatever tills send again.
TEST(Hostile, entries_that_are_out_are_told_as_out_though_tills_send_their_sales_again) {
  for (const bool has_spare : {true, false}) {
    Chain chain(27, 3);
    std::string next = start_with_spare(chain);
    isolate(chain, "store-01");
    for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    const std::uint64_t announced = chain.node("store-01").safety().size;
    chain.kill("store-01");
    chain.network.heal_all();
    Impostor old(chain, chain.machine("store-01"));
    for (const SiteName& mirror : {head_office, warehouse, store_2}) {
      old.dial(chain.file().find(mirror)->link_address);
      chain.run_for(seconds(1));
      ASSERT_TRUE(old.to) << mirror.view();
      old.say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
      sync::Heartbeat beat{{chain.file().chain, store_1, 1}, announced, 0, chain.now(), true, std::nullopt};
      beat.signature = old.sign(sync::heartbeat_text(beat));
      old.say(beat);
      chain.run_for(seconds(1));
    }
    old.leave();
    if (has_spare) {
      ASSERT_TRUE(chain.promote(next).has_value());
    } else {
      chain.destroy(next);
      next = chain.rebuild(store_1);
      ASSERT_TRUE(chain.start(next).has_value());
    }
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, next); }, seconds(60))) << has_spare;
    const std::uint64_t out = chain.node(next).safety().not_taken_in;
    EXPECT_GE(out, 10u) << has_spare;
    chain.send_again(store_1);
    chain.run_for(seconds(2));
    expect_all_here(chain, store_1, next);
    EXPECT_EQ(chain.node(next).safety().not_taken_in, out) << has_spare;
  }
}

// A node that says what a test lets it say, to a spare that holds all of it.
struct ToldByItsNode {
  Chain chain;
  std::string spare;
  std::unique_ptr<Impostor> node;
  Origin origin;
  explicit ToldByItsNode(std::uint64_t seed) : chain(seed, 3), spare(start_with_spare(chain)) {
    chain.run_for(seconds(2));
    chain.kill("store-01");
    node = std::make_unique<Impostor>(chain, chain.machine("store-01"), chain.file().find(store_1)->link_address,
                                      "store-01");
    isolate(chain, "store-01", spare);
    origin = {chain.file().chain, store_1, 1};
  }
  void greet() { node->say(sync::Hello{chain.file().chain, store_1, 1, {}, {}}); }
  void give(EntryIndex first, std::size_t count) {
    sync::SpareEntries out{origin, first, std::vector<Bytes>(count, to_bytes(as_bytes(std::string_view("e")))), {}, {}};
    out.signature = node->sign(sync::tail_text({origin, first, out.entries, {}, {}}));
    node->say(out);
  }
};

TEST(Spare, asks_again_though_the_link_ended_before_what_it_gave_back_was_taken) {
  ToldByItsNode t(15);
  const std::uint64_t held = t.chain.machine(t.spare).spare->view().size;
  bool is_first = true;
  t.node->answer = [&](const sync::Message& m) {
    if (std::holds_alternative<sync::Hello>(m)) t.greet();
    const auto* have = std::get_if<sync::SpareHave>(&m);
    if (have != nullptr && is_first && have->size == held) t.give(held, 3);
    if (have != nullptr && is_first && have->size > held) t.node->say(sync::SpareDiffers{t.origin});
    if (std::holds_alternative<sync::Tail>(m)) {
      is_first = false;
      t.node->wire.close(*t.node->to);
    }
  };
  ASSERT_TRUE(t.chain.run_until([&] { return !is_first; }, seconds(20)));
  const std::size_t asked = t.node->count<sync::SpareHave>();
  // The node catches up from a mirror meanwhile, and answers nothing.
  t.node->answer = [&](const sync::Message& m) {
    if (std::holds_alternative<sync::Hello>(m)) t.greet();
  };
  for (int i = 0; i < 14; ++i) {
    t.chain.run_for(seconds(1));
    t.node->say(sync::Heartbeat{t.origin, 0, 0, t.chain.now(), true, std::nullopt});
  }
  EXPECT_GE(t.node->count<sync::SpareHave>(), asked + 3) << "at the link, and then each 3 s";
}

TEST(Spare, that_loses_its_power_at_any_write_can_give_back_all_that_it_holds) {
  ToldByItsNode t(16);
  const std::uint64_t held = t.chain.machine(t.spare).spare->view().size;
  const SimDisk image = t.chain.machine(t.spare).disk;
  bool has_failed = true;
  for (std::uint64_t writes = 0; has_failed && writes < 20; ++writes) {
    t.chain.kill(t.spare);
    t.chain.put_back(t.spare, image);
    bool gives = true;
    std::uint64_t says = 0;
    EntryIndex back_to = held;
    t.node->answer = [&](const sync::Message& m) {
      if (std::holds_alternative<sync::Hello>(m)) t.greet();
      if (const auto* have = std::get_if<sync::SpareHave>(&m)) {
        says = have->size;
        if (gives && have->size == held) t.give(held, 2);
        if (gives && have->size == held + 2) t.give(held + 2, 1);
        if (!gives && have->size > held) t.node->say(sync::SpareDiffers{t.origin});
      }
      if (const auto* tail = std::get_if<sync::Tail>(&m)) {
        EXPECT_TRUE(ed25519_verify(t.node->signer->public_key(KeyUse::log), sync::tail_text(*tail), *tail->signature));
        if (tail->first <= back_to) back_to = std::max(back_to, tail->first + tail->entries.size());
      }
    };
    t.chain.machine(t.spare).power_fails_after = writes;
    const bool has_started = t.chain.start(t.spare).has_value();
    if (has_started) t.chain.run_for(seconds(3));
    has_failed = !has_started || t.chain.machine(t.spare).spare == nullptr;
    gives = false;
    t.chain.kill(t.spare);
    ASSERT_TRUE(t.chain.start(t.spare).has_value());
    t.chain.run_for(seconds(3));
    EXPECT_EQ(back_to, says) << "write " << writes;
  }
  EXPECT_FALSE(has_failed);
}

}  // namespace
}  // namespace holdfast::sim
