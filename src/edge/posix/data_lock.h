// One holdfast at a time in a data directory: an exclusive lock on DIR/LOCK, which holds the process id of its owner.
//
// Shape:  the kernel drops the lock with the process, however it ends; a LOCK file without a lock means nothing.
// Errors: edge/data_in_use: another holdfast runs here (pid N). base/not_found, base/disk_failed, base/disk_full.
#pragma once

#include "edge/posix/posix_disk.h"

namespace holdfast::edge {

class DataLock {
 public:
  static Result<DataLock> take(const std::string& directory);

 private:
  explicit DataLock(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace holdfast::edge
