#include "core/chain/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/chain/test_chain.h"

namespace holdfast::chain {
namespace {

using ::testing::HasSubstr;
using namespace testing;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  HF_CHECK(at != std::string::npos, "no {} in the text", from);
  return text.replace(at, from.size(), to);
}

std::uint32_t line_with(std::string_view text, std::string_view what) {
  const std::size_t at = text.find(what);
  HF_CHECK(at != std::string_view::npos, "no {} in the text", what);
  return static_cast<std::uint32_t>(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

std::string example() {
  std::ifstream in(HF_SOURCE_DIR "/test/data/chain.toml");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// --- reading and writing

TEST(ChainText, WhatIsWrittenIsReadBack) {
  const ChainFile file = small_chain();
  const auto read = parse_chain_text(canonical_text(file));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_TRUE(*read == file);
}

TEST(ChainText, AnyChainThatKeepsTheRulesIsReadBackAsItWas) {
  const bool holds = rc::check("parse(canonical(x)) == x", [] {
    ChainFile file = small_chain(*rc::gen::inRange(2u, 8u));
    file.version = *rc::gen::inRange<std::uint64_t>(1, version_max);
    file.currency = *currency_of(*rc::gen::element<std::string>("GBP", "EUR", "JPY", "KWD"));
    file.languages = *rc::gen::element(std::vector<std::string>{"fr"}, std::vector<std::string>{"fr", "en"});
    file.bounds.price_change_percent_max = *rc::gen::inRange<std::int64_t>(1, 1'000'000);
    file.bounds.mirror_bytes_a_day = *rc::gen::inRange<std::uint64_t>(1, INT64_MAX);
    file.bounds.mirror_entries_a_day = *rc::gen::inRange<std::uint64_t>(1, INT64_MAX);
    for (VatRate& rate : file.vat_rates) {
      rate.millionths = *rc::gen::inRange<std::int64_t>(0, 1'000'001);
      rate.name = *rc::gen::element<std::string>("Taux réduit", "a \"quoted\" \\ rate", "#1", "= [x]", "'");
    }
    const unsigned n = *rc::gen::inRange(1u, 6u);
    file.root = key_set("root", *rc::gen::inRange(n / 2 + 1, n + 1), n);
    if (*rc::gen::arbitrary<bool>()) file.operations.reset();
    if (*rc::gen::arbitrary<bool>()) file.former_root = key_set("old", 1, 1);
    if (*rc::gen::arbitrary<bool>()) file.certified = {{file.sites[0].name, 2, sha256(as_bytes("certificate"))}};
    if (file.version > 1 && *rc::gen::arbitrary<bool>())
      file.within = Within{file.version - 1, sha256(as_bytes("text"))};
    for (Site& site : file.sites) {
      site.kind = site.kind == SiteKind::store ? *rc::gen::element(SiteKind::store, SiteKind::web_shop, SiteKind::desk)
                                               : site.kind;
      site.follows.resize(*rc::gen::inRange<std::size_t>(0, site.follows.size() + 1));
    }
    const std::string text = canonical_text(file);
    const auto read = parse_chain_text(text);
    if (!read) RC_FAIL(read.error().text);
    RC_ASSERT(*read == file);
    RC_ASSERT(canonical_text(*read) == text);
  });
  EXPECT_TRUE(holds);
}

TEST(ChainText, CommentsAndLayoutAreReadButNotSigned) {
  const std::string text = "# mine\n" + canonical_text(small_chain());
  EXPECT_TRUE(parse_chain_text(text));
  ChainFile file = small_chain();
  journal::Note note{text, {}};
  for (const std::string word : {"root-1", "root-2"})
    journal::sign_note(note, root_key_name(file.chain, word), TestKey(word).pub, TestKey(word).signer());
  const auto opened = open_chain_file(journal::to_text(note));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "chain/bad_file");
}

TEST(ChainText, TheExampleDescriptionHasNoProblem) {
  const std::string text = example();
  ASSERT_FALSE(text.empty());
  for (const Problem& problem : problems_in_description(text)) ADD_FAILURE() << problem.line << ": " << problem.text;
  const auto file = parse_description(text);
  ASSERT_TRUE(file);
  EXPECT_GE(file->sites.size(), 4u);
}

TEST(ChainText, ADescriptionIsNotYetAChainFile) {
  const auto whole = parse_chain_text(example());
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, "chain/bad_file");
}

// --- each rule, with the line it is broken on and what to write instead

struct Spoilt {
  std::string_view what, from, to, line_of, says;
};
const Spoilt spoilt[] = {
    {"chain name", "holdfast.example/small", "Holdfast Small", "chain =", "example.com/acme"},
    {"currency", "\"GBP\"", "\"GPB\"", "currency =", "ISO 4217"},
    {"language", "\"fr\"]", "\"xx\"]", "languages =", "\"en\" and \"fr\""},
    {"language twice", "\"fr\"]", "\"en\"]", "languages =", "stands twice"},
    {"no quorum", "quorum = 2", "quorom = 2", "quorom", "did you mean quorum?"},
    {"quorum type", "quorum = 2", "quorum = \"2\"", "quorum", "whole number from 1 to 16"},
    {"vat code", "code = \"R\"", "code = \"r\"", "code = \"r\"", "capitals or digits"},
    {"vat code twice", "code = \"R\"", "code = \"S\"", "Reduced", "stands twice"},
    {"vat code length", "code = \"R\"", "code = \"REDUCEDRATE\"", "", "longer than"},
    {"vat rate", "rate_percent = \"5\"", "rate_percent = 5", "rate_percent = 5", "in quotes"},
    {"vat decimals", "rate_percent = \"5\"", "rate_percent = \"5.12345\"", "5.12345", "at most 4 decimals"},
    {"vat over 100", "rate_percent = \"5\"", "rate_percent = \"101\"", "\"101\"", "between 0 and 100"},
    {"bound zero", "price_change_percent_max = 50", "price_change_percent_max = 0", "price_change", "from 1 to"},
    {"bound negative", "mirror_entries_a_day = 2", "mirror_entries_a_day = -2", "mirror_entries", "from 1 to"},
    {"root 1 of 3", "needed = 2", "needed = 1", "needed = 1", "at least 2"},
    {"root 4 of 3", "needed = 2", "needed = 4", "needed = 4", "from 2 to 3"},
    {"root name", "\"root-2\"", "\"1\"", "\"1\"", "lower-case letters"},
    {"root name twice", "\"root-2\"", "\"root-1\"", "{ name = \"root-1\", key = \"", "two keys named"},
    {"site name", "name = \"store-02\"", "name = \"Store 02\"", "", "store-07"},
    {"site twice", "name = \"store-02\"", "name = \"store-01\"", "", "two sites are named"},
    {"kind", "kind = \"warehouse\"", "kind = \"depot\"", "", "warehouse, store, web-shop or desk"},
    {"two head offices", "kind = \"warehouse\"", "kind = \"head-office\"", "", "exactly one"},
    {"no head office", "kind = \"head-office\"", "kind = \"desk\"", "", "exactly one"},
    {"address", "127.0.0.1:7401", "127.0.0.1", "link_address = \"127.0.0.1\"", "host:port"},
    {"port", "127.0.0.1:7401", "127.0.0.1:70000", ":70000", "host:port"},
    {"address twice", "127.0.0.1:7401", "127.0.0.1:7400", "", "another site's too"},
    {"unknown mirror", "[\"head-office\", \"warehouse\", \"store-02\"]",
     "[\"head-office\", \"warehouse\", \"store-99\"]", "\"store-99\"", "no site of this file"},
    {"own mirror", "[\"head-office\", \"warehouse\", \"store-02\"]", "[\"head-office\", \"warehouse\", \"store-01\"]",
     "[\"head-office\", \"warehouse\", \"store-01\"]", "itself"},
    {"mirror twice", "[\"head-office\", \"warehouse\", \"store-02\"]",
     "[\"head-office\", \"warehouse\", \"warehouse\"]", "\"warehouse\", \"warehouse\"", "twice"},
    {"too few mirrors", "[\"head-office\", \"warehouse\", \"store-02\"]", "[\"head-office\"]",
     "mirrors = [\"head-office\"]", "at least 2 mirrors"},
    {"two quorums", "[\"head-office\", \"warehouse\", \"store-02\"]",
     "[\"store-02\", \"head-office\", \"warehouse\", \"store-03\"]", "[\"store-02\", \"head-office\"",
     "write quorum = 3"},
    {"a liar among three", "lying_mirrors = 0", "lying_mirrors = 1", "", "write quorum = 3"},
    {"unknown followed", "follows = [\"head-office\", \"warehouse\"]", "follows = [\"headoffice\"]", "[\"headoffice\"]",
     "no site of this file"},
    {"short key", "log_key = \"", "log_key = \"0", "log_key = \"0", "64 hexadecimal"},
    {"unknown value", "kind = \"store\"", "kind = \"store\"\nflollows = []", "flollows", "did you mean follows?"},
    {"duplicate value", "quorum = 2", "quorum = 2\nquorum = 2", "", "not TOML"},
    {"not TOML", "quorum = 2", "quorum : 2", "quorum : 2", "not TOML"},
    {"format", "format = 1", "format = 2", "format = 2", "from 1 to 1"},
};

TEST(ChainRules, EachBrokenRuleIsToldWithItsLineAndWhatToWrite) {
  for (const Spoilt& s : spoilt) {
    SCOPED_TRACE(s.what);
    const std::string text = replaced(canonical_text(small_chain()), s.from, s.to);
    const auto problems = problems_in_chain_text(text);
    ASSERT_FALSE(problems.empty());
    const auto told =
        std::ranges::find_if(problems, [&](const Problem& p) { return p.text.find(s.says) != p.text.npos; });
    ASSERT_NE(told, problems.end()) << problems.front().line << ": " << problems.front().text;
    if (s.what == "vat code twice")
      EXPECT_EQ(told->line + 1, line_with(text, s.line_of));
    else if (s.what == "root name twice")
      EXPECT_EQ(told->line, line_with(text, s.line_of) + 1);
    else if (!s.line_of.empty())
      EXPECT_EQ(told->line, line_with(text, s.line_of));
    else
      EXPECT_GT(told->line, 0u) << told->text;
    EXPECT_EQ(parse_chain_text(text).error().code, "chain/bad_file");
  }
}

TEST(ChainRules, OneKeyForTwoUsesIsRefusedAnywhere) {
  const auto refused = [](const ChainFile& file) {
    const Status status = check_rules(file);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().text, HasSubstr("same key"));
  };
  ASSERT_TRUE(check_rules(small_chain()));
  ChainFile file = small_chain();
  file.sites[2].keys.cosign = file.sites[2].keys.log;
  refused(file);
  file = small_chain();
  file.sites[2].keys.tls = file.sites[3].keys.sealing;
  refused(file);
  file = small_chain();
  file.recovery.keys[1].second = file.root.keys[0].second;
  refused(file);
  file = small_chain();
  file.operations = file.recovery.keys[0].second;
  refused(file);
}

TEST(ChainRules, AMissingKeyIsToldWithItsLine) {
  std::string text = canonical_text(small_chain());
  const std::size_t at = text.find("tls_key");
  text.erase(at, text.find('\n', at) + 1 - at);
  const auto problems = problems_in_chain_text(text);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].text, HasSubstr("tls_key"));
  EXPECT_EQ(problems[0].line, line_with(text, "[[site]]"));
}

TEST(ChainRules, AllProblemsAreListedInTheOrderOfTheLines) {
  std::string text = replaced(canonical_text(small_chain()), "\"fr\"]", "\"xx\"]");
  text = replaced(text, "rate_percent = \"20\"", "rate_percent = \"200\"");
  text = replaced(text, "kind = \"warehouse\"", "kind = \"depot\"");
  const auto problems = problems_in_chain_text(text);
  EXPECT_GE(problems.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(problems, {}, &Problem::line));
  EXPECT_THAT(parse_chain_text(text).error().text, HasSubstr("more; `holdfast chain check`"));
}

TEST(ChainRules, HostileTextIsRefusedNotObeyed) {
  EXPECT_FALSE(parse_chain_text(""));
  EXPECT_FALSE(parse_chain_text(std::string(chain_file_bytes_max + 1, '#')));
  EXPECT_FALSE(parse_chain_text("x = " + std::string(200'000, '[')));
  EXPECT_FALSE(parse_chain_text(std::string("chain = \"\0\"", 11)));
  EXPECT_FALSE(parse_chain_text("site = 3\nvat = [1, 2]\nroot = []\nbounds = \"x\""));
  EXPECT_FALSE(parse_chain_text(replaced(canonical_text(small_chain()), "Standard", "Stand\\u0007ard")));
}

// toml++ is given what a stranger wrote: it may refuse, it may not stop the program or touch memory that is not its own
// (this test also runs under the sanitizers).
TEST(ChainRules, RandomlyDamagedTextEndsInAProblemOrAFileNeverInACrash) {
  const std::string text = example();
  constexpr std::string_view charged = "[]{}=\"'#.,\\\n\r\t -_0x+:\x01\x7f\x80\xff\xc3";
  std::uint64_t state = 7;
  const auto random = [&](std::size_t below) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  std::size_t refused = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string damaged = text.substr(0, 200 + random(text.size() - 200));
    for (std::size_t n = 1 + random(4); n > 0; --n) {
      const std::size_t at = random(damaged.size());
      if (random(3) == 0)
        damaged.erase(at, 1 + random(20));
      else if (random(2) == 0)
        damaged.insert(at, 1 + random(3), charged[random(charged.size())]);
      else
        damaged[at] = charged[random(charged.size())];
    }
    refused += !problems_in_description(damaged).empty();
  }
  EXPECT_GT(refused, 4'000u);
}

TEST(ChainRules, TextOnWhichTomlWouldAssertIsRefused) {
  for (const std::string_view text :
       {"[=]", "[[=]]", "[",      "[[",        "x",     "x=",    "x = [",        "x = {",   "x = {a", "x = \"",
        "[a",  "x.=1",  "x = 0x", "x = 1979-", "x = +", "x = .", "\xef\xbb\xbf", "x = '''", "[a.]\n", "[.a]"})
    EXPECT_FALSE(problems_in_chain_text(text).empty()) << text;
}

TEST(ChainRules, AnyCutOffTextIsRefused) {
  const std::string text = canonical_text(small_chain(2));
  for (std::size_t size = 0; size < text.size() - 1; size += 7)
    EXPECT_FALSE(open_chain_file(text.substr(0, size))) << size;
}

// --- questions

TEST(ChainQuestions, MirrorsFollowsAndLinks) {
  const ChainFile file = small_chain(5);
  const SiteName head("head-office"), s1("store-01"), s2("store-02"), s4("store-04"), s5("store-05");
  EXPECT_TRUE(file.is_mirror(head, s1));
  EXPECT_TRUE(file.is_mirror(s2, s1));
  EXPECT_FALSE(file.is_mirror(s1, s5) && file.is_mirror(s5, s1));
  EXPECT_TRUE(file.follows(s1, head));
  EXPECT_FALSE(file.follows(s1, s2));
  EXPECT_TRUE(file.linked(s1, s2));
  EXPECT_TRUE(file.linked(s2, s1));
  EXPECT_FALSE(file.linked(s4, s2));
  EXPECT_FALSE(file.linked(s1, s1));
  EXPECT_FALSE(file.linked(s1, SiteName("nobody")));
  EXPECT_EQ(file.find(SiteName("nobody")), nullptr);
  ASSERT_NE(file.vat(VatCode("S")), nullptr);
  EXPECT_EQ(file.vat(VatCode("S"))->millionths, 200'000);
  EXPECT_EQ(file.vat(VatCode("Q")), nullptr);
}

TEST(ChainQuestions, TwoMirrorsOfOneJournalAreLinked) {
  ChainFile file = small_chain(5);
  for (Site& site : file.sites) {
    site.follows.clear();
    site.mirrors = {SiteName("head-office"), SiteName("warehouse")};
  }
  file.sites[0].mirrors = {SiteName("store-01"), SiteName("store-02")};
  EXPECT_TRUE(file.linked(SiteName("store-01"), SiteName("store-02")));
  EXPECT_FALSE(file.linked(SiteName("store-01"), SiteName("store-03")));
}

TEST(ChainQuestions, EnoughMirrorsToIncludeAnHonestOne) {  // protocol, preamble: r = 2 of 3, 3 of 4
  ChainFile file = small_chain();
  EXPECT_EQ(file.honest_any(file.sites[0]), 2u);
  file.quorum = 3;
  file.lying_mirrors = 1;
  file.sites[0].mirrors.push_back(SiteName("store-03"));
  EXPECT_EQ(file.honest_any(file.sites[0]), 3u);
}

// --- public keys

TEST(PublicKeys, AreReadBackAndHaveAFingerprint) {
  const PublicKeysFile file{SiteName("store-07"), site_keys("store-07")};
  const auto read = parse_public_keys(public_keys_text(file));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_TRUE(*read == file);
  EXPECT_EQ(fingerprint(file).size(), 19u);
  PublicKeysFile other = file;
  other.keys.tls = TestKey("another").pub;
  EXPECT_NE(fingerprint(file), fingerprint(other));
  other = file;
  other.site = SiteName("store-08");
  EXPECT_NE(fingerprint(file), fingerprint(other));
}

TEST(PublicKeys, DamagedOnesAreRefused) {
  const PublicKeysFile file{SiteName("store-07"), site_keys("store-07")};
  const std::string text = public_keys_text(file);
  EXPECT_FALSE(parse_public_keys(replaced(text, "store-07\"\nlog", "Store\"\nlog")));
  EXPECT_FALSE(parse_public_keys(replaced(text, "tls_key", "tsl_key")));
  EXPECT_FALSE(parse_public_keys(replaced(text, to_hex(file.keys.tls), to_hex(file.keys.log))));
  EXPECT_FALSE(parse_public_keys(replaced(text, to_hex(file.keys.tls), "00")));
  EXPECT_FALSE(parse_public_keys(""));
}

TEST(PublicKeys, AnAuthorityIsReadBack) {
  const Authority authority{key_set("root", 2, 3), key_set("recovery", 1, 1), TestKey("operations").pub};
  const auto read = parse_authority(authority_text(authority));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_TRUE(read->root == authority.root);
  EXPECT_TRUE(read->recovery == authority.recovery);
  EXPECT_TRUE(read->operations == authority.operations);
  EXPECT_FALSE(parse_authority("[root]\nneeded = 1\nkeys = []\n"));
}

}  // namespace
}  // namespace holdfast::chain
