// `holdfast spare serve`: the store's second machine: it copies until a manager opens it with the code, and is the
// store's node from then on, in the same process and at the same HTTP address (protocol 10).
//
// Shape:  as serve(): a directory that has been promoted is served as a node's at once.
// Errors: exit codes of serve.h.
#pragma once

#include <string>

#include "edge/serve/serve.h"

namespace holdfast::serve {

struct SpareServeSettings {
  ServeSettings serve;  // `links` counts once it is promoted; empty or "none": it only dials
  std::string node;     // host:port of the store's machine; empty: the chain file's
};
int serve_spare(const SpareServeSettings& settings);

}  // namespace holdfast::serve
