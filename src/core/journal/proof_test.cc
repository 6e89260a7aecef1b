#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>
#include <boost/json/src.hpp>  // Boost.JSON is compiled into this one file of the tests
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/base/check.h"
#include "core/base/shared_test_support.h"
#include "core/journal/log_test_support.h"
#include "core/journal/proof_test_support.h"
#include "core/journal/tree.h"

namespace holdfast::journal {
namespace {

using Object = boost::json::object;
Bytes bytes_of(const Object& o, std::string_view name) { return *from_base64(std::string(o.at(name).as_string())); }
std::uint64_t number_of(const Object& o, std::string_view name) { return o.at(name).to_number<std::uint64_t>(); }
std::vector<Bytes> proof_of(const Object& o) {
  std::vector<Bytes> out;
  if (o.at("proof").is_null()) return out;
  for (const auto& p : o.at("proof").as_array()) out.push_back(*from_base64(std::string(p.as_string())));
  return out;
}

struct Count {
  int passed = 0, refused = 0;
};
// Holds `verify` to every vector of the file.
Count run_vectors(const std::filesystem::path& file, const std::function<bool(const Object&, Proof)>& verify) {
  Count count;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const boost::json::value parsed = boost::json::parse(line);
    const Object& o = parsed.as_object();
    const std::vector<Bytes> proof = proof_of(o);
    const bool wanted = !o.at("wantErr").as_bool();
    EXPECT_EQ(verify(o, proof), wanted) << file.filename() << " " << o.at("case").as_string();
    ++(wanted ? count.passed : count.refused);
  }
  return count;
}

class MerkleVectors : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = path_in_shared("standards/merkle-proofs");
    if (!std::filesystem::exists(directory_)) GTEST_SKIP() << directory_ << ": " << not_in_shared;
  }
  std::filesystem::path directory_;
};

TEST_F(MerkleVectors, inclusion_all_98) {
  const Count count = run_vectors(directory_ / "inclusion.jsonl", [](const Object& o, Proof proof) {
    return verify_inclusion(number_of(o, "leafIdx"), number_of(o, "treeSize"), bytes_of(o, "leafHash"), proof,
                            bytes_of(o, "root"));
  });
  EXPECT_EQ(count.passed, 6);
  EXPECT_EQ(count.refused, 92);
}

TEST_F(MerkleVectors, consistency_all_98) {
  const Count count = run_vectors(directory_ / "consistency.jsonl", [](const Object& o, Proof proof) {
    return verify_consistency({number_of(o, "size1"), number_of(o, "size2")}, proof, bytes_of(o, "root1"),
                              bytes_of(o, "root2"));
  });
  EXPECT_EQ(count.passed, 6);
  EXPECT_EQ(count.refused, 92);
}

TEST_F(MerkleVectors, subtree_inclusion_all_204) {
  const Count count = run_vectors(directory_ / "subtreeinclusion.jsonl", [](const Object& o, Proof proof) {
    return verify_subtree_inclusion(number_of(o, "leafIdx"), {number_of(o, "start"), number_of(o, "end")},
                                    bytes_of(o, "leafHash"), proof, bytes_of(o, "root"));
  });
  EXPECT_EQ(count.passed, 12);
  EXPECT_EQ(count.refused, 192);
}

TEST_F(MerkleVectors, subtree_consistency_all_118) {
  const Count count = run_vectors(directory_ / "subtreeconsistency.jsonl", [](const Object& o, Proof proof) {
    return verify_subtree_consistency({number_of(o, "start"), number_of(o, "end")}, number_of(o, "size"), proof,
                                      bytes_of(o, "root1"), bytes_of(o, "root2"));
  });
  EXPECT_EQ(count.passed, 12);
  EXPECT_EQ(count.refused, 106);
}

// ---- proofs made here as RFC 6962 says, at sizes that no vector has

std::uint64_t split_of(std::uint64_t n) {
  std::uint64_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
Hash root_of(std::uint64_t first, std::uint64_t n) {
  if (n == 1) return leaf(first);
  const std::uint64_t k = split_of(n);
  return node_hash(root_of(first, k), root_of(first + k, n - k));
}
void add(std::vector<Bytes>& proof, const Hash& h) { proof.push_back(to_bytes(h)); }
// PATH(m, D[n]) of RFC 6962 section 2.1.1.
std::vector<Bytes> path(std::uint64_t m, std::uint64_t first, std::uint64_t n) {
  if (n == 1) return {};
  const std::uint64_t k = split_of(n);
  auto out = m < k ? path(m, first, k) : path(m - k, first + k, n - k);
  add(out, m < k ? root_of(first + k, n - k) : root_of(first, k));
  return out;
}
// SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2.
std::vector<Bytes> subproof(std::uint64_t m, std::uint64_t first, std::uint64_t n, bool is_whole) {
  std::vector<Bytes> out;
  if (m == n) {
    if (!is_whole) add(out, root_of(first, n));
    return out;
  }
  const std::uint64_t k = split_of(n);
  out = m <= k ? subproof(m, first, k, is_whole) : subproof(m - k, first + k, n - k, false);
  add(out, m <= k ? root_of(first + k, n - k) : root_of(first, k));
  return out;
}

// What the product has for the root of that tree.
Hash root_by_tree(std::uint64_t size) {
  Tree tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf(i));
  return tree.root();
}

RC_GTEST_PROP(ProofProperty, inclusion_holds_for_its_leaf_alone, ()) {
  const auto size = *rc::gen::inRange<std::uint64_t>(1, 600);
  const auto index = *rc::gen::inRange<std::uint64_t>(0, size);
  const auto other = *rc::gen::inRange<std::uint64_t>(0, size);
  const auto proof = path(index, 0, size);
  const Hash root = root_by_tree(size);
  RC_ASSERT(verify_inclusion(index, size, leaf(index), proof, root));
  RC_ASSERT(other == index || !verify_inclusion(other, size, leaf(index), proof, root));
  RC_ASSERT(other == index || !verify_inclusion(index, size, leaf(other), proof, root));
}

RC_GTEST_PROP(ProofProperty, consistency_holds_for_its_sizes_and_roots_alone, ()) {
  const auto later = *rc::gen::inRange<std::uint64_t>(1, 600);
  const auto earlier = *rc::gen::inRange<std::uint64_t>(1, later + 1);
  auto proof = subproof(earlier, 0, later, true);
  const Hash earlier_root = root_by_tree(earlier), later_root = root_by_tree(later);
  RC_ASSERT(verify_consistency({earlier, later}, proof, earlier_root, later_root));
  RC_ASSERT(!verify_consistency({earlier, later}, proof, leaf(9'999), later_root));
  RC_ASSERT(!verify_consistency({earlier, later}, proof, earlier_root, leaf(9'999)));
  if (!proof.empty()) {
    const auto at = *rc::gen::inRange<std::size_t>(0, proof.size());
    proof[at][7] ^= std::byte{1};
    RC_ASSERT(!verify_consistency({earlier, later}, proof, earlier_root, later_root));
  }
}

}  // namespace
}  // namespace holdfast::journal
