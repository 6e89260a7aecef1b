// A certificate for a machine that was rebuilt already (protocol 5.1, 5.4): a list of requests was signed twice, or a
// clean point for keys that are in use. Its note of the epoch before says nothing of the new number.
#include <gtest/gtest.h>

#include "core/recovery/rebuild.h"
#include "sim/chain_test_support.h"

namespace holdfast::sim {
namespace {

std::uint64_t said_for(Chain& chain, const std::string& name) {
  const auto note = chain.machine(name).disk.read_all(recovery::registration_path);
  const auto said = note ? chain::parse_registration(as_text(*note)) : fail("", "");
  return said ? said->certificate.epoch : 0;
}

// One sale that is on this disk alone, and that no till sends again; then the machine is off.
void sell_alone(Chain& chain, const std::string& name) {
  isolate(chain, name);
  const std::size_t sale = chain.sell(store_1, 1);
  chain.run_for(seconds(2));
  ASSERT_EQ(chain.writes(store_1)[sale].kept_by, name);
  chain.writes(store_1)[sale].is_forgotten = true;
  chain.kill(name);
  chain.network.heal_all();
}

TEST(BeginsAgain, machine_that_trades_and_is_given_the_next_epochs_certificate) {
  Chain chain(44, 3);
  const std::string second = start_on_second_machine(chain);
  chain.kill(second);
  ASSERT_EQ(said_for(chain, second), 2u);
  chain.certify_again(second);
  ASSERT_TRUE(comes_to_sign(chain, second));
  EXPECT_EQ(said_for(chain, second), 3u);
  EXPECT_EQ(chain.node(second).safety().origin.epoch, 3u);
  EXPECT_EQ(chain.node(second).recovery()->old_origin.epoch, 2u);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  settle(chain);  // on the links that it was rebuilt over
  EXPECT_EQ(chain.node(second).state().till.totals.sales, 30u);
}

// 5.4: and what it has said under the certificate in use, it says again.
TEST(BeginsAgain, machine_whose_power_fails_meanwhile) {
  for (std::uint64_t writes = 0; writes < 200; writes += 2) {
    Chain chain(45, 3);
    const std::string second = start_on_second_machine(chain);
    chain.kill(second);
    chain.certify_again(second);
    chain.machine(second).power_fails_after = writes;
    const Status started = chain.start(second);
    const auto is_over = [&] { return chain.machine(second).died_of.has_value() || is_signing(chain, second); };
    if (started) chain.run_until(is_over, seconds(60));
    const bool got_through = !chain.machine(second).died_of;
    if (got_through) chain.kill(second);
    ASSERT_TRUE(comes_to_sign(chain, second)) << "write " << writes;
    EXPECT_EQ(said_for(chain, second), 3u) << "write " << writes;
    EXPECT_EQ(chain.broken_law(), "") << "write " << writes;
    if (got_through || HasFailure()) return settle(chain);
  }
  FAIL() << "it never got through";
}

// Promise 2: nobody else has it, and no till sends it again; this disk was never lost.
TEST(BeginsAgain, machine_takes_in_what_it_had_acknowledged_and_no_mirror_has) {
  Chain chain(47, 3);
  const std::string second = start_on_second_machine(chain);
  sell_alone(chain, second);
  chain.certify_again(second);
  ASSERT_TRUE(comes_to_sign(chain, second));
  EXPECT_EQ(chain.node(second).state().till.totals.sales, 21u);
  EXPECT_EQ(chain.node(second).recovery()->readmitted, 1u);
  restart(chain, {second});
  EXPECT_EQ(chain.node(second).state().till.totals.sales, 21u) << "and once";
  settle(chain);
}

// Nobody knows an entry of its epoch, so the next one goes on from the epoch before.
TEST(BeginsAgain, machine_that_was_alone_from_its_registration_on) {
  Chain chain(48, 3);
  start_trade(chain);
  chain.run_for(seconds(3));
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(chain.start(second));
  while (!is_signing(chain, second)) chain.run_for(milliseconds(1));
  sell_alone(chain, second);
  chain.certify_again(second);
  ASSERT_TRUE(comes_to_sign(chain, second));
  EXPECT_EQ(chain.node(second).recovery()->old_origin.epoch, 1u);
  EXPECT_EQ(chain.node(second).state().till.totals.sales, 1u);
  restart(chain, {second});
  EXPECT_EQ(chain.node(second).state().till.totals.sales, 1u) << "and once";
  settle(chain);
}

// A store that was rebuilt onto its second machine, is on its third, and gets the second one back.
TEST(BeginsAgain, machine_that_another_one_had_replaced) {
  Chain chain(46, 3);
  const std::string second = start_on_second_machine(chain);
  sell_alone(chain, second);
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  chain.kill("store-03");  // which is away until all is done
  chain.destroy(third);
  chain.certify_again(second);
  ASSERT_TRUE(chain.promote(second).has_value());  // it has the place of the store's machine again
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, second); }, seconds(60)));
  EXPECT_EQ(chain.node(second).recovery()->old_origin.epoch, 3u);
  EXPECT_EQ(chain.node(second).state().till.totals.sales, 31u) << "with what it had sold alone in epoch 2";
  chain.run_for(seconds(3));
  ASSERT_TRUE(chain.start("store-03").has_value());
  settle(chain);
}

}  // namespace
}  // namespace holdfast::sim
