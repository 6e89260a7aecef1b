// What passes between sites, typed; and its bytes.
//
// Errors: sync/bad_message: not a message of ours, or a field out of its bounds; says which. Nothing of it is used.
// Source: schema/links.fbs; protocol 3-5.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/values.h"
#include "core/base/world.h"
#include "core/journal/note.h"

namespace holdfast::sync {

struct Hello {
  std::string chain;
  SiteName site;
  std::uint32_t epoch = 0;
  std::string certificate;   // until its epoch is registered: of a machine being rebuilt, a spare; else empty
  std::string registration;  // of this epoch; empty for epoch 1
};
struct Superseded {
  std::string registration;
};
struct Ask {
  SiteName site;
};
struct Seal {
  std::string certificate;
  std::string registration = {};  // a spare's; else empty
};
struct Heartbeat {
  Origin origin;
  std::uint64_t size = 0;
  std::uint64_t cosigned_size = 0;
  Instant at;
  bool trading = true;
  std::optional<Signature> signature;
};
struct HeldEpoch {
  Origin origin;
  std::uint64_t size = 0;
  std::string note;                    // the newest checkpoint held; empty: none
  Instant heard_at;                    // in the teller's clock; 0: not since it started
  std::string cosigned = {};           // the newest checkpoint held that has its quorum of cosignatures; empty: none
  std::optional<Heartbeat> beat = {};  // of the largest size that was heard of its owner, signed; nullopt: none
};
struct Known {
  SiteName site;
  std::vector<HeldEpoch> held;
  std::vector<std::string> registrations;
  std::vector<std::string> seals;
  std::uint32_t sealed_for = 0;  // answer to Seal: the epoch below which all is sealed; 0: answer to Ask
};
struct Register {
  std::string registration;
};
struct Registered {
  SiteName site;
  std::uint32_t epoch = 0;
  std::optional<journal::NoteSignature> witness = {};  // of a spare's registration
};
struct Have {
  Origin origin;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;
};
struct Entries {
  Origin origin;
  EntryIndex first = 0;
  std::vector<Bytes> entries;
  std::string note;
};
struct Offer {
  std::string note;
};
struct Cosignature {
  Origin origin;
  std::uint64_t size = 0;
  journal::NoteSignature signature;
};
struct Cosigned {
  std::string note;
};
struct Gossip {
  std::string note;
};
struct Tail {
  Origin origin;
  EntryIndex first = 0;
  std::vector<Bytes> entries;
  std::optional<Signature> signature;
  std::string note;
};
struct TailTaken {
  Origin origin;
  EntryIndex first = 0;
  std::uint64_t count = 0;
  bool operator==(const TailTaken&) const = default;
};
struct Refused {
  std::string what;
  std::string reason;
};

struct SpareHave {
  Origin origin;
  std::uint64_t size = 0;
  Hash root{};
  std::string note = {};  // the newest checkpoint held
};
struct SpareEntries {
  Origin origin;
  EntryIndex first = 0;
  std::vector<Bytes> entries;
  std::optional<Signature> signature;  // over tail_text of the same entries
  std::string note;
};
struct SpareDiffers {
  Origin origin;
};
struct SpareCredentials {
  Bytes box;
};
inline constexpr std::size_t message_items_max = 100'000;  // entries of one message, notes of one answer
// What entries may be in one message, its note and its frame set aside. Whoever takes a piece must be able to give it
// on.
class PieceRoom {
 public:
  bool take(std::size_t entry_bytes) {
    const std::size_t takes = entry_bytes + 32;  // a table, its place, a length, padding
    if (takes > bytes_ || items_ == 0) return false;
    bytes_ -= takes;
    --items_;
    return true;
  }

 private:
  std::size_t bytes_ = message_bytes_max - (128u << 10), items_ = message_items_max;
};
inline constexpr std::size_t credentials_box_bytes_max = 6u << 20;
struct SpareParcel {
  Bytes body;
};
inline constexpr std::size_t parcel_bytes_max = 64u << 10;
struct Missing {
  Origin origin;
  EntryIndex first = 0;
  EntryIndex end = 0;  // exclusive
};
struct Found {
  Origin origin;
  EntryIndex first = 0;
  std::vector<Bytes> entries;
};

using Message = std::variant<Hello, Superseded, Ask, Seal, Known, Register, Registered, Have, Entries, Offer,
                             Cosignature, Cosigned, Gossip, Heartbeat, Tail, TailTaken, Refused, SpareHave,
                             SpareEntries, SpareDiffers, SpareCredentials, SpareParcel, Missing, Found>;

Bytes encode(const Message& message);
Result<Message> decode(ByteView bytes);

// What the owner signs in a heartbeat, and the old machine over its tail.
Bytes heartbeat_text(const Heartbeat& heartbeat);
Bytes tail_text(const Tail& tail);

}  // namespace holdfast::sync
