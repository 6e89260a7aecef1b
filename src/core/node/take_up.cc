// A mirror that has lost what it stored: what it asks of its fellows, and when it counts again (protocol 4.6).
#include <algorithm>

#include "core/node/node_impl.h"

namespace holdfast::node {

// What is held here must be what each of them holds: of two histories the one that was cosigned may be theirs.
Result<bool> NodeImpl::agrees_with_told(const SiteName& site, const Origin& origin) {
  sync::Replica* replica = replicas_.find(origin);
  if (replica == nullptr) return true;
  for (const auto& [mirror, held] : taken_up_.told_of(site)) {
    if (held.origin != origin || !held.longest) continue;
    const auto agrees = replica->agrees(held.longest->checkpoint);
    if (agrees && *agrees) continue;
    if (!agrees && agrees.error().code != "sync/contradiction") return pass_on(agrees.error());
    if (!agrees)
      HF_TRY_VOID(contradiction(replica, origin, replica->latest_note(), journal::to_text(held.longest->note)));
    return false;
  }
  return true;
}

Status NodeImpl::take_up_if_told(const SiteName& site) {
  if (taken_up_.contains(site) || !chain_.is_mirror(me_->name, site)) return {};
  const Origin newest = keys_.newest_origin(site);
  const chain::Site* owner = chain_.find(site);
  const std::size_t others = owner->mirrors.size() - 1;
  const std::size_t needed = std::min<std::size_t>(chain_.honest_any(*owner), others);
  // What they said before the newest epoch was known here is of another, and says nothing of it: they are asked again.
  const std::map<SiteName, TakenUp::Told>& told = taken_up_.told_of(site);
  const auto answers = std::ranges::count_if(told, [&](const auto& t) { return t.second.origin == newest; });
  if (static_cast<std::size_t>(answers) < needed) return {};
  const std::uint64_t longest = taken_up_.longest_told(newest);
  sync::Replica* replica = replicas_.find(newest);
  if (longest > 0 && (replica == nullptr || replica->size() < longest)) return {};
  if (!holds_lineage(newest)) return {};
  HF_TRY(const bool is_one, agrees_with_told(site, newest));
  if (!is_one) return {};
  // As for a cosignature: what counts as held here is under a checkpoint.
  for (const auto& [mirror, held] : told)
    if (held.origin == newest && held.size() == longest && replica != nullptr && longest > replica->signed_size())
      HF_TRY_VOID(replica->put_signed(*held.longest));
  return taken_up_.add(site);
}

// 4.6, if the other mirrors that journal, too.
void NodeImpl::ask_fellow(Session& fellow, const SiteName& owner) {
  if (!chain_.is_mirror(me_->name, owner) || !chain_.is_mirror(*fellow.site, owner)) return;
  fellow.asked_of.insert(owner);
  send(fellow.id, sync::Ask{owner});
}

void NodeImpl::ask_fellows(const SiteName& owner) {
  for (auto& [id, session] : sessions_)
    if (session.site && !session.superseded && !session.candidate && !session.own_spare) ask_fellow(session, owner);
}

// 3.2, 4.6: this disk may be an old one. What it has of others' journals may be less than this machine has signed for,
// as its own was, and seals may be missing.
Status NodeImpl::forget_taken_up() {
  HF_TRY_VOID(taken_up_.clear());
  for (const chain::Site& site : chain_.sites) ask_fellows(site.name);
  return {};
}

// The owner of a journal may be gone, or be what we are to seal for, or ask on an old disk and wait for our word; so
// whoever said that he holds more is asked for it himself.
void NodeImpl::want_from_fellow(Session& fellow, const SiteName& site) {
  const Session* owner = session_of(site);
  const bool owner_gives = owner != nullptr && !owner->rebuilding && !owner->is_asking;
  if (owner_gives) return;
  const std::map<SiteName, TakenUp::Told>& told_of = taken_up_.told_of(site);
  const auto told = told_of.find(*fellow.site);
  if (told == told_of.end()) return;
  const Origin& newest = told->second.origin;
  for (sync::Have lack : lacking(site)) {
    if (lack.origin == newest) lack.limit = std::min(lack.limit, told->second.size());
    const sync::Replica* replica = replicas_.find(lack.origin);
    const bool is_frozen = replica != nullptr && replica->frozen;
    const bool may_be_his = lack.origin.epoch <= newest.epoch && lack.limit != UINT64_MAX && lack.size < lack.limit;
    if (may_be_his && !is_frozen) ask_for(fellow, lack);
  }
}

void NodeImpl::want_from_fellows(const SiteName& site) {
  for (auto& [id, fellow] : sessions_)
    if (fellow.site && !fellow.superseded && !fellow.candidate) want_from_fellow(fellow, site);
}

}  // namespace holdfast::node
