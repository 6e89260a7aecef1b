#include "edge/guard/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "edge/guard/file_look.h"

namespace holdfast::guard {
namespace {

std::string message_of(int error) { return std::generic_category().message(error); }

}  // namespace

int LineFile::open_to_read(const std::string& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

LineFile::LineFile(std::string path, Clock& clock, Open open)
    : path_(std::move(path)), clock_(&clock), open_(std::move(open)) {
  problem_ = "it is not open yet";  // so that whatever there is to tell is told at once
  struct stat there {};
  if (::stat(path_.c_str(), &there) == 0)
    this->open(there);
  else if (is_gone(errno))
    is_away(errno);
  else
    is_not_read(message_of(errno), nullptr);
  if (shut_) shut_->since = shut_->since - patience;  // nobody knows for how long it has been so
  struct stat is {};
  if (fd_.valid() && ::fstat(fd_.get(), &is) == 0) offset_ = static_cast<std::uint64_t>(is.st_size);
}

bool LineFile::is_open(const struct stat& there) const {
  return fd_.valid() && there.st_dev == device_ && there.st_ino == inode_;
}

void LineFile::is_read() {
  shut_.reset();
  problem_.clear();
}

void LineFile::is_away(int error) {
  shut_.reset();  // what comes next is new
  if (!problem_.empty()) problem_ = message_of(error);
}

void LineFile::is_not_read(std::string why, const struct stat* there) {
  const Instant now = clock_->monotonic();
  if (!shut_) shut_ = Shut{.since = now};
  if (there != nullptr) {
    const bool is_another = shut_->inode != 0 && (shut_->inode != there->st_ino || shut_->device != there->st_dev);
    if (is_another) shut_->since = now;
    shut_->device = there->st_dev;
    shut_->inode = there->st_ino;
  }
  if (!problem_.empty() || now - shut_->since >= patience) problem_ = std::move(why);
}

// The file before stays open, and is read on, until this one can be.
void LineFile::open(const struct stat& there) {
  edge::Descriptor fd(open_(path_));
  struct stat is {};
  if (!fd.valid() || ::fstat(fd.get(), &is) != 0) {
    if (is_gone(errno)) return is_away(errno);
    return is_not_read(message_of(errno), &there);
  }
  if (!S_ISREG(is.st_mode)) return is_not_read("it is no plain file", &there);
  const bool is_the_same = shut_ && (shut_->inode == 0 || (shut_->inode == is.st_ino && shut_->device == is.st_dev));
  const bool was_shut = is_the_same && !problem_.empty() && clock_->monotonic() - shut_->since >= patience;
  fd_ = std::move(fd);
  half_.clear();
  skipping_ = false;
  read_error_ = 0;
  device_ = is.st_dev;
  inode_ = is.st_ino;
  offset_ = was_shut ? static_cast<std::uint64_t>(is.st_size) : 0;
  passed_over_ += offset_;
  is_read();
}

// True: something came.
bool LineFile::read_on(const std::function<void(std::string_view)>& each) {
  std::array<char, 64 << 10> buffer;
  const ssize_t n = ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
  read_error_ = n < 0 ? errno : 0;
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
  if (::stat(path_.c_str(), &there) != 0) {
    if (is_gone(errno))
      is_away(errno);  // between rename and the new one: the old one may still grow
    else
      is_not_read(message_of(errno), nullptr);
    return false;
  }
  if (is_open(there)) {
    if (read_error_ == 0)
      is_read();
    else
      is_not_read(message_of(read_error_), &there);
    return false;
  }
  if (fd_.valid() && !read_to_end()) return true;  // its last lines, written since
  open(there);
  return fd_.valid() && !read_to_end();
}

}  // namespace holdfast::guard
