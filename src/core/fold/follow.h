// Folding what peers' journals say (protocol 7): used by apply() and followable(), and by who is to know where a fold
// would end.
#pragma once

#include "core/fold/state.h"

namespace holdfast::fold {

// Where a scan ended: before an event that is not whole yet, or of a kind that this version does not know.
struct ScanEnd {
  std::uint64_t size = 0;
  bool needs_newer_version = false;
};
// Hands over, in order, each event of entries [first, end) that a follower's fold uses, with the index of its last
// entry, until `use` says false: behind that one it ends. Entries that are no events are skipped (7.5).
Result<ScanEnd> scan_events(const PeerEntries& peers, const Origin& origin, EntryIndex first, EntryIndex end,
                            const std::function<bool(EntryIndex, Event&&)>& use);

// One event of the peer's journal, taken into its part; an event that breaks a rule changes nothing. From `hold_from`
// on each price list waits for a person.
void apply_to_part(PeerPart& part, EntryIndex index, const Event& event, EntryIndex hold_from = UINT64_MAX);

Status apply(State& state, EntryIndex index, const PeerFollowed& event, const PeerEntries& peers);
// Receipts here that rested on what the new epoch does not keep go on the list for a person, as one item (7.4).
Status apply(State& state, EntryIndex index, const PeerSucceeded& event, Instant at, const PeerEntries& peers);
void apply(State& state, const PeerEntryAccepted& event);
// By this who accepts says what he has seen: the entry may lose products to a later one, or wait whole again (7.4).
Hash hash_of(const catalogue::ProductsListed& waiting);
// The entry that waits, of the origin followed now or of a kept prefix; null: none.
const catalogue::ProductsListed* find_held(const State& state, const EntryRef& entry);

// Shared with the fold of this site's own journal: what a trade event does to the stock.
void move_stock(stock::StockState& stock, const till::SaleRecorded& event);
void move_stock(stock::StockState& stock, const till::RefundRecorded& event);
void move_stock(stock::StockState& stock, const till::RefundWithoutReceipt& event);

}  // namespace holdfast::fold
