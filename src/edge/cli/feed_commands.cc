// `holdfast feed …`: what an existing system exports, taken into the running node of a site.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/posix/data_lock.h"
#include "edge/serve/local_client.h"
#include "edge/trade/feed_folder.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using trade::FileFate;

constexpr int exit_broken = 1, exit_waits = 3;
constexpr int look_again_seconds = 30;  // where the system tells of no change, and for a node that is away

struct FeedArguments {
  trade::FolderSettings settings;
  bool once = false;
};
struct AcceptArguments {
  std::string file, data;
};

void say(const trade::FileState& state) {
  fmt::print("{:<9} {}\n", to_text(state.fate), state.text);
  std::fflush(stdout);
}

bool any(const std::vector<trade::FileState>& states, std::initializer_list<FileFate> fates) {
  return std::ranges::any_of(
      states, [&](const trade::FileState& state) { return std::ranges::find(fates, state.fate) != fates.end(); });
}

// Takes what is there; what is still being written is waited for twice as long as it takes to settle.
void feed_once(trade::FeedFolder& folder, trade::Node& node, int settle_seconds) {
  std::vector<trade::FileState> states = or_refuse(folder.pass(node, say));
  for (int waited = 0; any(states, {FileFate::settling}) && waited < 2 * settle_seconds + 2; ++waited) {
    if (!folder.wait(1)) break;
    states = or_refuse(folder.pass(node, say));
  }
  if (states.empty()) fmt::print("No export lies in the folder.\n");
  if (any(states, {FileFate::broken, FileFate::unreadable, FileFate::refused, FileFate::no_node, FileFate::settling}))
    throw CLI::RuntimeError(exit_broken);
  if (any(states, {FileFate::waits})) throw CLI::RuntimeError(exit_waits);
}

void run_feed(const FeedArguments& arguments) {
  or_refuse(keys::read_site_marker(arguments.settings.data));
  const auto folder = or_refuse(trade::FeedFolder::open(arguments.settings));
  std::unique_ptr<trade::Node> node = or_refuse(trade::node_of_data(arguments.settings.data));
  trade::stop_feeding_on_signals();
  if (arguments.once) return feed_once(*folder, *node, arguments.settings.settle_seconds);
  fmt::print("Watching {}.\n", arguments.settings.folder);
  std::fflush(stdout);
  for (;;) {
    const auto states = folder->pass(*node, say);
    if (!states) fmt::print(stderr, "holdfast: {} [{}]\n", states.error().text, states.error().code);
    const bool is_soon = states && any(*states, {FileFate::settling});
    if (!folder->wait(is_soon ? 1 : look_again_seconds)) return;
    if (!states || !any(*states, {FileFate::no_node})) continue;
    // Its token may be another.
    if (auto again = trade::node_of_data(arguments.settings.data)) node = std::move(*again);
  }
}

void accept_file(const AcceptArguments& arguments) {
  or_refuse(keys::read_site_marker(arguments.data));
  or_refuse(edge::check_root_stays_out(arguments.data));
  const Hash hash = or_refuse(trade::accept_feed_file(arguments.file, arguments.data));
  fmt::print("{} is let in as it is, once, by the next look of `holdfast feed` (SHA-256 {}).\n", arguments.file,
             to_hex(hash));
}

// ---- status

std::string age_text(const std::string& as_of, Instant now) {
  const auto at = parse_instant(as_of);
  if (!at) return as_of;
  const std::string shown = as_of.substr(0, 19) + "Z";  // nobody reads nanoseconds
  const std::int64_t minutes = std::max<std::int64_t>(0, (now - *at).ns / 60'000'000'000);
  if (minutes < 120) return fmt::format("{} ({} min ago)", shown, minutes);
  if (minutes < 48 * 60) return fmt::format("{} ({} h ago)", shown, minutes / 60);
  return fmt::format("{} ({} days ago)", shown, minutes / (24 * 60));
}

Instant wall_clock() {
  return Instant{
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
}

bool show_folder(const std::string& data) {
  const auto text = keys::read_public_file(data + "/feed/status.json", 8u << 20);
  if (!text) {
    fmt::print("No folder has been looked at yet: `holdfast feed DIR --data {}`.\n", data);
    return false;
  }
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  const json::object* status = error ? nullptr : value.if_object();
  const json::value* files = status == nullptr ? nullptr : status->if_contains("files");
  if (files == nullptr || !files->is_array()) return false;
  fmt::print("Folder {}, looked at {}\n", text_at(*status, "folder"), age_text(text_at(*status, "at"), wall_clock()));
  bool needs_a_person = false;
  for (const json::value& each : files->get_array()) {
    const json::object* file = each.if_object();
    if (file == nullptr) continue;
    const std::string fate = text_at(*file, "fate");
    for (const FileFate bad :
         {FileFate::waits, FileFate::broken, FileFate::unreadable, FileFate::refused, FileFate::no_node})
      needs_a_person = needs_a_person || fate == to_text(bad);
    fmt::print("  {:<9} {}\n", fate, text_at(*file, "text"));
  }
  return needs_a_person;
}

void show_status(const std::string& data) {
  or_refuse(keys::read_site_marker(data));
  const json::object answer = or_refuse(serve::ask_node(data, "GET", "/v1/feed"));
  const auto age = [&](const char* name) {
    const json::value* value = answer.if_contains(name);
    const json::object* object = value == nullptr ? nullptr : value->if_object();
    return object == nullptr ? std::string("not yet known") : age_text(text_at(*object, "as_of"), wall_clock());
  };
  fmt::print("{}\n  prices       as of {}\n  stock        as of {}\n  open orders  as of {} ({} open)\n",
             text_at(answer, "site"), age("prices"), age("stock"), age("orders"), text_at(answer, "open_orders"));
  if (const json::value* files = answer.if_contains("files"); files != nullptr && files->is_array()) {
    for (const json::value& each : files->get_array()) {
      const json::object* file = each.if_object();
      if (file == nullptr) continue;
      fmt::print("  {:<10} {:<20} {} as of {}: {} rows, {} refused, {} changed\n", text_at(*file, "kind"),
                 text_at(*file, "stream"), text_at(*file, "file"), text_at(*file, "as_of"), text_at(*file, "rows"),
                 text_at(*file, "refused"), text_at(*file, "changed"));
    }
  }
  if (show_folder(data)) throw CLI::RuntimeError(exit_waits);
}

}  // namespace

void add_feed_commands(CLI::App& app) {
  CLI::App* feed = app.add_subcommand(
      "feed", "Takes what an existing till or ERP system exports (catalogue, stock, open orders) out of a folder");
  feed->require_subcommand(0, 1);
  feed->footer(
      "Exit codes of --once: 0 all taken or known; 1 a file is broken, still being written, refused by the node, or\n"
      "the node away; 3 a file waits for a person. status ends with 3 when a person is needed.\n"
      "docs/feed.md has the formats, the mapping file, and what is waited for.");

  auto arguments = std::make_shared<FeedArguments>();
  CLI::Option* folder = feed->add_option("dir", arguments->settings.folder, "The folder with the exports");
  CLI::Option* data =
      feed->add_option("--data", arguments->settings.data, "The data directory of this site's running node");
  feed->add_option("--mapping", arguments->settings.mapping_path, "Mapping file (DATA/feed.toml, if it is there)");
  feed->add_option("--settle", arguments->settings.settle_seconds,
                   "Seconds for which a file must not have changed; a NAME.done beside it says so at once")
      ->capture_default_str()
      ->check(CLI::Range(0, 3600));
  feed->add_flag("--once", arguments->once, "Take what is there and end");

  auto accept = std::make_shared<AcceptArguments>();
  CLI::App* accepting = feed->add_subcommand("accept", "Lets one file in that waits, exactly as it is");
  accepting->add_option("file", accept->file, "The file")->required();
  accepting->add_option("--data", accept->data, "The data directory")->required();
  accepting->callback([accept] { accept_file(*accept); });

  auto status = std::make_shared<std::string>();
  CLI::App* showing =
      feed->add_subcommand("status", "How old prices, stock and orders are; exit code 3: a person is needed");
  showing->add_option("--data", *status, "The data directory")->required();
  showing->callback([status] { show_status(*status); });

  feed->callback([arguments, feed, folder, data] {
    if (!feed->get_subcommands().empty()) return;
    if (folder->empty()) throw CLI::RequiredError("dir");
    if (data->empty()) throw CLI::RequiredError("--data");
    run_feed(*arguments);
  });
}

}  // namespace holdfast::cli
