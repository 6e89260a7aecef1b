// What the tests of spares, and of who lies to one, have in common: a chain in trade, and a machine that is not the one
// whose keys it has.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "core/sync/messages.h"
#include "sim/chain_test_support.h"

namespace holdfast::sim {

inline bool holds_all(Chain& chain, const std::string& spare, const std::string& node) {
  const node::SpareView view = chain.machine(spare).spare->view();
  return view.is_linked && view.size == chain.node(node).safety().size;
}

// A chain in trade whose first store has a spare that holds everything. Its name.
inline std::string start_with_spare(Chain& chain) {
  start_all(chain);
  const std::string spare = chain.add_spare(store_1);
  EXPECT_TRUE(chain.start(spare).has_value());
  open_trade(chain);
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(20)));
  return spare;
}
// Its machine is gone, and the spare is opened with nobody in reach.
inline bool opens_alone(Chain& chain, const std::string& spare) {
  chain.destroy("store-01");
  isolate(chain, spare);
  return chain.promote(spare).has_value();
}
// Acknowledged writes of the store that this machine does not know, without any till sending anything again.
inline std::size_t not_here(Chain& chain, const SiteName& store, const std::string& machine) {
  return static_cast<std::size_t>(std::ranges::count_if(chain.writes(store), [&](const TillWrite& w) {
    return w.reply && chain.node(machine).state().find_write({w.request.till, w.request.key}) == nullptr;
  }));
}
inline void expect_all_here(Chain& chain, const SiteName& store, const std::string& machine) {
  EXPECT_EQ(not_here(chain, store, machine), 0u);
}

// A machine that has the keys of another and runs no node: it says what a test lets it say.
struct Impostor final : NetEvents {
  Chain& chain;
  std::shared_ptr<SimSigner> signer;
  std::string name;
  Wire wire;
  std::vector<sync::Message> heard;
  std::optional<ConnectionId> to;
  std::function<void(const sync::Message&)> answer;  // called with each message
  bool has_joined = false;

  Impostor(Chain& chain_of, const Machine& whose, const std::string& address = "10.9.9.9:1",
           std::string called = "thief")
      : chain(chain_of), signer(whose.signer), name(std::move(called)), wire(chain.network, name) {
    chain.network.join(name, address, signer->public_key(KeyUse::tls), this);
    has_joined = true;
  }
  ~Impostor() override { leave(); }
  void leave() {
    if (std::exchange(has_joined, false)) chain.network.leave(name);
  }
  void dial(const std::string& address) { wire.dial(address); }
  void on_connected(ConnectionId connection, const PublicKey&, bool) override { to = connection; }
  void on_message(ConnectionId from, Bytes bytes) override {
    auto message = sync::decode(bytes);
    if (!message) return;
    heard.push_back(*message);
    to = from;
    if (answer) answer(*message);
  }
  void on_closed(ConnectionId) override { to.reset(); }
  void say(const sync::Message& message) {
    if (to) wire.send(*to, sync::encode(message));
  }
  Signature sign(ByteView text) { return signer->sign(KeyUse::log, text); }
  // As an old machine does, whose log key it has.
  void hand_in(const Origin& origin, EntryIndex first, std::vector<Bytes> entries) {
    sync::Tail tail{origin, first, std::move(entries), {}, {}};
    tail.signature = sign(sync::tail_text(tail));
    say(tail);
  }
  template <class M>
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(heard, [](const sync::Message& m) { return std::holds_alternative<M>(m); }));
  }
};

}  // namespace holdfast::sim
