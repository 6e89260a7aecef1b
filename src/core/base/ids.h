// Names of things. A Sku is not a string and a TillId is not an int, so that the compiler finds the mix-up.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace holdfast {

// A short text stored in place, so that events and states hold it without allocating. At most N bytes of UTF-8.
template <std::size_t N, class Tag>
class ShortText {
 public:
  static constexpr std::size_t bytes_max = N;
  ShortText() = default;
  explicit ShortText(std::string_view text) {
    HF_CHECK(text.size() <= N, "{} bytes, at most {}", text.size(), N);
    size_ = static_cast<std::uint8_t>(text.size());
    if (!text.empty()) std::memcpy(chars_, text.data(), text.size());  // an empty view may point nowhere
  }
  std::string_view view() const { return {chars_, size_}; }
  std::string str() const { return std::string(view()); }
  bool empty() const { return size_ == 0; }
  // As those of view(), for what lies behind a text is zero; but in place, because maps by site and tables by product
  // ask for little else (memcmp() called with a length was an eighth of a simulated day).
  bool operator==(const ShortText& other) const {
    static_assert(std::has_unique_object_representations_v<ShortText>);
    return std::memcmp(this, &other, sizeof *this) == 0;
  }
  std::strong_ordering operator<=>(const ShortText& other) const {
    if (const auto order = beginning() <=> other.beginning(); order != 0) return order;
    return view() <=> other.view();
  }

 private:
  // The first bytes as a number that sorts as they do.
  std::uint64_t beginning() const {
    std::uint64_t out = 0;
    std::memcpy(&out, chars_, std::min(N, sizeof out));
    return std::endian::native == std::endian::little ? __builtin_bswap64(out) : out;
  }

  std::uint8_t size_ = 0;
  char chars_[N] = {};
};
template <std::size_t N, class Tag>
std::size_t hash_value(const ShortText<N, Tag>& t) {
  return std::hash<std::string_view>{}(t.view());
}

using Sku = ShortText<31, struct SkuTag>;            // what head office or the old system calls the product
using VatCode = ShortText<7, struct VatCodeTag>;     // key of a VAT rate in the chain file: "S", "R", "Z"
using SiteName = ShortText<31, struct SiteNameTag>;  // [a-z0-9-]+, unique in the chain

template <std::size_t N, class Tag>
struct OpaqueId {
  ByteArray<N> bytes{};
  auto operator<=>(const OpaqueId&) const = default;
  bool is_zero() const { return *this == OpaqueId{}; }
};
template <std::size_t N, class Tag>
std::size_t hash_value(const OpaqueId<N, Tag>& id) {
  std::size_t h;
  std::memcpy(&h, id.bytes.data(), sizeof h);
  return h;
}
using SubjectId = OpaqueId<16, struct SubjectIdTag>;    // a person, staff included; says nothing about them
using IdempotencyKey = OpaqueId<16, struct KeyTag>;     // drawn by the client, one a write
using DispatchId = OpaqueId<16, struct DispatchIdTag>;  // = the idempotency key of the dispatch

struct TillId {
  std::uint32_t number = 0;  // 1.. within a site; 0: no till (a person's session, or the command line)
  auto operator<=>(const TillId&) const = default;
};
// Drawn at random at each start of a node (protocol 3.1); 40 bits, shown as 8 Crockford base32 characters.
struct SeriesId {
  std::uint64_t bits = 0;
  auto operator<=>(const SeriesId&) const = default;
};
struct ReceiptNumber {
  TillId till;
  SeriesId series;
  std::uint64_t n = 0;  // 1.. without gap within (till, series)
  auto operator<=>(const ReceiptNumber&) const = default;
};
std::string to_text(const ReceiptNumber& receipt);           // "3-7KQ2M9XA-15"
Result<ReceiptNumber> parse_receipt(std::string_view text);  // base/bad_receipt

// A journal's identity: "<chain>/<site>/<epoch>". It is the first line of its checkpoints.
struct Origin {
  std::string chain;
  SiteName site;
  std::uint32_t epoch = 0;
  bool operator==(const Origin& other) const {
    return epoch == other.epoch && site == other.site && chain == other.chain;
  }
  // By site and epoch first, which tell the journals of one chain apart.
  std::strong_ordering operator<=>(const Origin& other) const {
    return std::tie(site, epoch, chain) <=> std::tie(other.site, other.epoch, other.chain);
  }
  std::string text() const { return chain + "/" + site.str() + "/" + std::to_string(epoch); }
};
Result<Origin> parse_origin(std::string_view text);  // base/bad_origin

using EntryIndex = std::uint64_t;

// A place in the journals of one site, in the order in which its epochs and entries follow.
struct EntryPlace {
  std::uint32_t epoch = 0;
  EntryIndex index = 0;
  auto operator<=>(const EntryPlace&) const = default;
};

// One entry of one journal.
struct EntryRef {
  Origin origin;
  EntryIndex index = 0;
  auto operator<=>(const EntryRef&) const = default;
};

}  // namespace holdfast
