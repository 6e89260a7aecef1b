// A disk of the simulation: files in memory, and all that a disk does wrong.
//
// Shape:  what a write has returned for is durable. crash_after(n) lets n writes pass; the one after it leaves what
//         `how` says of itself (any subset of its blocks; or it ends within a block) and fails, as does everything
//         until reboot(). Copying a SimDisk is taking its image: bytes alone, no fault of the disk they come from.
// Faults: each is asked for by the day and told to `faults`, if there is one, when it fires and when it bites.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/world.h"
#include "sim/content.h"
#include "sim/faults.h"
#include "sim/random.h"

namespace holdfast::sim {

class SimDisk final : public Disk {
 public:
  using FileMap = std::map<std::string, std::shared_ptr<SimContent>>;
  explicit SimDisk(Random random);
  SimDisk(const SimDisk& image);
  SimDisk& operator=(const SimDisk& image);

  void crash_after(std::uint64_t writes, Fault how = Fault::disk_unsynced_lost) {
    writes_left_ = writes;
    crashes_by_ = how;
  }
  // In the write behind the next one of this file.
  void crash_behind(std::string_view path, Fault how) {
    crashes_behind_ = path;
    crashes_by_ = how;
  }
  void reboot();
  bool is_full = false;  // no new file, no bytes in one; what has its room already is still written
  std::string full_for;  // no room for a file whose path has this in it; empty: there is for each
  bool crashed() const { return crashed_; }
  std::uint64_t writes() const { return writes_; }
  const FileMap& files() const { return files_; }

  Faults* faults = nullptr;  // outlives the disk; null: nobody counts
  void fail_next_sync() { fails_next_sync_ = true; }
  void fail_read_after(std::uint64_t reads) { reads_left_ = reads; }  // so many pass, the one after them fails
  void misdirect_next_write(bool is_wanted = true) { misdirects_next_write_ = is_wanted; }
  bool was_misdirected() const { return was_misdirected_; }
  // Flips a bit of a written block below journals/. False: there is none.
  bool rot();
  // A written sector below journals/ cannot be read from now on. False: there is none. Or this one of them.
  bool spoil_sector();
  void spoil_sector(const std::string& path, std::size_t block);
  // Undoes the newest writes, at most writes_remembered. False: there was nothing to undo.
  bool forget(std::size_t writes);
  static constexpr std::size_t writes_remembered = 20;
  Duration write_takes;  // each write; taken from its machine's time by take_time_spent()
  Duration take_time_spent() { return std::exchange(time_spent_, Duration{}); }

  Result<std::vector<std::string>> list(std::string_view directory) override;
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override;
  Result<std::unique_ptr<File>> open(std::string_view path) override;
  Result<Bytes> read_all(std::string_view path) override;
  Status write_all(std::string_view path, ByteView bytes) override;
  Status remove(std::string_view path) override;

 private:
  friend class SimFile;
  struct Before {  // a write
    std::string path;
    std::shared_ptr<SimContent> whole;  // null: the file was not there, or a range was written
    std::optional<std::uint64_t> offset;
    Bytes range;
  };
  // Whether this write may pass; if not, the disk has crashed in it.
  bool pass();
  std::unexpected<Error> lose_whole();
  bool has_no_room(std::string_view path) const {
    return is_full || (!full_for.empty() && path.find(full_for) != std::string_view::npos);
  }
  // Whether this read fails.
  bool fails_read(const std::string& path, std::uint64_t offset, std::uint64_t size);
  void keep_before(const std::string& path);
  void keep_range(const std::string& path, const SimContent& content, std::uint64_t offset, std::size_t size);
  void count(Fault fault, bool bit);
  std::optional<std::pair<std::string, std::size_t>> any_written_block();

  Random random_;
  FileMap files_;
  std::optional<std::uint64_t> writes_left_;
  std::string crashes_behind_;  // the file; empty: none
  std::optional<std::uint64_t> reads_left_;
  Fault crashes_by_ = Fault::disk_unsynced_lost;
  std::uint64_t writes_ = 0;
  bool crashed_ = false;
  bool fails_next_sync_ = false, misdirects_next_write_ = false, was_misdirected_ = false;
  std::set<std::pair<std::string, std::size_t>> spoilt_;  // path, number of the block
  std::deque<Before> before_;
  Duration time_spent_;
};

}  // namespace holdfast::sim
