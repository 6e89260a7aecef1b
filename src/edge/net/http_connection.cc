#include "edge/net/http_connection.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>

#include "edge/net/http_buffer.h"

namespace holdfast::edge {

// Asynchronous throughout, because nothing else has an end: Asio's blocking read takes SO_RCVTIMEO's EAGAIN for a
// reason to wait again, for ever.
Status HttpConnection::open(const std::string& host, const std::string& port, Duration patience) {
  boost::system::error_code error;
  boost::asio::ip::tcp::resolver resolver(context_);
  const auto places = resolver.resolve(host, port, error);
  if (error) return finish(error, patience);
  stream_.emplace(context_);
  stream_->expires_after(std::chrono::nanoseconds(patience.ns));
  stream_->async_connect(places, [&error](const boost::system::error_code& e, const auto&) { error = e; });
  context_.restart();
  context_.run();
  HF_TRY_VOID(finish(error, patience));
  stream_->socket().set_option(boost::asio::ip::tcp::no_delay(true), error);
  return {};
}

Result<HttpConnection::Answer> HttpConnection::exchange(const Request& request, Duration patience) {
  boost::system::error_code error;
  boost::beast::flat_buffer buffer(unparsed_bytes_max);
  boost::beast::http::response_parser<boost::beast::http::string_body> parser;
  parser.body_limit(answer_bytes_max);
  stream_->expires_after(std::chrono::nanoseconds(patience.ns));
  boost::beast::http::async_write(*stream_, request, [&](const boost::system::error_code& e, std::size_t) {
    error = e;
    if (!e)
      boost::beast::http::async_read(*stream_, buffer, parser,
                                     [&error](const boost::system::error_code& read, std::size_t) { error = read; });
  });
  context_.restart();
  context_.run();
  HF_TRY_VOID(finish(error, patience));
  if (!parser.get().keep_alive()) stream_.reset();
  return parser.release();
}

Status HttpConnection::finish(const boost::system::error_code& error, Duration patience) {
  if (!error) return {};
  stream_.reset();
  return fail("edge/no_node", error == boost::beast::error::timeout
                                  ? fmt::format("no answer within {} s", static_cast<double>(patience.ns) / 1e9)
                                  : error.message());
}

}  // namespace holdfast::edge
