// The bytes of a segment file: one header block, then records, each on a fresh block. docs/journal-format.md tells the
// same with pictures and a worked example; journal_format_doc_test.cc holds that page to this code.
//
// Shape:  all numbers little-endian. A block is 4,096 bytes.
//         segment header (block 0):  0 magic "HFSEGMT1" · 8 u32 version 1 · 12 u32 block bytes · 16 journal id [32]
//           · 48 u64 segment number · 56 u64 number of its first record · 64 hash of the record before that [32]
//           · 96 u32 length + text of the origin · zeros · 4092 u32 CRC32C of bytes 0..4091
//         record:  0 magic "HFRECRD1" · 8 u32 kind · 12 u32 count · 16 journal id [32] · 48 u64 record number
//           · 56 u64 first · 64 u32 payload bytes · 68 u32 CRC32C of the payload · 72 content hash [32]
//           · 104 hash of the record before [32] · 136 zeros [20] · 156 u32 CRC32C of bytes 0..155 · 160 payload
//           · zeros
//         payload of a commit, for each entry, from a multiple of 8: u32 length · u32 CRC32C of the body · body
//           · zeros to 8
// Errors: a decoder gives nullopt for anything that is not whole and in this one form.
// Source: protocol 2.1; LevelDB doc/log_format.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"

namespace holdfast::journal {

inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::size_t record_header_bytes = 160;
inline constexpr std::uint64_t segment_bytes_min = 256u << 10;
inline constexpr std::uint64_t segment_bytes_max = 64u << 20;  // but for a record that is larger by itself
inline constexpr std::uint32_t format_version = 1;

// SHA-256 of the origin's text: what tells the records of one journal from those of another.
Hash journal_id_of(const Origin& origin);

struct SegmentHeader {
  Hash journal_id{};
  std::uint64_t number = 0;        // as in the file's name
  std::uint64_t first_record = 0;  // number of the record that starts at block 1
  Hash record_before{};            // hash of the record before that one; zeros: it is the first of the journal
  std::string origin;

  // Whether that segment of that journal begins with it.
  bool is_of(const Hash& id, std::uint64_t segment) const { return journal_id == id && number == segment; }
};
Bytes encode_segment_header(const SegmentHeader& header);  // one block
std::optional<SegmentHeader> decode_segment_header(ByteView block);

enum class RecordKind : std::uint32_t {
  commit = 1,      // first: index of its first entry; count: entries
  checkpoint = 2,  // first: size of the checkpoint; count 0; payload: the note's text
  rewind = 3,      // first: the size gone back to; count: entries set aside; no payload
  bridge = 4,  // only in a mend (gaps.h): first: index of the first entry mended; payload: where the journal goes on
};
struct RecordHeader {
  RecordKind kind = RecordKind::commit;
  std::uint32_t count = 0;
  Hash journal_id{};
  std::uint64_t number = 0;  // from 1 without gap; a copy at the start of a segment keeps its number
  std::uint64_t first = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t payload_crc = 0;
  Hash content{};  // commit: SHA-256 of its leaf hashes, one after the other; else: SHA-256 of the payload
  Hash before{};   // hash of the record before; zeros: this is the first
};
void encode_record_header(const RecordHeader& header, std::span<std::byte> into);  // into.size() == record_header_bytes
std::optional<RecordHeader> decode_record_header(ByteView bytes);                  // reads the first 160
// The identity of a record, through `content` and `before` that of everything up to it: SHA-256 of its header's 160
// bytes.
Hash record_hash(ByteView encoded_header);
Hash record_hash(const RecordHeader& header);

constexpr std::uint64_t whole_blocks(std::uint64_t bytes) {
  return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}
constexpr std::uint64_t record_extent(std::uint32_t payload_bytes) {
  return whole_blocks(record_header_bytes + payload_bytes);
}

Hash content_of(std::span<const Hash> leaves);
// Adds one entry in its frame. `payload` is 8-aligned before and after.
void frame_entry(Bytes& payload, ByteView body);
// The bodies in a commit's payload; their own CRCs are not checked here (the payload's was).
std::optional<std::vector<ByteView>> split_entries(ByteView payload, std::uint32_t count);
// What still holds of a payload whose CRC does not: entries before and behind the damage, each by its own CRC. Those
// behind are found by their frames, which a forged entry may imitate: good to name what is lost, and to be proven by
// the hash of all (content), not to be believed.
struct Salvaged {
  std::vector<ByteView> entries;  // `count` of them; the lost ones are empty
  std::uint32_t lost_first = 0;
  std::uint32_t lost_end = 0;  // exclusive
};
Salvaged salvage_entries(ByteView payload, std::uint32_t count);

inline constexpr std::uint32_t segment_number_max = 99'999'999;
std::string segment_name(std::uint32_t number);                           // "seg-00000012.hfj"
std::optional<std::uint32_t> segment_number(std::string_view file_name);  // nullopt: not a segment's name

}  // namespace holdfast::journal
