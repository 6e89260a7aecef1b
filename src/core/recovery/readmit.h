// Taking in what another branch of this site's history wrote: tails (protocol 5.3) and what was set aside at a start
// (3.2).
//
// Shape:  readmission() turns an event into the write that asked for it, under its own idempotency key, with the
//         receipt it was printed with, marked as re-admitted; so "already there" means done (6.1). A line of a sale
//         keeps its VAT rate, its name, and whether it is goods. Events that no client asked for (starts, follows,
//         seals) have nothing to take in: the new epoch makes its own.
// Source: protocol 6.
#pragma once

#include <optional>
#include <vector>

#include "core/fold/state.h"
#include "core/journal/log.h"
#include "core/sync/messages.h"

namespace holdfast::recovery {

std::optional<fold::WriteRequest> readmission(const fold::Event& event, const Origin& stood_in, EntryIndex at);
// For what the fold refuses to take in (6.4). Its id is of the place and of what stands there: the same each time, so
// that it is listed once, and another for a second history of that place, so that neither hides the other.
fold::TailListed list_entry(const Origin& origin, EntryIndex at, const std::string& reason, ByteView entry);

// Of one event, in all its entries: what stands in one message between sites, and in a list beside its reason.
inline constexpr std::size_t tail_event_bytes_max = message_bytes_max / 4 * 3;

// Whether it goes on with an event in parts: what ends before it ends amid that event.
bool is_later_part(ByteView entry);

// The next message of a tail: entries from the first at or behind `first` that can be read, to before `end` or what
// cannot be; unsigned. Of about 1 MiB; of up to 6 where an event's parts go on, which only together can be taken in.
// Where one begins decides where the next does, so everybody is given the same pieces. nullopt: there is none.
Result<std::optional<sync::Tail>> next_piece(journal::Log& log, EntryIndex first, EntryIndex end);

// A tail as relayed is a file below tails/; its name is where it belongs.
std::string tail_path(const sync::Tail& tail);

}  // namespace holdfast::recovery
