#include "edge/posix/data_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/check.h"

namespace holdfast::edge {
namespace {

std::string owner_of(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid;
  for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; ++i) pid += text[i];
  return pid.empty() ? "pid not known" : "pid " + pid;
}

}  // namespace

Result<DataLock> DataLock::take(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return std::unexpected(disk_error(errno, "open", directory, "LOCK"));
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return std::unexpected(disk_error(errno, "lock", directory, "LOCK"));
    return fail("edge/data_in_use", fmt::format("Another holdfast runs here ({}): {} is in use. Stop it first, or name "
                                                "another data directory.",
                                                owner_of(fd.get()), directory));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return std::unexpected(disk_error(errno, "write", directory, "LOCK"));
  return DataLock(std::move(fd));
}

}  // namespace holdfast::edge
