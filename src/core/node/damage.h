// What a node and a spare tell of the journals on their disks alike.
#pragma once

#include <span>
#include <vector>

#include "core/journal/log.h"
#include "core/node/node.h"

namespace holdfast::node {

// Their holes, at most damage_told_max.
std::vector<DamageView> damage_of(std::span<journal::Log* const> logs);

}  // namespace holdfast::node
