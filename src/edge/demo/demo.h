// `holdfast demo`: a whole small chain on this machine, in trade, out of nothing but this program. It can be hurt and
// healed from its chain page. `make demo` is the longer story, on real trade.
//
// Shape:  head office, warehouse and stores as processes of this program on loopback, in a directory of its own
//         (marked, emptied before and removed after). Prints where to look, and who to sign in as, as soon as the first
//         page can be loaded; then lists the catalogue, sends goods to the stores and sells, until SIGINT, SIGTERM or
//         SIGHUP.
// Errors: demo/no_pages, demo/no_trade: built without them. demo/not_ours, demo/in_use: own_directory.h. demo/failed.
// Thread: blocks its caller, which must be the program's first thread.
#pragma once

#include <string>

#include "core/base/result.h"

namespace holdfast::demo {

struct DemoSettings {
  std::string directory;  // empty: /var/tmp/holdfast-demo-<user id>
  unsigned stores = 3;    // 2 to 20
  bool keep = false;      // leave the directory behind
};
Status run_demo(const DemoSettings& settings);

}  // namespace holdfast::demo
