// The network of the simulation: connections between named machines, with delay, cuts and loss of everything in flight.
//
// Shape:  a Wire is one machine's Net. Messages of one connection arrive in order, each after a delay drawn from the
//         seed. A cut pair has no connection, and nothing in flight between them arrives.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "sim/random.h"

namespace holdfast::sim {

class Network;

class Wire final : public Net {
 public:
  Wire(Network& network, std::string machine) : network_(network), machine_(std::move(machine)) {}
  ConnectionId dial(std::string_view address) override;
  void send(ConnectionId to, Bytes message) override;
  std::size_t unsent_bytes(ConnectionId) override { return 0; }
  void close(ConnectionId connection) override;

 private:
  Network& network_;
  std::string machine_;
};

class Network {
 public:
  explicit Network(Random random) : random_(random) {}

  Instant now() const { return now_; }
  // A machine that listens under `address`; events go to `events` while it is up.
  void join(const std::string& machine, const std::string& address, const PublicKey& tls_key, NetEvents* events);
  void leave(const std::string& machine);  // power cut: all its connections end
  void cut(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  void heal_all() { cuts_.clear(); }
  Duration delay_max = milliseconds(20);

  // The next thing that happens, delivered; the machine it happened to. Empty: nothing before `until`, and it is
  // `until` now.
  std::string step(Instant until);

  // Sees every message that is delivered: (from, to, bytes).
  std::function<void(const std::string&, const std::string&, ByteView)> tap;
  std::uint64_t delivered = 0;
  std::uint64_t delivered_over_cut = 0;  // must stay 0

 private:
  friend class Wire;
  enum class Kind { connected, message, closed };
  struct Event {
    Instant at;
    std::uint64_t number;
    Kind kind;
    std::string to;
    std::string from;
    ConnectionId connection;
    bool dialled;
    Bytes message;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const { return a.at != b.at ? a.at > b.at : a.number > b.number; }
  };
  struct Machine {
    std::string address;
    PublicKey tls{};
    NetEvents* events = nullptr;
  };
  struct Connection {
    std::string a, b;  // a dialled
    Instant last_to_a, last_to_b;
  };
  static std::pair<std::string, std::string> pair_of(const std::string& a, const std::string& b) {
    return a < b ? std::pair(a, b) : std::pair(b, a);
  }
  void push(Event event);
  Instant after_delay() {
    return now_ + Duration{1 + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(delay_max.ns)))};
  }
  void end(ConnectionId id, const std::string& told);  // told: who learns of it (the other side), or empty for both

  Random random_;
  Instant now_{1'700'000'000'000'000'000};
  std::uint64_t next_number_ = 0;
  ConnectionId next_connection_ = 1;
  std::map<std::string, Machine> machines_;
  std::map<ConnectionId, Connection> connections_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
};

}  // namespace holdfast::sim
