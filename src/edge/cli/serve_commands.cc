// `holdfast serve`, `link cut|heal|list`, `site rebuild|report`: a running node, and a lost site's new machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <set>

#include "core/base/read_file.h"
#include "core/journal/log.h"
#include "core/recovery/rebuild.h"
#include "edge/cli/at_rest.h"
#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/keys/spare_directory.h"
#include "edge/posix/data_lock.h"
#include "edge/serve/local_client.h"
#include "edge/serve/node_host.h"
#include "edge/serve/serve.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

void run_serve(const serve::ServeSettings& settings) {
  // Else the missing keys of a spare would be told as lost.
  if (keys::is_spare_directory(settings.data) && !keys::is_promoted(settings.data))
    refuse({"keys/wrong_site", fmt::format("{0} is of a spare that nobody has opened yet: `holdfast spare serve --data "
                                           "{0}` starts it, `holdfast spare promote --data {0}` opens it.",
                                           settings.data)});
  const int code = serve::serve(settings);
  if (code != 0) throw CLI::RuntimeError(code);
}

// ---- links

struct LinkArguments {
  std::string site, data;
};

// Without a running node: what it will read. The lock keeps one from starting meanwhile.
void change_cut_list(const LinkArguments& arguments, const SiteName& site, bool cut) {
  const SiteName here = or_refuse(keys::read_site_marker(arguments.data));
  const auto lock = or_refuse(edge::DataLock::take(arguments.data));
  const chain::ChainFile file = or_refuse(keys::read_chain_file(arguments.data));
  if (!file.linked(here, site)) {
    refuse({"node/unknown_link",
            fmt::format("The chain file names no link between {} and {}.", here.view(), site.view())});
  }
  const auto disk = or_refuse(edge::PosixDisk::open_root(arguments.data));
  if (!cut && is_rejoining(*disk)) {
    refuse({"incident/check_missing",
            fmt::format("{} is rejoining after a seal: a link returns when its checklist is met, and the node knows "
                        "whether it is. Start the node, then `holdfast rejoin link {}`. Nothing was changed.",
                        here.view(), site.view())});
  }
  std::set<std::string> list = read_cut_list(*disk);
  if (cut) {
    list.insert(site.str());
  } else {
    list.erase(site.str());
  }
  std::string text;
  for (const std::string& name : list) text += name + "\n";
  or_refuse(disk->write_all("links.cut", as_bytes(text)));
  fmt::print("{}: the link with {} is {} from the next start on; no node runs here now.\n", here.view(), site.view(),
             cut ? "cut" : "open");
  if (!cut && posture_at_rest(*disk).posture == guard::Posture::sealed)
    fmt::print("But {} is sealed: no link opens before the site does (`holdfast unseal`, or `holdfast rejoin`).\n",
               here.view());
}

void change_link(const LinkArguments& arguments, bool cut) {
  const auto site = chain::site_name_of(arguments.site);
  if (!site) refuse({"node/unknown_link", fmt::format("\"{}\" is no site's name.", arguments.site)});
  or_refuse(keys::read_site_marker(arguments.data));
  const auto answer = serve::ask_node(arguments.data, "POST", "/v1/links/" + site->str(),
                                      fmt::format("{{\"state\":\"{}\"}}", cut ? "cut" : "open"));
  if (answer) {
    fmt::print("The link with {} is {}.\n", site->view(), cut ? "cut: nothing passes, either way" : "open");
    return;
  }
  if (answer.error().code != "edge/no_node") refuse(answer.error());
  change_cut_list(arguments, *site, cut);
}

void list_links(const LinkArguments& arguments) {
  const SiteName here = or_refuse(keys::read_site_marker(arguments.data));
  const auto answer = serve::ask_node(arguments.data, "GET", "/v1/links");
  if (answer) {
    for (const json::object* link : objects_at(*answer, "links")) {
      fmt::print("{:<31} {:<5} {}\n", text_at(*link, "site"), text_at(*link, "state"), text_at(*link, "roles"));
    }
    return;
  }
  if (answer.error().code != "edge/no_node") refuse(answer.error());
  const chain::ChainFile file = or_refuse(keys::read_chain_file(arguments.data));
  const auto disk = or_refuse(edge::PosixDisk::open_root(arguments.data));
  const std::set<std::string> cut = read_cut_list(*disk);
  const bool is_sealed = posture_at_rest(*disk).posture == guard::Posture::sealed;
  for (const chain::Site& site : file.sites) {
    if (site.name != here && file.linked(here, site.name)) {
      fmt::print("{:<31} {}\n", site.name.view(),
                 cut.contains(site.name.str()) ? "cut"
                 : is_sealed                   ? "ended by the seal; no node runs here now"
                                               : "open; no node runs here now");
    }
  }
}

// ---- rebuild

struct RebuildArguments {
  std::string name, into, chain_file, certificate, enrolment, links;
  bool goes_on = false;
  serve::ServeSettings serve;
};

std::string optional_text(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "not yet known";
}
std::string optional_text(const std::optional<Instant>& at) { return at ? to_text(*at) : "not yet known"; }

void print_report(const node::RecoveryReport& report) {
  fmt::print("{} continues {}\n", report.new_origin.text(), report.old_origin.text());
  fmt::print("  cosigned and kept        {} entries\n", report.cosigned);
  fmt::print("  announced                {} entries, at {}\n", optional_text(report.announced),
             optional_text(report.announced_at));
  fmt::print("  sent again by tills      {}\n  re-admitted from tails   {}\n  listed for a person      {}\n",
             report.resubmitted, report.readmitted, report.listed);
  fmt::print("  known lost               {}\n", report.known_lost);
  for (const ReceiptNumber& receipt : report.missing_receipts) fmt::print("    receipt {}\n", to_text(receipt));
  fmt::print("  not yet known since      {}\n", optional_text(report.not_yet_known_since));
  fmt::print("  fetched                  {} entries, {} bytes\n", report.entries_fetched, report.bytes_fetched);
}

// A machine that was rebuilt has its epoch. With another certificate it would begin a new one, mirrors would seal for
// that, and nobody would cosign the one that it has any more (protocol 5.1, 5.4).
void refuse_second_certificate(Disk& disk, const RebuildArguments& arguments, const chain::Certificate& certificate) {
  const auto in_place = or_refuse(read_if_there(disk, node::certificate_path));
  const auto said = or_refuse(read_if_there(disk, recovery::registration_path));
  if (in_place && as_text(*in_place) == certificate.note) return;
  if (!in_place && said) {  // the file was lost, and this is it
    const auto registration = chain::parse_registration(as_text(*said));
    if (registration && registration->certificate.note == certificate.note) return;
  }
  const auto before = in_place ? chain::parse_certificate(as_text(*in_place)) : fail("", "");
  const bool has_journal = before && !or_refuse(disk.list(journal::Log::directory(before->origin()))).empty();
  if (!said && !has_journal) return;
  refuse({"keys/exists",
          fmt::format("The machine in {} has been rebuilt with another certificate{}, and {} is for epoch {}: with it "
                      "this machine would leave the epoch that it has, and the store be closed meanwhile. Nothing was "
                      "changed. Start the machine as it is; if its rebuild was interrupted, give the certificate that "
                      "it had. For a new machine, or if this one's certificate counts no longer, make keys of its own: "
                      "`holdfast site keygen {} --replacement --into` an empty directory, and have them signed.",
                      arguments.into, before ? fmt::format(", for epoch {}", before->epoch) : std::string(),
                      arguments.certificate, certificate.epoch, arguments.name)});
}

// The rebuild goes on: nobody's trade waits for a code. Who has been enrolled since needs none.
void tell_without_codes(const RebuildArguments& arguments, const SiteName& site, std::uint32_t epoch) {
  const auto there = keys::read_enrolment(arguments.into, site);
  if ((there && there->epoch == epoch) || std::filesystem::exists(arguments.into + "/people")) return;
  fmt::print(stderr,
             "holdfast: {} is not beside the certificate, so the manager's code of the ceremony will not count here. "
             "Put it there and type this again, or use the code in {}/enrolment-code once the node runs. The rebuild "
             "goes on.\n",
             keys::enrolment_file_name(site), arguments.into);
}

// Puts what the ceremony made into the new machine's directory (protocol 5.1, 11.2), all of it checked first. The lock
// keeps it from being put under a node that runs, whose next start would find it.
void prepare_machine(const RebuildArguments& arguments) {
  const SiteName site = or_refuse(keys::read_site_marker(arguments.into));
  if (site.view() != arguments.name) {
    refuse({"keys/wrong_site",
            fmt::format("{} is the directory of {}, not of {}.", arguments.into, site.view(), arguments.name)});
  }
  const auto lock = or_refuse(edge::DataLock::take(arguments.into));
  const std::string chain_text = or_refuse(keys::read_public_file(arguments.chain_file));
  const chain::ChainFile file = or_refuse(chain::open_chain_file(chain_text));
  const std::string note = or_refuse(keys::read_public_file(arguments.certificate, chain::certificate_bytes_max));
  const chain::Certificate certificate = or_refuse(chain::open_unrevoked_certificate(file, note));
  const auto signer = or_refuse(keys::FileSigner::open(arguments.into, site));
  if (certificate.site != site || certificate.keys != signer->public_keys()) {
    refuse({"keys/wrong_site",
            fmt::format(
                "{} is not for the keys in {}/keys; sign this machine's {}.pub.toml with `holdfast recovery sign`.",
                arguments.certificate, arguments.into, site.view())});
  }
  // The enrolment codes lie beside the certificate, unless it is said where else.
  std::string enrolment_path = arguments.enrolment;
  if (enrolment_path.empty()) {
    const auto beside = std::filesystem::path(arguments.certificate).parent_path() / keys::enrolment_file_name(site);
    if (std::filesystem::exists(beside)) enrolment_path = beside.string();
  }
  const auto disk = or_refuse(edge::PosixDisk::open_root(arguments.into));
  refuse_second_certificate(*disk, arguments, certificate);
  if (!enrolment_path.empty()) {
    const std::string text = or_refuse(keys::read_public_file(enrolment_path, 4096));
    const keys::Enrolment enrolment = or_refuse(keys::parse_enrolment(text));
    if (enrolment.site != site || enrolment.epoch != certificate.epoch) {
      refuse({"keys/bad_enrolment",
              fmt::format("{} is of {} epoch {}, but the certificate is for {} epoch {}.", enrolment_path,
                          enrolment.site.view(), enrolment.epoch, site.view(), certificate.epoch)});
    }
    or_refuse(disk->write_all(keys::enrolment_file_name(site), as_bytes(text)));
  } else {
    tell_without_codes(arguments, site, certificate.epoch);
  }
  or_refuse(disk->write_all(node::certificate_path, as_bytes(note)));
  or_refuse(keys::adopt_chain_file(arguments.into, chain_text));
}

// Prints each step of a rebuild with its time, and the report at its end.
class Steps {
 public:
  // True: it is no longer being rebuilt.
  bool round(const node::Node& node) {
    if (has_ended_) return true;
    if (const auto progress = node.progress(); progress && progress->step != step_) say(step_ = progress->step);
    has_ended_ = node.phase() != node::Phase::rebuilding;
    if (!has_ended_ || node.phase() == node::Phase::stopped) return has_ended_;
    say("registered; this machine can serve");
    if (const auto report = node.recovery()) print_report(*report);
    std::fflush(stdout);
    return true;
  }

 private:
  void say(std::string_view what) {
    fmt::print("{:>8.1f} s  {}\n", static_cast<double>((clock_.monotonic() - began_).ns) / 1e9, what);
    std::fflush(stdout);
  }
  edge::PosixClock clock_;
  Instant began_ = clock_.monotonic();
  std::string step_;
  bool has_ended_ = false;
};

void rebuild(const RebuildArguments& arguments) {
  prepare_machine(arguments);
  Steps steps;
  if (arguments.goes_on) {  // in one: what was fetched and folded is not read and folded again
    serve::ServeSettings settings = arguments.serve;
    settings.on_round = [&](const node::Node& node) { steps.round(node); };
    return run_serve(settings);
  }
  const serve::Log log = or_refuse(serve::Log::open(arguments.into + "/rebuild.log"));
  const auto host = or_refuse(serve::NodeHost::open({.data = arguments.into, .listen = arguments.links}, log));
  or_refuse(host->run([&](const node::Node& node) { return steps.round(node); }));
  if (host->node().phase() == node::Phase::stopped)
    refuse({"node/stopped", "This machine was itself replaced by a newer one while it was rebuilt. Use that one."});
}

void show_recovery(const std::string& data) {
  const json::object answer = or_refuse(serve::ask_node(data, "GET", "/v1/recovery"));
  fmt::print("{} continues {}\n", text_at(answer, "new_origin"), text_at(answer, "old_origin"));
  fmt::print("  cosigned and kept        {} entries\n", text_at(answer, "cosigned"));
  fmt::print("  announced                {} entries, at {}\n", text_at(answer, "announced"),
             text_at(answer, "announced_at"));
  fmt::print("  sent again by tills      {}\n  re-admitted from tails   {}\n  listed for a person      {}\n",
             text_at(answer, "resubmitted"), text_at(answer, "readmitted"), text_at(answer, "listed"));
  fmt::print("  known lost               {}\n", text_at(answer, "known_lost_count"));
  for (const json::object* lost : objects_at(answer, "known_lost")) fmt::print("    {}\n", text_at(*lost, "what"));
  fmt::print("  not yet known since      {}\n", text_at(answer, "not_yet_known_since"));
}

}  // namespace

void add_serve_options(CLI::App& command, serve::ServeSettings& settings) {
  command.add_option("--http", settings.http, "Address of the HTTP API and the pages")->capture_default_str();
  command.add_flag("--http-insecure-bind", settings.http_insecure_bind,
                   "Allow --http beyond this machine: PINs and keys then pass in clear; tills have --tills");
  command.add_option("--tills", settings.tills,
                     "Address and port of this machine on the shop's network where tills come, over TLS");
  command.add_option("--tills-name", settings.tills_names,
                     "A name or address by which tills call this machine, if it is another; may be given again");
  command.add_option("--pages", settings.pages, "A directory of built pages, instead of those inside the program");
  command.add_option("--demo-control", settings.demo_control, "URL of the demo's control server (only in the demo)");
  command
      .add_option("--spare-silence", settings.spare_silence_seconds,
                  "Seconds without a word of a store's machine before this mirror registers its spare")
      ->capture_default_str()
      ->check(CLI::Range(60u, 86'400u));
  command.add_option("--log", settings.log, "File of the structured log; otherwise standard error");
}

void add_serve_commands(CLI::App& app) {
  auto settings = std::make_shared<serve::ServeSettings>();
  CLI::App* serves = app.add_subcommand("serve", "Runs a site's node: its journal, its links, its HTTP API and pages");
  serves->add_option("--data", settings->data, "The site's data directory")->required();
  serves->add_option("--links", settings->links, "host:port to listen on for links; otherwise the chain file's");
  add_serve_options(*serves, *settings);
  serves->callback([settings] { run_serve(*settings); });

  CLI::App& links = command_group(app, "link", "This site's links: local, at once, and nobody else is needed");
  auto link = std::make_shared<LinkArguments>();
  const auto add_link = [&](const char* name, const char* what, bool cut) {
    CLI::App* command = links.add_subcommand(name, what);
    command->add_option("site", link->site, "The other site")->required();
    command->add_option("--data", link->data, "This site's data directory")->required();
    command->callback([link, cut] { change_link(*link, cut); });
  };
  add_link("cut", "Ends the link and lets nothing pass until it is healed", true);
  add_link("heal", "Opens a link that was cut", false);
  CLI::App* lists = links.add_subcommand("list", "Prints the links and their state");
  lists->add_option("--data", link->data, "This site's data directory")->required();
  lists->callback([link] { list_links(*link); });

  CLI::App& sites = command_group(app, "site", "One site: its keys and its data directory");
  auto arguments = std::make_shared<RebuildArguments>();
  CLI::App* rebuilds = sites.add_subcommand("rebuild", "Brings a lost site back from its mirrors onto this machine");
  rebuilds->add_option("name", arguments->name, "The site's name")->required();
  rebuilds->add_option("--into", arguments->into, "Data directory, made by `holdfast site keygen NAME --replacement`")
      ->required();
  rebuilds->add_option("--chain", arguments->chain_file, "The newest signed chain file")->required();
  rebuilds->add_option("--certificate", arguments->certificate, "NAME.certificate, made by `holdfast recovery sign`")
      ->required();
  rebuilds->add_option("--enrolment", arguments->enrolment, "NAME.enrolment; otherwise the one beside the certificate");
  rebuilds->add_option("--links", arguments->links, "host:port to listen on for links; otherwise the chain file's");
  rebuilds->add_flag("--serve", arguments->goes_on,
                     "Serve from the start, with the options of `holdfast serve`: the pages tell the step");
  add_serve_options(*rebuilds, arguments->serve);
  rebuilds->callback([arguments] {
    arguments->serve.data = arguments->into;
    arguments->serve.links = arguments->links;
    rebuild(*arguments);
  });
  auto data = std::make_shared<std::string>();
  CLI::App* reports =
      sites.add_subcommand("report", "What the rebuild brought back, and what is known lost, as the node knows it now");
  reports->add_option("--data", *data, "The site's data directory")->required();
  reports->callback([data] { show_recovery(*data); });
}

}  // namespace holdfast::cli
