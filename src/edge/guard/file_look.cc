#include "edge/guard/file_look.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "edge/posix/posix_disk.h"

namespace holdfast::guard {
namespace {

constexpr std::size_t hashed_bytes_max = 1u << 20;

// 0, or errno.
int hash_content(const std::string& path, std::uint64_t bytes, Hash& into) {
  const edge::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return errno == EACCES || errno == EPERM ? 0 : errno;
  std::string text(bytes, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  into = sha256(as_bytes(std::string_view(text).substr(0, size)));
  return 0;
}

FileLook nothing_known(int error) {
  FileLook out;
  out.error = is_gone(error) ? ENOENT : error;
  return out;
}

}  // namespace

FileLook look_at(const std::string& path, bool content) {
  FileLook out;
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return nothing_known(errno);
  out.is_plain = S_ISREG(is.st_mode);
  out.size = static_cast<std::uint64_t>(is.st_size);
  out.inode = is.st_ino;
  out.changed_ns = is.st_ctim.tv_sec * 1'000'000'000 + is.st_ctim.tv_nsec;
  if (!content || !out.is_plain || out.size > hashed_bytes_max) return out;
  if (const int error = hash_content(path, out.size, out.content); error != 0) return nothing_known(error);
  return out;
}

}  // namespace holdfast::guard
