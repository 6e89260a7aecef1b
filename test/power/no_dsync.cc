// For tests: loaded into a node by LD_PRELOAD, it takes O_DSYNC away from whatever the node opens. The node believes
// its writes to be durable and they are not, which test/power must find.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>

namespace {

int open_without_dsync(int directory, const char* path, int flags, mode_t mode) {
  return static_cast<int>(::syscall(SYS_openat, directory, path, flags & ~O_DSYNC, mode));
}

bool makes_a_file(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

}  // namespace

extern "C" int openat(int directory, const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = makes_a_file(flags) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_without_dsync(directory, path, flags, mode);
}
