#include "edge/net/tls_links.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace holdfast::edge {
namespace {

using Steady = std::chrono::steady_clock;
using Time = SteadyTime;

constexpr std::size_t write_bytes_max = 256 << 10;  // frames that are handed to TLS at once
constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr auto accept_pause = std::chrono::milliseconds(200);
constexpr auto listen_pause = std::chrono::seconds(1);
constexpr int dead_peer_ms = 20'000;  // unacknowledged for so long: TCP gives up

std::chrono::nanoseconds chrono(Duration d) { return std::chrono::nanoseconds(d.ns); }

std::string text_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), endpoint.port())
                         : fmt::format("{}:{}", address.to_string(), endpoint.port());
}

}  // namespace

// ---- coming about ------------------------------------------------------------------------------------

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

bool TlsNet::Impl::is_shut_out(const Connection& c) const {
  return doors_.sealed && std::ranges::find(doors_.inside, c.key) == doors_.inside.end();
}

void TlsNet::Impl::turn_doors(const Doors& doors) {
  doors_ = doors;
  listen_again_at_ = {};
  if (wants_port()) {
    listen_again();
  } else {
    error_code ignored;
    acceptor_.close(ignored);
  }
  if (!doors_.sealed) return;
  // Also those in the middle of a handshake, whom core does not know.
  std::vector<ConnectionPtr> out;
  for (const auto& [id, c] : all_)
    if (is_shut_out(*c)) out.push_back(c);
  for (const ConnectionPtr& c : out) reset(c);
}

// A store trades without its links, so whatever keeps it from listening is told and tried again: an address that comes
// with an uplink, a name server that is away, another program on the port. Names are looked up without waiting for it.
void TlsNet::Impl::listen_again() {
  if (options_.listen.empty() || !wants_port() || acceptor_.is_open() || is_resolving_) return;
  if (Steady::now() < listen_again_at_) return;
  listen_again_at_ = Steady::now() + listen_pause;
  error_code is_name;
  const auto number = asio::ip::make_address(listen_at_.host, is_name);
  if (!is_name) {
    if (listen_on(number)) accept();
    return;
  }
  is_resolving_ = true;
  lookups_.look_up(listen_at_.host, [this](const HostAddresses& found) {
    is_resolving_ = false;
    if (!wants_port() || acceptor_.is_open()) return;
    if (!found.problem.empty()) return cannot_listen(found.problem);
    if (listen_on(asio::ip::make_address(found.numbers.front()))) accept();
  });
}

bool TlsNet::Impl::wants_port() const { return !doors_.sealed || !doors_.inside.empty(); }

bool TlsNet::Impl::listen_on(const asio::ip::address& host) {
  error_code ec;
  const tcp::endpoint endpoint(host, port_ != 0 ? port_.load() : listen_at_.port);
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    error_code ignored;
    acceptor_.close(ignored);
    cannot_listen(ec == asio::error::address_in_use
                      ? "another program uses this port. `ss -ltnp` shows which; stop it, or give this site another "
                        "link address in the chain file"
                      : ec.message());
    return false;
  }
  port_ = acceptor_.local_endpoint(ec).port();
  if (!listen_problem_.empty()) log(fmt::format("listens for peers on {} now", options_.listen));
  listen_problem_.clear();
  return true;
}

// Once, not at each try.
void TlsNet::Impl::cannot_listen(const std::string& why) {
  if (std::exchange(listen_problem_, why) == why) return;
  log(fmt::format("cannot listen for peers on {}: {}. This site dials the others meanwhile, and it is tried again",
                  options_.listen, why));
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
  if (doors_.sealed && options_.is_outside && options_.is_outside(peer.address().to_string())) {
    ++count_.refused;
    socket.set_option(asio::socket_base::linger(true, 0), ec);
    return;
  }
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
  if (!ec) return connect_to(c, {tcp::endpoint(number, to.port)});
  // By number: what is given up meanwhile is not kept until the answer comes.
  lookups_.look_up(to.host, [this, id = c->id, port = to.port](const HostAddresses& found) {
    const auto at = all_.find(id);
    if (at == all_.end()) return;
    const ConnectionPtr waits = at->second;
    if (!found.problem.empty()) return end(waits, found.problem);
    std::vector<tcp::endpoint> endpoints;
    endpoints.reserve(found.numbers.size());
    for (const std::string& each : found.numbers) endpoints.emplace_back(asio::ip::make_address(each), port);
    connect_to(waits, endpoints);
  });
}

void TlsNet::Impl::connect_to(const ConnectionPtr& c, const std::vector<tcp::endpoint>& endpoints) {
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
  c->key = *key;
  if (is_shut_out(*c)) return reset(c);
  c->stage = Stage::deciding;
  c->deadline = Time::max();  // core's time, not the peer's
  on_node(c, [key = *key](Impl& self, const ConnectionPtr& on) { self.tell_connected(on, key); });
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

// ---- reading -------------------------------------------------------------------------------------------

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
  if (!messages.empty()) deliver(c, std::move(messages), first);
  if (!broken.empty()) {
    ++count_.broken;
    return end(c, broken);
  }
  c->paused = wait || holds_enough_of(*c);
  if (!c->paused) read(c);
}

void TlsNet::Impl::deliver(const ConnectionPtr& c, std::vector<Bytes> messages, bool first) {
  Batch batch{.messages = std::move(messages), .first = first};
  for (const auto& message : batch.messages) batch.bytes += message.size();
  c->undelivered += batch.bytes;
  undelivered_ += batch.bytes;
  on_node(c, [batch = std::move(batch)](Impl& self, const ConnectionPtr& on) mutable {
    self.tell_messages(on, std::move(batch));
  });
}

// With the bound of all together used up, each still gets one batch at a time, so that none starves.
bool TlsNet::Impl::holds_enough_of(const Connection& c) const {
  return c.undelivered > options_.undelivered_bytes_max ||
         (c.undelivered > 0 && undelivered_ > options_.undelivered_bytes_all_max);
}

void TlsNet::Impl::core_has_taken(const ConnectionPtr& c, std::size_t bytes) {
  if (c->stage == Stage::gone) return;
  HF_CHECK(bytes <= c->undelivered, "{} of {}", bytes, c->undelivered);
  c->undelivered -= bytes;
  undelivered_ -= bytes;
  if (c->stage == Stage::first_message) {
    c->stage = Stage::open;
    c->deadline = Time::max();
    settle(*c);
  }
  if (!c->paused || holds_enough_of(*c)) return;
  c->paused = false;
  c->heard_at = Steady::now();
  take_messages(c);
}

// ---- writing -------------------------------------------------------------------------------------------

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

// ---- times and ends ----------------------------------------------------------------------------------

void TlsNet::Impl::tick() {
  const Time now = Steady::now();
  std::vector<ConnectionPtr> all;
  all.reserve(all_.size());
  for (const auto& [id, c] : all_) all.push_back(c);
  for (const auto& c : all) check_times(c, now);
  listen_again();
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
  undelivered_ -= c->undelivered;
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
  on_node(c, [](Impl& self, const ConnectionPtr& on) { self.tell_closed(on); });
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

}  // namespace holdfast::edge
