// Feed: what the old system said last, and how old that is. Prices and levels themselves stand where they are used
// (catalogue, stock); here stand the files they came from, and the open orders, which are kept and shown.
//
// Shape:  a *stream* is one export of the old system: its files replace one another ("products-2026-11-25.csv" and
//         "products-2026-11-26.csv" are both of the stream "products"). A kind is as old as its oldest stream; a whole
//         file stands for the kind alone and ends the other streams. An age that nobody knows is nullopt: "not yet
//         known".
// Errors: feed/bad_file, feed/bad_order (which, why), feed/older (a newer file of that stream was taken),
//         feed/too_many, feed/bad_snapshot.
// Note:   no personal data: a customer is an opaque id, made at the edge with a key that can be erased.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::feed {

inline constexpr std::size_t stream_bytes_max = 60;
inline constexpr std::size_t file_bytes_max = 200;
inline constexpr std::size_t streams_max = 100;
inline constexpr std::size_t number_bytes_max = 60;
inline constexpr std::size_t state_bytes_max = 60;
inline constexpr std::size_t orders_a_command_max = 500;
inline constexpr std::size_t lines_a_command_max = 5000;
inline constexpr std::size_t orders_max = 1'000'000;

enum class Kind : std::uint8_t { catalogue = 0, stock = 1, orders = 2 };
std::string_view to_text(Kind kind);
std::optional<Kind> kind_of(std::string_view text);

struct OrderLine {
  Sku sku;            // may be empty: the old system sells what has none
  Quantity quantity;  // > 0
  bool operator==(const OrderLine&) const = default;
};
struct Order {
  std::string number;  // the old system's
  SubjectId customer;  // all zeros: none given
  std::string state;   // in the old system's words
  Instant placed_at;   // 0: not known
  std::vector<OrderLine> lines;
  bool operator==(const Order&) const = default;
};

// Event: a file was taken, whole; written behind the last of what it changed.
struct FeedTaken {
  Kind kind = Kind::catalogue;
  std::string stream;
  std::string file;  // its name, without folder
  Hash sha256{};
  Instant as_of = {};     // what it says was true then
  bool whole = false;     // what it does not name is not there
  bool accepted = false;  // beyond a bound; a person let it in
  std::uint64_t rows = 0, refused = 0;
  std::uint64_t taken = 0;    // products, levels or orders that it holds for this site
  std::uint64_t changed = 0;  // of them, and of what it no longer names
  bool operator==(const FeedTaken&) const = default;
};
// Event: open orders, new or changed, and those that are open no more.
struct OrdersFed {
  Instant as_of;
  std::vector<Order> orders;
  std::vector<std::string> gone;
  bool operator==(const OrdersFed&) const = default;
};

// Commands
struct TakeFile {
  FeedTaken file;
};
struct FeedOrders {
  Instant as_of;
  std::vector<Order> orders;
  std::vector<std::string> gone;
};

struct Taken {
  FeedTaken file;
  Instant at;  // when it was taken
  bool operator==(const Taken&) const = default;
};
struct FeedState {
  std::map<std::pair<Kind, std::string>, Taken> streams;
  std::map<std::string, Order> orders;  // open ones, by number

  bool is_fed() const { return !streams.empty(); }
  // What was taken of this kind, its oldest stream. Null: not yet known.
  const Taken* oldest(Kind kind) const;
  std::optional<Instant> as_of(Kind kind) const;
  void encode(Writer& out) const;
  static Result<FeedState> decode(Reader& in);
  bool operator==(const FeedState&) const = default;
};

// now: an as_of beyond it becomes it.
Result<FeedTaken> decide(const FeedState& state, Instant now, const TakeFile& command);
Result<OrdersFed> decide(const FeedState& state, Instant now, const FeedOrders& command);
// What every event must be, whoever wrote it.
Status check_event(const FeedTaken& event);
Status check_event(const OrdersFed& event);
// Streams beyond streams_max and orders beyond orders_max of a hostile journal are not kept.
void apply(FeedState& state, const FeedTaken& event, Instant at);
void apply(FeedState& state, const OrdersFed& event);

}  // namespace holdfast::feed
