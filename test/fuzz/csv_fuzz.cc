// CSV as people's systems write it: a good record written by us reads the same, and a file reads the same however its
// bytes arrive.
#include "edge/trade/csv.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

std::vector<trade::CsvRecord> all_of(const std::string& text, char separator, std::size_t step) {
  trade::CsvReader csv(trade::text_source(text, step), separator);
  std::vector<trade::CsvRecord> out;
  for (;;) {
    auto record = csv.next();
    HF_CHECK(record.has_value(), "text cannot fail: {}", record.error().text);
    if (!*record) return out;
    out.push_back(std::move(**record));
  }
}

}  // namespace

void fuzz_csv(ByteView in) {
  Reader reader(in);
  const std::uint8_t how = reader.u8();
  const std::string text(as_text(reader.raw(reader.left())));
  const char separator = how & 1 ? ';' : ',';
  const Allocations allocations;
  const auto records = all_of(text, separator, text.size() + 1);
  // A field is at least its separator, and a string in memory; the reader has a buffer of 128 KiB.
  check_peak(allocations, text.size(), 256, 256u << 10);
  const auto again = all_of(text, separator, 1 + (how >> 1));
  HF_CHECK(again.size() == records.size(), "{} records, or {}", records.size(), again.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const trade::CsvRecord& record = records[i];
    HF_CHECK(again[i].fields == record.fields && again[i].trouble == record.trouble && again[i].line == record.line,
             "record {} depends on how its bytes arrive", i);
    HF_CHECK(record.fields.size() <= trade::csv_fields_max, "{} fields", record.fields.size());
    if (!record.trouble.empty() || separator != ',') continue;
    const bool is_blank = record.fields.size() == 1 && record.fields[0].empty();  // an empty line is no record
    const bool has_mark = record.fields[0].starts_with("\xef\xbb\xbf");           // in front of a file it is dropped
    if (is_blank || has_mark) continue;
    const auto written = all_of(trade::csv_line(record.fields), ',', 64);
    HF_CHECK(written.size() == 1 && written[0].fields == record.fields, "record {} is written as another", i);
  }
}

Seeds seeds_of_csv() {
  const auto seed = [](std::string name, std::uint8_t how, std::string_view text) {
    return Seed{std::move(name), with_first(how, as_bytes(text))};
  };
  return {seed("plain", 6, "sku,name\nA,Pen\nB,\"Pen, \"\"red\"\"\"\r\n\r\nC,\"two\nlines\"\n"),
          seed("semicolon", 1, "sku;price\nA;1,50\n"), seed("mark", 2, "\xef\xbb\xbfsku,name\nA,caf\xc3\xa9\n"),
          seed("broken", 2, "a,b\n\"x\"y,z\nc,\"open\nend")};
}

}  // namespace holdfast::fuzz
