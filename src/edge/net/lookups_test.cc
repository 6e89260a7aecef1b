// Names of hosts while a name server is silent: what nobody answers holds up nobody.
#include "edge/net/lookups.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "edge/net/tls_net_test_support.h"

namespace holdfast::edge {
namespace {

using ::testing::ElementsAre;

// Answers at once, but for hosts that it is silent about until it is told to speak.
class NameServer {
 public:
  Lookups::Ask ask() {
    return [this, spoken = spoken_](const std::string& host) -> HostAddresses {
      ++asked;
      if (host.starts_with("silent")) spoken.wait();
      if (host.ends_with(".invalid")) return {{}, "no such host"};
      return {{"127.0.0.1"}, {}};
    };
  }
  void speak() { speaks_.set_value(); }
  // Each host is asked for on a thread of its own, which starts when it is its turn.
  bool is_asked(int times) {
    for (int i = 0; i < 1000 && asked < times; ++i) std::this_thread::sleep_for(10ms);
    return asked == times;
  }
  std::atomic<int> asked = 0;

 private:
  std::promise<void> speaks_;
  std::shared_future<void> spoken_ = speaks_.get_future().share();
};

TEST(Lookups, AHostIsAskedForOnceAtATimeAndAllWhoWaitAreAnswered) {
  NameServer server;
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  Lookups lookups(io, server.ask());
  std::vector<std::string> told;
  const auto answer = [&](const HostAddresses& found) {
    told.push_back(found.problem.empty() ? found.numbers.front() : found.problem);
  };
  for (int i = 0; i < 3; ++i) lookups.look_up("silent", answer);
  lookups.look_up("other", answer);
  while (told.empty()) io.run_one_for(100ms);
  EXPECT_THAT(told, ElementsAre("127.0.0.1")) << "the other one";
  EXPECT_TRUE(server.is_asked(2));
  server.speak();
  while (told.size() < 4) io.run_one_for(100ms);
  EXPECT_EQ(server.asked, 2);
}

TEST(Lookups, WhatAHostHadLastIsGoodWhileNobodyAnswersAndWhenHeIsUnknown) {
  std::promise<void> end;
  std::atomic<int> asked = 0;
  const auto ask = [&asked, ended = end.get_future().share()](const std::string&) -> HostAddresses {
    const int n = ++asked;
    if (n == 2) return {{}, "the name server is away"};
    if (n == 3) ended.wait();
    return {{"127.0.0.1"}, {}};
  };
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  Lookups lookups(io, ask);
  unsigned good = 0;
  const auto answer = [&](const HostAddresses& found) { good += found.problem.empty() && !found.numbers.empty(); };
  for (unsigned i = 1; i <= 2; ++i) {
    lookups.look_up("host", answer);
    for (int turn = 0; turn < 100 && good < i; ++turn) io.run_one_for(100ms);
    EXPECT_EQ(good, i);
  }
  lookups.look_up("host", answer);  // the third is silent
  lookups.look_up("host", answer);
  EXPECT_EQ(good, 3u) << "the fourth has the address of before, at once";
  end.set_value();
  for (int turn = 0; turn < 100 && good < 4; ++turn) io.run_one_for(100ms);
  EXPECT_EQ(good, 4u);
}

// Found by reading: with one resolver for all, each dial to a name that nobody answered kept its connection until its
// turn came, 4.7 GB a day, and a peer that could be reached was never dialled.
TEST(TlsNetTest, ANameThatNobodyAnswersHoldsUpNoOtherDialAndNoEnd) {
  NameServer server;
  Party b(2);
  {
    Party a(1, {.dial_timeout = milliseconds(150), .look_up = server.ask()});
    for (int i = 0; i < 20; ++i) {
      const ConnectionId id = a.net->dial("silent:7000");
      ASSERT_TRUE(a.turn_until([&] { return a.closed[id] == 1; }));
    }
    EXPECT_EQ(server.asked, 1);
    const ConnectionId id = a.net->dial("other:" + std::to_string(b.net->listening_port()));
    EXPECT_TRUE(turn_both(a, b, [&] { return a.peers.contains(id); })) << a.logged();
    EXPECT_EQ(server.asked, 2);
  }  // ends while the name is still looked up: it would stand here for ever
  server.speak();
}

TEST(Lookups, TheSystemIsAskedAndSaysWhatIsWrong) {
  EXPECT_THAT(addresses_of("127.0.0.1").numbers, ElementsAre("127.0.0.1"));
  EXPECT_FALSE(addresses_of("no-such-host.invalid").problem.empty());
}

}  // namespace
}  // namespace holdfast::edge
