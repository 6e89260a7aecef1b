// Who is inside a sealed site: this machine itself, and the shop's own network, where its tills and people are.
//
// Shape:  by `[seal] inside` of guard.toml; where that is empty, the networks that this machine is directly attached to
//         when somebody asks: an address that comes late (DHCP after a power cut) is inside from then on. A router's
//         other side, a VPN's far end, head office are not.
// Errors: parse(): nullopt for what is no address or network.
// Thread: values; reads from any thread. InsideOfSeal: one at a time.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/values.h"

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
using AskAttached = std::function<std::optional<std::vector<Network>>()>;
// Loopback and those of `[seal] inside`; where that is empty, attached_networks(), as they are now, if they are told.
std::vector<Network> inside_networks(const std::vector<Network>& configured,
                                     const AskAttached& attached = attached_networks);
// Whether an address is outside of them; with none configured, the attached ones of the moment in which it is asked.
std::function<bool(std::string_view address)> outside_of(std::vector<Network> configured);

// The same for as long as a seal lasts, with a memory: what was inside once stays so, or a cable that is pulled out
// would shut people out. Who is in none of the networks known makes it ask for the attached ones anew, so that a
// network that is there since is inside at once; at most every ask_pause, because anybody outside may ask.
class InsideOfSeal {
 public:
  static constexpr Duration ask_pause = milliseconds(100);
  explicit InsideOfSeal(std::vector<Network> configured, AskAttached attached = attached_networks)
      : configured_(std::move(configured)), attached_(std::move(attached)) {}
  void begin(Instant now);  // of a seal: forgets the one before
  bool holds(std::string_view address, Instant now);

 private:
  void ask(Instant now);
  std::vector<Network> configured_;
  AskAttached attached_;
  std::vector<Network> known_;
  Instant asked_at_;
};

}  // namespace holdfast::guard
