#include "edge/guard/touched.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

namespace holdfast::guard {
namespace {

constexpr std::uint64_t file_changes = FAN_MODIFY | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF;
constexpr std::uint64_t tree_changes =
    file_changes | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_EVENT_ON_CHILD | FAN_ONDIR;

std::string_view what_happened(std::uint64_t mask) {
  if (mask & FAN_MODIFY) return "was written to";
  if (mask & (FAN_DELETE | FAN_DELETE_SELF)) return "was removed from";
  if (mask & (FAN_MOVED_FROM | FAN_MOVED_TO | FAN_MOVE_SELF)) return "was renamed in";
  if (mask & FAN_CREATE) return "was added to";
  return "was changed";
}

// Which program that is, where we may know it and it still runs.
std::string maker(std::int32_t pid) {
  if (pid <= 0) return "another process";
  std::string name;
  std::ifstream comm(fmt::format("/proc/{}/comm", pid));
  std::getline(comm, name);
  return name.empty() ? fmt::format("process {}", pid) : fmt::format("process {} ({})", pid, name);
}

}  // namespace

FanGroup::FanGroup(std::string signature, std::string what, bool wanted)
    : signature_(std::move(signature)), what_(std::move(what)) {
  if (wanted)
    fan_ = edge::Descriptor(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY));
}

int FanGroup::mark(const std::string& path, bool is_directory) const {
  const std::uint64_t mask = is_directory ? tree_changes : file_changes;
  return ::fanotify_mark(fan_.get(), FAN_MARK_ADD, mask, AT_FDCWD, path.c_str()) == 0 ? 0 : errno;
}

void FanGroup::read(std::vector<Touched>& out) const {
  char buffer[64 << 10];
  std::set<std::string> told;  // once a round: who overwrites files does it faster than people read
  for (int round = 0; round < 64; ++round) {
    const ssize_t n = ::read(fan_.get(), buffer, sizeof buffer);
    if (n <= 0) return;
    const auto size = static_cast<std::size_t>(n);
    for (std::size_t at = 0; at + sizeof(fanotify_event_metadata) <= size;) {
      fanotify_event_metadata event;  // copied: lengths are multiples of 4, so the next one may lie between words
      std::memcpy(&event, buffer + at, sizeof event);
      if (event.event_len < sizeof event || event.event_len > size - at) break;
      at += event.event_len;
      Touched touched{signature_, ""};
      if (event.mask & FAN_Q_OVERFLOW) {
        touched = {"overflow", fmt::format("more changes to {} than the kernel keeps; some went unseen", what_)};
      } else if (event.pid == ::getpid()) {
        continue;  // our own
      } else {
        touched.text = fmt::format("{} {} by {}", what_, what_happened(event.mask), maker(event.pid));
      }
      if (told.insert(touched.text).second) out.push_back(std::move(touched));
    }
  }
}

}  // namespace holdfast::guard
