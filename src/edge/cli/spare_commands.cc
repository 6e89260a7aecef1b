// `holdfast spare keygen|adopt|serve|status|promote`: the second machine of a store.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "core/node/damage.h"
#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/keys/spare_directory.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/data_view.h"
#include "edge/serve/local_client.h"
#include "edge/serve/spare_serve.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

struct SpareArguments {
  std::string name, into, data, chain_file, certificate, code_file;
  bool though_heard = false;
  serve::SpareServeSettings serve;
};

// Whether the path leads into the directory, which may not be there yet; through links too.
bool is_below(const std::string& path, const std::string& directory) {
  namespace fs = std::filesystem;
  const fs::path inside = fs::weakly_canonical(fs::absolute(path)), top = fs::weakly_canonical(fs::absolute(directory));
  const fs::path above = top.has_filename() ? top : top.parent_path();
  return std::mismatch(above.begin(), above.end(), inside.begin(), inside.end()).first == above.end();
}

void keygen(const SpareArguments& arguments) {
  const auto site = chain::site_name_of(arguments.name);
  if (!site)
    refuse({"keys/wrong_site", fmt::format("\"{}\" is no site's name; write 1 to {} of a-z, 0-9 and '-', like store-07",
                                           arguments.name, SiteName::bytes_max)});
  if (!arguments.code_file.empty() && is_below(arguments.code_file, arguments.into))
    refuse({"keys/exposed",
            fmt::format("{} would lie beside the keys that its code seals: who takes the machine had both. "
                        "Give a file that is not below {}.",
                        arguments.code_file, arguments.into)});
  const keys::NewSpare made = or_refuse(keys::make_spare_directory(arguments.into, *site, arguments.code_file));
  fmt::print(
      "{0} has the keys of a spare of {1}. Have {0}/{1}.pub.toml signed: `holdfast recovery sign --spare`.\n"
      "Fingerprint: {2}\n",
      arguments.into, site->view(), chain::fingerprint(made.keys));
  if (arguments.code_file.empty())
    fmt::print("Promotion code, shown once. Print it, seal it, and leave it in the store: {} {}\n", site->view(),
               made.code);
}

void adopt(const SpareArguments& arguments) {
  const std::string chain_text = or_refuse(keys::read_public_file(arguments.chain_file));
  const std::string certificate =
      arguments.certificate.empty()
          ? std::string()
          : or_refuse(keys::read_public_file(arguments.certificate, chain::certificate_bytes_max));
  or_refuse(keys::adopt_spare(arguments.data, chain_text, certificate));
  fmt::print("{} can be the store's spare now: `holdfast spare serve --data {}`.\n", arguments.data, arguments.data);
}

// A whole copy is worth nothing if it is old: docs/operating.md has it looked at every day.
constexpr Duration silence_max = days(1);

// Why a copy without any fault is not to be relied on; empty: it is. The spare itself opens with it all the same: on
// the bad day the store's machine is silent.
std::string why_old(const json::object& node) {
  const json::value* silent = node.if_contains("silent_seconds");
  if (silent == nullptr || silent->is_null())
    return "the store's machine has not been heard since this spare was started; what it sold since is not in the copy";
  const std::int64_t heard_seconds_ago = number_at(node, "silent_seconds");
  if (heard_seconds_ago <= silence_max.ns / seconds(1).ns) return {};
  return fmt::format(
      "the store's machine has not been heard for {} hours; what it sold since is not in the copy: look at cable, "
      "address and `--node`",
      heard_seconds_ago / 3600);
}

// Before anything is asked: a node knows no such commands, and the code on the paper is not its business.
void check_is_spare(const std::string& data) {
  const SiteName site = or_refuse(keys::read_site_marker(data));
  if (!keys::is_spare_directory(data))
    refuse(
        {"keys/wrong_site", fmt::format("{} is no directory of a spare: it is of the machine of {} itself. Type this "
                                        "at the spare, or name the spare's directory.",
                                        data, site.view())});
}

void status(const SpareArguments& arguments) {
  check_is_spare(arguments.data);
  if (keys::is_promoted(arguments.data)) {
    fmt::print("This spare has been promoted; it is the store's machine now.\n");
    return;
  }
  const json::object answer = or_refuse(serve::ask_node(arguments.data, "GET", "/v1/spare"));
  const json::object& copy = object_at(answer, "copy");
  const std::string old = why_old(object_at(answer, "node"));
  const bool ready = flag_at(answer, "ready") && old.empty();
  fmt::print("{}: {}\n", text_at(answer, "site"), ready ? "ready" : "NOT ready");
  fmt::print("  copy                 {} entries of {}\n", text_at(copy, "size"), text_at(copy, "origin"));
  fmt::print("  the store's machine  last heard at {}\n", text_at(object_at(answer, "node"), "last_heard_at"));
  fmt::print("  people and tills     {}\n", text_at(answer, "has_people") == "true" ? "come along" : "NOT here yet");
  if (const std::string problem = text_at(answer, "problem"); problem != "not yet known")
    fmt::print("  problem              {}\n", problem);
  if (!old.empty()) fmt::print("  problem              {}\n", old);
  if (const std::string problem = text_at(object_at(answer, "tills"), "problem", ""); !problem.empty())
    fmt::print("  tills cannot come    {}\n", problem);
  if (!ready) throw CLI::RuntimeError(1);
}

// As `spare keygen` writes it, "SITE CODE", or the code alone, which may have blanks between its groups.
std::string without_site(const std::string& text, const SiteName& site) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(blank), text.size());
  const std::size_t end = std::min(text.find_first_of(blank, begin), text.size());
  return text.substr(std::string_view(text).substr(begin, end - begin) == site.view() ? end : begin);
}

// From the file, or typed: never on the command line, which others on the machine can read.
std::string read_code(const SpareArguments& arguments) {
  const SiteName site = or_refuse(keys::read_site_marker(arguments.data));
  if (!arguments.code_file.empty()) {
    return without_site(or_refuse(keys::read_public_file(arguments.code_file, 256)), site);
  }
  fmt::print("The code on the paper: ");
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  return without_site(line, site);
}

// As the spare itself says it, where none runs. A directory that is not whole is refused when it is promoted.
void refuse_what_cannot_open(const std::string& data) {
  const auto view = serve::DataView::open(data);
  if (!view || keys::is_promoted(data)) return;
  std::vector<std::unique_ptr<journal::Log>> logs;
  std::vector<journal::Log*> all;
  for (const Origin& origin : or_refuse((*view)->origins())) {
    auto log = (*view)->open_journal(origin);
    if (!log && origin.site == (*view)->site()) refuse(keys::not_ready(log.error().text));
    if (!log) continue;  // it opens with what comes before it names that
    all.push_back(log->get());
    logs.push_back(std::move(*log));
  }
  if (const std::string why = node::why_not_to_open((*view)->site(), all); !why.empty()) refuse(keys::not_ready(why));
}

void promote(const SpareArguments& arguments) {
  check_is_spare(arguments.data);
  if (keys::is_promoted(arguments.data)) {  // in a fright it is typed twice
    const bool runs = or_refuse(edge::DataLock::is_held(arguments.data));
    fmt::print("This machine is the store's already; nothing was changed.{}\n",
               runs ? "" : " Start it: `holdfast spare serve`.");
    return;
  }
  const std::string code = read_code(arguments);
  const std::string body = json::serialize(json::object{{"code", code}, {"though_heard", arguments.though_heard}});
  const auto answer = serve::ask_node(arguments.data, "POST", "/v1/spare/promote", body);
  bool has_people = false;
  if (answer) {
    has_people = text_at(*answer, "has_people") == "true";
  } else if (answer.error().code != "edge/no_node") {
    refuse(answer.error());
  } else {
    const auto lock = or_refuse(edge::DataLock::take(arguments.data));
    refuse_what_cannot_open(arguments.data);
    edge::SodiumEntropy entropy;
    const keys::Promoted promoted = or_refuse(keys::promote_directory(arguments.data, code, entropy));
    if (promoted.was_promoted) {
      fmt::print("This machine has been the store's before; nothing was changed. Start it: `holdfast spare serve`.\n");
      return;
    }
    has_people = promoted.has_people;
  }
  fmt::print("{}", answer ? "This machine opens as the store's now.\n"
                          : "This machine is the store's now. Start it: `holdfast spare serve`.\n");
  fmt::print("{}", has_people
                       ? "Tills and staff numbers work as before.\n"
                       : "No copy of the staff list was here: enrol with the code in the file enrolment-code.\n");
}

}  // namespace

void add_spare_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "spare", "The second machine of a store, that opens in the first one's place");
  auto arguments = std::make_shared<SpareArguments>();
  CLI::App* make = group.add_subcommand("keygen", "Makes a spare's directory, its keys, and the code for the paper");
  make->add_option("name", arguments->name, "The store's name in the chain file")->required();
  make->add_option("--into", arguments->into, "Directory to make; missing or empty")->required();
  make->add_option("--code-file", arguments->code_file,
                   "Write the code to this file, mode 0600, and not to the screen; not below --into");
  make->callback([arguments] { keygen(*arguments); });

  CLI::App* adopter = group.add_subcommand("adopt", "Puts the chain file and the spare's certificate in place");
  adopter->add_option("directory", arguments->data, "The spare's data directory")->required();
  adopter->add_option("file", arguments->chain_file, "The signed chain file")->required();
  adopter->add_option("certificate", arguments->certificate,
                      "NAME.certificate, made by `holdfast recovery sign --spare`; left out: the one that is there");
  adopter->callback([arguments] { adopt(*arguments); });

  CLI::App* serves = group.add_subcommand("serve", "Keeps the copy; once promoted, serves the store");
  serves->add_option("--data", arguments->serve.serve.data, "The spare's data directory")->required();
  serves->add_option("--node", arguments->serve.node,
                     "host:port where the store's machine listens for links; otherwise "
                     "the chain file's");
  serves->add_option("--links", arguments->serve.serve.links,
                     "host:port to listen on for links once promoted; otherwise it only dials, which is enough");
  add_serve_options(*serves, arguments->serve.serve);
  serves->callback([arguments] {
    const int code = serve::serve_spare(arguments->serve);
    if (code != 0) throw CLI::RuntimeError(code);
  });

  CLI::App* states = group.add_subcommand("status",
                                          "How good the copy is, and whether tills could come; exit code 1 if it is "
                                          "not ready, or nothing was heard of the store's machine for a day");
  states->add_option("--data", arguments->data, "The spare's data directory")->required();
  states->callback([arguments] { status(*arguments); });

  CLI::App* promotes =
      group.add_subcommand("promote", "Opens this machine in the place of the store's; asks for the code");
  promotes->add_option("--data", arguments->data, "The spare's data directory")->required();
  promotes->add_option("--code-file", arguments->code_file,
                       "A file with the code, alone or behind the store's name, instead of typing it");
  promotes->add_flag("--though-heard", arguments->though_heard, "Even though the store's machine still answers");
  promotes->callback([arguments] { promote(*arguments); });
}

}  // namespace holdfast::cli
