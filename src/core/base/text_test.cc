#include "core/base/text.h"

#include <gtest/gtest.h>

#include <map>

#include "core/base/ids.h"
#include "core/base/snapshot.h"
#include "core/base/sums.h"

namespace holdfast {
namespace {

TEST(Text, what_people_write_is_utf8) {
  for (std::string_view text : {"", "Bread", "Caf\xc3\xa9", "\xe2\x82\xac 5", "\xf0\x9f\x8d\x9e", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_TRUE(is_clean_text(text)) << text;
  }
}

TEST(Text, bytes_of_other_encodings_are_not_utf8) {
  // A lone Latin-1 byte, a cut sequence, overlong forms, a surrogate, beyond U+10FFFF, a stray continuation.
  for (std::string_view text : {"Caf\xe9", "Caf\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xa0\x80",
                                "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "a\xc3z"}) {
    EXPECT_FALSE(is_utf8(text));
    EXPECT_FALSE(is_clean_text(text));
  }
}

TEST(Text, of_strangers_is_cut_and_made_clean) {
  EXPECT_EQ(clean_text("caf\xc3\xa9 noir", 20), "caf\xc3\xa9 noir");
  EXPECT_EQ(clean_text("caf\xc3\xa9 noir", 4), "caf");  // not in the middle of a letter
  EXPECT_EQ(clean_text("a\nb\x1b[2J\x7f", 20), "a?b?[2J?");
  EXPECT_EQ(clean_text("caf\xe9 \xc3\xa9", 20), "caf? ??");  // not UTF-8, so nothing above ASCII is known
  EXPECT_EQ(clean_text("abc", 0), "");
}

TEST(Text, control_characters_are_utf8_but_not_clean) {
  for (std::string_view text :
       {std::string_view("a\nb"), std::string_view("\x1b[2J"), std::string_view("\x7f"), std::string_view("a\0b", 3)}) {
    EXPECT_TRUE(is_utf8(text));
    EXPECT_FALSE(is_clean_text(text));
  }
}

TEST(Sums, wrap_where_plain_addition_would_be_undefined) {
  Money sum{INT64_MAX};
  add(sum, Money{1});
  EXPECT_EQ(sum.minor, INT64_MIN);
  take_off(sum, Money{1});
  EXPECT_EQ(sum.minor, INT64_MAX);
}

TEST(SnapshotReader, refuses_keys_that_do_not_rise_counts_beyond_the_bytes_and_long_names) {
  const auto read = [](const Writer& out, std::map<std::uint32_t, std::uint32_t>& map) {
    Reader in(out.view());
    return read_map(
        in, in.u64(), 8, map, [&] { return in.u32(); }, [&] { return in.u32(); });
  };
  std::map<std::uint32_t, std::uint32_t> map;
  Writer good, equal, too_many;
  good.u64(2);
  for (std::uint32_t v : {0u, 1u, 10u, 2u}) good.u32(v);
  EXPECT_TRUE(read(good, map));
  EXPECT_EQ(map, (std::map<std::uint32_t, std::uint32_t>{{0, 1}, {10, 2}}));
  map.clear();
  equal.u64(2);
  for (std::uint32_t v : {5u, 1u, 5u, 2u}) equal.u32(v);
  EXPECT_FALSE(read(equal, map));
  too_many.u64(1ull << 60);
  EXPECT_FALSE(read(too_many, map));
  Writer name;
  name.text("a name of more than thirty-one bytes");
  Reader in(name.view());
  EXPECT_TRUE(read_short_text<Sku>(in).empty());
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace holdfast
