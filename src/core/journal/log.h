// One journal on disk: our own, or a peer's that we keep (as a mirror or a follower). The same bytes for both.
//
// Shape:  directory journals/<site>/<epoch>/ with segments seg-00000000.hfj …, pre-zeroed, growing from 256 KiB to 64
//         MiB, holding records on 4,096-byte blocks: commits (entries), checkpoints (signed notes), rewinds. Each
//         record carries the journal's id, its number, and the SHA-256 of the record before. docs/journal-format.md has
//         the grammar.
//         What cannot be read any more is a *hole*: its entries are named, everything else is served, and mend() puts
//         them back (protocol 2.4). Behind a hole the tree is not known until it is mended, unless open() was given a
//         mark behind it: hashed_size() says how far it is. Where it is short of size(), nothing can be written but a
//         rewind to before the hole.
// Errors: journal/damaged: from a read: in a hole, or beyond hashed_size() where the tree is asked for; names segment,
//         offset and entry, and the next read may find the same: holes() and mend() are the way on. From open(): bytes
//         that no mend could fill (another branch, a root that is not the one signed). journal/bad_entries: from
//         mend(): not what was there; nothing was changed. journal/wrong_origin: the directory holds another journal.
//         journal/bad_note: from put_checkpoint(), nothing was written. base/disk_full, base/disk_failed: from
//         commit(), put_checkpoint(), rewind().
// After:  a write that failed leaves the Log unusable (HF_CHECK if it writes again): the process must end (protocol
//         1.2). A reopened Log holds exactly the records that were durable, and perhaps the last one written.
// Thread: one.
// Source: protocol 1-3; LevelDB doc/log_format.md, LogCabin SegmentedLog.h for the way of telling it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/world.h"
#include "core/journal/tree.h"

namespace holdfast::journal {

inline constexpr std::size_t entry_bytes_max = 65'535;

// Where a snapshot stood, so that open() need not hash what it covers.
struct LogMark {
  std::uint64_t size = 0;           // entries
  Tree tree;                        // at size
  std::uint64_t record_number = 0;  // of the last record covered
  Hash record_hash{};               // its hash; must be found again on disk
};

// Entries that cannot be read: [first, end). first == end: only a record between them is lost, a checkpoint or a copy.
struct Hole {
  EntryIndex first = 0;
  EntryIndex end = 0;
  bool operator==(const Hole&) const = default;
};
struct Piece {
  EntryIndex first = 0;
  std::vector<Bytes> entries;
};
struct Scrubbed {
  std::uint64_t bytes = 0;  // read
  bool is_round_done = false;
  std::vector<Hole> found;  // at the end of a round: what is new among holes()
};

class Log {
 public:
  using EntryFunction = std::function<Status(EntryIndex, ByteView)>;  // an error stops the scan and is returned

  // Opens the journal; one that does not exist is empty, and its first file is made by the first commit. Validates
  // every record (with `mark`: entries before it are covered by their CRC and not hashed again), copies the last whole
  // record into a new segment and makes it durable before returning (protocol 2.3). A mark that does not fit what is on
  // disk is journal/damaged: either of the two lost something.
  static Result<std::unique_ptr<Log>> open(Disk& disk, Executor& executor, const Origin& origin,
                                           const std::optional<LogMark>& mark = std::nullopt);
  static std::string directory(const Origin& origin);  // "journals/<site>/<epoch>"
  virtual ~Log() = default;

  virtual const Origin& origin() const = 0;
  virtual std::uint64_t size() const = 0;  // with entries appended and not yet committed
  virtual std::uint64_t durable_size() const = 0;

  // Adds an entry after the last; nothing is written. HF_CHECK: body.size() <= entry_bytes_max.
  virtual EntryIndex append(ByteView body) = 0;
  virtual std::size_t uncommitted_bytes() const = 0;
  // Writes what was appended as one commit record and returns when it is durable. Nothing appended: does nothing.
  virtual Status commit() = 0;
  // Forgets what was appended and not committed.
  virtual void drop_uncommitted() = 0;

  // Stores a signed checkpoint (or the same with more cosignatures) at a size <= durable_size(). Durable on return. Its
  // root must be this journal's; signatures are the caller's to verify.
  virtual Status put_checkpoint(std::uint64_t size, std::string_view note) = 0;
  // By size, and of one size the note stored last: that of the largest; of the largest <= limit; the smallest >
  // after_size.
  // Empty: there is none, or it can not be read any more.
  virtual std::string last_checkpoint() const = 0;
  virtual std::string checkpoint_at_most(std::uint64_t limit) = 0;
  virtual std::optional<std::uint64_t> next_checkpoint_size(std::uint64_t after_size) const = 0;

  // Sets everything from `size` on aside: it stays on disk, is no longer part of the journal, and is what scan_aside
  // gives (protocol 3.2). HF_CHECK: no checkpoint covers it, everything appended is committed, and hashed_size() >=
  // `size`. Durable on return.
  virtual Status rewind(std::uint64_t size) = 0;
  virtual std::uint64_t aside_count() const = 0;
  // EntryIndex: where it stood when it was set aside. What cannot be read is passed over (lost_aside()).
  virtual Status scan_aside(const EntryFunction& each) = 0;

  virtual Result<Bytes> read(EntryIndex index) = 0;  // also of entries not yet committed
  // `each` may read, and append.
  virtual Status scan(EntryIndex first, EntryIndex end, const EntryFunction& each) = 0;

  virtual Hash root() const = 0;  // of size()
  virtual Result<Hash> root_at(std::uint64_t size) = 0;
  virtual LogMark mark() const = 0;  // of the durable state

  // ---- damage (protocol 2.4)
  virtual std::vector<Hole> holes() const = 0;  // in order
  virtual bool has_holes() const = 0;
  // What was behind the last whole record when it was opened was not torn by a crash but has rotted, and is not part of
  // the journal: a sentence for people, or empty.
  virtual const std::string& rotten_end() const = 0;
  // Entries that a rewind had set aside and that cannot be read any more. Nobody else has them.
  virtual std::uint64_t lost_aside() const = 0;
  // The holes that can be proven next, which may take several together; mend() takes one piece for each. Empty: there
  // is none, or nothing that is signed says what was there.
  virtual std::vector<Hole> wanted() const = 0;
  // Puts them back, durably, if they are what was there: by the hash in the record's header where that holds, else by
  // the tree, else by the next checkpoint's root. journal/damaged: something else that is needed for that cannot be
  // read; base/disk_*: the process must end. Nothing, or some of the holes whole, has been put back then.
  virtual Status mend(std::span<const Piece> pieces) = 0;
  virtual std::uint64_t hashed_size() const = 0;
  // Goes on hashing behind what was mended, about so many bytes; says whether hashed_size() has come to size().
  // journal/damaged: another root than a checkpoint signs (hashed_size() is 0 from then on), or a read has failed.
  virtual Result<bool> hash_on(std::uint64_t bytes_max) = 0;
  // Reads what was written, from its beginning to its end and over again, about so many bytes a call (a record at a
  // time; the search behind one that does not hold reads on to the next whole one). Damage is known when a round is
  // done. journal/damaged: such as no mend could fill; the next start would refuse it. The next call begins anew.
  virtual Result<Scrubbed> scrub(std::uint64_t bytes_max) = 0;
  // A read has met damage that no round of scrub() has come to yet: it should be hurried.
  virtual bool has_suspicion() const = 0;
};

}  // namespace holdfast::journal
