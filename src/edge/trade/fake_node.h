// A node for tests: knows keys, lists products, adds up lines; nothing else. It shares no code with the importers'
//                   sums.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "edge/trade/node.h"

namespace holdfast::trade {

class FakeNode : public Node {
 public:
  struct Event {
    std::string kind;
    boost::json::object body;
    Reply reply;
  };
  std::map<std::string, Product> listed;
  std::map<std::string, Quantity> levels;
  std::map<std::string, FedOrder> orders;
  std::vector<feed::FeedTaken> taken;
  About self{"test.example/chain", "store-01", 2, {"S", "Z"}};
  std::size_t dies_after = SIZE_MAX;  // writes: then it answers no more, as a killed node
  std::vector<Event> events;
  std::map<std::string, std::pair<std::string, std::size_t>> known;  // key -> body, event
  std::set<std::string> unlistable;                                  // SKUs that it refuses to list
  std::map<std::string, int> waits;  // key -> how often it is asked to come again later (fold/waits)
  bool has_taken_over = false;       // then it takes no level
  std::uint64_t posts = 0;
  std::size_t bytes_largest = 0;

  Result<About> about() override { return self; }
  std::set<std::string> chain_sites;
  Result<std::set<std::string>> sites() override { return chain_sites; }
  Result<ProductPage> products_after(const std::string& sku) override {
    ProductPage page{"test.example/chain/store-01/1 " + std::to_string(events.size()), {}};
    for (auto it = listed.upper_bound(sku); it != listed.end() && page.products.size() < 1000; ++it)
      page.products.push_back(it->second);
    return page;
  }
  std::uint64_t looks = 0;  // how often its levels were asked for
  Result<std::vector<Level>> levels_after(const std::string& sku) override {
    looks += sku.empty() ? 1u : 0u;
    std::vector<Level> page;
    for (auto it = levels.upper_bound(sku); it != levels.end() && page.size() < 1000; ++it)
      page.push_back({it->first, it->second});
    return page;
  }
  Result<std::vector<FedOrder>> orders_after(const std::string& number) override {
    std::vector<FedOrder> page;
    for (auto it = orders.upper_bound(number); it != orders.end() && page.size() < 1000; ++it)
      page.push_back(it->second);
    return page;
  }
  Result<std::vector<feed::FeedTaken>> taken_files() override { return taken; }
  Result<TillId> till(const std::string&, TillId wanted) override { return wanted; }
  Result<std::vector<Reply>> post(const std::vector<std::string>& writes) override {
    ++posts;
    std::vector<Reply> replies;
    std::size_t bytes = 0;
    for (const std::string& write : writes) {
      if (dies_after == 0) return fail("trade/no_node", "No node answers.");
      --dies_after;
      bytes += write.size();
      replies.push_back(answer(write));
    }
    bytes_largest = std::max(bytes_largest, bytes);
    return replies;
  }
  std::size_t count(std::string_view kind) const {
    std::size_t n = 0;
    for (const Event& event : events) n += event.kind == kind ? 1u : 0u;
    return n;
  }

 private:
  static std::string text(const boost::json::object& object, const char* name) {
    return std::string(object.at(name).as_string());
  }
  static Reply refusal(std::string code, std::string detail) {
    Reply reply;
    reply.status = 422;
    reply.code = std::move(code);
    reply.detail = std::move(detail);
    return reply;
  }
  Reply answer(const std::string& write) {
    const boost::json::object body = boost::json::parse(write).as_object();
    const std::string key = text(body, "key");
    if (const auto before = known.find(key); before != known.end()) {
      if (before->second.first != write) return refusal("fold/key_reused", "The key was used for another write.");
      Reply reply = events[before->second.second].reply;
      reply.duplicate = true;
      return reply;
    }
    if (const auto wait = waits.find(key); wait != waits.end() && wait->second-- > 0)
      return refusal("fold/waits", "Its sale has not come back yet.");
    Reply reply = take(text(body, "kind"), body);
    if (!reply.ok) return reply;
    reply.origin = "test.example/chain/store-01/1";
    reply.index = events.size();
    known[key] = {write, events.size()};
    events.push_back({text(body, "kind"), body, reply});
    return reply;
  }
  Reply take(const std::string& kind, const boost::json::object& body) {
    Reply reply;
    reply.ok = true;
    if (kind == "list_products") {
      for (const auto& each : body.at("products").as_array()) {
        if (unlistable.contains(text(each.as_object(), "sku")))
          return refusal("catalogue/bad_product", "Not this one.");
      }
      if (names_a_code_twice(body.at("products").as_array()))
        return refusal("catalogue/duplicate_gtin", "A code of it is another product's.");
      for (const auto& each : body.at("products").as_array()) list(each.as_object());
    } else if (kind == "delist_product") {
      listed.erase(text(body, "sku"));
    } else if (kind == "feed_stock") {
      if (has_taken_over) return refusal("standby/taken_over", "This site has taken over.");
      for (const auto& each : body.at("lines").as_array())
        levels[text(each.as_object(), "sku")] = *parse_quantity(text(each.as_object(), "level"));
    } else if (kind == "feed_orders") {
      feed_orders(body);
    } else if (kind == "feed_taken") {
      feed_taken(body);
    } else if (kind == "sale" || kind == "refund_no_receipt") {
      return take_trade(body);
    }
    return reply;
  }
  void feed_orders(const boost::json::object& body) {
    for (const auto& each : body.at("gone").as_array()) orders.erase(text(each.as_object(), "number"));
    for (const auto& each : body.at("orders").as_array()) {
      const auto& from = each.as_object();
      FedOrder order{
          text(from, "number"), from.contains("customer") ? text(from, "customer") : "", text(from, "state"), {}, {}};
      if (from.contains("placed_at")) order.placed_at = *parse_instant(text(from, "placed_at"));
      for (const auto& line : from.at("lines").as_array())
        order.lines.push_back({line.as_object().contains("sku") ? text(line.as_object(), "sku") : "",
                               *parse_quantity(text(line.as_object(), "quantity"))});
      orders[order.number] = order;
    }
  }
  void feed_taken(const boost::json::object& body) {
    feed::FeedTaken file{*feed::kind_of(text(body, "feed")), text(body, "stream"), text(body, "file"),
                         *array_from_hex<32>(text(body, "sha256"))};
    file.as_of = *parse_instant(text(body, "as_of"));
    file.whole = body.at("whole").as_bool();
    file.accepted = body.at("accepted").as_bool();
    file.rows = static_cast<std::uint64_t>(body.at("rows").as_int64());
    file.taken = static_cast<std::uint64_t>(body.at("taken").as_int64());
    file.refused = static_cast<std::uint64_t>(body.at("refused").as_int64());
    std::erase_if(taken, [&](const auto& t) { return t.kind == file.kind && t.stream == file.stream; });
    taken.push_back(file);
  }
  static Product product_of(const boost::json::object& each) {
    return {text(each, "sku"),  each.contains("gtin") ? text(each, "gtin") : "",
            text(each, "name"), *parse_unit_price(text(each, "unit_price")),
            text(each, "vat"),  each.at("goods").as_bool()};
  }
  void list(const boost::json::object& each) {
    Product product = product_of(each);
    listed[product.sku] = product;
  }
  static bool is_same_code(std::string_view a, std::string_view b) {
    const auto is_code = [](std::string_view code) {
      return code.size() >= 8 && code.find_first_not_of("0123456789") == std::string_view::npos;
    };
    const auto without_zeros = [](std::string_view code) {
      return code.substr(std::min(code.find_first_not_of('0'), code.size()));
    };
    return is_code(a) && is_code(b) && without_zeros(a) == without_zeros(b);
  }
  // As the catalogue would stand then: no product that gets a barcode here has one that another has, or is called by.
  bool names_a_code_twice(const boost::json::array& products) const {
    std::map<std::string, Product> then = listed;
    for (const auto& each : products) then[text(each.as_object(), "sku")] = product_of(each.as_object());
    for (const auto& each : products) {
      const Product product = product_of(each.as_object());
      const auto before = listed.find(product.sku);
      const bool is_new = before == listed.end(), has_new_code = is_new || before->second.gtin != product.gtin;
      if (!is_new && !has_new_code) continue;
      for (const auto& [sku, other] : then) {
        if (sku == product.sku) continue;
        if (has_new_code && (is_same_code(other.gtin, product.gtin) || is_same_code(sku, product.gtin))) return true;
        if (is_new && is_same_code(other.gtin, product.sku)) return true;
      }
    }
    return false;
  }
  Reply take_trade(const boost::json::object& body) {
    Reply reply;
    reply.ok = true;
    reply.total = Money{0};
    for (const auto& value : body.at("lines").as_array()) {
      const auto& line = value.as_object();
      const auto product = listed.find(text(line, "sku"));
      if (product == listed.end() && !line.contains("open")) return refusal("till/unknown_sku", "Not listed.");
      const UnitPrice price = *parse_unit_price(text(line, "unit_price"));
      const Quantity quantity = *parse_quantity(text(line, "quantity"));
      if (product != listed.end() && product->second.unit_price != price) reply.price_differs = true;
      // Half up, in milliardths: 10,000,000 are a penny.
      const __int128 exact = __int128{price.millionths} * quantity.thousandths;
      reply.total->minor += static_cast<std::int64_t>((exact + 5'000'000) / 10'000'000);
    }
    std::int64_t paid = 0;
    for (const auto& tender : body.at("tenders").as_array()) paid += tender.as_object().at("amount").as_int64();
    if (paid != reply.total->minor) return refusal("till/tender_mismatch", "The tenders do not add up.");
    return reply;
  }
};

}  // namespace holdfast::trade
