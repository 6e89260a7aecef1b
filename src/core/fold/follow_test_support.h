// A store that follows head office and the warehouse, for tests of what it takes from them (protocol 7).
#pragma once

#include <gtest/gtest.h>

#include "core/fold/test_fold.h"

namespace holdfast::fold::testing {

inline constexpr TillId first_till{1};

struct Follow : ::testing::Test {
  Journals journals;
  Shop store{journals, "store-01"};
  Shop head{journals, "head-office"};
  Shop warehouse{journals, "warehouse"};

  void list(catalogue::Product product) {
    const auto taken = head.write(catalogue::ListProducts{{std::move(product)}});
    ASSERT_TRUE(taken) << taken.error().text;
  }
  std::int64_t price(std::string_view sku) {
    const catalogue::Listed* listed = store.state.find_product(sku);
    return listed == nullptr ? -1 : listed->product.unit_price.millionths;
  }
  PeerPart& part(std::string_view site) { return store.state.peers.at(SiteName(site)); }
  Result<Taken> sell_a(std::int64_t pence) {
    return store.write(till::RecordSale{first_till, {line("A", 1000, pence * 10'000)}, {cash(pence)}, {}}, first_till);
  }
  // The store follows it from where it stands to its end at once, the other in steps.
  void expect_the_same_part_at_once_and_by(Shop& peer, Shop& stepwise) {
    for (std::uint64_t size = 5000; size < peer.size(); size += 5000) stepwise.follow(peer, size);
    stepwise.follow(peer);
    store.follow(peer);
    PeerPart& at_once = store.state.peers.at(peer.origin.site);
    PeerPart expected = stepwise.state.peers.at(peer.origin.site);
    expected.since = at_once.since;
    EXPECT_EQ(at_once, expected);
  }
  void expect_replay_equals_live() {
    const auto again = replay(journals, {store.origin});
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(again->encode(), store.state.encode());
  }
};

}  // namespace holdfast::fold::testing
