// What the snapshots of several rooms hold. Reading is hostile-safe: bounded lists, names that fit, keys that rise
// strictly (so that equal states have equal bytes and nothing stands twice).
#pragma once

#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/ids.h"

namespace holdfast {

// A ShortText; one that is too long spoils the reader.
template <class T>
T read_short_text(Reader& in) {
  const std::string_view text = as_text(in.blob());
  if (text.size() <= T::bytes_max) return T(text);
  in.fits(~0ull, 1);
  return {};
}

// 12 bytes.
inline void write_place(Writer& out, const EntryPlace& place) {
  out.u32(place.epoch);
  out.u64(place.index);
}
inline EntryPlace read_place(Reader& in) {
  EntryPlace place;
  place.epoch = in.u32();
  place.index = in.u64();
  return place;
}

// `count` pairs of at least `bytes_each` bytes into an ordered map. False: damaged.
template <class Map, class Key, class Value>
bool read_map(Reader& in, std::uint64_t count, std::size_t bytes_each, Map& map, Key key_of, Value value_of) {
  if (!in.fits(count, bytes_each)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto key = key_of();
    auto value = value_of();
    if (!in.ok() || (!map.empty() && key <= map.rbegin()->first)) return false;
    map.emplace_hint(map.end(), std::move(key), std::move(value));
  }
  return in.ok();
}

}  // namespace holdfast
