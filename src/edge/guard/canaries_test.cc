// Canary files, also on a file server that fails or does not answer.
#include "edge/guard/canaries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "edge/guard/guard_test_support.h"
#include "edge/guard/tripwires.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::guard {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;

// What is looked at, as a test wants it to answer.
struct Server {
  std::atomic<int> error = 0, looks = 0;
  Gate gate;
  std::string silent;  // a path whose looks wait for the gate
};

struct CanaryFiles : ::testing::Test {
  edge::ScratchDirectory dir;
  const std::string canary = dir.path() + "/canary";
  std::shared_ptr<Server> server = std::make_shared<Server>();
  std::vector<std::string> told, news;  // texts; "EVENT PATH WHY"
  std::unique_ptr<Canaries> canaries;

  CanaryFiles() { std::ofstream(canary) << "nobody writes here"; }
  void open(bool weak, std::vector<std::string> paths) {
    canaries =
        std::make_unique<Canaries>(Canaries::Settings{.paths = std::move(paths),
                                                      .weak = weak,
                                                      .look =
                                                          [server = server](const std::string& path, bool content) {
                                                            ++server->looks;
                                                            if (path == server->silent) server->gate.wait();
                                                            FileLook out = look_at(path, content);
                                                            if (server->error != 0) out = {.error = server->error};
                                                            return out;
                                                          },
                                                      .pause = milliseconds(5),
                                                      .patience = milliseconds(200)});
  }
  void collect() {
    if (!canaries) return;
    for (const Touched& each : canaries->take()) told.push_back(each.signature + ": " + each.text);
    for (const Canaries::News& each : canaries->news()) news.push_back(each.event + " " + each.path + " " + each.why);
  }
  bool comes(const std::function<bool()>& what) {
    for (int i = 0; i < 2000 && !what(); ++i) {
      collect();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return what();
  }
  bool is_told(const std::string& event) const {
    return std::ranges::any_of(news, [&](const std::string& each) { return each.starts_with(event + " "); });
  }
  bool is_news(const std::string& event) {
    return comes([&] { return is_told(event); });
  }
  // Until a look that began after this call has been delivered.
  void looked_at_again() {
    const int before = server->looks;
    EXPECT_TRUE(comes([&] { return server->looks >= before + 3; }));
    collect();
  }
};

struct TouchedCanary : CanaryFiles, ::testing::WithParamInterface<bool> {};

TEST_P(TouchedCanary, who_touches_one_is_told_of_and_one_that_is_put_back_is_watched_again) {
  open(GetParam(), {canary});
  looked_at_again();
  if (!GetParam() && (canaries->weak() || is_told("canary-weak"))) GTEST_SKIP() << "no fanotify on this file system";
  EXPECT_EQ(told, std::vector<std::string>{});
  elsewhere([&] { std::ofstream(canary) << "destroyed"; });
  EXPECT_TRUE(comes([&] { return !told.empty(); }));
  looked_at_again();
  told.clear();
  elsewhere([&] { fs::remove(canary); });
  EXPECT_TRUE(is_news("canary-missing"));
  EXPECT_TRUE(comes([&] { return !told.empty(); }));
  EXPECT_THAT(told, Contains(HasSubstr("canary: ")));
  looked_at_again();
  told.clear();
  std::ofstream(canary + ".new") << "put back";
  fs::rename(canary + ".new", canary);
  EXPECT_TRUE(is_news("canary-here"));
  looked_at_again();
  EXPECT_EQ(told, std::vector<std::string>{}) << "who puts it back has not touched it";
  elsewhere([&] { std::ofstream(canary) << "destroyed again"; });
  EXPECT_TRUE(comes([&] { return !told.empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Kernel, TouchedCanary, ::testing::Values(false, true),
                         [](const auto& chosen) { return chosen.param ? "by_comparing" : "by_fanotify"; });

TEST_F(CanaryFiles, looks_that_fail_have_removed_nothing_and_what_was_changed_meanwhile_is_found) {
  open(true, {canary});
  looked_at_again();
  for (const int error : {EIO, EHOSTDOWN, ESTALE}) {
    news.clear();
    server->error = error;
    EXPECT_TRUE(is_news("canary-unreachable"));
    EXPECT_THAT(news, Contains(HasSubstr(canary)));
    looked_at_again();
    server->error = 0;
    EXPECT_TRUE(is_news("canary-here"));
    looked_at_again();
    EXPECT_EQ(told, std::vector<std::string>{}) << error;
  }
  news.clear();
  server->error = EIO;
  EXPECT_TRUE(is_news("canary-unreachable"));
  elsewhere([&] { std::ofstream(canary) << "destroyed"; });
  looked_at_again();
  EXPECT_EQ(told, std::vector<std::string>{});
  server->error = 0;
  EXPECT_TRUE(comes([&] { return !told.empty(); }));
  EXPECT_EQ(told, std::vector<std::string>{"canary: " + canary + " was changed by another process"});
  looked_at_again();
  told.clear();
  server->error = ENOTDIR;
  EXPECT_TRUE(comes([&] { return !told.empty(); }));
  EXPECT_EQ(told, std::vector<std::string>{"canary: " + canary + " was removed by another process"});
}

TEST_F(CanaryFiles, one_whose_server_does_not_answer_is_told_and_holds_up_neither_the_others_nor_the_end) {
  server->silent = dir.path() + "/on-the-mount";
  open(true, {server->silent, canary});
  EXPECT_TRUE(is_news("canary-unreachable"));
  EXPECT_THAT(news, Contains(HasSubstr("/on-the-mount a look at it has not come back")));
  looked_at_again();
  elsewhere([&] { std::ofstream(canary) << "destroyed"; });
  EXPECT_TRUE(comes([&] { return !told.empty(); }));
  canaries.reset();  // while the look goes on
  server->gate.open();
}

TEST_F(CanaryFiles, one_that_fanotify_cannot_mark_leaves_the_tripwires_of_the_data_directory_as_they_are) {
  fs::create_directories(dir.path() + "/keys");
  const std::string loop = dir.path() + "/loop";
  fs::create_symlink(loop, loop);
  if (Tripwires(Tripwires::Settings{.data = dir.path(), .site = "s", .canaries = {}}).weak())
    GTEST_SKIP() << "no fanotify on this file system";
  Tripwires wires({.data = dir.path(), .site = "s", .canaries = {loop}});
  EXPECT_TRUE(comes([&] {
    for (const Canaries::News& each : wires.news()) news.push_back(each.event);
    return std::ranges::find(news, "canary-weak") != news.end();
  }));
  EXPECT_TRUE(wires.take().empty());
  EXPECT_FALSE(wires.weak());
}

}  // namespace
}  // namespace holdfast::guard
