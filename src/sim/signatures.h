// How the machines of a simulation sign: with Ed25519, or with a keyed hash in its place that costs a hundredth of it.
//
// Shape:  a stand-in is SHA-256 over a secret of the simulation, the public key and the message, and then a mark by
//         which whoever verifies tells the two apart. Programs that link the simulator pass libsodium's verification
//         through it (-Wl,--wrap, CMakeLists.txt): core is the archive that ships, byte for byte, and knows of nothing.
//         Who has no key of the simulation's Signer cannot make one, as with Ed25519.
// After:  a seed draws the same keys either way. Signatures differ, and so do the states that hold them: each result
//         says how it was signed.
#pragma once

#include <string_view>

#include "core/base/crypto.h"
#include "sim/random.h"

namespace holdfast::sim {

enum class Signatures { real, stand_in };
std::string_view to_text(Signatures how);

struct KeyPair {
  PublicKey open{};
  ByteArray<64> secret{};
};
KeyPair draw_keys(Random& random);
Signature sign_with(const KeyPair& keys, Signatures how, ByteView message);

}  // namespace holdfast::sim
