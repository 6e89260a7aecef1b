#include "core/journal/tree.h"

#include <bit>

#include "core/base/check.h"

namespace holdfast::journal {
namespace {

// RFC 6962: the right part of a tree whose size is not a power of two is the smaller one, so the whole is folded from
// the right over its complete subtrees.
Hash fold_peaks(std::span<const Hash> peaks) {
  if (peaks.empty()) return sha256({});
  Hash root = peaks.back();
  for (std::size_t i = peaks.size() - 1; i-- > 0;) root = node_hash(peaks[i], root);
  return root;
}

}  // namespace

Hash complete_root(std::span<const Hash> hashes) {
  HF_CHECK(std::has_single_bit(hashes.size()) && hashes.size() <= tile_width, "{} hashes", hashes.size());
  std::vector<Hash> row(hashes.begin(), hashes.end());
  for (std::size_t width = row.size(); width > 1; width /= 2)
    for (std::size_t i = 0; i < width / 2; ++i) row[i] = node_hash(row[2 * i], row[2 * i + 1]);
  return row[0];
}

const std::vector<Hash>& Tree::full_roots(std::size_t k) const {
  static const std::vector<Hash> none;
  return k < levels_.size() ? levels_[k] : none;
}

void Tree::add_peak(Hash hash, unsigned level) {
  // size_ already counts the new subtree of 2^level leaves: each carry of that binary addition joins two peaks.
  for (std::uint64_t before = (size_ >> level) - 1; (before & 1) != 0; before >>= 1) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
}

void Tree::add_tile_root(const Hash& root) {
  Hash carried = root;
  for (std::size_t k = 0;; ++k) {
    if (k == levels_.size()) levels_.emplace_back();
    levels_[k].push_back(carried);
    if (levels_[k].size() % tile_width != 0) return;
    carried = complete_root(std::span(levels_[k]).last(tile_width));
  }
}

void Tree::append(const Hash& leaf) {
  partial_.push_back(leaf);
  ++size_;
  if (partial_.size() < tile_width) return add_peak(leaf, 0);
  // The tile is full: its root is joined from the eight peaks inside it, one hash each.
  Hash root = leaf;
  for (int level = 0; level < 8; ++level) {
    root = node_hash(peaks_.back(), root);
    peaks_.pop_back();
  }
  partial_.clear();
  add_tile_root(root);
  add_peak(root, 8);
}

void Tree::append_tile(const Hash& tile_root) {
  HF_CHECK(partial_.empty(), "{} leaves stand in the partial tile", partial_.size());
  size_ += tile_width;
  add_tile_root(tile_root);
  add_peak(tile_root, 8);
}

Hash Tree::root() const { return fold_peaks(peaks_); }

Result<Hash> Tree::root_at(std::uint64_t size, const LeafSource& leaves) const {
  HF_CHECK(size <= size_, "root at {} of a tree of {}", size, size_);
  if (size == size_) return root();
  std::vector<Hash> peaks;
  std::uint64_t start = 0;
  for (unsigned bit = 64; bit-- > 8;) {
    const std::uint64_t width = std::uint64_t{1} << bit;
    if ((size & width) == 0) continue;
    const unsigned k = bit / 8 - 1;
    const unsigned shift = 8 * (k + 1);
    peaks.push_back(complete_root(std::span(levels_[k]).subspan(start >> shift, width >> shift)));
    start += width;
  }
  if (const std::uint64_t rest = size - start; rest > 0) {
    std::vector<Hash> tile = partial_;
    if (start + partial_.size() != size_ || partial_.empty()) {
      tile.resize(rest);
      HF_TRY_VOID(leaves(start, tile));
    }
    std::size_t at = 0;
    for (unsigned bit = 8; bit-- > 0;) {
      const std::size_t width = std::size_t{1} << bit;
      if ((rest & width) == 0) continue;
      peaks.push_back(complete_root(std::span(tile).subspan(at, width)));
      at += width;
    }
  }
  return fold_peaks(peaks);
}

Status Tree::truncate(std::uint64_t size, const LeafSource& leaves) {
  HF_CHECK(size <= size_, "truncate to {} of a tree of {}", size, size_);
  const std::uint64_t start = size / tile_width * tile_width;
  std::vector<Hash> rest = partial_;
  rest.resize(size - start);
  if (start + partial_.size() != size_ && !rest.empty()) HF_TRY_VOID(leaves(start, rest));
  std::vector<Hash> kept;
  if (!levels_.empty())
    kept.assign(levels_[0].begin(), levels_[0].begin() + static_cast<std::ptrdiff_t>(size / tile_width));
  *this = Tree();
  for (const Hash& root : kept) append_tile(root);
  for (const Hash& leaf : rest) append(leaf);
  return {};
}

void Tree::encode(Writer& out) const {
  out.u64(size_);
  for (const Hash& h : full_tile_roots()) out.raw(h);
  for (const Hash& h : partial_) out.raw(h);
}

Result<Tree> Tree::decode(Reader& in) {
  const std::uint64_t size = in.u64();
  if (!in.fits(size / tile_width + size % tile_width, sizeof(Hash)))
    return fail("journal/bad_snapshot", "the snapshot's tree is cut short; remove the snapshot and start again");
  Tree tree;
  for (std::uint64_t i = 0; i < size / tile_width; ++i) tree.append_tile(in.array<32>());
  for (std::uint64_t i = 0; i < size % tile_width; ++i) tree.append(in.array<32>());
  return tree;
}

}  // namespace holdfast::journal
