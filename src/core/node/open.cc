// Opening: what is on this disk, folded; and what this start adds.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/base/read_file.h"
#include "core/fold/pipeline.h"
#include "core/node/lineage.h"
#include "core/node/node_impl.h"
#include "core/node/site_names.h"

namespace holdfast::node {

std::string_view to_text(Phase phase) {
  switch (phase) {
    case Phase::rebuilding:
      return "rebuilding";
    case Phase::asking:
      return "asking";
    case Phase::provisional:
      return "provisional";
    case Phase::signing:
      return "signing";
    case Phase::stopped:
      return "stopped";
  }
  return "stopped";
}

Result<std::unique_ptr<Node>> Node::open(World world, Options options) {
  HF_TRY(const auto bytes, read_if_there(world.disk, chain_file_path));
  if (!bytes)
    return fail("node/not_started", "there is no chain file here; run `holdfast site adopt DIR CHAINFILE` first");
  HF_TRY(chain::ChainFile file, chain::open_chain_file(as_text(*bytes)));
  auto node = std::make_unique<NodeImpl>(world, std::move(options), std::move(file));
  HF_TRY_VOID(node->start());
  return std::unique_ptr<Node>(std::move(node));
}

NodeImpl::NodeImpl(World world, Options options, chain::ChainFile file)
    : world_(world),
      options_(std::move(options)),
      chain_(std::move(file)),
      keys_(chain_),
      replicas_(world.disk, world.executor),
      follower_({options_.follow_interval, options_.follow_trade_interval}, chain_, state_, keys_, replicas_),
      taken_up_(world.disk),
      branches_(world.disk, replicas_, keys_, state_),
      needs_(options_.site, chain_, keys_, world.executor),
      folding_({state_, last_event_at_}, chain_, keys_, replicas_, needs_, world.executor),
      kept_tails_(world.disk, keys_),
      tail_through_(world.disk, room_again),
      snapshots_(world.disk, room_again) {}

Status NodeImpl::start() {
  now_ = world_.clock.now();
  started_ = written_at_ = monotonic_ = world_.clock.monotonic();
  me_ = chain_.find(options_.site);
  if (me_ == nullptr)
    return fail("node/wrong_site",
                fmt::format("the chain file of {} names no site \"{}\"", chain_.chain, options_.site.view()));
  for (const chain::Site& site : chain_.sites)
    if (site.name != me_->name && chain_.linked(me_->name, site.name)) {
      Peer& p = peers_[site.name];
      p.site = site.name;
      const Duration wait = redial_after(site.name);
      p.redial_at = wait == redial_interval ? monotonic_ : monotonic_ + wait;
    }
  const PublicKey log_key = world_.signer.public_key(KeyUse::log);
  chain::SiteKeys keys = me_->keys;
  std::uint32_t epoch = 1;
  HF_TRY(const auto certificate, read_if_there(world_.disk, certificate_path));
  if (certificate) {
    HF_TRY(certificate_, chain::open_certificate(chain_, as_text(*certificate)));
    if (certificate_->site != me_->name)
      return fail("node/wrong_site", fmt::format("the certificate here is for {}, not for {}",
                                                 certificate_->site.view(), me_->name.view()));
    keys = certificate_->keys;
    epoch = certificate_->epoch;
  }
  if (keys.log != log_key)
    return fail("node/wrong_site",
                fmt::format("the keys in this directory are not those that the chain file or certificate names "
                            "for {}; is it another site's directory?",
                            me_->name.view()));
  origin_ = {chain_.chain, me_->name, epoch};
  HF_TRY_VOID(load_cut_list());
  HF_TRY_VOID(tail_through_.load(origin_));
  HF_TRY(const auto spare_note, read_if_there(world_.disk, own_spare_path));
  if (spare_note) {
    auto spare = chain::open_unrevoked_certificate(chain_, as_text(*spare_note));  // one that was revoked is not let in
    if (spare && spare->spare && spare->epoch > epoch) spare_ = OwnSpare{std::move(*spare), {}, {}, {}};
  }
  HF_TRY_VOID(branches_.put_back());
  HF_TRY_VOID(replicas_.open_all(origin_, chain_));
  HF_TRY_VOID(taken_up_.load(origin_, chain_, replicas_));
  bool is_there = epoch == 1;
  if (!is_there) {
    HF_TRY(const std::vector<std::string> segments, world_.disk.list(journal::Log::directory(origin_)));
    is_there = !segments.empty();
  }
  if (is_there) HF_TRY_VOID(open_own_journal());
  if (own_) return is_mending_ ? restore_posture() : serve_own_journal();
  for (auto& [origin, replica] : replicas_.all()) replica->reload(keys_);
  if (certificate_->spare) return promote();
  phase_ = Phase::rebuilding;
  step_ = "waiting for mirrors to seal the old epoch";
  rebuild_ = std::make_unique<recovery::Rebuild>(chain_, *certificate_);
  return restore_posture();
}

// The journal is folded: what this start adds, and from here on writes are taken.
Status NodeImpl::serve_own_journal() {
  if (certificate_ && certificate_->spare && phase_ == Phase::asking) {
    // Its entry 0 has the registration as it was said; the file has it with the mirrors' lines, once there are any.
    HF_TRY(const Bytes said, world_.disk.read_all(recovery::registration_path));
    registration_ = std::string(as_text(said));
    if (!is_registered_spare()) begin_provisional();
  }
  HF_TRY_VOID(restore_posture());
  HF_TRY_VOID(append_start_events());
  HF_TRY_VOID(unless_damaged(readmit_aside()));
  HF_TRY_VOID(unless_damaged(take_rest_of_copy()));
  for (journal::Log* log : logs()) {
    const std::string& rotten = log == &own_->log() ? own_rotten_end_ : log->rotten_end();
    if (!rotten.empty()) trip("journal-damage", 2, rotten);
    if (log->lost_aside() > 0)
      trip("journal-damage", 2,
           fmt::format("{} entries of {} cannot be read that a start had set aside; what of them was taken in again "
                       "stands behind",
                       log->lost_aside(), log->origin().text()));
  }
  HF_TRY_VOID(begin_closed_copies_anew());
  HF_TRY(const KeptTails::Lost lost, kept_tails_.load());
  if (lost.count > 0) tell_lost_tail(lost.first, lost.count);
  HF_TRY_VOID(record_guard());
  HF_TRY_VOID(commit_with_switch());
  return release();
}

// The state stands without them by now, and this machine counts for none of them (TakenUp::load).
Status NodeImpl::begin_closed_copies_anew() {
  const auto may_be_left = [this](const Origin& origin) {
    // Nobody else could say what it has signed, nor stand in for what a machine that was replaced is still to show.
    const bool is_only_mirror =
        chain_.is_mirror(me_->name, origin.site) && chain_.find(origin.site)->mirrors.size() == 1;
    return origin.site != me_->name && !is_only_mirror && phase_ != Phase::stopped;
  };
  HF_TRY(const std::vector<Branches::Told> closed, branches_.leave_unopened(may_be_left));
  for (const Branches::Told& told : closed) trip(told.signature, told.severity, told.text);
  return {};
}

// own_ stays null if this epoch has no entry yet. Opening writes behind a rotten end, and what is opened once more does
// not see it: so it is done once a start, but for a mending, and what was seen stays known.
Status NodeImpl::open_own_journal() {
  std::optional<Snapshot> snapshot = snapshots_.newest(origin_);
  std::optional<journal::LogMark> unmet;
  std::unique_ptr<journal::Log> log;
  if (snapshot) {
    auto with_mark = journal::Log::open(world_.disk, world_.executor, origin_, snapshot->mark);
    // What could not be written is not tried again (1.2).
    if (!with_mark && with_mark.error().code != "journal/damaged") return pass_on(with_mark.error());
    if (with_mark) {
      log = std::move(*with_mark);
    } else {
      unmet = std::move(snapshot->mark);
      snapshot.reset();  // the journal is the truth; it must stand without
    }
  }
  if (!log) {
    HF_TRY(log, journal::Log::open(world_.disk, world_.executor, origin_));
  }
  own_ = std::make_unique<sync::Replica>(std::move(log));
  if (own_rotten_end_.empty()) own_rotten_end_ = own_->log().rotten_end();
  if (unmet) tell_lost_end(*unmet);
  if (origin_.epoch > 1 && own_->size() == 0) {
    own_.reset();
    return {};
  }
  EntryIndex first = 0;
  if (snapshot && snapshot->mark.size <= own_->size()) {
    state_ = std::move(snapshot->state);
    first = snapshot->mark.size;
    snapshots_.began_from(first);
  }
  // Written by a version that stopped at a kind which this one knows (7.5): all is folded again, as it would be
  // anywhere else by this version, and following goes on.
  const bool knows_more = std::ranges::any_of(state_.peers, [this](const auto& peer) {
    const sync::Replica* replica = peer.second.needs_newer_version ? replicas_.find(peer.second.origin) : nullptr;
    return replica != nullptr && fold::can_follow_on(peer.second, replica->size(), replicas_);
  });
  if (knows_more) {
    state_ = fold::State();
    first = 0;
    snapshots_.began_from(0);
  }
  const Status folded = !own_->is_hashed() ? Status(fail("journal/damaged", "behind a hole"))
                        : first == 0       ? replay(own_->size())
                                           : replay_log(own_->log(), first, own_->size());
  if (!folded && folded.error().code == "journal/damaged" && has_holes(Holes::any)) {
    begin_mending();
    return {};
  }
  if (!folded && folded.error().code == "sync/missing_entries") {
    HF_TRY(const bool may_fetch, may_fetch_what_is_named());
    if (may_fetch) {
      begin_mending();
      return {};
    }
  }
  HF_TRY_VOID(folded);
  keys_ = sync::KeyRing(chain_);
  keys_.add_all(state_);
  HF_TRY_VOID(unless_damaged(learn_own_line()));
  registration_ = state_.registration;
  for (auto& [origin, replica] : replicas_.all()) replica->reload(keys_);
  freeze_contradicted();
  own_->reload(keys_);
  offers_.reset();
  if (own_->cosigned()) offers_.restore(*own_->cosigned());
  HF_TRY(const auto bytes, read_if_there(world_.disk, recovery::record_path));
  if (bytes) {
    if (auto record = recovery::decode_record(*bytes)) record_ = *record;
  }
  HF_TRY(const auto note, read_if_there(world_.disk, replaced_path));
  if (note) {
    auto registration = chain::open_registration(chain_, as_text(*note));
    if (registration && registration->certificate.site == me_->name && registration->certificate.epoch > origin_.epoch)
      return replaced(*registration);
  }
  phase_ = Phase::asking;
  return {};
}

// The state knows the newest of our own epochs only, and machines of those that it continues may still have a tail
// (5.3).
Status NodeImpl::learn_own_line() {
  journal::Log* log = &own_->log();
  while (log != nullptr && log->origin().epoch > 1 && log->size() > 0) {  // one that begins now is not committed yet
    HF_TRY(const chain::Registration registration, opening_registration(*log));
    if (keys_.registration(me_->name, log->origin().epoch) == nullptr) keys_.add(registration);
    sync::Replica* older = replicas_.find(registration.old_origin);
    log = older == nullptr ? nullptr : &older->log();
  }
  return {};
}

Status NodeImpl::replay(std::uint64_t end) {
  state_ = fold::State();
  HF_TRY(const auto older, lineage(own_->log(), replicas_));
  for (const auto& [origin, kept] : older) {
    sync::Replica* replica = replicas_.find(origin);
    if (replica == nullptr) continue;  // nothing of it was kept
    HF_TRY_VOID(replay_log(replica->log(), 0, kept));
  }
  return replay_log(own_->log(), 0, end);
}

Status NodeImpl::replay_log(journal::Log& log, EntryIndex first, EntryIndex end) {
  fold::Pipeline pipeline(world_.executor, [&](EntryIndex index, fold::Event&& event) {
    last_event_at_ = std::max(last_event_at_, event.at);
    return fold::apply(state_, index, event, replicas_);
  });
  HF_TRY_VOID(log.scan(first, end, [&](EntryIndex index, ByteView body) { return pipeline.take(index, body); }));
  return pipeline.finish();
}

Status NodeImpl::append_start_events() {
  if (phase_ == Phase::stopped) return {};
  if (own_->log().size() == 0)
    HF_TRY_VOID(
        append_event({now_, std::nullopt,
                      fold::EpochOpened{chain_.chain, me_->name, origin_.epoch, chain_.currency.code, registration_}}));
  ByteArray<8> random;
  world_.entropy.fill(random);
  std::uint64_t bits;
  std::memcpy(&bits, random.data(), sizeof bits);
  HF_TRY_VOID(append_event(
      {now_, std::nullopt, fold::NodeStarted{SeriesId{bits & ((1ull << 40) - 1)}, std::string(software_version)}}));
  // Links that were cut or healed while no node ran, or just before a crash.
  const auto known = state_.links_cut;
  for (const SiteName& site : cut_)
    if (!known.contains(site)) HF_TRY_VOID(append_event({now_, std::nullopt, fold::LinkCut{site, {}, true}}));
  for (const auto& [site, since] : known)
    if (!cut_.contains(site)) HF_TRY_VOID(append_event({now_, std::nullopt, fold::LinkHealed{site, {}, true}}));
  return {};
}

Status NodeImpl::load_cut_list() {
  HF_TRY(const auto bytes, read_if_there(world_.disk, cut_path));
  if (bytes) cut_ = site_names_in(as_text(*bytes));
  return {};
}

Status NodeImpl::save_cut_list() {
  const std::string text = HF_MUTANT(16) ? std::string() : lines_of(cut_);
  return world_.disk.write_all(cut_path, as_bytes(text));
}

Status NodeImpl::write_snapshot() {
  HF_TRY(const Snapshots::Wrote wrote,
         snapshots_.write(origin_, own_->log().mark(), state_, monotonic_, counters_.holes_found));
  if (wrote == Snapshots::Wrote::whole) ++counters_.snapshots;
  if (wrote == Snapshots::Wrote::without_room)
    trip("disk-full", 2,
         "the disk has no room for a snapshot. Make room in the file system of the data directory: a snapshot is "
         "tried again each minute; the site sells on while its journals have room in the files they are in, and ends "
         "when one of them needs another");
  return {};
}

}  // namespace holdfast::node
