// What importers need of a running node, apart from how it is reached, so that tests can stand in for one.
//
// Errors: trade/no_node: it cannot be reached, or did not answer in time, after bounded retries. trade/refused: it
//         refused the request as a whole (its own words follow). trade/bad_reply: what came back is not what the API
//         promises.
// Source: schema/openapi.yaml, protocol 8.1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"
#include "core/feed/feed.h"

namespace holdfast::trade {

struct About {
  std::string chain, site;
  int currency_decimals = 2;
  std::set<std::string> vat_codes;
  std::string kind = "store";                  // of the site: "store", "head-office", …
  std::int64_t price_change_percent_max = 50;  // beyond, followers hold an entry for a person
};
// One product as the catalogue's CSV, the API and the importers see it.
struct Product {
  std::string sku, gtin, name;
  UnitPrice unit_price;
  std::string vat;
  bool goods = true;
  bool operator==(const Product&) const = default;
};
struct ProductPage {
  std::string as_of;  // names the state that answered; empty: none yet
  std::vector<Product> products;
};
// On hand of one product.
struct Level {
  std::string sku;
  Quantity quantity;
  bool operator==(const Level&) const = default;
};
// An open order as the API has it: customer is hexadecimal, or empty.
struct FedOrder {
  std::string number, customer, state;
  std::optional<Instant> placed_at;
  std::vector<Level> lines;
  bool operator==(const FedOrder&) const = default;
};
// The answer to one write.
struct Reply {
  bool ok = false;
  bool duplicate = false;
  std::string origin;
  std::uint64_t index = 0;
  std::optional<Money> total;
  bool price_differs = false;
  int status = 0;  // of a refusal
  std::string code, detail;
};

// The node cannot take this write yet, and the reason is its own: another write that it rests on is not here, or it
// moves more cash than a machine that is not registered may. Others need not wait with it.
bool waits_at_node(const Reply& reply);

inline constexpr std::size_t products_a_write = 200;
// Of changes that followers hold for a person: few, because an entry is accepted whole.
inline constexpr std::size_t held_products_a_write = 20;
inline constexpr std::size_t batch_writes_max = 500;         // the API allows 1,000
inline constexpr std::size_t batch_bytes_max = 512u * 1024;  // and 1 MiB

class Node {
 public:
  virtual ~Node() = default;
  virtual Result<About> about() = 0;
  virtual Result<std::set<std::string>> sites() = 0;  // of the chain, by name
  virtual Result<ProductPage> products_after(const std::string& sku) = 0;
  virtual Result<std::vector<Level>> levels_after(const std::string& sku) = 0;
  virtual Result<std::vector<FedOrder>> orders_after(const std::string& number) = 0;
  virtual Result<std::vector<feed::FeedTaken>> taken_files() = 0;
  // The number of a till of that name, made where there is none yet; `wanted` is asked for where it is not 0.
  virtual Result<TillId> till(const std::string& name, TillId wanted) = 0;
  // Same number and order of replies as of writes. A retry of the whole batch is inside: keys make it harmless;
  // what waits_at_node() is not asked again for.
  virtual Result<std::vector<Reply>> post(const std::vector<std::string>& writes) = 0;
};

// Every product of the node, in SKU order.
Result<std::vector<Product>> all_products(Node& node, std::string* as_of);

// Every level and every open order, in their order.
Result<std::vector<Level>> all_levels(Node& node);
Result<std::vector<FedOrder>> all_orders(Node& node);

// Gathers writes into batches and hands each reply to its own function, in order.
// Errors: of Node::post, and of the functions themselves; the first one ends the import.
class Writes {
 public:
  using Answer = std::function<Status(const Reply&)>;
  explicit Writes(Node& node) : node_(node) {}
  Status add(std::string write, Answer answer);
  Status flush();
  std::uint64_t batches() const { return batches_; }

 private:
  Node& node_;
  std::vector<std::string> writes_;
  std::vector<Answer> answers_;
  std::size_t bytes_ = 0;
  std::uint64_t batches_ = 0;
};

// 32 hex digits that are the same for the same parts (BLAKE2b): an import that is run again asks for the same writes.
std::string stable_key(const std::vector<std::string_view>& parts);
std::string json_text(std::string_view text);  // quoted and escaped
std::string product_json(const Product& product);
// Whether followers hold an entry with this change for a named person (protocol 7.6): it is written apart from others.
bool is_held_by_followers(const Product& before, const Product& after, const About& about);
// `after` with what followers hold as it was before: what else has changed, its barcode say, need not wait.
Product without_held_change(const Product& before, Product after);

// A node over HTTP, authorised by its data directory's admin.token. url: "http://127.0.0.1:PORT".
Result<std::unique_ptr<Node>> http_node(const std::string& url, const std::string& token_file);
// The same for the node that runs in a data directory: it is looked for again before each connection, so that the token
// goes to nobody who listens in its place (serve/local_client.h).
Result<std::unique_ptr<Node>> node_of_data(const std::string& data);

}  // namespace holdfast::trade
