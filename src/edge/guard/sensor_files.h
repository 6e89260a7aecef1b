// The files of EVE lines of this site, read round by round, and what is told of those that cannot be read.
//
// Shape:  descriptor() is readable when there may be news, where the kernel tells (inotify); read() looks anyway.
//         In the log, once each: `sensor-file-unreadable` with path and why, and `sensor-file-read` when it is read
//         again, with how many bytes were there already and are not judged.
// Thread: unreadable() from any; the rest by the owner.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/guard/line_file.h"
#include "edge/posix/posix_disk.h"
#include "edge/serve/log.h"

namespace holdfast::guard {

class SensorFiles {
 public:
  SensorFiles(const std::vector<std::string>& paths, Clock& clock, serve::Log log,
              const LineFile::Open& open = LineFile::open_to_read);
  int descriptor() const { return inotify_.get(); }
  void clear_news() const;  // of the descriptor
  // `each`: a line; `is_enough`: asked before each file. True: there is more, and nothing will wake us for it.
  bool read(const std::function<bool()>& is_enough, const std::function<void(std::string_view)>& each);
  std::size_t unreadable() const { return unreadable_; }  // how many, now

 private:
  struct File {
    LineFile lines;
    bool is_told = false;           // that it cannot be read
    std::uint64_t passed_over = 0;  // told
  };
  void tell(File& file);
  serve::Log log_;
  edge::Descriptor inotify_;
  std::vector<File> files_;
  std::atomic<std::size_t> unreadable_ = 0;
};

}  // namespace holdfast::guard
