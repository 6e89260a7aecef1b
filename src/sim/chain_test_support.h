// What the tests of whole simulated chains share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sim/chain.h"

namespace holdfast::sim {

inline const SiteName head_office("head-office");
inline const SiteName warehouse("warehouse");
inline const SiteName store_1("store-01");
inline const SiteName store_2("store-02");

inline bool is_signing(Chain& chain, const std::string& name) {
  return chain.machine(name).node && chain.node(name).phase() == node::Phase::signing;
}
// A machine is switched on, rebuilt or not, and signs within a minute; if not, how far it has come.
inline testing::AssertionResult comes_to_sign(Chain& chain, const std::string& name) {
  if (const Status started = chain.start(name); !started)
    return testing::AssertionFailure() << name << ": " << started.error().text;
  if (chain.run_until([&] { return is_signing(chain, name); }, seconds(60))) return testing::AssertionSuccess();
  if (!chain.machine(name).node) return testing::AssertionFailure() << name << " has ended";
  return testing::AssertionFailure() << name << ": "
                                     << chain.node(name).progress().value_or(node::Progress{"no step"}).step;
}
// Whether this mirror counts for a site's journal (4.6).
inline bool counts_for(Chain& chain, const std::string& mirror, const SiteName& site) {
  const std::vector<node::SiteView> views = chain.node(mirror).sites();
  return std::ranges::find(views, site, &node::SiteView::site)->counts_here;
}
// How much this mirror holds of a site's newest epoch.
inline std::uint64_t held_at(Chain& chain, const std::string& mirror, const SiteName& site) {
  for (const node::SiteView& view : chain.node(mirror).sites())
    if (view.site == site) return view.held_here.value_or(0);
  return 0;
}
// Every machine runs and signs.
inline void start_all(Chain& chain) {
  for (const auto& [name, m] : chain.machines()) {
    const Status started = chain.start(name);
    ASSERT_TRUE(started.has_value()) << name << ": " << started.error().text;
  }
  const auto all_sign = [&] {
    return std::ranges::all_of(chain.machines(), [&](const auto& each) { return is_signing(chain, each.first); });
  };
  ASSERT_TRUE(chain.run_until(all_sign, seconds(20)));
}
// Head office lists ten products, and the first store has followed them.
inline void open_trade(Chain& chain) {
  chain.list_products(10);
  ASSERT_TRUE(
      chain.run_until([&] { return chain.node("store-01").state().find_product("P9") != nullptr; }, seconds(20)));
}
inline void start_trade(Chain& chain) {
  start_all(chain);
  open_trade(chain);
}
// A chain in trade whose first store is on its second machine, and both have sold. Its name.
inline std::string start_on_second_machine(Chain& chain) {
  start_trade(chain);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  chain.destroy("store-01");
  std::string second = chain.rebuild(store_1);
  EXPECT_TRUE(comes_to_sign(chain, second));
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  return second;
}
// Of every link of this machine only the one to `but` is left.
inline void isolate(Chain& chain, const std::string& name, const std::string& but = {}) {
  for (const auto& [other, m] : chain.machines())
    if (other != name && other != but) chain.network.cut(name, other);
}
// Sales of 28 kB each at the first store: 300 of them are more than a message holds.
inline void sell_much(Chain& chain, int sales) {
  for (int i = 0; i < sales; ++i) {
    chain.sell(store_1, 1, 300);
    chain.run_for(milliseconds(20));
  }
}
// How often this node has said that its disk is full.
inline std::uint64_t told_of_a_full_disk(Chain& chain, const std::string& name) {
  std::uint64_t out = 0;
  for (const guard::SeenAlert& seen : chain.node(name).state().guard.recent)
    if (seen.first.alert.signature == "disk-full") out += seen.count;
  return out;
}
// As after a new chain file, which counts from the next start.
inline void restart(Chain& chain, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    chain.kill(name);
    ASSERT_TRUE(chain.start(name).has_value()) << name;
  }
}
// Every clock but this machine's shows the next day.
inline void let_a_day_pass(Chain& chain, const std::string& but = {}) {
  for (auto& [name, m] : chain.machines())
    if (name != but) m->clock->offset.ns += seconds(86'400).ns;
}
// Every fault ends, tills send again what they owe, and the chain agrees with itself.
inline void settle(Chain& chain) {
  chain.network.heal_all();
  for (int i = 0; i < 40; ++i) {
    for (const chain::Site& site : chain.file().sites) chain.send_again(site.name);
    chain.run_for(seconds(1));
    if (chain.broken_at_rest().empty()) break;
  }
  EXPECT_EQ(chain.broken_at_rest(), "");
  EXPECT_EQ(chain.broken_in_audit(), "");
}

}  // namespace holdfast::sim
