// Chain files, descriptions, public keys and authorities, as people and strangers write them.
#include "core/chain/chain.h"
#include "core/chain/test_chain.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const chain::ChainFile& known() {
  static const chain::ChainFile file = chain::testing::small_chain(2);
  return file;
}
chain::ChainFile newer() {
  chain::ChainFile file = known();
  file.version = 2;
  file.revoked = {{file.sites.back().name, 2}};
  file.certified = {{file.sites.back().name, 2, sha256(as_bytes("a certificate"))}};
  return file;
}
chain::ChainFile narrower() {
  chain::ChainFile file = newer();
  file.within = chain::within_of(known());
  file.sites.back().follows.pop_back();
  return file;
}

}  // namespace

void fuzz_chain(ByteView in) {
  const std::string_view text = as_text(in);
  const Allocations allocations;
  const auto file = chain::parse_chain_text(text);
  check_peak(allocations, in.size(), 1000);  // a site of some 40 bytes is some 400 in memory, its TOML tree as much
  if (file) {
    const auto again = chain::parse_chain_text(chain::canonical_text(*file));
    HF_CHECK(again && *again == *file, "a chain file changes in its canonical text");
    HF_CHECK(chain::problems_in_chain_text(text).empty(), "a chain file is taken and has problems");
  }
  HF_CHECK(chain::parse_description(text).has_value() == chain::problems_in_description(text).empty(),
           "a description is taken with problems, or refused without one");
  if (const auto keys = chain::parse_public_keys(text)) {
    const auto again = chain::parse_public_keys(chain::public_keys_text(*keys));
    HF_CHECK(again && *again == *keys, "public keys change when they are written back");
  }
  if (const auto authority = chain::parse_authority(text)) {
    const std::string written = chain::authority_text(*authority);
    const auto again = chain::parse_authority(written);
    HF_CHECK(again && chain::authority_text(*again) == written, "an authority changes when it is written back");
  }
  if (const auto opened = chain::open_chain_file(text); opened && !opened->within) {
    const auto note = journal::parse_note(text);
    HF_CHECK(note && note->text == chain::canonical_text(*opened), "a signed chain file in another than its one form");
  }
  const auto next = chain::open_successor(known(), text);
  HF_CHECK(!next || *next == newer() || *next == narrower(),
           "a chain file that nobody may sign takes the place of the known one");
}

Seeds seeds_of_chain() {
  const std::string signed_file = chain::testing::sign_as_root(known());
  return {
      text_seed("canonical", chain::canonical_text(known())),
      text_seed("signed", signed_file),
      text_seed("successor", chain::testing::sign_as_root(newer())),
      text_seed("operations", chain::testing::sign_as_operations(narrower(), signed_file)),
      text_seed("public-keys", chain::public_keys_text({SiteName("store-01"), chain::testing::site_keys("store-01")})),
      text_seed("authority", chain::authority_text({known().root, known().recovery, known().operations})),
      text_seed("description",
                "# ours\nchain = \"holdfast.example/d\"\ncurrency = \"GBP\"\nlanguages = [\"en\"]\nquorum = 1\n"
                "[[vat]]\ncode = \"S\"\nname = \"Standard\"\nrate_percent = \"20\"\n"
                "[[site]]\nname = \"head-office\"\nkind = \"head-office\"\nlink_address = \"10.0.0.2:7400\"\n"
                "mirrors = [\"store-01\"]\nfollows = [\"store-01\"]\n"
                "[[site]]\nname = \"store-01\"\nkind = \"store\"\nlink_address = \"10.0.1.2:7400\"\n"
                "mirrors = [\"head-office\"]\nfollows = [\"head-office\"]\n")};
}

}  // namespace holdfast::fuzz
