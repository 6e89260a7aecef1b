// The network of the simulation: connections between named machines, with delay, cuts, and all that goes wrong on a
// way.
//
// Shape:  a Wire is one machine's Net. Messages of one connection arrive in order, each after a delay drawn from the
//         seed. A cut pair has no connection, and nothing in flight between them arrives. A clogged way takes messages
//         and delivers none until it is clear. A mute way is clogged, nobody gets a new connection over it, and
//         connections over it end after mute_patience. What TLS rules out within a connection (a message lost, twice,
//         or after its successors) happens on request, and the connection ends within broken_patience.
// Faults: each is asked for by the day; `faults`, if there is one, is told when it bites.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit/auditor.h"
#include "core/base/world.h"
#include "sim/faults.h"
#include "sim/random.h"

namespace holdfast::sim {

class Network;

class Wire final : public Net {
 public:
  Wire(Network& network, std::string machine) : network_(network), machine_(std::move(machine)) {}
  ConnectionId dial(std::string_view address) override;
  void send(ConnectionId to, Bytes message) override;
  std::size_t unsent_bytes(ConnectionId to) override;
  void close(ConnectionId connection) override;
  Duration lag;  // all that it sends leaves so much later: its disk is slow

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
  void heal_all();
  bool is_cut(const std::string& a, const std::string& b) const { return cuts_.contains(pair_of(a, b)); }
  void clog(const std::string& from, const std::string& to) { clogged_.insert({from, to}); }
  void mute(const std::string& from, const std::string& to);
  void clear(const std::string& from, const std::string& to);  // neither clogged nor mute any more
  // Of any connection: false, there is none.
  bool reset_any();      // it ends on both sides, with all in flight; mostly one that has something in flight
  bool half_open_any();  // one side is told that it ended; the other gets what is in flight, up to 3 s late
  // Of any message in flight: false, there is none.
  bool drop_any();
  bool duplicate_any();
  bool reorder_any();  // up to 0.5 s late; what is behind it is not
  static constexpr Duration delay_usual = milliseconds(20);
  static constexpr Duration mute_patience = seconds(10);
  static constexpr Duration broken_patience = seconds(10);
  Duration delay_max = delay_usual;
  // Over a way that is stopped; beyond that its connection ends, as the real one does.
  std::size_t unsent_bytes_max = 64u << 20;

  // So much time passes in which nothing happens to anybody.
  void leap(Duration time) { now_ = now_ + time; }

  // The next thing that happens, delivered; the machine it happened to. Empty: nothing before `until`, and it is
  // `until` now.
  std::string step(Instant until);

  // Sees every message that is delivered: (from, to, bytes). Never empty.
  std::function<void(const std::string&, const std::string&, ByteView)> tap = [](const auto&...) {};
  // Likewise, with when it was sent: for the auditor.
  std::function<void(const audit::Auditor::Sent&, ByteView)> witness;
  Faults* faults = nullptr;  // outlives the network; null: nobody counts
  std::uint64_t delivered = 0;
  std::uint64_t delivered_over_cut = 0;  // must stay 0

 private:
  friend class Wire;
  enum class Kind { connected, message, closed, patience, broken };
  struct Event {
    Instant at;
    std::uint64_t number;
    Kind kind;
    std::string to;
    std::string from;
    ConnectionId connection;
    bool dialled;
    Bytes message;
    Instant sent_at;         // by push(), if it was not set
    bool is_delayed = true;  // by nothing but the network
    bool is_copy = false;    // of one that arrives as well
  };
  using Queue = std::map<std::pair<Instant, std::uint64_t>, Event>;  // by time and number: in the order of arrival
  struct Machine {
    std::string address;
    PublicKey tls{};
    NetEvents* events = nullptr;
  };
  struct Side {
    std::string machine;
    Instant last;                                   // when the newest message for it arrives
    bool is_open = true;                            // it still gets what was sent to it
    std::size_t in_flight = 0;                      // messages for it
    std::uint64_t newest_number = 0;                // of those that arrived
    std::deque<std::pair<Instant, Bytes>> waiting;  // for it, at the sender; since when
    std::size_t waiting_bytes = 0;
  };
  struct Connection {
    Side a, b;  // a dialled
    bool is_half_open = false;
    Side& of(const std::string& machine) { return a.machine == machine ? a : b; }
    Side& other(const std::string& machine) { return a.machine == machine ? b : a; }
  };
  static std::pair<std::string, std::string> pair_of(const std::string& a, const std::string& b) {
    return a < b ? std::pair(a, b) : std::pair(b, a);
  }
  bool is_stopped(const std::string& from, const std::string& to) const {
    return clogged_.contains({from, to}) || mute_.contains({from, to});
  }
  void push(Event event);
  void deliver_later(ConnectionId id, const std::string& from, Side& to, std::pair<Instant, Bytes> message,
                     Duration lag);
  Instant after_delay() {
    return now_ + Duration{1 + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(delay_max.ns)))};
  }
  void end(ConnectionId id, const std::string& told);  // told: who learns of it (the other side), or empty for both
  std::optional<ConnectionId> any_connection();
  bool is_heard(const Event& message);
  Queue::iterator any_message();  // end(): there is none
  void put_off(Queue::iterator event, Duration lag);
  void break_later(ConnectionId id);  // within broken_patience
  void bit(Fault fault) {
    if (faults != nullptr) faults->bit(fault);
  }
  std::string tell(Event& e);
  void note_arrival(const Event& e, Connection& connection);

  Random random_;
  Instant now_{1'700'000'000'000'000'000};
  std::uint64_t next_number_ = 0;
  ConnectionId next_connection_ = 1;
  std::map<std::string, Machine> machines_;
  std::map<ConnectionId, Connection> connections_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::set<std::pair<std::string, std::string>> clogged_, mute_;              // from, to
  std::map<std::pair<std::string, std::string>, ConnectionId> newest_heard_;  // to, from: of a delivered message
  Queue queue_;
};

}  // namespace holdfast::sim
