// The kept copy of another journal, or of an earlier epoch of our own: a Log, and what its owner has signed of it.
//
// Shape:  entries are stored only under a checkpoint of their owner that covers exactly the last of them (protocol
//         4.1). They are two writes: a power failure between them leaves more stored than signed, and what is
//         not signed counts for nothing until its owner shows its signature, or the piece comes once more (asked for
//         from signed_size() on).
//         A note may have 31 lines and 64 KiB, and each start reads notes back (reload): of what comes over a link the
//         owner's line is stored, and one line for each name that a mirror can have (4.4).
// Errors: sync/out_of_order: does not begin where we stand (ask again from there). sync/bad_signature, sync/bad_note.
//         journal/damaged: a hole in the way; it is being mended. sync/contradiction: its owner's signature holds but
//         it does not extend what we keep. sync/over_bound: more in a day than the chain file allows. base/disk_*:
//         fatal for the node.
// After:  after any of these but base/disk_* nothing has been stored.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>

#include "core/base/refill.h"
#include "core/fold/state.h"
#include "core/journal/log.h"
#include "core/journal/note.h"
#include "core/sync/keyring.h"
#include "core/sync/messages.h"

namespace holdfast::sync {

struct DayBound {
  std::int64_t day = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of entries; of a piece that comes faster than `owners_pace`, the blocks that it takes
};
// An owner signs ten times a second (2.2), or after 4,096 entries or 1 MiB, and each time a piece may come. It takes
// two blocks at least, and a third when it is cosigned. So many of them are no more than its bytes are; a flood is.
inline constexpr Rate owners_pace = a_second(600, 10);
// Below notes, that a start reads back of one journal: some half a second, if each is to be verified.
inline constexpr std::size_t lines_read_back_max = 8192;

class Replica {
 public:
  explicit Replica(std::unique_ptr<journal::Log> log);
  // Takes up what is stored: the newest checkpoint, and the newest cosigned one, as far back as it is looked for.
  void reload(const KeyRing& keys);

  journal::Log& log() { return *log_; }
  const Origin& origin() const { return log_->origin(); }
  std::uint64_t size() const { return log_->durable_size(); }
  // False: behind a hole (protocol 2.4) the tree is not known. Nothing is taken or compared until it is mended.
  bool is_hashed() const { return log_->hashed_size() == log_->durable_size(); }
  // And every entry can be read: what a cosignature says (4.1).
  bool is_whole() const { return is_hashed() && !log_->has_holes(); }
  const std::optional<journal::SignedCheckpoint>& latest() const { return latest_; }
  std::uint64_t signed_size() const { return latest_ ? latest_->checkpoint.size : 0; }
  std::string latest_note() const { return latest_ ? journal::to_text(latest_->note) : std::string(); }
  const std::optional<journal::SignedCheckpoint>& cosigned() const { return cosigned_; }
  std::uint64_t cosigned_size() const { return cosigned_ ? cosigned_->checkpoint.size : 0; }

  // Entries from size() on; or from signed_size() on, of which those that are here need only their checkpoint.
  // bounds: of what one site may send in a day; null: these entries are needed, and known beforehand by their size.
  Status take(const Entries& entries, const PublicKey& owner_key, const chain::Bounds* bounds, Instant now);
  // The day is over on which the last refusal as sync/over_bound was. True once for each: it is asked for again.
  bool takes_again(Instant now);
  // A checkpoint we can compare: equal to what we keep -> true; larger than we hold, or not to be compared because of a
  // hole -> false: later; else sync/contradiction.
  Result<bool> agrees(const journal::Checkpoint& checkpoint);
  // Stores the checkpoint with the cosignatures that count; it must agree and be cosigned by q. Ahead of its entries:
  // kept until they come. What comes faster than an owner signs is known until the next start, and not stored.
  Status take_cosigned(const journal::SignedCheckpoint& checkpoint, const KeyRing& keys, Instant now);
  Status take_cosigned_ahead(const KeyRing& keys, Instant now);  // after entries have come

  // Stores a checkpoint of its owner that is known to agree: the one it has just signed, or of entries that are here.
  Status put_signed(journal::SignedCheckpoint checkpoint);

  bool frozen = false;                                // a contradiction was seen: nothing more is cosigned (4.3)
  std::optional<journal::SignedCheckpoint> offered;   // waits to be cosigned until we hold it
  std::optional<journal::SignedCheckpoint> gossiped;  // larger than we hold: compared when we do
  std::optional<Heartbeat> announced;                 // newest
  std::optional<Instant> announced_heard_at;          // our clock

 private:
  Status within_bounds(std::span<const Bytes> entries, const journal::SignedCheckpoint& checkpoint,
                       const chain::Bounds& bounds, Instant now);

  std::unique_ptr<journal::Log> log_;
  std::optional<journal::SignedCheckpoint> latest_;
  std::optional<journal::SignedCheckpoint> cosigned_;
  std::optional<journal::SignedCheckpoint> cosigned_ahead_;  // of a size we do not hold yet
  DayBound today_;
  Refill pieces_, cosigned_stored_;            // at owners_pace
  std::optional<std::int64_t> over_bound_on_;  // day
};

// All of them, by origin; what fold reads peers' entries from.
class Replicas : public fold::PeerEntries {
 public:
  Replicas(Disk& disk, Executor& executor) : disk_(disk), executor_(executor) {}
  // Opens every journal under journals/ but `own`. One that cannot be (journal/damaged, journal/wrong_origin, or a file
  // of it that the disk does not open) stays closed until the next start, or until it is discarded: it is neither read
  // nor written, find_or_create() says why (journal/damaged), and unopened() has it.
  Status open_all(const Origin& own, const chain::ChainFile& file);
  const std::map<Origin, Error>& unopened() const { return unopened_; }
  Replica* find(const Origin& origin);
  const Replica* find(const Origin& origin) const;
  Result<Replica*> find_or_create(const Origin& origin);
  // Takes it off the disk. For what a rebuild has fetched and cannot use; a mirror never deletes (4.4).
  Status discard(const Origin& origin);
  std::map<Origin, std::unique_ptr<Replica>>& all() { return all_; }
  const std::map<Origin, std::unique_ptr<Replica>>& all() const { return all_; }

  Status scan(const Origin& origin, EntryIndex first, EntryIndex end,
              const std::function<Status(EntryIndex, ByteView)>& each) const override;

 private:
  Disk& disk_;
  Executor& executor_;
  std::map<Origin, std::unique_ptr<Replica>> all_;
  std::map<Origin, Error> unopened_;
};

// The next message for somebody who holds `first` entries of this log: up to about 2 MiB, ending at a checkpoint, not
// beyond `limit` (0: none), nor into a hole. nullopt: he has all there is to send.
// Errors: sync/no_checkpoint: between `first` and the next checkpoint lies more than one message holds.
Result<std::optional<Entries>> next_chunk(journal::Log& log, EntryIndex first, std::uint64_t limit);
inline constexpr std::size_t chunk_bytes = 2u << 20;

}  // namespace holdfast::sync
