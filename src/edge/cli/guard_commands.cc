// `holdfast seal`, `unseal`, `posture`: what a person does at three in the morning.
//
// No site commands another (docs/guard.md), so `seal --all` is this one person's hand at many doors: it signs in at
// each site's own API, or uses the administrator's token of a data directory on this machine, and each site seals
// itself.
#include <fmt/format.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "edge/cli/at_rest.h"
#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/guard/line_file.h"
#include "edge/guard/trial.h"
#include "edge/guard/watch.h"
#include "edge/http/json_out.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/http_call.h"
#include "edge/serve/local_client.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using serve::HttpAnswer;
using serve::HttpCall;

struct PostureArguments {
  std::string data, reason, sites_file, staff, pin_file;
  std::vector<std::string> sites;
  bool all = false;
};

std::string body_of(std::string_view posture, const std::string& reason, const std::string& pin = {}) {
  http::JsonOut out;
  out.object().field("posture", posture);
  if (!reason.empty()) out.field("reason", reason);
  if (!pin.empty()) out.field("pin", pin);
  return out.end_object().take();
}

// What was proved and what was not, in the node's own words (edge/guard).
std::string proof_line(const json::object& answer) {
  const json::value* seal = answer.if_contains("seal");
  const json::object* proof = seal == nullptr ? nullptr : seal->if_object();
  return proof == nullptr ? std::string() : text_at(*proof, "summary", "");
}

// ---- this machine

void turn_switch(const PostureArguments& arguments, std::string_view posture) {
  const SiteName here = or_refuse(keys::read_site_marker(arguments.data));
  const auto lock = or_refuse(edge::DataLock::take(arguments.data));
  const auto disk = or_refuse(edge::PosixDisk::open_root(arguments.data));
  if (posture == "open" && is_rejoining(*disk)) {
    const chain::ChainFile file = or_refuse(keys::read_chain_file(arguments.data));
    for (const std::string& cut : read_cut_list(*disk))
      if (const auto site = chain::site_name_of(cut); site && file.linked(here, *site))
        refuse({"guard/links_cut",
                fmt::format("{} is rejoining after a seal, and the link with {} is still cut. Start the node, let it "
                            "return when its checklist is met, then `holdfast rejoin end`. Nothing was changed.",
                            here.view(), cut)});
  }
  or_refuse(disk->write_all(node::posture_path, as_bytes(fmt::format("{}\n{}\n", posture, arguments.reason))));
  fmt::print("{} is {} from the next start on; no node runs here now, and the packet filter is as it was until then.\n",
             here.view(), posture);
}

void change_here(const PostureArguments& arguments, std::string_view posture) {
  or_refuse(keys::read_site_marker(arguments.data));
  if (!guard::check_event(guard::PostureChanged{.reason = arguments.reason}))
    refuse({"guard/bad_text", "The reason must be one line of at most 500 bytes."});
  const auto answer = serve::ask_node(arguments.data, "POST", "/v1/posture", body_of(posture, arguments.reason));
  if (!answer && answer.error().code == "edge/no_node") return turn_switch(arguments, posture);
  if (!answer) refuse(answer.error());
  const std::string proof = proof_line(*answer);
  fmt::print("{} is {}. {}\n", text_at(*answer, "site", ""), text_at(*answer, "posture", ""),
             posture == "sealed" ? "Every link has ended; the tills sell on."
                                 : "Links come back by themselves, but for those that are cut (link list).");
  if (!proof.empty()) fmt::print("{}\n", proof);
}

// While no node runs: what `seal` and `unseal` have said for its next start.
void show_switch(const std::string& data, const std::string& why_no_node) {
  const SiteName here = or_refuse(keys::read_site_marker(data));
  const auto disk = or_refuse(edge::PosixDisk::open_root(data));
  const node::PostureSwitch at_rest = posture_at_rest(*disk);
  fmt::print("{} is {} by its switch, which the next start reads. {}\n", here.view(), guard::to_text(at_rest.posture),
             why_no_node);
  if (!at_rest.reason.empty()) fmt::print("  reason: {}\n", at_rest.reason);
}

void show(const std::string& data) {
  const auto asked = serve::ask_node(data, "GET", "/v1/posture");
  if (!asked && asked.error().code == "edge/no_node") return show_switch(data, asked.error().text);
  const json::object answer = or_refuse(asked);
  fmt::print("{} is {}", text_at(answer, "site", ""), text_at(answer, "posture", ""));
  if (const std::string since = text_at(answer, "since", ""); !since.empty()) fmt::print(" since {}", since);
  fmt::print("\n");
  if (const json::value* last = answer.if_contains("last"); last != nullptr && last->is_object()) {
    const json::object& change = last->get_object();
    fmt::print("  by {}{}: {}\n", text_at(change, "cause", ""),
               text_at(change, "rule", "").empty() ? "" : ", rule " + text_at(change, "rule", ""),
               text_at(change, "reason", ""));
  }
  if (const std::string proof = proof_line(answer); !proof.empty()) fmt::print("  {}\n", proof);
  const json::value* alerts = answer.if_contains("alerts");
  if (alerts == nullptr || !alerts->is_array()) return;
  for (const json::value& each : alerts->get_array()) {
    const json::object& alert = each.as_object();
    fmt::print("  {} {:<8} {:>6} x {} {}  {}\n", text_at(alert, "last_at", ""), text_at(alert, "level", ""),
               text_at(alert, "count", ""), text_at(alert, "source", ""), text_at(alert, "signature", ""),
               text_at(alert, "text", ""));
  }
}

// ---- the rules, before the bad night

guard::Config config_of(const std::string& data, const std::string& rules) {
  if (!data.empty()) {
    or_refuse(keys::read_site_marker(data));  // a directory that is not there has no guard.toml either
    return or_refuse(guard::read_config(data));
  }
  if (rules.empty()) return or_refuse(guard::parse_config(std::nullopt, ""));
  return or_refuse(guard::parse_config(or_refuse(keys::read_public_file(rules, guard::config_bytes_max)), rules));
}

void try_rules(const std::string& data, const std::string& rules, const std::string& webhook, const std::string& file) {
  const guard::Config config = config_of(data, rules);
  std::ifstream in(file);
  if (!in) refuse({"edge/no_file", fmt::format("{} cannot be read.", file)});
  const guard::Trial trial = or_refuse(guard::try_rules(config, webhook, in));
  std::vector<const guard::TrialRow*> rows;
  rows.reserve(trial.rows.size());
  for (const auto& [key, row] : trial.rows) rows.push_back(&row);
  std::ranges::stable_sort(rows, [](const auto* a, const auto* b) { return a->level > b->level; });
  fmt::print("{:<8} {:>5}  {:<46} {:<26} {}\n", "level", "lines", "signature", "rule", "why");
  for (const guard::TrialRow* row : rows)
    fmt::print("{:<8} {:>5}  {:<46} {:<26} {}\n", guard::to_text(row->level), row->lines,
               fmt::format("{} {}", row->signature, row->text).substr(0, 46), row->rule, row->reason);
  fmt::print("\n{} lines: {} alerts, {} of other kinds, {} not readable\n", trial.total,
             trial.total - trial.other - trial.bad, trial.other, trial.bad);
  for (const guard::Level level :
       {guard::Level::sealed, guard::Level::guarded, guard::Level::watch, guard::Level::benign}) {
    const auto count = [&](const auto& map) { return map.contains(level) ? map.at(level) : 0; };
    fmt::print("  {:<8} {:>6} lines, {:>4} signatures, each line alone; {:>6} lines as one burst\n",
               guard::to_text(level), count(trial.lines), count(trial.signatures), count(trial.burst));
  }
  fmt::print("A site with this log would {}have been sealed{}.\n",
             trial.sealed_alone || trial.sealed_by_burst ? "" : "not ",
             !trial.sealed_alone && trial.sealed_by_burst ? ", by the number of lines" : "");
}

// Whether sensors are heard. Whoever asks is not always who the node runs as, and root may read what the node may not.
bool can_read(const std::vector<std::string>& eve_files, const std::string& data) {
  edge::PosixClock clock;
  bool all = true;
  for (const std::string& path : eve_files) {
    const std::string problem = guard::LineFile(path, clock).problem();
    all = all && problem.empty();
    fmt::print("{}: {}\n", path,
               problem.empty() ? "can be read" : "CANNOT BE READ, nothing of it is heard: " + problem);
  }
  struct stat is {};
  if (!eve_files.empty() && ::stat(data.c_str(), &is) == 0 && is.st_uid != ::geteuid())
    fmt::print(
        "You are not the user whose directory {} is, and may read what the node may not. Ask as that user: `runuser -u "
        "holdfast -- holdfast guard check --data {}`.\n",
        data, data);
  return all;
}

void check_rules(const std::string& data, const std::string& rules) {
  const guard::Config config = config_of(data, rules);
  for (const guard::Rule& rule : config.rules.rules)
    fmt::print("{:<8} {:<28} {}\n", guard::to_text(rule.level), rule.name, rule.reason);
  fmt::print("{} rules; everything else: {}. {} EVE files, {} webhooks, {} canaries.\n", config.rules.rules.size(),
             guard::to_text(config.rules.otherwise), config.eve_files.size(), config.webhooks.size(),
             config.canaries.size());
  if (!data.empty() && !can_read(config.eve_files, data)) throw CLI::RuntimeError(1);
}

// ---- many sites, each at its own door

constexpr std::size_t hands_max = 256;  // they wait most of the time; a door that never answers holds up only its own

struct Door {
  std::string site, where;  // host:port, or a data directory on this machine
};

std::vector<Door> read_doors(const PostureArguments& arguments) {
  std::ifstream in(arguments.sites_file);
  if (!in)
    refuse({"edge/no_sites", fmt::format("{} cannot be read. Write a line \"SITE HOST:PORT\" or \"SITE /DIRECTORY\" "
                                         "for each site.",
                                         arguments.sites_file)});
  std::vector<Door> doors;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    line = line.substr(0, line.find('#'));
    std::istringstream words(line);
    Door door;
    std::string more;
    if (!(words >> door.site)) continue;
    if (!(words >> door.where) || words >> more)
      refuse({"edge/no_sites",
              fmt::format("{}:{}: write \"SITE HOST:PORT\" or \"SITE /DIRECTORY\".", arguments.sites_file, number)});
    if (door.where.starts_with("http://")) door.where = door.where.substr(7);
    while (door.where.size() > 1 && door.where.ends_with('/')) door.where.pop_back();
    const bool wanted = arguments.all || std::ranges::find(arguments.sites, door.site) != arguments.sites.end();
    if (wanted) doors.push_back(std::move(door));
  }
  if (in.bad())
    refuse({"edge/no_sites",
            fmt::format("{} cannot be read to its end (a directory, or a bad disk), so no site was asked. "
                        "Give a file with a line \"SITE HOST:PORT\" or \"SITE /DIRECTORY\" for each "
                        "site, or name the sites one by one.",
                        arguments.sites_file)});
  for (const std::string& site : arguments.sites)
    if (std::ranges::find(doors, site, &Door::site) == doors.end())
      refuse({"edge/no_sites", fmt::format("{} has no line for {}.", arguments.sites_file, site)});
  if (doors.empty())
    refuse(
        {"edge/no_sites", fmt::format("{} names no site, so none was asked. Write a line \"SITE HOST:PORT\" or \"SITE "
                                      "/DIRECTORY\" for each site; what is behind a # is a comment.",
                                      arguments.sites_file)});
  return doors;
}

std::string read_pin(const PostureArguments& arguments) {
  if (!arguments.pin_file.empty()) return pin_in(arguments.pin_file);
  return ask_secret(fmt::format("PIN of {}: ", arguments.staff));
}

Result<json::object> ask_door(const Door& door, const PostureArguments& arguments, std::string_view posture,
                              const std::string& pin) {
  if (door.where.starts_with('/'))
    return serve::ask_node(door.where, "POST", "/v1/posture", body_of(posture, arguments.reason));
  HttpCall call{.address = door.where,
                .method = "POST",
                .path = "/v1/session",
                .headers = {},
                .body = {},
                .patience = seconds(10)};
  http::JsonOut who;
  call.body = who.object().field("staff", arguments.staff).field("pin", pin).end_object().take();
  HF_TRY(const HttpAnswer session, serve::http_call(call));
  if (session.status >= 400) return fail("edge/refused", session.detail());
  call.path = "/v1/posture";
  call.body = body_of(posture, arguments.reason, posture == "sealed" ? std::string() : pin);
  call.headers = {{"Cookie", session.set_cookie}, {"X-CSRF-Token", text_at(session.body, "csrf", "")}};
  HF_TRY(HttpAnswer answer, serve::http_call(call));
  if (answer.status >= 400) return fail("edge/refused", answer.detail());
  return std::move(answer.body);
}

void change_many(const PostureArguments& arguments, std::string_view posture) {
  const std::vector<Door> doors = read_doors(arguments);
  const bool over_network = std::ranges::any_of(doors, [](const Door& d) { return !d.where.starts_with('/'); });
  if (over_network && arguments.staff.empty())
    refuse({"edge/no_sites", "Say --staff NUMBER: each site is asked at its own API, with your sign-in there."});
  const std::string pin = over_network ? read_pin(arguments) : std::string();
  std::atomic<std::size_t> next = 0, failed = 0;
  std::mutex telling;
  std::vector<std::thread> hands;
  for (std::size_t i = 0; i < std::min(doors.size(), hands_max); ++i)
    hands.emplace_back([&] {
      for (std::size_t at = next++; at < doors.size(); at = next++) {
        const auto answer = ask_door(doors[at], arguments, posture, pin);
        failed += answer ? 0 : 1;
        const std::lock_guard lock(telling);
        const std::string said = fmt::format(
            "{:<31} {}\n", doors[at].site,
            answer ? text_at(*answer, "posture", "") + ". " + proof_line(*answer) : "NOT DONE: " + answer.error().text);
        // Not fmt::print(), which throws where nothing can be written: the other sites are to be sealed all the same.
        std::fputs(said.c_str(), stdout);
        std::fflush(stdout);  // each as it ends: nobody waits for the slowest to hear of the others
      }
    });
  for (std::thread& hand : hands) hand.join();
  fmt::print("{} of {} sites are {}.\n", doors.size() - failed.load(), doors.size(), posture);
  if (failed > 0) throw CLI::RuntimeError(1);
}

void change(const PostureArguments& arguments, std::string_view posture) {
  const bool many = arguments.all || !arguments.sites.empty();
  if (many && arguments.sites_file.empty())
    refuse({"edge/no_sites",
            "Say --sites FILE: a line \"SITE HOST:PORT\" or \"SITE /DIRECTORY\" for each site. No site "
            "commands another; each is asked at its own door."});
  if (many) return change_many(arguments, posture);
  if (arguments.data.empty())
    refuse({"edge/no_sites", "Say --data DIR (this machine's site), or SITE… or --all with --sites FILE."});
  change_here(arguments, posture);
}

}  // namespace

void add_guard_commands(CLI::App& app) {
  const auto add = [&](const char* name, const char* what, const char* posture, bool needs_reason) {
    auto arguments = std::make_shared<PostureArguments>();
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("site", arguments->sites, "Sites of --sites FILE; otherwise the one of --data");
    command->add_flag("--all", arguments->all, "Every site of --sites FILE, all at once");
    command->add_option("--data", arguments->data, "The data directory of this machine's site");
    command->add_option(
        "--sites", arguments->sites_file,
        "File with a line for each site: SITE HOST:PORT of its API, or SITE /DIRECTORY on this machine");
    command->add_option("--staff", arguments->staff, "Your staff number at those sites; the PIN is asked for");
    command->add_option("--pin-file", arguments->pin_file,
                        "File with the PIN in its first line, instead of being asked");
    CLI::Option* reason = command->add_option("--reason", arguments->reason, "Why; kept in the journal");
    if (needs_reason) reason->required();
    command->callback([arguments, posture] { change(*arguments, posture); });
  };
  add("seal", "Ends every link of a site at once; its tills sell on", "sealed", false);
  add("unseal", "Opens a sealed or guarded site again, in one step and on record: a false alarm", "open", true);
  CLI::App& guards = command_group(app, "guard", "The rules by which alerts tighten limits or seal (guard.toml)");
  struct TryArguments {
    std::string data, rules, webhook, file;
  };
  auto trying = std::make_shared<TryArguments>();
  const auto add_rules = [trying](CLI::App* command) {
    command->add_option("--data", trying->data, "A site's data directory, for its guard.toml");
    command->add_option("--rules", trying->rules, "A guard.toml; without it and --data: the shipped rules");
  };
  CLI::App* check = guards.add_subcommand(
      "check",
      "Reads the rules and prints them, each with its reason; with --data it says whether the files of sensors can be "
      "read, exit code 1: not all");
  add_rules(check);
  check->callback([trying] { check_rules(trying->data, trying->rules); });
  CLI::App* tries =
      guards.add_subcommand("try", "Says what the rules would have done with a sensor's own log; changes nothing");
  tries->add_option("file", trying->file, "EVE lines, or with --webhook lines of JSON")->required();
  tries->add_option("--webhook", trying->webhook, "The mapping by which the lines are read");
  add_rules(tries);
  tries->callback([trying] { try_rules(trying->data, trying->rules, trying->webhook, trying->file); });

  auto data = std::make_shared<std::string>();
  CLI::App* posture =
      app.add_subcommand("posture", "Says how a site treats its links now, why, and what its sensors saw");
  posture->add_option("--data", *data, "The site's data directory")->required();
  posture->callback([data] { show(*data); });
}

}  // namespace holdfast::cli
