// docs/journal-format.md shows a segment byte by byte. This test makes that segment and holds the page to it, so that
// the page can not rot: every line of its dump must be what is on disk, and every byte on disk that is not zero must be
// shown.
#include <gtest/gtest.h>

#include <charconv>
#include <fstream>

#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"
#include "core/journal/segments.h"

namespace holdfast::journal {
namespace {

Bytes example_segment() {
  MemoryDisk disk;
  SerialExecutor executor;
  auto log = std::move(*Log::open(disk, executor, test_origin()));
  log->append(as_bytes("first sale"));
  log->append(as_bytes("2nd"));
  HF_CHECK(log->commit().has_value(), "commit");
  HF_CHECK(log->put_checkpoint(2, signed_note(*log, 2)).has_value(), "checkpoint");
  return disk.content(Log::directory(test_origin()) + "/" + segment_name(0));
}

struct DumpLine {
  std::size_t offset = 0;
  Bytes bytes;
};
// "00001000  48 46 52  what it is": eight digits, two blanks, bytes with one blank between, two blanks or the end.
std::optional<DumpLine> parse_line(const std::string& line) {
  DumpLine out;
  const auto [stop, error] =
      std::from_chars(line.data(), line.data() + std::min<std::size_t>(8, line.size()), out.offset, 16);
  if (error != std::errc() || stop != line.data() + 8 || line.substr(8, 2) != "  ") return std::nullopt;
  const std::string rest = line.substr(10, line.find("  ", 10) - 10);
  for (std::size_t at = 0; at < rest.size(); at += 3) {
    const auto byte = from_hex(rest.substr(at, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out.bytes.push_back((*byte)[0]);
  }
  return out;
}

TEST(JournalFormatPage, shows_what_the_code_writes) {
  const Bytes segment = example_segment();
  std::ifstream page(std::string(HF_SOURCE_DIR) + "/docs/journal-format.md");
  ASSERT_TRUE(page.is_open()) << "docs/journal-format.md is missing";
  std::vector<bool> shown(segment.size());
  int lines = 0;
  for (std::string text; std::getline(page, text);) {
    const auto line = parse_line(text);
    if (!line) continue;
    ++lines;
    ASSERT_LE(line->offset + line->bytes.size(), segment.size()) << text;
    const auto on_disk = ByteView(segment).subspan(line->offset, line->bytes.size());
    EXPECT_EQ(to_hex(line->bytes), to_hex(on_disk)) << text;
    for (std::size_t i = 0; i < line->bytes.size(); ++i) shown[line->offset + i] = true;
  }
  EXPECT_GT(lines, 50);
  for (std::size_t i = 0; i < segment.size(); ++i) {
    EXPECT_TRUE(shown[i] || segment[i] == std::byte{0}) << "byte " << i << " is on disk and not on the page";
  }
}

TEST(JournalFormatPage, the_numbers_it_tells_are_those_of_the_code) {
  std::ifstream in(std::string(HF_SOURCE_DIR) + "/docs/journal-format.md");
  const std::string page((std::istreambuf_iterator<char>(in)), {});
  for (const std::string& told :
       {fmt::format("**{} bytes** (a *block*)", block_bytes),
        fmt::format("record header is {} bytes", record_header_bytes), fmt::format("{} KiB", segment_bytes_min >> 10),
        fmt::format("{} MiB", segment_bytes_max >> 20), fmt::format("at most {} bytes", entry_bytes_max),
        fmt::format("{} KiB and 32 signatures", note_bytes_max >> 10)})
    EXPECT_NE(page.find(told), std::string::npos) << "the page does not say \"" << told << "\"";
}

}  // namespace
}  // namespace holdfast::journal
