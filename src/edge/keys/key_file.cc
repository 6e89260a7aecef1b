#include "edge/keys/key_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "edge/keys/private_files.h"

namespace holdfast::keys {
namespace {

constexpr std::string_view first_words = "holdfast private key v1 ";
constexpr std::size_t key_file_bytes_max = 512;
constexpr std::array<std::pair<Use, std::string_view>, 7> uses = {{{Use::log, "log"},
                                                                   {Use::cosign, "cosign"},
                                                                   {Use::tls, "tls"},
                                                                   {Use::sealing, "sealing"},
                                                                   {Use::root, "root"},
                                                                   {Use::recovery, "recovery"},
                                                                   {Use::operations, "operations"}}};

// The public half, and what signing needs, from the seed.
void expand(PrivateKey& key) {
  if (key.use == Use::sealing) {
    Secret<crypto_box_SECRETKEYBYTES> unused;
    crypto_box_seed_keypair(raw(key.pub), unused.data(), key.seed.data());
  } else {
    crypto_sign_seed_keypair(raw(key.pub), key.ed25519.data(), key.seed.data());
  }
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

bool take_word(std::string_view& line, std::string_view word) {
  if (!line.starts_with(word)) return false;
  line.remove_prefix(word.size());
  return true;
}

}  // namespace

void init_crypto() { HF_CHECK(sodium_init() >= 0, "libsodium finds no randomness on this machine"); }

std::string_view to_text(Use use) {
  for (const auto& [known, text] : uses)
    if (known == use) return text;
  HF_CHECK(false, "use {}", static_cast<int>(use));
}

std::optional<Use> use_of(std::string_view text) {
  for (const auto& [use, known] : uses)
    if (known == text) return use;
  return std::nullopt;
}

Signature PrivateKey::sign(ByteView message) const {
  HF_CHECK(use != Use::sealing, "the sealing key of {} signs nothing", holder);
  Signature out;
  crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr, raw(message), message.size(),
                       ed25519.data());
  return out;
}

PrivateKey make_key(Use use, std::string_view holder) {
  init_crypto();
  PrivateKey key;
  key.use = use;
  key.holder = std::string(holder);
  randombytes_buf(key.seed.data(), key.seed.size());
  expand(key);
  return key;
}

PrivateKey key_of_seed(Use use, std::string_view holder, std::span<const std::byte, 32> seed) {
  init_crypto();
  PrivateKey key;
  key.use = use;
  key.holder = std::string(holder);
  std::copy(seed.begin(), seed.end(), reinterpret_cast<std::byte*>(key.seed.data()));
  expand(key);
  return key;
}

std::string key_file_name(const PrivateKey& key) {
  const bool is_of_site =
      key.use == Use::log || key.use == Use::cosign || key.use == Use::tls || key.use == Use::sealing;
  return (is_of_site ? std::string(to_text(key.use)) : key.holder) + ".key";
}

Status write_key(const std::string& directory, const PrivateKey& key) {
  HF_TRY_VOID(make_private_directory(directory));
  HF_TRY_VOID(check_private_directory(directory));
  Secret<key_file_bytes_max> text;
  const auto head = fmt::format_to_n(text.text(), text.size(), "{}{} {}\npublic {}\nseed ", first_words,
                                     to_text(key.use), key.holder, to_hex(key.pub));
  constexpr std::size_t seed_text_size =
      sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL);  // with its zero
  HF_CHECK(head.size + seed_text_size <= text.size(), "holder {}", key.holder);
  sodium_bin2base64(head.out, seed_text_size, key.seed.data(), key.seed.size(), sodium_base64_VARIANT_ORIGINAL);
  head.out[seed_text_size - 1] = '\n';
  return create_private_file(directory + "/" + key_file_name(key), {text.text(), head.size + seed_text_size});
}

Result<PrivateKey> read_key(const std::string& path, Use expected) {
  init_crypto();
  const auto bad = [&](std::string_view what) {
    return fail("keys/bad_file",
                fmt::format("{} is not a private key as Holdfast writes it: {}; take it from its copy, or make a "
                            "new one",
                            path, what));
  };
  Secret<key_file_bytes_max> buffer;
  HF_TRY(const std::size_t size, read_private_file(path, buffer));
  std::string_view rest(buffer.text(), size);
  std::string_view head = take_line(rest), pub = take_line(rest), seed = take_line(rest);
  PrivateKey key;
  const auto space = head.rfind(' ');
  if (!take_word(head, first_words) || space == std::string_view::npos) return bad("its first line is another");
  const auto use = use_of(head.substr(0, head.find(' ')));
  if (!use || head.find(' ') == std::string_view::npos) return bad("its use is not known");
  if (*use != expected)
    return fail("keys/bad_file", fmt::format("{} is a {} key, not a {} key; give the right one", path, to_text(*use),
                                             to_text(expected)));
  key.use = *use;
  key.holder = std::string(head.substr(head.find(' ') + 1));
  if (!take_word(pub, "public ") || !take_word(seed, "seed ") || !rest.empty())
    return bad("a line is missing or too many");
  std::size_t seed_size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(key.seed.data(), key.seed.size(), seed.data(), seed.size(), nullptr, &seed_size, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      seed_size != key.seed.size() || end != seed.data() + seed.size())
    return bad("its seed is not 32 bytes of base64");
  expand(key);
  if (to_hex(key.pub) != pub) return bad("its public half does not belong to its seed");
  return key;
}

Result<std::vector<PrivateKey>> read_keys(const std::string& directory, Use use) {
  HF_TRY_VOID(check_private_directory(directory));
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".key") paths.push_back(it->path().string());
  if (error) return fail("keys/failed", fmt::format("cannot look into {}: {}", directory, error.message()));
  std::ranges::sort(paths);
  std::vector<PrivateKey> keys;
  for (const std::string& path : paths) {
    HF_TRY(PrivateKey key, read_key(path, use));
    keys.push_back(std::move(key));
  }
  if (keys.empty())
    return fail("keys/not_found",
                fmt::format("{} holds no .key file; give the folder with the {} key", directory, to_text(use)));
  return keys;
}

Result<Bytes> seal_to(const PublicKey& sealing_key, ByteView message) {
  init_crypto();
  Bytes box(message.size() + crypto_box_SEALBYTES);
  if (crypto_box_seal(reinterpret_cast<unsigned char*>(box.data()), raw(message), message.size(),
                      raw(ByteView(sealing_key))) != 0)
    return fail("keys/bad_key",
                fmt::format("{} is no sealing key that a machine makes; keys are made by `holdfast site "
                            "keygen` or `spare keygen`, and never by hand",
                            to_hex(sealing_key)));
  return box;
}

Result<Bytes> unseal(const PrivateKey& sealing_key, ByteView box) {
  HF_CHECK(sealing_key.use == Use::sealing, "a {} key opens nothing", to_text(sealing_key.use));
  const auto bad = [] {
    return fail("keys/bad_file", "the sealed text is not for this machine's sealing key, or is damaged");
  };
  if (box.size() < crypto_box_SEALBYTES) return bad();
  PublicKey pub;
  Secret<crypto_box_SECRETKEYBYTES> secret;
  crypto_box_seed_keypair(raw(pub), secret.data(), sealing_key.seed.data());
  Bytes message(box.size() - crypto_box_SEALBYTES);
  if (crypto_box_seal_open(reinterpret_cast<unsigned char*>(message.data()), raw(box), box.size(), raw(ByteView(pub)),
                           secret.data()) != 0)
    return bad();
  return message;
}

}  // namespace holdfast::keys
