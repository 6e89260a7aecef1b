// One HTTP request to a node's API and its answer: what the command line uses towards this machine's node and others'.
//
// Errors: edge/no_node: nobody answers there in time, or what answers is no Holdfast node. edge/bad_address.
// Thread: any; waits at most `patience` for connecting, and once more for the whole answer.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/base/values.h"

namespace holdfast::serve {

struct HttpCall {
  std::string address;  // host:port
  std::string method = "GET";
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // JSON; empty: none
  Duration patience = seconds(30);
};
struct HttpAnswer {
  unsigned status = 0;
  boost::json::object body;
  std::string set_cookie;      // "name=value", without attributes
  std::string detail() const;  // of a problem
};
Result<HttpAnswer> http_call(const HttpCall& call);

}  // namespace holdfast::serve
