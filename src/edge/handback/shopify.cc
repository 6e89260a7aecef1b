// The trade as Shopify exports its own: orders, transactions, inventory.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "edge/handback/csv_out.h"
#include "edge/handback/writers.h"

namespace holdfast::handback {
namespace {

const std::vector<std::string>& order_header() {
  static const std::vector<std::string> header = {"Name",
                                                  "Email",
                                                  "Financial Status",
                                                  "Paid at",
                                                  "Fulfillment Status",
                                                  "Fulfilled at",
                                                  "Accepts Marketing",
                                                  "Currency",
                                                  "Subtotal",
                                                  "Shipping",
                                                  "Taxes",
                                                  "Total",
                                                  "Discount Code",
                                                  "Discount Amount",
                                                  "Shipping Method",
                                                  "Created at",
                                                  "Lineitem quantity",
                                                  "Lineitem name",
                                                  "Lineitem price",
                                                  "Lineitem compare at price",
                                                  "Lineitem sku",
                                                  "Lineitem requires shipping",
                                                  "Lineitem taxable",
                                                  "Lineitem fulfillment status",
                                                  "Billing Name",
                                                  "Billing Street",
                                                  "Billing Address1",
                                                  "Billing Address2",
                                                  "Billing Company",
                                                  "Billing City",
                                                  "Billing Zip",
                                                  "Billing Province",
                                                  "Billing Country",
                                                  "Billing Phone",
                                                  "Shipping Name",
                                                  "Shipping Street",
                                                  "Shipping Address1",
                                                  "Shipping Address2",
                                                  "Shipping Company",
                                                  "Shipping City",
                                                  "Shipping Zip",
                                                  "Shipping Province",
                                                  "Shipping Country",
                                                  "Shipping Phone",
                                                  "Notes",
                                                  "Note Attributes",
                                                  "Cancelled at",
                                                  "Payment Method",
                                                  "Payment Reference",
                                                  "Refunded Amount",
                                                  "Vendor",
                                                  "Outstanding Balance",
                                                  "Employee",
                                                  "Location",
                                                  "Device ID",
                                                  "Id",
                                                  "Tags",
                                                  "Risk Level",
                                                  "Source",
                                                  "Lineitem discount",
                                                  "Tax 1 Name",
                                                  "Tax 1 Value",
                                                  "Tax 2 Name",
                                                  "Tax 2 Value",
                                                  "Tax 3 Name",
                                                  "Tax 3 Value",
                                                  "Tax 4 Name",
                                                  "Tax 4 Value",
                                                  "Tax 5 Name",
                                                  "Tax 5 Value",
                                                  "Phone",
                                                  "Receipt Number",
                                                  "Duties",
                                                  "Billing Province Name",
                                                  "Shipping Province Name",
                                                  "Payment ID",
                                                  "Payment Terms Name",
                                                  "Next Payment Due At",
                                                  "Payment References"};
  return header;
}

// A row by column name; what is not set stays empty. Cells of texts are made harmless, those of numbers are not.
class Row {
 public:
  void text(std::string_view column, std::string_view value) {
    cells_[std::string(column)] = {std::string(value), false};
  }
  void number(std::string_view column, std::string_view value) {
    cells_[std::string(column)] = {std::string(value), true};
  }
  void write(CsvOut& out, const std::vector<std::string>& header) const {
    for (const std::string& column : header) {
      const auto cell = cells_.find(column);
      if (cell == cells_.end())
        out.skip();
      else if (cell->second.second)
        out.number(cell->second.first);
      else
        out.text(cell->second.first);
    }
    out.end_row();
  }

 private:
  std::map<std::string, std::pair<std::string, bool>, std::less<>> cells_;
};

// A quantity in whole pieces at a price in whole minor units that multiply to the line's amount: only that can be told
// as such. Else it is one piece at the line's amount, and the name says how many.
struct Pieces {
  std::string quantity, price, name;
};
Pieces pieces_of(const TradeLine& line, int decimals) {
  std::int64_t unit = 1'000'000;
  for (int i = 0; i < decimals; ++i) unit /= 10;
  const bool whole = line.quantity.thousandths % 1000 == 0;
  const bool exact = line.unit_price.millionths % unit == 0;
  if (whole && exact && unit > 0) {
    const std::int64_t n = line.quantity.thousandths / 1000, price = line.unit_price.millionths / unit;
    if (n * price == line.amount.minor) return {std::to_string(n), to_text(Money{price}, decimals), line.name};
  }
  return {"1", to_text(line.amount, decimals),
          fmt::format("{} ({} x {})", line.name, to_text(line.quantity), to_text(line.unit_price))};
}

std::string payment_methods(const Trade& trade) {
  bool cash = false, card = false;
  for (const till::Tender& tender : trade.tenders) (tender.kind == till::TenderKind::cash ? cash : card) = true;
  return cash && card ? "Cash + Card" : card ? "Card" : "Cash";
}

void write_tax(Row& row, const Trade& trade, int decimals) {
  std::map<std::string, std::int64_t> taxes;
  std::int64_t all = 0;
  for (const TradeLine& line : trade.lines) {
    taxes[fmt::format("VAT {} {}%", line.vat.view(), percent(line.vat_millionths))] += line.vat_amount.minor;
    all += line.vat_amount.minor;
  }
  row.number("Taxes", to_text(Money{all}, decimals));
  int n = 0;
  for (const auto& [name, amount] : taxes) {
    if (++n > 5) break;  // Shopify's own export has five; Taxes is the sum of all
    row.text(fmt::format("Tax {} Name", n), name);
    row.number(fmt::format("Tax {} Value", n), to_text(Money{amount}, decimals));
  }
}

Row order_row(const Gathered& all, const Trade& trade, const Settings& settings, std::int64_t refunded) {
  const auto money = [&](std::int64_t minor) { return to_text(Money{minor}, all.decimals); };
  const std::string at = shopify_time(trade.at, settings.utc_offset_minutes);
  Row row;
  row.text("Name", settings.shopify_names.at("prefix") + trade.receipt);
  row.text("Financial Status", refunded == 0                   ? "paid"
                               : refunded >= trade.total.minor ? "refunded"
                                                               : "partially_refunded");
  row.number("Paid at", at);
  row.text("Fulfillment Status", "fulfilled");
  row.number("Fulfilled at", at);
  row.text("Accepts Marketing", "no");
  row.text("Currency", all.currency);
  row.number("Subtotal", money(trade.total.minor));
  row.number("Shipping", money(0));
  row.number("Total", money(trade.total.minor));
  row.number("Discount Amount", money(0));
  row.number("Created at", at);
  row.text("Notes",
           trade.late ? fmt::format("handback {}, came late", all.number) : fmt::format("handback {}", all.number));
  row.text("Note Attributes", "holdfast_id: " + trade.id);
  row.text("Payment Method", payment_methods(trade));
  row.text("Payment Reference", trade.id);
  row.number("Refunded Amount", money(refunded));
  row.number("Outstanding Balance", money(0));
  row.text("Employee", trade.staff);
  row.text("Location",
           settings.shopify_names.at("location").empty() ? all.site : settings.shopify_names.at("location"));
  row.number("Device ID", std::to_string(trade.till));
  row.text("Tags", trade.late ? "holdfast, late" : "holdfast");
  row.text("Source", "holdfast");
  row.text("Receipt Number", trade.receipt);
  write_tax(row, trade, all.decimals);
  return row;
}

}  // namespace

std::string shopify_time(Instant at, int utc_offset_minutes) {
  const std::string text = to_text(at + seconds(std::int64_t{utc_offset_minutes} * 60));
  return fmt::format("{} {} {}{:02}{:02}", text.substr(0, 10), text.substr(11, 8), utc_offset_minutes < 0 ? "-" : "+",
                     std::abs(utc_offset_minutes) / 60, std::abs(utc_offset_minutes) % 60);
}
std::string percent(std::int64_t vat_millionths) { return standby::rate_code(VatCode(), vat_millionths).substr(1); }

std::string shopify_orders(const Gathered& all, const Settings& settings) {
  std::map<std::string, std::int64_t> refunded;  // by the sale's id
  for (const Trade& trade : all.trades)
    if (trade.kind == TradeKind::refund) refunded[trade.of_id] += trade.total.minor;
  CsvOut out(order_header());
  for (const Trade& trade : all.trades) {
    if (!trade.is_sale()) continue;
    const auto back = refunded.find(trade.id);
    Row row = order_row(all, trade, settings, back == refunded.end() ? 0 : back->second);
    for (const TradeLine& line : trade.lines) {
      const Pieces pieces = pieces_of(line, all.decimals);
      row.number("Lineitem quantity", pieces.quantity);
      row.text("Lineitem name", pieces.name);
      row.number("Lineitem price", pieces.price);
      row.text("Lineitem sku", line.sku.view());
      row.text("Lineitem requires shipping", "false");
      row.text("Lineitem taxable", line.vat_millionths == 0 ? "false" : "true");
      row.text("Lineitem fulfillment status", "fulfilled");
      row.number("Lineitem discount", to_text(Money{}, all.decimals));
      row.write(out, order_header());
      row = Row();  // the order's own columns stand in its first row alone
      row.text("Name", settings.shopify_names.at("prefix") + trade.receipt);
    }
  }
  return out.take();
}

std::string shopify_transactions(const Gathered& all, const Settings& settings) {
  CsvOut out({"Order", "Name", "Payment Method", "Kind", "Gateway", "Created At", "Status", "Amount", "Currency",
              "Card Type"});
  for (const Trade& trade : all.trades) {
    const std::string& name = trade.kind == TradeKind::refund ? trade.of : trade.receipt;
    const auto row = [&](std::string_view method, std::int64_t minor, std::string_view card) {
      out.text(trade.id).text(settings.shopify_names.at("prefix") + name).text(method);
      out.text(trade.is_sale() ? "sale" : "refund").text(method == "cash" ? "cash" : "card terminal");
      out.number(shopify_time(trade.at, settings.utc_offset_minutes)).text("success");
      out.number(to_text(Money{minor}, all.decimals)).text(all.currency).text(card).end_row();
    };
    std::int64_t cash = -trade.change.minor;
    bool has_cash = trade.change.minor != 0;
    for (const till::Tender& tender : trade.tenders) {
      if (tender.kind == till::TenderKind::card) {
        row("card", tender.amount.minor, tender.masked);
        continue;
      }
      cash += tender.amount.minor;
      has_cash = true;
    }
    if (has_cash) row("cash", cash, "");
  }
  return out.take();
}

std::string shopify_inventory(const Gathered& all, const Settings& settings, std::vector<std::string>& left_out) {
  const ShopifyProducts& products = settings.products;
  std::vector<std::string> header;
  for (const std::string& name : products.header)  // what finds the product; levels of all kinds are ours
    if (name.starts_with("Handle") || name.starts_with("Title") || name.starts_with("Option") || name == "SKU" ||
        name == "HS Code" || name == "COO")
      header.push_back(name);
  std::vector<std::string> columns = header;
  for (const char* name :
       {"Location", "Bin name", "Incoming (not editable)", "Unavailable (not editable)", "Committed (not editable)",
        "Available (not editable)", "On hand (current)", "On hand (new)"})
    columns.emplace_back(name);
  CsvOut out(columns);
  const std::string& location = settings.shopify_names.at("location");
  for (const auto& [sku, level] : all.levels) {
    const auto product = products.rows.find(sku.view());
    const bool whole = level.after.thousandths % 1000 == 0 && level.before.thousandths % 1000 == 0;
    if (!level.known || !whole || product == products.rows.end()) {
      left_out.push_back(sku.str());
      continue;
    }
    if (level.before == level.after) continue;
    for (std::size_t i = 0; i < products.header.size(); ++i)
      if (std::ranges::find(header, products.header[i]) != header.end()) out.text(product->second[i]);
    out.text(location.empty() ? all.site : location).skip(5);
    out.number(to_text(level.before)).number(to_text(level.after)).end_row();
  }
  return out.take();
}

}  // namespace holdfast::handback
