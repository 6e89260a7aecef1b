// Errors as people and programs get them: application/problem+json.
//
// Shape:  {type, title, status, detail, code}; code is Error::code and stable for ever. A refusal of what was sent is
//         4xx and final; 503 and 429 mean: again later.
// Source: RFC 9457.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/base/values.h"
#include "edge/http/json_out.h"
#include "edge/http/message.h"

namespace holdfast::http {

struct ProblemKind {
  unsigned status = 422;
  std::string_view title;
};
ProblemKind problem_kind(std::string_view code);

// The fields of a problem, into an open object.
void write_problem(JsonOut& out, const Error& error);
Response problem(const Error& error);
Response problem(std::string_view code, std::string detail);
Response too_many_requests(Duration wait);  // 429; held back, so that who asks again at once waits for it

}  // namespace holdfast::http
