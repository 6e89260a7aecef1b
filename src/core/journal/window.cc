#include "core/journal/window.h"

#include <algorithm>

#include "core/base/check.h"

namespace holdfast::journal {

void read_what_can_be_read(File& file, std::uint64_t offset, std::span<std::byte> into,
                           std::set<std::uint64_t>& unreadable) {
  if (file.read(offset, into)) return;
  for (std::size_t at = 0; at < into.size(); at += block_bytes) {
    const auto part = into.subspan(at, std::min(block_bytes, into.size() - at));
    if (file.read(offset + at, part)) continue;
    std::ranges::fill(part, std::byte{0});
    unreadable.insert(offset + at);
  }
}

void Window::load(std::uint64_t offset, std::uint64_t size) {
  HF_CHECK(offset + size <= end_, "{} + {} of {}", offset, size, end_);
  start_ = offset;
  bytes_.resize(std::min<std::uint64_t>(std::max<std::uint64_t>(size, bytes_at_once_), end_ - offset));
  unreadable_.clear();
  read_what_can_be_read(file_, offset, bytes_, unreadable_);
}

ByteView Window::view(std::uint64_t offset, std::uint64_t size) const {
  HF_CHECK(holds(offset, size), "{} + {} is not in the window", offset, size);
  return ByteView(bytes_).subspan(offset - start_, size);
}

bool Window::is_unreadable(std::uint64_t offset, std::uint64_t size) const {
  const auto at = unreadable_.lower_bound(offset / block_bytes * block_bytes);
  return at != unreadable_.end() && *at < offset + size;
}

}  // namespace holdfast::journal
