#include "sim/content.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/check.h"

namespace holdfast::sim {
namespace {

std::size_t without_zeros_at_end(ByteView block) {
  static constexpr std::array<std::byte, 64> zeros{};
  std::size_t size = block.size();
  while (size >= zeros.size() && std::memcmp(block.data() + size - zeros.size(), zeros.data(), zeros.size()) == 0)
    size -= zeros.size();
  while (size > 0 && block[size - 1] == std::byte{0}) --size;
  return size;
}

}  // namespace

void SimContent::read(std::uint64_t offset, std::span<std::byte> into) const {
  HF_CHECK(offset <= size_ && into.size() <= size_ - offset, "{} bytes at {} of {}", into.size(), offset, size_);
  while (!into.empty()) {
    const std::size_t block = offset / block_bytes, from = offset % block_bytes;
    const auto part = into.first(std::min(into.size(), block_bytes - from));
    const ByteView there = block < blocks_->size() ? ByteView((*blocks_)[block]) : ByteView();
    const std::size_t size = from < there.size() ? std::min(part.size(), there.size() - from) : 0;
    if (size > 0) std::memcpy(part.data(), there.data() + from, size);
    std::ranges::fill(part.subspan(size), std::byte{0});
    into = into.subspan(part.size());
    offset += part.size();
  }
}

void SimContent::write(std::uint64_t offset, ByteView bytes) {
  HF_CHECK(offset <= size_ && bytes.size() <= size_ - offset, "{} bytes at {} of {}", bytes.size(), offset, size_);
  if (blocks_.use_count() > 1) blocks_ = std::make_shared<Blocks>(*blocks_);
  Blocks& blocks = *blocks_;
  if (!bytes.empty() && blocks.size() * block_bytes < offset + bytes.size())
    blocks.resize((offset + bytes.size() + block_bytes - 1) / block_bytes);
  while (!bytes.empty()) {
    Bytes& block = blocks[offset / block_bytes];
    const std::size_t from = offset % block_bytes;
    const ByteView part = bytes.first(std::min(bytes.size(), block_bytes - from));
    if (from == 0 && part.size() >= block.size()) {
      block = to_bytes(part.first(without_zeros_at_end(part)));
    } else {
      block.resize(std::max(block.size(), from + part.size()));
      std::memcpy(block.data() + from, part.data(), part.size());
      block.resize(without_zeros_at_end(block));
      block.shrink_to_fit();
    }
    bytes = bytes.subspan(part.size());
    offset += part.size();
  }
}

void SimContent::flip(std::uint64_t offset, std::byte bits) {
  Bytes one = range(offset, 1);
  one[0] ^= bits;
  write(offset, one);
}

Bytes SimContent::range(std::uint64_t offset, std::size_t size) const {
  Bytes out(size);
  read(offset, out);
  return out;
}

void SimContent::written(Bytes& into) const {
  into.resize(std::min<std::uint64_t>(size_, blocks() * block_bytes));
  read(0, into);
}

Bytes SimContent::written() const {
  Bytes out;
  written(out);
  return out;
}

}  // namespace holdfast::sim
