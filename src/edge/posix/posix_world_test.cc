#include "edge/posix/posix_world.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace holdfast::edge {
namespace {

TEST(PosixClockTest, TheMonotonicClockNeverGoesBackAndTheOtherIsToday) {
  PosixClock clock;
  Instant last = clock.monotonic();
  for (int i = 0; i < 10'000; ++i) {
    const Instant now = clock.monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.now(), *parse_instant("2024-01-01T00:00:00Z"));
}

TEST(SodiumEntropyTest, NoTwoDrawsAreEqual) {
  SodiumEntropy entropy;
  std::set<ByteArray<16>> seen;
  for (int i = 0; i < 1000; ++i) {
    ByteArray<16> bytes{};
    entropy.fill(bytes);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
}

struct ThreadPoolTest : ::testing::TestWithParam<std::size_t> {};

TEST_P(ThreadPoolTest, EveryJobRunsOnceAndIsSeenWhenRunReturns) {
  ThreadPool pool(GetParam());
  for (std::size_t count : {0u, 1u, 2u, 3u, 7u, 64u, 1000u}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<std::uint32_t> runs(count);  // plain memory: run() itself makes it visible
      pool.run(count, [&](std::size_t i) { runs[i] += static_cast<std::uint32_t>(i) + 1; });
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(runs[i], i + 1) << count << " jobs, round " << round;
    }
  }
}

TEST_P(ThreadPoolTest, ResultsAreThoseOfTheSerialExecutor) {
  ThreadPool pool(GetParam());
  SerialExecutor serial;
  auto hashes = [](Executor& executor) {
    std::vector<Hash> out(500);
    executor.run(out.size(), [&](std::size_t i) {
      const Bytes body(i * 13, static_cast<std::byte>(i));
      out[i] = leaf_hash(body);
    });
    return out;
  };
  EXPECT_EQ(hashes(pool), hashes(serial));
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, ::testing::Values(0, 1, 2, 5));

TEST_P(ThreadPoolTest, WhatRunsMeanwhileIsOnTheCallersThreadAndDoneWhenRunReturns) {
  ThreadPool pool(GetParam());
  for (const std::size_t count : {0u, 1u, 5u}) {
    std::vector<int> runs(count);
    std::thread::id where;
    pool.run(
        count, [&](std::size_t i) { ++runs[i]; }, [&] { where = std::this_thread::get_id(); });
    EXPECT_EQ(where, std::this_thread::get_id());
    EXPECT_EQ(runs, std::vector<int>(count, 1));
  }
}

TEST(ThreadPoolTest, JobsDoRunOnSeveralThreads) {
  ThreadPool pool(2);
  std::atomic<int> inside{0};
  pool.run(2, [&](std::size_t) {  // each waits for the other: one thread alone would never come back
    ++inside;
    while (inside.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(inside.load(), 2);
}

}  // namespace
}  // namespace holdfast::edge
