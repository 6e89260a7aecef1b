// What the tests of this room share.
#pragma once

#include <cstdint>

#include "core/incident/incident.h"

namespace holdfast::incident {

template <class Id>
Id id(std::uint8_t n) {
  Id out;
  out.bytes[0] = std::byte{n};
  return out;
}

}  // namespace holdfast::incident
