// One export, read whole and checked before anything is written: what it says for this site, and which rows say
// nothing.
//
// Shape:  the file is streamed once; only what is this site's is kept, so a file of all locations costs no more memory
//         than one location. Refused rows stand in a file beside it (or in the data directory, where that cannot be).
// Errors: trade/bad_header, trade/no_file, trade/bad_zstd, trade/too_large, and feed/broken: it cannot be what it
//         should be (no row could be taken; neither this site's location is in it nor are all that are known; more
//         items than FeedLimits). feed/changed: it was written to while it was read; wait.
// After:  no error has changed anything but the file of refused rows.
#pragma once

#include "edge/trade/rows.h"

namespace holdfast::trade {

// What one file may hold; beyond, it is broken. Whoever may write into the folder may write anything there.
struct FeedLimits {
  std::size_t items = 5'000'000;     // products; levels of this site; or orders with their lines
  std::uint64_t bytes = 8ull << 30;  // unpacked
};
// What the reader has to know of this site.
struct FeedSite {
  About about;
  std::set<std::string> sites;  // of the chain
  std::string customer_key;     // 32 bytes
  Mapping mapping;
  FeedLimits limits = {};
};

struct FeedFile {
  std::string path, name;
  feed::Kind kind = feed::Kind::catalogue;
  std::string format, stream;
  bool whole = false;
  bool is_elsewhere = false;  // nothing of it is for this site: another kind of site takes it, or it names others alone
  Hash sha256{};
  Instant as_of;  // when the file was last written
  std::uint64_t rows = 0, refused = 0, skipped = 0;
  std::map<std::string, std::uint64_t> reasons;  // kind of reason -> rows
  bool is_cut_off = false;                       // ends in the middle of a row
  bool is_unended = false;               // its last line has no line end: it may be cut off in that line's last field,
  std::optional<std::string> last_item;  // and this is the SKU or order number that the line is of, if it was taken
  std::uint64_t nameless = 0;            // refused rows of which nobody can tell the product or order: it may be any
  bool is_of_several_rows = false;       // an order is, a level may be: one row less makes it wrong
  // What it says, one of these by its kind.
  std::vector<Product> products;
  std::vector<Level> levels;
  std::vector<FedOrder> orders;
  std::set<std::string> unclear;             // SKUs or order numbers whose row was refused: what is known of them stays
  std::vector<std::uint64_t> product_lines;  // where each product stands
  std::string refused_path;
  std::optional<RefusedFile> refused_rows;  // open, until close_refused()

  // What it does not name is no more, where it is whole. A refused row may have named it.
  bool says_is_gone(const std::string& item) const { return whole && nameless == 0 && !unclear.contains(item); }
  std::size_t taken() const { return products.size() + levels.size() + orders.size(); }
};

// Takes back what a line that is not ended says: what is known of its item stays as it was.
void doubt_last_line(FeedFile& file);
// Puts the file of refused rows in place, or takes an older one away; its path, empty if no row was refused.
Result<std::string> close_refused(FeedFile& file);
// The kind of a file, from its header alone.
Result<feed::Kind> peek_kind(const std::string& path, const FileRule& rule);
// Reads it whole. spare_folder: where refused rows go if the file's own folder cannot be written to.
Result<FeedFile> read_feed_file(const std::string& path, const FeedSite& site, const std::string& spare_folder);
// The SHA-256 of a file, as read_feed_file() gives it; trade/no_file.
Result<Hash> hash_feed_file(const std::string& path);
// "8 of 20 rows refused: 5 spoilt barcode, 3 bad price"; for people.
std::string reasons_text(const FeedFile& file);
// What of a file that was taken stays as it was, and why, in sentences with a blank before each; empty: nothing.
std::string kept_text(const FeedFile& file);

}  // namespace holdfast::trade
