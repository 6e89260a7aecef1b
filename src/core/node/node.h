// The node: one site, one journal, one writer. turn() is the main path, told in order.
//
// Shape:  inputs (submit, NetEvents, cut/open_link) are only queued or noted; turn() decides and applies each write,
//         commits all of them once, and only then releases what depends on them: answers, link messages, checkpoints
//         (protocol 1.1). Between turns everything readable is durable, so reads need no copy.
// Errors: turn() returns an error once, when a write to disk has failed or the state can no longer be trusted; the
//         process must end and say so (1.2). open(): node/wrong_site (the directory is another site's),
//         node/not_started (no journal and no certificate, keys or chain file: says what to run), journal/damaged,
//         chain/*.
// Thread: one. Edge posts everything to that thread; the simulator calls it directly.
// Source: protocol 1-8; Viewstamped Replication (views ~ epochs), Apache BookKeeper (fencing ~ seals).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/world.h"
#include "core/chain/chain.h"
#include "core/fold/state.h"
#include "core/guard/rules.h"

namespace holdfast::node {

inline constexpr std::string_view chain_file_path = "chain.hfc";          // in the data directory
inline constexpr std::string_view certificate_path = "certificate.note";  // of a machine that is to open a new epoch
inline constexpr std::string_view own_spare_path = "own-spare.note";      // our spare's: so that a seal leaves it in
inline constexpr std::string_view replaced_path = "replaced.note";        // the registration that has replaced us (5.7)
inline constexpr std::string_view posture_path = "posture";               // the switch of `holdfast seal`, see below
inline constexpr std::string_view software_version = "holdfast 0.1.0";

struct Options {
  SiteName site;
  std::uint64_t checkpoint_entries_max = 4096;        // a checkpoint at the latest after so many entries …
  Duration checkpoint_delay_max = milliseconds(100);  // … or this (protocol 2.2)
  std::size_t group_writes_max = 4096;                // writes decided before a commit
  Duration follow_interval = milliseconds(200);       // at most one PeerFollowed in this time …
  Duration follow_trade_interval = seconds(2);        // … and in this, if all it takes is what tills rang elsewhere
  std::uint64_t snapshot_entries = 100'000;           // a snapshot each so many entries
  std::uint64_t scrub_bytes = 256u << 10;             // of what is on the disk, read again …
  Duration scrub_interval = milliseconds(250);        // … each so often, to find what cannot be read any more (2.4);
  Duration scrub_pause = seconds(600);                // and so long after all of it was read, from the beginning
  // A mirror seals for a spare only after it has heard nothing of the node for so long (protocol 10.2). The program
  // that ships takes no less than spare_silence_min; the simulator does.
  Duration spare_silence = seconds(60);
  std::string old_address;  // where a promoted spare looks for the machine it replaced; empty: the chain file's
};
inline constexpr Duration spare_silence_min = seconds(60);
// Of messages that wait for the next turn, at a node and at a spare: a flood costs its sender the connection.
inline constexpr std::size_t inbox_bytes_max = 256u << 20;
// Of one link, above which neither queues more of a journal: what is sent beyond the net's own bound ends the link.
inline constexpr std::size_t unsent_bytes_max = 8u << 20;

enum class Phase {
  rebuilding,   // takes no writes yet: a new machine with a certificate seals, fetches, registers; or what the state
                // rests on cannot be read from this disk and is fetched again (2.4). progress() says which
  asking,       // sells and acknowledges, signs nothing yet (protocol 3.1)
  provisional,  // a promoted spare: sells and acknowledges, signs nothing until q mirrors have registered it (5.5)
  signing,      // all is normal
  stopped,      // replaced by a newer epoch (5.7): takes no writes
};
std::string_view to_text(Phase phase);

struct MirrorView {
  SiteName site;
  std::optional<std::uint64_t> held;  // entries it has told us it stores durably
  std::optional<Instant> heard_at;    // nullopt: not since this start
};
// The second machine in the store (protocol 10.1). Its copy never counts towards q.
struct SpareLink {
  std::uint32_t epoch = 0;          // that its certificate allows
  PublicKey sealing{};              // what is kept there for it is sealed to this key
  std::uint64_t held = 0;           // entries of our journal that it has told us it stores durably
  std::optional<Instant> heard_at;  // nullopt: not since this start
  bool is_linked = false;           // now
  bool is_ready = false;            // linked, and heard a moment ago or holding everything
};
inline constexpr std::size_t missing_receipts_max = 1000;  // that a view names
inline constexpr std::size_t damage_told_max = 200;        // holes of all journals together that a view names
// Entries [first, end) of a journal kept here that cannot be read any more and are not put back yet (protocol 2.4).
// first == end: only a checkpoint between them.
struct DamageView {
  Origin origin;
  EntryIndex first = 0;
  EntryIndex end = 0;
};
struct Safety {
  Origin origin;
  std::uint64_t size = 0;  // durable entries
  std::uint64_t cosigned_size = 0;
  std::optional<Instant> cosigned_at;
  Phase phase = Phase::asking;
  bool signs = false;        // false also where another history was shown under our key (4.3), whatever the phase
  bool provisional = false;  // epoch not yet registered with q (5.5)
  unsigned quorum = 0;
  std::vector<MirrorView> mirrors;
  std::optional<Instant> no_copy_since;  // since when the newest entries have had no quorum of copies elsewhere
  std::optional<Origin> replaced_by;
  std::uint64_t listed = 0;        // open items of the list
  std::uint64_t not_taken_in = 0;  // entries of the old machine known of and not here; of a replaced one: its own
  // Skipped in the site's series (protocol 8.4), at most missing_receipts_max: lost with a machine or an old disk, or
  // not sent again yet.
  std::vector<ReceiptNumber> missing_receipts = {};
  std::optional<SpareLink> spare = {};
  std::string registering = {};         // while provisional: what the registration waits for, for people
  std::vector<DamageView> damage = {};  // at most damage_told_max
  // By so much, more than clock_slack, the newest event of this site is ahead of this machine's clock: one of the two
  // is wrong. What is written now is stamped with that event's time.
  std::optional<Duration> clock_behind = {};
};

enum class LinkState { up, down, cut };
struct LinkView {
  SiteName to;
  LinkState state = LinkState::down;
  bool mirrors_us = false, we_mirror = false, we_follow = false, follows_us = false;
};
enum class Trading { yes, no, not_yet_known };
struct SiteView {
  SiteName site;
  chain::SiteKind kind = chain::SiteKind::store;
  bool is_here = false;
  std::optional<Origin> origin;  // newest epoch known here
  Trading trading = Trading::not_yet_known;
  std::optional<Instant> heard_at;    // last message or heartbeat, or what a peer told of it
  std::optional<std::uint64_t> size;  // announced (heartbeat) or our own
  std::optional<std::uint64_t> cosigned_size;
  std::optional<Instant> cosigned_at;
  std::optional<std::uint64_t> held_here;
  // Mirrored here, and this machine counts for it; false also while it has not taken up what it had lost (4.6).
  bool counts_here = false;
  std::optional<std::uint64_t> followed_size;
  const till::Totals* totals = nullptr;  // ours, or by what we follow; valid until the next turn
  std::uint64_t contradictions = 0;
  std::optional<guard::Posture> posture;  // here: in force; elsewhere: as it last said, nullopt: not yet known
  std::vector<LinkView> links;            // known here: ours; of others only their link to us
};

// The rebuild's report (promise 7): what came back, what is known lost, since when nothing is known.
struct RecoveryReport {
  Origin old_origin, new_origin;
  std::uint64_t cosigned = 0;              // entries kept (recovery/rebuild.h, "Two histories")
  std::optional<std::uint64_t> announced;  // largest size a mirror heard announced
  std::optional<Instant> announced_at;
  std::uint64_t resubmitted = 0, readmitted = 0, listed = 0;
  std::uint64_t known_lost = 0;  // announced - cosigned - what came back by tills or tails, never below 0
  std::vector<ReceiptNumber> missing_receipts;  // as Safety's
  std::optional<Instant> not_yet_known_since;   // the last moment a mirror heard of the old machine
  std::uint64_t entries_fetched = 0;            // by this rebuild, own and followed journals
  std::uint64_t bytes_fetched = 0;
};
struct PostureView {
  guard::Posture posture = guard::Posture::open;  // in force
  bool recorded = true;                           // and durable: a restart finds it so
};
// The file "posture": its posture and reason, a line each. What cannot be understood means sealed.
struct PostureSwitch {
  guard::Posture posture = guard::Posture::open;
  std::string reason;
};
PostureSwitch read_posture_switch(std::string_view text);

struct Progress {    // while rebuilding
  std::string step;  // "sealing 1 of 2", "fetching store-03/1: 5000 of 20000"
};

class Node : public NetEvents {
 public:
  static Result<std::unique_ptr<Node>> open(World world, Options options);

  // ---- inputs
  using Answer = std::function<void(const Result<fold::Taken>&)>;
  // Answered once, in a later turn(), after the entry is durable (or with the refusal). Refused at once with node/busy
  // when too many wait, node/stopped or node/rebuilding (503: try again, elsewhere).
  virtual void submit(fold::WriteRequest request, Answer answer) = 0;
  // Local and at once; needs nobody else; survives a restart (promise 4). node/unknown_link.
  // Who did it (zero: the machine's administrator) is written into the journal by the next turn.
  virtual Status cut_link(const SiteName& site, const SubjectId& by = {}) = 0;
  virtual Status open_link(const SiteName& site, const SubjectId& by = {}) = 0;

  // ---- posture (docs/guard.md); own links only, needs nobody else
  // Something was seen: judged by the rules in this call. If they seal, every link has ended when this returns.
  virtual void raise(guard::Alert alert) = 0;
  // Ordered by a person or the machine's administrator. In force when this returns; answered in a later turn(), when it
  // is durable. guard/*.
  using PostureAnswer = std::function<void(const Status&)>;
  virtual void set_posture(guard::SetPosture order, PostureAnswer answer) = 0;
  virtual void set_rules(guard::Rules rules) = 0;
  virtual const guard::Rules& rules() const = 0;
  // Called in the call that changes the posture, after the links have ended and before anything is written.
  virtual void on_posture(std::function<void(guard::Posture)> listener) = 0;
  virtual PostureView posture() const = 0;
  // What the spare of this store keeps for us, sealed to SpareLink::sealing (protocol 11.1): sent now, and again
  // whenever it comes back.
  virtual void keep_on_spare(Bytes box) = 0;
  // What the spare of this store has told us since it was linked last, opaque to core, and our answer, if it is
  // linked now. `number` grows with each word.
  struct SpareWord {
    std::uint64_t number = 0;  // 0: nothing yet
    Bytes body;
  };
  virtual const SpareWord& word_of_spare() const = 0;
  virtual void tell_spare(Bytes body) = 0;  // at most sync::parcel_bytes_max

  // ---- the main path
  virtual Status turn() = 0;
  // Monotonic time at which turn() wants to be called again if nothing arrives before.
  virtual Instant wake_at() const = 0;
  // Leaves nothing behind: checkpoint of what is durable if signing, snapshot if there is room. Called on SIGTERM.
  virtual Status stop() = 0;

  // ---- reads, between turns
  virtual const fold::State& state() const = 0;
  virtual const chain::ChainFile& chain_file() const = 0;
  virtual Safety safety() const = 0;
  virtual std::vector<SiteView> sites() const = 0;
  virtual std::vector<LinkView> links() const = 0;
  virtual std::optional<RecoveryReport> recovery() const = 0;
  virtual std::optional<Progress> progress() const = 0;
  virtual Phase phase() const = 0;
  // An own event by epoch and index (receipts, retries).
  virtual Result<fold::Event> read(std::uint32_t epoch, EntryIndex index) const = 0;
  // Root of the first `size` entries of a journal that is kept here. node/unknown_entry.
  virtual Result<Hash> root_of(const Origin& origin, std::uint64_t size) const = 0;
  // The name of the file under evidence/ that holds contradiction number i of state().contradictions.
  static std::string evidence_path(const Origin& origin, std::size_t i);

  // Counters since this start, for /metrics.
  struct Counters {
    std::uint64_t turns = 0, commits = 0, entries = 0, writes_taken = 0, writes_refused = 0, duplicates = 0;
    std::uint64_t checkpoints = 0, cosignatures_given = 0, cosigned = 0, messages_in = 0, messages_out = 0;
    std::uint64_t messages_refused = 0, bytes_in = 0, bytes_out = 0, followed_entries = 0, snapshots = 0;
    std::uint64_t alerts = 0, alerts_benign = 0;
    // Damage on this disk, own journal and copies together.
    std::uint64_t holes_found = 0, holes_mended = 0, entries_mended = 0, bytes_mended = 0, bad_mends_refused = 0;
    std::uint64_t damaged_reads = 0, bytes_scrubbed = 0, scrub_rounds = 0;
  };
  virtual const Counters& counters() const = 0;
};

}  // namespace holdfast::node
