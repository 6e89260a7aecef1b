// Commands beside a node that runs and does not answer: it starts, its disk is full, or it hangs. Nobody is told to
// stop it, and nothing is done in its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "edge/cli/cli_test_support.h"
#include "edge/net/canned_server_test_support.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A directory that somebody serves; where, it says only if it is given an address.
class SilentNode {
 public:
  explicit SilentNode(const std::string& address = "") {
    std::filesystem::create_directory(path("keys"));
    write("holdfast-site", "holdfast site v1\nsite store-01\n");
    write("admin.token", "0123\n");
    if (!address.empty()) write("http-address", address + "\n");
  }
  std::string path(const std::string& name) const { return scratch_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  std::string directory() const { return scratch_.path(); }
  bool is_served() const { return lock_.has_value(); }

 private:
  edge::ScratchDirectory scratch_;
  Result<edge::DataLock> lock_ = edge::DataLock::take(scratch_.path());
};

void expect_left_alone(const SilentNode& node, const std::vector<std::string>& command, const char* what_of_it) {
  ASSERT_TRUE(node.is_served());
  const Outcome told = holdfast(command);
  EXPECT_EQ(told.code, 1) << command[0];
  EXPECT_THAT(told.err, HasSubstr("[edge/no_answer]"));
  EXPECT_THAT(told.err, HasSubstr("Leave it running"));
  EXPECT_THAT(told.err, HasSubstr(what_of_it));
  EXPECT_THAT(told.all(), Not(HasSubstr("Stop it first")));
  EXPECT_THAT(told.all(), Not(HasSubstr("no node runs")));
  EXPECT_THAT(told.all(), Not(HasSubstr("by its switch"))) << "how it treats its links now, the node alone knows";
  for (const char* at_rest : {"posture", "links.cut"}) EXPECT_FALSE(std::filesystem::exists(node.path(at_rest)));
}

std::vector<std::vector<std::string>> commands(const std::string& data) {
  return {{"seal", "--data", data},
          {"unseal", "--data", data, "--reason", "a false alarm"},
          {"posture", "--data", data},
          {"link", "cut", "store-02", "--data", data},
          {"link", "list", "--data", data}};
}

TEST(SilentNode, OneThatDoesNotSayWhereItAnswersIsLeftRunning) {
  const SilentNode node;
  for (const auto& command : commands(node.directory())) expect_left_alone(node, command, "nothing was asked of it");
}

TEST(SilentNode, OneThatGivesNoAnswerMayHaveDoneWhatWasAsked) {
  for (std::size_t i = 0; i < commands("").size(); ++i) {
    const edge::testing::CannedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnone"});
    const SilentNode node(server.address());
    expect_left_alone(node, commands(node.directory())[i], "may be done already");
  }
}

TEST(SilentNode, ASpareThatRunsIsNotPromotedBesideItself) {
  const SilentNode spare;
  spare.write("keys/promotion.sealed", "sealed\n");
  spare.write("code", "0000\n");
  expect_left_alone(spare, {"spare", "promote", "--data", spare.directory(), "--code-file", spare.path("code")},
                    "nothing was asked of it");
  EXPECT_TRUE(std::filesystem::exists(spare.path("keys/promotion.sealed")));
}

}  // namespace
}  // namespace holdfast::cli
