// An allowance that refills with time: so much at once, then one more each interval.
//
// Source: the generic cell rate algorithm (ITU-T I.371, annex A), which keeps one time for a count and a time.
// Bounds: cost * each must stay below 2^63 ns (292 years).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/values.h"

namespace holdfast {

struct Rate {
  std::int64_t burst = 0;
  Duration each;
};
constexpr Rate a_second(std::int64_t burst, std::int64_t count) { return {burst, {seconds(1).ns / count}}; }

class Refill {
 public:
  // How long until `cost` is there; nothing or less: now.
  Duration wait(std::int64_t cost, const Rate& rate, Instant now) const {
    return {(after(cost, rate, now) - now).ns - rate.burst * rate.each.ns};
  }
  void take(std::int64_t cost, const Rate& rate, Instant now) { whole_again_ = after(cost, rate, now); }
  bool is_whole(Instant now) const { return whole_again_ <= now; }

 private:
  Instant after(std::int64_t cost, const Rate& rate, Instant now) const {
    return std::max(whole_again_, now) + Duration{rate.each.ns * cost};
  }
  Instant whole_again_;
};

}  // namespace holdfast
