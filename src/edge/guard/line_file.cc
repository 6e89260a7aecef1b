#include "edge/guard/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace holdfast::guard {

LineFile::LineFile(std::string path) : path_(std::move(path)) { open(true); }

void LineFile::open(bool at_end) {
  half_.clear();
  skipping_ = false;
  offset_ = 0;
  fd_ = edge::Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat is {};
  if (!fd_.valid() || ::fstat(fd_.get(), &is) != 0 || !S_ISREG(is.st_mode)) {
    fd_ = edge::Descriptor();
    return;
  }
  device_ = is.st_dev;
  inode_ = is.st_ino;
  if (at_end) offset_ = static_cast<std::uint64_t>(is.st_size);
}

// True: something came.
bool LineFile::read_on(const std::function<void(std::string_view)>& each) {
  std::array<char, 64 << 10> buffer;
  const ssize_t n = ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
  if (n <= 0) return false;
  offset_ += static_cast<std::uint64_t>(n);
  std::string_view rest(buffer.data(), static_cast<std::size_t>(n));
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    if (!skipping_) {
      half_ += rest.substr(0, end);
      if (!half_.empty()) each(half_);
    }
    skipping_ = false;
    half_.clear();
    rest.remove_prefix(end + 1);
  }
  if (skipping_) return true;
  half_ += rest;
  if (half_.size() > line_bytes_max) {
    half_.clear();
    skipping_ = true;
    ++dropped_;
  }
  return true;
}

bool LineFile::read(const std::function<void(std::string_view)>& each) {
  std::size_t read = 0;
  // True: it has been read to its end.
  const auto read_to_end = [&] {
    for (std::uint64_t before = offset_; read_on(each); before = offset_) {
      read += offset_ - before;
      if (read >= round_bytes_max) return false;
    }
    return true;
  };
  if (fd_.valid()) {
    struct stat now {};
    if (::fstat(fd_.get(), &now) == 0 && static_cast<std::uint64_t>(now.st_size) < offset_) {  // cut to nothing
      offset_ = 0;
      half_.clear();
      skipping_ = false;
    }
    if (!read_to_end()) return true;
  }
  struct stat there {};
  if (::stat(path_.c_str(), &there) != 0) return false;  // between rename and the new one: the old one may still grow
  if (fd_.valid() && there.st_dev == device_ && there.st_ino == inode_) return false;
  if (fd_.valid() && !read_to_end()) return true;  // its last lines, written since
  open(false);
  return fd_.valid() && !read_to_end();
}

}  // namespace holdfast::guard
