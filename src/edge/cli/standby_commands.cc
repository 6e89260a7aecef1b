// `holdfast standby begin|resume|show`, `takeover`, `ready`: a site that stands by for another system.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/serve/http_call.h"
#include "edge/serve/local_client.h"
#include "edge/serve/serve.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

struct StandbyArguments {
  std::string data, url, staff, reason;
  int max_age_hours = 36;
  bool yes = false, is_json = false;
};

void print_standby(const json::object& standby) {
  fmt::print("  {:<26} {}\n", "who sells here", text_at(standby, "phase"));
  fmt::print("  {:<26} {}\n", "since", text_at(standby, "since"));
  const json::object& as_of = object_at(standby, "as_of");
  for (const char* what : {"prices", "stock", "orders"})
    fmt::print("  {:<26} {}\n", fmt::format("{} as of", what), text_at(as_of, what));
  const json::object& open = object_at(standby, "open");
  fmt::print("  {:<26} {} sales, {} refunds, {} movements of stock\n", "not yet handed back", text_at(open, "sales"),
             text_at(open, "refunds"), text_at(open, "movements"));
}

void change(const StandbyArguments& arguments, const char* kind, const char* done) {
  or_refuse(local_write(arguments.data, fmt::format("\"kind\":\"{}\",\"reason\":{}", kind, as_json(arguments.reason))));
  fmt::print("{}\n", done);
}

void show(const StandbyArguments& arguments) {
  const json::object answer = or_refuse(serve::ask_node(arguments.data, "GET", "/v1/standby"));
  fmt::print("{}\n", text_at(answer, "site"));
  print_standby(object_at(answer, "standby"));
}

// What is known is shown before anything is decided; the PIN is never on the command line, where others could read it.
void take_over(const StandbyArguments& arguments) {
  const json::object before = or_refuse(serve::ask_node(arguments.data, "GET", "/v1/standby"));
  const std::string site = text_at(before, "site");
  fmt::print("{} would sell with what the old system said last:\n", site);
  print_standby(object_at(before, "standby"));
  std::fflush(stdout);
  const std::string pin = ask_secret(fmt::format("PIN of staff number {}: ", arguments.staff));
  if (!arguments.yes) {
    fmt::print(stderr, "From now on this site sells, and the old system must not. Type {} to take over: ", site);
    std::string typed;
    std::getline(std::cin, typed);
    if (typed != site) refuse({"standby/not_confirmed", "Nothing was changed: the site's name was not typed."});
  }
  const std::string body = fmt::format("{{\"key\":\"{}\",\"staff\":{},\"pin\":{},\"confirm\":true,\"reason\":{}}}",
                                       new_key(), as_json(arguments.staff), as_json(pin), as_json(arguments.reason));
  or_refuse(serve::ask_node(arguments.data, "POST", "/v1/takeover", body));
  fmt::print(
      "{} has taken over: its tills sell now. When the old system is back: `holdfast handback`, then `holdfast "
      "standby resume`.\n",
      site);
}

void ready(const StandbyArguments& arguments) {
  const std::string path = fmt::format("/v1/ready?max_age_hours={}", arguments.max_age_hours);
  Result<json::object> asked;
  if (!arguments.data.empty()) {
    asked = serve::ask_node(arguments.data, "GET", path);
  } else {
    std::string where = arguments.url;
    if (where.starts_with("https://"))
      refuse({"edge/bad_address", "A node speaks plain HTTP to its own machine: write http://127.0.0.1:8080."});
    if (where.starts_with("http://")) where.erase(0, 7);
    while (where.ends_with('/')) where.pop_back();
    serve::HttpAnswer answered = or_refuse(serve::http_call({.address = where, .path = path}));
    if (answered.status >= 400) refuse({"edge/refused", answered.detail()});
    asked = std::move(answered.body);
  }
  const json::object answer = or_refuse(std::move(asked));
  const bool is_ready = flag_at(answer, "ready");
  if (arguments.is_json) {
    fmt::print("{}\n", json::serialize(answer));
  } else {
    fmt::print("{} is {}\n", text_at(answer, "site"), is_ready ? "ready" : "NOT READY");
    print_standby(object_at(answer, "standby"));
    for (const json::value& value : list_at(answer, "checks")) {
      const json::object* check = value.if_object();
      if (check == nullptr) continue;
      fmt::print("  {:<10} {:<14} {}{}\n", text_at(*check, "check"), text_at(*check, "state"),
                 text_at(*check, "detail"), flag_at(*check, "needed") ? "" : " (it can sell without)");
    }
  }
  if (!is_ready) throw CLI::RuntimeError(1);
}

}  // namespace

void add_standby_commands(CLI::App& app) {
  auto arguments = std::make_shared<StandbyArguments>();
  CLI::App& group = command_group(app, "standby", "A site that stands by for another till system");
  const auto add = [&](CLI::App& parent, const char* name, const char* what) {
    CLI::App* command = parent.add_subcommand(name, what);
    command->add_option("--data", arguments->data, "The site's data directory; its node must run")->required();
    return command;
  };
  CLI::App* begins = add(group, "begin", "From now on the old system sells here, and this site stands by for it");
  begins->add_option("--reason", arguments->reason, "Kept in the journal");
  begins->callback([arguments] {
    change(*arguments, "begin_standby", "This site stands by: its tills are closed until a manager takes over.");
  });
  CLI::App* resumes = add(group, "resume", "The old system sells again; this site stands by for it");
  resumes->add_option("--reason", arguments->reason, "Kept in the journal");
  resumes->callback([arguments] {
    change(*arguments, "resume_standby",
           "This site stands by again. What was sold since the last handback goes back with the next one.");
  });
  add(group, "show", "Who sells here, how old the old system's word is, what is not yet handed back")
      ->callback([arguments] { show(*arguments); });

  CLI::App* takes = add(app, "takeover", "The old system is dead: this site sells from now on (a manager's PIN)");
  takes->add_option("--staff", arguments->staff, "The manager's staff number; the PIN is asked for")->required();
  takes->add_option("--reason", arguments->reason, "Kept in the journal");
  takes->add_flag("--yes", arguments->yes, "Do not ask for the site's name; the PIN is read from standard input");
  takes->callback([arguments] { take_over(*arguments); });

  CLI::App* readies = app.add_subcommand(
      "ready", "Whether this site could sell now, and what is missing; exit code 0: ready, 1: not, or no answer");
  auto* data = readies->add_option("--data", arguments->data, "The site's data directory");
  auto* url =
      readies->add_option("--url", arguments->url, std::string("The node's address, http://") + serve::default_http);
  data->excludes(url);
  readies->add_option("--max-age-hours", arguments->max_age_hours, "How old the old system's word may be")
      ->capture_default_str()
      ->check(CLI::Range(1, 9999));
  readies->add_flag("--json", arguments->is_json, "For programs");
  readies->callback([arguments] {
    if (arguments->data.empty() && arguments->url.empty()) throw CLI::ValidationError("ready", "give --data or --url");
    ready(*arguments);
  });
}

}  // namespace holdfast::cli
