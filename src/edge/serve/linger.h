// How long a machine that was replaced stays: until somebody has all of its tail, or until nobody has taken any more of
// it for a day (protocol 13.115).
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/values.h"

namespace holdfast::serve {

class Linger {
 public:
  static constexpr Duration min = seconds(15);  // so that pages and tills are told
  static constexpr Duration stuck_max = days(1);
  static constexpr Duration told_again = seconds(600);

  enum class Step { wait, tell, end };
  // What to do now, with so many of its entries that nobody has taken yet; tell: say in the log how many.
  Step look(Instant now, std::uint64_t left) {
    if (!since_) since_ = now;
    if (left_ != left) moved_at_ = now;
    left_ = left;
    if (left == 0 ? now - *since_ > min : now - moved_at_ > stuck_max) return Step::end;
    if (left == 0 || (told_at_ && now - *told_at_ < told_again)) return Step::wait;
    told_at_ = now;
    return Step::tell;
  }

 private:
  std::optional<Instant> since_, told_at_;
  std::optional<std::uint64_t> left_;
  Instant moved_at_;
};

}  // namespace holdfast::serve
