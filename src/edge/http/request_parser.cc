#include "edge/http/request_parser.h"

#include <fmt/format.h>

#include <boost/beast/http/error.hpp>

#include "edge/http/problem.h"

namespace holdfast::http {
namespace {

namespace beast = boost::beast;
namespace wire = boost::beast::http;
using boost::system::error_code;

Method method_of(wire::verb verb) {
  switch (verb) {
    case wire::verb::get:
      return Method::get;
    case wire::verb::head:
      return Method::head;
    case wire::verb::post:
      return Method::post;
    case wire::verb::delete_:
      return Method::del;
    case wire::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

std::string header_of(const wire::fields& fields, wire::field name) {
  const auto value = fields[name];
  return {value.data(), value.size()};
}
std::string header_of(const wire::fields& fields, std::string_view name) {
  const auto value = fields[beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

}  // namespace

void set_bounds(RequestParser& parser, const RequestBounds& bounds) {
  parser.header_limit(static_cast<std::uint32_t>(bounds.header_bytes_max));
  parser.body_limit(bounds.body_bytes_max);
}

std::optional<Response> refusal_of(error_code error) {
  if (error == wire::error::body_limit)
    return problem("http/too_large", "The body is larger than this address takes. Send it in parts.");
  if (error == wire::error::header_limit) return problem("http/headers_too_large", "The header is larger than 16 KiB.");
  if (error == wire::error::end_of_stream || error == wire::error::partial_message) return std::nullopt;
  if (error.category() == wire::make_error_code(wire::error::end_of_stream).category()) {
    Response refusal = problem(
        "http/bad_request", fmt::format("The request is not HTTP/1.1 as this server reads it: {}.", error.message()));
    refusal.hold = flood_hold;
    return refusal;
  }
  return std::nullopt;
}

Result<Request> request_of(WireRequest message) {
  const std::string_view target(message.target().data(), message.target().size());
  if (!target.starts_with('/') || message.count(wire::field::host) > 1)
    return fail("http/bad_request", "The request's target must be a path that starts with '/', with one Host header.");
  Request request;
  request.method = method_of(message.method());
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  request.host = header_of(message, wire::field::host);
  request.origin = header_of(message, wire::field::origin);
  request.authorization = header_of(message, wire::field::authorization);
  request.cookie = header_of(message, wire::field::cookie);
  request.content_type = header_of(message, wire::field::content_type);
  request.if_none_match = header_of(message, wire::field::if_none_match);
  request.csrf = header_of(message, "X-CSRF-Token");
  request.fetch_site = header_of(message, "Sec-Fetch-Site");
  request.session = header_of(message, "X-Holdfast-Session");
  request.body = std::move(message.body());
  return request;
}

}  // namespace holdfast::http
