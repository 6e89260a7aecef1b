#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/journal/disk_log.h"
#include "core/journal/hashing.h"

namespace holdfast::journal {

void DiskLog::clear_pending() {
  pending_.clear();
  pending_.resize(record_header_bytes);
  pending_starts_.clear();
  pending_leaves_.clear();
  tree_with_pending_.reset();
}

ByteView DiskLog::pending_entry(std::size_t i) const {
  Reader in(ByteView(pending_).subspan(pending_starts_[i]));
  const std::uint32_t length = in.u32();
  in.u32();
  return in.raw(length);
}

const std::vector<Hash>& DiskLog::pending_leaves() const {
  std::vector<ByteView> entries;
  for (std::size_t i = pending_leaves_.size(); i < pending_count(); ++i) entries.push_back(pending_entry(i));
  const std::vector<Hash> leaves = leaf_hashes(executor_, entries);
  pending_leaves_.insert(pending_leaves_.end(), leaves.begin(), leaves.end());
  return pending_leaves_;
}

const Tree& DiskLog::tree_with_pending() const {
  if (!tree_with_pending_) {
    Tree tree = tree_;
    append_all(executor_, tree, pending_leaves());
    tree_with_pending_ = std::move(tree);
  }
  return *tree_with_pending_;
}

EntryIndex DiskLog::append(ByteView body) {
  HF_CHECK(body.size() <= entry_bytes_max, "an entry of {} bytes; larger ones go in parts (protocol 1.3)", body.size());
  pending_starts_.push_back(pending_.size());
  tree_with_pending_.reset();
  frame_entry(pending_, body);
  HF_CHECK(pending_.size() < std::numeric_limits<std::uint32_t>::max(), "{} bytes in one commit", pending_.size());
  return size() - 1;
}

// Completes `header` and writes the record, whose payload stands in `record` after room for the header.
Result<Place> DiskLog::write(RecordHeader header, Bytes& record) {
  const ByteView payload = ByteView(record).subspan(record_header_bytes);
  header.journal_id = journal_id_;
  header.number = last_record_ + 1;
  header.before = last_hash_;
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload);
  encode_record_header(header, std::span(record).first(record_header_bytes));
  record.resize(record_extent(header.payload_bytes));
  HF_TRY(const Place place, segments_.append(header, record));
  last_record_ = header.number;
  last_hash_ = record_hash(ByteView(record).first(record_header_bytes));
  return place;
}

Status DiskLog::commit() {
  HF_CHECK(is_hashed(), "a commit behind a hole: {} of {} entries are hashed", tree_.size(), index_.size());
  const std::size_t count = pending_count();
  if (count == 0) return {};
  RecordHeader header;
  header.kind = RecordKind::commit;
  header.first = index_.size();
  header.count = static_cast<std::uint32_t>(count);
  header.content = content_of(pending_leaves());
  HF_TRY(const Place place, write(header, pending_));
  index_.add_commit(place, header.count);
  if (tree_with_pending_)
    tree_ = std::move(*tree_with_pending_);
  else
    append_all(executor_, tree_, pending_leaves());
  HF_CHECK(tree_.size() == index_.size(), "{} leaves, {} entries", tree_.size(), index_.size());
  const std::size_t written = pending_.size();
  segments_.keep(place, std::move(pending_));
  clear_pending();
  if (pending_.capacity() < written) pending_.reserve(written);  // the next is mostly about as large
  return {};
}

Status DiskLog::put_checkpoint(std::uint64_t size, std::string_view note) {
  HF_CHECK(size <= durable_size(), "a checkpoint at {} of {} durable entries", size, durable_size());
  // In pairs: what opening refuses as damage is refused here before it is written.
  HF_TRY(const Note parsed, parse_note(note));
  HF_TRY(const Checkpoint checkpoint, parse_checkpoint(parsed.text));
  if (checkpoint.origin != origin_ || checkpoint.size != size)
    return fail("journal/bad_note", fmt::format("the note is a checkpoint of {} at {}, not of {} at {}",
                                                checkpoint.origin.text(), checkpoint.size, origin_.text(), size));
  if (checked_ != checkpoint) {
    HF_TRY(const Hash root, root_at(size));
    if (root != checkpoint.root)
      return fail("journal/bad_note",
                  fmt::format("the note signs a root that {} does not have at {}", origin_.text(), size));
    checked_ = checkpoint;
  }
  Bytes record(record_header_bytes);
  record.insert(record.end(), as_bytes(note).begin(), as_bytes(note).end());
  RecordHeader header;
  header.kind = RecordKind::checkpoint;
  header.first = size;
  header.content = sha256(as_bytes(note));
  HF_TRY(const Place place, write(header, record));
  index_.add_checkpoint(size, place);
  if (size >= last_note_size_) {
    last_note_ = std::string(note);
    last_note_size_ = size;
  }
  return {};
}

std::string DiskLog::checkpoint_at_most(std::uint64_t limit) {
  const auto place = index_.checkpoint_at_most(limit);
  if (!place) return {};
  const auto record = load(*place, limit);
  return record ? std::string(as_text((*record)->payload())) : std::string();
}

Status DiskLog::rewind(std::uint64_t size) {
  HF_CHECK(pending_count() == 0, "{} entries are not committed", pending_count());
  HF_CHECK(size <= tree_.size(), "a rewind to {}, behind a hole: {} of {} entries are hashed", size, tree_.size(),
           index_.size());
  HF_CHECK(size >= last_note_size_ && size <= index_.size(), "rewind to {} of {}, checkpoint at {}", size,
           index_.size(), last_note_size_);
  if (size == index_.size()) return {};
  // Read before anything is written: after a failed read nothing has changed.
  Tree kept = tree_;
  HF_TRY_VOID(kept.truncate(size, [this](std::uint64_t first, std::span<Hash> into) -> Status {
    HF_TRY(const std::vector<Hash> leaves, leaves_again(first, first + into.size()));
    std::ranges::copy(leaves, into.begin());
    return {};
  }));
  Bytes record(record_header_bytes);
  RecordHeader header;
  header.kind = RecordKind::rewind;
  header.first = size;
  header.count = static_cast<std::uint32_t>(index_.size() - size);
  header.content = sha256({});
  HF_TRY_VOID(write(header, record));
  index_.rewind(size);
  for (Gap& gap : gaps_) gap.set_aside(size);
  tree_ = std::move(kept);
  HF_CHECK(tree_.size() == size, "{} leaves after a rewind to {}", tree_.size(), size);
  return {};
}

// Entries [from, to) of the record whose entry 0 has the index `first`.
Status DiskLog::scan_record(Place place, std::uint64_t first, std::uint64_t from, std::uint64_t to,
                            const EntryFunction& each, For reader) {
  HF_TRY(const auto record, load(place, from));  // kept here, so that `each` may read too
  if (record->header.kind != RecordKind::commit || record->header.first != first || to - first > record->entries.size())
    return lost(place, from, "another record stands here than when the journal was opened");
  if (!record->is_whole()) {
    suspect(from);
    const auto is_lost = [&](std::uint64_t i) {
      return i - first >= record->lost_first && i - first < record->lost_end;
    };
    if (reader == For::fold || is_lost(from)) return lost(place, from, "the record's bytes do not hold any more");
  }
  for (std::uint64_t i = from; i < to; ++i) HF_TRY_VOID(each(i, record->entries[i - first]));
  return {};
}

Result<std::shared_ptr<const LoadedRecord>> DiskLog::load(Place place, std::uint64_t entry) {
  auto record = segments_.load(place, entry);
  if (!record) suspect(entry);
  return record;
}

// A read has failed: a round of scrub() begins that has to come by there, unless it is known already.
void DiskLog::suspect(std::uint64_t entry) {
  const bool is_known =
      std::ranges::any_of(gaps_, [&](const Gap& g) { return entry >= g.bridge.first && entry < g.bridge.end; });
  if (is_known || is_suspicious_ || was_suspected_in_vain_) return;
  is_suspicious_ = true;
  scrub_.reset();
}

Status DiskLog::scan_aside(const EntryFunction& each) {
  for (std::size_t i = 0; i < index_.aside().size(); ++i) {
    const Index::Aside aside = index_.aside()[i];
    const auto record = load(aside.place, aside.first);
    if (!record && record.error().code != "journal/damaged") return pass_on(record.error());
    if (!record || !(*record)->is_whole()) continue;
    HF_TRY_VOID(scan_record(aside.place, aside.first - aside.skip, aside.first, aside.first + aside.count, each));
  }
  return {};
}

Status DiskLog::scan(EntryIndex first, EntryIndex end, const EntryFunction& each) {
  HF_CHECK(first <= end && end <= size(), "scan [{}, {}) of {}", first, end, size());
  while (first < std::min(end, index_.size())) {
    const Index::Found found = index_.find(first);
    const std::uint64_t to = std::min(end, found.end);
    HF_TRY_VOID(scan_record(found.place, found.first, first, to, each));
    first = to;
  }
  for (; first < end; ++first) {
    const Bytes body = to_bytes(pending_entry(first - index_.size()));  // `each` may append
    HF_TRY_VOID(each(first, body));
  }
  return {};
}

Result<Bytes> DiskLog::read(EntryIndex index) {
  HF_CHECK(index < size(), "entry {} of {}", index, size());
  if (index >= index_.size()) return to_bytes(pending_entry(index - index_.size()));
  Bytes out;
  const Index::Found found = index_.find(index);
  HF_TRY_VOID(scan_record(
      found.place, found.first, index, index + 1,
      [&out](EntryIndex, ByteView body) -> Status {
        out = to_bytes(body);
        return {};
      },
      For::person));
  return out;
}

Result<std::vector<Hash>> DiskLog::leaves_again(std::uint64_t first, std::uint64_t end) {
  std::vector<Hash> leaves;
  HF_TRY_VOID(scan(first, end, [&leaves](EntryIndex, ByteView body) -> Status {
    leaves.push_back(leaf_hash(body));
    return {};
  }));
  return leaves;
}

Result<Hash> DiskLog::root_at(std::uint64_t size) {
  HF_CHECK(size <= this->size(), "root at {} of {}", size, this->size());
  if (!is_hashed() && size > tree_.size())
    return fail("journal/damaged",
                fmt::format("{}: entries from {} on cannot be read, so the root at {} is not known until they are back",
                            origin_.text(), tree_.size(), size));
  if (size == this->size()) return root();
  if (size > tree_.size()) {
    Tree tree = tree_;
    for (const Hash& leaf : std::span(pending_leaves()).first(size - tree_.size())) tree.append(leaf);
    return tree.root();
  }
  return tree_.root_at(size, [this](std::uint64_t first, std::span<Hash> into) -> Status {
    HF_TRY(const std::vector<Hash> leaves, leaves_again(first, first + into.size()));
    std::ranges::copy(leaves, into.begin());
    return {};
  });
}

// Protocol 2.3: what lies after the last proven sync is, with one write in flight, the last record at most. What is in
// a mend is durable.
Status DiskLog::make_durable_again(const Replayed& opened) {
  if (opened.last_place) {
    HF_TRY(const auto last, segments_.load(*opened.last_place, index_.size()));
    HF_CHECK(last->header.number == opened.last_record, "record {}, not {}", last->header.number, opened.last_record);
    HF_TRY_VOID(segments_.append(last->header, last->bytes));
  }
  for (std::uint32_t number : opened.useless)
    HF_TRY_VOID(disk_.remove(directory(origin_) + "/" + segment_name(number)));
  return {};
}

std::string Log::directory(const Origin& origin) {
  return fmt::format("journals/{}/{}", origin.site.view(), origin.epoch);
}

Result<std::unique_ptr<Log>> Log::open(Disk& disk, Executor& executor, const Origin& origin,
                                       const std::optional<LogMark>& mark) {
  HF_TRY(Replayed opened, replay(disk, executor, origin, mark));
  auto log = std::make_unique<DiskLog>(disk, executor, origin, opened);
  HF_TRY_VOID(log->make_durable_again(opened));
  return log;
}

}  // namespace holdfast::journal
