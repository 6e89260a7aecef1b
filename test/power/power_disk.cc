// For tests: a disk with a cache that a power cut takes away. It serves one image file over FUSE, for a loop device to
// lie on, and records in order what the file system above asked of it, as dm-log-writes does: each write with its
// bytes, each flush with what it made durable. recording.mjs makes from the record what a power cut would have left.
//
//   power_disk IMAGE MOUNT RECORD POSITION [FLUSH_US [COUNT_ONE_IN]]
//
// Shape:  MOUNT/disk is the image. It says "ready" once it is mounted, and ends when MOUNT is unmounted.
//         RECORD is a row of operations: char[4] "HFPW", u32 kind, u64 a, u64 bytes, little-endian, then the bytes.
//         Kind 1, a write: a is its offset; whole sectors of 512 bytes. Kind 2, a flush: a is how many operations
//         before it are durable with it; no bytes.
//         POSITION is a u64: how many operations RECORD has. It is counted before the operation is answered, and read
//         without asking this program, so a reader never waits for a flush that is under way.
// Units:  a flush takes FLUSH_US microseconds, as a real one takes its time. Only every COUNT_ONE_IN-th flush is
//         recorded, the others are answered and make nothing durable: a disk that lies. 1 is an honest one.
// Errors: what cannot be recorded ends the program, so that no record is silently short.
// Source: Documentation/admin-guide/device-mapper/log-writes.rst. As there, a flush covers the writes that had been
//         answered when it was asked for, and not those that were under way beside it: requests that wait together are
//         taken from the queue together, and a flush among them does not count the writes among them.
#define FUSE_USE_VERSION 31
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/prctl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr fuse_ino_t disk_inode = 2;
constexpr double attributes_valid_s = 3600;
constexpr std::size_t sector_bytes = 512;
constexpr std::size_t batch_max = 32;  // requests taken from the queue together; each may be a little over a MiB

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

struct Operation {
  char magic[4] = {'H', 'F', 'P', 'W'};
  std::uint32_t kind;
  std::uint64_t a, bytes;
};
static_assert(sizeof(Operation) == 24);

class Disk {
 public:
  struct Files {
    int image, record, position;
  };
  struct Flushes {
    useconds_t delay_us;
    std::uint64_t count_one_in;
  };

  Disk(Files files, Flushes flushes) : files_(files), flushes_(flushes) {
    struct stat info {};
    if (::fstat(files.image, &info) != 0) fail("image");
    size_ = static_cast<std::uint64_t>(info.st_size);
    if (::ftruncate(files.position, sizeof *position_) != 0) fail("position");
    void* shared = ::mmap(nullptr, sizeof *position_, PROT_READ | PROT_WRITE, MAP_SHARED, files.position, 0);
    if (shared == MAP_FAILED) fail("position");
    position_ = static_cast<std::uint64_t*>(shared);
  }

  struct stat attributes(fuse_ino_t inode) const {
    struct stat info {};
    info.st_ino = inode;
    info.st_nlink = 1;
    info.st_mode = inode == disk_inode ? S_IFREG | 0600 : S_IFDIR | 0700;
    info.st_size = inode == disk_inode ? static_cast<off_t>(size_) : 0;
    return info;
  }

  // What is recorded from here on was not answered when the requests of this batch were asked for.
  void start_batch() { answered_before_batch_ = count_; }

  // 0, or errno. What it got in `into`.
  int read(std::uint64_t offset, std::vector<char>& into) const {
    const ssize_t n = ::pread(files_.image, into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0) return errno;
    into.resize(static_cast<std::size_t>(n));
    return 0;
  }
  int write(std::uint64_t offset, std::string_view bytes) {
    const bool is_whole = offset % sector_bytes == 0 && bytes.size() % sector_bytes == 0;
    if (!is_whole || offset > size_ || bytes.size() > size_ - offset) return EINVAL;
    const auto at = static_cast<off_t>(offset);
    if (::pwrite(files_.image, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) fail("image");
    record({.kind = 1, .a = offset, .bytes = bytes.size()}, bytes);
    return 0;
  }
  void flush() {
    ::usleep(flushes_.delay_us);
    if (++asked_ % flushes_.count_one_in == 0) record({.kind = 2, .a = answered_before_batch_, .bytes = 0}, {});
  }

 private:
  void record(Operation operation, std::string_view bytes) {
    std::array<iovec, 2> parts{iovec{&operation, sizeof operation},
                               iovec{const_cast<char*>(bytes.data()), bytes.size()}};
    const auto size = static_cast<ssize_t>(sizeof operation + bytes.size());
    if (::writev(files_.record, parts.data(), parts.size()) != size) fail("record");
    std::atomic_ref(*position_).store(++count_, std::memory_order_release);
  }

  Files files_;
  Flushes flushes_;
  std::uint64_t size_ = 0, count_ = 0, asked_ = 0, answered_before_batch_ = 0;
  std::uint64_t* position_ = nullptr;
};

// ---- what the kernel asks

Disk& disk_of(fuse_req_t request) { return *static_cast<Disk*>(fuse_req_userdata(request)); }

void on_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
  if (std::string_view(name) != "disk") {
    fuse_reply_err(request, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.ino = disk_inode;
  entry.attr = disk_of(request).attributes(disk_inode);
  entry.attr_timeout = entry.entry_timeout = attributes_valid_s;
  fuse_reply_entry(request, &entry);
}
void on_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  const struct stat info = disk_of(request).attributes(inode);
  fuse_reply_attr(request, &info, attributes_valid_s);
}
void on_open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
  if (inode != disk_inode) {
    fuse_reply_err(request, EISDIR);
    return;
  }
  fuse_reply_open(request, file);
}
void on_read(fuse_req_t request, fuse_ino_t, size_t size, off_t offset, fuse_file_info*) {
  std::vector<char> bytes(size);
  if (const int error = disk_of(request).read(static_cast<std::uint64_t>(offset), bytes))
    fuse_reply_err(request, error);
  else
    fuse_reply_buf(request, bytes.data(), bytes.size());
}
void on_write(fuse_req_t request, fuse_ino_t, const char* bytes, size_t size, off_t offset, fuse_file_info*) {
  if (const int error = disk_of(request).write(static_cast<std::uint64_t>(offset), {bytes, size}))
    fuse_reply_err(request, error);
  else
    fuse_reply_write(request, size);
}
void on_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
  disk_of(request).flush();
  fuse_reply_err(request, 0);
}

// Takes all requests that wait, then answers them in their order; until the file system is unmounted.
void serve(fuse_session* session, Disk& disk) {
  pollfd queue{fuse_session_fd(session), POLLIN, 0};
  if (::fcntl(queue.fd, F_SETFL, O_NONBLOCK) != 0) fail("/dev/fuse");
  std::array<fuse_buf, batch_max> batch{};
  while (!fuse_session_exited(session)) {
    if (::poll(&queue, 1, -1) < 0 && errno != EINTR) fail("/dev/fuse");
    std::size_t taken = 0;
    int size = 1;
    while (taken < batch_max && (size = fuse_session_receive_buf(session, &batch[taken])) > 0) ++taken;
    if (size < 0 && size != -EAGAIN && size != -EINTR) {
      errno = -size;
      fail("/dev/fuse");
    }
    disk.start_batch();
    for (std::size_t at = 0; at < taken; ++at) fuse_session_process_buf(session, &batch[at]);
  }
  for (fuse_buf& buffer : batch) std::free(buffer.mem);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc > 7) {
    std::fprintf(stderr, "power_disk IMAGE MOUNT RECORD POSITION [FLUSH_US [COUNT_ONE_IN]]\n");
    return 2;
  }
  const unsigned long delay_us = argc > 5 ? std::strtoul(argv[5], nullptr, 10) : 0;
  const unsigned long count_one_in = argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 1;
  if (delay_us > 1'000'000 || count_one_in == 0) return 2;
  // A program below a block device must not wait, when it needs memory, for that device to write some out. A root
  // without CAP_SYS_RESOURCE, as in a container, may not ask for that, and goes without: what is written here fits.
  if (::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0 && errno != EPERM) fail("PR_SET_IO_FLUSHER");
  const int image = ::open(argv[1], O_RDWR | O_CLOEXEC);
  if (image < 0) fail(argv[1]);
  const int record = ::open(argv[3], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (record < 0) fail(argv[3]);
  const int position = ::open(argv[4], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (position < 0) fail(argv[4]);
  Disk disk({image, record, position}, {static_cast<useconds_t>(delay_us), count_one_in});

  fuse_lowlevel_ops operations{};
  operations.lookup = on_lookup;
  operations.getattr = on_getattr;
  operations.open = on_open;
  operations.read = on_read;
  operations.write = on_write;
  operations.fsync = on_fsync;
  fuse_args arguments = FUSE_ARGS_INIT(1, argv);
  fuse_session* session = fuse_session_new(&arguments, &operations, sizeof operations, &disk);
  if (session == nullptr || fuse_session_mount(session, argv[2]) != 0) return 1;  // it has said why
  std::printf("ready\n");
  std::fflush(stdout);
  serve(session, disk);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return 0;
}
