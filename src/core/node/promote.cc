// A spare that has been promoted (protocol 5.2, 5.5, 10): it opens its epoch at the size from which it sells, sells at
// once, and registers as mirrors become reachable.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/read_file.h"
#include "core/journal/peek.h"
#include "core/node/lineage.h"
#include "core/node/node_impl.h"
#include "core/node/spare_copy.h"
#include "core/till/cash.h"

namespace holdfast::node {
namespace {
constexpr Duration own_dial_interval = seconds(5);

struct Run {
  EntryIndex first = 0;
  std::vector<Bytes> entries;
  EntryIndex end() const { return first + entries.size(); }
};

// Entries [first, end) in runs, without those that cannot be read.
Result<std::vector<Run>> runs_of(journal::Log& log, EntryIndex first, EntryIndex end) {
  std::vector<Run> out;
  const auto add = [&out](EntryIndex index, ByteView body) -> Status {
    if (out.empty() || out.back().end() != index) out.push_back({index, {}});
    out.back().entries.push_back(to_bytes(body));
    return {};
  };
  while (first < end) {
    const Status scanned = log.scan(first, end, add);
    if (scanned) break;
    if (scanned.error().code != "journal/damaged") return pass_on(scanned.error());
    if (!out.empty()) first = std::max(first, out.back().end());
    ++first;  // that one cannot be read
  }
  return out;
}

// What the old key has not signed is closed by one signature of ours, so it goes to mirrors in one piece (5.2). The
// rest of a longer copy is taken in again by its keys, as what lies behind a clean point is.
Result<std::uint64_t> closable_size(journal::Log& log) {
  const auto last = journal::peek_checkpoint(log.last_checkpoint());
  std::uint64_t end = last ? last->size : 0;
  constexpr std::string_view full = "node/piece_full";
  sync::PieceRoom room;
  const Status scanned = log.scan(end, log.durable_size(), [&](EntryIndex index, ByteView body) -> Status {
    if (!room.take(body.size())) return fail(full, "");
    end = index + 1;
    return {};
  });
  if (!scanned && scanned.error().code != full && scanned.error().code != "journal/damaged")
    return pass_on(scanned.error());
  return end;
}
}  // namespace

// At the first start with the log key: from the copy on this disk alone, because the bad day has no mirrors.
Status NodeImpl::promote() {
  sync::Replica* copy = nullptr;
  for (auto& [origin, replica] : replicas_.all())
    if (origin.site == me_->name && origin.epoch < origin_.epoch && replica->size() > 0) copy = replica.get();
  if (copy == nullptr)
    return fail("node/not_started",
                "this spare has no copy of the store's journal yet; it must have been linked to the store's machine "
                "once. Rebuild the store from its mirrors instead: `holdfast site rebuild`");
  chain::Registration registration;
  HF_TRY(const auto note, read_if_there(world_.disk, recovery::registration_path));
  if (note) {
    // Interrupted after the size was said: an epoch number names one size only (5.4).
    HF_TRY(registration, chain::open_registration(chain_, as_text(*note)));
    copy = replicas_.find(registration.old_origin);
    const auto gone = [] {
      return fail("sync/missing_entries", "the copy that this spare's registration names is no longer on this disk");
    };
    if (copy == nullptr || copy->size() < registration.kept_size) return gone();
    HF_TRY(const std::uint64_t kept, fold_copy(*copy, registration.kept_size));
    if (kept != registration.kept_size) return gone();
  } else {
    HF_TRY(const std::uint64_t most, closable_size(copy->log()));
    HF_TRY(const std::uint64_t kept, fold_copy(*copy, most));
    HF_TRY(const Hash root, copy->log().root_at(kept));
    registration = chain::make_registration(*certificate_, copy->origin(), kept, root,
                                            [&](ByteView text) { return world_.signer.sign(KeyUse::log, text); });
    HF_TRY_VOID(world_.disk.write_all(recovery::registration_path, as_bytes(registration.note)));
  }
  registration_ = chain::with_witnesses(registration, {});  // as it was said, also where the journal was lost since
  HF_TRY_VOID(close_old_journal(registration));
  recovery::Choice choice;
  choice.old_origin = registration.old_origin;
  choice.kept_size = registration.kept_size;
  choice.kept_root = registration.kept_root;
  HF_TRY(const auto heard, read_if_there(world_.disk, spare_heard_path));
  if (heard) {
    Reader in(*heard);
    const std::uint64_t announced = in.u64();
    const Instant at{in.i64()}, heard_at{in.i64()};
    if (in.at_end()) {
      choice.announced = announced;
      choice.announced_at = at;
      choice.heard_at = heard_at;
    }
  }
  record_ = recovery::Record{choice, 0, 0};
  HF_TRY_VOID(let_switch_only_close());  // somebody may have turned the switch of the waiting spare
  HF_TRY_VOID(open_epoch());
  HF_TRY_VOID(restore_posture());
  HF_TRY_VOID(take_rest_of_copy());
  HF_TRY_VOID(commit());
  return release();
}

// What lies behind the usable part of the copy is nobody else's, so it goes in here, by its own keys. At each start
// until it is in: the power may fail between the epoch's first entry and this. The same where a machine begins a new
// epoch with keys that it had before: its older journals are its own, whichever of them the new epoch goes on from, and
// so is what no mirror has of them.
Status NodeImpl::take_rest_of_copy() {
  if (!certificate_ || phase_ == Phase::stopped) return {};
  HF_TRY(const chain::Registration registration, chain::open_registration(chain_, registration_));
  for (const auto& [origin, older] : replicas_.all()) {
    if (origin.site != me_->name || origin.epoch >= origin_.epoch) continue;
    const bool is_before = origin == registration.old_origin;
    const bool is_copy = is_before && certificate_->spare;
    if (!is_copy && !is_by_our_keys(*older)) continue;
    const chain::Registration* next = is_before ? &registration : successor_of(origin);
    HF_TRY_VOID(take_rest_of(*older, next == nullptr ? 0 : next->kept_size));
  }
  return {};
}

// As its first entry says, where nobody knows this epoch any more: a later one goes on from before it.
bool NodeImpl::is_by_our_keys(sync::Replica& older) const {
  if (const auto key = keys_.log_key(older.origin())) return *key == certificate_->keys.log;
  if (older.origin().epoch == 1 || older.size() == 0) return false;
  const auto opening = opening_registration(older.log());
  return opening && opening->certificate.keys.log == certificate_->keys.log;
}

Status NodeImpl::take_rest_of(sync::Replica& older, std::uint64_t kept) {
  if (older.size() <= std::max(kept, tail_through_.of(older.origin()))) return {};
  HF_TRY(const std::vector<Run> rest, runs_of(older.log(), kept, older.size()));
  for (const Run& run : rest) {
    HF_TRY_VOID(readmit(older.origin(), run.first, run.entries));
    note_through(older.origin(), run.first, run.end(), kept);
  }
  return {};
}

// How far the copy can be folded; state_ is folded to there. It ends before the first prefix of a peer that it names
// and this disk does not hold (7.2), or holds another history of (`suspects`: the origins of which it does), and before
// the first command that cannot be read or applied: whoever has the node's log key can sign anything, and must not be
// able to keep the spare from opening.
Result<std::uint64_t> NodeImpl::fold_copy(sync::Replica& copy, std::uint64_t most, const std::set<Origin>& suspects) {
  state_ = fold::State();
  HF_TRY(const auto older, lineage(copy.log(), replicas_));
  for (const auto& [origin, kept] : older)
    if (sync::Replica* replica = replicas_.find(origin)) HF_TRY_VOID(replay_log(replica->log(), 0, kept));
  std::uint64_t usable = most;
  std::uint64_t begins = 0;
  bool is_torn = false;  // state_ may have half of a command that was refused
  std::map<Origin, fold::FollowedPrefix> newest;
  fold::Joiner joiner;
  constexpr std::string_view stop = "node/stop";
  const auto end_here = [&]() -> Status {
    usable = begins;
    return fail(stop, "");
  };
  const Status scanned = copy.log().scan(0, most, [&](EntryIndex index, ByteView body) -> Status {
    if (!joiner.in_the_middle()) begins = index;
    const auto event = joiner.take(body);
    if (!event) return end_here();
    if (!*event) return {};
    const bool opens_again = begins > 0 && std::holds_alternative<fold::EpochOpened>((*event)->body);
    if (opens_again || first_missing(**event, replicas_)) return end_here();
    for (fold::FollowedPrefix& prefix : prefixes_in(**event)) {
      if (suspects.contains(prefix.origin) && is_of_a_branch(prefix)) return end_here();
      newest.insert_or_assign(prefix.origin, std::move(prefix));
    }
    const Status applied = fold::apply(state_, index, **event, replicas_);
    if (applied) {
      last_event_at_ = std::max(last_event_at_, (*event)->at);
      return {};
    }
    const std::string_view code = applied.error().code;
    if (code.starts_with("base/disk") || code == "journal/damaged") return applied;
    is_torn = true;
    return end_here();
  });
  if (!scanned && scanned.error().code != stop) return pass_on(scanned.error());
  if (scanned && joiner.in_the_middle()) usable = begins;  // the last command's parts have not all come
  if (usable == 0) return fail("node/not_started", "the copy on this spare does not reach its first entry's end");
  // The newest prefix of each peer proves those before it. One that is not of the history here is looked for.
  std::set<Origin> found = suspects;
  for (const auto& [origin, prefix] : newest)
    if (is_of_a_branch(prefix)) found.insert(origin);
  if (is_torn || found != suspects) return fold_copy(copy, is_torn ? usable : most, found);
  return usable;
}

// Not the history that is here: the node had left a lost branch before it followed on (leave_branch), and this copy of
// its copies was not that far yet.
bool NodeImpl::is_of_a_branch(const fold::FollowedPrefix& prefix) {
  if (prefix.size == 0) return false;
  const auto root = replicas_.find(prefix.origin)->log().root_at(prefix.size);
  return root && *root != prefix.root;  // behind a hole nobody knows yet
}

bool NodeImpl::is_registered_spare() const {
  const auto registration = chain::open_registration(chain_, registration_);
  return registration && keys_.may_be_taken(*registration);
}

void NodeImpl::begin_provisional() {
  phase_ = Phase::provisional;
  rebuild_ = std::make_unique<recovery::Rebuild>(chain_, *certificate_);
}

// 5.2, in the background: seal, then register. Each mirror decides by itself whether the node has been silent.
Status NodeImpl::register_if_possible() {
  if (phase_ != Phase::provisional || monotonic_ < next_retry_) return {};
  next_retry_ = monotonic_ + retry_interval;
  for (const SiteName& mirror : me_->mirrors) {
    if (session_of(mirror) == nullptr) {
      refusals_.forget(mirror);
      continue;
    }
    if (!rebuild_->has_sealed(mirror))
      send_site(mirror, sync::Seal{certificate_->note, registration_});
    else if (rebuild_->sealed_count() >= chain_.quorum && !witnesses_.contains(mirror))
      send_site(mirror, sync::Register{registration_});
  }
  return {};
}

Status NodeImpl::take_witness(const SiteName& mirror, const journal::NoteSignature& line) {
  if (phase_ != Phase::provisional || !chain_.is_mirror(mirror, me_->name)) return {};
  HF_TRY(const chain::Registration registration, chain::open_registration(chain_, registration_));
  if (!keys_.is_witness(registration, line, mirror))
    return fail("sync/bad_signature",
                fmt::format("the signature of {} below our registration does not hold", mirror.view()));
  refusals_.forget(mirror);
  witnesses_.insert_or_assign(mirror, line);
  return witnesses_.size() >= chain_.quorum ? registered() : Status();
}

// From here on the epoch counts, and its owner signs; if a mirror holds any of it already, when that is here (3.1).
Status NodeImpl::registered() {
  HF_TRY(const chain::Registration registration, chain::open_registration(chain_, registration_));
  std::vector<journal::NoteSignature> lines;
  lines.reserve(witnesses_.size());
  for (const auto& [mirror, line] : witnesses_) lines.push_back(line);
  const std::string note = chain::with_witnesses(registration, lines);
  HF_TRY(const chain::Registration witnessed, chain::open_registration(chain_, note));
  if (!keys_.may_be_taken(witnessed)) return {};  // one of them stands in a spare's epoch itself: another must sign
  registration_ = note;
  keys_.add(witnessed);
  // What the mirrors hold or heard of the old machine beyond our copy comes as a tail; until then it is told (6.4). It
  // is added up before the registration is known as a witnessed one: no later start does it.
  if (!record_) {  // its file is gone: what is kept stands in the registration, too
    record_ = recovery::Record{{}, 0, 0};
    record_->choice.old_origin = registration.old_origin;
    record_->choice.kept_size = registration.kept_size;
    record_->choice.kept_root = registration.kept_root;
  }
  rebuild_->add_up(record_->choice);
  HF_TRY_VOID(world_.disk.write_all(recovery::record_path, recovery::encode(*record_)));
  HF_TRY_VOID(world_.disk.write_all(recovery::registration_path, as_bytes(registration_)));
  phase_ = rebuild_->is_begun() ? Phase::asking : Phase::signing;
  rebuild_.reset();
  refusals_.clear();
  unsigned_since_ = monotonic_ - options_.checkpoint_delay_max;
  next_own_dial_ = monotonic_;
  for (const chain::Registration& learned : std::exchange(learned_, {})) HF_TRY_VOID(take_registration(learned));
  return greet_all();
}

// For people: what is missing until this epoch is registered.
std::string NodeImpl::waits_for() const {
  if (phase_ != Phase::provisional) return {};
  std::string out = fmt::format("{} of {} mirrors have registered this machine", witnesses_.size(), chain_.quorum);
  std::size_t reachable = 0;
  for (const SiteName& mirror : me_->mirrors) {
    const auto p = peers_.find(mirror);
    if (p != peers_.end() && p->second.session) ++reachable;
  }
  out += fmt::format("; {} of {} are reachable", reachable, me_->mirrors.size());
  return out + refusals_.first_told();
}

// 5.7: the old machine, if it comes to life in the store, is shown what replaced it, though no mirror reaches it.
void NodeImpl::dial_old_machine() {
  if (!certificate_ || !certificate_->spare || is_our_address_ || own_dial_ || monotonic_ < next_own_dial_) return;
  if ((phase_ != Phase::signing && phase_ != Phase::asking) || posture_ == guard::Posture::sealed) return;
  next_own_dial_ = monotonic_ + own_dial_interval;
  own_dial_ = world_.net.dial(options_.old_address.empty() ? me_->link_address : options_.old_address);
}

// While an epoch is provisional, one write takes in or pays out little cash (till/cash.h): cash leaves no second record
// anywhere, card payments do at the third party, and until the epoch is registered this machine's disk is the only one
// that has it. What has happened is taken whatever it was (6.2).
std::optional<Error> NodeImpl::beyond_provisional(const fold::WriteRequest& request) const {
  if (phase_ != Phase::provisional || request.prior) return std::nullopt;
  const bool is_beyond = std::visit(
      [&](const auto& command) {
        Money change;
        if constexpr (requires { command.change; }) change = command.change;
        if constexpr (requires { command.tenders; })
          return till::moves_much_cash(command.tenders, change, chain_.currency.decimals);
        return false;
      },
      request.command);
  if (!is_beyond || state_.find_write({request.till, request.key}) != nullptr) return std::nullopt;
  return Error{
      "till/provisional_cash",
      fmt::format("this machine is not registered yet: until then one sale or refund may move at most {} {} in "
                  "cash. Take the rest by card",
                  till::unwitnessed_cash_max(chain_.currency.decimals), chain_.currency.code)};
}

}  // namespace holdfast::node
