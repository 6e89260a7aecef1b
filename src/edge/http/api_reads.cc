// Reads: from the node's durable state, between turns.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "edge/http/api.h"
#include "edge/http/problem.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

constexpr std::size_t results_max = 1000;
constexpr std::size_t results_default = 20;
constexpr std::size_t status_keys_max = 100;
// Products looked at between two turns, so that a search holds up no sale for longer than a commit takes.
constexpr std::size_t search_step_items = 2000;
constexpr std::size_t query_bytes_max = 100;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}
bool contains_ignoring_case(std::string_view text, std::string_view lower_word) {
  return !std::ranges::search(text, lower_word, [](char a, char b) { return lower(a) == b; }).empty();
}

Result<std::size_t> limit_of(const std::map<std::string, std::string>& query) {
  const auto given = query.find("limit");
  if (given == query.end()) return results_default;
  std::size_t limit = 0;
  const char* end = given->second.data() + given->second.size();
  const auto [stop, error] = std::from_chars(given->second.data(), end, limit);
  if (error != std::errc() || stop != end || limit < 1 || limit > results_max) {
    return fail("http/bad_value", fmt::format("limit must be a number from 1 to {}.", results_max));
  }
  return limit;
}

std::string value_of(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

}  // namespace

void Api::get_about(const CallPtr& call) {
  AboutExtras extras{parts_.credentials.needs_enrolment(), settings_.demo_control,
                     parts_.tills == nullptr ? std::string() : parts_.tills->authority_fingerprint()};
  read(call, [extras = std::move(extras)](const node::Node& node) { return about_json(node, extras); });
}
void Api::get_safety(const CallPtr& call) {
  read(call, [machines = machines()](const node::Node& node) { return safety_json(node, machines); });
}
void Api::get_dispatches(const CallPtr& call) { read(call, dispatches_json); }
void Api::get_held(const CallPtr& call) { read(call, held_json); }
void Api::get_listed(const CallPtr& call) { read(call, listed_json); }
void Api::get_links(const CallPtr& call) { read(call, links_json); }
void Api::get_feed(const CallPtr& call) { read(call, feed_json); }
void Api::get_orders(const CallPtr& call) {
  const auto limit = limit_of(call->query);
  if (!limit) return call->refuse(limit.error());
  read(call, [after = value_of(call->query, "after"), limit = *limit](const node::Node& node) {
    return orders_json(node, after, limit);
  });
}
void Api::get_chain(const CallPtr& call) {
  read(call, [now = parts_.clock.now()](const node::Node& node) { return chain_json(node, now); });
}
void Api::get_totals(const CallPtr& call) {
  read(call, [now = parts_.clock.now()](const node::Node& node) { return totals_json(node, now); });
}

void Api::get_recovery(const CallPtr& call) {
  parts_.node.read([call](const node::Node& node) {
    auto report = recovery_json(node);
    if (!report) return call->refuse(report.error());
    call->answer(std::move(*report));
  });
}

void Api::get_metrics(const CallPtr& call) {
  const SensorFileCount sensors = parts_.sensor_files ? parts_.sensor_files() : SensorFileCount{};
  parts_.node.read([call, sensors, &counters = parts_.counters, tills = parts_.tills](const node::Node& node) {
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_text(node);
    const auto add = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
      response.body +=
          fmt::format("# HELP holdfast_{0} {1}\n# TYPE holdfast_{0} {2}\nholdfast_{0} {3}\n", name, help, type, value);
    };
    add("http_requests_total", "counter", "HTTP requests.", counters.requests.load());
    add("http_problems_total", "counter", "Answers with a status of 400 to 499.", counters.problems.load());
    add("http_failures_total", "counter", "Answers with a status of 500 and above.", counters.failures.load());
    add("http_connections_total", "counter", "Connections accepted.", counters.connections.load());
    add("http_connections_displaced_total", "counter", "Closed to make room for somebody else's.",
        counters.displaced_connections.load());
    add("http_connections_refused_total", "counter", "Connections over the limit.",
        counters.refused_connections.load());
    add("http_connections_open", "gauge", "Connections open now.", counters.open_connections.load());
    add("sensor_files_unreadable", "gauge",
        "Files of sensors in guard.toml that cannot be read: nothing of them is heard.", sensors.unreadable);
    // Absent where tills do not come by TLS, or not yet.
    if (const auto ends = tills == nullptr ? std::nullopt : tills->ends()) {
      add("tills_certificate_ends_seconds", "gauge",
          "When this machine's certificate for tills ends, in seconds since 1970.",
          ends->certificate.unix_ns / 1'000'000'000);
      add("tills_authority_ends_seconds", "gauge",
          "When the store's certificate ends, which every till trusts, in seconds since 1970.",
          ends->authority.unix_ns / 1'000'000'000);
    }
    call->done(std::move(response));
  });
}

// Answered by the node's thread: a node that hangs is not healthy.
void Api::get_health(const CallPtr& call) {
  parts_.node.read([call](const node::Node&) {
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "ok\n";
    call->done(std::move(response));
  });
}

void Api::get_status(const CallPtr& call) {
  if (call->keys.empty() || call->keys.size() > status_keys_max) {
    return call->refuse({"http/bad_value", fmt::format("Ask for 1 to {} keys: ?key=...&key=...", status_keys_max)});
  }
  std::vector<IdempotencyKey> keys;
  for (const std::string& text : call->keys) {
    const auto key = array_from_hex<16>(text);
    if (!key) return call->refuse({"http/bad_value", "key must be 32 hexadecimal digits."});
    keys.push_back({*key});
  }
  read(call, [till = call->asker.till, keys = std::move(keys)](const node::Node& node) {
    return status_json(node, till, keys);
  });
}

void Api::get_product(const CallPtr& call) {
  parts_.node.read([call](const node::Node& node) {
    const catalogue::Listed* listed = node.state().find_product(call->argument);
    if (listed == nullptr) {
      return call->refuse({"catalogue/unknown_sku",
                           fmt::format("\"{}\" is no SKU or GTIN that is listed here.", call->argument.substr(0, 60))});
    }
    JsonOut out;
    write_product(out, node.state(), listed->product);
    call->answer(out.take());
  });
}

void Api::get_receipt(const CallPtr& call) {
  const auto number = parse_receipt(call->argument);
  if (!number) return call->refuse(number.error());
  parts_.node.read([call, number = *number](const node::Node& node) {
    auto receipt = receipt_json(node, number);
    if (!receipt) return call->refuse(receipt.error());
    call->answer(std::move(*receipt));
  });
}

// ---- looking things up, a step between two turns

struct Api::Search {
  CallPtr call;
  bool of_stock = false;
  std::vector<std::string> words;  // lower case; all must be found
  std::string after;               // only what comes behind this SKU
  std::size_t limit = 0, found = 0;
  JsonOut out;

  bool fits(std::string_view sku, std::string_view gtin, std::string_view name) const {
    return std::ranges::all_of(words, [&](const std::string& word) {
      return contains_ignoring_case(name, word) || contains_ignoring_case(sku.substr(0, word.size()), word) ||
             gtin == word;
    });
  }
};

void Api::get_products(const CallPtr& call) { search(call, false); }
void Api::get_stock(const CallPtr& call) { search(call, true); }

void Api::search(const CallPtr& call, bool of_stock) {
  const auto limit = limit_of(call->query);
  if (!limit) return call->refuse(limit.error());
  auto search = std::make_shared<Search>();
  search->call = call;
  search->of_stock = of_stock;
  search->limit = *limit;
  search->after = value_of(call->query, "after");
  if (search->after.size() > Sku::bytes_max) return call->refuse({"http/bad_value", "after must be a SKU."});
  const std::string query = lower(value_of(call->query, "q"));
  // Each word is looked for in each product, on the node's thread.
  if (query.size() > query_bytes_max)
    return call->refuse({"http/bad_value", fmt::format("q must be no longer than {} bytes.", query_bytes_max)});
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find(' ', at), query.size());
    if (end > at) search->words.push_back(query.substr(at, end - at));
    at = end + 1;
  }
  parts_.node.read([this, search](const node::Node& node) {
    search->out.object();
    if (search->of_stock || node.state().prices() != nullptr) {
      write_as_of(search->out, node, parts_.clock.now());
    } else {
      search->out.field_null("as_of");
    }
    if (search->of_stock) {
      write_age(search->out, "levels", &node.state().feed, feed::Kind::stock);
    } else {
      write_age(search->out, "prices", node.state().prices_feed(), feed::Kind::catalogue);
    }
    search->out.array("products");
    search_step(search, node);
  });
}

void Api::search_step(const std::shared_ptr<Search>& search, const node::Node& node) {
  const fold::State& state = node.state();
  const catalogue::CatalogueState* prices = state.prices();
  std::size_t looked_at = 0;
  const auto walk = [&](const auto& map, const auto& look) {
    auto it = search->after.empty() ? map.begin() : map.upper_bound(Sku(search->after));
    for (; it != map.end() && search->found < search->limit; ++it) {
      if (++looked_at > search_step_items) return false;
      search->after = it->first.str();
      look(it->first, it->second);
    }
    return true;
  };
  bool at_end = true;
  if (search->of_stock) {
    at_end = walk(state.stock.items, [&](const Sku& sku, const stock::Item& item) {
      const catalogue::Listed* listed = prices == nullptr ? nullptr : prices->find(sku);
      const bool fits = listed == nullptr ? search->fits(sku.view(), "", "")
                                          : search->fits(sku.view(), listed->product.gtin, listed->product.name);
      if (!fits) return;
      ++search->found;
      write_stock_item(search->out, state, sku, item);
    });
  } else if (prices != nullptr) {
    at_end = walk(prices->products, [&](const Sku& sku, const catalogue::Listed& listed) {
      if (!search->fits(sku.view(), listed.product.gtin, listed.product.name)) return;
      ++search->found;
      write_product(search->out, state, listed.product);
    });
  }
  if (!at_end) {
    parts_.node.read([this, search](const node::Node& later) { search_step(search, later); });
    return;
  }
  search->call->answer(search->out.end_array().end_object().take());
}

}  // namespace holdfast::http
