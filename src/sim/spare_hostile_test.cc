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
bool has_sealed(Chain& chain, const std::string& mirror) {
  return chain.node(mirror).state().epochs.contains(store_1);
}
// A sale at this very machine, whoever serves the store. Its key, once it is acknowledged.
void sell_at(Chain& chain, const std::string& machine, std::vector<fold::WriteKey>& acknowledged) {
  fold::WriteRequest sale = chain.a_sale(store_1, 2);
  for (std::byte& b : sale.key.bytes) b = static_cast<std::byte>(chain.random().next());
  chain.node(machine).submit(sale, [&acknowledged, key = fold::WriteKey{sale.till, sale.key}](const auto& taken) {
    if (taken) acknowledged.push_back(key);
  });
}

TEST(Hostile, tail_is_not_taken_because_somebody_says_so_twice_or_of_more_than_he_was_given) {
  Chain chain(25, 3);
  const std::string spare = start_with_spare(chain);
  isolate(chain, "store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  std::vector<fold::WriteKey> acknowledged;
  for (int i = 0; i < 10; ++i) sell_at(chain, "store-01", acknowledged);
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, spare); }, seconds(30)));
  chain.run_for(seconds(1));
  const std::string note(as_text(*chain.machine(spare).disk.read_all("registration.note")));
  chain.kill("warehouse");
  Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address);
  liar.answer = [&](const sync::Message& m) {
    if (!std::holds_alternative<sync::Hello>(m)) return;
    liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
    liar.say(sync::Superseded{note});
  };
  ASSERT_TRUE(chain.run_until([&] { return liar.count<sync::Tail>() > 0; }, seconds(20)));
  ASSERT_EQ(chain.node("store-01").phase(), node::Phase::stopped);
  const auto waiting = [&] { return chain.node("store-01").safety().not_taken_in; };
  const std::uint64_t all = waiting();
  EXPECT_GE(all, 10u);
  const auto tail = std::ranges::find_if(liar.heard, [](const auto& m) { return std::holds_alternative<sync::Tail>(m); });
  const sync::Tail first = std::get<sync::Tail>(*tail);
  liar.say(sync::TailTaken{first.origin, first.first, first.entries.size() + 1000});
  liar.say(sync::TailTaken{first.origin, first.first + 1, first.entries.size()});
  chain.run_for(seconds(1));
  EXPECT_EQ(waiting(), all) << "that was never offered";
  liar.say(sync::TailTaken{first.origin, first.first, first.entries.size()});
  liar.say(sync::TailTaken{first.origin, first.first, first.entries.size()});
  chain.run_for(seconds(1));
  EXPECT_EQ(waiting(), all - first.entries.size());
}

TEST(Hostile, old_key_of_one_store_leaves_room_for_the_tails_of_another) {
  Chain chain(26, 3);
  for (const auto& [name, m] : chain.machines()) ASSERT_TRUE(chain.start(name)) << name;
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, "store-01") && is_signing(chain, "store-02"); }, seconds(20)));
  chain.run_for(seconds(2));
  std::vector<std::unique_ptr<Impostor>> old;
  for (const SiteName& site : {store_1, store_2}) {
    chain.kill(site.str());
    const std::string rebuilt = chain.rebuild(site);
    ASSERT_TRUE(chain.start(rebuilt).has_value());
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, rebuilt); }, seconds(60))) << rebuilt;
    chain.kill(rebuilt);  // the tails wait for it
    old.push_back(std::make_unique<Impostor>(chain, chain.machine(site.str()), "10.9.9.9:1", "old-" + site.str()));
  }
  const auto hand_in = [&](std::size_t i, const SiteName& site, std::size_t tails) {
    old[i]->dial(chain.file().find(head_office)->link_address);
    chain.run_for(seconds(1));
    old[i]->say(sync::Hello{chain.file().chain, site, 1, {}, {}});
    for (std::size_t n = 0; n < tails; ++n) {
      sync::Tail tail{{chain.file().chain, site, 1}, 1000 + n, {to_bytes(as_bytes(std::string_view("x")))}, {}, {}};
      tail.signature = old[i]->sign(sync::tail_text(tail));
      old[i]->say(tail);
    }
    chain.run_for(seconds(2));
    return old[i]->count<sync::TailTaken>();
  };
  EXPECT_EQ(hand_in(0, store_1, 1001), 1000u);
  EXPECT_EQ(hand_in(1, store_2, 1), 1u);
}

}  // namespace
}  // namespace holdfast::sim
