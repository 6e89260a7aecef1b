#include "core/stock/stock.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/mutant.h"
#include "core/base/sums.h"
#include "core/base/text.h"

namespace holdfast::stock {
namespace {

constexpr std::string_view bad_line = "stock/bad_line";

Status check_lines(const std::vector<Line>& lines, std::int64_t thousandths_min) {
  if (lines.empty() || lines.size() > lines_max)
    return fail(bad_line, fmt::format("{} lines; give 1 to {}", lines.size(), lines_max));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (line.sku.empty() || !is_clean_text(line.sku.view()))
      return fail(bad_line, fmt::format("line {} has no SKU", i + 1));
    if (line.quantity.thousandths < thousandths_min || line.quantity.thousandths > quantity_thousandths_max)
      return fail(bad_line,
                  fmt::format("line {} ({}): quantity {} is {}", i + 1, line.sku.view(), to_text(line.quantity),
                              line.quantity.thousandths < thousandths_min ? "not positive" : "too large"));
  }
  return {};
}

Status check_text(std::string_view text, std::string_view what) {
  if (text.size() > text_bytes_max || !is_clean_text(text))
    return fail(bad_line, fmt::format("the {} is longer than {} bytes or not printable UTF-8", what, text_bytes_max));
  return {};
}

Status check_site(const SiteName& site) {
  const bool fine = !site.empty() && std::ranges::all_of(site.view(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!fine) return fail("stock/unknown_site", "the other site's name is missing or not one");
  return {};
}

void move_in(StockState& state, const Line& line) {
  add(state.items[line.sku].on_hand, line.quantity);
  add(state.total, line.quantity);
}

void move_out(StockState& state, const Line& line) {
  Item& item = state.items[line.sku];
  take_off(item.on_hand, line.quantity);
  take_off(state.total, line.quantity);
  if (item.on_hand.thousandths < 0) item.count_wanted = true;  // the shelf is right and the book is wrong
}

// The difference to what stood in the book goes into one of two sums, so that total = in - out holds.
Item& set_level(StockState& state, const Line& line, Instant at, Quantity& up, Quantity& down) {
  Item& item = state.items[line.sku];
  Quantity difference = line.quantity;
  take_off(difference, item.on_hand);
  add(state.total, difference);
  if (difference.thousandths >= 0)
    add(up, difference);
  else
    take_off(down, difference);
  item.on_hand = line.quantity;
  item.level_at = std::max(item.level_at, at);
  return item;
}

std::map<Sku, Quantity> by_sku(const std::vector<Line>& lines) {
  std::map<Sku, Quantity> sums;
  for (const Line& line : lines) add(sums[line.sku], line.quantity);
  return sums;
}

}  // namespace

Status check_event(const StockReceived& event) {
  HF_TRY_VOID(check_lines(event.lines, 1));
  return check_text(event.reference, "reference");
}
Status check_event(const StockWrittenOff& event) {
  HF_TRY_VOID(check_lines(event.lines, 1));
  return check_text(event.reason, "reason");
}
Status check_event(const StockCounted& event) {
  HF_TRY_VOID(check_lines(event.lines, 0));
  std::set<Sku> counted;
  for (const Line& line : event.lines)
    if (!counted.insert(line.sku).second)
      return fail(bad_line, fmt::format("{} is counted twice; give one figure for it", line.sku.view()));
  return {};
}
Status check_event(const StockDispatched& event) {
  HF_TRY_VOID(check_site(event.to));
  return check_lines(event.lines, 1);
}
Status check_event(const DispatchReceived& event) {
  HF_TRY_VOID(check_site(event.from));
  if (event.dispatch.is_zero())
    return fail(bad_line, "the dispatch has no id; it is printed on the paper with the goods");
  return check_lines(event.lines, 0);  // 0: it never arrived
}

Status check_event(const StockFed& event) {
  if (event.as_of.unix_ns < 0) return fail(bad_line, "the levels are dated before 1970");
  HF_TRY_VOID(check_lines(event.lines, -quantity_thousandths_max));
  std::set<Sku> fed;
  for (const Line& line : event.lines)
    if (!fed.insert(line.sku).second)
      return fail(bad_line, fmt::format("{} is fed twice; give one level for it", line.sku.view()));
  return {};
}

Result<StockReceived> decide(const StockState&, const Receive& command) {
  StockReceived event{command.lines, command.reference};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<StockWrittenOff> decide(const StockState&, const WriteOff& command) {
  if (command.reason.empty()) return fail("stock/reason_needed", "say why these goods are written off");
  StockWrittenOff event{command.lines, command.reason};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<StockCounted> decide(const StockState&, const Count& command) {
  StockCounted event{command.lines};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<StockDispatched> decide(const StockState&, const SiteName& here, const Dispatch& command) {
  StockDispatched event{command.to, command.lines};
  HF_TRY_VOID(check_event(event));
  if (command.to == here) return fail("stock/same_site", "goods cannot be dispatched to this very site; name another");
  return event;
}

Result<DispatchReceived> decide(const StockState& state, const SiteName& here, const ReceiveDispatch& command) {
  DispatchReceived event{command.from, command.dispatch, command.lines};
  HF_TRY_VOID(check_event(event));
  if (command.from == here)
    return fail("stock/same_site", "a dispatch comes from another site; name the one on the paper");
  if (const auto it = state.arrived.find(command.dispatch); it != state.arrived.end() && !HF_MUTANT(30))
    return fail("stock/received_before", fmt::format("dispatch {} was received on {}; count the goods if they are more",
                                                     to_hex(command.dispatch.bytes), to_text(it->second.at)));
  return event;
}

Result<StockFed> decide(const StockState&, Instant now, const Feed& command) {
  StockFed event{std::min(command.as_of, now), command.lines};
  HF_TRY_VOID(check_event(event));
  return event;
}

void apply(StockState& state, const StockReceived& event) {
  for (const Line& line : event.lines) {
    move_in(state, line);
    add(state.received, line.quantity);
  }
}

void apply(StockState& state, const StockWrittenOff& event) {
  for (const Line& line : event.lines) {
    move_out(state, line);
    add(state.written_off, line.quantity);
  }
}

void apply(StockState& state, const StockCounted& event, Instant at) {
  for (const Line& line : event.lines)
    set_level(state, line, at, state.counted_up, state.counted_down).count_wanted = false;
}

void want_count_if_set_since(StockState& state, const Sku& sku, Instant moved_at) {
  const auto item = state.items.find(sku);
  if (item != state.items.end() && item->second.level_at != Instant{} && item->second.level_at >= moved_at)
    item->second.count_wanted = true;
}

void want_count(StockState& state, const StockCounted& event) {
  for (const Line& line : event.lines) state.items[line.sku].count_wanted = true;
}

void apply(StockState& state, const StockFed& event) {
  for (const Line& line : event.lines)
    set_level(state, line, event.as_of, state.fed_up, state.fed_down).count_wanted = line.quantity.thousandths < 0;
}

void apply(StockState& state, const StockDispatched& event, const DispatchId& id, Instant at, EntryIndex index) {
  if (!state.sent.try_emplace(id, Sent{event.to, event.lines, at, index}).second) return;
  for (const Line& line : event.lines) {
    move_out(state, line);
    add(state.dispatched, line.quantity);
  }
}

void apply(StockState& state, const DispatchReceived& event, Instant at) {
  if (!state.arrived.try_emplace(event.dispatch, Arrived{event.from, event.lines, at}).second && !HF_MUTANT(30)) return;
  for (const Line& line : event.lines) {
    move_in(state, line);
    add(state.arrived_units, line.quantity);
  }
}

void want_count_of_differences(StockState& state, const std::vector<Line>& sent, const std::vector<Line>& arrived) {
  const std::map<Sku, Quantity> left = by_sku(sent), came = by_sku(arrived);
  for (const auto& [sku, quantity] : left)
    if (const auto it = came.find(sku); it == came.end() || it->second != quantity)
      state.items[sku].count_wanted = true;
  for (const auto& [sku, quantity] : came)
    if (!left.contains(sku)) state.items[sku].count_wanted = true;
}

void want_count_of_all(StockState& state) {
  for (auto& [sku, item] : state.items) item.count_wanted = true;
}

void move_by_till(StockState& state, const Sku& sku, Quantity sold) {
  if (sold.thousandths >= 0) {
    move_out(state, {sku, sold});
    add(state.sold, sold);
  } else {
    const Quantity back{wrapping_minus(0, sold.thousandths)};
    move_in(state, {sku, back});
    add(state.taken_back, back);
  }
}

}  // namespace holdfast::stock
