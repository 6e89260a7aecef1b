// Which keys speak for which site and epoch: the chain file's for epoch 1, registrations' for later ones.
//
// Only the newest registered epoch of a mirror counts for cosignatures: a machine that lost its disk lost its old key
// (protocol 4.6), and whoever holds that key now is not a mirror.
#pragma once

#include <map>
#include <optional>

#include "core/chain/chain.h"
#include "core/fold/state.h"

namespace holdfast::sync {

struct SiteEpoch {
  SiteName site;
  std::uint32_t epoch = 0;
};

class KeyRing {
 public:
  explicit KeyRing(const chain::ChainFile& file);
  // Adds a registration whose signatures were verified when it was taken.
  void add(const chain::Registration& registration);
  // Everything that a state knows and that counts under the chain file: it may have other recovery keys by now (9.1).
  void add_all(const fold::State& state);

  std::uint32_t newest_epoch(const SiteName& site) const;
  Origin newest_origin(const SiteName& site) const;
  const chain::SiteKeys* keys(const SiteName& site, std::uint32_t epoch) const;
  std::optional<PublicKey> log_key(const Origin& origin) const;
  const chain::Registration* registration(const SiteName& site, std::uint32_t epoch) const;  // null for epoch 1
  // A later epoch of the site goes on from this one.
  bool is_succeeded(const Origin& origin) const;
  std::size_t registrations() const { return registrations_.size(); }
  // Protocol 10.2: the epoch of a spare cosigns, seals and witnesses for nobody.
  bool is_mirroring(const SiteName& site) const;
  // A ceremony's registration counts as it is; a spare's when q mirrors have signed below it, each with a key that is
  // or was its own (a mirror that has come back with a new one since has still heard the silence then).
  bool may_be_taken(const chain::Registration& registration) const;
  bool is_witness(const chain::Registration& registration, const journal::NoteSignature& line,
                  const SiteName& mirror) const;
  std::optional<SiteEpoch> by_tls(const PublicKey& key) const;

  // The sites among the owner's mirrors that have validly cosigned this checkpoint with their newest key, each with its
  // line.
  std::map<SiteName, journal::NoteSignature> cosignatures(const journal::SignedCheckpoint& checkpoint) const;
  bool are_enough(const std::map<SiteName, journal::NoteSignature>& cosignatures) const;  // q of them
  bool is_cosigned(const journal::SignedCheckpoint& checkpoint) const;

 private:
  const chain::ChainFile* file_;  // outlives the ring
  std::map<std::pair<SiteName, std::uint32_t>, chain::SiteKeys> keys_;
  std::map<std::pair<SiteName, std::uint32_t>, chain::Registration> registrations_;
};

}  // namespace holdfast::sync
