#include "core/node/refusals.h"

#include <fmt/format.h>

#include "core/base/text.h"

namespace holdfast::node {
namespace {
constexpr std::size_t refusal_bytes_max = 300;  // of a mirror's words, as people are told them
}

void Refusals::note(const SiteName& mirror, std::string_view reason, Instant monotonic, Duration stands) {
  const auto known = said_.find(mirror);
  if (known != said_.end() && monotonic - known->second.at < stands) return;
  said_.insert_or_assign(mirror, Refusal{clean_text(reason, refusal_bytes_max), monotonic});
}

std::string Refusals::told(std::span<const SiteName> mirrors, Instant monotonic) const {
  std::string out;
  for (const SiteName& mirror : mirrors) {
    const auto said = said_.find(mirror);
    if (said != said_.end() && monotonic - said->second.at < refusal_is_news)
      out += fmt::format("; {}: {}", mirror.view(), said->second.reason);
  }
  return out;
}

std::string Refusals::first_told() const {
  if (said_.empty()) return {};
  return fmt::format("; {}: {}", said_.begin()->first.view(), said_.begin()->second.reason);
}

}  // namespace holdfast::node
