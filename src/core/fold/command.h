// Everything a client may ask for, typed, and what it gets. Edge makes these from JSON; recovery makes them from tails.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/fold/event.h"

namespace holdfast::fold {

struct AcceptHeld {
  EntryRef entry;
  Hash products{};  // hash_of() what was shown of it; zero: whatever waits
};
struct CloseListed {
  ListedId id;
  std::string note;
};
struct ReadSubject {
  SubjectId subject;
  std::string reason;
};
using Command =
    std::variant<till::RecordSale, till::Refund, till::RefundNoReceipt, stock::Receive, stock::WriteOff, stock::Count,
                 stock::Dispatch, stock::ReceiveDispatch, catalogue::ListProducts, catalogue::DelistProduct, AcceptHeld,
                 CloseListed, ReadSubject, feed::TakeFile, stock::Feed, feed::FeedOrders, incident::OpenIncident,
                 incident::NoteIncident, incident::SetTask, incident::JoinIncidents, incident::CloseIncident,
                 incident::StepRejoin, standby::Begin, standby::TakeOver, standby::Resume, standby::MakeHandback,
                 standby::ConfirmHandback>;

// One write of a batch, already authenticated.
struct WriteRequest {
  TillId till;  // 0: a person's session or the command line
  IdempotencyKey key;
  SubjectId staff;
  std::optional<Prior> prior;                    // re-submission (8.2) or re-admission (6.1)
  std::optional<ReceiptNumber> printed_receipt;  // with prior, where there was a receipt
  Command command;
  std::optional<Hash> known_request;  // re-admission: the hash that the tail's event carries; else it is computed
  std::string body;                   // the request as it came, for the list (6.4); may be empty
  // When it was asked for, by the till's or an import's clock; later than now counts as now. With prior: unused.
  std::optional<Instant> at = {};
  // Whoever sends it may not do this, and says (by prior) that it has happened: taken, and put before a person (6.2).
  bool lacks_role = false;
};
// Protocol 6.2: goods have moved or money has, whoever may have done it.
bool has_physically_happened(const Command& command);
// SHA-256 of the canonical request: a fixed binary form of (till, staff, command); not of key, prior, time or JSON
// spelling.
Hash request_hash(const WriteRequest& request);

struct Flags {
  bool open_price = false, price_differs = false, below_zero = false, renumbered = false, resubmitted = false,
       readmitted = false, rung_alone = false;
  bool operator==(const Flags&) const = default;
};
// What a client is told of a write that was taken; the same again for each retry.
struct Taken {
  bool duplicate = false;  // it was taken before
  bool listed = false;     // it went on the list for a person
  Origin origin;
  EntryIndex index = 0;
  Instant at;
  std::optional<ReceiptNumber> receipt;
  std::optional<Money> total;
  Flags flags;
};

}  // namespace holdfast::fold
