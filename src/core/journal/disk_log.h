// The one Log there is: the inside of log.h. log.cc writes and reads, log_mend.cc deals with damage.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "core/journal/log.h"
#include "core/journal/note.h"
#include "core/journal/replay.h"
#include "core/journal/segments.h"

namespace holdfast::journal {

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
        last_note_size_(index_.largest_checkpoint_size()),
        gaps_(std::move(opened.gaps)),
        next_mend_(opened.next_mend),
        rotten_end_(std::move(opened.rotten_end)),
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
  void drop_uncommitted() override { clear_pending(); }

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

  Hash root() const override { return pending_count() == 0 ? tree_.root() : tree_with_pending().root(); }
  Result<Hash> root_at(std::uint64_t size) override;
  LogMark mark() const override {
    HF_CHECK(is_hashed(), "a mark of {} entries, {} hashed", index_.size(), tree_.size());
    return {index_.size(), tree_, last_record_, last_hash_};
  }

  std::vector<Hole> holes() const override;
  bool has_holes() const override;
  const std::string& rotten_end() const override { return rotten_end_; }
  std::uint64_t lost_aside() const override;
  std::vector<Hole> wanted() const override;
  Status mend(std::span<const Piece> pieces) override;
  std::uint64_t hashed_size() const override { return refuted_ ? 0 : tree_.size(); }
  Result<bool> hash_on(std::uint64_t bytes_max) override;
  Result<Scrubbed> scrub(std::uint64_t bytes_max) override;
  bool has_suspicion() const override { return is_suspicious_; }

 private:
  std::size_t pending_count() const { return pending_starts_.size(); }
  ByteView pending_entry(std::size_t i) const;
  const std::vector<Hash>& pending_leaves() const;
  const Tree& tree_with_pending() const;
  void clear_pending();
  Result<Place> write(RecordHeader header, Bytes& record);
  // person: also what still holds of a record that does not, one entry at a time; nothing is derived from it
  // (format.h).
  enum class For { fold, person };
  Status scan_record(Place place, std::uint64_t first, std::uint64_t from, std::uint64_t to, const EntryFunction& each,
                     For reader = For::fold);
  void suspect(std::uint64_t entry);
  std::unexpected<Error> lost(Place place, std::uint64_t entry, std::string_view what) const {
    return journal::lost(directory(origin_), place, entry, what);
  }
  Result<std::vector<Hash>> leaves_again(std::uint64_t first, std::uint64_t end);
  bool is_hashed() const { return !refuted_ && tree_.size() == index_.size(); }
  Result<std::shared_ptr<const LoadedRecord>> load(Place place, std::uint64_t entry);

  // Bodies of all entries of some gaps, by index.
  using Bodies = std::map<EntryIndex, Bytes>;
  std::vector<const Gap*> together(std::size_t i) const;
  std::optional<std::uint64_t> checkpoint_over(std::uint64_t size) const;
  std::optional<std::uint64_t> proven_at(std::uint64_t end, bool is_in_tree) const;
  Status check_root();
  Result<Bodies> bodies_of(const Gap& gap, const Piece& piece);
  Status prove(std::span<const Gap* const> gaps, const Bodies& bodies);
  Status prove_by_tree(std::uint64_t first, std::uint64_t end, const Bodies& bodies);
  Status prove_by_checkpoint(std::uint64_t end, const Bodies& bodies);
  Result<Hash> leaf_of(EntryIndex index, const Bodies& bodies);
  Status fill(const Gap& gap, const Bodies& bodies);
  Result<std::vector<Hole>> take_scrubbed(Replayed now);

  Disk& disk_;
  Executor& executor_;
  Origin origin_;
  Hash journal_id_;
  Index index_;  // of what is durable, as tree_ and the next two
  Tree tree_;
  std::uint64_t last_record_ = 0;
  Hash last_hash_{};
  std::string last_note_;  // stays when its record is lost
  std::uint64_t last_note_size_ = 0;
  std::optional<Checkpoint> checked_;  // the last checkpoint whose root was compared
  std::vector<Gap> gaps_;              // in the order of the records
  std::uint32_t next_mend_ = 0;
  std::string rotten_end_;
  std::optional<Error> refuted_;        // hash_on() has met a root that is not the one signed
  std::unique_ptr<Replayer> scrub_;     // of the round that is under way
  bool is_suspicious_ = false;          // a read has failed and no round has begun and ended since
  bool was_suspected_in_vain_ = false;  // and found nothing; an ordinary round comes before the next suspicion
  Segments segments_;
  Bytes pending_;                            // the next commit record: room for its header, then framed entries
  std::vector<std::size_t> pending_starts_;  // of each entry's frame in pending_
  // Hashed once, for whoever asks first: the root that a mirror compares, or the commit.
  mutable std::vector<Hash> pending_leaves_;
  mutable std::optional<Tree> tree_with_pending_;
};

}  // namespace holdfast::journal
