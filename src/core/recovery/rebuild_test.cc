// Which history a rebuild keeps, whatever f mirrors say and whoever has the key (protocol 5.2).
#include "core/recovery/rebuild.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/chain/test_chain.h"
#include "core/journal/tree.h"

namespace holdfast::recovery {
namespace {

using chain::testing::site_key;

const SiteName store("store-01");

// Entries of one history: `shared` of them are those of every other, and the rest nobody else's.
struct History {
  std::string word;
  std::uint64_t shared = 0;
  std::string entry(std::uint64_t i) const { return (i < shared ? "all" : word) + std::to_string(i); }
  Hash root(std::uint64_t size) const {
    journal::Tree tree;
    for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf_hash(as_bytes(entry(i))));
    return tree.root();
  }
};
const History one{"one ", 10}, two{"two ", 10}, three{"three ", 10};

class RebuildTest : public testing::Test {
 protected:
  // f = 0: head-office, warehouse, store-02. f = 1: and store-03.
  void chain_bears(unsigned liars) {
    file_ = chain::testing::small_chain();
    file_.quorum = 2 + liars;
    file_.lying_mirrors = liars;
    if (liars > 0) const_cast<chain::Site*>(file_.find(store))->mirrors.emplace_back("store-03");
    rebuild_.emplace(file_, chain::testing::make_certificate(file_, "store-01", 2, {}));
  }
  static Origin origin() { return {"holdfast.example/small", store, 1}; }
  static journal::SignedCheckpoint checkpoint(const History& h, std::uint64_t size) {
    const chain::testing::TestKey key = site_key("store-01", "log");
    return journal::sign_checkpoint({origin(), size, h.root(size)}, key.pub, key.signer());
  }
  static std::string cosigned(const History& h, std::uint64_t size, const std::vector<std::string>& by) {
    journal::SignedCheckpoint c = checkpoint(h, size);
    for (const std::string& mirror : by) {
      const chain::testing::TestKey key = site_key(mirror, "cosign");
      c.note.signatures.push_back(journal::cosign(c.checkpoint,
                                                  journal::cosigner_name("holdfast.example/small", SiteName(mirror)),
                                                  key.pub, {1'000'000'000}, key.signer()));
    }
    return journal::to_text(c.note);
  }
  void sealed(std::string_view mirror, const History& h, std::uint64_t size, std::string proof = {},
              std::optional<sync::Heartbeat> beat = {}) {
    sync::HeldEpoch held{
        origin(),         size,           size == 0 ? "" : journal::to_text(checkpoint(h, size).note), {},
        std::move(proof), std::move(beat)};
    rebuild_->sealed(SiteName(mirror), {store, {held}, {}, {}, 2});
  }
  Result<Choice> choose() { return rebuild_->choose(sync::KeyRing(file_)); }
  // Fetches what is chosen until it is settled. Whoever is asked gives what he has shown.
  Result<Choice> settled() {
    for (int i = 0; i < 10; ++i) {
      auto choice = choose();
      if (!choice || choice->is_settled) return choice;
      tried_.push_back(choice->kept_size);
      std::map<std::uint64_t, Hash> roots;
      for (const History& h : {one, two, three})
        if (h.root(choice->kept_size) == choice->kept_root)
          for (const std::uint64_t size : rebuild_->named_sizes(origin()))
            if (size <= choice->kept_size) roots[size] = h.root(size);
      rebuild_->fetched(origin(), choice->kept_size, roots);
    }
    return fail("test/never_settled", "");
  }
  void expect_kept(const History& h, std::uint64_t size) {
    const auto choice = settled();
    ASSERT_TRUE(choice.has_value()) << choice.error().text;
    EXPECT_EQ(choice->kept_size, size);
    EXPECT_EQ(choice->kept_root, h.root(size));
    EXPECT_EQ(choice->old_origin, origin());
  }
  void expect_error(std::string_view code) {
    const auto choice = settled();
    ASSERT_FALSE(choice.has_value());
    EXPECT_EQ(choice.error().code, code);
  }

  chain::ChainFile file_;
  std::optional<Rebuild> rebuild_;
  std::vector<std::uint64_t> tried_;
};

TEST_F(RebuildTest, takes_the_longest_of_one_history_and_fetches_nothing_twice) {
  chain_bears(0);
  sealed("head-office", one, 12);
  EXPECT_EQ(choose().error().code, "recovery/no_quorum");
  sealed("store-02", one, 17);
  expect_kept(one, 17);
  EXPECT_EQ(tried_, (std::vector<std::uint64_t>{17}));
}

TEST_F(RebuildTest, keeps_nothing_where_nothing_is_held) {
  chain_bears(0);
  sealed("head-office", one, 0);
  sealed("store-02", one, 0);
  const auto choice = choose();
  ASSERT_TRUE(choice.has_value());
  EXPECT_TRUE(choice->is_settled);
  EXPECT_EQ(choice->kept_size, 0u);
}

TEST_F(RebuildTest, of_two_histories_the_shorter_is_kept_if_it_is_the_cosigned_one) {
  chain_bears(0);
  sealed("head-office", one, 14, cosigned(one, 12, {"head-office", "warehouse"}));
  sealed("store-02", two, 30);
  expect_kept(one, 14);
  EXPECT_EQ(tried_, (std::vector<std::uint64_t>{30, 14}));
}

TEST_F(RebuildTest, a_proof_from_before_the_two_parted_tells_nothing) {
  chain_bears(0);
  sealed("head-office", one, 14, cosigned(one, 8, {"head-office", "warehouse"}));
  sealed("store-02", two, 30);
  expect_error("recovery/two_histories");
  // The third mirror may tell. It holds what head office holds: those two may have cosigned, the other alone has not.
  sealed("warehouse", one, 13);
  expect_kept(one, 14);
}

TEST_F(RebuildTest, what_is_signed_by_too_few_or_by_old_keys_proves_nothing) {
  chain_bears(0);
  sealed("head-office", one, 14, cosigned(one, 14, {"head-office", "store-03"}));
  sealed("store-02", two, 30);
  expect_error("recovery/two_histories");
}

TEST_F(RebuildTest, a_proof_refutes_a_history_that_parted_before_it_and_no_other) {
  chain_bears(0);
  sealed("head-office", two, 30, cosigned(two, 25, {"head-office", "warehouse"}));
  sealed("store-02", one, 20);
  expect_kept(two, 30);
  chain_bears(0);
  sealed("head-office", two, 30, cosigned(two, 12, {"head-office", "warehouse"}));
  sealed("store-02", one, 20);
  tried_.clear();
  expect_kept(two, 30);  // what stands in the other from 10 on contradicts what was cosigned at 12
  EXPECT_EQ(tried_, (std::vector<std::uint64_t>{30, 20}));
}

TEST_F(RebuildTest, three_of_three_tell_by_their_number) {
  chain_bears(0);
  sealed("head-office", one, 11);
  sealed("warehouse", one, 14);
  sealed("store-02", two, 30);
  expect_kept(one, 14);
}

TEST_F(RebuildTest, three_histories_are_for_people) {
  chain_bears(0);
  sealed("head-office", one, 11);
  sealed("warehouse", two, 14);
  sealed("store-02", three, 30);
  expect_error("recovery/two_histories");
}

TEST_F(RebuildTest, a_liar_with_the_stolen_key_takes_nothing_cosigned_away) {
  chain_bears(1);
  sealed("head-office", one, 14, cosigned(one, 14, {"head-office", "warehouse", "store-02"}));
  sealed("store-02", one, 12);
  sealed("store-03", two, 1000);
  expect_kept(one, 14);
  // Nor does he without a proof, as soon as all have sealed …
  chain_bears(1);
  sealed("head-office", one, 14);
  sealed("store-02", one, 12);
  sealed("store-03", two, 1000);
  expect_error("recovery/two_histories");
  sealed("warehouse", one, 13);
  expect_kept(one, 14);
}

TEST_F(RebuildTest, two_against_two_of_four_is_for_people) {
  chain_bears(1);
  sealed("head-office", one, 14);
  sealed("warehouse", one, 14);
  sealed("store-02", two, 30);
  sealed("store-03", two, 31);
  expect_error("recovery/two_histories");
}

TEST_F(RebuildTest, who_cannot_give_what_he_says_is_left_out_as_far_as_the_chain_bears_liars) {
  chain_bears(1);
  sealed("head-office", one, 14);
  sealed("warehouse", one, 13);
  sealed("store-03", two, 1000);
  ASSERT_EQ(choose()->holders, std::vector<SiteName>{SiteName("store-03")});
  rebuild_->unfit(SiteName("store-03"));
  expect_kept(one, 14);
  rebuild_->unfit(SiteName("head-office"));
  EXPECT_EQ(choose().error().code, "recovery/unfit_mirrors");
}

TEST_F(RebuildTest, who_cannot_read_all_that_he_holds_is_done_without_as_far_as_the_others_can_tell) {
  chain_bears(0);
  sealed("head-office", one, 14);
  sealed("warehouse", one, 13);
  sealed("store-02", one, 1000);
  ASSERT_EQ(choose()->holders, std::vector<SiteName>{SiteName("store-02")});
  rebuild_->gives_no_more(SiteName("store-02"));
  expect_kept(one, 14);
  rebuild_->gives_no_more(SiteName("head-office"));
  EXPECT_EQ(choose().error().code, "recovery/unreadable_mirror");
}

// As after a power cut between entries and their checkpoint; or a lie.
TEST_F(RebuildTest, of_what_is_stored_only_the_signed_part_is_held) {
  const auto sealed_with = [this](std::string_view mirror, std::uint64_t size, std::string note) {
    rebuild_->sealed(SiteName(mirror), {store, {{origin(), size, std::move(note), 0, {}, {}}}, {}, {}, 2});
  };
  chain_bears(0);
  sealed("head-office", one, 14);
  sealed_with("warehouse", 50, "");
  expect_kept(one, 14);
  chain_bears(0);
  sealed("head-office", one, 14);
  sealed_with("warehouse", 50, journal::to_text(checkpoint(one, 17).note));
  expect_kept(one, 17);
  chain_bears(0);
  sealed("head-office", one, 14);
  sealed_with("warehouse", 13, journal::to_text(checkpoint(one, 17).note));  // less than it has signed for
  expect_kept(one, 14);
}

// Every way in which three or four mirrors can hold one of two histories: what q of them have cosigned, one of whom may
// lie, is kept or nothing is.
// 4.5: known lost is what the site itself has said and nobody has; a mirror's own number is nothing.
TEST_F(RebuildTest, what_was_announced_is_what_the_owner_has_signed) {
  const auto beat = [](std::uint64_t size, std::string_view signer, Origin of) {
    sync::Heartbeat out{std::move(of), size, 0, {7'000'000'000}, true, std::nullopt};
    out.signature = site_key(signer, "log").sign(sync::heartbeat_text(out));
    return out;
  };
  chain_bears(0);
  sync::Heartbeat raised = beat(15, "store-01", origin());
  raised.size = 1'000'000;
  sealed("head-office", one, 12, {}, raised);
  sealed("warehouse", one, 12, {}, beat(1'000'000, "head-office", origin()));
  expect_kept(one, 12);
  EXPECT_EQ(choose()->announced, 0u);
  EXPECT_EQ(choose()->announced_at.unix_ns, 0);

  chain_bears(0);
  sealed("head-office", one, 12, {}, beat(15, "store-01", origin()));
  sealed("warehouse", one, 12, {}, beat(1'000'000, "store-01", {"holdfast.example/small", store, 2}));
  expect_kept(one, 12);
  EXPECT_EQ(choose()->announced, 15u);
  EXPECT_EQ(choose()->announced_at.unix_ns, 7'000'000'000);
}

TEST_F(RebuildTest, never_leaves_behind_what_may_have_been_cosigned) {
  std::size_t kept = 0, asked = 0;
  for (const unsigned liars : {0u, 1u}) {
    chain_bears(liars);
    const std::vector<SiteName> mirrors = file_.find(store)->mirrors;
    const std::size_t n = mirrors.size();
    // Of each mirror: not sealed, or what it holds; 0 and 1: of the two histories, the second one longer.
    for (std::size_t code = 0; code < (n == 3 ? 27u : 81u); ++code) {
      std::vector<std::size_t> state;
      for (std::size_t i = 0, rest = code; i < n; ++i, rest /= 3) state.push_back(rest % 3);
      chain_bears(liars);
      for (std::size_t i = 0; i < n; ++i)
        if (state[i] < 2) sealed(mirrors[i].view(), state[i] == 0 ? one : two, state[i] == 0 ? 14 + i : 24 + i);
      if (rebuild_->sealed_count() < file_.quorum) continue;
      const auto choice = settled();
      choice ? ++kept : ++asked;
      if (!choice) continue;
      // Could the other one have been cosigned? Those who have not sealed may all have signed it, and liars have.
      const std::size_t other = choice->kept_size >= 24 ? 0 : 1;
      const auto may_have_signed =
          static_cast<std::size_t>(std::ranges::count_if(state, [&](std::size_t s) { return s == 2 || s == other; }));
      EXPECT_LT(may_have_signed + liars, std::size_t{file_.quorum}) << "f " << liars << ", case " << code;
    }
  }
  EXPECT_GT(kept, 10u);
  EXPECT_GT(asked, 10u);
}

}  // namespace
}  // namespace holdfast::recovery
