#include "edge/posix/data_lock.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "core/base/check.h"

namespace holdfast::edge {
namespace {

// is_held() has the lock for the time of two system calls; a command that asks must not keep a node from starting.
constexpr int looks_max = 400;
constexpr std::chrono::milliseconds look_pause{5};

// Shared: by is_held() and nobody else.
bool is_only_looked_at(int fd) {
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0) return false;
  ::flock(fd, LOCK_UN);
  return true;
}

std::string owner_of(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid;
  for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; ++i) pid += text[i];
  return pid.empty() ? "pid not known" : "pid " + pid;
}

// As `runuser -u` takes it.
std::string user_name(uid_t id) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (::getpwuid_r(id, &entry, room.data(), room.size(), &found) == 0 && found != nullptr) return entry.pw_name;
  return fmt::format("{}", id);
}

}  // namespace

Status check_owner(const std::string& directory) {
  struct stat is {};
  if (::stat(directory.c_str(), &is) != 0 || is.st_uid == ::geteuid()) return {};
  const std::string owner = user_name(is.st_uid);
  return fail("edge/not_owner", fmt::format("{0} belongs to the user {1}, and you are {2}; what you wrote there, its "
                                            "node could not read. Nothing was changed. Type the same as that user: "
                                            "`runuser -u {1} -- holdfast …`.",
                                            directory, owner, user_name(::geteuid())));
}

Status check_root_stays_out(const std::string& directory) {
  return ::geteuid() == 0 ? check_owner(directory) : Status();
}

Result<DataLock> DataLock::take(const std::string& directory) {
  HF_TRY_VOID(check_root_stays_out(directory));
  const std::string path = directory + "/LOCK";
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return std::unexpected(disk_error(errno, "open", directory, "LOCK"));
  for (int looks = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return std::unexpected(disk_error(errno, "lock", directory, "LOCK"));
    if (++looks < looks_max && is_only_looked_at(fd.get())) {
      std::this_thread::sleep_for(look_pause);
      continue;
    }
    return fail("edge/data_in_use", fmt::format("Another holdfast runs here ({}): {} is in use. Stop it first, or name "
                                                "another data directory.",
                                                owner_of(fd.get()), directory));
  }
  // Before anything else: from now on the lock is held, and this is where the one before answered.
  if (::unlink((directory + "/" + std::string(http_address_path)).c_str()) != 0 && errno != ENOENT)
    return std::unexpected(disk_error(errno, "remove", directory, http_address_path));
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return std::unexpected(disk_error(errno, "write", directory, "LOCK"));
  return DataLock(std::move(fd));
}

Result<bool> DataLock::is_held(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid() && (errno == ENOENT || errno == ENOTDIR)) return false;
  if (!fd.valid()) {
    const int error = errno;
    if (error == EACCES) {
      HF_TRY_VOID(check_owner(directory));  // whoever asks is told who may
    }
    return std::unexpected(disk_error(error, "open", directory, "LOCK"));
  }
  while (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return true;
    if (errno != EINTR) return std::unexpected(disk_error(errno, "lock", directory, "LOCK"));
  }
  return false;
}

}  // namespace holdfast::edge
