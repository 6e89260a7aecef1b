// Who is let in, and what somebody without business here may cost.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "edge/net/tls_net.h"
#include "edge/net/tls_net_test_support.h"

namespace holdfast::edge {
namespace {

using ::testing::HasSubstr;

// ---- who is let in

TEST(TlsNetTest, Tls12IsRefused) {
  Party b(2);
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519, true, TLS1_2_VERSION);
  EXPECT_FALSE(raw.handshake());
  b.turn_for(50ms);
  EXPECT_TRUE(b.peers.empty());
  EXPECT_THAT(b.logged(), HasSubstr("no TLS 1.3 handshake"));
}

TEST(TlsNetTest, AClientWithoutACertificateIsRefused) {
  Party b(2);
  Raw raw(b.net->listening_port(), Raw::Certificate::none);
  (void)raw.handshake();  // in TLS 1.3 the client is told only afterwards
  EXPECT_TRUE(raw.ends());
  b.turn_for(50ms);
  EXPECT_TRUE(b.peers.empty());
  EXPECT_THAT(b.logged(), HasSubstr("peer did not return a certificate"));
  EXPECT_EQ(b.net->counters().handshakes_failed, 1u);
}

TEST(TlsNetTest, ACertificateOfAnotherKindOfKeyIsRefused) {
  Party b(2);
  Raw raw(b.net->listening_port(), Raw::Certificate::p256);
  (void)raw.handshake();
  EXPECT_TRUE(raw.ends());
  b.turn_for(50ms);
  EXPECT_TRUE(b.peers.empty());
}

TEST(TlsNetTest, APeerThatDoesNotAskForOurProtocolIsRefused) {
  Party b(2);
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519, false);
  (void)raw.handshake();
  EXPECT_TRUE(raw.ends());
  b.turn_for(50ms);
  EXPECT_TRUE(b.peers.empty());
  EXPECT_THAT(b.logged(), HasSubstr("does not speak holdfast/1"));
}

TEST(TlsNetTest, DatesAndNamesOfACertificateDoNotMatterButItsKeyIsTold) {  // protocol 9.3
  Party b(2);
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519_expired);
  ASSERT_TRUE(raw.handshake());
  ASSERT_TRUE(b.turn_until([&] { return b.peers.size() == 1; })) << b.logged();
  EXPECT_EQ(b.peers[b.last], raw.public_key);
}

TEST(TlsNetTest, NoTicketAndNoSessionIsOffered) {
  Party b(2);
  b.echo = true;
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(raw.handshake());
  ASSERT_TRUE(raw.write_frame(message_of(10, 1)));
  ASSERT_TRUE(b.turn_until([&] { return b.messages.size() == 1; }));
  char echoed[14];
  ASSERT_EQ(::SSL_read(raw.ssl, echoed, sizeof echoed), 14);  // whatever the server sends first has been read now
  EXPECT_EQ(::SSL_SESSION_is_resumable(::SSL_get_session(raw.ssl)), 0);
  EXPECT_EQ(::SSL_SESSION_has_ticket(::SSL_get_session(raw.ssl)), 0);
}

TEST(TlsNetTest, GarbageAndPlainHttpEndTheConnectionAndHurtNobodyElse) {
  Party a(1), b(2);
  for (std::string text : {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(100'000, '\0'),
                           std::string("\x16\x03\x01\xff\xff\xff\xff\xff\xff", 9) + std::string(70'000, 'x')}) {
    const int fd = tcp_to(b.net->listening_port());
    (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    char buffer[256];
    ssize_t n;
    while ((n = ::recv(fd, buffer, sizeof buffer, 0)) > 0) {
    }
    EXPECT_TRUE(n == 0 || errno == ECONNRESET || errno == EPIPE) << n << " " << errno;
    ::close(fd);
  }
  EXPECT_TRUE(b.peers.empty());
  connect(a, b);
}

// ---- what somebody without business here may cost

TEST(TlsNetTest, NothingIsReadOfAPeerThatCoreTurnsAway) {
  Party b(2);
  b.refuse_all = true;
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(raw.handshake());
  ASSERT_TRUE(raw.write_frame(message_of(100, 1)));
  ASSERT_TRUE(b.turn_until([&] { return !b.peers.empty(); }));
  EXPECT_TRUE(raw.ends());
  b.turn_for(50ms);
  EXPECT_EQ(b.messages_in, 0u);
  EXPECT_TRUE(b.closed.empty()) << "core hears nothing more of what it has closed";
  EXPECT_EQ(b.net->counters().bytes_in, 0u);
}

TEST(TlsNetTest, OnlyOneMessageIsReadBeforeCoreHasTakenIt) {
  Party b(2);
  b.after_message = [&](ConnectionId from) { b.net->close(from); };
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(raw.handshake());
  Bytes three;
  for (int i = 0; i < 3; ++i) {
    const auto header = frame_header(10);
    three.insert(three.end(), header.begin(), header.end());
    three.resize(three.size() + 10);
  }
  ASSERT_TRUE(raw.write(three));
  ASSERT_TRUE(b.turn_until([&] { return b.messages_in == 1; }));
  EXPECT_TRUE(raw.ends());
  b.turn_for(50ms);
  EXPECT_EQ(b.messages_in, 1u);
}

TEST(TlsNetTest, ANodeThatDecidesInItsTurnHasDecidedBeforeMoreIsRead) {
  Party b(2);
  int turns_with_peer = 0;
  b.turn = [&] {  // as core does: events are only noted, the turn after them judges
    if (!b.peers.empty() && ++turns_with_peer == 1) b.net->close(b.last);
  };
  Raw stranger(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(stranger.handshake());
  ASSERT_TRUE(stranger.write_frame(message_of(100, 1)));
  ASSERT_TRUE(b.turn_until([&] { return turns_with_peer > 0; }));
  EXPECT_TRUE(stranger.ends());
  b.turn_for(100ms);
  EXPECT_EQ(b.net->counters().bytes_in, 0u);

  b.turn = [&] {
    if (b.messages_in == 1) b.net->close(b.last);
  };
  Raw liar(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(liar.handshake());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(liar.write_frame(message_of(10, 1)));
  ASSERT_TRUE(b.turn_until([&] { return b.messages_in == 1; }));
  b.turn_for(100ms);
  EXPECT_TRUE(liar.ends());
  EXPECT_EQ(b.messages_in, 1u);
}

TEST(TlsNetTest, AllTogetherHoldNoMoreThanTheirBound) {
  constexpr std::size_t many = 20, each = 2u << 20;
  Party a(1), b(2, {.listen = "127.0.0.1:0", .undelivered_bytes_all_max = 4 << 20});
  b.keep = false;
  std::vector<ConnectionId> ids;
  for (std::size_t i = 0; i < many; ++i) {
    ids.push_back(connect(a, b));
    a.net->send(ids.back(), message_of(1, 1));
  }
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == many; }));
  b.turn_for(50ms);
  for (auto id : ids)
    for (std::size_t sent = 0; sent < each; sent += 16 << 10) a.net->send(id, message_of(16 << 10, 2));
  std::size_t largest_lot = 0, before = b.bytes_in;
  b.turn = [&] {
    largest_lot = std::max(largest_lot, b.bytes_in - before);
    before = b.bytes_in;
    std::this_thread::sleep_for(20ms);  // a slow node
  };
  ASSERT_TRUE(turn_both(
      a, b, [&] { return b.bytes_in == many + many * each; }, 60s))
      << b.bytes_in;
  EXPECT_LE(largest_lot, (4u << 20) + many * (32u << 10));
}

TEST(TlsNetTest, TheFirstMessageIsSmallAndLaterOnesMayBeLarge) {
  Party b(2, {.listen = "127.0.0.1:0", .first_message_bytes_max = 1000});
  Raw large(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(large.handshake());
  (void)large.write_frame(message_of(1001, 1));
  ASSERT_TRUE(b.turn_until([&] { return b.closed.size() == 1; }));
  EXPECT_TRUE(large.ends());
  EXPECT_EQ(b.messages_in, 0u);
  EXPECT_THAT(b.logged(), HasSubstr("announces a message of 1001 bytes, where at most 1000 are allowed"));

  Raw small(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(small.handshake());
  ASSERT_TRUE(small.write_frame(message_of(1000, 1)));
  ASSERT_TRUE(small.write_frame(message_of(100'000, 2)));
  EXPECT_TRUE(b.turn_until([&] { return b.messages_in == 2; }));
}

TEST(TlsNetTest, AFrameBeyondTheLimitEndsTheConnectionWithoutBeingHeld) {
  Party b(2);
  Raw raw(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(raw.handshake());
  ASSERT_TRUE(raw.write_frame(message_of(10, 1)));
  ASSERT_TRUE(b.turn_until([&] { return b.messages_in == 1; }));
  ASSERT_TRUE(raw.write(frame_header(message_bytes_max + 1)));
  EXPECT_TRUE(b.turn_until([&] { return b.closed.size() == 1; }));
  EXPECT_TRUE(raw.ends());
  EXPECT_EQ(b.net->counters().broken, 1u);
}

TEST(TlsNetTest, WhoSaysNothingIsSentAway) {
  Party b(
      2, {.listen = "127.0.0.1:0", .handshake_timeout = milliseconds(200), .first_message_timeout = milliseconds(200)});
  const int silent = tcp_to(b.net->listening_port());
  char byte;
  EXPECT_EQ(::recv(silent, &byte, 1, 0), 0);  // the end, not the five seconds of our own patience
  ::close(silent);
  Raw mute(b.net->listening_port(), Raw::Certificate::ed25519);
  ASSERT_TRUE(mute.handshake());
  ASSERT_TRUE(b.turn_until([&] { return b.peers.size() == 1; }));
  EXPECT_TRUE(b.turn_until([&] { return b.closed.size() == 1; }));
  EXPECT_TRUE(mute.ends());
  EXPECT_THAT(b.logged(), HasSubstr("first message did not come in time"));
}

TEST(TlsNetTest, TheNumberOfStrangersIsLimitedAndThoseLetInDoNotCountAsSuch) {
  Party a(1), b(2, {.listen = "127.0.0.1:0", .pending_max = 8, .pending_each_address_max = 3});
  const ConnectionId friendly = connect(a, b);
  a.net->send(friendly, message_of(1, 1));
  ASSERT_TRUE(turn_both(a, b, [&] { return b.messages_in == 1; }));
  b.turn_for(20ms);
  std::vector<int> strangers;
  strangers.reserve(6);
  for (int i = 0; i < 6; ++i) strangers.push_back(tcp_to(b.net->listening_port()));
  EXPECT_TRUE(b.turn_until([&] { return b.net->counters().refused == 3; })) << b.net->counters().refused;
  EXPECT_THAT(b.logged(), HasSubstr("too many connections"));
  for (int fd : strangers) ::close(fd);
  EXPECT_TRUE(b.turn_until([&] { return b.net->counters().handshakes_failed >= 3; }));
  connect(a, b);  // there is room again
  EXPECT_TRUE(a.closed.empty());
}

TEST(TlsNetTest, TheNumberOfPeersIsLimited) {
  Party a(1), b(2, {.listen = "127.0.0.1:0", .accepted_max = 2});
  const ConnectionId first = connect(a, b);
  connect(a, b);
  const ConnectionId third = a.net->dial(b.address());
  EXPECT_TRUE(turn_both(a, b, [&] { return a.closed[third] == 1; }));
  a.net->close(first);
  ASSERT_TRUE(turn_both(a, b, [&] { return b.closed.size() == 1; }));
  connect(a, b);
}

TEST(TlsNetTest, AcceptingGoesOnAfterTheProcessWasOutOfDescriptors) {
  Party b(2);
  std::vector<int> clients;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  clients.push_back(tcp_to(b.net->listening_port()));
  ASSERT_TRUE(b.turn_until([&] { return b.net->counters().accepted == 1; }));
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // The next descriptor number is the first beyond the limit.
  const int next = ::dup(client);
  ::close(next);
  rlimit tight{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  sockaddr_in at{
      .sin_family = AF_INET, .sin_port = htons(b.net->listening_port()), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int connected = ::connect(client, reinterpret_cast<sockaddr*>(&at), sizeof at);
  const bool told =
      b.turn_until([&] { return b.logged().find("cannot accept a connection now") != std::string::npos; });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_EQ(connected, 0);
  EXPECT_TRUE(told);
  EXPECT_TRUE(b.turn_until([&] { return b.net->counters().accepted == 2; }));
  ::close(client);
  for (int fd : clients) ::close(fd);
}

}  // namespace
}  // namespace holdfast::edge
