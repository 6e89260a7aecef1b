// The commands of a spare as a person runs them: arguments in, files, sentences and exit codes out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "edge/cli/cli_test_support.h"
#include "edge/net/canned_server_test_support.h"
#include "edge/posix/data_lock.h"
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
  const auto lock = edge::DataLock::take(scratch.path());  // the spare that runs
  EXPECT_TRUE(lock);
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

// After a crash of the spare: whoever listens at its port now would get the code.
TEST(SparePromote, NoCodeGoesToWhoListensInPlaceOfASpareThatHasEnded) {
  edge::testing::CannedServer thief({"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"has_people\":true}"});
  const edge::ScratchDirectory scratch;
  const std::string spare = scratch.path() + "/spare", code = scratch.path() + "/code";
  ASSERT_EQ(holdfast({"spare", "keygen", "store-01", "--into", spare, "--code-file", code}).code, 0);
  std::ofstream(spare + "/http-address") << thief.address() << "\n";
  const Outcome promoted = holdfast({"spare", "promote", "--data", spare, "--code-file", code});
  EXPECT_EQ(promoted.code, 1) << promoted.out;
  EXPECT_EQ(promoted.out, "");
  EXPECT_THAT(promoted.err, HasSubstr("certificate.note")) << "it acted by itself, on a spare that was not adopted";
  EXPECT_FALSE(thief.was_called());
}

}  // namespace
}  // namespace holdfast::cli
