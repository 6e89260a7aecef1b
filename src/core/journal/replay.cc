#include "core/journal/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/journal/hashing.h"
#include "core/journal/note.h"

namespace holdfast::journal {
namespace {

constexpr std::size_t window_bytes = 4u << 20;
constexpr ByteArray<block_bytes> zeros{};

// A segment's bytes, some at a time; what view() gave is valid until the next load().
class Window {
 public:
  explicit Window(File& file) : file_(file), end_(file.size() / block_bytes * block_bytes) {}
  std::uint64_t end() const { return end_; }
  bool holds(std::uint64_t offset, std::uint64_t size) const {
    return offset >= start_ && offset + size <= start_ + bytes_.size();
  }
  Status load(std::uint64_t offset, std::uint64_t size) {
    HF_CHECK(offset + size <= end_, "{} + {} of {}", offset, size, end_);
    start_ = offset;
    bytes_.resize(std::min<std::uint64_t>(std::max<std::uint64_t>(size, window_bytes), end_ - offset));
    return file_.read(offset, bytes_);
  }
  ByteView view(std::uint64_t offset, std::uint64_t size) const {
    HF_CHECK(holds(offset, size), "{} + {} is not in the window", offset, size);
    return ByteView(bytes_).subspan(offset - start_, size);
  }

 private:
  File& file_;
  std::uint64_t end_;
  std::uint64_t start_ = 0;
  Bytes bytes_;
};

class Replayer {
 public:
  Replayer(Disk& disk, Executor& executor, const Origin& origin, const LogMark* mark)
      : disk_(disk),
        executor_(executor),
        origin_(origin),
        directory_(Log::directory(origin)),
        journal_id_(journal_id_of(origin)),
        mark_(mark),
        loader_(disk, directory_, origin, 0) {}

  Result<Replayed> run();

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

  Status replay_segment(std::uint32_t number);
  Result<std::optional<SegmentHeader>> read_segment_header(Window& window, std::uint32_t number);
  Result<std::optional<Taken>> take_record(Window& window, Place place, bool is_first);
  Status take_content(const RecordHeader& header, ByteView payload, Place place);
  Status take_commit(const RecordHeader& header, ByteView payload, Place place);
  Status take_checkpoint(const RecordHeader& header, ByteView payload, Place place);
  Status take_rewind(const RecordHeader& header, Place place);
  Status meet_mark(Place place);
  Status flush();
  Status settle_stops(bool is_end);
  Status look_beyond(const Stop& stop, bool is_end);
  Result<Hash> root_at(std::uint64_t size);
  Status leaves_again(std::uint64_t first, std::span<Hash> into);
  bool is_hashing() const { return mark_ == nullptr; }
  std::unexpected<Error> is_damaged(Place place, std::string_view what) const {
    return damaged(directory_, place, out_.index.size(), what);
  }

  Disk& disk_;
  Executor& executor_;
  const Origin& origin_;
  std::string directory_;
  Hash journal_id_;
  const LogMark* mark_;  // until it is met
  Segments loader_;
  Replayed out_;
  std::vector<Stop> stops_;  // since the last whole record
  std::vector<ByteView> batch_;
  std::vector<Unhashed> unhashed_;
  std::optional<Checkpoint> verified_;  // the last checkpoint whose root was compared
};

Result<Replayed> Replayer::run() {
  HF_TRY(const std::vector<std::string> names, disk_.list(directory_));
  std::vector<std::uint32_t> numbers;
  for (const std::string& name : names)
    if (const auto number = segment_number(name)) numbers.push_back(*number);
  std::ranges::sort(numbers);
  for (std::uint32_t number : numbers) HF_TRY_VOID(replay_segment(number));
  HF_TRY_VOID(settle_stops(true));
  if (mark_ != nullptr)
    return is_damaged(out_.last_place, fmt::format("a snapshot covers record {}, but the last whole one here is {}",
                                                   mark_->record_number, out_.last_record));
  if (const auto place = out_.index.checkpoint_at_most(~0ull)) {
    HF_TRY(const auto record, loader_.load(*place, out_.index.largest_checkpoint_size()));
    out_.last_note = std::string(as_text(record->payload()));
  }
  out_.next_segment = numbers.empty() ? 0 : numbers.back() + 1;
  HF_CHECK(out_.tree.size() == out_.index.size(), "{} leaves, {} entries", out_.tree.size(), out_.index.size());
  return std::move(out_);
}

Result<std::optional<SegmentHeader>> Replayer::read_segment_header(Window& window, std::uint32_t number) {
  if (window.end() < block_bytes) return std::nullopt;
  HF_TRY_VOID(window.load(0, block_bytes));
  auto header = decode_segment_header(window.view(0, block_bytes));
  if (!header) return std::nullopt;
  if (header->journal_id != journal_id_)
    return fail(
        "journal/wrong_origin",
        fmt::format("{}/{} belongs to the journal {}, not to {}; this is the data directory of another site or epoch",
                    directory_, segment_name(number), header->origin, origin_.text()));
  if (header->number != number)
    return is_damaged({number, 0}, fmt::format("the file says that it is segment {}", header->number));
  return header;
}

Status Replayer::replay_segment(std::uint32_t number) {
  HF_TRY(const auto file, disk_.open(directory_ + "/" + segment_name(number)));
  Window window(*file);
  HF_TRY(const auto header, read_segment_header(window, number));
  if (!header) {  // the machine stopped while it was made, or it is damage: settle_stops() tells
    stops_.push_back({{number, 0}, true});
    return {};
  }
  Place place{number, 1};
  bool has_own = false;
  for (bool is_first = true;; is_first = false) {
    HF_TRY(const auto taken, take_record(window, place, is_first));
    if (!taken) break;
    if (is_first) {
      if (taken->header.number != header->first_record || taken->header.before != header->record_before)
        return is_damaged(place, "the segment's header names another first record");
      HF_TRY_VOID(settle_stops(false));  // the journal goes on here, beyond everything that stopped before
    }
    has_own = has_own || !taken->is_copy;
    place.block += static_cast<std::uint32_t>(record_extent(taken->header.payload_bytes) / block_bytes);
  }
  HF_TRY_VOID(flush());
  stops_.push_back({place, !has_own});
  return {};
}

// nullopt: no whole record stands here that is the next one.
Result<std::optional<Replayer::Taken>> Replayer::take_record(Window& window, Place place, bool is_first) {
  const std::uint64_t offset = std::uint64_t{place.block} * block_bytes;
  const auto make_visible = [&](std::uint64_t size) -> Status {
    if (window.holds(offset, size)) return {};
    HF_TRY_VOID(flush());  // the batch points into the window
    return window.load(offset, size);
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
  }
  return is_damaged(place, "a record of an unknown kind");
}

Status Replayer::take_commit(const RecordHeader& header, ByteView payload, Place place) {
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
      if (root != checkpoint->root)
        return is_damaged(
            place, fmt::format("the entries do not have the root that the checkpoint at {} signs", header.first));
      verified_ = *checkpoint;
    }
  }
  out_.index.add_checkpoint(header.first, place);
  return {};
}

Status Replayer::take_rewind(const RecordHeader& header, Place place) {
  Index& index = out_.index;
  if (header.first > index.size() || header.count != index.size() - header.first || header.payload_bytes != 0 ||
      header.content != sha256({}) || header.first < index.largest_checkpoint_size())
    return is_damaged(place,
                      fmt::format("a rewind to {} does not fit the {} entries before it", header.first, index.size()));
  if (is_hashing()) HF_TRY_VOID(flush());
  index.rewind(header.first);
  if (!is_hashing()) return {};
  out_.tree.truncate_to_tile(header.first);
  std::vector<Hash> leaves(header.first - out_.tree.size());
  HF_TRY_VOID(leaves_again(out_.tree.size(), leaves));
  append_all(executor_, out_.tree, leaves);
  return {};
}

Status Replayer::meet_mark(Place place) {
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

// Looks at what follows the whole records of the segments that stopped.
Status Replayer::settle_stops(bool is_end) {
  for (const Stop& stop : stops_)
    if (is_end || stop.is_useless) HF_TRY_VOID(look_beyond(stop, is_end));
  stops_.clear();
  return {};
}

// At the end of everything, a whole record of this journal beyond the last one that was taken means that bytes between
// them are lost: damage, not a torn end (protocol 2.3). In the middle, the journal went on behind it: only emptiness
// counts.
Status Replayer::look_beyond(const Stop& stop, bool is_end) {
  HF_TRY(const auto file, disk_.open(directory_ + "/" + segment_name(stop.place.segment)));
  Window window(*file);
  bool is_empty = true;
  for (std::uint64_t offset = std::uint64_t{stop.place.block} * block_bytes; offset < window.end();) {
    if (!window.holds(offset, block_bytes)) HF_TRY_VOID(window.load(offset, block_bytes));
    const ByteView block = window.view(offset, block_bytes);
    is_empty = is_empty && std::memcmp(block.data(), zeros.data(), block_bytes) == 0;
    std::uint64_t step = block_bytes;
    const auto header = decode_record_header(block);
    if (header && header->journal_id == journal_id_ && record_extent(header->payload_bytes) <= window.end() - offset) {
      const Hash hash = record_hash(block.first(record_header_bytes));
      step = record_extent(header->payload_bytes);  // whatever stands inside it is not a record
      if (!window.holds(offset, step)) HF_TRY_VOID(window.load(offset, step));
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

Result<Hash> Replayer::root_at(std::uint64_t size) {
  return out_.tree.root_at(size,
                           [this](std::uint64_t first, std::span<Hash> into) { return leaves_again(first, into); });
}

Status Replayer::leaves_again(std::uint64_t first, std::span<Hash> into) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    const Index::Found found = out_.index.find(first + i);
    HF_TRY(const auto record, loader_.load(found.place, first + i));
    into[i] = leaf_hash(record->entries[first + i - found.first]);
  }
  return {};
}

}  // namespace

Result<Replayed> replay(Disk& disk, Executor& executor, const Origin& origin, const std::optional<LogMark>& mark) {
  const bool has_mark = mark && mark->record_number > 0;
  return Replayer(disk, executor, origin, has_mark ? &*mark : nullptr).run();
}

}  // namespace holdfast::journal
