#include "core/journal/gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/check.h"
#include "core/journal/window.h"

namespace holdfast::journal {
namespace {

constexpr std::size_t commit_bytes = 2u << 20;  // of one commit in a mend, about
constexpr std::size_t bridge_bytes = 4 + 4 + 8 + 32 + 8;

class MendWriter {
 public:
  MendWriter(const Origin& origin, std::uint32_t number, const Bridge& bridge)
      : journal_id_(journal_id_of(origin)), number_(bridge.after), hash_(bridge.after_hash) {
    out_ = encode_segment_header({journal_id_, number, bridge.after + 1, bridge.after_hash, origin.text()});
  }
  void add(RecordHeader header, Bytes record) {
    const ByteView payload = ByteView(record).subspan(record_header_bytes);
    header.journal_id = journal_id_;
    header.number = ++number_;
    header.before = hash_;
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    header.payload_crc = crc32c(payload);
    encode_record_header(header, std::span(record).first(record_header_bytes));
    hash_ = record_hash(ByteView(record).first(record_header_bytes));
    record.resize(record_extent(header.payload_bytes));
    out_.insert(out_.end(), record.begin(), record.end());
  }
  Bytes take() { return std::move(out_); }

 private:
  Hash journal_id_;
  std::uint64_t number_;
  Hash hash_;
  Bytes out_;
};

struct Seen {
  std::uint64_t offset = 0;
  RecordHeader header;
};

// Looks for whole records in a segment, block by block: whatever the bytes there pretend to be.
class Finder {
 public:
  Finder(File& file, const Hash& journal_id)
      : file_(file), window_(file), journal_id_(journal_id), wasted_bytes_left_(8 * window_.end()) {}
  std::uint64_t end() const { return window_.end(); }

  // The next whole record at or behind `offset`.
  std::optional<Seen> next(std::uint64_t offset) {
    for (; offset + block_bytes <= window_.end() && wasted_bytes_left_ > 0; offset += block_bytes)
      if (const auto header = whole_record(offset)) return Seen{offset, *header};
    return std::nullopt;
  }
  // By this segment's own header: it says which number the first record here had, and what stood before `seen` had a
  // block each.
  bool has_room_for(const Seen& seen, std::uint32_t segment) {
    if (!std::exchange(is_begin_read_, true)) {
      Bytes block(block_bytes);
      if (file_.read(0, block)) begin_ = decode_segment_header(block);
    }
    if (!begin_ || !begin_->is_of(journal_id_, segment)) return false;
    const std::uint64_t first = begin_->first_record;
    return seen.header.number == first
               ? seen.header.before == begin_->record_before
               : seen.header.number > first && seen.header.number - first <= seen.offset / block_bytes - 1;
  }

 private:
  std::optional<RecordHeader> whole_record(std::uint64_t offset) {
    if (!window_.holds(offset, block_bytes)) window_.load(offset, block_bytes);
    const auto header = decode_record_header(window_.view(offset, record_header_bytes));
    if (!header || header->journal_id != journal_id_ || record_extent(header->payload_bytes) > window_.end() - offset)
      return std::nullopt;
    const std::uint64_t extent = record_extent(header->payload_bytes);
    if (!window_.holds(offset, extent)) window_.load(offset, extent);
    if (crc32c(window_.view(offset + record_header_bytes, header->payload_bytes)) == header->payload_crc) return header;
    wasted_bytes_left_ -= std::min(wasted_bytes_left_, extent);
    return std::nullopt;
  }

  File& file_;
  Window window_;
  const Hash& journal_id_;
  std::optional<SegmentHeader> begin_;
  bool is_begin_read_ = false;
  // Entries full of headers that promise much and hold nothing must not keep a machine reading for hours: the rest of
  // such a segment counts as lost.
  std::uint64_t wasted_bytes_left_;
};

// Whether `next`, which follows `seen`, may: it has a higher number, and the very next one names its hash. Or it is its
// copy, at the beginning of another segment.
bool follows(const RecordHeader& next, const RecordHeader& seen) {
  const Hash hash = record_hash(seen);
  if (next.number == seen.number) return record_hash(next) == hash;
  return next.number == seen.number + 1 ? next.before == hash : next.number > seen.number;
}

// Blocks of the segments that stood between two that are there, at most. One that is larger had one record.
std::uint64_t blocks_missing(std::optional<std::uint32_t> before, std::uint32_t number) {
  const std::uint64_t missing = before ? number - *before - 1 : number;
  return missing * (segment_bytes_max / block_bytes);
}

}  // namespace

std::string mend_name(std::uint32_t number) {
  HF_CHECK(number <= mend_number_max, "mend number {}", number);
  return fmt::format("mend-{:08}.hfj", number);
}

std::optional<std::uint32_t> mend_number(std::string_view name) {
  if (!name.starts_with("mend-")) return std::nullopt;
  return segment_number("seg-" + std::string(name.substr(5)));
}

std::string file_name(std::uint32_t segment) {
  return (segment & mend_bit) != 0 ? mend_name(segment & ~mend_bit) : segment_name(segment);
}

Bytes encode_mend(const Origin& origin, std::uint32_t number, const Bridge& bridge, std::span<const Bytes> entries) {
  HF_CHECK(entries.size() == bridge.end - bridge.first, "{} entries for a gap of {}", entries.size(),
           bridge.end - bridge.first);
  MendWriter out(origin, number, bridge);
  Writer sides;
  sides.u32(bridge.resume.segment);
  sides.u32(bridge.resume.block);
  sides.u64(bridge.number);
  sides.raw(bridge.before);
  sides.u64(bridge.end);
  Bytes record(record_header_bytes);
  record.insert(record.end(), sides.view().begin(), sides.view().end());
  RecordHeader header;
  header.kind = RecordKind::bridge;
  header.first = bridge.first;
  header.content = sha256(sides.view());
  out.add(header, std::move(record));
  for (std::size_t at = 0; at < entries.size();) {
    Bytes commit(record_header_bytes);
    std::vector<Hash> leaves;
    header = {};
    header.first = bridge.first + at;
    for (; at < entries.size() && commit.size() < commit_bytes; ++at) {
      frame_entry(commit, entries[at]);
      leaves.push_back(leaf_hash(entries[at]));
    }
    header.count = static_cast<std::uint32_t>(leaves.size());
    header.content = content_of(leaves);
    out.add(header, std::move(commit));
  }
  return out.take();
}

std::optional<Mend> decode_mend(const Origin& origin, std::uint32_t number, ByteView bytes,
                                std::vector<ByteView>* entries) {
  const Hash journal_id = journal_id_of(origin);
  if (bytes.size() < 2 * block_bytes || bytes.size() % block_bytes != 0) return std::nullopt;
  const auto head = decode_segment_header(bytes.first(block_bytes));
  if (!head || !head->is_of(journal_id, number) || head->first_record == 0) return std::nullopt;
  Mend out;
  out.number = number;
  out.bridge.after = head->first_record - 1;
  out.bridge.after_hash = head->record_before;
  Hash before = head->record_before;
  std::uint64_t next_number = head->first_record;
  std::uint64_t next_entry = 0;
  for (std::size_t at = block_bytes; at < bytes.size();) {
    const auto header = decode_record_header(bytes.subspan(at));
    if (!header || header->journal_id != journal_id || header->number != next_number || header->before != before ||
        record_extent(header->payload_bytes) > bytes.size() - at)
      return std::nullopt;
    const ByteView payload = bytes.subspan(at + record_header_bytes, header->payload_bytes);
    if (crc32c(payload) != header->payload_crc) return std::nullopt;
    if (at == block_bytes) {
      if (header->kind != RecordKind::bridge || payload.size() != bridge_bytes) return std::nullopt;
      Reader in(payload);
      out.bridge.resume.segment = in.u32();
      out.bridge.resume.block = in.u32();
      out.bridge.number = in.u64();
      out.bridge.before = in.array<32>();
      out.bridge.end = in.u64();
      next_entry = out.bridge.first = header->first;
    } else {
      if (header->kind != RecordKind::commit || header->first != next_entry) return std::nullopt;
      const auto bodies = split_entries(payload, header->count);
      if (!bodies) return std::nullopt;
      if (entries != nullptr) entries->insert(entries->end(), bodies->begin(), bodies->end());
      out.commits.push_back({{number | mend_bit, static_cast<std::uint32_t>(at / block_bytes)}, header->count});
      next_entry += header->count;
    }
    before = record_hash(bytes.subspan(at, record_header_bytes));
    ++next_number;
    at += record_extent(header->payload_bytes);
  }
  if (next_entry != out.bridge.end || out.bridge.number <= out.bridge.after || out.bridge.resume.block == 0)
    return std::nullopt;
  return out;
}

void Gap::set_aside(EntryIndex size) {
  if (!has_entries() || kept_end() <= size) return;
  aside_from = std::max(size, bridge.first);
  hole_end = std::min(hole_end, aside_from);
  hole_first = std::min(hole_first, hole_end);
}

namespace {

// The first whole record in one of the segments, whatever its number.
Result<std::optional<RecordHeader>> first_whole(Disk& disk, const Search& search, std::size_t segment) {
  for (; segment < search.segments.size(); ++segment) {
    HF_TRY(const auto file, disk.open(search.directory + "/" + segment_name(search.segments[segment])));
    Finder finder(*file, search.journal_id);
    if (const auto seen = finder.next(block_bytes)) return std::optional(seen->header);
  }
  return std::optional<RecordHeader>();
}

}  // namespace

Result<std::optional<Onward>> find_onward(Disk& disk, const Search& search) {
  std::uint64_t blocks = 0;  // in which records may have been, before the segment that is looked at
  std::optional<std::uint32_t> before = search.segment_before;
  for (std::size_t i = 0; i < search.segments.size(); ++i) {
    const std::uint32_t number = search.segments[i];
    HF_TRY(const auto file, disk.open(search.directory + "/" + segment_name(number)));
    Finder finder(*file, search.journal_id);
    const std::uint64_t begins = std::max(i == 0 ? search.from.block : 1u, 1u) * std::uint64_t{block_bytes};
    const bool is_from_begin = begins == block_bytes;
    if (is_from_begin) blocks += blocks_missing(before, number);
    before = number;
    for (std::uint64_t offset = begins; const auto seen = finder.next(offset);) {
      const RecordHeader& header = seen->header;
      offset = seen->offset + block_bytes;
      const std::uint64_t room = blocks + (seen->offset - begins) / block_bytes;
      const bool fits = header.number == search.after + 1
                            ? header.before == search.after_hash
                            : header.number > search.after &&
                                  (header.number - search.after - 1 <= room ||
                                   // A file between has become shorter: nobody knows how many blocks it had.
                                   (is_from_begin && finder.has_room_for(*seen, number)));
      if (!fits) continue;
      std::optional<RecordHeader> next;
      if (const auto here = finder.next(seen->offset + record_extent(header.payload_bytes))) {
        next = here->header;
      } else {
        HF_TRY(next, first_whole(disk, search, i + 1));
      }
      if (next && !follows(*next, header)) continue;
      return std::optional(Onward{{number, static_cast<std::uint32_t>(seen->offset / block_bytes)}, header});
    }
    if (finder.end() > begins) blocks += (finder.end() - begins) / block_bytes;
  }
  return std::optional<Onward>();
}

bool holds_record(File& file, const Hash& journal_id) { return Finder(file, journal_id).next(block_bytes).has_value(); }

}  // namespace holdfast::journal
