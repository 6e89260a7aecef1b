// The byte stream of a link: messages come out as they went in, however the bytes arrive, and a length that is only
// announced costs at most 64 KiB.
#include "core/base/world.h"
#include "edge/net/frames.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {
constexpr std::size_t bytes_max = 1u << 20;
}

void fuzz_frames(ByteView in) {
  Reader stream(in);
  const std::size_t step = std::max<std::size_t>(stream.u8(), 1);
  const ByteView all = stream.raw(stream.left());
  std::vector<Bytes> messages;
  messages.reserve(all.size() / edge::frame_header_bytes);
  edge::FrameReader reader;
  const Allocations allocations;
  bool is_broken = false;
  for (std::size_t at = 0; at < all.size() && !is_broken; at += step) {
    ByteView piece = all.subspan(at, std::min(step, all.size() - at));
    while (!piece.empty() && !is_broken) {
      auto message = reader.next(piece, bytes_max);
      is_broken = !message.has_value();
      if (message && *message) messages.push_back(std::move(**message));
    }
  }
  check_peak(allocations, in.size(), 8, 80u << 10);
  // By its own few lines, what the stream says.
  Reader again(all);
  std::size_t expected = 0;
  while (again.left() >= edge::frame_header_bytes) {
    const std::uint32_t length = again.u32();
    if (length > bytes_max) {
      HF_CHECK(is_broken, "a length of {} is taken", length);
      break;
    }
    if (length == 0) continue;
    if (length > again.left()) break;
    const ByteView body = again.raw(length);
    HF_CHECK(expected < messages.size() && std::ranges::equal(messages[expected], body), "message {} is another",
             expected);
    ++expected;
  }
  HF_CHECK(expected == messages.size(), "{} messages of {}", messages.size(), expected);
}

Seeds seeds_of_frames() {
  Writer two;
  two.raw(edge::frame_header(5));
  two.raw(as_bytes("hello"));
  two.raw(edge::frame_header(0));
  two.raw(edge::frame_header(3));
  two.raw(as_bytes("you"));
  Writer promise;
  promise.raw(edge::frame_header(bytes_max));
  promise.raw(as_bytes("nothing"));
  Writer beyond;
  beyond.raw(edge::frame_header(bytes_max + 1));
  return {{"whole", with_first(255, two.view())},
          {"bytewise", with_first(1, two.view())},
          {"promise", with_first(7, promise.view())},
          {"too-large", with_first(7, beyond.view())}};
}

}  // namespace holdfast::fuzz
