// What of peers' journals is taken into our own decisions next (protocol 7): how far each site that we follow can be
// followed now, and what succeeds it. It only looks; the node names it in its own journal, and that folds it.
//
// Shape:  next() at most each `interval`; what tills rang elsewhere, if nothing else is to be taken, at most each
//         `trade_interval`. Of each site one step: entries, a succession, or entries with the succession behind them.
// Errors: any is fatal: base/disk_*, sync/missing_entries. What cannot be read for a hole (2.4) is none: it waits until
//         that is mended.
// After:  an error has taken nothing; the next try is after the interval.
// Lifetime, thread: what it is made of outlives it. One thread.
// Source: protocol 7.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/chain/chain.h"
#include "core/fold/state.h"
#include "core/sync/keyring.h"
#include "core/sync/replica.h"

namespace holdfast::node {

class Follower {
 public:
  struct Pace {
    Duration interval, trade_interval;
  };
  Follower(Pace pace, const chain::ChainFile& chain, const fold::State& state, const sync::KeyRing& keys,
           sync::Replicas& replicas)
      : pace_(pace), chain_(chain), state_(state), keys_(keys), replicas_(replicas) {}

  Instant next_at() const { return next_; }  // monotonic
  // Whether next() is to be called now; then not again before the interval is over.
  bool is_due(Instant monotonic);

  // Both are to be appended in this order, each for itself.
  struct Next {
    fold::PeerFollowed followed;  // nobody: none
    std::vector<fold::PeerSucceeded> succeeded;
    std::uint64_t entries = 0;  // that `followed` takes in
  };
  Result<Next> next(const chain::Site& me, Instant monotonic);

 private:
  struct ToFollow {
    SiteName site;
    Origin origin;
    std::uint64_t from = 0, to = 0;
    fold::Use use = fold::Use::none;
    std::optional<fold::PeerSucceeded> succeeded;  // that, behind the entries if there are any
  };
  struct LookedAt {
    EntryIndex first = 0, end = 0;    // of a followed journal: entries that are not followed yet …
    fold::Use use = fold::Use::none;  // … and what they are for
    fold::Joiner joiner = {};         // of the event that may not have come to its end yet
    bool is_stopped = false;          // at one that this version does not know
  };

  Result<std::optional<ToFollow>> next_of(const SiteName& site);
  Result<fold::Use> use_of(const Origin& origin, EntryIndex first, EntryIndex end);
  Result<fold::FollowedPrefix> prefix_of(const SiteName& site, const Origin& origin, std::uint64_t to,
                                         std::size_t beyond_max);
  bool can_be_folded(const Origin& origin, EntryIndex first, EntryIndex end);
  Result<bool> only_begins_event(const Origin& origin, EntryIndex first, EntryIndex end);
  std::optional<fold::PeerSucceeded> succession_of_older(const fold::PeerPart& part);
  bool can_succeed(const Origin& origin, std::uint64_t followed, std::uint64_t kept);
  bool is_cosigned_from(const Origin& origin) const;

  Pace pace_;
  const chain::ChainFile& chain_;
  const fold::State& state_;
  const sync::KeyRing& keys_;
  sync::Replicas& replicas_;
  std::map<Origin, LookedAt> looked_at_;
  Instant next_, next_trade_;  // monotonic
};

}  // namespace holdfast::node
