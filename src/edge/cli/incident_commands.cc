// `holdfast incident …`: an incident by command line, with or without a node that runs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/incident/report.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/fold_view.h"
#include "edge/serve/local_client.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
namespace report = incident_report;

struct IncidentArguments {
  std::string data, incident, title, text, kind = "note", knowing = "known", from, to, by, corrects, staff;
  std::string task, owner, state = "open", into, language = "en";
  std::vector<std::string> others;
  std::optional<std::uint64_t> size;
  bool as_json = false;
};

// "2026-11-25T03:12" is as good as with seconds and Z: at three in the morning nobody types more.
std::string full_time(const std::string& given) {
  std::string text = given;
  if (text.size() == 10) text += "T00:00";
  if (text.size() == 16) text += ":00";
  if (!text.ends_with('Z')) text += 'Z';
  or_refuse(parse_instant(text));
  return text;
}

// The incident that is meant: by its id or the beginning of it; left out, the only open one.
std::string pick(const std::vector<const json::object*>& all, const std::string& wanted) {
  std::vector<std::string> found;
  for (const json::object* each : all) {
    bool fits = wanted.empty() && text_at(*each, "state") == "open";
    for (const json::value& id : each->at("ids").as_array())
      fits = fits || (!wanted.empty() && std::string_view(id.as_string()).starts_with(wanted));
    if (fits) found.push_back(text_at(*each, "id"));
  }
  if (found.size() == 1) return found.front();
  std::string known;
  for (const json::object* each : all)
    known += fmt::format("\n  {}  {:<6}  {}", text_at(*each, "id"), text_at(*each, "state"), text_at(*each, "title"));
  refuse({"incident/unknown",
          fmt::format("{} incident fits{}. Name one with --incident ID:{}", found.empty() ? "No" : "More than one",
                      wanted.empty() ? " (no id was given, and not exactly one is open)" : "",
                      known.empty() ? " none is seen from here" : known)});
}
std::string picked(const IncidentArguments& a) {
  const json::object answer = or_refuse(serve::ask_node(a.data, "GET", "/v1/incidents"));
  return pick(objects_at(answer, "incidents"), a.incident);
}

json::object write(const IncidentArguments& a, json::object body) {
  if (!a.staff.empty()) body["staff"] = or_refuse(staff_id(a.data, a.staff));
  return or_refuse(local_write(a.data, body));
}

void list_incidents(const IncidentArguments& a) {
  const json::object answer = or_refuse(serve::ask_node(a.data, "GET", "/v1/incidents"));
  if (a.as_json) return fmt::print("{}\n", json::serialize(answer));
  const auto all = objects_at(answer, "incidents");
  if (all.empty()) fmt::print("No incident is seen from this site.\n");
  for (const json::object* each : all)
    fmt::print("{}  {:<6}  {}  {:<15}  {}\n", text_at(*each, "id"), text_at(*each, "state"),
               text_at(*each, "opened_at").substr(0, 19), text_at(*each, "opened_at_site"),
               text_at(*each, "title").empty() ? "(no title yet)" : text_at(*each, "title"));
}

void open(const IncidentArguments& a) {
  const json::object reply = write(a, {{"kind", "open_incident"}, {"title", a.title}});
  fmt::print("Opened incident {}. What is known goes in with `holdfast incident note`.\n", text_at(reply, "key"));
}

void note(const IncidentArguments& a) {
  json::object body{
      {"kind", "note_incident"}, {"incident", picked(a)}, {"note", a.kind}, {"knowing", a.knowing}, {"text", a.text}};
  if (!a.from.empty()) body["about_from"] = full_time(a.from);
  if (!a.to.empty()) body["about_to"] = full_time(a.to);
  if (!a.by.empty()) body["by_whom"] = or_refuse(staff_id(a.data, a.by));
  if (!a.corrects.empty()) body["corrects"] = a.corrects;
  const json::object reply = write(a, std::move(body));
  fmt::print("Noted {} at {}.\n", text_at(reply, "key"), text_at(reply, "at"));
}

void task(const IncidentArguments& a) {
  json::object body{{"kind", "set_task"}, {"incident", picked(a)}, {"text", a.text}, {"state", a.state}};
  if (!a.owner.empty()) body["owner"] = or_refuse(staff_id(a.data, a.owner));
  if (!a.task.empty()) body["task"] = a.task;
  const json::object reply = write(a, std::move(body));
  fmt::print("Task {} is {}.\n", a.task.empty() ? text_at(reply, "key") : a.task, a.state);
}

void join(const IncidentArguments& a) {
  const json::object answer = or_refuse(serve::ask_node(a.data, "GET", "/v1/incidents"));
  const auto all = objects_at(answer, "incidents");
  json::array others;
  for (const std::string& other : a.others) others.push_back(json::object{{"incident", pick(all, other)}});
  write(a, {{"kind", "join_incidents"}, {"into", pick(all, a.incident)}, {"others", std::move(others)}});
  fmt::print("They are one incident from now on.\n");
}

void print_report(const json::object& told);

void close(const IncidentArguments& a) {
  const std::string id = picked(a);
  write(a, {{"kind", "close_incident"}, {"incident", id}, {"text", a.text}});
  fmt::print("Closed. Its figures, as far as this site sees:\n");
  const json::object told = or_refuse(serve::ask_node(a.data, "GET", "/v1/incidents/" + id));
  for (const json::object* each : objects_at(told, "timeline")) {
    if (text_at(*each, "type") != "closed") continue;
    for (const json::object* f : objects_at(*each, "figures"))
      fmt::print("  {:<15} sealed {} s{}, {} sales while sealed, {} entries waited, {} alerts\n", text_at(*f, "site"),
                 text_at(*f, "sealed_seconds"), f->at("is_sealed").as_bool() ? " and still" : "", text_at(*f, "sales"),
                 text_at(*f, "waiting"), text_at(*f, "alerts"));
  }
}

// ---- showing

std::string sales_text(const json::object& hour) {
  const std::string count = text_at(hour, "count");
  if (hour.at("usual_min").is_null())
    return fmt::format("{} (usual: not enough history, {} of {} weeks)", count, text_at(hour, "weeks"),
                       report::usual_weeks_min);
  return fmt::format("{} (usual {} to {})", count, text_at(hour, "usual_min"), text_at(hour, "usual_max"));
}
std::string line_of(const json::object& item) {
  const std::string type = text_at(item, "type");
  if (type == "fact")
    return fmt::format("{} {} {}", text_at(item, "kind"), text_at(item, "about"), text_at(item, "text"));
  if (type == "note") {
    std::string line =
        fmt::format("{} ({}) {}", text_at(item, "kind"), text_at(item, "knowing"), text_at(item, "text"));
    if (!item.at("about_from").is_null() || !item.at("about_to").is_null())
      line += fmt::format(" [when: {} … {}]", text_at(item, "about_from"), text_at(item, "about_to"));
    if (!item.at("corrected_by").is_null()) line += " [corrected later]";
    return line + "  #" + text_at(item, "note");
  }
  if (type == "task")
    return fmt::format("task ({}) {}  #{}", text_at(item, "state"), text_at(item, "text"), text_at(item, "task"));
  return fmt::format("{} {}", type, text_at(item, "title", text_at(item, "text", "")));
}

void print_report(const json::object& told) {
  const std::string title = text_at(told, "title");
  fmt::print("{}  {}  ({})\n", text_at(told, "id"), title.empty() ? "(no title yet)" : title, text_at(told, "state"));
  for (const json::value& other : told.at("other_titles").as_array())
    fmt::print("  also called: {}\n", std::string(other.as_string()));
  fmt::print("  as known at {} at {}\n\nWhat to do next\n", text_at(told, "as_of"), text_at(told, "seen_from"));
  for (const json::object* step : objects_at(told, "next")) {
    fmt::print("  [{}] {}", text_at(*step, "for"), text_at(step->at("text").as_object(), "en"));
    fmt::print("{}\n", step->at("at").is_null() ? "" : " " + text_at(*step, "at"));
  }
  fmt::print("\nWhat is known\n");
  for (const json::object* each : objects_at(told, "known"))
    fmt::print("  {:<20} {:<14} {}\n", text_at(*each, "kind"), text_at(*each, "knowing"), text_at(*each, "text"));
  fmt::print("\nSites\n");
  for (const json::object* site : objects_at(told, "sites"))
    fmt::print("  {:<15} {:<14} as of {}; this hour {}, the hour before {}\n", text_at(*site, "site"),
               text_at(*site, "posture"), text_at(*site, "as_of"), sales_text(site->at("this_hour").as_object()),
               sales_text(site->at("hour_before").as_object()));
  fmt::print("\nTimeline\n");
  for (const json::object* item : objects_at(told, "timeline"))
    fmt::print("  {}  {:<15} {}\n", text_at(*item, "at").substr(0, 19), text_at(*item, "site"), line_of(*item));
}

// The state of the data directory, for what must not depend on a running node.
struct Folded {
  std::unique_ptr<serve::DataView> data;
  std::unique_ptr<serve::FoldView> view;
  fold::State state;
  incident::IncidentId id;
};
Folded fold_here(const IncidentArguments& a) {
  Folded out;
  out.data = or_refuse(serve::DataView::open(a.data));
  out.view = std::make_unique<serve::FoldView>(*out.data);
  out.state = or_refuse(out.view->fold(a.size));
  const auto seen = fold::incidents_seen(out.state);
  json::array all;
  for (const incident::SeenIncident& each : seen) {
    json::array ids;
    for (const incident::IncidentId& id : each.ids) ids.emplace_back(to_hex(id.bytes));
    all.push_back(json::object{{"id", to_hex(each.id.bytes)},
                               {"ids", std::move(ids)},
                               {"state", each.is_closed() ? "closed" : "open"},
                               {"title", each.title}});
  }
  std::vector<const json::object*> objects;
  for (const json::value& each : all) objects.push_back(&each.as_object());
  out.id.bytes = *array_from_hex<16>(pick(objects, a.incident));
  return out;
}

void show_incident(const IncidentArguments& a) {
  json::object told;
  auto answer =
      a.size ? Result<json::object>(fail("edge/no_node", "")) : serve::ask_node(a.data, "GET", "/v1/incidents");
  if (answer) {
    told = or_refuse(
        serve::ask_node(a.data, "GET", "/v1/incidents/" + pick(objects_at(*answer, "incidents"), a.incident)));
  } else {
    if (answer.error().code != "edge/no_node" && answer.error().code != "edge/no_answer") refuse(answer.error());
    const Folded folded = fold_here(a);  // which only reads, so a node may run beside
    const auto made = or_refuse(report::export_report(folded.state, folded.id));
    http::JsonOut out;
    out.object();
    report::write_report(out, made);
    told = json::parse(out.end_object().take()).as_object();
    if (!a.as_json) fmt::print("(from the journals in {}; no node was asked)\n", a.data);
  }
  if (a.as_json) return fmt::print("{}\n", json::serialize(told));
  print_report(told);
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (!out) refuse({"edge/cannot_write", fmt::format("{} cannot be written; name a directory that can be.", path)});
}

void export_files(const IncidentArguments& a) {
  Folded folded = fold_here(a);
  const auto made = or_refuse(report::export_report(folded.state, folded.id));
  const auto rests_on = report::rests_on(
      folded.state, [&](const Origin& origin, std::uint64_t size) { return folded.view->root(origin, size); },
      [&](const Origin& origin) { return std::optional(or_refuse(folded.view->registration(origin))); });
  std::error_code error;
  std::filesystem::create_directories(a.into, error);
  const std::string name = fmt::format("{}/incident-{}", a.into, to_hex(ByteView(folded.id.bytes).first(4)));
  const auto language = a.language == "fr" ? report::Language::fr : report::Language::en;
  write_file(name + ".json", report::export_json(made, rests_on));
  write_file(name + ".html", report::export_html(made, rests_on, language));
  fmt::print("{0}.html and {0}.json, from {1} entries of {2}\n", name, folded.state.size, folded.state.site.view());
}

}  // namespace

void add_incident_commands(CLI::App& app) {
  CLI::App& incidents = command_group(app, "incident", "What is known of an attack, by whom and since when");
  auto a = std::make_shared<IncidentArguments>();
  const auto add = [&](const char* name, const char* what, void (*run)(const IncidentArguments&)) {
    CLI::App* command = incidents.add_subcommand(name, what);
    command->add_option("--data", a->data, "This site's data directory")->required();
    command->callback([a, run] { run(*a); });
    return command;
  };
  const auto of_one = [&](CLI::App* command) {
    command->add_option("--incident", a->incident, "Its id, or the beginning of it; otherwise the only open one");
    return command;
  };
  const auto by_staff = [&](CLI::App* command) {
    command->add_option("--staff", a->staff, "Who writes: staff number or id; otherwise the machine's administrator");
    return command;
  };
  constexpr const char* no_names = "One line; no names, addresses or other personal data, no card numbers";

  CLI::App* lists = add("list", "Every incident that is seen from this site", list_incidents);
  lists->add_flag("--json", a->as_json, "As JSON");
  by_staff(add("open", "Opens an incident by hand", open))
      ->add_option("title", a->title, "What has happened, in a few words")
      ->required();
  CLI::App* shows = of_one(add("show", "What is known, what to do next, the timeline", show_incident));
  shows->add_flag("--json", a->as_json, "As JSON");
  shows->add_option("--size", a->size, "As of so many entries of this site's journal: what was known then");

  CLI::App* notes =
      by_staff(of_one(add("note", "Writes down what is known, suspected, ruled out or not yet known", note)));
  notes->add_option("text", a->text, no_names);
  notes
      ->add_option("--kind", a->kind,
                   "note, observation, discovered, cause, contained, data_affected, attacker_contact, "
                   "ransom_asked, decision, authority_informed, people_informed, loss, title")
      ->capture_default_str();
  notes->add_option("--knowing", a->knowing, "known, suspected, not_yet_known, ruled_out")->capture_default_str();
  notes->add_option("--from", a->from, "When it happened, at the earliest (UTC): 2026-11-25T03:12");
  notes->add_option("--to", a->to, "When it happened, at the latest (UTC)");
  notes->add_option("--by", a->by, "Who took the decision: staff number or id");
  notes->add_option("--corrects", a->corrects, "Id of the note that was wrong");

  CLI::App* tasks = by_staff(of_one(add("task", "Sets a task: its text, its owner, how far it is", task)));
  tasks->add_option("text", a->text, no_names)->required();
  tasks->add_option("--task", a->task, "Id of the task; otherwise a new one");
  tasks->add_option("--owner", a->owner, "Staff number or id");
  tasks->add_option("--state", a->state, "open, doing, done, dropped")->capture_default_str();

  by_staff(of_one(add("join", "Says that other incidents are this one", join)))
      ->add_option("others", a->others, "Ids, or their beginnings")
      ->required();
  by_staff(of_one(add("close", "Closes it, with its figures", close)))->add_option("text", a->text, no_names);

  CLI::App* exports = of_one(
      add("export", "One HTML and one JSON file that stand alone, from the journals on this disk", export_files));
  exports->add_option("--into", a->into, "Directory for the two files")->required();
  exports->add_option("--size", a->size, "As of so many entries of this site's journal; otherwise all");
  exports->add_option("--language", a->language, "Of the HTML file: en or fr")
      ->check(CLI::IsMember({"en", "fr"}))
      ->capture_default_str();
}

}  // namespace holdfast::cli
