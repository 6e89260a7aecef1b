#include "core/node/replaced.h"

#include <algorithm>

namespace holdfast::node {

void Replaced::begin(const chain::Registration& by, journal::Log* own, std::optional<std::uint64_t> cosigned) {
  by_ = by.certificate.origin();
  if (cosigned) cosigned_ = *cosigned;
  kept_ = kept_here(by, own);
  waiting_ = own != nullptr && own->size() > kept_ ? own->size() - kept_ : 0;
  takers_.clear();
}

// How much of this journal the machine that replaced us has, as far as can be told here; the rest is our tail (5.3).
// What was cosigned the new one has kept, or mirrors show it as what they hold beyond that, so from there on:
// - what was kept is of this journal: from its end;
// - more was kept than this disk has, or another history: this disk is an old one, or its end has rotted. If it is only
//   shorter, and nothing was written since, what is given is known there by its keys;
// - the registration that went on from this journal was not shown, only one that rests on it: likewise.
// Of an epoch that was passed over nothing was kept.
std::uint64_t Replaced::kept_here(const chain::Registration& by, journal::Log* own) const {
  if (own == nullptr || by.old_origin.epoch < own->origin().epoch) return 0;
  if (by.old_origin == own->origin() && by.kept_size <= own->size()) {
    const auto root = own->root_at(by.kept_size);
    if (root && *root == by.kept_root) return by.kept_size;
  }
  return cosigned_;
}

void Replaced::taken(EntryIndex first, std::uint64_t count, const SiteName& by, unsigned lying_mirrors) {
  std::set<SiteName>& takers = takers_[first];
  const auto is_taken = [&] { return takers.contains(by_->site) || takers.size() > lying_mirrors; };
  if (is_taken()) return;
  takers.insert(by);
  if (is_taken()) waiting_ -= std::min(waiting_, count);
}

}  // namespace holdfast::node
