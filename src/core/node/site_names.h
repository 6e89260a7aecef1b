// Sites' names as a file below the data directory keeps them: a line each. What is no name is passed over.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "core/base/ids.h"

namespace holdfast::node {

std::set<SiteName> site_names_in(std::string_view lines);
std::string lines_of(const std::set<SiteName>& names);

}  // namespace holdfast::node
