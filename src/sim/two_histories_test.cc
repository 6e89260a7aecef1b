// A node on an old disk signs a second history of its journal, and its site is rebuilt (protocol 4.3, 5.2).
#include "sim/repair_test_support.h"

namespace holdfast::sim {
namespace {

// The newest checkpoint of store-01's first epoch on this machine's disk.
std::string last_note(Chain& chain, const std::string& machine) {
  SerialExecutor executor;
  SimDisk copy = chain.machine(machine).disk;
  return (*journal::Log::open(copy, executor, Origin{chain.file().chain, store_1, 1}))->last_checkpoint();
}

// store-01 is mirrored by head office, the warehouse and store-02.
struct Parted {
  // One mirror alone is given what its machine signs next; then that machine is started from an older image of its
  // disk, without this mirror, and the other two cosign what it signs now.
  void part(const std::string& lone, int sales_before, int sales_after) {
    std::vector<std::string> others{"head-office", "warehouse", "store-02"};
    std::erase(others, lone);
    start_all(chain_);
    open_trade(chain_);
    sell(10);
    chain_.run_for(seconds(2));
    const SimDisk image = chain_.machine("store-01").disk;
    keep_apart(others);
    for (const std::string& other : others) chain_.network.cut(lone, other);  // nor do they hear of it
    sell(sales_before);
    chain_.run_for(seconds(2));
    chain_.kill("store-01");
    chain_.put_back("store-01", image);
    chain_.disk_was_replaced(store_1);
    chain_.network.heal_all();
    for (const auto& [name, m] : chain_.machines()) chain_.network.cut(lone, name);
    ASSERT_TRUE(comes_to_sign(chain_, "store-01"));
    sell(sales_after);
    chain_.run_for(seconds(2));
    cosigned_ = chain_.node("store-01").safety().cosigned_size;
    ASSERT_EQ(cosigned_, chain_.node("store-01").safety().size);
    ASSERT_EQ(held(lone) > cosigned_, sales_before > sales_after);
  }
  void sell(int sales) {
    for (int i = 0; i < sales; ++i) {
      chain_.sell(store_1, 1);
      chain_.run_for(milliseconds(40));
    }
  }
  void keep_apart(const std::vector<std::string>& mirrors) {
    for (const std::string& mirror : mirrors) chain_.network.cut("store-01", mirror);
  }
  std::uint64_t held(const std::string& at) {
    for (const node::SiteView& view : chain_.node(at).sites())
      if (view.site == store_1) return view.held_here.value_or(0);
    return 0;
  }
  bool has_branch(const std::string& at) {
    return std::ranges::any_of(chain_.machine(at).disk.files(), [](const auto& file) {
      return file.first.starts_with("journals/store-01/1.branch-1/");
    });
  }
  void rebuild() {
    chain_.destroy("store-01");
    next_ = chain_.rebuild(store_1);
    ASSERT_TRUE(chain_.start(next_).has_value());
  }

  Chain chain_{3, 4};
  std::uint64_t cosigned_ = 0;
  std::string next_;
};
class TwoHistories : public testing::Test, protected Parted {};

TEST_F(TwoHistories, the_rebuild_keeps_the_cosigned_one_though_the_other_is_longer) {
  part("store-02", 30, 5);
  chain_.network.heal_all();
  rebuild();
  ASSERT_TRUE(chain_.run_until([&] { return is_signing(chain_, next_); }, seconds(30)));
  EXPECT_EQ(chain_.node(next_).recovery()->cosigned, cosigned_);
  settle(chain_);
  EXPECT_EQ(chain_.node(next_).state().till.totals.sales, 45u);
}

TEST_F(TwoHistories, one_of_the_two_who_cosigned_it_proves_it) {
  part("store-02", 30, 5);
  chain_.kill("warehouse");
  chain_.network.heal_all();
  rebuild();
  ASSERT_TRUE(chain_.run_until([&] { return is_signing(chain_, next_); }, seconds(30)));
  EXPECT_EQ(chain_.node(next_).recovery()->cosigned, cosigned_);
  ASSERT_TRUE(chain_.start("warehouse").has_value());
  settle(chain_);
}

TEST_F(TwoHistories, a_rebuild_that_is_interrupted_between_the_two_gets_there) {
  part("store-02", 30, 5);
  chain_.network.heal_all();
  rebuild();
  for (int i = 0; i < 12; ++i) {  // every now and then its power fails
    chain_.run_for(milliseconds(400));
    chain_.kill(next_);
    ASSERT_TRUE(chain_.start(next_).has_value());
    if (is_signing(chain_, next_)) break;
  }
  ASSERT_TRUE(chain_.run_until([&] { return is_signing(chain_, next_); }, seconds(30)));
  EXPECT_EQ(chain_.node(next_).recovery()->cosigned, cosigned_);
  settle(chain_);
}

// A copy of the history that was not kept is no reason to stand still: it is left beside, and its holder follows on.
TEST_F(TwoHistories, who_holds_more_of_the_other_one_follows_the_successor) {
  part("warehouse", 30, 5);
  chain_.network.heal_all();
  rebuild();
  settle(chain_);
  EXPECT_TRUE(has_branch("warehouse"));
}

TEST_F(TwoHistories, a_sector_of_the_other_one_that_cannot_be_read_ends_nobody) {
  part("warehouse", 30, 5);
  const std::vector<Stored> all = commits(chain_.machine("warehouse"), {chain_.file().chain, store_1, 1});
  const auto beyond = std::ranges::find_if(all, [&](const Stored& s) { return s.header.first > cosigned_; });
  ASSERT_NE(beyond, all.end());
  harm(chain_, "warehouse", *beyond, Harm::unreadable);
  rebuild();  // by head office and store-02, which cosigned
  chain_.network.cut("warehouse", next_);
  ASSERT_TRUE(chain_.run_until([&] { return is_signing(chain_, next_); }, seconds(30)));
  chain_.network.heal_all();
  settle(chain_);
  EXPECT_TRUE(has_branch("warehouse"));
}

// It is the longest, so it is fetched first; and nobody else can fill it in.
TEST_F(TwoHistories, the_rebuild_goes_on_without_a_mirror_that_cannot_read_the_other) {
  part("warehouse", 30, 5);
  const std::vector<Stored> all = commits(chain_.machine("warehouse"), {chain_.file().chain, store_1, 1});
  harm(chain_, "warehouse", all[all.size() - 5], Harm::unreadable);
  chain_.network.heal_all();
  rebuild();
  EXPECT_TRUE(chain_.run_until([&] { return is_signing(chain_, next_); }, seconds(150)));
  EXPECT_EQ(chain_.node(next_).recovery()->cosigned, cosigned_);
  settle(chain_);
}

TEST_F(TwoHistories, who_holds_less_of_the_other_one_follows_the_successor) {
  part("warehouse", 3, 25);
  chain_.network.heal_all();
  rebuild();
  settle(chain_);
  EXPECT_TRUE(has_branch("warehouse"));
  chain_.kill("warehouse");
  ASSERT_TRUE(chain_.start("warehouse").has_value());
  settle(chain_);
}

// Copy, cut and the common part's return are many writes; what the state rests on is there after each of them.
TEST(TwoHistoriesOfOne, a_branch_is_left_though_the_power_fails_at_any_write) {
  unsigned in_the_middle = 0;
  for (std::uint64_t writes = 0; writes < 40; ++writes) {
    Parted p;
    p.part("warehouse", 12, 5);
    p.rebuild();  // by head office and store-02, which cosigned
    p.chain_.network.cut("warehouse", p.next_);
    ASSERT_TRUE(p.chain_.run_until([&] { return is_signing(p.chain_, p.next_); }, seconds(30)));
    Machine& m = p.chain_.machine("warehouse");
    m.disk.crash_after(writes, Fault::disk_unsynced_lost);
    p.chain_.network.heal_all();
    if (!p.chain_.run_until([&] { return m.node == nullptr; }, seconds(5))) break;  // it has written less
    in_the_middle += m.disk.files().contains("leaving-copy");
    ASSERT_TRUE(p.chain_.start("warehouse").has_value()) << writes;
    EXPECT_FALSE(p.chain_.node("warehouse").progress()) << "what its state rests on is gone, after " << writes;
    settle(p.chain_);
    EXPECT_TRUE(p.has_branch("warehouse")) << writes;
    if (testing::Test::HasFailure()) FAIL() << "after " << writes << " writes";
  }
  EXPECT_GT(in_the_middle, 3u);
}

// It fails at the second file of the copy; each start would leave another part of one, until all places are taken.
TEST_F(TwoHistories, a_branch_that_finds_no_room_is_left_at_a_later_start) {
  Machine& m = chain_.machine("warehouse");
  part("warehouse", 30, 5);
  restart(chain_, {"warehouse"});  // its copies go on in a new file
  rebuild();                       // by head office and store-02, which cosigned
  chain_.network.cut("warehouse", next_);
  ASSERT_TRUE(chain_.run_until([&] { return is_signing(chain_, next_); }, seconds(30)));
  const std::string copy = "journals/store-01/1/";
  std::vector<std::string> files;
  for (const auto& [path, content] : m.disk.files())
    if (path.starts_with(copy)) files.push_back(path.substr(copy.size()));
  ASSERT_GE(files.size(), 2u);
  m.disk.full_for = "1.branch-1/" + files[1];
  chain_.network.heal_all();
  for (int start = 0; start < 2; ++start) {
    EXPECT_TRUE(chain_.run_until(
        [&] { return !m.node || told_of_a_full_disk(chain_, "warehouse") > static_cast<unsigned>(start); },
        seconds(90)));
    ASSERT_TRUE(m.node) << (m.died_of ? m.died_of->text : "");
    EXPECT_FALSE(has_branch("warehouse")) << "a part of a copy";
    EXPECT_TRUE(m.disk.files().contains(copy + files[0]));
    chain_.kill("warehouse");
    m.disk.full_for = start == 0 ? "1.branch-1/" : "";  // its last file has another number now; then there is room
    ASSERT_TRUE(chain_.start("warehouse").has_value());
  }
  settle(chain_);
  EXPECT_TRUE(has_branch("warehouse"));
}

// What a spare has copied of the other history is of no use any more: it would fold what its node does not have.
TEST_F(TwoHistories, the_spare_of_who_left_it_opens_with_the_one_that_was_kept) {
  part("warehouse", 30, 5);
  const std::string spare = chain_.add_spare(warehouse);
  ASSERT_TRUE(chain_.start(spare).has_value());
  ASSERT_TRUE(chain_.run_until([&] { return chain_.machine(spare).spare->view().is_linked; }, seconds(10)));
  chain_.run_for(seconds(3));
  chain_.network.heal_all();
  rebuild();
  settle(chain_);
  ASSERT_TRUE(has_branch("warehouse"));
  EXPECT_FALSE(has_branch(spare));
  chain_.run_for(seconds(5));
  chain_.destroy("warehouse");
  chain_.run_for(seconds(5));
  ASSERT_TRUE(chain_.promote(spare).has_value());
  settle(chain_);
}

// A mirror that has lost everything is told of both: which of them it had signed it cannot know.
TEST_F(TwoHistories, a_mirror_that_came_back_counts_for_neither) {
  part("store-02", 30, 5);
  chain_.destroy("warehouse");
  const std::string mirror = chain_.rebuild(warehouse);
  ASSERT_TRUE(chain_.start(mirror).has_value());
  chain_.network.heal_all();
  keep_apart({"store-02"});
  const auto view = [&] {
    for (node::SiteView& each : chain_.node(mirror).sites())
      if (each.site == store_1) return each;
    return node::SiteView();
  };
  ASSERT_TRUE(
      chain_.run_until([&] { return is_signing(chain_, mirror) && view().held_here >= cosigned_; }, seconds(30)));
  sell(60);  // by now it holds more than either told
  chain_.run_for(seconds(5));
  EXPECT_FALSE(view().counts_here);
  EXPECT_FALSE(chain_.node(mirror).state().contradictions.empty());
}

// 4.3, 13.94: it holds one and is offered the other. Its copy cannot be opened, and is begun anew: it goes on with
// neither.
TEST_F(TwoHistories, who_has_seen_them_takes_neither_into_a_copy_that_begins_anew) {
  part("store-02", 5, 30);
  chain_.network.heal_all();
  const auto has_seen = [&] { return !chain_.node("store-02").state().contradictions.empty(); };
  ASSERT_TRUE(chain_.run_until(has_seen, seconds(30)));
  chain_.run_for(seconds(1));
  chain_.kill("store-02");
  put_foreign_segment(chain_, "store-02", {chain_.file().chain, store_1, 1}, head_office);
  chain_.disk_has_lost("store-02");
  ASSERT_TRUE(comes_to_sign(chain_, "store-02"));
  sell(5);
  chain_.run_for(seconds(20));
  EXPECT_TRUE(tells_damage(chain_, "store-02", "1.damaged-1"));
  EXPECT_EQ(held("store-02"), 0u);
  EXPECT_FALSE(counts_for(chain_, "store-02", store_1));
  rebuild();
  settle(chain_);
}

// 4.3: it is shown the other one at a start. At the next, those who could show it are out of reach.
TEST_F(TwoHistories, their_owner_signs_no_more_when_nobody_shows_it_the_other_either) {
  part("store-02", 5, 30);
  chain_.network.heal_all();
  chain_.kill("store-01");
  keep_apart({"warehouse"});
  ASSERT_TRUE(chain_.start("store-01").has_value());
  const auto has_seen = [&] { return !chain_.node("store-01").state().contradictions.empty(); };
  ASSERT_TRUE(chain_.run_until(has_seen, seconds(30)));
  chain_.run_for(seconds(1));
  chain_.kill("store-01");
  chain_.network.heal_all();
  keep_apart({"store-02"});
  ASSERT_TRUE(chain_.start("store-01").has_value());
  sell(5);
  chain_.run_for(seconds(20));
  EXPECT_EQ(chain_.node("store-01").counters().checkpoints, 0u);
  EXPECT_EQ(not_here(chain_, store_1, "store-01"), 5u);  // which the other one has; it sells
}

// It is shown the other one while it signs. What it sealed and registered then would stand in a journal that nobody
// cosigns, on a machine that people are going to replace.
TEST_F(TwoHistories, their_owner_seals_for_nobody) {
  part("store-02", 5, 30);
  const std::string note = last_note(chain_, "store-02");
  chain_.network.heal_all();
  chain_.kill("store-02");
  isolate(chain_, "store-02", "store-01");
  Impostor thief(chain_, chain_.machine("store-02"), chain_.file().find(SiteName("store-02"))->link_address,
                 "store-02");
  thief.answer = [&](const sync::Message& m) {
    if (std::holds_alternative<sync::Hello>(m))
      thief.say(sync::Hello{chain_.file().chain, SiteName("store-02"), 1, {}, {}});
  };
  ASSERT_TRUE(chain_.run_until([&] { return thief.to.has_value(); }, seconds(30)));
  // On a full disk too (13.117): both notes are in the journal, the file beside it is for people.
  Machine& owner = chain_.machine("store-01");
  owner.disk.is_full = true;
  thief.say(sync::Gossip{note});
  ASSERT_TRUE(chain_.run_until([&] { return !owner.node || !owner.node->state().contradictions.empty(); }, seconds(5)));
  ASSERT_TRUE(owner.node) << (owner.died_of ? owner.died_of->text : "");
  ASSERT_EQ(owner.node->phase(), node::Phase::signing);
  owner.disk.is_full = false;
  ASSERT_EQ(chain_.file().find(SiteName("store-04"))->mirrors.back(), store_1);
  chain_.destroy("store-04");
  const std::string next = chain_.rebuild(SiteName("store-04"));
  chain_.network.cut(next, "warehouse");  // head office and store-01 would be a quorum
  ASSERT_TRUE(chain_.start(next).has_value());
  chain_.run_for(seconds(30));
  EXPECT_FALSE(is_signing(chain_, next));
  chain_.network.heal_all();
  EXPECT_TRUE(chain_.run_until([&] { return is_signing(chain_, next); }, seconds(30)));
}

// 3.2, 4.3: it is back on an old disk, sells, and one mirror shows it at once how far it had signed. That is what it
// comes back to, not a second history.
TEST(TwoHistoriesOf, one_machine_are_not_seen_in_what_its_old_disk_lacks) {
  Chain chain(14, 3);
  start_trade(chain);
  const SimDisk image = chain.machine("store-01").disk;
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  const std::string note = last_note(chain, "store-01");
  chain.kill("store-01");
  chain.put_back("store-01", image);
  chain.kill("warehouse");
  {
    Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address, "warehouse");
    isolate(chain, "store-01", "warehouse");
    isolate(chain, "warehouse", "store-01");
    liar.answer = [&](const sync::Message& m) {
      if (std::holds_alternative<sync::Hello>(m)) liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    };
    ASSERT_TRUE(chain.start("store-01").has_value());
    for (int i = 0; i < 20; ++i) chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    ASSERT_TRUE(liar.to.has_value());
    liar.say(sync::Gossip{note});
    chain.run_for(seconds(2));
    EXPECT_TRUE(chain.node("store-01").state().contradictions.empty());
    liar.leave();
  }
  ASSERT_TRUE(chain.start("warehouse").has_value());
  chain.network.heal_all();
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, "store-01"); }, seconds(30)));
  settle(chain);
}

}  // namespace
}  // namespace holdfast::sim
