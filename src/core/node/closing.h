// An epoch that ended (protocol 5.2, 10.1): which one continues it, what that one kept, and who signs its last
// checkpoint. The old key signed what the old machine signed; where its successor kept more, the successor has said so
// in its registration, and may sign that one size.
#pragma once

#include <optional>

#include "core/sync/keyring.h"
#include "core/sync/messages.h"
#include "core/sync/replica.h"

namespace holdfast::node {

// The registration that continues this origin: of those that name it, the one that the newest epoch rests on, because
// one of which nothing was stored is passed over by the next (5.4); else the highest, because one that stayed short of
// q is overtaken by a higher number. Null: none is known. Valid until the ring changes.
const chain::Registration* successor_in(const sync::KeyRing& keys, const Origin& origin);
// How much of an ended epoch the newest one rests on: none of one that it passes over (5.4), for a clean point in an
// older epoch say, if its key counts. nullopt: nobody here knows what went on from it.
std::optional<std::uint64_t> kept_of(const sync::KeyRing& keys, const Origin& origin);
// The successor's key, if these entries end at exactly the size and root that it kept, under its signature.
std::optional<PublicKey> closing_key(const sync::KeyRing& keys, const sync::Entries& entries);
// Whether a copy of the ended epoch holds another history than its successor kept; a promoted spare's differs from
// nobody's. nullopt: it cannot be told yet, because the copy is shorter or has a hole, which is mended first.
Result<std::optional<bool>> differs_from_kept(sync::Replica& copy, const chain::Registration& next);

}  // namespace holdfast::node
