// Stock: what lies here, and what travels. Goods in transit are conserved: what was dispatched is in transit until the
// receiver's journal says it arrived; a difference stays visible as such.
//
// Errors: stock/bad_line, stock/reason_needed, stock/same_site, stock/unknown_site, stock/received_before,
//         stock/bad_snapshot; of fold, which knows what peers sent: stock/not_for_here,
//         stock/other_sender.
// Note:   nothing is refused for lack of stock: the shelf is right and the book is wrong. on_hand may be negative;
//         then, and after a difference, count_wanted is set until the next count.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/indexed_map.h"
#include "core/base/values.h"

namespace holdfast::stock {

inline constexpr std::size_t lines_max = 5000;
inline constexpr std::size_t text_bytes_max = 500;

struct Line {
  Sku sku;
  Quantity quantity;  // > 0; for counts >= 0
  bool operator==(const Line&) const = default;
};

// Commands
struct Receive {
  std::vector<Line> lines;
  std::string reference;  // the supplier's paper; may be empty
};
struct WriteOff {
  std::vector<Line> lines;
  std::string reason;
};
struct Count {
  std::vector<Line> lines;  // what was counted
};
struct Dispatch {
  SiteName to;
  std::vector<Line> lines;
};
struct ReceiveDispatch {
  SiteName from;
  DispatchId dispatch;
  std::vector<Line> lines;  // what really arrived
};
struct Feed {
  Instant as_of;
  std::vector<Line> lines;  // what the old system says lies here; may be negative
};

// Events
struct StockReceived {
  std::vector<Line> lines;
  std::string reference;
  bool operator==(const StockReceived&) const = default;
};
struct StockWrittenOff {
  std::vector<Line> lines;
  std::string reason;
  bool operator==(const StockWrittenOff&) const = default;
};
struct StockCounted {
  std::vector<Line> lines;
  bool operator==(const StockCounted&) const = default;
};
struct StockDispatched {
  SiteName to;
  std::vector<Line> lines;
  bool operator==(const StockDispatched&) const = default;
};
struct DispatchReceived {
  SiteName from;
  DispatchId dispatch;
  std::vector<Line> lines;
  bool operator==(const DispatchReceived&) const = default;
};

// What the old system says lies here: neither trade nor a count of ours. Movements go on from there.
struct StockFed {
  Instant as_of;
  std::vector<Line> lines;
  bool operator==(const StockFed&) const = default;
};

struct Item {
  Quantity on_hand;
  bool count_wanted = false;
  Instant level_at;  // when it was last counted, or the old system told its level; 0: never
  bool operator==(const Item&) const = default;
};
// A dispatch as its sender's journal tells it.
struct Sent {
  SiteName to;
  std::vector<Line> lines;
  Instant at;
  EntryIndex index = 0;
  bool operator==(const Sent&) const = default;
};
// A dispatch as its receiver's journal tells it.
struct Arrived {
  SiteName from;
  std::vector<Line> lines;
  Instant at;
  bool operator==(const Arrived&) const = default;
};

struct StockState {
  IndexedMap<Sku, Item> items;
  std::map<DispatchId, Sent> sent;
  std::map<DispatchId, Arrived> arrived;
  Quantity total;  // sum of on_hand, kept for reports
  // Sums over all time, for the conservation law: total = in - out.
  Quantity received, counted_up, written_off, counted_down, sold, taken_back, dispatched, arrived_units;
  Quantity fed_up, fed_down;  // what a feed set, against what stood in the book: "from the old system"

  void encode(Writer& out) const;
  static Result<StockState> decode(Reader& in);
  bool operator==(const StockState&) const = default;
};

Result<StockReceived> decide(const StockState& state, const Receive& command);
Result<StockWrittenOff> decide(const StockState& state, const WriteOff& command);
Result<StockCounted> decide(const StockState& state, const Count& command);
Result<StockDispatched> decide(const StockState& state, const SiteName& here, const Dispatch& command);
Result<DispatchReceived> decide(const StockState& state, const SiteName& here, const ReceiveDispatch& command);
// now: an as_of beyond it becomes it.
Result<StockFed> decide(const StockState& state, Instant now, const Feed& command);

// What every event must be, whoever wrote it; stock/bad_line.
Status check_event(const StockReceived& event);
Status check_event(const StockWrittenOff& event);
Status check_event(const StockCounted& event);
Status check_event(const StockDispatched& event);
Status check_event(const DispatchReceived& event);
Status check_event(const StockFed& event);

void apply(StockState& state, const StockReceived& event);
void apply(StockState& state, const StockWrittenOff& event);
void apply(StockState& state, const StockCounted& event, Instant at);
// The old system's level stands; one below zero wants a count, any other ends that wish: what was sold is in it.
void apply(StockState& state, const StockFed& event);
// A dispatch is sent once and arrives once: a second event with its id changes nothing.
void apply(StockState& state, const StockDispatched& event, const DispatchId& id, Instant at, EntryIndex index);
void apply(StockState& state, const DispatchReceived& event, Instant at);
// What moved before its level was last set is booked now: that level may have it already.
void want_count_if_set_since(StockState& state, const Sku& sku, Instant moved_at);
// What such a count found may have been moved since.
void want_count(StockState& state, const StockCounted& event);
// Products of which another quantity arrived than was sent are to be counted here.
void want_count_of_differences(StockState& state, const std::vector<Line>& sent, const std::vector<Line>& arrived);
// A site goes on from a copy that may lack what was last moved (protocol 10.1): everything is to be counted.
void want_count_of_all(StockState& state);
// A till's movement: sold (quantity > 0) or taken back (< 0). Below zero: allowed and flagged for a count.
void move_by_till(StockState& state, const Sku& sku, Quantity sold);

}  // namespace holdfast::stock
