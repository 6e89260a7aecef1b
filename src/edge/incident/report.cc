#include "edge/incident/report.h"

#include <algorithm>

namespace holdfast::incident_report {
namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::int64_t hours_a_week = 7 * 24;

void put_posture(SiteSight& sight, const fold::SitePosture& posture) {
  sight.posture = std::string(posture.posture);
  sight.posture_since = posture.since;
}

void put_feed(SiteSight& sight, const feed::FeedState& feed) {
  sight.prices_as_of = feed.as_of(feed::Kind::catalogue);
  sight.stock_as_of = feed.as_of(feed::Kind::stock);
}

SiteSight sight(const SiteName& site, const till::Totals& totals, std::int64_t hour) {
  SiteSight out;
  out.site = site;
  out.now = sales_in_hour(totals, hour);
  out.before = sales_in_hour(totals, hour - 1);
  return out;
}

}  // namespace

HourSales sales_in_hour(const till::Totals& totals, std::int64_t unix_hour) {
  HourSales out;
  out.hour = Instant{unix_hour * hour_ns};
  const auto& hours = totals.hours;
  if (const auto it = hours.find(unix_hour); it != hours.end()) {
    out.count = it->second.count;
    out.gross = it->second.gross;
  }
  if (hours.empty()) return out;
  for (std::uint64_t week = 1; week <= usual_weeks_max; ++week) {
    const std::int64_t slot = unix_hour - static_cast<std::int64_t>(week) * hours_a_week;
    if (slot < hours.begin()->first) break;  // before its first trade that is kept: no history, and not "no sales"
    const auto it = hours.find(slot);
    const std::uint64_t count = it == hours.end() ? 0 : it->second.count;
    out.usual_min = week == 1 ? count : std::min(out.usual_min, count);
    out.usual_max = std::max(out.usual_max, count);
    out.weeks = week;
  }
  return out;
}

std::vector<SiteSight> sites_of(const fold::State& state, Instant now, Instant figures_from,
                                std::optional<Instant> figures_to) {
  std::vector<SiteSight> out;
  const auto figures = fold::incident_figures(state, figures_from, figures_to);
  SiteSight here = sight(state.site, state.till.totals, now.unix_ns / hour_ns);
  here.is_here = true;
  here.entries = state.size;
  here.as_of = now;
  here.figures = figures.front();
  put_posture(here, fold::posture_of(state));
  put_feed(here, state.feed);
  out.push_back(std::move(here));
  std::size_t i = 0;
  for (const auto& [site, part] : state.peers) {
    // Of a followed site, the hour in which it was last heard of: what came later is not yet known.
    SiteSight there = sight(site, part.totals, std::min(part.newest, now).unix_ns / hour_ns);
    there.entries = part.size;
    if (part.newest.unix_ns != 0) there.as_of = part.newest;
    there.figures = figures[++i];
    put_posture(there, fold::posture_of(part));
    put_feed(there, part.feed);
    out.push_back(std::move(there));
  }
  std::ranges::sort(out, {}, [](const SiteSight& s) { return std::pair(!s.is_here, s.site); });
  return out;
}

std::vector<RestsOn> rests_on(const fold::State& state, const RootOf& root, const RegistrationOf& registration) {
  std::vector<RestsOn> out;
  const auto add = [&](const Origin& origin, std::uint64_t size) {
    if (size > 0) out.push_back({origin, size, root(origin, size)});
  };
  add({state.chain, state.site, state.epoch}, state.size);
  // Earlier epochs of this site: each names the one before it in its first entry; the state knows the newest's alone.
  std::optional<std::string> named = state.registration;
  for (std::uint32_t epoch = state.epoch; named && !named->empty();) {
    const auto older = chain::parse_registration(*named);
    if (!older || older->old_origin.epoch >= epoch || older->kept_size == 0) break;
    add(older->old_origin, older->kept_size);
    epoch = older->old_origin.epoch;
    named = epoch > 1 ? registration(older->old_origin) : std::nullopt;
  }
  for (const auto& [site, part] : state.peers) {
    for (const fold::KeptPrefix& kept : part.lineage) add(kept.origin, kept.size);
    add(part.origin, part.size);
  }
  return out;
}

Result<Report> export_report(const fold::State& state, const incident::IncidentId& id) {
  return report_of(state, id, state.newest, {});
}

Result<Report> report_of(const fold::State& state, const incident::IncidentId& id, Instant now, const Live& live) {
  const auto parts = fold::incident_parts(state);
  auto all = incident::merge(parts);
  const incident::SeenIncident* found = incident::find(all, id);
  if (found == nullptr) return fail("incident/unknown", "No such incident is seen from this site.");
  Report out;
  out.chain = state.chain;
  out.currency = state.currency;
  out.currency_decimals = state.currency_decimals;
  out.site = state.site;
  out.as_of = now;
  out.incident = *found;
  out.facts = incident::facts_of(out.incident, parts);
  out.sites = sites_of(state, now, began(out.incident) - incident::facts_before_opening, ended(out.incident));
  for (const incident::Part& part : parts) out.not_kept += part.state->records_dropped + part.state->facts_dropped;
  out.next = steps_of(out, state, live);
  return out;
}

}  // namespace holdfast::incident_report
