// Where things are in a journal: one item a commit, so that memory grows with commits and not with entries.
//
// Shape:  16 bytes a commit, about 64 a checkpointed size, 24 a commit (or part of one) that a rewind set aside.
// Thread: none; a value.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/ids.h"

namespace holdfast::journal {

// A record's position.
struct Place {
  std::uint32_t segment = 0;  // as in the file's name
  std::uint32_t block = 0;
  auto operator<=>(const Place&) const = default;
};
inline constexpr std::uint32_t mend_bit = 1u << 31;  // in Place::segment: a mend's number (gaps.h), not a segment's
inline constexpr Place lost_place{UINT32_MAX, 0};    // of entries whose record is not even known by its header

class Index {
 public:
  struct Found {
    Place place;
    std::uint64_t first = 0;  // index of the record's first entry
    std::uint64_t end = 0;    // index after its last entry that is still part of the journal
  };
  // Entries set aside together: `count` entries of the record, after `skip` that were kept.
  struct Aside {
    Place place;
    std::uint64_t first = 0;  // index of the first one set aside
    std::uint32_t skip = 0;
    std::uint32_t count = 0;
  };

  std::uint64_t size() const { return size_; }
  void add_commit(Place place, std::uint32_t count);
  void rewind(std::uint64_t size);
  Found find(EntryIndex index) const;  // HF_CHECK: index < size()
  const std::vector<Aside>& aside() const { return aside_; }
  std::uint64_t aside_count() const { return aside_count_; }

  // Other records hold the entries from `first` on: as many as their counts say. HF_CHECK: on borders of records.
  void put_in_place(std::uint64_t first, std::span<const std::pair<Place, std::uint32_t>> records);

  void add_checkpoint(std::uint64_t size, Place place) { checkpoints_[size] = place; }
  std::optional<Place> checkpoint_at_most(std::uint64_t limit) const;
  std::optional<std::uint64_t> next_checkpoint_size(std::uint64_t after_size) const;
  std::uint64_t largest_checkpoint_size() const { return checkpoints_.empty() ? 0 : checkpoints_.rbegin()->first; }

 private:
  struct Commit {
    std::uint64_t first;
    Place place;
  };
  std::uint64_t size_ = 0;
  std::vector<Commit> commits_;  // an item's entries end where the next one's start
  std::vector<Aside> aside_;
  std::uint64_t aside_count_ = 0;
  std::map<std::uint64_t, Place> checkpoints_;  // the last stored of each size
};

}  // namespace holdfast::journal
