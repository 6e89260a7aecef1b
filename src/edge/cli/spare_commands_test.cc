// The commands of a spare as a person runs them: arguments in, files, sentences and exit codes out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "edge/cli/cli_test_support.h"
#include "edge/keys/spare_ceremony_test_support.h"
#include "edge/net/canned_server_test_support.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_world.h"
#include "edge/posix/scratch_directory.h"
#include "edge/tills/store_certificate.h"

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;

// What `spare status` says where the spare that runs says this.
Outcome status_when_told(const std::string& body) {
  const edge::testing::CannedServer spare(
      {"HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
  const edge::ScratchDirectory scratch;
  const auto lock = edge::DataLock::take(scratch.path());  // the spare that runs
  EXPECT_TRUE(lock);
  std::filesystem::create_directory(scratch.path() + "/keys");
  std::ofstream(scratch.path() + "/keys/promotion.sealed") << "sealed\n";
  std::ofstream(scratch.path() + "/holdfast-site") << "holdfast site v1\nsite store-01\n";
  std::ofstream(scratch.path() + "/http-address") << spare.address() << "\n";
  std::ofstream(scratch.path() + "/admin.token") << "0123\n";
  return holdfast({"spare", "status", "--data", scratch.path()});
}
// Of a spare whose copy is whole and that last heard the store's machine so long ago.
Outcome status_of(const std::string& silent_seconds) {
  return status_when_told(R"({"site":"store-01","node":{"alive":false,"last_heard_at":null,"silent_seconds":)" +
                          silent_seconds + R"(},"copy":{"size":9},"has_people":true,"ready":true,"problem":null})");
}

TEST(SpareStatus, WhyTillsCouldNotComeIsSaid) {
  const Outcome told = status_when_told(
      R"({"site":"store-01","node":{"alive":true,"last_heard_at":null,"silent_seconds":1},"copy":{"size":9},)"
      R"("has_people":true,"ready":false,"problem":null,"tills":{"wanted":true,"problem":"its name is outside"}})");
  EXPECT_EQ(told.code, 1);
  EXPECT_THAT(told.out, HasSubstr("store-01: NOT ready"));
  EXPECT_THAT(told.out, HasSubstr("tills cannot come    its name is outside"));
}

TEST(SpareStatus, ACopyOfTodayIsReady) {
  const Outcome told = status_of("3600");
  EXPECT_EQ(told.code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("store-01: ready"));
}

TEST(SpareStatus, AnOldCopyIsNotReadyThoughItIsWhole) {
  const Outcome months = status_of("7776000");
  EXPECT_EQ(months.code, 1);
  EXPECT_THAT(months.out, HasSubstr("store-01: NOT ready"));
  EXPECT_THAT(months.out, HasSubstr("not been heard for 2160 hours"));
}

TEST(SpareStatus, ASpareThatHasHeardNothingSinceItsStartIsNotReady) {
  const Outcome told = status_of("null");
  EXPECT_EQ(told.code, 1);
  EXPECT_THAT(told.out, HasSubstr("NOT ready"));
  EXPECT_THAT(told.out, HasSubstr("has not been heard since this spare was started"));
}

// After a crash of the spare: whoever listens at its port now would get the code.
TEST(SparePromote, NoCodeGoesToWhoListensInPlaceOfASpareThatHasEnded) {
  edge::testing::CannedServer thief({"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"has_people\":true}"});
  const edge::ScratchDirectory scratch;
  const std::string spare = scratch.path() + "/spare", code = scratch.path() + "/code";
  ASSERT_EQ(holdfast({"spare", "keygen", "store-01", "--into", spare, "--code-file", code}).code, 0);
  std::ofstream(spare + "/http-address") << thief.address() << "\n";
  const Outcome promoted = holdfast({"spare", "promote", "--data", spare, "--code-file", code});
  EXPECT_EQ(promoted.code, 1) << promoted.out;
  EXPECT_EQ(promoted.out, "");
  EXPECT_THAT(promoted.err, HasSubstr("certificate.note")) << "it acted by itself, on a spare that was not adopted";
  EXPECT_FALSE(thief.was_called());
}

// 13.116, where no spare runs: with its keys in clear it would copy nothing any more.
TEST(SparePromote, ASpareWithoutACopyKeepsItsCodeAndItsKeysSealed) {
  keys::Ceremony ceremony;
  const std::string spare = ceremony.path("spare");
  std::ofstream(ceremony.path("code")) << ceremony.make_spare(spare) << "\n";
  const Outcome promoted = holdfast({"spare", "promote", "--data", spare, "--code-file", ceremony.path("code")});
  EXPECT_EQ(promoted.code, 1) << promoted.out;
  EXPECT_THAT(promoted.err, HasSubstr("spare/not_ready"));
  EXPECT_THAT(promoted.err, HasSubstr("no copy of the store's journal"));
  EXPECT_FALSE(keys::is_promoted(spare));
}

// A spare that was not adopted: the right code gets as far as the certificate that is missing.
class WithCode : public ::testing::Test {
 protected:
  void SetUp() override {
    const Outcome made = holdfast({"spare", "keygen", "store-01", "--into", at("spare"), "--code-file", at("code")});
    ASSERT_EQ(made.code, 0) << made.err;
    std::ifstream(at("code")) >> site_ >> code_;
    ASSERT_EQ(code_.size(), 23u);
  }
  std::string at(const std::string& name) const { return scratch_.path() + "/" + name; }
  std::string promoted_with(const std::string& text) {
    std::ofstream(at("typed"), std::ios::trunc) << text;
    const Outcome promoted = holdfast({"spare", "promote", "--data", at("spare"), "--code-file", at("typed")});
    EXPECT_EQ(promoted.code, 1);
    return promoted.err;
  }
  std::string site_, code_;

 private:
  edge::ScratchDirectory scratch_;
};

TEST_F(WithCode, TheFileHasItHoweverItWasTyped) {
  std::string blanks = code_, small = code_;
  std::ranges::replace(blanks, '-', ' ');
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string& text : {code_, site_ + " " + code_ + "\n", site_ + " " + blanks, blanks + "\n",
                                  blanks + " \r\n", "  " + site_ + "\t" + code_ + "  \n", small})
    EXPECT_THAT(promoted_with(text), HasSubstr("certificate.note")) << text;
}

TEST_F(WithCode, AnotherWordBeforeItIsNotDropped) {
  EXPECT_THAT(promoted_with("store-02 " + code_), HasSubstr("keys/mistyped_code"));
  EXPECT_THAT(promoted_with("store-01" + code_), HasSubstr("keys/mistyped_code"));
  EXPECT_THAT(promoted_with("store-01"), HasSubstr("0 characters were typed"));
  EXPECT_THAT(promoted_with(""), HasSubstr("0 characters were typed"));
}

TEST(SparePromote, AtTheStoresOwnMachineNothingIsAsked) {
  const edge::ScratchDirectory scratch;
  const std::string node = scratch.path() + "/node";
  ASSERT_EQ(holdfast({"site", "keygen", "store-01", "--into", node}).code, 0);
  for (const std::string command : {"promote", "status"}) {
    const Outcome told = holdfast({"spare", command, "--data", node});
    EXPECT_EQ(told.code, 1);
    EXPECT_EQ(told.out, "") << "no code is asked for";
    EXPECT_THAT(told.err, HasSubstr("no directory of a spare"));
  }
}

TEST_F(WithCode, OneThatWasOpenedIsOpenedNoMore) {
  std::ofstream(at("spare") + "/keys/log.key") << "a key\n";
  const Outcome again = holdfast({"spare", "promote", "--data", at("spare")});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, "This machine is the store's already; nothing was changed. Start it: `holdfast spare serve`.\n");
}

TEST_F(WithCode, ANodeIsNotMadeOfASpareThatNobodyOpened) {
  const Outcome served = holdfast({"serve", "--data", at("spare")});
  EXPECT_EQ(served.code, 1);
  EXPECT_THAT(served.err, HasSubstr("`holdfast spare serve --data " + at("spare") + "`"));
}

TEST(SpareKeygen, TheCodeIsNotWrittenBesideTheKeysThatItSeals) {
  const edge::ScratchDirectory scratch;
  const std::string& top = scratch.path();
  std::filesystem::create_directory(top + "/there");
  std::filesystem::create_directory_symlink(top + "/there", top + "/link");
  for (const auto& [into, code_file] : {std::pair(top + "/new", top + "/new/code"),
                                        {top + "/new/", top + "/new/deep/code"},
                                        {top + "/new", top + "/there/../new/code"},
                                        {top + "/there", top + "/link/code"}}) {
    const Outcome made = holdfast({"spare", "keygen", "store-01", "--into", into, "--code-file", code_file});
    EXPECT_EQ(made.code, 1) << code_file;
    EXPECT_THAT(made.err, HasSubstr("keys/exposed"));
    EXPECT_FALSE(std::filesystem::exists(top + "/new"));
    EXPECT_TRUE(std::filesystem::is_empty(top + "/there"));
  }
  EXPECT_EQ(holdfast({"spare", "keygen", "store-01", "--into", top + "/new", "--code-file", top + "/new.code"}).code,
            0);
}

// Of a machine whose certificates were made so long ago.
Outcome certificate_made(Duration ago) {
  const edge::ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/holdfast-site") << "holdfast site v1\nsite store-01\n";
  const Instant then = edge::PosixClock().now() - ago;
  const std::vector<std::string> names{"192.168.1.10"};
  const auto authority = tills::open_authority(scratch.path(), "store-01", names, then);
  const auto key = tills::open_machine_key(scratch.path());
  EXPECT_TRUE(authority && key);
  const auto leaf = tills::issue(*authority, key->public_key, names, then);
  EXPECT_TRUE(leaf);
  std::ofstream(fmt::format("{}/{}", scratch.path(), tills::tls_certificate_path)) << *leaf;
  return holdfast({"tills", "certificate", "--data", scratch.path()});
}

TEST(TillsCertificate, SaysFromWhenToWhenItHoldsAndEndsWith1WhenItDoesNot) {
  const Outcome good = certificate_made({});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("  holds from  "));
  // Made by a clock that was ahead.
  const Outcome ahead = certificate_made({-days(30).ns});
  EXPECT_EQ(ahead.code, 1);
  EXPECT_THAT(ahead.out, HasSubstr("  holds from  "));
  EXPECT_THAT(ahead.err, HasSubstr("the store's certificate holds from"));
  EXPECT_THAT(ahead.err, HasSubstr("Is the clock right?"));
}

}  // namespace
}  // namespace holdfast::cli
