// Signed notes, checkpoints and cosignatures, read as C2SP signed-note, tlog-checkpoint and tlog-cosignature say.
#pragma once

#include <vector>

#include "audit/facts.h"

namespace holdfast::audit {

struct NoteLine {
  std::string name;
  Bytes signature;  // without the key id
};
struct Note {
  std::string text;  // with its last newline
  std::vector<NoteLine> lines;
};
std::optional<Note> read_note(std::string_view whole);

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Sha256 root{};
};
std::optional<Checkpoint> read_checkpoint(const Note& note);

bool verifies(const Key& key, std::string_view message, ByteView signature);
bool is_signed(const Note& note, std::string_view name, const Key& key);
// By this key, without its id; null: there is none.
const Bytes* cosignature_in(const Note& note, std::string_view name, const Key& key);
// "<chain>/<site>/<epoch>" in its parts; nullopt: it is none.
struct OriginParts {
  std::string site;
  std::uint32_t epoch = 0;
};
std::optional<OriginParts> parts_of(std::string_view origin, std::string_view chain);

}  // namespace holdfast::audit
