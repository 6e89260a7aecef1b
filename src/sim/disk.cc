#include "sim/disk.h"

#include <set>

#include "core/base/check.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t block_bytes = 4096;
auto no_room() { return fail("base/disk_failed", "the simulated disk is full"); }
auto gone() { return fail("base/disk_failed", "the simulated disk has lost its power"); }

}  // namespace

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<Bytes> bytes) : disk_(disk), bytes_(std::move(bytes)) {}

  Status write_durable(std::uint64_t offset, ByteView bytes) override {
    HF_CHECK(offset % block_bytes == 0 && bytes.size() % block_bytes == 0 && offset + bytes.size() <= bytes_->size(),
             "write of {} bytes at {} to a file of {}", bytes.size(), offset, bytes_->size());
    if (disk_.crashed_) return gone();
    const bool whole = disk_.pass();
    for (std::size_t at = 0; at < bytes.size(); at += block_bytes)
      if (whole || disk_.random_.one_in(2)) std::memcpy(bytes_->data() + offset + at, bytes.data() + at, block_bytes);
    return whole ? Status() : Status(gone());
  }
  Status read(std::uint64_t offset, std::span<std::byte> into) override {
    if (disk_.crashed_) return gone();
    if (offset > bytes_->size() || into.size() > bytes_->size() - offset)
      return fail("base/disk_failed", "a short read");
    std::memcpy(into.data(), bytes_->data() + offset, into.size());
    return {};
  }
  std::uint64_t size() const override { return bytes_->size(); }

 private:
  SimDisk& disk_;
  std::shared_ptr<Bytes> bytes_;
};

SimDisk::SimDisk(Random random) : random_(random) {}
SimDisk::SimDisk(const SimDisk& image) : random_(image.random_) {
  for (const auto& [path, bytes] : image.files_) files_[path] = std::make_shared<Bytes>(*bytes);
}
SimDisk& SimDisk::operator=(const SimDisk& image) {
  if (this == &image) return *this;
  files_.clear();
  for (const auto& [path, bytes] : image.files_) files_[path] = std::make_shared<Bytes>(*bytes);
  reboot();
  return *this;
}

void SimDisk::reboot() {
  crashed_ = false;
  writes_left_.reset();
}

bool SimDisk::pass() {
  ++writes_;
  if (!writes_left_) return true;
  if (*writes_left_ > 0) {
    --*writes_left_;
    return true;
  }
  crashed_ = true;
  return false;
}

Result<std::vector<std::string>> SimDisk::list(std::string_view directory) {
  const std::string prefix = std::string(directory) + "/";
  std::set<std::string> names;
  for (const auto& [path, bytes] : files_)
    if (path.starts_with(prefix))
      names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::unique_ptr<File>> SimDisk::create(std::string_view path, std::uint64_t size) {
  if (crashed_) return gone();
  if (files_.contains(std::string(path))) return fail("base/disk_failed", std::string(path) + " exists already");
  if (is_full) return no_room();
  if (!pass()) return gone();
  auto& bytes = files_[std::string(path)] = std::make_shared<Bytes>(size);
  return std::make_unique<SimFile>(*this, bytes);
}

Result<std::unique_ptr<File>> SimDisk::open(std::string_view path) {
  if (crashed_) return gone();
  const auto it = files_.find(std::string(path));
  if (it == files_.end()) return fail("base/not_found", std::string(path) + " does not exist");
  return std::make_unique<SimFile>(*this, it->second);
}

Result<Bytes> SimDisk::read_all(std::string_view path) {
  if (crashed_) return gone();
  const auto it = files_.find(std::string(path));
  if (it == files_.end()) return fail("base/not_found", std::string(path) + " does not exist");
  return *it->second;
}

Status SimDisk::write_all(std::string_view path, ByteView bytes) {
  if (!crashed_ && is_full && !bytes.empty()) return no_room();
  if (crashed_ || !pass()) return gone();  // whole or not at all
  files_[std::string(path)] = std::make_shared<Bytes>(to_bytes(bytes));
  return {};
}

Status SimDisk::remove(std::string_view path) {
  if (crashed_ || !pass()) return gone();
  files_.erase(std::string(path));
  return {};
}

}  // namespace holdfast::sim
