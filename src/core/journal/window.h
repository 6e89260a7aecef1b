// A segment's bytes, some at a time, also where a sector cannot be read any more: a bad sector must not hide its
// neighbours.
//
// Shape:  what cannot be read is zeros in the view, and named by is_unreadable(). What view() gave is valid until the
//         next load().
// Thread: one.
#pragma once

#include <set>

#include "core/base/world.h"
#include "core/journal/format.h"

namespace holdfast::journal {

// Fills `into`; block by block if the whole cannot be read. The offsets of blocks that cannot be read are added to
// `unreadable`, and are zeros.
void read_what_can_be_read(File& file, std::uint64_t offset, std::span<std::byte> into,
                           std::set<std::uint64_t>& unreadable);

inline constexpr std::size_t window_bytes = 4u << 20;

class Window {
 public:
  // `bytes`: as much is read at once, and more where load() is asked for more.
  explicit Window(File& file, std::size_t bytes = window_bytes)
      : file_(file), end_(file.size() / block_bytes * block_bytes), bytes_at_once_(bytes) {}
  std::uint64_t end() const { return end_; }
  bool holds(std::uint64_t offset, std::uint64_t size) const {
    return offset >= start_ && offset + size <= start_ + bytes_.size();
  }
  void load(std::uint64_t offset, std::uint64_t size);
  void forget() { bytes_.clear(); }  // what was loaded
  ByteView view(std::uint64_t offset, std::uint64_t size) const;
  bool is_unreadable(std::uint64_t offset, std::uint64_t size) const;

 private:
  File& file_;
  std::uint64_t end_;
  std::size_t bytes_at_once_;
  std::uint64_t start_ = 0;
  Bytes bytes_;
  std::set<std::uint64_t> unreadable_;  // offsets of blocks
};

}  // namespace holdfast::journal
