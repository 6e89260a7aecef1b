#include "edge/net/frames.h"

#include <algorithm>

#include "core/base/check.h"

namespace holdfast::edge {

ByteArray<frame_header_bytes> frame_header(std::size_t message_bytes) {
  HF_CHECK(message_bytes <= UINT32_MAX, "{} bytes", message_bytes);
  ByteArray<frame_header_bytes> header;
  for (std::size_t i = 0; i < header.size(); ++i) header[i] = static_cast<std::byte>(message_bytes >> (8 * i));
  return header;
}

Result<std::optional<Bytes>> FrameReader::next(ByteView& bytes, std::size_t message_bytes_max) {
  constexpr std::size_t reserve_bytes_max = 64 << 10, growth_factor = 8;
  for (;;) {
    while (header_have_ < frame_header_bytes) {
      if (bytes.empty()) return std::nullopt;
      header_[header_have_++] = bytes.front();
      bytes = bytes.subspan(1);
      if (header_have_ < frame_header_bytes) continue;
      length_ = Reader(header_).u32();
      if (length_ > message_bytes_max)
        return fail("edge/bad_frame", fmt::format("it announces a message of {} bytes, where at most {} are allowed",
                                                  length_, message_bytes_max));
      message_.reserve(std::min(length_, reserve_bytes_max));
    }
    const ByteView part = bytes.first(std::min(bytes.size(), length_ - message_.size()));
    // What has come decides how much more is allocated; large messages are copied little while they grow.
    if (message_.size() + part.size() > message_.capacity())
      message_.reserve(std::min(length_, growth_factor * (message_.size() + part.size())));
    message_.insert(message_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (message_.size() < length_) return std::nullopt;
    header_have_ = 0;
    if (length_ > 0) return std::exchange(message_, {});
  }
}

}  // namespace holdfast::edge
