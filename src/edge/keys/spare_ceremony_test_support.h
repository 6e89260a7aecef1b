// For tests: a chain whose recovery keys are here, so that spares of it can be certified.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/chain/test_chain.h"
#include "edge/keys/ceremony.h"
#include "edge/keys/spare_directory.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::keys {

struct Ceremony {
  edge::ScratchDirectory scratch;
  chain::ChainFile file;
  std::string chain_text;
  std::string path(std::string_view name) const { return scratch.path() + "/" + std::string(name); }
  Ceremony() {
    file = chain::testing::small_chain();
    const chain::Authority authority = *make_authority(path("ceremony"), {{2, 3}, {2, 3}, true, true});
    file.root = authority.root;
    file.recovery = authority.recovery;
    file.operations = authority.operations;
    chain_text = *sign_chain_file(file, {path("ceremony/root")});
  }
  std::string certify(const chain::PublicKeysFile& machine, bool spare) {
    IssueOptions options{std::nullopt, 1, Instant{1'800'000'000'000'000'000}, spare};
    return (*issue_certificates(file, {path("ceremony/recovery")}, {{machine, std::nullopt}}, options))[0]
        .certificate.note;
  }
  // A directory of a spare of store-01 that has adopted both; its code.
  std::string make_spare(const std::string& directory) {
    const auto made = make_spare_directory(directory, SiteName("store-01"));
    EXPECT_TRUE(made && adopt_spare(directory, chain_text, certify(made->keys, true)));
    return made ? made->code : std::string();
  }
};

}  // namespace holdfast::keys
