// The addresses of a host, by its name.
//
// Errors: what getaddrinfo() says, as `problem`; with `problem` empty there is at least one address.
// Source: getaddrinfo(3); RFC 6724 orders its answers.
#pragma once

#include <string>
#include <vector>

namespace holdfast::edge {

struct HostAddresses {
  std::vector<std::string> numbers;  // IPv4 and IPv6, in the order to try
  std::string problem;
};
HostAddresses addresses_of(const std::string& host);  // blocks

}  // namespace holdfast::edge
