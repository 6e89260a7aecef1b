// What a file looks like, to be compared with how it looked before.
//
// Errors: error, an errno: nothing is known of the file, unless is_gone(). A file server that is away, or a disk that
//         fails, is no file that somebody removed.
// Thread: look_at() from any; it waits as long as the file's disk or server makes it, which may be for ever.
#pragma once

#include <cerrno>
#include <string>

#include "core/base/crypto.h"

namespace holdfast::guard {

inline bool is_gone(int error) { return error == ENOENT || error == ENOTDIR; }

struct FileLook {
  int error = 0;  // ENOENT: it is not there
  bool is_plain = false;
  std::uint64_t size = 0, inode = 0;
  std::int64_t changed_ns = 0;
  Hash content{};  // none: not asked for, too large, or not to be read by us
  bool operator==(const FileLook&) const = default;
  bool is_there() const { return error == 0; }
  bool is_known() const { return error == 0 || is_gone(error); }
};
FileLook look_at(const std::string& path, bool content);

}  // namespace holdfast::guard
