#include "edge/net/tls_net.h"

#include <signal.h>

#include <boost/asio/post.hpp>
#include <future>

#include "edge/net/tls_links.h"

namespace holdfast::edge {

Status TlsNet::Impl::open_port() {
  if (options_.listen.empty()) return {};
  HF_TRY(listen_at_, parse_address(options_.listen));
  error_code is_name;
  const auto number = asio::ip::make_address(listen_at_.host, is_name);
  if (!is_name) listen_on(number);
  return {};
}

void TlsNet::Impl::start(NetEvents& events) {
  HF_CHECK(events_ == nullptr, "start() comes once");
  events_ = &events;
  asio::post(io_, [this] {
    if (acceptor_.is_open()) accept();
    listen_again();
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
    while (!all_.empty()) reset(ConnectionPtr(all_.begin()->second));
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

void TlsNet::Impl::set_doors(const Doors& doors) {
  if (!thread_.joinable()) {  // before start() nobody is accepted at all; the kernel's backlog goes, too
    doors_ = doors;
    error_code ignored;
    if (doors_.sealed && doors_.inside.empty()) acceptor_.close(ignored);
    return;
  }
  std::promise<void> done;
  asio::post(io_, [&] {
    turn_doors(doors);
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
  // By a function posted anew: a node that only notes what it is told, and decides when its turn comes, has decided
  // then.
  on_node(c, [](Impl& self, const ConnectionPtr& on) {
    if (self.known_.contains(on->id)) asio::post(self.io_, [&self, on] { self.core_has_decided(on); });
  });
}

void TlsNet::Impl::tell_messages(const ConnectionPtr& c, Batch batch) {
  for (auto& message : batch.messages) {
    if (!known_.contains(c->id)) return;
    events_->on_message(c->id, std::move(message));
  }
  if (batch.first) {
    on_node(c, [bytes = batch.bytes](Impl& self, const ConnectionPtr& on) {
      if (self.known_.contains(on->id)) asio::post(self.io_, [&self, on, bytes] { self.core_has_taken(on, bytes); });
    });
  } else if (known_.contains(c->id)) {
    asio::post(io_, [this, c, bytes = batch.bytes] { core_has_taken(c, bytes); });
  }
}

void TlsNet::Impl::tell_closed(const ConnectionPtr& c) {
  if (known_.erase(c->id) > 0) events_->on_closed(c->id);
}

// ---- the contract
// ------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<TlsNet>> TlsNet::open(TlsNetOptions options, Post post) {
  HF_TRY(SSL_CTX* const tls, make_tls_context(options.tls_seed));
  auto impl = std::make_shared<Impl>(std::move(options), std::move(post), tls);
  HF_TRY_VOID(impl->open_port());
  return std::unique_ptr<TlsNet>(new TlsNet(std::move(impl)));
}
TlsNet::~TlsNet() { impl_->shutdown(); }
void TlsNet::start(NetEvents& events) { impl_->start(events); }
ConnectionId TlsNet::dial(std::string_view address) { return impl_->dial(address); }
void TlsNet::send(ConnectionId to, Bytes message) { impl_->send(to, std::move(message)); }
std::size_t TlsNet::unsent_bytes(ConnectionId to) { return impl_->unsent_bytes(to); }
void TlsNet::close(ConnectionId connection) { impl_->close(connection); }
void TlsNet::set_doors(const Doors& doors) { impl_->set_doors(doors); }
std::uint16_t TlsNet::listening_port() const { return impl_->port(); }
TlsNet::Counters TlsNet::counters() const { return impl_->counters(); }

}  // namespace holdfast::edge
