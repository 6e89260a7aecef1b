#include "core/node/lineage.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace holdfast::node {

Result<chain::Registration> opening_registration(journal::Log& log) {
  HF_TRY(const Bytes first, log.read(0));
  HF_TRY(const fold::Event event, fold::decode(first));
  const auto* opened = std::get_if<fold::EpochOpened>(&event.body);
  if (opened == nullptr)
    return fail("journal/damaged", "entry 0 of " + log.origin().text() + " does not open an epoch");
  HF_TRY(chain::Registration registration, chain::parse_registration(opened->registration));
  if (registration.old_origin.epoch >= log.origin().epoch)
    return fail("journal/damaged", "entry 0 of " + log.origin().text() + " names no earlier epoch");
  return registration;
}

Result<std::vector<Kept>> lineage(journal::Log& newest, const sync::Replicas& replicas) {
  std::vector<Kept> out;
  journal::Log* log = &newest;
  while (log->origin().epoch > 1 && log->durable_size() > 0) {
    HF_TRY(const chain::Registration registration, opening_registration(*log));
    out.emplace_back(registration.old_origin, registration.kept_size);
    if (registration.kept_size == 0) break;
    const auto it = replicas.all().find(registration.old_origin);
    if (it == replicas.all().end() || it->second->size() < registration.kept_size)
      return fail("sync/missing_entries",
                  fmt::format("the {} entries of {} that this journal continues are not all on this disk; rebuild this "
                              "site",
                              registration.kept_size, registration.old_origin.text()));
    log = &it->second->log();
  }
  std::reverse(out.begin(), out.end());
  return out;
}

bool is_missing(const Origin& origin, std::uint64_t size, const sync::Replicas& replicas) {
  const sync::Replica* replica = replicas.find(origin);
  return size > 0 && (replica == nullptr || replica->size() < size);
}

std::optional<Kept> first_missing(const fold::Event& event, const sync::Replicas& replicas) {
  if (const auto* followed = std::get_if<fold::PeerFollowed>(&event.body))
    for (const fold::FollowedPrefix& p : followed->peers)
      if (is_missing(p.origin, p.size, replicas)) return Kept(p.origin, p.size);
  const auto* succeeded = std::get_if<fold::PeerSucceeded>(&event.body);
  if (succeeded != nullptr && is_missing(succeeded->old_origin, succeeded->kept_size, replicas))
    return Kept(succeeded->old_origin, succeeded->kept_size);
  return std::nullopt;
}

std::vector<fold::FollowedPrefix> prefixes_in(const fold::Event& event) {
  if (const auto* followed = std::get_if<fold::PeerFollowed>(&event.body)) return followed->peers;
  const auto* succeeded = std::get_if<fold::PeerSucceeded>(&event.body);
  if (succeeded == nullptr) return {};
  return {{succeeded->old_origin, succeeded->kept_size, succeeded->kept_root, {}}};
}

}  // namespace holdfast::node
