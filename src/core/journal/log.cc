#include "core/journal/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/journal/hashing.h"
#include "core/journal/note.h"
#include "core/journal/replay.h"
#include "core/journal/segments.h"

namespace holdfast::journal {
namespace {

class DiskLog final : public Log {
 public:
  // Takes index, tree and note out of `opened`.
  DiskLog(Disk& disk, Executor& executor, const Origin& origin, Replayed& opened)
      : disk_(disk),
        executor_(executor),
        origin_(origin),
        journal_id_(journal_id_of(origin)),
        index_(std::move(opened.index)),
        tree_(std::move(opened.tree)),
        last_record_(opened.last_record),
        last_hash_(opened.last_hash),
        last_note_(std::move(opened.last_note)),
        segments_(disk, directory(origin), origin, opened.next_segment) {
    clear_pending();
  }
  Status make_durable_again(const Replayed& opened);

  const Origin& origin() const override { return origin_; }
  std::uint64_t size() const override { return index_.size() + pending_count(); }
  std::uint64_t durable_size() const override { return index_.size(); }

  EntryIndex append(ByteView body) override;
  std::size_t uncommitted_bytes() const override { return pending_.size() - record_header_bytes; }
  Status commit() override;

  Status put_checkpoint(std::uint64_t size, std::string_view note) override;
  std::string last_checkpoint() const override { return last_note_; }
  std::string checkpoint_at_most(std::uint64_t limit) override;
  std::optional<std::uint64_t> next_checkpoint_size(std::uint64_t after_size) const override {
    return index_.next_checkpoint_size(after_size);
  }

  Status rewind(std::uint64_t size) override;
  std::uint64_t aside_count() const override { return index_.aside_count(); }
  Status scan_aside(const EntryFunction& each) override;

  Result<Bytes> read(EntryIndex index) override;
  Status scan(EntryIndex first, EntryIndex end, const EntryFunction& each) override;

  Hash root() const override { return pending_count() == 0 ? tree_.root() : with_pending(size()).root(); }
  Result<Hash> root_at(std::uint64_t size) override;
  LogMark mark() const override { return {index_.size(), tree_, last_record_, last_hash_}; }

 private:
  std::size_t pending_count() const { return pending_starts_.size(); }
  ByteView pending_entry(std::size_t i) const;
  Tree with_pending(std::uint64_t size) const;
  void clear_pending();
  Result<Place> write(RecordHeader header, Bytes& record);
  Status scan_record(Place place, std::uint64_t first, std::uint64_t from, std::uint64_t to, const EntryFunction& each);
  Result<std::vector<Hash>> leaves_again(std::uint64_t first, std::uint64_t end);

  Disk& disk_;
  Executor& executor_;
  Origin origin_;
  Hash journal_id_;
  Index index_;  // of what is durable, as tree_ and the next two
  Tree tree_;
  std::uint64_t last_record_ = 0;
  Hash last_hash_{};
  std::string last_note_;
  std::optional<Checkpoint> checked_;  // the last checkpoint whose root was compared
  Segments segments_;
  Bytes pending_;                            // the next commit record: room for its header, then framed entries
  std::vector<std::size_t> pending_starts_;  // of each entry's frame in pending_
};

void DiskLog::clear_pending() {
  pending_.clear();
  pending_.resize(record_header_bytes);
  pending_starts_.clear();
}

ByteView DiskLog::pending_entry(std::size_t i) const {
  Reader in(ByteView(pending_).subspan(pending_starts_[i]));
  const std::uint32_t length = in.u32();
  in.u32();
  return in.raw(length);
}

Tree DiskLog::with_pending(std::uint64_t size) const {
  Tree tree = tree_;
  for (std::size_t i = 0; tree.size() < size; ++i) tree.append(leaf_hash(pending_entry(i)));
  return tree;
}

EntryIndex DiskLog::append(ByteView body) {
  HF_CHECK(body.size() <= entry_bytes_max, "an entry of {} bytes; larger ones go in parts (protocol 1.3)", body.size());
  pending_starts_.push_back(pending_.size());
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
  const std::size_t count = pending_count();
  if (count == 0) return {};
  std::vector<ByteView> entries(count);
  for (std::size_t i = 0; i < count; ++i) entries[i] = pending_entry(i);
  const std::vector<Hash> leaves = leaf_hashes(executor_, entries);
  RecordHeader header;
  header.kind = RecordKind::commit;
  header.first = index_.size();
  header.count = static_cast<std::uint32_t>(count);
  header.content = content_of(leaves);
  HF_TRY(const Place place, write(header, pending_));
  index_.add_commit(place, header.count);
  append_all(executor_, tree_, leaves);
  HF_CHECK(tree_.size() == index_.size(), "{} leaves, {} entries", tree_.size(), index_.size());
  clear_pending();
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
  if (size == index_.largest_checkpoint_size()) last_note_ = std::string(note);
  return {};
}

std::string DiskLog::checkpoint_at_most(std::uint64_t limit) {
  const auto place = index_.checkpoint_at_most(limit);
  if (!place) return {};
  const auto record = segments_.load(*place, limit);
  return record ? std::string(as_text((*record)->payload())) : std::string();
}

Status DiskLog::rewind(std::uint64_t size) {
  HF_CHECK(pending_count() == 0, "{} entries are not committed", pending_count());
  HF_CHECK(size >= index_.largest_checkpoint_size() && size <= index_.size(), "rewind to {} of {}, checkpoint at {}",
           size, index_.size(), index_.largest_checkpoint_size());
  if (size == index_.size()) return {};
  // Read before anything is written: after a failed read nothing has changed.
  HF_TRY(const std::vector<Hash> leaves, leaves_again(size / tile_width * tile_width, size));
  Bytes record(record_header_bytes);
  RecordHeader header;
  header.kind = RecordKind::rewind;
  header.first = size;
  header.count = static_cast<std::uint32_t>(index_.size() - size);
  header.content = sha256({});
  HF_TRY_VOID(write(header, record));
  index_.rewind(size);
  tree_.truncate_to_tile(size);
  append_all(executor_, tree_, leaves);
  HF_CHECK(tree_.size() == size, "{} leaves after a rewind to {}", tree_.size(), size);
  return {};
}

// Entries [from, to) of the record whose entry 0 has the index `first`.
Status DiskLog::scan_record(Place place, std::uint64_t first, std::uint64_t from, std::uint64_t to,
                            const EntryFunction& each) {
  HF_TRY(const auto record, segments_.load(place, from));  // kept here, so that `each` may read too
  if (record->header.kind != RecordKind::commit || record->header.first != first || to - first > record->entries.size())
    return damaged(directory(origin_), place, from, "another record stands here than when the journal was opened");
  for (std::uint64_t i = from; i < to; ++i) HF_TRY_VOID(each(i, record->entries[i - first]));
  return {};
}

Status DiskLog::scan_aside(const EntryFunction& each) {
  for (std::size_t i = 0; i < index_.aside().size(); ++i) {
    const Index::Aside aside = index_.aside()[i];
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
  Bytes out;
  HF_TRY_VOID(scan(index, index + 1, [&out](EntryIndex, ByteView body) -> Status {
    out = to_bytes(body);
    return {};
  }));
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
  if (size > tree_.size()) return with_pending(size).root();
  return tree_.root_at(size, [this](std::uint64_t first, std::span<Hash> into) -> Status {
    HF_TRY(const std::vector<Hash> leaves, leaves_again(first, first + into.size()));
    std::ranges::copy(leaves, into.begin());
    return {};
  });
}

// Protocol 2.3: what lies after the last proven sync is, with one write in flight, the last record at most.
Status DiskLog::make_durable_again(const Replayed& opened) {
  if (opened.last_record > 0) {
    HF_TRY(const auto last, segments_.load(opened.last_place, index_.size()));
    HF_CHECK(last->header.number == opened.last_record, "record {}, not {}", last->header.number, opened.last_record);
    HF_TRY_VOID(segments_.append(last->header, last->bytes));
  }
  for (std::uint32_t number : opened.useless)
    HF_TRY_VOID(disk_.remove(directory(origin_) + "/" + segment_name(number)));
  return {};
}

}  // namespace

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
