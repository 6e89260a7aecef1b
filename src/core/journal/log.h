// One journal on disk: our own, or a peer's that we keep (as a mirror or a follower). The same bytes for both.
//
// Shape:  directory journals/<site>/<epoch>/ with segments seg-00000000.hfj …, pre-zeroed, growing from 256 KiB to 64
//         MiB, holding records on 4,096-byte blocks: commits (entries), checkpoints (signed notes), rewinds. Each
//         record carries the journal's id, its number, and the SHA-256 of the record before. docs/journal-format.md has
//         the grammar.
// Errors: journal/damaged: bytes below the last whole record do not hold, or a whole record lies beyond a broken one;
//         names segment, offset and entry. journal/wrong_origin: the directory holds another journal. journal/bad_note:
//         from put_checkpoint(), nothing was written. base/disk_full, base/disk_failed: from commit(),
//         put_checkpoint(), rewind().
// After:  a write that failed leaves the Log unusable (HF_CHECK if it writes again): the process must end (protocol
//         1.2). A reopened Log holds exactly the records that were durable, and perhaps the last one written.
// Thread: one.
// Source: protocol 1-3; LevelDB doc/log_format.md, LogCabin SegmentedLog.h for the way of telling it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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
  // gives (protocol 3.2). HF_CHECK: no checkpoint covers it, and everything appended is committed. Durable on return.
  virtual Status rewind(std::uint64_t size) = 0;
  virtual std::uint64_t aside_count() const = 0;
  virtual Status scan_aside(const EntryFunction& each) = 0;  // EntryIndex: where it stood when it was set aside

  virtual Result<Bytes> read(EntryIndex index) = 0;  // also of entries not yet committed
  // `each` may read, and append.
  virtual Status scan(EntryIndex first, EntryIndex end, const EntryFunction& each) = 0;

  virtual Hash root() const = 0;  // of size()
  virtual Result<Hash> root_at(std::uint64_t size) = 0;
  virtual LogMark mark() const = 0;  // of the durable state
};

}  // namespace holdfast::journal
