#include "edge/trade/online_retail_import.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "edge/trade/catalogue_import.h"

namespace holdfast::trade {
namespace {

constexpr std::size_t rounded_shown_max = 1000;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

class Import {
 public:
  Import(const OpenSource& open, Node& store, Node& head_office, const RetailOptions& options)
      : open_(open), store_(store), head_office_(head_office), options_(options), writes_(store) {}
  Result<RetailReport> run();

 private:
  Status first_pass();
  Status list_catalogue();
  Status wait_for_catalogue();
  Status second_pass();
  Result<std::vector<std::string>> read_header(CsvReader& csv);
  Status send(const std::shared_ptr<const std::vector<RetailRow>>& rows);
  Status taken(const RetailWrite& write, const Reply& reply);
  Status refuse(std::uint64_t line, const std::string& kind, const std::string& reason,
                const std::vector<std::string>& fields);
  Status refuse(const RetailRow& row, const std::string& kind, const std::string& reason);
  Status note_row(std::uint64_t line, std::string_view kind, const std::string& origin, std::uint64_t index,
                  std::size_t position);

  const OpenSource& open_;
  Node& store_;
  Node& head_office_;
  const RetailOptions& options_;
  Writes writes_;
  RetailColumns at_;
  RetailCatalogue catalogue_;
  std::map<std::string, std::uint64_t> rows_of_;  // invoice -> rows in the file
  std::uint64_t rows_all_ = 0;
  MapOptions map_;
  std::optional<RefusedFile> refused_;
  std::unique_ptr<std::FILE, CloseFile> rows_file_;
  RetailReport report_;
};

Result<RetailReport> Import::run() {
  const auto start = std::chrono::steady_clock::now();
  HF_TRY(const About about, store_.about());
  report_.site = about.site;
  map_.currency_decimals = about.currency_decimals;
  map_.vat = options_.vat;
  if (!about.vat_codes.contains(options_.vat)) {
    return fail("trade/bad_header",
                fmt::format("The VAT code {} is not in the chain file. Nothing was imported.", options_.vat));
  }
  HF_TRY_VOID(first_pass());
  if (!options_.rows_path.empty()) {
    rows_file_.reset(std::fopen(options_.rows_path.c_str(), "wbe"));
    if (!rows_file_)
      return fail("trade/no_file", fmt::format("{} cannot be written: {}.", options_.rows_path, std::strerror(errno)));
    std::fputs("line,kind,origin,index,position\n", rows_file_.get());
  }
  HF_TRY(map_.till, store_.till(options_.till_name, options_.till));
  report_.till = map_.till;
  HF_TRY_VOID(list_catalogue());
  HF_TRY_VOID(wait_for_catalogue());
  HF_TRY_VOID(second_pass());
  HF_TRY_VOID(writes_.flush());
  HF_TRY_VOID(refused_->close());
  if (rows_file_ && std::fclose(rows_file_.release()) != 0) {
    return fail("trade/no_file", fmt::format("{} cannot be written: {}.", options_.rows_path, std::strerror(errno)));
  }
  report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return std::move(report_);
}

Result<std::vector<std::string>> Import::read_header(CsvReader& csv) {
  HF_TRY(std::optional<CsvRecord> header, csv.next());
  if (!header) return fail("trade/bad_header", "The file is empty: its first line must name the columns.");
  if (!header->trouble.empty())
    return fail("trade/bad_header", "The line of column names cannot be read. " + header->trouble);
  return std::move(header->fields);
}

Status Import::first_pass() {
  HF_TRY(std::unique_ptr<ByteSource> source, open_());
  CsvReader csv(std::move(source));
  HF_TRY(const std::vector<std::string> header, read_header(csv));
  HF_TRY(at_, retail_columns(header));
  HF_TRY(refused_, RefusedFile::create(options_.refused_path, header));
  for (;;) {
    HF_TRY(const std::optional<CsvRecord> record, csv.next());
    if (!record) return {};
    ++rows_all_;
    const auto row = retail_row(at_, *record);
    if (!row) continue;  // refused in the second pass
    ++rows_of_[row->invoice];
    catalogue_.see(*row);
  }
}

Status Import::list_catalogue() {
  map_.names = catalogue_.names();
  HF_TRY(const std::vector<Product> listed, all_products(head_office_, nullptr));
  std::set<std::string> known;
  for (const Product& product : listed) known.insert(product.sku);
  ProductLister lister(
      head_office_, "online-retail",
      [this](const Product& product, std::uint64_t, const std::string&, const std::string& reason) -> Status {
        if (reason.empty()) {
          ++report_.products_listed;
        } else {
          ++report_.products_refused;
          map_.unlisted.insert(product.sku);
        }
        return {};
      });
  for (Product& product : catalogue_.products(options_.vat)) {
    if (known.contains(product.sku)) {
      ++report_.products_known;
    } else {
      HF_TRY_VOID(lister.add(std::move(product), 0));
    }
  }
  return lister.flush();
}

// A store follows head office's cosigned checkpoints (protocol 7.2), a second or two behind.
Status Import::wait_for_catalogue() {
  constexpr int attempts_max = 600;
  const std::vector<Product> wanted = catalogue_.products(options_.vat);
  std::size_t missing = 0;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    HF_TRY(const std::vector<Product> here, all_products(store_, nullptr));
    std::set<std::string> skus;
    for (const Product& product : here) skus.insert(product.sku);
    missing = 0;
    for (const Product& product : wanted)
      missing += !skus.contains(product.sku) && !map_.unlisted.contains(product.sku) ? 1u : 0u;
    if (missing == 0) return {};
  }
  return fail("trade/not_followed",
              fmt::format("{} still lacks {} products of head office: see its links in `holdfast status`.",
                          report_.site, missing));
}

Status Import::second_pass() {
  HF_TRY(std::unique_ptr<ByteSource> source, open_());
  CsvReader csv(std::move(source));
  HF_TRY_VOID(read_header(csv));
  std::map<std::string, std::vector<RetailRow>> open;
  for (;;) {
    HF_TRY(const std::optional<CsvRecord> record, csv.next());
    if (!record) break;
    ++report_.rows;
    if (options_.progress && report_.rows % 4096 == 0) options_.progress(report_.rows, rows_all_);
    auto row = retail_row(at_, *record);
    if (!row) {
      HF_TRY_VOID(refuse(record->line, "row cannot be read", row.error(), record->fields));
      continue;
    }
    const std::string invoice = row->invoice;
    std::vector<RetailRow>& rows = open[invoice];
    rows.push_back(std::move(*row));
    if (rows.size() < rows_of_[invoice]) continue;
    HF_TRY_VOID(send(std::make_shared<const std::vector<RetailRow>>(std::move(rows))));
    open.erase(invoice);
  }
  if (!open.empty()) return fail("trade/no_file", "The file changed while it was imported: run the import again.");
  if (options_.progress) options_.progress(report_.rows, rows_all_);
  return {};
}

Status Import::send(const std::shared_ptr<const std::vector<RetailRow>>& rows) {
  Mapped mapped = map_invoice(*rows, map_);
  for (const RefusedRow& row : mapped.refused) HF_TRY_VOID(refuse(*row.row, row.kind, row.reason));
  for (RetailWrite& write : mapped.writes) {
    std::string json = std::move(write.json);
    // The rows live as long as the answer is awaited: the write points into them.
    HF_TRY_VOID(writes_.add(
        std::move(json), [this, rows, write = std::move(write)](const Reply& reply) { return taken(write, reply); }));
  }
  return {};
}

Status Import::taken(const RetailWrite& write, const Reply& reply) {
  if (waits_at_node(reply))
    return fail("trade/no_node", reply.detail + " The import can be run again and goes on where it stopped.");
  if (!reply.ok) {
    for (const RetailRow* row : write.rows) HF_TRY_VOID(refuse(*row, "node: " + reply.code, reply.detail));
    return {};
  }
  const auto kind = static_cast<std::size_t>(write.kind);
  const bool trade = write.kind == RowKind::sale || write.kind == RowKind::refund;
  report_.rows_by_kind[kind] += write.rows.size();
  ++report_.events_by_kind[kind];
  report_.duplicates += reply.duplicate ? 1 : 0;
  report_.price_differs += reply.price_differs ? 1 : 0;
  if (trade) {
    if (!reply.total || reply.total->minor != write.total.minor) ++report_.totals_differ;
    const std::int64_t total = reply.total.value_or(Money{}).minor;
    report_.recorded.minor += write.kind == RowKind::sale ? total : -total;
    if (write.rows.size() > report_.largest_event_lines) {
      report_.largest_event_lines = write.rows.size();
      report_.largest_invoice = write.rows.front()->invoice;
    }
  }
  MilliardthSum minor_unit = 1'000'000'000;
  for (int i = 0; i < map_.currency_decimals; ++i) minor_unit /= 10;
  for (std::size_t i = 0; i < write.rows.size(); ++i) {
    const RetailRow& row = *write.rows[i];
    const MilliardthSum exact = extended(row);
    report_.accepted += exact;
    HF_TRY_VOID(note_row(row.line, to_text(write.kind), reply.origin, reply.index, i));
    if (!trade || exact % minor_unit == 0) continue;
    ++report_.rounded_lines;
    if (report_.rounded.size() == rounded_shown_max) continue;
    HF_TRY(const Money recorded, line_amount(row.price, row.quantity, map_.currency_decimals));
    report_.rounded.push_back({row.line, row.invoice, exact, recorded});
  }
  return {};
}

Status Import::refuse(std::uint64_t line, const std::string& kind, const std::string& reason,
                      const std::vector<std::string>& fields) {
  ++report_.refused;
  ++report_.reasons[kind];
  HF_TRY_VOID(note_row(line, "refused", "", 0, 0));
  return refused_->add(line, reason, fields);
}

Status Import::refuse(const RetailRow& row, const std::string& kind, const std::string& reason) {
  report_.refused_sum += extended(row);
  return refuse(row.line, kind, reason, row.fields);
}

Status Import::note_row(std::uint64_t line, std::string_view kind, const std::string& origin, std::uint64_t index,
                        std::size_t position) {
  if (!rows_file_) return {};
  const std::string text = fmt::format("{},{},{},{},{}\n", line, kind, origin, index, position);
  if (std::fwrite(text.data(), 1, text.size(), rows_file_.get()) == text.size()) return {};
  return fail("trade/no_file", fmt::format("{} cannot be written: {}.", options_.rows_path, std::strerror(errno)));
}

}  // namespace

std::uint64_t RetailReport::rows_accounted() const {
  std::uint64_t sum = refused;
  for (const std::uint64_t rows_of_kind : rows_by_kind) sum += rows_of_kind;
  return sum;
}

std::string to_text(const RetailReport& r, int currency_decimals) {
  std::string text = fmt::format("Online Retail at {} (till {}), {:.1f} s\n\n", r.site, r.till.number, r.seconds);
  const auto row = [&](std::string_view what, const auto& value) {
    text += fmt::format("  {:<44} {:>18}\n", what, value);
  };
  row("rows read", r.rows);
  for (std::size_t kind = 0; kind < row_kinds; ++kind) {
    row(fmt::format("  {} (in {} events)", to_text(static_cast<RowKind>(kind)), r.events_by_kind[kind]),
        r.rows_by_kind[kind]);
  }
  row("  refused", r.refused);
  for (const auto& [reason, count] : r.reasons) row("    " + reason, count);
  row("rows in no place", static_cast<std::int64_t>(r.rows) - static_cast<std::int64_t>(r.rows_accounted()));
  row("events that the node knew already", r.duplicates);
  row("events flagged: a price is not the listed one", r.price_differs);
  row("products listed / known / refused",
      fmt::format("{} / {} / {}", r.products_listed, r.products_known, r.products_refused));
  row(fmt::format("largest event: invoice {}, lines", r.largest_invoice), r.largest_event_lines);
  row("sum of quantity x unit price, taken", to_text_milliardths(r.accepted));
  row("sum of quantity x unit price, refused", to_text_milliardths(r.refused_sum));
  row("sum of quantity x unit price, all rows", to_text_milliardths(r.accepted + r.refused_sum));
  row("sum of the totals that the node recorded", to_text(r.recorded, currency_decimals));
  row("events whose recorded total is not ours", r.totals_differ);
  row("lines rounded to minor units", r.rounded_lines);
  for (const RoundedLine& line : r.rounded) {
    row(fmt::format("  line {}, invoice {}: {} as", line.line, line.invoice, to_text_milliardths(line.exact)),
        to_text(line.recorded, currency_decimals));
  }
  return text;
}

std::string to_json(const RetailReport& r) {
  std::string kinds, reasons, rounded;
  for (std::size_t kind = 0; kind < row_kinds; ++kind) {
    kinds += fmt::format(R"({}"{}":{{"rows":{},"events":{}}})", kinds.empty() ? "" : ",",
                         to_text(static_cast<RowKind>(kind)), r.rows_by_kind[kind], r.events_by_kind[kind]);
  }
  for (const auto& [reason, count] : r.reasons)
    reasons += fmt::format("{}{}:{}", reasons.empty() ? "" : ",", json_text(reason), count);
  for (const RoundedLine& line : r.rounded) {
    rounded += fmt::format(R"({}{{"line":{},"invoice":{},"exact":"{}","recorded":{}}})", rounded.empty() ? "" : ",",
                           line.line, json_text(line.invoice), to_text_milliardths(line.exact), line.recorded.minor);
  }
  return fmt::format(
      R"({{"site":{},"till":{},"seconds":{:.3f},"rows":{},"accounted":{},"kinds":{{{}}},"refused":{},)"
      R"("reasons":{{{}}},"duplicates":{},)"
      R"("price_differs":{},"products_listed":{},"products_known":{},"products_refused":{},"largest_invoice":{},)"
      R"("largest_event_lines":{},"accepted":"{}","refused_sum":"{}","all":"{}","recorded":{},"totals_differ":{},)"
      R"("rounded_lines":{},"rounded":[{}]}})"
      "\n",
      json_text(r.site), r.till.number, r.seconds, r.rows, r.rows_accounted(), kinds, r.refused, reasons, r.duplicates,
      r.price_differs, r.products_listed, r.products_known, r.products_refused, json_text(r.largest_invoice),
      r.largest_event_lines, to_text_milliardths(r.accepted), to_text_milliardths(r.refused_sum),
      to_text_milliardths(r.accepted + r.refused_sum), r.recorded.minor, r.totals_differ, r.rounded_lines, rounded);
}

Result<RetailReport> import_online_retail(const OpenSource& open, Node& store, Node& head_office,
                                          const RetailOptions& options) {
  return Import(open, store, head_office, options).run();
}

}  // namespace holdfast::trade
