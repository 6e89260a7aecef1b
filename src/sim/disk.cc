#include "sim/disk.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t block_bytes = SimContent::block_bytes, sector_bytes = 512;
auto no_room() { return fail("base/disk_full", "the simulated disk is full"); }
auto gone() { return fail("base/disk_failed", "the simulated disk has lost its power"); }
auto broken() { return fail("base/disk_failed", "the simulated disk has failed this once"); }
auto spoilt() { return fail("base/disk_failed", "a sector of the simulated disk cannot be read"); }

}  // namespace

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::string path, std::shared_ptr<SimContent> content)
      : disk_(disk), path_(std::move(path)), content_(std::move(content)) {}

  Status write_durable(std::uint64_t offset, ByteView bytes) override {
    HF_CHECK(offset % block_bytes == 0 && bytes.size() % block_bytes == 0 && offset + bytes.size() <= size(),
             "write of {} bytes at {} to a file of {}", bytes.size(), offset, size());
    if (disk_.crashed_) return gone();
    if (offset > 0 && std::exchange(disk_.misdirects_next_write_, false)) return write_elsewhere(offset, bytes);
    disk_.keep_range(path_, *content_, offset, bytes.size());
    const bool passes = disk_.pass();
    if (passes && !std::exchange(disk_.fails_next_sync_, false)) {
      content_->write(offset, bytes);
      return {};
    }
    const Fault why = passes ? Fault::disk_sync_fails : disk_.crashes_by_;
    disk_.count(why, why == Fault::disk_torn_write ? tear(offset, bytes) : leave_some(offset, bytes));
    return passes ? Status(broken()) : Status(gone());
  }
  Status read(std::uint64_t offset, std::span<std::byte> into) override {
    if (disk_.crashed_) return gone();
    if (offset > size() || into.size() > size() - offset) return fail("base/disk_failed", "a short read");
    if (disk_.fails_read(path_, offset, into.size())) return spoilt();
    content_->read(offset, into);
    return {};
  }
  std::uint64_t size() const override { return content_->size(); }

 private:
  // Any subset of its blocks is there. Whether it was not what was there before anyway.
  bool leave_some(std::uint64_t offset, ByteView bytes) {
    bool is_change = false;
    for (std::size_t at = 0; at < bytes.size(); at += block_bytes) {
      const ByteView block = bytes.subspan(at, block_bytes);
      is_change = is_change || !std::ranges::equal(content_->range(offset + at, block_bytes), block);
      if (disk_.random_.one_in(2)) content_->write(offset + at, block);
    }
    return is_change;
  }
  // It ends within one of its blocks: some of that one's sectors are there, and what is before it.
  bool tear(std::uint64_t offset, ByteView bytes) {
    constexpr std::uint64_t sectors = block_bytes / sector_bytes, all = (1u << sectors) - 1;
    const std::size_t torn = disk_.random_.below(bytes.size() / block_bytes) * block_bytes;
    const std::uint64_t there = 1 + disk_.random_.below(all - 1);  // a bit each; neither none nor all
    const bool is_change = !std::ranges::equal(content_->range(offset, bytes.size()), bytes);
    content_->write(offset, bytes.first(torn));
    for (std::size_t i = 0; i < sectors; ++i)
      if (((there >> i) & 1) != 0)
        content_->write(offset + torn + i * sector_bytes, bytes.subspan(torn + i * sector_bytes, sector_bytes));
    return is_change;
  }
  // Called done. Its own place stays as it was; a block before it has the first of these.
  Status write_elsewhere(std::uint64_t offset, ByteView bytes) {
    const std::uint64_t other = disk_.random_.below(offset / block_bytes);
    content_->write(other * block_bytes, bytes.first(block_bytes));
    disk_.was_misdirected_ = true;
    disk_.count(Fault::disk_misdirected_write, true);
    return {};
  }

  SimDisk& disk_;
  std::string path_;
  std::shared_ptr<SimContent> content_;
};

SimDisk::SimDisk(Random random) : random_(random) {}
SimDisk::SimDisk(const SimDisk& image) : random_(image.random_) {
  for (const auto& [path, content] : image.files_) files_[path] = std::make_shared<SimContent>(*content);
}
SimDisk& SimDisk::operator=(const SimDisk& image) {
  if (this == &image) return *this;
  files_.clear();
  for (const auto& [path, content] : image.files_) files_[path] = std::make_shared<SimContent>(*content);
  spoilt_.clear();
  before_.clear();
  was_misdirected_ = false;
  is_full = false;
  full_for.clear();
  reboot();
  return *this;
}

void SimDisk::reboot() {
  crashed_ = false;
  writes_left_.reset();
  crashes_behind_.clear();
  reads_left_.reset();
  fails_next_sync_ = misdirects_next_write_ = false;
}

void SimDisk::count(Fault fault, bool bit) {
  if (faults == nullptr) return;
  faults->fired(fault);
  if (bit) faults->bit(fault);
}

bool SimDisk::pass() {
  ++writes_;
  time_spent_ = Duration{time_spent_.ns + write_takes.ns};
  if (!writes_left_) return true;
  if (*writes_left_ > 0) {
    --*writes_left_;
    return true;
  }
  crashed_ = true;
  return false;
}

// The power fails before a file is there, or gone: whole or not at all, so nothing is torn.
std::unexpected<Error> SimDisk::lose_whole() {
  count(Fault::disk_unsynced_lost, true);
  return gone();
}

void SimDisk::keep_before(const std::string& path) {
  const auto it = files_.find(path);
  before_.push_back({path, it == files_.end() ? nullptr : it->second, {}, {}});
  if (before_.size() > writes_remembered) before_.pop_front();
}

void SimDisk::keep_range(const std::string& path, const SimContent& content, std::uint64_t offset, std::size_t size) {
  before_.push_back({path, nullptr, offset, content.range(offset, size)});
  if (before_.size() > writes_remembered) before_.pop_front();
}

bool SimDisk::forget(std::size_t writes) {
  bool any = false;
  for (; writes > 0 && !before_.empty(); --writes) {
    Before last = std::move(before_.back());
    before_.pop_back();
    any = true;
    if (last.offset) {
      files_.at(last.path)->write(*last.offset, last.range);
    } else if (last.whole) {
      files_[last.path] = std::move(last.whole);
    } else {
      files_.erase(last.path);
    }
  }
  return any;
}

// Of a file of a journal, a block that is not all zeros.
std::optional<std::pair<std::string, std::size_t>> SimDisk::any_written_block() {
  std::vector<std::pair<std::string, std::size_t>> written;
  for (const auto& [path, content] : files_) {
    if (!path.starts_with("journals/")) continue;
    for (std::size_t block = 0; block < content->blocks(); ++block)
      if (!content->is_zero(block)) written.emplace_back(path, block);
  }
  if (written.empty()) return std::nullopt;
  return written[random_.below(written.size())];
}

bool SimDisk::rot() {
  const auto place = any_written_block();
  if (!place) return false;
  SimContent& content = *files_[place->first];
  const Bytes bytes = content.range(place->second * block_bytes, block_bytes);
  // Where something is written: the zeros behind a record rot unseen, and harm nobody.
  std::vector<std::size_t> written;
  for (std::size_t i = 0; i < block_bytes; ++i)
    if (bytes[i] != std::byte{0}) written.push_back(place->second * block_bytes + i);
  const std::size_t at = written[random_.below(written.size())];
  content.flip(at, static_cast<std::byte>(1u << random_.below(8)));
  return true;
}

bool SimDisk::spoil_sector() {
  const auto place = any_written_block();
  if (place) spoil_sector(place->first, place->second);
  return place.has_value();
}

// What was there is nowhere, neither for an image nor for whoever looks at the bytes.
void SimDisk::spoil_sector(const std::string& path, std::size_t block) {
  spoilt_.insert({path, block});
  files_.at(path)->write(block * block_bytes, Bytes(block_bytes, std::byte{0xDB}));
}

bool SimDisk::fails_read(const std::string& path, std::uint64_t offset, std::uint64_t size) {
  if (reads_left_ && (*reads_left_)-- == 0) {
    reads_left_.reset();
    count(Fault::disk_read_fails, true);
    return true;
  }
  for (const auto& [of, block] : spoilt_)
    if (of == path && block * block_bytes < offset + size && (block + 1) * block_bytes > offset) {
      if (faults != nullptr) faults->bit(Fault::disk_unreadable);
      return true;
    }
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
  const std::string name(path);
  if (files_.contains(name)) return fail("base/disk_failed", name + " exists already");
  if (has_no_room(name)) {
    if (faults != nullptr) faults->bit(Fault::disk_full);
    return no_room();
  }
  keep_before(name);
  if (!pass()) return lose_whole();
  auto& content = files_[name] = std::make_shared<SimContent>(size);
  return std::make_unique<SimFile>(*this, name, content);
}

Result<std::unique_ptr<File>> SimDisk::open(std::string_view path) {
  if (crashed_) return gone();
  const auto it = files_.find(std::string(path));
  if (it == files_.end()) return fail("base/not_found", std::string(path) + " does not exist");
  return std::make_unique<SimFile>(*this, it->first, it->second);
}

Result<Bytes> SimDisk::read_all(std::string_view path) {
  if (crashed_) return gone();
  const auto it = files_.find(std::string(path));
  if (it == files_.end()) return fail("base/not_found", std::string(path) + " does not exist");
  if (fails_read(it->first, 0, it->second->size())) return spoilt();
  return it->second->range(0, it->second->size());
}

Status SimDisk::write_all(std::string_view path, ByteView bytes) {
  if (!crashed_ && has_no_room(path) && !bytes.empty()) {
    if (faults != nullptr) faults->bit(Fault::disk_full);
    return no_room();
  }
  if (crashed_) return gone();
  keep_before(std::string(path));
  if (!pass()) return lose_whole();
  if (std::exchange(fails_next_sync_, false)) {
    count(Fault::disk_sync_fails, true);
    return broken();
  }
  files_[std::string(path)] = std::make_shared<SimContent>(bytes);
  if (path == crashes_behind_) crash_after(0, crashes_by_);
  return {};
}

Status SimDisk::remove(std::string_view path) {
  if (crashed_) return gone();
  keep_before(std::string(path));
  if (!pass()) return lose_whole();
  files_.erase(std::string(path));
  return {};
}

}  // namespace holdfast::sim
