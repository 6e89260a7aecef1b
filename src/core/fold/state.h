// What is true at a site: the fold of its journal and of the prefixes of peers' journals that its journal names.
//
// Shape:  own parts (catalogue, stock, till), one part for each followed peer, epochs known, writes known, the list for
//         people. State is a function of journals alone: the same entries give the same encode() bytes on any machine
//         (protocol 7.1).
// After:  decide() changes nothing. apply() may not fail: it has happened. An event of a peer that breaks a rule is
//         skipped by a pure rule of (state, event) (7.5).
// Source: protocol 6, 7, 8; docs/protocol.md.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/chain/chain.h"
#include "core/fold/command.h"
#include "core/fold/event.h"
#include "core/incident/incident.h"

namespace holdfast::fold {

// A write that was taken (protocol 8.1): known for 90 days of event time, in any epoch; for good if it came back after
// a loss, because who holds its tail may offer it at any time.
struct KnownWrite {
  Hash request{};
  std::uint32_t epoch = 0;
  EntryIndex index = 0;
  Instant at;  // newest time in the journal when it was taken: an import's old trade is remembered from now on
  bool listed = false;
  bool operator==(const KnownWrite&) const = default;
};
struct WriteKey {
  TillId till;
  IdempotencyKey key;
  auto operator<=>(const WriteKey&) const = default;
};
std::size_t hash_value(const WriteKey& key);
// The id under which something is listed for a person; the same each time, so that it is listed once.
ListedId listed_id(ByteView what);
ListedId listed_id(const WriteKey& key);
inline constexpr Duration writes_remembered = days(90);
// And at least so many: a clock that was wrong, and is set, must not end the time of what was rung a minute ago.
inline constexpr std::size_t writes_remembered_min = 10'000;

// A price list that was held back, and was not accepted whole (protocol 7.6): what of it anybody has accepted. The rest
// waits again wherever nothing overtakes it.
struct HeldBack {
  bool has_lost = false;  // a later entry has overtaken some of it
  std::set<Sku> accepted;
  bool operator==(const HeldBack&) const = default;
};

// What a succession kept of an origin that was followed before (protocol 7.4).
struct KeptPrefix {
  Origin origin;
  std::uint64_t size = 0;
  EntryPlace since;                                      // where it was first followed
  std::map<EntryIndex, catalogue::ProductsListed> held;  // still waiting for a named person
  std::map<EntryIndex, HeldBack> held_back;              // as PeerPart's
  std::uint64_t listed_to = 0;                           // as PeerPart's
  bool operator==(const KeptPrefix&) const = default;
};

// Where the products of held entries wait, so that a later listing finds those that it overtakes without a walk over
// all (a whole price list may wait). Made from the part when first asked for, and no part of the state: neither encoded
// nor compared. It may name places where nothing waits any more.
struct HeldBySku {
  bool is_made = false;
  std::map<Sku, std::vector<EntryPlace>> places;
  bool operator==(const HeldBySku&) const { return true; }
};

// One followed peer (protocol 7). Held per origin so that a succession can take it back to a kept prefix.
// Shape: the fold of the kept prefixes in `lineage`, in order, and of entries [0, size) of `origin`, without those in
//        held. An entry that is held back loses each product that a later entry lists or delists: that one is newer.
struct PeerPart {
  Origin origin;           // followed now
  std::uint64_t size = 0;  // to here; less than was named if that ends within an event, or at one not known here
  Hash root{};             // of `size`; zero if `size` is less than was named
  EntryPlace since;        // where `origin` was first followed
  bool needs_newer_version = false;  // the entry at `size` is of a kind that this version does not know (7.5)
  std::vector<KeptPrefix> lineage;   // earlier epochs
  catalogue::CatalogueState catalogue;
  std::map<DispatchId, stock::Sent> dispatches;   // of this peer, to any site
  std::map<DispatchId, stock::Arrived> arrivals;  // at this peer, from any site
  till::Totals totals;
  Quantity stock_total;                                  // goods on hand there, by its own journal
  std::map<EntryIndex, catalogue::ProductsListed> held;  // beyond a bound, waiting for a named person
  // Those, and those that were overtaken, whole or in part, though the rest was accepted: a succession may take the
  // part back to before what overtook them.
  std::map<EntryIndex, HeldBack> held_back;
  std::uint64_t listed_to = 0;  // 1 + index of the last entry of `origin` that set a price here; 0: none did
  stock::StockState stock;      // by its own journal; its `sent` and `arrived` stand above
  feed::FeedState feed;         // the files it has taken; its open orders stay in its own journal
  guard::Posture posture = guard::Posture::open;  // as it last said; a sealed site says nothing more
  Instant posture_since;
  incident::IncidentState incidents;
  Instant newest;  // time of the newest event of it that is folded here
  HeldBySku held_by_sku;
  void encode(Writer& out) const;
  static Result<PeerPart> decode(Reader& in);
  bool operator==(const PeerPart&) const = default;
};

struct SiteEpochs {
  std::uint32_t sealed_below = 0;                      // every epoch < this is sealed here (as a mirror)
  std::map<std::uint32_t, std::string> sealed_by;      // epoch of the certificate -> its note
  std::map<std::uint32_t, std::string> registrations;  // epoch -> registration note
  bool operator==(const SiteEpochs&) const = default;
};

struct ListedItem {
  std::optional<EntryRef> from;  // of a tail; nullopt: a till's write
  std::optional<WriteKey> write;
  std::string reason;
  std::string what;  // kind of event, or the request's body
  Bytes entry;
  Instant at;
  bool operator==(const ListedItem&) const = default;
};

// What the last rebuild or rewind had to take in (protocol 6.4, promise 7).
struct Readmission {
  std::uint64_t resubmitted = 0;  // by tills, since this epoch began
  std::uint64_t readmitted = 0;   // from tails
  std::uint64_t listed = 0;       // put on the list, closed ones too
  bool operator==(const Readmission&) const = default;
};

struct State {
  // identity
  std::string chain;
  SiteName site;
  std::uint32_t epoch = 0;
  std::string currency;
  int currency_decimals = 2;
  std::uint32_t rules = 1;
  std::string registration;  // of this epoch; empty for epoch 1
  Instant newest;            // newest time of an event
  std::uint64_t size = 0;    // entries of this epoch's journal that are folded
  Instant started_at;        // of the last start of the node

  // own trade
  catalogue::CatalogueState catalogue;
  stock::StockState stock;
  till::TillState till;
  feed::FeedState feed;  // what the old system said of this site
  incident::IncidentState incidents;
  std::map<SiteName, Instant> links_cut;  // since when, by the journal
  standby::StandbyState standby;

  guard::GuardState guard;

  // others
  std::map<SiteName, PeerPart> peers;
  std::map<SiteName, SiteEpochs> epochs;
  std::vector<ContradictionSeen> contradictions;

  // writes and what waits for people
  boost::unordered_flat_map<WriteKey, KnownWrite> writes;
  std::deque<std::pair<Instant, WriteKey>> writes_by_age;  // those that are forgotten in time
  std::vector<WriteKey> writes_kept;                       // the others, as they came
  Instant writes_forgotten_to;  // of what was taken until then, keys are forgotten; 0: of none
  std::map<ListedId, ListedItem> listed;
  std::set<ListedId> listed_closed;  // by a person; what is offered again is not listed again
  Readmission readmission;

  const KnownWrite* find_write(const WriteKey& key) const;
  bool was_listed(const ListedId& id) const { return listed.contains(id) || listed_closed.contains(id); }
  // The catalogue that prices rest on here: our own if we list, else the followed head office's. Null: none yet.
  const catalogue::CatalogueState* prices() const;
  const catalogue::Listed* find_product(std::string_view sku_or_gtin) const;
  // The feed that prices() rests on: of the site that lists. Null: there is no price list yet.
  const feed::FeedState* prices_feed() const;
  // How old what the old system said last is.
  standby::Ages ages() const;

  Bytes encode() const;                         // canonical; also the snapshot's body
  static Result<State> decode(ByteView bytes);  // fold/bad_snapshot
  Hash hash() const;                            // SHA-256 of encode()
};

// Reads another entry of this site's own journals (also of an earlier epoch), as far as it is decided.
class OwnEntries {
 public:
  virtual ~OwnEntries() = default;
  virtual Result<Event> read(std::uint32_t epoch, EntryIndex index) const = 0;
};
// Reads the kept entries of a followed peer's journal [first, end), in order.
class PeerEntries {
 public:
  virtual ~PeerEntries() = default;
  virtual Status scan(const Origin& origin, EntryIndex first, EntryIndex end,
                      const std::function<Status(EntryIndex, ByteView)>& each) const = 0;
};

// A re-submitted refund waits so long after a start for the sale it refunds; then it is listed for a person (protocol
// 8.3).
inline constexpr Duration resubmission_waits = seconds(3600);

// ---- deciding: a command may be refused, with a reason; nothing is changed.
struct DecideContext {
  Instant now;  // of this command; never before the last event's
  const chain::ChainFile& chain;
  const OwnEntries& entries;
};
// The answer to a write. Exactly one of: `event` (to append and apply), or `known` (a duplicate; find its entry there).
struct Decided {
  std::optional<Event> event;
  std::optional<KnownWrite> known;
};
// Looks up the key first (409 fold/key_reused for another body), then asks the domain. A write with `prior` that the
// domain refuses is never lost: sales, refunds and stock movements that have physically happened are taken and flagged
// where that can be told (6.2), else a WriteListed event is returned (8.3, 6.4).
// A write that was re-admitted (6.1) and cannot be taken is refused: its caller lists it with its entry (TailListed).
// One with `prior` from before `writes_forgotten_to` may have been taken and forgotten: it is for a person.
// Errors: fold/key_reused, fold/bad_key (all zeros), fold/not_here, fold/unknown_held, fold/held_changed,
//         fold/unknown_listed,
//         fold/reason_needed, fold/bad_text, fold/waits (a re-submitted refund whose sale has not come back yet (8.3):
//         send it again, 503), fold/too_old (re-admitted, and its key may be forgotten), and those of the domains.
Result<Decided> decide(const State& state, const DecideContext& context, const WriteRequest& request);
// What the client is told, from the event and where it stands.
Taken taken(const State& state, const Event& event, std::uint32_t epoch, EntryIndex index, bool duplicate);

// ---- applying: it has happened.
// Applies an event of this site's own journal; index: of its last entry, if it came in Parts. PeerFollowed and
// PeerSucceeded read the peers' entries they name; if those cannot be read, nothing of this event is applied and the
// error is returned (replay stops: the journal cannot be folded). A peer's old origin is followed to the kept size,
// with what is to be held, before PeerSucceeded names it.
// Errors: fold/wrong_journal: it does not begin with EpochOpened, or is another site's, or an older epoch; and those of
//         peers.
Status apply(State& state, EntryIndex index, const Event& event, const PeerEntries& peers);

// Protocol 7.3: what a follower's fold makes of a peer's event (of PeerFollowed itself: nothing).
enum class Use : std::uint8_t {
  none,
  of_trade,  // it moves stock and totals, as every sale does; nobody waits for it
  at_once,
};
Use use_by_followers(const Body& body);
// Of the peer's entries [part.size, size): to where this version can follow, which is less than `size` before a kind
// that it does not know (7.5), or where `beyond_max` are full; and of those the indices that exceed a bound here (7.6),
// which are all that list products, if the peer is no head office. Pure.
struct Followable {
  std::uint64_t size = 0;
  std::vector<EntryIndex> beyond;
};
// Of one PeerFollowed, so that it fits a message, however many a thief lists: else nobody gets past it in our journal.
inline constexpr std::size_t beyond_an_event_max = 10'000;
Result<Followable> followable(const State& state, const SiteName& peer, const Origin& origin, std::uint64_t size,
                              const chain::ChainFile& chain, const PeerEntries& peers,
                              std::size_t beyond_max = beyond_an_event_max);
// 7.5: of a part that stopped at a kind that an older version did not know: whether this one knows it, looking no
// further than `size`.
bool can_follow_on(const PeerPart& part, std::uint64_t size, const PeerEntries& peers);

}  // namespace holdfast::fold
