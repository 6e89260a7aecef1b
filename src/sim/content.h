// What a file of a simulated disk holds.
//
// Shape:  a file has its size from the start; what was never written of it is zeros. Of each block only what stands
//         before its last byte that is not zero takes memory: a record of a journal fills a tenth of its block, and a
//         day of twenty sites would else not fit into a machine. A copy shares its blocks until one of the two is
//         written to: images of whole disks are taken all day, and of a journal the last segment alone is written to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/bytes.h"

namespace holdfast::sim {

class SimContent {
 public:
  static constexpr std::size_t block_bytes = 4096;

  explicit SimContent(std::uint64_t size) : size_(size) {}
  explicit SimContent(ByteView whole) : size_(whole.size()) { write(0, whole); }

  std::uint64_t size() const { return size_; }
  std::size_t blocks() const { return blocks_->size(); }  // to the last one that was ever written to
  bool is_zero(std::size_t block) const { return (*blocks_)[block].empty(); }
  // Both within size().
  void read(std::uint64_t offset, std::span<std::byte> into) const;
  void write(std::uint64_t offset, ByteView bytes);
  void flip(std::uint64_t offset, std::byte bits);
  Bytes range(std::uint64_t offset, std::size_t size) const;
  // To the end of the last block that was ever written to, at most size().
  void written(Bytes& into) const;
  Bytes written() const;

 private:
  using Blocks = std::vector<Bytes>;                             // each without the zeros at its end
  std::shared_ptr<Blocks> blocks_ = std::make_shared<Blocks>();  // never written to while others have it, too
  std::uint64_t size_ = 0;
};

}  // namespace holdfast::sim
