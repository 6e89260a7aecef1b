// Who lies to a spare, to the node it stands for, or about either (protocol 3, 4.6, 10): nothing is lost by it, and
// nobody is stopped by one machine's word.
#include <gtest/gtest.h>

#include "core/fold/event.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

bool is_cosigned(Chain& chain, const std::string& name) {
  return chain.node(name).safety().cosigned_size == chain.node(name).safety().size;
}
std::string certificate_of(Chain& chain, const std::string& name) {
  return std::string(as_text(*chain.machine(name).disk.read_all(node::certificate_path)));
}
bool has_sealed(Chain& chain, const std::string& mirror) { return chain.node(mirror).state().epochs.contains(store_1); }
// A sale at this very machine, whoever serves the store. Its key, once it is acknowledged.
void sell_at(Chain& chain, const std::string& machine, std::vector<fold::WriteKey>& acknowledged) {
  fold::WriteRequest sale = chain.a_sale(store_1, 2);
  for (std::byte& b : sale.key.bytes) b = static_cast<std::byte>(chain.random().next());
  chain.node(machine).submit(sale, [&acknowledged, key = fold::WriteKey{sale.till, sale.key}](const auto& taken) {
    if (taken) acknowledged.push_back(key);
  });
}

// No liar, but told in the same way: what the old machine announced and nobody has is out, whatever tills send again.
TEST(Hostile, entries_that_are_out_are_told_as_out_though_tills_send_their_sales_again) {
  for (const bool has_spare : {true, false}) {
    Chain chain(27, 3);
    std::string next = start_with_spare(chain);
    isolate(chain, "store-01");
    for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
    chain.run_for(seconds(2));
    const std::uint64_t announced = chain.node("store-01").safety().size;
    chain.kill("store-01");
    chain.network.heal_all();
    Impostor old(chain, chain.machine("store-01"));
    for (const SiteName& mirror : {head_office, warehouse, store_2}) {
      old.dial(chain.file().find(mirror)->link_address);
      chain.run_for(seconds(1));
      ASSERT_TRUE(old.to) << mirror.view();
      old.say(sync::Hello{chain.file().chain, store_1, 1, {}, {}});
      sync::Heartbeat beat{{chain.file().chain, store_1, 1}, announced, 0, chain.now(), true, std::nullopt};
      beat.signature = old.sign(sync::heartbeat_text(beat));
      old.say(beat);
      chain.run_for(seconds(1));
    }
    old.leave();
    if (has_spare) {
      ASSERT_TRUE(chain.promote(next).has_value());
    } else {
      chain.destroy(next);
      next = chain.rebuild(store_1);
      ASSERT_TRUE(chain.start(next).has_value());
    }
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, next); }, seconds(60))) << has_spare;
    const std::uint64_t out = chain.node(next).safety().not_taken_in;
    EXPECT_GE(out, 10u) << has_spare;
    chain.send_again(store_1);
    chain.run_for(seconds(2));
    expect_all_here(chain, store_1, next);
    EXPECT_EQ(chain.node(next).safety().not_taken_in, out) << has_spare;
  }
}

}  // namespace
}  // namespace holdfast::sim
