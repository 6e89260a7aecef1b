// Messages on a byte stream: each is its length (u32, little-endian) and then its bytes. Length 0 is a sign of life,
// sent when nothing else was for a while; it is no message.
//
// Errors: edge/bad_frame: a length beyond the limit. The stream can not be read any further.
// After:  beyond 64 KiB, what has been announced is not allocated before it arrives: an empty promise costs no more.
#pragma once

#include <optional>

#include "core/base/bytes.h"

namespace holdfast::edge {

inline constexpr std::size_t frame_header_bytes = 4;
ByteArray<frame_header_bytes> frame_header(std::size_t message_bytes);

class FrameReader {
 public:
  // Consumes `bytes` up to the end of the next message and returns it; nullopt: all consumed, and more is needed.
  Result<std::optional<Bytes>> next(ByteView& bytes, std::size_t message_bytes_max);

 private:
  ByteArray<frame_header_bytes> header_{};
  std::size_t header_have_ = 0;
  std::size_t length_ = 0;  // of the message that is coming in, once the header is whole
  Bytes message_;
};

}  // namespace holdfast::edge
