// For tests: the API over real sockets on loopback, before a node that a test sets up.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>

#include "edge/http/api.h"
#include "edge/http/fake_node.h"
#include "edge/people/fake_world.h"

namespace holdfast::http {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Reply {
  int status = 0;
  std::string head, body;
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }
  json::object object() const { return json::parse(body).as_object(); }
  std::string code() const {
    const auto parsed = object();
    return std::string(parsed.at("code").as_string());
  }
};

// A client that sends bytes as they are and reads what comes.
class Raw {
 public:
  explicit Raw(std::uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() { ::close(fd_); }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void shut() { ::shutdown(fd_, SHUT_WR); }
  // One response; status 0: the connection ended before.
  Reply read(bool has_body = true) {
    Reply reply;
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return reply;
    }
    const std::size_t end = buffer_.find("\r\n\r\n");
    reply.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    reply.status = std::stoi(reply.head.substr(9));
    const std::string length = reply.header("Content-Length");
    const std::size_t bytes = length.empty() || !has_body ? 0 : std::stoul(length);
    while (buffer_.size() < bytes && more()) {
    }
    reply.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return reply;
  }
  bool is_closed() {
    while (more()) {
    }
    return buffer_.empty();
  }

 private:
  bool more() {
    char chunk[4096];
    const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }
  int fd_ = -1;
  std::string buffer_;
};

class ApiFixture : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(ServerSettings settings) {
    settings.listen = "127.0.0.1:0";
    settings.headers = security_headers("http://127.0.0.1:9999/TOKEN");
    settings.drain_time_max = milliseconds(500);
    api_.reset();
    server_ = std::move(*Server::open(settings));
    if (!credentials_) {
      credentials_ = std::move(*world_.open());
      const std::string code = world_.read("enrolment-code");
      EXPECT_TRUE(credentials_->enrol(code.substr(0, code.size() - 1), "1", "4711", people::Role::manager));
      EXPECT_TRUE(credentials_->add_staff("12", people::Role::cashier, "0815"));
      till_key_ = credentials_->add_till("front", {}, {})->device_key;
      token_ = world_.read("admin.token");
      token_.pop_back();
    }
    api_ = std::make_unique<Api>(
        ApiParts{*thread_, *credentials_, *sessions_, *vault_, *worker_, world_.clock, world_.entropy, pages_,
                 server_->counters()},
        ApiSettings{.site = "store-01", .demo_control = "http://127.0.0.1:9999/TOKEN", .listen = settings.listen});
    server_->start([this](Request request, Respond respond) { api_->handle(std::move(request), std::move(respond)); });
  }
  void TearDown() override {
    server_->stop();
    worker_.reset();
    thread_.reset();
  }

  static std::string text(const std::string& method, const std::string& path, const std::string& headers,
                          const std::string& body) {
    std::string out = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers;
    if (!body.empty())
      out += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + body;
  }
  Reply ask(const std::string& method, const std::string& path, const std::string& headers = "",
            const std::string& body = "") {
    Raw raw(server_->port());
    raw.send(text(method, path, headers, body));
    return raw.read(method != "HEAD");
  }
  std::string till() const { return "Authorization: Till 1." + till_key_ + "\r\n"; }
  std::string local() const { return "Authorization: Local " + token_ + "\r\n"; }
  // Cookie and CSRF headers of a signed-in person.
  std::string session(const std::string& number, const std::string& pin) {
    const Reply reply = ask("POST", "/v1/session", "", R"({"staff":")" + number + R"(","pin":")" + pin + R"("})");
    EXPECT_EQ(reply.status, 200) << reply.body;
    const std::string cookie = reply.header("Set-Cookie");
    csrf_ = std::string(reply.object().at("csrf").as_string());
    return "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n";
  }
  // Both headers: what a page sends with a change.
  std::string signed_in(const std::string& number, const std::string& pin) {
    const std::string cookie = session(number, pin);
    return cookie + with_csrf();
  }
  std::string with_csrf() const { return "X-CSRF-Token: " + csrf_ + "\r\n"; }
  static std::string sale(int n) {
    return R"({"key":")" + std::string(30, '0') + std::to_string(10 + n) + R"(","kind":"sale","staff":")" +
           std::string(32, 'a') +
           R"(","lines":[{"sku":"A","quantity":"1","unit_price":"2.55","vat":"S"}],)"
           R"("tenders":[{"kind":"cash","amount":255}]})";
  }

  people::PeopleWorld world_;
  FakeNode node_;
  std::unique_ptr<FakeNodeThread> thread_ = std::make_unique<FakeNodeThread>(node_);
  std::unique_ptr<Worker> worker_ = std::make_unique<Worker>();
  std::unique_ptr<people::Credentials> credentials_;
  std::unique_ptr<people::Sessions> sessions_ = std::make_unique<people::Sessions>(world_.entropy, world_.clock);
  std::unique_ptr<people::Vault> vault_ = std::make_unique<people::Vault>(world_.disk(), world_.entropy);
  Pages pages_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Api> api_;
  std::string till_key_, token_, csrf_;
};

}  // namespace holdfast::http
