// Lines that another program appends to a file, which it rotates: renamed away or cut to nothing.
//
// Shape:  read() hands over each whole line that has been written since; half a line waits for its end. A renamed file
//         is read to its end before the new one under the path is begun. Begins at the end of the file: what was
//         written before this start is not news (a node that was down hears the sensor's next line). A file that was
//         not there is begun at its first line. One that was there and could not be opened for patience or longer is
//         begun at its end as well, since its lines may be days old by then; passed_over() counts those bytes. A
//         shorter time is what a rotation needs that makes the file first and gives it to its readers then.
//         A line longer than line_bytes_max is dropped whole, and counted. A round ends after round_bytes_max, so that
//         who writes without pause keeps nobody else waiting; true: there may be more.
// Errors: problem(): why the file under the path is not read, at once after the start and else after patience; it is
//         looked for again at each read(). A renamed file whose successor is not there yet is none: it is read on.
// Thread: one.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/world.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::guard {

class LineFile {
 public:
  static constexpr std::size_t line_bytes_max = 256u << 10;
  static constexpr std::size_t round_bytes_max = 256u << 10;
  static constexpr Duration patience = seconds(5);
  using Open = std::function<int(const std::string& path)>;  // a descriptor; -1: errno says why
  static int open_to_read(const std::string& path);

  LineFile(std::string path, Clock& clock, Open open = open_to_read);
  bool read(const std::function<void(std::string_view line)>& each);
  const std::string& path() const { return path_; }
  const std::string& problem() const { return problem_; }  // empty: none
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t passed_over() const { return passed_over_; }

 private:
  // What is under the path and is not read. inode 0: not even that is known.
  struct Shut {
    dev_t device = 0;
    ino_t inode = 0;
    Instant since;
  };
  void open(const struct stat& there);
  bool read_on(const std::function<void(std::string_view)>& each);
  bool is_open(const struct stat& there) const;
  void is_read();
  void is_not_read(std::string why, const struct stat* there);
  void is_away(int error);
  std::string path_;
  Clock* clock_;
  Open open_;
  edge::Descriptor fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t offset_ = 0;
  std::string half_;
  bool skipping_ = false;
  int read_error_ = 0;
  std::optional<Shut> shut_;
  std::string problem_;
  std::uint64_t dropped_ = 0, passed_over_ = 0;
};

}  // namespace holdfast::guard
