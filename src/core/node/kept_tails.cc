#include "core/node/kept_tails.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "core/recovery/readmit.h"

namespace holdfast::node {
namespace {
constexpr std::string_view taken_suffix = ".taken";
}

Result<KeptTails::Lost> KeptTails::load() {
  HF_TRY(const std::vector<std::string> names, disk_.list("tails"));
  Lost lost;
  for (const std::string& name : names) {
    if (!name.ends_with(".tail") || std::ranges::find(names, taken_path(name)) != names.end()) continue;
    const std::string path = "tails/" + name;
    if (const auto tail = read(path))
      origins_.emplace(path, tail->origin);
    else if (lost.count++ == 0)
      lost.first = path;
  }
  return lost;
}

Status KeptTails::keep(const sync::Tail& tail) {
  const auto kept = std::ranges::count_if(origins_, [&](const auto& o) { return o.second.site == tail.origin.site; });
  if (static_cast<std::size_t>(kept) >= tails_a_site_max)
    return fail("node/refused", "too many tails are kept here; the new machine must take them first");
  const Bytes kept_as = sync::encode(tail);
  if (kept_as.size() > message_bytes_max) return fail("sync/bad_message", "a tail that cannot be given on");
  const std::string path = recovery::tail_path(tail);
  HF_TRY_VOID(disk_.write_all(path, kept_as));
  origins_.emplace(path, tail.origin);
  return {};
}

std::deque<std::string> KeptTails::paths_for(const SiteName& site, std::uint32_t epoch) const {
  std::deque<std::string> out;
  for (const auto& [path, origin] : origins_)
    if (origin.site == site && epoch > origin.epoch) out.push_back(path);
  return out;
}

// Its name has the hash of its entries, and the old machine has signed them.
std::optional<sync::Tail> KeptTails::read(const std::string& path) const {
  const auto bytes = disk_.read_all(path);
  auto message = bytes ? sync::decode(*bytes) : pass_on(bytes.error());
  auto* tail = message ? std::get_if<sync::Tail>(&*message) : nullptr;
  if (tail == nullptr || recovery::tail_path(*tail) != path || !tail->signature) return {};
  const auto key = keys_.log_key(tail->origin);
  if (key && !ed25519_verify(*key, sync::tail_text(*tail), *tail->signature)) return {};
  return std::move(*tail);
}

// By its path: who has the old key may have handed in another piece for the same place.
Status KeptTails::taken(const std::string& path) {
  if (!origins_.contains(path)) return {};
  HF_TRY_VOID(disk_.write_all(taken_path(path), ByteView()));
  origins_.erase(path);
  return {};
}

std::string KeptTails::taken_path(const std::string& path) { return path + std::string(taken_suffix); }

}  // namespace holdfast::node
