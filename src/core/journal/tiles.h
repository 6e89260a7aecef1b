// A journal as a standard C2SP tlog-tiles tree, and back.
//
// Shape:  under `into`/: "checkpoint" (the note), "tile/<L>/<N>[.p/<W>]", "tile/entries/<N>[.p/<W>]", exactly as a static
//         tlog-tiles server would serve them.
// Errors: journal/no_checkpoint: nothing signed yet. journal/bad_tiles: import found a hash, bundle or root that does not
//         hold; nothing was taken in.
// Source: C2SP tlog-tiles.
#pragma once

#include "core/journal/log.h"

namespace holdfast::journal {

struct ExportResult {
  std::uint64_t size = 0;  // of the checkpoint exported
  std::uint64_t files = 0;
};
// Writes the tree of `note` (a checkpoint of this log) below `into`, which must be empty or hold an earlier export.
Result<ExportResult> export_tiles(Log& log, std::string_view note, Disk& into_disk, std::string_view into);
// Reads such a tree, checks every leaf and the root, and appends all of it to an empty log, with its checkpoint stored.
Result<std::uint64_t> import_tiles(Disk& from_disk, std::string_view from, Log& log);

}  // namespace holdfast::journal
