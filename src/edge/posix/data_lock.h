// One holdfast at a time in a data directory: an exclusive lock on DIR/LOCK, which holds the process id of its owner.
//
// Shape:  the kernel drops the lock with the process, however it ends; a LOCK file without a lock means nothing. Nor
//         does DIR/http-address: it says where the owner answers, outlives a crash, and is removed by take().
// Errors: edge/data_in_use: another holdfast runs here (pid N). edge/not_owner. base/not_found, base/disk_failed,
//         base/disk_full.
#pragma once

#include "edge/posix/posix_disk.h"

namespace holdfast::edge {

inline constexpr std::string_view http_address_path = "http-address";  // in the data directory, while it is served

// edge/not_owner: the directory is another user's. One that is not there is nobody's.
Status check_owner(const std::string& directory);
// Root alone may write into another user's directory, and what root makes there the node, which runs as that user,
// cannot read: a seal typed as root would keep the store from starting.
Status check_root_stays_out(const std::string& directory);

class DataLock {
 public:
  static Result<DataLock> take(const std::string& directory);
  // Whether somebody has it; makes and changes nothing. An owner on another machine counts, where the file system is
  // shared and knows locks. What can only not be looked at (another user's directory) is an error and not "no".
  static Result<bool> is_held(const std::string& directory);

 private:
  explicit DataLock(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace holdfast::edge
