// Where records end, or do not hold (replay.h): what stands in for them, what is lost, and what a torn end was.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/journal/replay.h"

namespace holdfast::journal {
namespace {
constexpr ByteArray<block_bytes> zeros{};
constexpr std::size_t sector_bytes = 512;  // a disk writes these whole or not at all
}  // namespace

// No whole record stands here that is the next one: the end of what this segment holds, or of everything, or a gap.
Result<Replayer::Cursor> Replayer::stopped(std::size_t segment, Place place, bool has_own) {
  if (end_) {
    if (out_.last_record == end_->last_record) return Cursor{numbers_.size(), 0};
    HF_TRY_VOID(list_new_segments());
  }
  const auto mend = std::ranges::find_if(mends_, [&](const Mend& m) {
    return m.bridge.after == out_.last_record && m.bridge.after_hash == out_.last_hash && m.bridge.resume > place;
  });
  if (mend != mends_.end()) {
    const EntryIndex first = mend->bridge.first;
    if (is_gap_open_) HF_TRY_VOID(end_gap(first));
    // Where less stands behind it than before, a rewind was among what it stands in for.
    const Index& index = out_.index;
    if (first == index.size() || (first < index.size() && first >= index.largest_checkpoint_size()))
      return take_mend(*mend);
  }
  HF_TRY(const bool goes_on, goes_on_later(segment));
  std::optional<Onward> onward;
  if (!goes_on) {
    HF_TRY(onward, onward_from(segment, place));
  }
  if (!onward) {
    stops_.push_back({place, !has_own});
    return Cursor{segment + 1, 0};
  }
  // With the next number only a segment's header is lost, not a record.
  if (onward->header.number != out_.last_record + 1) HF_TRY_VOID(open_gap(place, *onward));
  HF_TRY_VOID(settle_stops(false));
  return cursor_of(onward->place);
}

// By its header, whether a later segment begins with the last record again, or with the next one.
Result<bool> Replayer::goes_on_later(std::size_t segment) {
  Bytes blocks(2 * block_bytes);
  for (std::size_t i = segment + 1; i < numbers_.size(); ++i) {
    HF_TRY(const auto file, disk_.open(directory_ + "/" + segment_name(numbers_[i])));
    if (file->size() < blocks.size() || !file->read(0, blocks)) continue;
    const auto header = decode_segment_header(ByteView(blocks).first(block_bytes));
    if (!header || !header->is_of(journal_id_, numbers_[i])) continue;
    if (header->first_record == out_.last_record + 1 && header->record_before == out_.last_hash) return true;
    const ByteView at_first = ByteView(blocks).subspan(block_bytes, record_header_bytes);
    const auto first = decode_record_header(at_first);
    if (header->first_record == out_.last_record && first && first->number == out_.last_record &&
        record_hash(at_first) == out_.last_hash)
      return true;
  }
  return false;
}

// While a log is open it knows what it wrote, so its last record cannot be lost from sight either.
Result<std::optional<Onward>> Replayer::onward_from(std::size_t segment, Place place) {
  const auto before = segment > 0 ? std::optional(numbers_[segment - 1]) : std::nullopt;
  HF_TRY(const auto found, find_onward(disk_, {directory_, journal_id_, std::span(numbers_).subspan(segment), place,
                                               before, out_.last_record, out_.last_hash}));
  if (found || !end_) return found;
  if (place >= end_->next || end_->last_record < out_.last_record)
    return is_damaged(place, fmt::format("the records end here with {}, and {} was written last", out_.last_record,
                                         end_->last_record));
  RecordHeader next;
  next.number = end_->last_record + 1;
  next.before = end_->last_hash;
  return std::optional(Onward{end_->next, next});
}

Replayer::Cursor Replayer::cursor_of(Place place) const {
  const auto at = std::ranges::lower_bound(numbers_, place.segment);
  // That segment is gone, too, or not made yet: whatever follows begins at its header.
  const bool is_there = at != numbers_.end() && *at == place.segment;
  return {static_cast<std::size_t>(at - numbers_.begin()), is_there ? place.block : 0};
}

Result<Replayer::Cursor> Replayer::take_mend(const Mend& mend) {
  HF_TRY(const Bytes bytes, mend_bytes(mend_name(mend.number)));
  bytes_ += bytes.size();
  std::vector<ByteView> entries;
  if (!decode_mend(origin_, mend.number, bytes, &entries))
    return is_damaged({mend.number | mend_bit, 1}, "this mend has changed while it was read");
  if (mend.bridge.first < out_.index.size()) HF_TRY_VOID(go_back(mend.bridge.first));
  meet_mark_in(mend.bridge);
  std::size_t at = 0;
  for (const Mend::Commit& commit : mend.commits) {
    if (is_hashing()) {
      const auto bodies = std::span(entries).subspan(at, commit.count);
      batch_.insert(batch_.end(), bodies.begin(), bodies.end());
      HF_TRY_VOID(flush());
    }
    at += commit.count;
    out_.index.add_commit(commit.place, commit.count);
  }
  meet_mark_in(mend.bridge);
  out_.last_record = mend.bridge.number - 1;
  out_.last_hash = mend.bridge.before;
  out_.last_place.reset();
  HF_TRY_VOID(settle_stops(false));
  return cursor_of(mend.bridge.resume);
}

// The record that the snapshot names lies between: its tree is right where it says so.
void Replayer::meet_mark_in(const Bridge& bridge) {
  const bool is_between =
      mark_ != nullptr && mark_->record_number > bridge.after && mark_->record_number < bridge.number;
  if (!is_between || mark_->size != out_.index.size() || mark_->tree.size() != mark_->size) return;
  out_.tree = mark_->tree;
  mark_ = nullptr;
}

// Between the last whole record and `onward` records are lost. If it is one whose header holds, that says which
// entries; else the next record that counts does.
Status Replayer::open_gap(Place place, const Onward& onward) {
  const auto header = header_at(place);
  const bool is_only = header && header->number == out_.last_record + 1 && header->number + 1 == onward.header.number &&
                       header->before == out_.last_hash && record_hash(*header) == onward.header.before;
  const bool is_commit = is_only && header->kind == RecordKind::commit && header->count > 0;
  if (is_gap_open_) HF_TRY_VOID(end_gap(is_commit ? header->first : out_.index.size()));
  Gap gap;
  gap.bridge = {out_.last_record,     out_.last_hash,    onward.place,     onward.header.number,
                onward.header.before, out_.index.size(), out_.index.size()};
  gap.place = place;
  gap.hole_first = gap.hole_end = out_.index.size();
  out_.last_record = onward.header.number - 1;
  out_.last_hash = onward.header.before;
  out_.last_place.reset();
  meet_mark_in(gap.bridge);
  is_gap_open_ = !is_only;
  if (is_commit && header->first == out_.index.size()) {
    const auto record = loader_.load(place, header->first);
    gap.content = header->content;
    gap.bridge.end += header->count;
    gap.hole_first += record ? (*record)->lost_first : 0;
    gap.hole_end += record ? (*record)->lost_end : header->count;
    is_blind_ = is_blind_ || mark_ == nullptr;
    out_.index.add_commit(place, header->count);
  }
  out_.gaps.push_back(gap);
  return is_gap_open_ ? Status() : end_gap(out_.index.size());
}

std::optional<RecordHeader> Replayer::header_at(Place place) {
  const auto file = disk_.open(directory_ + "/" + segment_name(place.segment));
  const std::uint64_t offset = std::uint64_t{place.block} * block_bytes;
  if (!file || (*file)->size() < offset + block_bytes) return std::nullopt;
  Bytes block(block_bytes);
  if (!(*file)->read(offset, block)) return std::nullopt;
  const auto header = decode_record_header(block);
  if (!header || header->journal_id != journal_id_) return std::nullopt;
  return record_extent(header->payload_bytes) <= (*file)->size() - offset ? header : std::nullopt;
}

// How many entries stand before what follows the last gap is known now.
Status Replayer::end_gap(std::uint64_t size) {
  is_gap_open_ = false;
  if (size < out_.index.size()) HF_TRY_VOID(lose_rewind(size));
  HF_TRY_VOID(add_lost(size));
  meet_mark_in(out_.gaps.back().bridge);
  return {};
}

// Fewer stand behind the gap than before it: a rewind is lost. If it is all that is, it went back to there; else to a
// checkpoint at least, and what was written anew behind that is lost as well.
Status Replayer::lose_rewind(std::uint64_t size) {
  Gap& gap = out_.gaps.back();
  const std::uint64_t signed_size = out_.index.largest_checkpoint_size();
  if (size < signed_size || gap.has_entries())
    return is_damaged(gap.place, fmt::format("{} entries follow {} that a checkpoint covers", size, signed_size));
  const std::uint64_t to = gap.is_of_one_record() ? size : signed_size;
  HF_TRY_VOID(go_back(to));
  gap.bridge.first = gap.bridge.end = gap.hole_first = gap.hole_end = to;
  return {};
}

// Entries up to `size` are lost in the last gap.
Status Replayer::add_lost(std::uint64_t size) {
  Index& index = out_.index;
  if (size <= index.size()) return {};
  if (size - index.size() > UINT32_MAX)
    return is_damaged(out_.gaps.back().place, "more than can have been here is lost");
  index.add_commit(lost_place, static_cast<std::uint32_t>(size - index.size()));
  out_.gaps.back().bridge.end = out_.gaps.back().hole_end = size;
  is_blind_ = is_blind_ || mark_ == nullptr;
  return {};
}

// Looks at what follows the whole records of the segments that stopped.
Status Replayer::settle_stops(bool is_end) {
  if (!end_)
    for (const Stop& stop : stops_)
      if (is_end || stop.is_useless) HF_TRY_VOID(look_beyond(stop, is_end));
  stops_.clear();
  return {};
}

// At the end of everything, a whole record of this journal beyond the last one that was taken is of another branch: it
// has its number and another hash, or follows it without naming it. In the middle, the journal went on behind it: only
// emptiness counts.
Status Replayer::look_beyond(const Stop& stop, bool is_end) {
  HF_TRY(const auto file, disk_.open(directory_ + "/" + segment_name(stop.place.segment)));
  Window window(*file);
  bool is_empty = true;
  for (std::uint64_t offset = std::uint64_t{stop.place.block} * block_bytes; offset < window.end();) {
    if (!window.holds(offset, block_bytes)) window.load(offset, block_bytes);
    const ByteView block = window.view(offset, block_bytes);
    is_empty = is_empty && std::memcmp(block.data(), zeros.data(), block_bytes) == 0 &&
               !window.is_unreadable(offset, block_bytes);
    std::uint64_t step = block_bytes;
    const auto header = decode_record_header(block);
    if (header && header->journal_id == journal_id_ && record_extent(header->payload_bytes) <= window.end() - offset) {
      const Hash hash = record_hash(block.first(record_header_bytes));
      step = record_extent(header->payload_bytes);  // whatever stands inside it is not a record
      if (!window.holds(offset, step)) window.load(offset, step);
      const bool is_whole =
          crc32c(window.view(offset + record_header_bytes, header->payload_bytes)) == header->payload_crc;
      const bool is_foreign =
          header->number > out_.last_record || (header->number == out_.last_record && hash != out_.last_hash);
      if (is_end && is_whole && is_foreign)
        return is_damaged(
            stops_.front().place,
            fmt::format("no whole record stands here, but record {} follows at {}, offset {} (the last one before "
                        "is {})",
                        header->number, segment_name(stop.place.segment), offset, out_.last_record));
    }
    offset += step;
  }
  if (stop.is_useless && is_empty) out_.useless.push_back(stop.place.segment);
  return {};
}

// A write that the machine's stop has torn leaves sectors as they were, and they were zeros. If none of the record
// behind the last one is, it was written whole and has rotted since: it may have been acknowledged, and somebody should
// know.
Status Replayer::settle_rotten_end() {
  for (const Stop& stop : stops_) HF_TRY_VOID(look_for_rot(stop.place));
  return {};
}

Status Replayer::look_for_rot(Place place) {
  HF_TRY(const auto file, disk_.open(directory_ + "/" + segment_name(place.segment)));
  Window window(*file);
  const std::uint64_t offset = std::uint64_t{place.block} * block_bytes;
  if (offset + block_bytes > window.end()) return {};
  window.load(0, block_bytes);
  const auto segment = decode_segment_header(window.view(0, block_bytes));
  const bool is_own = segment && segment->is_of(journal_id_, place.segment);
  if (place.block == 1 && is_own && segment->first_record <= out_.last_record) return {};  // a copy, and not needed
  window.load(offset, block_bytes);
  const auto header = decode_record_header(window.view(offset, record_header_bytes));
  const bool is_next = header && header->number == out_.last_record + 1 && header->before == out_.last_hash &&
                       record_extent(header->payload_bytes) <= window.end() - offset;
  if (header && !is_next) return {};
  // Without its header nobody knows how long it was: the header alone is looked at.
  const std::uint64_t size = record_header_bytes + (is_next ? header->payload_bytes : 0);
  if (!window.holds(offset, size)) window.load(offset, whole_blocks(size));
  const ByteView bytes = window.view(offset, size);
  bool is_rotten = true;
  for (std::size_t at = 0; at < size && is_rotten; at += sector_bytes)
    is_rotten = std::memcmp(bytes.data() + at, zeros.data(), std::min<std::size_t>(sector_bytes, size - at)) != 0;
  if (!is_rotten && !window.is_unreadable(offset, size)) return {};
  const std::string what = is_next && header->kind == RecordKind::commit
                               ? fmt::format("entries {} to {}", header->first, header->first + header->count - 1)
                               : std::string("the last record");
  out_.rotten_end = fmt::format(
      "{}/{}, offset {}: {} did not end torn but rotted, and cannot be read; what mirrors, the spare or tills have of "
      "it "
      "comes back from there.",
      directory_, segment_name(place.segment), offset, what);
  return {};
}

}  // namespace holdfast::journal
