// The code on the sheet of paper that opens a spare (protocol 10.2).
//
// Shape:  four groups of five characters, Crockford base32: four of each group are 20 random bits, together 80; the
//         fifth checks its group and its place (a Reed-Solomon digit over GF(32)), so that one wrong character, two
//         swapped ones or two swapped groups are told as such, with the number of the group. Case, blanks and dashes do
//         not matter; O is read as 0, I and L as 1.
// Errors: keys/mistyped_code: which group to look at again. keys/wrong_code: rightly typed, but another machine's.
// Source: Crockford base32; RFC 9106 (Argon2id); draft-irtf-cfrg-xchacha (XChaCha20-Poly1305).
#pragma once

#include <string>
#include <string_view>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/result.h"
#include "edge/keys/secret.h"

namespace holdfast::keys {

std::string make_promotion_code();  // "7KQ2C-M9XAV-0V3E1-PPRTZ"
// What was typed -> the 16 characters that count, without the checks.
Result<std::string> read_promotion_code(std::string_view typed);

// The three private keys of a spare that could let it register, sign or read what the node keeps there: log, cosign,
// sealing, as seeds. Sealed to the code: Argon2id (its cost is in the bytes), then XChaCha20-Poly1305, bound to `site`.
inline constexpr std::size_t sealed_seeds_bytes = 96;
Bytes seal_seeds(const SiteName& site, std::string_view code_characters, const Secret<sealed_seeds_bytes>& seeds);
Result<Secret<sealed_seeds_bytes>> open_seeds(const SiteName& site, std::string_view code_characters, ByteView sealed);

}  // namespace holdfast::keys
