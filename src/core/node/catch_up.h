// Entries of our own journal that a mirror or the spare has and this disk has not, while we ask (protocol 3.2): fetched
// from one of them, a piece at a time, up to a checkpoint under our key.
//
// Shape:  begins at our last signed size; what lies above is set aside when it is taken. With our signed prefix each
//         piece must give the root of a checkpoint of our key at its end, as all that anybody keeps does. Before that
//         nothing of it is looked at or kept: whoever holds up this start could fill our memory with junk.
// Errors: begin(): journal/damaged (a hole in the way; it is mended first), base/disk_*.
// Thread: one.
// Source: protocol 3.2.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/sync/messages.h"
#include "core/sync/replica.h"

namespace holdfast::node {

class CatchUp {
 public:
  // What `from` has of this journal, up to the target, which is of our key. He is asked by the caller.
  static Result<CatchUp> begin(sync::Replica& own, const SiteName& from, journal::SignedCheckpoint target,
                               Instant monotonic);

  enum class Took {
    late,   // nothing: it is of a question before this one; a slow line brings it late
    none,   // nothing: he gave what is not ours, or nothing. This catch-up is of no more use
    piece,  // and have() is to be asked for next
    all,    // the target is reached
  };
  Took take(const sync::Entries& m, const PublicKey& own_key, Instant monotonic);

  const SiteName& from() const { return from_; }
  std::uint64_t base() const { return base_; }
  std::uint64_t have() const { return base_ + entries_.size(); }
  const journal::SignedCheckpoint& target() const { return target_; }
  const std::vector<Bytes>& entries() const { return entries_; }  // from base() on
  // One under each piece, in order; there are none afterwards.
  std::vector<journal::SignedCheckpoint> take_notes() { return std::move(notes_); }
  bool is_complete() const { return is_complete_; }
  Instant asked_at() const { return asked_at_; }  // or since when a good deal has come; monotonic
  // From here on what is named before its entries is needed, too. False: it was already.
  bool begin_to_need_all() { return !std::exchange(needs_all_, true); }

 private:
  SiteName from_;
  std::uint64_t base_ = 0;
  journal::SignedCheckpoint target_;
  journal::Tree tree_;  // of what lies below, and of these
  std::vector<Bytes> entries_;
  std::vector<journal::SignedCheckpoint> notes_;
  bool is_complete_ = false;
  bool needs_all_ = false;
  Instant asked_at_;
  std::size_t bytes_since_ = 0;  // what has come since
};

// Of those who were asked for our own entries since this start: who is not asked again, or only when no other is left.
class CatchUpGivers {
 public:
  void gave_nothing(const SiteName& site) { ++gave_nothing_[site]; }
  int times_nothing(const SiteName& site) const;
  // What he gave does not give our root. Ourselves: the spare.
  void distrust(const SiteName& site) { distrusted_.insert(site); }
  bool is_distrusted(const SiteName& site) const { return distrusted_.contains(site); }
  // Under this root of our key stands what cannot be folded: it is not asked for again.
  void leave(const Hash& root) { left_.insert(root); }
  bool has_left(const Hash& root) const { return left_.contains(root); }

 private:
  std::map<SiteName, int> gave_nothing_;
  std::set<SiteName> distrusted_;
  std::set<Hash> left_;
};

}  // namespace holdfast::node
