#include "edge/serve/http_call.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "edge/net/address.h"

namespace holdfast::serve {
namespace {

namespace wire = boost::beast::http;
namespace json = boost::json;
using tcp = boost::asio::ip::tcp;
using boost::system::error_code;

// connect() with an end to its patience: what is sealed does not answer at all.
error_code connect_within(tcp::socket& socket, const tcp::endpoint& to, Duration patience) {
  error_code error;
  socket.open(to.protocol(), error);
  if (error) return error;
  socket.non_blocking(true, error);
  socket.connect(to, error);
  if (error == boost::asio::error::in_progress || error == boost::asio::error::would_block) {
    pollfd waits{socket.native_handle(), POLLOUT, 0};
    if (::poll(&waits, 1, static_cast<int>(patience.ns / 1'000'000)) <= 0) return boost::asio::error::timed_out;
    int failed = 0;
    socklen_t size = sizeof failed;
    ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &failed, &size);
    error = failed == 0 ? error_code() : error_code(failed, boost::system::system_category());
  }
  if (!error) socket.non_blocking(false, error);
  return error;
}

}  // namespace

std::string HttpAnswer::detail() const {
  const json::value* value = body.if_contains("detail");
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fmt::format("status {}", status);
}

Result<HttpAnswer> http_call(const HttpCall& call) {
  const auto nobody = [&](std::string_view why) {
    return fail("edge/no_node", fmt::format("no node answers at {} ({})", call.address, why));
  };
  HF_TRY(const edge::Address address, edge::parse_address(call.address));
  error_code error;
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::numeric_service, error);
  if (error || found.empty()) return nobody(error.message());
  tcp::socket socket(context);
  error = connect_within(socket, *found.begin(), call.patience);
  if (error) return nobody(error.message());
  const timeval patience{static_cast<time_t>(call.patience.ns / 1'000'000'000), 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  wire::request<wire::string_body> request(wire::string_to_verb(call.method), call.path, 11);
  request.set(wire::field::host, call.address);
  for (const auto& [name, value] : call.headers) request.set(name, value);
  request.keep_alive(false);
  if (!call.body.empty()) request.set(wire::field::content_type, "application/json");
  request.body() = call.body;
  request.prepare_payload();
  wire::write(socket, request, error);
  boost::beast::flat_buffer buffer;
  wire::response_parser<wire::string_body> parser;
  parser.body_limit(64u << 20);
  if (!error) wire::read(socket, buffer, parser, error);
  if (error) return nobody(error.message());
  HttpAnswer answer;
  answer.status = parser.get().result_int();
  const auto cookie = parser.get()[wire::field::set_cookie];
  answer.set_cookie = std::string(cookie.data(), std::min(cookie.find(';'), cookie.size()));
  if (!parser.get().body().empty()) {
    json::value body = json::parse(parser.get().body(), error);
    if (error || !body.is_object()) return nobody("what answers there is no Holdfast node");
    answer.body = std::move(body.as_object());
  }
  return answer;
}

}  // namespace holdfast::serve
