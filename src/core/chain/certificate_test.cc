#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/chain/chain.h"
#include "core/chain/test_chain.h"

namespace holdfast::chain {
namespace {

using ::testing::HasSubstr;
using namespace testing;

const Instant noon = *parse_instant("2026-11-22T12:00:00Z");

Origin origin_of(std::string_view site, std::uint32_t epoch) { return {small_chain().chain, SiteName(site), epoch}; }
Hash some_root() { return sha256(as_bytes("a root")); }

Registration registration_of(const Certificate& c, std::uint64_t kept_size = 41, std::uint32_t old_epoch = 1) {
  return make_registration(c, {c.chain, c.site, old_epoch}, kept_size, some_root(),
                           site_key(c.site.view(), "log", c.epoch).signer());
}

TEST(Certificate, OpensAsItWasMade) {  // protocol 5.1
  const ChainFile file = small_chain();
  const Certificate made = make_certificate(file, "store-02", 2, noon);
  const auto opened = open_certificate(file, made.note);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->origin().text(), "holdfast.example/small/store-02/2");
  EXPECT_TRUE(opened->keys == site_keys("store-02", 2));
  EXPECT_FALSE(opened->clean_point);
  EXPECT_EQ(opened->issued, noon);
  EXPECT_EQ(opened->note, made.note);
}

TEST(Certificate, CarriesACleanPoint) {
  const ChainFile file = small_chain();
  const auto opened =
      open_certificate(file, make_certificate(file, "store-02", 3, noon, {{origin_of("store-02", 2), 1000}}).note);
  ASSERT_TRUE(opened) << opened.error().text;
  ASSERT_TRUE(opened->clean_point);
  EXPECT_EQ(opened->clean_point->first, origin_of("store-02", 2));
  EXPECT_EQ(opened->clean_point->second, 1000u);
}

TEST(Certificate, NeedsKDistinctRecoveryKeys) {
  const ChainFile file = small_chain();
  const auto open = [&](const std::vector<std::string>& signers) {
    return open_certificate(file, make_certificate(file, "store-02", 2, noon, {}, signers).note);
  };
  EXPECT_TRUE(open({"recovery-2", "recovery-1"}));
  EXPECT_TRUE(open({"recovery-2", "recovery-1", "recovery-3"}));
  for (const auto& signers : std::vector<std::vector<std::string>>{{"recovery-1"},
                                                                   {"recovery-1", "recovery-1"},
                                                                   {"recovery-1", "root-1"},
                                                                   {"root-1", "root-2"},
                                                                   {"recovery-1", "recovery-2", "stranger"}}) {
    const auto opened = open(signers);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, "chain/bad_certificate");
  }
}

TEST(Certificate, IsRefusedForWhatItMayNotSay) {
  const ChainFile file = small_chain();
  const auto refused = [&](std::string_view text, std::string_view says) {
    const auto opened = open_certificate(file, text);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, "chain/bad_certificate");
    EXPECT_THAT(opened.error().text, HasSubstr(std::string(says)));
  };
  refused(make_certificate(file, "store-02", 1, noon).note, "epoch 1 needs no certificate");
  refused(make_certificate(file, "store-77", 2, noon).note, "does not name");
  refused(make_certificate(file, "store-02", 2, noon, {{origin_of("store-02", 2), 5}}).note, "clean point");
  refused(make_certificate(file, "store-02", 2, noon, {{origin_of("store-01", 1), 5}}).note, "clean point");
  ChainFile other = file;
  other.chain = "holdfast.example/other";
  refused(make_certificate(other, "store-02", 2, noon).note, "is of chain");
}

TEST(Certificate, ForKeysThatAreAnothersIsRefused) {
  const ChainFile file = small_chain();
  for (const PublicKey& taken :
       {file.sites[2].keys.log, file.sites[3].keys.tls, file.root.keys[0].second, *file.operations}) {
    Certificate c = make_certificate(file, "store-02", 2, noon);
    c.keys.tls = taken;
    journal::Note note{certificate_text(c), {}};
    for (const std::string word : {"recovery-1", "recovery-2"})
      journal::sign_note(note, recovery_key_name(file.chain, word), TestKey(word).pub, TestKey(word).signer());
    const auto opened = open_certificate(file, journal::to_text(note));
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().text, HasSubstr("makes its own keys"));
  }
}

TEST(Certificate, EveryChangedCharacterIsRefused) {
  const ChainFile file = small_chain();
  const std::string text = make_certificate(file, "store-02", 3, noon, {{origin_of("store-02", 2), 1000}}).note;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const std::string& changed : damaged_at(text, i))
      ASSERT_FALSE(open_certificate(file, changed)) << "byte " << i;
    ASSERT_FALSE(open_certificate(file, text.substr(0, i))) << "cut at " << i;
  }
}

TEST(Certificate, TextsWithASecondFormAreRefused) {
  // Signed by enough keys, and still not as certificate_text writes it.
  const ChainFile file = small_chain();
  const std::string good = certificate_text(make_certificate(file, "store-02", 2, noon));
  const auto open = [&](std::string text) {
    journal::Note note{std::move(text), {}};
    for (const std::string word : {"recovery-1", "recovery-2"})
      journal::sign_note(note, recovery_key_name(file.chain, word), TestKey(word).pub, TestKey(word).signer());
    return open_certificate(file, journal::to_text(note));
  };
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  ASSERT_TRUE(open(good));
  EXPECT_FALSE(open(with("epoch 2", "epoch 02")));
  EXPECT_FALSE(open(with("epoch 2", "epoch 4294967298")));
  EXPECT_FALSE(open(with("epoch 2", "epoch -2")));
  EXPECT_TRUE(open(with("epoch 2", "epoch 10000")));
  EXPECT_FALSE(open(with("epoch 2", "epoch 10001"))) << "nobody counts to what a thief has written";
  EXPECT_FALSE(open(with("epoch 2", "epoch 4294967295")));
  EXPECT_FALSE(open(with("12:00:00.000000000Z", "12:00:00Z")));
  EXPECT_FALSE(open(with("take longest", "take  longest")));
  EXPECT_FALSE(open(with("take longest\n", "")));
  EXPECT_FALSE(open(good + "more lines\n"));
}

TEST(Registration, OpensAsItWasMade) {  // protocol 5.2
  const ChainFile file = small_chain();
  const Registration made = registration_of(make_certificate(file, "store-02", 2, noon));
  for (const auto& opened : {open_registration(file, made.note), parse_registration(made.note)}) {
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->old_origin, origin_of("store-02", 1));
    EXPECT_EQ(opened->kept_size, 41u);
    EXPECT_EQ(opened->kept_root, some_root());
    EXPECT_EQ(opened->certificate.epoch, 2u);
    EXPECT_EQ(opened->certificate.note, made.certificate.note);
    EXPECT_EQ(opened->note, made.note);
  }
}

TEST(Registration, SignedByAnotherKeyThanTheNewLogKeyIsRefused) {
  const ChainFile file = small_chain();
  const Certificate c = make_certificate(file, "store-02", 2, noon);
  const Registration old_key =
      make_registration(c, origin_of("store-02", 1), 41, some_root(), site_key("store-02", "log", 1).signer());
  const auto opened = open_registration(file, old_key.note);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_registration");
}

TEST(Registration, OverAForgedCertificateIsRefused) {
  const ChainFile file = small_chain();
  const Certificate c = make_certificate(file, "store-02", 2, noon, {}, {"recovery-1"});
  EXPECT_EQ(open_registration(file, registration_of(c).note).error().code, "chain/bad_certificate");
}

TEST(Registration, KeepsNoMoreThanTheCleanPoint) {
  const ChainFile file = small_chain();
  const Certificate c = make_certificate(file, "store-02", 3, noon, {{origin_of("store-02", 2), 40}});
  EXPECT_TRUE(open_registration(file, registration_of(c, 40, 2).note));
  EXPECT_FALSE(open_registration(file, registration_of(c, 41, 2).note));
  EXPECT_FALSE(open_registration(file, registration_of(c, 40, 1).note));
}

TEST(Registration, EveryChangedCharacterIsRefused) {
  const ChainFile file = small_chain();
  const std::string text = registration_of(make_certificate(file, "store-02", 2, noon)).note;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const std::string& changed : damaged_at(text, i))
      ASSERT_FALSE(open_registration(file, changed)) << "byte " << i;
    ASSERT_FALSE(open_registration(file, text.substr(0, i))) << "cut at " << i;
  }
}

Certificate spare_certificate(const ChainFile& file, std::string_view site, std::uint32_t epoch) {
  Certificate c{file.chain, SiteName(site), epoch, site_keys(site, epoch), {}, noon, {}, true};
  journal::Note note{certificate_text(c), {}};
  for (const char* word : {"recovery-1", "recovery-3"}) {
    const TestKey key(word);
    journal::sign_note(note, recovery_key_name(file.chain, word), key.pub, key.signer());
  }
  c.note = journal::to_text(note);
  return c;
}

TEST(Certificate, OfASpareIsToldApartAndCanBeRevoked) {  // protocol 10.2
  ChainFile file = small_chain();
  const Certificate made = spare_certificate(file, "store-02", 2);
  const auto opened = open_certificate(file, made.note);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_TRUE(opened->spare);
  EXPECT_FALSE(open_certificate(file, make_certificate(file, "store-02", 3, noon).note)->spare);
  file.revoked = {{SiteName("store-02"), 2}};
  const auto read_back = parse_chain_text(canonical_text(file));
  ASSERT_TRUE(read_back) << read_back.error().text;
  EXPECT_TRUE(*read_back == file);
  EXPECT_THAT(open_unrevoked_certificate(*read_back, made.note).error().text, HasSubstr("revoked"));
  EXPECT_TRUE(open_certificate(*read_back, made.note)) << "who was let in before stays what he was";
  EXPECT_TRUE(open_unrevoked_certificate(*read_back, spare_certificate(file, "store-02", 3).note));
  EXPECT_THAT(openings(file, small_chain()), ::testing::ElementsAre(HasSubstr("counts again")));
  file.revoked.emplace_back("store-99", 2);
  EXPECT_THAT(check_rules(file).error().text, HasSubstr("no site of this file"));
}

TEST(Certificate, OfReplacedRecoveryKeysCountsOnlyAsItIsNamed) {  // protocol 5.1, 9.1
  const ChainFile before = small_chain();
  const Certificate made = make_certificate(before, "store-02", 2, noon);
  const Certificate thief = make_certificate(before, "store-02", 2, noon, {}, {"recovery-1", "recovery-2"});
  ChainFile file = before;
  file.recovery = key_set("fresh", 2, 3);
  EXPECT_EQ(open_certificate(file, made.note).error().code, "chain/bad_certificate");
  file.certified = {certified(made)};
  const auto read_back = parse_chain_text(canonical_text(file));
  ASSERT_TRUE(read_back) << read_back.error().text;
  EXPECT_TRUE(*read_back == file);
  const auto opened = open_certificate(*read_back, made.note);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_TRUE(opened->keys == made.keys);
  EXPECT_TRUE(open_registration(*read_back, registration_of(made).note));
  // Nothing else of those keys, and nothing else for that number, whoever signs.
  EXPECT_FALSE(open_certificate(file, make_certificate(before, "store-02", 3, noon).note));
  EXPECT_FALSE(open_certificate(file, make_certificate(before, "store-01", 2, noon).note));
  EXPECT_THAT(open_certificate(file, thief.note).error().text, HasSubstr("names another certificate"));
  const auto fresh = make_certificate(file, "store-02", 2, noon, {}, {"fresh-1", "fresh-2"});
  EXPECT_THAT(open_certificate(file, fresh.note).error().text, HasSubstr("names another certificate"));
  EXPECT_TRUE(open_certificate(file, make_certificate(file, "store-02", 3, noon, {}, {"fresh-1", "fresh-2"}).note));
  // It lets a machine in that those who know only the recovery keys may not have let in.
  EXPECT_THAT(openings(before, file), ::testing::ElementsAre(HasSubstr("store-02 for epoch 2 counts")));
  EXPECT_TRUE(openings(file, file).empty());
  file.revoked = {{SiteName("store-02"), 2}};
  EXPECT_THAT(open_unrevoked_certificate(file, made.note).error().text, HasSubstr("revoked"));
  file.certified.push_back(certified(made));
  EXPECT_THAT(check_rules(file).error().text, HasSubstr("epoch 2 of store-02 twice"));
  file.certified = {{SiteName("store-99"), 2, made.keys.log}};
  EXPECT_THAT(check_rules(file).error().text, HasSubstr("no site of this file"));
}

TEST(Registration, OfASpareCarriesMirrorsLinesAndNobodyElsesDoes) {  // protocol 10.2
  const ChainFile file = small_chain();
  const Registration r = registration_of(spare_certificate(file, "store-02", 2));
  const SiteName mirror("head-office");
  const TestKey key = site_key("head-office", "cosign");
  const journal::NoteSignature line = witness(r, mirror, key.pub, key.signer());
  EXPECT_TRUE(is_witness(r, line, mirror, key.pub));
  EXPECT_FALSE(is_witness(r, line, SiteName("warehouse"), key.pub));
  EXPECT_FALSE(is_witness(r, line, mirror, site_key("warehouse", "cosign").pub));
  const auto opened = open_registration(file, with_witnesses(r, {line}));
  ASSERT_TRUE(opened) << opened.error().text;
  ASSERT_EQ(opened->witnesses.size(), 1u);
  EXPECT_TRUE(is_witness(*opened, opened->witnesses[0], mirror, key.pub));
  Registration other = registration_of(spare_certificate(file, "store-02", 2), 42);
  EXPECT_FALSE(is_witness(other, line, mirror, key.pub)) << "a line is of one registration";
  const Registration ceremony = registration_of(make_certificate(file, "store-02", 2, noon));
  EXPECT_FALSE(open_registration(file, with_witnesses(ceremony, {line})))
      << "a ceremony's needs no lines and takes none";
}

}  // namespace
}  // namespace holdfast::chain
