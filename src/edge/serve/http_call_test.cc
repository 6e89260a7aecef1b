#include "edge/serve/http_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/net/canned_server_test_support.h"

namespace holdfast::serve {
namespace {

using edge::testing::CannedServer;
using ::testing::HasSubstr;

HttpCall to(const edge::testing::CannedServer& server) {
  return {.address = server.address(), .path = "/v1/about", .patience = milliseconds(300)};
}

const std::string head = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; HttpOnly\r\nContent-Length: 15\r\n\r\n";

TEST(HttpCall, AnAnswerInPiecesIsOne) {
  const CannedServer server({head, "{\"site\":", "\"west\"}"}, std::chrono::milliseconds(20));
  const auto answer = http_call(to(server));
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->status, 200u);
  EXPECT_EQ(answer->set_cookie, "a=b");
  EXPECT_EQ(answer->body, boost::json::object({{"site", "west"}}));
}

TEST(HttpCall, WhoAcceptsAndNeverAnswersIsGivenUp) {
  const CannedServer server({});
  const auto answer = http_call(to(server));
  EXPECT_EQ(answer.error().code, "edge/no_node");
  EXPECT_THAT(answer.error().text, HasSubstr("no answer within 0.3 s"));
}

TEST(HttpCall, WhoAnswersAByteNowAndThenIsGivenUp) {
  const CannedServer server(std::vector<std::string>(200, "H"), std::chrono::milliseconds(50));
  const CannedServer slow({head, "{", " ", " ", " ", " ", " ", " ", " "}, std::chrono::milliseconds(100));
  EXPECT_EQ(http_call(to(server)).error().code, "edge/no_node");
  EXPECT_THAT(http_call(to(slow)).error().text, HasSubstr("no answer within"));
}

TEST(HttpCall, WhereNobodyListensThatIsToldAtOnce) {
  const auto answer = http_call({.address = "127.0.0.1:1", .path = "/v1/about"});
  EXPECT_EQ(answer.error().code, "edge/no_node");
  EXPECT_THAT(answer.error().text, HasSubstr("refused"));
}

}  // namespace
}  // namespace holdfast::serve
