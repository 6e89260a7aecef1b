// What a request from a browser must be, whoever answers it: not sent by another web site (api.h says why).
#pragma once

#include <string>

#include "core/base/result.h"
#include "edge/http/message.h"

namespace holdfast::http {

bool is_change(Method method);
// `listen`: host:port that --http names. Errors: http/bad_host, http/bad_origin.
Status check_browser(const Request& request, const std::string& listen);
Status check_json_body(const Request& request);  // http/wrong_media_type

}  // namespace holdfast::http
