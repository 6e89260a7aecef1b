// The journal, link and seal commands as a person runs them, on what a small chain of real nodes in this process has
// written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "edge/cli/cli_test_support.h"
#include "edge/keys/demo_chain.h"
#include "edge/posix/scratch_directory.h"
#include "edge/serve/node_host.h"

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

// Head office, warehouse and two stores trade until all that store-01 wrote is cosigned; then they stop. Made once.
class AfterTrade : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new edge::ScratchDirectory;
    const auto port = static_cast<unsigned>(20'000 + ::getpid() % 8000);
    const auto made = keys::make_demo_chain(directory_->path() + "/chain", {.stores = 2, .base_port = port});
    ASSERT_TRUE(made) << made.error().text;
    const serve::Log log = *serve::Log::open(directory_->path() + "/log");
    std::vector<std::unique_ptr<serve::NodeHost>> hosts;
    for (const char* site : {"head-office", "warehouse", "store-01", "store-02"}) {
      auto host = serve::NodeHost::open({.data = at(site), .listen = {}}, log);
      ASSERT_TRUE(host) << host.error().text;
      hosts.push_back(std::move(*host));
    }
    std::atomic<int> answered = 0;
    for (int i = 0; i < writes; ++i) {
      hosts[2]->change([&answered, i](node::Node& node) {
        fold::WriteRequest request;
        request.key.bytes[0] = static_cast<std::byte>(i + 1);
        request.command = stock::Receive{{{Sku("PEN"), Quantity{1000}}}, "PO"};
        node.submit(std::move(request), [&answered](const Result<fold::Taken>&) { ++answered; });
      });
    }
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::atomic<bool> is_safe = false;
    std::vector<std::thread> threads;
    threads.reserve(std::size(hosts));
    for (auto& host : hosts) {
      threads.emplace_back([&, raw = host.get()] {
        const bool is_store = raw == hosts[2].get();
        static_cast<void>(raw->run([&, is_store](node::Node& node) {
          const node::Safety safety = node.safety();
          if (is_store && answered == writes && safety.cosigned_size == safety.size) is_safe = true;
          return is_safe || std::chrono::steady_clock::now() > give_up;
        }));
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(is_safe) << "not cosigned within a minute";
  }
  static void TearDownTestSuite() { delete directory_; }
  static std::string at(const std::string& name) { return directory_->path() + "/chain/" + name; }
  static std::string scratch(const std::string& name) { return directory_->path() + "/" + name; }
  static std::string copy_of_store(const std::string& name) {
    fs::copy(at("store-01"), scratch(name), fs::copy_options::recursive);
    return scratch(name);
  }

  static constexpr int writes = 20;
  static inline edge::ScratchDirectory* directory_ = nullptr;
};

TEST_F(AfterTrade, ShowPrintsEntriesForPeopleAndPrograms) {
  const Outcome all = holdfast({"journal", "show", "--data", at("store-01")});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_THAT(all.out, HasSubstr("EpochOpened"));
  EXPECT_THAT(all.out, HasSubstr("StockReceived"));
  const Outcome one = holdfast({"journal", "show", "--data", at("store-01"), "--from", "1", "--count", "1", "--json"});
  EXPECT_THAT(one.out, ::testing::StartsWith("{\"index\":1,"));
  EXPECT_EQ(std::ranges::count(one.out, '\n'), 1);
  const Outcome other = holdfast({"journal", "show", "--data", at("store-01"), "--origin", "x/y/1"});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("store-01/1"));
}

TEST_F(AfterTrade, VerifyHoldsAndNamesWhereItDoesNot) {
  const Outcome good = holdfast({"journal", "verify", "--data", at("store-01")});
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("store-01/1: holds."));
  EXPECT_THAT(good.out, HasSubstr("mirrors"));
  EXPECT_THAT(good.out, Not(HasSubstr("DOES NOT HOLD")));

  // A bit of an entry that lies in the middle.
  const std::string damaged = copy_of_store("damaged");
  std::fstream file(damaged + "/journals/store-01/1/seg-00000000.hfj", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 + 200);
  const int byte = file.get();
  file.seekp(4096 + 200);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  const Outcome bad = holdfast({"journal", "verify", "--data", damaged});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, HasSubstr("store-01/1: DOES NOT HOLD: 1 of "));
  EXPECT_THAT(bad.out, HasSubstr(" entries cannot be read: entry 0."));
}

TEST_F(AfterTrade, TheStateIsTheSameWithAndWithoutSnapshotAndAfterExportAndImport) {
  const Outcome with = holdfast({"journal", "hash", "--data", at("store-01")});
  EXPECT_EQ(with.code, 0) << with.err;
  EXPECT_FALSE(fs::is_empty(at("store-01") + "/snapshots"));
  EXPECT_EQ(holdfast({"journal", "hash", "--data", at("store-01"), "--no-snapshot"}).out, with.out);

  ASSERT_EQ(holdfast({"journal", "export", "--data", at("store-01"), "--all", "--into", scratch("out")}).code, 0);
  const std::string again = scratch("again");
  fs::create_directory(again);
  for (const char* name : {"holdfast-site", "chain.hfc"}) fs::copy(at("store-01") + "/" + name, again + "/" + name);
  const Outcome imported = holdfast({"journal", "import", scratch("out"), "--data", again});
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_EQ(holdfast({"journal", "hash", "--data", again}).out, with.out);
  EXPECT_EQ(holdfast({"journal", "verify", "--data", again}).code, 0);
  EXPECT_EQ(holdfast({"journal", "import", scratch("out"), "--data", again}).code, 1) << "a second time";

  // One more write, and the hash is another.
  const std::string longer = copy_of_store("longer");
  const serve::Log log = *serve::Log::open(scratch("longer.log"));
  {
    const auto host = serve::NodeHost::open({.data = longer, .listen = "127.0.0.1:0"}, log);
    ASSERT_TRUE(host) << host.error().text;
    bool answered = false;
    (*host)->change([&](node::Node& node) {
      fold::WriteRequest request;
      request.key.bytes[1] = std::byte{1};
      request.command = stock::Receive{{{Sku("PEN"), Quantity{1000}}}, "PO"};
      node.submit(std::move(request), [&](const Result<fold::Taken>& taken) { answered = taken.has_value(); });
    });
    ASSERT_TRUE((*host)->run([&](node::Node&) { return answered; }));
  }
  const Outcome other = holdfast({"journal", "hash", "--data", longer});
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_NE(other.out.substr(0, 64), with.out.substr(0, 64));
}

TEST_F(AfterTrade, AnExportBringsTheVerifiersKeysAndTheChainFileHasTheSame) {
  const Outcome exported = holdfast({"journal", "export", "--data", at("store-01"), "--into", scratch("proof")});
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_THAT(exported.out, HasSubstr("proof.vkeys"));
  std::ifstream file(scratch("proof.vkeys"));
  const std::string shown = holdfast({"chain", "show", at("store-01") + "/chain.hfc"}).out;
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "quorum 2");
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_THAT(line, ::testing::MatchesRegex("log .*/store-01/1\\+[0-9a-f]+\\+[A-Za-z0-9+/=]+"));
  EXPECT_THAT(shown, HasSubstr("  " + line + "\n"));
  int mirrors = 0;
  while (std::getline(file, line)) {
    ++mirrors;
    EXPECT_TRUE(line.starts_with("cosigner ")) << line;
    EXPECT_THAT(shown, HasSubstr("  " + line + "\n"));
  }
  EXPECT_EQ(mirrors, 3);
}

TEST_F(AfterTrade, ASpoiltOrForeignTreeIsNotTakenIn) {
  ASSERT_EQ(holdfast({"journal", "export", "--data", at("store-01"), "--into", scratch("tree")}).code, 0);
  const std::string empty = scratch("empty");
  fs::create_directory(empty);
  for (const char* name : {"holdfast-site", "chain.hfc"}) fs::copy(at("store-01") + "/" + name, empty + "/" + name);
  std::string bundle;
  for (const auto& entry : fs::recursive_directory_iterator(scratch("tree") + "/tile/entries")) {
    if (entry.is_regular_file()) bundle = entry.path().string();
  }
  std::fstream file(bundle, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(20);
  file.put('\x7f');
  file.close();
  const Outcome outcome = holdfast({"journal", "import", scratch("tree"), "--data", empty});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("journal/bad_tiles"));
  EXPECT_FALSE(fs::exists(empty + "/journals"));
}

TEST_F(AfterTrade, WithoutARunningNodeACutIsWrittenForTheNextStart) {
  const std::string data = copy_of_store("cut");
  EXPECT_EQ(holdfast({"link", "cut", "warehouse", "--data", data}).code, 0);
  EXPECT_THAT(holdfast({"link", "list", "--data", data}).out, HasSubstr("warehouse                       cut"));
  const serve::Log log = *serve::Log::open(scratch("cut.log"));
  {
    const auto host = serve::NodeHost::open({.data = data, .listen = "127.0.0.1:0"}, log);
    ASSERT_TRUE(host) << host.error().text;
    const auto links = (*host)->node().links();
    const auto link = std::ranges::find(links, SiteName("warehouse"), &node::LinkView::to);
    ASSERT_NE(link, links.end());
    EXPECT_EQ(link->state, node::LinkState::cut);
  }
  EXPECT_EQ(holdfast({"link", "heal", "warehouse", "--data", data}).code, 0);
  EXPECT_THAT(holdfast({"link", "list", "--data", data}).out, Not(HasSubstr("cut")));
  EXPECT_EQ(holdfast({"link", "cut", "nowhere", "--data", data}).code, 1);
}

TEST(CommandLine, AWordThatIsNoCommandIsNamed) {
  const Outcome mistyped = holdfast({"journal", "shw", "--data", "d"});
  EXPECT_EQ(mistyped.code, 2);
  EXPECT_THAT(mistyped.err, HasSubstr("\"shw\" was not understood"));
  EXPECT_THAT(holdfast({"posture", "--dta", "d"}).err, HasSubstr("\"--dta\" was not understood"));
  EXPECT_THAT(holdfast({"posture"}).err, Not(HasSubstr("not understood")));
}

TEST(GuardCheck, ADirectoryThatIsNotThereIsNotInOrder) {
  const edge::ScratchDirectory scratch;
  const Outcome checked = holdfast({"guard", "check", "--data", scratch.path() + "/none"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_EQ(checked.out, "");
  EXPECT_THAT(checked.err, HasSubstr("keys/not_found"));
}

TEST(SealAtRest, WhatWasSealedIsShownSealedThoughNoNodeRuns) {
  const edge::ScratchDirectory scratch;
  ASSERT_TRUE(keys::make_demo_chain(scratch.path() + "/chain", {.stores = 2, .base_port = 9000}));
  const std::string data = scratch.path() + "/chain/store-01";
  EXPECT_THAT(holdfast({"posture", "--data", data}).out, HasSubstr("store-01 is open by its switch"));
  ASSERT_EQ(holdfast({"seal", "--data", data}).code, 0);
  const Outcome posture = holdfast({"posture", "--data", data});
  EXPECT_EQ(posture.code, 0) << posture.err;
  EXPECT_THAT(posture.out, HasSubstr("store-01 is sealed by its switch"));
  EXPECT_THAT(holdfast({"link", "list", "--data", data}).out, Not(HasSubstr("open;")));
  EXPECT_THAT(holdfast({"link", "heal", "warehouse", "--data", data}).out, HasSubstr("no link opens before"));
  ASSERT_EQ(holdfast({"unseal", "--data", data, "--reason", "a drill"}).code, 0);
  EXPECT_THAT(holdfast({"posture", "--data", data}).out, HasSubstr("reason: a drill"));
  EXPECT_THAT(holdfast({"link", "list", "--data", data}).out, HasSubstr("open;"));
}

TEST(SealAll, AListThatNamesNobodyIsRefusedAndNotTakenForDone) {
  const edge::ScratchDirectory scratch;
  const std::string list = scratch.path() + "/sites.txt";
  for (const std::string text : {"", "\n\n", "# store-01 10.0.0.1:7400\n  # store-02 /var/lib/holdfast\n"}) {
    std::ofstream(list, std::ios::trunc) << text;
    const Outcome sealed = holdfast({"seal", "--all", "--sites", list});
    EXPECT_EQ(sealed.code, 1);
    EXPECT_EQ(sealed.out, "");
    EXPECT_THAT(sealed.err, HasSubstr("edge/no_sites"));
    EXPECT_THAT(sealed.err, HasSubstr("SITE HOST:PORT"));
  }
}

TEST(SealAll, ADirectoryInPlaceOfTheListIsRefused) {
  const edge::ScratchDirectory scratch;
  for (const std::vector<std::string>& which : {std::vector<std::string>{"--all"}, {"store-01"}}) {
    std::vector<std::string> words{"seal", "--sites", scratch.path()};
    words.insert(words.end(), which.begin(), which.end());
    const Outcome sealed = holdfast(words);
    EXPECT_EQ(sealed.code, 1);
    EXPECT_EQ(sealed.out, "");
    EXPECT_THAT(sealed.err, HasSubstr("cannot be read to its end"));
    EXPECT_THAT(sealed.err, HasSubstr("edge/no_sites"));
  }
}

}  // namespace
}  // namespace holdfast::cli
