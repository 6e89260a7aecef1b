// The hash that may stand in for Ed25519: whoever verifies holds it for a signature, by that key and of that message
// alone; and a chain that signs with it is the chain that signs with Ed25519.
#include "sim/signatures.h"

#include <gtest/gtest.h>

#include <array>

#include "sim/chain_test_support.h"

namespace holdfast::sim {
namespace {

TEST(Signatures, are_of_one_key_and_one_message) {
  Random random(1);
  const KeyPair ours = draw_keys(random), theirs = draw_keys(random);
  const ByteView message = as_bytes("12 entries");
  for (const Signatures how : {Signatures::real, Signatures::stand_in}) {
    const Signature signature = sign_with(ours, how, message);
    EXPECT_TRUE(ed25519_verify(ours.open, message, signature)) << to_text(how);
    EXPECT_FALSE(ed25519_verify(theirs.open, message, signature)) << to_text(how);
    EXPECT_FALSE(ed25519_verify(ours.open, as_bytes("13 entries"), signature)) << to_text(how);
    for (const std::size_t byte : {0u, 31u, 32u, 63u}) {
      Signature changed = signature;
      changed[byte] ^= std::byte{1};
      EXPECT_FALSE(ed25519_verify(ours.open, message, changed)) << to_text(how) << ", byte " << byte;
    }
  }
  EXPECT_NE(sign_with(ours, Signatures::real, message), sign_with(ours, Signatures::stand_in, message));
}

TEST(Signatures, in_either_way_a_chain_draws_the_same_keys_and_agrees) {
  std::array<Hash, 2> states{};
  std::array<PublicKey, 2> keys{};
  for (const Signatures how : {Signatures::real, Signatures::stand_in}) {
    Chain chain(22, 3, {0, how});
    start_all(chain);
    open_trade(chain);
    for (int i = 0; i < 10; ++i) {
      chain.sell(store_1, 1);
      chain.run_for(milliseconds(50));
    }
    settle(chain);
    states[static_cast<std::size_t>(how)] = chain.state_hash();
    keys[static_cast<std::size_t>(how)] = chain.machine("store-01").signer->public_key(KeyUse::log);
  }
  EXPECT_EQ(keys[0], keys[1]);
}

}  // namespace
}  // namespace holdfast::sim
