// The one source of chance in a simulation: everything follows from the seed, on any machine and in any build.
// Source: Sebastiano Vigna, splitmix64.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/world.h"

namespace holdfast::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  Random fork() { return Random(next()); }

 private:
  std::uint64_t state_;
};

class SimEntropy final : public Entropy {
 public:
  explicit SimEntropy(Random random) : random_(random) {}
  void fill(std::span<std::byte> into) override {
    for (std::byte& b : into) b = static_cast<std::byte>(random_.next());
  }

 private:
  Random random_;
};

}  // namespace holdfast::sim
