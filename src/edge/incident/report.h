// What is told about an incident: to the page, to the command line, and as the two files of the export.
//
// Shape:  report_of() is a function of a folded state and a time, and of nothing else; so an export of the same
//         journals up to the same size gives the same bytes on any machine, any day. What only a running node knows (no
//         copy elsewhere) comes in as Live and is not in an export.
//         A Report points into the state that it was made of.
// Errors: incident/unknown.
// Source: docs/incident-guide.md, 1a; schema/incident-export.schema.json describes write_report_json() with `rests_on`.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/fold/incidents.h"
#include "edge/http/json_out.h"

namespace holdfast::incident_report {

enum class Language { en, fr };

// Sales of a site in one hour, against the same hour of the same weekday before.
inline constexpr std::uint64_t usual_weeks_max = 8;
inline constexpr std::uint64_t usual_weeks_min = 3;  // fewer are no range
struct HourSales {
  Instant hour;  // its beginning
  std::uint64_t count = 0;
  Money gross;
  std::uint64_t weeks = 0;  // so many weeks of history
  std::uint64_t usual_min = 0, usual_max = 0;

  bool has_usual() const { return weeks >= usual_weeks_min; }
};
HourSales sales_in_hour(const till::Totals& totals, std::int64_t unix_hour);

struct SiteSight {
  SiteName site;
  bool is_here = false;
  std::string posture;  // empty: not yet known
  std::optional<Instant> posture_since;
  std::uint64_t entries = 0;                         // of its journal
  std::optional<Instant> as_of;                      // time of the newest event that is known of it
  std::optional<Instant> prices_as_of, stock_as_of;  // by the old system that feeds it; none: not fed
  HourSales now, before;                             // the hour of as_of so far, and the last full one
  incident::SiteFigures figures;
};
enum class For { store, security, lawyer };
struct Step {
  std::string_view code;
  For whom = For::security;
  std::string en, fr;
  std::optional<Instant> at;  // a deadline, or since when
};
struct Live {
  std::optional<Instant> no_copy_since;
  std::set<SiteName> silent;  // of whom nobody knows how they are now: a seal says nothing to other sites
};
struct RestsOn {
  Origin origin;
  std::uint64_t size = 0;
  std::optional<Hash> root;
};

struct Report {
  std::string chain, currency;
  int currency_decimals = 2;
  SiteName site;
  Instant as_of;
  incident::SeenIncident incident;
  std::vector<incident::SeenFact> facts;
  std::vector<SiteSight> sites;
  std::vector<Step> next;
  std::uint64_t not_kept = 0;  // records and facts that a part had no room for
};

std::vector<SiteSight> sites_of(const fold::State& state, Instant now, Instant figures_from,
                                std::optional<Instant> figures_to = {});
// Without an incident: what anybody should do with this site's posture.
std::vector<Step> steps_without_incident(const fold::State& state, const Live& live);
Result<Report> report_of(const fold::State& state, const incident::IncidentId& id, Instant now, const Live& live);
std::vector<Step> steps_of(const Report& report, const fold::State& state, const Live& live);

// The journals that a state was folded from; `root` finds a root, null where that journal is not at hand.
using RootOf = std::function<std::optional<Hash>(const Origin&, std::uint64_t size)>;
// The registration that the first entry of an epoch of this site names; empty, or null: it continues none.
using RegistrationOf = std::function<std::optional<std::string>(const Origin&)>;
std::vector<RestsOn> rests_on(const fold::State& state, const RootOf& root, const RegistrationOf& registration);
// The report of an export: as of the newest event of the journals themselves.
Result<Report> export_report(const fold::State& state, const incident::IncidentId& id);

// Into an open object.
void write_sites(http::JsonOut& out, const std::vector<SiteSight>& sites);
void write_steps(http::JsonOut& out, const std::vector<Step>& steps);
void write_report(http::JsonOut& out, const Report& report);

// The two files of an export. The HTML needs no script and no other file, and asks nobody for anything.
std::string export_json(const Report& report, const std::vector<RestsOn>& rests_on);
std::string export_html(const Report& report, const std::vector<RestsOn>& rests_on, Language language);
// "2026-11-25 03:04:05 UTC"
std::string utc_text(Instant at);

}  // namespace holdfast::incident_report
