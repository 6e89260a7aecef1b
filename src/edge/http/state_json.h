// What the node knows, as the JSON that schema/openapi.yaml promises. Called between turns, on the node's thread:
// everything read here is durable (protocol 1.1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/node/node.h"
#include "edge/http/json_out.h"

namespace holdfast::http {

std::optional<std::string> time_text(const std::optional<Instant>& at);
std::string percent_text(std::int64_t millionths);  // "5.5"
// An older epoch's entries are as safe as our entry 0, which names them: a mirror takes nothing of a new epoch before
// it holds what that one rests on.
bool is_cosigned(const node::Safety& safety, std::uint32_t epoch, EntryIndex index);

struct AboutExtras {
  bool needs_enrolment = false;
  std::string demo_control;            // empty: no demo
  std::string store_certificate = {};  // fingerprint; empty: tills do not come by TLS
};
std::string about_json(const node::Node& node, const AboutExtras& extras);
std::string safety_json(const node::Node& node, const std::vector<std::string>& machines);
// "machines": addresses of this store's machines, into an open object.
void write_machines(JsonOut& out, const std::vector<std::string>& machines);
// {origin, size, cosigned_size, cosigned_at} into an open object.
void write_cover(JsonOut& out, const node::Safety& safety);
// "damage": [{origin, first, end}] into an open object.
void write_damage(JsonOut& out, const std::vector<node::DamageView>& damage);
// {key, ok, …} of one write.
void write_taken(JsonOut& out, std::string_view key, const fold::Taken& taken, bool is_dispatch);
void write_refused(JsonOut& out, std::string_view key, const Error& error);
std::string status_json(const node::Node& node, TillId till, const std::vector<IdempotencyKey>& keys);

void write_as_of(JsonOut& out, const node::Node& node, Instant now);
void write_product(JsonOut& out, const fold::State& state, const catalogue::Product& product);
// number, customer, state, placed_at, lines into an open object.
void write_order(JsonOut& out, const feed::Order& order);
void write_stock_item(JsonOut& out, const fold::State& state, const Sku& sku, const stock::Item& item);

std::string dispatches_json(const node::Node& node);

// listed_json.cc
std::string listed_json(const node::Node& node);
// held_json.cc
std::string held_json(const node::Node& node);
// receipt_json.cc
// "tenders": [...] into an open object.
void write_tenders(JsonOut& out, const std::vector<till::Tender>& tenders);
Result<std::string> receipt_json(const node::Node& node, const ReceiptNumber& number);  // till/unknown_receipt
// posture_json.cc
void write_alert(JsonOut& out, const guard::AlertRaised& alert);               // into an open object
void write_posture_change(JsonOut& out, const guard::PostureChanged& change);  // into an open object
// `in_full`: with what the sensors saw; for whoever is known here. `proof`: JSON of what was done beside the links.
std::string posture_json(const node::Node& node, bool in_full, const std::string& proof);
// standby_json.cc
// {phase, since, taken_over_at, ages, open} into an open object: who sells here, and what has not gone back yet.
void write_standby(JsonOut& out, const fold::State& state);
std::string standby_json(const node::Node& node);
// What is not in the journal and decides whether this site could sell now.
struct ReadyFacts {
  Instant now;
  std::int64_t age_hours_max = 36;
  std::size_t managers = 0, tills = 0, pages = 0;
  std::optional<std::uint64_t> disk_free_bytes;
  bool loopback_only = false;
  bool tills_cannot_come = false;  // though --tills is said
  std::size_t sensor_files = 0, sensor_files_unreadable = 0;
};
// Walks over the whole price list.
std::uint64_t products_without_rate(const node::Node& node);
std::string ready_json(const node::Node& node, const ReadyFacts& facts, std::uint64_t without_rate);

// feed_json.cc
// name: {fed, as_of}; as_of null: not yet known.
void write_age(JsonOut& out, std::string_view name, const feed::FeedState* feed, feed::Kind kind);
// "feed": {catalogue, stock, orders} of one site, each a time or null; null: it is not fed, or not followed here.
void write_site_feed(JsonOut& out, const fold::State& state, const SiteName& site);
std::string feed_json(const node::Node& node);
std::string orders_json(const node::Node& node, std::string_view after, std::size_t limit);

// chain_json.cc
std::string chain_json(const node::Node& node, Instant now);
std::string totals_json(const node::Node& node, Instant now);
std::string links_json(const node::Node& node);
Result<std::string> recovery_json(const node::Node& node);  // node/no_recovery
std::string metrics_text(const node::Node& node);

}  // namespace holdfast::http
