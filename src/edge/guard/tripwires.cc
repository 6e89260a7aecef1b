#include "edge/guard/tripwires.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/node/node.h"
#include "edge/keys/private_files.h"

namespace holdfast::guard {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t file_changes = FAN_MODIFY | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF;
constexpr std::uint64_t tree_changes =
    file_changes | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_EVENT_ON_CHILD | FAN_ONDIR;

std::string_view what_happened(std::uint64_t mask) {
  if (mask & FAN_MODIFY) return "was written to";
  if (mask & (FAN_DELETE | FAN_DELETE_SELF)) return "was removed from";
  if (mask & (FAN_MOVED_FROM | FAN_MOVED_TO | FAN_MOVE_SELF)) return "was renamed in";
  if (mask & FAN_CREATE) return "was added to";
  return "was changed";
}

// Which program that is, where we may know it and it still runs.
std::string maker(std::int32_t pid) {
  if (pid <= 0) return "another process";
  std::string name;
  std::ifstream comm(fmt::format("/proc/{}/comm", pid));
  std::getline(comm, name);
  return name.empty() ? fmt::format("process {}", pid) : fmt::format("process {} ({})", pid, name);
}

std::vector<std::string> files_below(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code error;
  if (!fs::is_directory(directory, error)) return out;
  for (auto it = fs::recursive_directory_iterator(directory, fs::directory_options::skip_permission_denied, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    if (it->is_regular_file(error)) out.push_back(it->path().string());
  std::ranges::sort(out);
  return out;
}

}  // namespace

Tripwires::Tripwires(Settings settings) : settings_(std::move(settings)), weak_(settings_.weak) {
  const auto group = [&](const char* signature, const char* what) {
    Group made{signature, what, {}};
    if (!weak_)
      made.fan =
          edge::Descriptor(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY));
    if (!made.fan.valid()) weak_ = true;
    groups_.push_back(std::move(made));
  };
  if (!settings_.canaries.empty()) group("canary", "a canary file");
  if (settings_.keys) {
    group("keys", "the key files");
    group("chain-file", "the chain file");
  }
  if (settings_.journal) group("journal", "the journal");
  mark_all();
  if (weak_) looks_ = look_at_all();
}

std::vector<int> Tripwires::descriptors() const {
  std::vector<int> out;
  for (const Group& group : groups_)
    if (!weak_ && group.fan.valid()) out.push_back(group.fan.get());
  return out;
}

std::vector<std::string> Tripwires::missing() const {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const std::string& canary : settings_.canaries)
    if (!fs::is_regular_file(canary, ignored)) out.push_back(canary);
  return out;
}

void Tripwires::mark(const Group& group, const std::string& path, bool is_directory) {
  const std::uint64_t mask = is_directory ? tree_changes : file_changes;
  if (::fanotify_mark(group.fan.get(), FAN_MARK_ADD, mask, AT_FDCWD, path.c_str()) == 0) return;
  // A file that is not there is no fault; a file system without fanotify, or too many marks, is.
  if (errno != ENOENT && errno != ENOTDIR) weak_ = true;
}

void Tripwires::mark_tree(const Group& group, const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return;
  mark(group, directory, true);
  for (auto it = fs::recursive_directory_iterator(directory, fs::directory_options::skip_permission_denied, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    if (it->is_directory(error) && !it->is_symlink(error)) mark(group, it->path().string(), true);
}

void Tripwires::mark_all() {
  for (const Group& group : groups_) {
    if (weak_) return;
    if (group.signature == "canary")
      for (const std::string& canary : settings_.canaries) mark(group, canary, false);
    if (group.signature == "keys") mark_tree(group, settings_.data + "/keys");
    if (group.signature == "chain-file")
      mark(group, fmt::format("{}/{}", settings_.data, node::chain_file_path), false);
    if (group.signature == "journal") mark_tree(group, settings_.data + "/journals");
  }
}

void Tripwires::read_events(const Group& group, std::vector<Touched>& out) const {
  char buffer[64 << 10];
  std::set<std::string> told;  // once a round: who overwrites files does it faster than people read
  for (int round = 0; round < 64; ++round) {
    const ssize_t n = ::read(group.fan.get(), buffer, sizeof buffer);
    if (n <= 0) return;
    const auto size = static_cast<std::size_t>(n);
    for (std::size_t at = 0; at + sizeof(fanotify_event_metadata) <= size;) {
      fanotify_event_metadata event;  // copied: lengths are multiples of 4, so the next one may lie between words
      std::memcpy(&event, buffer + at, sizeof event);
      if (event.event_len < sizeof event || event.event_len > size - at) break;
      at += event.event_len;
      Touched touched{group.signature, ""};
      if (event.mask & FAN_Q_OVERFLOW) {
        touched = {"overflow", fmt::format("more changes to {} than the kernel keeps; some went unseen", group.what)};
      } else if (event.pid == ::getpid()) {
        continue;  // our own
      } else {
        touched.text = fmt::format("{} {} by {}", group.what, what_happened(event.mask), maker(event.pid));
      }
      if (told.insert(touched.text).second) out.push_back(std::move(touched));
    }
  }
}

Tripwires::Look Tripwires::look_at(const std::string& path, bool content) {
  constexpr std::size_t hashed_bytes_max = 1u << 20;
  Look out;
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return out;
  out.there = true;
  out.size = static_cast<std::uint64_t>(is.st_size);
  out.inode = is.st_ino;
  out.changed_ns = is.st_ctim.tv_sec * 1'000'000'000 + is.st_ctim.tv_nsec;
  if (!content || out.size > hashed_bytes_max) return out;
  if (const auto bytes = keys::read_public_file(path, hashed_bytes_max)) out.content = sha256(as_bytes(*bytes));
  return out;
}

std::map<std::string, std::pair<std::string, Tripwires::Look>> Tripwires::look_at_all() const {
  std::map<std::string, std::pair<std::string, Look>> out;
  for (const std::string& canary : settings_.canaries) out[canary] = {"canary", look_at(canary, true)};
  if (settings_.keys) {
    for (const std::string& path : files_below(settings_.data + "/keys")) out[path] = {"keys", look_at(path, true)};
    const std::string chain_file = fmt::format("{}/{}", settings_.data, node::chain_file_path);
    out[chain_file] = {"chain-file", look_at(chain_file, true)};
  }
  if (!settings_.journal) return out;
  const std::vector<std::string> segments = files_below(fmt::format("{}/journals/{}", settings_.data, settings_.site));
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const bool is_last = fs::path(segments[i]).parent_path() != fs::path(segments[i + 1]).parent_path();
    const bool is_being_written = fs::path(segments[i]).filename().string().starts_with('.');  // it is renamed soon
    if (!is_last && !is_being_written) out[segments[i]] = {"journal", look_at(segments[i], false)};
  }
  return out;
}

std::vector<Touched> Tripwires::take() {
  std::vector<Touched> out;
  if (!weak_) {
    for (const Group& group : groups_) read_events(group, out);
    mark_all();
    if (weak_) looks_ = look_at_all();
    return out;
  }
  auto now = look_at_all();
  for (const auto& [path, was] : looks_) {
    const auto is = now.find(path);
    if (is != now.end() && is->second.second == was.second) continue;
    const bool gone = is == now.end() || !is->second.second.there;
    out.push_back({was.first, fmt::format("{} was {} by another process", path, gone ? "removed" : "changed")});
  }
  looks_ = std::move(now);
  return out;
}

}  // namespace holdfast::guard
