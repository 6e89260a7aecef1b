// Certificates and registrations: what opens was signed by the keys that may.
#include "core/chain/test_chain.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const chain::ChainFile& file() {
  static const chain::ChainFile small = chain::testing::small_chain(2);
  return small;
}
constexpr Instant issued{1'700'000'000'000'000'000};
chain::Certificate sample(bool spare, bool clean) {
  if (!spare)
    return chain::testing::make_certificate(
        file(), "store-01", 2, issued,
        clean ? std::optional(std::pair(Origin{file().chain, SiteName("store-01"), 1}, std::uint64_t{40}))
              : std::nullopt);
  chain::Certificate c{file().chain, SiteName("store-02"), 3, chain::testing::site_keys("store-02", 3), {}, issued, {}};
  c.spare = true;
  journal::Note note{chain::certificate_text(c), {}};
  for (const std::string word : {"recovery-1", "recovery-2"}) {
    const chain::testing::TestKey key(word);
    journal::sign_note(note, chain::recovery_key_name(file().chain, word), key.pub, key.signer());
  }
  c.note = journal::to_text(note);
  return c;
}
std::string registered(const chain::Certificate& certificate, bool witnessed) {
  const auto key = chain::testing::site_key(certificate.site.view(), "log", certificate.epoch);
  const auto made = chain::make_registration(certificate, {file().chain, certificate.site, 1}, 17,
                                             leaf_hash(as_bytes("root")), key.signer());
  if (!witnessed) return made.note;
  const auto mirror = chain::testing::site_key("head-office", "cosign");
  return chain::with_witnesses(made, {chain::witness(made, SiteName("head-office"), mirror.pub, mirror.signer())});
}
const std::vector<chain::Certificate>& certificates() {
  static const std::vector<chain::Certificate> all = {sample(false, false), sample(false, true), sample(true, false)};
  return all;
}
bool was_signed(const chain::Certificate& c) {
  const std::string text = chain::certificate_text(c);
  for (const chain::Certificate& made : certificates())
    if (chain::certificate_text(made) == text) return true;
  return false;
}

}  // namespace

void fuzz_certificate(ByteView in) {
  const std::string_view text = as_text(in);
  const Allocations allocations;
  const auto certificate = chain::parse_certificate(text);
  const auto registration = chain::parse_registration(text);
  check_peak(allocations, in.size(), 64);
  if (certificate) {
    const auto note = journal::parse_note(text);
    HF_CHECK(note && note->text == chain::certificate_text(*certificate), "a certificate is read in another form");
  }
  if (const auto opened = chain::open_certificate(file(), text)) {
    HF_CHECK(was_signed(*opened), "a certificate that the recovery keys have not signed opens");
  }
  if (registration) HF_CHECK(registration->note == text, "a registration changes");
  if (const auto opened = chain::open_registration(file(), text)) {
    HF_CHECK(was_signed(opened->certificate) && opened->kept_size == 17, "a registration opens that nobody has signed");
    for (const journal::NoteSignature& line : opened->witnesses)
      (void)chain::is_witness(*opened, line, SiteName("head-office"), file().sites[0].keys.cosign);
  }
}

Seeds seeds_of_certificate() {
  return {text_seed("longest", certificates()[0].note), text_seed("clean-point", certificates()[1].note),
          text_seed("spare", certificates()[2].note), text_seed("registration", registered(certificates()[0], false)),
          text_seed("witnessed", registered(certificates()[2], true))};
}

}  // namespace holdfast::fuzz
