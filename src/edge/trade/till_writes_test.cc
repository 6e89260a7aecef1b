#include "edge/trade/till_writes.h"

#include <gtest/gtest.h>

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
