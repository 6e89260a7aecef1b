// "host:port" as the chain file and the command line write it: "127.0.0.1:7101", "store-03.example:7101", "[::1]:7101".
//
// Errors: edge/bad_address: says what is wrong with the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast::edge {

struct Address {
  std::string host;  // a name or a number, without brackets; never empty
  std::uint16_t port = 0;
};
Result<Address> parse_address(std::string_view text);
// This machine itself, as a number or "localhost", with or without a port. Numbers by their beginning: for addresses
// that sockets or the operator give, not for names that strangers choose.
bool is_loopback(std::string_view address);

}  // namespace holdfast::edge
