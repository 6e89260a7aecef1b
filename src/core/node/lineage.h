// What a journal of ours goes on from, and what its events name of others: the epochs before it, and the prefixes of
// peers that it followed (protocol 5.6, 7.2).
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/chain/chain.h"
#include "core/fold/event.h"
#include "core/journal/log.h"
#include "core/sync/replica.h"

namespace holdfast::node {

using Kept = std::pair<Origin, std::uint64_t>;  // a journal, and how much of it

// What entry 0 of an epoch after the first says that it continues. Its signatures are the caller's to verify.
// Errors: journal/damaged: it does not open an epoch, or names no earlier one; and those of reading it.
Result<chain::Registration> opening_registration(journal::Log& log);
// Older epochs that this one continues, the oldest first, and how much of each is kept.
// Errors: sync/missing_entries: not all of it is on this disk; and those of opening_registration().
Result<std::vector<Kept>> lineage(journal::Log& newest, const sync::Replicas& replicas);

bool is_missing(const Origin& origin, std::uint64_t size, const sync::Replicas& replicas);
// What an event names and is not here.
std::optional<Kept> first_missing(const fold::Event& event, const sync::Replicas& replicas);
// Of which peers this event says how far they were followed, or what was kept of them: size and root.
std::vector<fold::FollowedPrefix> prefixes_in(const fold::Event& event);

}  // namespace holdfast::node
