#include "core/base/indexed_map.h"

#include <gtest/gtest.h>

#include <random>

#include "core/base/ids.h"

namespace holdfast {
namespace {

Sku sku(std::uint64_t n) { return Sku("P" + std::to_string(n)); }

// The same calls on a plain map are what it must agree with.
TEST(IndexedMap, agrees_with_a_map_whatever_is_done) {
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t end) { return random() % end; };
  IndexedMap<Sku, int> indexed;
  std::map<Sku, int> plain;
  for (int i = 0; i < 20'000; ++i) {
    const Sku key = sku(below(300));
    const int value = static_cast<int>(below(1000));
    switch (below(6)) {
      case 0:
        ASSERT_EQ(indexed.try_emplace(key, value).second, plain.try_emplace(key, value).second);
        break;
      case 1:
        ASSERT_EQ(indexed.emplace(key, value).second, plain.emplace(key, value).second);
        break;
      case 2:
        indexed[key] = value;
        plain[key] = value;
        break;
      case 3: {
        const auto at = indexed.find(key);
        ASSERT_EQ(at != indexed.end(), plain.erase(key) == 1);
        if (at != indexed.end()) indexed.erase(at);
        break;
      }
      case 4: {
        const auto at = plain.find(key);
        ASSERT_EQ(indexed.contains(key), at != plain.end());
        if (at != plain.end()) {
          ASSERT_EQ(indexed.find(key)->second, at->second);
        }
        break;
      }
      default: {
        const auto at = plain.upper_bound(key);
        const auto same = std::as_const(indexed).upper_bound(key);
        ASSERT_EQ(same == std::as_const(indexed).end(), at == plain.end());
        if (at != plain.end()) {
          ASSERT_EQ(*same, *at);
        }
      }
    }
    ASSERT_EQ(indexed.size(), plain.size());
  }
  EXPECT_TRUE(std::equal(indexed.begin(), indexed.end(), plain.begin(), plain.end())) << "in the order of keys";
}

TEST(IndexedMap, copies_and_moves_find_their_own_values) {
  IndexedMap<Sku, int> first;
  for (int i = 0; i < 100; ++i) first.emplace_hint(first.end(), sku(1000 + i), i);
  IndexedMap<Sku, int> copy = first;
  copy[sku(1007)] = -1;
  EXPECT_EQ(first.find(sku(1007))->second, 7);
  EXPECT_FALSE(first == copy);
  IndexedMap<Sku, int> moved = std::move(first);
  EXPECT_EQ(moved.find(sku(1099))->second, 99);
  moved = copy;
  copy = {};
  EXPECT_EQ(moved.find(sku(1007))->second, -1);
  EXPECT_TRUE(copy.empty() && !copy.contains(sku(1007)));
}

}  // namespace
}  // namespace holdfast
