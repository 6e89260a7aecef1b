#include "edge/handback/totals.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/base/crypto.h"
#include "edge/handback/csv_out.h"
#include "edge/trade/csv.h"

namespace holdfast::handback {
namespace {

using standby::TotalKey;
using standby::TotalKind;

bool is_number(TotalKind kind) { return kind == TotalKind::sales || kind == TotalKind::refunds; }

std::string title_of(const TotalKey& key) {
  switch (key.kind) {
    case TotalKind::sales:
      return "sales";
    case TotalKind::refunds:
      return "refunds";
    case TotalKind::gross:
      return "total, sales less refunds";
    case TotalKind::taxed:
      return fmt::format("at VAT {} %, VAT included", key.code);
    case TotalKind::vat:
      return fmt::format("VAT contained, {} %", key.code);
    case TotalKind::paid:
      return fmt::format("paid by {}, less paid out", key.code);
  }
  return "";
}

// Of what is on the list, that which is recorded here all the same, or that which is not.
std::string on_list_text(const std::vector<OnList>& items, bool recorded, int decimals, std::string_view title,
                         std::string_view what_to_do) {
  constexpr std::size_t shown_max = 200;
  std::string rows;
  std::size_t n = 0;
  for (const OnList& item : items) {
    if (item.recorded.has_value() != recorded || ++n > shown_max) continue;
    rows += fmt::format("  {} of {}", item.what, to_text(item.at));
    if (!item.receipt.empty()) rows += fmt::format(", receipt {}", item.receipt);
    if (item.total) rows += fmt::format(", {}", to_text(*item.total, decimals));
    if (recorded && !item.recorded->empty()) rows += fmt::format("; recorded as receipt {}", *item.recorded);
    rows += fmt::format(": {}\r\n", item.reason);
  }
  if (n == 0) return "";
  if (n > shown_max) rows += fmt::format("  and {} more\r\n", n - shown_max);
  return fmt::format("\r\n{} ({}): {}\r\n{}", title, n, what_to_do, rows);
}

}  // namespace

std::int64_t day_of(Instant at, int utc_offset_minutes) {
  const std::int64_t local = at.unix_ns + std::int64_t{utc_offset_minutes} * 60'000'000'000;
  return local >= 0 ? local / day_ns : 0;
}
std::string day_text(std::int64_t day) {
  return day == standby::all_days ? "all" : to_text(Instant{day * day_ns}).substr(0, 10);
}
std::optional<std::int64_t> day_from_text(std::string_view text) {
  if (text == "all") return standby::all_days;
  const auto at = parse_instant(fmt::format("{}T00:00:00Z", text));
  if (text.size() != 10 || !at || at->unix_ns < 0) return std::nullopt;
  return at->unix_ns / day_ns;
}

standby::Totals totals_of(const Gathered& gathered, int utc_offset_minutes) {
  standby::Totals totals;
  for (const Trade& trade : gathered.trades) {
    const std::int64_t day = day_of(trade.at, utc_offset_minutes);
    const std::int64_t sign = trade.is_sale() ? 1 : -1;
    ++totals[{day, trade.is_sale() ? TotalKind::sales : TotalKind::refunds, ""}];
    totals[{day, TotalKind::gross, ""}] += sign * trade.total.minor;
    for (const TradeLine& line : trade.lines) {
      const std::string code = standby::rate_code(line.vat, line.vat_millionths);
      totals[{day, TotalKind::taxed, code}] += sign * line.amount.minor;
      totals[{day, TotalKind::vat, code}] += sign * line.vat_amount.minor;
    }
    for (const till::Tender& tender : trade.tenders)
      totals[{day, TotalKind::paid, tender.kind == till::TenderKind::cash ? "cash" : "card"}] +=
          sign * tender.amount.minor;
    if (trade.change.minor != 0) totals[{day, TotalKind::paid, "cash"}] -= sign * trade.change.minor;
  }
  return totals;
}

std::string amount_text(const TotalKey& key, std::int64_t amount, int decimals) {
  return is_number(key.kind) ? std::to_string(amount) : to_text(Money{amount}, decimals);
}

Result<std::int64_t> amount_from_text(const TotalKey& key, std::string_view text, int decimals) {
  const int places = is_number(key.kind) ? 0 : decimals;
  const std::size_t point = text.find('.');
  std::string_view plain = text;
  if (point != std::string_view::npos)  // zeros beyond say nothing
    while (plain.size() > point + 1 + static_cast<std::size_t>(places) && plain.ends_with('0')) plain.remove_suffix(1);
  if (plain.ends_with('.') && plain.size() < text.size()) plain.remove_suffix(1);
  const auto amount = parse_money(plain, places);
  if (!amount)
    return fail("handback/bad_totals", fmt::format("{}: {}", standby::to_text(key.kind), amount.error().text));
  return amount->minor;
}

std::string control_totals_csv(const standby::Totals& totals, int decimals) {
  CsvOut out({"day", "total", "code", "amount", "reported"});
  const auto rows = [&](const standby::Totals& part) {
    for (const auto& [key, amount] : part) {
      out.number(day_text(key.day)).text(standby::to_text(key.kind)).text(key.code);
      out.number(amount_text(key, amount, decimals)).skip().end_row();
    }
  };
  rows(totals);
  rows(standby::over_all_days(totals));
  return out.take();
}

Result<standby::Totals> reported_from_csv(const std::string& path, int decimals, const standby::Totals* ours) {
  const standby::Totals over_all = ours == nullptr ? standby::Totals() : standby::over_all_days(*ours);
  // What cannot be read there, as a spreadsheet may have left it, says nothing.
  const auto is_of_another = [&](const TotalKey& key, std::string_view amount) {
    const auto there = amount_from_text(key, amount, decimals);
    if (ours == nullptr || amount.empty() || !there) return false;
    const standby::Totals& all = key.day == standby::all_days ? over_all : *ours;
    const auto own = all.find(key);
    return own == all.end() || own->second != *there;
  };
  HF_TRY(auto source, trade::open_source(path));
  trade::CsvReader reader(std::move(source));
  standby::Totals out;
  bool has_header = false;
  while (true) {
    HF_TRY(const auto record, reader.next());
    if (!record) break;
    const auto wrong = [&](std::string_view why) {
      return fail("handback/bad_totals", fmt::format("line {} of {}: {}", record->line, path, why));
    };
    if (!record->trouble.empty()) return wrong(record->trouble);
    const auto& f = record->fields;
    if (!has_header) {
      if (f != std::vector<std::string>{"day", "total", "code", "amount", "reported"})
        return wrong("the header must be day,total,code,amount,reported: fill in control-totals.csv of the handback");
      has_header = true;
      continue;
    }
    if (f.size() != 5) return wrong("it has not 5 fields");
    if (trade::trimmed(f[4]).empty()) continue;
    const auto day = day_from_text(trade::trimmed(f[0]));
    const auto kind = standby::total_kind_of(trade::trimmed(f[1]));
    if (!day) return wrong("the day is written 2026-11-25, or all");
    if (!kind) return wrong("the total is sales, refunds, gross, taxed, vat or paid");
    const TotalKey key{*day, *kind, std::string(trade::trimmed(f[2]))};
    const auto amount = amount_from_text(key, trade::trimmed(f[4]), decimals);
    if (!amount) return wrong(amount.error().text);
    if (is_of_another(key, trade::trimmed(f[3])))
      return wrong("this handback has not that amount, so the file is of another one; nothing was recorded");
    if (!out.emplace(key, *amount).second) return wrong("this total was reported before in this file");
  }
  if (out.empty())
    return fail("handback/bad_totals",
                fmt::format("{} reports nothing: type the old system's figures into its column \"reported\"", path));
  return out;
}

std::string summary_text(const Gathered& gathered, const standby::MakeHandback& made, int utc_offset_minutes,
                         const std::vector<std::string>& remarks) {
  std::string out = fmt::format("Handback {} of {} ({})\r\n\r\n", made.number, gathered.site, gathered.chain);
  out += fmt::format(
      "{} sales, {} refunds and {} movements of stock, from entry {} of epoch {} up to entry {} of epoch {} of this "
      "site's "
      "journal, which holds each of them signed.\r\n",
      made.counts.sales, made.counts.refunds, made.counts.movements, made.first.index, made.first.epoch, made.end.index,
      made.end.epoch);
  out += fmt::format("Amounts are in {}; days begin at midnight of UTC{}{:02}:{:02}.\r\n", gathered.currency,
                     utc_offset_minutes < 0 ? "-" : "+", std::abs(utc_offset_minutes) / 60,
                     std::abs(utc_offset_minutes) % 60);
  out += "Every row has an id that is the same in every handback: take each id in once.\r\n";
  std::int64_t day = standby::all_days - 1;
  const auto rows = [&](const standby::Totals& totals) {
    for (const auto& [key, amount] : totals) {
      if (key.day != day)
        out += fmt::format("\r\n{}\r\n", key.day == standby::all_days ? "All days" : day_text(key.day));
      day = key.day;
      out += fmt::format("  {:<34} {:>14}\r\n", title_of(key), amount_text(key, amount, gathered.decimals));
    }
  };
  rows(made.totals);
  rows(standby::over_all_days(made.totals));
  if (made.late > 0) {
    out += fmt::format("\r\nCame late, after the handback before this one was made ({}):\r\n", made.late);
    for (const Trade& trade : gathered.trades)
      if (trade.late)
        out += fmt::format("  {} {} of {}, {}\r\n", trade.is_sale() ? "sale" : "refund", trade.receipt,
                           to_text(trade.at), to_text(trade.total, gathered.decimals));
    for (const Movement& movement : gathered.movements)
      if (movement.late) out += fmt::format("  goods {} at {}\r\n", to_text(movement.kind), to_text(movement.at));
  }
  out += on_list_text(gathered.on_list, false, gathered.decimals, "On the list for a person, and NOT in these files",
                      "decide on each (page Chain, the list), and book by hand what has happened.");
  out += on_list_text(gathered.on_list, true, gathered.decimals, "On the list too, and recorded here under the same id",
                      "it goes back as what is recorded, in this handback or another; do NOT book it by hand.");
  out += on_list_text(gathered.came_since, true, gathered.decimals, "Dealt with by a person, and recorded here since",
                      "it is in these files; if it was booked by hand, take that back.");
  for (const std::string& remark : remarks) out += fmt::format("\r\n{}\r\n", remark);
  out += "\r\nFiles, with their SHA-256:\r\n";
  for (const standby::File& file : made.files) out += fmt::format("  {}  {}\r\n", to_hex(file.sha256), file.name);
  return out;
}

}  // namespace holdfast::handback
