#include "edge/guard/inside.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <memory>

namespace holdfast::guard {
namespace {

constexpr unsigned v4_offset_bits = 96;

Network of_v4(const in_addr& address, unsigned bits) {
  Network out;
  out.address[10] = out.address[11] = 0xff;
  std::memcpy(out.address.data() + 12, &address, 4);
  out.bits = v4_offset_bits + bits;
  return out;
}

unsigned ones(const unsigned char* mask, std::size_t size) {
  unsigned bits = 0;
  for (std::size_t i = 0; i < size; ++i) bits += static_cast<unsigned>(std::popcount(mask[i]));
  return bits;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  Network out;
  in_addr v4{};
  in6_addr v6{};
  unsigned most = 128, offset = 0;
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    out = of_v4(v4, 32);
    most = 32;
    offset = v4_offset_bits;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
    std::memcpy(out.address.data(), &v6, 16);
  } else {
    return std::nullopt;
  }
  if (slash == std::string_view::npos) return out;
  const std::string_view bits = text.substr(slash + 1);
  unsigned wanted = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), wanted);
  if (error != std::errc() || end != bits.data() + bits.size() || wanted > most) return std::nullopt;
  out.bits = offset + wanted;
  return out;
}

bool Network::holds(const Network& other) const {
  if (other.bits < bits) return false;
  const std::size_t whole = bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), other.address.begin()))
    return false;
  if (bits % 8 == 0) return true;
  const unsigned shift = 8 - bits % 8;
  return address[whole] >> shift == other.address[whole] >> shift;
}

static std::vector<Network> loopback() { return {*Network::parse("127.0.0.0/8"), *Network::parse("::1")}; }

std::optional<std::vector<Network>> attached_networks() {
  std::vector<Network> out = loopback();
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
  for (const ifaddrs* each = raw; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_netmask == nullptr) continue;
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto* at = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      const auto* mask = reinterpret_cast<const sockaddr_in*>(each->ifa_netmask);
      out.push_back(of_v4(at->sin_addr, ones(reinterpret_cast<const unsigned char*>(&mask->sin_addr), 4)));
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto* at = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      const auto* mask = reinterpret_cast<const sockaddr_in6*>(each->ifa_netmask);
      Network network;
      std::memcpy(network.address.data(), &at->sin6_addr, 16);
      network.bits = ones(reinterpret_cast<const unsigned char*>(&mask->sin6_addr), 16);
      out.push_back(network);
    }
  }
  return out;
}

bool is_inside(const std::vector<Network>& networks, std::string_view address) {
  const auto asked = Network::parse(address.substr(0, address.find('%')));  // without an interface's name
  return asked && std::ranges::any_of(networks, [&](const Network& n) { return n.holds(*asked); });
}

std::vector<Network> inside_networks(const std::vector<Network>& configured, const AskAttached& attached) {
  if (configured.empty()) return attached().value_or(loopback());
  std::vector<Network> out = loopback();
  out.insert(out.end(), configured.begin(), configured.end());
  return out;
}

std::function<bool(std::string_view address)> outside_of(std::vector<Network> configured) {
  return [configured = std::move(configured)](std::string_view address) {
    return !is_inside(inside_networks(configured), address);
  };
}

void InsideOfSeal::begin(Instant now) {
  known_.clear();
  ask(now);
}

void InsideOfSeal::ask(Instant now) {
  asked_at_ = now;
  for (const Network& each : inside_networks(configured_, attached_))
    if (std::ranges::none_of(known_, [&](const Network& n) { return n.holds(each); })) known_.push_back(each);
}

bool InsideOfSeal::holds(std::string_view address, Instant now) {
  if (is_inside(known_, address)) return true;
  if (!configured_.empty() || now - asked_at_ < ask_pause) return false;
  ask(now);
  return is_inside(known_, address);
}

}  // namespace holdfast::guard
