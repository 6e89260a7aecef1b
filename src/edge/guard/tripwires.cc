#include "edge/guard/tripwires.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/node/node.h"

namespace holdfast::guard {
namespace {

namespace fs = std::filesystem;

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

Tripwires::Tripwires(Settings settings)
    : settings_(std::move(settings)),
      weak_(settings_.weak),
      canaries_({.paths = settings_.canaries, .weak = settings_.weak, .look = settings_.look_at_canary}) {
  const auto group = [&](const char* signature, const char* what) {
    groups_.emplace_back(signature, what, !weak_);
    if (!groups_.back().valid()) weak_ = true;
  };
  if (settings_.keys) {
    group("keys", "the key files");
    group("chain-file", "the chain file");
  }
  if (settings_.journal) group("journal", "the journal");
  mark_all();
  if (weak_) looks_ = look_at_all();
}

std::vector<int> Tripwires::descriptors() const {
  std::vector<int> out = canaries_.descriptors();
  for (const FanGroup& group : groups_)
    if (!weak_ && group.valid()) out.push_back(group.descriptor());
  return out;
}

void Tripwires::mark(const FanGroup& group, const std::string& path, bool is_directory) {
  // A file that is not there is no fault; a file system without fanotify, or too many marks, is.
  const int error = group.mark(path, is_directory);
  if (error != 0 && !is_gone(error)) weak_ = true;
}

void Tripwires::mark_tree(const FanGroup& group, const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return;
  mark(group, directory, true);
  for (auto it = fs::recursive_directory_iterator(directory, fs::directory_options::skip_permission_denied, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    if (it->is_directory(error) && !it->is_symlink(error)) mark(group, it->path().string(), true);
}

void Tripwires::mark_all() {
  for (const FanGroup& group : groups_) {
    if (weak_) return;
    if (group.signature() == "keys") mark_tree(group, settings_.data + "/keys");
    if (group.signature() == "chain-file")
      mark(group, fmt::format("{}/{}", settings_.data, node::chain_file_path), false);
    if (group.signature() == "journal") mark_tree(group, settings_.data + "/journals");
  }
}

std::map<std::string, std::pair<std::string, FileLook>> Tripwires::look_at_all() const {
  std::map<std::string, std::pair<std::string, FileLook>> out;
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
  std::vector<Touched> out = canaries_.take();
  if (!weak_) {
    for (const FanGroup& group : groups_) group.read(out);
    mark_all();
    if (weak_) looks_ = look_at_all();
    return out;
  }
  auto now = look_at_all();
  for (const auto& [path, was] : looks_) {
    const auto is = now.find(path);
    const FileLook look = is == now.end() ? look_at(path, false) : is->second.second;
    if (!look.is_known()) {  // a disk that fails says nothing of who touched it
      now[path] = was;
      continue;
    }
    if (!was.second.is_known() || (is != now.end() && look == was.second)) continue;
    const bool gone = is == now.end() || !look.is_there();
    out.push_back({was.first, fmt::format("{} was {} by another process", path, gone ? "removed" : "changed")});
  }
  looks_ = std::move(now);
  return out;
}

}  // namespace holdfast::guard
