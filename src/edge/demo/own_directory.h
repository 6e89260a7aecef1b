// A directory that the demo made, marked and may therefore destroy; nothing else is ever removed or overwritten.
//
// Shape:  DIR/holdfast-demo is the marker, a plain file of this user, the same that demo/lib/chain.mjs reads and
//         writes. Its first line is "Made by Holdfast's demo or tests, which may destroy it."; a file that says
//         something else is no marker. While a demo or a test works in DIR its second line is "process PID started
//         TICKS" (field 22 of /proc/PID/stat, so that a number given out again is no longer meant). This program also
//         locks the file, so that of two that start at once one is refused.
// Errors: demo/not_ours: something is there that the demo did not make, or that another user owns. demo/in_use: a demo
//         runs there already. demo/failed: the system's reason. Each says what to do.
#pragma once

#include <string>

#include "core/base/result.h"

namespace holdfast::demo {

inline constexpr std::string_view marker_name = "holdfast-demo";

class OwnDirectory {
 public:
  // Makes it, or empties the one that an earlier demo left.
  static Result<OwnDirectory> make(const std::string& path);
  OwnDirectory(OwnDirectory&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  OwnDirectory& operator=(OwnDirectory&&) = delete;
  ~OwnDirectory();

  const std::string& path() const { return path_; }
  Status remove();  // all of it

 private:
  OwnDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
};

// Marks a directory below the demo's own as one that may be overwritten.
Status mark(const std::string& path);
struct Destroyed {
  std::uint64_t files = 0, bytes = 0;
};
// What an attacker's program would do: every byte of every file replaced by noise. Only in a marked directory.
Result<Destroyed> overwrite_all(const std::string& path);

}  // namespace holdfast::demo
