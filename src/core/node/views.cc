// What people are told: what is safe, who trades, what came back.
#include <algorithm>

#include "core/base/mutant.h"
#include "core/node/damage.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

Safety NodeImpl::safety() const {
  Safety out;
  out.origin = origin_;
  out.size = own_ ? own_->size() : 0;
  out.cosigned_size = offers_.cosigned() ? offers_.cosigned()->checkpoint.size : 0;
  out.cosigned_at = cosigned_at_;
  out.phase = phase_;
  out.signs = may_sign();
  out.quorum = chain_.quorum;
  for (const SiteName& mirror : me_->mirrors) {
    const auto p = peers_.find(mirror);
    if (p != peers_.end()) out.mirrors.push_back({mirror, p->second.held, p->second.heard_at});
  }
  if (out.size > out.cosigned_size) out.no_copy_since = no_copy_since_;
  out.replaced_by = replaced_.by();
  out.listed = state_.listed.size();
  out.not_taken_in = not_taken_in();
  out.missing_receipts = till::gaps(state_.till, missing_receipts_max);
  out.provisional = phase_ == Phase::provisional;
  out.registering = waits_for();
  out.spare = spare_link();
  out.damage = damage_of(logs());
  if (const Duration ahead = state_.newest - world_.clock.now(); ahead > clock_slack) out.clock_behind = ahead;
  return out;
}

std::vector<LinkView> NodeImpl::links() const {
  std::vector<LinkView> out;
  for (const auto& [site, p] : peers_) {
    LinkView v{site,  is_closed_to(site) ? LinkState::cut : p.session ? LinkState::up : LinkState::down,
               false, false,
               false, false};
    v.mirrors_us = chain_.is_mirror(site, me_->name);
    v.we_mirror = chain_.is_mirror(me_->name, site);
    v.we_follow = chain_.follows(me_->name, site);
    v.follows_us = chain_.follows(site, me_->name);
    out.push_back(v);
  }
  return out;
}

std::vector<SiteView> NodeImpl::sites() const {
  std::vector<SiteView> out;
  const std::vector<LinkView> ours = links();
  for (const chain::Site& site : chain_.sites) {
    SiteView v;
    v.site = site.name;
    v.kind = site.kind;
    v.contradictions = static_cast<std::uint64_t>(
        std::ranges::count_if(state_.contradictions, [&](const auto& seen) { return seen.origin.site == site.name; }));
    if (site.name == me_->name) {
      v.is_here = true;
      v.origin = origin_;
      v.trading = phase_ == Phase::stopped || phase_ == Phase::rebuilding ? Trading::no : Trading::yes;
      v.heard_at = world_.clock.now();
      v.size = v.held_here = own_ ? own_->size() : 0;
      v.cosigned_size = offers_.cosigned() ? offers_.cosigned()->checkpoint.size : 0;
      v.cosigned_at = cosigned_at_;
      v.totals = &state_.till.totals;
      v.links = ours;
      v.posture = posture_;
      out.push_back(std::move(v));
      continue;
    }
    const auto p = peers_.find(site.name);
    if (p == peers_.end()) {  // no link: nothing is known here, and that is said
      out.push_back(std::move(v));
      continue;
    }
    const Peer& peer = p->second;
    v.counts_here = chain_.is_mirror(me_->name, site.name) && taken_up_.contains(site.name) &&
                    !(certificate_ && certificate_->spare);
    v.origin = keys_.newest_origin(site.name);
    v.heard_at = peer.heard_at;
    const bool recent =
        peer.session && peer.heard_monotonic && world_.clock.monotonic() - *peer.heard_monotonic < heard_recently;
    if (recent && peer.beat) v.trading = peer.beat->trading ? Trading::yes : Trading::no;
    if (peer.beat && peer.beat->signature && peer.beat->origin == *v.origin) {
      v.size = peer.beat->size;
      v.cosigned_size = peer.beat->cosigned_size;
    }
    if (const sync::Replica* replica = replicas_.find(*v.origin)) {
      v.held_here = replica->size();
      v.size = std::max(v.size.value_or(0), replica->size());
      v.cosigned_size = std::max(v.cosigned_size.value_or(0), replica->cosigned_size());
    }
    if (const auto part = state_.peers.find(site.name); part != state_.peers.end()) {
      v.followed_size = part->second.size;
      v.totals = &part->second.totals;
      v.posture = part->second.posture;
    }
    for (const LinkView& link : ours) {
      if (link.to != site.name) continue;
      v.links.push_back({me_->name, link.state, link.we_mirror, link.mirrors_us, link.follows_us, link.we_follow});
    }
    out.push_back(std::move(v));
  }
  return out;
}

std::optional<RecoveryReport> NodeImpl::recovery() const {
  if (!record_ || phase_ == Phase::rebuilding) return std::nullopt;
  const recovery::Choice& c = record_->choice;
  RecoveryReport r;
  r.old_origin = c.old_origin;
  r.new_origin = origin_;
  r.cosigned = c.kept_size;
  if (c.announced_at.unix_ns != 0) {
    r.announced = std::max(c.announced, c.kept_size);
    r.announced_at = c.announced_at;
  }
  if (c.heard_at.unix_ns != 0) r.not_yet_known_since = c.heard_at;
  r.resubmitted = state_.readmission.resubmitted;
  r.readmitted = state_.readmission.readmitted;
  r.listed = state_.readmission.listed;
  const std::uint64_t back = r.resubmitted + r.readmitted + r.listed;
  const std::uint64_t gone = r.announced.value_or(r.cosigned) - r.cosigned;
  r.known_lost = gone > back ? gone - back : 0;
  r.missing_receipts = till::gaps(state_.till, missing_receipts_max);
  if (HF_MUTANT(18) && !state_.till.receipts.empty()) {
    const auto& [series, receipts] = *state_.till.receipts.begin();
    r.missing_receipts.push_back({series.first, series.second, receipts.receipts.begin()->first});
  }
  r.entries_fetched = record_->entries_fetched;
  r.bytes_fetched = record_->bytes_fetched;
  return r;
}

std::optional<Progress> NodeImpl::progress() const {
  if (phase_ != Phase::rebuilding) return std::nullopt;
  return Progress{step_};
}

}  // namespace holdfast::node
