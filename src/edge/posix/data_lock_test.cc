#include "edge/posix/data_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

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

TEST(DataLockTest, WhetherItIsHeldIsSeenWithoutTakingOrMakingAnything) {
  ScratchDirectory scratch;
  EXPECT_EQ(DataLock::is_held(scratch.path() + "/none"), false);
  EXPECT_EQ(DataLock::is_held(scratch.path()), false);
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/LOCK"));
  {
    const auto owner = DataLock::take(scratch.path());
    ASSERT_TRUE(owner);
    EXPECT_EQ(DataLock::is_held(scratch.path()), true);
    EXPECT_EQ(DataLock::take(scratch.path()).error().code, "edge/data_in_use");
  }
  EXPECT_EQ(DataLock::is_held(scratch.path()), false) << "the file is left, the lock is not";
  EXPECT_TRUE(DataLock::take(scratch.path()));
}

TEST(DataLockTest, ALinkInPlaceOfTheLockIsNotFollowed) {
  ScratchDirectory scratch, elsewhere;
  const auto owner = DataLock::take(elsewhere.path());
  std::filesystem::create_symlink(elsewhere.path() + "/LOCK", scratch.path() + "/LOCK");
  EXPECT_FALSE(DataLock::is_held(scratch.path()));
}

TEST(DataLockTest, WhoOnlyLooksKeepsNobodyFromStarting) {
  ScratchDirectory scratch;
  { ASSERT_TRUE(DataLock::take(scratch.path())); }
  Descriptor look(::open((scratch.path() + "/LOCK").c_str(), O_RDONLY));  // as is_held(), for longer
  ASSERT_EQ(::flock(look.get(), LOCK_SH | LOCK_NB), 0);
  const std::jthread done([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::flock(look.get(), LOCK_UN);
  });
  const auto owner = DataLock::take(scratch.path());
  EXPECT_TRUE(owner) << owner.error().text;
}

TEST(DataLockTest, WhereTheOneBeforeAnsweredIsForgotten) {
  ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/http-address") << "127.0.0.1:1\n";
  {
    const auto owner = DataLock::take(scratch.path());
    ASSERT_TRUE(owner);
    EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/http-address"));
    std::ofstream(scratch.path() + "/http-address") << "127.0.0.1:2\n";
    EXPECT_FALSE(DataLock::take(scratch.path()));
    EXPECT_TRUE(std::filesystem::exists(scratch.path() + "/http-address")) << "the owner's";
  }
}

TEST(DataLockTest, RootMakesNothingInAnotherUsersDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ScratchDirectory scratch;
  ASSERT_EQ(::chown(scratch.path().c_str(), 65534, 65534), 0);
  const auto lock = DataLock::take(scratch.path());
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, "edge/not_owner");
  EXPECT_THAT(lock.error().text, HasSubstr("runuser -u "));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/LOCK"));
  EXPECT_EQ(DataLock::is_held(scratch.path()), false) << "looking is not writing";
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
