#include "edge/net/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace holdfast::edge {

Result<Address> parse_address(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return fail("edge/bad_address",
                fmt::format("\"{}\" is not an address: {}. Write host:port, for example 127.0.0.1:7101.",
                            text.substr(0, 300), why));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("the port is missing");
  std::string_view host = text.substr(0, colon), digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address stands in square brackets");
  }
  const bool plain =
      std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 127 && c != '/' && c != '['; });
  if (host.empty() || host.size() > 253 || !plain) return bad("the host is not a name or a number");
  Address address{.host = std::string(host)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || end != digits.data() + digits.size())
    return bad("the port is not a number from 0 to 65535");
  return address;
}

bool is_loopback(std::string_view address) {
  if (address.starts_with('['))
    address = address.substr(1, address.find(']') - 1);
  else if (std::ranges::count(address, ':') == 1)
    address = address.substr(0, address.find(':'));
  if (address.starts_with("::ffff:")) address.remove_prefix(7);
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

}  // namespace holdfast::edge
