// Till: sales, refunds, receipts, VAT.
//
// Shape:  a receipt is (till, series, n), n from 1 without gap within its (till, series); a series is opened by
//         NodeStarted and shared by all tills of the site (protocol 3.1, 8.4). A re-submitted sale keeps the number it
//         was printed with, where that number is free; otherwise it gets a new one and the flag renumbered.
// Errors: till/bad_line, till/bad_tender, till/tender_mismatch (says both sums), till/wrong_vat, till/unknown_sku (not
//         listed and no open price given), till/unknown_receipt, till/refund_too_much (says what is left),
//         till/reason_needed, till/card_number (a text field holds what looks like a card number: promise 9),
//         till/no_till, till/not_started (no series opened yet: try again), base/overflow, till/bad_snapshot.
// Source: VAT is inside the gross price; by line, half rounded up. ISO/IEC 7812-1 (Luhn) for the card number check.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::till {

inline constexpr std::string_view bad_line = "till/bad_line";
inline constexpr std::size_t lines_max = 5000;
inline constexpr std::size_t tenders_max = 20;
inline constexpr std::size_t text_bytes_max = 500;
inline constexpr std::size_t name_bytes_max = 200;
inline constexpr std::uint64_t receipt_n_max = 1'000'000'000'000;
inline constexpr std::uint64_t series_bits_max = (1ull << 40) - 1;

enum class TenderKind : std::uint8_t { cash, card };
enum class CardResult : std::uint8_t { approved, declined };
struct Tender {
  TenderKind kind = TenderKind::cash;
  Money amount;
  std::string token;   // of the third party's terminal; never a card number
  std::string masked;  // "**** 1234"
  CardResult result = CardResult::approved;
  bool operator==(const Tender&) const = default;
};

// What a line's entry says of it and no till tells: the rate that was charged, and whether stock moved.
struct Recorded {
  std::int64_t vat_millionths = 0;
  bool goods = true;
};
// A line as asked for.
struct AskedLine {
  Sku sku;
  Quantity quantity;     // > 0
  UnitPrice unit_price;  // what the till showed and the customer pays; >= 0
  VatCode vat;
  std::string name;  // needed for an open price
  bool open_price = false;
  // Of a line that is re-admitted from its entry (protocol 6.1): these stand, and its name, whatever counts today. No
  // client can say so.
  std::optional<Recorded> recorded = {};
};
// What head office has listed for its SKU, looked up by fold; nullopt: nothing.
struct PriceInfo {
  UnitPrice unit_price;
  VatCode vat;
  std::string name;
  bool goods = true;
  std::uint32_t listed_epoch = 0;  // of the catalogue entry
  std::uint64_t listed_at = 0;     // 1 + its index
};
// VAT rate of each code, from the chain file.
using VatRates = std::map<VatCode, std::int64_t>;

// Commands
struct RecordSale {
  TillId till;
  std::vector<AskedLine> lines;
  std::vector<Tender> tenders;
  Money change;
};
struct AskedRefundLine {
  std::uint32_t line = 0;  // position on the receipt, from 0
  Quantity quantity;
};
struct Refund {
  TillId till;
  ReceiptNumber of;
  std::vector<AskedRefundLine> lines;
  std::vector<Tender> tenders;  // what is paid out, positive
  std::string reason;           // may be empty
};
struct RefundNoReceipt {
  TillId till;
  std::vector<AskedLine> lines;
  std::vector<Tender> tenders;
  std::string reason;  // needed
};

// Events
struct SaleLine {
  Sku sku;
  Quantity quantity;
  UnitPrice unit_price;
  VatCode vat;
  std::int64_t vat_millionths = 0;
  Money amount;      // gross
  Money vat_amount;  // contained in it
  std::string name;
  bool open_price = false;
  bool price_differs = false;
  bool goods = true;
  std::uint32_t listed_epoch = 0;
  std::uint64_t listed_at = 0;
  bool operator==(const SaleLine&) const = default;
};
struct SaleRecorded {
  ReceiptNumber receipt;
  std::vector<SaleLine> lines;
  std::vector<Tender> tenders;
  Money change;
  Money total;
  bool operator==(const SaleRecorded&) const = default;
};
struct RefundLine {
  std::uint32_t line = 0;
  Quantity quantity;
  Money amount;
  Money vat_amount;
  Sku sku;
  VatCode vat;
  bool goods = true;
  bool operator==(const RefundLine&) const = default;
};
struct RefundRecorded {
  ReceiptNumber receipt;
  ReceiptNumber of;
  std::vector<RefundLine> lines;
  std::vector<Tender> tenders;
  Money total;
  std::string reason;
  bool operator==(const RefundRecorded&) const = default;
};
struct RefundWithoutReceipt {
  ReceiptNumber receipt;
  std::vector<SaleLine> lines;
  std::vector<Tender> tenders;
  Money total;
  std::string reason;
  bool operator==(const RefundWithoutReceipt&) const = default;
};

// Where a receipt's entry stands: this site's journal of that epoch. And the newest catalogue entry that its prices
// rest on (protocol 7.4), as its lines tell it: whatever a succession drops, it drops the newest.
struct ReceiptPlace {
  std::uint32_t epoch = 0;
  std::uint32_t listed_epoch = 0;
  EntryIndex index = 0;
  std::uint64_t listed_at = 0;
  bool operator==(const ReceiptPlace&) const = default;
};
struct Series {
  std::uint64_t next = 1;                          // for new receipts
  std::map<std::uint64_t, ReceiptPlace> receipts;  // by n; a re-submission may come out of order
  bool operator==(const Series&) const = default;
};

// Sums of one site, here or followed; nothing that names a person.
struct MinuteSales {
  std::uint64_t count = 0;
  Money gross;
  bool operator==(const MinuteSales&) const = default;
};
struct VatSum {
  Money gross;
  Money vat;
  bool operator==(const VatSum&) const = default;
};
struct Totals {
  std::uint64_t sales = 0, refunds = 0, refunds_without_receipt = 0;
  Money gross;  // sales - refunds
  std::map<VatCode, VatSum> by_vat;
  Money cash, card;                             // received - paid out, change taken off
  Quantity units;                               // goods sold - taken back
  std::map<std::int64_t, MinuteSales> minutes;  // by unix minute; the newest 120
  std::map<std::int64_t, MinuteSales> days;     // by unix day, UTC; the newest 400
  std::map<std::int64_t, MinuteSales> hours;    // by unix hour; the newest 1,512 with trade: nine weeks or more
  void encode(Writer& out) const;
  static Result<Totals> decode(Reader& in);
  bool operator==(const Totals&) const = default;
};

struct TillState {
  SeriesId series;  // current; set by NodeStarted
  std::map<std::pair<TillId, SeriesId>, Series> receipts;
  std::map<ReceiptNumber, std::map<std::uint32_t, Quantity>> refunded;  // per line, only receipts with refunds
  Totals totals;

  const ReceiptPlace* find(const ReceiptNumber& receipt) const;
  void encode(Writer& out) const;
  static Result<TillState> decode(Reader& in);
  bool operator==(const TillState&) const = default;
};

// The number a write gets: `printed` where it is free (a re-submission), else the next of the current series.
struct Numbering {
  std::optional<ReceiptNumber> printed;
  int currency_decimals = 2;
  // It has happened (protocol 6.2): what was listed since, and what was refunded since, refuses nothing any more. Only
  // what its event cannot express is refused.
  bool happened = false;
};
// prices: parallel to command.lines.
Result<SaleRecorded> decide(const TillState& state, const RecordSale& command, const Numbering& numbering,
                            const VatRates& vat, const std::vector<std::optional<PriceInfo>>& prices);
// original: the sale the receipt names, read from the journal.
Result<RefundRecorded> decide(const TillState& state, const Refund& command, const Numbering& numbering,
                              const SaleRecorded& original);
Result<RefundWithoutReceipt> decide(const TillState& state, const RefundNoReceipt& command, const Numbering& numbering,
                                    const VatRates& vat, const std::vector<std::optional<PriceInfo>>& prices);

// What every event must be, whoever wrote it: ranges, names, and the sums (total of the lines, tenders less change, VAT
// within its amount); till/bad_line, till/bad_tender, till/tender_mismatch.
Status check_event(const SaleRecorded& event);
Status check_event(const RefundRecorded& event);
Status check_event(const RefundWithoutReceipt& event);

// A number that is taken keeps its first receipt.
void apply(TillState& state, const SaleRecorded& event, Instant at, ReceiptPlace place);
void apply(TillState& state, const RefundRecorded& event, Instant at, ReceiptPlace place);
void apply(TillState& state, const RefundWithoutReceipt& event, Instant at, ReceiptPlace place);
void apply(Totals& totals, const SaleRecorded& event, Instant at);
void apply(Totals& totals, const RefundRecorded& event, Instant at);
void apply(Totals& totals, const RefundWithoutReceipt& event, Instant at);

// 13-19 digits that pass Luhn, alone or as whole groups with blanks, dots or hyphens between.
bool looks_like_card_number(std::string_view text);
// Stricter, for what a person typed and for names: dots count for nothing, wherever they stand.
bool free_text_holds_card_number(std::string_view text);
// till/card_number if a text of the command holds one, or a masked number shows more than its last 4 digits.
Status check_card_numbers(const RecordSale& command);
Status check_card_numbers(const Refund& command);
Status check_card_numbers(const RefundNoReceipt& command);
Status check_card_number(std::string_view text, std::string_view what);
// Numbers below a series' highest that no receipt holds (protocol 8.4); at most `limit` named.
std::vector<ReceiptNumber> gaps(const TillState& state, std::size_t limit);

}  // namespace holdfast::till
