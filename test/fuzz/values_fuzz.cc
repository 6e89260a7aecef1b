// Numbers, times, receipts and origins as text: what is read is written back to the same value.
#include "core/base/ids.h"
#include "core/base/values.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
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

void fuzz_values(ByteView in) {
  const std::string_view text = as_text(in);
  same_again(text, parse_unit_price);
  same_again(text, parse_quantity);
  same_again(text, parse_instant);
  same_again(text, parse_receipt);
  if (const auto origin = parse_origin(text)) {
    HF_CHECK(origin->text() == text, "\"{}\" became \"{}\"", text, origin->text());
  }
  if (const auto hex = from_hex(text)) HF_CHECK(from_hex(to_hex(*hex)) == hex, "hex of {} bytes", hex->size());
  if (const auto coded = from_base64(text)) HF_CHECK(to_base64(*coded) == text, "\"{}\" is read loosely", text);
}

Seeds seeds_of_values() {
  return {text_seed("price", "-12.750001"),
          text_seed("price-max", "1000000000.000000"),
          text_seed("quantity", "0.125"),
          text_seed("time", "2026-11-22T14:03:05.123456789Z"),
          text_seed("time-whole", "1970-01-01T00:00:00Z"),
          text_seed("receipt", to_text(ReceiptNumber{TillId{3}, SeriesId{0x1234567890}, 15})),
          text_seed("origin", "holdfast.example/acme/store-07/1"),
          text_seed("hex", "00ffA5"),
          text_seed("base64", "Zm9vYmE=")};
}

}  // namespace holdfast::fuzz
