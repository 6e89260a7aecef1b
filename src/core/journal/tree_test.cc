#include "core/journal/tree.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/journal/log_test_support.h"

namespace holdfast::journal {
namespace {

// RFC 6962 section 2.1 as it stands there.
Hash naive_root(std::uint64_t first, std::uint64_t count) {
  if (count == 0) return sha256({});
  if (count == 1) return leaf(first);
  std::uint64_t k = 1;
  while (k * 2 < count) k *= 2;
  return node_hash(naive_root(first, k), naive_root(first + k, count - k));
}

Status again(std::uint64_t first, std::span<Hash> into) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] = leaf(first + i);
  return {};
}

Tree tree_of(std::uint64_t size) {
  Tree tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf(i));
  return tree;
}

TEST(Tree, empty_tree_has_the_hash_of_nothing) {
  EXPECT_EQ(to_hex(Tree().root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// The tree that Certificate Transparency's own tests use (google/certificate-transparency, merkle_tree_test).
TEST(Tree, known_roots_of_eight_leaves_of_certificate_transparency) {
  const char* const leaves[] = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const char* const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Tree tree;
  for (std::size_t i = 0; i < 8; ++i) {
    tree.append(leaf_hash(*from_hex(leaves[i])));
    EXPECT_EQ(to_hex(tree.root()), roots[i]);
  }
}

RC_GTEST_PROP(Tree, agrees_with_rfc_6962_at_every_size, ()) {
  const auto size = *rc::gen::inRange<std::uint64_t>(0, 3000);
  const auto earlier = *rc::gen::inRange<std::uint64_t>(0, size + 1);
  const Tree tree = tree_of(size);
  RC_ASSERT(tree.root() == naive_root(0, size));
  const auto at = tree.root_at(earlier, again);
  RC_ASSERT(at.has_value());
  RC_ASSERT(*at == naive_root(0, earlier));
}

TEST(Tree, agrees_with_rfc_6962_around_tiles_of_tiles) {
  const Tree tree = tree_of(256 * 256 * 2 + 300);
  EXPECT_EQ(tree.root(), naive_root(0, tree.size()));
  EXPECT_EQ(tree.full_roots(1).size(), 2u);
  EXPECT_EQ(tree.full_roots(1)[1], naive_root(65536, 65536));
  for (std::uint64_t size : {255, 256, 257, 65535, 65536, 65537, 65536 + 256, 131072, 131071})
    EXPECT_EQ(*tree.root_at(size, again), naive_root(0, size)) << size;
}

TEST(Tree, asks_for_leaves_of_one_full_tile_at_most) {
  const Tree tree = tree_of(1000);
  int asked = 0;
  auto source = [&](std::uint64_t first, std::span<Hash> into) {
    ++asked;
    EXPECT_EQ(first, 512u);
    EXPECT_EQ(into.size(), 88u);
    return again(first, into);
  };
  EXPECT_EQ(*tree.root_at(600, source), naive_root(0, 600));
  EXPECT_EQ(*tree.root_at(999, source), naive_root(0, 999));  // in the partial tile: from memory
  EXPECT_EQ(*tree.root_at(512, source), naive_root(0, 512));  // on a border: no leaf
  EXPECT_EQ(asked, 1);
}

TEST(Tree, error_of_the_leaf_source_comes_back) {
  const Tree tree = tree_of(600);
  const auto got =
      tree.root_at(300, [](std::uint64_t, std::span<Hash>) -> Status { return fail("journal/damaged", "gone"); });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "journal/damaged");
}

RC_GTEST_PROP(Tree, truncated_is_the_tree_of_that_size, ()) {
  const auto size = *rc::gen::inRange<std::uint64_t>(0, 2000);
  const auto cut = *rc::gen::inRange<std::uint64_t>(0, size + 1);
  Tree tree = tree_of(size);
  RC_ASSERT(tree.truncate(cut, again).has_value());
  RC_ASSERT(tree == tree_of(cut));
}

TEST(Tree, truncated_within_its_partial_tile_it_reads_nothing_and_after_an_error_it_is_as_it_was) {
  const auto gone = [](std::uint64_t, std::span<Hash>) -> Status { return fail("journal/damaged", "gone"); };
  Tree tree = tree_of(600);
  EXPECT_FALSE(tree.truncate(300, gone).has_value());
  EXPECT_EQ(tree, tree_of(600));
  EXPECT_TRUE(tree.truncate(520, gone).has_value());
  EXPECT_EQ(tree, tree_of(520));
  EXPECT_TRUE(tree.truncate(256, gone).has_value());
  EXPECT_EQ(tree, tree_of(256));
}

RC_GTEST_PROP(Tree, whole_tiles_appended_are_the_same_tree, ()) {
  const auto size = *rc::gen::inRange<std::uint64_t>(0, 3000);
  Tree tree;
  std::uint64_t i = 0;
  for (; i + 256 <= size; i += 256) {
    std::vector<Hash> tile(256);
    RC_ASSERT(again(i, tile).has_value());
    tree.append_tile(complete_root(tile));
  }
  for (; i < size; ++i) tree.append(leaf(i));
  RC_ASSERT(tree == tree_of(size));
}

RC_GTEST_PROP(Tree, snapshot_gives_the_same_tree, ()) {
  const Tree tree = tree_of(*rc::gen::inRange<std::uint64_t>(0, 2000));
  Writer out;
  tree.encode(out);
  Reader in(out.view());
  const auto back = Tree::decode(in);
  RC_ASSERT(back.has_value());
  RC_ASSERT(in.at_end());
  RC_ASSERT(*back == tree);
}

TEST(Tree, cut_or_lying_snapshot_is_refused) {
  Writer out;
  tree_of(300).encode(out);
  Reader cut(out.view().first(out.size() - 1));
  EXPECT_EQ(Tree::decode(cut).error().code, "journal/bad_snapshot");
  Writer huge;
  huge.u64(~0ull);
  Reader lying(huge.view());
  EXPECT_EQ(Tree::decode(lying).error().code, "journal/bad_snapshot");
}

}  // namespace
}  // namespace holdfast::journal
