// Leaf hashes and tiles of many entries at once, on whatever cores the Executor has.
#pragma once

#include <vector>

#include "core/base/world.h"
#include "core/journal/tree.h"

namespace holdfast::journal {

// leaf_hash() of each, in order. Few entries are hashed here and now, because waking another thread costs more.
std::vector<Hash> leaf_hashes(Executor& executor, std::span<const ByteView> entries);

// The same as tree.append() of each; whole tiles are reduced to their roots in parallel.
void append_all(Executor& executor, Tree& tree, std::span<const Hash> leaves);

}  // namespace holdfast::journal
