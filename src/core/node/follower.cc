#include "core/node/follower.h"

#include <algorithm>
#include <utility>

#include "core/fold/follow.h"
#include "core/node/closing.h"

namespace holdfast::node {

// Asked five times a second, of journals of which most is never used (PeerFollowed): what was looked at is not again.
Result<fold::Use> Follower::use_of(const Origin& origin, EntryIndex first, EntryIndex end) {
  // An event that this version does not know ends what can be followed (7.5): what lies behind it is not used.
  constexpr std::string_view stopped = "node/stopped_following";
  LookedAt& looked_at = looked_at_[origin];
  if (first != looked_at.first || first > looked_at.end) looked_at = {.first = first, .end = first};
  if (looked_at.use == fold::Use::at_once || looked_at.is_stopped || end <= looked_at.end) return looked_at.use;
  // Whoever has the owner's key can sign a million parts of one event, and never its last.
  const Status scanned = replicas_.scan(origin, looked_at.end, end, [&](EntryIndex index, ByteView body) -> Status {
    auto event = looked_at.joiner.take(body);
    looked_at.end = index + 1;
    if (!event) return event.error().code == "fold/unknown_event" ? Status(fail(stopped, "")) : Status();
    if (*event) looked_at.use = std::max(looked_at.use, fold::use_by_followers((*event)->body));
    return {};
  });
  looked_at.is_stopped = !scanned && scanned.error().code == stopped;
  if (!scanned && !looked_at.is_stopped) return pass_on(scanned.error());
  return looked_at.use;
}

// What is named is folded at once, and a journal that names what cannot be read would end this node at each start: so
// what the fold is going to read is looked at first, where something has been lost. False: when its hole is mended.
bool Follower::can_be_folded(const Origin& origin, EntryIndex first, EntryIndex end) {
  if (first == end) return true;
  sync::Replica* replica = replicas_.find(origin);
  if (replica == nullptr || replica->size() < end || replica->log().hashed_size() < end) return false;
  return std::ranges::none_of(replica->log().holes(),
                              [&](const journal::Hole& hole) { return hole.first < end && first < hole.end; });
}

// A succession folds on to what was kept; or, where more was followed than that, everything anew from entry 0.
bool Follower::can_succeed(const Origin& origin, std::uint64_t followed, std::uint64_t kept) {
  if (followed <= kept) return can_be_folded(origin, followed, kept);
  const auto part = state_.peers.find(origin.site);
  if (part == state_.peers.end()) return false;
  return can_be_folded(origin, 0, kept) && std::ranges::all_of(part->second.lineage, [this](const auto& older) {
           return can_be_folded(older.origin, 0, older.size);
         });
}

Result<fold::FollowedPrefix> Follower::prefix_of(const SiteName& site, const Origin& origin, std::uint64_t to,
                                                 std::size_t beyond_max) {
  HF_TRY(fold::Followable can, fold::followable(state_, site, origin, to, chain_, replicas_, beyond_max));
  fold::FollowedPrefix prefix{origin, can.size, {}, std::move(can.beyond)};
  HF_TRY(prefix.root, replicas_.find(origin)->log().root_at(can.size));
  return prefix;
}

// Something of this epoch is cosigned, or of one that continues it: that rests on what it kept of this one (5.2). Who
// was away for the whole of an epoch is not told any more what its owner had cosigned.
bool Follower::is_cosigned_from(const Origin& origin) const {
  const sync::Replica* replica = replicas_.find(origin);
  if (replica != nullptr && replica->cosigned_size() > 0) return true;
  const chain::Registration* next = successor_in(keys_, origin);
  return next != nullptr && next->kept_size > 0 && is_cosigned_from(next->certificate.origin());
}

// The newest epoch may go on from an older one than we have followed: from a clean point there, or from before a
// machine that counts no longer.
std::optional<fold::PeerSucceeded> Follower::succession_of_older(const fold::PeerPart& part) {
  for (const fold::KeptPrefix& older : part.lineage) {
    const chain::Registration* next = successor_in(keys_, older.origin);
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

// Whether entries [first, end) are the beginning of one event in parts and nothing else (1.3): what is kept of an epoch
// may end amid one, at a clean point or where a thief with the key has signed.
Result<bool> Follower::only_begins_event(const Origin& origin, EntryIndex first, EntryIndex end) {
  HF_TRY(const fold::ScanEnd whole,
         fold::scan_events(replicas_, origin, first, end, [](EntryIndex, fold::Event&&) { return true; }));
  return whole.size == first && !whole.needs_newer_version;
}

// How far this site is followed next, and why; nothing: there is nothing of it that can be taken now.
Result<std::optional<Follower::ToFollow>> Follower::next_of(const SiteName& site) {
  std::optional<ToFollow> none;
  const auto part = state_.peers.find(site);
  // Nothing more of it is followed (7.5); but what it is succeeded by may go on from before that.
  const bool is_blind = part != state_.peers.end() && part->second.needs_newer_version;
  const bool has_part = part != state_.peers.end() && part->second.origin.epoch != 0;
  const Origin origin = has_part ? part->second.origin : Origin{chain_.chain, site, 1};
  const std::uint64_t size = has_part ? part->second.size : 0;
  if (auto other = has_part ? succession_of_older(part->second) : std::nullopt)
    return ToFollow{site, origin, size, 0, fold::Use::at_once, std::move(other)};
  const chain::Registration* next = successor_in(keys_, origin);
  if (is_blind && (next == nullptr || size < next->kept_size)) return none;
  sync::Replica* replica = replicas_.find(origin);
  const auto succession = [&] {
    return fold::PeerSucceeded{origin, next->kept_size, next->kept_root, next->certificate.origin()};
  };
  if (next != nullptr && size >= next->kept_size) {
    if (!is_cosigned_from(next->certificate.origin()) || !can_succeed(origin, size, next->kept_size)) return none;
    return ToFollow{site, origin, size, 0, fold::Use::at_once, succession()};
  }
  std::uint64_t to = replica == nullptr || replica->frozen ? 0 : replica->cosigned_size();
  if (next != nullptr) {
    // What the new epoch kept was sealed by q mirrors under a certificate; it may be followed to its end.
    if (replica == nullptr || replica->size() < next->kept_size) return none;
    const auto root = replica->log().root_at(next->kept_size);
    if (!root || *root != next->kept_root) return none;
    to = next->kept_size;
  }
  if (to <= size || replica->size() < to) return none;
  auto use = use_of(origin, size, to);
  if (!use && use.error().code == "journal/damaged") return none;  // when its hole is mended
  if (!use) return pass_on(use.error());
  // The last of a kept prefix is named even if nothing in it is used: the succession rests on it.
  if (next != nullptr) use = fold::Use::at_once;
  if (*use == fold::Use::none || !can_be_folded(origin, size, to)) return none;
  if (next == nullptr) return ToFollow{site, origin, size, to, *use, {}};
  const auto only_begins = only_begins_event(origin, size, to);
  if (!only_begins && only_begins.error().code == "journal/damaged") return none;
  if (!only_begins) return pass_on(only_begins.error());
  if (!*only_begins) return ToFollow{site, origin, size, to, *use, {}};
  // No fold gets to the end of what was kept, so it would be named for ever: it is named with what succeeds it.
  if (!is_cosigned_from(next->certificate.origin())) return none;
  return ToFollow{site, origin, size, to, *use, succession()};
}

bool Follower::is_due(Instant monotonic) {
  if (monotonic < next_) return false;
  next_ = monotonic + pace_.interval;
  return true;
}

// 7.3. Each PeerFollowed goes to everybody who mirrors or follows this site, and takes blocks of all their disks: so
// what tills ring, which is most of all trade, is taken together and less often than what somebody waits for.
Result<Follower::Next> Follower::next(const chain::Site& me, Instant monotonic) {
  Next out;
  std::vector<ToFollow> due;
  fold::Use use = fold::Use::none;
  for (const SiteName& site : me.follows) {
    HF_TRY(std::optional<ToFollow> next, next_of(site));
    if (!next) continue;
    use = std::max(use, next->use);
    due.push_back(std::move(*next));
  }
  if (due.empty() || (use == fold::Use::of_trade && monotonic < next_trade_)) return out;
  next_trade_ = monotonic + pace_.trade_interval;
  std::size_t room = fold::beyond_an_event_max;  // what finds none is followed next time
  for (ToFollow& each : due) {
    if (each.to <= each.from) continue;  // nothing but a succession
    auto prefix = prefix_of(each.site, each.origin, each.to, room);
    if (!prefix && prefix.error().code == "journal/damaged") {
      each.succeeded.reset();  // when its hole is mended
      continue;
    }
    if (!prefix) return pass_on(prefix.error());
    if (prefix->size <= each.from) continue;  // what comes next needs a newer version, or room
    room -= prefix->held.size();
    out.entries += prefix->size - each.from;
    out.followed.peers.push_back(std::move(*prefix));
  }
  for (ToFollow& each : due)
    if (each.succeeded) out.succeeded.push_back(std::move(*each.succeeded));
  return out;
}

}  // namespace holdfast::node
