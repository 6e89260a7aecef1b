// What every fuzz target shares: a law that does not hold ends the run, and libFuzzer keeps the input.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace holdfast::fuzz {
inline ByteView bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}
}  // namespace holdfast::fuzz
