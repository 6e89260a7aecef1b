// What a journal's segments say: everything through the last whole record (protocol 2.3), and where records between do
// not hold (2.4). Opening reads them to the end; the scrubber reads them over and over, some bytes at a time, and so
// finds what the next start would find.
//
// Shape:  segments are read in the order of their numbers; numbers may have gaps (a segment that held nothing of its
//         own is removed at a later start). A segment's first record is the next one, or a copy of the last one; a torn
//         copy, or none, is fine.
//         A gap (gaps.h) that a mend fills is read from there; of one that none fills, the entries are in the index
//         without a place. Behind entries that are lost nothing is hashed, unless the mark lies behind them: the tree
//         ends where the first of them is.
// Errors: journal/damaged, journal/wrong_origin (log.h): what is no gap, and no mend could fill. Nothing is written
//         here.
// Source: protocol 2.3, docs/journal-format.md "Opening".
#pragma once

#include <memory>
#include <utility>

#include "core/base/world.h"
#include "core/journal/gaps.h"
#include "core/journal/index.h"
#include "core/journal/log.h"
#include "core/journal/note.h"
#include "core/journal/segments.h"
#include "core/journal/window.h"

namespace holdfast::journal {

struct Replayed {
  Index index;
  Tree tree;                      // at index.size(), or where the first gap behind the mark loses entries
  std::uint64_t last_record = 0;  // its number; 0: the journal has none
  Hash last_hash{};
  std::optional<Place> last_place;     // where a whole copy of it stands; nullopt: all that is known of it is in a mend
  std::string last_note;               // of the largest checkpoint
  std::uint32_t next_segment = 0;      // a number above all on the disk
  std::vector<std::uint32_t> useless;  // segments with nothing of their own; may go once the next one is durable
  std::vector<Gap> gaps;               // that no mend fills, in order
  std::uint32_t next_mend = 0;         // a number above all on the disk
  // The record behind the last whole one was not torn when the machine stopped: no part of it is as it was before.
  // What it held is not in the journal; a sentence for people. Empty: nothing of the kind.
  std::string rotten_end;
};

class Replayer {
 public:
  // To open a journal. `mark` is read until read_on() has said true.
  Replayer(Disk& disk, Executor& executor, const Origin& origin, const LogMark* mark)
      : Replayer(disk, executor, origin, mark, true) {}
  // To look through one that is open and written on meanwhile. Nothing is hashed: `tree` stays empty.
  static std::unique_ptr<Replayer> for_scrub(Disk& disk, Executor& executor, const Origin& origin) {
    return std::unique_ptr<Replayer>(new Replayer(disk, executor, origin, nullptr, false));
  }

  // Where an open journal ends: all before it was durable, and nothing is written behind it yet.
  struct End {
    Place next;  // where the next record will stand
    std::uint64_t last_record = 0;
    Hash last_hash{};
    std::uint64_t size = 0;
  };
  // Goes through about so many bytes (a record at a time; a search behind one that does not hold goes on to the next
  // whole one). True: everything is read. `end`: of a scrub, as it is now.
  Result<bool> read_on(std::uint64_t bytes_max, const std::optional<End>& end = std::nullopt);
  std::uint64_t bytes_read() const { return bytes_; }  // by the last read_on(); searches not counted
  // After read_on() has said true. HF_CHECK: once.
  Result<Replayed> finish();

 private:
  struct Taken {
    bool is_copy = false;
    RecordHeader header;
  };
  // Where a segment's whole records ended.
  struct Stop {
    Place place;
    bool is_useless = false;  // not one record of its own before that
  };
  // A commit whose entries wait in batch_ to be hashed.
  struct Unhashed {
    std::uint32_t count;
    Hash content;
    Place place;
  };
  // Where reading goes on: a segment by its place in numbers_, and a block; 0: it is not entered yet.
  struct Cursor {
    std::size_t segment = 0;
    std::uint32_t block = 0;
  };
  // The segment that is being read.
  struct Reading {
    Reading(std::unique_ptr<File> opened, std::size_t bytes_at_once);
    std::unique_ptr<File> file;
    Window window;
    bool is_first = false;    // at the segment's first record
    bool has_own = false;     // a record that is no copy stood here
    bool is_growing = false;  // what is in the window may have been written on since
  };

  Replayer(Disk& disk, Executor& executor, const Origin& origin, const LogMark* mark, bool hashes)
      : disk_(disk),
        executor_(executor),
        origin_(origin),
        directory_(Log::directory(origin)),
        journal_id_(journal_id_of(origin)),
        hashes_(hashes),
        mark_(mark),
        loader_(disk, directory_, origin, 0) {}

  // replay.cc: records in order
  Status list_files();
  Result<bool> list_new_segments();
  Status read_mend(const std::string& name);
  Result<Bytes> mend_bytes(const std::string& name);
  Status enter();
  Status read_record();
  Status refuse_foreign(std::uint32_t number);
  Result<std::optional<Taken>> take_record(Window& window, Place place, bool is_first);
  Status take_content(const RecordHeader& header, ByteView payload, Place place);
  Status take_commit(const RecordHeader& header, ByteView payload, Place place);
  Status take_checkpoint(const RecordHeader& header, ByteView payload, Place place);
  Status take_rewind(const RecordHeader& header, Place place);
  Status go_back(std::uint64_t size);
  Status meet_mark(Place place);
  Status flush();
  Result<Hash> root_at(std::uint64_t size);
  Status leaves_again(std::uint64_t first, std::span<Hash> into);
  bool is_growing() const { return end_ && numbers_[at_.segment] == end_->next.segment; }
  bool is_hashing() const { return hashes_ && mark_ == nullptr && !is_blind_; }

  // replay_gaps.cc: where records end or do not hold
  Result<Cursor> stopped(std::size_t segment, Place place, bool has_own);
  Result<bool> goes_on_later(std::size_t segment);
  Result<std::optional<Onward>> onward_from(std::size_t segment, Place place);
  Result<Cursor> take_mend(const Mend& mend);
  void meet_mark_in(const Bridge& bridge);
  Status open_gap(Place place, const Onward& onward);
  Status end_gap(std::uint64_t size);
  Status lose_rewind(std::uint64_t size);
  Status add_lost(std::uint64_t size);
  Cursor cursor_of(Place place) const;
  std::optional<RecordHeader> header_at(Place place);
  Status settle_stops(bool is_end);
  Status look_beyond(const Stop& stop, bool is_end);
  Status settle_rotten_end();
  Status look_for_rot(Place place);

  std::unexpected<Error> is_damaged(Place place, std::string_view what) const {
    return damaged(directory_, place, out_.index.size(), what);
  }

  Disk& disk_;
  Executor& executor_;
  Origin origin_;
  std::string directory_;
  Hash journal_id_;
  bool hashes_;
  const LogMark* mark_;  // until it is met
  Segments loader_;
  Replayed out_;
  std::optional<End> end_;              // of a scrub
  std::vector<std::uint32_t> numbers_;  // of the segments, rising
  std::vector<std::string> mend_names_;
  std::size_t mends_read_ = 0;  // of mend_names_
  std::vector<Mend> mends_;     // those that hold
  bool is_listed_ = false;
  Cursor at_;
  std::optional<Reading> reading_;  // nullopt: a segment is to be entered at at_
  std::uint64_t bytes_ = 0;
  bool is_blind_ = false;     // behind lost entries: nothing is hashed
  bool is_gap_open_ = false;  // how many entries the last gap lost is not yet known
  std::vector<Stop> stops_;   // since the last whole record
  std::vector<ByteView> batch_;
  std::vector<Unhashed> unhashed_;
  std::optional<Checkpoint> verified_;  // the last checkpoint whose root was compared
};

// All of it at once.
Result<Replayed> replay(Disk& disk, Executor& executor, const Origin& origin, const std::optional<LogMark>& mark);

}  // namespace holdfast::journal
