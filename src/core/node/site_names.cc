#include "core/node/site_names.h"

#include <algorithm>

namespace holdfast::node {

std::set<SiteName> site_names_in(std::string_view rest) {
  std::set<SiteName> out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view name = rest.substr(0, end);
    if (!name.empty() && name.size() <= SiteName::bytes_max) out.insert(SiteName(name));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string lines_of(const std::set<SiteName>& names) {
  std::string out;
  for (const SiteName& name : names) out += name.str() + "\n";
  return out;
}

}  // namespace holdfast::node
