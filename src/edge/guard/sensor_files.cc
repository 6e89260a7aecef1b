#include "edge/guard/sensor_files.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <utility>

namespace holdfast::guard {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

SensorFiles::SensorFiles(const std::vector<std::string>& paths, Clock& clock, serve::Log log,
                         const LineFile::Open& open)
    : log_(std::move(log)), inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  for (const std::string& path : paths) {
    files_.push_back({LineFile(path, clock, open)});
    ::inotify_add_watch(inotify_.get(), directory_of(path).c_str(), IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_MOVED_TO);
    tell(files_.back());
  }
}

void SensorFiles::clear_news() const {
  alignas(inotify_event) char buffer[16 << 10];
  while (::read(inotify_.get(), buffer, sizeof buffer) > 0) continue;
}

bool SensorFiles::read(const std::function<bool()>& is_enough, const std::function<void(std::string_view)>& each) {
  bool more = false;
  for (File& file : files_) {
    if (is_enough()) return true;
    more |= file.lines.read(each);
    tell(file);
  }
  return more;
}

void SensorFiles::tell(File& file) {
  const std::string& problem = file.lines.problem();
  const bool is_unreadable = !problem.empty();
  if (is_unreadable == file.is_told) return;
  file.is_told = is_unreadable;
  if (is_unreadable) {
    ++unreadable_;
    log_.warn("sensor-file-unreadable",
              {{"path", file.lines.path()},
               {"why", problem},
               {"do",
                "nothing of this sensor is heard. Is the path in guard.toml right, does the sensor run, and may the "
                "node's user read it, also after it was rotated (group holdfast)?"}});
  } else {
    --unreadable_;
    const std::uint64_t before = std::exchange(file.passed_over, file.lines.passed_over());
    const std::uint64_t not_judged = file.passed_over - before;
    log_.warn("sensor-file-read",
              {{"path", file.lines.path()},
               {"bytes_not_judged", std::to_string(not_judged)},
               {"what", not_judged == 0 ? "it is heard from its first line on"
                                        : "what was in it already may be old and seals nothing; `holdfast guard try` "
                                          "says what the rules make of it"}});
  }
}

}  // namespace holdfast::guard
