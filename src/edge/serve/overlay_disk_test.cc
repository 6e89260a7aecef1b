#include "edge/serve/overlay_disk.h"

#include <gtest/gtest.h>

#include "core/journal/log.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::serve {
namespace {

struct Below {
  edge::ScratchDirectory directory;
  std::unique_ptr<edge::PosixDisk> disk = std::move(*edge::PosixDisk::open_root(directory.path()));
};
std::string text_of(const Result<Bytes>& bytes) { return bytes ? std::string(as_text(*bytes)) : "-"; }

TEST(OverlayDisk, ShowsWhatLiesBelowAndKeepsChangesToItself) {
  Below below;
  ASSERT_TRUE(below.disk->write_all("a/one", as_bytes("1")));
  ASSERT_TRUE(below.disk->write_all("a/two", as_bytes("2")));
  OverlayDisk overlay(*below.disk);
  EXPECT_EQ(text_of(overlay.read_all("a/one")), "1");
  ASSERT_TRUE(overlay.write_all("a/one", as_bytes("changed")));
  ASSERT_TRUE(overlay.remove("a/two"));
  ASSERT_TRUE(overlay.write_all("a/b/three", as_bytes("3")));
  EXPECT_EQ(text_of(overlay.read_all("a/one")), "changed");
  EXPECT_EQ(overlay.read_all("a/two").error().code, "base/not_found");
  EXPECT_EQ(*overlay.list("a"), (std::vector<std::string>{"b", "one"}));
  EXPECT_EQ(text_of(below.disk->read_all("a/one")), "1");
  EXPECT_EQ(*below.disk->list("a"), (std::vector<std::string>{"one", "two"}));
}

TEST(OverlayDisk, HidesADirectory) {
  Below below;
  ASSERT_TRUE(below.disk->write_all("snapshots/1", as_bytes("1")));
  ASSERT_TRUE(below.disk->write_all("keys", as_bytes("k")));
  OverlayDisk overlay(*below.disk, {"snapshots"});
  EXPECT_TRUE(overlay.list("snapshots")->empty());
  EXPECT_FALSE(overlay.read_all("snapshots/1"));
  EXPECT_EQ(text_of(overlay.read_all("keys")), "k");
}

TEST(OverlayDisk, AJournalIsOpenedThroughItWithoutATrace) {
  Below below;
  edge::ThreadPool pool(1);
  const Origin origin{"holdfast.example/test", SiteName("store-01"), 1};
  const auto real = std::move(*journal::Log::open(*below.disk, pool, origin));
  for (int i = 0; i < 10; ++i) real->append(as_bytes("entry"));
  ASSERT_TRUE(real->commit());
  const auto names = *below.disk->list(journal::Log::directory(origin));
  {
    OverlayDisk overlay(*below.disk);
    const auto seen = journal::Log::open(overlay, pool, origin);  // while the other one is open, as beside a node
    ASSERT_TRUE(seen) << seen.error().text;
    EXPECT_EQ((*seen)->root(), real->root());
    (*seen)->append(as_bytes("only in memory"));
    ASSERT_TRUE((*seen)->commit());
    EXPECT_EQ((*seen)->durable_size(), 11u);
  }
  EXPECT_EQ(*below.disk->list(journal::Log::directory(origin)), names);
  EXPECT_EQ(real->durable_size(), 10u);
}

TEST(OverlayDisk, AFileBelowCannotBeWritten) {
  Below below;
  ASSERT_TRUE(below.disk->create("file", 4096));
  OverlayDisk overlay(*below.disk);
  const auto file = std::move(*overlay.open("file"));
  EXPECT_EQ(file->write_durable(0, Bytes(4096)).error().code, "base/disk_failed");
  const auto made = std::move(*overlay.create("new", 4096));
  EXPECT_TRUE(made->write_durable(0, Bytes(4096, std::byte{1})));
  EXPECT_FALSE(made->write_durable(4096, Bytes(4096)));
}

}  // namespace
}  // namespace holdfast::serve
