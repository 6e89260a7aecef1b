// Records that do not hold any more, between two that do; and the mends that stand in for them.
//
// Shape:  a *gap* lies behind a whole record (number and hash) and ends before the next whole one, whose header says
//         what the hash before it was: so the chain is known on both sides. A *mend* is a file mend-00000000.hfj with
//         the entries of one gap, written whole or not at all: a segment's header block, a record of kind `bridge` that
//         names both sides, and commits. Nothing that was written before is written again (protocol 2.1).
//         docs/journal-format.md "Damage".
// Source: protocol 2.4; Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage, FAST 2018.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/base/world.h"
#include "core/journal/format.h"
#include "core/journal/index.h"

namespace holdfast::journal {

// Both sides of a gap: behind record `after` the journal goes on with record `number` at `resume`, which names the hash
// `before`.
struct Bridge {
  std::uint64_t after = 0;
  Hash after_hash{};
  Place resume;
  std::uint64_t number = 0;
  Hash before{};
  EntryIndex first = 0;  // entries of the records between
  EntryIndex end = 0;    // exclusive
};

struct Gap {
  Bridge bridge;
  Place place;                  // where the first record between stood
  EntryIndex hole_first = 0;    // of the entries between, those that cannot be read; the others still hold where they
  EntryIndex hole_end = 0;      // stand
  std::optional<Hash> content;  // of the only record between, when its header holds
  // From here on a rewind has set its entries aside: they are no part of the journal any more, nobody else has them,
  // and others have their indices now.
  EntryIndex aside_from = UINT64_MAX;

  bool is_of_one_record() const { return bridge.number == bridge.after + 2; }
  bool has_entries() const { return bridge.first < bridge.end; }
  bool has_aside() const { return has_entries() && aside_from < bridge.end; }
  EntryIndex kept_end() const { return std::min(bridge.end, aside_from); }  // bridge.first: none of it is kept
  void set_aside(EntryIndex size);                                          // by a rewind to there
};

struct Mend {
  std::uint32_t number = 0;  // as in the file's name
  Bridge bridge;
  struct Commit {
    Place place;
    std::uint32_t count = 0;
  };
  std::vector<Commit> commits;
};

inline constexpr std::uint32_t mend_number_max = 99'999'999;
// Of the file; twice what of all journals together waits to be proven at most (sync/mender.h). A larger one is no mend.
inline constexpr std::uint64_t mend_bytes_max = 512u << 20;
std::string mend_name(std::uint32_t number);                           // "mend-00000003.hfj"
std::optional<std::uint32_t> mend_number(std::string_view file_name);  // nullopt: not a mend's name
std::string file_name(std::uint32_t segment);                          // of either, by Place::segment

// `entries` are those of the bridge, all of them. The file's bytes.
Bytes encode_mend(const Origin& origin, std::uint32_t number, const Bridge& bridge, std::span<const Bytes> entries);
// nullopt: not whole, or not a mend of this journal. `entries` get the bodies, as views of `bytes`.
std::optional<Mend> decode_mend(const Origin& origin, std::uint32_t number, ByteView bytes,
                                std::vector<ByteView>* entries = nullptr);

// A whole record found behind bytes that do not hold.
struct Onward {
  Place place;
  RecordHeader header;
};
// Where the records go on behind record `after`, whose hash is `after_hash`: the first whole record with a higher
// number at or behind `from`, in one of `segments` (numbers, rising). What an entry's bytes merely pretend to be is
// told by the chain: what follows a record names its hash; and by its number: each record that is lost had a block, in
// a segment that is there, in one that is missing, or before what its own segment's header says (block 0 is never an
// entry's bytes), however short the file before it has become. nullopt: nowhere.
struct Search {
  const std::string& directory;
  const Hash& journal_id;
  std::span<const std::uint32_t> segments;  // the first is that of `from`
  Place from;
  std::optional<std::uint32_t> segment_before;  // nullopt: there is none
  std::uint64_t after = 0;
  const Hash& after_hash;
};
Result<std::optional<Onward>> find_onward(Disk& disk, const Search& search);
// Whether a segment's file holds any whole record of the journal.
bool holds_record(File& file, const Hash& journal_id);

}  // namespace holdfast::journal
