#include "edge/people/vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "edge/people/fake_world.h"

namespace holdfast::people {
namespace {

const SubjectId ada{*array_from_hex<16>("00000000000000000000000000000001")};
const SubjectId bob{*array_from_hex<16>("00000000000000000000000000000002")};

bool is_anywhere(const std::string& directory, const std::string& text) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(Vault, WhatIsSealedIsReadAgainAndNeverLiesThereInClear) {
  PeopleWorld world;
  Vault vault(world.disk(), world.entropy);
  ASSERT_TRUE(vault.seal(ada, "Ada Lovelace"));
  EXPECT_EQ(vault.read(ada).value(), "Ada Lovelace");
  EXPECT_FALSE(is_anywhere(world.directory.path(), "Lovelace"));
  // The search finds what is there in clear.
  std::ofstream(world.directory.path() + "/canary") << "x Lovelace";
  EXPECT_TRUE(is_anywhere(world.directory.path(), "Lovelace"));
}

TEST(Vault, ErasingTheKeyErasesThePersonAndNobodyElse) {
  PeopleWorld world;
  Vault vault(world.disk(), world.entropy);
  ASSERT_TRUE(vault.seal(ada, "Ada"));
  ASSERT_TRUE(vault.seal(bob, "Bob"));
  const std::string copy = world.read("vault/sealed/" + to_hex(ada.bytes));
  ASSERT_TRUE(vault.erase(ada));
  EXPECT_FALSE(*vault.knows(ada));
  EXPECT_EQ(vault.read(ada).error().code, "vault/unknown");
  // A copy of what was sealed, kept somewhere, says nothing any more.
  ASSERT_TRUE(world.disk()->write_all("vault/sealed/" + to_hex(ada.bytes), as_bytes(copy)));
  EXPECT_EQ(vault.read(ada).error().code, "vault/unknown");
  EXPECT_EQ(vault.read(bob).value(), "Bob");
  EXPECT_TRUE(vault.erase(ada));
}

TEST(Vault, AnExchangedOrDamagedFileDoesNotOpen) {
  PeopleWorld world;
  Vault vault(world.disk(), world.entropy);
  ASSERT_TRUE(vault.seal(ada, "Ada"));
  ASSERT_TRUE(vault.seal(bob, "Bob"));
  const auto disk = world.disk();
  const std::string adas = world.read("vault/sealed/" + to_hex(ada.bytes));
  const std::string adas_key = world.read("vault/keys/" + to_hex(ada.bytes));
  ASSERT_TRUE(disk->write_all("vault/sealed/" + to_hex(bob.bytes), as_bytes(adas)));
  ASSERT_TRUE(disk->write_all("vault/keys/" + to_hex(bob.bytes), as_bytes(adas_key)));
  EXPECT_EQ(vault.read(bob).error().code, "vault/damaged");
  std::string damaged = adas;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  ASSERT_TRUE(disk->write_all("vault/sealed/" + to_hex(ada.bytes), as_bytes(damaged)));
  EXPECT_EQ(vault.read(ada).error().code, "vault/damaged");
  ASSERT_TRUE(disk->write_all("vault/sealed/" + to_hex(ada.bytes), as_bytes("x")));
  EXPECT_EQ(vault.read(ada).error().code, "vault/damaged");
}

TEST(Vault, ANameThatIsSealedAgainGetsANewKey) {
  PeopleWorld world;
  Vault vault(world.disk(), world.entropy);
  ASSERT_TRUE(vault.seal(ada, "Ada"));
  const std::string key = world.read("vault/keys/" + to_hex(ada.bytes));
  ASSERT_TRUE(vault.seal(ada, "Ada King"));
  EXPECT_NE(world.read("vault/keys/" + to_hex(ada.bytes)), key);
  EXPECT_EQ(vault.read(ada).value(), "Ada King");
  EXPECT_EQ(vault.seal(ada, std::string(5000, 'x')).error().code, "vault/too_large");
}

}  // namespace
}  // namespace holdfast::people
