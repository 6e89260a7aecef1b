// What the demo may destroy, who may ask its control server for it, and what the program carries inside.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "edge/demo/child.h"
#include "edge/demo/control.h"
#include "edge/demo/own_directory.h"
#include "edge/demo/shop.h"
#include "edge/embedded/embedded.h"
#include "edge/http/pages.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::demo {
namespace {

namespace fs = std::filesystem;

void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
std::string text_in(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(OwnDirectory, WhatTheDemoDidNotMakeIsLeftAsItIs) {
  const edge::ScratchDirectory scratch;
  const std::string foreign = scratch.path() + "/photographs";
  fs::create_directory(foreign);
  put(foreign + "/wedding", "irreplaceable");
  const auto own = OwnDirectory::make(foreign);
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code, "demo/not_ours");
  EXPECT_EQ(text_in(foreign + "/wedding"), "irreplaceable");
  EXPECT_FALSE(overwrite_all(foreign));
  EXPECT_EQ(text_in(foreign + "/wedding"), "irreplaceable");
}

TEST(OwnDirectory, ALinkToAForeignMarkerDoesNotMakeADirectoryOurs) {
  const edge::ScratchDirectory scratch;
  const std::string foreign = scratch.path() + "/a", marked = scratch.path() + "/b";
  ASSERT_TRUE(OwnDirectory::make(marked));
  fs::create_directory(foreign);
  put(foreign + "/file", "mine");
  fs::create_symlink(marked + "/holdfast-demo", foreign + "/holdfast-demo");
  EXPECT_FALSE(OwnDirectory::make(foreign));
  EXPECT_FALSE(overwrite_all(foreign));
  EXPECT_EQ(text_in(foreign + "/file"), "mine");
}

TEST(OwnDirectory, AFileWithTheMarkersNameAndAnotherTextIsNoMarker) {
  const edge::ScratchDirectory scratch;
  for (const std::string_view text : {"", "a letter\n", "Made by Holdfast's"}) {
    const std::string path = scratch.path() + fmt::format("/{}", text.size());
    fs::create_directory(path);
    put(path + "/file", "mine");
    put(path + "/holdfast-demo", text);
    const auto own = OwnDirectory::make(path);
    ASSERT_FALSE(own) << text;
    EXPECT_EQ(own.error().code, "demo/not_ours");
    EXPECT_NE(own.error().text.find("Move it away"), std::string::npos) << own.error().text;
    EXPECT_FALSE(overwrite_all(path)) << text;
    EXPECT_EQ(text_in(path + "/file"), "mine");
    EXPECT_EQ(text_in(path + "/holdfast-demo"), text);
  }
}

// As demo/lib/chain.mjs does, which takes no lock: the marker alone says who works there.
TEST(OwnDirectory, WhereAnotherProcessWorksNothingIsTouchedUntilItHasEnded) {
  const edge::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/demo";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    const bool made = OwnDirectory::make(path).has_value();  // its lock goes at once
    if (::write(ready[1], made ? "y" : "n", 1) == 1) ::pause();
    ::_exit(0);
  }
  char made = 0;
  EXPECT_EQ(::read(ready[0], &made, 1), 1);
  EXPECT_EQ(made, 'y');
  put(path + "/its own", "x");
  const std::string written = text_in(path + "/holdfast-demo");
  EXPECT_TRUE(written.starts_with(
      fmt::format("Made by Holdfast's demo or tests, which may destroy it.\nprocess {} started ", other)))
      << written;
  const auto refused = OwnDirectory::make(path);
  EXPECT_FALSE(refused);
  if (!refused) {
    EXPECT_EQ(refused.error().code, "demo/in_use");
    EXPECT_NE(refused.error().text.find(fmt::format("Process {} works in", other)), std::string::npos);
  }
  EXPECT_TRUE(fs::exists(path + "/its own"));
  EXPECT_EQ(text_in(path + "/holdfast-demo"), written);
  ::kill(other, SIGKILL);
  siginfo_t how;
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(other), &how, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(OwnDirectory::make(path)) << "it has ended, though nobody has asked for its end yet";
  EXPECT_FALSE(fs::exists(path + "/its own"));
  EXPECT_EQ(::waitpid(other, nullptr, 0), other);
  put(path + "/holdfast-demo",
      fmt::format("Made by Holdfast's demo or tests, which may destroy it.\nprocess {} started 1\n", ::getppid()));
  EXPECT_TRUE(OwnDirectory::make(path)) << "a number that was given out again is not meant";
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(OwnDirectory, OneDemoAtATimeAndTheNextBeginsEmpty) {
  const edge::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/demo";
  {
    auto own = OwnDirectory::make(path);
    ASSERT_TRUE(own) << own.error().text;
    put(path + "/left behind", "x");
    const auto second = OwnDirectory::make(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "demo/in_use");
    EXPECT_TRUE(fs::exists(path + "/left behind"));
  }
  auto next = OwnDirectory::make(path);
  ASSERT_TRUE(next) << next.error().text;
  EXPECT_FALSE(fs::exists(path + "/left behind"));
  ASSERT_TRUE(next->remove());
  EXPECT_FALSE(fs::exists(path));
}

TEST(OwnDirectory, DestroyingOverwritesEveryByteButFollowsNoLink) {
  const edge::ScratchDirectory scratch;
  const std::string path = scratch.path() + "/site", outside = scratch.path() + "/outside";
  fs::create_directories(path + "/keys");
  put(outside, "somebody else's");
  put(path + "/keys/log.key", std::string(3000, 'k'));
  fs::create_symlink(outside, path + "/keys/link");
  ASSERT_TRUE(mark(path));
  const auto destroyed = overwrite_all(path);
  ASSERT_TRUE(destroyed) << destroyed.error().text;
  EXPECT_EQ(destroyed->files, 1u);
  EXPECT_EQ(destroyed->bytes, 3000u);
  const std::string noise = text_in(path + "/keys/log.key");
  EXPECT_EQ(noise.size(), 3000u);
  EXPECT_EQ(noise.find("kkkk"), std::string::npos);
  EXPECT_EQ(text_in(outside), "somebody else's");
}

// This very program again, as the demo runs its own.
constexpr const char* sleeper = "--gtest_filter=Child.DISABLED_SleepsForAMinute";
TEST(Child, DISABLED_SleepsForAMinute) { ::sleep(60); }

TEST(Child, WhatACommandSaidIsGivenBackWhenItHasEnded) {
  const edge::ScratchDirectory scratch;
  const auto said = Child::run({"--gtest_list_tests", sleeper}, scratch.path() + "/log", {60, [] { return false; }});
  ASSERT_TRUE(said) << said.error().text;
  EXPECT_NE(said->find("DISABLED_SleepsForAMinute"), std::string::npos) << *said;
}

TEST(Child, ACommandThatDoesNotEndIsEndedAfterItsTimeAndWhenTheDemoEnds) {
  const edge::ScratchDirectory scratch;
  const auto run = [&](int seconds, bool is_ending) {
    return Child::run({sleeper, "--gtest_also_run_disabled_tests"}, scratch.path() + "/log",
                      {seconds, [is_ending] { return is_ending; }});
  };
  const auto start = std::chrono::steady_clock::now();
  const auto slow = run(1, false);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, "demo/too_slow");
  EXPECT_NE(slow.error().text.find(scratch.path() + "/log"), std::string::npos) << slow.error().text;
  const auto ending = run(60, true);
  ASSERT_FALSE(ending);
  EXPECT_EQ(ending.error().code, "demo/ending");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

// One request, by hand: a browser's headers are what is tested.
std::string ask(std::uint16_t port, const std::string& request) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket(context);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  boost::asio::write(socket, boost::asio::buffer(request + "Connection: close\r\n\r\n"));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  return answer;
}

struct ControlTest : testing::Test {
  void SetUp() override {
    auto opened =
        Control::open("127.0.0.1:0", {[](http::JsonOut& out) { out.array("sites").end_array(); },
                                      [](std::string_view origin) { return origin == "http://127.0.0.1:9"; }});
    ASSERT_TRUE(opened) << opened.error().text;
    control = std::move(*opened);
    const std::string url = control->url();  // http://127.0.0.1:PORT/TOKEN
    host = url.substr(7, url.rfind('/') - 7);
    token = url.substr(url.rfind('/'));
    port = static_cast<std::uint16_t>(std::stoi(host.substr(host.find(':') + 1)));
  }
  std::string send(const std::string& line, const std::string& headers = "") {
    return ask(port, line + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers).substr(9, 3);
  }
  std::unique_ptr<Control> control;
  std::string host, token;
  std::uint16_t port = 0;
};

TEST_F(ControlTest, AnActionIsTakenOnceAndOneAtATime) {
  EXPECT_EQ(send("POST " + token + "/destroy/store-01"), "202");
  EXPECT_EQ(send("POST " + token + "/cut/store-02"), "409");
  const auto action = control->take();
  ASSERT_TRUE(action);
  EXPECT_EQ(action->what, "destroy");
  EXPECT_EQ(action->site, "store-01");
  EXPECT_FALSE(control->take());
  EXPECT_EQ(send("POST " + token + "/cut/store-02"), "409") << "it is still under way";
  control->done(fail("demo/failed", "it lives on"));
  const std::string state = ask(port, "GET " + token + "/state HTTP/1.1\r\nHost: " + host + "\r\n");
  EXPECT_NE(state.find(R"("busy":null,"trouble":"destroy store-01: it lives on")"), std::string::npos) << state;
  EXPECT_EQ(send("POST " + token + "/cut/store-02"), "202");
}

TEST_F(ControlTest, NobodyButAPageOfThisChainWithTheTokenIsHeard) {
  EXPECT_EQ(send("POST /" + std::string(64, '0') + "/destroy/store-01"), "401");
  EXPECT_EQ(send("POST " + token + "/destroy/store-01", "Origin: http://evil.example\r\n"), "403");
  EXPECT_EQ(ask(port, "POST " + token + "/destroy/store-01 HTTP/1.1\r\nHost: evil.example\r\n").substr(9, 3), "403");
  EXPECT_EQ(send("POST " + token + "/sell/store-01"), "404");
  EXPECT_EQ(send("GET " + token + "/destroy/store-01"), "404");
  EXPECT_FALSE(control->take());
  const std::string allowed =
      ask(port, "OPTIONS " + token + "/state HTTP/1.1\r\nHost: " + host + "\r\nOrigin: http://127.0.0.1:9\r\n");
  EXPECT_NE(allowed.find("Access-Control-Allow-Origin: http://127.0.0.1:9"), std::string::npos) << allowed;
}

// A build without pages or Node has empty tables, and says so when a demo is asked for; this test then has nothing to
// see.
TEST(Embedded, ThePagesInsideAreServedLikeThoseOfADirectory) {
  if (embedded::pages().empty()) GTEST_SKIP() << "built before the pages";
  const http::Pages pages = http::Pages::embedded();
  EXPECT_EQ(pages.count(), embedded::pages().size());
  for (const std::string path : {"/", "/till/", "/chain/"}) {
    http::Request request{.method = http::Method::get, .path = path};
    const auto found = pages.find(request);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(found->content_type, "text/html; charset=utf-8");
    EXPECT_NE(found->shared_body->find("</html>"), std::string::npos);
  }
}

TEST(Embedded, EveryStoreOfADemoHasBasketsThatCanBeSold) {
  if (embedded::trade().empty()) GTEST_SKIP() << "built without Node";
  const auto baskets = embedded_baskets(3);
  ASSERT_TRUE(baskets) << baskets.error().text;
  for (const auto& store : *baskets) {
    EXPECT_GT(store.size(), 50u);
    for (const auto& basket : store) {
      for (const char* field : {"sku", "quantity", "unit_price", "vat", "name"}) {
        EXPECT_TRUE(basket.at(0).as_object().contains(field)) << field;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::demo
