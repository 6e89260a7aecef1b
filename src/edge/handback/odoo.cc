// The trade as Odoo's import takes it: one journal entry a sale or refund, one stock move a line of goods.
#include <fmt/format.h>

#include "edge/handback/csv_out.h"
#include "edge/handback/writers.h"

namespace holdfast::handback {
namespace {

struct EntryLine {
  std::string account, name;
  std::int64_t amount = 0;  // > 0: debit
};

// Of a sale: what was received is debited, what was sold and its VAT are credited. Of a refund: the other way round.
std::vector<EntryLine> entry_of(const Trade& trade, const Settings& settings) {
  const auto& names = settings.odoo_names;
  const std::int64_t sign = trade.is_sale() ? 1 : -1;
  std::vector<EntryLine> lines;
  std::int64_t cash = -trade.change.minor;
  for (const till::Tender& tender : trade.tenders) {
    if (tender.kind == till::TenderKind::cash)
      cash += tender.amount.minor;
    else
      lines.push_back({names.at("card"), fmt::format("card {}", tender.masked), sign * tender.amount.minor});
  }
  lines.insert(lines.begin(), {names.at("cash"), "cash", sign * cash});
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> rates;  // net, VAT
  for (const TradeLine& line : trade.lines) {
    auto& [net, vat] = rates[fmt::format("{} {}%", line.vat.view(), percent(line.vat_millionths))];
    net += line.amount.minor - line.vat_amount.minor;
    vat += line.vat_amount.minor;
  }
  for (const auto& [rate, sums] : rates) {
    lines.push_back(
        {names.at("sales"), fmt::format("{} at {}", trade.is_sale() ? "sales" : "refunds", rate), -sign * sums.first});
    lines.push_back({names.at("vat"), "VAT " + rate, -sign * sums.second});
  }
  std::erase_if(lines, [](const EntryLine& line) { return line.amount == 0; });
  return lines;
}

std::string external_id(std::string_view id) { return fmt::format("holdfast.{}", id); }

}  // namespace

std::string odoo_time(Instant at) {
  const std::string text = to_text(at);
  return text.substr(0, 10) + " " + text.substr(11, 8);
}

std::string odoo_entries(const Gathered& all, const Settings& settings) {
  CsvOut out({"id", "move_type", "date", "journal_id", "ref", "line_ids/id", "line_ids/account_id", "line_ids/name",
              "line_ids/debit", "line_ids/credit"});
  for (const Trade& trade : all.trades) {
    const std::string day = to_text(trade.at + seconds(std::int64_t{settings.utc_offset_minutes} * 60)).substr(0, 10);
    std::string ref = trade.is_sale()    ? trade.receipt
                      : trade.of.empty() ? trade.receipt + " refund without receipt"
                                         : trade.receipt + " refund of " + trade.of;
    ref += fmt::format(", handback {}{}", all.number, trade.late ? ", came late" : "");
    std::size_t n = 0;
    for (const EntryLine& line : entry_of(trade, settings)) {
      if (n == 0)
        out.text(external_id(trade.id)).text("entry").number(day).text(settings.odoo_names.at("journal")).text(ref);
      else
        out.skip(5);
      out.text(fmt::format("{}-l{}", external_id(trade.id), n++)).text(line.account).text(line.name);
      out.number(to_text(Money{line.amount > 0 ? line.amount : 0}, all.decimals));
      out.number(to_text(Money{line.amount < 0 ? -line.amount : 0}, all.decimals)).end_row();
    }
  }
  return out.take();
}

std::string odoo_moves(const Gathered& all, const Settings& settings) {
  const auto& names = settings.odoo_names;
  CsvOut out({"id", "name", "date", "origin", "product_id", "product_uom_qty", "product_uom", "location_id",
              "location_dest_id"});
  // change > 0: into the stock here.
  const auto move = [&](const std::string& id, const std::string& name, Instant at, const Sku& sku, std::int64_t change,
                        const std::string& other) {
    if (change == 0) return;
    out.text(external_id(id)).text(name).number(odoo_time(at)).text(fmt::format("handback {}", all.number));
    out.text(sku.view()).number(to_text(Quantity{change > 0 ? change : -change})).text("Units");
    out.text(change > 0 ? other : names.at("stock")).text(change > 0 ? names.at("stock") : other).end_row();
  };
  for (const Trade& trade : all.trades) {
    std::size_t n = 0;
    for (const TradeLine& line : trade.lines) {
      const std::string id = fmt::format("{}-m{}", trade.id, n++);
      const std::int64_t change = trade.is_sale() ? -line.quantity.thousandths : line.quantity.thousandths;
      if (line.goods)
        move(id, (trade.is_sale() ? "sale " : "refund ") + trade.receipt, trade.at, line.sku, change,
             names.at("customers"));
    }
  }
  for (const Movement& movement : all.movements) {
    const std::string& other = movement.kind == MovementKind::received      ? names.at("vendors")
                               : movement.kind == MovementKind::written_off ? names.at("losses")
                               : movement.kind == MovementKind::counted     ? names.at("adjustment")
                                                                            : names.at("transit");
    std::size_t n = 0;
    for (const MovementLine& line : movement.lines) {
      const std::string name = movement.reference.empty()
                                   ? std::string(to_text(movement.kind))
                                   : fmt::format("{}: {}", to_text(movement.kind), movement.reference);
      move(fmt::format("{}-m{}", movement.id, n++), name, movement.at, line.sku, line.change.thousandths, other);
    }
  }
  return out.take();
}

}  // namespace holdfast::handback
