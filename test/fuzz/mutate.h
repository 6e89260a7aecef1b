// Inputs that are almost right: a valid one with a few edits, all from one number, so that any of them can be made
// again.
#pragma once

#include <algorithm>
#include <span>

#include "sim/random.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {

inline constexpr std::size_t input_bytes_max = 8192;

class Mutator {
 public:
  Mutator(std::span<const Bytes> corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}
  Bytes make() {
    Bytes out = any_of_corpus();
    const std::uint64_t edits = 1 + random_.below(random_.one_in(4) ? 16 : 4);
    for (std::uint64_t i = 0; i < edits; ++i) edit(out);
    if (out.size() > input_bytes_max) out.resize(input_bytes_max);
    return out;
  }

 private:
  const Bytes& any_of_corpus() { return corpus_[random_.below(corpus_.size())]; }
  std::size_t place(const Bytes& in) { return static_cast<std::size_t>(random_.below(in.size() + 1)); }
  // Numbers at which decoders change their mind.
  std::uint64_t telling_number() {
    constexpr std::uint64_t some[] = {0, 1, 2, 7, 8, 9, 127, 128, 255, 256, 4095, 4096, 65'535, 65'536, 0x7fffffff};
    const std::uint64_t n = random_.one_in(8) ? std::uint64_t{1} << random_.below(64) : some[random_.below(15)];
    return random_.one_in(4) ? ~n + random_.below(2) : n;
  }

  void edit(Bytes& in) {
    const std::size_t at = place(in);
    const std::size_t left = in.size() - at;
    switch (random_.below(9)) {
      case 0:  // a bit
        if (left > 0) in[at] ^= static_cast<std::byte>(1u << random_.below(8));
        break;
      case 1:  // a byte
        if (left > 0) in[at] = static_cast<std::byte>(random_.next());
        break;
      case 2: {  // a number of some width
        const std::uint64_t n = telling_number();
        std::memcpy(in.data() + at, &n, std::min<std::size_t>(std::size_t{1} << random_.below(4), left));
        break;
      }
      case 3:  // a little more or less
        if (left > 0) in[at] = static_cast<std::byte>(std::to_integer<int>(in[at]) + (random_.one_in(2) ? 1 : -1));
        break;
      case 4:  // a piece goes
        in.erase(in.begin() + offset(at), in.begin() + offset(at + random_.below(std::min<std::size_t>(left, 64) + 1)));
        break;
      case 5: {  // a piece stands twice
        const Bytes piece(in.begin() + offset(at),
                          in.begin() + offset(at + random_.below(std::min<std::size_t>(left, 64) + 1)));
        in.insert(in.begin() + offset(place(in)), piece.begin(), piece.end());
        break;
      }
      case 6: {  // a piece of another input
        const Bytes& other = any_of_corpus();
        const std::size_t from = place(other);
        const std::size_t bytes = static_cast<std::size_t>(random_.below(other.size() - from + 1));
        in.insert(in.begin() + offset(at), other.begin() + offset(from), other.begin() + offset(from + bytes));
        break;
      }
      case 7:  // cut off
        if (random_.one_in(4)) in.resize(at);
        break;
      default: {  // a mark of some text format, or a run of one byte
        constexpr std::string_view marks = "\"\\\r\n\t,;:.-+=[]{}0 \x7f";
        const auto mark = static_cast<std::byte>(marks[random_.below(marks.size())]);
        in.insert(in.begin() + offset(at), static_cast<std::size_t>(1 + random_.below(random_.one_in(8) ? 40 : 2)),
                  mark);
      }
    }
  }
  static std::ptrdiff_t offset(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

  std::span<const Bytes> corpus_;
  sim::Random random_;
};

}  // namespace holdfast::fuzz
