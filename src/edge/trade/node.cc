#include "edge/trade/node.h"

#include <fmt/format.h>
#include <sodium.h>

#include "core/catalogue/catalogue.h"

namespace holdfast::trade {

Result<std::vector<Product>> all_products(Node& node, std::string* as_of) {
  constexpr std::size_t products_max = 5'000'000;
  std::vector<Product> all;
  for (;;) {
    HF_TRY(ProductPage page, node.products_after(all.empty() ? "" : all.back().sku));
    if (as_of != nullptr && all.empty()) *as_of = page.as_of;
    bool advanced = false;
    for (Product& product : page.products) {
      if (!all.empty() && product.sku <= all.back().sku) continue;
      advanced = true;
      all.push_back(std::move(product));
    }
    if (!advanced) return all;
    if (all.size() > products_max) return fail("trade/bad_reply", "The node's catalogue does not end.");
  }
}

Result<std::vector<Level>> all_levels(Node& node) {
  constexpr std::size_t levels_max = 10'000'000;
  std::vector<Level> all;
  for (;;) {
    HF_TRY(std::vector<Level> page, node.levels_after(all.empty() ? "" : all.back().sku));
    const std::size_t before = all.size();
    for (Level& level : page)
      if (all.empty() || level.sku > all.back().sku) all.push_back(std::move(level));
    if (all.size() == before) return all;
    if (all.size() > levels_max) return fail("trade/bad_reply", "The node's stock does not end.");
  }
}

Result<std::vector<FedOrder>> all_orders(Node& node) {
  std::vector<FedOrder> all;
  for (;;) {
    HF_TRY(std::vector<FedOrder> page, node.orders_after(all.empty() ? "" : all.back().number));
    const std::size_t before = all.size();
    for (FedOrder& order : page)
      if (all.empty() || order.number > all.back().number) all.push_back(std::move(order));
    if (all.size() == before) return all;
    if (all.size() > feed::orders_max) return fail("trade/bad_reply", "The node's orders do not end.");
  }
}

bool waits_at_node(const Reply& reply) {
  return !reply.ok && (reply.code == "fold/waits" || reply.code == "till/provisional_cash");
}

Status Writes::add(std::string write, Answer answer) {
  if (!writes_.empty() && (writes_.size() == batch_writes_max || bytes_ + write.size() + 1 > batch_bytes_max)) {
    HF_TRY_VOID(flush());
  }
  bytes_ += write.size() + 1;
  writes_.push_back(std::move(write));
  answers_.push_back(std::move(answer));
  return {};
}

Status Writes::flush() {
  if (writes_.empty()) return {};
  HF_TRY(const std::vector<Reply> replies, node_.post(writes_));
  if (replies.size() != writes_.size()) {
    return fail("trade/bad_reply", fmt::format("{} writes were sent and {} answered.", writes_.size(), replies.size()));
  }
  ++batches_;
  const std::vector<Answer> answers = std::exchange(answers_, {});
  writes_.clear();
  bytes_ = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) HF_TRY_VOID(answers[i](replies[i]));
  return {};
}

std::string stable_key(const std::vector<std::string_view>& parts) {
  Writer writer;  // length-prefixed, so that no two lists of parts look the same
  for (const std::string_view part : parts) writer.text(part);
  unsigned char hash[16];
  crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(writer.view().data()), writer.size(),
                     nullptr, 0);
  return to_hex(ByteView(reinterpret_cast<const std::byte*>(hash), sizeof hash));
}

std::string json_text(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      json += c;
    }
  }
  return json + "\"";
}

std::string product_json(const Product& product) {
  return fmt::format(R"({{"sku":{},{}"name":{},"unit_price":"{}","vat":{},"goods":{}}})", json_text(product.sku),
                     product.gtin.empty() ? "" : fmt::format("\"gtin\":{},", json_text(product.gtin)),
                     json_text(product.name), to_text(product.unit_price), json_text(product.vat), product.goods);
}

bool is_held_by_followers(const Product& before, const Product& after, const About& about) {
  return before.vat != after.vat ||
         catalogue::price_jumps(before.unit_price, after.unit_price, about.price_change_percent_max);
}

Product without_held_change(const Product& before, Product after) {
  after.unit_price = before.unit_price;
  after.vat = before.vat;
  return after;
}

}  // namespace holdfast::trade
