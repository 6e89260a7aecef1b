#include "edge/net/tls_net.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <atomic>
#include <deque>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/base/check.h"
#include "edge/net/address.h"
#include "edge/net/frames.h"

namespace holdfast::edge {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Steady = std::chrono::steady_clock;
using Time = Steady::time_point;

constexpr std::size_t write_bytes_max = 256 << 10;  // frames that are handed to TLS at once
constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr auto accept_pause = std::chrono::milliseconds(200);
constexpr int dead_peer_ms = 20'000;  // unacknowledged for so long: TCP gives up

std::chrono::nanoseconds chrono(Duration d) { return std::chrono::nanoseconds(d.ns); }

std::string text_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), endpoint.port())
                         : fmt::format("{}:{}", address.to_string(), endpoint.port());
}

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
  asio::ssl::stream<tcp::socket> stream;
  Stage stage = Stage::opening;
  std::string peer;             // for the log
  asio::ip::address address;    // of an accepted one
  bool pending = false;         // counts as one
  Time deadline = Time::max();  // of the stage
  Time heard_at, sent_at;
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

}  // namespace

class TlsNet::Impl : public std::enable_shared_from_this<TlsNet::Impl> {
 public:
  Impl(TlsNetOptions options, Post post, SSL_CTX* tls)
      : options_(std::move(options)), post_(std::move(post)), tls_(tls), io_(1) {}

  Status listen();
  void start(NetEvents& events);
  void shutdown();
  ConnectionId dial(std::string_view address);
  void send(ConnectionId to, Bytes message);
  std::size_t unsent_bytes(ConnectionId to);
  void close(ConnectionId id);
  std::uint16_t port() const { return port_; }
  Counters counters() const;

 private:
  using Stage = Connection::Stage;

  // ---- our own thread
  void accept();
  void accepted(tcp::socket socket);
  bool has_room_for(const asio::ip::address& address) const;
  void connect(const ConnectionPtr& c, const Address& to);
  template <class Endpoints>
  void connect_to(const ConnectionPtr& c, const Endpoints& endpoints);
  void handshake(const ConnectionPtr& c);
  void greeted(const ConnectionPtr& c);
  void core_has_decided(const ConnectionPtr& c);
  void core_has_taken(const ConnectionPtr& c, std::size_t bytes);
  void read(const ConnectionPtr& c);
  void take_messages(const ConnectionPtr& c);
  void deliver(const ConnectionPtr& c, std::vector<Bytes> messages);
  void write(const ConnectionPtr& c);
  void tick();
  void check_times(const ConnectionPtr& c, Time now);
  void settle(Connection& c);
  void end(const ConnectionPtr& c, std::string_view why);
  void reset(const ConnectionPtr& c);
  void forget(const ConnectionPtr& c);
  void log(std::string_view line);

  // ---- the node's thread, by post_
  template <class F>
  void on_node(F f) {
    post_([weak = weak_from_this(), f = std::move(f)]() mutable {
      if (auto self = weak.lock()) f(*self);
    });
  }
  void tell_connected(const ConnectionPtr& c, const PublicKey& key);
  void tell_messages(const ConnectionPtr& c, std::vector<Bytes> messages, std::size_t bytes);
  void tell_closed(ConnectionId id);

  const TlsNetOptions options_;
  const Post post_;
  asio::ssl::context tls_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  tcp::resolver resolver_{io_};
  asio::steady_timer tick_timer_{io_}, accept_timer_{io_};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::atomic<ConnectionId> last_id_{0};

  // our own thread's
  std::unordered_map<ConnectionId, ConnectionPtr> all_;
  struct Count {
    std::size_t open = 0, pending = 0;
  };
  Count accepted_count_;
  std::map<asio::ip::address, Count> accepted_from_;
  Time log_window_start_;
  unsigned log_lines_ = 0;

  // the node's thread's
  NetEvents* events_ = nullptr;
  std::unordered_map<ConnectionId, ConnectionPtr> known_;

  struct {
    std::atomic<std::uint64_t> accepted{0}, refused{0}, handshakes_failed{0}, broken{0}, bytes_in{0}, bytes_out{0};
  } count_;
};

// ---- the node's thread -------------------------------------------------------------------------------------------------

Status TlsNet::Impl::listen() {
  if (options_.listen.empty()) return {};
  HF_TRY(const Address address, parse_address(options_.listen));
  error_code ec;
  const auto found = resolver_.resolve(address.host, std::to_string(address.port),
                                       tcp::resolver::passive | tcp::resolver::numeric_service, ec);
  if (ec || found.empty())
    return fail("edge/bad_address", fmt::format("Cannot listen on {}: \"{}\" is not an address of this machine ({}).",
                                                options_.listen, address.host, ec.message()));
  const tcp::endpoint endpoint = *found.begin();
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec == asio::error::address_in_use)
    return fail(
        "edge/port_in_use",
        fmt::format("Cannot listen for peers on {}: another program uses this port. `ss -ltnp` shows which; stop it, "
                    "or give this site another link address in the chain file.",
                    options_.listen));
  if (ec)
    return fail("edge/net_failed", fmt::format("Cannot listen for peers on {}: {}.", options_.listen, ec.message()));
  port_ = acceptor_.local_endpoint(ec).port();
  return {};
}

void TlsNet::Impl::start(NetEvents& events) {
  HF_CHECK(events_ == nullptr, "start() comes once");
  events_ = &events;
  asio::post(io_, [this] {
    if (acceptor_.is_open()) accept();
    tick();
  });
  // Signals are for the thread that waits for them.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { io_.run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void TlsNet::Impl::shutdown() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    error_code ignored;
    acceptor_.close(ignored);
    while (!all_.empty()) reset(all_.begin()->second);
    io_.stop();
  });
  thread_.join();
  known_.clear();
}

ConnectionId TlsNet::Impl::dial(std::string_view address) {
  const ConnectionId id = ++last_id_;
  auto c = std::make_shared<Connection>(io_, tls_, id, true);
  c->peer = address.substr(0, 300);
  known_[id] = c;
  auto to = parse_address(address);
  asio::post(io_, [this, c, to = std::move(to)] {
    all_[c->id] = c;
    if (to) return connect(c, *to);
    end(c, to.error().text);
  });
  return id;
}

void TlsNet::Impl::send(ConnectionId to, Bytes message) {
  HF_CHECK(!message.empty() && message.size() <= message_bytes_max, "a message of {} bytes", message.size());
  const auto found = known_.find(to);
  if (found == known_.end() || found->second->overrun) return;
  const ConnectionPtr& c = found->second;
  if (c->unsent.load() + message.size() > options_.unsent_bytes_max) {
    c->overrun = true;
    asio::post(io_, [this, c] { end(c, "it takes too little of what is sent to it"); });
    return;
  }
  c->unsent += message.size();
  bool wake;
  {
    std::lock_guard lock(c->mutex);
    c->queue.push_back(std::move(message));
    wake = !std::exchange(c->writing, true);
  }
  if (wake) asio::post(io_, [this, c] { write(c); });
}

std::size_t TlsNet::Impl::unsent_bytes(ConnectionId to) {
  const auto found = known_.find(to);
  return found == known_.end() ? 0 : found->second->unsent.load();
}

void TlsNet::Impl::close(ConnectionId id) {
  const auto found = known_.find(id);
  if (found == known_.end()) return;
  const ConnectionPtr c = found->second;
  known_.erase(found);                                                       // whatever is posted for it finds nothing
  if (!thread_.joinable()) return asio::post(io_, [this, c] { reset(c); });  // before start() nothing passes at all
  std::promise<void> done;
  asio::post(io_, [this, &c, &done] {
    reset(c);
    done.set_value();
  });
  done.get_future().wait();
}

TlsNet::Counters TlsNet::Impl::counters() const {
  return {.accepted = count_.accepted,
          .refused = count_.refused,
          .handshakes_failed = count_.handshakes_failed,
          .broken = count_.broken,
          .bytes_in = count_.bytes_in,
          .bytes_out = count_.bytes_out};
}

void TlsNet::Impl::tell_connected(const ConnectionPtr& c, const PublicKey& key) {
  if (c->dialled_here) {
    if (!known_.contains(c->id)) return;  // closed before it came about
  } else {
    known_[c->id] = c;
  }
  events_->on_connected(c->id, key, c->dialled_here);
  if (known_.contains(c->id)) asio::post(io_, [this, c] { core_has_decided(c); });
}

void TlsNet::Impl::tell_messages(const ConnectionPtr& c, std::vector<Bytes> messages, std::size_t bytes) {
  for (auto& message : messages) {
    if (!known_.contains(c->id)) return;
    events_->on_message(c->id, std::move(message));
  }
  if (known_.contains(c->id)) asio::post(io_, [this, c, bytes] { core_has_taken(c, bytes); });
}

void TlsNet::Impl::tell_closed(ConnectionId id) {
  if (known_.erase(id) > 0) events_->on_closed(id);
}

// ---- our own thread: coming about ------------------------------------------------------------------------------------

void TlsNet::Impl::accept() {
  acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (!ec) {
      accepted(std::move(socket));
      return accept();
    }
    // Out of descriptors or memory: whoever waits in the backlog is taken as soon as there is room again.
    log(fmt::format("cannot accept a connection now: {}", ec.message()));
    accept_timer_.expires_after(accept_pause);
    accept_timer_.async_wait([this](error_code stopped) {
      if (!stopped) accept();
    });
  });
}

bool TlsNet::Impl::has_room_for(const asio::ip::address& address) const {
  if (accepted_count_.open >= options_.accepted_max || accepted_count_.pending >= options_.pending_max) return false;
  const auto found = accepted_from_.find(address);
  return found == accepted_from_.end() || (found->second.open < options_.accepted_each_address_max &&
                                           found->second.pending < options_.pending_each_address_max);
}

void TlsNet::Impl::accepted(tcp::socket socket) {
  error_code ec;
  const tcp::endpoint peer = socket.remote_endpoint(ec);
  if (ec) return;  // gone already
  if (!has_room_for(peer.address())) {
    ++count_.refused;
    log(fmt::format("{} refused: too many connections are open", text_of(peer)));
    socket.set_option(asio::socket_base::linger(true, 0), ec);
    return;
  }
  auto c = std::make_shared<Connection>(io_, tls_, ++last_id_, false);
  c->socket() = std::move(socket);
  c->peer = text_of(peer);
  c->address = peer.address();
  c->pending = true;
  for (Count* count : {&accepted_count_, &accepted_from_[c->address]}) {
    ++count->open;
    ++count->pending;
  }
  ++count_.accepted;
  all_[c->id] = c;
  handshake(c);
}

void TlsNet::Impl::connect(const ConnectionPtr& c, const Address& to) {
  c->deadline = Steady::now() + chrono(options_.dial_timeout);
  error_code ec;
  const auto number = asio::ip::make_address(to.host, ec);
  if (!ec) return connect_to(c, std::array{tcp::endpoint(number, to.port)});
  resolver_.async_resolve(to.host, std::to_string(to.port), tcp::resolver::numeric_service,
                          [this, c](error_code failed, const tcp::resolver::results_type& found) {
                            if (c->stage == Stage::gone) return;
                            if (failed) return end(c, failed.message());
                            connect_to(c, found);
                          });
}

template <class Endpoints>
void TlsNet::Impl::connect_to(const ConnectionPtr& c, const Endpoints& endpoints) {
  asio::async_connect(c->socket(), endpoints, [this, c](error_code ec, const tcp::endpoint&) {
    if (c->stage == Stage::gone) return;
    if (ec) return end(c, ec.message());
    handshake(c);
  });
}

void TlsNet::Impl::handshake(const ConnectionPtr& c) {
  error_code ignored;
  c->socket().set_option(tcp::no_delay(true), ignored);
  c->socket().set_option(asio::socket_base::keep_alive(true), ignored);
  const int fd = c->socket().native_handle();
  for (auto [option, value] : {std::pair(TCP_KEEPIDLE, 5), std::pair(TCP_KEEPINTVL, 5), std::pair(TCP_KEEPCNT, 3),
                               std::pair(TCP_USER_TIMEOUT, dead_peer_ms)})
    (void)::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
  c->deadline = Steady::now() + chrono(options_.handshake_timeout);
  const auto side = c->dialled_here ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
  c->stream.async_handshake(side, [this, c](error_code ec) {
    if (c->stage == Stage::gone) return;
    if (!ec) return greeted(c);
    ++count_.handshakes_failed;
    end(c, fmt::format("no TLS 1.3 handshake with an Ed25519 certificate ({})", ec.message()));
  });
}

void TlsNet::Impl::greeted(const ConnectionPtr& c) {
  const auto key = authenticated_peer(c->stream.native_handle());
  if (!key) {
    ++count_.handshakes_failed;
    return end(c, "it does not speak holdfast/1");
  }
  c->stage = Stage::deciding;
  c->deadline = Time::max();  // core's time, not the peer's
  on_node([c, key = *key](Impl& self) { self.tell_connected(c, key); });
}

void TlsNet::Impl::core_has_decided(const ConnectionPtr& c) {
  if (c->stage != Stage::deciding) return;
  c->heard_at = c->sent_at = Steady::now();
  if (c->dialled_here) {
    c->stage = Stage::open;
  } else {
    c->stage = Stage::first_message;
    c->deadline = c->heard_at + chrono(options_.first_message_timeout);
  }
  c->in.resize(16 << 10);  // a TLS record
  c->paused = false;
  read(c);
  bool write_now;
  {
    std::lock_guard lock(c->mutex);
    write_now = c->writing;
  }
  if (write_now) write(c);
}

// ---- our own thread: reading -------------------------------------------------------------------------------------------

void TlsNet::Impl::read(const ConnectionPtr& c) {
  c->stream.async_read_some(asio::buffer(c->in), [this, c](error_code ec, std::size_t size) {
    if (c->stage == Stage::gone) return;
    if (ec) return end(c, ec == asio::error::eof || ec == asio::ssl::error::stream_truncated ? "" : ec.message());
    count_.bytes_in += size;
    c->heard_at = Steady::now();
    c->unread = ByteView(c->in).first(size);
    take_messages(c);
  });
}

void TlsNet::Impl::take_messages(const ConnectionPtr& c) {
  const bool first = c->stage == Stage::first_message;
  const std::size_t bytes_max = first ? options_.first_message_bytes_max : message_bytes_max;
  std::vector<Bytes> messages;
  std::string broken;
  while (!c->unread.empty() && !(first && !messages.empty())) {
    auto message = c->frames.next(c->unread, bytes_max);
    if (!message) {
      broken = std::move(message.error().text);
      break;
    }
    if (*message) messages.push_back(std::move(**message));
  }
  const bool wait = first && !messages.empty();
  if (!messages.empty()) deliver(c, std::move(messages));
  if (!broken.empty()) {
    ++count_.broken;
    return end(c, broken);
  }
  c->paused = wait || c->undelivered > options_.undelivered_bytes_max;
  if (!c->paused) read(c);
}

void TlsNet::Impl::deliver(const ConnectionPtr& c, std::vector<Bytes> messages) {
  std::size_t bytes = 0;
  for (const auto& message : messages) bytes += message.size();
  c->undelivered += bytes;
  on_node([c, messages = std::move(messages), bytes](Impl& self) mutable {
    self.tell_messages(c, std::move(messages), bytes);
  });
}

void TlsNet::Impl::core_has_taken(const ConnectionPtr& c, std::size_t bytes) {
  if (c->stage == Stage::gone) return;
  HF_CHECK(bytes <= c->undelivered, "{} of {}", bytes, c->undelivered);
  c->undelivered -= bytes;
  if (c->stage == Stage::first_message) {
    c->stage = Stage::open;
    c->deadline = Time::max();
    settle(*c);
  }
  if (!c->paused || c->undelivered > options_.undelivered_bytes_max) return;
  c->paused = false;
  c->heard_at = Steady::now();
  take_messages(c);
}

// ---- our own thread: writing -------------------------------------------------------------------------------------------

// Called when c->writing has become true, and again after each write; gathers what waits into one TLS write.
void TlsNet::Impl::write(const ConnectionPtr& c) {
  if (c->write_running) return;
  if (c->stage != Stage::first_message && c->stage != Stage::open) return;  // core_has_decided() calls again
  c->out.clear();
  c->out_payload = 0;
  {
    std::lock_guard lock(c->mutex);
    while (!c->queue.empty() && c->out.size() < write_bytes_max) {
      const Bytes message = std::move(c->queue.front());
      c->queue.pop_front();
      const auto header = frame_header(message.size());
      c->out.insert(c->out.end(), header.begin(), header.end());
      c->out.insert(c->out.end(), message.begin(), message.end());
      c->out_payload += message.size();
    }
    if (c->out.empty()) {
      c->writing = false;
      return;
    }
  }
  c->write_running = true;
  asio::async_write(c->stream, asio::buffer(c->out), [this, c](error_code ec, std::size_t size) {
    c->write_running = false;
    if (c->stage == Stage::gone) return;
    if (ec) return end(c, ec.message());
    count_.bytes_out += size;
    c->unsent -= c->out_payload;
    c->sent_at = Steady::now();
    if (c->out.capacity() > 4 * write_bytes_max) Bytes().swap(c->out);  // after a very large message
    write(c);
  });
}

// ---- our own thread: times and ends ----------------------------------------------------------------------------------

void TlsNet::Impl::tick() {
  const Time now = Steady::now();
  std::vector<ConnectionPtr> all;
  all.reserve(all_.size());
  for (const auto& [id, c] : all_) all.push_back(c);
  for (const auto& c : all) check_times(c, now);
  tick_timer_.expires_after(tick_interval);
  tick_timer_.async_wait([this](error_code ec) {
    if (!ec) tick();
  });
}

void TlsNet::Impl::check_times(const ConnectionPtr& c, Time now) {
  if (now >= c->deadline)
    return end(c, c->stage == Stage::opening ? "it did not answer in time" : "its first message did not come in time");
  if (c->stage != Stage::first_message && c->stage != Stage::open) return;
  if (!c->paused && now - c->heard_at >= chrono(options_.idle_timeout))
    return end(c, "nothing was heard of it for too long");
  if (now - c->sent_at < chrono(options_.sign_of_life_interval)) return;
  {
    std::lock_guard lock(c->mutex);
    if (std::exchange(c->writing, true)) return;
    c->queue.emplace_back();  // an empty frame
  }
  write(c);
}

// No longer one of the pending.
void TlsNet::Impl::settle(Connection& c) {
  if (!std::exchange(c.pending, false)) return;
  --accepted_count_.pending;
  --accepted_from_[c.address].pending;
}

void TlsNet::Impl::forget(const ConnectionPtr& c) {
  c->stage = Stage::gone;
  all_.erase(c->id);
  if (c->dialled_here) return;
  settle(*c);
  --accepted_count_.open;
  const auto from = accepted_from_.find(c->address);
  if (--from->second.open == 0) accepted_from_.erase(from);
}

// Closed by the peer, by a broken rule or by time: core is told.
void TlsNet::Impl::end(const ConnectionPtr& c, std::string_view why) {
  if (c->stage == Stage::gone) return;
  if (!why.empty()) log(fmt::format("connection {} {} closed: {}", c->dialled_here ? "to" : "from", c->peer, why));
  forget(c);
  error_code ignored;
  c->socket().close(ignored);
  on_node([id = c->id](Impl& self) { self.tell_closed(id); });
}

// Closed by core. Linger 0: what the kernel still holds is thrown away and the peer gets a reset.
void TlsNet::Impl::reset(const ConnectionPtr& c) {
  if (c->stage == Stage::gone) return;
  forget(c);
  error_code ignored;
  c->socket().set_option(asio::socket_base::linger(true, 0), ignored);
  c->socket().close(ignored);
}

void TlsNet::Impl::log(std::string_view line) {
  constexpr unsigned lines_max = 20;
  if (!options_.log) return;
  const Time now = Steady::now();
  if (now - log_window_start_ > std::chrono::seconds(10)) {
    if (log_lines_ > lines_max) options_.log(fmt::format("and {} lines more", log_lines_ - lines_max));
    log_window_start_ = now;
    log_lines_ = 0;
  }
  if (++log_lines_ <= lines_max) options_.log(line);
}

// ---- the contract ------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<TlsNet>> TlsNet::open(TlsNetOptions options, Post post) {
  HF_TRY(SSL_CTX* const tls, make_tls_context(options.tls_seed));
  auto impl = std::make_shared<Impl>(std::move(options), std::move(post), tls);
  HF_TRY_VOID(impl->listen());
  return std::unique_ptr<TlsNet>(new TlsNet(std::move(impl)));
}
TlsNet::~TlsNet() { impl_->shutdown(); }
void TlsNet::start(NetEvents& events) { impl_->start(events); }
ConnectionId TlsNet::dial(std::string_view address) { return impl_->dial(address); }
void TlsNet::send(ConnectionId to, Bytes message) { impl_->send(to, std::move(message)); }
std::size_t TlsNet::unsent_bytes(ConnectionId to) { return impl_->unsent_bytes(to); }
void TlsNet::close(ConnectionId connection) { impl_->close(connection); }
std::uint16_t TlsNet::listening_port() const { return impl_->port(); }
TlsNet::Counters TlsNet::counters() const { return impl_->counters(); }

}  // namespace holdfast::edge
