// A server that takes one connection, says its pieces with a pause behind each, and holds on to it. It reads nothing.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::edge::testing {

class CannedServer {
 public:
  explicit CannedServer(std::vector<std::string> pieces, std::chrono::milliseconds pause = {}) {
    listener_.non_blocking(true);
    thread_ = std::jthread([this, pieces = std::move(pieces), pause](const std::stop_token& stop) {
      boost::asio::ip::tcp::socket socket(context_);
      boost::system::error_code error = boost::asio::error::would_block;
      const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); };
      for (; error == boost::asio::error::would_block && !stop.stop_requested(); wait())
        listener_.accept(socket, error);
      was_called_ = !error;
      for (std::size_t i = 0; i < pieces.size() && !error && !stop.stop_requested(); ++i) {
        boost::asio::write(socket, boost::asio::buffer(pieces[i]), error);
        std::this_thread::sleep_for(pause);
      }
      while (!stop.stop_requested()) wait();
    });
  }
  // Whether anybody has come; it serves no longer then.
  bool was_called() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    boost::asio::ip::tcp::socket socket(context_);
    boost::system::error_code error;
    if (!was_called_) listener_.accept(socket, error);  // who came behind its last look
    return was_called_ || !error;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(listener_.local_endpoint().port()); }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor listener_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::atomic<bool> was_called_ = false;
  std::jthread thread_;
};

}  // namespace holdfast::edge::testing
