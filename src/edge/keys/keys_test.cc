#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/chain/test_chain.h"
#include "edge/keys/ceremony.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/demo_chain.h"
#include "edge/keys/file_signer.h"
#include "edge/keys/issued_epochs.h"
#include "edge/keys/private_files.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::keys {
namespace {

using ::testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat about {};
  HF_CHECK(::stat(path.c_str(), &about) == 0, "{}", path);
  return about.st_mode & 07777;
}
std::string text_of(const std::string& path) { return *read_public_file(path); }
void overwrite(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}
Instant noon() { return *parse_instant("2026-11-22T12:00:00Z"); }

// --- key files

TEST(KeyFile, IsReadBackAndSignsAsItsPublicHalfSays) {
  edge::ScratchDirectory scratch;
  const std::string folder = scratch.path() + "/keys";
  for (const Use use : {Use::log, Use::cosign, Use::tls, Use::root, Use::recovery, Use::operations}) {
    const PrivateKey made = make_key(use, "store-07");
    ASSERT_TRUE(write_key(folder + std::string(to_text(use)), made));
    const auto read = read_key(folder + std::string(to_text(use)) + "/" + key_file_name(made), use);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->pub, made.pub);
    EXPECT_EQ(read->holder, "store-07");
    EXPECT_TRUE(ed25519_verify(made.pub, as_bytes("a text"), read->sign(as_bytes("a text"))));
    EXPECT_FALSE(ed25519_verify(made.pub, as_bytes("another"), read->sign(as_bytes("a text"))));
  }
}

TEST(KeyFile, IsForItsOwnerAlone) {  // protocol 9.2, issue: mode 0600
  edge::ScratchDirectory scratch;
  const mode_t before = ::umask(0);
  const PrivateKey key = make_key(Use::log, "store-07");
  const Status written = write_key(scratch.path() + "/keys", key);
  ::umask(before);
  ASSERT_TRUE(written);
  EXPECT_EQ(mode_of(scratch.path() + "/keys"), 0700u);
  EXPECT_EQ(mode_of(scratch.path() + "/keys/log.key"), 0600u);
}

TEST(KeyFile, ThatOthersMayReadIsRefused) {
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(write_key(scratch.path() + "/keys", make_key(Use::log, "store-07")));
  const std::string path = scratch.path() + "/keys/log.key";
  for (const mode_t mode : {0640u, 0604u, 0620u, 0601u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto read = read_key(path, Use::log);
    ASSERT_FALSE(read) << mode;
    EXPECT_EQ(read.error().code, "keys/exposed");
    EXPECT_THAT(read.error().text, HasSubstr("chmod 600"));
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_TRUE(read_key(path, Use::log));
}

TEST(KeyFile, InADirectoryThatOthersMayEnterIsRefused) {
  edge::ScratchDirectory scratch;
  const std::string folder = scratch.path() + "/keys";
  ASSERT_TRUE(write_key(folder, make_key(Use::root, "root-1")));
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
  EXPECT_EQ(read_keys(folder, Use::root).error().code, "keys/exposed");
  EXPECT_EQ(write_key(folder, make_key(Use::root, "root-2")).error().code, "keys/exposed");
}

TEST(KeyFile, IsNeverOverwritten) {
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(write_key(scratch.path() + "/keys", make_key(Use::log, "store-07")));
  const std::string before = text_of(scratch.path() + "/keys/log.key");
  const Status again = write_key(scratch.path() + "/keys", make_key(Use::log, "store-07"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "keys/exists");
  EXPECT_EQ(text_of(scratch.path() + "/keys/log.key"), before);
}

TEST(KeyFile, BehindASymbolicLinkIsRefused) {
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(write_key(scratch.path() + "/keys", make_key(Use::log, "store-07")));
  const std::string link = scratch.path() + "/keys/link.key";
  std::filesystem::create_symlink("log.key", link);
  EXPECT_FALSE(read_key(link, Use::log));
}

TEST(KeyFile, WithAnyChangedCharacterIsRefusedOrStillItsOwnKey) {
  edge::ScratchDirectory scratch;
  const PrivateKey key = make_key(Use::log, "store-07");
  ASSERT_TRUE(write_key(scratch.path() + "/keys", key));
  const std::string path = scratch.path() + "/keys/log.key", text = text_of(path);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    overwrite(path, changed);
    const auto read = read_key(path, Use::log);
    // Only the holder's name has nothing to be compared with here; FileSigner compares it with the site.
    if (read) {
      EXPECT_EQ(read->pub, key.pub);
      EXPECT_NE(read->holder, "store-07");
    }
    overwrite(path, text.substr(0, i));
    EXPECT_FALSE(read_key(path, Use::log) && i + 1 < text.size()) << i;
  }
}

TEST(KeyFile, OfTheDocumentIsOne) {
  const std::string page = text_of(HF_SOURCE_DIR "/docs/chain-file.md");
  const std::size_t at = page.find("holdfast private key v1 log store-07\n");
  ASSERT_NE(at, std::string::npos);
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(create_private_file(scratch.path() + "/log.key", page.substr(at, page.find("```", at) - at)));
  const auto read = read_key(scratch.path() + "/log.key", Use::log);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->seed.bytes(), ByteArray<32>{});  // of zeros, so that nobody takes it for a secret
}

TEST(KeyFile, OfAnotherUseIsRefused) {
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(write_key(scratch.path() + "/keys", make_key(Use::recovery, "recovery-1")));
  const auto read = read_keys(scratch.path() + "/keys", Use::root);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().text, HasSubstr("is a recovery key, not a root key"));
}

TEST(Secret, IsZeroAfterItWasMovedOrWiped) {
  Secret<32> a;
  a.data()[5] = 77;
  Secret<32> b = std::move(a);
  const auto left = a.bytes();  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is the point
  EXPECT_EQ(left, ByteArray<32>{});
  EXPECT_EQ(b.data()[5], 77);
  b.wipe();
  EXPECT_EQ(b.bytes(), ByteArray<32>{});
}

TEST(SealedText, OpensWithTheSealingKeyAlone) {
  const PrivateKey key = make_key(Use::sealing, "store-07"), other = make_key(Use::sealing, "store-08");
  const Bytes box = *seal_to(key.pub, as_bytes("PIN verifiers"));
  EXPECT_EQ(as_text(*unseal(key, box)), "PIN verifiers");
  EXPECT_FALSE(unseal(other, box));
  for (std::size_t i = 0; i < box.size(); ++i) {
    Bytes changed = box;
    changed[i] ^= std::byte{1};
    ASSERT_FALSE(unseal(key, changed)) << i;
  }
  EXPECT_FALSE(unseal(key, ByteView(box).first(10)));
}

// The points of small order: a certificate with one ended the store's node as soon as its spare was linked.
constexpr const char* small_order[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                                       "0100000000000000000000000000000000000000000000000000000000000000",
                                       "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                       "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                       "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                       "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                       "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

TEST(SealedText, IsNotSealedToAKeyThatOpensForEverybody) {
  for (const char* text : small_order) {
    const PublicKey key{*array_from_hex<32>(text)};
    const auto box = seal_to(key, as_bytes("PIN verifiers"));
    ASSERT_FALSE(box) << text;
    EXPECT_EQ(box.error().code, "keys/bad_key");
  }
}

// --- a site's directory

TEST(SiteDirectory, HoldsKeysThatItsSignerUses) {
  edge::ScratchDirectory scratch;
  const std::string directory = scratch.path() + "/data";
  const auto made = make_site_directory(directory, SiteName("store-07"));
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(read_site_marker(directory)->view(), "store-07");
  EXPECT_EQ(mode_of(directory), 0700u);
  EXPECT_EQ(*chain::parse_public_keys(text_of(directory + "/store-07.pub.toml")), *made);
  const auto signer = FileSigner::open(directory, SiteName("store-07"));
  ASSERT_TRUE(signer) << signer.error().text;
  EXPECT_EQ((*signer)->public_keys(), made->keys);
  EXPECT_EQ((*signer)->public_key(KeyUse::tls), made->keys.tls);
  for (const KeyUse use : {KeyUse::log, KeyUse::cosign})
    EXPECT_TRUE(ed25519_verify((*signer)->public_key(use), as_bytes("text"), (*signer)->sign(use, as_bytes("text"))));
  const auto sealing = read_key(directory + "/keys/sealing.key", Use::sealing);
  ASSERT_TRUE(sealing) << sealing.error().text;
  EXPECT_EQ(as_text(*unseal(*sealing, *seal_to(made->keys.sealing, as_bytes("x")))), "x");
  PublicKey of_seed;
  ByteArray<64> unused;
  crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(of_seed.data()),
                           reinterpret_cast<unsigned char*>(unused.data()),
                           reinterpret_cast<const unsigned char*>((*signer)->tls_seed().data()));
  EXPECT_EQ(of_seed, made->keys.tls);
}

TEST(SiteDirectory, OfAnotherSiteIsRefused) {
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(make_site_directory(scratch.path() + "/a", SiteName("store-07")));
  const auto signer = FileSigner::open(scratch.path() + "/a", SiteName("store-08"));
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, "keys/wrong_site");
}

TEST(SiteDirectory, IsNeverMadeOverAnother) {
  edge::ScratchDirectory scratch;
  ASSERT_TRUE(make_site_directory(scratch.path() + "/a", SiteName("store-07")));
  EXPECT_EQ(make_site_directory(scratch.path() + "/a", SiteName("store-07")).error().code, "keys/exists");
}

TEST(SiteDirectory, WithoutAMarkerIsToldHowToBeMade) {
  edge::ScratchDirectory scratch;
  const auto marker = read_site_marker(scratch.path());
  ASSERT_FALSE(marker);
  EXPECT_THAT(marker.error().text, HasSubstr("holdfast site keygen"));
  overwrite(scratch.path() + "/holdfast-site", "holdfast site v1\nsite Store 7\n");
  EXPECT_EQ(read_site_marker(scratch.path()).error().code, "keys/bad_file");
}

// --- ceremonies

// Two stores, head office and a warehouse with real keys on disk.
struct World {
  edge::ScratchDirectory scratch;
  std::string root = scratch.path() + "/demo";
  chain::ChainFile file = *make_demo_chain(root, {2, 7400});
  std::string signed_text = text_of(root + "/chain.hfc");

  std::string site(std::string_view name) const { return root + "/" + std::string(name); }
  std::vector<std::string> recovery() const { return {root + "/ceremony/recovery"}; }
  CertificateRequest request(std::string_view name, std::string_view directory) const {
    return {*make_site_directory(scratch.path() + "/" + std::string(directory), SiteName(name)), {}};
  }
};

TEST(DemoChain, IsWholeAndSigned) {
  World w;
  const auto opened = chain::open_chain_file(w.signed_text);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->sites.size(), 4u);
  for (const chain::Site& site : opened->sites) {
    EXPECT_EQ(text_of(w.site(site.name.view()) + "/chain.hfc"), w.signed_text);
    EXPECT_TRUE(FileSigner::open(w.site(site.name.view()), site.name));
    const auto enrolment = read_enrolment(w.site(site.name.view()), site.name);
    ASSERT_TRUE(enrolment) << enrolment.error().text;
    EXPECT_EQ(enrolment->epoch, 1u);
  }
  std::ifstream codes(w.root + "/ceremony/enrolment-codes.txt");
  std::string name, code;
  std::size_t count = 0;
  while (codes >> name >> code) {
    const auto enrolment = read_enrolment(w.site(name), SiteName(name));
    EXPECT_EQ(check_enrolment_code(*enrolment, code), 1u);
    ++count;
  }
  EXPECT_EQ(count, 4u);
}

TEST(DemoChain, NeedsTwoStoresAndPortsThatExist) {
  edge::ScratchDirectory scratch;
  EXPECT_FALSE(make_demo_chain(scratch.path() + "/a", {1, 7400}));
  EXPECT_FALSE(make_demo_chain(scratch.path() + "/b", {2, 65533}));
  for (const unsigned stores : {2u, 3u, 32u, 120u}) {
    chain::ChainFile file = demo_description({stores, 7400});
    EXPECT_EQ(file.sites.size(), stores + 2);
    for (const chain::Site& site : file.sites) EXPECT_EQ(site.mirrors.size(), 3u);
  }
}

TEST(Ceremony, KeysLieInFoldersOfTheirOwn) {
  edge::ScratchDirectory scratch;
  const auto made = make_authority(scratch.path() + "/c", {{2, 3}, {3, 5}, true, false});
  ASSERT_TRUE(made) << made.error().text;
  for (const std::string folder : {"root-1", "root-2", "root-3", "recovery-1", "recovery-5", "operations"}) {
    EXPECT_EQ(mode_of(scratch.path() + "/c/" + folder), 0700u);
    EXPECT_EQ(mode_of(scratch.path() + "/c/" + folder + "/" + folder + ".key"), 0600u);
  }
  const auto read = chain::parse_authority(text_of(scratch.path() + "/c/authority.pub.toml"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->recovery.keys.size(), 5u);
  EXPECT_FALSE(make_authority(scratch.path() + "/d", {{1, 3}, {2, 3}, true, false}));
}

TEST(Ceremony, TooFewRootKeysAreNamed) {
  World w;
  edge::ScratchDirectory elsewhere;
  std::filesystem::copy(w.root + "/ceremony/root/root-1.key", elsewhere.path() + "/root-1.key");
  const auto signed_text = sign_chain_file(w.file, {elsewhere.path()});
  ASSERT_FALSE(signed_text);
  EXPECT_EQ(signed_text.error().code, "keys/too_few");
  EXPECT_THAT(signed_text.error().text, HasSubstr("root-2, root-3"));
}

TEST(Ceremony, AStrangersRootKeyIsRefused) {
  World w;
  edge::ScratchDirectory elsewhere;
  ASSERT_TRUE(write_key(elsewhere.path(), make_key(Use::root, "root-1")));
  EXPECT_EQ(sign_chain_file(w.file, {w.root + "/ceremony/root", elsewhere.path()}).error().code, "keys/wrong_site");
}

TEST(Recovery, NoCertificateIsIssuedForASealingKeyThatOpensForEverybody) {
  World w;
  CertificateRequest request = w.request("store-01", "a");
  request.machine.keys.sealing = PublicKey{*array_from_hex<32>(small_order[1])};
  const auto issued = issue_certificates(w.file, w.recovery(), {request}, {std::nullopt, 2, noon()});
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, "keys/bad_key");
  EXPECT_THAT(issued.error().text, HasSubstr("store-01"));
}

TEST(Recovery, CertificatesForAListOfSitesOpen) {  // protocol 5.1
  World w;
  const std::vector<CertificateRequest> requests = {w.request("head-office", "n1"), w.request("store-01", "n2")};
  const auto issued = issue_certificates(w.file, w.recovery(), requests, {std::nullopt, 2, noon()});
  ASSERT_TRUE(issued) << issued.error().text;
  ASSERT_EQ(issued->size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const Issued& one = (*issued)[i];
    const auto opened = chain::open_certificate(w.file, one.certificate.note);
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->epoch, 2u);
    EXPECT_EQ(opened->keys, requests[i].machine.keys);
    EXPECT_EQ(one.enrolment.codes.size(), 2u);
    EXPECT_EQ(check_enrolment_code(one.enrolment.file, one.enrolment.codes[1]), 2u);
  }
}

TEST(Recovery, AnEpochIsGivenOutOnce) {
  World w;
  const IssueOptions automatic{std::nullopt, 1, noon()};
  EXPECT_EQ((*issue_certificates(w.file, w.recovery(), {w.request("store-01", "a")}, automatic))[0].certificate.epoch,
            2u);
  EXPECT_EQ((*issue_certificates(w.file, w.recovery(), {w.request("store-01", "b")}, automatic))[0].certificate.epoch,
            3u);
  EXPECT_EQ((*issue_certificates(w.file, w.recovery(), {w.request("store-02", "c")}, automatic))[0].certificate.epoch,
            2u);
  for (const std::uint32_t taken : {1u, 2u, 3u}) {
    const auto again = issue_certificates(w.file, w.recovery(), {w.request("store-01", "d" + std::to_string(taken))},
                                          {taken, 1, noon()});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, "keys/epoch_taken");
  }
  EXPECT_EQ(
      (*issue_certificates(w.file, w.recovery(), {w.request("store-01", "e")}, {9, 1, noon()}))[0].certificate.epoch,
      9u);
  EXPECT_EQ((*issue_certificates(w.file, w.recovery(), {w.request("store-01", "f")}, automatic))[0].certificate.epoch,
            10u);
}

TEST(Recovery, AnyTwoOfThreeFoldersRememberWhatTwoOthersGaveOut) {
  World w;
  const auto folder = [&](int i) {
    const std::string path = w.root + "/medium-" + std::to_string(i);
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    std::filesystem::copy(w.root + "/ceremony/recovery/recovery-" + std::to_string(i) + ".key", path);
    return path;
  };
  const std::string one = folder(1), two = folder(2), three = folder(3);
  const IssueOptions automatic{std::nullopt, 1, noon()};
  EXPECT_EQ((*issue_certificates(w.file, {one, two}, {w.request("store-01", "a")}, automatic))[0].certificate.epoch,
            2u);
  EXPECT_EQ((*issue_certificates(w.file, {two, three}, {w.request("store-01", "b")}, automatic))[0].certificate.epoch,
            3u);
  EXPECT_EQ((*issue_certificates(w.file, {three, one}, {w.request("store-01", "c")}, automatic))[0].certificate.epoch,
            4u);
  const auto alone = issue_certificates(w.file, {one}, {w.request("store-01", "d")}, automatic);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, "keys/too_few");
}

TEST(Recovery, AFolderRemembersFromItsFirstCertificateOn) {
  World w;
  const std::string path = w.root + "/ceremony/recovery/issued-epochs";
  const auto issue = [&](const IssueOptions& options, std::string_view machine) {
    return issue_certificates(w.file, w.recovery(), {w.request("store-01", machine)}, options);
  };
  EXPECT_FALSE(issue({.epoch = chain::epochs_max + 1, .now = noon()}, "b")) << "no certificate has this number";
  EXPECT_FALSE(std::filesystem::exists(path)) << "a refusal would look like a memory";
  EXPECT_EQ((*issue({.epoch = 7, .now = noon()}, "c"))[0].certificate.epoch, 7u);
  EXPECT_EQ((*issue({.now = noon()}, "d"))[0].certificate.epoch, 8u);
}

TEST(Recovery, TheSameFolderUnderTwoNamesIsOneFolder) {
  World w;
  const std::string folder = w.root + "/ceremony/recovery";
  EXPECT_TRUE(issue_certificates(w.file, {folder, folder + "/../recovery"}, {w.request("store-01", "a")},
                                 {std::nullopt, 1, noon()}));
}

TEST(Recovery, ADamagedMemoryStopsTheIssuing) {
  World w;
  ASSERT_TRUE(issue_certificates(w.file, w.recovery(), {w.request("store-01", "a")}, {std::nullopt, 1, noon()}));
  const std::string path = w.root + "/ceremony/recovery/issued-epochs", text = text_of(path);
  for (const std::string& damaged :
       {text.substr(0, text.size() - 5), "x" + text.substr(text.find(' ')) + "\n", text + "\n",
        std::string("holdfast.example/demo store-01 two 2026-11-22T12:00:00Z\n")}) {
    overwrite(path, damaged);
    EXPECT_EQ(IssuedEpochs::open(w.root + "/ceremony/recovery").error().code, "keys/bad_file") << damaged;
  }
}

TEST(Recovery, NothingIsRememberedWhenARequestIsRefused) {
  World w;
  const std::vector<CertificateRequest> wrong[] = {
      {w.request("store-01", "a"), w.request("store-99", "b")},
      {w.request("store-01", "c"), w.request("store-01", "d")},
      {{*chain::parse_public_keys(text_of(w.site("store-01") + "/store-01.pub.toml")), {}}},  // the lost machine's own
      {{w.request("store-02", "e").machine,
        std::pair(Origin{w.file.chain, SiteName("store-01"), 1}, std::uint64_t{5})}}};
  for (const auto& requests : wrong)
    EXPECT_FALSE(issue_certificates(w.file, w.recovery(), requests, {std::nullopt, 1, noon()}));
  EXPECT_EQ(IssuedEpochs::open(w.recovery()[0])->newest(w.file.chain, SiteName("store-01")), 0u);
}

// --- adopting a chain file

TEST(Adopt, ANewerFileReplacesTheOldOne) {
  World w;
  chain::ChainFile next = w.file;
  next.version = 2;
  next.bounds.price_change_percent_max = 60;
  const std::string text = *sign_chain_file(next, {w.root + "/ceremony/root"});
  const auto adopted = adopt_chain_file(w.site("store-01"), text);
  ASSERT_TRUE(adopted) << adopted.error().text;
  EXPECT_TRUE(adopted->is_new);
  EXPECT_EQ(adopted->openings.size(), 1u);
  EXPECT_EQ(read_chain_file(w.site("store-01"))->version, 2u);
  EXPECT_FALSE(adopt_chain_file(w.site("store-01"), text)->is_new);
  const auto older = adopt_chain_file(w.site("store-01"), w.signed_text);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, "chain/older");
  EXPECT_EQ(text_of(w.site("store-01") + "/chain.hfc"), text);
}

TEST(Adopt, ASealedSiteTakesNothingThatOpensAndEverythingThatNarrows) {
  World w;
  const std::string site = w.site("store-01");
  chain::ChainFile wider = w.file;
  wider.version = 2;
  wider.bounds.price_change_percent_max = 60;
  const std::string opens = *sign_chain_file(wider, {w.root + "/ceremony/root"});
  const auto turn = [&](std::string_view text) { std::ofstream(site + "/posture") << text; };
  for (const std::string_view sealed : {"sealed\nan alert\n", "\xde\xad damaged", ""}) {
    turn(sealed);
    const auto adopted = adopt_chain_file(site, opens);
    ASSERT_FALSE(adopted) << sealed;
    EXPECT_EQ(adopted.error().code, "keys/sealed");
    EXPECT_EQ(text_of(site + "/chain.hfc"), w.signed_text);
  }
  chain::ChainFile narrower = w.file;
  narrower.version = 2;
  narrower.bounds.price_change_percent_max = 5;
  turn("sealed\nan alert\n");
  EXPECT_TRUE(adopt_chain_file(site, *sign_chain_file(narrower, {w.root + "/ceremony/root"})));
  turn("open\na false alarm\n");
  wider.version = 3;
  EXPECT_TRUE(adopt_chain_file(site, *sign_chain_file(wider, {w.root + "/ceremony/root"})));
}

TEST(Adopt, AFileByTheOperationsKeyIsTaken) {
  World w;
  chain::ChainFile narrow = w.file;
  narrow.version = 2;
  narrow.sites[2].follows.clear();
  const auto text = sign_within(narrow, w.signed_text, w.root + "/ceremony/operations");
  ASSERT_TRUE(text) << text.error().text;
  ASSERT_TRUE(adopt_chain_file(w.site("store-01"), *text));
  EXPECT_TRUE(read_chain_file(w.site("store-01"))->sites[2].follows.empty());
  narrow.version = 3;
  narrow.sites[2].follows = {SiteName("store-02")};
  EXPECT_EQ(sign_within(narrow, w.signed_text, w.root + "/ceremony/operations").error().code, "chain/too_wide");
}

TEST(Adopt, ADamagedFileIsMovedAwayByWhoeverKnowsTheNewest) {
  World w;
  const std::string path = w.site("store-01") + "/chain.hfc";
  const std::string damaged = w.signed_text.substr(0, w.signed_text.size() / 2);
  overwrite(path, damaged);
  const auto adopted = adopt_chain_file(w.site("store-01"), w.signed_text);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, "keys/damaged");
  EXPECT_EQ(text_of(path), damaged);
  std::filesystem::remove(path);
  EXPECT_TRUE(adopt_chain_file(w.site("store-01"), w.signed_text));
}

TEST(Adopt, InADirectoryWithOtherKeysIsRefused) {
  World w;
  ASSERT_TRUE(make_site_directory(w.root + "/other", SiteName("store-01")));
  const auto adopted = adopt_chain_file(w.root + "/other", w.signed_text);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, "keys/wrong_site");
  EXPECT_FALSE(std::filesystem::exists(w.root + "/other/chain.hfc"));
  ASSERT_TRUE(make_site_directory(w.root + "/stranger", SiteName("store-99")));
  EXPECT_EQ(adopt_chain_file(w.root + "/stranger", w.signed_text).error().code, "keys/wrong_site");
}

TEST(Adopt, ARebuiltMachineAdoptsByItsCertificate) {
  World w;
  const CertificateRequest request = w.request("store-01", "new");
  const auto issued = issue_certificates(w.file, w.recovery(), {request}, {std::nullopt, 1, noon()});
  ASSERT_TRUE(issued);
  const std::string directory = w.scratch.path() + "/new";
  EXPECT_FALSE(adopt_chain_file(directory, w.signed_text));
  overwrite(directory + "/certificate.note", issued->front().certificate.note);
  const auto adopted = adopt_chain_file(directory, w.signed_text);
  EXPECT_TRUE(adopted) << adopted.error().text;
}

TEST(Adopt, DamagedFilesChangeNothing) {
  World w;
  std::string damaged = w.signed_text;
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_FALSE(adopt_chain_file(w.site("store-01"), damaged));
  EXPECT_EQ(text_of(w.site("store-01") + "/chain.hfc"), w.signed_text);
}

}  // namespace
}  // namespace holdfast::keys
