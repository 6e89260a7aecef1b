// A handback: the trade since the last one, as numbered files that the old system takes in once.
//
// Shape:  files "<site>-handback-NNNN-<what>.csv", a summary and SHA256SUMS, in one directory of that name. The node's
//         journal holds their hashes, range, settings and totals (HandbackMade); from these the same bytes are written
//         again, on any machine that has the journal.
// Errors: those of trade.h, settings.h; handback/other_bytes (this version would write other bytes than the journal
//         names), handback/changed (a file that is there already is another), handback/failed (the system's reason).
// After:  a failed put_files() leaves no new directory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edge/handback/trade.h"

namespace holdfast::handback {

struct WrittenFile {
  std::string name, text;
};
struct Written {
  standby::MakeHandback made;  // as it is to be recorded, or as it was
  std::vector<WrittenFile> files;
  std::string directory;  // its name
};
std::string directory_name(std::string_view site, std::uint32_t number);
// From a range: not yet recorded. products: path of Shopify's inventory CSV; may be empty.
Result<Written> write_handback(serve::DataView& view, std::uint32_t number, EntryPlace first, EntryPlace end,
                               const std::string& settings, const std::string& products);
// What was recorded, again.
Result<Written> write_again(serve::DataView& view, const standby::MakeHandback& made);
// Into the directory `into`; true: they were there already, byte for byte.
Result<bool> put_files(const Written& written, const std::string& into);

}  // namespace holdfast::handback
