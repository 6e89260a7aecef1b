#include "edge/keys/promotion_code.h"

#include <fmt/format.h>
#include <sodium.h>

#include "core/base/crockford.h"
#include "edge/keys/key_file.h"

namespace holdfast::keys {
namespace {

constexpr std::size_t groups = 4, data_each_group = 4, typed_each_group = data_each_group + 1;
constexpr std::string_view magic = "holdfast spare keys v1\n";
constexpr std::size_t salt_bytes = crypto_pwhash_SALTBYTES, nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
                      tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
// 80 bits cannot be tried through; the cost is for the case that part of the paper was seen.
constexpr std::uint64_t operations = 3, memory_bytes = 64u << 20;
constexpr std::uint64_t operations_max = 16, memory_bytes_max = 512u << 20;  // of what is read from disk

// GF(32), x^5 + x^2 + 1.
unsigned times(unsigned a, unsigned b) {
  unsigned out = 0;
  for (; b != 0; b >>= 1) {
    if ((b & 1) != 0) out ^= a;
    a <<= 1;
    if ((a & 32) != 0) a ^= 0b100101;
  }
  return out;
}
// Sum of d_i * x^(i+1), and the group's number: each wrong digit, each swap of two, each swap of groups changes it.
char check_digit(std::string_view group, std::size_t number) {
  unsigned sum = static_cast<unsigned>(number + 1), power = 2;
  for (char c : group) {
    sum ^= times(static_cast<unsigned>(crockford_digits.find(c)), power);
    power = times(power, 2);
  }
  return crockford_digits[sum];
}

// The whole of the cleartext beside the box; authenticated with it.
Bytes header(const SiteName& site, ByteView salt, std::uint64_t ops, std::uint64_t memory) {
  Writer out;
  out.raw(as_bytes(magic));
  out.text(site.view());
  out.raw(salt);
  out.u64(ops);
  out.u64(memory);
  return out.take();
}

Result<Secret<32>> stretch(std::string_view code, ByteView salt, std::uint64_t ops, std::uint64_t memory) {
  Secret<32> key;
  if (crypto_pwhash(key.data(), key.size(), code.data(), code.size(), raw(salt), ops, static_cast<std::size_t>(memory),
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail("keys/failed", fmt::format("this machine has no {} MiB of memory left to check the code; end other "
                                           "programs and try again",
                                           memory >> 20));
  return key;
}

}  // namespace

std::string make_promotion_code() {
  init_crypto();
  std::string out;
  for (std::size_t g = 0; g < groups; ++g) {
    std::string group;
    for (std::size_t i = 0; i < data_each_group; ++i) group += crockford_digits[randombytes_uniform(32)];
    out += (g == 0 ? "" : "-") + group + check_digit(group, g);
  }
  return out;
}

Result<std::string> read_promotion_code(std::string_view typed) {
  std::string all;
  for (char c : typed) {
    if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    const char meant = crockford_meant(c);
    if (crockford_digits.find(meant) == std::string_view::npos)
      return fail("keys/mistyped_code", "The code has letters and digits only, and no U. Look at the paper again.");
    all += meant;
    if (all.size() > groups * typed_each_group) break;
  }
  if (all.size() != groups * typed_each_group)
    return fail(
        "keys/mistyped_code",
        fmt::format("The code has {} groups of {} characters; {} characters were typed.", groups, typed_each_group,
                    all.size() > groups * typed_each_group ? "more" : std::to_string(all.size())));
  std::string out;
  for (std::size_t g = 0; g < groups; ++g) {
    const std::string_view group = std::string_view(all).substr(g * typed_each_group, typed_each_group);
    if (check_digit(group.substr(0, data_each_group), g) != group.back())
      return fail("keys/mistyped_code",
                  fmt::format("Group {} was mistyped: \"{}\". Look at that group on the paper again.", g + 1, group));
    out += group.substr(0, data_each_group);
  }
  return out;
}

Bytes seal_seeds(const SiteName& site, std::string_view code, const Secret<sealed_seeds_bytes>& seeds) {
  init_crypto();
  ByteArray<salt_bytes> salt;
  ByteArray<nonce_bytes> nonce;
  randombytes_buf(salt.data(), salt.size());
  randombytes_buf(nonce.data(), nonce.size());
  const Bytes head = header(site, salt, operations, memory_bytes);
  auto key = stretch(code, salt, operations, memory_bytes);
  HF_CHECK(key.has_value(), "{}", key.error().text);
  Bytes box(seeds.size() + tag_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(std::span(box)), nullptr, seeds.data(), seeds.size(),
                                             raw(ByteView(head)), head.size(), nullptr, raw(ByteView(nonce)),
                                             key->data());
  Bytes out = head;
  out.insert(out.end(), nonce.begin(), nonce.end());
  out.insert(out.end(), box.begin(), box.end());
  return out;
}

Result<Secret<sealed_seeds_bytes>> open_seeds(const SiteName& site, std::string_view code, ByteView sealed) {
  init_crypto();
  const auto damaged = [] {
    return fail("keys/bad_file",
                "keys/promotion.sealed is damaged or another site's; this spare cannot be opened. "
                "Rebuild the store from its mirrors: `holdfast site rebuild`");
  };
  Reader in(sealed);
  if (as_text(in.raw(magic.size())) != magic || in.text() != site.view()) return damaged();
  const auto salt = in.array<salt_bytes>();
  const std::uint64_t ops = in.u64(), memory = in.u64();
  const auto nonce = in.array<nonce_bytes>();
  const ByteView box = in.raw(sealed_seeds_bytes + tag_bytes);
  if (!in.at_end() || ops < 1 || ops > operations_max || memory < (8u << 10) || memory > memory_bytes_max)
    return damaged();
  HF_TRY(const Secret<32> key, stretch(code, salt, ops, memory));
  const Bytes head = header(site, salt, ops, memory);
  Secret<sealed_seeds_bytes> out;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, raw(box), box.size(),
                                                 raw(ByteView(head)), head.size(), raw(ByteView(nonce)),
                                                 key.data()) != 0)
    return fail("keys/wrong_code",
                "The code is typed as it can be on a paper, but it is not the code of this machine. Is it another "
                "store's, or an older one?");
  return out;
}

}  // namespace holdfast::keys
