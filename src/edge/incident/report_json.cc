#include "edge/http/json_out.h"
#include "edge/incident/report.h"

namespace holdfast::incident_report {
namespace {

using http::JsonOut;

std::optional<std::string> time_or_null(const std::optional<Instant>& at) {
  return at ? std::optional(to_text(*at)) : std::nullopt;
}
void write_person(JsonOut& out, std::string_view name, const SubjectId& person) {
  if (person.is_zero())
    out.field_null(name);
  else
    out.field(name, to_hex(person.bytes));
}

void write_figures(JsonOut& out, const incident::SiteFigures& f) {
  out.field("as_of_entries", f.as_of)
      .field("is_sealed", f.is_sealed)
      .field("sealed_seconds", f.sealed.ns / 1'000'000'000);
  out.field("sales", f.sales).field("gross", f.gross.minor).field("waiting", f.waiting).field("alerts", f.alerts);
}

void write_hour(JsonOut& out, std::string_view name, const HourSales& hour) {
  out.object(name).field("hour", to_text(hour.hour)).field("count", hour.count).field("gross", hour.gross.minor);
  out.field("weeks", hour.weeks);
  if (hour.has_usual())
    out.field("usual_min", hour.usual_min).field("usual_max", hour.usual_max);
  else
    out.field_null("usual_min").field_null("usual_max");
  out.end_object();
}

// The part of a record that is its own.
struct WriteWhat {
  JsonOut& out;
  const Report& report;
  const incident::SeenRecord& seen;

  void operator()(const incident::IncidentOpened& e) {
    out.field("type", "opened").field("incident", to_hex(e.id.bytes)).field("title", e.title);
    if (e.cause)
      out.object("cause").field("origin", e.cause->origin.text()).field("index", e.cause->index).end_object();
    else
      out.field_null("cause");
  }
  void operator()(const incident::IncidentNoted& e) {
    out.field("type", "note").field("note", to_hex(seen.record->id.bytes)).field("kind", to_text(e.kind));
    out.field("knowing", to_text(e.knowing)).field("text", e.text);
    out.field("about_from", time_or_null(e.about.from)).field("about_to", time_or_null(e.about.to));
    write_person(out, "by_whom", e.by_whom);
    out.field("corrects", e.corrects ? std::optional(to_hex(e.corrects->bytes)) : std::nullopt);
    const auto corrected = report.incident.corrected_by.find(seen.record->id);
    const bool is_corrected = corrected != report.incident.corrected_by.end();
    out.field("corrected_by", is_corrected ? std::optional(to_hex(corrected->second.bytes)) : std::nullopt);
  }
  void operator()(const incident::TaskSet& e) {
    out.field("type", "task");
    write_task(e);
  }
  void operator()(const incident::IncidentsJoined& e) {
    out.field("type", "joined").array("incidents").text(to_hex(e.into.bytes));
    for (const incident::IncidentId& other : e.others) out.text(to_hex(other.bytes));
    out.end_array();
  }
  void operator()(const incident::IncidentClosed& e) {
    out.field("type", "closed").field("text", e.text).array("figures");
    for (const incident::SiteFigures& f : e.figures) {
      out.object().field("site", f.site.view());
      write_figures(out, f);
      out.end_object();
    }
    out.end_array();
  }
  void write_task(const incident::TaskSet& e) {
    out.field("task", to_hex(e.task.bytes)).field("text", e.text).field("state", to_text(e.state));
    write_person(out, "owner", e.owner);
  }
};

void write_place(JsonOut& out, const Report& report, const SiteName& site, const auto& at) {
  out.field("at", to_text(at.at)).field("site", site.view());
  out.field("origin", Origin{report.chain, site, at.epoch}.text()).field("index", at.index);
  write_person(out, "by", at.by);
}

// Records and facts in one order.
void write_timeline(JsonOut& out, const Report& report) {
  auto fact = report.facts.begin();
  const auto write_fact = [&] {
    out.object();
    write_place(out, report, fact->site, *fact->fact);
    out.field("type", "fact").field("kind", to_text(fact->fact->kind)).field("about", fact->fact->about);
    out.field("text", fact->fact->text).end_object();
    ++fact;
  };
  out.array("timeline");
  for (const incident::SeenRecord& seen : report.incident.records) {
    while (fact != report.facts.end() && fact->fact->at <= seen.record->at) write_fact();
    out.object();
    write_place(out, report, seen.site, *seen.record);
    std::visit(WriteWhat{out, report, seen}, seen.record->what);
    out.end_object();
  }
  while (fact != report.facts.end()) write_fact();
  out.end_array();
}

// A line for each question that a regulator asks: what is known, suspected, ruled out, or not yet known; several, where
// several notes stand.
void write_known(JsonOut& out, const Report& report) {
  out.array("known");
  for (std::uint8_t k = static_cast<std::uint8_t>(incident::NoteKind::discovered);
       k < static_cast<std::uint8_t>(incident::NoteKind::title); ++k) {
    const auto kind = static_cast<incident::NoteKind>(k);
    const auto standing = report.incident.standing.find(kind);
    if (standing == report.incident.standing.end()) {
      out.object().field("kind", to_text(kind)).field("knowing", "nothing_noted").field("text", "");
      out.field_null("about_from").field_null("about_to").field_null("noted_at").end_object();
      continue;
    }
    for (const incident::SeenRecord& seen : standing->second) {
      const auto& note = std::get<incident::IncidentNoted>(seen.record->what);
      out.object().field("kind", to_text(kind)).field("knowing", to_text(note.knowing)).field("text", note.text);
      out.field("about_from", time_or_null(note.about.from)).field("about_to", time_or_null(note.about.to));
      out.field("noted_at", to_text(seen.record->at)).end_object();
    }
  }
  out.end_array();
}

void write_tasks(JsonOut& out, const Report& report) {
  out.array("tasks");
  for (const incident::SeenRecord& seen : report.incident.tasks) {
    out.object();
    WriteWhat{out, report, seen}.write_task(std::get<incident::TaskSet>(seen.record->what));
    out.field("set_at", to_text(seen.record->at)).field("set_at_site", seen.site.view()).end_object();
  }
  out.end_array();
}

std::string_view text_of(For whom) {
  return whom == For::store ? "store" : whom == For::security ? "security" : "lawyer";
}

}  // namespace

void write_sites(JsonOut& out, const std::vector<SiteSight>& sites) {
  out.array("sites");
  for (const SiteSight& s : sites) {
    out.object().field("site", s.site.view()).field("is_here", s.is_here);
    out.field("posture", s.posture.empty() ? std::string_view("not yet known") : std::string_view(s.posture));
    out.field("posture_since", time_or_null(s.posture_since)).field("as_of", time_or_null(s.as_of));
    out.field("prices_as_of", time_or_null(s.prices_as_of)).field("stock_as_of", time_or_null(s.stock_as_of));
    write_hour(out, "this_hour", s.now);
    write_hour(out, "hour_before", s.before);
    out.object("figures");
    write_figures(out, s.figures);
    out.end_object().end_object();
  }
  out.end_array();
}

void write_steps(JsonOut& out, const std::vector<Step>& steps) {
  out.array("next");
  for (const Step& step : steps) {
    out.object().field("code", step.code).field("for", text_of(step.whom)).object("text");
    out.field("en", step.en).field("fr", step.fr).end_object().field("at", time_or_null(step.at)).end_object();
  }
  out.end_array();
}

void write_report(JsonOut& out, const Report& report) {
  const incident::SeenIncident& incident = report.incident;
  out.field("chain", report.chain).field("seen_from", report.site.view()).field("as_of", to_text(report.as_of));
  out.field("currency", report.currency).field("currency_decimals", report.currency_decimals);
  out.field("id", to_hex(incident.id.bytes)).array("ids");
  for (const incident::IncidentId& id : incident.ids) out.text(to_hex(id.bytes));
  out.end_array().field("title", incident.title).array("other_titles");
  for (const std::string& title : incident.other_titles) out.text(title);
  out.end_array().field("state", incident.is_closed() ? "closed" : "open");
  const auto place = [&](std::string_view name, const std::optional<incident::SeenRecord>& seen) {
    if (!seen) {
      out.field_null(name);
      return;
    }
    out.object(name).field("at", to_text(seen->record->at)).field("site", seen->site.view());
    write_person(out, "by", seen->record->by);
    out.end_object();
  };
  place("opened", incident.opening);
  place("closed", incident.closing);
  write_known(out, report);
  write_steps(out, report.next);
  write_tasks(out, report);
  write_sites(out, report.sites);
  write_timeline(out, report);
  out.field("not_kept", report.not_kept);
}

std::string export_json(const Report& report, const std::vector<RestsOn>& rests_on) {
  JsonOut out;
  out.object().field("format", "holdfast incident export 1").array("rests_on");
  for (const RestsOn& each : rests_on) {
    out.object().field("origin", each.origin.text()).field("size", each.size);
    out.field("root", each.root ? std::optional(to_hex(*each.root)) : std::nullopt).end_object();
  }
  out.end_array();
  write_report(out, report);
  return out.end_object().take() + "\n";
}

}  // namespace holdfast::incident_report
