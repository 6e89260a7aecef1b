#include "edge/posix/data_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "edge/posix/scratch_directory.h"

namespace holdfast::edge {
namespace {

using ::testing::HasSubstr;

TEST(DataLockTest, ASecondHoldfastIsRefusedWithThePidOfTheFirst) {
  ScratchDirectory scratch;
  auto first = DataLock::take(scratch.path());
  ASSERT_TRUE(first) << first.error().text;
  auto second = DataLock::take(scratch.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "edge/data_in_use");
  EXPECT_THAT(second.error().text, HasSubstr("pid " + std::to_string(::getpid()) + ")"));
}

TEST(DataLockTest, TheLockEndsWithItsOwner) {
  ScratchDirectory scratch;
  { ASSERT_TRUE(DataLock::take(scratch.path())); }
  EXPECT_TRUE(DataLock::take(scratch.path()));
}

TEST(DataLockTest, AKilledOwnersFileIsNoLock) {
  ScratchDirectory scratch;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto lock = DataLock::take(scratch.path());
    (void)!::write(ready[1], lock ? "1" : "0", 1);
    for (;;) ::pause();
  }
  char taken = '?';
  ASSERT_EQ(::read(ready[0], &taken, 1), 1);
  ASSERT_EQ(taken, '1');
  auto during = DataLock::take(scratch.path());
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_FALSE(during);
  EXPECT_THAT(during.error().text, HasSubstr("pid " + std::to_string(child) + ")"));
  EXPECT_TRUE(DataLock::take(scratch.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(DataLockTest, AMissingDirectoryIsNamed) {
  ScratchDirectory scratch;
  auto lock = DataLock::take(scratch.path() + "/none");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, "base/not_found");
  EXPECT_THAT(lock.error().text, HasSubstr("/none"));
}

TEST(DataLockTest, AFileOfForeignContentIsTakenOver) {
  ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/LOCK") << std::string(10'000, 'x');
  ASSERT_TRUE(DataLock::take(scratch.path()));
  EXPECT_EQ(std::filesystem::file_size(scratch.path() + "/LOCK"), std::to_string(::getpid()).size() + 1);
}

}  // namespace
}  // namespace holdfast::edge
