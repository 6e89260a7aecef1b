// Numbers, times, receipts and origins as text: what is read is written back to the same value.
#include "core/base/ids.h"
#include "core/base/values.h"
#include "test/fuzz/fuzz.h"

using namespace holdfast;

namespace {
template <class Parse>
void same_again(std::string_view text, Parse parse) {
  const auto first = parse(text);
  if (!first) return;
  const std::string written = to_text(*first);
  const auto second = parse(written);
  HF_CHECK(second && *second == *first, "\"{}\" is written as \"{}\"", text, written);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(fuzz::bytes_of(data, size));
  same_again(text, parse_unit_price);
  same_again(text, parse_quantity);
  same_again(text, parse_instant);
  same_again(text, parse_receipt);
  if (const auto origin = parse_origin(text)) {
    HF_CHECK(origin->text() == text, "\"{}\" became \"{}\"", text, origin->text());
  }
  if (const auto hex = from_hex(text)) HF_CHECK(from_hex(to_hex(*hex)) == hex, "hex of {} bytes", hex->size());
  if (const auto coded = from_base64(text)) HF_CHECK(to_base64(*coded) == text, "\"{}\" is read loosely", text);
  return 0;
}
