// A small file that may or may not be there.
#pragma once

#include <optional>

#include "core/base/world.h"

namespace holdfast {

// The file's bytes; nullopt where there is none.
// Errors: base/disk_failed: a file that cannot be read is not one that is not there. What it says may be what keeps a
//         link cut, or the registration of an epoch single.
inline Result<std::optional<Bytes>> read_if_there(Disk& disk, std::string_view path) {
  auto bytes = disk.read_all(path);
  if (bytes) return std::optional<Bytes>(std::move(*bytes));
  if (bytes.error().code == "base/not_found") return std::optional<Bytes>();
  return pass_on(std::move(bytes).error());
}

}  // namespace holdfast
