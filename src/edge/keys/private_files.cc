#include "edge/keys/private_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "edge/posix/posix_disk.h"

namespace holdfast::keys {
namespace {

using edge::Descriptor;

std::unexpected<Error> failed(int error, std::string_view doing, const std::string& path) {
  if (error == ENOENT) return fail("keys/not_found", fmt::format("{} is not there; check the path", path));
  if (error == EEXIST)
    return fail("keys/exists", fmt::format("{} exists already and is not overwritten; choose another place", path));
  if (error == ELOOP) return fail("keys/failed", fmt::format("{} is a symbolic link; give the file itself", path));
  return fail("keys/failed", fmt::format("cannot {} {}: {}", doing, path, std::strerror(error)));
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Status sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) return failed(errno, "sync", path);
  return {};
}

// 0, or what is wrong. Some file systems know no flags: there somebody else's file of that moment is lost.
int rename_to_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::faccessat(AT_FDCWD, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Under another name until it is whole and durable: a power cut leaves no empty key file, which would be taken for one
// that was made before.
Status create_file(const std::string& path, std::string_view text, mode_t mode) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) return failed(EEXIST, "create", path);
  const std::string unfinished = path + ".unfinished";
  ::unlink(unfinished.c_str());  // of a power cut
  const Descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid()) return failed(errno, "create", path);
  int error = 0;
  for (std::string_view rest = text; !rest.empty() && error == 0;) {
    const ssize_t n = ::write(file.get(), rest.data(), rest.size());
    if (n > 0)
      rest.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      error = errno;
  }
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (error == 0) error = rename_to_new(unfinished, path);
  if (error != 0) {
    ::unlink(unfinished.c_str());
    return failed(error, "write", path);
  }
  return sync_directory(parent_of(path));
}

}  // namespace

std::string join(const std::string& directory, std::string_view name) { return fmt::format("{}/{}", directory, name); }

Status create_private_file(const std::string& path, std::string_view text) { return create_file(path, text, 0600); }
Status create_public_file(const std::string& path, std::string_view text) { return create_file(path, text, 0644); }

Result<std::size_t> read_private_file(const std::string& path, unsigned char* into, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return failed(errno, "read", path);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return failed(errno, "read", path);
  if (!S_ISREG(about.st_mode)) return fail("keys/failed", fmt::format("{} is not a plain file", path));
  if ((about.st_mode & 077) != 0)
    return fail("keys/exposed",
                fmt::format("{} can be read by others on this machine (mode {:04o}): run `chmod 600 {}`, and "
                            "if others could have read it, make new keys",
                            path, about.st_mode & 07777, path));
  if (about.st_uid != ::geteuid())
    return fail("keys/exposed",
                fmt::format("{} belongs to user {}, not to the one who runs this ({}); run as its owner", path,
                            about.st_uid, ::geteuid()));
  std::size_t size = 0;
  while (size < bytes_max) {
    const ssize_t n = ::read(file.get(), into + size, bytes_max - size);
    if (n == 0) return size;
    if (n > 0)
      size += static_cast<std::size_t>(n);
    else if (errno != EINTR)
      return failed(errno, "read", path);
  }
  return fail("keys/failed", fmt::format("{} is too long for what it should be", path));
}

Result<std::string> read_public_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed(errno, "read", path);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return failed(errno, "read", path);
  if (!S_ISREG(about.st_mode)) return fail("keys/failed", fmt::format("{} is not a plain file", path));
  if (static_cast<std::uint64_t>(about.st_size) > bytes_max)
    return fail("keys/failed",
                fmt::format("{} has {} bytes, the most is {}; is it the right file?", path, about.st_size, bytes_max));
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n == 0) break;
    if (n > 0)
      size += static_cast<std::size_t>(n);
    else if (errno != EINTR)
      return failed(errno, "read", path);
  }
  text.resize(size);
  return text;
}

Status make_private_directory(const std::string& path) { return edge::make_directory(path); }

Status check_private_directory(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return failed(errno, "enter", path);
  if (!S_ISDIR(about.st_mode)) return fail("keys/failed", fmt::format("{} is not a directory", path));
  if ((about.st_mode & 077) != 0)
    return fail("keys/exposed",
                fmt::format("{} can be entered by others on this machine (mode {:04o}): run `chmod 700 {}`", path,
                            about.st_mode & 07777, path));
  return {};
}

Status check_missing_or_empty(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) return failed(error.value(), "look into", path);
  if (entries == std::filesystem::directory_iterator()) return {};
  return fail("keys/exists",
              fmt::format("{} is not empty; choose a new directory, so that nothing is overwritten", path));
}

}  // namespace holdfast::keys
