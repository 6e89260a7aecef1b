// How fast one asker may ask: a burst, then so much a second, so that one device on the shop's network cannot take the
// node's time from the tills.
//
// Shape:  askers are kept apart by a name that the caller gives ("till/3", "staff/…", an address). A table of at most
//         askers_max; when it is full, those whose burst is whole again are forgotten, and who is new then shares one
//         allowance with all others that are new.
// Thread: one at a time (the server's).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/refill.h"

namespace holdfast::http {

class Pace {
 public:
  static constexpr Rate known = a_second(1000, 300);   // an enrolled till, or a person who is signed in
  static constexpr Rate unknown = a_second(400, 100);  // an address
  // What a till or a person writes, in KiB of requests that change something, each at least one. Far above a week's
  // sales sent at once; in a day less than half of what mirrors take of one site (4.4), so that no single key ends it.
  static constexpr Rate writing = a_second(40'000, 10);
  static constexpr std::size_t askers_max = 4096;

  // How long to wait; nullopt: it may ask now, and `cost` is counted.
  std::optional<Duration> begin(const std::string& asker, const Rate& rate, std::int64_t cost, Instant monotonic_now);

 private:
  std::map<std::string, Refill> askers_;
  Instant cleaned_at_;
};

// IPv6 by its first 64 bits: one device has as many addresses below them as it likes.
std::string asker_of_address(std::string_view address);

}  // namespace holdfast::http
