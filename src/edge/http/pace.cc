#include "edge/http/pace.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "core/base/bytes.h"

namespace holdfast::http {

std::optional<Duration> Pace::begin(const std::string& asker, const Rate& rate, std::int64_t cost, Instant now) {
  if (askers_.size() >= askers_max && now - cleaned_at_ >= seconds(1)) {
    cleaned_at_ = now;
    std::erase_if(askers_, [&](const auto& item) { return item.second.is_whole(now); });
  }
  const bool is_known = askers_.contains(asker) || askers_.size() < askers_max;
  Refill& refill = askers_[is_known ? asker : std::string("others")];
  if (const Duration wait = refill.wait(cost, rate, now); wait.ns > 0) return wait;
  refill.take(cost, rate, now);
  return std::nullopt;
}

std::string asker_of_address(std::string_view address) {
  std::string text(address.substr(0, address.find('%')));
  std::array<std::byte, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  constexpr std::array<unsigned char, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool is_v4 =
      std::ranges::equal(mapped, ByteView(bytes).first(12), {}, [](unsigned char c) { return std::byte{c}; });
  return is_v4 ? to_hex(bytes) : to_hex(ByteView(bytes).first(8));
}

}  // namespace holdfast::http
