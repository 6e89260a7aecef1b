// The server's limits, the pages it serves, and what it grants a browser.
#include <filesystem>
#include <fstream>

#include "edge/http/api_fixture.h"

namespace holdfast::http {
namespace {

using ServerTest = ApiFixture;

// ---- the server's limits

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Raw raw(server_->port());
  raw.send(text("GET", "/v1/about", "", "") + text("GET", "/v1/nothing", "", "") + text("GET", "/v1/safety", "", ""));
  EXPECT_THAT(raw.read().body, HasSubstr("vat_rates"));
  EXPECT_EQ(raw.read().status, 404);
  EXPECT_THAT(raw.read().body, HasSubstr("cosigned_size"));
}

TEST_F(ServerTest, AnOversizedBodyIsRefusedWhetherItSaysSoOrNot) {
  Raw told(server_->port());
  told.send("POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + till() +
            "Content-Length: 1048577\r\n\r\n");
  const Reply reply = told.read();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.code(), "http/too_large");
  told.shut();
  EXPECT_TRUE(told.is_closed());

  Raw chunked(server_->port());
  chunked.send(
      "POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  const std::string piece = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 20; ++i) chunked.send(piece);
  EXPECT_EQ(chunked.read().status, 413);
}

// Beast takes up a chunk's extension and the trailers whole, however long; both passed by every other bound.
TEST_F(ServerTest, WhatHasNoEndIsNotKept) {
  const std::string head =
      "POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  for (const char* begins : {"5;a=", "0\r\nX: "}) {
    Raw endless(server_->port());
    endless.send(head + begins);
    endless.send(std::string(1u << 20, 'x'));
    EXPECT_EQ(endless.read().status, 400) << begins;
    endless.shut();
    EXPECT_TRUE(endless.is_closed());
  }
  // As much as may be, in one chunk, passes as before.
  Raw whole(server_->port());
  const std::string body = "{\"a\":\"" + std::string((1u << 20) - 8, 'x') + "\"}";
  whole.send(head + fmt::format("{:x}\r\n", body.size()) + body + "\r\n0\r\n\r\n");
  EXPECT_NE(whole.read().status, 413);
}

TEST_F(ServerTest, AHeaderThatIsTooLargeOrNoHttpIsRefused) {
  Raw large(server_->port());
  large.send("GET /v1/about HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(large.read().status, 431);
  Raw noise(server_->port());
  noise.send("\x16\x03\x01 hello\r\n\r\n");
  EXPECT_EQ(noise.read().status, 400);
  Raw absolute(server_->port());
  absolute.send("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(absolute.read().status, 400);
}

TEST_F(ServerTest, ATrickleEndsInTimeAndHoldsUpNobody) {
  server_->stop();
  start({.header_time_max = milliseconds(300), .body_time_max = milliseconds(300)});
  Raw slow(server_->port());
  slow.send("GET /v1/about HT");
  Raw body(server_->port());
  body.send(
      "POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(ask("GET", "/v1/about").status, 200);
  EXPECT_TRUE(slow.is_closed());
  EXPECT_TRUE(body.is_closed());
  Raw idle(server_->port());
  EXPECT_TRUE(idle.is_closed());
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitAreClosed) {
  server_->stop();
  start({.connections_max = 2});
  Raw a(server_->port()), b(server_->port());
  a.send(text("GET", "/v1/about", "", ""));
  b.send(text("GET", "/v1/about", "", ""));
  EXPECT_EQ(a.read().status, 200);
  EXPECT_EQ(b.read().status, 200);
  Raw c(server_->port());
  c.send(text("GET", "/v1/about", "", ""));
  EXPECT_EQ(c.read().status, 0);
}

TEST_F(ServerTest, AStopFinishesWhatIsBeingAnswered) {
  Raw idle(server_->port());
  idle.send(text("GET", "/v1/about", "", ""));
  EXPECT_EQ(idle.read().status, 200);
  server_->stop();
  EXPECT_TRUE(idle.is_closed());
}

TEST(Server, OnlyLoopbackUnlessItIsSaid) {
  const auto refused = Server::open({.listen = "0.0.0.0:0"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "edge/not_loopback");
  EXPECT_THAT(refused.error().text, HasSubstr("--http-insecure-bind"));
  EXPECT_TRUE(Server::open({.listen = "0.0.0.0:0", .insecure_bind = true}));
  EXPECT_FALSE(Server::open({.listen = "nonsense"}));
}

TEST(Server, TheStoresOwnScreenDoesNotWaitForTheTillsAddress) {
  std::string told;
  const auto server = Server::open(
      {.listen = "127.0.0.1:0", .tills = "192.0.2.1:7443", .log = [&](const std::string& what) { told += what; }});
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_THAT(told, HasSubstr("192.0.2.1:7443"));
  EXPECT_EQ((*server)->tills_port(), 7443);
  (*server)->start([](const Request&, const Respond& respond) { respond_now(respond, {.body = "here"}); });
  EXPECT_FALSE((*server)->tills_can_come());
  Raw raw((*server)->port());
  raw.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(raw.read().body, "here");
  EXPECT_FALSE(Server::open({.listen = "127.0.0.1:0", .tills = (*server)->address()})) << "a port in use is a slip";
}

TEST(Server, APortInUseIsToldClearly) {
  const auto first = std::move(*Server::open({.listen = "127.0.0.1:0"}));
  const auto second = Server::open({.listen = first->address()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "edge/port_in_use");
  EXPECT_THAT(second.error().text, HasSubstr(std::to_string(first->port())));
}

// ---- pages

TEST(Pages, AreServedFromATableAndNothingElseIs) {
  edge::ScratchDirectory directory;
  std::filesystem::create_directories(directory.path() + "/pages/till");
  std::filesystem::create_directories(directory.path() + "/pages/assets");
  std::ofstream(directory.path() + "/secret") << "secret";
  std::ofstream(directory.path() + "/pages/.hidden") << "hidden";
  std::ofstream(directory.path() + "/pages/till/index.html") << "<p>till";
  std::ofstream(directory.path() + "/pages/assets/a-1234.js") << "1";
  std::filesystem::create_symlink(directory.path() + "/secret", directory.path() + "/pages/link");
  const auto pages = Pages::load(directory.path() + "/pages");
  ASSERT_TRUE(pages) << pages.error().text;
  EXPECT_EQ(pages->count(), 2u);
  const auto get = [&](const std::string& path, const std::string& etag = "") {
    Request request;
    request.path = path;
    request.if_none_match = etag;
    return pages->find(request);
  };
  EXPECT_EQ(*get("/till/")->shared_body, "<p>till");
  EXPECT_EQ(get("/till/")->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(get("/till")->status, 308u);
  const auto script = get("/assets/a-1234.js");
  EXPECT_EQ(script->content_type, "text/javascript; charset=utf-8");
  std::string etag, cache;
  for (const auto& [name, value] : script->headers) (name == "ETag" ? etag : cache) = value;
  EXPECT_THAT(cache, HasSubstr("immutable"));
  EXPECT_EQ(get("/assets/a-1234.js", etag)->status, 304u);
  for (const char* path :
       {"/../secret", "/%2e%2e/secret", "/link", "/.hidden", "/till/../../secret", "/till%00", "//till/"})
    EXPECT_FALSE(get(path)) << path;
  EXPECT_EQ(Pages::load(directory.path() + "/none").error().code, "edge/no_pages");
}

}  // namespace
}  // namespace holdfast::http
