#include "core/journal/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/journal/hashing.h"
#include "core/journal/peek.h"

namespace holdfast::journal {
namespace {
constexpr std::size_t scrub_window_bytes = 256u << 10;
// What a process may need of them from here on; no journal comes near the last by itself.
constexpr std::uint32_t numbers_left_min = 1'000'000;
}  // namespace

Replayer::Reading::Reading(std::unique_ptr<File> opened, std::size_t bytes_at_once)
    : file(std::move(opened)), window(*file, bytes_at_once) {}

Result<bool> Replayer::read_on(std::uint64_t bytes_max, const std::optional<End>& end) {
  HF_CHECK(hashes_ != end.has_value(), "a scrub needs to know where the journal ends, and nothing else does");
  end_ = end;
  bytes_ = 0;
  if (reading_ && reading_->is_growing) {
    reading_->window.forget();
    reading_->is_growing = is_growing();
  }
  if (!std::exchange(is_listed_, true)) HF_TRY_VOID(list_files());
  for (;;) {
    if (mends_read_ < mend_names_.size()) {
      HF_TRY_VOID(read_mend(mend_names_[mends_read_++]));
    } else if (at_.segment < numbers_.size()) {
      HF_TRY_VOID(reading_ ? read_record() : enter());
    } else {
      if (!end_ || out_.last_record >= end_->last_record) return true;
      HF_TRY(const bool is_more, list_new_segments());
      if (!is_more) return true;
    }
    const bool is_done = mends_read_ == mend_names_.size() && at_.segment >= numbers_.size();
    if (bytes_ >= bytes_max && !is_done) return false;
  }
}

Result<Replayed> Replayer::finish() {
  HF_CHECK(is_listed_ && !reading_, "this journal is not read to its end");
  if (is_gap_open_) HF_TRY_VOID(end_gap(end_ ? end_->size : out_.index.size()));
  if (end_) return std::move(out_);
  HF_TRY_VOID(settle_rotten_end());
  HF_TRY_VOID(settle_stops(true));
  if (mark_ != nullptr)
    return is_damaged(out_.last_place.value_or(Place{}),
                      fmt::format("a snapshot covers record {}, but the last whole one here is {}",
                                  mark_->record_number, out_.last_record));
  if (const auto place = out_.index.checkpoint_at_most(~0ull)) {
    HF_TRY(const auto record, loader_.load(*place, out_.index.largest_checkpoint_size()));
    const std::string_view note = as_text(record->payload());
    if (peek_checkpoint(note)) out_.last_note = note;  // behind a hole nobody has read it yet
  }
  out_.next_segment = numbers_.empty() ? 0 : numbers_.back() + 1;
  HF_CHECK(is_blind_ || out_.tree.size() == out_.index.size(), "{} leaves, {} entries", out_.tree.size(),
           out_.index.size());
  return std::move(out_);
}

Status Replayer::list_files() {
  HF_TRY(const std::vector<std::string> names, disk_.list(directory_));
  for (const std::string& name : names) {
    if (const auto number = segment_number(name)) numbers_.push_back(*number);
    if (const auto mend = mend_number(name)) {
      out_.next_mend = std::max(out_.next_mend, *mend + 1);
      mend_names_.push_back(name);
    }
  }
  std::ranges::sort(numbers_);
  if (!numbers_.empty() && numbers_.back() > segment_number_max - numbers_left_min)
    return fail("journal/damaged",
                fmt::format("{}/{}: this number leaves too few for the files behind it, so no journal has written it. "
                            "Nothing was changed; find out who did, move the file out of the data directory, and start "
                            "again.",
                            directory_, segment_name(numbers_.back())));
  if (!hashes_) return {};  // a scrub: opening has looked
  for (const std::uint32_t number : numbers_) HF_TRY_VOID(refuse_foreign(number));
  return {};
}

Result<bool> Replayer::list_new_segments() {
  HF_TRY(const std::vector<std::string> names, disk_.list(directory_));
  const std::size_t known = numbers_.size();
  for (const std::string& name : names) {
    const auto number = segment_number(name);
    if (number && (known == 0 || *number > numbers_[known - 1])) numbers_.push_back(*number);
  }
  std::ranges::sort(numbers_);
  return numbers_.size() > known;
}

// One that does not hold fills nothing; its gap is a gap again.
Status Replayer::read_mend(const std::string& name) {
  const auto bytes = mend_bytes(name);
  bytes_ += bytes ? bytes->size() : block_bytes;
  if (!bytes) return {};
  if (auto mend = decode_mend(origin_, *mend_number(name), *bytes)) mends_.push_back(std::move(*mend));
  return {};
}

// A file may say that it is larger than all memory (it may have no blocks at all).
Result<Bytes> Replayer::mend_bytes(const std::string& name) {
  const std::string path = directory_ + "/" + name;
  HF_TRY(const auto file, disk_.open(path));
  if (file->size() > mend_bytes_max)
    return fail("journal/damaged", fmt::format("{} has {} bytes, more than a mend ever has", path, file->size()));
  return disk_.read_all(path);
}

Status Replayer::enter() {
  const std::uint32_t number = numbers_[at_.segment];
  HF_TRY(auto file, disk_.open(directory_ + "/" + segment_name(number)));
  reading_.emplace(std::move(file), hashes_ ? window_bytes : scrub_window_bytes);
  // Its header says nothing that the chain of its records does not: it may be lost, too.
  at_.block = std::max(at_.block, 1u);
  reading_->is_first = at_.block == 1;
  reading_->has_own = !reading_->is_first;  // behind a gap
  reading_->is_growing = is_growing();
  bytes_ += block_bytes;
  return {};
}

// Before anything is read, so that it does not depend on where the records go on: a file that says that it is another
// one was put here by hand. If it holds records of this journal all the same, another file's block has taken its
// header's place, and it is read by their chain.
Status Replayer::refuse_foreign(std::uint32_t number) {
  HF_TRY(const auto file, disk_.open(directory_ + "/" + segment_name(number)));
  Bytes block(block_bytes);
  if (file->size() < block_bytes || !file->read(0, block)) return {};
  const auto header = decode_segment_header(block);
  if (!header || header->is_of(journal_id_, number) || holds_record(*file, journal_id_)) return {};
  if (header->journal_id == journal_id_)
    return is_damaged({number, 0}, fmt::format("the file says that it is segment {}", header->number));
  return fail(
      "journal/wrong_origin",
      fmt::format("{}/{} belongs to the journal {}, not to {}; this is the data directory of another site or epoch",
                  directory_, segment_name(number), header->origin, origin_.text()));
}

// The next record of the segment that is read; or its end, and where the journal goes on.
Status Replayer::read_record() {
  const std::size_t segment = at_.segment;
  const Place place{numbers_[segment], at_.block};
  const bool is_written = !end_ || place.segment != end_->next.segment || place.block < end_->next.block;
  std::optional<Taken> taken;
  if (is_written) {
    HF_TRY(taken, take_record(reading_->window, place, reading_->is_first));
  }
  if (taken) {
    const RecordHeader& record = taken->header;
    bytes_ += record_extent(record.payload_bytes);
    // The journal goes on here, beyond everything that stopped before.
    if (std::exchange(reading_->is_first, false)) HF_TRY_VOID(settle_stops(false));
    reading_->has_own = reading_->has_own || !taken->is_copy;
    at_.block += static_cast<std::uint32_t>(record_extent(record.payload_bytes) / block_bytes);
    return {};
  }
  HF_TRY_VOID(flush());
  const bool has_own = reading_->has_own;
  reading_.reset();
  HF_TRY(at_, stopped(segment, place, has_own));
  return {};
}

// nullopt: no whole record stands here that is the next one.
Result<std::optional<Replayer::Taken>> Replayer::take_record(Window& window, Place place, bool is_first) {
  const std::uint64_t offset = std::uint64_t{place.block} * block_bytes;
  const auto make_visible = [&](std::uint64_t size) -> Status {
    if (window.holds(offset, size)) return {};
    HF_TRY_VOID(flush());  // the batch points into the window
    window.load(offset, size);
    return {};
  };
  if (offset + block_bytes > window.end()) return std::nullopt;
  HF_TRY_VOID(make_visible(block_bytes));
  const auto header = decode_record_header(window.view(offset, record_header_bytes));
  if (!header || header->journal_id != journal_id_ || record_extent(header->payload_bytes) > window.end() - offset)
    return std::nullopt;
  const Hash hash = record_hash(window.view(offset, record_header_bytes));
  const bool is_copy = is_first && header->number == out_.last_record && hash == out_.last_hash;
  const bool is_next = header->number == out_.last_record + 1 && header->before == out_.last_hash;
  if (!is_copy && !is_next) return std::nullopt;
  HF_TRY_VOID(make_visible(record_extent(header->payload_bytes)));
  const ByteView payload = window.view(offset + record_header_bytes, header->payload_bytes);
  if (crc32c(payload) != header->payload_crc) return std::nullopt;
  if (is_copy) return Taken{true, *header};
  HF_TRY_VOID(take_content(*header, payload, place));
  out_.last_record = header->number;
  out_.last_hash = hash;
  out_.last_place = place;
  if (mark_ != nullptr && mark_->record_number == header->number) HF_TRY_VOID(meet_mark(place));
  return Taken{false, *header};
}

Status Replayer::take_content(const RecordHeader& header, ByteView payload, Place place) {
  switch (header.kind) {
    case RecordKind::commit:
      return take_commit(header, payload, place);
    case RecordKind::checkpoint:
      return take_checkpoint(header, payload, place);
    case RecordKind::rewind:
      return take_rewind(header, place);
    case RecordKind::bridge:  // only in mends
      break;
  }
  return is_damaged(place, "a record of an unknown kind");
}

Status Replayer::take_commit(const RecordHeader& header, ByteView payload, Place place) {
  if (is_gap_open_) HF_TRY_VOID(end_gap(header.first));
  if (header.first != out_.index.size() || header.count == 0)
    return is_damaged(place, fmt::format("a commit of {} entries from {} stands where {} is next", header.count,
                                         header.first, out_.index.size()));
  if (is_hashing()) {
    const auto entries = split_entries(payload, header.count);
    if (!entries) return is_damaged(place, "the entries of a commit are not in their form");
    batch_.insert(batch_.end(), entries->begin(), entries->end());
    unhashed_.push_back({header.count, header.content, place});
  }
  out_.index.add_commit(place, header.count);
  return {};
}

Status Replayer::take_checkpoint(const RecordHeader& header, ByteView payload, Place place) {
  if (is_gap_open_) HF_TRY_VOID(add_lost(header.first));
  if (header.first > out_.index.size() || header.count != 0)
    return is_damaged(place, fmt::format("a checkpoint covers {} entries, the records before it hold {}", header.first,
                                         out_.index.size()));
  if (is_hashing()) {
    if (sha256(payload) != header.content)
      return is_damaged(place, "a checkpoint's note does not have the hash in its header");
    const auto note = parse_note(as_text(payload));
    const auto checkpoint = note ? parse_checkpoint(note->text) : pass_on(note.error());
    if (!checkpoint || checkpoint->origin != origin_ || checkpoint->size != header.first)
      return is_damaged(place, "the note of a checkpoint is not one of this journal");
    if (verified_ != *checkpoint) {  // the same again, with more cosignatures, costs nothing
      HF_TRY_VOID(flush());
      HF_TRY(const Hash root, root_at(header.first));
      if (root != checkpoint->root) {
        // Entries were taken back and written anew within the gap before this?
        if (!is_gap_open_ || out_.gaps.back().is_of_one_record())
          return is_damaged(
              place, fmt::format("the entries do not have the root that the checkpoint at {} signs", header.first));
        HF_TRY_VOID(lose_rewind(header.first));
        HF_TRY_VOID(add_lost(header.first));
      }
      verified_ = *checkpoint;
    }
  }
  out_.index.add_checkpoint(header.first, place);
  return {};
}

Status Replayer::take_rewind(const RecordHeader& header, Place place) {
  if (is_gap_open_) HF_TRY_VOID(end_gap(header.first + header.count));
  const Index& index = out_.index;
  if (header.first > index.size() || header.count != index.size() - header.first || header.payload_bytes != 0 ||
      header.content != sha256({}) || header.first < index.largest_checkpoint_size())
    return is_damaged(place,
                      fmt::format("a rewind to {} does not fit the {} entries before it", header.first, index.size()));
  return go_back(header.first);
}

// Sets everything from `size` on aside.
Status Replayer::go_back(std::uint64_t size) {
  HF_TRY_VOID(flush());
  for (Gap& gap : out_.gaps) gap.set_aside(size);
  out_.index.rewind(size);
  if (!hashes_ || mark_ != nullptr || size > out_.tree.size()) return {};
  HF_TRY_VOID(out_.tree.truncate(
      size, [this](std::uint64_t first, std::span<Hash> into) { return leaves_again(first, into); }));
  is_blind_ = false;  // whatever was lost lies behind
  return {};
}

Status Replayer::meet_mark(Place place) {
  if (is_gap_open_) HF_TRY_VOID(end_gap(out_.index.size()));
  if (mark_ == nullptr) return {};  // it lay in that gap
  if (mark_->record_hash != out_.last_hash || mark_->size != out_.index.size() || mark_->tree.size() != mark_->size)
    return is_damaged(place, fmt::format("record {} is not the one that the snapshot was made at", out_.last_record));
  out_.tree = mark_->tree;
  mark_ = nullptr;
  return {};
}

// Hashes what waits, and compares it with what the records' chain says.
Status Replayer::flush() {
  const std::vector<Hash> leaves = leaf_hashes(executor_, batch_);
  std::span<const Hash> rest = leaves;
  for (const Unhashed& commit : unhashed_) {
    if (content_of(rest.first(commit.count)) != commit.content)
      return damaged(directory_, commit.place, out_.tree.size() + (leaves.size() - rest.size()),
                     "the entries of a commit do not have the hash in its header");
    rest = rest.subspan(commit.count);
  }
  append_all(executor_, out_.tree, leaves);
  batch_.clear();
  unhashed_.clear();
  return {};
}

Result<Hash> Replayer::root_at(std::uint64_t size) {
  return out_.tree.root_at(size,
                           [this](std::uint64_t first, std::span<Hash> into) { return leaves_again(first, into); });
}

Status Replayer::leaves_again(std::uint64_t first, std::span<Hash> into) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    const Index::Found found = out_.index.find(first + i);
    HF_TRY(const auto record, loader_.load(found.place, first + i));
    if (!record->is_whole())
      return damaged(directory_, found.place, first + i, "the record's bytes do not hold any more");
    into[i] = leaf_hash(record->entries[first + i - found.first]);
  }
  return {};
}

Result<Replayed> replay(Disk& disk, Executor& executor, const Origin& origin, const std::optional<LogMark>& mark) {
  const bool has_mark = mark && mark->record_number > 0;
  Replayer replayer(disk, executor, origin, has_mark ? &*mark : nullptr);
  HF_TRY(const bool is_read, replayer.read_on(UINT64_MAX));
  HF_CHECK(is_read, "{} is not read to its end", origin.text());
  return replayer.finish();
}

}  // namespace holdfast::journal
