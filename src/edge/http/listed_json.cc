// The list for a person (protocol 6.4, 8.3): each item with the receipt and the sum that it is about.
#include <algorithm>

#include "edge/http/json_read.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

constexpr std::size_t listed_shown_max = 1000;
// Entries read for one answer: the page asks again and again, and a sale waits meanwhile.
constexpr std::size_t listed_read_max = 100;

struct What {
  std::string kind;
  std::optional<std::string> receipt;
  std::optional<std::int64_t> total;
};

What what_of(const fold::Event& event) {
  return std::visit(
      [&](const auto& body) -> What {
        using E = std::decay_t<decltype(body)>;
        if constexpr (requires { body.receipt; }) {
          const std::string_view kind = std::is_same_v<E, till::SaleRecorded>     ? "sale"
                                        : std::is_same_v<E, till::RefundRecorded> ? "refund"
                                                                                  : "refund_no_receipt";
          return {std::string(kind), to_text(body.receipt), body.total.minor};
        } else {
          return {std::string(fold::kind_name(event.body)), std::nullopt, std::nullopt};
        }
      },
      event.body);
}

const json::object* object_in(const json::object* from, std::string_view name) {
  const json::value* value = from == nullptr ? nullptr : from->if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}
std::optional<std::string> text_in(const json::object* from, std::string_view name) {
  const json::value* value = from == nullptr ? nullptr : from->if_contains(name);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::nullopt : std::optional<std::string>(std::string_view(text->data(), text->size()));
}
std::int64_t amount_in(const json::object* from, std::string_view name) {
  const json::value* value = from == nullptr ? nullptr : from->if_contains(name);
  const std::int64_t* amount = value == nullptr ? nullptr : value->if_int64();
  return amount == nullptr ? 0 : std::clamp<std::int64_t>(*amount, -money_minor_max, money_minor_max);
}

// What a till's write says of itself: the request as it came, or only its kind. Its total is what was paid, as its
// lines may be what does not hold.
What what_of_request(const std::string& what) {
  const auto request = parse_json(what);
  const json::object* write = request ? request->if_object() : nullptr;
  if (write == nullptr) return {what.substr(0, 60), std::nullopt, std::nullopt};
  What out{text_in(write, "kind").value_or("write"), text_in(object_in(write, "prior"), "receipt"), std::nullopt};
  if (!out.receipt) out.receipt = text_in(object_in(write, "alone"), "receipt");
  const json::value* tenders = write->if_contains("tenders");
  if (const json::array* list = tenders == nullptr ? nullptr : tenders->if_array()) {
    out.total = 0 - amount_in(write, "change");
    for (const json::value& tender : *list)
      if (text_in(tender.if_object(), "result") != "declined") *out.total += amount_in(tender.if_object(), "amount");
  }
  return out;
}

// Where the same write is recorded here; null: it is not.
const fold::KnownWrite* recorded(const fold::State& state, const std::optional<fold::WriteKey>& key) {
  const fold::KnownWrite* known = key ? state.find_write(*key) : nullptr;
  return known == nullptr || known->listed ? nullptr : known;
}

}  // namespace

std::string listed_json(const node::Node& node) {
  const fold::State& state = node.state();
  std::size_t shown = 0, read = 0;
  JsonOut out;
  out.object().array("listed");
  for (const auto& [id, item] : state.listed) {
    if (++shown > listed_shown_max) break;
    out.object().field("id", to_hex(id.bytes));
    std::optional<fold::WriteKey> key = item.write;
    What what{item.what, std::nullopt, std::nullopt};
    if (!item.entry.empty()) {  // of a tail
      if (const auto event = fold::decode(item.entry)) {
        what = what_of(*event);
        if (event->write) key = fold::WriteKey{event->write->till, event->write->key};
      }
    } else if (!item.from) {
      what = what_of_request(item.what);
    }
    const fold::KnownWrite* here = recorded(state, key);
    if (here != nullptr && item.entry.empty() && ++read <= listed_read_max)  // taken, and put before a person
      if (const auto event = node.read(here->epoch, here->index)) what = what_of(*event);
    if (item.from && item.from->origin.epoch != fold::rung_alone_epoch)
      out.object("from").field("origin", item.from->origin.text()).field("index", item.from->index).end_object();
    else
      out.object("from").field("till", item.write ? item.write->till.number : 0u).end_object();
    out.field("kind", what.kind).field("receipt", what.receipt).field("total", what.total);
    if (here == nullptr) {
      out.field_null("recorded");
    } else {
      const Origin origin{state.chain, state.site, here->epoch};
      out.object("recorded").field("origin", origin.text()).field("index", here->index).end_object();
    }
    out.field("reason", item.reason).field("at", to_text(item.at)).end_object();
  }
  return out.end_array().end_object().take();
}

}  // namespace holdfast::http
