// A node reached over HTTP/1.1: one kept-open connection, blocking, with an end to its patience and bounded retries.
#include <fmt/format.h>

#include <boost/beast/http/verb.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <fstream>
#include <thread>

#include "edge/net/http_connection.h"
#include "edge/serve/local_client.h"
#include "edge/trade/csv.h"
#include "edge/trade/node.h"

namespace holdfast::trade {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

constexpr int attempts_max = 40;       // with the pauses below about a minute: a node that restarts is waited for
constexpr int first_attempts_max = 4;  // of one that never answered, so that a wrong address is told at once
constexpr auto trouble_longest = std::chrono::minutes(2);  // of one that accepts and answers nothing
constexpr auto pause_first = std::chrono::milliseconds(50);
constexpr auto pause_longest = std::chrono::milliseconds(2000);
constexpr Duration patience = seconds(60);  // for connecting, and for each answer

struct Answered {
  unsigned status = 0;
  json::value body;
};

std::string query_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

// Readers of JSON that never throw: what is absent or of another type is the fallback.
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
std::optional<std::int64_t> number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64() && value->get_uint64() <= INT64_MAX) return static_cast<std::int64_t>(value->get_uint64());
  return std::nullopt;
}
bool flag_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}
const json::array* list_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

struct HostPort {
  std::string host, port;
};
using Where = std::function<Result<HostPort>()>;  // before each connection

class HttpNode : public Node {
 public:
  HttpNode(Where where, std::string token) : where_(std::move(where)), token_(std::move(token)) {}

  Result<About> about() override;
  Result<std::set<std::string>> sites() override;
  Result<ProductPage> products_after(const std::string& sku) override;
  Result<std::vector<Level>> levels_after(const std::string& sku) override;
  Result<std::vector<FedOrder>> orders_after(const std::string& number) override;
  Result<std::vector<feed::FeedTaken>> taken_files() override;
  Result<TillId> till(const std::string& name, TillId wanted) override;
  Result<std::vector<Reply>> post(const std::vector<std::string>& writes) override;

 private:
  Result<json::object> ask(http::verb verb, const std::string& target, const std::string& body);
  Result<Answered> exchange(http::verb verb, const std::string& target, const std::string& body);

  const Where where_;
  const std::string token_;
  HostPort at_;  // of the connection
  edge::HttpConnection connection_;
  bool has_answered_ = false;
};

Result<Answered> HttpNode::exchange(http::verb verb, const std::string& target, const std::string& body) {
  if (!connection_.is_open()) {
    HF_TRY(at_, where_());
    if (const auto opened = connection_.open(at_.host, at_.port, patience); !opened)
      return fail("trade/no_node",
                  fmt::format("No node answers at {}:{} ({}).", at_.host, at_.port, opened.error().text));
  }
  edge::HttpConnection::Request request(verb, target, 11);
  request.set(http::field::host, at_.host + ":" + at_.port);
  request.set(http::field::authorization, "Local " + token_);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  const auto answer = connection_.exchange(request, patience);
  if (!answer)
    return fail("trade/no_node", fmt::format("The connection to the node at {}:{} broke ({}).", at_.host, at_.port,
                                             answer.error().text));
  Answered answered;
  answered.status = answer->result_int();
  boost::system::error_code error;
  if (!answer->body().empty()) answered.body = json::parse(answer->body(), error);
  if (error) answered.body = nullptr;
  return answered;
}

Result<json::object> HttpNode::ask(http::verb verb, const std::string& target, const std::string& body) {
  auto pause = pause_first;
  std::string trouble;
  int attempts = has_answered_ ? attempts_max : first_attempts_max;
  const auto given_up_at = std::chrono::steady_clock::now() + trouble_longest;
  int attempt = 0;
  for (; attempt < attempts; ++attempt) {
    if (attempt > 0) {
      if (std::chrono::steady_clock::now() >= given_up_at) break;
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, pause_longest);
    }
    auto answered = exchange(verb, target, body);
    if (!answered) {
      trouble = answered.error().text;
      continue;
    }
    has_answered_ = true;
    attempts = attempts_max;
    const json::object* object = answered->body.if_object();
    if (answered->status == 200 || answered->status == 201) {
      if (object == nullptr)
        return fail("trade/bad_reply", fmt::format("The node's answer to {} is no JSON object.", target));
      return *object;
    }
    trouble = fmt::format("{} answered {}: {} {}", target, answered->status,
                          object == nullptr ? "" : text_of(*object, "title"),
                          object == nullptr ? "" : text_of(*object, "detail"));
    if (answered->status != 429 && answered->status != 503) {
      return fail("trade/refused", fmt::format("The node at {}:{} refused: {}", at_.host, at_.port, trouble));
    }
  }
  return fail("trade/no_node", fmt::format("{} Given up after {} attempts.", trouble, attempt));
}

Result<About> HttpNode::about() {
  HF_TRY(const json::object object, ask(http::verb::get, "/v1/about", ""));
  About about;
  about.chain = text_of(object, "chain");
  about.site = text_of(object, "site");
  about.currency_decimals = static_cast<int>(number_of(object, "currency_decimals").value_or(2));
  if (const json::array* rates = list_of(object, "vat_rates")) {
    for (const json::value& rate : *rates) {
      if (const json::object* each = rate.if_object()) about.vat_codes.insert(text_of(*each, "code"));
    }
  }
  about.kind = text_of(object, "kind");
  about.price_change_percent_max = number_of(object, "price_change_percent_max").value_or(50);
  if (about.site.empty())
    return fail("trade/bad_reply", "What answers is no Holdfast node: its /v1/about names no site.");
  return about;
}

Result<std::set<std::string>> HttpNode::sites() {
  HF_TRY(const json::object object, ask(http::verb::get, "/v1/chain", ""));
  const json::array* list = list_of(object, "sites");
  if (list == nullptr) return fail("trade/bad_reply", "The node's answer to /v1/chain has no list of sites.");
  std::set<std::string> sites;
  for (const json::value& value : *list)
    if (const json::object* each = value.if_object()) sites.insert(text_of(*each, "site"));
  return sites;
}

Result<ProductPage> HttpNode::products_after(const std::string& sku) {
  const std::string after = sku.empty() ? "" : "&after=" + query_text(sku);
  HF_TRY(const json::object object, ask(http::verb::get, "/v1/products?q=&limit=1000" + after, ""));
  ProductPage page;
  if (const json::value* as_of = object.if_contains("as_of"); as_of != nullptr && as_of->is_object()) {
    const json::object& at = as_of->get_object();
    page.as_of = fmt::format("{} {}", text_of(at, "origin"), number_of(at, "size").value_or(0));
  }
  const json::array* products = list_of(object, "products");
  if (products == nullptr) return fail("trade/bad_reply", "The node's answer to /v1/products has no list of products.");
  for (const json::value& value : *products) {
    const json::object* each = value.if_object();
    if (each == nullptr) return fail("trade/bad_reply", "A product in the node's answer is no object.");
    HF_TRY(const UnitPrice price, parse_unit_price(text_of(*each, "unit_price")));
    page.products.push_back({text_of(*each, "sku"), text_of(*each, "gtin"), text_of(*each, "name"), price,
                             text_of(*each, "vat"), flag_of(*each, "goods")});
  }
  return page;
}

Result<std::vector<Level>> HttpNode::levels_after(const std::string& sku) {
  const std::string after = sku.empty() ? "" : "&after=" + query_text(sku);
  HF_TRY(const json::object object, ask(http::verb::get, "/v1/stock?q=&limit=1000" + after, ""));
  const json::array* list = list_of(object, "products");
  if (list == nullptr) return fail("trade/bad_reply", "The node's answer to /v1/stock has no list of products.");
  std::vector<Level> levels;
  for (const json::value& value : *list) {
    const json::object* each = value.if_object();
    if (each == nullptr) return fail("trade/bad_reply", "A level in the node's answer is no object.");
    HF_TRY(const Quantity on_hand, parse_quantity(text_of(*each, "on_hand")));
    levels.push_back({text_of(*each, "sku"), on_hand});
  }
  return levels;
}

Result<std::vector<FedOrder>> HttpNode::orders_after(const std::string& number) {
  const std::string after = number.empty() ? "" : "&after=" + query_text(number);
  HF_TRY(const json::object object, ask(http::verb::get, "/v1/orders?limit=1000" + after, ""));
  const json::array* list = list_of(object, "orders");
  if (list == nullptr) return fail("trade/bad_reply", "The node's answer to /v1/orders has no list of orders.");
  std::vector<FedOrder> orders;
  for (const json::value& value : *list) {
    const json::object* each = value.if_object();
    const json::array* lines = each == nullptr ? nullptr : list_of(*each, "lines");
    if (lines == nullptr) return fail("trade/bad_reply", "An order in the node's answer is not one.");
    FedOrder order{text_of(*each, "number"), text_of(*each, "customer"), text_of(*each, "state"), {}, {}};
    if (const std::string at = text_of(*each, "placed_at"); !at.empty()) {
      HF_TRY(order.placed_at, parse_instant(at));
    }
    for (const json::value& line : *lines) {
      if (const json::object* goods = line.if_object()) {
        HF_TRY(const Quantity quantity, parse_quantity(text_of(*goods, "quantity")));
        order.lines.push_back({text_of(*goods, "sku"), quantity});
      }
    }
    orders.push_back(std::move(order));
  }
  return orders;
}

Result<std::vector<feed::FeedTaken>> HttpNode::taken_files() {
  HF_TRY(const json::object object, ask(http::verb::get, "/v1/feed", ""));
  const json::array* list = list_of(object, "files");
  if (list == nullptr) return fail("trade/bad_reply", "The node's answer to /v1/feed has no list of files.");
  std::vector<feed::FeedTaken> files;
  for (const json::value& value : *list) {
    const json::object* each = value.if_object();
    const auto kind = each == nullptr ? std::nullopt : feed::kind_of(text_of(*each, "kind"));
    const auto hash = each == nullptr ? std::nullopt : array_from_hex<32>(text_of(*each, "sha256"));
    if (!kind || !hash) return fail("trade/bad_reply", "A file in the node's answer to /v1/feed is not one.");
    feed::FeedTaken file{*kind, text_of(*each, "stream"), text_of(*each, "file"), *hash};
    HF_TRY(file.as_of, parse_instant(text_of(*each, "as_of")));
    file.whole = flag_of(*each, "whole");
    file.rows = static_cast<std::uint64_t>(number_of(*each, "rows").value_or(0));
    file.taken = static_cast<std::uint64_t>(number_of(*each, "taken").value_or(0));
    files.push_back(std::move(file));
  }
  return files;
}

Result<TillId> HttpNode::till(const std::string& name, TillId wanted) {
  const std::string number = wanted.number == 0 ? "" : fmt::format(",\"till\":{}", wanted.number);
  HF_TRY(const json::object object,
         ask(http::verb::post, "/v1/tills", fmt::format("{{\"name\":{}{}}}", json_text(name), number)));
  const auto till = number_of(object, "till");
  if (!till || *till < 1 || *till > UINT32_MAX)
    return fail("trade/bad_reply", "The node made a till without a number.");
  return TillId{static_cast<std::uint32_t>(*till)};
}

Reply reply_of(const json::object& object) {
  Reply reply;
  reply.ok = flag_of(object, "ok");
  reply.duplicate = flag_of(object, "duplicate");
  reply.origin = text_of(object, "origin");
  reply.index = static_cast<std::uint64_t>(number_of(object, "index").value_or(0));
  if (const auto total = number_of(object, "total")) reply.total = Money{*total};
  if (const json::array* flags = list_of(object, "flags")) {
    for (const json::value& flag : *flags) {
      if (flag.is_string() && flag.get_string() == "price_differs") reply.price_differs = true;
    }
  }
  if (const json::value* problem = object.if_contains("problem"); problem != nullptr && problem->is_object()) {
    const json::object& why = problem->get_object();
    reply.status = static_cast<int>(number_of(why, "status").value_or(0));
    reply.code = text_of(why, "code");
    reply.detail = text_of(why, "detail");
  }
  return reply;
}

Result<std::vector<Reply>> HttpNode::post(const std::vector<std::string>& writes) {
  std::string body = "{\"writes\":[";
  for (std::size_t i = 0; i < writes.size(); ++i) body += (i == 0 ? "" : ",") + writes[i];
  body += "]}";
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    HF_TRY(const json::object object, ask(http::verb::post, "/v1/writes", body));
    const json::array* list = list_of(object, "replies");
    if (list == nullptr) return fail("trade/bad_reply", "The node's answer to /v1/writes has no list of replies.");
    std::vector<Reply> replies;
    bool again = false;
    for (const json::value& value : *list) {
      const json::object* each = value.if_object();
      if (each == nullptr) return fail("trade/bad_reply", "A reply in the node's answer is no object.");
      replies.push_back(reply_of(*each));
      const Reply& reply = replies.back();
      again = again || (!reply.ok && (reply.status == 503 || reply.status == 429) && !waits_at_node(reply));
    }
    if (!again) return replies;
    // Those that were taken are known by their keys and answered again in the same words.
    std::this_thread::sleep_for(pause_longest / 4);
  }
  return fail("trade/no_node",
              "The node kept asking to try later; the import can be run again and goes on where it stopped.");
}

Result<HostPort> read_url(const std::string& url) {
  constexpr std::string_view scheme = "http://";
  std::string_view rest = url;
  if (!rest.starts_with(scheme)) {
    return fail("trade/no_node", fmt::format("\"{}\" is no node's address: write it as http://127.0.0.1:PORT.", url));
  }
  rest.remove_prefix(scheme.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail("trade/no_node", fmt::format("\"{}\" has no port: write it as http://127.0.0.1:PORT.", url));
  }
  const std::string_view port = rest.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) {
    return fail("trade/no_node", fmt::format("\"{}\" is no port: write the address as http://127.0.0.1:PORT.", port));
  }
  return HostPort{std::string(rest.substr(0, colon)), std::string(port)};
}

Result<std::string> read_token(const std::string& token_file) {
  std::ifstream file(token_file);
  std::string token;
  if (!file || !std::getline(file, token) || trimmed(token).empty()) {
    return fail("trade/no_node",
                fmt::format("{} cannot be read: it is the node's admin.token, in its data directory.", token_file));
  }
  return std::string(trimmed(token));
}

}  // namespace

Result<std::unique_ptr<Node>> http_node(const std::string& url, const std::string& token_file) {
  HF_TRY(const HostPort at, read_url(url));
  HF_TRY(std::string token, read_token(token_file));
  return std::make_unique<HttpNode>([at]() -> Result<HostPort> { return HostPort(at); }, std::move(token));
}

Result<std::unique_ptr<Node>> node_of_data(const std::string& data) {
  const Where where = [data]() -> Result<HostPort> {
    const auto address = serve::address_of_node(data);
    if (!address && (address.error().code == "edge/no_node" || address.error().code == "edge/no_answer"))
      return fail("trade/no_node", address.error().text);
    if (!address) return pass_on(address.error());
    return read_url("http://" + *address);
  };
  HF_TRY_VOID(where());  // one that is away is told at once
  HF_TRY(std::string token, read_token(data + "/admin.token"));
  return std::make_unique<HttpNode>(where, std::move(token));
}

}  // namespace holdfast::trade
