// Taking peers' entries into our own decisions (protocol 7): first named in our journal, then folded.
#include <algorithm>

#include "core/node/node_impl.h"

namespace holdfast::node {

// Asked five times a second, of journals of which most is never used (PeerFollowed): what was looked at is not again.
Result<bool> NodeImpl::holds_used(const Origin& origin, EntryIndex first, EntryIndex end) {
  // An event that this version does not know ends what can be followed (7.5): what lies behind it is not used.
  constexpr std::string_view stopped = "node/stopped_following";
  Unused& unused = unused_[origin];
  if (first < unused.first || first > unused.end) unused = {first, first};
  end = std::max(end, unused.end);
  fold::Joiner joiner;
  bool used = false;
  const Status scanned = replicas_.scan(origin, unused.end, end, [&](EntryIndex, ByteView body) -> Status {
    auto event = joiner.take(body);
    if (!event) return event.error().code == "fold/unknown_event" ? Status(fail(stopped, "")) : Status();
    if (*event && fold::used_by_followers((*event)->body)) used = true;
    return {};
  });
  if (!scanned && scanned.error().code != stopped) return pass_on(scanned.error());
  if (scanned && !used) unused.end = end;  // both are ends of commands (1.3)
  return used;
}

// What is named is folded at once, and a journal that names what cannot be read would end this node at each start: so
// what the fold is going to read is looked at first, where something has been lost. False: when its hole is mended.
bool NodeImpl::can_be_folded(const Origin& origin, EntryIndex first, EntryIndex end) {
  if (first == end) return true;
  sync::Replica* replica = replicas_.find(origin);
  if (replica == nullptr || replica->size() < end || replica->log().hashed_size() < end) return false;
  return std::ranges::none_of(replica->log().holes(),
                              [&](const journal::Hole& hole) { return hole.first < end && first < hole.end; });
}

// A succession folds on to what was kept; or, where more was followed than that, everything anew from entry 0.
bool NodeImpl::can_succeed(const Origin& origin, std::uint64_t followed, std::uint64_t kept) {
  if (followed <= kept) return can_be_folded(origin, followed, kept);
  const auto part = state_.peers.find(origin.site);
  if (part == state_.peers.end()) return false;
  return can_be_folded(origin, 0, kept) && std::ranges::all_of(part->second.lineage, [this](const auto& older) {
           return can_be_folded(older.origin, 0, older.size);
         });
}

Result<std::optional<fold::FollowedPrefix>> NodeImpl::next_prefix(const SiteName& site, const Origin& origin,
                                                                  std::uint64_t from, std::uint64_t to) {
  sync::Replica* replica = replicas_.find(origin);
  if (replica == nullptr || to <= from || replica->size() < to) return std::optional<fold::FollowedPrefix>();
  HF_TRY(const bool used, holds_used(origin, from, to));
  if (!used) return std::optional<fold::FollowedPrefix>();
  fold::FollowedPrefix prefix{origin, to, {}, {}};
  HF_TRY(prefix.root, replica->log().root_at(to));
  HF_TRY(prefix.held, fold::beyond_bounds(state_, site, origin, to, chain_, replicas_));
  counters_.followed_entries += to - from;
  return std::optional(std::move(prefix));
}

// Something of this epoch is cosigned, or of one that continues it: that rests on what it kept of this one (5.2). Who
// was away for the whole of an epoch is not told any more what its owner had cosigned.
bool NodeImpl::is_cosigned_from(const Origin& origin) const {
  const sync::Replica* replica = replicas_.find(origin);
  if (replica != nullptr && replica->cosigned_size() > 0) return true;
  const chain::Registration* next = successor_of(origin);
  return next != nullptr && next->kept_size > 0 && is_cosigned_from(next->certificate.origin());
}

// The newest epoch may go on from an older one than we have followed: from a clean point there, or from before a
// machine that counts no longer.
std::optional<fold::PeerSucceeded> NodeImpl::succession_of_older(const fold::PeerPart& part) {
  for (const fold::KeptPrefix& older : part.lineage) {
    const chain::Registration* next = successor_of(older.origin);
    if (next == nullptr || next->certificate.epoch <= part.origin.epoch) continue;
    sync::Replica* replica = replicas_.find(older.origin);
    if (!is_cosigned_from(next->certificate.origin()) || !can_succeed(older.origin, UINT64_MAX, next->kept_size))
      return std::nullopt;
    if (next->kept_size > 0) {
      const auto root = replica->log().root_at(next->kept_size);
      if (!root || *root != next->kept_root) return std::nullopt;
    }
    return fold::PeerSucceeded{older.origin, next->kept_size, next->kept_root, next->certificate.origin()};
  }
  return std::nullopt;
}

Status NodeImpl::follow_if_due() {
  if (phase_ == Phase::stopped || monotonic_ < next_follow_) return {};
  next_follow_ = monotonic_ + options_.follow_interval;
  HF_TRY_VOID(unless_damaged(leave_lost_branches()));
  fold::PeerFollowed followed;
  std::vector<fold::PeerSucceeded> succeeded;
  for (const SiteName& site : me_->follows) {
    const auto part = state_.peers.find(site);
    // Nothing more of it is followed (7.5); but what it is succeeded by may go on from before that.
    const bool is_blind = part != state_.peers.end() && part->second.needs_newer_version;
    const bool has_part = part != state_.peers.end() && part->second.origin.epoch != 0;
    const Origin origin = has_part ? part->second.origin : Origin{chain_.chain, site, 1};
    const std::uint64_t size = has_part ? part->second.size : 0;
    std::uint64_t to = 0;
    if (auto other = has_part ? succession_of_older(part->second) : std::nullopt) {
      succeeded.push_back(std::move(*other));
      continue;
    }
    const chain::Registration* next = successor_of(origin);
    if (is_blind && (next == nullptr || size < next->kept_size)) continue;
    if (next == nullptr) {
      const sync::Replica* replica = replicas_.find(origin);
      to = replica == nullptr || replica->frozen ? 0 : replica->cosigned_size();
    } else if (size < next->kept_size) {
      // What the new epoch kept was sealed by q mirrors under a certificate; it may be followed to its end.
      sync::Replica* replica = replicas_.find(origin);
      if (replica == nullptr || replica->size() < next->kept_size) continue;
      const auto root = replica->log().root_at(next->kept_size);
      if (!root || *root != next->kept_root) continue;
      to = next->kept_size;
    } else {
      if (!is_cosigned_from(next->certificate.origin())) continue;
      if (can_succeed(origin, size, next->kept_size))
        succeeded.push_back({origin, next->kept_size, next->kept_root, next->certificate.origin()});
      continue;
    }
    auto found = next_prefix(site, origin, size, to);
    if (!found && found.error().code == "journal/damaged") continue;  // when its hole is mended
    if (!found) return pass_on(found.error());
    std::optional<fold::FollowedPrefix> prefix = std::move(*found);
    // The last of a kept prefix is named even if nothing in it is used: the succession rests on it.
    if (!prefix && next != nullptr) {
      prefix = fold::FollowedPrefix{origin, to, next->kept_root, {}};
    }
    if (prefix && can_be_folded(origin, size, to)) followed.peers.push_back(std::move(*prefix));
  }
  if (!followed.peers.empty()) HF_TRY_VOID(append_event({now_, std::nullopt, std::move(followed)}));
  for (fold::PeerSucceeded& event : succeeded) HF_TRY_VOID(append_event({now_, std::nullopt, std::move(event)}));
  return {};
}

}  // namespace holdfast::node
