#include "core/base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace holdfast {
namespace {

Bytes some_bytes() {
  Bytes out;
  for (std::uint8_t b : *rc::gen::arbitrary<std::vector<std::uint8_t>>()) out.push_back(std::byte{b});
  return out;
}

RC_GTEST_PROP(Hex, is_read_back, ()) {
  const Bytes bytes = some_bytes();
  RC_ASSERT(from_hex(to_hex(bytes)) == bytes);
}

TEST(Hex, takes_either_case_and_nothing_else) {
  EXPECT_EQ(from_hex("00fFa1"), (Bytes{std::byte{0}, std::byte{0xff}, std::byte{0xa1}}));
  EXPECT_EQ(to_hex(*from_hex("00FFA1")), "00ffa1");
  for (const char* bad : {"0", "0g", " 00", "0x00", "00 "}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Hex, an_array_wants_exactly_its_length) {
  EXPECT_TRUE(array_from_hex<2>("0102"));
  EXPECT_FALSE(array_from_hex<2>("01"));
  EXPECT_FALSE(array_from_hex<2>("010203"));
  EXPECT_FALSE(array_from_hex<2>("01zz"));
}

// RFC 4648 section 10.
TEST(Base64, vectors_of_the_standard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    EXPECT_EQ(from_base64(text), to_bytes(as_bytes(plain)));
  }
}

RC_GTEST_PROP(Base64, is_read_back_and_one_value_has_one_text, ()) {
  const Bytes bytes = some_bytes();
  const std::string text = to_base64(bytes);
  RC_ASSERT(from_base64(text) == bytes);
  if (text.empty()) return;
  std::string other = text;
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
  other[at] = other[at] == 'Q' ? 'R' : 'Q';
  const auto read = from_base64(other);
  RC_ASSERT(read != bytes);  // an optional against a value: RC_ASSERT evaluates both sides of ||, it cannot guard *read
}

TEST(Base64, what_is_not_in_the_one_form_is_refused) {
  for (const char* bad :
       {"Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_", "=Zg=", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Writer, is_little_endian_with_lengths) {
  Writer w;
  w.u8(1);
  w.u16(0x0203);
  w.u32(0x04050607);
  w.u64(0x08090a0b0c0d0e0full);
  w.i64(-2);
  w.text("ab");
  EXPECT_EQ(to_hex(w.view()),
            "01030207060504"
            "0f0e0d0c0b0a0908"
            "feffffffffffffff"
            "02000000"
            "6162");
}

RC_GTEST_PROP(Reader, gives_back_what_was_written, ()) {
  const auto a = *rc::gen::arbitrary<std::uint32_t>();
  const auto b = *rc::gen::arbitrary<std::int64_t>();
  const auto text = *rc::gen::arbitrary<std::string>();
  Writer w;
  w.u32(a);
  w.text(text);
  w.i64(b);
  Reader r(w.view());
  RC_ASSERT(r.u32() == a);
  RC_ASSERT(r.text() == text);
  RC_ASSERT(r.i64() == b);
  RC_ASSERT(r.at_end());
}

TEST(Reader, past_the_end_gives_zeros_and_is_spoilt_for_ever) {
  const Bytes two(2, std::byte{0xff});
  Reader r(two);
  EXPECT_EQ(r.u32(), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u8(), 0u);  // though a byte would have been there
  EXPECT_FALSE(r.at_end());
}

TEST(Reader, a_lying_length_takes_no_memory) {
  Writer w;
  w.u32(0xffffffff);
  w.u8(1);
  Reader r(w.view());
  EXPECT_TRUE(r.blob().empty());
  EXPECT_FALSE(r.ok());
  Reader counts(w.view());
  EXPECT_TRUE(counts.fits(5, 1));
  EXPECT_FALSE(counts.fits(~0ull, 8));
  EXPECT_FALSE(counts.ok());
}

}  // namespace
}  // namespace holdfast
