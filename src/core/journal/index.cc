#include "core/journal/index.h"

#include <algorithm>

#include "core/base/check.h"

namespace holdfast::journal {

void Index::add_commit(Place place, std::uint32_t count) {
  HF_CHECK(count > 0, "a commit without entries");
  commits_.push_back({size_, place});
  size_ += count;
}

void Index::rewind(std::uint64_t size) {
  HF_CHECK(size <= size_, "rewind to {} from {}", size, size_);
  std::vector<Aside> gone;
  for (std::uint64_t end = size_; end > size;) {
    const Commit& last = commits_.back();
    const std::uint64_t first = std::max(last.first, size);
    gone.push_back(
        {last.place, first, static_cast<std::uint32_t>(first - last.first), static_cast<std::uint32_t>(end - first)});
    end = last.first;
    if (last.first >= size) commits_.pop_back();
  }
  aside_.insert(aside_.end(), gone.rbegin(), gone.rend());
  aside_count_ += size_ - size;
  size_ = size;
}

Index::Found Index::find(EntryIndex index) const {
  HF_CHECK(index < size_, "entry {} of {}", index, size_);
  const auto after = std::ranges::upper_bound(commits_, index, {}, &Commit::first);
  HF_CHECK(after != commits_.begin(), "entry {} lies before the first commit", index);
  return {std::prev(after)->place, std::prev(after)->first, after == commits_.end() ? size_ : after->first};
}

void Index::put_in_place(std::uint64_t first, std::span<const std::pair<Place, std::uint32_t>> records) {
  std::vector<Commit> in;
  std::uint64_t end = first;
  for (const auto& [place, count] : records) {
    in.push_back({end, place});
    end += count;
  }
  const auto from = std::ranges::lower_bound(commits_, first, {}, &Commit::first);
  const auto to = std::ranges::lower_bound(commits_, end, {}, &Commit::first);
  HF_CHECK(from != commits_.end() && from->first == first && (to == commits_.end() ? end == size_ : to->first == end),
           "entries {} to {} are not on the borders of records", first, end);
  commits_.insert(commits_.erase(from, to), in.begin(), in.end());
}

std::optional<Place> Index::checkpoint_at_most(std::uint64_t limit) const {
  const auto after = checkpoints_.upper_bound(limit);
  if (after == checkpoints_.begin()) return std::nullopt;
  return std::prev(after)->second;
}

std::optional<std::uint64_t> Index::next_checkpoint_size(std::uint64_t after_size) const {
  if (after_size >= largest_checkpoint_size()) return std::nullopt;  // as mostly: asked for each link in each turn
  return checkpoints_.upper_bound(after_size)->first;
}

}  // namespace holdfast::journal
