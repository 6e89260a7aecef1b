// What only a spare has comes back from it: to a node on an old disk, and to the next epoch (protocol 3.2, 10.1).
#include <gtest/gtest.h>

#include "sim/repair_test_support.h"

namespace holdfast::sim {
namespace {

// The store has sold with nobody but its spare in reach, and its machine stands there with a disk of before. The spare.
std::string sell_alone_and_go_back(Chain& chain) {
  const std::string spare = start_with_spare(chain);
  const SimDisk image = chain.machine("store-01").disk;
  isolate(chain, "store-01", spare);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  EXPECT_TRUE(holds_all(chain, spare, "store-01"));
  chain.kill("store-01");
  chain.put_back("store-01", image);
  return spare;
}

TEST(Spare, gives_back_to_a_node_on_an_old_disk_what_no_mirror_has) {
  Chain chain(8, 3);
  const std::string spare = sell_alone_and_go_back(chain);
  ASSERT_TRUE(chain.start("store-01").has_value());
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(20)))
      << chain.machine(spare).spare->view().problem;
  std::size_t back = 0;
  for (const TillWrite& w : chain.writes(store_1))
    if (chain.node("store-01").state().find_write({w.request.till, w.request.key}) != nullptr) ++back;
  // What the node had signed meanwhile stands under its checkpoint at the spare and contradicts nothing; what it had
  // not is given back.
  EXPECT_EQ(back, 10u);
}

// Two weeks of a store that nobody reached are more than a link takes at once.
TEST(Spare, gives_back_more_than_waits_on_a_link) {
  Chain chain(42, 3);
  const std::string spare = start_with_spare(chain);
  const SimDisk image = chain.machine("store-01").disk;
  chain.kill("store-01");
  isolate(chain, "store-01", spare);
  ASSERT_TRUE(chain.start("store-01").has_value());  // asks, and nobody tells: it signs nothing
  sell_much(chain, 500);
  ASSERT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(30)));
  chain.kill("store-01");
  chain.put_back("store-01", image);
  chain.network.unsent_bytes_max = 10u << 20;
  bool stands_still = false;  // its line, from when it hears that the node lacks something
  chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to, ByteView bytes) {
    const auto message = sync::decode(bytes);
    if (to == spare && message && std::holds_alternative<sync::SpareDiffers>(*message)) {
      stands_still = true;
      chain.network.clog(spare, from);
    }
    before(from, to, bytes);
  };
  ASSERT_TRUE(chain.start("store-01").has_value());
  ASSERT_TRUE(chain.run_until([&] { return stands_still; }, seconds(20)));
  ASSERT_EQ(not_here(chain, store_1, "store-01"), 500u);
  chain.run_for(seconds(5));
  EXPECT_TRUE(chain.machine(spare).spare->view().is_linked) << chain.machine(spare).spare->view().problem;
  chain.network.clear(spare, "store-01");
  EXPECT_TRUE(chain.run_until([&] { return not_here(chain, store_1, "store-01") == 0; }, seconds(120)))
      << not_here(chain, store_1, "store-01") << " of 500; " << chain.machine(spare).spare->view().problem;
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(60)));
}

// The mirrors are on the same old day as the disk, and answer at once; the spare calls a moment later.
TEST(Spare, is_heard_before_a_node_that_starts_among_its_mirrors_signs) {
  Chain chain(18, 3);
  const std::string spare = sell_alone_and_go_back(chain);
  chain.disk_was_replaced(store_1);
  chain.network.heal_all();
  ASSERT_TRUE(comes_to_sign(chain, "store-01"));
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(20)))
      << chain.machine(spare).spare->view().problem;
  expect_all_here(chain, store_1, "store-01");
  settle(chain);
}

// What comes back is taken in piece by piece (6.4): of an event that lies in two, parts are listed, and it is never
// taken.
TEST(Spare, is_given_whole_events) {
  Chain chain(51, 2);
  start_trade(chain);
  for (int i = 0; i < 12; ++i) {  // of some hundred kB each, and a piece is of 1 MiB
    chain.sell(store_1, 1, 4500);
    chain.run_for(milliseconds(200));
  }
  chain.run_for(seconds(2));
  const std::string spare = chain.add_spare(store_1);
  int pieces = 0, torn = 0;
  chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to, ByteView bytes) {
    const auto message = sync::decode(bytes);
    const auto* given = message && to == spare ? std::get_if<sync::SpareEntries>(&*message) : nullptr;
    if (given != nullptr && !given->entries.empty()) {
      ++pieces;
      fold::Joiner joiner;
      bool is_whole = true;
      for (const Bytes& entry : given->entries) is_whole = joiner.take(entry).has_value() && is_whole;
      torn += is_whole && !joiner.in_the_middle() ? 0 : 1;
    }
    if (before) before(from, to, bytes);
  };
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(60)));
  EXPECT_GE(pieces, 3);
  EXPECT_EQ(torn, 0);
}

// A store with a spare that sold while it signed nothing: what the spare has of that is under no checkpoint.
struct SoldUnsigned {
  explicit SoldUnsigned(std::uint64_t seed) : chain(seed, 3), spare(start_with_spare(chain)) {
    image = chain.machine("store-01").disk;
    chain.kill("store-01");
    isolate(chain, "store-01", spare);
    EXPECT_TRUE(chain.start("store-01").has_value());  // asks, and nobody tells
    EXPECT_TRUE(chain.run_until([&] { return chain.machine(spare).spare->view().is_linked; }, seconds(20)));
    before = chain.machine(spare).spare->view().size;
    for (int i = 0; i < 10; ++i) {
      chain.sell(store_1, 1);
      chain.run_for(milliseconds(300));
    }
    EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(20)));
  }
  std::size_t not_here(const std::string& machine) { return sim::not_here(chain, store_1, machine); }
  Chain chain;
  std::string spare;
  SimDisk image{Random(1)};
  std::uint64_t before = 0;
};

// Its disk has lost one of the pieces that the node lacks: found when they are to be given back, or at a start, from
// where on nothing behind the hole is known (2.4).
class SpareLoses : public testing::TestWithParam<std::tuple<Harm, bool>> {};

TEST_P(SpareLoses, one_piece_and_gives_back_the_others) {
  const auto [how, is_restarted] = GetParam();
  SoldUnsigned t(19);
  t.chain.kill("store-01");
  if (is_restarted) t.chain.kill(t.spare);
  const Origin origin{t.chain.file().chain, store_1, 1};
  const std::vector<Stored> all = commits(t.chain.machine(t.spare), origin);
  const auto rotten = std::ranges::find_if(all, [&](const Stored& s) { return s.header.first > t.before + 3; });
  ASSERT_NE(rotten, all.end());
  harm(t.chain, t.spare, *rotten, how);
  if (is_restarted) {
    ASSERT_TRUE(t.chain.start(t.spare).has_value());
    ASSERT_FALSE(t.chain.machine(t.spare).spare->view().damage.empty());
  }
  t.chain.put_back("store-01", t.image);
  ASSERT_TRUE(t.chain.start("store-01").has_value());
  t.chain.run_for(seconds(20));
  EXPECT_GE(t.not_here("store-01"), 1u);
  EXPECT_LE(t.not_here("store-01"), rotten->header.count);
  EXPECT_TRUE(holds_all(t.chain, t.spare, "store-01"))
      << "it follows on: " << t.chain.machine(t.spare).spare->view().problem;
  EXPECT_TRUE(t.chain.machine(t.spare).spare->view().damage.empty());
  t.chain.kill(t.spare);
  ASSERT_TRUE(t.chain.start(t.spare).has_value());
  EXPECT_TRUE(t.chain.run_until([&] { return holds_all(t.chain, t.spare, "store-01"); }, seconds(20)));
}
INSTANTIATE_TEST_SUITE_P(All, SpareLoses,
                         testing::Combine(testing::Values(Harm::rot, Harm::unreadable), testing::Bool()));

TEST(Spare, offers_the_end_of_an_epoch_until_the_next_has_taken_it) {
  SoldUnsigned t(20);
  t.chain.destroy("store-01");
  t.chain.network.heal_all();
  const std::string again = t.chain.rebuild(store_1);
  bool is_first = true;
  t.chain.network.tap = [&, before = t.chain.network.tap](const std::string& from, const std::string& to,
                                                          ByteView bytes) {
    const auto message = sync::decode(bytes);
    if (from == t.spare && message && std::holds_alternative<sync::Tail>(*message) && std::exchange(is_first, false))
      t.chain.network.cut(t.spare, again);
    if (before) before(from, to, bytes);
  };
  ASSERT_TRUE(comes_to_sign(t.chain, again));
  t.chain.kill(t.spare);
  t.chain.certify_again(t.spare);  // people sign the waiting machine a certificate for the new epoch
  ASSERT_TRUE(t.chain.start(t.spare).has_value());
  ASSERT_TRUE(t.chain.run_until([&] { return !is_first; }, seconds(30)));
  t.chain.run_for(seconds(3));
  t.chain.network.heal_all();
  EXPECT_TRUE(t.chain.run_until([&] { return t.not_here(again) == 0; }, seconds(30)));
  settle(t.chain);
}

// The node signed it with no mirror in reach: below its checkpoint, and nobody else has it. Once it is taken in, it is
// not given again.
TEST(Spare, offers_what_an_ended_epoch_had_signed_until_the_next_has_taken_it) {
  Chain chain(46, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  ASSERT_TRUE(holds_all(chain, spare, "store-01"));
  chain.destroy("store-01");
  chain.network.heal_all();
  const std::string again = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, again));
  ASSERT_EQ(not_here(chain, store_1, again), 10u);
  int given = 0;
  chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to, ByteView bytes) {
    const auto message = sync::decode(bytes);
    if (from == spare && message && std::holds_alternative<sync::Tail>(*message)) ++given;
    before(from, to, bytes);
  };
  chain.kill(spare);
  chain.certify_again(spare);
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return not_here(chain, store_1, again) == 0; }, seconds(30)))
      << chain.machine(spare).spare->view().problem;
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, again); }, seconds(30)));
  chain.run_for(seconds(2));  // mirrors have it, too
  EXPECT_GE(given, 1);
  given = 0;
  chain.kill(spare);
  ASSERT_TRUE(chain.start(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, again); }, seconds(30)));
  EXPECT_EQ(given, 0);
  settle(chain);
}

// Its disk has lost a sector of that, and shows it while it is read to be given.
TEST(Spare, follows_on_though_what_an_ended_epoch_had_signed_has_a_hole) {
  for (const bool is_old_copy_kept : {true, false}) {
    Chain chain(49, 3);
    const std::string spare = start_with_spare(chain);
    isolate(chain, "store-01", spare);
    for (int i = 0; i < 20; ++i) {
      chain.sell(store_1, 1);
      chain.run_for(milliseconds(30));
    }
    chain.run_for(seconds(2));
    const Origin old{chain.file().chain, store_1, 1};
    const std::uint64_t size = chain.node("store-01").safety().size;
    ASSERT_TRUE(holds_all(chain, spare, "store-01"));
    chain.destroy("store-01");
    chain.network.heal_all();
    const std::string again =
        is_old_copy_kept ? chain.rebuild(store_1) : chain.rebuild(store_1, std::pair(old, std::uint64_t{0}));
    ASSERT_TRUE(comes_to_sign(chain, again));
    // The second of two commits that one checkpoint closes.
    const std::vector<Stored> all = records(chain.machine(spare), old);
    const auto is_commit = [](const Stored& s) { return s.header.kind == journal::RecordKind::commit; };
    const auto second = std::ranges::find_if(all, [&](const Stored& s) {
      return s.header.first + 10 > size && is_commit(s) && &s != all.data() && is_commit(*(&s - 1));
    });
    ASSERT_NE(second, all.end());
    chain.kill(spare);
    chain.certify_again(spare);
    ASSERT_TRUE(chain.start(spare).has_value());
    harm(chain, spare, *second, Harm::unreadable);
    EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, again); }, seconds(30)))
        << chain.machine(spare).died_of.value_or(Error{}).text;
    chain.sell(store_1, 1);
    chain.run_for(seconds(3));
    EXPECT_TRUE(holds_all(chain, spare, again));
  }
}

// The machine that had taken it was lost with it.
TEST(Spare, offers_what_an_ended_epoch_had_signed_to_each_that_goes_on_from_there) {
  Chain chain(50, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01", spare);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  const Origin old{chain.file().chain, store_1, 1};
  chain.destroy("store-01");
  chain.network.heal_all();
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, second));
  const std::uint64_t kept = chain.node(second).recovery()->cosigned;
  chain.kill(spare);
  chain.certify_again(spare);
  ASSERT_TRUE(chain.start(spare).has_value());
  ASSERT_TRUE(chain.run_until([&] { return not_here(chain, store_1, second) == 0; }, seconds(30)));
  chain.run_for(seconds(3));
  chain.destroy(second);
  const std::string third = chain.rebuild(store_1, std::pair(old, kept));
  ASSERT_TRUE(comes_to_sign(chain, third));
  chain.kill(spare);
  chain.certify_again(spare);
  ASSERT_TRUE(chain.start(spare).has_value());
  const auto is_known = [&] {  // behind a clean point each is for a person
    const auto& state = chain.node(third).state();
    return state.listed.size() >= 10 || not_here(chain, store_1, third) == 0;
  };
  EXPECT_TRUE(chain.run_until(is_known, seconds(30))) << chain.node(third).state().listed.size();
}

// Two machines of the store were lost one after the other while it waited for a certificate.
TEST(Spare, offers_the_end_of_an_epoch_to_a_machine_that_goes_on_from_a_later_one) {
  SoldUnsigned t(20);
  t.chain.kill(t.spare);
  t.chain.destroy("store-01");
  t.chain.network.heal_all();
  const std::string second = t.chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(t.chain, second));
  t.chain.run_for(seconds(3));
  t.chain.destroy(second);
  const std::string third = t.chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(t.chain, third));
  ASSERT_GT(t.not_here(third), 0u);
  t.chain.certify_again(t.spare);
  ASSERT_TRUE(t.chain.start(t.spare).has_value());
  EXPECT_TRUE(t.chain.run_until([&] { return t.not_here(third) == 0; }, seconds(30)));
  settle(t.chain);
}

}  // namespace
}  // namespace holdfast::sim
