#include "edge/handback/handback.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "edge/handback/totals.h"
#include "edge/handback/writers.h"
#include "edge/keys/private_files.h"

namespace holdfast::handback {
namespace {

struct Made {
  std::vector<WrittenFile> files;
  std::vector<std::string> remarks;
};

Made files_of(const Gathered& trade, const Settings& settings, const std::string& stem) {
  Made made;
  const auto add = [&](std::string_view what, std::string text) {
    made.files.push_back({fmt::format("{}-{}", stem, what), std::move(text)});
  };
  if (settings.shopify) {
    add("shopify-orders.csv", shopify_orders(trade, settings));
    add("shopify-transactions.csv", shopify_transactions(trade, settings));
    if (settings.products.header.empty()) {
      made.remarks.push_back(
          "Shopify's inventory import finds products by their handle, so no inventory file was written: give the "
          "inventory CSV that your Shopify exports with --shopify-products.");
    } else {
      std::vector<std::string> left_out;
      add("shopify-inventory.csv", shopify_inventory(trade, settings, left_out));
      if (!left_out.empty())
        made.remarks.push_back(fmt::format(
            "Not in the Shopify inventory file, because the old system told no level of them, they are not in "
            "its product file, or are sold by weight; see movements and lines: {}.",
            fmt::join(left_out, ", ")));
    }
  }
  if (settings.odoo) {
    add("odoo-journal-entries.csv", odoo_entries(trade, settings));
    add("odoo-stock-moves.csv", odoo_moves(trade, settings));
  }
  if (settings.plain)
    for (const MappedFile& file : plain_files()) add(file.name, mapped(trade, settings, file));
  for (const MappedFile& file : settings.files) add(file.name, mapped(trade, settings, file));
  return made;
}

}  // namespace

std::string directory_name(std::string_view site, std::uint32_t number) {
  return fmt::format("{}-handback-{:04}", site, number);
}

Result<Written> write_handback(serve::DataView& view, std::uint32_t number, EntryPlace first, EntryPlace end,
                               const std::string& settings_text, const std::string& products) {
  HF_TRY(const Gathered trade, gather(view, number, first, end));
  Written out;
  standby::MakeHandback& made = out.made;
  made.settings = settings_text;
  if (!products.empty()) {
    std::vector<std::string> skus;
    skus.reserve(trade.levels.size());
    for (const auto& [sku, level] : trade.levels) skus.push_back(sku.str());
    HF_TRY(const std::string part, products_part(products, skus));
    made.settings += part;
  }
  HF_TRY(const Settings settings, parse_settings(made.settings));
  made.number = number;
  made.first = first;
  made.end = end;
  made.writer = writer_version;
  made.totals = totals_of(trade, settings.utc_offset_minutes);
  made.counts = trade.counts;
  made.late = trade.late;
  out.directory = directory_name(trade.site, number);
  Made files = files_of(trade, settings, out.directory);
  out.files = std::move(files.files);
  out.files.push_back({out.directory + "-control-totals.csv", control_totals_csv(made.totals, trade.decimals)});
  const auto note_file = [&](const WrittenFile& file) {
    made.files.push_back({file.name, sha256(as_bytes(file.text)), file.text.size()});
  };
  for (const WrittenFile& file : out.files) note_file(file);
  out.files.push_back(
      {out.directory + "-summary.txt", summary_text(trade, made, settings.utc_offset_minutes, files.remarks)});
  note_file(out.files.back());
  return out;
}

Result<Written> write_again(serve::DataView& view, const standby::MakeHandback& made) {
  if (made.writer != writer_version)
    return fail(
        "handback/other_bytes",
        fmt::format("handback {} was written by version {} of the writer, this is version {}; take the files that "
                    "were written then, or the holdfast of that time",
                    made.number, made.writer, writer_version));
  HF_TRY(Written again, write_handback(view, made.number, made.first, made.end, made.settings, ""));
  if (again.made != made)
    return fail("handback/other_bytes",
                fmt::format("handback {} would be written with other bytes than its journal names; this is a fault of "
                            "this program, report it and use the files of then",
                            made.number));
  return again;
}

Result<bool> put_files(const Written& written, const std::string& into) {
  namespace fs = std::filesystem;
  const auto failed = [](std::string_view what, const std::error_code& error) {
    return fail("handback/failed", fmt::format("{}: {}", what, error.message()));
  };
  std::error_code error;
  const fs::path whole = fs::path(into) / written.directory;
  std::vector<WrittenFile> files = written.files;
  std::string sums;
  for (const standby::File& file : written.made.files) sums += fmt::format("{}  {}\n", to_hex(file.sha256), file.name);
  files.push_back({"SHA256SUMS", std::move(sums)});
  if (fs::exists(whole, error)) {
    for (const WrittenFile& file : files) {
      const auto there = keys::read_public_file((whole / file.name).string(), file.text.size());  // more is changed
      if (!there || *there != file.text)
        return fail(
            "handback/changed",
            fmt::format("{} is not what the journal names: {}. Do not import it; move the directory away and ask "
                        "again for number {}.",
                        (whole / file.name).string(),
                        fs::exists(whole / file.name, error) ? "it was changed" : "it is missing",
                        written.made.number));
    }
    return true;
  }
  fs::create_directories(into, error);
  if (error) return failed(into, error);
  const fs::path half = fs::path(into) / fmt::format(".{}.part", written.directory);
  fs::remove_all(half, error);
  fs::create_directory(half, error);
  if (error) return failed(half.string(), error);
  for (const WrittenFile& file : files) {
    if (const Status put = keys::create_public_file((half / file.name).string(), file.text); !put) {
      std::error_code ignored;
      fs::remove_all(half, ignored);
      return pass_on(put.error());
    }
  }
  fs::rename(half, whole, error);
  if (error) return failed(whole.string(), error);
  return false;
}

}  // namespace holdfast::handback
