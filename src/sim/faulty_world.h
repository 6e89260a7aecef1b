// For tests: a disk and a network that pass everything on, and fail in the Nth operation.
//
// Shape:  operations are counted from arm(): of a disk every call, reads too; of a network every dial and every
//         message. error: that operation fails and the process goes on; a write that failed may be on the disk, in part
//         or whole. power: everything fails from there until the disk is rebooted; a write leaves any of its blocks.
//         A network's operation fails once: what is dialled does not answer, or the connection breaks with the message.
#pragma once

#include <memory>
#include <string>

#include "sim/disk.h"
#include "sim/net.h"

namespace holdfast::sim {

enum class FailureKind { none, error, power };

// Which operation fails; shared by all that are counted together.
class FailurePlan {
 public:
  void arm(FailureKind fault, std::uint64_t nth) {
    fault_ = fault;
    nth_ = nth;
    count_ = 0;
    failed_ = {};
    failed_a_write_ = false;
  }
  void disarm() { fault_ = FailureKind::none; }
  bool fired() const { return !failed_.empty(); }
  bool failed_a_write() const { return failed_a_write_; }
  const std::string& failed() const { return failed_; }  // "write_all posture"
  std::uint64_t nth() const { return nth_; }

  // What happens to the operation that is about to begin.
  FailureKind next(std::string_view what, std::string_view of, bool is_write) {
    if (fault_ == FailureKind::none || ++count_ < nth_) return FailureKind::none;
    if (count_ > nth_) return fault_ == FailureKind::power ? FailureKind::power : FailureKind::none;
    failed_ = std::string(what) + " " + std::string(of);
    failed_a_write_ = is_write;
    return fault_;
  }

 private:
  FailureKind fault_ = FailureKind::none;
  std::uint64_t nth_ = 0, count_ = 0;
  std::string failed_;
  bool failed_a_write_ = false;
};

class FaultyDisk final : public Disk {
 public:
  FaultyDisk(SimDisk& below, FailurePlan& faults) : below_(below), faults_(faults) {}

  Result<std::vector<std::string>> list(std::string_view directory) override {
    if (faults_.next("list", directory, false) != FailureKind::none) return broken();
    return below_.list(directory);
  }
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override {
    const FailureKind fault = begin_write("create", path);
    auto file = below_.create(path, size);
    if (fault == FailureKind::error && leaves_nothing() && file) (void)below_.remove(path);
    if (fault != FailureKind::none) return broken();
    return guarded(std::move(file), path);
  }
  Result<std::unique_ptr<File>> open(std::string_view path) override {
    if (faults_.next("open", path, false) != FailureKind::none) return broken();
    return guarded(below_.open(path), path);
  }
  Result<Bytes> read_all(std::string_view path) override {
    if (faults_.next("read_all", path, false) != FailureKind::none) return broken();
    return below_.read_all(path);
  }
  Status write_all(std::string_view path, ByteView bytes) override {
    const FailureKind fault = begin_write("write_all", path);
    if (fault == FailureKind::error && leaves_nothing()) return broken();
    const Status written = below_.write_all(path, bytes);
    return fault == FailureKind::none ? written : Status(broken());
  }
  Status remove(std::string_view path) override {
    const FailureKind fault = begin_write("remove", path);
    if (fault == FailureKind::error && leaves_nothing()) return broken();
    const Status removed = below_.remove(path);
    return fault == FailureKind::none ? removed : Status(broken());
  }

 private:
  struct FaultyFile final : File {
    FaultyFile(FaultyDisk& d, std::unique_ptr<File> f, std::string p)
        : disk(d), below(std::move(f)), path(std::move(p)) {}
    Status write_durable(std::uint64_t offset, ByteView bytes) override {
      const FailureKind fault = disk.begin_write("write", path);
      if (fault == FailureKind::error)  // half of it, or nothing
        bytes = bytes.first(disk.leaves_nothing() ? 0 : bytes.size() / 2 / 4096 * 4096);
      const Status written = below->write_durable(offset, bytes);
      return fault == FailureKind::none ? written : Status(broken());
    }
    Status read(std::uint64_t offset, std::span<std::byte> into) override {
      if (disk.faults_.next("read", path, false) != FailureKind::none) return broken();
      return below->read(offset, into);
    }
    std::uint64_t size() const override { return below->size(); }
    FaultyDisk& disk;
    std::unique_ptr<File> below;
    std::string path;
  };

  static std::unexpected<Error> broken() { return fail("base/disk_failed", "the disk of this test has failed"); }
  // The Nth operation leaves what it would, by turns.
  bool leaves_nothing() const { return faults_.nth() % 2 == 0; }
  FailureKind begin_write(std::string_view what, std::string_view path) {
    const FailureKind fault = faults_.next(what, path, true);
    if (fault == FailureKind::power && !below_.crashed()) below_.crash_after(0);
    return fault;
  }
  Result<std::unique_ptr<File>> guarded(Result<std::unique_ptr<File>> file, std::string_view path) {
    if (!file) return file;
    return std::make_unique<FaultyFile>(*this, std::move(*file), std::string(path));
  }
  SimDisk& below_;
  FailurePlan& faults_;
};

class FaultyNet final : public Net {
 public:
  FaultyNet(Wire& below, FailurePlan& faults) : below_(below), faults_(faults) {}
  NetEvents* events = nullptr;  // of the node that this is the network of

  ConnectionId dial(std::string_view address) override {
    const bool fails = faults_.next("dial", address, false) != FailureKind::none;
    return below_.dial(fails ? "nobody:0" : address);
  }
  void send(ConnectionId to, Bytes message) override {
    if (faults_.next("send", std::to_string(message.size()) + " bytes", false) == FailureKind::none)
      return below_.send(to, std::move(message));
    below_.close(to);
    if (events != nullptr) events->on_closed(to);
  }
  std::size_t unsent_bytes(ConnectionId to) override { return below_.unsent_bytes(to); }
  void close(ConnectionId connection) override { below_.close(connection); }

 private:
  Wire& below_;
  FailurePlan& faults_;
};

}  // namespace holdfast::sim
