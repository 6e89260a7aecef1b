// Verifying RFC 6962 proofs that someone else made: that a leaf is in a tree, that a later tree extends an earlier one,
// and the same of subtrees. The product verifies no such proof (it recomputes roots), so this is for tests alone: the
// published vectors hold it to the standard, and it holds tree.h to it.
//
// Shape:  hashes come as a peer sends them, of any length; one that is not 32 bytes where a hash is computed with
//         fails. A subtree [start, end) is valid if start is a multiple of the smallest power of two >= end - start.
//         The empty subtree has the hash of nothing and is part of every tree; nothing is in it.
// Errors: false: the proof does not prove it.
// Source: RFC 6962 section 2.1, draft-ietf-plants-merkle-tree-certs (subtrees); transparency-dev/merkle's vectors.
#pragma once

#include <algorithm>
#include <bit>
#include <span>
#include <vector>

#include "core/base/crypto.h"

namespace holdfast::journal {

struct Subtree {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // exclusive
};
using Proof = std::span<const Bytes>;

inline bool is_all_hashes(Proof proof) {
  return std::ranges::all_of(proof, [](const Bytes& b) { return b.size() == sizeof(Hash); });
}
inline Hash hash_of(ByteView bytes) { return *array_from<32>(bytes); }

inline bool is_valid(const Subtree& subtree) {
  if (subtree.start > subtree.end) return false;
  if (subtree.start == subtree.end) return true;
  const std::uint64_t width = subtree.end - subtree.start;
  if (width > std::uint64_t{1} << 63) return subtree.start == 0;  // no power of two that large to be a multiple of
  return subtree.start % std::bit_ceil(width) == 0;
}

// A subtree is a tree of its own, in which the leaf stands at index - start.
inline bool verify_subtree_inclusion(std::uint64_t index, const Subtree& subtree, ByteView leaf, Proof proof,
                                     ByteView subtree_hash) {
  if (!is_valid(subtree) || index < subtree.start || index >= subtree.end) return false;
  if (leaf.size() != sizeof(Hash) || !is_all_hashes(proof)) return false;
  std::uint64_t node = index - subtree.start;
  std::uint64_t last = subtree.end - subtree.start - 1;  // the rightmost node of the level
  Hash hash = hash_of(leaf);
  for (const Bytes& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(hash_of(sibling), hash);
      // A node without a right sibling goes up unchanged until it is one.
      while ((node & 1) == 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, hash_of(sibling));
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && std::ranges::equal(hash, subtree_hash);
}

inline bool verify_inclusion(std::uint64_t index, std::uint64_t tree_size, ByteView leaf, Proof proof, ByteView root) {
  return verify_subtree_inclusion(index, {0, tree_size}, leaf, proof, root);
}

inline bool verify_subtree_consistency(const Subtree& subtree, std::uint64_t tree_size, Proof proof,
                                       ByteView subtree_hash, ByteView root) {
  if (!is_valid(subtree) || subtree.end > tree_size) return false;
  if (subtree.start == subtree.end) return proof.empty() && std::ranges::equal(subtree_hash, sha256({}));
  if (subtree.start == 0 && subtree.end == tree_size) return proof.empty() && std::ranges::equal(subtree_hash, root);
  if (subtree_hash.size() != sizeof(Hash) || !is_all_hashes(proof)) return false;
  std::uint64_t first = subtree.start, last = subtree.end - 1, rightmost = tree_size - 1;
  const bool ends_with_tree = last == rightmost;
  while (first != last && (ends_with_tree || (last & 1) != 0)) {
    first >>= 1;
    last >>= 1;
    rightmost >>= 1;
  }
  // The largest complete subtree at the right end of ours, from which both hashes are built up.
  const bool is_complete = first == last;
  if (!is_complete && proof.empty()) return false;
  Hash ours = is_complete ? hash_of(subtree_hash) : hash_of(proof.front());
  Hash whole = ours;
  for (const Bytes& sibling : proof.subspan(is_complete ? 0 : 1)) {
    if (rightmost == 0) return false;
    if ((last & 1) != 0 || last == rightmost) {
      if (first < last) ours = node_hash(hash_of(sibling), ours);
      whole = node_hash(hash_of(sibling), whole);
      while ((last & 1) == 0) {
        first >>= 1;
        last >>= 1;
        rightmost >>= 1;
      }
    } else {
      whole = node_hash(whole, hash_of(sibling));
    }
    first >>= 1;
    last >>= 1;
    rightmost >>= 1;
  }
  return rightmost == 0 && std::ranges::equal(ours, subtree_hash) && std::ranges::equal(whole, root);
}

struct Consistency {
  std::uint64_t earlier_size = 0;  // 0 is refused: an empty tree commits to nothing
  std::uint64_t later_size = 0;
};
inline bool verify_consistency(const Consistency& sizes, Proof proof, ByteView earlier_root, ByteView later_root) {
  if (sizes.earlier_size == 0) return false;
  return verify_subtree_consistency({0, sizes.earlier_size}, sizes.later_size, proof, earlier_root, later_root);
}

}  // namespace holdfast::journal
