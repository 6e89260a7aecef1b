#include "core/journal/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "core/journal/log.h"

namespace holdfast::journal {
namespace {

constexpr std::string_view segment_magic = "HFSEGMT1";
constexpr std::string_view record_magic = "HFRECRD1";
constexpr std::size_t segment_crc_at = block_bytes - 4;
constexpr std::size_t record_crc_at = record_header_bytes - 4;
constexpr std::size_t reserved_bytes = 20;
constexpr std::size_t frame_bytes = 8;

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

std::uint32_t u32_at(ByteView bytes, std::size_t at) { return Reader(bytes.subspan(at, 4)).u32(); }

// Bytes written so far, zeros up to `crc_at`, and the CRC32C of all that.
Bytes seal(Writer& w, std::size_t crc_at) {
  HF_CHECK(w.size() <= crc_at, "{} bytes before a CRC at {}", w.size(), crc_at);
  Bytes out = w.take();
  out.resize(crc_at);
  Writer crc;
  crc.u32(crc32c(out));
  const ByteView v = crc.view();
  out.insert(out.end(), v.begin(), v.end());
  return out;
}

}  // namespace

Hash journal_id_of(const Origin& origin) { return sha256(as_bytes(origin.text())); }

Bytes encode_segment_header(const SegmentHeader& header) {
  Writer w;
  w.raw(as_bytes(segment_magic));
  w.u32(format_version);
  w.u32(block_bytes);
  w.raw(header.journal_id);
  w.u64(header.number);
  w.u64(header.first_record);
  w.raw(header.record_before);
  w.text(header.origin);
  return seal(w, segment_crc_at);
}

std::optional<SegmentHeader> decode_segment_header(ByteView block) {
  if (block.size() != block_bytes || crc32c(block.first(segment_crc_at)) != u32_at(block, segment_crc_at))
    return std::nullopt;
  Reader in(block.first(segment_crc_at));
  if (as_text(in.raw(8)) != segment_magic || in.u32() != format_version || in.u32() != block_bytes) return std::nullopt;
  SegmentHeader out;
  out.journal_id = in.array<32>();
  out.number = in.u64();
  out.first_record = in.u64();
  out.record_before = in.array<32>();
  out.origin = in.text();
  if (!in.ok() || !is_zero(in.raw(in.left()))) return std::nullopt;
  return out;
}

void encode_record_header(const RecordHeader& header, std::span<std::byte> into) {
  HF_CHECK(into.size() == record_header_bytes, "{} bytes for a record's header", into.size());
  Writer w;
  w.raw(as_bytes(record_magic));
  w.u32(static_cast<std::uint32_t>(header.kind));
  w.u32(header.count);
  w.raw(header.journal_id);
  w.u64(header.number);
  w.u64(header.first);
  w.u32(header.payload_bytes);
  w.u32(header.payload_crc);
  w.raw(header.content);
  w.raw(header.before);
  std::ranges::copy(seal(w, record_crc_at), into.begin());
}

std::optional<RecordHeader> decode_record_header(ByteView bytes) {
  if (bytes.size() < record_header_bytes) return std::nullopt;
  bytes = bytes.first(record_header_bytes);
  // The magic first: most blocks that are looked at after a crash are zeros.
  if (as_text(bytes.first(8)) != record_magic || crc32c(bytes.first(record_crc_at)) != u32_at(bytes, record_crc_at))
    return std::nullopt;
  Reader in(bytes.subspan(8, record_crc_at - 8));
  RecordHeader out;
  const std::uint32_t kind = in.u32();
  if (kind < 1 || kind > 4) return std::nullopt;
  out.kind = static_cast<RecordKind>(kind);
  out.count = in.u32();
  out.journal_id = in.array<32>();
  out.number = in.u64();
  out.first = in.u64();
  out.payload_bytes = in.u32();
  out.payload_crc = in.u32();
  out.content = in.array<32>();
  out.before = in.array<32>();
  if (!is_zero(in.raw(reserved_bytes)) || !in.at_end()) return std::nullopt;
  return out;
}

Hash record_hash(ByteView encoded_header) {
  HF_CHECK(encoded_header.size() == record_header_bytes, "{} bytes", encoded_header.size());
  return sha256(encoded_header);
}

Hash record_hash(const RecordHeader& header) {
  ByteArray<record_header_bytes> bytes;
  encode_record_header(header, bytes);
  return record_hash(ByteView(bytes));
}

Hash content_of(std::span<const Hash> leaves) {
  return sha256({reinterpret_cast<const std::byte*>(leaves.data()), leaves.size_bytes()});
}

void frame_entry(Bytes& payload, ByteView body) {
  HF_CHECK(body.size() <= entry_bytes_max, "an entry of {} bytes", body.size());
  HF_CHECK(payload.size() % 8 == 0, "{} bytes before the entry", payload.size());
  // No Writer: this runs once an entry, and an allocation each would show.
  const std::uint32_t frame[2] = {static_cast<std::uint32_t>(body.size()), crc32c(body)};
  static_assert(sizeof frame == frame_bytes && std::endian::native == std::endian::little);
  const std::size_t at = payload.size();
  payload.resize(at + (frame_bytes + body.size() + 7) / 8 * 8);
  std::memcpy(payload.data() + at, frame, frame_bytes);
  if (!body.empty()) std::memcpy(payload.data() + at + frame_bytes, body.data(), body.size());
}

std::optional<std::vector<ByteView>> split_entries(ByteView payload, std::uint32_t count) {
  if (count > payload.size() / frame_bytes) return std::nullopt;
  std::vector<ByteView> out;
  out.reserve(count);
  Reader in(payload);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t length = in.u32();
    in.u32();
    if (length > entry_bytes_max) return std::nullopt;
    out.push_back(in.raw(length));
    if (!is_zero(in.raw((8 - length % 8) % 8)) || !in.ok()) return std::nullopt;
  }
  if (!in.at_end()) return std::nullopt;
  return out;
}

namespace {

// The body of the frame at `at`, which is moved behind it; nullopt: none that holds stands there.
std::optional<ByteView> whole_frame(ByteView payload, std::size_t& at) {
  Reader in(payload.subspan(at));
  const std::uint32_t length = in.u32();
  const std::uint32_t crc = in.u32();
  if (!in.ok() || length == 0 || length > entry_bytes_max) return std::nullopt;  // zeros are no entry
  const ByteView body = in.raw(length);
  if (!is_zero(in.raw((8 - length % 8) % 8)) || !in.ok() || crc32c(body) != crc) return std::nullopt;
  at = payload.size() - in.left();
  return body;
}

// The frames from `at` to the payload's very end; nullopt: what stands there is not that, or more than `most`. What is
// looked at in vain is taken off `bytes_left`.
std::optional<std::vector<ByteView>> frames_to_end(ByteView payload, std::size_t at, std::size_t most,
                                                   std::uint64_t& bytes_left) {
  std::vector<ByteView> out;
  while (at < payload.size()) {
    const std::uint32_t length = Reader(payload.subspan(at)).u32();
    const auto body = whole_frame(payload, at);
    if (!body || out.size() == most) {
      const bool was_summed = length <= std::min(entry_bytes_max, payload.size() - at);
      if (was_summed) bytes_left -= std::min<std::uint64_t>(bytes_left, length);
      for (const ByteView in_vain : out) bytes_left -= std::min<std::uint64_t>(bytes_left, in_vain.size());
      return std::nullopt;
    }
    out.push_back(*body);
  }
  return out;
}

}  // namespace

Salvaged salvage_entries(ByteView payload, std::uint32_t count) {
  count = std::min(count, static_cast<std::uint32_t>(payload.size() / frame_bytes));  // else it is no count
  Salvaged out;
  std::size_t at = 0;
  while (out.entries.size() < count) {
    const auto body = whole_frame(payload, at);
    if (!body) break;
    out.entries.push_back(*body);
  }
  out.lost_first = static_cast<std::uint32_t>(out.entries.size());
  out.lost_end = count;
  out.entries.resize(count);
  if (out.lost_first == count) return out;
  const std::size_t most = count - out.lost_first - 1;  // one at least is lost
  // Entries made of frames must not make this the square of their length: then more than is counts as lost.
  std::uint64_t bytes_left = 16 * payload.size();
  for (at += frame_bytes; at < payload.size() && bytes_left > 0; at += frame_bytes) {
    const auto rest = frames_to_end(payload, at, most, bytes_left);
    if (!rest) continue;
    out.lost_end = count - static_cast<std::uint32_t>(rest->size());
    std::ranges::copy(*rest, out.entries.begin() + out.lost_end);
    break;
  }
  return out;
}

std::string segment_name(std::uint32_t number) {
  HF_CHECK(number <= segment_number_max, "segment number {}", number);
  return fmt::format("seg-{:08}.hfj", number);
}

std::optional<std::uint32_t> segment_number(std::string_view name) {
  if (name.size() != 16 || !name.starts_with("seg-") || !name.ends_with(".hfj")) return std::nullopt;
  std::uint32_t number = 0;
  const char* end = name.data() + 12;
  const auto [stop, error] = std::from_chars(name.data() + 4, end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace holdfast::journal
