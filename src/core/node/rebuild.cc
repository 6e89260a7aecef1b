// A machine with a certificate and nothing else becomes the site again (protocol 5): seal, take, verify, register,
// serve.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/mutant.h"
#include "core/base/read_file.h"
#include "core/node/node_impl.h"

namespace holdfast::node {

Status NodeImpl::advance_rebuild() {
  if (!record_) {
    HF_TRY(const bool is_chosen, choose_history());
    if (!is_chosen) return {};
  }
  HF_TRY_VOID(fetch_needs());
  if (!record_) return {};  // nobody could give it
  HF_TRY_VOID(fold_ahead());
  if (!record_->choice.is_settled) return settle_if_fetched();
  return needs_.are_met() && folding_.is_done() ? rebuild_register() : Status();
}

void NodeImpl::ask_to_seal() {
  if (monotonic_ < next_retry_) return;
  next_retry_ = monotonic_ + retry_interval;
  for (const SiteName& mirror : me_->mirrors)
    if (!rebuild_->has_sealed(mirror)) send_site(mirror, sync::Seal{rebuild_->certificate().note});
}

Status NodeImpl::on(Session& session, const sync::Refused& m) {
  ++counters_.messages_refused;
  session.tails.under_way.reset();
  if (session.site && session_of(*session.site) == &session && waits_for_word_of(*session.site))
    refusals_.note(*session.site, m.reason, monotonic_);
  return {};
}

bool NodeImpl::waits_for_word_of(const SiteName& mirror) const {
  const bool is_to_be_registered = phase_ == Phase::provisional || (phase_ == Phase::rebuilding && rebuild_);
  return is_to_be_registered && chain_.is_mirror(mirror, me_->name);
}

// Who lets nobody in with this certificate closes the link at once, and the reason may be lost with it.
void NodeImpl::note_end_of_link(const SiteName& mirror) {
  if (phase_ == Phase::rebuilding && rebuild_ && !rebuild_->has_sealed(mirror) && waits_for_word_of(mirror))
    refusals_.note(mirror, "the link ended before it had sealed; if that goes on, see its alerts", monotonic_,
                   Duration{refusal_is_news.ns / 2});
}

Result<bool> NodeImpl::choose_history() {
  refusals_.forget_who([&](const SiteName& mirror) { return rebuild_->has_sealed(mirror); });
  if (rebuild_->sealed_count() < chain_.quorum) {
    step_ = fmt::format("sealing the old epoch: {} of {} mirrors{}", rebuild_->sealed_count(), chain_.quorum,
                        refusals_.told(me_->mirrors, monotonic_));
    ask_to_seal();
    return false;
  }
  // A quorum is enough; a mirror that is just behind it may hold more.
  if (!quorum_sealed_at_) quorum_sealed_at_ = monotonic_;
  if (!rebuild_->all_sealed() && monotonic_ - *quorum_sealed_at_ < straggler_patience) return false;
  Result<recovery::Choice> chosen = rebuild_->choose(keys_);
  HF_TRY(const auto said, said_before());
  if (said && !HF_MUTANT(15)) {
    // We were interrupted after we had said what we keep: an epoch number is registered once only (5.4).
    registration_ = said->note;
    if (!chosen || chosen->old_origin != said->old_origin || chosen->kept_root != said->kept_root) {
      chosen = recovery::Choice{said->old_origin, said->kept_size, said->kept_root, true, true, {}, 0, {}, {}};
      rebuild_->add_up(*chosen);  // of the epoch that it said, whatever would be chosen now
    }
    chosen->is_settled = chosen->root_is_signed = true;
  }
  if (!chosen && !rebuild_->all_sealed()) {  // whoever has not sealed yet may tell
    step_ = chosen.error().text + refusals_.told(me_->mirrors, monotonic_);
    ask_to_seal();
    return false;
  }
  HF_TRY(recovery::Choice choice, std::move(chosen));
  record_ = recovery::Record{choice, 0, 0};
  if (choice.kept_size > 0) {
    Need& need = needs_.begin(choice.old_origin);
    need.size = choice.kept_size;
    if (choice.root_is_signed) need.root = choice.kept_root;
  }
  return true;
}

// What this machine has said that it keeps, under the certificate in use. Said under another one, it was of an epoch
// that this machine had before.
Result<std::optional<chain::Registration>> NodeImpl::said_before() const {
  HF_TRY(const auto note, read_if_there(world_.disk, recovery::registration_path));
  if (!note) return std::optional<chain::Registration>();
  HF_TRY(const chain::Registration said, chain::parse_registration(as_text(*note)));
  if (said.certificate.note != certificate_->note) return std::optional<chain::Registration>();
  HF_TRY(chain::Registration opened, chain::open_registration(chain_, as_text(*note)));
  return std::optional(std::move(opened));
}

// What was fetched is compared with what the other mirrors hold. If something cosigned may stand in another history,
// that one is fetched next.
Status NodeImpl::settle_if_fetched() {
  recovery::Choice& choice = record_->choice;
  const Need* need = needs_.find(choice.old_origin);
  if (need == nullptr || !need->met) return {};
  journal::Log& log = replicas_.find(choice.old_origin)->log();
  std::map<std::uint64_t, Hash> roots;
  for (const std::uint64_t size : rebuild_->named_sizes(choice.old_origin)) {
    if (size > choice.kept_size) break;
    HF_TRY(roots[size], log.root_at(size));
  }
  rebuild_->fetched(choice.old_origin, choice.kept_size, std::move(roots));
  auto next = rebuild_->choose(keys_);
  if (next && next->is_settled && next->old_origin == choice.old_origin && next->kept_root == choice.kept_root) {
    choice.is_settled = true;
    return {};
  }
  choose_anew();
  return {};
}

void NodeImpl::choose_anew() {
  record_.reset();
  needs_.clear();
  folding_.begin_anew();
}

// Until all that was fetched has its root, a failure says nothing (fold_ahead.h).
Status NodeImpl::fold_ahead() {
  const bool is_proven = record_->choice.is_settled && needs_.are_met();
  if (folding_.has_failed() && !is_proven) return {};
  if (folding_.has_failed()) folding_.begin_anew();
  const Status folded = folding_.fold(record_->choice);
  if (folded || folded.error().code.starts_with("base/disk")) return folded;
  if (is_proven) return keep_what_folds(folded.error());
  folding_.note_failure();
  return {};
}

// Whoever has the old machine's log key can sign anything, and must not be able to keep its site from coming back. As
// on a spare, what is kept ends before the command that cannot be read or applied: what lies behind comes as a tail,
// and is taken in by its keys or listed. Not where people chose the size, or it has been said; nor before what only a
// newer version knows.
Status NodeImpl::keep_what_folds(const Error& why) {
  const std::optional<FoldAhead::Place> place = folding_.place();
  if (!place || why.code == "journal/damaged") return pass_on(why);
  const auto& [origin, at, is_last] = *place;
  const bool is_bad = why.code.starts_with("fold/") && why.code != "fold/unknown_event";
  if (!is_bad || !is_last || at == 0 || !registration_.empty() || certificate_->clean_point)
    return fail(why.code, fmt::format("entry {} of {} cannot be folded: {}. If no newer version knows it, rebuild "
                                      "with a certificate for the clean point {}:{}",
                                      at, origin.text(), why.text, origin.text(), at));
  trip("journal-damage", 2,
       fmt::format("entry {} of {} is signed and cannot be folded: {}. This epoch goes on from before it; what lies "
                   "behind is taken in by its keys, or listed",
                   at, origin.text(), why.text));
  record_->choice.kept_size = at;
  record_->choice.root_is_signed = false;
  folding_.begin_anew();
  return {};
}

// Of our own line what is kept is final, and the last piece is to end there: who holds more, and no checkpoint where it
// was kept to, can give it to nobody. Of a peer's journal more will be needed as folding goes on, up to what was kept
// of it; and beyond that, if that was followed before it was given up.
std::uint64_t NodeImpl::limit_of(const Origin& origin, const Need& need) const {
  if (phase_ != Phase::rebuilding) return 0;
  if (origin.site == me_->name) return need.root ? need.size : 0;
  const chain::Registration* next = successor_of(origin);
  return next != nullptr && next->kept_size >= need.size ? next->kept_size : 0;
}

Status NodeImpl::fetch_needs() {
  std::vector<std::pair<Origin, std::uint64_t>> found;
  for (auto& [origin, need] : needs_.all()) {
    if (need.met) continue;
    sync::Replica* replica = replicas_.find(origin);
    const std::uint64_t size = replica == nullptr ? 0 : replica->size();
    if (replica != nullptr && size >= need.size) {
      HF_TRY(const Hash root, replica->log().root_at(need.size));
      if (need.root && root != *need.root && phase_ != Phase::rebuilding) continue;  // it sells on without (3.2)
      if (need.root && root != *need.root && rebuild_) {
        HF_TRY_VOID(fetch_anew(origin, std::nullopt));
        if (!record_) return {};  // what is needed is chosen anew
        continue;
      }
      if (need.root && root != *need.root)
        return fail("node/wrong_root",
                    fmt::format("what was fetched of {} does not give the root that was followed; rebuild this site",
                                origin.text()));
      need.met = true;
      found.emplace_back(origin, need.size);
      continue;
    }
    step_ = fmt::format("fetching {}: {} of {}{}", origin.text(), size, need.size, named_by(need));
    const std::vector<SiteName> reachable = givers_of(origin, need);
    if (goes_without(origin, need, size, reachable)) {
      choose_anew();
      return {};
    }
    if (need.asked_at.unix_ns != 0 && monotonic_ - need.asked_at < need.patience) continue;
    if (rebuild_ && replicas_.unopened().contains(origin)) HF_TRY_VOID(replicas_.discard(origin));
    if (reachable.empty()) continue;
    if (need.asked_at.unix_ns != 0) need.patience = std::min(Duration{2 * need.patience.ns}, patience_max);
    need.asked_at = monotonic_;
    need.asked = reachable[need.asks++ % reachable.size()];
    need.silent_since.try_emplace(*need.asked, monotonic_);
    ask_for(*session_of(*need.asked), {origin, size, limit_of(origin, need)});
  }
  if (phase_ == Phase::rebuilding && !is_mending_) return {};  // found by folding it
  for (const auto& [origin, size] : found)
    if (origin.site == me_->name) HF_TRY_VOID(needs_.discover(replicas_.find(origin)->log(), size));
  return {};
}

// For people, where it may be that nobody has what our old journal names: who had its key can have made that up.
std::string NodeImpl::named_by(const Need& need) const {
  if (!rebuild_ || !need.named_by) return {};
  const std::string entry = fmt::format("entry {} of {}", need.named_by->index, need.named_by->origin.text());
  return need.others_gave ? fmt::format("; {} names another history than those who were asked have", entry)
                          : fmt::format("; {} names it", entry);
}

// A mirror whose copy has a hole says that it holds all of it, and nobody may be left who can fill it in. It is chosen
// again what is kept, without it.
bool NodeImpl::goes_without(const Origin& origin, Need& need, std::uint64_t size, const std::vector<SiteName>& givers) {
  if (!rebuild_ || !registration_.empty() || !record_ || origin != record_->choice.old_origin) return false;
  if (size != need.reached)
    for (auto& [mirror, since] : need.silent_since) since = monotonic_;
  need.reached = size;
  const bool all_are_silent = std::ranges::all_of(givers, [&](const SiteName& mirror) {
    const auto silent = need.silent_since.find(mirror);
    return silent != need.silent_since.end() && monotonic_ - silent->second >= piece_patience;
  });
  if (givers.empty() || !all_are_silent) return false;
  for (const SiteName& mirror : givers) rebuild_->gives_no_more(mirror);
  return true;
}

// Of our own old epoch: those who have sealed with it. Of others: its owner, or whoever mirrors it. Those within reach.
std::vector<SiteName> NodeImpl::givers_of(const Origin& origin, Need& need) {
  std::vector<SiteName> holders =
      origin.site == me_->name && record_ ? record_->choice.holders : std::vector<SiteName>{origin.site};
  const bool is_chosen = record_ && origin == record_->choice.old_origin && !holders.empty();
  if (const chain::Site* owner = chain_.find(origin.site); owner != nullptr && !is_chosen)
    holders.insert(holders.end(), owner->mirrors.begin(), owner->mirrors.end());
  std::vector<SiteName> out;
  for (const SiteName& h : holders)
    if (session_of(h) != nullptr && !need.unfit.contains(h) && std::ranges::find(out, h) == out.end()) out.push_back(h);
  if (!need.is_from_one) return out;
  if (out.empty() && !need.unfit.empty()) {  // once more from the beginning, but not again and again
    need.others_gave = true;
    if (need.again_at.unix_ns == 0) need.again_at = monotonic_ + patience_max;
    if (monotonic_ >= need.again_at) {
      need.unfit.clear();
      need.again_at = {};
    }
  }
  if (!need.from || std::ranges::find(out, *need.from) == out.end())
    need.from = out.empty() ? std::nullopt : std::optional(out.front());
  return need.from ? std::vector{*need.from} : std::vector<SiteName>();
}

// What is here of it is another history, or a lie. Of several givers nobody knows whose; so from now on one gives all
// of it, and if it is wrong again, it was he.
Status NodeImpl::fetch_anew(const Origin& origin, const std::optional<SiteName>& last_giver) {
  Need& need = needs_.all().at(origin);
  if (last_giver) need.givers.insert(*last_giver);
  const bool is_proven = need.is_from_one && need.givers.size() == 1;
  const SiteName giver = is_proven ? *need.givers.begin() : SiteName();
  if (is_proven) need.unfit.insert(giver);
  need.is_from_one = true;
  need.from.reset();
  need.givers.clear();
  need.asked_at = {};
  need.patience = retry_interval;
  need.silent_since.clear();
  HF_TRY_VOID(replicas_.discard(origin));
  folding_.begin_anew();  // some of it may have been folded
  const bool is_chosen = record_ && origin == record_->choice.old_origin;
  if (!is_proven || !is_chosen || !registration_.empty()) return {};
  rebuild_->unfit(giver);
  choose_anew();
  return {};
}

Status NodeImpl::rebuild_register() {
  if (registration_.empty()) {
    recovery::Choice& choice = record_->choice;
    if (!choice.root_is_signed && choice.kept_size == 0) {
      choice.kept_root = journal::Tree().root();  // a clean point before all: nothing was fetched
    } else if (!choice.root_is_signed) {
      HF_TRY(choice.kept_root, replicas_.find(choice.old_origin)->log().root_at(choice.kept_size));
    }
    registration_ =
        chain::make_registration(rebuild_->certificate(), choice.old_origin, choice.kept_size, choice.kept_root,
                                 [&](ByteView text) { return world_.signer.sign(KeyUse::log, text); })
            .note;
    HF_TRY_VOID(world_.disk.write_all(recovery::registration_path, as_bytes(registration_)));
    refusals_.clear();  // what they said of something else
    next_retry_ = {};
  }
  refusals_.forget_who([&](const SiteName& mirror) { return registered_at_.contains(mirror); });
  step_ = fmt::format("registering: {} of {} mirrors{}", registered_at_.size(), chain_.quorum,
                      refusals_.told(me_->mirrors, monotonic_));
  if (registered_at_.size() >= chain_.quorum) return open_epoch();
  if (monotonic_ < next_retry_) return {};
  // Before anybody is asked, also where the power failed after the registration was written.
  HF_TRY(const chain::Registration said, chain::open_registration(chain_, registration_));
  HF_TRY_VOID(close_old_journal(said));
  next_retry_ = monotonic_ + retry_interval;
  for (const SiteName& mirror : me_->mirrors) {
    if (registered_at_.contains(mirror)) continue;
    send_site(mirror, sync::Seal{rebuild_->certificate().note});  // it may not have been fit to when the others did
    send_site(mirror, sync::Register{registration_});
  }
  return {};
}

Status NodeImpl::on(Session& session, const sync::Registered& m) {
  if (m.site != me_->name || m.epoch != origin_.epoch) return {};
  if (m.witness) return take_witness(*session.site, *m.witness);
  if (phase_ != Phase::rebuilding) return {};
  if (chain_.is_mirror(*session.site, me_->name)) registered_at_.insert(*session.site);
  return {};
}

// 5.6: the first entry of the epoch names its registration. From here on we are the site. All that belongs to its
// beginning is one commit: after a power cut a start believes the journal, and what the old machine's said of its links
// would be in force again.
Status NodeImpl::open_epoch() {
  HF_TRY_VOID(world_.disk.write_all(recovery::record_path, recovery::encode(*record_)));
  // The same store, and nobody has said that it is over: a cut stays a cut until a person opens it, also if the power
  // fails when the epoch has begun.
  if (certificate_->spare) {
    for (const auto& [site, at] : state_.links_cut) cut_.insert(site);
    HF_TRY_VOID(save_cut_list());
  }
  HF_TRY(std::unique_ptr<journal::Log> log, journal::Log::open(world_.disk, world_.executor, origin_));
  own_ = std::make_unique<sync::Replica>(std::move(log));
  const fold::Event opened{
      now_, std::nullopt,
      fold::EpochOpened{chain_.chain, me_->name, origin_.epoch, chain_.currency.code, registration_}};
  for (const Bytes& body : fold::encode(opened)) own_->log().append(body);
  HF_TRY_VOID(replay_log(own_->log(), 0, own_->log().size()));
  keys_ = sync::KeyRing(chain_);
  keys_.add_all(state_);
  HF_TRY_VOID(unless_damaged(learn_own_line()));
  for (auto& [origin, replica] : replicas_.all()) replica->reload(keys_);
  freeze_contradicted();
  // Nobody else can have signed under this epoch: its number was given out once and q have registered it. But this
  // machine has, if a mirror holds any of it: the disk has lost that, and what was signed comes back first (3.1).
  phase_ = rebuild_ && rebuild_->is_begun() ? Phase::asking : Phase::signing;
  rebuild_.reset();
  refusals_.clear();
  needs_.clear();
  step_.clear();
  written_at_ = monotonic_;
  if (certificate_->spare) {
    begin_provisional();
    posture_ = state_.guard.posture;  // a seal stays a seal, too
    HF_TRY_VOID(cut_unmet_links());
    if (posture_ == guard::Posture::sealed) end_every_link();
  }
  HF_TRY_VOID(append_link_changes());  // what people cut while there was no journal yet
  HF_TRY_VOID(append_start_events());
  restate_posture();  // a new machine begins as it is now, whatever the old one's journal said of its links
  if (phase_ != Phase::provisional) {
    for (const chain::Registration& registration : std::exchange(learned_, {}))
      HF_TRY_VOID(take_registration(registration));
    HF_TRY_VOID(unless_damaged(take_rest_of_copy()));
  }
  HF_TRY_VOID(record_guard());
  HF_TRY_VOID(commit_with_switch());
  HF_TRY_VOID(release());
  return greet_all();
}

}  // namespace holdfast::node
