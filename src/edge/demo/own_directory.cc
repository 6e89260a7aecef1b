#include "edge/demo/own_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "edge/keys/private_files.h"

namespace holdfast::demo {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark_text = "Made by Holdfast's demo or tests, which may destroy it.\n";

std::string marker_of(const std::string& path) { return fmt::format("{}/{}", path, marker_name); }

// The marker's text; nothing where there is none, or one that is not ours.
std::optional<std::string> mark_in(const std::string& path) {
  const int file = ::open(marker_of(path).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string text(4096, '\0');
  struct stat status;
  const bool is_plain = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid();
  const ssize_t got = is_plain ? ::read(file, text.data(), text.size()) : -1;
  ::close(file);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  if (!text.starts_with(mark_text)) return std::nullopt;
  return text;
}

// When a process began, in the kernel's ticks since boot; empty: it has ended.
std::string start_of(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t name = text.rfind(')');  // what stands between brackets is the process's own choice
  if (name == std::string::npos) return {};
  std::istringstream fields(text.substr(name + 1));
  std::string field;
  for (int number = 3; fields >> field; ++number) {
    if (number == 3 && (field == "Z" || field == "X")) return {};
    if (number == 22) return field;
  }
  return {};
}

// Who works there now: the process that the marker names, if it lives and is not this one. 0: nobody.
pid_t owner_in(const std::string& text) {
  std::istringstream in(text.substr(mark_text.size()));
  std::string process, started, start;
  pid_t pid = 0;
  if (!(in >> process >> pid >> started >> start) || process != "process" || started != "started") return 0;
  return pid != ::getpid() && start_of(pid) == start ? pid : 0;
}

bool write_mark(int file) {
  const std::string text = fmt::format("{}process {} started {}\n", mark_text, ::getpid(), start_of(::getpid()));
  return ::pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(file, static_cast<off_t>(text.size())) == 0;
}

}  // namespace

Result<OwnDirectory> OwnDirectory::make(const std::string& path) {
  const auto not_ours = [&](std::string_view why) {
    return fail("demo/not_ours",
                fmt::format("{} {}; nothing in it was touched. Move it away, or choose another directory with --dir.",
                            path, why));
  };
  struct stat status;
  const bool is_there = ::lstat(path.c_str(), &status) == 0;
  if (is_there) {
    if (!S_ISDIR(status.st_mode)) return not_ours("is there and is no directory");
    if (status.st_uid != ::geteuid()) return not_ours("belongs to another user");
    std::error_code ignored;
    if (!mark_in(path) && !fs::is_empty(path, ignored)) {
      return not_ours(fmt::format("was not made by the demo, as no file {} in it says so", marker_name));
    }
  }
  HF_TRY_VOID(keys::make_private_directory(path));
  const int lock = ::open(marker_of(path).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (lock < 0) return fail("demo/failed", fmt::format("{} cannot be written to: {}.", path, std::strerror(errno)));
  OwnDirectory own(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return fail("demo/in_use", fmt::format("A demo runs in {} already. End it, or choose another with --dir.", path));
  }
  const auto text = mark_in(path);
  if (const pid_t owner = text ? owner_in(*text) : 0; owner != 0) {
    return fail("demo/in_use",
                fmt::format("Process {} works in {}. End it (Ctrl-C in its terminal, or kill {}), or choose another "
                            "directory with --dir.",
                            owner, path, owner));
  }
  std::error_code error;
  if (!write_mark(lock)) error.assign(errno, std::system_category());
  if (!error) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      if (entry.path().filename() != marker_name) fs::remove_all(entry.path(), error);
    }
  }
  if (error) return fail("demo/failed", fmt::format("{} cannot be made ready: {}.", path, error.message()));
  return own;
}

OwnDirectory::~OwnDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

Status OwnDirectory::remove() {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) return fail("demo/failed", fmt::format("{} cannot be removed: {}.", path_, error.message()));
  return {};
}

Status mark(const std::string& path) { return keys::create_private_file(marker_of(path), mark_text); }

Result<Destroyed> overwrite_all(const std::string& path) {
  if (!mark_in(path)) {
    return fail("demo/not_ours", fmt::format("{} is not marked as the demo's own; nothing was destroyed.", path));
  }
  Destroyed out;
  std::vector<unsigned char> noise(1u << 20);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path, error)) {
    std::error_code ignored;
    if (entry.is_symlink(ignored) || !entry.is_regular_file(ignored) || entry.path().filename() == marker_name)
      continue;
    const int file = ::open(entry.path().c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return fail("demo/failed", fmt::format("{}: {}.", entry.path().string(), std::strerror(errno)));
    const std::uint64_t size = entry.file_size(ignored);
    bool is_written = true;
    for (std::uint64_t at = 0; is_written && at < size; at += noise.size()) {
      ::randombytes_buf(noise.data(), noise.size());
      const std::size_t part = std::min<std::uint64_t>(noise.size(), size - at);
      is_written = ::pwrite(file, noise.data(), part, static_cast<off_t>(at)) == static_cast<ssize_t>(part);
    }
    is_written = ::fsync(file) == 0 && is_written;
    ::close(file);
    if (!is_written) return fail("demo/failed", fmt::format("{} was not overwritten.", entry.path().string()));
    ++out.files;
    out.bytes += size;
  }
  if (error) return fail("demo/failed", fmt::format("{}: {}.", path, error.message()));
  return out;
}

}  // namespace holdfast::demo
