// The code on paper that opens a spare, as it is typed: what is taken is 16 characters of the alphabet, written back
// the same; and one wrong character is always told.
#include "edge/keys/promotion_code.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {
constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
}

void fuzz_code(ByteView in) {
  const std::string typed(as_text(in));
  const auto code = keys::read_promotion_code(typed);
  if (!code) {
    HF_CHECK(code.error().code == "keys/mistyped_code" && code.error().text.size() < 200, "{}", code.error().text);
    return;
  }
  HF_CHECK(code->size() == 16 && code->find_first_not_of(digits) == std::string::npos, "\"{}\"", *code);
  for (std::size_t i = 0; i < typed.size(); ++i) {
    const std::size_t digit = digits.find(typed[i]);
    if (digit == std::string_view::npos) continue;
    std::string wrong = typed;
    wrong[i] = digits[(digit + 7) % digits.size()];
    HF_CHECK(!keys::read_promotion_code(wrong), "\"{}\" is taken for \"{}\"", wrong, typed);
  }
}

Seeds seeds_of_code() {
  // Check digits by trial: there is one of 32 that fits.
  Seeds out;
  for (const std::string_view data : {"7KQ2M9XA0V3EPPRT", "0000000000000000", "ZZZZYYYYXXXXWWWW"}) {
    std::string whole;
    for (std::size_t group = 0; group < 4; ++group) {
      // The groups that come after are still wrong; only this group's complaint is listened to.
      const std::string four(data.substr(group * 4, 4));
      for (const char check : digits) {
        std::string all = whole + four + check;
        all.append(20 - all.size(), '0');
        const auto read = keys::read_promotion_code(all);
        const std::string complaint = "Group " + std::to_string(group + 1);
        if (!read && read.error().text.starts_with(complaint)) continue;
        whole += four + check;
        break;
      }
    }
    out.push_back(text_seed("code-" + std::to_string(out.size()), whole));
    std::string spaced;
    for (std::size_t i = 0; i < whole.size(); ++i)
      spaced += (i % 5 == 0 && i > 0 ? " - " : "") + std::string(1, whole[i]);
    for (char& c : spaced) c = c == '0' ? 'o' : c == '1' ? 'l' : c;
    out.push_back(text_seed("typed-" + std::to_string(out.size()), spaced));
  }
  return out;
}

}  // namespace holdfast::fuzz
