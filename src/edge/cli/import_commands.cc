// `holdfast import …`: real trade and catalogues from files into running nodes.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "edge/cli/cli.h"
#include "edge/keys/private_files.h"
#include "edge/trade/catalogue_import.h"
#include "edge/trade/online_retail_import.h"
#include "edge/trade/till_writes.h"

namespace holdfast::cli {
namespace {

struct Place {
  std::string url, token_file;
};
struct CatalogueArguments {
  std::string file;
  Place at;
  trade::CatalogueOptions options;
};
struct RetailArguments {
  std::string file;
  Place store, head_office;
  trade::RetailOptions options;
  std::string report_path;
  unsigned till = 9001;
};

void import_catalogue(CatalogueArguments& arguments) {
  if (arguments.options.refused_path.empty()) arguments.options.refused_path = arguments.file + ".refused.csv";
  std::unique_ptr<trade::ByteSource> source = or_refuse(trade::open_source(arguments.file));
  const std::unique_ptr<trade::Node> node = or_refuse(trade::http_node(arguments.at.url, arguments.at.token_file));
  const trade::CatalogueReport report = or_refuse(trade::import_catalogue(std::move(source), *node, arguments.options));
  fmt::print("Catalogue at {}: {} rows read, {} listed, {} unchanged, {} skipped, {} refused.\n", report.site,
             report.rows, report.listed, report.unchanged, report.skipped, report.refused);
  for (const auto& [reason, count] : report.reasons) fmt::print("  {:>8}  {}\n", count, reason);
  if (report.refused > 0)
    fmt::print("The refused rows, each with its line and the reason: {}\n", arguments.options.refused_path);
}

Result<trade::RetailReport> run_online_retail(const RetailArguments& arguments, int* currency_decimals) {
  HF_TRY(const std::unique_ptr<trade::Node> store, trade::http_node(arguments.store.url, arguments.store.token_file));
  std::unique_ptr<trade::Node> head_office;
  if (!arguments.head_office.url.empty()) {
    HF_TRY(head_office, trade::http_node(arguments.head_office.url, arguments.head_office.token_file));
  }
  HF_TRY(const trade::About about, store->about());
  *currency_decimals = about.currency_decimals;
  return trade::import_online_retail([&] { return trade::open_source(arguments.file); }, *store,
                                     head_office ? *head_office : *store, arguments.options);
}

void import_online_retail(RetailArguments& arguments) {
  if (arguments.options.refused_path.empty()) arguments.options.refused_path = arguments.file + ".refused.csv";
  arguments.options.till = TillId{arguments.till};
  if (::isatty(STDERR_FILENO) != 0) {
    arguments.options.progress = [](std::uint64_t done, std::uint64_t all) {
      fmt::print(stderr, "\r{:>9} of {} rows", done, all);
    };
  }
  int currency_decimals = 2;
  const auto report = run_online_retail(arguments, &currency_decimals);
  if (arguments.options.progress) fmt::print(stderr, "\r{:40}\r", "");
  if (!report) refuse(report.error());
  fmt::print("{}", trade::to_text(*report, currency_decimals));
  if (report->refused > 0)
    fmt::print("\nThe refused rows, each with its line and the reason: {}\n", arguments.options.refused_path);
  if (!arguments.report_path.empty()) {
    const std::string json = trade::to_json(*report);
    std::FILE* file = std::fopen(arguments.report_path.c_str(), "wbe");
    const bool written = file != nullptr && std::fwrite(json.data(), 1, json.size(), file) == json.size();
    if ((file != nullptr && std::fclose(file) != 0) || !written) {
      refuse({"trade/no_file", fmt::format("{} cannot be written", arguments.report_path)});
    }
  }
  if (!report->complete()) {
    refuse({"trade/incomplete", "not every row is accounted for, or a recorded total is not what the rows add up to"});
  }
}

struct TillArguments {
  std::string file;
  Place at;
};

void import_till_writes(const TillArguments& arguments) {
  // A full till keeps 100,000 writes of one to two KB (web/src/till).
  constexpr std::size_t till_file_bytes_max = 512u << 20;
  const std::string text = or_refuse(keys::read_public_file(arguments.file, till_file_bytes_max));
  const std::unique_ptr<trade::Node> node = or_refuse(trade::http_node(arguments.at.url, arguments.at.token_file));
  const trade::TillWritesReport report = or_refuse(trade::import_till_writes(text, *node));
  fmt::print("{} writes: {} taken, {} known here already, {} refused, {} not taken yet.\n", report.writes, report.taken,
             report.known, report.refused.size(), report.waiting.size());
  for (const auto& [key, code, detail] : report.refused) fmt::print("  {}  {} [{}]\n", key, detail, code);
  for (const auto& [key, code, detail] : report.waiting)
    fmt::print("  {}  not taken yet: {} [{}]\n", key, detail, code);
  if (!report.refused.empty()) {
    refuse({"trade/incomplete", "not every write was taken; the till keeps what is refused for a person to look at"});
  }
  if (!report.waiting.empty()) {
    refuse({"trade/incomplete", "not every write could be taken yet; hand the same file in again in an hour"});
  }
}

}  // namespace

void add_import_commands(CLI::App& app) {
  CLI::App& import = command_group(app, "import", "Takes trade and catalogues from files into a running node");

  auto catalogue = std::make_shared<CatalogueArguments>();
  CLI::App* products =
      import.add_subcommand("catalogue", "Products from CSV (also as Shopify or Odoo export them) into head office");
  products->add_option("file", catalogue->file, "CSV, plain or .zst")->required();
  products->add_option("--url", catalogue->at.url, "The node's address, http://127.0.0.1:PORT")->required();
  products->add_option("--token", catalogue->at.token_file, "DIR/admin.token of that node's data directory")
      ->required();
  products->add_option("--refused", catalogue->options.refused_path, "Where refused rows go (FILE.refused.csv)");
  products->add_option("--vat", catalogue->options.vat_for_all,
                       "VAT code of rows that name none; without it the file needs a vat column");
  products->add_option("--vat-untaxed", catalogue->options.vat_untaxed,
                       "VAT code of products on which Shopify charges no tax; without it their rows are refused");
  products->add_flag("--without-gtin", catalogue->options.without_gtin, "The file has no column of barcodes");
  products->callback([catalogue] { import_catalogue(*catalogue); });

  auto till = std::make_shared<TillArguments>();
  CLI::App* saved =
      import.add_subcommand("till-writes", "The file that a till saved when its sales had no copy elsewhere");
  saved->add_option("file", till->file, "What the till saved")->required();
  saved->add_option("--url", till->at.url, "The node of that store, http://127.0.0.1:PORT")->required();
  saved->add_option("--token", till->at.token_file, "DIR/admin.token of its data directory")->required();
  saved->callback([till] { import_till_writes(*till); });

  auto retail = std::make_shared<RetailArguments>();
  CLI::App* online = import.add_subcommand("online-retail", "The Online Retail data set (UCI) into a store");
  online->add_option("file", retail->file, "CSV, plain or .zst")->required();
  online->add_option("--url", retail->store.url, "The store's address, http://127.0.0.1:PORT")->required();
  online->add_option("--token", retail->store.token_file, "DIR/admin.token of the store's data directory")->required();
  CLI::Option* office =
      online->add_option("--head-office-url", retail->head_office.url, "Where products are listed (the same node)");
  online->add_option("--head-office-token", retail->head_office.token_file, "Its admin.token")->needs(office);
  online->add_option("--refused", retail->options.refused_path, "Where refused rows go (FILE.refused.csv)");
  online->add_option("--rows", retail->options.rows_path, "Write where each row went: line,kind,origin,index,position");
  online->add_option("--report", retail->report_path, "Write the closing report as JSON");
  online->add_option("--vat", retail->options.vat, "VAT code of every line")->capture_default_str();
  online->add_option("--till", retail->till, "The till that the trade is recorded at; the same one for a second import")
      ->capture_default_str()
      ->check(CLI::Range(1u, 999999u));
  online->callback([retail] { import_online_retail(*retail); });
}

}  // namespace holdfast::cli
