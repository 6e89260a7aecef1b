// `holdfast handback`, `handback list|confirm`: the trade made here goes back to the old system, once.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/handback/handback.h"
#include "edge/handback/settings.h"
#include "edge/handback/totals.h"
#include "edge/keys/private_files.h"
#include "edge/serve/local_client.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using standby::TotalKey;
using standby::TotalKind;

constexpr std::size_t settings_bytes_max = 700'000;  // with the products' part, in one request
constexpr int copy_patience_ms = 5'000;

struct HandbackArguments {
  std::string data, into, settings, products, totals, day = "all", note;
  std::string gross, sales, refunds, cash, card;
  std::vector<std::string> vat, taxed;
  std::uint32_t number = 0;
  bool though_moved = false;
};

EntryPlace place_at(const json::object& object, std::string_view name) {
  const json::object& place = object_at(object, name);
  return {static_cast<std::uint32_t>(number_at(place, "epoch")), static_cast<EntryIndex>(number_at(place, "index"))};
}

void print_written(const handback::Written& written, const std::string& into, bool was_there) {
  const standby::MakeHandback& made = written.made;
  fmt::print("Handback {}: {} sales, {} refunds, {} movements of stock{}\n", made.number, made.counts.sales,
             made.counts.refunds, made.counts.movements,
             made.late == 0 ? "" : fmt::format("; {} of them came late", made.late));
  fmt::print("{} files {} in {}\n", written.files.size() + 1, was_there ? "were there already, the same bytes," : "are",
             (std::filesystem::path(into) / written.directory).string());
}

std::string record_fields(const standby::MakeHandback& made) {
  http::JsonOut out;
  out.object().field("kind", "handback").field("number", made.number).field("writer", made.writer);
  out.object("first").field("epoch", made.first.epoch).field("index", made.first.index).end_object();
  out.object("end").field("epoch", made.end.epoch).field("index", made.end.index).end_object();
  out.field("settings", made.settings).array("files");
  for (const standby::File& file : made.files)
    out.object().field("name", file.name).field("sha256", to_hex(file.sha256)).field("bytes", file.bytes).end_object();
  out.end_array().array("totals");
  for (const auto& [key, amount] : made.totals) {
    out.object().field("day", key.day).field("total", standby::to_text(key.kind)).field("code", key.code);
    out.field("amount", amount).end_object();
  }
  out.end_array().field("sales", made.counts.sales).field("refunds", made.counts.refunds);
  out.field("movements", made.counts.movements).field("late", made.late).end_object();
  std::string text = out.take();
  return text.substr(1, text.size() - 2);  // the fields alone
}

// A number that was given out is remembered elsewhere, too, before people import its files; where that is not so, say
// it.
void wait_for_copies(const std::string& data, std::uint64_t index) {
  for (int waited = 0; waited < copy_patience_ms; waited += 100) {
    const auto safety = serve::ask_node(data, "GET", "/v1/safety");
    if (safety && number_at(*safety, "cosigned_size") > static_cast<std::int64_t>(index)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  fmt::print(
      "Its record is not copied to the mirrors yet. If this machine were lost before it is, its number could be given "
      "out "
      "again; rows keep their ids in any case.\n");
}

// The number before is in the journal, but was its command interrupted before it wrote the files, they are nowhere, and
// the next handback begins where they would end.
void refuse_without_files_of(std::uint32_t before, const HandbackArguments& arguments, const serve::DataView& view) {
  const auto files = std::filesystem::path(arguments.into) / handback::directory_name(view.site().view(), before);
  std::error_code ignored;
  if (std::filesystem::exists(files, ignored)) return;
  refuse({"handback/not_written",
          fmt::format("Handback {0} has no files here: {1} is missing. Run this with --number {0} first, and with "
                      "--though-moved if they were written and are elsewhere.",
                      before, files.string())});
}

void make_new(const HandbackArguments& arguments, serve::DataView& view, std::uint32_t expected) {
  const json::object state = or_refuse(serve::ask_node(arguments.data, "GET", "/v1/standby"));
  const json::object safety = or_refuse(serve::ask_node(arguments.data, "GET", "/v1/safety"));
  if (object_at(state, "handed_to").empty())
    refuse({"standby/wrong_phase", "This site has never stood by for another system: nothing is to go back."});
  const json::object& open = object_at(object_at(state, "standby"), "open");
  const auto next = static_cast<std::uint32_t>(list_at(state, "handbacks").size() + 1);
  if (expected != 0 && expected != next)
    refuse({"standby/wrong_number", fmt::format("There is no handback {}; the next one is {}.", expected, next)});
  if (number_at(open, "sales") + number_at(open, "refunds") + number_at(open, "movements") == 0)
    refuse({"standby/nothing_new",
            next == 1 ? std::string("Nothing was traded here since this site stands by.")
                      : fmt::format("Nothing was traded since handback {}; ask for it again with --number {}.",
                                    next - 1, next - 1)});
  if (next > 1 && !arguments.though_moved) refuse_without_files_of(next - 1, arguments, view);
  const std::string settings =
      arguments.settings.empty() ? std::string() : or_refuse(keys::read_public_file(arguments.settings, 1u << 20));
  const EntryPlace end{static_cast<std::uint32_t>(number_at(safety, "epoch")),
                       static_cast<EntryIndex>(number_at(safety, "size"))};
  const handback::Written written =
      or_refuse(handback::write_handback(view, next, place_at(state, "handed_to"), end, settings, arguments.products));
  if (written.made.settings.size() > settings_bytes_max)
    refuse(
        {"handback/bad_settings", fmt::format("The settings with the products that moved are {} bytes, at most {} are "
                                              "kept; give a smaller product file.",
                                              written.made.settings.size(), settings_bytes_max)});
  std::error_code error;
  std::filesystem::create_directories(arguments.into, error);
  if (error) refuse({"handback/failed", fmt::format("{}: {}", arguments.into, error.message())});
  const json::object reply = or_refuse(local_write(arguments.data, record_fields(written.made)));
  const auto put = handback::put_files(written, arguments.into);
  if (!put)
    refuse({put.error().code,
            fmt::format("{} The handback is recorded: ask for it again with --number {}.", put.error().text, next)});
  wait_for_copies(arguments.data, static_cast<std::uint64_t>(number_at(reply, "index")));
  print_written(written, arguments.into, *put);
}

void make(const HandbackArguments& arguments) {
  const auto view = or_refuse(serve::DataView::open(arguments.data));
  if (arguments.number != 0) {
    const auto made = or_refuse(handback::handbacks_made(*view));
    if (const auto it = made.find(arguments.number); it != made.end()) {
      const handback::Written written = or_refuse(handback::write_again(*view, it->second));
      print_written(written, arguments.into, or_refuse(handback::put_files(written, arguments.into)));
      return;
    }
  }
  make_new(arguments, *view, arguments.number);
}

// ---- list, confirm

struct Known {
  json::object state;
  int decimals = 2;
};
Known ask_state(const HandbackArguments& arguments) {
  Known known{or_refuse(serve::ask_node(arguments.data, "GET", "/v1/standby")), 2};
  known.decimals = static_cast<int>(number_at(known.state, "currency_decimals"));
  return known;
}
TotalKey key_of(const json::object& total) {
  return {number_at(total, "day"), standby::total_kind_of(text_at(total, "total")).value_or(TotalKind::gross),
          text_at(total, "code")};
}
std::string name_of(const TotalKey& key) {
  return fmt::format("{} {}{}{}", handback::day_text(key.day), standby::to_text(key.kind), key.code.empty() ? "" : " ",
                     key.code);
}

// True: all agree.
bool print_confirmed(const json::object& handback, int decimals) {
  bool agree = true;
  for (const json::value& value : list_at(handback, "confirmed")) {
    const json::object& total = value.get_object();
    const TotalKey key = key_of(total);
    const std::int64_t difference = number_at(total, "difference");
    fmt::print("  {:<28} reported {:>14}  ours {:>14}  {}\n", name_of(key),
               handback::amount_text(key, number_at(total, "reported"), decimals),
               handback::amount_text(key, number_at(total, "ours"), decimals),
               difference == 0 ? "equal" : "DIFFERENCE " + handback::amount_text(key, difference, decimals));
    agree = agree && difference == 0;
  }
  return agree;
}

void list(const HandbackArguments& arguments) {
  const Known known = ask_state(arguments);
  for (const json::value& value : list_at(known.state, "handbacks")) {
    const json::object& handback = value.get_object();
    fmt::print("{}  {}  {} sales, {} refunds, {} movements, {} late; {}\n", text_at(handback, "number"),
               text_at(handback, "at"), text_at(handback, "sales"), text_at(handback, "refunds"),
               text_at(handback, "movements"), text_at(handback, "late"),
               list_at(handback, "confirmed").empty() ? "not confirmed by the old system yet" : "confirmed:");
    print_confirmed(handback, known.decimals);
  }
  const json::object& open = object_at(object_at(known.state, "standby"), "open");
  fmt::print("Not yet handed back: {} sales, {} refunds, {} movements of stock\n", text_at(open, "sales"),
             text_at(open, "refunds"), text_at(open, "movements"));
}

const json::object& find_handback(const Known& known, std::uint32_t number) {
  const json::array& all = list_at(known.state, "handbacks");
  if (number < 1 || number > all.size())
    refuse({"standby/unknown_handback",
            all.empty() ? std::string("No handback was made here yet.")
                        : fmt::format("There is no handback {}; the last one is {}.", number, all.size())});
  return all[number - 1].get_object();
}

// "S=12.34": the rate may be left out where a code has one rate in this handback.
TotalKey rate_key(const json::object& handback, std::int64_t day, TotalKind kind, const std::string& code) {
  std::string found;
  for (const json::value& value : list_at(handback, "totals")) {
    const TotalKey key = key_of(value.get_object());
    if (key.kind != kind || (key.code != code && !key.code.starts_with(code + " "))) continue;
    if (!found.empty() && found != key.code)
      refuse({"handback/bad_totals",
              fmt::format("VAT code {} has several rates; write \"{}=...\" with the rate.", code, found)});
    found = key.code;
  }
  return {day, kind, found.empty() ? code : found};
}

standby::Totals reported(const HandbackArguments& arguments, const json::object& handback, int decimals) {
  if (!arguments.totals.empty()) {
    standby::Totals ours;
    for (const json::object* total : objects_at(handback, "totals")) ours[key_of(*total)] = number_at(*total, "amount");
    return or_refuse(handback::reported_from_csv(arguments.totals, decimals, &ours));
  }
  const auto day = handback::day_from_text(arguments.day);
  if (!day) refuse({"handback/bad_totals", "--day is written 2026-11-25, or all."});
  standby::Totals totals;
  const auto add = [&](const TotalKey& key, const std::string& text) {
    if (!text.empty()) totals[key] = or_refuse(handback::amount_from_text(key, text, decimals));
  };
  add({*day, TotalKind::gross, ""}, arguments.gross);
  add({*day, TotalKind::sales, ""}, arguments.sales);
  add({*day, TotalKind::refunds, ""}, arguments.refunds);
  add({*day, TotalKind::paid, "cash"}, arguments.cash);
  add({*day, TotalKind::paid, "card"}, arguments.card);
  const auto add_rates = [&](TotalKind kind, const std::vector<std::string>& given) {
    for (const std::string& each : given) {
      const std::size_t at = each.find('=');
      if (at == std::string::npos || at == 0) refuse({"handback/bad_totals", "A VAT total is written S=12.34."});
      add(rate_key(handback, *day, kind, each.substr(0, at)), each.substr(at + 1));
    }
  };
  add_rates(TotalKind::vat, arguments.vat);
  add_rates(TotalKind::taxed, arguments.taxed);
  if (totals.empty())
    refuse({"handback/bad_totals", "Say what the old system reports: --totals FILE, or --gross and others."});
  return totals;
}

void confirm(const HandbackArguments& arguments) {
  const Known known = ask_state(arguments);
  const standby::Totals totals = reported(arguments, find_handback(known, arguments.number), known.decimals);
  http::JsonOut out;
  out.object().field("kind", "confirm_handback").field("number", arguments.number).field("note", arguments.note);
  out.array("totals");
  for (const auto& [key, amount] : totals) {
    out.object().field("day", key.day).field("total", standby::to_text(key.kind)).field("code", key.code);
    out.field("reported", amount).end_object();
  }
  const std::string text = out.end_array().end_object().take();
  or_refuse(local_write(arguments.data, text.substr(1, text.size() - 2)));
  const Known after = ask_state(arguments);
  fmt::print("Recorded for handback {}:\n", arguments.number);
  if (!print_confirmed(find_handback(after, arguments.number), after.decimals)) throw CLI::RuntimeError(1);
}

}  // namespace

void add_handback_commands(CLI::App& app) {
  auto arguments = std::make_shared<HandbackArguments>();
  CLI::App* makes = app.add_subcommand("handback",
                                       "Writes the trade made here since the last handback as files for the "
                                       "old system, numbered, each thing once");
  makes->require_subcommand(0, 1);
  makes->add_option("--data", arguments->data, "The site's data directory");
  makes->add_option("--into", arguments->into, "Where its directory of files is made");
  makes->add_option("--number", arguments->number, "This handback again, byte for byte; otherwise the next one");
  makes->add_flag(
      "--though-moved", arguments->though_moved,
      "Even though the files of the handback before are not in --into: they were written, and are elsewhere");
  makes->add_option("--settings", arguments->settings,
                    "TOML: formats, account codes, places, and files in columns of your own (docs/handback.md)");
  makes->add_option("--shopify-products", arguments->products,
                    "Inventory CSV exported from your Shopify: by it the new levels find their products");
  makes->callback([arguments, makes] {
    if (!makes->get_subcommands().empty()) return;
    if (arguments->data.empty() || arguments->into.empty())
      throw CLI::ValidationError("handback", "--data and --into are needed");
    make(*arguments);
  });
  CLI::App* lists = makes->add_subcommand("list", "The handbacks made, and what the old system reported of each");
  lists->add_option("--data", arguments->data, "The site's data directory; its node must run")->required();
  lists->callback([arguments] { list(*arguments); });

  CLI::App* confirms = makes->add_subcommand(
      "confirm", "Records what the old system reports of a handback; exit code 1 if any figure differs");
  confirms->add_option("number", arguments->number, "The handback's number")->required();
  confirms->add_option("--data", arguments->data, "The site's data directory; its node must run")->required();
  confirms->add_option("--totals", arguments->totals, "control-totals.csv with the old system's figures typed in");
  confirms->add_option("--day", arguments->day, "The day of the figures below, 2026-11-25; otherwise all days");
  confirms->add_option("--gross", arguments->gross, "Sales less refunds, VAT included");
  confirms->add_option("--sales", arguments->sales, "Number of sales");
  confirms->add_option("--refunds", arguments->refunds, "Number of refunds");
  confirms->add_option("--cash", arguments->cash, "Cash received less paid out");
  confirms->add_option("--card", arguments->card, "Cards received less paid out");
  confirms->add_option("--vat", arguments->vat, "VAT of one code, S=12.34; several times");
  confirms->add_option("--taxed", arguments->taxed, "Gross at one VAT code, S=123.45; several times");
  confirms->add_option("--note", arguments->note, "Kept in the journal");
  confirms->callback([arguments] { confirm(*arguments); });
}

}  // namespace holdfast::cli
