#include "edge/serve/http_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "edge/net/canned_server_test_support.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/scratch_directory.h"
#include "edge/serve/local_client.h"
#include "edge/trade/node.h"

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

void make_site(const edge::ScratchDirectory& scratch) {
  std::ofstream(scratch.path() + "/holdfast-site") << "holdfast site v1\nsite west\n";
}

// What a crash leaves behind, with somebody else listening there now.
struct Crashed {
  explicit Crashed(const CannedServer& thief) {
    make_site(scratch);
    std::ofstream(scratch.path() + "/http-address") << thief.address() << "\n";
    std::ofstream(scratch.path() + "/admin.token") << std::string(64, '0') << "\n";
  }
  edge::ScratchDirectory scratch;
};

TEST(LocalClient, ATokenGoesToNobodyWhileTheDirectoryIsNotServed) {
  CannedServer thief({head, R"({"site":"west"})"});
  const Crashed node(thief);
  for (const bool has_lock_file : {false, true}) {
    if (has_lock_file) std::ofstream(node.scratch.path() + "/LOCK") << "4711\n";
    const auto answer = ask_node(node.scratch.path(), "GET", "/v1/about");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "edge/no_node");
    EXPECT_THAT(answer.error().text, HasSubstr("`holdfast serve --data " + node.scratch.path() + "`"));
    EXPECT_EQ(trade::node_of_data(node.scratch.path()).error().code, "trade/no_node");
  }
  EXPECT_FALSE(thief.was_called());
}

TEST(LocalClient, AMachineThatWasReplacedIsNotToBeStarted) {
  const edge::ScratchDirectory scratch;
  make_site(scratch);
  std::ofstream(scratch.path() + "/replaced.note") << "a registration\n";
  const auto answer = ask_node(scratch.path(), "GET", "/v1/about");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "edge/no_node");
  EXPECT_THAT(answer.error().text, HasSubstr("do not start it again"));
}

TEST(LocalClient, AMistypedDirectoryIsNotCalledANodeThatHasEnded) {
  const edge::ScratchDirectory scratch;
  EXPECT_EQ(ask_node(scratch.path(), "GET", "/v1/about").error().code, "keys/not_found");
  EXPECT_EQ(ask_node(scratch.path() + "/none", "GET", "/v1/about").error().code, "keys/not_found");
}

TEST(LocalClient, NorWhileACommandHasTheLock) {
  CannedServer thief({head, R"({"site":"west"})"});
  const Crashed node(thief);
  const auto command = edge::DataLock::take(node.scratch.path());
  EXPECT_EQ(ask_node(node.scratch.path(), "GET", "/v1/about").error().code, "edge/no_answer");
  EXPECT_FALSE(thief.was_called());
}

TEST(LocalClient, ANodeThatRunsIsAsked) {
  CannedServer server({head, R"({"site":"west"})"});
  const edge::ScratchDirectory scratch;
  const auto lock = edge::DataLock::take(scratch.path());
  std::ofstream(scratch.path() + "/admin.token") << std::string(64, '0') << "\n";
  EXPECT_EQ(ask_node(scratch.path(), "GET", "/v1/about").error().code, "edge/no_answer") << "it starts";
  std::ofstream(scratch.path() + "/http-address") << server.address() << "\n";
  const auto answer = ask_node(scratch.path(), "GET", "/v1/about");
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(*answer, boost::json::object({{"site", "west"}}));
  EXPECT_TRUE(server.was_called());
}

TEST(LocalClient, AFeedThatRunsOnGivesItsTokenToNobodyAfterTheNodesEnd) {
  CannedServer thief({head, R"({"site":"west"})"});
  const edge::ScratchDirectory scratch;
  make_site(scratch);
  std::unique_ptr<trade::Node> node;
  {
    const auto lock = edge::DataLock::take(scratch.path());
    std::ofstream(scratch.path() + "/admin.token") << std::string(64, '0') << "\n";
    std::ofstream(scratch.path() + "/http-address") << thief.address() << "\n";
    auto found = trade::node_of_data(scratch.path());
    ASSERT_TRUE(found) << found.error().text;
    node = std::move(*found);
  }
  EXPECT_EQ(node->about().error().code, "trade/no_node");
  EXPECT_FALSE(thief.was_called());
}

}  // namespace
}  // namespace holdfast::serve
