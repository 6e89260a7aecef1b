// The stock's part of a snapshot.
#include "core/base/snapshot.h"

#include <array>

#include "core/stock/stock.h"

namespace holdfast::stock {
namespace {

void put(Writer& out, const std::vector<Line>& lines) {
  out.u32(static_cast<std::uint32_t>(lines.size()));
  for (const Line& line : lines) {
    out.text(line.sku.view());
    out.i64(line.quantity.thousandths);
  }
}

std::vector<Line> get_lines(Reader& in) {
  std::vector<Line> lines;
  const std::uint32_t count = in.u32();
  if (!in.fits(count, 12)) return lines;
  lines.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Sku sku = read_short_text<Sku>(in);
    lines.push_back({sku, Quantity{in.i64()}});
  }
  return lines;
}

auto sums_of(auto& state) {
  return std::array{&state.total,         &state.received, &state.counted_up, &state.written_off,
                    &state.counted_down,  &state.sold,     &state.taken_back, &state.dispatched,
                    &state.arrived_units, &state.fed_up,   &state.fed_down};
}

}  // namespace

void StockState::encode(Writer& out) const {
  out.u64(items.size());
  for (const auto& [sku, item] : items) {
    out.text(sku.view());
    out.i64(item.on_hand.thousandths);
    out.u8(item.count_wanted ? 1 : 0);
    out.i64(item.level_at.unix_ns);
  }
  out.u64(sent.size());
  for (const auto& [id, dispatch] : sent) {
    out.raw(id.bytes);
    out.text(dispatch.to.view());
    put(out, dispatch.lines);
    out.i64(dispatch.at.unix_ns);
    out.u64(dispatch.index);
  }
  out.u64(arrived.size());
  for (const auto& [id, arrival] : arrived) {
    out.raw(id.bytes);
    out.text(arrival.from.view());
    put(out, arrival.lines);
    out.i64(arrival.at.unix_ns);
  }
  for (const Quantity* sum : sums_of(*this)) out.i64(sum->thousandths);
}

Result<StockState> StockState::decode(Reader& in) {
  StockState state;
  const auto id = [&] { return DispatchId{in.array<16>()}; };
  const bool whole = read_map(
                         in, in.u64(), 21, state.items, [&] { return read_short_text<Sku>(in); },
                         [&] {
                           Item item;
                           item.on_hand.thousandths = in.i64();
                           item.count_wanted = in.u8() == 1;
                           item.level_at.unix_ns = in.i64();
                           return item;
                         }) &&
                     read_map(in, in.u64(), 40, state.sent, id,
                              [&] {
                                Sent sent;
                                sent.to = read_short_text<SiteName>(in);
                                sent.lines = get_lines(in);
                                sent.at.unix_ns = in.i64();
                                sent.index = in.u64();
                                return sent;
                              }) &&
                     read_map(in, in.u64(), 32, state.arrived, id, [&] {
                       Arrived arrived;
                       arrived.from = read_short_text<SiteName>(in);
                       arrived.lines = get_lines(in);
                       arrived.at.unix_ns = in.i64();
                       return arrived;
                     });
  for (Quantity* sum : sums_of(state)) sum->thousandths = in.i64();
  if (!whole || !in.ok())
    return fail("stock/bad_snapshot", "the snapshot's stock is damaged; delete the snapshot, the journal has it all");
  return state;
}

}  // namespace holdfast::stock
