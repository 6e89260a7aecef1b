// The request side of HTTP/1.1 as this server reads it, apart from sockets: Beast's parser within our bounds, and what
// of a message is handed on.
//
// Errors: http/bad_request: the target is no path, or there are two Host headers.
// Thread: values of their owner.
// Source: RFC 9112.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "core/base/result.h"
#include "edge/http/message.h"

namespace holdfast::http {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using WireRequest = RequestParser::value_type;

struct RequestBounds {
  std::size_t header_bytes_max = 16u << 10;
  std::size_t body_bytes_max = 1u << 20;
};
void set_bounds(RequestParser& parser, const RequestBounds& bounds);
// What a client is told whose bytes the parser did not take; nullopt: it is gone, or was too slow.
std::optional<Response> refusal_of(boost::system::error_code error);
// From whom and over what it came is the caller's to add.
Result<Request> request_of(WireRequest message);

}  // namespace holdfast::http
