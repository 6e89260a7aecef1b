// A disk in memory for tests, that can be made to fail in every way a real one does. Deterministic.
//
// Shape:  write_durable(), create(), write_all() and remove() are numbered; stop_at() says at which of them the machine
//         stops and what is left of it. From then on every change fails until restart().
// Thread: one.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/base/check.h"
#include "core/base/world.h"

namespace holdfast::journal {

// What is on the platter of the operation in which the machine stopped.
enum class Left { nothing, torn, all };

class MemoryDisk final : public Disk {
 public:
  explicit MemoryDisk(std::uint64_t seed = 1) : seed_(seed * 2 + 1) {}

  // The `countdown`-th change from now (1: the next) stops the machine.
  void stop_at(std::uint64_t countdown, Left left) {
    countdown_ = countdown;
    left_ = left;
  }
  bool is_stopped() const { return is_stopped_; }
  void restart() {
    is_stopped_ = false;
    countdown_ = 0;
  }
  std::uint64_t changes() const { return changes_; }
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void flip_bit(const std::string& path, std::uint64_t bit) {
    files_.at(path)->at(bit / 8) ^= static_cast<std::byte>(1u << bit % 8);
  }
  // From now on, no read of this block succeeds.
  void make_unreadable(const std::string& path, std::uint64_t block) { unreadable_.insert({files_.at(path), block}); }
  Bytes& content(const std::string& path) { return *files_.at(path); }
  void rename(const std::string& from, const std::string& to) {
    files_[to] = files_.at(from);
    files_.erase(from);
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    out.reserve(files_.size());
    for (const auto& [path, bytes] : files_) out.push_back(path);
    return out;
  }
  std::unique_ptr<MemoryDisk> copy() const {
    auto out = std::make_unique<MemoryDisk>();
    for (const auto& [path, bytes] : files_) out->files_[path] = std::make_shared<Bytes>(*bytes);
    return out;
  }

  Result<std::vector<std::string>> list(std::string_view directory) override {
    std::set<std::string> names;
    const std::string prefix = std::string(directory) + "/";
    for (const auto& [path, bytes] : files_)
      if (path.starts_with(prefix))
        names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override {
    HF_CHECK(!files_.contains(std::string(path)), "{} exists", path);
    if (used() + size > capacity_) return fail("base/disk_full", "the disk is full");
    const bool is_last = begin_change();
    if (is_stopped_ && (!is_last || left_ == Left::nothing)) return stopped();
    auto bytes = std::make_shared<Bytes>(is_stopped_ && left_ == Left::torn ? random(size) / 512 * 512 : size);
    files_[std::string(path)] = bytes;
    if (is_stopped_) return stopped();
    return std::make_unique<MemoryFile>(*this, bytes);
  }
  Result<std::unique_ptr<File>> open(std::string_view path) override {
    const auto at = files_.find(std::string(path));
    if (at == files_.end()) return fail("base/not_found", fmt::format("{} does not exist", path));
    return std::make_unique<MemoryFile>(*this, at->second);
  }
  Result<Bytes> read_all(std::string_view path) override {
    const auto at = files_.find(std::string(path));
    if (at == files_.end()) return fail("base/not_found", fmt::format("{} does not exist", path));
    if (is_unreadable(at->second, 0, at->second->size())) return unreadable();
    return *at->second;
  }
  Status write_all(std::string_view path, ByteView bytes) override {
    if (used() + bytes.size() > capacity_) return fail("base/disk_full", "the disk is full");
    const bool is_last = begin_change();
    if (!is_stopped_ || (is_last && left_ == Left::all))
      files_[std::string(path)] = std::make_shared<Bytes>(to_bytes(bytes));
    if (is_stopped_) return stopped();
    return {};
  }
  Status remove(std::string_view path) override {
    const bool is_last = begin_change();
    if (!is_stopped_ || (is_last && left_ == Left::all)) files_.erase(std::string(path));
    if (is_stopped_) return stopped();
    return {};
  }

 private:
  class MemoryFile final : public File {
   public:
    MemoryFile(MemoryDisk& disk, std::shared_ptr<Bytes> bytes) : disk_(disk), bytes_(std::move(bytes)) {}
    Status write_durable(std::uint64_t offset, ByteView bytes) override {
      HF_CHECK(offset % 4096 == 0 && bytes.size() % 4096 == 0 && offset + bytes.size() <= bytes_->size(),
               "{} + {} of {}", offset, bytes.size(), bytes_->size());
      const bool is_last = disk_.begin_change();
      if (disk_.is_stopped_ && !is_last) return stopped();
      for (std::size_t at = 0; at < bytes.size(); at += 512) {  // sectors reach the platter in any order
        const bool is_left =
            !disk_.is_stopped_ || disk_.left_ == Left::all || (disk_.left_ == Left::torn && disk_.random(2) == 0);
        if (is_left) std::memcpy(bytes_->data() + offset + at, bytes.data() + at, 512);
      }
      if (disk_.is_stopped_) return stopped();
      return {};
    }
    Status read(std::uint64_t offset, std::span<std::byte> into) override {
      if (offset + into.size() > bytes_->size()) return fail("base/disk_failed", "short read");
      if (disk_.is_unreadable(bytes_, offset, into.size())) return unreadable();
      if (!into.empty()) std::memcpy(into.data(), bytes_->data() + offset, into.size());
      return {};
    }
    std::uint64_t size() const override { return bytes_->size(); }

   private:
    MemoryDisk& disk_;
    std::shared_ptr<Bytes> bytes_;
  };

  bool is_unreadable(const std::shared_ptr<Bytes>& file, std::uint64_t offset, std::uint64_t size) const {
    const auto bad = unreadable_.lower_bound({file, offset / 4096});
    return bad != unreadable_.end() && bad->first == file && bad->second * 4096 < offset + size;
  }
  static std::unexpected<Error> unreadable() { return fail("base/disk_failed", "a sector cannot be read"); }
  static std::unexpected<Error> stopped() { return fail("base/disk_failed", "the machine has stopped"); }
  // True if the machine stops in this very change.
  bool begin_change() {
    ++changes_;
    if (is_stopped_ || countdown_ == 0) return false;
    --countdown_;
    is_stopped_ = countdown_ == 0;
    return is_stopped_;
  }
  std::uint64_t random(std::uint64_t below) {  // xorshift64*
    seed_ ^= seed_ >> 12;
    seed_ ^= seed_ << 25;
    seed_ ^= seed_ >> 27;
    return seed_ * 0x2545F4914F6CDD1Dull % below;
  }
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [path, bytes] : files_) sum += bytes->size();
    return sum;
  }

  std::map<std::string, std::shared_ptr<Bytes>> files_;
  std::set<std::pair<std::shared_ptr<const Bytes>, std::uint64_t>> unreadable_;
  std::uint64_t seed_;
  std::uint64_t countdown_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t capacity_ = ~0ull;
  Left left_ = Left::nothing;
  bool is_stopped_ = false;
};

}  // namespace holdfast::journal
