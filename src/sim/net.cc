#include "sim/net.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace holdfast::sim {

void Network::push(Event event) {
  event.number = next_number_++;
  if (event.sent_at == Instant{}) event.sent_at = now_;
  const std::pair key(event.at, event.number);
  queue_.emplace(key, std::move(event));
}

void Network::join(const std::string& machine, const std::string& address, const PublicKey& tls_key,
                   NetEvents* events) {
  machines_[machine] = {address, tls_key, events};
}

void Network::leave(const std::string& machine) {
  std::vector<ConnectionId> ids;
  for (const auto& [id, c] : connections_)
    if (c.a.machine == machine || c.b.machine == machine) ids.push_back(id);
  for (const ConnectionId id : ids) end(id, connections_.at(id).other(machine).machine);
  machines_.erase(machine);
}

void Network::end(ConnectionId id, const std::string& told) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  for (const Side* side : {&it->second.a, &it->second.b})
    if (side->is_open && (told.empty() || told == side->machine))
      push({after_delay(), 0, Kind::closed, side->machine, {}, id, false, {}, {}});
  connections_.erase(it);
}

void Network::cut(const std::string& a, const std::string& b) {
  cuts_.insert(pair_of(a, b));
  std::vector<ConnectionId> ids;
  for (const auto& [id, c] : connections_)
    if (pair_of(c.a.machine, c.b.machine) == pair_of(a, b)) ids.push_back(id);
  if (!ids.empty()) bit(Fault::net_cut);
  for (const ConnectionId id : ids) end(id, {});
}

void Network::heal(const std::string& a, const std::string& b) { cuts_.erase(pair_of(a, b)); }

void Network::heal_all() {
  cuts_.clear();
  const auto stopped = [&] {
    auto all = clogged_;
    all.insert(mute_.begin(), mute_.end());
    return all;
  }();
  for (const auto& [from, to] : stopped) clear(from, to);
}

void Network::mute(const std::string& from, const std::string& to) {
  mute_.insert({from, to});
  for (const auto& [id, c] : connections_)
    if (pair_of(c.a.machine, c.b.machine) == pair_of(from, to))
      push({now_ + mute_patience, 0, Kind::patience, to, from, id, false, {}, {}});
}

void Network::clear(const std::string& from, const std::string& to) {
  clogged_.erase({from, to});
  mute_.erase({from, to});
  for (auto& [id, c] : connections_) {
    if (pair_of(c.a.machine, c.b.machine) != pair_of(from, to)) continue;
    Side& side = c.of(to);
    side.waiting_bytes = 0;
    for (auto& message : std::exchange(side.waiting, {})) deliver_later(id, from, side, std::move(message), {});
  }
}

std::optional<ConnectionId> Network::any_connection() {
  if (connections_.empty()) return std::nullopt;
  auto it = connections_.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(random_.below(connections_.size())));
  return it->first;
}

// Of many connections hardly one has something in flight; so mostly one that has.
bool Network::reset_any() {
  const auto message = random_.one_in(4) ? queue_.end() : any_message();
  const auto id = message == queue_.end() ? any_connection() : message->second.connection;
  if (!id) return false;
  const Connection& c = connections_.at(*id);
  if (c.a.in_flight + c.b.in_flight + c.a.waiting.size() + c.b.waiting.size() > 0) bit(Fault::net_reset);
  end(*id, {});
  return true;
}

bool Network::half_open_any() {
  const auto id = any_connection();
  if (!id || connections_.at(*id).is_half_open) return false;
  Connection& c = connections_.at(*id);
  c.is_half_open = true;
  Side& gone = random_.one_in(2) ? c.a : c.b;
  Side& stays = &gone == &c.a ? c.b : c.a;
  push({after_delay(), 0, Kind::closed, gone.machine, {}, *id, false, {}, {}});
  gone.is_open = false;
  // What is in flight to the side that stays arrives in its order, each piece late; then it is told.
  const Duration lag{static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(seconds(3).ns)))};
  std::vector<Queue::iterator> late;
  for (auto it = queue_.begin(); it != queue_.end(); ++it)
    if (it->second.connection == *id && it->second.to == stays.machine && it->second.kind == Kind::message)
      late.push_back(it);
  for (const Queue::iterator it : late) put_off(it, lag);
  stays.last = std::max(stays.last, now_) + lag;
  push({stays.last + milliseconds(1), 0, Kind::patience, stays.machine, {}, *id, false, {}, {}});
  return true;
}

// Whoever it is for has not closed that connection.
bool Network::is_heard(const Event& message) {
  const auto it = connections_.find(message.connection);
  return it != connections_.end() && it->second.of(message.to).is_open;
}

Network::Queue::iterator Network::any_message() {
  std::vector<Queue::iterator> messages;
  for (auto it = queue_.begin(); it != queue_.end(); ++it)
    if (it->second.kind == Kind::message && is_heard(it->second)) messages.push_back(it);
  return messages.empty() ? queue_.end() : messages[random_.below(messages.size())];
}

void Network::put_off(Queue::iterator event, Duration lag) {
  auto node = queue_.extract(event);
  node.key().first = node.mapped().at = node.mapped().at + lag;
  queue_.insert(std::move(node));
}

void Network::break_later(ConnectionId id) {
  const Duration lag{1 + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(broken_patience.ns)))};
  push({now_ + lag, 0, Kind::broken, connections_.at(id).a.machine, {}, id, false, {}, {}});
}

bool Network::drop_any() {
  const auto it = any_message();
  if (it == queue_.end()) return false;
  const ConnectionId id = it->second.connection;
  --connections_.at(id).of(it->second.to).in_flight;
  queue_.erase(it);
  bit(Fault::net_drop);
  break_later(id);
  return true;
}

bool Network::duplicate_any() {
  const auto it = any_message();
  if (it == queue_.end()) return false;
  Event again = it->second;
  Side& side = connections_.at(again.connection).of(again.to);
  again.is_copy = true;
  again.at = side.last = std::max(side.last, after_delay());
  ++side.in_flight;
  break_later(again.connection);
  push(std::move(again));
  return true;
}

bool Network::reorder_any() {
  const auto it = any_message();
  if (it == queue_.end()) return false;
  break_later(it->second.connection);
  put_off(it, Duration{1 + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(milliseconds(500).ns)))});
  return true;
}

void Network::deliver_later(ConnectionId id, const std::string& from, Side& to, std::pair<Instant, Bytes> message,
                            Duration lag) {
  const bool is_delayed = message.first == now_ && lag == Duration{};
  to.last = std::max(to.last, after_delay() + lag);
  ++to.in_flight;
  push({to.last, 0, Kind::message, to.machine, from, id, false, std::move(message.second), message.first, is_delayed});
}

// How a message came says which faults have changed something.
void Network::note_arrival(const Event& e, Connection& connection) {
  if (e.is_copy) return bit(Fault::net_duplicate);
  Side& side = connection.of(e.to);
  if (e.number < side.newest_number) return bit(Fault::net_reorder);
  side.newest_number = e.number;
  if (e.at - e.sent_at > milliseconds(200) && e.is_delayed && !connection.is_half_open) bit(Fault::net_delay);
  ConnectionId& newest = newest_heard_[{e.to, e.from}];
  if (newest > e.connection) bit(Fault::net_half_open);
  newest = std::max(newest, e.connection);
}

std::string Network::tell(Event& e) {
  const auto machine = machines_.find(e.to);
  if (e.kind == Kind::closed) {
    if (machine != machines_.end()) machine->second.events->on_closed(e.connection);
    return e.to;
  }
  const auto connection = connections_.find(e.connection);
  if (connection == connections_.end()) return e.to;  // it ended meanwhile: what was in flight is lost
  if (e.kind == Kind::broken) {
    end(e.connection, {});
    return e.to;
  }
  if (e.kind == Kind::patience) {
    if (connection->second.is_half_open || mute_.contains({e.from, e.to})) {
      if (!connection->second.is_half_open) bit(Fault::net_one_way_cut);
      end(e.connection, {});
    }
    return e.to;
  }
  Side& side = connection->second.of(e.to);
  if (e.kind == Kind::message) --side.in_flight;
  if (!side.is_open || machine == machines_.end()) return e.to;
  if (cuts_.contains(pair_of(e.from, e.to))) ++delivered_over_cut;
  if (e.kind == Kind::connected) {
    if (machines_.contains(e.from))
      machine->second.events->on_connected(e.connection, machines_.at(e.from).tls, e.dialled);
    return e.to;
  }
  ++delivered;
  note_arrival(e, connection->second);
  tap(e.from, e.to, e.message);
  if (witness) witness({e.from, e.to, e.sent_at.unix_ns, now_.unix_ns, e.connection}, e.message);
  machine->second.events->on_message(e.connection, std::move(e.message));
  return e.to;
}

std::string Network::step(Instant until) {
  if (queue_.empty() || queue_.begin()->second.at > until) {
    now_ = std::max(now_, until);
    return {};
  }
  auto next = queue_.extract(queue_.begin());
  now_ = std::max(now_, next.mapped().at);
  return tell(next.mapped());
}

ConnectionId Wire::dial(std::string_view address) {
  const ConnectionId id = network_.next_connection_++;
  const auto is_mute = [&](const std::string& name) {
    return network_.mute_.contains({machine_, name}) || network_.mute_.contains({name, machine_});
  };
  // Of two machines under one address (an old one that lives, and the one that took its place) the newer one answers.
  std::string answers;
  for (const auto& [name, machine] : network_.machines_)
    if (machine.address == address && name != machine_ && !network_.is_cut(machine_, name) && !is_mute(name))
      answers = name;
  if (!answers.empty()) {
    const Instant at = network_.after_delay();
    network_.connections_[id] = {{machine_, at}, {answers, at}};
    network_.push({at, 0, Network::Kind::connected, machine_, answers, id, true, {}, {}});
    network_.push({at, 0, Network::Kind::connected, answers, machine_, id, false, {}, {}});
    return id;
  }
  network_.push({network_.after_delay(), 0, Network::Kind::closed, machine_, {}, id, false, {}, {}});
  return id;
}

void Wire::send(ConnectionId to, Bytes message) {
  HF_CHECK(!message.empty() && message.size() <= message_bytes_max, "a message of {} bytes", message.size());
  const auto it = network_.connections_.find(to);
  if (it == network_.connections_.end() || !it->second.of(machine_).is_open) return;
  Network::Side& side = it->second.other(machine_);
  if (it->second.is_half_open) return;  // its end is on its way
  if (network_.is_stopped(machine_, side.machine)) {
    if (side.waiting.empty() && network_.clogged_.contains({machine_, side.machine})) network_.bit(Fault::net_clog);
    if (side.waiting_bytes + message.size() > network_.unsent_bytes_max) return network_.end(to, {});
    side.waiting_bytes += message.size();
    side.waiting.emplace_back(network_.now_, std::move(message));
    return;
  }
  network_.deliver_later(to, machine_, side, {network_.now_, std::move(message)}, lag);
}

std::size_t Wire::unsent_bytes(ConnectionId to) {
  const auto it = network_.connections_.find(to);
  return it == network_.connections_.end() ? 0 : it->second.other(machine_).waiting_bytes;
}

void Wire::close(ConnectionId connection) {
  const auto it = network_.connections_.find(connection);
  if (it == network_.connections_.end()) return;
  network_.end(connection, it->second.other(machine_).machine);
}

}  // namespace holdfast::sim
