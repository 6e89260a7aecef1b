#include "core/node/closing.h"

#include <algorithm>

namespace holdfast::node {

const chain::Registration* successor_in(const sync::KeyRing& keys, const Origin& origin) {
  std::uint32_t of_lineage = keys.newest_epoch(origin.site);
  while (of_lineage > origin.epoch) {
    const chain::Registration* r = keys.registration(origin.site, of_lineage);
    if (r != nullptr && r->old_origin == origin) return r;
    of_lineage = r == nullptr ? 0 : std::min(r->old_origin.epoch, of_lineage - 1);
  }
  for (std::uint32_t epoch = keys.newest_epoch(origin.site); epoch > origin.epoch; --epoch) {
    const chain::Registration* r = keys.registration(origin.site, epoch);
    if (r != nullptr && r->old_origin == origin) return r;
  }
  return nullptr;
}

std::optional<std::uint64_t> kept_of(const sync::KeyRing& keys, const Origin& origin) {
  std::uint32_t of_lineage = keys.newest_epoch(origin.site);
  while (of_lineage > origin.epoch) {
    const chain::Registration* r = keys.registration(origin.site, of_lineage);
    if (r != nullptr && r->old_origin.epoch < origin.epoch)
      return keys.keys(origin.site, origin.epoch) == nullptr ? std::nullopt : std::optional<std::uint64_t>(0);
    of_lineage = r == nullptr ? 0 : std::min(r->old_origin.epoch, of_lineage - 1);
  }
  const chain::Registration* next = successor_in(keys, origin);
  return next == nullptr ? std::nullopt : std::optional(next->kept_size);
}

std::optional<PublicKey> closing_key(const sync::KeyRing& keys, const sync::Entries& entries) {
  const chain::Registration* next = successor_in(keys, entries.origin);
  if (next == nullptr) return std::nullopt;
  const auto closing = journal::open_checkpoint(entries.note, next->certificate.keys.log);
  const bool is_it = closing && closing->checkpoint.origin == entries.origin &&
                     closing->checkpoint.size == next->kept_size && closing->checkpoint.root == next->kept_root;
  return is_it ? std::optional(next->certificate.keys.log) : std::nullopt;
}

Result<std::optional<bool>> differs_from_kept(sync::Replica& copy, const chain::Registration& next) {
  if (next.certificate.spare || next.kept_size == 0) return std::optional(false);
  if (copy.size() < next.kept_size || !copy.is_hashed()) return std::optional<bool>();
  const auto root = copy.log().root_at(next.kept_size);
  if (!root && root.error().code == "journal/damaged") return std::optional<bool>();
  if (!root) return pass_on(root.error());
  return std::optional(*root != next.kept_root);
}

}  // namespace holdfast::node
