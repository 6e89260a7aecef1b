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

}  // namespace
}  // namespace holdfast::http
