// Real sockets and real TLS on loopback. A Party is a TlsNet with a node's thread that the test turns by hand; a Raw
// client is OpenSSL used directly, so that it can do what TlsNet never would.
#include "edge/net/tls_net.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "edge/net/frames.h"

namespace holdfast::edge {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TlsSeed seed_of(unsigned char n) {
  TlsSeed seed;
  seed.fill(static_cast<std::byte>(n));
  return seed;
}
PublicKey key_of(unsigned char n) {
  PublicKey key{};
  unsigned char secret[crypto_sign_SECRETKEYBYTES];
  const TlsSeed seed = seed_of(n);
  ::crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(key.data()), secret,
                             reinterpret_cast<const unsigned char*>(seed.data()));
  return key;
}
Bytes message_of(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed + (i >> 12));
  return bytes;
}

struct Party : NetEvents {
  explicit Party(unsigned char number, TlsNetOptions options = {.listen = "127.0.0.1:0"}) {
    options.tls_seed = seed_of(number);
    options.log = [this](std::string_view line) {
      std::lock_guard lock(mutex);
      log += std::string(line) + "\n";
    };
    auto opened = TlsNet::open(std::move(options), [this](std::function<void()> f) {
      std::lock_guard lock(mutex);
      posted.push_back(std::move(f));
      wake.notify_one();
    });
    if (!opened) throw std::runtime_error(opened.error().text);
    net = std::move(*opened);
    net->start(*this);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(net->listening_port()); }

  // Runs what is posted, and after each lot the turn, until `done`; false after five seconds without it.
  template <class Done>
  bool turn_until(Done done, std::chrono::milliseconds at_most = 5s) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (!done()) {
      std::deque<std::function<void()>> lot;
      {
        std::unique_lock lock(mutex);
        const auto until = std::min(end, std::chrono::steady_clock::now() + 1ms);
        if (!wake.wait_until(lock, until, [&] { return !posted.empty(); })) {
          if (std::chrono::steady_clock::now() < end) continue;
          lock.unlock();
          return done();
        }
        lot.swap(posted);
      }
      for (auto& f : lot) f();
      if (turn) turn();
    }
    return true;
  }
  void turn_for(std::chrono::milliseconds time) {
    turn_until([] { return false; }, time);
  }
  std::string logged() {
    std::lock_guard lock(mutex);
    return log;
  }

  void on_connected(ConnectionId id, const PublicKey& key, bool dialled_here) override {
    EXPECT_FALSE(peers.contains(id));
    peers[id] = key;
    dialled[id] = dialled_here;
    last = id;
    if (refuse_all) net->close(id);
  }
  void on_message(ConnectionId from, Bytes message) override {
    EXPECT_TRUE(peers.contains(from));
    EXPECT_FALSE(closed.contains(from));
    bytes_in += message.size();
    ++messages_in;
    if (echo) net->send(from, message);
    if (keep) messages.push_back(std::move(message));
    if (after_message) after_message(from);
  }
  void on_closed(ConnectionId id) override { ++closed[id]; }

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> posted;
  std::string log;
  std::map<ConnectionId, PublicKey> peers;
  std::map<ConnectionId, bool> dialled;
  std::map<ConnectionId, int> closed;
  std::vector<Bytes> messages;
  std::size_t bytes_in = 0, messages_in = 0;
  ConnectionId last = 0;
  bool refuse_all = false, echo = false, keep = true;
  std::function<void(ConnectionId)> after_message;
  std::function<void()> turn;
  std::unique_ptr<TlsNet> net;  // last: ends before what it calls
};

// Turns both until `done`.
template <class Done>
bool turn_both(Party& a, Party& b, Done done, std::chrono::milliseconds at_most = 20s) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    a.turn_for(0ms);
    b.turn_for(0ms);
    a.turn_until(done, 1ms);
  }
  return true;
}
ConnectionId connect(Party& from, Party& to) {
  const ConnectionId id = from.net->dial(to.address());
  const std::size_t before = to.peers.size();
  EXPECT_TRUE(turn_both(from, to, [&] { return from.peers.contains(id) && to.peers.size() > before; }))
      << from.logged() << to.logged();
  return id;
}

int tcp_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  timeval patience{.tv_sec = 5};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}
struct Listening {
  Listening() {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(fd, 16), 0);
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
  }
  ~Listening() { ::close(fd); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
  int fd;
  std::uint16_t port;
};

// A client that keeps none of our rules unless told to.
struct Raw {
  enum class Certificate { none, ed25519, ed25519_expired, p256 };
  Raw(std::uint16_t port, Certificate with, bool alpn = true, int version = TLS1_3_VERSION) : fd(tcp_to(port)) {
    ::signal(SIGPIPE, SIG_IGN);  // as the program does: the other end may have reset what is written to
    context = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_min_proto_version(context, version);
    ::SSL_CTX_set_max_proto_version(context, version);
    if (alpn) ::SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>("\x0aholdfast/1"), 11);
    if (with != Certificate::none) add_certificate(with);
    ssl = ::SSL_new(context);
    ::SSL_set_fd(ssl, fd);
  }
  ~Raw() {
    ::SSL_free(ssl);
    ::SSL_CTX_free(context);
    if (fd >= 0) ::close(fd);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  void add_certificate(Certificate with) {
    EVP_PKEY* key =
        with == Certificate::p256 ? ::EVP_EC_gen("P-256") : ::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    X509* c = ::X509_new();
    ::X509_set_version(c, X509_VERSION_3);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(c), 4711);
    const bool expired = with == Certificate::ed25519_expired;
    ::ASN1_TIME_set_string_X509(::X509_getm_notBefore(c), expired ? "19800101000000Z" : "20200101000000Z");
    ::ASN1_TIME_set_string_X509(::X509_getm_notAfter(c), expired ? "19810101000000Z" : "20990101000000Z");
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>("somebody else"), -1, -1, 0);
    ::X509_set_pubkey(c, key);
    EXPECT_GT(::X509_sign(c, key, with == Certificate::p256 ? ::EVP_sha256() : nullptr), 0);
    EXPECT_EQ(::SSL_CTX_use_certificate(context, c), 1);
    EXPECT_EQ(::SSL_CTX_use_PrivateKey(context, key), 1);
    std::size_t size = public_key.size();
    if (with != Certificate::p256)
      ::EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(public_key.data()), &size);
    ::X509_free(c);
    ::EVP_PKEY_free(key);
  }
  bool handshake() { return ::SSL_connect(ssl) == 1; }
  bool write(ByteView bytes) {
    std::size_t written = 0;
    return ::SSL_write_ex(ssl, bytes.data(), bytes.size(), &written) == 1 && written == bytes.size();
  }
  bool write_frame(ByteView message) { return write(frame_header(message.size())) && write(message); }
  // True when the other side has closed (an alert, an end or a reset), not when nothing comes for five seconds.
  bool ends() {
    char buffer[4096];
    int n;
    while ((n = ::SSL_read(ssl, buffer, sizeof buffer)) > 0) {
    }
    const int error = ::SSL_get_error(ssl, n);
    return error != SSL_ERROR_WANT_READ && errno != EAGAIN;
  }

  int fd;
  SSL_CTX* context;
  SSL* ssl;
  PublicKey public_key{};
};

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
  // How long 300 handshakes at once take is the machine's affair: under asan beside another build, longer than a dial
  // may.
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

TEST(TlsNetTest, APortInUseIsNamedWithWhatToDo) {
  Party b(2);
  auto second = TlsNet::open({.tls_seed = seed_of(3), .listen = b.address()}, [](const auto&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "edge/port_in_use");
  EXPECT_THAT(second.error().text, HasSubstr(b.address()));
  EXPECT_THAT(second.error().text, HasSubstr("ss -ltnp"));
  for (auto listen : {"nonsense", "127.0.0.1:99999", "no-such-host.invalid:1", "192.0.2.1:1"})
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
