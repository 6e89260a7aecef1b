#include "core/journal/hashing.h"

#include <algorithm>

namespace holdfast::journal {
namespace {
constexpr std::size_t entries_a_job = 64;
constexpr std::size_t parallel_from = 256;
}  // namespace

std::vector<Hash> leaf_hashes(Executor& executor, std::span<const ByteView> entries) {
  std::vector<Hash> out(entries.size());
  const auto hash_range = [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) out[i] = leaf_hash(entries[i]);
  };
  if (entries.size() < parallel_from) {
    hash_range(0, entries.size());
  } else {
    executor.run((entries.size() + entries_a_job - 1) / entries_a_job, [&](std::size_t job) {
      hash_range(job * entries_a_job, std::min(entries.size(), (job + 1) * entries_a_job));
    });
  }
  return out;
}

void append_all(Executor& executor, Tree& tree, std::span<const Hash> leaves) {
  const std::size_t to_border = static_cast<std::size_t>((tile_width - tree.size() % tile_width) % tile_width);
  const std::size_t head = std::min(to_border, leaves.size());
  for (const Hash& h : leaves.first(head)) tree.append(h);
  leaves = leaves.subspan(head);
  std::vector<Hash> roots(leaves.size() / tile_width);
  const auto reduce = [&](std::size_t i) { roots[i] = complete_root(leaves.subspan(i * tile_width, tile_width)); };
  if (roots.size() > 1) {
    executor.run(roots.size(), reduce);
  } else if (roots.size() == 1) {
    reduce(0);
  }
  for (const Hash& root : roots) tree.append_tile(root);
  for (const Hash& h : leaves.subspan(roots.size() * tile_width)) tree.append(h);
}

}  // namespace holdfast::journal
