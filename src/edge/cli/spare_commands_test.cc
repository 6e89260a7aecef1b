// The commands of a spare as a person runs them: arguments in, files, sentences and exit codes out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "edge/cli/cli_test_support.h"
#include "edge/net/canned_server_test_support.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;

// What `spare status` says of a spare whose copy is whole and that last heard the store's machine so long ago.
Outcome status_of(const std::string& silent_seconds) {
  const std::string body = R"({"site":"store-01","node":{"alive":false,"last_heard_at":null,"silent_seconds":)" +
                           silent_seconds + R"(},"copy":{"size":9},"has_people":true,"ready":true,"problem":null})";
  const edge::testing::CannedServer spare(
      {"HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
  const edge::ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/http-address") << spare.address() << "\n";
  std::ofstream(scratch.path() + "/admin.token") << "0123\n";
  return holdfast({"spare", "status", "--data", scratch.path()});
}

TEST(SpareStatus, ACopyOfTodayIsReady) {
  const Outcome told = status_of("3600");
  EXPECT_EQ(told.code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("store-01: ready"));
}

TEST(SpareStatus, AnOldCopyIsNotReadyThoughItIsWhole) {
  const Outcome months = status_of("7776000");
  EXPECT_EQ(months.code, 1);
  EXPECT_THAT(months.out, HasSubstr("store-01: NOT ready"));
  EXPECT_THAT(months.out, HasSubstr("not been heard for 2160 hours"));
}

TEST(SpareStatus, ASpareThatHasHeardNothingSinceItsStartIsNotReady) {
  const Outcome told = status_of("null");
  EXPECT_EQ(told.code, 1);
  EXPECT_THAT(told.out, HasSubstr("NOT ready"));
  EXPECT_THAT(told.out, HasSubstr("has not been heard since this spare was started"));
}

}  // namespace
}  // namespace holdfast::cli
