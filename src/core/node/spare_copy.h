// A spare before it is promoted (protocol 10.1): keeps a copy of its store's journal, and of every prefix that it
// names, over the store's own network.
//
// Shape:  dials the node of its site, shows its certificate, and asks for the journal, older epochs, and the journals
//         of the peers that the site follows. Every piece is durable here before the next is asked for. Its own journal
//         is taken as it is acknowledged, signed or not; the node's signature over each piece not yet under a
//         checkpoint lies below copy/, so that what the node has forgotten can be given back to it. On disk the copy is
//         what a node has: Node::open with the log key and the certificate promotes it. It is read again all day, and
//         what cannot be read any more is fetched from the node and put back (2.4).
// Errors: open(): node/not_started (no chain file or certificate: says what to run), node/wrong_site, journal/damaged,
//         chain/*. turn(): a write to disk has failed; the process must end (1.2).
// Thread: one, as Node.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/base/world.h"
#include "core/node/node.h"
#include "core/sync/keyring.h"
#include "core/sync/mender.h"
#include "core/sync/messages.h"
#include "core/sync/replica.h"
#include "core/sync/scrubber.h"

namespace holdfast::node {

// Written by a spare while it copies: u64 size announced, i64 at, i64 heard_at.
inline constexpr std::string_view spare_heard_path = "spare.heard";
inline constexpr std::string_view spare_credentials_path = "spare.credentials";
inline constexpr std::string_view spare_credentials_before_path = "spare.credentials.before";  // the one it replaced

struct SpareOptions {
  SiteName site;
  std::string node_address;                // empty: the link address of the site in the chain file
  std::uint64_t scrub_bytes = 256u << 10;  // as Options'
  Duration scrub_interval = milliseconds(250);
  Duration scrub_pause = seconds(600);
};
struct SpareView {
  Origin origin;                           // of the copy; epoch 0: nothing yet
  std::uint64_t size = 0;                  // entries held
  std::optional<std::uint64_t> announced;  // by the node's last signed heartbeat
  std::optional<Instant> heard_at;         // of the node, UTC; nullopt: not since this start
  std::optional<Duration> silent;          // since then
  bool is_linked = false;
  bool has_credentials = false;                     // people and tills can come along
  std::uint32_t epoch = 0;                          // that the certificate allows
  std::string problem;                              // a sentence for people; empty: none
  std::uint64_t holes_found = 0, holes_mended = 0;  // since the start
  std::vector<DamageView> damage = {};              // at most damage_told_max
  std::string cannot_open = {};                     // why not, a sentence's beginning for people; empty: it can
};

class Spare final : public NetEvents {
 public:
  static Result<std::unique_ptr<Spare>> open(Disk& disk, Net& net, Clock& clock, Executor& executor,
                                             SpareOptions options);

  void on_connected(ConnectionId connection, const PublicKey& peer_tls_key, bool dialled_here) override;
  void on_message(ConnectionId from, Bytes message) override;
  void on_closed(ConnectionId connection) override;
  Status turn();
  Instant wake_at() const;
  SpareView view() const;
  // Opaque to core: told to the node now and whenever it is met again; and the node's last answer, empty: none yet.
  void tell_node(Bytes body);
  const Bytes& word_of_node() const { return word_of_node_; }
  const chain::ChainFile& chain_file() const { return chain_; }
  const SiteName& site() const { return options_.site; }

 private:
  struct Connected {
    ConnectionId id;
    PublicKey tls;
  };
  struct Arrived {
    ConnectionId id;
    Bytes message;
  };
  struct Closed {
    ConnectionId id;
  };

  Spare(Disk& disk, Net& net, Clock& clock, Executor& executor, SpareOptions options, chain::ChainFile file,
        chain::Certificate certificate);
  Status start();
  Status use_epoch(const Origin& origin);
  Status handle(const sync::Message& message);
  Status on(const sync::Hello& m);
  Status greeted(const Origin& origin);
  Status on(const sync::SpareEntries& m);
  Status on(const sync::SpareDiffers& m);
  Status on(const sync::SpareCredentials& m);
  Status on(const sync::SpareParcel& m);
  Status on(const sync::Entries& m);
  Status on(const sync::Have& m);
  Status on(const sync::Superseded& m);
  Status on(const sync::Cosigned& m);
  Status on(const sync::Heartbeat& m);
  Status on(const sync::TailTaken& m);
  Status on(const sync::Missing& m);
  Status on(const sync::Found& m);
  Status put_note(const std::string& note);
  void learn(const std::string& registration_note);
  void learn(const chain::Registration& registration);
  Status ask_for_copy();
  void ask_for_others();
  void ask_for(const Origin& origin);
  bool copies(const SiteName& site) const;  // its journal: that a store's own names what it had of it
  std::optional<PublicKey> key_for(const sync::Entries& m) const;
  void ask_for_what_was_over_bound();
  Status leave_lost_branches();
  Status list_to_give(journal::Log& log, std::uint64_t from, std::optional<EntryIndex> signed_from = {});
  Status give_on();
  Status give_ended();
  Status give_signed();
  std::uint64_t given_below(const Origin& origin) const;
  bool is_giving(const Origin& origin) const { return giving_back_ && giving_back_->origin == origin; }
  Result<std::optional<sync::Tail>> piece_to_give(journal::Log& log, std::pair<EntryIndex, std::uint64_t> piece);
  bool is_hole_for_good() const;
  Status give_back();
  Status follow_again();
  static std::string piece_name(const Origin& origin, EntryIndex first, std::uint64_t count);
  static std::optional<std::pair<EntryIndex, std::uint64_t>> piece_of(std::string_view name);
  std::string piece_path(const Origin& origin, EntryIndex first) const;
  Status drop_pieces(std::uint64_t below);
  std::uint64_t noted() const;
  bool is_copy_hashed() const { return copy_ && copy_->hashed_size() == copy_->durable_size(); }
  journal::Log* log_of(const Origin& origin);
  std::vector<journal::Log*> logs() const;
  Status mend_turn();
  void add_damage(SpareView& view) const;
  void send(const sync::Message& message);
  void hang_up(std::string why);

  Disk& disk_;
  Net& net_;
  Clock& clock_;
  SpareOptions options_;
  chain::ChainFile chain_;
  chain::Certificate certificate_;
  const chain::Site* me_ = nullptr;
  sync::KeyRing keys_;
  // Revoked before we knew them; taken when one that counts goes on from them. By site and epoch.
  std::map<std::pair<SiteName, std::uint32_t>, chain::Registration> passed_over_;
  // Log keys of epochs that count no longer, as in a node: what the copy names of them is proven by its roots.
  std::map<Origin, PublicKey> former_keys_;
  sync::Replicas replicas_;  // of peers and of our older epochs
  Executor& executor_;
  std::unique_ptr<journal::Log> copy_;
  std::map<EntryIndex, std::uint64_t> pieces_;  // first -> count, not yet under a checkpoint
  // What the node lacks and this disk has, on its way back.
  struct GivingBack {
    Origin origin;
    std::map<EntryIndex, std::uint64_t> waiting, offered;  // first -> count
    // Of an epoch that ended: the next of what its key had signed and its successor has not kept, and what of that is
    // on its way. nullopt: all has gone.
    std::optional<EntryIndex> signed_from;
    std::map<EntryIndex, std::uint64_t> signed_offered;  // first -> count
    std::uint64_t lost = 0;                              // entries that cannot be read
    Instant at;                                          // the last that was offered or taken
  };
  std::optional<GivingBack> giving_back_;
  std::set<Origin> gave_ended_;  // to the end, since the greeting

  std::deque<std::variant<Connected, Arrived, Closed>> inbox_;
  std::size_t inbox_bytes_ = 0;
  std::optional<ConnectionId> dialling_, session_;
  PublicKey session_tls_{};
  bool is_greeted_ = false;
  std::optional<sync::Hello> unproven_;  // the node's, until the registrations that prove it have come
  Instant now_, monotonic_, redial_at_, asked_at_, greeted_at_;
  std::optional<Instant> heard_at_, heard_monotonic_;
  std::optional<std::uint64_t> announced_;
  bool has_credentials_ = false;
  bool has_learned_ = false;  // keys of more journals, since the last turn
  std::string problem_;
  bool is_without_room_ = false;  // the disk, when the node was heard last
  sync::Mender mender_;
  sync::Scrubber scrubber_;
  bool is_mend_busy_ = false;  // and wants the next turn soon
  std::uint64_t holes_found_ = 0, holes_mended_ = 0;
  Bytes word_to_node_, word_of_node_;
};

}  // namespace holdfast::node
