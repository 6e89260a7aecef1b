#include "edge/people/vault.h"

#include <fmt/format.h>
#include <sodium.h>

#include "core/base/read_file.h"

namespace holdfast::people {
namespace {

constexpr std::size_t key_bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

std::string key_path(const SubjectId& subject) { return "vault/keys/" + to_hex(subject.bytes); }
std::string sealed_path(const SubjectId& subject) { return "vault/sealed/" + to_hex(subject.bytes); }

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// What the tag covers besides the text.
std::string bound_to(const SubjectId& subject) { return "holdfast vault 1\n" + to_hex(subject.bytes); }

}  // namespace

Status Vault::seal(const SubjectId& subject, std::string_view text) {
  if (text.size() > vault_text_bytes_max) {
    return fail("vault/too_large",
                fmt::format("{} bytes are too many for the vault, at most {}.", text.size(), vault_text_bytes_max));
  }
  ByteArray<key_bytes> key;
  Bytes sealed(nonce_bytes + text.size() + tag_bytes);
  const std::span<std::byte> whole(sealed);
  entropy_.fill(key);
  entropy_.fill(whole.first(nonce_bytes));
  const std::string ad = bound_to(subject);
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(whole.subspan(nonce_bytes)), nullptr, raw(as_bytes(text)), text.size(),
                                             raw(as_bytes(ad)), ad.size(), nullptr, raw(whole.first(nonce_bytes)),
                                             raw(ByteView(key)));
  const std::lock_guard lock(mutex_);
  // A crash between the two leaves a text that does not open, never one that opens without its key being here.
  HF_TRY_VOID(disk_->write_all(key_path(subject), key));
  HF_TRY_VOID(disk_->write_all(sealed_path(subject), sealed));
  sodium_memzero(key.data(), key.size());
  return {};
}

Result<std::string> Vault::read(const SubjectId& subject) {
  const std::lock_guard lock(mutex_);
  const auto missing = [](Error error) {
    if (error.code != "base/not_found") return error;
    return Error{"vault/unknown", "The vault holds nothing of this person, or it has been erased."};
  };
  auto key = disk_->read_all(key_path(subject));
  if (!key) return pass_on(missing(std::move(key).error()));
  auto sealed = disk_->read_all(sealed_path(subject));
  if (!sealed) return pass_on(missing(std::move(sealed).error()));
  const auto damaged = [&] {
    return fail("vault/damaged",
                fmt::format("{} does not open with its key: one of the two is damaged or was exchanged.",
                            sealed_path(subject)));
  };
  if (key->size() != key_bytes || sealed->size() < nonce_bytes + tag_bytes) return damaged();
  const ByteView whole(*sealed);
  std::string text(sealed->size() - nonce_bytes - tag_bytes, '\0');
  const std::string ad = bound_to(subject);
  const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr, raw(whole.subspan(nonce_bytes)),
      whole.size() - nonce_bytes, raw(as_bytes(ad)), ad.size(), raw(whole.first(nonce_bytes)), raw(ByteView(*key)));
  sodium_memzero(key->data(), key->size());
  if (opened != 0) return damaged();
  return text;
}

Result<bool> Vault::knows(const SubjectId& subject) {
  const std::lock_guard lock(mutex_);
  HF_TRY(auto key, read_if_there(*disk_, key_path(subject)));
  if (key) sodium_memzero(key->data(), key->size());
  return key.has_value();
}

Status Vault::erase(const SubjectId& subject) {
  const std::lock_guard lock(mutex_);
  HF_TRY_VOID(disk_->remove(key_path(subject)));
  return disk_->remove(sealed_path(subject));
}

}  // namespace holdfast::people
