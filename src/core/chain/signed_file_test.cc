// What root and operations keys sign, and what of it replaces what is known (protocol 9.1).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/chain/chain.h"
#include "core/chain/test_chain.h"

namespace holdfast::chain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing;

// --- signatures

TEST(SignedChain, KOfNRootKeysOpenIt) {
  const ChainFile file = small_chain();
  EXPECT_TRUE(open_chain_file(sign_as_root(file, {"root-1", "root-2"})));
  EXPECT_TRUE(open_chain_file(sign_as_root(file, {"root-3", "root-1"})));
  EXPECT_TRUE(open_chain_file(sign_as_root(file, {"root-3", "root-1", "root-2"})));
  const auto opened = open_chain_file(sign_as_root(file));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(*opened == file);
}

TEST(SignedChain, FewerThanKAreRefused) {
  const auto opened = open_chain_file(sign_as_root(small_chain(), {"root-2"}));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_signature");
  EXPECT_THAT(opened.error().text, HasSubstr("1 of its root keys"));
}

TEST(SignedChain, TheSameKeyTwiceCountsNotTwiceAndIsRefused) {
  EXPECT_EQ(open_chain_file(sign_as_root(small_chain(), {"root-2", "root-2"})).error().code, "chain/bad_signature");
}

TEST(SignedChain, AStrangersSignatureIsRefusedEvenBesideEnough) {
  EXPECT_EQ(open_chain_file(sign_as_root(small_chain(), {"root-1", "root-2", "stranger"})).error().code,
            "chain/bad_signature");
}

TEST(SignedChain, RecoveryKeysSignNoChainFile) {
  EXPECT_EQ(open_chain_file(sign_as_root(small_chain(), {"recovery-1", "recovery-2"})).error().code,
            "chain/bad_signature");
}

TEST(SignedChain, EveryChangedCharacterIsRefused) {
  const std::string text = sign_as_root(small_chain(2));
  ASSERT_TRUE(open_chain_file(text));
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const std::string& changed : damaged_at(text, i)) ASSERT_FALSE(open_chain_file(changed)) << "byte " << i;
    std::string shorter = text;
    shorter.erase(i, 1);
    ASSERT_FALSE(open_chain_file(shorter)) << "byte " << i << " left out";
  }
  EXPECT_FALSE(open_chain_file(text + "\n"));
  EXPECT_FALSE(open_chain_file(text + text));
}

TEST(SignedChain, AChainOfFiveHundredStoresOpens) {
  const ChainFile file = small_chain(500);
  const std::string text = sign_as_root(file);
  EXPECT_GT(text.size(), journal::note_bytes_max);
  const auto opened = open_chain_file(text);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_TRUE(*opened == file);
}

// --- successors (protocol 9.1)

ChainFile next_version(ChainFile file) {
  ++file.version;
  return file;
}

TEST(Successor, ANewerVersionBySameRootsIsTaken) {
  const ChainFile known = small_chain();
  ChainFile next = next_version(known);
  next.bounds.price_change_percent_max = 80;
  next.sites[3].follows.clear();
  EXPECT_TRUE(open_successor(known, sign_as_root(next)));
}

TEST(Successor, TheSameOrAnOlderVersionIsRefused) {
  ChainFile known = next_version(small_chain());
  EXPECT_EQ(open_successor(known, sign_as_root(small_chain())).error().code, "chain/older");
  EXPECT_EQ(open_successor(known, sign_as_root(known)).error().code, "chain/older");
}

TEST(Successor, AnotherChainIsRefused) {
  ChainFile other = next_version(small_chain());
  other.chain = "holdfast.example/other";
  EXPECT_EQ(open_successor(small_chain(), sign_as_root(other)).error().code, "chain/bad_file");
}

TEST(Successor, AFileThatBringsItsOwnRootsIsRefused) {
  ChainFile next = next_version(small_chain());
  next.root = key_set("stranger", 1, 1);
  const std::string text = sign_as_root(next, {"stranger-1"});
  EXPECT_TRUE(open_chain_file(text));
  const auto opened = open_successor(small_chain(), text);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_signature");
}

TEST(Successor, AChangeOfRootsNeedsTheOldAndTheNew) {
  ChainFile next = next_version(small_chain());
  next.former_root = next.root;
  next.root = key_set("fresh", 2, 3);
  EXPECT_TRUE(open_successor(small_chain(), sign_as_root(next, {"fresh-1", "fresh-2", "root-1", "root-3"})));
  EXPECT_FALSE(open_successor(small_chain(), sign_as_root(next, {"fresh-1", "fresh-2", "root-1"})));
  EXPECT_FALSE(open_successor(small_chain(), sign_as_root(next, {"fresh-1", "root-1", "root-2"})));
  EXPECT_FALSE(open_successor(small_chain(), sign_as_root(next, {"root-1", "root-2"})));
  // The version after it needs the new ones only, for those who have taken the change.
  ChainFile after = next_version(next);
  after.former_root.reset();
  EXPECT_TRUE(open_successor(next, sign_as_root(after, {"fresh-2", "fresh-3"})));
  EXPECT_FALSE(open_successor(small_chain(), sign_as_root(after, {"fresh-2", "fresh-3"})));
}

TEST(Successor, NoKeyChangesALogKeyTheCurrencyOrTwoMirrorsAtOnce) {
  const ChainFile known = small_chain(5);
  ChainFile next = next_version(known);
  next.sites[3].keys.log = TestKey("another").pub;
  EXPECT_EQ(open_successor(known, sign_as_root(next)).error().code, "chain/too_wide");
  next = next_version(known);
  next.currency = {"EUR", 2};
  EXPECT_EQ(open_successor(known, sign_as_root(next)).error().code, "chain/too_wide");
  next = next_version(known);
  next.sites[2].mirrors = {SiteName("head-office"), SiteName("store-04"), SiteName("store-05")};
  EXPECT_EQ(open_successor(known, sign_as_root(next)).error().code, "chain/too_wide");
  next.sites[2].mirrors = {SiteName("head-office"), SiteName("warehouse"), SiteName("store-05")};
  EXPECT_TRUE(open_successor(known, sign_as_root(next)));
}

TEST(Successor, ASiteMayJoinByTheRootKeys) {
  const ChainFile known = small_chain(3);
  ChainFile next = small_chain(4);
  next.version = 2;
  next.sites[4].mirrors = known.sites[4].mirrors;
  const auto opened = open_successor(known, sign_as_root(next));
  ASSERT_TRUE(opened) << opened.error().text;
  const auto opens = openings(known, *opened);
  EXPECT_NE(std::ranges::find(opens, "store-04 joins the chain"), opens.end());
}

struct Operations {
  ChainFile root_signed = small_chain();
  std::string root_note = sign_as_root(root_signed);
  ChainFile narrowed() const {
    ChainFile file = root_signed;
    file.version = 2;
    file.within = within_of(root_signed);
    return file;
  }
};

TEST(OperationsKey, NarrowsLinksAndLimits) {
  Operations o;
  ChainFile file = o.narrowed();
  file.sites[2].follows.pop_back();
  file.bounds.mirror_bytes_a_day /= 2;
  const std::string text = sign_as_operations(file, o.root_note);
  const auto opened = open_successor(o.root_signed, text);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_TRUE(*opened == file);
  const auto alone = open_chain_file(text);
  ASSERT_TRUE(alone) << alone.error().text;
  EXPECT_TRUE(*alone == file);
  EXPECT_TRUE(openings(o.root_signed, *opened).empty());
}

TEST(OperationsKey, WidensAgainAsFarAsTheRootsHaveSigned) {
  Operations o;
  ChainFile narrow = o.narrowed();
  narrow.sites[2].follows.clear();
  narrow.bounds.price_change_percent_max = 10;
  ChainFile wide = o.narrowed();
  wide.version = 3;
  EXPECT_TRUE(open_successor(narrow, sign_as_operations(wide, o.root_note)));
  EXPECT_THAT(openings(narrow, wide), ElementsAre("store-01 follows head-office", "store-01 follows warehouse",
                                                  "price_change_percent_max rises to 50"));
  wide.bounds.price_change_percent_max = 51;
  EXPECT_EQ(open_successor(narrow, sign_as_operations(wide, o.root_note)).error().code, "chain/too_wide");
}

TEST(OperationsKey, OpensAndChangesNothingElse) {
  Operations o;
  const auto refused = [&](const ChainFile& file) {
    const auto opened = open_successor(o.root_signed, sign_as_operations(file, o.root_note));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, "chain/too_wide") << opened.error().text;
  };
  ChainFile file = o.narrowed();
  file.sites[2].follows.push_back(SiteName("store-03"));
  refused(file);
  file = o.narrowed();
  file.bounds.mirror_entries_a_day += 1;
  refused(file);
  file = o.narrowed();
  file.sites[2].mirrors.pop_back();  // fewer mirrors is not narrower: that is the roots'
  refused(file);
  file = o.narrowed();
  file.sites[2].link_address = "10.9.9.9:1";
  refused(file);
  file = o.narrowed();
  file.sites.pop_back();
  for (Site& site : file.sites) {
    std::erase(site.follows, SiteName("store-03"));
    std::ranges::replace(site.mirrors, SiteName("store-03"), SiteName("store-01"));
  }
  refused(file);
  file = o.narrowed();
  file.recovery = key_set("mine", 1, 1);
  refused(file);
  file = o.narrowed();
  file.certified = {{SiteName("store-02"), 2, sha256(as_bytes("a certificate"))}};
  refused(file);
  file = o.narrowed();
  file.vat_rates[0].millionths = 0;
  refused(file);
  file = o.narrowed();
  file.quorum = 3;
  refused(file);
}

TEST(OperationsKey, DoesNotPassForARoot) {
  ChainFile next = next_version(small_chain());
  journal::Note note{canonical_text(next), {}};
  journal::sign_note(note, operations_key_name(next.chain), TestKey("operations").pub, TestKey("operations").signer());
  EXPECT_EQ(open_successor(small_chain(), journal::to_text(note)).error().code, "chain/bad_signature");
}

TEST(OperationsKey, CannotReachBackToAnOlderOrAnotherRootSignedFile) {
  Operations o;
  const ChainFile known = next_version(next_version(o.root_signed));  // version 3, by the roots
  ChainFile file = o.narrowed();
  file.version = 4;
  EXPECT_EQ(open_successor(known, sign_as_operations(file, o.root_note)).error().code, "chain/older");
  // Same version, another text.
  ChainFile other = o.root_signed;
  other.bounds.price_change_percent_max = 99;
  file.within = within_of(other);
  file.bounds = other.bounds;
  EXPECT_EQ(open_successor(o.root_signed, sign_as_operations(file, sign_as_root(other))).error().code,
            "chain/bad_file");
}

// 9.1: or a stolen one would end the chain file: no root-signed version were higher.
TEST(OperationsKey, LeavesNumbersForTheRoots) {
  Operations o;
  ChainFile file = o.narrowed();
  file.version = o.root_signed.version + operations_versions_max + 1;
  const auto opened = open_successor(o.root_signed, sign_as_operations(file, o.root_note));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_file");
  EXPECT_THAT(opened.error().text, HasSubstr("above within.version"));
  --file.version;
  const auto known = open_successor(o.root_signed, sign_as_operations(file, o.root_note));
  ASSERT_TRUE(known) << known.error().text;
  ChainFile next = o.root_signed;
  next.version = known->version + 1;
  EXPECT_TRUE(open_successor(*known, sign_as_root(next))) << "the roots overtake it";
}

TEST(SignedChain, AVersionThatLeavesNoneAfterItIsRefused) {
  ChainFile file = small_chain();
  file.version = version_max;
  EXPECT_TRUE(open_chain_file(sign_as_root(file)));
  ++file.version;
  const auto opened = open_chain_file(sign_as_root(file));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_file");
}

TEST(OperationsKey, SignsWithinOneRootSignedFileAndNoOther) {
  Operations o;
  ChainFile wider = o.root_signed;
  wider.bounds.mirror_bytes_a_day *= 2;
  const auto opened = open_chain_file(sign_as_operations(o.narrowed(), sign_as_root(wider)));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_file");
  EXPECT_TRUE(open_chain_file(sign_as_operations(o.narrowed(), o.root_note)));
}

TEST(OperationsKey, BringsANewerRootSignedFileWithIt) {
  Operations o;
  ChainFile newer = next_version(o.root_signed);
  newer.bounds.price_change_percent_max = 70;
  ChainFile file = newer;
  file.version = 3;
  file.within = within_of(newer);
  file.sites[2].follows.clear();
  EXPECT_TRUE(open_successor(o.root_signed, sign_as_operations(file, sign_as_root(newer))));
  EXPECT_FALSE(open_successor(o.root_signed, sign_as_operations(file, sign_as_root(newer, {"root-1"}))));
}

TEST(OperationsKey, EveryChangedCharacterOfItsFileIsRefused) {
  Operations o;
  ChainFile file = o.narrowed();
  file.sites[2].follows.clear();
  const std::string text = sign_as_operations(file, o.root_note);
  ASSERT_TRUE(open_chain_file(text));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    ASSERT_FALSE(open_chain_file(changed)) << "byte " << i;
  }
}

}  // namespace
}  // namespace holdfast::chain
