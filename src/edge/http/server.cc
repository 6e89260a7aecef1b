#include "edge/http/server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <variant>

#include "edge/http/problem.h"
#include "edge/http/request_parser.h"
#include "edge/net/address.h"
#include "edge/net/http_buffer.h"

namespace holdfast::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

std::chrono::nanoseconds as_chrono(Duration d) { return std::chrono::nanoseconds(d.ns); }

// Connections by whose they are.
using OpenBy = std::map<std::string, std::size_t>;
void leave(OpenBy& open_by, OpenBy::iterator& own) {
  if (own != open_by.end() && --own->second == 0) open_by.erase(own);
  own = open_by.end();
}

}  // namespace

class Session;

// One address that is listened on.
struct Listener {
  explicit Listener(asio::io_context& context) : acceptor(context), pause(context) {}
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::size_t open = 0;                     // under sessions_mutex
  OpenBy open_by_address, open_by_name;     // the latter: of whom has shown who he is
  std::unique_ptr<asio::ssl::context> tls;  // the tills'
};

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(ServerSettings given) : settings(std::move(given)), plain(context), tills(context) {}

  Status bind(Listener& listener, const std::string& where, bool may_leave);
  Status bind_tills();
  void bind_tills_again();
  void accept(Listener& listener);
  bool has_room(Listener& listener, const std::string& from);
  Session* least_entitled(const Listener& listener) const;
  void close_all();

  ServerSettings settings;
  Handler handler;
  Counters counters;
  std::mutex sessions_mutex;    // and listeners' counts: at the very end, whoever was to answer lets a session go
  std::set<Session*> sessions;  // each keeps itself and this object alive while something of it is under way
  std::atomic<bool> stopping = false, stopped = false;
  asio::io_context context{1};
  Listener plain, tills;
  std::atomic<std::uint16_t> tills_port = 0;
  std::atomic<bool> tills_come = false;
  std::thread thread;
};

// One connection. Everything runs on the server's thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Server::Impl> server, Listener& listener, tcp::socket socket)
      : keeps_server_(std::move(server)),
        server_(*keeps_server_),
        listener_(listener),
        stream_(std::move(socket)),
        hold_(stream_.get_executor()) {
    error_code gone;
    from_ = stream_.socket().remote_endpoint(gone).address();
    if (listener_.tls) tls_.emplace(stream_, *listener_.tls);
    const std::lock_guard lock(server_.sessions_mutex);
    ++listener_.open;
    by_address_ = listener_.open_by_address.try_emplace(from_.to_string()).first;
    ++by_address_->second;
    server_.sessions.insert(this);
    ++server_.counters.open_connections;
  }
  ~Session() {
    const std::lock_guard lock(server_.sessions_mutex);
    give_up_place();
    server_.sessions.erase(this);
    --server_.counters.open_connections;
  }
  // Under sessions_mutex. It may end later: what is under way in it keeps it.
  void give_up_place() {
    if (by_address_ == listener_.open_by_address.end()) return;
    --listener_.open;
    leave(listener_.open_by_address, by_address_);
    leave(listener_.open_by_name, by_name_);
  }
  // For whoever looks for a place, under sessions_mutex: what is greater has less right to its own.
  struct Claim {
    bool is_unknown = false;
    std::size_t open = 0;  // of the same address or name
    std::chrono::steady_clock::duration quiet{};
    auto operator<=>(const Claim&) const = default;
  };
  std::optional<Claim> claim_to(const Listener& listener, std::chrono::steady_clock::time_point now) const {
    if (&listener != &listener_ || by_address_ == listener_.open_by_address.end()) return std::nullopt;
    const bool is_unknown = by_name_ == listener_.open_by_name.end();
    return Claim{is_unknown, is_unknown ? by_address_->second : by_name_->second, now - heard_at_};
  }
  void begin();
  void stop() {
    if (is_idle_) close();
    last_ = true;
  }
  void close() {
    error_code ignored;
    stream_.socket().close(ignored);
    hold_.cancel();
  }

 private:
  template <class Use>
  void with_stream(Use use) {
    if (tls_) {
      use(*tls_);
    } else {
      use(stream_);
    }
  }
  void read_header();
  void on_header(error_code error);
  void read_body();
  void on_body(error_code error);
  void handle();
  void count_for(const std::string& name);
  std::shared_ptr<Session> ticket();
  void answer(Response response);
  void write();
  void on_written(error_code error);
  void linger();

  const std::shared_ptr<Server::Impl> keeps_server_;
  Server::Impl& server_;
  Listener& listener_;
  asio::ip::address from_;
  OpenBy::iterator by_address_ = listener_.open_by_address.end();  // its end: the place has been given up
  OpenBy::iterator by_name_ = listener_.open_by_name.end();        // its end: nobody has shown who he is
  std::chrono::steady_clock::time_point heard_at_ = std::chrono::steady_clock::now();
  beast::tcp_stream stream_;
  asio::steady_timer hold_;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls_;  // over stream_, whose time limits hold for both
  beast::flat_buffer buffer_{edge::unparsed_bytes_max};
  std::optional<RequestParser> parser_;
  std::optional<wire::response<wire::empty_body>> interim_;
  Response response_;
  std::variant<std::monostate, wire::response<wire::span_body<const char>>, wire::response<wire::empty_body>> out_;
  bool is_idle_ = true;  // between requests
  bool last_ = false;    // close after this response
  bool is_head_ = false;
  unsigned version_ = 11;
  std::size_t drained_ = 0;
};

void Session::begin() {
  if (!tls_) return read_header();
  stream_.expires_after(as_chrono(server_.settings.body_time_max));
  tls_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](error_code error) {
    if (error) return self->close();
    self->read_header();
  });
}

void Session::read_header() {
  is_idle_ = true;
  is_head_ = false;
  parser_.emplace();
  set_bounds(*parser_, {server_.settings.header_bytes_max, server_.settings.body_bytes_max});
  stream_.expires_after(as_chrono(server_.settings.header_time_max));
  with_stream([this](auto& stream) {
    wire::async_read_header(stream, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
  });
}

void Session::on_header(error_code error) {
  is_idle_ = false;
  heard_at_ = std::chrono::steady_clock::now();
  if (error) {
    auto refusal = refusal_of(error);  // none when the time was over: then it is closed already
    last_ = true;
    if (refusal) return answer(std::move(*refusal));
    return close();
  }
  version_ = parser_->get().version();
  if (beast::iequals(parser_->get()[wire::field::expect], "100-continue")) {
    interim_.emplace(wire::status::continue_, version_);
    stream_.expires_after(as_chrono(server_.settings.response_time_max));
    return with_stream([this](auto& stream) {
      wire::async_write(stream, *interim_, [self = shared_from_this()](error_code failed, std::size_t) {
        if (failed) return self->close();
        self->read_body();
      });
    });
  }
  read_body();
}

void Session::read_body() {
  stream_.expires_after(as_chrono(server_.settings.body_time_max));
  with_stream([this](auto& stream) {
    wire::async_read(stream, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->on_body(error); });
  });
}

void Session::on_body(error_code error) {
  if (error) {
    last_ = true;
    auto refusal = refusal_of(error);
    if (refusal) return answer(std::move(*refusal));
    return close();
  }
  handle();
}

void Session::handle() {
  auto message = parser_->release();
  if (!message.keep_alive()) last_ = true;
  is_head_ = message.method() == wire::verb::head;
  auto request = request_of(std::move(message));
  if (!request) {
    last_ = true;
    return answer(problem(request.error()));
  }
  if (!from_.is_unspecified()) request->from = from_.to_string();
  request->is_secure = tls_.has_value();
  ++server_.counters.requests;
  // Nothing is expected of the client now; its answer may take a commit.
  stream_.expires_never();
  server_.handler(std::move(*request), [ticket = ticket()](std::function<Response()> make) {
    if (ticket->server_.stopped) return;  // nobody runs what would be posted
    asio::post(ticket->server_.context, [ticket, make = std::move(make)] { ticket->answer(make()); });
  });
}

// For the other threads: whichever of them lets go of it last, the session itself ends on the server's thread.
std::shared_ptr<Session> Session::ticket() {
  return {this, [self = shared_from_this()](Session*) mutable {
            asio::io_context& context = self->server_.context;
            if (!self->server_.stopped) asio::post(context, [last = std::move(self)] {});
          }};
}

// Whose place this is from now on. A till's page is asked for without its key, on the same connection.
void Session::count_for(const std::string& name) {
  const std::lock_guard lock(server_.sessions_mutex);
  if (name.empty() || by_address_ == listener_.open_by_address.end()) return;
  if (by_name_ != listener_.open_by_name.end() && by_name_->first == name) return;
  leave(listener_.open_by_name, by_name_);
  by_name_ = listener_.open_by_name.try_emplace(name).first;
  ++by_name_->second;
}

void Session::answer(Response response) {
  response_ = std::move(response);
  count_for(response_.said_by);
  if (response_.status >= 500) {
    ++server_.counters.failures;
  } else if (response_.status >= 400) {
    ++server_.counters.problems;
  }
  if (server_.stopping) last_ = true;
  if (response_.hold == Duration{} || server_.stopping) return write();
  hold_.expires_after(as_chrono(response_.hold));
  hold_.async_wait([self = shared_from_this()](error_code ended) {
    if (!ended) self->write();
  });
}

void Session::write() {
  const std::string& body = response_.shared_body ? *response_.shared_body : response_.body;
  const auto fill = [&](auto& message) {
    message.version(version_);
    message.result(response_.status);
    for (const auto& [name, value] : server_.settings.headers) message.set(name, value);
    for (const auto& [name, value] : response_.headers) message.set(name, value);
    if (response_.status != 204 && response_.status != 304) {
      message.set(wire::field::content_type, response_.content_type);
      message.content_length(body.size());
    }
    message.keep_alive(!last_);
  };
  const auto done = [self = shared_from_this()](error_code error, std::size_t) { self->on_written(error); };
  stream_.expires_after(as_chrono(server_.settings.response_time_max));
  if (is_head_ || body.empty()) {
    auto& message = out_.emplace<wire::response<wire::empty_body>>();
    fill(message);
    with_stream([&](auto& stream) { wire::async_write(stream, message, done); });
  } else {
    auto& message = out_.emplace<wire::response<wire::span_body<const char>>>();
    fill(message);
    message.body() = beast::span<const char>(body.data(), body.size());
    with_stream([&](auto& stream) { wire::async_write(stream, message, done); });
  }
}

void Session::on_written(error_code error) {
  if (error) return close();
  if (!last_) return read_header();
  if (tls_) {
    stream_.expires_after(std::chrono::seconds(2));
    return tls_->async_shutdown([self = shared_from_this()](error_code) { self->close(); });
  }
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  linger();
}

// A client that is still sending (a body that was refused) must be able to read the answer before the connection is
// reset.
void Session::linger() {
  constexpr std::size_t drain_bytes_max = 4u << 20;
  buffer_.clear();
  stream_.expires_after(std::chrono::seconds(2));
  stream_.async_read_some(buffer_.prepare(16u << 10), [self = shared_from_this()](error_code error, std::size_t bytes) {
    self->drained_ += bytes;
    if (error || self->drained_ > drain_bytes_max || self->server_.stopping) return self->close();
    self->linger();
  });
}

// ---- the server

Status Server::Impl::bind(Listener& listener, const std::string& where, bool may_leave) {
  HF_TRY(const edge::Address at, edge::parse_address(where));
  error_code error;
  const auto host =
      at.host == "localhost" ? asio::ip::make_address("127.0.0.1") : asio::ip::make_address(at.host, error);
  if (error)
    return fail("edge/bad_address", fmt::format("\"{}\" is no IP address. Write 127.0.0.1:PORT, or the address of "
                                                "this machine on the shop's network for --tills.",
                                                at.host));
  if (!host.is_loopback() && !may_leave) {
    return fail("edge/not_loopback",
                fmt::format("{} can be reached from other machines, and PINs, device keys and session cookies would "
                            "pass over the network in clear. Listen on 127.0.0.1, let tills in with --tills {}, or say "
                            "--http-insecure-bind where TLS stands in front.",
                            at.host, where));
  }
  const tcp::endpoint endpoint(host, at.port);
  tcp::acceptor& acceptor = listener.acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return fail(
        "edge/port_in_use",
        fmt::format("Port {} on {} is in use. End what listens there, or choose another port.", at.port, at.host));
  }
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
    return fail("edge/net_failed", fmt::format("{} cannot be listened on: {}.", where, error.message()));
  }
  return {};
}

Status Server::Impl::bind_tills() {
  HF_TRY_VOID(bind(tills, settings.tills, true));
  error_code error;
  tills_port = tills.acceptor.local_endpoint(error).port();
  return {};
}

// The tills' address may come later than the program, from DHCP say; whoever is at this machine sells meanwhile.
void Server::Impl::bind_tills_again() {
  tills.pause.expires_after(std::chrono::seconds(1));
  tills.pause.async_wait([this](error_code ended) {
    if (ended || stopping) return;
    if (!bind_tills()) return bind_tills_again();
    settings.log(fmt::format("{} is here now: tills can come", settings.tills));
    if (tills.tls) accept(tills);
  });
}

// May close somebody else's connection to make room.
bool Server::Impl::has_room(Listener& listener, const std::string& from) {
  const std::lock_guard lock(sessions_mutex);
  const bool is_full = listener.open >= settings.connections_max;
  if (!listener.tls) return !is_full;  // this machine's own
  const auto own = listener.open_by_address.find(from);
  if (own != listener.open_by_address.end() && own->second >= settings.connections_an_address_max) return false;
  if (!is_full) return true;
  Session* const gives_way = least_entitled(listener);
  if (gives_way == nullptr) return false;
  ++counters.displaced_connections;
  gives_way->give_up_place();
  gives_way->close();
  return true;
}

Session* Server::Impl::least_entitled(const Listener& listener) const {
  const auto now = std::chrono::steady_clock::now();
  Session* found = nullptr;
  Session::Claim least;
  for (Session* session : sessions) {
    const auto claim = session->claim_to(listener, now);
    if (!claim || (!claim->is_unknown && claim->open <= settings.share_of_known)) continue;
    if (found != nullptr && *claim <= least) continue;
    found = session;
    least = *claim;
  }
  return found;
}

void Server::Impl::accept(Listener& listener) {
  if (&listener == &tills) tills_come = true;
  listener.acceptor.async_accept([this, &listener](error_code error, tcp::socket socket) {
    if (stopping) return;
    if (error) {
      // Out of descriptors, most likely: they come back when connections end.
      listener.pause.expires_after(std::chrono::milliseconds(100));
      listener.pause.async_wait([this, &listener](error_code ended) {
        if (!ended && !stopping) accept(listener);
      });
      return;
    }
    error_code ignored;
    if (!has_room(listener, socket.remote_endpoint(ignored).address().to_string())) {
      ++counters.refused_connections;
    } else {
      ++counters.connections;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Session>(shared_from_this(), listener, std::move(socket))->begin();
    }
    accept(listener);
  });
}

void Server::Impl::close_all() {
  const std::lock_guard lock(sessions_mutex);
  for (Session* session : sessions) session->close();
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::open(ServerSettings settings) {
  auto impl = std::make_shared<Impl>(std::move(settings));
  HF_TRY_VOID(impl->bind(impl->plain, impl->settings.listen, impl->settings.insecure_bind));
  if (impl->settings.tills.empty()) return std::unique_ptr<Server>(new Server(std::move(impl)));
  if (const Status bound = impl->bind_tills(); !bound) {
    if (bound.error().code != "edge/net_failed") return pass_on(bound.error());
    HF_TRY(const edge::Address later, edge::parse_address(impl->settings.tills));
    impl->tills_port = later.port;
    impl->settings.log(bound.error().text + " It is tried again; no till can come until then.");
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() { stop(); }

void Server::start(Handler handler) {
  impl_->handler = std::move(handler);
  impl_->thread = std::thread([impl = impl_] {
    impl->accept(impl->plain);
    if (!impl->settings.tills.empty() && !impl->tills.acceptor.is_open()) impl->bind_tills_again();
    impl->context.run();
  });
}

void Server::use_certificate(TlsContext context) {
  asio::post(impl_->context, [impl = impl_, context = std::move(context)] {
    if (impl->stopping || impl->settings.tills.empty()) return;
    const bool is_first = !impl->tills.tls && impl->tills.acceptor.is_open();
    ::SSL_CTX_up_ref(context.get());  // the wrapper frees one; sessions hold their own
    impl->tills.tls = std::make_unique<asio::ssl::context>(context.get());
    if (is_first) impl->accept(impl->tills);
  });
}

void Server::stop() {
  if (!impl_->thread.joinable()) {
    // It was never started, or is stopped: what was posted to it holds the Impl that holds it.
    impl_->stopping = true;
    impl_->context.restart();
    impl_->context.poll();
    return;
  }
  asio::post(impl_->context, [impl = impl_] {
    impl->stopping = true;
    error_code ignored;
    for (Listener* listener : {&impl->plain, &impl->tills}) {
      listener->acceptor.close(ignored);
      listener->pause.cancel();
    }
    for (Session* session : std::set(impl->sessions)) session->stop();
  });
  const auto until = std::chrono::steady_clock::now() + as_chrono(impl_->settings.drain_time_max);
  while (impl_->counters.open_connections > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  impl_->stopped = true;
  impl_->context.stop();
  impl_->thread.join();
  // What is left is closed, and its handlers run, so that every session lets go of what it holds.
  impl_->close_all();
  impl_->context.restart();
  impl_->context.poll();
}

std::string Server::address() const {
  error_code error;
  const auto endpoint = impl_->plain.acceptor.local_endpoint(error);
  if (error) return impl_->settings.listen;
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}
std::uint16_t Server::port() const {
  error_code error;
  return impl_->plain.acceptor.local_endpoint(error).port();
}
std::uint16_t Server::tills_port() const { return impl_->tills_port; }
bool Server::tills_can_come() const { return impl_->tills_come; }
const Server::Counters& Server::counters() const { return impl_->counters; }

}  // namespace holdfast::http
