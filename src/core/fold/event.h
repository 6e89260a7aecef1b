// Every event there is, typed; and its bytes.
//
// Shape:  encode() gives one FlatBuffers Entry (schema/events.fbs), or, above 65,535 bytes, its pieces as Part entries.
//         decode() takes hostile bytes: FlatBuffers verifier, then one semantic check per event; only its typed result
//         reaches apply().
// Errors: fold/bad_entry: says which field. fold/unknown_event: the body is of a kind this version does not know
//         ("needs a newer version"); so is a RulesAdopted beyond rules_known.
// Source: protocol 1.3, 8.1, 12.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/crypto.h"
#include "core/catalogue/catalogue.h"
#include "core/feed/feed.h"
#include "core/guard/guard.h"
#include "core/incident/event.h"
#include "core/standby/standby.h"
#include "core/stock/stock.h"
#include "core/till/till.h"

namespace holdfast::fold {

struct EpochOpened {
  std::string chain;
  SiteName site;
  std::uint32_t epoch = 1;
  std::string currency;
  std::string registration;  // signed note; empty for epoch 1
  bool operator==(const EpochOpened&) const = default;
};
struct NodeStarted {
  SeriesId series;
  std::string software;
  bool operator==(const NodeStarted&) const = default;
};
struct RulesAdopted {
  std::uint32_t version = 1;
  bool operator==(const RulesAdopted&) const = default;
};
struct Part {
  std::uint32_t number = 0;
  bool last = false;
  Bytes data;
  bool operator==(const Part&) const = default;
};
struct FollowedPrefix {
  Origin origin;
  std::uint64_t size = 0;
  Hash root{};
  std::vector<EntryIndex> held;
  bool operator==(const FollowedPrefix&) const = default;
};
struct PeerFollowed {
  std::vector<FollowedPrefix> peers;
  bool operator==(const PeerFollowed&) const = default;
};
struct PeerSucceeded {
  Origin old_origin;
  std::uint64_t kept_size = 0;
  Hash kept_root{};
  Origin new_origin;
  bool operator==(const PeerSucceeded&) const = default;
};
struct PeerEntryAccepted {
  EntryRef entry;
  Hash products{};  // hash_of() what waited of it; zero in journals from before it was told
  bool operator==(const PeerEntryAccepted&) const = default;
};
struct EpochSealed {
  std::string certificate;  // signed note
  bool operator==(const EpochSealed&) const = default;
};
struct RegistrationTaken {
  std::string registration;  // signed note
  bool operator==(const RegistrationTaken&) const = default;
};
struct ContradictionSeen {
  Origin origin;
  std::string note_a, note_b;  // both signed checkpoints
  bool operator==(const ContradictionSeen&) const = default;
};
using ListedId = OpaqueId<16, struct ListedIdTag>;
struct TailListed {
  ListedId id;
  EntryRef from;
  std::string reason;
  Bytes entry;
  bool operator==(const TailListed&) const = default;
};
struct WriteListed {
  ListedId id;
  std::string reason;
  std::string body;  // the request as it came
  bool operator==(const WriteListed&) const = default;
};
struct ListedClosed {
  ListedId id;
  std::string note;
  bool operator==(const ListedClosed&) const = default;
};
struct SubjectRead {
  SubjectId subject;
  std::string reason;
  bool operator==(const SubjectRead&) const = default;
};

// Of a link of this site; the cut itself is done before it is written, and needs no journal (promise 4).
struct LinkCut {
  SiteName site;
  SubjectId by;        // zero: the machine's administrator
  bool found = false;  // at a start: the list was changed while no node ran, so when and by whom is not known
  bool operator==(const LinkCut&) const = default;
};
struct LinkHealed {
  SiteName site;
  SubjectId by;
  bool found = false;
  bool operator==(const LinkHealed&) const = default;
};

using Body =
    std::variant<EpochOpened, NodeStarted, RulesAdopted, Part, PeerFollowed, PeerSucceeded, PeerEntryAccepted,
                 EpochSealed, RegistrationTaken, ContradictionSeen, TailListed, WriteListed, ListedClosed,
                 catalogue::ProductsListed, catalogue::ProductDelisted, stock::StockReceived, stock::StockWrittenOff,
                 stock::StockCounted, stock::StockDispatched, stock::DispatchReceived, till::SaleRecorded,
                 till::RefundRecorded, till::RefundWithoutReceipt, SubjectRead, feed::FeedTaken, stock::StockFed,
                 feed::OrdersFed, guard::AlertRaised, guard::PostureChanged, incident::IncidentOpened,
                 incident::IncidentNoted, incident::TaskSet, incident::IncidentsJoined, incident::IncidentClosed,
                 LinkCut, LinkHealed, incident::RejoinStep, standby::StandbyBegun, standby::TakenOver,
                 standby::StandbyResumed, standby::HandbackMade, standby::HandbackConfirmed>;

// As epoch of a Prior: no journal had it; the till rang it while no machine of the store answered.
inline constexpr std::uint32_t rung_alone_epoch = UINT32_MAX;
// Where a write stood first: in a till's memory (re-submitted) or in a tail (re-admitted). The receipt is in the event.
struct Prior {
  Origin origin;
  EntryIndex index = 0;
  Instant at;  // as printed
  bool readmitted = false;
  std::optional<ReceiptNumber> printed = {};  // set if that number was not free any more, and the event has another
  std::string broke = {};                     // code of the rule that would have refused it, had it not happened (6.2)
  bool operator==(const Prior&) const = default;
};
struct WriteInfo {
  TillId till;
  IdempotencyKey key;
  Hash request{};  // SHA-256 of the canonical request
  SubjectId staff;
  std::optional<Prior> prior;
  bool operator==(const WriteInfo&) const = default;
};
struct Event {
  Instant at;
  std::optional<WriteInfo> write;
  Body body;
  bool operator==(const Event&) const = default;
};

inline bool was_rung_alone(const Event& event) {
  return event.write && event.write->prior && event.write->prior->origin.epoch == rung_alone_epoch;
}
std::string_view kind_name(const Body& body);  // "SaleRecorded"
// When it happened: as printed for what was sent again, else when it was written. Never after it was written.
Instant happened_at(const Event& event);
inline constexpr std::string_view bad_entry = "fold/bad_entry";
inline constexpr std::uint32_t rules_known = 1;  // the newest RulesAdopted that this version folds (protocol 12.2)

// One entry, or the Parts of one event; each <= 65,535 bytes.
// The same event gives the same bytes. What decide() and the node make is encoded as it is; decode() checks.
std::vector<Bytes> encode(const Event& event);
Bytes encode_whole(const Event& event);  // never in pieces: what stands within another event
Result<Event> decode(ByteView entry);
// The event whose last (or only) entry stands at `index`; `entry` reads one entry's bytes. fold/bad_entry if a Part is
// no last one, or those before it are not its own.
Result<Event> read_event(EntryIndex index, const std::function<Result<Bytes>(EntryIndex)>& entry);

// Joins Parts. take() gives the event when an entry completes one: every entry that is no Part at once, a Part with the
// last.
// Errors: fold/bad_entry: a Part out of order, or more than part_bytes_max in all. The pieces so far are dropped with
//         it.
inline constexpr std::size_t part_bytes_max = 64u << 20;
class Joiner {
 public:
  Result<std::optional<Event>> take(ByteView entry) { return take(decode(entry)); }
  Result<std::optional<Event>> take(Result<Event> decoded);  // what decode() said of the next entry
  bool in_the_middle() const { return !data_.empty(); }

 private:
  Bytes data_;
  std::uint32_t next_ = 0;
};

}  // namespace holdfast::fold
