#include "edge/serve/local_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "edge/keys/private_files.h"
#include "edge/net/address.h"
#include "edge/serve/serve.h"

namespace holdfast::serve {
namespace {

namespace wire = boost::beast::http;
namespace json = boost::json;
using tcp = boost::asio::ip::tcp;

Result<std::string> first_line_of(const std::string& path) {
  HF_TRY(const std::string text, keys::read_public_file(path, 4096));
  return text.substr(0, text.find('\n'));
}
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

Result<json::object> ask_node(const std::string& data, std::string_view method, const std::string& path,
                              const std::string& body) {
  const auto nobody = [&](const std::string& why) {
    return fail("edge/no_node", fmt::format("No node serves {} now ({}).", data, why));
  };
  const auto where = first_line_of(data + "/" + std::string(http_address_path));
  const auto token = first_line_of(data + "/admin.token");
  if (!where || !token) return nobody("it has no file http-address or admin.token");
  HF_TRY(const edge::Address address, edge::parse_address(*where));

  boost::system::error_code error;
  boost::asio::io_context context;
  tcp::socket socket(context);
  const auto host = boost::asio::ip::make_address(address.host, error);
  if (!error) socket.connect({host, address.port}, error);
  if (error) return nobody(error.message());
  const timeval patience{30, 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  wire::request<wire::string_body> request(
      wire::string_to_verb(boost::beast::string_view(method.data(), method.size())), path, 11);
  request.set(wire::field::host, *where);
  request.set(wire::field::authorization, "Local " + *token);
  request.keep_alive(false);
  if (!body.empty()) request.set(wire::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  wire::write(socket, request, error);
  boost::beast::flat_buffer buffer;
  wire::response_parser<wire::string_body> parser;
  parser.body_limit(64u << 20);
  if (!error) wire::read(socket, buffer, parser, error);
  if (error) return nobody(error.message());
  const json::value answer = json::parse(parser.get().body(), error);
  const json::object* object = error ? nullptr : answer.if_object();
  if (object == nullptr) return nobody("what answers there is no Holdfast node");
  if (parser.get().result_int() >= 400) return fail("edge/refused", text_of(*object, "detail"));
  return *object;
}

}  // namespace holdfast::serve
