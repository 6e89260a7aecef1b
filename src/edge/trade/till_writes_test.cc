#include "edge/trade/till_writes.h"

#include <gtest/gtest.h>

#include <fstream>

#include "edge/net/canned_server_test_support.h"
#include "edge/posix/scratch_directory.h"
#include "edge/trade/fake_node.h"

namespace holdfast::trade {
namespace {

std::string sale(const std::string& key) {
  return R"({"key":")" + key + R"(","kind":"sale","till":3,"staff":"00","lines":[{"sku":"PEN","quantity":"1",)" +
         R"("unit_price":"1.25","vat":"S","name":"Pen","open":true}],"tenders":[{"kind":"cash","amount":125}]})";
}
std::string file_of(const std::string& writes, const std::string& site = "store-01") {
  return R"({"format":"holdfast till writes 1","chain":"test.example/chain","site":")" + site +
         R"(","till":3,"made_at":"2026-11-25T09:00:00Z","writes":[)" + writes + "]}";
}

TEST(TillWrites, AreTakenOnceHoweverOftenTheFileIsHandedIn) {
  FakeNode node;
  const std::string text = file_of(sale("a1") + "," + sale("a2"));
  const auto first = import_till_writes(text, node);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_EQ(first->taken, 2u);
  EXPECT_EQ(first->known, 0u);
  const auto second = import_till_writes(text, node);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->taken, 0u);
  EXPECT_EQ(second->known, 2u);
  EXPECT_EQ(node.count("sale"), 2u);
}

TEST(TillWrites, ARefusedOneCostsItselfAndIsTold) {
  FakeNode node;
  std::string other = sale("a1");
  other.replace(other.find("1.25"), 4, "1.30");
  const auto report = import_till_writes(file_of(sale("a1") + "," + other + "," + sale("a2")), node);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->taken, 2u);
  ASSERT_EQ(report->refused.size(), 1u);
  EXPECT_EQ(report->refused[0].key, "a1");
  EXPECT_FALSE(report->refused[0].detail.empty());
}

TEST(TillWrites, OneThatWaitsForAnotherHoldsNothingElseUp) {
  FakeNode node;
  node.waits = {{"a2", 99}};
  const std::string text = file_of(sale("a1") + "," + sale("a2") + "," + sale("a3"));
  const auto report = import_till_writes(text, node);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->taken, 2u);
  EXPECT_TRUE(report->refused.empty()) << "it is not refused for good";
  ASSERT_EQ(report->waiting.size(), 1u);
  EXPECT_EQ(report->waiting[0].key, "a2");
  EXPECT_EQ(node.waits.at("a2"), 97) << "asked again once, behind all others";
  node.waits = {{"a2", 1}};
  const auto again = import_till_writes(text, node);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->known, 2u);
  EXPECT_EQ(again->taken, 1u) << "what it waited for stood behind it";
  EXPECT_TRUE(again->waiting.empty());
}

TEST(TillWrites, ANodeThatLetsOneWriteWaitIsNotAskedForTheBatchAgain) {
  const std::string body = R"({"replies":[{"key":"a1","ok":true,"origin":"o","index":7},)"
                           R"({"key":"a2","ok":false,"problem":{"status":503,"code":"fold/waits","detail":"later"}}]})";
  const edge::testing::CannedServer server({"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                                            std::to_string(body.size()) + "\r\n\r\n" + body});
  const edge::ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/admin.token") << "token\n";
  const auto node = http_node("http://" + server.address(), scratch.path() + "/admin.token");
  ASSERT_TRUE(node) << node.error().text;
  const auto replies = (*node)->post({"{}", "{}"});  // asked a second time this server says nothing
  ASSERT_TRUE(replies) << replies.error().text;
  ASSERT_EQ(replies->size(), 2u);
  EXPECT_TRUE(replies->at(0).ok);
  EXPECT_TRUE(waits_at_node(replies->at(1)));
}

// With the rights of this machine it would be taken, whoever has written it into the file.
TEST(TillWrites, ADecisionIsNotTakenFromAFile) {
  FakeNode node;
  const std::string begins = R"({"key":"a2","kind":"begin_standby","till":3,"staff":"00","reason":""})";
  const auto report = import_till_writes(file_of(sale("a1") + "," + begins), node);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->taken, 1u);
  ASSERT_EQ(report->refused.size(), 1u);
  EXPECT_EQ(report->refused[0].code, "auth/role");
  EXPECT_EQ(node.count("begin_standby"), 0u);
}

TEST(TillWrites, WhatIsNoSuchFileOrOfAnotherSiteSendsNothing) {
  FakeNode node;
  const std::string good = file_of(sale("a1"));
  for (const std::string& text :
       {std::string(), good.substr(0, good.size() - 2), std::string("[]"), std::string(R"({"format":"other"})"),
        file_of("7"), file_of(R"({"kind":"sale"})"), file_of(sale("a1"), "store-02"),
        file_of(sale("a1") + R"(,{"key":"a2","kind":"sale","till":4})"), file_of(R"({"key":"a2","kind":"sale"})")}) {
    const auto report = import_till_writes(text, node);
    ASSERT_FALSE(report) << text;
    EXPECT_EQ(report.error().code, "trade/bad_till_file");
  }
  EXPECT_EQ(node.posts, 0u);
}

}  // namespace
}  // namespace holdfast::trade
