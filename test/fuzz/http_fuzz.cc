// A request on a connection, through the server's own parser and bounds, and what is asked of it before any address is
// looked up. What is handed on holds no line end or NUL where a header's value is meant.
#include "edge/http/browser.h"
#include "edge/http/request_parser.h"
#include "edge/http/text.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

using boost::system::error_code;

// As the server reads: the header, then the body, from what has arrived. `step` bytes arrive at a time.
error_code read(http::RequestParser& parser, ByteView in, std::size_t step) {
  error_code error;
  std::size_t arrived = 0, used = 0;
  parser.eager(false);
  while (!parser.is_done() && used < in.size()) {
    arrived = std::min(in.size(), std::max(arrived, used) + step);
    if (parser.is_header_done()) parser.eager(true);
    const boost::asio::const_buffer bytes(in.data() + used, arrived - used);
    used += parser.put(bytes, error);
    if (error == boost::beast::http::error::need_more) {
      if (arrived == in.size()) return error;
      error = {};
    }
    if (error) return error;
    step = std::min<std::size_t>(step * 2, in.size());
  }
  return error;
}

}  // namespace

void fuzz_http(ByteView in) {
  Reader reader(in);
  const std::size_t step = 1 + reader.u8() * 8;
  const ByteView bytes = reader.raw(reader.left());
  constexpr http::RequestBounds bounds;
  const Allocations allocations;
  http::RequestParser parser;
  http::set_bounds(parser, bounds);
  const error_code error = read(parser, bytes, step);
  check_peak(allocations, in.size(), 16, bounds.body_bytes_max + (64u << 10));  // what a body announces is set aside
  if (error) {
    (void)http::refusal_of(error);
    return;
  }
  if (!parser.is_done()) return;
  auto message = parser.release();
  (void)message.keep_alive();
  auto request = http::request_of(std::move(message));
  if (!request) return;
  HF_CHECK(request->path.starts_with('/') && request->path.find('?') == std::string::npos, "path \"{}\"",
           request->path);
  HF_CHECK(request->body.size() <= bounds.body_bytes_max, "a body of {} bytes", request->body.size());
  for (const std::string* value :
       {&request->path, &request->query, &request->host, &request->origin, &request->authorization, &request->cookie,
        &request->content_type, &request->csrf, &request->if_none_match, &request->fetch_site, &request->session})
    HF_CHECK(value->find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "\"{}\" holds a line end",
             *value);
  const http::Place place{"127.0.0.1:7400", {"till.store.internal"}, {"https://192.168.1.11:7443"}};
  (void)http::check_browser(*request, place);
  (void)http::check_json_body(*request);
  if (const auto path = http::percent_decode(request->path, false)) {
    HF_CHECK(!http::has_control_characters(*path) && !http::bad_utf8_at(*path), "\"{}\"", *path);
  }
}

Seeds seeds_of_http() {
  const auto seed = [](std::string name, std::uint8_t step, std::string_view text) {
    return Seed{std::move(name), with_first(step, as_bytes(text))};
  };
  return {seed("get", 255, "GET /v1/status?as=json HTTP/1.1\r\nHost: 127.0.0.1:7400\r\nCookie: s=1\r\n\r\n"),
          seed("post", 3,
               "POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1:7400\r\nContent-Type: application/json\r\n"
               "X-CSRF-Token: t\r\nContent-Length: 13\r\n\r\n{\"writes\":[]}"),
          seed("chunked", 9,
               "POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1:7400\r\nTransfer-Encoding: chunked\r\n\r\n"
               "4\r\nabcd\r\n0\r\n\r\n"),
          seed("continue", 255,
               "POST /v1/alerts HTTP/1.1\r\nHost: till.store.internal\r\nOrigin: https://192.168.1.11:7443\r\n"
               "Sec-Fetch-Site: same-site\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
          seed("options", 255,
               "OPTIONS /v1/writes HTTP/1.1\r\nHost: 127.0.0.1:7400\r\nOrigin: https://192.168.1.11:7443\r\n"
               "Access-Control-Request-Method: POST\r\n\r\n"),
          seed("escapes", 255,
               "GET /v1/products/%C3%A9%20x?q=a+b HTTP/1.0\r\nHost: localhost\r\nAuthorization: B t\r\n\r\n"),
          seed("announced", 255, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n")};
}

}  // namespace holdfast::fuzz
