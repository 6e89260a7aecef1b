// Signed notes, checkpoints and cosignatures: the text that leaves a site.
//
// Errors: journal/bad_note: not a signed note or not a checkpoint, says which line. journal/bad_signature: a known
//         key's signature does not hold, or the needed one is missing.
// Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature (Ed25519, type 0x04).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/world.h"

namespace holdfast::journal {

inline constexpr std::size_t note_bytes_max = 64 * 1024;

struct NoteSignature {
  std::string name;  // key name
  std::uint32_t key_id = 0;
  Bytes signature;  // 64 bytes for type 0x01, 8 + 64 for 0x04
};
struct Note {
  std::string text;  // with its final newline, without the blank line
  std::vector<NoteSignature> signatures;
};
Result<Note> parse_note(std::string_view whole);
std::string to_text(const Note& note);
std::uint32_t note_key_id(std::string_view name, std::uint8_t type, const PublicKey& key);

enum class NoteKeyType : std::uint8_t { ed25519 = 1, cosigner = 4 };
std::string vkey(std::string_view name, NoteKeyType type, const PublicKey& key);

// Adds a type 0x01 signature of note.text under `name`. `sign` is the private half of `key`.
using SignFunction = std::function<Signature(ByteView)>;
void sign_note(Note& note, std::string_view name, const PublicKey& key, const SignFunction& sign);
// True if there is a valid type 0x01 signature by (name, key). A present but wrong one is journal/bad_signature.
Result<bool> has_signature(const Note& note, std::string_view name, const PublicKey& key);

struct Checkpoint {
  Origin origin;
  std::uint64_t size = 0;
  Hash root{};
  bool operator==(const Checkpoint&) const = default;
};
std::string checkpoint_text(const Checkpoint& checkpoint);        // the three lines
Result<Checkpoint> parse_checkpoint(std::string_view note_text);  // strict: three lines, no extension lines

// A checkpoint note with its owner's signature, and any cosignatures gathered.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  Note note;
};
SignedCheckpoint sign_checkpoint(const Checkpoint& checkpoint, const PublicKey& log_key, const SignFunction& sign);
// Parses and checks the owner's signature. Cosignatures are kept unverified.
Result<SignedCheckpoint> open_checkpoint(std::string_view whole, const PublicKey& log_key);

// Key name of a mirror's cosignatures: "<chain>/<site>" (the key id tells its keys apart).
std::string cosigner_name(std::string_view chain, const SiteName& site);
NoteSignature cosign(const Checkpoint& checkpoint, std::string_view cosigner, const PublicKey& key, Instant now,
                     const SignFunction& sign);
// nullopt: not by this key (name or id differ). Error: by it, but wrong.
Result<std::optional<Instant>> verify_cosignature(const Checkpoint& checkpoint, const NoteSignature& signature,
                                                  std::string_view cosigner, const PublicKey& key);

}  // namespace holdfast::journal
