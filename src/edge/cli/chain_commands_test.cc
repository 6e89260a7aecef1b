// The commands of chain, keys and recovery as a person runs them: arguments in, files, sentences and exit codes out.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "edge/cli/cli_test_support.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/demo_chain.h"
#include "edge/keys/file_signer.h"
#include "edge/keys/private_files.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/scratch_directory.h"
#include "edge/serve/serve.h"

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;

std::string text_of(const std::string& path) { return *keys::read_public_file(path); }
void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  HF_CHECK(at != std::string::npos, "no {}", from);
  return text.replace(at, from.size(), to);
}

// The same in a child whose standard output goes to a file or device; its exit code. Standard error goes to `told`.
int holdfast_into(const std::string& output, const std::string& told, const std::vector<std::string>& words) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT, 0600);
    const int err = ::open(told.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || err < 0 || ::dup2(out, 1) != 1 || ::dup2(err, 2) != 2) ::_exit(99);
    CLI::App app("test", "holdfast");
    add_key_commands(app);
    add_spare_commands(app);
    std::vector<const char*> argv{"holdfast"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    ::_exit(run(app, static_cast<int>(argv.size()), argv.data()));
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Saying, WhatCouldNotBeWrittenIsNoSuccess) {
  const edge::ScratchDirectory scratch;
  const auto at = [&](const std::string& name) { return scratch.path() + "/" + name; };
  EXPECT_EQ(holdfast_into(at("out"), at("err"), {"site", "keygen", "store-01", "--into", at("site")}), 0);
  EXPECT_THAT(text_of(at("out")), HasSubstr("Enrolment code of a manager, shown once: store-01 ")) << "run() flushes";
  EXPECT_EQ(text_of(at("err")), "");
  EXPECT_EQ(holdfast_into("/dev/full", at("err"), {"site", "keygen", "store-01", "--into", at("full-site")}), 1);
  EXPECT_THAT(text_of(at("err")), HasSubstr("codes shown once are lost: make them again in a new directory"));
  EXPECT_EQ(holdfast_into("/dev/full", at("err"), {"spare", "keygen", "store-01", "--into", at("full-spare")}), 1);
  EXPECT_THAT(text_of(at("err")), HasSubstr("edge/not_said"));
  EXPECT_EQ(holdfast_into("/dev/full", at("err"), {"site", "--help"}), 1);
  EXPECT_EQ(holdfast_into("/dev/full", at("err"), {"site", "what"}), 2);
  EXPECT_EQ(holdfast_into("/dev/full", at("err"), {"site", "keygen", "store-01", "--into", at("site")}), 1);
  EXPECT_THAT(text_of(at("err")), HasSubstr("keys/exists")) << "a refusal stays one";
}

// The example chain of test/data/chain.toml, set up by hand as its comments say.
class ByHand : public ::testing::Test {
 protected:
  void SetUp() override {
    said_ = holdfast({"chain", "roots", "--into", at("ceremony")}).all();
    std::filesystem::create_directory(at("pub"));
    for (const std::string site : {"head-office", "warehouse", "store-01", "store-02", "store-03"}) {
      const Outcome made = holdfast({"site", "keygen", site, "--into", at(site)});
      ASSERT_EQ(made.code, 0) << made.err;
      said_ += made.all();
      std::filesystem::copy(at(site) + "/" + site + ".pub.toml", at("pub"));
    }
    const Outcome init = init_chain(description_, "chain.hfc", {"--authority", at("ceremony/authority.pub.toml")});
    ASSERT_EQ(init.code, 0) << init.err;
    said_ += init.all();
    for (const std::string site : {"head-office", "warehouse", "store-01", "store-02", "store-03"}) {
      const Outcome adopted = holdfast({"site", "adopt", at(site), at("chain.hfc")});
      ASSERT_EQ(adopted.code, 0) << adopted.err;
      said_ += adopted.all();
    }
  }
  std::string at(const std::string& path) const { return scratch_.path() + "/" + path; }
  Outcome init_chain(const std::string& description, const std::string& out, std::vector<std::string> more,
                     const std::vector<std::string>& roots = {"root-1", "root-3"}) const {
    std::vector<std::string> words = {"chain", "init", description, "--out", at(out), "--sites", at("pub")};
    words.insert(words.end(), more.begin(), more.end());
    for (const std::string& root : roots) words.insert(words.end(), {"--root-keys", at("ceremony/" + root)});
    return holdfast(words);
  }
  Outcome sign(const std::vector<std::string>& more, const std::string& out) const {
    std::vector<std::string> words = {"recovery", "sign",
                                      "--chain",  at("chain.hfc"),
                                      "--out",    at(out),
                                      "--keys",   at("ceremony/recovery-1"),
                                      "--keys",   at("ceremony/recovery-2")};
    words.insert(words.end(), more.begin(), more.end());
    return holdfast(words);
  }
  // New recovery keys in fresh/: the description with them, and with `more` below.
  std::string with_new_recovery(const std::string& more = {}) const {
    if (!std::filesystem::exists(at("fresh"))) {
      EXPECT_EQ(holdfast({"chain", "roots", "--into", at("fresh")}).code, 0);
    }
    const std::string fresh = text_of(at("fresh/authority.pub.toml"));
    const std::size_t from = fresh.find("\n[recovery]");
    return text_of(description_) + fresh.substr(from, fresh.find("\n[operations]") - from) + "\n" + more;
  }
  edge::ScratchDirectory scratch_;
  std::string description_ = HF_SOURCE_DIR "/test/data/chain.toml";
  std::string said_;
};

TEST_F(ByHand, AChainIsMadeCheckedShownAndAdopted) {
  EXPECT_EQ(holdfast({"chain", "check", description_}).code, 0);
  EXPECT_EQ(holdfast({"chain", "check", at("chain.hfc")}).code, 0);
  const Outcome shown = holdfast({"chain", "show", at("chain.hfc")});
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.out, HasSubstr("store-03 (store) at 10.21.3.2:7400"));
  EXPECT_THAT(shown.out, HasSubstr("2 of root-1"));
  EXPECT_EQ(keys::read_chain_file(at("store-01"))->sites.size(), 5u);
}

TEST_F(ByHand, NoPrivateKeyIsEverPrintedOrInAPublicFile) {
  const Outcome rebuilt = holdfast({"site", "keygen", "head-office", "--into", at("new"), "--replacement"});
  const Outcome certified = sign({"--request", at("new/head-office.pub.toml")}, "certificates");
  ASSERT_EQ(certified.code, 0) << certified.err;
  const Outcome demo = holdfast({"chain", "demo", "--stores", "2", "--into", at("demo")});
  ASSERT_EQ(demo.code, 0) << demo.err;
  std::string printed = said_ + rebuilt.all() + certified.all() + demo.all();
  printed += holdfast({"chain", "show", at("chain.hfc")}).all();
  std::vector<std::string> secrets;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch_.path())) {
    if (!entry.is_regular_file()) continue;
    const std::string text = text_of(entry.path());
    if (entry.path().extension() != ".key") {
      printed += text;
      continue;
    }
    const std::string seed = text.substr(text.find("seed ") + 5, 44);
    secrets.push_back(seed);
    secrets.push_back(to_hex(*from_base64(seed)));
    EXPECT_EQ(std::filesystem::status(entry).permissions(), std::filesystem::perms(0600)) << entry.path();
  }
  ASSERT_EQ(secrets.size(), 2 * (7 + 5 * 4 + 4 + 7 + 4 * 4u));
  for (const std::string& secret : secrets) EXPECT_EQ(printed.find(secret), std::string::npos);
  // The search finds what is there: a public key of the same files.
  EXPECT_NE(printed.find(to_hex(keys::read_chain_file(at("store-01"))->sites[0].keys.log)), std::string::npos);
}

TEST_F(ByHand, TooFewRootKeysEndWithASentenceAndNoFile) {
  const Outcome init =
      init_chain(description_, "again.hfc", {"--authority", at("ceremony/authority.pub.toml")}, {"root-2"});
  EXPECT_EQ(init.code, 1);
  EXPECT_THAT(init.err, HasSubstr("give more folders with --root-keys (not given: root-1, root-3)"));
  EXPECT_FALSE(std::filesystem::exists(at("again.hfc")));
}

TEST_F(ByHand, ASignedFileIsNotOverwritten) {
  const std::string before = text_of(at("chain.hfc"));
  const Outcome init = init_chain(description_, "chain.hfc", {"--authority", at("ceremony/authority.pub.toml")});
  EXPECT_EQ(init.code, 1);
  EXPECT_THAT(init.err, HasSubstr("exists already"));
  EXPECT_EQ(text_of(at("chain.hfc")), before);
}

TEST_F(ByHand, TheNextVersionNeedsOnlyWhatChanges) {
  write(at("v2.toml"),
        replaced(text_of(description_), "price_change_percent_max = 50", "price_change_percent_max = 80"));
  const Outcome init = init_chain(at("v2.toml"), "v2.hfc", {"--supersedes", at("chain.hfc")});
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_THAT(init.out, HasSubstr("version 2"));
  EXPECT_THAT(init.out, HasSubstr("opens: price_change_percent_max rises to 80"));
  EXPECT_EQ(holdfast({"chain", "check", at("v2.hfc"), "--known", at("chain.hfc")}).code, 0);
  EXPECT_EQ(holdfast({"chain", "check", at("chain.hfc"), "--known", at("v2.hfc")}).code, 1);
  EXPECT_EQ(holdfast({"site", "adopt", at("store-01"), at("v2.hfc")}).code, 0);
  const Outcome older = holdfast({"site", "adopt", at("store-01"), at("chain.hfc")});
  EXPECT_EQ(older.code, 1);
  EXPECT_THAT(older.err, HasSubstr("version 2 is known already"));
}

TEST_F(ByHand, TheOperationsKeyCutsALinkButOpensNone) {
  write(at("narrow.toml"),
        replaced(text_of(description_), "follows = [\"head-office\", \"warehouse\"]", "follows = []"));
  const std::vector<std::string> by_operations = {"--supersedes", at("chain.hfc"), "--operations-key",
                                                  at("ceremony/operations")};
  const Outcome narrow = init_chain(at("narrow.toml"), "narrow.hfc", by_operations, {});
  ASSERT_EQ(narrow.code, 0) << narrow.err;
  EXPECT_EQ(holdfast({"site", "adopt", at("store-01"), at("narrow.hfc")}).code, 0);
  EXPECT_THAT(holdfast({"chain", "show", at("narrow.hfc")}).out, HasSubstr("by the operations key within version 1"));
  write(at("wide.toml"),
        replaced(text_of(description_), "follows = [\"head-office\", \"warehouse\"]", "follows = [\"store-03\"]"));
  const Outcome wide = init_chain(at("wide.toml"), "wide.hfc", by_operations, {});
  EXPECT_EQ(wide.code, 1);
  EXPECT_THAT(wide.err, HasSubstr("follows store-03"));
  // And back to what the roots have signed.
  const Outcome back = init_chain(
      description_, "back.hfc", {"--supersedes", at("narrow.hfc"), "--operations-key", at("ceremony/operations")}, {});
  ASSERT_EQ(back.code, 0) << back.err;
  EXPECT_EQ(holdfast({"site", "adopt", at("store-01"), at("back.hfc")}).code, 0);
}

TEST_F(ByHand, RootKeysAreChangedByOldAndNewTogether) {
  ASSERT_EQ(holdfast({"chain", "roots", "--into", at("fresh"), "--root", "1/1", "--recovery", "1/1"}).code, 0);
  const std::vector<std::string> more = {"--supersedes", at("chain.hfc"),
                                         "--authority",  at("fresh/authority.pub.toml"),
                                         "--root-keys",  at("fresh/root-1")};
  EXPECT_EQ(init_chain(description_, "half.hfc", more, {"root-1"}).code, 1);
  const Outcome whole = init_chain(description_, "whole.hfc", more, {"root-1", "root-2"});
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(holdfast({"site", "adopt", at("store-01"), at("whole.hfc")}).code, 0);
}

TEST_F(ByHand, ProblemsAreListedByLine) {
  std::string text = replaced(text_of(description_), "\"GBP\"", "\"GPB\"");
  text = replaced(text, "\"store-03\"]", "\"store-33\"]");
  write(at("bad.toml"), text);
  const Outcome check = holdfast({"chain", "check", at("bad.toml")});
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.out, HasSubstr("bad.toml:13: currency \"GPB\" is not known here"));
  EXPECT_THAT(check.out, HasSubstr("\"store-33\", which is no site of this file"));
  EXPECT_THAT(check.err, HasSubstr("2 problems"));
  const Outcome init = init_chain(at("bad.toml"), "bad.hfc", {"--authority", at("ceremony/authority.pub.toml")});
  EXPECT_EQ(init.code, 1);
  EXPECT_EQ(init.out, check.out);
}

TEST_F(ByHand, ADamagedSignedFileIsToldByLineWhereItBreaksARule) {
  write(at("damaged.hfc"), replaced(text_of(at("chain.hfc")), "quorum = 2", "quorum = 9"));
  const Outcome check = holdfast({"chain", "check", at("damaged.hfc")});
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.out, HasSubstr("at least 9 mirrors"));
  write(at("forged.hfc"), replaced(text_of(at("chain.hfc")), "10.21.1.2", "10.66.6.6"));
  const Outcome forged = holdfast({"chain", "check", at("forged.hfc")});
  EXPECT_EQ(forged.code, 1);
  EXPECT_THAT(forged.err, HasSubstr("changed after it was signed"));
}

TEST_F(ByHand, ASiteWithoutPublicKeysIsNamed) {
  std::filesystem::remove(at("pub/store-02.pub.toml"));
  const Outcome init = init_chain(description_, "x.hfc", {"--authority", at("ceremony/authority.pub.toml")});
  EXPECT_EQ(init.code, 1);
  EXPECT_THAT(init.err, HasSubstr("no public keys of store-02"));
}

TEST_F(ByHand, AnotherSitesKeysUnderItsNameAreRefused) {
  std::filesystem::copy(at("pub/store-01.pub.toml"), at("pub/store-02.pub.toml"),
                        std::filesystem::copy_options::overwrite_existing);
  const Outcome init = init_chain(description_, "x.hfc", {"--authority", at("ceremony/authority.pub.toml")});
  EXPECT_EQ(init.code, 1);
  EXPECT_THAT(init.err, HasSubstr("holds the keys of store-01"));
}

TEST_F(ByHand, RecoverySignsAListOfSites) {
  ASSERT_EQ(holdfast({"site", "keygen", "head-office", "--into", at("n1"), "--replacement"}).code, 0);
  ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("n2"), "--replacement"}).code, 0);
  const Outcome signed_ = sign({"--request", at("n1/head-office.pub.toml"), "--request", at("n2/store-02.pub.toml"),
                                "--clean-point", "holdfast.example/larder/store-02/1:1234"},
                               "out");
  ASSERT_EQ(signed_.code, 0) << signed_.err;
  const auto file = keys::read_chain_file(at("store-01"));
  const auto head = chain::open_certificate(*file, text_of(at("out/head-office.certificate")));
  ASSERT_TRUE(head) << head.error().text;
  EXPECT_EQ(head->epoch, 2u);
  EXPECT_FALSE(head->clean_point);
  const auto store = chain::open_certificate(*file, text_of(at("out/store-02.certificate")));
  ASSERT_TRUE(store) << store.error().text;
  EXPECT_EQ(store->clean_point->second, 1234u);
  // The printed code fits the file that goes with the certificate.
  const std::string before = "shown once: store-02 ";
  const std::string code = signed_.out.substr(signed_.out.find(before) + before.size(), 19);
  EXPECT_EQ(keys::check_enrolment_code(*keys::read_enrolment(at("out"), SiteName("store-02")), code), 1u);
  // The same number again is refused, by hand too.
  const Outcome again = sign({"--request", at("n1/head-office.pub.toml"), "--epoch", "2"}, "again");
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("epoch 2 of head-office may not be given out"));
}

// A new machine for store-02, for which two certificates were signed. `site rebuild` ends when it has put one in place.
class TwoCertificates : public ByHand {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ByHand::SetUp());
    ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("new"), "--replacement"}).code, 0);
    for (const std::string out : {"first", "second"})
      ASSERT_EQ(sign({"--request", at("new/store-02.pub.toml")}, out).code, 0);
    std::filesystem::create_directory(at("new/rebuild.log"));  // which it cannot write
  }
  Outcome rebuild(const std::string& with) const {
    return holdfast({"site", "rebuild", "store-02", "--into", at("new"), "--chain", at("chain.hfc"), "--certificate",
                     at(with + "/store-02.certificate")});
  }
  void expect_in_place(const std::string& which) const {
    EXPECT_EQ(text_of(at("new/certificate.note")), text_of(at(which + "/store-02.certificate")));
    EXPECT_EQ(text_of(at("new/store-02.enrolment")), text_of(at(which + "/store-02.enrolment")));
  }
  void expect_taken(const std::string& which) const {
    EXPECT_THAT(rebuild(which).err, HasSubstr("rebuild.log"));
    expect_in_place(which);
  }
  void expect_refused(const std::string& which, const std::string& in_place) const {
    const Outcome refused = rebuild(which);
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("holdfast site keygen store-02 --replacement"));
    EXPECT_THAT(refused.err, HasSubstr("Nothing was changed"));
    expect_in_place(in_place);
  }
  // What a rebuild writes before it asks anybody to register it.
  void say_what_is_kept(const std::string& under) const {
    const auto certificate = chain::parse_certificate(text_of(at(under + "/store-02.certificate")));
    const auto signer = keys::FileSigner::open(at("new"), SiteName("store-02"));
    ASSERT_TRUE(certificate && signer);
    const Origin old{certificate->chain, certificate->site, 1};
    write(at("new/registration.note"),
          chain::make_registration(*certificate, old, 0, sha256(ByteView()), [&](ByteView text) {
            return (*signer)->sign(KeyUse::log, text);
          }).note);
  }
};

TEST_F(TwoCertificates, ManagersCodesThatWereLeftAtTheCeremonyAreMissed) {
  EXPECT_EQ(rebuild("first").err.find("enrolment"), std::string::npos);
  std::filesystem::remove(at("second/store-02.enrolment"));
  EXPECT_THAT(rebuild("second").err, HasSubstr("store-02.enrolment is not beside the certificate"));
  EXPECT_EQ(text_of(at("new/certificate.note")), text_of(at("second/store-02.certificate"))) << "it goes on";
}

TEST_F(TwoCertificates, OneThatNeverBeganTakesEither) {
  expect_taken("first");
  expect_taken("second");
}

TEST_F(TwoCertificates, OneThatHasSaidWhatItKeepsTakesItsOwnOnly) {  // protocol 5.4
  expect_taken("first");
  say_what_is_kept("first");
  expect_refused("second", "first");
  expect_taken("first");  // its rebuild was interrupted
  std::filesystem::remove(at("new/certificate.note"));
  expect_taken("first");
  std::filesystem::remove(at("new/registration.note"));
  std::filesystem::create_directories(at("new/journals/store-02/2"));
  write(at("new/journals/store-02/2/segment"), "an entry");
  expect_refused("second", "first");
}

// An earlier `site rebuild` has put the second one there; mirrors may have sealed for it, so only it leads on.
TEST_F(TwoCertificates, OneThatWasGivenTheSecondGoesOnWithThat) {
  expect_taken("second");
  say_what_is_kept("first");
  expect_refused("first", "second");
  expect_taken("second");
}

TEST_F(TwoCertificates, NothingIsPutUnderANodeThatRuns) {
  expect_taken("first");
  const auto node = edge::DataLock::take(at("new"));
  ASSERT_TRUE(node) << node.error().text;
  const Outcome refused = rebuild("second");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("Another holdfast runs here"));
  expect_in_place("first");
}

// A copy that was taken when the keys were made knows nothing of the numbers that the originals have given out since.
TEST_F(ByHand, WhoSignsWithACopyIsToldThatItMayGiveOutANumberTwice) {
  std::filesystem::copy(at("ceremony"), at("copies"), std::filesystem::copy_options::recursive);
  ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("n1"), "--replacement"}).code, 0);
  ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("n2"), "--replacement"}).code, 0);
  const Outcome first = sign({"--request", at("n1/store-02.pub.toml")}, "out");
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("epoch 2"));
  EXPECT_THAT(first.out, HasSubstr("carry it onto every copy"));
  const auto sign_with_copies = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"recovery", "sign", "--chain", at("chain.hfc"), "--out", at("again")};
    for (const char* key : {"copies/recovery-2", "copies/recovery-3"}) words.insert(words.end(), {"--keys", at(key)});
    words.insert(words.end(), {"--request", at("n2/store-02.pub.toml")});
    words.insert(words.end(), more.begin(), more.end());
    return holdfast(words);
  };
  EXPECT_EQ(sign_with_copies({"--epoch", "1"}).code, 1);
  EXPECT_FALSE(std::filesystem::exists(at("copies/recovery-2/issued-epochs"))) << "a refusal would look like a memory";
  std::filesystem::copy(at("ceremony/recovery-2/issued-epochs"), at("copies/recovery-2"));
  const Outcome carried = sign_with_copies({});
  ASSERT_EQ(carried.code, 0) << carried.err;
  EXPECT_THAT(carried.out, HasSubstr("epoch 3"));
  EXPECT_THAT(carried.out, HasSubstr("No key in " + at("copies/recovery-3") + " had signed"));
  EXPECT_THAT(carried.out, HasSubstr("--epoch N"));
}

TEST_F(ByHand, CertificatesCountOnUnderNewRecoveryKeysAsTheRootKeysNameThem) {  // protocol 5.1, 9.1
  // head-office was rebuilt; the recovery keys are replaced afterwards.
  ASSERT_EQ(holdfast({"site", "keygen", "head-office", "--into", at("new"), "--replacement"}).code, 0);
  ASSERT_EQ(sign({"--request", at("new/head-office.pub.toml")}, "out").code, 0);
  std::filesystem::copy(at("chain.hfc"), at("new/chain.hfc"));
  std::filesystem::copy(at("out/head-office.certificate"), at("new/certificate.note"));
  write(at("fresh.toml"), with_new_recovery());
  const std::vector<std::string> more = {"--supersedes", at("chain.hfc")};
  const Outcome bare = init_chain(at("fresh.toml"), "bare.hfc", more);
  ASSERT_EQ(bare.code, 0) << bare.err;
  EXPECT_THAT(bare.out, HasSubstr("counts no longer"));
  // The rebuilt site does not take what would end its own epoch, and says what to do.
  const Outcome refused = holdfast({"site", "adopt", at("new"), at("bare.hfc")});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("certificate of head-office for epoch 2"));
  EXPECT_THAT(refused.err, HasSubstr("holdfast recovery collect"));
  EXPECT_EQ(text_of(at("new/chain.hfc")), text_of(at("chain.hfc")));
  EXPECT_EQ(holdfast({"site", "adopt", at("store-01"), at("bare.hfc")}).code, 0) << "it knows no certificate";
  // As it says.
  EXPECT_THAT(holdfast({"recovery", "collect", "--data", at("store-02"), "--out", at("none")}).out,
              HasSubstr("knows no certificate"));
  const Outcome collected = holdfast({"recovery", "collect", "--data", at("new"), "--out", at("known")});
  ASSERT_EQ(collected.code, 0) << collected.err;
  EXPECT_EQ(text_of(at("known/head-office-2.certificate")), text_of(at("out/head-office.certificate")));
  std::vector<std::string> with = more;
  with.insert(with.end(), {"--certificates", at("known")});
  const Outcome whole = init_chain(at("fresh.toml"), "whole.hfc", with);
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("opens: the certificate of head-office for epoch 2 counts"));
  const auto made = chain::parse_certificate(text_of(at("out/head-office.certificate")));
  EXPECT_THAT(whole.out, HasSubstr(described(*made))) << "to be compared";
  // It counts here already, so it opens nothing, and a sealed site takes the file.
  write(at("new/posture"), "sealed\nan attack\n");
  const Outcome adopted = holdfast({"site", "adopt", at("new"), at("whole.hfc")});
  ASSERT_EQ(adopted.code, 0) << adopted.err;
  EXPECT_EQ(adopted.out.find("opens"), std::string::npos) << adopted.out;
  EXPECT_THAT(holdfast({"chain", "show", at("new/chain.hfc")}).out,
              HasSubstr("the certificate of head-office for epoch 2"));
  // The next version names it too; the new recovery keys give out no number twice.
  const Outcome next = init_chain(description_, "next.hfc", {"--supersedes", at("whole.hfc")});
  ASSERT_EQ(next.code, 0) << next.err;
  EXPECT_EQ(holdfast({"site", "adopt", at("new"), at("next.hfc")}).code, 0);
  const auto file = chain::open_chain_file(text_of(at("next.hfc")));
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_NE(file->find_certified(SiteName("head-office"), 2), nullptr);
  ASSERT_EQ(holdfast({"site", "keygen", "head-office", "--into", at("third"), "--replacement"}).code, 0);
  const Outcome third = holdfast({"recovery", "sign", "--chain", at("next.hfc"), "--out", at("third-out"), "--keys",
                                  at("fresh/recovery-1"), "--keys", at("fresh/recovery-2"), "--request",
                                  at("third/head-office.pub.toml")});
  ASSERT_EQ(third.code, 0) << third.err;
  EXPECT_THAT(third.out, HasSubstr("epoch 3"));
}

// What was forgotten is named by the version after it; what a thief has signed is revoked, and not named.
TEST_F(ByHand, CertificatesThatWereForgottenAreNamedLater) {
  ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("new"), "--replacement"}).code, 0);
  ASSERT_EQ(sign({"--request", at("new/store-02.pub.toml")}, "out").code, 0);
  std::filesystem::copy(at("chain.hfc"), at("new/chain.hfc"));
  std::filesystem::copy(at("out/store-02.certificate"), at("new/certificate.note"));
  // A waiting spare's certificate alone stops nobody.
  std::filesystem::copy(at("out/store-02.certificate"), at("store-02/own-spare.note"));
  write(at("fresh.toml"), with_new_recovery());
  ASSERT_EQ(init_chain(at("fresh.toml"), "v2.hfc", {"--supersedes", at("chain.hfc")}).code, 0);
  const Outcome store = holdfast({"site", "adopt", at("store-02"), at("v2.hfc")});
  EXPECT_EQ(store.code, 0) << store.err;
  EXPECT_THAT(store.out, HasSubstr("store's spare (epoch 2) counts no longer"));
  EXPECT_THAT(holdfast({"recovery", "collect", "--data", at("store-02"), "--out", at("stale")}).out,
              HasSubstr("COUNTS NO LONGER"));
  EXPECT_EQ(holdfast({"site", "adopt", at("new"), at("v2.hfc")}).code, 1);
  const std::vector<std::string> more = {"--supersedes", at("v2.hfc"), "--certificates", at("stale")};
  EXPECT_EQ(init_chain(at("fresh.toml"), "v3.hfc", more).code, 1);
  std::vector<std::string> under = more;
  under.insert(under.end(), {"--certified-under", at("chain.hfc")});
  const Outcome named = init_chain(at("fresh.toml"), "v3.hfc", under);
  ASSERT_EQ(named.code, 0) << named.err;
  const Outcome adopted = holdfast({"site", "adopt", at("new"), at("v3.hfc")});
  EXPECT_EQ(adopted.code, 0) << adopted.err;
  // Who lists a key of a certificate as the site's own ends the certificate, too.
  std::string text = text_of(at("fresh.toml"));
  const auto file = chain::open_chain_file(text_of(at("v3.hfc")));
  ASSERT_TRUE(file) << file.error().text;
  const auto made = chain::parse_certificate(text_of(at("out/store-02.certificate")));
  const chain::SiteKeys& old = file->find(SiteName("store-02"))->keys;
  text = replaced(
      text, "name = \"store-02\"",
      fmt::format("name = \"store-02\"\nlog_key = \"{}\"\ncosign_key = \"{}\"\ntls_key = \"{}\"\nsealing_key = \"{}\"",
                  to_hex(old.log), to_hex(made->keys.cosign), to_hex(old.tls), to_hex(old.sealing)));
  write(at("listed.toml"), text);
  ASSERT_EQ(init_chain(at("listed.toml"), "v4.hfc", {"--supersedes", at("v3.hfc")}).code, 0);
  EXPECT_THAT(holdfast({"site", "adopt", at("new"), at("v4.hfc")}).err, HasSubstr("counts no longer"));
  // Or it was a thief's: the next number lies behind it.
  write(at("revoking.toml"), text_of(at("fresh.toml")) + "\n[[revoked]]\nsite = \"store-02\"\nepoch = 2\n");
  ASSERT_EQ(init_chain(at("revoking.toml"), "v2r.hfc", {"--supersedes", at("chain.hfc")}).code, 0);
  ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("third"), "--replacement"}).code, 0);
  const Outcome third =
      holdfast({"recovery", "sign", "--chain", at("v2r.hfc"), "--out", at("third-out"), "--keys",
                at("fresh/recovery-1"), "--keys", at("fresh/recovery-3"), "--request", at("third/store-02.pub.toml")});
  ASSERT_EQ(third.code, 0) << third.err;
  EXPECT_THAT(third.out, HasSubstr("epoch 3")) << "2 is revoked";
}

// store-01 has heard of a machine of store-02 that a thief has certified. Its file lies here as if it were its own;
// what stands in journals is looked at in the same way.
TEST_F(ByHand, CertificatesOfAThiefAreRevokedAndNotNamed) {
  ASSERT_EQ(holdfast({"site", "keygen", "store-02", "--into", at("his"), "--replacement"}).code, 0);
  ASSERT_EQ(sign({"--request", at("his/store-02.pub.toml")}, "out").code, 0);
  std::filesystem::copy(at("out/store-02.certificate"), at("store-01/certificate.note"));
  const std::string revoked = "\n[[revoked]]\nsite = \"store-02\"\nepoch = 2\n";
  write(at("replaced.toml"), with_new_recovery());
  write(at("revoked.toml"), text_of(description_) + revoked);
  write(at("both.toml"), with_new_recovery(revoked));
  const auto adopt = [&](const std::string& file) { return holdfast({"site", "adopt", at("store-01"), at(file)}); };
  ASSERT_EQ(init_chain(at("replaced.toml"), "replaced.hfc", {"--supersedes", at("chain.hfc")}).code, 0);
  EXPECT_THAT(adopt("replaced.hfc").err, HasSubstr("certificate of store-02 for epoch 2"));
  // At once, or after it was revoked in a version of its own.
  ASSERT_EQ(init_chain(at("revoked.toml"), "v2.hfc", {"--supersedes", at("chain.hfc")}).code, 0);
  EXPECT_EQ(adopt("v2.hfc").code, 0);
  ASSERT_EQ(init_chain(at("both.toml"), "v3.hfc", {"--supersedes", at("v2.hfc")}).code, 0);
  const Outcome adopted = adopt("v3.hfc");
  EXPECT_EQ(adopted.code, 0) << adopted.err;
  std::filesystem::copy(at("out/store-02.certificate"), at("warehouse/certificate.note"));
  ASSERT_EQ(init_chain(at("both.toml"), "once.hfc", {"--supersedes", at("chain.hfc")}).code, 0);
  EXPECT_EQ(holdfast({"site", "adopt", at("warehouse"), at("once.hfc")}).code, 0);
}

TEST_F(ByHand, RecoveryRefusesWhatItCannotSign) {
  ASSERT_EQ(holdfast({"site", "keygen", "head-office", "--into", at("n1"), "--replacement"}).code, 0);
  const std::vector<std::string> request = {"--request", at("n1/head-office.pub.toml")};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), request.begin(), request.end());
    static int n = 0;
    return sign(more, "refused-" + std::to_string(++n));
  };
  EXPECT_THAT(with({"--clean-point", "nonsense"}).err, HasSubstr("write ORIGIN:SIZE"));
  EXPECT_THAT(with({"--clean-point", "holdfast.example/larder/store-01/1:5"}).err, HasSubstr("there is no --request"));
  EXPECT_THAT(with({"--epoch", "zwei"}).err, HasSubstr("write auto, or a number"));
  EXPECT_THAT(with({"--epoch", "1"}).err, HasSubstr("a number from 2"));
  EXPECT_THAT(with({"--keys", at("ceremony/root-1")}).err, HasSubstr("is a root key, not a recovery key"));
  EXPECT_THAT(with({"--request", at("pub/head-office.pub.toml")}).err, HasSubstr("two requests are for head-office"));
  EXPECT_EQ(with({"--managers", "0"}).code, 2);
}

TEST(CommandLine, MistakesHaveTheirExitCodes) {
  edge::ScratchDirectory scratch;
  EXPECT_EQ(holdfast({"chain", "chekc"}).code, 2);
  EXPECT_EQ(holdfast({"chain", "check"}).code, 2);
  EXPECT_EQ(holdfast({"--help"}).code, 0);
  EXPECT_EQ(holdfast({"chain", "init", "--help"}).code, 0);
  const Outcome missing = holdfast({"chain", "check", scratch.path() + "/nothing.toml"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("is not there"));
  const Outcome name = holdfast({"site", "keygen", "Store 7", "--into", scratch.path() + "/x"});
  EXPECT_EQ(name.code, 1);
  EXPECT_THAT(name.err, HasSubstr("like store-07"));
  EXPECT_EQ(holdfast({"chain", "roots", "--into", scratch.path() + "/r", "--root", "1/3"}).code, 1);
  EXPECT_EQ(holdfast({"chain", "roots", "--into", scratch.path() + "/r", "--root", "two"}).code, 1);
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/r"));
  EXPECT_EQ(holdfast({"chain", "demo", "--stores", "1", "--into", scratch.path() + "/d"}).code, 1);
}

TEST(CommandLine, HttpHasOneDefaultAddressAndItIsNoLinks) {
  const std::string address = serve::default_http, port = address.substr(address.find(':') + 1);
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{"serve"}, Words{"spare", "serve"}, Words{"site", "rebuild"}}) {
    Words asked = words;
    asked.push_back("--help");
    EXPECT_THAT(holdfast(asked).out, HasSubstr("=" + address + " ")) << words.front();
  }
  EXPECT_THAT(text_of(HF_SOURCE_DIR "/schema/openapi.yaml"), HasSubstr("port: { default: \"" + port + "\" }"));
  for (const auto& site : keys::demo_description({}).sites)
    EXPECT_THAT(site.link_address, ::testing::Not(::testing::EndsWith(":" + port)));
}

TEST(CommandLine, TheDemoSaysLoudlyWhatItIs) {
  edge::ScratchDirectory scratch;
  const Outcome demo =
      holdfast({"chain", "demo", "--stores", "3", "--into", scratch.path() + "/d", "--base-port", "9000"});
  ASSERT_EQ(demo.code, 0) << demo.err;
  EXPECT_THAT(demo.out, HasSubstr("ONLY A DEMO DOES THIS"));
  EXPECT_EQ(holdfast({"chain", "check", scratch.path() + "/d/chain.hfc"}).code, 0);
  EXPECT_THAT(holdfast({"chain", "show", scratch.path() + "/d/store-03/chain.hfc"}).out, HasSubstr("127.0.0.1:9004"));
}

}  // namespace
}  // namespace holdfast::cli
