// Bytes that leave no copy behind: zeroed when they go, moved but never copied, never printed.
#pragma once

#include <sodium.h>

#include "core/base/bytes.h"

namespace holdfast::keys {

// As libsodium takes bytes.
inline const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
inline unsigned char* raw(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
template <std::size_t N>
unsigned char* raw(ByteArray<N>& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  void wipe() { sodium_memzero(bytes_.data(), N); }
  const ByteArray<N>& bytes() const { return bytes_; }
  unsigned char* data() { return reinterpret_cast<unsigned char*>(bytes_.data()); }
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }
  char* text() { return reinterpret_cast<char*>(bytes_.data()); }
  static constexpr std::size_t size() { return N; }

 private:
  ByteArray<N> bytes_{};
};

}  // namespace holdfast::keys
