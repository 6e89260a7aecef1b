// A rebuild folds while it fetches (protocol 5.2, 7.1): what has come is folded while the rest is under way, as far as
// what it rests on has come too (7.2), and tells what else is needed.
//
// Shape:  the epochs that make the state, oldest first, each to what is kept of it. fold() goes on where it stopped.
//         The state that it is given begins anew with the line, and is nobody's until is_done().
// Errors: fold(): whatever is wrong with an entry, at place(); base/disk_*: fatal. None of what is folded is proven
//         before its roots are: a history that is not the one to keep, or entries of a peer that a mirror made up, may
//         not even fold.
// After:  an error: begin_anew() before the next fold().
// Lifetime, thread: all that it is made of outlives it. One thread.
#pragma once

#include <optional>
#include <vector>

#include "core/base/world.h"
#include "core/chain/chain.h"
#include "core/fold/state.h"
#include "core/node/lineage.h"
#include "core/node/needs.h"
#include "core/recovery/rebuild.h"
#include "core/sync/keyring.h"
#include "core/sync/replica.h"

namespace holdfast::node {

class FoldAhead {
 public:
  struct Into {
    fold::State& state;
    Instant& last_event_at;  // the newest of its events
  };
  FoldAhead(Into into, const chain::ChainFile& chain, sync::KeyRing& keys, sync::Replicas& replicas, Needs& needs,
            Executor& executor)
      : into_(into), chain_(chain), keys_(keys), replicas_(replicas), needs_(needs), executor_(executor) {}

  Status fold(const recovery::Choice& choice);
  bool is_done() const { return done_.line && done_.at == done_.line->size(); }
  // Of what was fetched, some is fetched anew, or something else is kept.
  void begin_anew() { done_ = {}; }
  // For who lets a failure rest until everything has its root.
  void note_failure() { done_.has_failed = true; }
  bool has_failed() const { return done_.has_failed; }

  struct Place {
    Origin origin;
    EntryIndex next = 0;   // to be folded
    bool is_last = false;  // the epoch of which that is
  };
  std::optional<Place> place() const;  // nullopt: the line is not known yet, or all is done

 private:
  struct Done {
    std::optional<std::vector<Kept>> line;
    std::size_t at = 0;             // the one that is being folded
    EntryIndex next = 0;            // of it
    std::optional<Kept> waits_for;  // so much of a peer's
    bool has_failed = false;
  };

  Status find_line(const recovery::Choice& choice);
  Status fold_on(journal::Log& log, EntryIndex end, std::uint64_t kept);

  Into into_;
  const chain::ChainFile& chain_;
  sync::KeyRing& keys_;
  sync::Replicas& replicas_;
  Needs& needs_;
  Executor& executor_;
  Done done_;  // how far the state has what was fetched
};

}  // namespace holdfast::node
