// `holdfast rejoin …`: a sealed site comes back link by link, each when its checklist is met (incident guide, 1b).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/local_client.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

struct RejoinArguments {
  std::string data, site, check, text, staff, reason;
  bool not_needed = false;
};

void show_rejoin(const RejoinArguments& a) {
  const json::object answer = or_refuse(serve::ask_node(a.data, "GET", "/v1/rejoin"));
  fmt::print("This site is {}.\n", text_at(answer, "posture"));
  for (const json::value& each : answer.at("links").as_array()) {
    const json::object& link = each.as_object();
    fmt::print("{} ({})\n", text_at(link, "site"), text_at(link, "state"));
    for (const json::value& one : link.at("checks").as_array()) {
      const json::object& check = one.as_object();
      if (!check.at("done").as_bool())
        fmt::print("  [ ] {}\n", text_at(check, "check"));
      else
        fmt::print("  [x] {}{}  {}  by {}  {}\n", text_at(check, "check"),
                   check.at("not_needed").as_bool() ? " (not needed)" : "", text_at(check, "at").substr(0, 19),
                   text_at(check, "by").substr(0, 8), text_at(check, "text"));
    }
  }
}

void step(const RejoinArguments& a) {
  or_refuse(local_write(a.data, json::object{{"kind", "rejoin_step"},
                                             {"staff", or_refuse(staff_id(a.data, a.staff))},
                                             {"link", a.site},
                                             {"check", a.check},
                                             {"not_needed", a.not_needed},
                                             {"text", a.text}}));
  fmt::print("{}: {} is {}.\n", a.site, a.check, a.not_needed ? "not needed" : "done");
}

void set_posture(const RejoinArguments& a, std::string_view posture) {
  const json::object body{{"posture", posture}, {"reason", a.reason}};
  or_refuse(serve::ask_node(a.data, "POST", "/v1/posture", json::serialize(body)));
}
void begin(const RejoinArguments& a) {
  set_posture(a, "rejoining");
  fmt::print("Rejoining. Every link is cut until its checklist is met: `holdfast rejoin show`.\n");
}
void end(const RejoinArguments& a) {
  const json::object answer = or_refuse(serve::ask_node(a.data, "GET", "/v1/rejoin"));
  std::string cut;
  for (const json::value& each : answer.at("links").as_array())
    if (text_at(each.as_object(), "state") == "cut")
      cut += (cut.empty() ? "" : ", ") + text_at(each.as_object(), "site");
  if (!cut.empty())
    refuse({"incident/check_missing",
            fmt::format("The links with {} are still cut. Let them return first, or keep this posture.", cut)});
  set_posture(a, "open");
  fmt::print("Open. Close the incident with its figures: `holdfast incident close`.\n");
}
void link(const RejoinArguments& a) {
  or_refuse(serve::ask_node(a.data, "POST", "/v1/links/" + a.site, "{\"state\":\"open\"}"));
  fmt::print("The link with {} is open again; what waited catches up by itself.\n", a.site);
}

}  // namespace

void add_rejoin_commands(CLI::App& app) {
  CLI::App& rejoins = command_group(app, "rejoin", "Back from a seal, link by link, each when its checklist is met");
  auto a = std::make_shared<RejoinArguments>();
  const auto add = [&](const char* name, const char* what, void (*run)(const RejoinArguments&)) {
    CLI::App* command = rejoins.add_subcommand(name, what);
    command->add_option("--data", a->data, "This site's data directory")->required();
    command->callback([a, run] { run(*a); });
    return command;
  };
  add("show", "The checklist of each link", show_rejoin);
  add("begin", "From sealed to rejoining: every link stays cut until its checklist is met", begin)
      ->add_option("--reason", a->reason, "Why the seal is over; kept for ever")
      ->required();
  CLI::App* steps = add("step", "One check of one link is done, or not needed", step);
  steps->add_option("site", a->site, "The site at the other end")->required();
  steps->add_option("check", a->check, "clean_point, keys, journals, agreed (the last by another person)")->required();
  steps->add_option("--text", a->text, "What was done, or why it is not needed; no personal data");
  steps->add_flag("--not-needed", a->not_needed, "clean_point and keys only");
  steps->add_option("--staff", a->staff, "Who did it: staff number or id")->required();
  add("link", "Lets one link return", link)->add_option("site", a->site, "The site at the other end")->required();
  add("end", "From rejoining to open, when every link is back", end)
      ->add_option("--reason", a->reason, "Why; kept for ever")
      ->required();
}

}  // namespace holdfast::cli
