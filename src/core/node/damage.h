// What a node and a spare tell of the journals on their disks alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/journal/log.h"
#include "core/node/node.h"

namespace holdfast::node {

// Their holes, at most damage_told_max.
std::vector<DamageView> damage_of(std::span<journal::Log* const> logs);
// Why the store of this site cannot be opened with these journals (protocol 13.116), for people; empty: it can.
std::string why_not_to_open(const SiteName& site, std::span<journal::Log* const> logs);

}  // namespace holdfast::node
