// What a site's data directory says while no node runs: its list of cut links, and its switch.
//
// Errors: refuse(): what cannot be read.
#pragma once

#include <algorithm>
#include <set>
#include <string>

#include "core/base/read_file.h"
#include "core/node/node.h"
#include "edge/cli/cli.h"

namespace holdfast::cli {

// links.cut, as the node reads it at its start: a site's name a line.
inline std::set<std::string> read_cut_list(Disk& disk) {
  std::set<std::string> out;
  const auto bytes = or_refuse(read_if_there(disk, "links.cut"));
  if (!bytes) return out;
  std::string_view rest = as_text(*bytes);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) out.emplace(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

// The switch beside the journal: how the next start treats links, as far as is known without reading the journal.
inline node::PostureSwitch posture_at_rest(Disk& disk) {
  const auto bytes = or_refuse(read_if_there(disk, node::posture_path));
  return bytes ? node::read_posture_switch(as_text(*bytes)) : node::PostureSwitch{guard::Posture::open, ""};
}

// A start goes by the journal, and undoes what walks around the checklist; this is so that whoever tries it is told at
// once.
inline bool is_rejoining(Disk& disk) { return posture_at_rest(disk).posture == guard::Posture::rejoining; }

}  // namespace holdfast::cli
