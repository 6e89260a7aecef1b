// A folder that is watched: what wakes the feed, what it reads again, and what it says of what it does not.
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "edge/trade/feed_test_support.h"

namespace holdfast::trade {
namespace {

namespace fs = std::filesystem;

TEST_F(Feed, what_it_writes_itself_is_no_reason_to_look_again) {
  put("stock.csv", "sku,location,quantity\nA,store-01,x\nB,store-01,y\nC,store-01,1\n");
  ASSERT_EQ(one().fate, FileFate::waits);
  ASSERT_FALSE(refused("stock.csv").empty());
  const auto waited = [&](int seconds) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(folder->wait(seconds));
    return std::chrono::steady_clock::now() - began;
  };
  EXPECT_GE(waited(1), std::chrono::milliseconds(900)) << "woken by its own file of refused rows";
  std::ofstream(exports.path() + "/stock.csv.part") << "half";
  EXPECT_GE(waited(1), std::chrono::milliseconds(900)) << "a half name is no export";
  fs::rename(exports.path() + "/stock.csv.part", exports.path() + "/stock.csv");
  const auto woken = waited(60);
  EXPECT_LT(woken, std::chrono::seconds(30));
  EXPECT_GE(woken, std::chrono::milliseconds(400)) << "and however busy the folder is, it rests between two looks";
}

TEST_F(Feed, what_waits_is_not_read_again_and_again) {
  put("stock.csv", "sku,location,quantity\nA,store-01,x\nB,store-01,y\nC,store-01,1\n");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one().fate, FileFate::waits);
  EXPECT_EQ(node.looks, 1u);
  ASSERT_TRUE(accept_feed_file(exports.path() + "/stock.csv", data.path()));
  EXPECT_EQ(one().fate, FileFate::taken) << "let in, it is read at the next look";
}

TEST_F(Feed, what_the_node_refuses_is_told_in_its_words_and_not_sent_again_and_again) {
  node.has_taken_over = true;
  put("stock.csv", "sku,location,quantity\nA,store-01,1\n");
  const FileState state = one();
  EXPECT_EQ(to_text(state.fate), "refused");
  EXPECT_NE(state.text.find("standby/taken_over"), std::string::npos) << state.text;
  const auto posts = node.posts;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one().fate, FileFate::refused);
  EXPECT_EQ(node.posts, posts);
  node.has_taken_over = false;
  put("stock.csv", "sku,location,quantity\nA,store-01,2\n");
  EXPECT_EQ(one().fate, FileFate::taken) << "another file is another attempt";
}

TEST_F(Feed, what_could_not_be_read_for_a_moment_is_read_again) {
  read_again_seconds = 0;
  const std::string part = "/stock.csv.refused.csv.part";  // a directory of that name: no place for refused rows
  for (const std::string& in : {exports.path(), data.path() + "/feed"}) fs::create_directories(in + part);
  put("stock.csv", "sku,location,quantity\nA,store-01,1\n");
  const FileState state = one();
  EXPECT_EQ(to_text(state.fate), "unreadable") << state.text;
  EXPECT_NE(state.text.find("is tried again"), std::string::npos) << state.text;
  fs::remove(exports.path() + part);
  EXPECT_EQ(one().fate, FileFate::taken) << "the same file";
}

TEST_F(Feed, what_was_exchanged_since_the_look_is_let_in_by_nobody_who_has_not_seen_it) {
  const std::string header = "sku,location,quantity\n";
  put("stock.csv", header + "A,store-01,x\nB,store-01,y\nC,store-01,1\n");
  ASSERT_EQ(one().fate, FileFate::waits);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // younger than the look, by any clock
  put("stock.csv", header + "A,store-01,x\nB,store-01,y\nC,store-01,9\n");
  const auto accepted = accept_feed_file(exports.path() + "/stock.csv", data.path());
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, "feed/not_looked_at");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_EQ(one().fate, FileFate::waits);
  ASSERT_TRUE(accept_feed_file(exports.path() + "/stock.csv", data.path()));
  ASSERT_EQ(one().fate, FileFate::taken);
  EXPECT_EQ(node.levels.at("C"), Quantity{9000});
}

TEST_F(Feed, only_what_waits_is_let_in_and_of_another_a_person_is_told_what_became_of_it) {
  put("stock.csv", "a,b,c\n1,2,3\n");
  ASSERT_EQ(one().fate, FileFate::broken);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the file is older than the look, by any clock
  pass();
  const auto accepted = accept_feed_file(exports.path() + "/stock.csv", data.path());
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, "feed/not_waiting");
  EXPECT_NE(accepted.error().text.find("broken: stock.csv is left alone"), std::string::npos) << accepted.error().text;
  EXPECT_TRUE(fs::is_empty(data.path() + "/feed/accepted"));
}

// Nobody moves old exports away, and each look read the head of every one of them.
TEST_F(Feed, a_file_that_has_not_changed_is_not_opened_again) {
  put("stock-1.csv", "sku,location,quantity\nA,store-01,1\n");
  put("stock-2.csv", "sku,location,quantity\nA,store-01,2\n");
  put("letter.csv", "nothing\n");
  ASSERT_EQ(pass().size(), 3u);
  const int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ASSERT_GE(::inotify_add_watch(watch, exports.path().c_str(), IN_OPEN), 0);
  const auto opened = [&] {
    alignas(inotify_event) std::array<char, 4096> events;
    std::vector<std::string> names;
    for (::ssize_t got; (got = ::read(watch, events.data(), events.size())) > 0;) {
      for (const char* at = events.data(); at < events.data() + got;) {
        inotify_event event{};
        std::memcpy(&event, at, sizeof event);
        if (event.len > 0) names.emplace_back(at + sizeof event);
        at += sizeof event + event.len;
      }
    }
    return names;
  };
  ASSERT_EQ(pass().size(), 3u);
  EXPECT_EQ(opened(), std::vector<std::string>{});
  put("letter.csv", "sku,location,quantity\nA,store-01,3\n");
  opened();
  const auto states = pass();
  EXPECT_TRUE(std::ranges::any_of(states, [](const FileState& state) { return state.fate == FileFate::taken; }))
      << "one that has changed is read";
  const std::vector<std::string> again = opened();
  EXPECT_TRUE(std::ranges::all_of(again, [](const std::string& name) { return name.starts_with("letter.csv"); }));
  EXPECT_FALSE(again.empty());
  ::close(watch);
}

TEST_F(Feed, one_feed_at_a_time) {
  pass();
  const auto second = FeedFolder::open({exports.path(), data.path(), "", 0});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "feed/in_use");
}

}  // namespace
}  // namespace holdfast::trade
