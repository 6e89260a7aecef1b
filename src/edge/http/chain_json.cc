// The chain as this node sees it: sites, totals, links, recovery; and the numbers for Prometheus.
#include <fmt/format.h>

#include <algorithm>

#include "core/journal/peek.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

std::string_view trading_text(node::Trading trading) {
  switch (trading) {
    case node::Trading::yes:
      return "yes";
    case node::Trading::no:
      return "no";
    case node::Trading::not_yet_known:
      return "not yet known";
  }
  return "not yet known";
}
std::string_view link_text(node::LinkState state) {
  switch (state) {
    case node::LinkState::up:
      return "up";
    case node::LinkState::down:
      return "down";
    case node::LinkState::cut:
      return "cut";
  }
  return "down";
}

void write_link(JsonOut& out, std::string_view name, const node::LinkView& link) {
  out.object().field(name, link.to.view()).field("state", link_text(link.state)).array("roles");
  if (link.mirrors_us || link.we_mirror) out.text("mirror");
  if (link.we_follow || link.follows_us) out.text("follow");
  out.end_array().end_object();
}

constexpr std::int64_t ns_a_minute = 60'000'000'000;

void write_sales(JsonOut& out, const till::Totals* totals, Instant now) {
  if (totals == nullptr) {
    out.field_null("sales");
    return;
  }
  const std::int64_t minute_now = now.unix_ns / ns_a_minute;
  out.object("sales").array("minutes");
  for (auto it = totals->minutes.lower_bound(minute_now - 59); it != totals->minutes.end(); ++it) {
    out.object().field("at", to_text(Instant{it->first * ns_a_minute})).field("count", it->second.count);
    out.field("gross", it->second.gross.minor).end_object();
  }
  out.end_array();
  const auto today = totals->days.find(minute_now / (24 * 60));
  const till::MinuteSales sum = today == totals->days.end() ? till::MinuteSales{} : today->second;
  out.field("today_count", sum.count).field("today_gross", sum.gross.minor).end_object();
}

void write_site(JsonOut& out, const fold::State& state, const node::SiteView& view, Instant now) {
  out.object().field("site", view.site.view()).field("kind", chain::to_text(view.kind)).field("is_here", view.is_here);
  out.field("origin", view.origin ? view.origin->text() : std::string())
      .field("epoch", view.origin ? view.origin->epoch : 0);
  out.field("trading", trading_text(view.trading)).field("last_heard_at", time_text(view.heard_at));
  out.field("size", view.size)
      .field("cosigned_size", view.cosigned_size)
      .field("cosigned_at", time_text(view.cosigned_at));
  if (view.size && view.cosigned_size) {
    out.field("lag", *view.size - std::min(*view.size, *view.cosigned_size));
  } else {
    out.field_null("lag");
  }
  out.field("held_here", view.held_here)
      .field("followed_size", view.followed_size)
      .field("posture", view.posture ? guard::to_text(*view.posture) : std::string_view("not yet known"))
      .array("links");
  for (const node::LinkView& link : view.links) write_link(out, "to", link);
  out.end_array();
  write_sales(out, view.totals, now);
  write_site_feed(out, state, view.site);
  out.field("contradictions", view.contradictions).end_object();
}

void write_contradictions(JsonOut& out, const fold::State& state) {
  out.array("contradictions");
  for (std::size_t i = 0; i < state.contradictions.size(); ++i) {
    const fold::ContradictionSeen& seen = state.contradictions[i];
    const auto size_of = [](const std::string& note) -> std::optional<std::uint64_t> {
      const auto checkpoint = journal::peek_checkpoint(note);
      return checkpoint ? std::optional(checkpoint->size) : std::nullopt;
    };
    out.object()
        .field("origin", seen.origin.text())
        .field("size_a", size_of(seen.note_a))
        .field("size_b", size_of(seen.note_b));
    out.field_null("seen_at").field("evidence", node::Node::evidence_path(seen.origin, i)).end_object();
  }
  out.end_array();
}

void write_recovery(JsonOut& out, const node::RecoveryReport& report) {
  out.field("site", report.new_origin.site.view()).field("old_origin", report.old_origin.text());
  out.field("new_origin", report.new_origin.text())
      .field("cosigned", report.cosigned)
      .field("announced", report.announced);
  out.field("announced_at", time_text(report.announced_at)).field("readmitted", report.readmitted);
  out.field("resubmitted", report.resubmitted)
      .field("listed", report.listed)
      .field("known_lost_count", report.known_lost);
  out.array("known_lost");
  if (report.known_lost > 0) {
    out.object().field("source", "heartbeat").field("origin", report.old_origin.text());
    out.field("what", fmt::format("{} entries were announced and have not come back", report.known_lost));
    out.field("from", report.cosigned)
        .field("to", report.announced)
        .field("at", time_text(report.announced_at))
        .end_object();
  }
  for (const ReceiptNumber& receipt : report.missing_receipts) {
    out.object().field("source", "till").field("receipt", to_text(receipt));
    out.field("what", fmt::format("receipt {} was given out and has not come back", to_text(receipt))).end_object();
  }
  out.end_array().field("not_yet_known_since", time_text(report.not_yet_known_since));
  out.field("entries_fetched", report.entries_fetched).field("bytes_fetched", report.bytes_fetched);
}

}  // namespace

std::string chain_json(const node::Node& node, Instant now) {
  const chain::ChainFile& file = node.chain_file();
  JsonOut out;
  out.object().field("here", node.safety().origin.site.view()).field("as_of", to_text(now));
  out.field("currency", file.currency.code).field("currency_decimals", file.currency.decimals).array("sites");
  for (const node::SiteView& view : node.sites()) write_site(out, node.state(), view, now);
  out.end_array();
  write_contradictions(out, node.state());
  if (const auto report = node.recovery()) {
    out.object("recovery");
    write_recovery(out, *report);
    out.end_object();
  } else {
    out.field_null("recovery");
  }
  if (const auto progress = node.progress()) out.field("rebuilding", progress->step);
  return out.end_object().take();
}

Result<std::string> recovery_json(const node::Node& node) {
  if (node.progress()) return fail("node/rebuilding", "This site is being rebuilt; the report comes when it is done.");
  const auto report = node.recovery();
  if (!report) return fail("node/no_recovery", "This site's journal is its first: nothing has been rebuilt.");
  JsonOut out;
  out.object();
  write_recovery(out, *report);
  return out.end_object().take();
}

std::string links_json(const node::Node& node) {
  JsonOut out;
  out.object().array("links");
  for (const node::LinkView& link : node.links()) write_link(out, "site", link);
  return out.end_array().end_object().take();
}

namespace {

void write_totals(JsonOut& out, const Origin& origin, const till::Totals& totals, Quantity stock, std::uint64_t size) {
  out.object().field("site", origin.site.view()).field("origin", origin.text()).field("sales", totals.sales);
  out.field("refunds", totals.refunds).field("refunds_without_receipt", totals.refunds_without_receipt);
  out.field("gross", totals.gross.minor).object("by_vat");
  for (const auto& [code, sum] : totals.by_vat) {
    out.object(code.view()).field("gross", sum.gross.minor).field("vat", sum.vat.minor).end_object();
  }
  out.end_object().object("by_tender").field("cash", totals.cash.minor).field("card", totals.card.minor).end_object();
  out.field("units", to_text(totals.units))
      .field("stock_units", to_text(stock))
      .field("followed_size", size)
      .end_object();
}

}  // namespace

std::string totals_json(const node::Node& node, Instant now) {
  const fold::State& state = node.state();
  const node::Safety safety = node.safety();
  JsonOut out;
  out.object();
  write_as_of(out, node, now);
  out.array("sites");
  write_totals(out, safety.origin, state.till.totals, state.stock.total, safety.size);
  for (const auto& [site, peer] : state.peers) write_totals(out, peer.origin, peer.totals, peer.stock_total, peer.size);
  return out.end_array().end_object().take();
}

// ---- Prometheus

std::string metrics_text(const node::Node& node) {
  const node::Safety safety = node.safety();
  const node::Node::Counters& n = node.counters();
  std::string out;
  const auto metric = [&](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    out += fmt::format("# HELP holdfast_{0} {1}\n# TYPE holdfast_{0} {2}\nholdfast_{0} {3}\n", name, help, type, value);
  };
  metric("journal_entries", "gauge", "Durable entries of this site's journal.", safety.size);
  metric("journal_cosigned_entries", "gauge", "Entries under a checkpoint that a quorum of mirrors has signed.",
         safety.cosigned_size);
  metric("epoch", "gauge", "Epoch of this site's journal.", safety.origin.epoch);
  metric("signing", "gauge", "1: this node signs checkpoints.", safety.signs ? 1 : 0);
  metric("listed", "gauge", "Items on the list for a person.", safety.listed);
  metric("not_taken_in", "gauge", "Entries of the old machine's journal that have not come here.", safety.not_taken_in);
  metric("clock_behind_seconds", "gauge",
         "By so much the newest event is ahead of this machine's clock; 0: by no more than five minutes.",
         safety.clock_behind ? static_cast<std::uint64_t>(safety.clock_behind->ns / seconds(1).ns) : 0);
  metric("turns_total", "counter", "Turns of the node.", n.turns);
  metric("commits_total", "counter", "Commit records written.", n.commits);
  metric("entries_total", "counter", "Entries appended.", n.entries);
  metric("writes_taken_total", "counter", "Writes taken.", n.writes_taken);
  metric("writes_refused_total", "counter", "Writes refused.", n.writes_refused);
  metric("writes_duplicate_total", "counter", "Writes that were known already.", n.duplicates);
  metric("checkpoints_total", "counter", "Checkpoints signed.", n.checkpoints);
  metric("cosigned_checkpoints_total", "counter", "Checkpoints that a quorum has signed.", n.cosigned);
  metric("cosignatures_given_total", "counter", "Cosignatures given to other sites.", n.cosignatures_given);
  metric("messages_in_total", "counter", "Link messages received.", n.messages_in);
  metric("messages_out_total", "counter", "Link messages sent.", n.messages_out);
  metric("messages_refused_total", "counter", "Link messages refused.", n.messages_refused);
  metric("link_bytes_in_total", "counter", "Bytes received over links.", n.bytes_in);
  metric("link_bytes_out_total", "counter", "Bytes sent over links.", n.bytes_out);
  metric("followed_entries_total", "counter", "Entries of peers taken into this site's state.", n.followed_entries);
  metric("posture", "gauge", "0 open, 1 guarded, 2 sealed, 3 rejoining.",
         static_cast<std::uint64_t>(node.posture().posture));
  metric("seals_total", "counter", "How often this site was sealed, by its journal.", node.state().guard.seals);
  metric("alerts_total", "counter", "Alerts that came in.", n.alerts);
  metric("alerts_benign_total", "counter", "Alerts that a rule calls benign, or below its count.", n.alerts_benign);
  metric("snapshots_total", "counter", "Snapshots written.", n.snapshots);
  metric("damage", "gauge", "Holes in the journals on this disk that are not put back yet (200 at most).",
         safety.damage.size());
  metric("damage_found_total", "counter", "Holes found in the journals on this disk.", n.holes_found);
  metric("damage_mended_total", "counter", "Holes put back from other machines, proven by what was signed.",
         n.holes_mended);
  metric("mended_entries_total", "counter", "Entries put back.", n.entries_mended);
  metric("mended_bytes_total", "counter", "Bytes of entries that were fetched to put them back.", n.bytes_mended);
  metric("mends_refused_total", "counter", "Entries given that are not what was there.", n.bad_mends_refused);
  metric("scrubbed_bytes_total", "counter", "Bytes of journals read again to look for damage.", n.bytes_scrubbed);
  metric("scrub_rounds_total", "counter", "How often all of them were read through.", n.scrub_rounds);
  std::size_t up = 0, cut = 0;
  for (const node::LinkView& link : node.links()) {
    up += link.state == node::LinkState::up ? 1 : 0;
    cut += link.state == node::LinkState::cut ? 1 : 0;
  }
  metric("links_up", "gauge", "Links that are up.", up);
  metric("links_cut", "gauge", "Links that somebody here has cut.", cut);
  // Absent while not yet known, as Prometheus wants it.
  const auto age = [&](std::string_view name, std::string_view what, const feed::FeedState* feed, feed::Kind kind) {
    const auto as_of = feed == nullptr ? std::nullopt : feed->as_of(kind);
    if (as_of)
      metric(name, "gauge", fmt::format("When the old system's {} were true, in seconds since 1970.", what),
             static_cast<std::uint64_t>(as_of->unix_ns / 1'000'000'000));
  };
  const fold::State& state = node.state();
  age("feed_prices_as_of_seconds", "prices", state.prices_feed(), feed::Kind::catalogue);
  age("feed_stock_as_of_seconds", "stock levels", &state.feed, feed::Kind::stock);
  age("feed_orders_as_of_seconds", "open orders", &state.feed, feed::Kind::orders);
  return out;
}

}  // namespace holdfast::http
