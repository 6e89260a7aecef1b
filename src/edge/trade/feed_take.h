// Taking a file that was read: compared with what the node has, held against bounds, and only the difference written.
//
// Shape:  nothing is written before the whole file was read and all bounds are met; FeedTaken is written last. A key
//         names the state before, the file and the change, so that what a crash left is finished by the next run and
//         nothing is added twice.
// Bounds: a file waits for a person if it holds fewer than half of what the last one of its stream held (or, if it is
//         whole and the first, of what the node has); if more than half of its rows are refused; if it ends in the
//         middle of a row; if its last line is not ended and it is whole with fewer rows than the last one; if a
//         refused row may belong to any of its orders or levels, and these are made of several rows; or if more than
//         one known product in twenty (and at least 10) changes its price by more than the chain file's
//         price_change_percent_max.
// Errors: feed/waits: a bound; says which, and how to accept it. feed/older: a newer file of that stream was taken.
//         feed/refused: the node refused a write; its words follow. Those of Node.
// After:  an error before the first write has changed nothing. After it, what was written is true, and the rest is
//         written by the next run; the age shown stays the old one until then.
#pragma once

#include "edge/trade/feed_file.h"

namespace holdfast::trade {

struct FeedOutcome {
  bool is_known = false;      // this very file was taken before
  std::uint64_t changed = 0;  // products, levels or orders
  std::uint64_t entries = 0;  // writes that the node took
};
// is_accepted: a person let this file in though it is beyond a bound.
Result<FeedOutcome> take_feed_file(FeedFile& file, Node& node, const About& about, bool is_accepted);

}  // namespace holdfast::trade
