#include "edge/keys/enrolment.h"

#include <fmt/format.h>

#include <charconv>

#include "core/base/crockford.h"
#include "core/chain/chain.h"
#include "edge/keys/key_file.h"

namespace holdfast::keys {
namespace {

constexpr std::string_view first_line = "holdfast enrolment v1\n";
constexpr std::size_t enrolment_bytes_max = 4096;
constexpr std::size_t code_characters = 16;

Hash code_hash(const SiteName& site, std::uint32_t epoch, const ByteArray<16>& salt, std::string_view characters) {
  const std::string message = fmt::format("{}{}\n{}\n{}", first_line, site.view(), epoch, characters);
  Hash out;
  crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                     reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                     reinterpret_cast<const unsigned char*>(salt.data()), salt.size());
  return out;
}

// As a person types it -> the 16 characters; nullopt: too few, too many, or a foreign one.
std::optional<std::string> normalised(std::string_view code) {
  if (code.size() > 64) return std::nullopt;
  std::string out;
  for (char c : code) {
    if (c == '-' || c == ' ') continue;
    const char meant = crockford_meant(c);
    if (crockford_digits.find(meant) == std::string_view::npos) return std::nullopt;
    out += meant;
  }
  if (out.size() != code_characters) return std::nullopt;
  return out;
}

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && stop == text.data() + text.size();
}

std::string_view take_until(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  const std::string_view out = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return out;
}

}  // namespace

NewEnrolment make_enrolment(const SiteName& site, std::uint32_t epoch, unsigned managers) {
  init_crypto();
  HF_CHECK(managers >= 1 && managers <= enrolment_codes_max, "{} managers", managers);
  NewEnrolment out{{site, epoch, {}}, {}};
  for (unsigned number = 1; number <= managers; ++number) {
    ByteArray<10> bits;
    EnrolmentCode code{number, {}, {}};
    randombytes_buf(bits.data(), bits.size());
    randombytes_buf(code.salt.data(), code.salt.size());
    out.codes.push_back(chain::crockford_groups(bits));
    code.hash = code_hash(site, epoch, code.salt, *normalised(out.codes.back()));
    out.file.codes.push_back(code);
    sodium_memzero(bits.data(), bits.size());
  }
  return out;
}

std::string enrolment_text(const Enrolment& enrolment) {
  std::string out = fmt::format("{}site {}\nepoch {}\n", first_line, enrolment.site.view(), enrolment.epoch);
  for (const EnrolmentCode& code : enrolment.codes)
    out += fmt::format("code {} {} {}\n", code.number, to_hex(code.salt), to_hex(code.hash));
  return out;
}

Result<Enrolment> parse_enrolment(std::string_view text) {
  const auto bad = [] {
    return fail(
        "keys/bad_enrolment",
        "this is not an enrolment file as `holdfast site keygen` or `holdfast recovery sign` writes it; take it "
        "again from there");
  };
  if (text.size() > enrolment_bytes_max || !text.starts_with(first_line)) return bad();
  std::string_view rest = text.substr(first_line.size());
  Enrolment out;
  if (take_until(rest, ' ') != "site") return bad();
  const auto site = chain::site_name_of(take_until(rest, '\n'));
  if (!site || take_until(rest, ' ') != "epoch" || !parse_number(take_until(rest, '\n'), out.epoch)) return bad();
  out.site = *site;
  while (!rest.empty()) {
    EnrolmentCode code;
    if (take_until(rest, ' ') != "code" || !parse_number(take_until(rest, ' '), code.number)) return bad();
    const auto salt = array_from_hex<16>(take_until(rest, ' '));
    const auto hash = array_from_hex<32>(take_until(rest, '\n'));
    if (!salt || !hash || out.codes.size() == enrolment_codes_max) return bad();
    if (code.number > enrolment_codes_max || code.number <= (out.codes.empty() ? 0 : out.codes.back().number))
      return bad();
    code.salt = *salt;
    code.hash = *hash;
    out.codes.push_back(code);
  }
  if (out.codes.empty() || enrolment_text(out) != text) return bad();
  return out;
}

std::optional<unsigned> check_enrolment_code(const Enrolment& enrolment, std::string_view code) {
  const auto characters = normalised(code);
  if (!characters) return std::nullopt;
  std::optional<unsigned> found;
  for (const EnrolmentCode& known : enrolment.codes) {
    const Hash hash = code_hash(enrolment.site, enrolment.epoch, known.salt, *characters);
    if (sodium_memcmp(hash.data(), known.hash.data(), hash.size()) == 0) found = known.number;
  }
  return found;
}

std::string enrolment_file_name(const SiteName& site) { return site.str() + ".enrolment"; }

}  // namespace holdfast::keys
