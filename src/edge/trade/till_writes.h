// The file that a till's page saves when its sales have no copy elsewhere, handed in at a node (protocol 8.1, 8.2).
//
// Shape:  JSON {format: "holdfast till writes 1", chain, site, till, made_at, writes: [...]}, oldest first; each write
//         as POST /v1/writes takes it, with its till, and with `prior` where the till had a reply. Every write keeps
//         the key under which the till knows it: handed in twice, or sent by the till as well, it is taken once.
// Errors: trade/bad_till_file: no such file, or of another chain or site, or with a write of another till; nothing was
//         sent. A write that the node refuses costs itself alone and is told with its reason; and so does one that
//         moves neither goods nor money (auth/role). One that waits at the node (a refund whose sale is not here yet)
//         is sent once more behind all others, and then told apart. Errors of Node end it; it can be run again.
#pragma once

#include <string>
#include <vector>

#include "edge/trade/node.h"

namespace holdfast::trade {

struct TillWritesReport {
  std::uint64_t writes = 0, taken = 0, known = 0;  // known: the node had them already
  struct Refusal {
    std::string key, code, detail;
  };
  std::vector<Refusal> refused;
  std::vector<Refusal> waiting;  // not taken yet: hand the file in again later
};
Result<TillWritesReport> import_till_writes(const std::string& text, Node& node);

}  // namespace holdfast::trade
