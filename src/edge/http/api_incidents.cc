// Incidents: what is the matter, what is known of it, and the two files of an export. Written by POST /v1/writes.
#include <fmt/format.h>

#include "edge/http/api.h"
#include "edge/http/state_json.h"
#include "edge/incident/report.h"

namespace holdfast::http {
namespace {

namespace report = incident_report;

report::Live live_of(const node::Node& node) {
  report::Live live{node.safety().no_copy_since, {}};
  for (const node::SiteView& site : node.sites())
    if (!site.is_here && site.trading == node::Trading::not_yet_known) live.silent.insert(site.site);
  return live;
}

// Of one incident in the list.
void write_summary(JsonOut& out, const incident::SeenIncident& incident) {
  out.object().field("id", to_hex(incident.id.bytes)).field("title", incident.title);
  out.field("state", incident.is_closed() ? "closed" : "open");
  out.field("opened_at", incident.opening ? std::optional(to_text(incident.opening->record->at)) : std::nullopt);
  out.field("opened_at_site", incident.opening ? std::optional(incident.opening->site.str()) : std::nullopt);
  out.field("closed_at", incident.closing ? std::optional(to_text(incident.closing->record->at)) : std::nullopt);
  out.field("records", incident.records.size()).array("ids");
  for (const incident::IncidentId& id : incident.ids) out.text(to_hex(id.bytes));
  out.end_array().end_object();
}

std::optional<incident::IncidentId> id_of(const std::string& text) {
  const auto bytes = array_from_hex<16>(text);
  return bytes ? std::optional(incident::IncidentId{*bytes}) : std::nullopt;
}
Error no_id() {
  return {"incident/unknown", "An incident's id is 32 hexadecimal digits; GET /v1/incidents lists them."};
}

}  // namespace

// For anybody: postures, sales and what to do in the store; nothing of what is written in an incident.
void Api::get_situation(const CallPtr& call) {
  read(call, [now = parts_.clock.now()](const node::Node& node) {
    const fold::State& state = node.state();
    std::size_t open = 0;
    for (const incident::SeenIncident& each : fold::incidents_seen(state)) open += each.is_closed() ? 0 : 1;
    JsonOut out;
    // Who this is, the chain file says: while it is rebuilt the state does not know it yet.
    const Currency& currency = node.chain_file().currency;
    out.object().field("site", node.safety().origin.site.view()).field("at", to_text(now));
    out.field("currency", currency.code).field("currency_decimals", currency.decimals);
    out.field("posture", fold::posture_of(state).posture).field("open_incidents", open);
    report::write_sites(out, report::sites_of(state, now, now - days(1)));
    report::write_steps(out, report::steps_without_incident(state, live_of(node)));
    return out.end_object().take();
  });
}

// The checklist of each link (section 7); without a seal all of it is empty.
void Api::get_rejoin(const CallPtr& call) {
  read(call, [](const node::Node& node) {
    const fold::State& state = node.state();
    JsonOut out;
    out.object().field("posture", fold::posture_of(state).posture).array("links");
    for (const node::LinkView& link : node.links()) {
      const auto known = state.incidents.rejoin.find(link.to);
      const incident::Checklist list = known == state.incidents.rejoin.end() ? incident::Checklist{} : known->second;
      out.object().field("site", link.to.view());
      out.field("state", link.state == node::LinkState::cut  ? "cut"
                         : link.state == node::LinkState::up ? "up"
                                                             : "down");
      out.array("checks");
      for (std::uint8_t i = 0; i < incident::rejoin_checks; ++i) {
        const auto& done = list.checks[i];
        out.object().field("check", to_text(static_cast<incident::RejoinCheck>(i))).field("done", done.has_value());
        out.field("at", done ? std::optional(to_text(done->at)) : std::nullopt);
        out.field("by", done ? std::optional(to_hex(done->by.bytes)) : std::nullopt);
        out.field("not_needed", done && done->not_needed).field("text", done ? done->text : std::string()).end_object();
      }
      out.end_array().array("missing");
      for (const incident::RejoinCheck check : list.missing()) out.text(to_text(check));
      out.end_array().end_object();
    }
    return out.end_array().end_object().take();
  });
}

void Api::get_incidents(const CallPtr& call) {
  read(call, [](const node::Node& node) {
    JsonOut out;
    out.object().array("incidents");
    for (const incident::SeenIncident& each : fold::incidents_seen(node.state())) write_summary(out, each);
    return out.end_array().end_object().take();
  });
}

void Api::get_incident(const CallPtr& call) {
  const auto id = id_of(call->argument);
  if (!id) return call->refuse(no_id());
  parts_.node.read([call, id = *id, now = parts_.clock.now()](const node::Node& node) {
    const auto told = report::report_of(node.state(), id, now, live_of(node));
    if (!told) return call->refuse(told.error());
    JsonOut out;
    out.object();
    report::write_report(out, *told);
    call->answer(out.end_object().take());
  });
}

void Api::get_incident_export(const CallPtr& call) {
  const auto id = id_of(call->argument);
  if (!id) return call->refuse(no_id());
  const auto value = [&](const std::string& name, std::string otherwise) {
    const auto found = call->query.find(name);
    return found == call->query.end() ? std::move(otherwise) : found->second;
  };
  const std::string format = value("format", "json"), language = value("language", "en");
  if ((format != "json" && format != "html") || (language != "en" && language != "fr"))
    return call->refuse({"http/bad_value", "format must be json or html, language en or fr."});
  parts_.node.read([call, id = *id, format, language](const node::Node& node) {
    const auto told = report::export_report(node.state(), id);
    if (!told) return call->refuse(told.error());
    const auto root = [&](const Origin& origin, std::uint64_t size) {
      const auto found = node.root_of(origin, size);
      return found ? std::optional(*found) : std::nullopt;
    };
    const auto registration = [&](const Origin& origin) -> std::optional<std::string> {
      const auto event = node.read(origin.epoch, 0);
      const auto* opened = event ? std::get_if<fold::EpochOpened>(&event->body) : nullptr;
      return opened == nullptr ? std::nullopt : std::optional(opened->registration);
    };
    const auto rests_on = report::rests_on(node.state(), root, registration);
    Response response;
    if (format == "html") {
      response.content_type = "text/html; charset=utf-8";
      response.body =
          report::export_html(*told, rests_on, language == "fr" ? report::Language::fr : report::Language::en);
    } else {
      response.body = report::export_json(*told, rests_on);
    }
    response.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"incident-{}.{}\"",
                                                                     to_hex(ByteView(id.bytes).first(4)), format));
    call->done(std::move(response));
  });
}

}  // namespace holdfast::http
