// The RFC 6962 Merkle tree of a journal, kept in memory at 1/256 of its leaves.
//
// Shape:  a *tile* is 256 consecutive hashes of one level, as in C2SP tlog-tiles. Stored: the root of every full tile
//         of 256 leaves, of every 256 of those, and so on (32 bytes per 255 entries); the leaf hashes of the last,
//         partial tile (at most 8 KiB); the roots of the complete subtrees that make up the whole ("peaks", at most
//         64). append() costs one node hash, root() at most 63, root_at() about 1,000 at any size.
// Thread: none; a value.
// Source: RFC 6962 section 2.1, C2SP tlog-tiles.
#pragma once

#include <functional>
#include <vector>

#include "core/base/crypto.h"

namespace holdfast::journal {

inline constexpr std::uint64_t tile_width = 256;

// Root of a complete subtree: hashes.size() is a power of two, 1 to 256.
Hash complete_root(std::span<const Hash> hashes);

class Tree {
 public:
  // Gives the leaf hashes [first, first + into.size()) of a full tile again, from the entries on disk.
  using LeafSource = std::function<Status(std::uint64_t first, std::span<Hash> into)>;

  void append(const Hash& leaf);
  // Appends 256 leaves at once, whose tile root was computed elsewhere (in parallel). HF_CHECK: size() % 256 == 0.
  void append_tile(const Hash& tile_root);
  std::uint64_t size() const { return size_; }
  Hash root() const;  // of size 0: SHA-256("")
  // Root at an earlier size <= size(). Reads at most one tile of leaves again. Errors: as the source reports them.
  Result<Hash> root_at(std::uint64_t size, const LeafSource& leaves) const;
  // Drops all leaves from `size` on. Reads those of at most one tile again. Errors: as the source reports them; nothing
  // has changed then.
  Status truncate(std::uint64_t size, const LeafSource& leaves);

  void encode(Writer& out) const;          // for snapshots
  static Result<Tree> decode(Reader& in);  // journal/bad_snapshot

  const std::vector<Hash>& full_tile_roots() const { return full_roots(0); }
  // full_roots(k)[i]: root of the i-th full run of 256^(k+1) leaves; the hashes that tiles of level k+1 are made of.
  const std::vector<Hash>& full_roots(std::size_t k) const;
  std::span<const Hash> partial_tile() const { return partial_; }

  bool operator==(const Tree&) const = default;

 private:
  void add_tile_root(const Hash& root);
  void add_peak(Hash hash, unsigned level);

  std::uint64_t size_ = 0;
  std::vector<std::vector<Hash>> levels_;  // levels_[k] is full_roots(k)
  std::vector<Hash> partial_;
  std::vector<Hash> peaks_;  // of the 1 bits of size_, the largest subtree first
};

}  // namespace holdfast::journal
