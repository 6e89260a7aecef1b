// Why mirrors hold back is said where the rebuild waits for them (protocol 5.2): who reads it has a store that is
// closed, and has to know whether a mirror is away or will never do it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "core/base/text.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

constexpr std::string_view nobody_seals = "sealing the old epoch: 0 of 2 mirrors";

std::string step_of(Chain& chain, const std::string& name) {
  return chain.node(name).progress().value_or(node::Progress()).step;
}

TEST(Refusal, of_a_number_that_another_machine_was_sealed_for_is_told_and_a_higher_one_helps) {
  Chain chain(48, 4);
  start_trade(chain);
  chain.destroy("store-01");
  const std::string first = chain.rebuild(store_1);
  isolate(chain, first, "warehouse");
  ASSERT_TRUE(chain.start(first).has_value());
  chain.run_for(seconds(5));
  EXPECT_EQ(step_of(chain, first), "sealing the old epoch: 1 of 2 mirrors");
  chain.kill(first);
  const std::string twin = chain.rebuild_under_same_number(store_1);
  isolate(chain, twin, "warehouse");
  ASSERT_TRUE(chain.start(twin).has_value());
  chain.run_for(seconds(5));
  EXPECT_EQ(step_of(chain, twin), std::string(nobody_seals) +
                                      "; warehouse: epoch 2 was given to another certificate; ask for a higher number");
  chain.kill(twin);
  chain.certify_again(twin);
  chain.network.heal_all();
  ASSERT_TRUE(chain.promote(twin).has_value());  // the tills go there now
  EXPECT_TRUE(chain.run_until([&] { return is_signing(chain, twin); }, seconds(60))) << step_of(chain, twin);
}

// It is sent away before it can ask; what the mirror says may not reach it. Who is away later is not said to refuse.
TEST(Refusal, of_a_revoked_certificate_is_told_by_how_the_links_end) {
  Chain chain(49, 3);
  start_trade(chain);
  chain.destroy("store-01");
  const std::string next = chain.rebuild(store_1);
  chain.revoke(store_1, 2);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  chain.run_for(seconds(5));
  ASSERT_TRUE(chain.start(next).has_value());
  chain.run_for(seconds(20));
  const std::string step = step_of(chain, next);
  EXPECT_TRUE(step.starts_with(nobody_seals)) << step;
  for (const std::string mirror : {"head-office", "warehouse", "store-02"})
    EXPECT_TRUE(step.contains("; " + mirror + ": ")) << step;
  EXPECT_FALSE(step.contains("store-03")) << "which is no mirror of it";
  isolate(chain, next);
  chain.run_for(seconds(15));
  EXPECT_EQ(step_of(chain, next), nobody_seals);
}

TEST(Refusal, is_cleaned_and_bounded_before_people_read_it) {
  Chain chain(50, 3);
  start_trade(chain);
  chain.destroy("store-01");
  chain.kill("warehouse");
  Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address);
  unsigned asked = 0;
  liar.answer = [&](const sync::Message& message) {
    if (std::holds_alternative<sync::Hello>(message)) liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    if (!std::holds_alternative<sync::Seal>(message)) return;
    for (int i = 0; i < 20; ++i)
      liar.say(sync::Refused{"node/refused",
                             "\x1b[2J\nall is well \xff" + std::to_string(++asked) + std::string(5000, 'x')});
  };
  const std::string next = chain.rebuild(store_1);
  isolate(chain, next);  // but from the liar
  ASSERT_TRUE(chain.start(next).has_value());
  constexpr std::string_view before = "; warehouse: ?[2J?all is well ?";
  std::set<unsigned long> told;
  for (int i = 0; i < 100; ++i) {
    chain.run_for(milliseconds(100));
    const std::string step = step_of(chain, next);
    if (const std::size_t at = step.find(before); at != std::string::npos)
      told.insert(std::strtoul(step.c_str() + at + before.size(), nullptr, 10));
  }
  EXPECT_GE(asked, 60u);
  EXPECT_GE(told.size(), 2u);
  for (const unsigned long number : told) EXPECT_EQ(number % 20, 1u) << "of one burst one line";
  const std::string step = step_of(chain, next);
  EXPECT_TRUE(step.starts_with(std::string(nobody_seals) + std::string(before))) << step;
  EXPECT_TRUE(is_clean_text(step));
  EXPECT_LE(step.size(), 400u);
}

}  // namespace
}  // namespace holdfast::sim
