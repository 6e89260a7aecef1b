#include "sim/net.h"

#include <algorithm>

namespace holdfast::sim {

void Network::push(Event event) {
  event.number = next_number_++;
  queue_.push(std::move(event));
}

void Network::join(const std::string& machine, const std::string& address, const PublicKey& tls_key,
                   NetEvents* events) {
  machines_[machine] = {address, tls_key, events};
}

void Network::leave(const std::string& machine) {
  std::vector<ConnectionId> ids;
  for (const auto& [id, c] : connections_)
    if (c.a == machine || c.b == machine) ids.push_back(id);
  for (const ConnectionId id : ids) end(id, connections_[id].a == machine ? connections_[id].b : connections_[id].a);
  machines_.erase(machine);
}

void Network::end(ConnectionId id, const std::string& told) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  for (const std::string& side : {it->second.a, it->second.b})
    if (told.empty() || told == side) push({after_delay(), 0, Kind::closed, side, {}, id, false, {}});
  connections_.erase(it);
}

void Network::cut(const std::string& a, const std::string& b) {
  cuts_.insert(pair_of(a, b));
  std::vector<ConnectionId> ids;
  for (const auto& [id, c] : connections_)
    if (pair_of(c.a, c.b) == pair_of(a, b)) ids.push_back(id);
  for (const ConnectionId id : ids) end(id, {});
}

void Network::heal(const std::string& a, const std::string& b) { cuts_.erase(pair_of(a, b)); }

std::string Network::step(Instant until) {
  if (queue_.empty() || queue_.top().at > until) {
    now_ = std::max(now_, until);
    return {};
  }
  const Event e = queue_.top();
  queue_.pop();
  now_ = std::max(now_, e.at);
  const auto machine = machines_.find(e.to);
  if (machine == machines_.end()) return e.to;
  if (e.kind == Kind::closed) {
    machine->second.events->on_closed(e.connection);
    return e.to;
  }
  const auto connection = connections_.find(e.connection);
  if (connection == connections_.end()) return e.to;  // it ended meanwhile: what was in flight is lost
  if (cuts_.contains(pair_of(e.from, e.to))) ++delivered_over_cut;
  if (e.kind == Kind::connected) {
    machine->second.events->on_connected(e.connection, machines_.at(e.from).tls, e.dialled);
    return e.to;
  }
  ++delivered;
  if (tap) tap(e.from, e.to, e.message);
  machine->second.events->on_message(e.connection, e.message);
  return e.to;
}

ConnectionId Wire::dial(std::string_view address) {
  const ConnectionId id = network_.next_connection_++;
  // Of two machines under one address (an old one that lives, and the one that took its place) the newer one answers.
  std::string answers;
  for (const auto& [name, machine] : network_.machines_)
    if (machine.address == address && name != machine_ && !network_.cuts_.contains(Network::pair_of(machine_, name)))
      answers = name;
  if (!answers.empty()) {
    const Instant at = network_.after_delay();
    network_.connections_[id] = {machine_, answers, at, at};
    network_.push({at, 0, Network::Kind::connected, machine_, answers, id, true, {}});
    network_.push({at, 0, Network::Kind::connected, answers, machine_, id, false, {}});
    return id;
  }
  network_.push({network_.after_delay(), 0, Network::Kind::closed, machine_, {}, id, false, {}});
  return id;
}

void Wire::send(ConnectionId to, Bytes message) {
  const auto it = network_.connections_.find(to);
  if (it == network_.connections_.end()) return;
  const bool from_a = it->second.a == machine_;
  Instant& last = from_a ? it->second.last_to_b : it->second.last_to_a;
  last = std::max(last, network_.after_delay());
  network_.push(
      {last, 0, Network::Kind::message, from_a ? it->second.b : it->second.a, machine_, to, false, std::move(message)});
}

void Wire::close(ConnectionId connection) {
  const auto it = network_.connections_.find(connection);
  if (it == network_.connections_.end()) return;
  network_.end(connection, it->second.a == machine_ ? it->second.b : it->second.a);
}

}  // namespace holdfast::sim
