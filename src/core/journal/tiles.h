// A journal as a standard C2SP tlog-tiles tree, and back.
//
// Shape:  under `into`/: "checkpoint" (the note), "tile/<L>/<N>[.p/<W>]", "tile/entries/<N>[.p/<W>]", exactly as a
//         static tlog-tiles server would serve them. Full tiles are written once; the checkpoint is written last, so
//         that an export that was cut short still holds the earlier one. Partial tiles of earlier checkpoints stay, as
//         the standard asks.
// Errors: journal/no_checkpoint: nothing signed yet. journal/bad_note: the note is not a checkpoint of this journal.
//         journal/bad_tiles: import found a hash, bundle or root that does not hold, nothing was taken in; or `into`
//         holds another journal, or more of this one. What the disks report.
// Source: C2SP tlog-tiles.
#pragma once

#include "core/journal/log.h"

namespace holdfast::journal {

struct ExportResult {
  std::uint64_t size = 0;   // of the checkpoint exported
  std::uint64_t files = 0;  // written
};
// Writes the tree of `note` (a checkpoint of this log) below `into`, which must be empty or hold an earlier export.
Result<ExportResult> export_tiles(Log& log, std::string_view note, Disk& into_disk, std::string_view into);
// Reads such a tree, checks every leaf, every tile and the root, and appends all of it to an empty log, with its
// checkpoint stored. Returns its size. The note's signature is the caller's to verify. What was interrupted goes on: a
// log without a checkpoint may hold the tree's first entries already.
Result<std::uint64_t> import_tiles(Disk& from_disk, std::string_view from, Log& log);

// "tile/0/x001/x234/067.p/112"; level nullopt: "tile/entries/…". width: 1..256, 256 is a full tile.
std::string tile_path(std::optional<unsigned> level, std::uint64_t n, std::uint64_t width);

}  // namespace holdfast::journal
