// Chain files, descriptions, public keys and authorities as people and strangers write them.
#include "core/chain/chain.h"
#include "test/fuzz/fuzz.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(fuzz::bytes_of(data, size));
  if (const auto file = chain::parse_chain_text(text)) {
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
  (void)chain::parse_authority(text);
  (void)chain::open_chain_file(text);
  (void)chain::parse_registration(text);
  return 0;
}
