// A certificate that the chain file revokes, before and after its machine was registered (protocol 5.4, 10.2).
#include <gtest/gtest.h>

#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

// It has opened the store and then it was stolen. What it sold stays sold, and nobody's link ends of it.
TEST(RevokedSpare, that_is_revoked_after_it_was_registered_is_followed_by_a_machine_that_goes_on_from_it) {
  Chain chain(30, 3);
  const std::string spare = start_with_spare(chain);
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  ASSERT_TRUE(comes_to_sign(chain, spare));
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  chain.destroy(spare);
  chain.revoke(store_1, 2);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  chain.run_for(seconds(5));
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  EXPECT_EQ(chain.node(third).recovery()->old_origin.epoch, 2u);
  expect_all_here(chain, store_1, third);
  chain.destroy("head-office");  // and in whose journal the registration stands
  const std::string office = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, office));
  settle(chain);
}

TEST(RevokedSpare, that_is_revoked_before_it_is_promoted_is_let_in_nowhere) {
  Chain chain(31, 3);
  const std::string spare = start_with_spare(chain);
  chain.destroy("store-01");
  chain.revoke(store_1, 2);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  const auto promoted = chain.promote(spare);
  chain.run_for(seconds(90));
  EXPECT_FALSE(chain.machine(spare).node && is_signing(chain, spare));
  for (const std::string mirror : {"head-office", "warehouse", "store-02"})
    EXPECT_FALSE(chain.node(mirror).state().epochs.contains(store_1)) << mirror;
  if (promoted) chain.kill(spare);
  chain.destroy(spare);
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  settle(chain);
}

}  // namespace
}  // namespace holdfast::sim
