#include "edge/posix/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "core/base/check.h"

namespace holdfast::edge {
namespace {

constexpr std::size_t block_bytes = 4096;                 // alignment that every O_DIRECT device of today accepts
constexpr std::size_t bounce_bytes_max = 4u << 20;        // most of one direct write
constexpr std::uint64_t zeroed_bytes_max = 256ull << 20;  // larger files are reserved, not written
constexpr std::uint64_t read_all_bytes_max = 8ull << 30;  // what a hostile file may make us allocate

std::string reason(int error) { return std::generic_category().message(error); }

// The directory where the file system that holds `path` is mounted.
std::string mount_point(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string here = real;
  std::free(real);
  struct stat inside {};
  if (::stat(here.c_str(), &inside) != 0) return here;
  while (here != "/") {
    auto slash = here.rfind('/');
    std::string above = slash == 0 ? "/" : here.substr(0, slash);
    struct stat outside {};
    if (::stat(above.c_str(), &outside) != 0 || outside.st_dev != inside.st_dev) break;
    here = above;
  }
  return here;
}

std::string free_space(const std::string& path) {
  struct statvfs fs {};
  if (::statvfs(path.c_str(), &fs) != 0) return "no space is left";
  constexpr double mebibyte = 1 << 20;
  return fmt::format("{:.1f} of {:.1f} MiB are free", static_cast<double>(fs.f_bavail) * fs.f_frsize / mebibyte,
                     static_cast<double>(fs.f_blocks) * fs.f_frsize / mebibyte);
}

// Memory that O_DIRECT takes.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { std::free(data_); }
  std::byte* at_least(std::size_t size) {
    if (size > size_) {
      std::free(data_);
      data_ = static_cast<std::byte*>(std::aligned_alloc(block_bytes, size));
      HF_CHECK(data_ != nullptr, "no memory for {} bytes", size);
      size_ = size;
    }
    return data_;
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % block_bytes == 0; }

// 0, or errno.
int write_whole(int fd, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return 0;
}

// 0, errno, or -1: the file ends before `into` is full.
int read_whole(int fd, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return -1;
    into = into.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return 0;
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::uint64_t size, bool direct_io, std::string root, std::string path)
      : fd_(std::move(fd)), size_(size), direct_io_(direct_io), root_(std::move(root)), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  // What was read leaves the page cache with the file: whoever opens it next, the scrubber above all, sees what is
  // stored and not what was stored once (protocol 2.4).
  ~PosixFile() override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

  Status write_durable(std::uint64_t offset, ByteView bytes) override {
    HF_CHECK(offset % block_bytes == 0 && bytes.size() % block_bytes == 0, "{}: offset {} size {}", path_, offset,
             bytes.size());
    HF_CHECK(offset <= size_ && bytes.size() <= size_ - offset, "{}: {} bytes at {} of {}", path_, bytes.size(), offset,
             size_);
    if (int error = set_direct(direct_io_)) return std::unexpected(disk_error(error, "write", root_, path_));
    while (!bytes.empty()) {
      ByteView part = bytes.first(std::min(bytes.size(), bounce_bytes_max));
      ByteView from = part;
      if (direct_io_ && !aligned(part.data())) {
        std::byte* copy = bounce_.at_least(std::max<std::size_t>(part.size(), 64 << 10));
        std::memcpy(copy, part.data(), part.size());
        from = {copy, part.size()};
      }
      if (int error = write_whole(fd_.get(), offset, from))
        return std::unexpected(disk_error(error, "write", root_, path_));
      bytes = bytes.subspan(part.size());
      offset += part.size();
    }
    return {};
  }

  Status read(std::uint64_t offset, std::span<std::byte> into) override {
    // Reads go through the page cache: no alignment, and read-ahead. A direct write invalidates what it overwrites.
    if (int error = set_direct(false)) return std::unexpected(disk_error(error, "read", root_, path_));
    const int error = read_whole(fd_.get(), offset, into);
    if (error > 0) return std::unexpected(disk_error(error, "read", root_, path_));
    if (error < 0)
      return fail("base/disk_failed", fmt::format("{}/{} has {} bytes and ends inside the {} bytes at {}: the file has "
                                                  "been cut short. Restore it from a mirror.",
                                                  root_, path_, size_, into.size(), offset));
    return {};
  }

  std::uint64_t size() const override { return size_; }

 private:
  // One descriptor serves direct writes and cached reads; changing over costs less than a second open file for each of
  // the many segments that are only read.
  int set_direct(bool wanted) {
    if (wanted == direct_now_) return 0;
    if (::fcntl(fd_.get(), F_SETFL, wanted ? O_DIRECT : 0) != 0) return errno;
    direct_now_ = wanted;
    return 0;
  }

  Descriptor fd_;
  std::uint64_t size_;
  bool direct_io_;
  bool direct_now_ = false;
  std::string root_, path_;
  AlignedBuffer bounce_;
};

// Relative, and every component a plain name.
bool stays_below(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const auto slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}
bool is_temporary(std::string_view name) { return name.starts_with('.') && name.ends_with(".tmp"); }
std::string temporary_name(const std::string& name) { return "." + name + ".tmp"; }

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}
Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error disk_error(int error, std::string_view doing, const std::string& root, std::string_view path) {
  const std::string full = path.empty() ? root : fmt::format("{}/{}", root, path);
  if (error == ENOENT) return {"base/not_found", fmt::format("{} does not exist.", full)};
  if (error == ENOSPC || error == EDQUOT)
    return {
        "base/disk_full",
        fmt::format("Cannot {} {}: the file system at {} is full ({}{}). Delete or move other files there, or give it "
                    "more space, then start again.",
                    doing, full, mount_point(root), free_space(root), error == EDQUOT ? "; a quota is reached" : "")};
  return {"base/disk_failed", fmt::format("Cannot {} {}: {}.", doing, full, reason(error))};
}

Result<std::unique_ptr<PosixDisk>> PosixDisk::open_root(const std::string& root) {
  Descriptor fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(disk_error(errno, "open", root, ""));
  std::unique_ptr<PosixDisk> disk(new PosixDisk(root, std::move(fd)));
  disk->direct_io_ = disk->probe_direct_io();
  return disk;
}

// Some file systems refuse O_DIRECT at open (tmpfs), some at the first write (a few of FUSE); so both are tried.
bool PosixDisk::probe_direct_io() {
  const std::string name = temporary_name("direct-io-probe");
  ::unlinkat(directory_.get(), name.c_str(), 0);
  Descriptor fd(
      ::openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_DSYNC | O_DIRECT, 0600));
  AlignedBuffer buffer;
  std::byte* block = buffer.at_least(block_bytes);
  std::memset(block, 0, block_bytes);
  const bool works = fd.valid() && write_whole(fd.get(), 0, {block, block_bytes}) == 0;
  ::unlinkat(directory_.get(), name.c_str(), 0);
  return works;
}

Result<Descriptor> PosixDisk::walk(std::string_view directory, Missing missing) {
  // Opened anew: a duplicate would share its position with every earlier listing.
  Descriptor here(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!here.valid()) return std::unexpected(disk_error(errno, "open", root_, directory));
  if (!directory.empty() && !stays_below(directory))
    return fail("base/disk_failed", fmt::format("\"{}\" is not a path below the data directory.", directory));
  for (std::string_view rest = directory; !rest.empty();) {
    const auto slash = rest.find('/');
    const std::string name(rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (missing == Missing::make) {
      const std::string path(directory.substr(0, directory.size() - rest.size()));
      const bool is_new = ::mkdirat(here.get(), name.c_str(), 0700) == 0;
      if (!is_new && errno != EEXIST) return std::unexpected(disk_error(errno, "make directory", root_, directory));
      // One that is there may be the work of a process that was killed before this.
      if (is_new || !durable_.contains(path)) {
        if (::fsync(here.get()) != 0) return std::unexpected(disk_error(errno, "make durable", root_, directory));
        durable_.insert(path);
      }
    }
    Descriptor next(::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return std::unexpected(disk_error(errno, "open", root_, directory));
    here = std::move(next);
  }
  return here;
}

Result<PosixDisk::Place> PosixDisk::place(std::string_view path, Missing missing) {
  const auto slash = path.rfind('/');
  const std::string_view directory = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
  std::string name(slash == std::string_view::npos ? path : path.substr(slash + 1));
  if (!stays_below(path) || is_temporary(name))
    return fail("base/disk_failed", fmt::format("\"{}\" is not the path of a file below the data directory.", path));
  HF_TRY(Descriptor parent, walk(directory, missing));
  return Place{std::move(parent), std::move(name)};
}

Result<std::vector<std::string>> PosixDisk::list(std::string_view directory) {
  auto fd = walk(directory, Missing::fail);
  if (!fd && fd.error().code == "base/not_found") return std::vector<std::string>{};
  if (!fd) return pass_on(std::move(fd).error());
  DIR* stream = ::fdopendir(fd->get());
  if (stream == nullptr) return std::unexpected(disk_error(errno, "list", root_, directory));
  fd->release();  // now the stream's
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !is_temporary(name)) names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return std::unexpected(disk_error(error, "list", root_, directory));
  std::sort(names.begin(), names.end());
  return names;
}

Result<Descriptor> PosixDisk::start_temporary(const Place& place, std::string_view path) {
  const std::string name = temporary_name(place.name);
  if (::unlinkat(place.parent.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return std::unexpected(disk_error(errno, "replace the leftover beside", root_, path));
  Descriptor fd(::openat(place.parent.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return std::unexpected(disk_error(errno, "create", root_, path));
  return fd;
}

Status PosixDisk::finish_temporary(const Place& place, std::string_view path, bool replace) {
  const std::string name = temporary_name(place.name);
  const auto rename = [&](unsigned flags) {
    return ::renameat2(place.parent.get(), name.c_str(), place.parent.get(), place.name.c_str(), flags) == 0;
  };
  bool is_done = rename(replace ? 0 : RENAME_NOREPLACE);
  // Some file systems know no flags (NFS, 9p). create() has looked, and one process writes here (DataLock).
  if (!is_done && !replace && (errno == EINVAL || errno == ENOSYS)) is_done = rename(0);
  if (!is_done) {
    const int error = errno;
    ::unlinkat(place.parent.get(), name.c_str(), 0);
    return std::unexpected(disk_error(error, "create", root_, path));
  }
  if (::fsync(place.parent.get()) != 0) return std::unexpected(disk_error(errno, "make durable", root_, path));
  return {};
}

Result<std::unique_ptr<File>> PosixDisk::create(std::string_view path, std::uint64_t size) {
  HF_TRY(Place place, this->place(path, Missing::make));
  struct stat existing {};
  if (::fstatat(place.parent.get(), place.name.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0)
    return std::unexpected(disk_error(EEXIST, "create", root_, path));
  HF_TRY(Descriptor fd, start_temporary(place, path));
  // posix_fallocate would write on its own where the file system cannot reserve; fallocate says so instead.
  int error = size == 0 || ::fallocate(fd.get(), 0, 0, static_cast<off_t>(size)) == 0 ? 0 : errno;
  if (error == EOPNOTSUPP) error = ::ftruncate(fd.get(), static_cast<off_t>(size)) == 0 ? 0 : errno;
  if (error == 0 && size <= zeroed_bytes_max) {
    const Bytes zeros(std::min<std::uint64_t>(size, 1u << 20));
    for (std::uint64_t at = 0; at < size && error == 0; at += zeros.size())
      error = write_whole(fd.get(), at, ByteView(zeros).first(std::min<std::uint64_t>(zeros.size(), size - at)));
  }
  if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  if (error != 0) {
    ::unlinkat(place.parent.get(), temporary_name(place.name).c_str(), 0);
    return std::unexpected(disk_error(error, "create", root_, path));
  }
  HF_TRY_VOID(finish_temporary(place, path, false));
  return open_at(place, path);
}

Result<std::unique_ptr<File>> PosixDisk::open(std::string_view path) {
  HF_TRY(Place place, this->place(path, Missing::fail));
  return open_at(place, path);
}

Result<std::unique_ptr<File>> PosixDisk::open_at(const Place& place, std::string_view path) {
  Descriptor fd(::openat(place.parent.get(), place.name.c_str(), O_RDWR | O_DSYNC | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(disk_error(errno, "open", root_, path));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return std::unexpected(disk_error(errno, "open", root_, path));
  if (!S_ISREG(info.st_mode))
    return fail("base/disk_failed", fmt::format("{}/{} is not an ordinary file.", root_, path));
  return std::make_unique<PosixFile>(std::move(fd), static_cast<std::uint64_t>(info.st_size), direct_io_, root_,
                                     std::string(path));
}

Result<Bytes> PosixDisk::read_all(std::string_view path) {
  HF_TRY(Place place, this->place(path, Missing::fail));
  Descriptor fd(::openat(place.parent.get(), place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(disk_error(errno, "read", root_, path));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return std::unexpected(disk_error(errno, "read", root_, path));
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) > read_all_bytes_max)
    return fail("base/disk_failed",
                fmt::format("{}/{} is not an ordinary file of at most {} bytes.", root_, path, read_all_bytes_max));
  Bytes bytes(static_cast<std::size_t>(info.st_size));
  const int error = read_whole(fd.get(), 0, bytes);
  if (error != 0) return std::unexpected(disk_error(error < 0 ? EIO : error, "read", root_, path));
  return bytes;
}

Status PosixDisk::write_all(std::string_view path, ByteView bytes) {
  HF_TRY(Place place, this->place(path, Missing::make));
  HF_TRY(Descriptor fd, start_temporary(place, path));
  int error = write_whole(fd.get(), 0, bytes);
  if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  if (error != 0) {
    ::unlinkat(place.parent.get(), temporary_name(place.name).c_str(), 0);
    return std::unexpected(disk_error(error, "write", root_, path));
  }
  return finish_temporary(place, path, true);
}

Status PosixDisk::remove(std::string_view path) {
  auto place = this->place(path, Missing::fail);
  if (!place && place.error().code == "base/not_found") return {};
  if (!place) return pass_on(std::move(place).error());
  if (::unlinkat(place->parent.get(), place->name.c_str(), 0) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected(disk_error(errno, "remove", root_, path));
  }
  if (::fsync(place->parent.get()) != 0) return std::unexpected(disk_error(errno, "make durable", root_, path));
  return {};
}

Status make_directory(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return fail("base/disk_failed", fmt::format("{} exists and is not a directory.", path));
  }
  const auto slash =
      path.find_last_not_of('/') == std::string::npos ? std::string::npos : path.rfind('/', path.find_last_not_of('/'));
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (parent != "." && parent != "/") HF_TRY_VOID(make_directory(parent));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(disk_error(errno, "make directory", path, ""));
  Descriptor fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return std::unexpected(disk_error(errno, "make durable", path, ""));
  return {};
}

}  // namespace holdfast::edge
