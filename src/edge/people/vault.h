// The vault: what is known of people, sealed for each subject with a key of its own (design promise 8).
//
// Shape:  vault/keys/<subject>   32 bytes, XChaCha20-Poly1305 key; exists only here, erasable
//         vault/sealed/<subject> nonce (24) and sealed text; useless without its key, so copies of it may be anywhere
//         The subject's id is authenticated with the text: a sealed file under another's name does not open.
// Errors: vault/unknown: nothing is sealed of this subject, or its key has been erased. vault/damaged. base/disk_*.
// After:  erase() removes the key first: from then on nobody reads this person's data again.
// Thread: any. It does not ask who reads or why; the caller has put SubjectRead into the journal before read().
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/base/ids.h"
#include "core/base/world.h"

namespace holdfast::people {

inline constexpr std::size_t vault_text_bytes_max = 4096;

class Vault {
 public:
  Vault(std::unique_ptr<Disk> disk, Entropy& entropy) : disk_(std::move(disk)), entropy_(entropy) {}

  Status seal(const SubjectId& subject, std::string_view text);  // replaces what was sealed before, under a new key
  Result<std::string> read(const SubjectId& subject);
  Result<bool> knows(const SubjectId& subject);
  Status erase(const SubjectId& subject);

 private:
  std::mutex mutex_;
  const std::unique_ptr<Disk> disk_;
  Entropy& entropy_;
};

}  // namespace holdfast::people
