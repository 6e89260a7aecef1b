#include "core/node/tail_through.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace holdfast::node {

Status TailThrough::load(const Origin& own) {
  HF_TRY(const std::vector<std::string> names, disk_.list("tails"));
  for (std::uint32_t epoch = 1; epoch < own.epoch; ++epoch) {
    const std::string name = fmt::format("{}.through", epoch);
    if (std::ranges::find(names, name) == names.end()) continue;
    HF_TRY(const Bytes bytes, disk_.read_all("tails/" + name));
    Reader in(bytes);
    const std::uint64_t through = in.u64();
    if (in.ok()) through_[{own.chain, own.site, epoch}] = through;
  }
  return {};
}

std::uint64_t TailThrough::of(const Origin& origin) const {
  const auto it = through_.find(origin);
  return it == through_.end() ? 0 : it->second;
}

void TailThrough::note(const Origin& origin, EntryIndex first, std::uint64_t end, std::uint64_t kept) {
  const std::uint64_t known = std::max(kept, of(origin));
  if (first > known || end <= known) return;
  through_[origin] = end;
  due_.insert(origin);
}

Status TailThrough::write(Instant monotonic, const IsWithoutRoom& is_without_room) {
  if (monotonic < next_) return {};
  for (const Origin& origin : std::exchange(due_, {})) {
    Writer out;
    out.u64(through_[origin]);
    const std::string path = fmt::format("tails/{}.through", origin.epoch);
    const Status written = disk_.write_all(path, out.view());
    if (is_without_room(written, path)) {
      due_.insert(origin);
      next_ = monotonic + again_;
    } else {
      HF_TRY_VOID(written);
    }
  }
  return {};
}

}  // namespace holdfast::node
