// Real sockets and real TLS on loopback. A Party is a TlsNet with a node's thread that the test turns by hand; a Raw
// client is OpenSSL used directly, so that it can do what TlsNet never would.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "edge/net/frames.h"
#include "edge/net/tls_net.h"

namespace holdfast::edge {

using namespace std::chrono_literals;

inline TlsSeed seed_of(unsigned char n) {
  TlsSeed seed;
  seed.fill(static_cast<std::byte>(n));
  return seed;
}
inline PublicKey key_of(unsigned char n) {
  PublicKey key{};
  unsigned char secret[crypto_sign_SECRETKEYBYTES];
  const TlsSeed seed = seed_of(n);
  ::crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(key.data()), secret,
                             reinterpret_cast<const unsigned char*>(seed.data()));
  return key;
}
inline Bytes message_of(std::size_t size, unsigned seed) {
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
inline ConnectionId connect(Party& from, Party& to) {
  const ConnectionId id = from.net->dial(to.address());
  const std::size_t before = to.peers.size();
  EXPECT_TRUE(turn_both(from, to, [&] { return from.peers.contains(id) && to.peers.size() > before; }))
      << from.logged() << to.logged();
  return id;
}

inline int tcp_to(std::uint16_t port) {
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

}  // namespace holdfast::edge
