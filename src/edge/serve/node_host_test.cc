// A real node in its process: what is posted runs on its thread in order, and its end leaves nothing behind.
#include "edge/serve/node_host.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "edge/keys/demo_chain.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::serve {
namespace {

class NodeHostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto made = keys::make_demo_chain(directory_.path() + "/chain", {.stores = 2, .base_port = 28'500});
    ASSERT_TRUE(made) << made.error().text;
    data_ = directory_.path() + "/chain/store-01";
  }
  edge::ScratchDirectory directory_;
  std::string data_;
  Log log_ = *Log::open(directory_.path() + "/log");
};

TEST_F(NodeHostTest, RunsWhatIsPostedInOrderAndStops) {
  auto host = NodeHost::open({.data = data_, .listen = "127.0.0.1:0"}, log_);
  ASSERT_TRUE(host) << host.error().text;
  std::vector<int> seen;
  std::atomic<bool> is_done = false;
  (*host)->read([&](const node::Node& node) {
    seen.push_back(1);
    EXPECT_EQ(node.safety().origin.site, SiteName("store-01"));
  });
  (*host)->change([&](node::Node& node) {
    seen.push_back(2);
    EXPECT_TRUE(node.cut_link(SiteName("store-02")));
  });
  Status ended;
  std::thread thread([&] { ended = (*host)->run(); });
  (*host)->read([&](const node::Node&) {
    seen.push_back(3);
    is_done = true;
  });
  while (!is_done) std::this_thread::yield();
  (*host)->request_stop();
  thread.join();
  EXPECT_TRUE(ended);
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
  // What comes after the end is dropped, not kept.
  auto held = std::make_shared<int>(1);
  (*host)->read([held](const node::Node&) {});
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(NodeHostTest, AWriteIsAnsweredAfterItIsDurableAndKnownAfterARestart) {
  fold::WriteRequest request;
  request.key.bytes[0] = std::byte{1};
  request.command = stock::Receive{{{Sku("PEN"), Quantity{5000}}}, "PO 1"};
  for (const bool is_second : {false, true}) {
    auto host = NodeHost::open({.data = data_, .listen = "127.0.0.1:0"}, log_);
    ASSERT_TRUE(host) << host.error().text;
    std::optional<Result<fold::Taken>> answer;
    (*host)->change(
        [&](node::Node& node) { node.submit(request, [&](const Result<fold::Taken>& taken) { answer = taken; }); });
    ASSERT_TRUE((*host)->run([&](node::Node&) { return answer.has_value(); }));
    ASSERT_TRUE(*answer) << answer->error().text;
    EXPECT_EQ((**answer).duplicate, is_second);
    EXPECT_EQ((*host)->node().state().stock.items.at(Sku("PEN")).on_hand, Quantity{5000});
  }
}

TEST_F(NodeHostTest, TwoOfThemInOneDirectoryAreRefused) {
  const auto first = NodeHost::open({.data = data_, .listen = "127.0.0.1:0"}, log_);
  ASSERT_TRUE(first);
  const auto second = NodeHost::open({.data = data_, .listen = "127.0.0.1:0"}, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "edge/data_in_use");
}

TEST_F(NodeHostTest, ADirectoryOfAnotherSiteOrNoneIsToldClearly) {
  EXPECT_EQ(NodeHost::open({.data = directory_.path() + "/nowhere", .listen = {}}, log_).error().code,
            "keys/not_found");
  std::filesystem::remove(data_ + "/chain.hfc");
  EXPECT_EQ(NodeHost::open({.data = data_, .listen = {}}, log_).error().code, "keys/not_found");
  const std::string other = directory_.path() + "/chain/store-02";
  std::filesystem::remove_all(other + "/keys");
  std::filesystem::copy(data_ + "/keys", other + "/keys", std::filesystem::copy_options::recursive);
  EXPECT_EQ(NodeHost::open({.data = other, .listen = {}}, log_).error().code, "keys/wrong_site");
}

}  // namespace
}  // namespace holdfast::serve
