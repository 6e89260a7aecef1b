#include "edge/net/frames.h"

#include <gtest/gtest.h>

namespace holdfast::edge {
namespace {

Bytes framed(std::string_view text) {
  Bytes out = to_bytes(frame_header(text.size()));
  out.insert(out.end(), as_bytes(text).begin(), as_bytes(text).end());
  return out;
}
Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(FramesTest, MessagesComeOutWholeHoweverTheStreamIsCut) {
  const std::string long_text(300, 'x');
  const Bytes stream = joined({framed("one"), framed(""), framed(long_text), framed(""), framed("3")});
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      ByteView bytes = ByteView(stream).subspan(at, std::min(piece, stream.size() - at));
      for (;;) {
        auto message = reader.next(bytes, 1000);
        ASSERT_TRUE(message);
        if (!*message) break;
        got.emplace_back(as_text(**message));
      }
      ASSERT_TRUE(bytes.empty());
    }
    ASSERT_EQ(got, (std::vector<std::string>{"one", long_text, "3"})) << "in pieces of " << piece;
  }
}

TEST(FramesTest, ALengthBeyondTheLimitIsRefusedBeforeItsBytesCome) {
  FrameReader at_limit, beyond;
  const Bytes ten = to_bytes(frame_header(10)), eleven = to_bytes(frame_header(11)),
              most = to_bytes(frame_header(UINT32_MAX));
  ByteView bytes = ten;
  EXPECT_TRUE(at_limit.next(bytes, 10));
  bytes = eleven;
  auto refused = beyond.next(bytes, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "edge/bad_frame");
  FrameReader largest;
  bytes = most;
  EXPECT_FALSE(largest.next(bytes, 8u << 20));
}

}  // namespace
}  // namespace holdfast::edge
