// What was fed, and how old it is.
#include <algorithm>

#include "edge/http/state_json.h"

namespace holdfast::http {

void write_age(JsonOut& out, std::string_view name, const feed::FeedState* feed, feed::Kind kind) {
  const auto as_of = feed == nullptr ? std::nullopt : feed->as_of(kind);
  out.object(name).field("fed", as_of.has_value()).field("as_of", time_text(as_of)).end_object();
}

void write_site_feed(JsonOut& out, const fold::State& state, const SiteName& site) {
  const auto peer = state.peers.find(site);
  const feed::FeedState* feed = site == state.site          ? &state.feed
                                : peer == state.peers.end() ? nullptr
                                                            : &peer->second.feed;
  if (feed == nullptr || !feed->is_fed()) {
    out.field_null("feed");
    return;
  }
  out.object("feed");
  for (const feed::Kind kind : {feed::Kind::catalogue, feed::Kind::stock, feed::Kind::orders})
    out.field(feed::to_text(kind), time_text(feed->as_of(kind)));
  out.end_object();
}

std::string feed_json(const node::Node& node) {
  const fold::State& state = node.state();
  JsonOut out;
  out.object().field("site", node.safety().origin.site.view()).field("fed", state.feed.is_fed());
  write_age(out, "prices", state.prices_feed(), feed::Kind::catalogue);
  write_age(out, "stock", &state.feed, feed::Kind::stock);
  write_age(out, "orders", &state.feed, feed::Kind::orders);
  out.field("open_orders", state.feed.orders.size()).array("files");
  for (const auto& [key, taken] : state.feed.streams) {
    const feed::FeedTaken& file = taken.file;
    out.object().field("kind", feed::to_text(file.kind)).field("stream", file.stream).field("file", file.file);
    out.field("sha256", to_hex(file.sha256)).field("as_of", to_text(file.as_of)).field("taken_at", to_text(taken.at));
    out.field("whole", file.whole).field("accepted", file.accepted).field("rows", file.rows);
    out.field("refused", file.refused).field("taken", file.taken).field("changed", file.changed).end_object();
  }
  return out.end_array().end_object().take();
}

std::string orders_json(const node::Node& node, std::string_view after, std::size_t limit) {
  const fold::State& state = node.state();
  JsonOut out;
  out.object();
  write_age(out, "orders_age", &state.feed, feed::Kind::orders);
  out.field("open_orders", state.feed.orders.size()).array("orders");
  std::size_t left = limit;
  for (auto it = after.empty() ? state.feed.orders.begin() : state.feed.orders.upper_bound(std::string(after));
       it != state.feed.orders.end() && left > 0; ++it, --left) {
    out.object();
    write_order(out, it->second);
    out.end_object();
  }
  return out.end_array().end_object().take();
}

}  // namespace holdfast::http
