#include "edge/demo/shop.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/values.h"
#include "edge/embedded/embedded.h"

namespace holdfast::demo {
namespace {

namespace json = boost::json;

constexpr std::size_t settle_every = 10, refund_every = 30;
constexpr int currency_decimals = 2;

Result<Money> amount_of(const json::object& line) {
  HF_TRY(const UnitPrice price, parse_unit_price(text_of(line, "unit_price")));
  HF_TRY(const Quantity quantity, parse_quantity(text_of(line, "quantity")));
  return line_amount(price, quantity, currency_decimals);
}

json::array cash(Money total) {
  if (total.minor == 0) return {};
  return {json::object{{"kind", "cash"}, {"amount", total.minor}}};
}

}  // namespace

Result<std::vector<std::vector<json::array>>> embedded_baskets(std::size_t stores) {
  std::vector<std::vector<json::array>> out(stores);
  for (const embedded::File& file : embedded::trade()) {
    if (file.path != "/baskets.jsonl") continue;
    for (std::string_view rest = file.bytes; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      boost::system::error_code error;
      const json::value basket = json::parse(rest.substr(0, end), error);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const json::object* object = error ? nullptr : basket.if_object();
      const json::value* store = object == nullptr ? nullptr : object->if_contains("store");
      if (store == nullptr || !store->is_int64()) continue;
      out[static_cast<std::size_t>(store->get_int64()) % stores].push_back(list_of(*object, "lines"));
    }
  }
  if (std::ranges::any_of(out, [](const auto& list) { return list.empty(); })) {
    return fail("demo/no_trade",
                "This program carries no trade: it was built without Node. Build it with `make build`.");
  }
  return out;
}

Status Shop::open(std::set<std::string> listed) {
  listed_ = std::move(listed);
  return enter();
}

Status Shop::enter() {
  const json::object cashier{
      {"number", "12"}, {"name", "Cashier of " + site_.name()}, {"role", "cashier"}, {"pin", "51829364"}};
  HF_TRY(const json::object staff, site_.ask("POST", "/v1/staff", json::serialize(cashier)));
  json::object wish{{"name", "Demo till"}};
  if (till_ != 0) wish["till"] = till_;
  HF_TRY(const json::object till, site_.ask("POST", "/v1/tills", json::serialize(wish)));
  const json::value* number = till.if_contains("till");
  if (number == nullptr || !number->is_int64()) return fail("demo/failed", "A till was made without a number.");
  till_ = number->get_int64();
  staff_ = text_of(staff, "staff_id");
  return {};
}

Status Shop::reopen() {
  if (till_ == 0) return {};
  HF_TRY_VOID(enter());
  for (const Kept& kept : kept_) {
    json::object prior;
    for (const char* field : {"origin", "index", "at", "receipt"}) {
      if (const json::value* value = kept.reply.if_contains(field)) prior[field] = *value;
    }
    json::object again = kept.write;
    again["prior"] = std::move(prior);
    HF_TRY_VOID(site_.write(std::move(again)));
  }
  return {};
}

Status Shop::record(json::object write) {
  write["till"] = till_;
  write["staff"] = staff_;
  HF_TRY(json::object reply, site_.write(write));
  // The key with which it was sent comes back in the reply: with it, it is sent again.
  write["key"] = text_of(reply, "key");
  kept_.push_back({write, reply});
  if (text_of(write, "kind") == "sale") {
    last_sale_ = std::move(write);
    if (const json::value* receipt = reply.if_contains("receipt")) last_sale_["receipt"] = *receipt;
  }
  return {};
}

Status Shop::sell() {
  const json::array& basket = baskets_[next_++ % baskets_.size()];
  json::array lines;
  Money total;
  for (const json::value& item : basket) {
    const json::object& sold = item.as_object();
    json::object line;
    for (const char* field : {"sku", "quantity", "unit_price", "vat"}) line[field] = sold.at(field);
    if (!listed_.contains(text_of(sold, "sku"))) {
      line["name"] = sold.at("name");
      line["open"] = true;
    }
    HF_TRY(const Money amount, amount_of(sold));
    total.minor += amount.minor;
    lines.push_back(std::move(line));
  }
  HF_TRY_VOID(record({{"kind", "sale"}, {"lines", std::move(lines)}, {"tenders", cash(total)}}));
  if (next_ % refund_every == 0) HF_TRY_VOID(refund_something());
  if (next_ % settle_every == 0) HF_TRY_VOID(forget_what_is_safe());
  return {};
}

Status Shop::refund_something() {
  const json::object line = list_of(last_sale_, "lines").front().as_object();
  HF_TRY(const Money amount, amount_of(line));
  return record({{"kind", "refund"},
                 {"receipt", last_sale_.at("receipt")},
                 {"lines", json::array{json::object{{"line", 0}, {"quantity", line.at("quantity")}}}},
                 {"reason", "changed her mind"},
                 {"tenders", cash(amount)}});
}

Status Shop::forget_what_is_safe() {
  std::string query;
  const std::size_t asked = std::min<std::size_t>(kept_.size(), 100);
  for (std::size_t i = 0; i < asked; ++i) query += (i == 0 ? "?key=" : "&key=") + text_of(kept_[i].write, "key");
  if (asked == 0) return {};
  HF_TRY(const json::object answer, site_.ask("GET", "/v1/writes/status" + query));
  std::set<std::string> safe;
  for (const json::value& write : list_of(answer, "writes")) {
    const std::string state = text_of(write.as_object(), "state");
    if (state == "cosigned" || state == "listed") safe.insert(text_of(write.as_object(), "key"));
  }
  std::erase_if(kept_, [&](const Kept& kept) { return safe.contains(text_of(kept.write, "key")); });
  return {};
}

}  // namespace holdfast::demo
