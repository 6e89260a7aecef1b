// What a node and a spare begin alike.
#include "edge/serve/front.h"

#include <gtest/gtest.h>

#include "core/journal/memory_disk.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::serve {
namespace {

// 13.117: the journals may have taken the last room a moment ago, and each start would take more.
TEST(AddressFile, WithoutRoomItKeepsNobodyFromServingAndIsWrittenLater) {
  const edge::ScratchDirectory scratch;
  const Log log = *Log::open(scratch.path() + "/log");
  auto owned = std::make_unique<journal::MemoryDisk>();
  journal::MemoryDisk& disk = *owned;
  disk.set_capacity(3);
  auto address = AddressFile::write(std::move(owned), "127.0.0.1:8080", log);
  ASSERT_TRUE(address) << address.error().text;
  EXPECT_EQ(disk.paths().size(), 0u);
  address->look(Instant{1});
  EXPECT_EQ(disk.paths().size(), 0u);
  disk.set_capacity(~0ull);
  address->look(Instant{2});
  EXPECT_EQ(disk.paths().size(), 0u) << "not in each round";
  address->look(Instant{1} + seconds(10));
  ASSERT_EQ(disk.paths().size(), 1u);
  EXPECT_EQ(as_text(disk.content("http-address")), "127.0.0.1:8080\n");
  address->remove();
  EXPECT_EQ(disk.paths().size(), 0u);
}

TEST(AddressFile, AnotherFailureOfTheDiskEndsTheStart) {
  const edge::ScratchDirectory scratch;
  const Log log = *Log::open(scratch.path() + "/log");
  auto disk = std::make_unique<journal::MemoryDisk>();
  disk->stop_at(1, journal::Left::nothing);
  EXPECT_EQ(AddressFile::write(std::move(disk), "127.0.0.1:8080", log).error().code, "base/disk_failed");
}

}  // namespace
}  // namespace holdfast::serve
