// The store's authority, its leaves, and what node and spare tell each other about tills.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "edge/people/fake_world.h"
#include "edge/tills/machine.h"

namespace holdfast::tills {
namespace {

using edge::ScratchDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Instant now{1'800'000'000'000'000'000};
const std::vector<std::string> here{"192.168.1.10"};

struct Store {
  ScratchDirectory directory;
  Authority authority = *open_authority(directory.path(), "store-07", here, now);
  MachineKey key = *open_machine_key(directory.path());
  std::string leaf(const std::vector<std::string>& names, Instant at = now) {
    const auto made = issue(authority, key.public_key, names, at);
    EXPECT_TRUE(made) << made.error().text;
    return made.value_or("");
  }
};

TEST(StoreCertificate, IsMadeOnceAndItsKeyIsNobodyElses) {
  Store store;
  const Authority again = *open_authority(store.directory.path(), "store-07", {"10.0.0.9"}, now + days(30));
  EXPECT_EQ(again.certificate, store.authority.certificate);
  for (const std::string_view path : {ca_key_path, tls_key_path}) {
    struct stat about {};
    ASSERT_EQ(::stat(fmt::format("{}/{}", store.directory.path(), path).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600u) << path;
  }
  const std::string leaf = store.leaf(here);
  EXPECT_EQ(*authority_of(leaf), store.authority.certificate);
  EXPECT_THAT(*fingerprint(store.authority.certificate), SizeIs(95));
  EXPECT_EQ(validity_of(leaf)->from, now - days(2));
  EXPECT_EQ(validity_of(leaf)->to, now - days(2) + days(397));
  EXPECT_TRUE(server_context(store.key.key, leaf));
}

TEST(StoreCertificate, SignsPrivateNetworksAndTheNamesOfItsMakingOnly) {
  ScratchDirectory directory;
  const Authority authority = *open_authority(directory.path(), "store-07", {"tills.store07.example", "8.8.4.4"}, now);
  const MachineKey key = *open_machine_key(directory.path());
  for (const char* fine : {"192.168.1.11", "10.1.2.3", "172.31.0.1", "fd00::7", "fe80::1", "::1", "127.0.0.1",
                           "8.8.4.4", "till.local", "spare.tills.store07.example", "localhost"})
    EXPECT_TRUE(issue(authority, key.public_key, {fine}, now)) << fine;
  for (const char* outside : {"8.8.8.8", "bank.example", "172.32.0.1", "example", "2001:db8::1", "notlocal"}) {
    const auto refused = issue(authority, key.public_key, {"192.168.1.11", outside}, now);
    ASSERT_FALSE(refused) << outside;
    EXPECT_EQ(refused.error().code, "tills/name_outside") << refused.error().text;
    EXPECT_THAT(refused.error().text, HasSubstr(outside));
  }
  for (const char* bad :
       {"", "UPPER.local", "a,permitted;DNS:evil", "a..b", "-x", "x.", "*.local", "a b", "256.1.1.1/8"})
    EXPECT_EQ(check_name(bad).error().code, "tills/bad_name") << bad;
}

TEST(StoreCertificate, ALeafIsDueAtHalfItsTimeForOtherNamesAndForAnotherKey) {
  Store store;
  const std::string leaf = store.leaf(here);
  const std::string& pub = store.key.public_key;
  EXPECT_FALSE(is_due(leaf, pub, here, now));
  EXPECT_FALSE(is_due(leaf, pub, here, now + days(190)));
  EXPECT_TRUE(is_due(leaf, pub, here, now + days(200)));
  EXPECT_TRUE(is_due(leaf, pub, {"192.168.1.12"}, now));
  EXPECT_TRUE(is_due(leaf, pub, {"192.168.1.10", "till.local"}, now));
  EXPECT_TRUE(is_due(leaf, Store().key.public_key, here, now));
  EXPECT_TRUE(is_due("", pub, here, now));
  EXPECT_TRUE(is_due("-----BEGIN CERTIFICATE-----\nnonsense", pub, here, now));
  // A battery is empty and the clock says 1970: what is there stays good for everybody whose clock is right.
  EXPECT_FALSE(is_due(leaf, pub, here, Instant{0}));
  // The clock was a year ahead when this one was made.
  EXPECT_TRUE(is_due(store.leaf(here, now + days(365)), pub, here, now));
  // In its authority's last year a leaf is cut at that end, and another would last no longer.
  const Instant late = now + days(3650 - 100);
  const std::string cut = store.leaf(here, late);
  EXPECT_EQ(validity_of(cut)->to, now + days(3650));
  EXPECT_FALSE(is_due(cut, pub, here, late + days(99)));
  EXPECT_FALSE(is_due(cut, pub, here, late + days(101)));
  EXPECT_TRUE(is_due(cut, pub, here, late - days(10)));
}

TEST(StoreCertificate, AWrongClockIsToldWithTheDates) {
  Store store;
  for (const Instant wrong : {Instant{}, now + days(3651), now + days(15 * 365)}) {
    const auto refused = issue(store.authority, store.key.public_key, here, wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "tills/clock");
    EXPECT_THAT(refused.error().text, HasSubstr("this machine's clock says " + to_text(wrong).substr(0, 10)));
    EXPECT_THAT(refused.error().text,
                HasSubstr("holds from 2027-01-13T08:00:00Z to 2037-01-12T08:00:00Z. Is the clock"));
  }
}

TEST(StoreCertificate, WhatCannotBeReadIsRefusedAndNothingIsOverwritten) {
  Store store;
  EXPECT_EQ(issue(store.authority, "nonsense", here, now).error().code, "tills/bad_certificate");
  EXPECT_EQ(issue(store.authority, store.key.public_key, {}, now).error().code, "tills/bad_name");
  EXPECT_FALSE(authority_of("x"));
  EXPECT_FALSE(server_context(Store().key.key, store.leaf(here))) << "another machine's key";
  Store other;
  EXPECT_FALSE(keep_authority(store.directory.path(), {other.authority.key, store.authority.certificate}));
  ASSERT_TRUE(keep_authority(store.directory.path(), other.authority));
  EXPECT_EQ(open_authority(store.directory.path(), "store-07", here, now)->certificate, store.authority.certificate)
      << "the one that is there stays";
}

// In a process of its own, without a terminal and with an input that never says anything: a question would last for
// ever.
TEST(StoreCertificate, AsksNobodyForAPassPhrase) {
  Store store;
  const auto encrypted = [](std::string_view what) {
    return fmt::format(
        "-----BEGIN {0}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END {0}-----\n",
        what);
  };
  int silent[2];
  ASSERT_EQ(::pipe(silent), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setsid();
    ::dup2(silent[0], STDIN_FILENO);
    ::alarm(20);
    const bool refused = !issue(store.authority, encrypted("PUBLIC KEY"), here, now) &&
                         !fingerprint(encrypted("CERTIFICATE")) &&
                         !server_context(encrypted("RSA PRIVATE KEY"), store.leaf(here));
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  ::close(silent[0]);
  ::close(silent[1]);
}

// ---- two machines

// Why an answer of a node refuses; empty: it does not.
std::string refusal_in(ByteView answer) {
  Reader in(answer);
  for (int i = 0; i < 3; ++i) in.text();
  return in.left() == 0 ? std::string() : in.text();
}

// Two clocks: somebody may set the one on the wall.
struct WallClock final : Clock {
  Instant now() override { return wall; }
  Instant monotonic() override { return running; }
  void run(Duration time) { wall = wall + time, running = running + time; }
  Instant wall = tills::now, running;
};

struct Machines : ::testing::Test {
  ScratchDirectory node_directory, spare_directory;
  WallClock clock;
  std::vector<std::string> log, warnings;  // events; texts
  void hear(const News& told) {
    log.push_back(told.event);
    if (told.is_warning) warnings.push_back(told.what);
  }
  std::unique_ptr<http::Server> node_server = open_server(), spare_server = open_server();
  static std::unique_ptr<http::Server> open_server() {
    http::ServerSettings settings;
    settings.listen = "127.0.0.1:0";
    settings.tills = "127.0.0.1:0";
    return std::move(*http::Server::open(std::move(settings)));
  }
  std::unique_ptr<Machine> open(const std::string& directory, bool is_node, std::vector<std::string> names,
                                http::Server& server) {
    auto machine = Machine::open({directory, "store-07", "127.0.0.1:0", std::move(names), is_node}, clock,
                                 [this](const News& told) { hear(told); });
    EXPECT_TRUE(machine) << machine.error().text;
    (*machine)->serve(server);
    return std::move(*machine);
  }
  std::unique_ptr<Machine> node() { return open(node_directory.path(), true, {"192.168.1.10"}, *node_server); }
  std::unique_ptr<Machine> spare() { return open(spare_directory.path(), false, {"192.168.1.11"}, *spare_server); }
  std::string leaf_on_disk(const std::string& directory) const {
    std::ifstream in(fmt::format("{}/{}", directory, tls_certificate_path));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static bool exists(const std::string& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0;
  }
};

TEST_F(Machines, TheSpareGetsALeafOfItsOwnAndBothKnowEachOther) {
  const auto a = node();
  auto b = spare();
  EXPECT_TRUE(b->authority().empty());
  const Bytes answer = a->answer_to_spare(b->word_to_node());
  b->take_word_of_node(answer);
  EXPECT_EQ(b->authority(), a->authority());
  EXPECT_EQ(a->authority_fingerprint(), b->authority_fingerprint());
  EXPECT_THAT(a->origins(), ElementsAre(a->origin(), b->origin()));
  EXPECT_THAT(b->others(), ElementsAre(a->origin()));
  EXPECT_FALSE(b->authority_key()) << "the authority's key is not for a spare";
  EXPECT_FALSE(exists(spare_directory.path() + "/store-ca/ca.key"));
  // Known again after a start, without a word; and nothing is asked for twice.
  b.reset();
  b = spare();
  EXPECT_EQ(b->authority(), a->authority());
  EXPECT_THAT(b->others(), ElementsAre(a->origin()));
  log.clear();
  b->take_word_of_node(a->answer_to_spare(b->word_to_node()));
  EXPECT_THAT(log, IsEmpty());
}

TEST_F(Machines, TheNodesOwnAddressIsSignedForNobodyElseAndNonsenseIsAnsweredWithNothing) {
  const auto a = node();
  const auto b = open(spare_directory.path(), false, {"192.168.1.10"}, *spare_server);
  EXPECT_THAT(refusal_in(a->answer_to_spare(b->word_to_node())), HasSubstr("an address of the store's machine"));
  EXPECT_THAT(log, testing::Contains("refused"));
  EXPECT_TRUE(a->answer_to_spare(as_bytes("nonsense")).empty());
  EXPECT_TRUE(a->answer_to_spare({}).empty());
  Bytes cut = spare()->word_to_node();
  cut.pop_back();
  EXPECT_TRUE(a->answer_to_spare(cut).empty());
  // An origin goes into headers: no blank, quote or line end may pass.
  Writer out;
  out.text("https://x/ 'unsafe-inline'\r\nX: y");
  out.text(b->word_to_node().empty() ? "" : "k");
  out.u8(0);
  out.u32(1);
  out.text("x.local");
  EXPECT_TRUE(a->answer_to_spare(out.view()).empty());
  EXPECT_THAT(a->others(), IsEmpty());
  b->take_word_of_node(as_bytes("nonsense"));
  EXPECT_THAT(b->others(), IsEmpty());
}

TEST_F(Machines, TillsAreSentNowhereThatTheStoresCertificateCannotStandFor) {
  const auto a = node();
  const auto told = [&](const std::string& origin, const std::vector<std::string>& names) {
    Writer out;
    out.text(origin);
    out.text(open_machine_key(spare_directory.path())->public_key);
    out.u8(0);  // wants no certificate
    out.u32(static_cast<std::uint32_t>(names.size()));
    for (const std::string& name : names) out.text(name);
    const Bytes answer = a->answer_to_spare(out.view());
    return !answer.empty() && refusal_in(answer).empty();
  };
  EXPECT_FALSE(told("https://evil.example:7443", {"evil.example"})) << "outside the authority";
  EXPECT_FALSE(told("https://192.168.1.12:7443", {"192.168.1.11"})) << "not what it is called";
  EXPECT_FALSE(told("https://192.168.1.10:7443", {"192.168.1.11", "192.168.1.10"})) << "ours";
  EXPECT_THAT(a->others(), IsEmpty());
  EXPECT_TRUE(told("https://192.168.1.11:7443", {"192.168.1.11"}));
  EXPECT_TRUE(told("https://[fd00::7]", {"fd00:0::7"}));
  EXPECT_THAT(a->others(), ElementsAre("https://[fd00::7]"));
  EXPECT_TRUE(is_same_name("fd00::1", "fd00:0:0::1"));
}

TEST_F(Machines, ASpareThatTillsCouldNotReachSaysWhy) {
  const auto a = node();
  EXPECT_EQ(a->problem(), "");
  const auto asks = [&](Machine& spare) {
    spare.take_word_of_node(a->answer_to_spare(spare.word_to_node()));
    return spare.problem();
  };
  auto b = open(spare_directory.path(), false, {"spare.example.com"}, *spare_server);
  EXPECT_THAT(b->problem(), HasSubstr("--tills?"));
  EXPECT_THAT(asks(*b), HasSubstr("refuses this spare: the store's certificate was not made for spare.example.com"));
  EXPECT_THAT(a->others(), IsEmpty());
  EXPECT_EQ(asks(*spare()), "");
  EXPECT_THAT(asks(*open(spare_directory.path(), false, {"192.168.1.10"}, *spare_server)),
              HasSubstr("an address of the store's machine"));
}

TEST_F(Machines, ASpareWhoseClockIsWrongSaysSoUntilItIsRight) {
  const auto a = node();
  clock.run(days(400));  // so that the authority is older than the spare's clock is wrong
  a->look();
  const auto b = spare();
  const Instant right = clock.wall;
  for (const Duration off : {days(300), Duration{-days(300).ns}, days(15 * 365), Duration{-right.unix_ns}}) {
    const Bytes word = b->word_to_node();
    const Bytes answer = a->answer_to_spare(word);
    clock.wall = right + off;
    b->take_word_of_node(answer);
    EXPECT_THAT(b->problem(), HasSubstr("Is the clock right?")) << off.ns;
    clock.wall = right;
    b->take_word_of_node(a->answer_to_spare(b->word_to_node()));
    EXPECT_EQ(b->problem(), "") << off.ns;
  }
}

TEST_F(Machines, ARefusalIsBoundedAndPlain) {
  const auto b = spare();
  const auto told = [&](const std::string& why) {
    Writer out;
    out.text("https://192.168.1.10:7443");
    out.text("");
    out.text("");
    out.text(why);
    b->take_word_of_node(out.view());
    return b->problem();
  };
  EXPECT_THAT(told("no\x1b[2J\xff"), testing::EndsWith("no?[2J?"));
  EXPECT_THAT(told(std::string(1001, 'x')), testing::EndsWith("no?[2J?"));
}

// A till's page comes from the machine it was installed at, and keeps what it owes in that page's storage: when that
// machine is gone and the store has two others, it must still be let in.
TEST_F(Machines, PagesOfAMachineThatIsGoneAreStillTheStores) {
  const std::string before = "https://192.168.1.10:7443";
  {
    const auto b = spare();
    Writer word;
    word.text(before);
    word.text("");
    word.text("");
    b->take_word_of_node(word.view());
    EXPECT_THAT(b->known(), ElementsAre(before));
  }
  const auto b = open(spare_directory.path(), true, {"192.168.1.11"}, *spare_server);
  Writer word;
  word.text("https://192.168.1.12:7443");
  word.text(open_machine_key(node_directory.path())->public_key);
  word.u8(1);
  word.u32(1);
  word.text("192.168.1.12");
  ASSERT_FALSE(b->answer_to_spare(word.view()).empty());
  EXPECT_THAT(b->others(), ElementsAre("https://192.168.1.12:7443"));
  EXPECT_THAT(b->known(), ElementsAre("https://192.168.1.12:7443", before));
}

TEST_F(Machines, APromotedSpareOpensTheStoreAlsoWhereItsNameCannotBeSigned) {
  node();
  const auto start = [&](bool goes_on) {
    return Machine::open({.data = node_directory.path(),
                          .site = "store-07",
                          .listen = "127.0.0.1:0",
                          .names = {"spare.example.com"},
                          .is_node = true,
                          .goes_on_without = goes_on},
                         clock, [this](const News& told) { hear(told); });
  };
  EXPECT_EQ(start(false).error().code, "tills/name_outside");
  EXPECT_TRUE(start(true));
  EXPECT_THAT(log, testing::Contains("no-certificate"));
}

TEST_F(Machines, ANodeOpensWhateverItsClockSays) {
  node();
  const std::string before = leaf_on_disk(node_directory.path());
  const std::string pub = open_machine_key(node_directory.path())->public_key;
  for (const Instant wrong : {Instant{}, now + days(15 * 365 + 4), now + days(3651)}) {
    clock.wall = wrong;
    const auto a = node();
    EXPECT_EQ(leaf_on_disk(node_directory.path()), before) << to_text(wrong);
    clock.wall = now + days(20);
    clock.run(seconds(61));
    a->look();
    EXPECT_FALSE(is_due(leaf_on_disk(node_directory.path()), pub, {"192.168.1.10", "127.0.0.1"}, clock.wall));
    EXPECT_TRUE(a->authority_key());
  }
  EXPECT_THAT(log, testing::Contains("authority-not-valid-now"));
}

TEST_F(Machines, AnAuthorityIsMadeOnceTheClockIsNoLongerThatOfAnEmptyBattery) {
  clock.wall = Instant{};
  const auto a = node();
  EXPECT_FALSE(a->has_authority_key());
  EXPECT_FALSE(exists(node_directory.path() + "/store-ca/ca.key"));
  EXPECT_THAT(log, testing::Contains("no-certificate"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("clock says 1970-01-01T00:00:00Z")));
  clock.wall = now;
  clock.run(seconds(61));
  a->look();
  EXPECT_FALSE(a->authority().empty());
  EXPECT_EQ(validity_of(a->authority())->from, clock.wall - days(2));
  EXPECT_TRUE(a->has_authority_key()) << "so that it is sealed for the spare, too";
}

TEST_F(Machines, AnAuthorityThatWasMadeByAWrongClockIsToldOnceADay) {
  clock.wall = now + days(3000);
  node();
  clock.wall = now;
  const auto a = node();
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(warnings[0], HasSubstr("clock says 2027-01-15T08:00:00Z"));
  EXPECT_THAT(warnings[0], HasSubstr("holds from 2035-"));
  EXPECT_THAT(warnings[0], HasSubstr("move store-ca and store-tls/tls.crt away"));
  const auto look_after = [&](Duration time) {
    clock.run(time);
    a->look();
    return warnings.size();
  };
  EXPECT_EQ(look_after(seconds(61)), 1u);
  EXPECT_EQ(look_after(days(1)), 2u);
  EXPECT_THAT(log, testing::Each("authority-not-valid-now"));
}

TEST_F(Machines, TheEndOfTheAuthorityIsToldAYearAheadAndNothingIsSignedEveryMinuteThen) {
  node();
  clock.run(days(3650 - 401));
  const auto a = node();
  EXPECT_THAT(log, IsEmpty());
  const auto look_after = [&](Duration time) {
    clock.run(time);
    log.clear();
    a->look();
    return log;
  };
  EXPECT_THAT(look_after(days(2)), ElementsAre("authority-ends-soon"));
  EXPECT_THAT(warnings.back(), HasSubstr("ends at 2037-01-12T08:00:00"));
  EXPECT_EQ(a->ends()->authority, now + days(3650));
  EXPECT_THAT(look_after(days(399 - 50)), ElementsAre("renewed", "authority-ends-soon"));
  EXPECT_EQ(a->ends()->certificate, now + days(3650));
  EXPECT_THAT(look_after(days(49)), ElementsAre("authority-ends-soon"));
  EXPECT_THAT(look_after(seconds(61)), IsEmpty());
  EXPECT_THAT(look_after(days(2)), ElementsAre("authority-not-valid-now"));
}

TEST_F(Machines, ALeafThatCouldNotBeSignedIsSignedOnceTheClockIsRight) {
  node();
  // The machine's certificate is gone, and its clock is beyond the authority's end.
  std::filesystem::remove(fmt::format("{}/{}", node_directory.path(), tls_certificate_path));
  clock.wall = now + days(15 * 365);
  const auto a = node();
  EXPECT_TRUE(a->authority().empty());
  clock.wall = now;
  clock.run(seconds(61));
  a->look();
  EXPECT_FALSE(a->authority().empty());
  EXPECT_THAT(log, testing::Contains("renewed"));
}

TEST_F(Machines, WhatWasTypedWrongStillStopsANode) {
  node();
  const auto refused = Machine::open({node_directory.path(), "store-07", "127.0.0.1:0", {"tills.example.com"}, true},
                                     clock, [](const News&) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "tills/name_outside");
}

TEST_F(Machines, APromotedSpareSignsForItselfAndOneWithoutTheAuthorityKeepsItsLeaf) {
  const auto a = node();
  {
    const auto b = spare();
    b->take_word_of_node(a->answer_to_spare(b->word_to_node()));
  }
  const auto promote = [&] { return open(spare_directory.path(), true, {"192.168.1.11"}, *spare_server); };
  EXPECT_EQ(promote()->authority(), a->authority()) << "no copy came along: what it has lasts";
  EXPECT_FALSE(exists(spare_directory.path() + "/store-ca/ca.key"));
  const auto kept_after = [&](Duration time) {
    clock.run(time);
    log.clear();
    const auto kept = promote();
    EXPECT_EQ(kept->authority(), a->authority());
    EXPECT_FALSE(exists(spare_directory.path() + "/store-ca/ca.key"));
    clock.run(seconds(61));
    kept->look();
    EXPECT_EQ(kept->authority(), a->authority());
    EXPECT_FALSE(exists(spare_directory.path() + "/store-ca/ca.key"));
    return log;
  };
  EXPECT_THAT(kept_after(days(210)), ElementsAre("ends-soon"));
  EXPECT_THAT(kept_after(days(290)), ElementsAre("certificate-not-valid-now"));
  EXPECT_THAT(warnings.back(), HasSubstr("move store-ca and store-tls/tls.crt away"));
  const auto copy = unpack_store_copy(pack_store_copy(as_bytes("people"), a->authority_key()));
  ASSERT_TRUE(copy);
  EXPECT_EQ(as_text(copy->credentials), "people");
  ASSERT_TRUE(keep_authority(spare_directory.path(), *copy->authority));
  const auto promoted = promote();
  EXPECT_EQ(promoted->authority(), a->authority());
  EXPECT_TRUE(promoted->authority_key());
  EXPECT_FALSE(unpack_store_copy(as_bytes("nonsense")));
  EXPECT_FALSE(unpack_store_copy(pack_store_copy(as_bytes("people"), std::nullopt))->authority);
}

TEST_F(Machines, ANodeThatLostItsAuthorityMakesNoOtherUntilItsCertificateIsMovedAway) {
  const std::string before = node()->authority();
  std::filesystem::remove_all(node_directory.path() + "/store-ca");
  clock.run(days(250));
  EXPECT_EQ(node()->authority(), before);
  const auto renamed = open(node_directory.path(), true, {"192.168.1.99"}, *node_server);
  EXPECT_EQ(renamed->authority(), before);
  EXPECT_THAT(log, ElementsAre("ends-soon", "no-certificate"));
  EXPECT_FALSE(exists(node_directory.path() + "/store-ca/ca.key"));
  std::filesystem::remove(fmt::format("{}/{}", node_directory.path(), tls_certificate_path));
  EXPECT_NE(node()->authority(), before);
}

TEST_F(Machines, ARebuiltNodeHasANewAuthorityAndTheSpareAsksAgain) {
  auto a = node();
  const auto b = spare();
  b->take_word_of_node(a->answer_to_spare(b->word_to_node()));
  const std::string before = b->authority();
  std::filesystem::remove_all(node_directory.path() + "/store-ca");
  std::filesystem::remove_all(node_directory.path() + "/store-tls");
  a.reset();
  a = node();
  ASSERT_NE(a->authority(), before);
  b->take_word_of_node(a->answer_to_spare(b->word_to_node()));  // says which authority it is
  b->take_word_of_node(a->answer_to_spare(b->word_to_node()));
  EXPECT_EQ(b->authority(), a->authority());
}

TEST_F(Machines, EveryAddressIsNoAddressToTell) {
  const auto refused =
      Machine::open({node_directory.path(), "store-07", "0.0.0.0:7443", {}, true}, clock, [](const News&) {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("--tills-name"));
}

}  // namespace
}  // namespace holdfast::tills
