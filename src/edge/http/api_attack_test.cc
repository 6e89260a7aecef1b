// What is said and shown about an attack, over real sockets: by whom, and to whom.
#include "edge/http/api_fixture.h"

namespace holdfast::http {
namespace {

using ApiAttackTest = ApiFixture;

TEST_F(ApiAttackTest, OneManagerWithTheKeyOfATillIsNoSecondPerson) {
  const std::string step = R"({"key":"00112233445566778899aabbccddeeff","kind":"rejoin_step","link":"head-office",)"
                           R"("check":"agreed")";
  const auto code = [&](const std::string& headers, const std::string& staff) {
    const auto object = ask("POST", "/v1/writes", headers, R"({"writes":[)" + step + staff + "}]}").object();
    const auto& reply = object.at("replies").as_array()[0].as_object();
    return reply.at("ok") == true ? std::string("taken") : std::string(reply.at("problem").at("code").as_string());
  };
  const std::string other = R"(,"staff":")" + std::string(32, 'a') + "\"";
  const std::string manager = signed_in("1", "4711");
  EXPECT_EQ(code(till() + manager, other), "auth/staff");
  EXPECT_EQ(code(manager, other), "auth/staff");
  EXPECT_EQ(code(till(), other), "auth/staff") << "nor is it the till's word";
  EXPECT_TRUE(node_.requests.empty());
  EXPECT_EQ(code(till() + manager, ""), "taken") << "in the name of who is signed in";
}

TEST_F(ApiAttackTest, WhatAnAlertSaysIsForWhoIsSignedIn) {
  guard::Rule rule;
  rule.name = "windows-known-tools";
  rule.reason = "a tool that only attackers bring";
  node_.rules_now.rules = {rule};
  guard::GuardState& guarded = node_.fold_state.guard;
  guarded.posture = guard::Posture::sealed;
  guarded.last = guard::PostureChanged{.posture = guard::Posture::sealed, .cause = guard::Cause::alert};
  guarded.last->rule = rule.name;
  guarded.last->reason = "PC jane.doe net use /user:jane hunter2 (a tool that only attackers bring)";
  const std::string open = ask("GET", "/v1/posture").body;
  EXPECT_THAT(open, Not(HasSubstr("jane")));
  EXPECT_THAT(open, HasSubstr(R"("rule":"windows-known-tools","reason":"a tool that only attackers bring")"));
  EXPECT_THAT(ask("GET", "/v1/posture", till()).body, Not(HasSubstr("jane"))) << "a till stands where anybody does";
  EXPECT_THAT(ask("GET", "/v1/posture", session("1", "4711")).body, HasSubstr("jane.doe"));
  node_.rules_now.rules.clear();
  EXPECT_THAT(ask("GET", "/v1/posture").body, HasSubstr(R"("reason":"")")) << "its rule is gone since";
  guarded.last->cause = guard::Cause::person;
  guarded.last->reason = "a drill";
  EXPECT_THAT(ask("GET", "/v1/posture").body, HasSubstr("a drill")) << "what a person typed is for all to read";
}

}  // namespace
}  // namespace holdfast::http
