// What each mirror said last of why it does not do its part, while our epoch is not registered; for people, behind the
// step that waits.
//
// Shape:  one word of each mirror, cleaned and cut to 300 bytes.
// Thread: one.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::node {

inline constexpr Duration refusal_is_news = seconds(10);  // who refuses is asked, or dialled, again in less

class Refusals {
 public:
  // `stands`: so long after another word of this mirror this one counts not. Of two within a second the first is why:
  // it refuses one thing for a reason, and the next because of that. And who changes his words each time fills no log.
  void note(const SiteName& mirror, std::string_view reason, Instant monotonic, Duration stands = seconds(1));
  // He has done his part.
  void forget(const SiteName& mirror) { said_.erase(mirror); }
  template <typename HasDoneIt>
  void forget_who(HasDoneIt has_done_it) {
    std::erase_if(said_, [&](const auto& said) { return has_done_it(said.first); });
  }
  void clear() { said_.clear(); }

  // "; store-02: why" for each of these that said so a moment ago, in their order.
  std::string told(std::span<const SiteName> mirrors, Instant monotonic) const;
  // The same of the first by name that ever said anything, or nothing.
  std::string first_told() const;

 private:
  struct Refusal {
    std::string reason;
    Instant at;  // monotonic
  };
  std::map<SiteName, Refusal> said_;
};

}  // namespace holdfast::node
