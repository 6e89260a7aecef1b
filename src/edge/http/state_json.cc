#include "edge/http/state_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/http/problem.h"

namespace holdfast::http {
namespace {

std::string_view signing_text(const node::Safety& safety) {
  switch (safety.phase) {
    case node::Phase::rebuilding:
    case node::Phase::provisional:  // told by the field of that name
    case node::Phase::asking:
      return "asking";
    case node::Phase::signing:
      return safety.signs ? "signing" : "asking";
    case node::Phase::stopped:
      return "stopped";
  }
  return "asking";
}
}  // namespace

std::string percent_text(std::int64_t millionths) {
  std::string text = fmt::format("{}.{:04}", millionths / 10'000, millionths % 10'000);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::optional<std::string> time_text(const std::optional<Instant>& at) {
  return at ? std::optional(to_text(*at)) : std::nullopt;
}

std::string about_json(const node::Node& node, const AboutExtras& extras) {
  const chain::ChainFile& file = node.chain_file();
  const node::Safety safety = node.safety();
  const chain::Site* here = file.find(safety.origin.site);
  JsonOut out;
  out.object().field("chain", file.chain).field("site", safety.origin.site.view());
  out.field("kind", here == nullptr ? "store" : chain::to_text(here->kind));
  out.field("origin", safety.origin.text())
      .field("epoch", safety.origin.epoch)
      .field("version", node::software_version);
  out.field("price_change_percent_max", file.bounds.price_change_percent_max);
  out.field("currency", file.currency.code).field("currency_decimals", file.currency.decimals).array("languages");
  for (const std::string& language : file.languages) out.text(language);
  out.end_array().array("vat_rates");
  for (const chain::VatRate& rate : file.vat_rates) {
    out.object()
        .field("code", rate.code.view())
        .field("name", rate.name)
        .field("rate", percent_text(rate.millionths))
        .end_object();
  }
  out.end_array().field("needs_enrolment", extras.needs_enrolment);
  if (extras.store_certificate.empty()) {
    out.field_null("store_certificate");
  } else {
    out.object("store_certificate").field("sha256", extras.store_certificate).end_object();
  }
  if (extras.demo_control.empty()) {
    out.field_null("demo");
  } else {
    out.object("demo").field("control", extras.demo_control).end_object();
  }
  return out.end_object().take();
}

void write_cover(JsonOut& out, const node::Safety& safety) {
  out.field("origin", safety.origin.text()).field("size", safety.size).field("cosigned_size", safety.cosigned_size);
  out.field("cosigned_at", time_text(safety.cosigned_at));
}

void write_machines(JsonOut& out, const std::vector<std::string>& machines) {
  out.array("machines");
  for (const std::string& each : machines) out.text(each);
  out.end_array();
}

void write_damage(JsonOut& out, const std::vector<node::DamageView>& damage) {
  out.array("damage");
  for (const node::DamageView& hole : damage)
    out.object().field("origin", hole.origin.text()).field("first", hole.first).field("end", hole.end).end_object();
  out.end_array();
}

std::string safety_json(const node::Node& node, const std::vector<std::string>& machines) {
  const node::Safety safety = node.safety();
  JsonOut out;
  out.object();
  write_cover(out, safety);
  out.field("epoch", safety.origin.epoch)
      .field("signing", signing_text(safety))
      .field("provisional", safety.provisional);
  out.field("quorum", safety.quorum).array("mirrors");
  for (const node::MirrorView& mirror : safety.mirrors) {
    out.object()
        .field("site", mirror.site.view())
        .field("held", mirror.held)
        .field("last_heard_at", time_text(mirror.heard_at))
        .end_object();
  }
  out.end_array().field("no_copy_elsewhere_since", time_text(safety.no_copy_since));
  if (safety.replaced_by) {
    out.object("replaced_by").field("origin", safety.replaced_by->text()).end_object();
  } else {
    out.field_null("replaced_by");
  }
  const guard::GuardState& guarded = node.state().guard;
  out.field("posture", guard::to_text(node.posture().posture));
  out.field("posture_since", guarded.since.unix_ns == 0 ? std::nullopt : std::optional(to_text(guarded.since)));
  out.field("listed", safety.listed).field("not_taken_in", safety.not_taken_in);
  out.array("missing_receipts");
  for (const ReceiptNumber& receipt : safety.missing_receipts) out.text(to_text(receipt));
  out.end_array();
  write_damage(out, safety.damage);
  if (safety.clock_behind)
    out.field("clock_behind_seconds", safety.clock_behind->ns / seconds(1).ns);
  else
    out.field_null("clock_behind_seconds");
  const auto progress = node.progress();
  out.field("waits_for", progress ? std::optional(progress->step) : std::nullopt);
  if (safety.registering.empty())
    out.field_null("registering");
  else
    out.field("registering", safety.registering);
  if (safety.spare) {
    out.object("spare").field("held", safety.spare->held).field("last_heard_at", time_text(safety.spare->heard_at));
    out.field("ready", safety.spare->is_ready).end_object();
  } else {
    out.field_null("spare");
  }
  out.field("machines_here", safety.spare && safety.spare->is_linked ? 2 : 1);
  write_machines(out, machines);
  out.object("standby");
  write_standby(out, node.state());
  return out.end_object().end_object().take();
}

void write_taken(JsonOut& out, std::string_view key, const fold::Taken& taken, bool is_dispatch) {
  out.object().field("key", key).field("ok", true).field("duplicate", taken.duplicate);
  out.field("origin", taken.origin.text()).field("index", taken.index).field("at", to_text(taken.at));
  if (taken.receipt) out.field("receipt", to_text(*taken.receipt));
  if (taken.total) out.field("total", taken.total->minor);
  if (is_dispatch) out.field("dispatch", key);
  if (taken.listed) out.field("listed", true);
  out.array("flags");
  if (taken.flags.open_price) out.text("open_price");
  if (taken.flags.price_differs) out.text("price_differs");
  if (taken.flags.below_zero) out.text("below_zero");
  if (taken.flags.renumbered) out.text("renumbered");
  if (taken.flags.resubmitted) out.text("resubmitted");
  if (taken.flags.readmitted) out.text("readmitted");
  if (taken.flags.rung_alone) out.text("rung_alone");
  out.end_array().end_object();
}
void write_refused(JsonOut& out, std::string_view key, const Error& error) {
  out.object().field("key", key).field("ok", false).object("problem");
  write_problem(out, error);
  out.end_object().end_object();
}

bool is_cosigned(const node::Safety& safety, std::uint32_t epoch, EntryIndex index) {
  return (epoch < safety.origin.epoch ? 0 : index) < safety.cosigned_size;
}

std::string status_json(const node::Node& node, TillId till, const std::vector<IdempotencyKey>& keys) {
  const fold::State& state = node.state();
  const node::Safety safety = node.safety();
  JsonOut out;
  out.object().array("writes");
  for (const IdempotencyKey& key : keys) {
    out.object().field("key", to_hex(key.bytes));
    if (const fold::KnownWrite* known = state.find_write({till, key})) {
      // What was put on the list is as safe as the entry that says so.
      const bool is_safe = is_cosigned(safety, known->epoch, known->index);
      Origin origin = safety.origin;
      origin.epoch = known->epoch;
      out.field("state", !is_safe ? "durable" : known->listed ? "listed" : "cosigned");
      out.field("origin", origin.text()).field("index", known->index);
    } else {
      out.field("state", "unknown");
    }
    out.end_object();
  }
  return out.end_array().end_object().take();
}

void write_as_of(JsonOut& out, const node::Node& node, Instant now) {
  const node::Safety safety = node.safety();
  out.object("as_of")
      .field("origin", safety.origin.text())
      .field("size", safety.size)
      .field("at", to_text(now))
      .end_object();
}

void write_product(JsonOut& out, const fold::State& state, const catalogue::Product& product) {
  out.object().field("sku", product.sku.view());
  if (product.gtin.empty()) {
    out.field_null("gtin");
  } else {
    out.field("gtin", product.gtin);
  }
  out.field("name", product.name).field("unit_price", to_text(product.unit_price)).field("vat", product.vat.view());
  out.field("goods", product.goods);
  const auto item = state.stock.items.find(product.sku);
  if (!product.goods || item == state.stock.items.end()) {
    out.field_null("stock");
  } else {
    out.field("stock", to_text(item->second.on_hand));
  }
  out.end_object();
}

void write_order(JsonOut& out, const feed::Order& order) {
  out.field("number", order.number).field("state", order.state);
  if (order.customer.is_zero()) {
    out.field_null("customer");
  } else {
    out.field("customer", to_hex(order.customer.bytes));
  }
  if (order.placed_at.unix_ns == 0) {
    out.field_null("placed_at");
  } else {
    out.field("placed_at", to_text(order.placed_at));
  }
  out.array("lines");
  for (const feed::OrderLine& line : order.lines)
    out.object().field("sku", line.sku.view()).field("quantity", to_text(line.quantity)).end_object();
  out.end_array();
}

void write_stock_item(JsonOut& out, const fold::State& state, const Sku& sku, const stock::Item& item) {
  const catalogue::CatalogueState* prices = state.prices();
  const catalogue::Listed* listed = prices == nullptr ? nullptr : prices->find(sku);
  out.object().field("sku", sku.view()).field("name", listed == nullptr ? std::string_view() : listed->product.name);
  out.field("on_hand", to_text(item.on_hand)).field("count_wanted", item.count_wanted).end_object();
}

// ---- stock between sites

namespace {

constexpr std::size_t dispatches_shown_max = 500;
constexpr std::string_view dispatch_received = "received";

void write_goods(JsonOut& out, const fold::State& state, const std::vector<stock::Line>& lines) {
  const catalogue::CatalogueState* prices = state.prices();
  out.array("lines");
  for (const stock::Line& line : lines) {
    const catalogue::Listed* listed = prices == nullptr ? nullptr : prices->find(line.sku);
    out.object()
        .field("sku", line.sku.view())
        .field("name", listed == nullptr ? std::string_view() : listed->product.name);
    out.field("quantity", to_text(line.quantity)).end_object();
  }
  out.end_array();
}

// The newest first, at most dispatches_shown_max. What has arrived gives way: what has not is what somebody must look
// for.
template <class Found>
void keep_newest(std::vector<Found>& found) {
  const auto is_newer = [](const Found& a, const Found& b) { return b.sent->at < a.sent->at; };
  std::ranges::sort(found, is_newer);
  if (found.size() <= dispatches_shown_max) return;
  std::ranges::stable_partition(found, [](const Found& each) { return each.state != dispatch_received; });
  found.resize(dispatches_shown_max);
  std::ranges::sort(found, is_newer);
}

}  // namespace

std::string dispatches_json(const node::Node& node) {
  const fold::State& state = node.state();
  struct Found {
    std::string_view site;
    const DispatchId* id;
    const stock::Sent* sent;
    std::string_view state;
  };
  std::vector<Found> incoming, outgoing;
  for (const auto& [site, peer] : state.peers) {
    for (const auto& [id, sent] : peer.dispatches) {
      if (sent.to == state.site && !state.stock.arrived.contains(id))
        incoming.push_back({site.view(), &id, &sent, "in_transit"});
    }
  }
  for (const auto& [id, sent] : state.stock.sent) {
    const auto peer = state.peers.find(sent.to);
    const std::string_view known = peer == state.peers.end()            ? "not yet known"
                                   : peer->second.arrivals.contains(id) ? dispatch_received
                                                                        : "in_transit";
    outgoing.push_back({sent.to.view(), &id, &sent, known});
  }
  keep_newest(incoming);
  keep_newest(outgoing);
  JsonOut out;
  out.object();
  const auto write = [&](std::string_view list, std::string_view who, const std::vector<Found>& all) {
    out.array(list);
    for (const Found& found : all) {
      out.object()
          .field(who, found.site)
          .field("dispatch", to_hex(found.id->bytes))
          .field("at", to_text(found.sent->at));
      write_goods(out, state, found.sent->lines);
      out.field("state", found.state).end_object();
    }
    out.end_array();
  };
  write("incoming", "from", incoming);
  write("outgoing", "to", outgoing);
  return out.end_object().take();
}

}  // namespace holdfast::http
