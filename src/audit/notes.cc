#include "audit/notes.h"

#include <sodium.h>

#include <algorithm>
#include <charconv>

namespace holdfast::audit {
namespace {

constexpr std::string_view line_start = "\u2014 ";

std::optional<Bytes> unbase64(std::string_view text) {
  Bytes out(text.size());
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                        &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t out = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

const SiteFacts* ChainFacts::find(std::string_view site) const {
  const auto it = std::ranges::find(sites, site, &SiteFacts::name);
  return it == sites.end() ? nullptr : &*it;
}

unsigned quorum_of(std::size_t n) {
  const std::size_t f = n == 0 ? 0 : (n - 1) / 3;
  return static_cast<unsigned>((n + f) / 2 + 1);
}
unsigned honest_any_of(std::size_t n) {
  const std::size_t f = n == 0 ? 0 : (n - 1) / 3;
  return static_cast<unsigned>(n - quorum_of(n) + f + 1);
}

std::optional<Note> read_note(std::string_view whole) {
  const std::size_t blank = whole.rfind("\n\n");
  if (blank == std::string_view::npos) return std::nullopt;
  Note note;
  note.text = std::string(whole.substr(0, blank + 1));
  for (std::string_view rest = whole.substr(blank + 2); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || !rest.starts_with(line_start)) return std::nullopt;
    const std::string_view line = rest.substr(line_start.size(), end - line_start.size());
    rest.remove_prefix(end + 1);
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    auto bytes = unbase64(line.substr(space + 1));
    if (!bytes || bytes->size() < 5) return std::nullopt;
    bytes->erase(bytes->begin(), bytes->begin() + 4);
    note.lines.push_back({std::string(line.substr(0, space)), std::move(*bytes)});
  }
  return note;
}

std::optional<Checkpoint> read_checkpoint(const Note& note) {
  const std::string_view text = note.text;
  const std::size_t first = text.find('\n'), second = text.find('\n', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos || !text.ends_with('\n')) return std::nullopt;
  const auto size = number_of(text.substr(first + 1, second - first - 1));
  const auto root = unbase64(text.substr(second + 1, text.size() - second - 2));
  if (!size || !root || root->size() != 32) return std::nullopt;
  Checkpoint out{std::string(text.substr(0, first)), *size, {}};
  std::ranges::copy(*root, out.root.begin());
  return out;
}

bool verifies(const Key& key, std::string_view message, ByteView signature) {
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(signature.data()),
                                     reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                     reinterpret_cast<const unsigned char*>(key.data())) == 0;
}

bool is_signed(const Note& note, std::string_view name, const Key& key) {
  return std::ranges::any_of(
      note.lines, [&](const NoteLine& line) { return line.name == name && verifies(key, note.text, line.signature); });
}

const Bytes* cosignature_in(const Note& note, std::string_view name, const Key& key) {
  const auto it = std::ranges::find_if(note.lines, [&](const NoteLine& line) {
    if (line.name != name || line.signature.size() != 8 + crypto_sign_BYTES) return false;
    std::uint64_t time = 0;
    for (std::size_t i = 0; i < 8; ++i) time = time << 8 | std::to_integer<std::uint64_t>(line.signature[i]);
    return verifies(key, "cosignature/v1\ntime " + std::to_string(time) + "\n" + note.text,
                    ByteView(line.signature).subspan(8));
  });
  return it == note.lines.end() ? nullptr : &it->signature;
}

std::optional<OriginParts> parts_of(std::string_view origin, std::string_view chain) {
  if (!origin.starts_with(chain) || origin.size() <= chain.size() || origin[chain.size()] != '/') return std::nullopt;
  origin.remove_prefix(chain.size() + 1);
  const std::size_t slash = origin.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto epoch = number_of(origin.substr(slash + 1));
  if (!epoch) return std::nullopt;
  return OriginParts{std::string(origin.substr(0, slash)), static_cast<std::uint32_t>(*epoch)};
}

}  // namespace holdfast::audit
