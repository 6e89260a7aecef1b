// A connection to an HTTP/1.1 server, blocking, for whoever asks a node over its API: the command line and importers.
//
// Units:  patience: of open() for connecting, of exchange() for the request and the whole answer, so that whoever sends
//         a byte now and then keeps nobody. Looking up a name takes as long as this machine's resolver lets it.
// Errors: edge/no_node: why, in half a sentence. After one of exchange() the connection is closed, and what was asked
//         may have been done.
// Thread: one at a time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/base/values.h"

namespace holdfast::edge {

class HttpConnection {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Answer = boost::beast::http::response<boost::beast::http::string_body>;
  static constexpr std::size_t answer_bytes_max = 64u << 20;

  Status open(const std::string& host, const std::string& port, Duration patience);
  bool is_open() const { return stream_.has_value(); }
  // Closed afterwards if the server says so.
  Result<Answer> exchange(const Request& request, Duration patience);

 private:
  Status finish(const boost::system::error_code& error, Duration patience);

  boost::asio::io_context context_;
  std::optional<boost::beast::tcp_stream> stream_;
};

}  // namespace holdfast::edge
