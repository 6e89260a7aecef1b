#include "edge/http/pace.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "core/base/bytes.h"

namespace holdfast::http {

std::optional<Duration> Pace::begin(const std::string& asker, const Allowance& allowance, std::int64_t cost,
                                    Instant now) {
  if (whole_again_.size() >= askers_max && now - cleaned_at_ >= seconds(1)) {
    cleaned_at_ = now;
    std::erase_if(whole_again_, [&](const auto& item) { return item.second <= now; });
  }
  auto it = whole_again_.find(asker);
  if (it == whole_again_.end()) {
    const bool has_room = whole_again_.size() < askers_max;
    it = whole_again_.try_emplace(has_room ? asker : std::string("others"), now).first;
  }
  const Duration unit{seconds(1).ns / allowance.a_second};
  const Instant whole = std::max(it->second, now) + Duration{unit.ns * cost};
  const Duration over{(whole - now).ns - unit.ns * allowance.burst};
  if (over.ns > 0) return over;
  it->second = whole;
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
