// Connections between our own nodes: what passes, how they end, slow ones, listening. Strangers:
// tls_net_hostile_test.cc.
#include "edge/net/tls_net.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <thread>

#include "edge/net/tls_net_test_support.h"

namespace holdfast::edge {
namespace {

using ::testing::HasSubstr;

TEST(TlsNetTest, BothSidesLearnTheKeyThatTheOtherHolds) {
  Party a(1), b(2);
  const ConnectionId id = connect(a, b);
  EXPECT_EQ(a.peers[id], key_of(2));
  EXPECT_TRUE(a.dialled[id]);
  EXPECT_EQ(b.peers[b.last], key_of(1));
  EXPECT_FALSE(b.dialled[b.last]);
}

TEST(TlsNetTest, MessagesArriveWholeAndInOrderBothWays) {
  Party a(1), b(2);
  const ConnectionId id = connect(a, b);
  b.echo = true;
  std::vector<Bytes> sent;
  for (std::size_t size : {1u, 2u, 1000u, 16'383u, 16'384u, 16'385u, 65'536u}) sent.push_back(message_of(size, 1));
  for (unsigned i = 0; i < 2000; ++i) sent.push_back(message_of(1 + i % 300, i));
  sent.push_back(message_of(message_bytes_max, 9));
  sent.push_back(message_of(5, 10));
  for (const auto& message : sent) a.net->send(id, message);
  EXPECT_GT(a.net->unsent_bytes(id), 0u);
  ASSERT_TRUE(turn_both(a, b, [&] { return a.messages.size() == sent.size(); })) << a.logged() << b.logged();
  EXPECT_TRUE(a.messages == sent);
  EXPECT_TRUE(b.messages == sent);
  EXPECT_TRUE(turn_both(a, b, [&] { return a.net->unsent_bytes(id) == 0; }));
}

TEST(TlsNetTest, TwoHundredMegabytesPass) {
  Party a(1), b(2);
  const ConnectionId id = connect(a, b);
  a.keep = b.keep = false;
  const Bytes large = message_of(4 << 20, 3);
  constexpr std::size_t total = 200u << 20;
  a.net->send(id, message_of(4096, 3));  // the first one is small
  std::size_t sent = 4096;
  ASSERT_TRUE(turn_both(
      a, b,
      [&] {
        while (sent < total && a.net->unsent_bytes(id) < (16u << 20)) {
          a.net->send(id, large);
          sent += large.size();
        }
        return b.bytes_in >= total;
      },
      120s));
  EXPECT_EQ(b.bytes_in, sent);
  EXPECT_GE(a.net->counters().bytes_out, total);
}

TEST(TlsNetTest, ManyConnectionsAtOnce) {
  constexpr int many = 300;
  // How long 300 handshakes take is the machine's affair: under asan beside another build, longer than a dial may.
  const auto patient = [] {
    return TlsNetOptions{.listen = "127.0.0.1:0",
                         .dial_timeout = seconds(60),
                         .handshake_timeout = seconds(60),
                         .first_message_timeout = seconds(60),
                         .pending_max = 1000,
                         .pending_each_address_max = 1000};
  };
  Party a(1, patient()), b(2, patient());
  b.echo = true;
  std::vector<ConnectionId> ids;
  ids.reserve(many);
  for (int i = 0; i < many; ++i) ids.push_back(a.net->dial(b.address()));
  ASSERT_TRUE(turn_both(
      a, b, [&] { return a.peers.size() == many; }, 60s))
      << a.peers.size() << a.logged() << b.logged();
  for (auto id : ids) a.net->send(id, message_of(100, static_cast<unsigned>(id)));
  ASSERT_TRUE(turn_both(
      a, b, [&] { return a.messages.size() == many; }, 60s));
  EXPECT_TRUE(a.closed.empty());
  b.net.reset();
  EXPECT_TRUE(a.turn_until([&] { return a.closed.size() == many; }));
  for (auto [id, times] : a.closed) EXPECT_EQ(times, 1) << id;
}

// ---- ends

TEST(TlsNetTest, ADialThatFailsIsClosedOnce) {
  Listening mute;  // takes TCP connections and never says a word
  Party a(1, {.handshake_timeout = milliseconds(300)});
  std::uint16_t free_port;
  { free_port = Listening().port; }
  const std::vector<ConnectionId> ids{a.net->dial("127.0.0.1:" + std::to_string(free_port)),
                                      a.net->dial(mute.address()), a.net->dial("nonsense"),
                                      a.net->dial("no-such-host.invalid:1")};
  ASSERT_TRUE(a.turn_until([&] { return a.closed.size() == ids.size(); }, 20s)) << a.logged();
  a.turn_for(50ms);
  for (auto id : ids) EXPECT_EQ(a.closed[id], 1) << id;
  EXPECT_TRUE(a.peers.empty());
  EXPECT_THAT(a.logged(), HasSubstr("Connection refused"));
  EXPECT_THAT(a.logged(), HasSubstr("did not answer in time"));
  EXPECT_THAT(a.logged(), HasSubstr("\"nonsense\" is not an address"));
}

TEST(TlsNetTest, ADialIsGivenUpInTime) {
  Listening full;  // a backlog that is full drops what comes next
  std::vector<int> fill;
  for (int i = 0; i < 64; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(full.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    (void)::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at);
    fill.push_back(fd);
  }
  Party a(1, {.dial_timeout = milliseconds(300)});
  const ConnectionId id = a.net->dial(full.address());
  EXPECT_TRUE(a.turn_until([&] { return a.closed[id] == 1; }, 3s));
  for (int fd : fill) ::close(fd);
}

TEST(TlsNetTest, ADialThatIsClosedAtOnceNeverConnects) {
  Party a(1), b(2);
  for (int i = 0; i < 20; ++i) {
    const ConnectionId id = a.net->dial(b.address());
    if (i % 2) std::this_thread::sleep_for(1ms);
    a.net->close(id);
    a.turn_for(5ms);
    EXPECT_FALSE(a.peers.contains(id));
    EXPECT_FALSE(a.closed.contains(id));
  }
}

// Sits between two parties and passes bytes on until it is frozen.
struct Relay {
  explicit Relay(std::uint16_t to) : to_port(to), thread([this] { run(); }) {}
  ~Relay() {
    stop = true;
    thread.join();
    ::close(client);
    ::close(server);
  }
  void run() {
    client = ::accept(listening.fd, nullptr, nullptr);
    server = tcp_to(to_port);
    while (!stop) {
      if (frozen_wanted) {
        frozen = true;
        std::this_thread::sleep_for(1ms);
        continue;
      }
      pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(both, 2, 10) <= 0) continue;
      char buffer[8192];
      for (auto [from, to] : {std::pair(0, server), std::pair(1, client)}) {
        if (!(both[from].revents & POLLIN)) continue;
        const ssize_t n = ::recv(both[from].fd, buffer, sizeof buffer, 0);
        if (n > 0) (void)!::send(to, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL);
      }
    }
  }
  void freeze() {
    frozen_wanted = true;
    while (!frozen) std::this_thread::sleep_for(1ms);
  }
  Listening listening;
  std::uint16_t to_port;
  int client = -1, server = -1;
  std::atomic<bool> stop{false}, frozen_wanted{false}, frozen{false};
  std::thread thread;
};

TEST(TlsNetTest, AfterCloseNotAByteLeavesEvenOfWhatWasQueued) {  // promise 4
  Party a(1), b(2);
  Relay relay(b.net->listening_port());
  const ConnectionId id = a.net->dial(relay.listening.address());
  ASSERT_TRUE(turn_both(a, b, [&] { return a.peers.contains(id) && !b.peers.empty(); }));
  a.net->send(id, message_of(100, 1));
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == 1; }));
  relay.freeze();
  for (int i = 0; i < 10; ++i) a.net->send(id, message_of(4 << 20, 2));
  std::this_thread::sleep_for(200ms);  // the kernel's buffers on both ends are full now
  a.net->close(id);
  int arrived = 0;
  ASSERT_EQ(::ioctl(relay.client, FIONREAD, &arrived), 0);
  std::size_t total = 0;
  char buffer[65536];
  ssize_t n;
  while ((n = ::recv(relay.client, buffer, sizeof buffer, 0)) > 0) total += static_cast<std::size_t>(n);
  EXPECT_EQ(n, -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_LE(total, static_cast<std::size_t>(arrived)) << "bytes arrived after close() had returned";
  EXPECT_LT(total, 40u << 20);
  a.turn_for(50ms);
  EXPECT_TRUE(a.closed.empty());
  EXPECT_EQ(a.net->unsent_bytes(id), 0u);
  a.net->send(id, message_of(1, 1));  // dropped
}

TEST(TlsNetTest, AfterCloseNothingIsHeardEvenOfWhatHadArrived) {  // promise 4
  Party a(1), b(2);
  const ConnectionId id = connect(a, b);
  a.net->send(id, message_of(1, 1));
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == 1; }));
  for (int i = 0; i < 1000; ++i) a.net->send(id, message_of(100, 1));
  std::this_thread::sleep_for(100ms);  // all of it waits in b's queue by now
  b.after_message = [&](ConnectionId from) {
    if (b.messages_in == 10) b.net->close(from);
  };
  EXPECT_TRUE(a.turn_until([&] {
    b.turn_for(1ms);
    return a.closed[id] == 1;
  }));
  b.turn_for(100ms);
  EXPECT_EQ(b.messages_in, 10u);
  EXPECT_TRUE(b.closed.empty());
}

TEST(TlsNetTest, WhenAPeerVanishesTheOtherIsTold) {
  Party a(1);
  auto b = std::make_unique<Party>(2);
  const ConnectionId id = connect(a, *b);
  b.reset();
  EXPECT_TRUE(a.turn_until([&] { return a.closed[id] == 1; }));
  a.net->send(id, message_of(1, 1));
  a.net->close(id);
  a.turn_for(20ms);
  EXPECT_EQ(a.closed[id], 1);
}

TEST(TlsNetTest, AQuietConnectionLivesAndASilentOneEnds) {
  const auto quick = [] {
    return TlsNetOptions{
        .listen = "127.0.0.1:0", .sign_of_life_interval = milliseconds(100), .idle_timeout = milliseconds(500)};
  };
  Party a(1, quick()), b(2, quick());
  const ConnectionId id = connect(a, b);
  a.net->send(id, message_of(1, 1));
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == 1; }));
  Raw silent(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(silent.handshake());
  ASSERT_TRUE(silent.write_frame(message_of(1, 1)));
  ASSERT_TRUE(b.turn_until([&] { return b.messages_in == 2; }));
  EXPECT_TRUE(turn_both(a, b, [&] { return b.closed.size() == 1; }));
  EXPECT_TRUE(silent.ends());
  a.turn_for(300ms);
  b.turn_for(300ms);
  EXPECT_TRUE(a.closed.empty());
  EXPECT_EQ(b.closed.size(), 1u);
  EXPECT_EQ(b.messages_in, 2u) << "signs of life are no messages";
}

// ---- slow ones

TEST(TlsNetTest, WhatCoreDoesNotTakeIsNotReadFromTheSocket) {
  Party a(1, {.unsent_bytes_max = 512 << 20}), b(2);
  const ConnectionId id = connect(a, b);
  a.net->send(id, message_of(1, 1));
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == 1; }));
  constexpr std::size_t total = 100u << 20;
  for (std::size_t sent = 0; sent < total; sent += 1u << 20) a.net->send(id, message_of(1 << 20, 5));
  std::size_t left = total;  // until nothing moves any more
  for (;;) {
    std::this_thread::sleep_for(200ms);
    const std::size_t now = a.net->unsent_bytes(id);
    if (now == left) break;
    left = now;
  }
  EXPECT_GT(left, total - (32u << 20)) << "b has read far more than it may hold";
  b.keep = false;
  ASSERT_TRUE(turn_both(
      a, b, [&] { return b.bytes_in == total + 1; }, 60s));
}

TEST(TlsNetTest, APeerThatTakesNothingIsClosedAtTheBound) {
  Party a(1, {.unsent_bytes_max = 16 << 20}), b(2);
  const ConnectionId id = connect(a, b);
  a.net->send(id, message_of(1, 1));
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == 1; }));
  for (int i = 0; i < 200; ++i) a.net->send(id, message_of(1 << 20, 5));
  EXPECT_LE(a.net->unsent_bytes(id), 16u << 20);
  EXPECT_TRUE(a.turn_until([&] { return a.closed[id] == 1; }));
  EXPECT_THAT(a.logged(), HasSubstr("takes too little"));
}

// ---- listening

TEST(TlsNetTest, APortInUseIsNamedWithWhatToDoAndTakenWhenItIsFree) {
  auto b = std::make_unique<Party>(2);
  const std::string address = b->address();
  Party second(3, {.listen = address}), a(1);
  EXPECT_THAT(second.logged(), HasSubstr(address));
  EXPECT_THAT(second.logged(), HasSubstr("ss -ltnp"));
  EXPECT_EQ(second.net->listening_port(), 0);
  b.reset();
  ASSERT_TRUE(second.turn_until([&] { return second.net->listening_port() != 0; }));
  const ConnectionId id = a.net->dial(address);
  EXPECT_TRUE(turn_both(a, second, [&] { return a.peers.contains(id); })) << second.logged();
}

TEST(TlsNetTest, ASiteWhoseOwnAddressIsAwayStartsAndDials) {
  for (const char* listen : {"no-such-host.invalid:1", "192.0.2.1:1"}) {
    Party away(3, {.listen = listen}), b(2);
    const ConnectionId id = away.net->dial(b.address());
    EXPECT_TRUE(turn_both(away, b, [&] { return away.peers.contains(id); })) << listen;
    EXPECT_TRUE(away.turn_until([&] { return away.logged().find("cannot listen") != std::string::npos; }));
    away.turn_for(2500ms);
    const std::string log = away.logged();
    EXPECT_EQ(log.find("cannot listen", log.find("cannot listen") + 1), std::string::npos) << "told once: " << log;
  }
  Party named(4, {.listen = "localhost:0"});
  EXPECT_TRUE(named.turn_until([&] { return named.net->listening_port() != 0; }));
  for (const char* listen : {"nonsense", "127.0.0.1:99999"})
    EXPECT_FALSE(TlsNet::open({.tls_seed = seed_of(3), .listen = listen}, [](const auto&) {})) << listen;
}

TEST(TlsNetTest, ThePortIsFreeAgainAtOnce) {
  std::string address;
  for (int i = 0; i < 5; ++i) {
    Party a(1), b(2, {.listen = address.empty() ? "127.0.0.1:0" : address});
    address = b.address();
    connect(a, b);
  }
}

TEST(TlsNetTest, WhatIsPostedAfterTheEndDoesNothing) {
  Party a(1), b(2);
  const ConnectionId id = connect(a, b);
  for (int i = 0; i < 100; ++i) a.net->send(id, message_of(100, 1));
  std::this_thread::sleep_for(50ms);
  b.net.reset();
  const std::size_t before = b.messages_in;
  b.turn_for(50ms);
  EXPECT_EQ(b.messages_in, before);
  EXPECT_TRUE(b.closed.empty());
}

// A sealed store listens on for its spare; who is not of the shop's own network gets no handshake out of it.
TEST(TlsNetTest, SealedWithSomebodyInsideItShakesHandsWithNobodyFromOutside) {
  std::atomic<bool> outside = true;
  TlsNetOptions options{.listen = "127.0.0.1:0"};
  options.is_outside = [&](std::string_view address) {
    EXPECT_EQ(address, "127.0.0.1");
    return outside.load();
  };
  Party to(1, std::move(options));
  const auto shakes = [&] {
    Raw raw(to.net->listening_port(), Raw::Certificate::ed25519);
    return raw.handshake();
  };
  EXPECT_TRUE(shakes()) << "as long as nothing is sealed, addresses are no matter";
  to.net->set_doors({true, {key_of(2)}});
  EXPECT_FALSE(shakes());
  EXPECT_GT(to.net->counters().refused, 0u);
  outside = false;
  EXPECT_TRUE(shakes()) << "inside the key decides, and it is told with the handshake";
  Party spare(2, {});
  EXPECT_NE(connect(spare, to), 0u);
  outside = true;
  to.net->set_doors({});
  EXPECT_TRUE(shakes());
}

}  // namespace
}  // namespace holdfast::edge
