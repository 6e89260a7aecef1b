// A spare's code and directory (protocol 10.2).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/crockford.h"
#include "core/node/node.h"
#include "core/node/spare_copy.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/file_signer.h"
#include "edge/keys/private_files.h"
#include "edge/keys/promotion_code.h"
#include "edge/keys/spare_ceremony_test_support.h"
#include "edge/keys/spare_directory.h"
#include "edge/people/credentials.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"
#include "edge/posix/scratch_directory.h"
#include "edge/tills/machine.h"

namespace holdfast::keys {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(PromotionCode, IsFourGroupsAndIsReadHoweverItIsTyped) {
  const std::string code = make_promotion_code();
  EXPECT_THAT(code, MatchesRegex("[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}"));
  EXPECT_NE(code, make_promotion_code());
  const auto read = read_promotion_code(code);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->size(), 16u) << "16 characters of 5 bits: 80 bits";
  std::string typed = " ";
  for (char c : code)
    if (c != '-')
      typed += c == '0'   ? std::string("o")
               : c == '1' ? std::string("l ")
                          : std::string(1, static_cast<char>(std::tolower(c)));
  EXPECT_EQ(*read_promotion_code(typed), *read);
}

TEST(PromotionCode, TellsEachWrongCharacterAndEachSwapByItsGroup) {
  for (int round = 0; round < 20; ++round) {
    const std::string right = make_promotion_code();
    for (std::size_t i = 0; i < right.size(); ++i) {
      if (right[i] == '-') continue;
      for (char other : crockford_digits) {
        if (other == right[i]) continue;
        std::string wrong = right;
        wrong[i] = other;
        const auto read = read_promotion_code(wrong);
        ASSERT_FALSE(read) << right << " " << wrong;
        EXPECT_EQ(read.error().code, "keys/mistyped_code");
        EXPECT_THAT(read.error().text, HasSubstr("Group " + std::to_string(i / 6 + 1)));
      }
      for (std::size_t j = i + 1; j < i / 6 * 6 + 5; ++j) {
        std::string wrong = right;
        std::swap(wrong[i], wrong[j]);
        if (wrong == right) continue;
        EXPECT_FALSE(read_promotion_code(wrong)) << right << " " << wrong;
      }
    }
    const std::string swapped = right.substr(6, 5) + "-" + right.substr(0, 5) + right.substr(11);
    EXPECT_FALSE(read_promotion_code(swapped)) << "two groups swapped";
  }
  for (const char* bad :
       {"", "7KQ2", "AAAAA-AAAAA-AAAAA-AAAAA-A", "UUUUU-AAAAA-AAAAA-AAAAA", "AAAAA-AAAAA-AAAAA-AAA%A"})
    EXPECT_EQ(read_promotion_code(bad).error().code, "keys/mistyped_code") << bad;
}

TEST(PromotionCode, OpensWhatItSealedAndNothingElseDoes) {
  const SiteName site("store-01");
  Secret<sealed_seeds_bytes> seeds;
  for (std::size_t i = 0; i < seeds.size(); ++i) seeds.data()[i] = static_cast<unsigned char>(i);
  const std::string code = *read_promotion_code(make_promotion_code());
  Bytes sealed = seal_seeds(site, code, seeds);
  const auto opened = open_seeds(site, code, sealed);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->bytes(), seeds.bytes());
  EXPECT_EQ(open_seeds(site, *read_promotion_code(make_promotion_code()), sealed).error().code, "keys/wrong_code");
  EXPECT_EQ(open_seeds(SiteName("store-02"), code, sealed).error().code, "keys/bad_file");
  sealed.back() ^= std::byte{1};
  EXPECT_EQ(open_seeds(site, code, sealed).error().code, "keys/wrong_code");
  EXPECT_EQ(open_seeds(site, code, ByteView(sealed).first(40)).error().code, "keys/bad_file");
}

TEST(SpareDirectory, HasNoKeyInClearThatRegistersUntilItsCodeIsTyped) {
  Ceremony ceremony;
  const std::string directory = ceremony.path("spare");
  const auto made = make_spare_directory(directory, SiteName("store-01"));
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_TRUE(is_spare_directory(directory));
  EXPECT_FALSE(is_promoted(directory));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    EXPECT_EQ(bytes.str().find(made->code), std::string::npos) << entry.path() << " holds the code";
    EXPECT_EQ(bytes.str().find("private key v1 log"), std::string::npos) << entry.path();
  }
  EXPECT_EQ(adopt_spare(directory, ceremony.chain_text, ceremony.certify(made->keys, false)).error().code,
            "keys/wrong_site")
      << "a certificate for a rebuild is none for a spare";
  ASSERT_TRUE(adopt_spare(directory, ceremony.chain_text, ceremony.certify(made->keys, true)));
  edge::SodiumEntropy entropy;
  const auto other = promote_directory(directory, make_promotion_code(), entropy);
  EXPECT_EQ(other.error().code, "keys/wrong_code");
  EXPECT_FALSE(is_promoted(directory));
  const auto promoted = promote_directory(directory, made->code, entropy);
  ASSERT_TRUE(promoted) << promoted.error().text;
  EXPECT_FALSE(promoted->has_people) << "no copy had come";
  EXPECT_TRUE(is_promoted(directory));
  const auto signer = FileSigner::open(directory, SiteName("store-01"));
  ASSERT_TRUE(signer) << signer.error().text;
  EXPECT_EQ((*signer)->public_keys(), made->keys.keys);
}

TEST(SpareDirectory, NoneIsLeftWhoseCodeNobodyHas) {
  Ceremony ceremony;
  const std::string directory = ceremony.path("spare");
  const SiteName site("store-01");
  ASSERT_TRUE(create_private_file(ceremony.path("printed"), "another store's\n"));
  EXPECT_EQ(make_spare_directory(directory, site, ceremony.path("printed")).error().code, "keys/exists");
  EXPECT_EQ(make_spare_directory(directory, site, ceremony.path("nowhere/code")).error().code, "keys/not_found");
  EXPECT_FALSE(is_spare_directory(directory));
  EXPECT_EQ(*read_public_file(ceremony.path("printed")), "another store's\n");
  // Where the keys cannot be made, the code is taken back: somebody would print it. (The public keys' place is taken.)
  const std::string full = ceremony.path("full");
  EXPECT_EQ(make_spare_directory(full, site, full + "/store-01.pub.toml").error().code, "keys/exists");
  EXPECT_FALSE(std::filesystem::exists(full + "/store-01.pub.toml"));
  EXPECT_FALSE(std::filesystem::exists(full + "/holdfast-site")) << "adopt would take it for whole";
  const auto made = make_spare_directory(directory, site, ceremony.path("code"));
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(*read_public_file(ceremony.path("code")), "store-01 " + made->code + "\n");
}

// The copy of the people's list is as old as the promotion: whoever was withdrawn since would be let in again.
TEST(SpareDirectory, OpenedAgainWithItsCodeKeepsThePeopleOfToday) {
  Ceremony ceremony;
  const std::string directory = ceremony.path("spare");
  const auto made = make_spare_directory(directory, SiteName("store-01"));
  ASSERT_TRUE(made) << made.error().text;
  ASSERT_TRUE(adopt_spare(directory, ceremony.chain_text, ceremony.certify(made->keys, true)));
  Writer list;
  list.raw(as_bytes(std::string_view("HFPCOPY1")));
  list.u32(0);
  list.u32(0);
  const auto disk = *edge::PosixDisk::open_root(directory);
  ASSERT_TRUE(disk->write_all(node::spare_credentials_path,
                              *seal_to(made->keys.keys.sealing, tills::pack_store_copy(list.take(), std::nullopt))));
  edge::SodiumEntropy entropy;
  // Power cut before the last of the keys: as if nothing had been done.
  ASSERT_TRUE(promote_directory(directory, made->code, entropy));
  std::filesystem::remove(directory + "/keys/log.key");
  std::ofstream(directory + "/keys/log.key.unfinished") << "cut off";
  EXPECT_FALSE(is_promoted(directory));
  const auto promoted = promote_directory(directory, made->code, entropy);
  ASSERT_TRUE(promoted) << promoted.error().text;
  EXPECT_FALSE(promoted->was_promoted);
  EXPECT_TRUE(promoted->has_people);
  EXPECT_FALSE(std::filesystem::exists(directory + "/keys/log.key.unfinished"));

  ASSERT_TRUE(disk->write_all(people::credentials_path, as_bytes(std::string_view("of today"))));
  EXPECT_EQ(promote_directory(directory, make_promotion_code(), entropy).error().code, "keys/wrong_code");
  const auto again = promote_directory(directory, made->code, entropy);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_TRUE(again->was_promoted);
  EXPECT_EQ(as_text(*disk->read_all(people::credentials_path)), "of today");
}

// What the node gave the spare to keep is its word alone; it must not decide whether the store opens.
TEST(SpareDirectory, OpensThoughTheCopyOfThePeoplesListIsSpoilt) {
  const Bytes no_copy = to_bytes(as_bytes(std::string_view("spoilt")));
  Writer list;
  list.raw(as_bytes(std::string_view("HFPCOPY1")));
  list.u32(0);
  list.u32(0);
  const Bytes good = list.take();
  for (const bool is_sealed : {false, true}) {
    for (const bool has_one_before : {false, true}) {
      Ceremony ceremony;
      const std::string directory = ceremony.path("spare");
      const auto made = make_spare_directory(directory, SiteName("store-01"));
      ASSERT_TRUE(made) << made.error().text;
      ASSERT_TRUE(adopt_spare(directory, ceremony.chain_text, ceremony.certify(made->keys, true)));
      {
        const auto disk = *edge::PosixDisk::open_root(directory);
        const PublicKey& key = made->keys.keys.sealing;
        ASSERT_TRUE(disk->write_all(node::spare_credentials_path, is_sealed ? *seal_to(key, no_copy) : no_copy));
        if (has_one_before) {
          ASSERT_TRUE(disk->write_all(node::spare_credentials_before_path,
                                      *seal_to(key, tills::pack_store_copy(good, std::nullopt))));
        }
      }
      edge::SodiumEntropy entropy;
      const auto promoted = promote_directory(directory, made->code, entropy);
      ASSERT_TRUE(promoted) << promoted.error().text;
      EXPECT_EQ(promoted->has_people, has_one_before);
      EXPECT_TRUE(is_promoted(directory));
    }
  }
}

}  // namespace
}  // namespace holdfast::keys
