// Taking in what another branch of this site's history wrote: tails (protocol 5.3) and what was set aside at a start
// (3.2).
//
// Shape:  readmission() turns an event into the write that asked for it, under its own idempotency key, with the
//         receipt it was printed with, marked as re-admitted; so "already there" means done (6.1). Events that no
//         client asked for (starts, follows, seals) have nothing to take in: the new epoch makes its own.
// Source: protocol 6.
#pragma once

#include <optional>
#include <vector>

#include "core/fold/state.h"
#include "core/sync/messages.h"

namespace holdfast::recovery {

std::optional<fold::WriteRequest> readmission(const fold::Event& event, const Origin& stood_in, EntryIndex at);
// The id under which an entry of a tail is listed; the same each time, so that it is listed once.
fold::ListedId listed_id(const Origin& origin, EntryIndex at);
// For what the fold refuses to take in (6.4).
fold::Event list_entry(Instant now, const Origin& origin, EntryIndex at, std::string reason, ByteView entry);

// Messages of at most about 1 MiB that carry entries [first, …) of `origin`; unsigned.
std::vector<sync::Tail> split_tail(const Origin& origin, EntryIndex first, const std::vector<Bytes>& entries);

// A tail as relayed is a file below tails/; its name is where it belongs.
std::string tail_path(const sync::Tail& tail);

}  // namespace holdfast::recovery
