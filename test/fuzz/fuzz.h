// Fuzz targets: for each decoder of hostile bytes, a function that feeds it, and valid inputs to begin from.
//
// Shape:  a target is fuzz_NAME(input), which ends the process (HF_CHECK) when a law does not hold, and
//         seeds_of_NAME(), from which `fuzz_all --write-corpus` makes test/fuzz/corpus/NAME; inputs that broke a law
//         once lie there too. The same functions run in the release build under driver.cc (seeded mutations, in `make
//         test`), and by clang under libFuzzer (libfuzzer.cc, `make fuzz`).
// Laws:   what is read is written back and reads the same, byte for byte where there is one form; what does not hold
//         its checksum or signature is not taken; what is allocated is at most so much for each byte of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace holdfast::fuzz {

struct Seed {
  std::string name;  // of its file
  Bytes bytes;
};
using Seeds = std::vector<Seed>;

#define HF_FUZZ_TARGETS(X) \
  X(values)                \
  X(note)                  \
  X(chain)                 \
  X(certificate)           \
  X(event)                 \
  X(record) X(segment) X(message) X(state) X(frames) X(json) X(http) X(csv) X(feed) X(mapping) X(alert) X(guard) X(code)

#define HF_FUZZ_DECLARE(name)    \
  void fuzz_##name(ByteView in); \
  Seeds seeds_of_##name();
HF_FUZZ_TARGETS(HF_FUZZ_DECLARE)
#undef HF_FUZZ_DECLARE

struct Target {
  std::string_view name;
  void (*run)(ByteView);
  Seeds (*seeds)();
};
#define HF_FUZZ_ROW(name) Target{#name, fuzz_##name, seeds_of_##name},
inline constexpr Target targets[] = {HF_FUZZ_TARGETS(HF_FUZZ_ROW)};
#undef HF_FUZZ_ROW

// What is allocated with new from its making on, at the most at one time, beyond what was then.
// Thread: one of these at a time, in a program of one thread.
class Allocations {
 public:
  Allocations();
  std::size_t peak() const;
  std::size_t count() const;  // of allocations

 private:
  std::size_t before_, count_before_;
};

// Peak bytes allowed for `input` bytes: `each` a byte, and some for what does not depend on it.
inline void check_peak(const Allocations& allocations, std::size_t input, std::size_t each,
                       std::size_t constant = 64u << 10) {
  HF_CHECK(allocations.peak() <= each * input + constant, "{} bytes of input make us allocate {}; at most {} + {} each",
           input, allocations.peak(), constant, each);
}

inline Seed text_seed(std::string name, std::string_view text) { return {std::move(name), to_bytes(as_bytes(text))}; }
// The first byte of an input says which of several decoders reads the rest.
inline Bytes with_first(std::uint8_t first, ByteView rest) {
  Bytes out{static_cast<std::byte>(first)};
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

}  // namespace holdfast::fuzz
