#include "edge/posix/posix_disk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "edge/posix/faulty_disk.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 131 + seed * 17 + (i >> 8)) & 0xff);
  return bytes;
}
unsigned mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

struct PosixDiskTest : ::testing::Test {
  ScratchDirectory scratch;
  std::unique_ptr<PosixDisk> disk = *PosixDisk::open_root(scratch.path());
};

TEST_F(PosixDiskTest, CreatedFileIsZeroedPrivateAndOfItsSize) {
  auto file = disk->create("journals/store-01/1/seg-00000000.hfj", 256 << 10);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ((*file)->size(), 256u << 10);
  Bytes all(256 << 10, std::byte{1});
  ASSERT_TRUE((*file)->read(0, all));
  EXPECT_EQ(all, Bytes(256 << 10));
  EXPECT_EQ(mode_of(scratch.path() + "/journals/store-01/1/seg-00000000.hfj"), 0600u);
  EXPECT_EQ(mode_of(scratch.path() + "/journals"), 0700u);
  EXPECT_EQ(mode_of(scratch.path() + "/journals/store-01/1"), 0700u);
  struct stat info {};
  ASSERT_EQ(::stat((scratch.path() + "/journals/store-01/1/seg-00000000.hfj").c_str(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 256 << 10) << "zeros are really written, so that later writes change no metadata";
}

TEST_F(PosixDiskTest, DurableWritesReadBackWhereverTheyLieInMemory) {
  auto file = *disk->create("f", 16 << 20);
  const Bytes source = pattern((9 << 20) + 1, 7);
  const ByteView odd = ByteView(source).subspan(1);  // 9 MiB at an address that O_DIRECT refuses
  ASSERT_TRUE(file->write_durable(4096, odd));
  ASSERT_TRUE(file->write_durable(0, odd.first(4096)));
  Bytes back(9 << 20);
  ASSERT_TRUE(file->read(4096, back));
  EXPECT_EQ(back, to_bytes(odd));
  ASSERT_TRUE(file->write_durable(8192, odd.subspan(4096, 8192)));  // after a read: direct again
  Bytes inner(5000);
  ASSERT_TRUE(file->read(8192 + 100, inner));  // reads need no alignment
  EXPECT_EQ(inner, to_bytes(odd.subspan(4096 + 100, 5000)));

  auto again = *disk->open("f");
  EXPECT_EQ(again->size(), 16u << 20);
  Bytes first(4096);
  ASSERT_TRUE(again->read(0, first));
  EXPECT_EQ(first, to_bytes(odd.first(4096)));
}

TEST_F(PosixDiskTest, AShortReadIsAnError) {
  auto file = *disk->create("f", 8192);
  Bytes into(4097);
  auto status = file->read(4096, into);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, "base/disk_failed");
  EXPECT_THAT(status.error().text, HasSubstr("cut short"));
}

TEST_F(PosixDiskTest, WriteOutsideTheFileIsABrokenProgram) {
  auto file = *disk->create("f", 8192);
  const Bytes block(4096);
  EXPECT_DEATH((void)file->write_durable(8192, block), "check failed");
  EXPECT_DEATH((void)file->write_durable(512, block), "check failed");
}

TEST_F(PosixDiskTest, CreateRefusesAnExistingFileAndLeavesItAlone) {
  ASSERT_TRUE(disk->write_all("f", as_bytes("precious")));
  auto file = disk->create("f", 4096);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, "base/disk_failed");
  EXPECT_EQ(as_text(*disk->read_all("f")), "precious");
}

TEST_F(PosixDiskTest, WriteAllReplacesTheWholeFile) {
  ASSERT_TRUE(disk->write_all("a/b", as_bytes("a long first content")));
  ASSERT_TRUE(disk->write_all("a/b", as_bytes("short")));
  EXPECT_EQ(as_text(*disk->read_all("a/b")), "short");
  EXPECT_EQ(mode_of(scratch.path() + "/a/b"), 0600u);
  ASSERT_TRUE(disk->write_all("empty", {}));
  EXPECT_TRUE(disk->read_all("empty")->empty());
}

TEST_F(PosixDiskTest, WhatACrashLeftBehindIsHiddenAndReplaced) {
  std::ofstream(scratch.path() + "/.seg.tmp") << "half of a segment";
  std::ofstream(scratch.path() + "/.note.tmp") << "half of a note";
  EXPECT_THAT(*disk->list(""), ElementsAre());
  auto file = disk->create("seg", 4096);
  ASSERT_TRUE(file) << file.error().text;
  ASSERT_TRUE(disk->write_all("note", as_bytes("whole")));
  EXPECT_THAT(*disk->list(""), ElementsAre("note", "seg"));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/.seg.tmp"));
}

TEST_F(PosixDiskTest, ListIsSortedAndAMissingDirectoryIsEmpty) {
  for (auto name : {"d/c", "d/a", "d/b/x", "d/Z"}) ASSERT_TRUE(disk->write_all(name, as_bytes("1")));
  EXPECT_THAT(*disk->list("d"), ElementsAre("Z", "a", "b", "c"));
  EXPECT_THAT(*disk->list("nowhere/at/all"), ElementsAre());
}

TEST_F(PosixDiskTest, MissingFilesAreNotFoundAndRemovingThemIsFine) {
  EXPECT_EQ(disk->open("no").error().code, "base/not_found");
  EXPECT_EQ(disk->read_all("no/where").error().code, "base/not_found");
  EXPECT_TRUE(disk->remove("no"));
  EXPECT_TRUE(disk->remove("no/where"));
  ASSERT_TRUE(disk->write_all("f", as_bytes("1")));
  EXPECT_TRUE(disk->remove("f"));
  EXPECT_EQ(disk->read_all("f").error().code, "base/not_found");
  EXPECT_EQ(PosixDisk::open_root(scratch.path() + "/missing").error().code, "base/not_found");
}

TEST_F(PosixDiskTest, NoPathAndNoPlantedLinkLeadsOut) {
  ScratchDirectory outside;
  std::ofstream(outside.path() + "/secret") << "secret";
  ASSERT_EQ(::symlink(outside.path().c_str(), (scratch.path() + "/out").c_str()), 0);
  ASSERT_EQ(::symlink((outside.path() + "/secret").c_str(), (scratch.path() + "/link").c_str()), 0);
  const std::string root_name = std::filesystem::path(outside.path()).filename();
  for (const std::string& path : {"../" + root_name + "/secret", outside.path() + "/secret", std::string("out/secret"),
                                  std::string("link"), std::string("a/../../x"), std::string(""), std::string("."),
                                  std::string("a//b"), std::string("a/"), std::string("/"), std::string("a\0b", 3)}) {
    EXPECT_EQ(disk->read_all(path).error().code, "base/disk_failed") << path;
    EXPECT_FALSE(disk->open(path)) << path;
    EXPECT_FALSE(disk->create(path, 4096)) << path;
    if (path == "link") continue;
    EXPECT_FALSE(disk->write_all(path, as_bytes("x"))) << path;
  }
  ASSERT_TRUE(disk->write_all("link", as_bytes("mine")));  // replaces the link, not what it points to
  EXPECT_THAT(std::filesystem::directory_iterator(outside.path())->path().filename(), "secret");
  std::ifstream file(outside.path() + "/secret");
  std::string content;
  file >> content;
  EXPECT_EQ(content, "secret");
  EXPECT_FALSE(disk->list("../"));
  EXPECT_FALSE(disk->list("out"));
}

TEST_F(PosixDiskTest, ADirectoryOrAPipeIsNotAFile) {
  ASSERT_TRUE(disk->write_all("d/f", as_bytes("1")));
  ASSERT_EQ(::mkfifo((scratch.path() + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(disk->read_all("d").error().code, "base/disk_failed");
  EXPECT_EQ(disk->read_all("pipe").error().code, "base/disk_failed");
  EXPECT_EQ(disk->open("d").error().code, "base/disk_failed");
  EXPECT_EQ(disk->open("pipe").error().code, "base/disk_failed");
  EXPECT_EQ(disk->remove("d").error().code, "base/disk_failed");
  EXPECT_EQ(disk->write_all("d", as_bytes("1")).error().code, "base/disk_failed");
  EXPECT_THAT(*disk->list(""), ElementsAre("d", "pipe"));
}

TEST_F(PosixDiskTest, WorksWhereThereIsNoDirectIo) {
  if (::access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no tmpfs here";
  ScratchDirectory memory("/dev/shm");
  auto tmpfs = *PosixDisk::open_root(memory.path());
  auto file = *tmpfs->create("f", 64 << 10);
  const Bytes block = pattern(8192, 3);
  ASSERT_TRUE(file->write_durable(4096, block));
  Bytes back(8192);
  ASSERT_TRUE(file->read(4096, back));
  EXPECT_EQ(back, block);
}

// Body for a child in a user namespace of its own, where a small tmpfs can be mounted without being root.
// Exit codes: 0 all held, 77 the kernel does not let us, anything else the failing step.
int full_disk_child(const std::string& at) {
  const std::string user = "0 " + std::to_string(::geteuid()) + " 1", group = "0 " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
    std::ofstream("/proc/self/uid_map") << user;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/gid_map") << group;
  } else if (::unshare(CLONE_NEWNS) != 0) {
    return 77;
  }
  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (::mount("none", at.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) return 77;
  auto disk = PosixDisk::open_root(at);
  if (!disk) return 1;
  if (!(*disk)->write_all("chain.hfc", as_bytes("old"))) return 2;
  auto segment = (*disk)->create("journals/s/1/seg", 2 << 20);
  if (segment || segment.error().code != "base/disk_full") return 3;
  const std::string& text = segment.error().text;
  if (text.find("file system at " + at) == std::string::npos || text.find("Delete or move") == std::string::npos)
    return 4;
  if (!(*disk)->list("journals/s/1")->empty()) return 5;
  for (auto& e : std::filesystem::directory_iterator(at + "/journals/s/1")) return e.exists() ? 6 : 7;
  const Bytes large(2 << 20, std::byte{7});
  auto status = (*disk)->write_all("chain.hfc", large);
  if (status || status.error().code != "base/disk_full") return 8;
  if (as_text(*(*disk)->read_all("chain.hfc")) != "old") return 9;
  if (!(*disk)->create("small", 64 << 10)) return 10;  // what still fits goes on
  return 0;
}

TEST_F(PosixDiskTest, AFullFileSystemIsNamedAndLeavesNothingHalfMade) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(full_disk_child(std::filesystem::canonical(scratch.path())));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this kernel lets nobody mount a small tmpfs";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(PosixDiskTest, ErrorsCarryTheSystemsReason) {
  EXPECT_EQ(disk_error(ENOSPC, "write", scratch.path(), "f").code, "base/disk_full");
  EXPECT_EQ(disk_error(EDQUOT, "write", scratch.path(), "f").code, "base/disk_full");
  const Error io = disk_error(EIO, "write", scratch.path(), "f");
  EXPECT_EQ(io.code, "base/disk_failed");
  EXPECT_THAT(io.text, HasSubstr("Input/output error"));
  EXPECT_THAT(io.text, HasSubstr(scratch.path() + "/f"));
}

TEST_F(PosixDiskTest, MakeDirectoryMakesParentsAndTakesWhatIsThere) {
  ASSERT_TRUE(make_directory(scratch.path() + "/x/y/z/"));
  ASSERT_TRUE(make_directory(scratch.path() + "/x/y/z"));
  EXPECT_EQ(mode_of(scratch.path() + "/x/y"), 0700u);
  std::ofstream(scratch.path() + "/file") << "1";
  EXPECT_EQ(make_directory(scratch.path() + "/file").error().code, "base/disk_failed");
  EXPECT_EQ(make_directory(scratch.path() + "/file/below").error().code, "base/disk_failed");
}

TEST_F(PosixDiskTest, TheFaultyDiskFillsUpAndRecovers) {
  FaultyDisk faulty(*disk, 16 << 10);
  auto file = *faulty.create("f", 8192);
  const Bytes block(4096, std::byte{1});
  EXPECT_TRUE(file->write_durable(0, block));
  EXPECT_TRUE(file->write_durable(4096, block));
  EXPECT_EQ(file->write_durable(0, block).error().code, "base/disk_full");
  EXPECT_EQ(faulty.write_all("g", block).error().code, "base/disk_full");
  EXPECT_EQ(faulty.create("h", 4096).error().code, "base/disk_full");
  EXPECT_THAT(*faulty.list(""), ElementsAre("f"));
  EXPECT_EQ(faulty.refused, 3u);
  faulty.bytes_left = 1 << 20;
  EXPECT_TRUE(faulty.write_all("g", block));
}

}  // namespace
}  // namespace holdfast::edge
