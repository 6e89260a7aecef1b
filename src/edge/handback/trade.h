// The trade in a range of a site's own journals, read from the disk for a handback: what goes back, told in whole.
//
// Shape:  the journals are those that count: of an epoch that a later one succeeded, the part that it kept. What
//         belongs to the range is decided by core/standby, as the node decides it.
// Errors: those of DataView; journal/*; handback/no_sale (a refund whose sale cannot be read), handback/no_range.
// Thread: one; beside a running node (DataView).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/fold/event.h"
#include "edge/serve/data_view.h"

namespace holdfast::handback {

struct TradeLine {
  Sku sku;
  std::string name;
  Quantity quantity;
  UnitPrice unit_price;
  VatCode vat;
  std::int64_t vat_millionths = 0;
  Money amount, vat_amount;
  bool goods = true;
  std::uint32_t position = 0;  // of a refund: where it stands in its sale
};
enum class TradeKind { sale, refund, refund_no_receipt };
struct Trade {
  TradeKind kind = TradeKind::sale;
  std::string id;       // unique for ever, whatever number it was printed with: "store-01-2-<key>"
  std::string receipt;  // as printed
  std::string of;       // of a refund: the receipt it refunds, as printed
  std::string of_id;
  Instant at;  // when it happened
  std::uint32_t till = 0;
  std::string staff;
  std::vector<TradeLine> lines;
  std::vector<till::Tender> tenders;  // approved ones
  Money change, total;
  std::string reason;
  bool late = false;
  bool is_sale() const { return kind == TradeKind::sale; }
};
enum class MovementKind { received, written_off, counted, dispatched, arrived };
std::string_view to_text(MovementKind kind);
struct MovementLine {
  Sku sku;
  Quantity change;  // on hand after less before
};
struct Movement {
  MovementKind kind = MovementKind::received;
  std::string id;
  Instant at;
  std::string reference;  // supplier's paper, reason, or the other site
  std::vector<MovementLine> lines;
  bool late = false;
};
// Of one product that moved in the range. known: the old system or a count had told its level before it first moved in
// the range, or the old system told it since. What only came or went tells no level.
struct Level {
  Quantity before, after;
  bool known = false;
  std::string name;
};
// Trade or goods on the list for a person when the range ended. What is recorded is in a file, this one's or another's:
// behind a clean point each entry of the old machine is listed, also where a till has sent the same write again.
struct OnList {
  std::string what, reason;
  Instant at;
  std::string receipt;         // empty: it says none
  std::optional<Money> total;  // likewise
  std::optional<std::string> recorded =
      {};  // the same write stands in this site's journal; under which receipt, if any
};

struct Gathered {
  std::string chain, site, currency;
  int decimals = 2;
  std::uint32_t number = 0;
  EntryPlace first, end;
  std::vector<Trade> trades;
  std::vector<Movement> movements;
  std::map<Sku, Level> levels;
  standby::Counts counts;
  std::uint64_t late = 0;          // of counts: its own time lies before the handback before this one
  std::vector<OnList> on_list;     // by time
  std::vector<OnList> came_since;  // closed by a person, and then recorded in the range all the same
};
Result<Gathered> gather(serve::DataView& view, std::uint32_t number, EntryPlace first, EntryPlace end);

// The handbacks that the journals tell of, each with its settings. By number.
Result<std::map<std::uint32_t, standby::MakeHandback>> handbacks_made(serve::DataView& view);

}  // namespace holdfast::handback
