#include "core/feed/feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/base/snapshot.h"
#include "core/base/text.h"

namespace holdfast::feed {
namespace {

constexpr std::string_view bad_file = "feed/bad_file";
constexpr std::string_view bad_order = "feed/bad_order";
constexpr std::array<std::string_view, 3> kind_names = {"catalogue", "stock", "orders"};

bool is_name(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && is_clean_text(text);
}

Status check_order(const Order& order) {
  const auto bad = [&](std::string_view why) {
    return fail(bad_order, fmt::format("order {}: {}", is_clean_text(order.number) ? order.number : "?", why));
  };
  if (!is_name(order.number, number_bytes_max)) return bad("its number is missing, too long or not printable");
  if (order.state.size() > state_bytes_max || !is_clean_text(order.state)) return bad("its state is no short text");
  if (order.placed_at.unix_ns < 0) return bad("it was placed before 1970");
  if (order.lines.empty()) return bad("it has no lines");
  for (const OrderLine& line : order.lines) {
    if (!is_clean_text(line.sku.view())) return bad("a SKU is not printable");
    if (line.quantity.thousandths < 1 || line.quantity.thousandths > quantity_thousandths_max)
      return bad("a quantity is not positive, or too large");
  }
  return {};
}

void put(Writer& out, const Order& order) {
  out.raw(order.customer.bytes);
  out.text(order.state);
  out.i64(order.placed_at.unix_ns);
  out.u32(static_cast<std::uint32_t>(order.lines.size()));
  for (const OrderLine& line : order.lines) {
    out.text(line.sku.view());
    out.i64(line.quantity.thousandths);
  }
}
Order get_order(Reader& in) {
  Order order;
  order.customer = {in.array<16>()};
  order.state = in.text();
  order.placed_at.unix_ns = in.i64();
  const std::uint32_t count = in.u32();
  if (!in.fits(count, 12)) return order;
  order.lines.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Sku sku = read_short_text<Sku>(in);
    order.lines.push_back({sku, Quantity{in.i64()}});
  }
  return order;
}

void put(Writer& out, const Taken& taken) {
  const FeedTaken& f = taken.file;
  out.text(f.file);
  out.raw(f.sha256);
  out.i64(f.as_of.unix_ns);
  out.u8(f.whole ? 1 : 0);
  out.u8(f.accepted ? 1 : 0);
  for (const std::uint64_t n : {f.rows, f.refused, f.taken, f.changed}) out.u64(n);
  out.i64(taken.at.unix_ns);
}
Taken get_taken(Reader& in) {
  Taken taken;
  FeedTaken& f = taken.file;
  f.file = in.text();
  f.sha256 = in.array<32>();
  f.as_of.unix_ns = in.i64();
  f.whole = in.u8() == 1;
  f.accepted = in.u8() == 1;
  for (std::uint64_t* n : {&f.rows, &f.refused, &f.taken, &f.changed}) *n = in.u64();
  taken.at.unix_ns = in.i64();
  return taken;
}

}  // namespace

std::string_view to_text(Kind kind) { return kind_names[static_cast<std::size_t>(kind)]; }
std::optional<Kind> kind_of(std::string_view text) {
  const auto found = std::ranges::find(kind_names, text);
  if (found == kind_names.end()) return std::nullopt;
  return static_cast<Kind>(found - kind_names.begin());
}

const Taken* FeedState::oldest(Kind kind) const {
  const Taken* out = nullptr;
  for (const auto& [key, taken] : streams)
    if (key.first == kind && (out == nullptr || taken.file.as_of < out->file.as_of)) out = &taken;
  return out;
}

std::optional<Instant> FeedState::as_of(Kind kind) const {
  const Taken* taken = oldest(kind);
  return taken == nullptr ? std::nullopt : std::optional(taken->file.as_of);
}

Status check_event(const FeedTaken& event) {
  if (!is_name(event.stream, stream_bytes_max) || !is_name(event.file, file_bytes_max))
    return fail(bad_file, "the name of the file or of its stream is missing, too long or not printable");
  if (event.as_of.unix_ns < 0) return fail(bad_file, fmt::format("{} is dated before 1970", event.file));
  if (event.refused > event.rows) return fail(bad_file, fmt::format("{} has more refused rows than rows", event.file));
  return {};
}

Status check_event(const OrdersFed& event) {
  if (event.as_of.unix_ns < 0) return fail(bad_order, "the orders are dated before 1970");
  if (event.orders.empty() && event.gone.empty()) return fail(bad_order, "no order is named");
  if (event.orders.size() > orders_a_command_max || event.gone.size() > lines_a_command_max)
    return fail(bad_order,
                fmt::format("{} orders and {} that are gone; at most {} and {} at a time", event.orders.size(),
                            event.gone.size(), orders_a_command_max, lines_a_command_max));
  std::size_t lines = 0;
  std::set<std::string_view> named;
  for (const Order& order : event.orders) {
    HF_TRY_VOID(check_order(order));
    lines += order.lines.size();
    if (!named.insert(order.number).second)
      return fail(bad_order, fmt::format("order {} stands twice in one request", order.number));
  }
  if (lines > lines_a_command_max)
    return fail(bad_order, fmt::format("{} lines of orders; at most {} at a time", lines, lines_a_command_max));
  for (const std::string& number : event.gone) {
    if (!is_name(number, number_bytes_max)) return fail(bad_order, "an order that is gone has no number");
    if (!named.insert(number).second)
      return fail(bad_order, fmt::format("order {} stands twice in one request", number));
  }
  return {};
}

Result<FeedTaken> decide(const FeedState& state, Instant now, const TakeFile& command) {
  FeedTaken event = command.file;
  event.as_of = std::min(event.as_of, now);
  HF_TRY_VOID(check_event(event));
  const auto before = state.streams.find({event.kind, event.stream});
  if (before != state.streams.end() && event.as_of < before->second.file.as_of)
    return fail("feed/older",
                fmt::format("{} is older than {}, which was taken before", event.file, before->second.file.file));
  if (before == state.streams.end() && !event.whole && state.streams.size() >= streams_max)
    return fail("feed/too_many", fmt::format("{} exports are known here; name files of one export alike", streams_max));
  return event;
}

Result<OrdersFed> decide(const FeedState& state, Instant now, const FeedOrders& command) {
  OrdersFed event{std::min(command.as_of, now), command.orders, command.gone};
  HF_TRY_VOID(check_event(event));
  if (state.orders.size() + event.orders.size() > orders_max)
    return fail("feed/too_many", fmt::format("more than {} open orders; export only those that are open", orders_max));
  return event;
}

void apply(FeedState& state, const FeedTaken& event, Instant at) {
  const std::pair<Kind, std::string> key{event.kind, event.stream};
  if (event.whole)
    std::erase_if(state.streams, [&](const auto& each) { return each.first.first == key.first && each.first != key; });
  if (state.streams.size() >= streams_max && !state.streams.contains(key)) return;
  state.streams.insert_or_assign(key, Taken{event, at});
}

void apply(FeedState& state, const OrdersFed& event) {
  for (const std::string& number : event.gone) state.orders.erase(number);
  for (const Order& order : event.orders)
    if (state.orders.size() < orders_max || state.orders.contains(order.number))
      state.orders.insert_or_assign(order.number, order);
}

void FeedState::encode(Writer& out) const {
  out.u64(streams.size());
  for (const auto& [key, taken] : streams) {
    out.u8(static_cast<std::uint8_t>(key.first));
    out.text(key.second);
    put(out, taken);
  }
  out.u64(orders.size());
  for (const auto& [number, order] : orders) {
    out.text(number);
    put(out, order);
  }
}

Result<FeedState> FeedState::decode(Reader& in) {
  FeedState state;
  bool known = true;
  const auto key = [&] {
    const std::uint8_t kind = in.u8();
    known = known && kind < kind_names.size();
    return std::pair(static_cast<Kind>(kind), in.text());
  };
  bool whole = read_map(in, in.u64(), 96, state.streams, key, [&] { return get_taken(in); }) && known;
  whole = whole && read_map(
                       in, in.u64(), 36, state.orders, [&] { return in.text(); }, [&] { return get_order(in); });
  for (auto& [name, taken] : state.streams) {
    taken.file.kind = name.first;
    taken.file.stream = name.second;
  }
  for (auto& [number, order] : state.orders) order.number = number;
  if (!whole || !in.ok())
    return fail("feed/bad_snapshot", "the snapshot's feed is damaged; delete the snapshot, the journal has it all");
  return state;
}

}  // namespace holdfast::feed
