#include "edge/people/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "edge/keys/data_directory.h"
#include "edge/people/fake_world.h"
#include "edge/people/sessions.h"

namespace holdfast::people {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string first_code(PeopleWorld& world) {
  std::string code = world.read("enrolment-code");
  if (code.ends_with('\n')) code.pop_back();
  return code;
}
// Another machine's randomness.
class SequenceEntropy final : public Entropy {
 public:
  explicit SequenceEntropy(unsigned seed) : next_(seed * 101) {}
  void fill(std::span<std::byte> into) override {
    for (std::byte& b : into) b = static_cast<std::byte>(next_ = (next_ * 1103515245 + 12345));
  }

 private:
  unsigned next_;
};
std::unique_ptr<Credentials> with_manager(PeopleWorld& world) {
  auto credentials = std::move(*world.open());
  EXPECT_TRUE(credentials->enrol(first_code(world), "1", "4711", Role::manager));
  return credentials;
}

TEST(Credentials, TheFirstStartMakesTokenPepperAndCodeForTheOwnerAlone) {
  PeopleWorld world;
  const auto credentials = world.open();
  ASSERT_TRUE(credentials) << credentials.error().text;
  EXPECT_TRUE((*credentials)->needs_enrolment());
  EXPECT_GE(first_code(world).size(), 16u);
  for (const char* path : {"admin.token", "people/pepper", "enrolment-code"}) {
    struct stat status;
    ASSERT_EQ(::stat((world.directory.path() + "/" + path).c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_mode & 0777u, 0600u) << path;
  }
  struct stat people;
  ASSERT_EQ(::stat((world.directory.path() + "/people").c_str(), &people), 0);
  EXPECT_EQ(people.st_mode & 0777u, 0700u);
  std::string token = world.read("admin.token");
  token.pop_back();
  EXPECT_TRUE((*credentials)->is_admin(token));
  EXPECT_FALSE((*credentials)->is_admin(token + "0"));
  EXPECT_FALSE((*credentials)->is_admin(""));
}

TEST(Credentials, TheEnrolmentCodeWorksOnceAndIsRemoved) {
  PeopleWorld world;
  auto credentials = std::move(*world.open());
  const std::string code = first_code(world);
  EXPECT_EQ(credentials->enrol("0000-0000-0000-0000", "1", "4711", Role::manager).error().code, "people/wrong_code");
  std::string typed = code;
  for (char& c : typed) c = static_cast<char>(std::tolower(c));
  const auto manager = credentials->enrol(typed, "1", "4711", Role::manager);
  ASSERT_TRUE(manager) << manager.error().text;
  EXPECT_EQ(manager->role, Role::manager);
  EXPECT_FALSE(credentials->needs_enrolment());
  EXPECT_EQ(first_code(world), "");
  EXPECT_EQ(credentials->enrol(code, "2", "4712", Role::manager).error().code, "people/enrol_closed");
  credentials.reset();
  credentials = std::move(*world.open());
  EXPECT_FALSE(credentials->needs_enrolment());
  EXPECT_TRUE(credentials->check_pin("1", "4711"));
}

TEST(Credentials, TheCodeStaysTheSameUntilItIsUsed) {
  PeopleWorld world;
  { const auto first = world.open(); }
  const std::string code = first_code(world);
  const auto again = std::move(*world.open());
  EXPECT_EQ(first_code(world), code);
  EXPECT_TRUE(again->enrol(code, "1", "4711", Role::manager));
}

TEST(Credentials, CodesOfACertificateAreSpentOneByOneAndRemembered) {
  PeopleWorld world;
  const auto made = keys::make_enrolment(SiteName("store-01"), 2, 2);
  auto credentials = std::move(*world.open(made.file));
  EXPECT_TRUE(credentials->enrol(made.codes[1], "1", "4711", Role::manager));
  EXPECT_TRUE(credentials->needs_enrolment());
  EXPECT_EQ(credentials->enrol(made.codes[1], "2", "4712", Role::manager).error().code, "people/wrong_code");
  credentials.reset();
  credentials = std::move(*world.open(made.file));
  EXPECT_EQ(credentials->enrol(made.codes[1], "2", "4712", Role::manager).error().code, "people/wrong_code");
  EXPECT_TRUE(credentials->enrol(made.codes[0], "2", "4712", Role::manager));
  EXPECT_FALSE(credentials->needs_enrolment());
}

// What a start finds.
std::optional<keys::Enrolment> enrolment_in(const PeopleWorld& world) {
  auto found = keys::read_enrolment(world.directory.path(), SiteName("store-01"));
  return found ? std::optional(std::move(*found)) : std::nullopt;
}
void remove_people(const PeopleWorld& world) { std::filesystem::remove_all(world.directory.path() + "/people"); }

TEST(Credentials, ASpentCodeStaysSpentWhereTheFolderPeopleIsRemoved) {
  PeopleWorld world;
  const auto made = keys::make_enrolment(SiteName("store-01"), 1, 2);
  ASSERT_TRUE(keys::write_enrolment(world.directory.path(), made.file));
  auto credentials = std::move(*world.open(enrolment_in(world)));
  EXPECT_TRUE(credentials->enrol(made.codes[0], "1", "4711", Role::manager));
  ASSERT_TRUE(enrolment_in(world));
  EXPECT_EQ(enrolment_in(world)->codes, std::vector{made.file.codes[1]});

  credentials.reset();
  remove_people(world);
  credentials = std::move(*world.open(enrolment_in(world)));
  EXPECT_EQ(credentials->enrol(made.codes[0], "1", "4711", Role::manager).error().code, "people/wrong_code");
  EXPECT_TRUE(credentials->enrol(made.codes[1], "1", "4711", Role::manager));
  EXPECT_EQ(world.read("store-01.enrolment"), "") << "the last one takes the file along";

  credentials.reset();
  remove_people(world);
  credentials = std::move(*world.open(enrolment_in(world)));
  for (const std::string& code : made.codes)
    EXPECT_EQ(credentials->enrol(code, "1", "4711", Role::manager).error().code, "people/wrong_code");
  EXPECT_TRUE(credentials->enrol(first_code(world), "1", "4711", Role::manager)) << "the machine's new one";
}

TEST(Credentials, ACodeThatAPowerCutLeftInTheFileIsTakenOutAtTheNextStart) {
  PeopleWorld world;
  const auto made = keys::make_enrolment(SiteName("store-01"), 1, 2);
  const std::string whole = keys::enrolment_text(made.file);
  ASSERT_TRUE(world.disk()->write_all("store-01.enrolment", as_bytes(whole)));
  { EXPECT_TRUE((*world.open(enrolment_in(world)))->enrol(made.codes[1], "1", "4711", Role::manager)); }
  ASSERT_TRUE(world.disk()->write_all("store-01.enrolment", as_bytes(whole)));
  { EXPECT_TRUE((*world.open(enrolment_in(world)))->needs_enrolment()); }
  EXPECT_EQ(enrolment_in(world)->codes, std::vector{made.file.codes[0]});
  remove_people(world);
  const auto credentials = std::move(*world.open(enrolment_in(world)));
  EXPECT_EQ(credentials->enrol(made.codes[1], "1", "4711", Role::manager).error().code, "people/wrong_code");
}

TEST(Credentials, AnEnrolmentFileThatWasTakenAwayIsNotMadeAgain) {
  PeopleWorld world;
  const auto made = keys::make_enrolment(SiteName("store-01"), 1, 2);
  const auto credentials = std::move(*world.open(made.file));
  EXPECT_TRUE(credentials->enrol(made.codes[0], "1", "4711", Role::manager));
  EXPECT_EQ(world.read("store-01.enrolment"), "");
}

TEST(Credentials, TwoWithTheSameCodeAtOnceMakeOneManager) {
  PeopleWorld world;
  auto credentials = std::move(*world.open());
  const std::string code = first_code(world);
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (const std::string number : {"1", "2", "3", "4"}) {
    threads.emplace_back([&, number] { made += credentials->enrol(code, number, "4711", Role::manager) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(credentials->staff().size(), 1u);
}

TEST(Credentials, ARightPinSignsInAndAWrongOneDoesNot) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  const auto cashier = credentials->add_staff("12", Role::cashier, "0815");
  ASSERT_TRUE(cashier);
  EXPECT_EQ(credentials->check_pin("12", "0815")->id, cashier->id);
  EXPECT_EQ(credentials->check_pin("12", "0816").error().code, "people/wrong_pin");
  EXPECT_EQ(credentials->check_pin("12", "").error().code, "people/wrong_pin");
  EXPECT_EQ(credentials->check_pin("99", "0815").error().code, "people/wrong_pin");
  EXPECT_EQ(credentials->check_pin("12' OR 1", "0815").error().code, "people/wrong_pin");
}

TEST(Credentials, NeitherPinNorCodeNorKeyIsStoredInClear) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  ASSERT_TRUE(credentials->add_staff("12", Role::cashier, "08154711"));
  const auto till = credentials->add_till("front", {}, {});
  ASSERT_TRUE(till);
  EXPECT_THAT(world.read("people/credentials"), HasSubstr("$argon2id$"));
  EXPECT_THAT(world.read("people/credentials"), Not(HasSubstr("08154711")));
  EXPECT_THAT(world.read("people/credentials"), Not(HasSubstr(till->device_key)));
  // The same PIN under another pepper is another verifier: what leaks alone cannot be tried.
  ASSERT_TRUE(world.disk()->write_all("people/pepper", as_bytes(std::string(32, 'x'))));
  EXPECT_EQ((*world.open())->check_pin("12", "08154711").error().code, "people/wrong_pin");
}

TEST(Credentials, AfterFiveWrongPinsTheNumberWaitsLongerAndLonger) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(credentials->check_pin("1", "0000").error().code, "people/wrong_pin") << i;
  EXPECT_EQ(credentials->check_pin("1", "4711").error().code, "people/wait");
  EXPECT_EQ(credentials->wait_left(), seconds(5));
  world.clock.at = world.clock.at + seconds(5);
  EXPECT_EQ(credentials->check_pin("1", "0000").error().code, "people/wrong_pin");
  EXPECT_EQ(credentials->check_pin("1", "4711").error().code, "people/wait");
  EXPECT_EQ(credentials->wait_left(), seconds(10));
  world.clock.at = world.clock.at + seconds(10);
  EXPECT_TRUE(credentials->check_pin("1", "4711"));
  // Success takes the count back.
  for (int i = 0; i < 5; ++i) EXPECT_EQ(credentials->check_pin("1", "0000").error().code, "people/wrong_pin");
}

TEST(Credentials, ManyNumbersTriedInTurnAreHeldUpTogether) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  int tried = 0;
  for (int i = 100; i < 200 && credentials->check_pin(std::to_string(i), "0000").error().code == "people/wrong_pin";
       ++i)
    ++tried;
  EXPECT_LE(tried, 21);
  EXPECT_GE(tried, 15);
  world.clock.at = world.clock.at + seconds(3600);
  EXPECT_TRUE(credentials->check_pin("1", "4711"));
}

TEST(Credentials, WrongPinsCountWhereTheyAreTyped) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  const Place laptop{{}, "192.168.1.66"}, office{{}, "192.168.1.5"}, till_1{{1}, "192.168.1.66"}, till_2{{2}, ""};
  for (int i = 0; i < 60; ++i) EXPECT_FALSE(credentials->check_pin(std::to_string(i % 7), "0000", laptop));
  EXPECT_EQ(credentials->check_pin("1", "4711", laptop).error().code, "people/wait");
  EXPECT_EQ(credentials->check_pin("1", "4711", office).error().code, "people/wait")
      << "addresses are taken at will, so they share one count";
  EXPECT_TRUE(credentials->check_pin("1", "4711", till_1));
  // A till that tries everybody's holds up itself.
  int tried = 0;
  for (int i = 100; i < 200; ++i) tried += credentials->check_pin(std::to_string(i), "0", till_1) ? 1 : 0;
  for (int i = 100; i < 200 && credentials->check_pin(std::to_string(i), "0000", till_1).error().code != "people/wait";
       ++i)
    ++tried;
  EXPECT_LE(tried, 21);
  EXPECT_EQ(credentials->check_pin("1", "4711", till_1).error().code, "people/wait");
  EXPECT_TRUE(credentials->check_pin("1", "4711", till_2));
}

TEST(Credentials, ARightPinAgainAndAgainKeepsNobodyWaiting) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  ASSERT_TRUE(credentials->add_staff("12", Role::cashier, "0815"));
  const Place till_1{{1}, ""}, till_2{{2}, ""};
  int checked = 0;
  for (int i = 0; i < 100; ++i) checked += credentials->check_pin("12", "0815", till_1) ? 1 : 0;
  EXPECT_EQ(checked, 30);
  EXPECT_EQ(credentials->check_pin("1", "4711", till_1).error().code, "people/wait");
  EXPECT_EQ(credentials->wait_left(), seconds(2));
  EXPECT_TRUE(credentials->check_pin("1", "4711", till_2));
  world.clock.at = world.clock.at + seconds(2);
  EXPECT_TRUE(credentials->check_pin("1", "4711", till_1));
  EXPECT_EQ(credentials->check_pin("1", "4711", till_1).error().code, "people/wait");
}

TEST(Credentials, WrongCodesOfOneAddressHoldUpNobodyElse) {
  PeopleWorld world;
  const auto credentials = std::move(*world.open());
  const Place laptop{{}, "192.168.1.66"}, office{{}, "192.168.1.5"};
  for (int i = 0; i < 60; ++i)
    EXPECT_FALSE(credentials->enrol("AAAA-BBBB-CCCC-DDDD", "1", "4711", Role::manager, laptop));
  std::string code = world.read("enrolment-code");
  code.pop_back();
  EXPECT_EQ(credentials->enrol(code, "1", "4711", Role::manager, laptop).error().code, "people/wait");
  EXPECT_TRUE(credentials->enrol(code, "1", "4711", Role::manager, office));
}

TEST(Credentials, NumbersAreUniqueAndTheLastManagerStays) {
  PeopleWorld world;
  const auto credentials = with_manager(world);
  EXPECT_EQ(credentials->add_staff("1", Role::cashier, "0815").error().code, "people/number_taken");
  EXPECT_EQ(credentials->add_staff("12a", Role::cashier, "0815").error().code, "people/bad_number");
  EXPECT_EQ(credentials->add_staff("12", Role::cashier, "081").error().code, "people/bad_pin");
  const auto manager = credentials->staff().front();
  EXPECT_EQ(credentials->remove_staff(manager.id).error().code, "people/last_manager");
  const auto cashier = *credentials->add_staff("12", Role::cashier, "0815");
  EXPECT_TRUE(credentials->remove_staff(cashier.id));
  EXPECT_EQ(credentials->check_pin("12", "0815").error().code, "people/wrong_pin");
  EXPECT_EQ(credentials->remove_staff(cashier.id).error().code, "people/unknown_staff");
}

TEST(Credentials, ATillGetsTheNextNumberThatNobodyUsed) {
  PeopleWorld world;
  auto credentials = with_manager(world);
  EXPECT_EQ(credentials->add_till("front", {}, {})->till.till, TillId{1});
  EXPECT_EQ(credentials->add_till("back", {}, TillId{7})->till.till, TillId{8});
  const auto third = *credentials->add_till("gate", {}, {});
  EXPECT_EQ(third.till.till, TillId{9});
  EXPECT_TRUE(credentials->till_of({9}, third.device_key));
  EXPECT_FALSE(credentials->till_of({8}, third.device_key));
  EXPECT_FALSE(credentials->till_of({9}, ""));
  // The same number again: the new key works, the older one stops.
  const auto again = *credentials->add_till("gate", {9}, {});
  EXPECT_FALSE(credentials->till_of({9}, third.device_key));
  credentials.reset();
  credentials = std::move(*world.open());
  EXPECT_TRUE(credentials->till_of({9}, again.device_key));
  EXPECT_EQ(credentials->till_name({8}), "back");
  EXPECT_FALSE(credentials->has_till({2}));
  EXPECT_EQ(credentials->add_till("", {}, {}).error().code, "people/bad_name");
}

TEST(Credentials, ADamagedFileIsToldAndNotGuessedAround) {
  PeopleWorld world;
  { const auto credentials = with_manager(world); }
  std::string stored = world.read("people/credentials");
  stored[20] = static_cast<char>(stored[20] ^ 1);
  ASSERT_TRUE(world.disk()->write_all("people/credentials", as_bytes(stored)));
  const auto expect_told = [&] {
    const Error error = world.open().error();
    EXPECT_EQ(error.code, "people/damaged");
    EXPECT_THAT(error.text, HasSubstr("Remove the folder people and the site's .enrolment file"));
    EXPECT_THAT(error.text, HasSubstr("enrolment-code"));
    EXPECT_THAT(error.text, Not(HasSubstr("backup"))) << "docs/operating.md: a data directory is not restored";
  };
  expect_told();
  ASSERT_TRUE(world.disk()->write_all("people/credentials", as_bytes("short")));
  expect_told();
  ASSERT_TRUE(world.disk()->remove("people/pepper"));
  expect_told();
}

TEST(Sessions, EndAtSignOutWhenIdleAndAtTheLatestAfterADay) {
  PeopleWorld world;
  Sessions sessions(world.entropy, world.clock);
  const Staff staff{"12", {}, Role::cashier};
  const auto [token, session] = sessions.start(staff);
  EXPECT_EQ(token.size(), 64u);
  EXPECT_NE(token, session.csrf);
  ASSERT_TRUE(sessions.find(token));
  EXPECT_FALSE(sessions.find(token + "0"));
  EXPECT_FALSE(sessions.find(session.csrf));
  sessions.end(token);
  EXPECT_FALSE(sessions.find(token));

  const auto idle = sessions.start(staff).first;
  world.clock.at = world.clock.at + seconds(3601);
  EXPECT_FALSE(sessions.find(idle));
  const auto busy = sessions.start(staff).first;
  for (int i = 0; i < 12; ++i) {
    world.clock.at = world.clock.at + seconds(3599);
    EXPECT_TRUE(sessions.find(busy)) << i;
  }
  world.clock.at = world.clock.at + seconds(3599);
  EXPECT_FALSE(sessions.find(busy));

  const auto asked = sessions.start(staff).first;  // by a page that stands open
  world.clock.at = world.clock.at + seconds(3000);
  EXPECT_EQ(sessions.find(asked, std::nullopt, false)->left, seconds(600));
  world.clock.at = world.clock.at + seconds(601);
  EXPECT_FALSE(sessions.find(asked, std::nullopt, false));
}

TEST(Sessions, ATokenForAHeaderCountsAtItsTillAloneAndNeverAsACookie) {
  PeopleWorld world;
  Sessions sessions(world.entropy, world.clock);
  const Staff staff{"1", {}, Role::manager};
  const std::string cookie = sessions.start(staff).first;
  const std::string header = sessions.start(staff, TillId{3}).first;
  const std::string unenrolled = sessions.start(staff, TillId{0}).first;
  EXPECT_TRUE(sessions.find(cookie));
  EXPECT_FALSE(sessions.find(cookie, TillId{3}));
  EXPECT_FALSE(sessions.find(cookie, TillId{0}));
  EXPECT_TRUE(sessions.find(header, TillId{3}));
  EXPECT_FALSE(sessions.find(header, TillId{4}));
  EXPECT_FALSE(sessions.find(header, TillId{0}));
  EXPECT_FALSE(sessions.find(header));
  EXPECT_TRUE(sessions.find(unenrolled, TillId{0}));
  EXPECT_FALSE(sessions.find(unenrolled, TillId{3}));
}

TEST(Sessions, AreBoundedAndEndWithTheirPerson) {
  PeopleWorld world;
  Sessions sessions(world.entropy, world.clock, {.sessions_max = 2});
  const Staff leaving{"12", {}, Role::cashier};
  Staff staying{"13", {}, Role::cashier};
  staying.id.bytes[0] = std::byte{1};
  const auto a = sessions.start(leaving).first;
  world.clock.at = world.clock.at + seconds(1);
  const auto b = sessions.start(staying).first;
  world.clock.at = world.clock.at + seconds(1);
  const auto c = sessions.start(leaving).first;
  EXPECT_FALSE(sessions.find(a));
  EXPECT_TRUE(sessions.find(b));
  sessions.end_all_of(leaving.id);
  EXPECT_FALSE(sessions.find(c));
  EXPECT_TRUE(sessions.find(b));
}

TEST(Credentials, AllOfItWorksOnTheSpareUnderAnotherPepper) {  // protocol 11.1
  PeopleWorld node, spare;
  auto credentials = with_manager(node);
  ASSERT_TRUE(credentials->add_staff("22", Role::cashier, "2222"));
  const auto till = credentials->add_till("Till 1", {}, {});
  ASSERT_TRUE(till);
  const std::uint64_t version = credentials->version();
  ASSERT_TRUE(credentials->add_staff("33", Role::cashier, "3333"));
  EXPECT_NE(credentials->version(), version) << "the spare is to get the new one";

  SequenceEntropy entropy(7);
  ASSERT_TRUE(import_credentials(*spare.disk(), entropy, credentials->copy()));
  EXPECT_NE(spare.read("people/pepper"), node.read("people/pepper"));
  EXPECT_THAT(spare.read("people/credentials"), Not(HasSubstr("argon2")))
      << "no verifier in clear beside the new pepper";
  auto there = std::move(*spare.open());
  EXPECT_FALSE(there->needs_enrolment());
  EXPECT_EQ(there->check_pin("1", "4711")->role, Role::manager);
  EXPECT_EQ(there->check_pin("22", "2221").error().code, "people/wrong_pin");
  EXPECT_EQ(there->check_pin("22", "2222")->id, credentials->check_pin("22", "2222")->id);
  EXPECT_TRUE(there->till_of(till->till.till, till->device_key));
  EXPECT_FALSE(there->till_of(till->till.till, std::string(64, '0')));
  // Whoever has signed in has a verifier with the new pepper alone; the others have theirs at their first sign-in.
  EXPECT_THAT(spare.read("people/credentials"), HasSubstr("argon2"));
  there = std::move(*spare.open());
  EXPECT_TRUE(there->check_pin("1", "4711"));
  EXPECT_TRUE(there->check_pin("33", "3333"));
  // And from there to the next spare.
  PeopleWorld third;
  SequenceEntropy more(9);
  ASSERT_TRUE(import_credentials(*third.disk(), more, there->copy()));
  EXPECT_TRUE((*third.open())->check_pin("22", "2222"));
}

TEST(Credentials, ADamagedCopyIsRefusedWhole) {
  PeopleWorld node, spare;
  Bytes copy = with_manager(node)->copy();
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, copy.size() - 1}) {
    SequenceEntropy entropy(1);
    EXPECT_EQ(import_credentials(*spare.disk(), entropy, ByteView(copy).first(size)).error().code, "people/damaged");
  }
  EXPECT_EQ(spare.read("people/credentials"), "");
}

}  // namespace
}  // namespace holdfast::people
