// The running node of a data directory, asked over its own HTTP API with its admin.token: what commands on the same
// machine use.
//
// Errors: edge/no_node: no node serves this directory now. edge/refused: it refused, in its own words.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "core/base/result.h"

namespace holdfast::serve {

Result<boost::json::object> ask_node(const std::string& data, std::string_view method, const std::string& path,
                                     const std::string& body = "");

}  // namespace holdfast::serve
