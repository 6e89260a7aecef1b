// What a request from a browser must be, whoever answers it: not sent by another web site (api.h says why), unless that
// is a page of this very store's other machine, at which a till was opened.
//
// Shape:  such a page may read and change here, with a till's device key and never with a cookie: the Origin must be
//         one of the store's machines, cookies that come along are not looked at, and the answer says so in CORS's
//         headers, to that origin alone and without credentials.
// Source: Fetch standard 3.2 (CORS), RFC 6454.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "edge/http/message.h"

namespace holdfast::http {

// This machine and the store's other one, as browsers know them.
struct Place {
  std::string listen;               // host:port that --http names
  std::vector<std::string> names;   // by which tills call this machine
  std::vector<std::string> others;  // origins of the store's other machines, now and before
};

bool is_change(Method method);
// Whether a page of another machine of this store sent it.
bool is_from_store(const Request& request, const std::vector<std::string>& others);
// Errors: http/bad_host, http/bad_origin.
Status check_browser(const Request& request, const Place& place);
Status check_json_body(const Request& request);  // http/wrong_media_type
// Answers with what lets that page read the answer.
Respond for_page_of_store(Respond respond, const std::string& origin);
Response preflight();
// The policy that pages come with: they speak to this machine, the store's others, and the demo's control server.
std::string content_security_policy(const std::vector<std::string>& others, std::string_view demo_control);

}  // namespace holdfast::http
