#include "edge/serve/overlay_disk.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::serve {
namespace {

// A file of the disk below may be read; it is never written here.
class BelowFile final : public File {
 public:
  explicit BelowFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Status write_durable(std::uint64_t, ByteView) override {
    return fail("base/disk_failed", "this directory is only looked at; nothing of it is written");
  }
  Status read(std::uint64_t offset, std::span<std::byte> into) override { return file_->read(offset, into); }
  std::uint64_t size() const override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
};

class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::shared_ptr<Bytes> bytes) : bytes_(std::move(bytes)) {}
  Status write_durable(std::uint64_t offset, ByteView bytes) override {
    if (offset + bytes.size() > bytes_->size()) return fail("base/disk_failed", "a write beyond the end of a file");
    std::ranges::copy(bytes, bytes_->begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset + into.size() > bytes_->size()) return fail("base/disk_failed", "a read beyond the end of a file");
    std::copy_n(bytes_->begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  }
  std::uint64_t size() const override { return bytes_->size(); }

 private:
  std::shared_ptr<Bytes> bytes_;
};

std::unexpected<Error> not_found(std::string_view path) {
  return fail("base/not_found", fmt::format("{} does not exist", path));
}

}  // namespace

bool OverlayDisk::is_hidden(std::string_view path) const {
  return hidden_.contains(std::string(path.substr(0, path.find('/'))));
}

Result<std::vector<std::string>> OverlayDisk::list(std::string_view directory) {
  std::set<std::string> names;
  if (!is_hidden(directory)) {
    HF_TRY(const auto below, below_.list(directory));
    names.insert(below.begin(), below.end());
  }
  const std::string prefix = directory.empty() ? std::string() : std::string(directory) + "/";
  for (const auto& [path, content] : changed_) {
    if (!path.starts_with(prefix)) continue;
    const std::string name = path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size());
    if (content) {
      names.insert(name);
    } else if (prefix.size() + name.size() == path.size()) {
      names.erase(name);
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::unique_ptr<File>> OverlayDisk::create(std::string_view path, std::uint64_t size) {
  auto content = std::make_shared<Bytes>(size);
  changed_[std::string(path)] = content;
  return std::make_unique<MemoryFile>(std::move(content));
}

Result<std::unique_ptr<File>> OverlayDisk::open(std::string_view path) {
  if (const auto changed = changed_.find(path); changed != changed_.end()) {
    if (!changed->second) return not_found(path);
    return std::make_unique<MemoryFile>(changed->second);
  }
  if (is_hidden(path)) return not_found(path);
  HF_TRY(auto file, below_.open(path));
  return std::make_unique<BelowFile>(std::move(file));
}

Result<Bytes> OverlayDisk::read_all(std::string_view path) {
  if (const auto changed = changed_.find(path); changed != changed_.end()) {
    if (!changed->second) return not_found(path);
    return *changed->second;
  }
  if (is_hidden(path)) return not_found(path);
  return below_.read_all(path);
}

Status OverlayDisk::write_all(std::string_view path, ByteView bytes) {
  changed_[std::string(path)] = std::make_shared<Bytes>(bytes.begin(), bytes.end());
  return {};
}
Status OverlayDisk::remove(std::string_view path) {
  changed_[std::string(path)] = nullptr;
  return {};
}

}  // namespace holdfast::serve
