// The inside of the node: what needs links, state and journals together. One class, told in files by what happens:
// open.cc, turn.cc (the main path), sessions.cc, mirror.cc, take_up.cc, owner.cc, mend.cc, rebuild.cc,
// tail.cc, posture.cc, spare.cc (the spare's link), promote.cc (being one), views.cc. What only a part of it uses that
// part owns, as a class that knows nothing of the node: branches.h, catch_up.h, fold_ahead.h, follower.h, kept_tails.h,
// needs.h, refusals.h, replaced.h, snapshots.h, tail_through.h, taken_up.h. What is known of links: session.h.
#pragma once

#include <set>
#include <variant>

#include "core/guard/record.h"
#include "core/node/branches.h"
#include "core/node/catch_up.h"
#include "core/node/fold_ahead.h"
#include "core/node/follower.h"
#include "core/node/kept_tails.h"
#include "core/node/needs.h"
#include "core/node/node.h"
#include "core/node/refusals.h"
#include "core/node/replaced.h"
#include "core/node/session.h"
#include "core/node/snapshots.h"
#include "core/node/tail_through.h"
#include "core/node/taken_up.h"
#include "core/recovery/readmit.h"
#include "core/recovery/rebuild.h"
#include "core/sync/keyring.h"
#include "core/sync/mender.h"
#include "core/sync/messages.h"
#include "core/sync/offers.h"
#include "core/sync/replica.h"
#include "core/sync/scrubber.h"

namespace holdfast::node {

inline constexpr Duration heartbeat_interval = seconds(1);
inline constexpr Duration redial_interval = milliseconds(500);
inline constexpr Duration uncalled_patience = seconds(3);
inline constexpr Duration heard_recently = seconds(5);
inline constexpr Duration straggler_patience = seconds(1);  // with mirrors beyond those that are enough
inline constexpr Duration piece_patience = seconds(120);    // with a mirror that gives no more of what it said it holds
inline constexpr Duration spare_patience = seconds(4);      // with our spare: it calls, and asks again each 3 s
inline constexpr Duration inbox_slice = milliseconds(20);   // of a turn, and one message more
inline constexpr Duration snapshot_quiet = seconds(5);      // nobody sold for so long: a pause hurts nobody
inline constexpr Duration room_again = seconds(60);         // after a file that found no room on the disk
inline constexpr std::size_t unsigned_bytes_max =
    1u << 20;  // between two checkpoints, so that a chunk of a feed fits a message
inline constexpr std::size_t waiting_writes_max = 100'000;
inline constexpr std::size_t contradictions_a_site_max = 8;
inline constexpr std::size_t tail_answers_due_max = 200'000;  // of one link
inline constexpr std::size_t tripped_max = 100;               // alerts of our own that wait for the end of the inbox
inline constexpr std::string_view cut_path = "links.cut";

class NodeImpl final : public Node, private fold::OwnEntries {
 public:
  NodeImpl(World world, Options options, chain::ChainFile file);
  Status start();  // the rest of open()

  void on_connected(ConnectionId connection, const PublicKey& peer_tls_key, bool dialled_here) override;
  void on_message(ConnectionId from, Bytes message) override;
  void on_closed(ConnectionId connection) override;
  void submit(fold::WriteRequest request, Answer answer) override;
  Status cut_link(const SiteName& site, const SubjectId& by) override;
  Status open_link(const SiteName& site, const SubjectId& by) override;
  void raise(guard::Alert alert) override;
  void set_posture(guard::SetPosture order, PostureAnswer answer) override;
  void set_rules(guard::Rules rules) override { judge_ = guard::Judge(std::move(rules)); }
  const guard::Rules& rules() const override { return judge_.rules(); }
  void on_posture(std::function<void(guard::Posture)> listener) override { on_posture_ = std::move(listener); }
  PostureView posture() const override { return {posture_, posture_recorded_}; }
  void keep_on_spare(Bytes box) override;
  const SpareWord& word_of_spare() const override { return spare_word_; }
  void tell_spare(Bytes body) override;
  Status turn() override;
  Instant wake_at() const override;
  Status stop() override;

  const fold::State& state() const override { return state_; }
  const chain::ChainFile& chain_file() const override { return chain_; }
  Safety safety() const override;
  std::vector<SiteView> sites() const override;
  std::vector<LinkView> links() const override;
  std::optional<RecoveryReport> recovery() const override;
  std::optional<Progress> progress() const override;
  Phase phase() const override { return phase_; }
  Result<fold::Event> read(std::uint32_t epoch, EntryIndex index) const override;
  Result<Hash> root_of(const Origin& origin, std::uint64_t size) const override;
  const Counters& counters() const override { return counters_; }

 private:
  struct Connected {
    ConnectionId id;
    PublicKey tls;
    bool dialled_here;
  };
  struct Arrived {
    ConnectionId id;
    Bytes message;
  };
  struct Closed {
    ConnectionId id;
  };
  struct Waiting {
    fold::WriteRequest request;
    Answer answer;
  };

  // open.cc
  Status open_own_journal();
  Status serve_own_journal();
  Status replay(std::uint64_t end);  // of our own journal, and what it continues
  Status learn_own_line();
  Status replay_log(journal::Log& log, EntryIndex first, EntryIndex end);
  Status append_start_events();
  Status begin_closed_copies_anew();
  Status load_cut_list();
  Status save_cut_list();

  // turn.cc
  Status take_inbox();
  Status decide_writes();
  Status write_one(const fold::WriteRequest& request, Answer answer);
  Status append_event(fold::Event event, EntryIndex* at = nullptr);
  Status append_link_changes();
  Status follow_if_due();
  Status commit();
  Status release();
  Status snapshot_if_due();
  Status write_snapshot();
  bool is_fatal(const Error& error) const;
  bool is_without_room(const Status& written, std::string_view path);

  // sessions.cc
  Status handle(Session& session, const sync::Message& message);
  Status on(Session& session, const sync::Hello& m);
  void greet(ConnectionId id);
  Status greet_all();
  Status meet_old_machine(Session& session, const SiteName& site, std::uint32_t epoch);
  Status ready(Session& session);
  void tell_registrations(ConnectionId to);
  void tell_former_registrations(ConnectionId to);
  std::size_t feeds_max() const;
  void want(const SiteName& site);
  std::vector<sync::Have> lacking(const SiteName& site) const;
  void want_what_was_over_bound();
  void ask_for(Session& session, const sync::Have& more);
  void send(ConnectionId id, const sync::Message& message);
  void send_site(const SiteName& site, const sync::Message& message);
  void refuse(Session& session, const Error& error);
  void drop(ConnectionId id);
  void dial_peers();
  Duration redial_after(const SiteName& site) const;
  Status pump_feeds();
  Status on(Session& session, const sync::Have& m);
  Status check_may_have(const Session& session, const Origin& origin) const;
  Peer* peer(const SiteName& site);
  void end_link(const SiteName& site);
  Session* session_of(const SiteName& site);
  journal::Log* log_of(const Origin& origin);
  // `is_direct`: by Register, after all that a mirror checks; not by what somebody shows.
  Status check_let_in(const chain::Certificate& c) const;
  Status take_passed_over(const chain::Registration& next);
  Status take_registration(const chain::Registration& registration, bool is_direct = false);

  // posture.cc
  bool is_closed_to(const SiteName& site) const;
  std::vector<PublicKey> inside_keys() const;
  bool is_shut_out(const PublicKey& tls) const;
  void end_sessions(const std::function<bool(const Session&)>& which);
  void end_every_link();
  const SiteName* cut_that_keeps_rejoining(guard::Posture next) const;
  std::vector<incident::RejoinCheck> missing_checks(const SiteName& site) const;
  Status cut_unmet_links();
  Status enforce(guard::Posture posture);
  void trip(std::string_view signature, std::uint8_t severity, std::string text);
  void take_tripped();
  Status record_guard();
  Status open_incident_by_seal(EntryIndex at);
  Status write_posture_switch();
  Status commit_with_switch();
  Status let_switch_only_close();
  Status keep_posture_in_switch();
  Status restore_posture();
  void restate_posture();

  // mirror.cc
  Status on(Session& session, const sync::Ask& m);
  Status on(Session& session, const sync::Seal& m);
  Status on(Session& session, const sync::Known& m);
  Status on(Session& session, const sync::Register& m);
  Status on(Session& session, const sync::Entries& m);
  Status on(Session& session, const sync::Offer& m);
  Status on(Session& session, const sync::Gossip& m);
  Status on(Session& session, const sync::Cosigned& m);
  Status on(Session& session, const sync::Heartbeat& m);
  fold::SiteEpochs epochs_of(const SiteName& site) const;
  sync::Known what_we_know(const SiteName& site) const;
  std::uint64_t acceptable_size(const Origin& origin) const;  // how far entries of this origin are still taken
  Status cosign_if_held(sync::Replica& replica);
  bool may_cosign(const Origin& origin) const;
  Result<sync::Replica*> copy_of(const Origin& origin);
  void freeze_contradicted();
  bool is_not_ours(const std::string& note) const;
  Status compare_what_waits(sync::Replica& replica);
  Status contradiction(sync::Replica* replica, const Origin& origin, const std::string& note_a,
                       const std::string& note_b);
  const chain::Registration* successor_of(const Origin& origin) const;
  Status leave_lost_branches();
  Result<bool> leave_branch(const Origin& origin);

  // take_up.cc
  Result<bool> agrees_with_told(const SiteName& site, const Origin& origin);
  Status take_up_if_told(const SiteName& site);
  void ask_fellow(Session& fellow, const SiteName& owner);
  void ask_fellows(const SiteName& owner);
  Status forget_taken_up();
  void want_from_fellow(Session& fellow, const SiteName& site);
  void want_from_fellows(const SiteName& site);

  // owner.cc
  bool may_sign() const;
  Status checkpoint_if_due();
  Result<journal::SignedCheckpoint> signed_checkpoint(std::uint64_t size);
  Status sign_checkpoint(std::uint64_t size);
  Status sign_between(EntryIndex first);
  Status offer_if_possible();
  Status on(Session& session, const sync::Cosignature& m);
  void heartbeat_if_due();
  Status leave_asking_if_told();
  void need_what_is_named(const std::vector<Bytes>& entries);
  Status fold_catch_up(const CatchUp& catch_up, const std::string& registration);
  Status leave_catch_up(const Error& why);
  Status finish_catch_up();
  Status take_catch_up(Session& session, const sync::Entries& m);
  Status take_none_of(const journal::SignedCheckpoint& target, const SiteName& from);

  // mend.cc
  void tell_lost_end(const journal::LogMark& covered);
  Status unless_damaged(const Status& done);
  std::vector<journal::Log*> logs() const;
  bool is_folded(const Origin& origin) const;
  enum class Holes { folded, any };
  bool has_holes(Holes of);
  std::vector<SiteName> holders_of(const Origin& origin);
  Status mend_turn();
  Status take_mended();
  Status take_told(const sync::MendTold& told);
  Status on(Session& session, const sync::Missing& m);
  Status on(Session& session, const sync::Found& m);
  void pump_missing();
  void begin_mending();
  Result<bool> may_fetch_what_is_named();
  std::string what_is_missing();
  Status advance_mending();

  // rebuild.cc
  Status on(Session& session, const sync::Registered& m);
  Status advance_rebuild();
  Result<bool> choose_history();
  Result<std::optional<chain::Registration>> said_before() const;
  void ask_to_seal();
  Status settle_if_fetched();
  void choose_anew();
  Status fold_ahead();
  Status keep_what_folds(const Error& why);
  Status fetch_needs();  // of what this journal names and this disk lacks
  std::uint64_t limit_of(const Origin& origin, const Need& need) const;
  std::vector<SiteName> givers_of(const Origin& origin, Need& need);
  bool goes_without(const Origin& origin, Need& need, std::uint64_t size, const std::vector<SiteName>& givers);
  Status fetch_anew(const Origin& origin, const std::optional<SiteName>& last_giver);
  std::string named_by(const Need& need) const;
  Status rebuild_register();
  bool waits_for_word_of(const SiteName& mirror) const;  // until we are registered
  void note_end_of_link(const SiteName& mirror);
  Status on(Session& session, const sync::Refused& m);
  Status open_epoch();  // state_ has all before it

  // tail.cc
  Status on(Session& session, const sync::Superseded& m);
  Status on(Session& session, const sync::Tail& m);
  Status on(Session& session, const sync::TailTaken& m);
  Status answer_when_cosigned(Session& session, const sync::TailTaken& answer);
  void answer_tails();
  Status replaced(const chain::Registration& registration);
  void begin_tails(Session& session);
  Status pump_tails();
  Result<std::optional<sync::Tail>> next_tail(TailsDue& due, std::string& kept_at);
  Status readmit_surplus(const sync::Tail& m, const PublicKey& key);
  Status readmit(const Origin& origin, EntryIndex first, const std::vector<Bytes>& entries);
  Status readmit(const Origin& origin, EntryIndex at, const fold::Event& event,
                 const std::function<Status(const std::string&)>& list);
  bool is_cut_by_clean_point(const Origin& origin) const;
  static bool is_about_others(const fold::Event& event);
  Status take_again(const fold::Event& event);
  Status readmit_aside();
  void tell_lost_tail(const std::string& path, std::size_t lost);
  std::uint64_t not_taken_in() const;
  void note_through(const Origin& origin, EntryIndex first, std::uint64_t end, std::uint64_t kept = 0);
  Status write_through();

  // spare.cc
  Status meet_own_site(Session& session, const sync::Hello& m);
  Status from_own_site(Session& session, const sync::Message& message);
  Status on(Session& session, const sync::SpareHave& m);
  Status on(Session& session, const sync::SpareEntries& m);
  Status on(Session& session, const sync::SpareDiffers& m);
  Status on(Session& session, const sync::SpareCredentials& m);
  Status on(Session& session, const sync::SpareParcel& m);
  std::optional<journal::SignedCheckpoint> signed_and_forgotten(const sync::SpareHave& m) const;
  Status take_from_spare(Session& session, const sync::Tail& m);
  void pump_spare();
  std::optional<SpareLink> spare_link() const;
  Status check_silence(const chain::Certificate& certificate) const;
  bool may_take_seal(const chain::Certificate& certificate, const sync::Known& told) const;
  Status check_kept(const chain::Registration& registration);
  bool holds_lineage(const Origin& origin) const;
  std::optional<PublicKey> key_for(const sync::Entries& m) const;
  Status close_old_journal(const chain::Registration& registration);

  // promote.cc
  Status promote();
  Status take_rest_of_copy();
  bool is_by_our_keys(sync::Replica& older) const;
  Status take_rest_of(sync::Replica& older, std::uint64_t kept);
  Result<std::uint64_t> fold_copy(sync::Replica& copy, std::uint64_t most, const std::set<Origin>& suspects = {});
  bool is_of_a_branch(const fold::FollowedPrefix& prefix);
  bool is_registered_spare() const;
  void begin_provisional();
  Status register_if_possible();
  Status take_witness(const SiteName& mirror, const journal::NoteSignature& line);
  Status registered();
  std::string waits_for() const;
  void dial_old_machine();
  std::optional<Error> beyond_provisional(const fold::WriteRequest& request) const;

  World world_;
  Options options_;
  chain::ChainFile chain_;
  const chain::Site* me_ = nullptr;
  sync::KeyRing keys_;
  Origin origin_;
  std::optional<chain::Certificate> certificate_;
  std::string registration_;  // ours, epoch > 1
  sync::Replicas replicas_;
  std::unique_ptr<sync::Replica> own_;  // null while rebuilding
  std::string own_rotten_end_;          // of its journal, as this start found it: a sentence, or empty (journal::Log)
  fold::State state_;
  Follower follower_;
  Phase phase_ = Phase::asking;

  Instant now_, monotonic_;
  Instant last_event_at_;
  std::deque<std::variant<Connected, Arrived, Closed>> inbox_;
  std::size_t inbox_bytes_ = 0;
  std::deque<Waiting> waiting_;
  std::vector<std::function<void()>> after_commit_;

  std::map<ConnectionId, Session> sessions_;
  std::map<SiteName, Peer> peers_;
  std::set<SiteName> cut_;
  std::vector<fold::Body> link_changes_;  // done, and not yet in the journal

  // guard
  struct PostureOrder {
    std::optional<guard::PostureChanged> event;  // nullopt: it was so already
    PostureAnswer answer;
  };
  guard::Posture posture_ = guard::Posture::open;  // in force; the state follows with the next turn
  bool posture_recorded_ = true;
  Status posture_failed_;  // what could not be written when it was enforced: ends the next turn (1.2)
  std::vector<PostureOrder> posture_waiting_;
  std::optional<PostureSwitch> switch_due_;
  std::function<void(guard::Posture)> on_posture_;
  guard::Judge judge_;
  guard::Recorder recorder_;
  std::vector<guard::Alert> tripped_;

  // owner
  sync::Offers offers_;
  std::size_t unsigned_bytes_ = 0;
  std::optional<Instant> unsigned_since_;  // monotonic
  std::optional<Instant> cosigned_at_;
  std::optional<Instant> no_copy_since_;
  Instant next_heartbeat_, offer_sent_at_, next_retry_;
  std::optional<CatchUp> catch_up_;  // while asking (3.2)
  CatchUpGivers givers_;
  bool contradicted_ = false;  // a mirror showed a checkpoint under our key that is not ours

  // mirror
  TakenUp taken_up_;
  Branches branches_;
  // spare
  std::optional<OwnSpare> spare_;
  Bytes spare_box_;
  SpareWord spare_word_;
  Instant started_;  // monotonic
  // promoted
  std::map<SiteName, journal::NoteSignature> witnesses_;
  Refusals refusals_;
  std::optional<ConnectionId> own_dial_;
  Instant next_own_dial_;  // monotonic
  bool is_our_address_ = false;

  // mend
  sync::Mender mender_;
  sync::Scrubber scrubber_;
  bool is_mend_busy_ = false;  // and wants the next turn soon
  bool is_mending_ = false;    // Phase::rebuilding, because the state rests on what cannot be read
  // When it was folded last: what had been mended by then, and whether all of it was there.
  std::uint64_t mended_before_fold_ = 0;
  bool was_whole_before_fold_ = false;
  Instant next_fold_;  // monotonic
  // rebuild
  std::unique_ptr<recovery::Rebuild> rebuild_;
  std::optional<Instant> quorum_sealed_at_, quorum_told_at_;
  std::optional<recovery::Record> record_;
  Needs needs_;
  FoldAhead folding_;
  // Revoked before we knew them (10.2); taken when one that counts goes on from them. By site and epoch.
  std::map<std::pair<SiteName, std::uint32_t>, chain::Registration> passed_over_;
  std::vector<chain::Registration> learned_;  // while there was no journal to record them in
  std::set<SiteName> registered_at_;
  std::string step_;
  // tails
  KeptTails kept_tails_;
  TailThrough tail_through_;
  Replaced replaced_;
  Snapshots snapshots_;
  bool is_file_without_room_ = false;  // the last file on which nothing rests was; it has been said
  Instant written_at_;  // monotonic: of the last write taken; of the start, or of the rebuild's end, before the first
  Counters counters_;
};

}  // namespace holdfast::node
