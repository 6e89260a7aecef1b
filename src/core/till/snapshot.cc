// The till's part of a snapshot. Receipts are most of a site's state: 28 bytes each.
#include "core/base/snapshot.h"

#include "core/till/till.h"

namespace holdfast::till {
namespace {

constexpr std::string_view bad_snapshot = "till/bad_snapshot";

void put(Writer& out, const std::map<std::int64_t, MinuteSales>& ring) {
  out.u32(static_cast<std::uint32_t>(ring.size()));
  for (const auto& [slot, sums] : ring) {
    out.i64(slot);
    out.u64(sums.count);
    out.i64(sums.gross.minor);
  }
}

bool get_ring(Reader& in, std::map<std::int64_t, MinuteSales>& ring) {
  const std::uint32_t count = in.u32();
  return read_map(
      in, count, 24, ring, [&] { return in.i64(); },
      [&] {
        MinuteSales sums;
        sums.count = in.u64();
        sums.gross.minor = in.i64();
        return sums;
      });
}

Series get_series(Reader& in, bool& whole) {
  Series series;
  series.next = in.u64();
  const std::uint64_t count = in.u64();
  whole = whole && read_map(
                       in, count, 32, series.receipts, [&] { return in.u64(); },
                       [&] {
                         ReceiptPlace place;
                         place.epoch = in.u32();
                         place.index = in.u64();
                         place.listed_epoch = in.u32();
                         place.listed_at = in.u64();
                         return place;
                       });
  return series;
}

}  // namespace

void Totals::encode(Writer& out) const {
  out.u64(sales);
  out.u64(refunds);
  out.u64(refunds_without_receipt);
  out.i64(gross.minor);
  out.u32(static_cast<std::uint32_t>(by_vat.size()));
  for (const auto& [code, sum] : by_vat) {
    out.text(code.view());
    out.i64(sum.gross.minor);
    out.i64(sum.vat.minor);
  }
  out.i64(cash.minor);
  out.i64(card.minor);
  out.i64(units.thousandths);
  put(out, minutes);
  put(out, days);
  put(out, hours);
}

Result<Totals> Totals::decode(Reader& in) {
  Totals totals;
  totals.sales = in.u64();
  totals.refunds = in.u64();
  totals.refunds_without_receipt = in.u64();
  totals.gross.minor = in.i64();
  const std::uint32_t rates = in.u32();
  bool whole = read_map(
      in, rates, 20, totals.by_vat, [&] { return read_short_text<VatCode>(in); },
      [&] {
        VatSum sum;
        sum.gross.minor = in.i64();
        sum.vat.minor = in.i64();
        return sum;
      });
  totals.cash.minor = in.i64();
  totals.card.minor = in.i64();
  totals.units.thousandths = in.i64();
  whole = whole && get_ring(in, totals.minutes) && get_ring(in, totals.days) && get_ring(in, totals.hours);
  if (!whole || !in.ok())
    return fail(bad_snapshot, "the snapshot's totals are damaged; delete the snapshot, the journal has it all");
  return totals;
}

void TillState::encode(Writer& out) const {
  out.u64(series.bits);
  out.u64(receipts.size());
  for (const auto& [key, each] : receipts) {
    out.u32(key.first.number);
    out.u64(key.second.bits);
    out.u64(each.next);
    out.u64(each.receipts.size());
    for (const auto& [n, place] : each.receipts) {
      out.u64(n);
      out.u32(place.epoch);
      out.u64(place.index);
      out.u32(place.listed_epoch);
      out.u64(place.listed_at);
    }
  }
  out.u64(refunded.size());
  for (const auto& [receipt, lines] : refunded) {
    out.u32(receipt.till.number);
    out.u64(receipt.series.bits);
    out.u64(receipt.n);
    out.u32(static_cast<std::uint32_t>(lines.size()));
    for (const auto& [line, quantity] : lines) {
      out.u32(line);
      out.i64(quantity.thousandths);
    }
  }
  totals.encode(out);
}

Result<TillState> TillState::decode(Reader& in) {
  TillState state;
  state.series.bits = in.u64();
  bool whole = true;
  const std::uint64_t series_count = in.u64();
  whole = read_map(
              in, series_count, 28, state.receipts,
              [&] {
                const TillId till{in.u32()};
                return std::pair{till, SeriesId{in.u64()}};
              },
              [&] { return get_series(in, whole); }) &&
          whole;
  const std::uint64_t refunds = in.u64();
  whole = whole &&
          read_map(
              in, refunds, 24, state.refunded,
              [&] {
                ReceiptNumber receipt;
                receipt.till.number = in.u32();
                receipt.series.bits = in.u64();
                receipt.n = in.u64();
                return receipt;
              },
              [&] {
                std::map<std::uint32_t, Quantity> lines;
                const std::uint32_t count = in.u32();
                whole = read_map(
                            in, count, 12, lines, [&] { return in.u32(); }, [&] { return Quantity{in.i64()}; }) &&
                        whole;
                return lines;
              }) &&
          whole;
  if (!whole || !in.ok())
    return fail(bad_snapshot, "the snapshot's till is damaged; delete the snapshot, the journal has it all");
  HF_TRY(state.totals, Totals::decode(in));
  return state;
}

}  // namespace holdfast::till
