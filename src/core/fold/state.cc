#include "core/fold/state.h"

#include <algorithm>

namespace holdfast::fold {

std::size_t hash_value(const WriteKey& key) {
  std::uint64_t low,
      high;  // keys are drawn at random by clients; both halves count, so that no half can be made to collide
  std::memcpy(&low, key.key.bytes.data(), 8);
  std::memcpy(&high, key.key.bytes.data() + 8, 8);
  return low ^ (high * 0x9e3779b97f4a7c15ull) ^ key.till.number;
}

ListedId listed_id(ByteView what) {
  const Hash hash = sha256(what);
  ListedId id;
  std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}
ListedId listed_id(const WriteKey& key) {
  Writer out;
  out.text("holdfast listed write v1");
  out.u32(key.till.number);
  out.raw(key.key.bytes);
  return listed_id(out.view());
}

const KnownWrite* State::find_write(const WriteKey& key) const {
  const auto it = writes.find(key);
  return it == writes.end() ? nullptr : &it->second;
}

const catalogue::CatalogueState* State::prices() const {
  if (!catalogue.products.empty()) return &catalogue;
  for (const auto& [name, part] : peers)
    if (!part.catalogue.products.empty()) return &part.catalogue;
  return nullptr;
}

const feed::FeedState* State::prices_feed() const {
  const catalogue::CatalogueState* list = prices();
  if (list == &catalogue) return &feed;
  for (const auto& [name, part] : peers)
    if (list == &part.catalogue) return &part.feed;
  return nullptr;
}

const catalogue::Listed* State::find_product(std::string_view sku_or_gtin) const {
  const catalogue::CatalogueState* list = prices();
  return list == nullptr ? nullptr : list->find_code(sku_or_gtin);
}

standby::Ages State::ages() const {
  const feed::FeedState* lister = prices_feed();
  return {lister == nullptr ? std::nullopt : lister->as_of(feed::Kind::catalogue), feed.as_of(feed::Kind::stock),
          feed.as_of(feed::Kind::orders)};
}

Hash State::hash() const { return sha256(encode()); }

}  // namespace holdfast::fold
