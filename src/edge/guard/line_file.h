// Lines that another program appends to a file, which it rotates: renamed away or cut to nothing.
//
// Shape:  read() hands over each whole line that has been written since; half a line waits for its end. A renamed file
//         is read to its end before the new one under the path is begun. Begins at the end of the file: what was
//         written before this start is not news (a node that was down hears the sensor's next line).
//         A line longer than line_bytes_max is dropped whole, and counted. A round ends after round_bytes_max, so that
//         who writes without pause keeps nobody else waiting; true: there may be more.
// Errors: none; a file that is not there is looked for again.
// Thread: one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

#include "edge/posix/posix_disk.h"

namespace holdfast::guard {

class LineFile {
 public:
  static constexpr std::size_t line_bytes_max = 256u << 10;
  static constexpr std::size_t round_bytes_max = 256u << 10;

  explicit LineFile(std::string path);
  bool read(const std::function<void(std::string_view line)>& each);
  const std::string& path() const { return path_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  void open(bool at_end);
  bool read_on(const std::function<void(std::string_view)>& each);
  std::string path_;
  edge::Descriptor fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t offset_ = 0;
  std::string half_;
  bool skipping_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace holdfast::guard
