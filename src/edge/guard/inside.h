// Who is inside a sealed site: this machine itself, and the shop's own network, where its tills and people are.
//
// Shape:  by `[seal] inside` of guard.toml; where that is empty, the networks that this machine is directly attached to
//         when the seal is set. A router's other side, a VPN's far end, head office are not.
// Errors: parse(): nullopt for what is no address or network.
// Thread: a value; reads from any thread.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::guard {

struct Network {
  std::array<unsigned char, 16> address{};  // IPv4 as ::ffff:a.b.c.d
  unsigned bits = 128;
  static std::optional<Network> parse(std::string_view text);  // "192.168.1.7", "192.168.1.0/24", "fd00::/64"
  bool holds(const Network& other) const;
};
// Loopback and what this machine's interfaces are attached to; nullopt: the system does not say.
std::optional<std::vector<Network>> attached_networks();
bool is_inside(const std::vector<Network>& networks, std::string_view address);
// Loopback and those of `[seal] inside`; where that is empty, attached_networks(), as they are now, if they are told.
std::vector<Network> inside_networks(const std::vector<Network>& configured);
// Whether an address is outside of them; with none configured, the attached ones of the moment in which it is asked.
std::function<bool(std::string_view address)> outside_of(std::vector<Network> configured);

}  // namespace holdfast::guard
