// The network of the simulation does what it is asked to, and says when that has changed something.
#include "sim/net.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

namespace holdfast::sim {
namespace {

// Two machines, and what each has heard.
struct End final : NetEvents {
  std::string heard;
  std::optional<ConnectionId> to;
  bool has_closed = false;
  void on_connected(ConnectionId connection, const PublicKey&, bool) override { to = connection; }
  void on_message(ConnectionId, Bytes message) override { heard += static_cast<char>(message.at(0)); }
  void on_closed(ConnectionId) override { has_closed = true; }
};
struct Pair {
  Network network{Random(4)};
  Faults faults;
  End a, b;
  Wire wire_a{network, "a"}, wire_b{network, "b"};
  Pair() {
    network.faults = &faults;
    network.join("a", "a:1", {}, &a);
    network.join("b", "b:1", {}, &b);
    wire_a.dial("b:1");
    run(seconds(1));
  }
  void run(Duration time) {
    const Instant end = network.now() + time;
    while (network.now() < end) network.step(end);
  }
  void run_until_broken() { run({2 * Network::broken_patience.ns}); }
  void say(std::string_view text) {
    for (const char c : text) wire_a.send(*a.to, Bytes{static_cast<std::byte>(c)});
  }
};

TEST(Network, delivers_in_order_what_is_sent_over_a_connection) {
  Pair p;
  p.say("abcdefgh");
  p.run(seconds(1));
  EXPECT_EQ(p.b.heard, "abcdefgh");
}

TEST(Network, loses_one_message_and_ends_its_connection_soon) {
  Pair p;
  EXPECT_FALSE(p.network.drop_any()) << "nothing is in flight";
  p.say("abcdefgh");
  EXPECT_TRUE(p.network.drop_any());
  p.run_until_broken();
  EXPECT_EQ(p.b.heard.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(p.b.heard));
  EXPECT_TRUE(p.a.has_closed && p.b.has_closed);
  EXPECT_EQ(p.faults.count(Fault::net_drop).bit, 1u);
}

TEST(Network, delivers_one_message_twice_and_ends_its_connection_soon) {
  Pair p;
  p.say("abcdefgh");
  EXPECT_TRUE(p.network.duplicate_any());
  p.run_until_broken();
  EXPECT_EQ(p.b.heard.size(), 9u);
  EXPECT_EQ(p.b.heard.substr(0, 8), "abcdefgh") << "the copy comes behind";
  EXPECT_TRUE(p.a.has_closed && p.b.has_closed);
  EXPECT_EQ(p.faults.count(Fault::net_duplicate).bit, 1u);
}

TEST(Network, delivers_one_message_after_those_behind_it) {
  bool has_bitten = false;
  for (int i = 0; i < 20 && !has_bitten; ++i) {
    Pair p;
    p.say("abcdefgh");
    for (int each = 0; each <= i; ++each) EXPECT_TRUE(p.network.reorder_any());
    p.run_until_broken();
    EXPECT_EQ(p.b.heard.size(), 8u);
    has_bitten = p.faults.count(Fault::net_reorder).bit > 0;
    EXPECT_EQ(has_bitten, !std::ranges::is_sorted(p.b.heard)) << p.b.heard;
  }
  EXPECT_TRUE(has_bitten);
}

TEST(Network, half_open_tells_one_side_and_lets_the_other_hear_what_was_sent) {
  Pair p;
  p.say("abc");
  ASSERT_TRUE(p.network.half_open_any());
  p.run(seconds(10));
  EXPECT_TRUE(p.b.heard.empty() || p.b.heard == "abc") << p.b.heard;
  EXPECT_TRUE(p.a.has_closed && p.b.has_closed) << "in the end both know";
}

TEST(Network, a_clogged_way_keeps_what_is_sent_and_delivers_it_when_it_is_clear) {
  Pair p;
  p.network.clog("a", "b");
  p.say("abc");
  p.run(seconds(5));
  EXPECT_EQ(p.b.heard, "");
  EXPECT_EQ(p.wire_a.unsent_bytes(*p.a.to), 3u);
  p.network.clear("a", "b");
  p.run(seconds(1));
  EXPECT_EQ(p.b.heard, "abc");
  EXPECT_EQ(p.faults.count(Fault::net_clog).bit, 1u);
}

TEST(Network, a_clogged_way_ends_its_connection_when_more_waits_than_the_real_one_keeps) {
  Pair p;
  p.network.unsent_bytes_max = 3;
  p.network.clog("a", "b");
  p.say("abc");
  p.run(seconds(5));
  EXPECT_FALSE(p.a.has_closed);
  p.say("d");
  p.run(seconds(1));
  EXPECT_TRUE(p.a.has_closed && p.b.has_closed);
  EXPECT_EQ(p.b.heard, "");
}

TEST(Network, a_cut_pair_has_no_connection_and_loses_what_is_in_flight) {
  Pair p;
  p.say("abc");
  p.network.cut("a", "b");
  p.run(seconds(1));
  EXPECT_EQ(p.b.heard, "");
  EXPECT_TRUE(p.a.has_closed && p.b.has_closed);
  p.a.has_closed = false;
  p.wire_a.dial("b:1");
  p.run(seconds(1));
  EXPECT_TRUE(p.a.has_closed) << "nobody answers";
  EXPECT_EQ(p.network.delivered_over_cut, 0u);
}

}  // namespace
}  // namespace holdfast::sim
