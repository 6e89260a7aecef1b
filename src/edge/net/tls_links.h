// Inside of TlsNet: its connections, and who may touch what. Only tls_net.cc (the node's side) and tls_links.cc
// (sockets and TLS, one thread) include this, and with it Asio.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/base/check.h"
#include "edge/net/address.h"
#include "edge/net/frames.h"
#include "edge/net/lookups.h"
#include "edge/net/tls_net.h"

namespace holdfast::edge {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

struct Connection {
  // opening: TCP and TLS. deciding: core looks at the peer's key. first_message: core looks at the first message of a
  // peer that dialled us. Neither of these reads on by itself.
  enum class Stage { opening, deciding, first_message, open, gone };

  Connection(asio::io_context& io, asio::ssl::context& tls, ConnectionId number, bool dialled)
      : id(number), dialled_here(dialled), stream(io, tls) {}
  tcp::socket& socket() { return stream.next_layer(); }

  const ConnectionId id;
  const bool dialled_here;

  // ---- our own thread
  PublicKey key{};  // of the peer, once it is authenticated
  asio::ssl::stream<tcp::socket> stream;
  Stage stage = Stage::opening;
  std::string peer;                         // for the log
  asio::ip::address address;                // of an accepted one
  bool pending = false;                     // counts as one
  SteadyTime deadline = SteadyTime::max();  // of the stage
  SteadyTime heard_at, sent_at;
  FrameReader frames;
  Bytes in;
  ByteView unread;  // of `in`
  std::size_t undelivered = 0;
  bool paused = true;
  Bytes out;
  std::size_t out_payload = 0;
  bool write_running = false;  // on `out`

  // ---- both threads
  std::mutex mutex;
  std::deque<Bytes> queue;
  bool writing = false;  // write() has been or will be called for what is in `queue`
  std::atomic<std::size_t> unsent{0};

  // ---- the node's thread
  bool overrun = false;
};
using ConnectionPtr = std::shared_ptr<Connection>;

class TlsNet::Impl : public std::enable_shared_from_this<TlsNet::Impl> {
 public:
  // ---- the node's thread (tls_net.cc)
  Impl(TlsNetOptions options, Post post, SSL_CTX* tls)
      : options_(std::move(options)), post_(std::move(post)), tls_(tls), io_(1) {}

  Status open_port();
  void start(NetEvents& events);
  void shutdown();
  ConnectionId dial(std::string_view address);
  void send(ConnectionId to, Bytes message);
  std::size_t unsent_bytes(ConnectionId to);
  void close(ConnectionId id);
  void set_doors(const Doors& doors);
  std::uint16_t port() const { return port_; }
  Counters counters() const;

 private:
  using Stage = Connection::Stage;

  struct Batch {
    std::vector<Bytes> messages;
    std::size_t bytes = 0;
    bool first = false;  // of a peer that dialled us
  };

  // ---- our own thread (tls_links.cc)
  void turn_doors(const Doors& doors);
  bool is_shut_out(const Connection& c) const;
  void listen_again();
  bool listen_on(const asio::ip::address& host);  // also before start(), on the node's
  void cannot_listen(const std::string& why);
  bool wants_port() const;
  void accept();
  void accepted(tcp::socket socket);
  bool has_room_for(const asio::ip::address& address) const;
  void connect(const ConnectionPtr& c, const Address& to);
  void connect_to(const ConnectionPtr& c, const std::vector<tcp::endpoint>& endpoints);
  void handshake(const ConnectionPtr& c);
  void greeted(const ConnectionPtr& c);
  void core_has_decided(const ConnectionPtr& c);
  void core_has_taken(const ConnectionPtr& c, std::size_t bytes);
  bool holds_enough_of(const Connection& c) const;
  void read(const ConnectionPtr& c);
  void take_messages(const ConnectionPtr& c);
  void deliver(const ConnectionPtr& c, std::vector<Bytes> messages, bool first);
  void write(const ConnectionPtr& c);
  void tick();
  void check_times(const ConnectionPtr& c, SteadyTime now);
  void settle(Connection& c);
  void end(const ConnectionPtr& c, std::string_view why);
  void reset(const ConnectionPtr& c);
  void forget(const ConnectionPtr& c);
  void log(std::string_view line);

  // ---- by post_, on the node's thread. What is posted owns nothing: it may outlive this TlsNet. A connection that
  // nobody holds any more has nothing to tell either.
  template <class F>
  void on_node(const ConnectionPtr& c, F f) {
    post_([weak_self = weak_from_this(), weak = std::weak_ptr(c), f = std::move(f)]() mutable {
      const auto self = weak_self.lock();
      const ConnectionPtr connection = weak.lock();
      if (self && connection) f(*self, connection);
    });
  }
  void tell_connected(const ConnectionPtr& c, const PublicKey& key);
  void tell_messages(const ConnectionPtr& c, Batch batch);
  void tell_closed(const ConnectionPtr& c);

  const TlsNetOptions options_;
  const Post post_;
  asio::ssl::context tls_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  Lookups lookups_{io_, options_.look_up};
  asio::steady_timer tick_timer_{io_}, accept_timer_{io_};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::atomic<std::uint16_t> port_ = 0;
  std::thread thread_;
  std::atomic<ConnectionId> last_id_{0};

  // our own thread's
  Doors doors_;
  Address listen_at_;
  SteadyTime listen_again_at_;
  bool is_resolving_ = false;
  std::string listen_problem_;   // told; empty: none
  std::size_t undelivered_ = 0;  // of all connections
  std::unordered_map<ConnectionId, ConnectionPtr> all_;
  struct Count {
    std::size_t open = 0, pending = 0;
  };
  Count accepted_count_;
  std::map<asio::ip::address, Count> accepted_from_;
  SteadyTime log_window_start_;
  unsigned log_lines_ = 0;

  // the node's thread's
  NetEvents* events_ = nullptr;
  std::unordered_map<ConnectionId, ConnectionPtr> known_;

  struct {
    std::atomic<std::uint64_t> accepted{0}, refused{0}, handshakes_failed{0}, broken{0}, bytes_in{0}, bytes_out{0};
  } count_;
};

}  // namespace holdfast::edge
