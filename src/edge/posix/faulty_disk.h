// For tests: a Disk that passes everything on to another until the bytes it may still take are used up; from then on
// every write says base/disk_full, like a disk that has filled up. Give it room again by raising bytes_left.
#pragma once

#include <memory>
#include <string>

#include "core/base/world.h"

namespace holdfast::edge {

class FaultyDisk final : public Disk {
 public:
  FaultyDisk(Disk& below, std::uint64_t bytes) : bytes_left(bytes), below_(below) {}
  std::uint64_t bytes_left;
  std::uint64_t refused = 0;

  Result<std::vector<std::string>> list(std::string_view directory) override { return below_.list(directory); }
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override {
    HF_TRY_VOID(take(size));
    return guarded(below_.create(path, size));
  }
  Result<std::unique_ptr<File>> open(std::string_view path) override { return guarded(below_.open(path)); }
  Result<Bytes> read_all(std::string_view path) override { return below_.read_all(path); }
  Status write_all(std::string_view path, ByteView bytes) override {
    HF_TRY_VOID(take(bytes.size()));
    return below_.write_all(path, bytes);
  }
  Status remove(std::string_view path) override { return below_.remove(path); }

 private:
  // Writes inside a file that create() has filled with zeros take no new space, but do on file systems that copy on
  // write.
  struct FaultyFile final : File {
    FaultyFile(FaultyDisk& d, std::unique_ptr<File> f) : disk(d), below(std::move(f)) {}
    Status write_durable(std::uint64_t offset, ByteView bytes) override {
      HF_TRY_VOID(disk.take(bytes.size()));
      return below->write_durable(offset, bytes);
    }
    Status read(std::uint64_t offset, std::span<std::byte> into) override { return below->read(offset, into); }
    std::uint64_t size() const override { return below->size(); }
    FaultyDisk& disk;
    std::unique_ptr<File> below;
  };

  Result<std::unique_ptr<File>> guarded(Result<std::unique_ptr<File>> file) {
    if (!file) return file;
    return std::make_unique<FaultyFile>(*this, std::move(*file));
  }
  Status take(std::uint64_t bytes) {
    if (bytes > bytes_left) {
      ++refused;
      bytes_left = 0;
      return fail("base/disk_full", "The disk of this test is full.");
    }
    bytes_left -= bytes;
    return {};
  }
  Disk& below_;
};

}  // namespace holdfast::edge
