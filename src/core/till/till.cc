#include "core/till/till.h"

#include <algorithm>
#include <utility>

#include "core/base/mutant.h"
#include "core/base/sums.h"

namespace holdfast::till {
namespace {

constexpr std::size_t minutes_kept = 120, hours_kept = 9 * 7 * 24, days_kept = 400;
constexpr std::int64_t minute_ns = 60'000'000'000;

void add_to_ring(std::map<std::int64_t, MinuteSales>& ring, std::int64_t slot, std::size_t kept, std::uint64_t sales,
                 Money gross) {
  const auto newest = ring.empty() ? ring.end() : std::prev(ring.end());
  MinuteSales& sums = newest != ring.end() && newest->first == slot ? newest->second : ring[slot];
  sums.count += sales;
  add(sums.gross, gross);
  if (ring.size() > kept) ring.erase(ring.begin());
}

// sign +1: money came in, -1: it went out.
Money signed_amount(Money amount, int sign) { return Money{sign * amount.minor}; }

void add_moment(Totals& totals, Instant at, std::uint64_t sales, Money gross) {
  add(totals.gross, gross);
  add_to_ring(totals.minutes, at.unix_ns / minute_ns, minutes_kept, sales, gross);
  add_to_ring(totals.hours, at.unix_ns / (60 * minute_ns), hours_kept, sales, gross);
  add_to_ring(totals.days, at.unix_ns / day_ns, days_kept, sales, gross);
}

void add_tenders(Totals& totals, const std::vector<Tender>& tenders, int sign) {
  for (const Tender& tender : tenders) {
    if (tender.result != CardResult::approved) continue;
    add(tender.kind == TenderKind::cash || HF_MUTANT(31) ? totals.cash : totals.card,
        signed_amount(tender.amount, sign));
  }
}

void add_lines(Totals& totals, const auto& lines, int sign) {
  for (const auto& line : lines) {
    VatSum& sum = totals.by_vat[line.vat];
    add(sum.gross, signed_amount(line.amount, sign));
    add(sum.vat, signed_amount(line.vat_amount, sign));
    if (line.goods) add(totals.units, Quantity{sign * line.quantity.thousandths});
  }
}

void keep_receipt(TillState& state, const ReceiptNumber& receipt, const ReceiptPlace& place) {
  Series& series = state.receipts[{receipt.till, receipt.series}];
  series.receipts.try_emplace(series.receipts.end(), receipt.n, place);  // nearly always the newest
  series.next = std::max(series.next, receipt.n + 1);
}

void rest_on(ReceiptPlace& place, const std::vector<SaleLine>& lines) {
  for (const SaleLine& line : lines) {
    if (std::pair(line.listed_epoch, line.listed_at) <= std::pair(place.listed_epoch, place.listed_at)) continue;
    place.listed_epoch = line.listed_epoch;
    place.listed_at = line.listed_at;
  }
}

}  // namespace

const ReceiptPlace* TillState::find(const ReceiptNumber& receipt) const {
  const auto it = receipts.find({receipt.till, receipt.series});
  if (it == receipts.end()) return nullptr;
  const auto place = it->second.receipts.find(receipt.n);
  return place == it->second.receipts.end() ? nullptr : &place->second;
}

void apply(Totals& totals, const SaleRecorded& event, Instant at) {
  ++totals.sales;
  add_moment(totals, at, 1, event.total);
  add_lines(totals, event.lines, 1);
  add_tenders(totals, event.tenders, 1);
  if (!HF_MUTANT(24)) take_off(totals.cash, event.change);
}

void apply(Totals& totals, const RefundRecorded& event, Instant at) {
  ++totals.refunds;
  add_moment(totals, at, 0, signed_amount(event.total, -1));
  add_lines(totals, event.lines, -1);
  add_tenders(totals, event.tenders, -1);
}

void apply(Totals& totals, const RefundWithoutReceipt& event, Instant at) {
  ++totals.refunds_without_receipt;
  add_moment(totals, at, 0, signed_amount(event.total, -1));
  add_lines(totals, event.lines, -1);
  add_tenders(totals, event.tenders, -1);
}

void apply(TillState& state, const SaleRecorded& event, Instant at, ReceiptPlace place) {
  rest_on(place, event.lines);
  keep_receipt(state, event.receipt, place);
  apply(state.totals, event, at);
}

void apply(TillState& state, const RefundRecorded& event, Instant at, ReceiptPlace place) {
  keep_receipt(state, event.receipt, place);
  auto& lines = state.refunded[event.of];
  for (const RefundLine& line : event.lines) add(lines[line.line], line.quantity);
  apply(state.totals, event, at);
}

void apply(TillState& state, const RefundWithoutReceipt& event, Instant at, ReceiptPlace place) {
  rest_on(place, event.lines);
  keep_receipt(state, event.receipt, place);
  apply(state.totals, event, at);
}

std::vector<ReceiptNumber> gaps(const TillState& state, std::size_t limit) {
  std::vector<ReceiptNumber> out;
  for (const auto& [key, series] : state.receipts) {
    if (series.receipts.empty() || series.receipts.rbegin()->first == series.receipts.size()) continue;
    std::uint64_t expected = 1;
    for (const auto& [n, place] : series.receipts) {
      for (; expected < n; ++expected) {
        if (out.size() == limit) return out;
        out.push_back({key.first, key.second, expected});
      }
      expected = n + 1;
    }
  }
  return out;
}

}  // namespace holdfast::till
