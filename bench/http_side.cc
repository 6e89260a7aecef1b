// HTTP/1.1 by hand, blocking, one connection kept open: as little client as there can be.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <deque>
#include <stdexcept>

#include "bench/client.h"

namespace holdfast::bench {
namespace {

int connect_to(const HttpServer& server) {
  addrinfo hints{.ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found) != 0)
    throw std::runtime_error("no such host: " + server.host);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int failed = ::connect(fd, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  if (failed) throw std::runtime_error(fmt::format("cannot connect to {}:{}", server.host, server.port));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

class HttpClient final : public Client {
 public:
  HttpClient(const HttpServer& server, unsigned till) : server_(server), till_(till), fd_(connect_to(server)) {}
  ~HttpClient() override { ::close(fd_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void prepare(std::span<const BenchSale> batch) override {
    if (ready_.empty()) connect_again();  // a server closes what was idle while another side had its turn
    std::string writes;
    for (const auto& sale : batch) {
      std::string lines;
      for (const auto& line : sale.lines)
        lines += fmt::format(R"({}{{"sku":"{}","quantity":"{}","unit_price":"{}.{:02}","vat":"S"}})",
                             lines.empty() ? "" : ",", sku_of(line.product).view(), line.quantity, line.pence / 100,
                             line.pence % 100);
      writes += fmt::format(
          R"({}{{"key":"{}","kind":"sale","till":{},"lines":[{}],"tenders":[{{"kind":"cash","amount":{}}}]}})",
          writes.empty() ? "" : ",", to_hex(sale.key.bytes), till_, lines, sale.total_pence());
    }
    ready_.push_back({request_of(fmt::format(R"({{"writes":[{}]}})", writes)), batch.size()});
  }
  void send_next() override {
    const Ready next = std::move(ready_.front());
    ready_.pop_front();
    exchange(next);
  }
  void post_writes(const std::string& body, std::size_t writes) { exchange({request_of(body), writes}); }

 private:
  struct Ready {
    std::string request;
    std::size_t writes;
  };
  std::string request_of(const std::string& body) const {
    return fmt::format(
        "POST /v1/writes HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Local {}\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        server_.host, server_.port, server_.token, body.size(), body);
  }
  void connect_again() {
    const int fresh = connect_to(server_);
    ::close(fd_);
    fd_ = fresh;
  }
  void exchange(const Ready& ready) {
    for (std::string_view rest = ready.request; !rest.empty();) {
      const ssize_t n = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error("the server has closed the connection");
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    const std::string_view body = read_answer();
    if (!std::string_view(answer_).starts_with("HTTP/1.1 200 ") || count_of(body, "\"ok\":true") != ready.writes)
      throw std::runtime_error("not all writes were taken: " + answer_.substr(0, 600));
  }
  std::string_view read_answer() {
    answer_.clear();
    std::size_t header_end = std::string::npos, length = 0;
    while (header_end == std::string::npos || answer_.size() < header_end + length) {
      char buffer[65536];
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) throw std::runtime_error("the server has closed the connection: " + answer_.substr(0, 300));
      answer_.append(buffer, static_cast<std::size_t>(n));
      if (header_end != std::string::npos) continue;
      header_end = answer_.find("\r\n\r\n");
      if (header_end == std::string::npos) continue;
      header_end += 4;
      constexpr std::string_view name = "\r\nContent-Length: ";
      const auto at = answer_.find(name);
      if (at == std::string::npos) throw std::runtime_error("an answer without its length: " + answer_.substr(0, 300));
      std::from_chars(answer_.data() + at + name.size(), answer_.data() + header_end, length);
    }
    return std::string_view(answer_).substr(header_end);
  }

  const HttpServer server_;
  const unsigned till_;
  int fd_;
  std::deque<Ready> ready_;
  std::string answer_;
};

}  // namespace

std::unique_ptr<Client> make_http_client(const HttpServer& server, unsigned till) {
  return std::make_unique<HttpClient>(server, till);
}

void list_products(const HttpServer& head_office) {
  HttpClient client(head_office, 0);
  for (std::uint32_t p = 0; p < products;) {
    std::string list;
    const std::uint32_t first = p;
    for (; p < products && p - first < 500; ++p)
      list += fmt::format(R"({}{{"sku":"{}","name":"Product {}","unit_price":"{}.{:02}","vat":"S","goods":true}})",
                          list.empty() ? "" : ",", sku_text(p), p, price_pence(p) / 100, price_pence(p) % 100);
    client.post_writes(
        fmt::format(R"({{"writes":[{{"key":"{:032x}","kind":"list_products","products":[{}]}}]}})", first + 1, list),
        1);
  }
}

}  // namespace holdfast::bench
