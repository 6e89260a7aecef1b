// Byte strings, hexadecimal and base64, and the little-endian Writer and Reader of our own binary forms
// (record headers, snapshots, canonical requests).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace holdfast {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
template <std::size_t N>
using ByteArray = std::array<std::byte, N>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

std::string to_hex(ByteView bytes);                       // lower case
std::optional<Bytes> from_hex(std::string_view text);     // either case; nullopt: odd length or a foreign character
std::string to_base64(ByteView bytes);                    // RFC 4648 section 4, padded
std::optional<Bytes> from_base64(std::string_view text);  // strict: padding needed, no line ends

// A fixed array from hex of exactly twice its length, else nullopt.
template <std::size_t N>
std::optional<ByteArray<N>> array_from_hex(std::string_view text) {
  if (text.size() != 2 * N) return std::nullopt;
  auto bytes = from_hex(text);
  if (!bytes) return std::nullopt;
  ByteArray<N> array;
  std::memcpy(array.data(), bytes->data(), N);
  return array;
}
// A fixed array from a view of exactly its length, else nullopt.
template <std::size_t N>
std::optional<ByteArray<N>> array_from(ByteView view) {
  if (view.size() != N) return std::nullopt;
  ByteArray<N> array;
  std::memcpy(array.data(), view.data(), N);
  return array;
}

// Appends fixed-width little-endian numbers and length-prefixed strings.
class Writer {
 public:
  void u8(std::uint8_t v) { put(&v, 1); }
  void u16(std::uint16_t v) { put(&v, 2); }
  void u32(std::uint32_t v) { put(&v, 4); }
  void u64(std::uint64_t v) { put(&v, 8); }
  void i64(std::int64_t v) { put(&v, 8); }
  void raw(ByteView bytes) { put(bytes.data(), bytes.size()); }
  void blob(ByteView bytes) {  // u32 length, bytes
    u32(static_cast<std::uint32_t>(bytes.size()));
    raw(bytes);
  }
  void text(std::string_view t) { blob(as_bytes(t)); }
  ByteView view() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  Bytes take() { return std::move(bytes_); }

 private:
  void put(const void* data, std::size_t size) {
    const auto* p = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), p, p + size);
  }
  Bytes bytes_;
};

// The inverse. A read past the end yields zeros and makes ok() false for ever, so that a decoder checks once at its
// end. Counts that size a container must pass fits(count, bytes_each) first.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  std::uint8_t u8() { return get<std::uint8_t>(); }
  std::uint16_t u16() { return get<std::uint16_t>(); }
  std::uint32_t u32() { return get<std::uint32_t>(); }
  std::uint64_t u64() { return get<std::uint64_t>(); }
  std::int64_t i64() { return get<std::int64_t>(); }
  ByteView raw(std::size_t size) {
    if (size > rest_.size()) return spoil();
    ByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }
  template <std::size_t N>
  ByteArray<N> array() {
    ByteArray<N> out{};
    ByteView v = raw(N);
    if (v.size() == N) std::memcpy(out.data(), v.data(), N);
    return out;
  }
  ByteView blob() { return raw(u32()); }
  std::string text() { return std::string(as_text(blob())); }
  bool fits(std::uint64_t count, std::size_t bytes_each) {
    if (ok_ && count <= rest_.size() / bytes_each) return true;
    spoil();
    return false;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  template <class T>
  T get() {
    T v{};
    ByteView b = raw(sizeof v);
    if (b.size() == sizeof v) std::memcpy(&v, b.data(), sizeof v);
    return v;
  }
  ByteView spoil() {
    ok_ = false;
    rest_ = {};
    return {};
  }
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace holdfast
