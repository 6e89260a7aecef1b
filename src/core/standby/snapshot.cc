// The standby's part of a snapshot.
#include "core/base/snapshot.h"

#include "core/standby/standby.h"

namespace holdfast::standby {
namespace {

void put(Writer& out, const std::optional<Instant>& at) {
  out.u8(at ? 1 : 0);
  out.i64(at ? at->unix_ns : 0);
}
std::optional<Instant> get_time(Reader& in) {
  const bool has = in.u8() == 1;
  const Instant at{in.i64()};
  return has ? std::optional(at) : std::nullopt;
}
void put(Writer& out, const TotalKey& key) {
  out.i64(key.day);
  out.u8(static_cast<std::uint8_t>(key.kind));
  out.text(key.code);
}
TotalKey get_key(Reader& in) {
  TotalKey key;
  key.day = in.i64();
  const std::uint8_t kind = in.u8();
  if (kind >= total_kinds) in.fits(~0ull, 1);
  key.kind = static_cast<TotalKind>(kind % total_kinds);
  key.code = in.text();
  return key;
}
void put(Writer& out, const Counts& counts) {
  out.u64(counts.sales);
  out.u64(counts.refunds);
  out.u64(counts.movements);
}
Counts get_counts(Reader& in) {
  Counts counts;
  counts.sales = in.u64();
  counts.refunds = in.u64();
  counts.movements = in.u64();
  return counts;
}

void put(Writer& out, const Handback& handback) {
  const MakeHandback& made = handback.made;
  write_place(out, made.first);
  write_place(out, made.end);
  out.u32(made.writer);
  out.u32(static_cast<std::uint32_t>(made.files.size()));
  for (const File& file : made.files) {
    out.text(file.name);
    out.raw(file.sha256);
    out.u64(file.bytes);
  }
  out.u64(made.totals.size());
  for (const auto& [key, amount] : made.totals) {
    put(out, key);
    out.i64(amount);
  }
  put(out, made.counts);
  out.u64(made.late);
  out.i64(handback.at.unix_ns);
  out.u64(handback.confirmed.size());
  for (const auto& [key, confirmed] : handback.confirmed) {
    put(out, key);
    out.i64(confirmed.at.unix_ns);
    out.i64(confirmed.figures.reported);
    out.i64(confirmed.figures.ours);
  }
}
Handback get_handback(Reader& in, std::uint32_t number, bool& whole) {
  Handback handback;
  MakeHandback& made = handback.made;
  made.number = number;
  made.first = read_place(in);
  made.end = read_place(in);
  made.writer = in.u32();
  const std::uint32_t files = in.u32();
  if (!in.fits(files, 44)) return handback;
  for (std::uint32_t i = 0; i < files; ++i) {
    File file;
    file.name = in.text();
    file.sha256 = in.array<32>();
    file.bytes = in.u64();
    made.files.push_back(std::move(file));
  }
  const auto key = [&] { return get_key(in); };
  whole = read_map(in, in.u64(), 21, made.totals, key, [&] { return in.i64(); }) && whole;
  made.counts = get_counts(in);
  made.late = in.u64();
  handback.at.unix_ns = in.i64();
  whole = read_map(in, in.u64(), 37, handback.confirmed, key,
                   [&] {
                     Confirmed confirmed;
                     confirmed.at.unix_ns = in.i64();
                     confirmed.figures.reported = in.i64();
                     confirmed.figures.ours = in.i64();
                     return confirmed;
                   }) &&
          whole;
  return handback;
}

}  // namespace

void StandbyState::encode(Writer& out) const {
  out.u8(static_cast<std::uint8_t>(phase));
  out.i64(since.unix_ns);
  put(out, taken_over_at);
  put(out, ages.prices);
  put(out, ages.stock);
  put(out, ages.orders);
  out.u8(handed_to ? 1 : 0);
  write_place(out, handed_to.value_or(EntryPlace{}));
  put(out, open);
  put(out, open_since);
  write_place(out, last);
  out.u32(static_cast<std::uint32_t>(handbacks.size()));
  for (const Handback& handback : handbacks) put(out, handback);
}

Result<StandbyState> StandbyState::decode(Reader& in) {
  StandbyState state;
  const std::uint8_t phase = in.u8();
  state.phase = static_cast<Phase>(phase % 3);
  state.since.unix_ns = in.i64();
  state.taken_over_at = get_time(in);
  state.ages.prices = get_time(in);
  state.ages.stock = get_time(in);
  state.ages.orders = get_time(in);
  const bool has_place = in.u8() == 1;
  const EntryPlace place = read_place(in);
  if (has_place) state.handed_to = place;
  state.open = get_counts(in);
  state.open_since = get_time(in);
  state.last = read_place(in);
  bool whole = phase < 3;
  const std::uint32_t count = in.u32();
  if (in.fits(count, 100))
    for (std::uint32_t i = 0; i < count && whole && in.ok(); ++i)
      state.handbacks.push_back(get_handback(in, i + 1, whole));
  if (!whole || !in.ok())
    return fail("standby/bad_snapshot",
                "the snapshot's standby is damaged; delete the snapshot, the journal has it all");
  return state;
}

}  // namespace holdfast::standby
