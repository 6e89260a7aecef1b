// Who has stolen the keys of a machine and runs no node: he says what he likes, to whom he likes, and signs it.
//
// Shape:  a thief is one machine of the network, beside the one whose keys he has. He visits sites (dials, greets as
//         the machine does, says his words and stays), or is a mirror that lies to whoever comes to its address. The
//         auditor knows him for a thief: what he does is held against nobody, and what it does to the others is.
// Lifetime: the chain outlives him. He leaves when he ends.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/sync/messages.h"
#include "sim/chain.h"

namespace holdfast::sim {

class Thief final : public NetEvents {
 public:
  Thief(Chain& chain, const Machine& whose);
  ~Thief() override;
  Thief(const Thief&) = delete;
  Thief& operator=(const Thief&) = delete;

  const std::string& name() const { return name_; }
  void visit(const SiteName& site, const std::vector<sync::Message>& words);
  // Whether a word of his beyond a greeting has reached anybody.
  bool was_heard() const;

  // What he can make of the keys.
  sync::Message second_history() const;  // an offer of two entries that nobody has written
  sync::Message more_entries() const;    // an offer of a million of them
  // One that nobody has written, for who holds `size`: the checkpoint sent with it is of another history.
  sync::Message entry_behind(std::uint64_t size) const;
  sync::Message boast(std::uint64_t entries) const;
  sync::Message question() const;  // for a piece of the site's own journal

  // As the mirror that the machine is, at its address; the machine itself is kept from everybody meanwhile.
  enum class Lie {
    signs_unstored,  // cosigns whatever is offered, at once, and stores nothing
    hides,           // holds nothing of anything, and seals and registers all that it is asked to
  };
  void lie(Lie lie);
  // The owner whom he lied to last; null: nobody yet.
  const SiteName* lied_to() const { return lied_to_ ? &*lied_to_ : nullptr; }

  void on_connected(ConnectionId connection, const PublicKey& peer_tls_key, bool dialled_here) override;
  void on_message(ConnectionId from, Bytes message) override;
  void on_closed(ConnectionId connection) override;

 private:
  void join(const std::string& address);
  void say(ConnectionId to, const sync::Message& message) { wire_.send(to, sync::encode(message)); }
  std::string other_checkpoint(std::uint64_t size) const;
  sync::Message offer(std::uint64_t size) const;
  void answer(ConnectionId to, const sync::Offer& m);
  void answer(ConnectionId to, const sync::Ask& m);
  void answer(ConnectionId to, const sync::Seal& m);
  void answer(ConnectionId to, const sync::Register& m);

  Chain& chain_;
  std::shared_ptr<SimSigner> signer_;
  std::string name_, machine_;
  Origin origin_;
  Wire wire_;
  std::map<ConnectionId, std::vector<sync::Message>> words_;  // of visits that are not connected yet
  std::optional<Lie> lie_;
  std::optional<SiteName> lied_to_;
};

}  // namespace holdfast::sim
