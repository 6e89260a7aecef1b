// The trade in whatever columns a mapping names.
#include <fmt/format.h>

#include "edge/handback/csv_out.h"
#include "edge/handback/totals.h"
#include "edge/handback/writers.h"

namespace holdfast::handback {
namespace {

struct Cell {
  std::string value;
  bool is_number = false;
};
using Cells = std::map<std::string, Cell, std::less<>>;

class Mapper {
 public:
  Mapper(const Gathered& all, const Settings& settings, const MappedFile& file)
      : all_(all), settings_(settings), file_(file), out_(headers(file)) {}

  std::string write() {
    if (file_.rows == Rows::movements)
      for (const Movement& movement : all_.movements) write(movement);
    else
      for (const Trade& trade : all_.trades) write(trade);
    return out_.take();
  }

 private:
  static std::vector<std::string> headers(const MappedFile& file) {
    std::vector<std::string> out;
    out.reserve(file.columns.size());
    for (const Column& column : file.columns) out.push_back(harmless(column.header));
    return out;
  }
  static Cell text(std::string_view value) { return {std::string(value), false}; }
  static Cell number(std::string value) { return {std::move(value), true}; }
  Cell money(std::int64_t minor) const { return number(to_text(Money{minor}, all_.decimals)); }

  Cells of_event(std::string_view id, Instant at, bool late) const {
    return {{"id", text(id)},
            {"day", number(day_text(day_of(at, settings_.utc_offset_minutes)))},
            {"time_utc", number(to_text(at))},
            {"site", text(all_.site)},
            {"late", text(late ? "yes" : "no")},
            {"handback", number(std::to_string(all_.number))}};
  }
  void put(const Cells& cells) {
    for (const Column& column : file_.columns) {
      const auto cell = cells.find(column.field);
      if (column.field.empty())
        out_.text(column.text);
      else if (cell == cells.end())
        out_.skip();
      else if (cell->second.is_number)
        out_.number(cell->second.value);
      else
        out_.text(cell->second.value);
    }
    out_.end_row();
  }

  void write(const Trade& trade) {
    Cells cells = of_event(trade.id, trade.at, trade.late);
    cells["kind"] = text(trade.is_sale()                   ? "sale"
                         : trade.kind == TradeKind::refund ? "refund"
                                                           : "refund without receipt");
    cells["receipt"] = text(trade.receipt);
    cells["of"] = text(trade.of);
    cells["of_id"] = text(trade.of_id);
    cells["till"] = number(std::to_string(trade.till));
    cells["staff"] = text(trade.staff);
    cells["currency"] = text(all_.currency);
    cells["sale_id"] = text(trade.id);
    const std::int64_t sign = trade.is_sale() ? 1 : -1;
    if (file_.rows == Rows::sales) return write_sale(std::move(cells), trade, sign);
    if (file_.rows == Rows::lines) return write_lines(std::move(cells), trade, sign);
    write_payments(std::move(cells), trade, sign);
  }
  void write_sale(Cells cells, const Trade& trade, std::int64_t sign) {
    std::int64_t vat = 0;
    for (const TradeLine& line : trade.lines) vat += line.vat_amount.minor;
    cells["total"] = money(sign * trade.total.minor);
    cells["vat"] = money(sign * vat);
    cells["net"] = money(sign * (trade.total.minor - vat));
    cells["items"] = number(std::to_string(trade.lines.size()));
    cells["reason"] = text(trade.reason);
    put(cells);
  }
  void write_lines(Cells cells, const Trade& trade, std::int64_t sign) {
    std::size_t n = 0;
    for (const TradeLine& line : trade.lines) {
      cells["id"] = text(fmt::format("{}-l{}", trade.id, n++));
      cells["sku"] = text(line.sku.view());
      cells["name"] = text(line.name);
      cells["quantity"] = number(to_text(Quantity{sign * line.quantity.thousandths}));
      cells["unit_price"] = number(to_text(line.unit_price));
      cells["vat_code"] = text(line.vat.view());
      cells["vat_rate"] = number(percent(line.vat_millionths));
      cells["amount"] = money(sign * line.amount.minor);
      cells["vat"] = money(sign * line.vat_amount.minor);
      cells["net"] = money(sign * (line.amount.minor - line.vat_amount.minor));
      put(cells);
    }
  }
  void write_payments(Cells cells, const Trade& trade, std::int64_t sign) {
    std::size_t n = 0;
    const auto row = [&](std::string_view tender, std::int64_t minor, std::string_view reference,
                         std::string_view masked) {
      cells["id"] = text(fmt::format("{}-p{}", trade.id, n++));
      cells["tender"] = text(tender);
      cells["amount"] = money(sign * minor);
      cells["reference"] = text(reference);
      cells["masked"] = text(masked);
      put(cells);
    };
    for (const till::Tender& tender : trade.tenders)
      row(tender.kind == till::TenderKind::cash ? "cash" : "card", tender.amount.minor, tender.token, tender.masked);
    if (trade.change.minor != 0) row("cash", -trade.change.minor, "change", "");
  }
  void write(const Movement& movement) {
    Cells cells = of_event(movement.id, movement.at, movement.late);
    cells["movement_id"] = text(movement.id);
    cells["kind"] = text(to_text(movement.kind));
    cells["reference"] = text(movement.reference);
    std::size_t n = 0;
    for (const MovementLine& line : movement.lines) {
      cells["id"] = text(fmt::format("{}-m{}", movement.id, n++));
      cells["sku"] = text(line.sku.view());
      cells["change"] = number(to_text(line.change));
      put(cells);
    }
  }

  const Gathered& all_;
  const Settings& settings_;
  const MappedFile& file_;
  CsvOut out_;
};

}  // namespace

std::string mapped(const Gathered& trade, const Settings& settings, const MappedFile& file) {
  return Mapper(trade, settings, file).write();
}

}  // namespace holdfast::handback
