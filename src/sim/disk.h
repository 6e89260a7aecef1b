// A disk of the simulation: files in memory, and power cuts in the middle of a write.
//
// Shape:  what a write has returned for is durable. crash_after(n) lets n writes pass; the one after it leaves any
//         subset of its blocks and fails, as does everything until reboot(). Copying a SimDisk is taking its image.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sim/random.h"

namespace holdfast::sim {

class SimDisk final : public Disk {
 public:
  explicit SimDisk(Random random);
  SimDisk(const SimDisk& image);
  SimDisk& operator=(const SimDisk& image);

  void crash_after(std::uint64_t writes) { writes_left_ = writes; }
  void reboot();
  bool is_full = false;  // no new file, no bytes in one; what has its room already is still written
  bool crashed() const { return crashed_; }
  std::uint64_t writes() const { return writes_; }
  const std::map<std::string, std::shared_ptr<Bytes>>& files() const { return files_; }

  Result<std::vector<std::string>> list(std::string_view directory) override;
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override;
  Result<std::unique_ptr<File>> open(std::string_view path) override;
  Result<Bytes> read_all(std::string_view path) override;
  Status write_all(std::string_view path, ByteView bytes) override;
  Status remove(std::string_view path) override;

 private:
  friend class SimFile;
  // Whether this write may pass; if not, the disk has crashed in it.
  bool pass();
  Random random_;
  std::map<std::string, std::shared_ptr<Bytes>> files_;
  std::optional<std::uint64_t> writes_left_;
  std::uint64_t writes_ = 0;
  bool crashed_ = false;
};

}  // namespace holdfast::sim
