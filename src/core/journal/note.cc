#include "core/journal/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::journal {
namespace {

constexpr std::string_view bad_note = "journal/bad_note";
constexpr std::string_view bad_signature = "journal/bad_signature";
constexpr std::string_view line_start = "\u2014 ";  // em dash, space
constexpr std::size_t signatures_max = 32;
constexpr std::size_t cosignature_bytes = 8 + 64;
constexpr std::uint64_t instant_seconds_max = 9'223'372'036;  // what an Instant can hold

// Takes one code point off the front. nullopt: not UTF-8 (overlong forms and surrogates included).
std::optional<char32_t> next_code_point(std::string_view& rest) {
  const auto first = static_cast<unsigned char>(rest[0]);
  const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (length == 0 || length > rest.size()) return std::nullopt;
  char32_t c = length == 1 ? first : first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto b = static_cast<unsigned char>(rest[i]);
    if (b >> 6 != 2) return std::nullopt;
    c = c << 6 | (b & 0x3fu);
  }
  constexpr std::array<char32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
  if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return std::nullopt;
  rest.remove_prefix(length);
  return c;
}

bool is_unicode_space(char32_t c) {
  return c == 0x20 || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// Takes off the front what is ASCII and fits. Nearly all of a note does, and every signature's way through the house
// passes here.
void skip_plain(std::string_view& rest, auto fits) {
  rest.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(rest, fits) - rest.begin()));
}

// Valid UTF-8 without control characters but the newline.
bool is_note_text(std::string_view text) {
  const auto is_plain = [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); };
  for (skip_plain(text, is_plain); !text.empty(); skip_plain(text, is_plain)) {
    const auto c = next_code_point(text);
    if (!c || (*c < 0x20 && *c != '\n')) return false;
  }
  return true;
}

bool is_key_name(std::string_view name) {
  if (name.empty()) return false;
  const auto is_plain = [](char c) { return c > 0x20 && c < 0x7f && c != '+'; };
  for (skip_plain(name, is_plain); !name.empty(); skip_plain(name, is_plain)) {
    const auto c = next_code_point(name);
    if (!c || *c < 0x20 || *c == '+' || is_unicode_space(*c)) return false;
  }
  return true;
}

Result<NoteSignature> parse_signature_line(std::string_view line, std::size_t number) {
  const auto bad = [&](std::string_view what) {
    return fail(bad_note, fmt::format("line {} of the note: {}", number, what));
  };
  if (!line.starts_with(line_start)) return bad("a signature line must start with an em dash and a space");
  line.remove_prefix(line_start.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_key_name(line.substr(0, space)))
    return bad("the key's name is not well formed");
  const auto bytes = from_base64(line.substr(space + 1));
  if (!bytes || bytes->size() < 5) return bad("the signature is not base64 of a key id and a signature");
  NoteSignature out;
  out.name = std::string(line.substr(0, space));
  for (std::size_t i = 0; i < 4; ++i) out.key_id = out.key_id << 8 | std::to_integer<std::uint32_t>((*bytes)[i]);
  out.signature.assign(bytes->begin() + 4, bytes->end());
  return out;
}

std::string cosigned_message(const Checkpoint& checkpoint, std::uint64_t time_s) {
  return fmt::format("cosignature/v1\ntime {}\n", time_s) + checkpoint_text(checkpoint);
}

}  // namespace

Result<Note> parse_note(std::string_view whole) {
  if (whole.size() > note_bytes_max)
    return fail(bad_note, fmt::format("the note has {} bytes, the most is {}", whole.size(), note_bytes_max));
  if (!is_note_text(whole)) return fail(bad_note, "the note is not UTF-8 text without control characters");
  const std::size_t blank = whole.rfind("\n\n");
  if (blank == std::string_view::npos || !whole.ends_with('\n'))
    return fail(bad_note, "the note has no blank line before its signatures, or its last line does not end");
  Note note;
  note.text = std::string(whole.substr(0, blank + 1));
  std::size_t number = 2 + static_cast<std::size_t>(std::ranges::count(note.text, '\n'));
  for (std::string_view rest = whole.substr(blank + 2); !rest.empty(); ++number) {
    if (note.signatures.size() == signatures_max)
      return fail(bad_note, fmt::format("the note has more than {} signatures", signatures_max));
    const std::size_t end = rest.find('\n');  // there is one: the note ends with it
    HF_TRY(NoteSignature signature, parse_signature_line(rest.substr(0, end), number));
    note.signatures.push_back(std::move(signature));
    rest.remove_prefix(end + 1);
  }
  if (note.signatures.empty()) return fail(bad_note, "the note has no signature");
  return note;
}

std::string to_text(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& s : note.signatures) {
    Bytes bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::byte>(s.key_id >> shift & 0xff));
    bytes.insert(bytes.end(), s.signature.begin(), s.signature.end());
    out += fmt::format("{}{} {}\n", line_start, s.name, to_base64(bytes));
  }
  return out;
}

std::uint32_t note_key_id(std::string_view name, std::uint8_t type, const PublicKey& key) {
  Bytes message = to_bytes(as_bytes(name));
  message.push_back(std::byte{'\n'});
  message.push_back(std::byte{type});
  message.insert(message.end(), key.begin(), key.end());
  const Hash hash = sha256(message);
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i) id = id << 8 | std::to_integer<std::uint32_t>(hash[i]);
  return id;
}

std::string vkey(std::string_view name, NoteKeyType type, const PublicKey& key) {
  const auto type_byte = static_cast<std::uint8_t>(type);
  Bytes material = {std::byte{type_byte}};
  material.insert(material.end(), key.begin(), key.end());
  return fmt::format("{}+{:08x}+{}", name, note_key_id(name, type_byte, key), to_base64(material));
}

void sign_note(Note& note, std::string_view name, const PublicKey& key, const SignFunction& sign) {
  HF_CHECK(is_key_name(name), "key name \"{}\"", name);
  HF_CHECK(note.text.ends_with('\n') && is_note_text(note.text), "{} bytes of text", note.text.size());
  const Signature signature = sign(as_bytes(note.text));
  note.signatures.push_back({std::string(name), note_key_id(name, 1, key), to_bytes(signature)});
}

Result<bool> has_signature(const Note& note, std::string_view name, const PublicKey& key) {
  const std::uint32_t id = note_key_id(name, 1, key);
  bool found = false;
  for (const NoteSignature& s : note.signatures) {
    if (s.name != name || s.key_id != id) continue;
    const auto signature = array_from<64>(s.signature);
    if (!signature || !ed25519_verify(key, as_bytes(note.text), *signature))
      return fail(bad_signature, fmt::format("the signature of {} does not hold", name));
    found = true;
  }
  return found;
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin.text(), checkpoint.size, to_base64(checkpoint.root));
}

Result<Checkpoint> parse_checkpoint(std::string_view note_text) {
  const std::size_t first = note_text.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : note_text.find('\n', first + 1);
  if (second == std::string_view::npos) return fail(bad_note, "a checkpoint has three lines: origin, size, root");
  Checkpoint out;
  const std::string_view origin = note_text.substr(0, first);
  const auto parsed = parse_origin(origin);
  if (!parsed || !is_key_name(origin)) return fail(bad_note, "line 1 of the checkpoint is not an origin");
  out.origin = *parsed;
  const std::string_view size = note_text.substr(first + 1, second - first - 1);
  const auto [stop, error] = std::from_chars(size.data(), size.data() + size.size(), out.size);
  if (error != std::errc() || stop != size.data() + size.size())
    return fail(bad_note, "line 2 of the checkpoint is not a size");
  const std::string_view root = note_text.substr(second + 1);
  const auto bytes = root.ends_with('\n') ? from_base64(root.substr(0, root.size() - 1)) : std::nullopt;
  const auto hash = bytes ? array_from<32>(*bytes) : std::nullopt;
  if (!hash) return fail(bad_note, "line 3 of the checkpoint is not the base64 of a root hash, or more lines follow");
  out.root = *hash;
  // One checkpoint has one text: no leading zeroes, no other spelling of the origin.
  if (checkpoint_text(out) != note_text)
    return fail(bad_note, "the checkpoint is not written in its one canonical form");
  return out;
}

SignedCheckpoint sign_checkpoint(const Checkpoint& checkpoint, const PublicKey& log_key, const SignFunction& sign) {
  SignedCheckpoint out{checkpoint, Note{checkpoint_text(checkpoint), {}}};
  sign_note(out.note, checkpoint.origin.text(), log_key, sign);
  return out;
}

Result<SignedCheckpoint> open_checkpoint(std::string_view whole, const PublicKey& log_key) {
  SignedCheckpoint out;
  HF_TRY(out.note, parse_note(whole));
  HF_TRY(out.checkpoint, parse_checkpoint(out.note.text));
  const std::string name = out.checkpoint.origin.text();
  HF_TRY(const bool is_signed, has_signature(out.note, name, log_key));
  if (!is_signed)
    return fail(bad_signature, fmt::format("the checkpoint of {} is not signed with that journal's key", name));
  return out;
}

std::string cosigner_name(std::string_view chain, const SiteName& site) {
  return std::string(chain) + "/" + site.str();
}

NoteSignature cosign(const Checkpoint& checkpoint, std::string_view cosigner, const PublicKey& key, Instant now,
                     const SignFunction& sign) {
  HF_CHECK(is_key_name(cosigner), "cosigner name \"{}\"", cosigner);
  const auto time_s = static_cast<std::uint64_t>(std::max<std::int64_t>(now.unix_ns, 0) / 1'000'000'000);
  const Signature signature = sign(as_bytes(cosigned_message(checkpoint, time_s)));
  NoteSignature out{std::string(cosigner), note_key_id(cosigner, 4, key), {}};
  for (int shift = 56; shift >= 0; shift -= 8) out.signature.push_back(static_cast<std::byte>(time_s >> shift & 0xff));
  out.signature.insert(out.signature.end(), signature.begin(), signature.end());
  return out;
}

Result<std::optional<Instant>> verify_cosignature(const Checkpoint& checkpoint, const NoteSignature& signature,
                                                  std::string_view cosigner, const PublicKey& key) {
  if (signature.name != cosigner || signature.key_id != note_key_id(cosigner, 4, key)) return std::nullopt;
  const auto bad = [&] { return fail(bad_signature, fmt::format("the cosignature of {} does not hold", cosigner)); };
  if (signature.signature.size() != cosignature_bytes) return bad();
  std::uint64_t time_s = 0;
  for (std::size_t i = 0; i < 8; ++i) time_s = time_s << 8 | std::to_integer<std::uint64_t>(signature.signature[i]);
  const auto signed_bytes = array_from<64>(ByteView(signature.signature).subspan(8));
  if (time_s > instant_seconds_max) return bad();
  if (!ed25519_verify(key, as_bytes(cosigned_message(checkpoint, time_s)), *signed_bytes)) return bad();
  return Instant{static_cast<std::int64_t>(time_s) * 1'000'000'000};
}

}  // namespace holdfast::journal
