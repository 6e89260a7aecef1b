// Verifying RFC 6962 proofs that someone else made: that a leaf is in a tree, that a later tree extends an earlier one,
// and the same of subtrees.
//
// Shape:  hashes come as a peer sends them, of any length; one that is not 32 bytes where a hash is computed with
//         fails. A subtree [start, end) is valid if start is a multiple of the smallest power of two >= end - start.
//         The empty subtree has the hash of nothing and is part of every tree; nothing is in it.
// Errors: false: the proof does not prove it.
// Source: RFC 6962 section 2.1, draft-ietf-plants-merkle-tree-certs (subtrees); transparency-dev/merkle's vectors.
#pragma once

#include <span>

#include "core/base/crypto.h"

namespace holdfast::journal {

struct Subtree {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // exclusive
};
bool is_valid(const Subtree& subtree);

using Proof = std::span<const Bytes>;

bool verify_inclusion(std::uint64_t index, std::uint64_t tree_size, ByteView leaf_hash, Proof proof, ByteView root);
bool verify_subtree_inclusion(std::uint64_t index, const Subtree& subtree, ByteView leaf_hash, Proof proof,
                              ByteView subtree_hash);

struct Consistency {
  std::uint64_t earlier_size = 0;  // 0 is refused: an empty tree commits to nothing
  std::uint64_t later_size = 0;
};
bool verify_consistency(const Consistency& sizes, Proof proof, ByteView earlier_root, ByteView later_root);
bool verify_subtree_consistency(const Subtree& subtree, std::uint64_t tree_size, Proof proof, ByteView subtree_hash,
                                ByteView root);

}  // namespace holdfast::journal
