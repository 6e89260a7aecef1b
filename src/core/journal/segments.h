// The segment files of one journal: adding a record at the end, loading one from anywhere.
//
// Shape:  the first segment of each start has 256 KiB, every next one twice as much up to 64 MiB: a start costs little,
//         and what stays unused at the end of segments stays below what is used. A record that is larger than the
//         segment would be gets one of its own size.
// Errors: journal/damaged from load(): names file, offset and entry. base/disk_full, base/disk_failed.
// After:  a failed append() leaves the object unusable (HF_CHECK); the restart goes on in a new file (protocol 1.2).
// Thread: one.
#pragma once

#include <memory>
#include <optional>

#include "core/base/world.h"
#include "core/journal/format.h"
#include "core/journal/index.h"

namespace holdfast::journal {

// A record read: header and payload checked.
struct LoadedRecord {
  RecordHeader header;
  Bytes bytes;                    // header and payload, up to the last block's end
  std::vector<ByteView> entries;  // of a commit
  // Of a commit whose payload does not hold: these are lost, the others may be read one by one (format.h, Salvaged).
  std::uint32_t lost_first = 0;
  std::uint32_t lost_end = 0;
  bool is_whole() const { return lost_first == lost_end; }
  ByteView payload() const { return ByteView(bytes).subspan(record_header_bytes, header.payload_bytes); }
};

// "journals/store-07/1/seg-00000003.hfj, offset 81920, entry 4711: <what>. <what to do>." Of what no mend can fill.
std::unexpected<Error> damaged(std::string_view directory, Place place, std::uint64_t entry, std::string_view what);
// The same of what a mend brings back.
std::unexpected<Error> lost(std::string_view directory, Place place, std::uint64_t entry, std::string_view what);

class Segments {
 public:
  // next_number: of the segment that the first append() creates; above every number on the disk.
  Segments(Disk& disk, std::string directory, const Origin& origin, std::uint32_t next_number);

  // Writes one record, a whole number of blocks whose header is encoded and final, and says where it stands, durably.
  Result<Place> append(const RecordHeader& header, ByteView record);
  // entry: named in the error. A commit whose header holds and whose payload does not is given with what is lost of it.
  Result<std::shared_ptr<const LoadedRecord>> load(Place place, std::uint64_t entry);
  // A commit that was just written there, whole: a large one is mostly read at once, by a fold or for a mirror.
  void keep(Place place, Bytes record);
  void forget_loaded() { loaded_.reset(); }
  // Where the next record will stand if it fits; else it begins the segment after this one.
  Place end() const {
    return current_ ? Place{current_number_, static_cast<std::uint32_t>(position_ / block_bytes)}
                    : Place{next_number_, 1};
  }

 private:
  Status start_segment(const RecordHeader& first, std::uint64_t record_bytes);
  Result<File*> file_of(std::uint32_t segment);

  Disk& disk_;
  std::string directory_;
  Origin origin_;
  Hash journal_id_;
  std::uint32_t next_number_;
  std::uint64_t next_bytes_ = segment_bytes_min;
  bool is_failed_ = false;
  std::unique_ptr<File> current_;  // null until the first append()
  std::uint32_t current_number_ = 0;
  std::uint64_t position_ = 0;
  std::unique_ptr<File> older_;  // the last other segment that was read
  std::uint32_t older_number_ = 0;
  Place loaded_place_;
  std::shared_ptr<const LoadedRecord> loaded_;  // the last that was read or kept: entries are mostly read in order
};

}  // namespace holdfast::journal
