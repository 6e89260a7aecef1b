#include "edge/trade/online_retail.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/catalogue/catalogue.h"
#include "core/till/till.h"
#include "edge/trade/catalogue_import.h"

namespace holdfast::trade {
namespace {

constexpr std::string_view no_reason = "no reason given";

// "2010-12-01 08:26:00" as RFC 3339.
std::optional<std::string> rfc3339(std::string_view text) {
  if (text.size() != 19 || text[10] != ' ') return std::nullopt;
  std::string at(text);
  at[10] = 'T';
  at += 'Z';
  if (!parse_instant(at)) return std::nullopt;
  return at;
}

Quantity positive(Quantity quantity) {
  return {quantity.thousandths < 0 ? -quantity.thousandths : quantity.thousandths};
}

std::string reason_of(const RetailRow& row) {
  const std::string_view typed = trimmed(row.description);
  return std::string(typed.empty() ? no_reason : first_bytes(typed, till::text_bytes_max));
}

// One invoice at work.
class Mapper {
 public:
  Mapper(const std::vector<RetailRow>& rows, const MapOptions& options) : rows_(rows), options_(options) {}
  Mapped run();

 private:
  bool is_cancellation() const { return rows_.front().invoice.starts_with('C'); }
  bool is_adjustment() const { return rows_.front().invoice.starts_with('A'); }
  void add_trade(const std::vector<const RetailRow*>& rows, RowKind kind);
  void add_stock(const RetailRow& row, RowKind kind, std::size_t ordinal);
  void refuse(const RetailRow& row, std::string kind, std::string reason) {
    mapped_.refused.push_back({&row, std::move(kind), std::move(reason)});
  }
  // Sorts rows that a sale or refund cannot hold into refused; the rest come back.
  std::vector<const RetailRow*> sale_rows();
  std::string head(RowKind kind, std::string_view discriminator) const;
  std::string line_json(const RetailRow& row) const;

  const std::vector<RetailRow>& rows_;
  const MapOptions& options_;
  Mapped mapped_;
};

Mapped Mapper::run() {
  if (is_adjustment()) {
    for (const RetailRow& row : rows_)
      refuse(row, "adjustment", "The invoice begins with A: it adjusts the books for a bad debt; nothing was sold.");
    return std::move(mapped_);
  }
  const bool found = std::all_of(rows_.begin(), rows_.end(), [](const RetailRow& row) {
    return row.quantity.thousandths > 0 && row.price.millionths == 0 && !row.has_customer;
  });
  if (found && !is_cancellation()) {
    for (std::size_t i = 0; i < rows_.size(); ++i) add_stock(rows_[i], RowKind::receipt, i);
    return std::move(mapped_);
  }
  if (!is_cancellation()) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].quantity.thousandths < 0 && rows_[i].price.millionths == 0)
        add_stock(rows_[i], RowKind::write_off, i);
    }
  }
  const std::vector<const RetailRow*> lines = sale_rows();
  if (!lines.empty()) add_trade(lines, is_cancellation() ? RowKind::refund : RowKind::sale);
  return std::move(mapped_);
}

std::vector<const RetailRow*> Mapper::sale_rows() {
  const bool back = is_cancellation();
  std::vector<const RetailRow*> lines;
  for (const RetailRow& row : rows_) {
    if (row.price.millionths < 0) {
      refuse(row, "negative price", "The price is negative: an adjustment of the books, not trade.");
    } else if (row.quantity.thousandths == 0) {
      refuse(row, "quantity 0", "The quantity is 0.");
    } else if (back && row.quantity.thousandths > 0) {
      refuse(row, "positive cancellation", "A cancellation has a positive quantity.");
    } else if (!back && row.quantity.thousandths < 0) {
      if (row.price.millionths == 0) continue;  // a write-off, already mapped
      refuse(row, "negative sale", "The quantity is negative and has a price, but the invoice is no cancellation.");
    } else if (!line_amount(row.price, row.quantity, options_.currency_decimals)) {
      refuse(row, "amount too large", "Quantity × price is larger than an amount can be.");
    } else {
      lines.push_back(&row);
    }
  }
  if (lines.size() <= till::lines_max) return lines;
  for (const RetailRow* row : lines)
    refuse(*row, "too many lines", fmt::format("The invoice has more than {} lines.", till::lines_max));
  return {};
}

std::string Mapper::head(RowKind kind, std::string_view discriminator) const {
  static constexpr std::array<std::string_view, row_kinds> api = {"sale", "refund_no_receipt", "write_off", "receive"};
  const std::string_view name = api[static_cast<std::size_t>(kind)];
  const std::string key = stable_key({"holdfast import online-retail 1", name, rows_.front().invoice, discriminator});
  return fmt::format(R"({{"key":"{}","kind":"{}","till":{},"at":"{}")", key, name, options_.till.number,
                     rows_.front().at);
}

std::string Mapper::line_json(const RetailRow& row) const {
  std::string open;
  if (options_.unlisted.contains(row.code)) {
    const auto name = options_.names.find(row.code);
    open = fmt::format(R"(,"open":true,"name":{})", json_text(name == options_.names.end() ? row.code : name->second));
  }
  return fmt::format(R"({{"sku":{},"quantity":"{}","unit_price":"{}","vat":{}{}}})", json_text(row.code),
                     to_text(positive(row.quantity)), to_text(row.price), json_text(options_.vat), open);
}

void Mapper::add_trade(const std::vector<const RetailRow*>& rows, RowKind kind) {
  RetailWrite write;
  write.kind = kind;
  write.rows = rows;
  std::string lines;
  for (const RetailRow* row : rows) {
    lines += (lines.empty() ? "" : ",") + line_json(*row);
    write.total.minor += line_amount(row->price, positive(row->quantity), options_.currency_decimals)->minor;
  }
  // How it was paid is not in the data: it counts as cash.
  const std::string tenders =
      write.total.minor == 0 ? "" : fmt::format(R"({{"kind":"cash","amount":{}}})", write.total.minor);
  const std::string reason =
      kind == RowKind::refund ? fmt::format(R"(,"reason":{})", json_text("cancellation " + rows_.front().invoice)) : "";
  write.json = fmt::format(R"({},"lines":[{}],"tenders":[{}]{}}})", head(kind, ""), lines, tenders, reason);
  mapped_.writes.push_back(std::move(write));
}

void Mapper::add_stock(const RetailRow& row, RowKind kind, std::size_t ordinal) {
  RetailWrite write;
  write.kind = kind;
  write.rows = {&row};
  write.json = fmt::format(R"({},"lines":[{{"sku":{},"quantity":"{}"}}],"{}":{}}})",
                           head(kind, std::to_string(ordinal)), json_text(row.code), to_text(positive(row.quantity)),
                           kind == RowKind::write_off ? "reason" : "reference", json_text(reason_of(row)));
  mapped_.writes.push_back(std::move(write));
}

}  // namespace

Result<RetailColumns> retail_columns(const std::vector<std::string>& header) {
  RetailColumns at;
  at.width = header.size();
  const std::array<std::pair<std::string_view, std::size_t*>, 7> wanted = {{{"InvoiceNo", &at.invoice},
                                                                            {"StockCode", &at.code},
                                                                            {"Description", &at.description},
                                                                            {"Quantity", &at.quantity},
                                                                            {"InvoiceDate", &at.date},
                                                                            {"UnitPrice", &at.price},
                                                                            {"CustomerID", &at.customer}}};
  for (const auto& [name, place] : wanted) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) {
      return fail("trade/bad_header", fmt::format("The file has no column {}. Nothing was imported.", name));
    }
    *place = static_cast<std::size_t>(found - header.begin());
  }
  return at;
}

std::expected<RetailRow, std::string> retail_row(const RetailColumns& at, const CsvRecord& record) {
  if (!record.trouble.empty()) return std::unexpected(record.trouble);
  if (record.fields.size() != at.width) {
    return std::unexpected(fmt::format("The row has {} fields, the header {}.", record.fields.size(), at.width));
  }
  RetailRow row;
  row.line = record.line;
  row.fields = record.fields;
  row.invoice = trimmed(record.fields[at.invoice]);
  row.code = trimmed(record.fields[at.code]);
  row.description = trimmed(record.fields[at.description]);
  row.has_customer = !trimmed(record.fields[at.customer]).empty();
  if (row.invoice.empty()) return std::unexpected("The row has no invoice number.");
  if (row.code.empty()) return std::unexpected("The row has no stock code.");
  if (!is_clean_text(row.invoice) || !is_clean_text(row.code) || !is_clean_text(row.description)) {
    return std::unexpected("The row holds a control character, such as a line end.");
  }
  if (row.code.size() > Sku::bytes_max)
    return std::unexpected(fmt::format("The stock code is longer than {} bytes.", Sku::bytes_max));
  const auto quantity = parse_quantity(trimmed(record.fields[at.quantity]));
  if (!quantity) return std::unexpected(quantity.error().text);
  row.quantity = *quantity;
  const auto price = parse_unit_price(trimmed(record.fields[at.price]));
  if (!price) return std::unexpected(price.error().text);
  row.price = *price;
  auto when = rfc3339(trimmed(record.fields[at.date]));
  if (!when) return std::unexpected("InvoiceDate is not of the form 2010-12-01 08:26:00.");
  row.at = std::move(*when);
  return row;
}

std::string_view to_text(RowKind kind) {
  static constexpr std::array<std::string_view, row_kinds> names = {"sale lines", "refund lines", "write-offs",
                                                                    "stock receipts"};
  return names[static_cast<std::size_t>(kind)];
}

Mapped map_invoice(const std::vector<RetailRow>& rows, const MapOptions& options) {
  return Mapper(rows, options).run();
}

bool is_service(std::string_view code) {
  static constexpr std::array<std::string_view, 12> codes = {
      "POST", "DOT", "C2", "M", "m", "D", "S", "B", "PADS", "CRUK", "AMAZONFEE", "BANK CHARGES"};
  return std::find(codes.begin(), codes.end(), code) != codes.end() || code.starts_with("gift_0001_") ||
         code.starts_with("DCGS");
}

void RetailCatalogue::see(const RetailRow& row) {
  Seen& seen = seen_[row.code];
  if (seen.name.empty()) seen.name = trimmed(first_bytes(row.description, catalogue::name_bytes_max));
  if (seen.price.millionths == 0 && row.price.millionths > 0) seen.price = row.price;
}

std::vector<Product> RetailCatalogue::products(const std::string& vat) const {
  std::vector<Product> products;
  products.reserve(seen_.size());
  for (const auto& [code, seen] : seen_) {
    products.push_back({code, "", seen.name.empty() ? code : seen.name, seen.price, vat, !is_service(code)});
  }
  return products;
}

std::map<std::string, std::string> RetailCatalogue::names() const {
  std::map<std::string, std::string> names;
  for (const auto& [code, seen] : seen_) names[code] = seen.name.empty() ? code : seen.name;
  return names;
}

MilliardthSum extended(const RetailRow& row) { return MilliardthSum{row.quantity.thousandths} * row.price.millionths; }

std::string to_text_milliardths(MilliardthSum sum) {
  const bool negative = sum < 0;
  std::string digits;  // backwards
  for (MilliardthSum rest = negative ? -sum : sum; rest > 0 || digits.size() < 10; rest /= 10) {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  std::string text(digits.rbegin(), digits.rend());
  text.insert(text.size() - 9, ".");
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return (negative ? "-" : "") + text;
}

}  // namespace holdfast::trade
