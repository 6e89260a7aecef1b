#include "edge/serve/http_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/verb.hpp>

#include "edge/net/address.h"
#include "edge/net/http_connection.h"

namespace holdfast::serve {
namespace wire = boost::beast::http;
namespace json = boost::json;

std::string HttpAnswer::detail() const {
  const json::value* value = body.if_contains("detail");
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fmt::format("status {}", status);
}

Result<HttpAnswer> http_call(const HttpCall& call) {
  const auto nobody = [&](std::string_view why) {
    return fail("edge/no_node", fmt::format("no node answers at {} ({})", call.address, why));
  };
  HF_TRY(const edge::Address address, edge::parse_address(call.address));
  edge::HttpConnection connection;
  if (const auto opened = connection.open(address.host, std::to_string(address.port), call.patience); !opened)
    return nobody(opened.error().text);
  edge::HttpConnection::Request request(wire::string_to_verb(call.method), call.path, 11);
  request.set(wire::field::host, call.address);
  for (const auto& [name, value] : call.headers) request.set(name, value);
  request.keep_alive(false);
  if (!call.body.empty()) request.set(wire::field::content_type, "application/json");
  request.body() = call.body;
  request.prepare_payload();
  const auto answered = connection.exchange(request, call.patience);
  if (!answered) return nobody(answered.error().text);
  HttpAnswer answer;
  answer.status = answered->result_int();
  const auto cookie = (*answered)[wire::field::set_cookie];
  answer.set_cookie = std::string(cookie.data(), std::min(cookie.find(';'), cookie.size()));
  if (!answered->body().empty()) {
    boost::system::error_code error;
    json::value body = json::parse(answered->body(), error);
    if (error || !body.is_object()) return nobody("what answers there is no Holdfast node");
    answer.body = std::move(body.as_object());
  }
  return answer;
}

}  // namespace holdfast::serve
