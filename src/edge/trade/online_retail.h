// The Online Retail data set as trade: what each invoice is, and the writes that say so.
//
// Shape:  columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country, in any
//         order. An invoice is the rows of one InvoiceNo wherever they stand in the file, in their order.
//           number of digits alone    rows with quantity > 0 are one sale, one line a row, duplicates included;
//                                     rows with quantity < 0 and price 0 are write-offs, one each, Description as
//                                     reason; an invoice of price-0 rows without any customer is goods found: one stock
//                                     receipt a row, Description as reference (the mirror of a write-off).
//           C + digits                one refund without receipt; every quantity is negative.
//           A + digits                bad debt: an adjustment of the books, in which nothing is sold; refused.
//         Whatever fits none of these is refused with a reason. Prices are taken as gross, with the VAT code given.
// Units:  sums of quantity × price are in milliardths (1e-9) of the currency: thousandths × millionths.
// Source: ../shared/data/README.md (Daqing Chen, 2015, DOI 10.24432/C5BW33).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "edge/trade/csv.h"
#include "edge/trade/node.h"

namespace holdfast::trade {

struct RetailColumns {
  std::size_t invoice = 0, code = 0, description = 0, quantity = 0, date = 0, price = 0, customer = 0, width = 0;
};
Result<RetailColumns> retail_columns(const std::vector<std::string>& header);  // trade/bad_header

struct RetailRow {
  std::uint64_t line = 0;
  std::string invoice, code, description;
  Quantity quantity;
  std::string at;  // RFC 3339; the file's times carry no zone and are taken as UTC
  UnitPrice price;
  bool has_customer = false;
  std::vector<std::string> fields;  // as they came, for the refused file
};
// The row, or the reason why it is none (for the refused file).
std::expected<RetailRow, std::string> retail_row(const RetailColumns& at, const CsvRecord& record);

enum class RowKind { sale, refund, write_off, receipt };
inline constexpr std::size_t row_kinds = 4;
std::string_view to_text(RowKind kind);

struct RetailWrite {
  RowKind kind = RowKind::sale;
  std::vector<const RetailRow*> rows;  // in the order of the event's lines
  Money total;                         // of the event; refunds positive
  std::string json;
};
struct RefusedRow {
  const RetailRow* row = nullptr;
  std::string kind, reason;
};
struct Mapped {
  std::vector<RetailWrite> writes;
  std::vector<RefusedRow> refused;
};
struct MapOptions {
  TillId till;
  std::string vat = "S";
  int currency_decimals = 2;
  std::set<std::string> unlisted;            // codes that head office refused to list: sold by open price
  std::map<std::string, std::string> names;  // code -> name, for those
};
// What one invoice becomes. Same rows, same writes: keys are derived from the invoice number and the kind.
Mapped map_invoice(const std::vector<RetailRow>& rows, const MapOptions& options);

// POST, M, DOT and the like: no goods, no stock.
bool is_service(std::string_view code);

// The catalogue that the trade itself implies: for each code its first description that is not empty and its first
// price that is not 0.
class RetailCatalogue {
 public:
  void see(const RetailRow& row);
  std::vector<Product> products(const std::string& vat) const;
  std::map<std::string, std::string> names() const;

 private:
  struct Seen {
    std::string name;
    UnitPrice price;
  };
  std::map<std::string, Seen> seen_;
};

using MilliardthSum = __int128;
MilliardthSum extended(const RetailRow& row);        // quantity × price, exactly
std::string to_text_milliardths(MilliardthSum sum);  // shortest exact decimal

}  // namespace holdfast::trade
