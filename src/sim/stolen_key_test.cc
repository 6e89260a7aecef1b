// Who has a site's log key lets its mirrors store, under good checkpoints, what no program folds (protocol 3.2, 5.2,
// promise 7): the site is kept neither from starting nor from coming back.
#include <gtest/gtest.h>

#include "core/fold/event.h"
#include "core/journal/log.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

Bytes junk() { return to_bytes(as_bytes(std::string_view("junk"))); }
Bytes second_opening(Chain& chain) {
  return fold::encode({chain.now(), std::nullopt, fold::EpochOpened{chain.file().chain, store_1, 1, "GBP", {}}})[0];
}
// The first of three parts.
Bytes torn_event(Chain& chain) {
  const Bytes long_text = to_bytes(as_bytes(std::string(150'000, 'n')));
  return fold::encode(
      {chain.now(), std::nullopt, fold::TailListed{{}, {{chain.file().chain, store_1, 1}, 5}, "why", long_text}})[0];
}

// The first store has sold, all its mirrors hold the same, and its machine is off. A thief has its keys.
struct StolenKey {
  explicit StolenKey(std::uint64_t seed) : chain(seed, 3), origin{chain.file().chain, store_1, 1} {
    start_trade(chain);
    for (int i = 0; i < 5; ++i) chain.sell(store_1, 1);
    chain.run_for(seconds(4));
    held = held_at(chain, "warehouse", store_1);
    EXPECT_EQ(held, chain.node("store-01").safety().cosigned_size);
    EXPECT_EQ(held, held_at(chain, "head-office", store_1));
    EXPECT_EQ(held, held_at(chain, "store-02", store_1));
    chain.kill("store-01");
    thief = std::make_unique<Impostor>(chain, chain.machine("store-01"));
  }
  // This mirror stores these entries behind all that it holds.
  void give(const std::string& mirror, const std::vector<Bytes>& entries) {
    SerialExecutor executor;
    SimDisk copy = chain.machine(mirror).disk;
    const auto log = journal::Log::open(copy, executor, origin);
    ASSERT_TRUE(log.has_value());
    const EntryIndex first = (*log)->size();
    for (const Bytes& entry : entries) (*log)->append(entry);
    const auto note =
        journal::sign_checkpoint({origin, (*log)->size(), (*log)->root()}, thief->signer->public_key(KeyUse::log),
                                 [&](ByteView text) { return thief->sign(text); });
    thief->dial(chain.file().find(SiteName(mirror))->link_address);
    chain.run_for(seconds(1));
    ASSERT_TRUE(thief->to.has_value()) << mirror;
    thief->say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
    thief->say(sync::Entries{origin, first, entries, journal::to_text(note.note)});
    chain.run_for(seconds(1));
    ASSERT_EQ(held_at(chain, mirror, store_1), first + entries.size());
    thief->wire.close(*thief->to);
    chain.run_for(seconds(1));
  }
  // All three mirrors have it, and the store's machine is lost. The new one's name.
  std::string give_all_and_lose(const Bytes& entry) {
    for (const char* mirror : {"head-office", "warehouse", "store-02"}) give(mirror, {entry});
    thief->leave();
    chain.destroy("store-01");
    return chain.rebuild(store_1);
  }
  Chain chain;
  Origin origin;
  std::uint64_t held = 0;
  std::unique_ptr<Impostor> thief;
};

// 3.2: it is folded before it is committed, so this start and the next ones stand.
TEST(StolenKey, node_that_is_given_back_what_cannot_be_folded_takes_none_of_it) {
  for (const int kind : {0, 1, 2}) {
    StolenKey t(61);
    Chain& chain = t.chain;
    t.give("warehouse", {kind == 0 ? junk() : kind == 1 ? second_opening(chain) : torn_event(chain)});
    t.thief->leave();
    for (const std::uint64_t sales : {6u, 7u}) {
      ASSERT_TRUE(chain.start("store-01").has_value()) << kind << ": " << chain.machine("store-01").died_of->text;
      chain.run_for(seconds(8));
      ASSERT_TRUE(chain.machine("store-01").node) << kind << ": " << chain.machine("store-01").died_of->text;
      node::Node& node = chain.node("store-01");
      EXPECT_EQ(node.state().contradictions.size(), 1u) << "it is kept as evidence, and once";
      EXPECT_FALSE(node.safety().signs) << "another history than its key has signed";
      chain.sell(store_1, 1);
      chain.run_for(seconds(1));
      EXPECT_EQ(chain.node("store-01").state().till.totals.sales, sales) << "it sells on";
      chain.kill("store-01");
    }
    chain.destroy("store-01");
    const std::string again = chain.rebuild(store_1, std::pair(t.origin, t.held));
    EXPECT_TRUE(comes_to_sign(chain, again)) << kind;
  }
}

// 5.2: what is kept ends before it, as on a spare.
TEST(StolenKey, rebuild_goes_on_from_before_what_cannot_be_folded) {
  for (const bool decodes : {false, true}) {
    StolenKey t(62);
    Chain& chain = t.chain;
    if (decodes) {  // of this journal itself, which nobody folds
      const fold::PeerFollowed own{{{t.origin, 1ull << 40, {}, {}}}};
      const Bytes entry = fold::encode({chain.now(), std::nullopt, own})[0];
      for (const char* mirror : {"head-office", "warehouse", "store-02"}) t.give(mirror, {entry});
      ++t.held;
    }
    const std::string again = t.give_all_and_lose(decodes ? second_opening(chain) : junk());
    ASSERT_TRUE(comes_to_sign(chain, again)) << decodes;
    EXPECT_EQ(chain.node(again).recovery()->cosigned, t.held);
    EXPECT_EQ(chain.node(again).state().till.totals.sales, 5u);
    chain.sell(store_1, 1);
    chain.run_for(seconds(5));
    EXPECT_EQ(chain.node(again).state().listed.size(), decodes ? 0u : 1u) << "what cannot be read is for a person";
    chain.kill(again);
    EXPECT_TRUE(comes_to_sign(chain, again)) << "and again after a power cut";
    EXPECT_EQ(chain.node(again).state().till.totals.sales, 6u);
  }
}

// 7.2: of what an entry names of a peer nobody can tell whether it is lost or made up. People are told which entry, and
// rebuild at a clean point before it; meanwhile nothing is fetched over and over.
TEST(StolenKey, rebuild_says_which_entry_names_what_nobody_has) {
  for (const bool is_too_long : {false, true}) {
    StolenKey t(63);
    Chain& chain = t.chain;
    const Origin prices{chain.file().chain, head_office, 1};
    const std::uint64_t size = is_too_long ? 1ull << 40 : chain.node("head-office").safety().cosigned_size;
    const fold::Event made_up{chain.now(), std::nullopt,
                              fold::PeerFollowed{{{prices, size, sha256(as_bytes("nobody's")), {}}}}};
    const std::string again = t.give_all_and_lose(fold::encode(made_up)[0]);
    std::size_t pieces = 0;
    chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to,
                                                        ByteView bytes) {
      const auto message = sync::decode(bytes);
      const auto* entries = message ? std::get_if<sync::Entries>(&*message) : nullptr;
      if (to == again && entries != nullptr && entries->origin == prices) ++pieces;
      before(from, to, bytes);
    };
    ASSERT_TRUE(chain.start(again).has_value());
    chain.run_for(seconds(40));
    ASSERT_TRUE(chain.machine(again).node) << chain.machine(again).died_of->text;
    ASSERT_TRUE(chain.node(again).progress().has_value()) << is_too_long;
    const std::string step = chain.node(again).progress()->step;
    EXPECT_NE(step.find("entry " + std::to_string(t.held) + " of " + t.origin.text()), std::string::npos) << step;
    EXPECT_LT(pieces, 100u);
    chain.destroy(again);
    EXPECT_TRUE(comes_to_sign(chain, chain.rebuild(store_1, std::pair(t.origin, t.held)))) << is_too_long;
  }
}

}  // namespace
}  // namespace holdfast::sim
