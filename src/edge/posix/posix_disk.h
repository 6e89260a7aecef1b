// The real disk: a tree of files below one directory, and nothing outside it.
//
// Shape:  every path is walked component by component without following symbolic links, so that no name, and nothing
//         that somebody planted in the directory, leads out of it. Files are mode 0600, directories 0700. A file is
//         made under a temporary name (".NAME.tmp", which list() hides) and renamed when it is whole and durable; what
//         a crash leaves under such a name is replaced by the next attempt.
//         Files from create() hold real zeros, not reserved blocks, so that a later write_durable changes no metadata:
//         one O_DIRECT | O_DSYNC write, with O_DSYNC alone where the file system has no direct I/O (found out once, at
//         open_root()).
// Errors: base/not_found, base/disk_full (names the file system and what to do), base/disk_failed (everything else,
//         with the system's reason).
// After:  a failed create() or write_all() leaves nothing new and the old file whole, but where the file was in place
//         already and its directory could not be made durable ("make durable" in the error). A failed write_durable():
//         see File.
// Thread: one, as core/base/world.h says.
#pragma once

#include <set>
#include <string>

#include "core/base/world.h"

namespace holdfast::edge {

// An open file descriptor, closed at the end of its life.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

class PosixDisk final : public Disk {
 public:
  // The directory must exist; make_directory() makes it.
  static Result<std::unique_ptr<PosixDisk>> open_root(const std::string& root);

  Result<std::vector<std::string>> list(std::string_view directory) override;
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override;
  Result<std::unique_ptr<File>> open(std::string_view path) override;
  Result<Bytes> read_all(std::string_view path) override;
  Status write_all(std::string_view path, ByteView bytes) override;
  Status remove(std::string_view path) override;

  bool direct_io() const { return direct_io_; }
  const std::string& root() const { return root_; }

 private:
  PosixDisk(std::string root, Descriptor directory) : root_(std::move(root)), directory_(std::move(directory)) {}
  struct Place {  // an open parent directory, and the last component
    Descriptor parent;
    std::string name;
  };
  enum class Missing { fail, make };
  Result<Place> place(std::string_view path, Missing missing);
  Result<Descriptor> walk(std::string_view directory, Missing missing);
  Result<Descriptor> start_temporary(const Place& place, std::string_view path);
  Status finish_temporary(const Place& place, std::string_view path, bool replace);
  Result<std::unique_ptr<File>> open_at(const Place& place, std::string_view path);
  bool probe_direct_io();

  std::string root_;
  Descriptor directory_;
  std::set<std::string> durable_;  // directories whose names are on the disk for sure
  bool direct_io_ = false;
};

// Makes `path` and its missing parents, durably, mode 0700. Existing is fine. base/disk_failed, base/disk_full.
Status make_directory(const std::string& path);

// What errno `error` means for the file `path` below `root`: base/not_found, base/disk_full or base/disk_failed.
Error disk_error(int error, std::string_view doing, const std::string& root, std::string_view path);

}  // namespace holdfast::edge
