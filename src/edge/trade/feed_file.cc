#include "edge/trade/feed_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace holdfast::trade {
namespace {

constexpr RefusedBounds refused_bounds{10'000, 16u << 20, 1024};

class FeedReader {
 public:
  FeedReader(FeedSource& source, const FeedSite& site, const FileRule& rule, FeedFile& file)
      : source_(source), site_(site), rule_(rule), file_(file) {}
  Status run(const std::string& spare_folder);

 private:
  Status begin(const std::vector<std::string>& names);
  Status read_rows(CsvReader& csv);
  Status take(const CsvRecord& record);
  Status refuse(const CsvRecord& record, const Why& why);
  std::string sku_of(const CsvRecord& record) const;
  Status check_end();
  std::size_t items() const;
  bool takes_kind() const;

  FeedSource& source_;
  const FeedSite& site_;
  const FileRule& rule_;
  FeedFile& file_;
  std::size_t width_ = 0;
  std::optional<ProductRows> products_;
  std::optional<LevelRows> levels_;
  std::optional<OrderRows> orders_;
};

bool FeedReader::takes_kind() const { return file_.kind != feed::Kind::catalogue || site_.about.kind == "head-office"; }

Status FeedReader::begin(const std::vector<std::string>& names) {
  HF_TRY(Header header, read_header(names, rule_));
  width_ = header.width;
  file_.kind = header.kind;
  file_.format = header.format;
  file_.whole = rule_.whole.value_or(header.kind != feed::Kind::catalogue);
  file_.is_elsewhere = !takes_kind();
  const RowRules rules{rule_.decimal, rule_.thousands, site_.mapping.vat, site_.mapping.vat_default,
                       site_.mapping.vat_untaxed};
  const std::string& here = site_.about.site;
  if (header.kind == feed::Kind::catalogue) {
    products_.emplace(std::move(header), rules, site_.about.vat_codes);
  } else if (header.kind == feed::Kind::stock) {
    levels_.emplace(std::move(header), rules, site_.mapping, here, site_.sites);
  } else {
    orders_.emplace(std::move(header), rules, site_.mapping, rule_, here, site_.about.kind == "head-office",
                    site_.customer_key);
  }
  return {};
}

std::string FeedReader::sku_of(const CsvRecord& record) const {
  return products_ ? products_->sku_of(record) : levels_ ? levels_->sku_of(record) : std::string();
}

std::size_t FeedReader::items() const {
  return products_ ? file_.products.size() : levels_ ? levels_->items() : orders_->items();
}

Status FeedReader::refuse(const CsvRecord& record, const Why& why) {
  ++file_.refused;
  ++file_.reasons[why.kind];
  const bool has_order = !orders_ || orders_->spoil();
  if (!has_order || !is_readable(record, width_) || file_.unclear.size() == site_.limits.items) {
    ++file_.nameless;
  } else if (std::string sku = sku_of(record); !sku.empty() && sku.size() <= Sku::bytes_max) {  // else it hides none
    file_.unclear.insert(std::move(sku));
  }
  return file_.refused_rows->add(record.line, why.reason, record.fields);
}

Status FeedReader::take(const CsvRecord& record) {
  Product product;
  std::expected<Row, Why> row = products_ ? products_->read(record, product)
                                : levels_ ? levels_->read(record)
                                          : orders_->read(record);
  if (!row) return refuse(record, row.error());
  if (*row == Row::skipped) {
    ++file_.skipped;
  } else if (products_) {
    file_.products.push_back(std::move(product));
    file_.product_lines.push_back(record.line);
  }
  if (items() > site_.limits.items)
    return fail("feed/broken",
                fmt::format("The file holds more than {} products, levels of this site, or orders with their lines, "
                            "which is more than can be: look at what writes it.",
                            site_.limits.items));
  return {};
}

Status FeedReader::read_rows(CsvReader& csv) {
  CsvRecord record;
  Row last = Row::skipped;
  bool is_short = false;
  for (;;) {
    HF_TRY(const bool is_there, csv.next(record));
    if (!is_there) break;
    ++file_.rows;
    const std::uint64_t refused_before = file_.refused, skipped_before = file_.skipped;
    HF_TRY_VOID(take(record));
    is_short = file_.refused > refused_before;
    last = is_short || file_.skipped > skipped_before ? Row::skipped : Row::taken;
  }
  file_.is_unended = file_.rows > 0 && !csv.line_was_ended();
  file_.is_cut_off = is_short && file_.is_unended;
  if (file_.is_unended && last == Row::taken) file_.last_item = orders_ ? orders_->current() : sku_of(record);
  return {};
}

Status FeedReader::check_end() {
  const bool is_ours = levels_ && levels_->has_own_rows();
  if (levels_ && !is_ours && file_.taken() == 0) {
    // Head office need not hold any stock; and of files of one store each, all but one are for others.
    file_.is_elsewhere = site_.about.kind == "head-office" || levels_->names_known_sites_alone();
    if (file_.is_elsewhere) return {};
    std::string others;
    for (const std::string& name : levels_->other_locations())
      others += fmt::format("{}\"{}\"", others.empty() ? "" : ", ", name);
    return fail("feed/broken",
                fmt::format("No row is of this site, {}. Its locations: {}. [locations] of the mapping file says which "
                            "location is which site.",
                            site_.about.site, others.empty() ? "none" : others));
  }
  if ((products_ || is_ours) && file_.taken() == 0)
    return fail("feed/broken", fmt::format("No row of it could be taken. {}", reasons_text(file_)));
  return {};
}

Status FeedReader::run(const std::string& spare_folder) {
  HF_TRY(std::unique_ptr<ByteSource> bytes, source_.bytes());
  bytes = at_most(std::move(bytes), site_.limits.bytes);
  if (rule_.is_windows_1252) bytes = from_windows_1252(std::move(bytes));
  CsvReader csv(std::move(bytes), rule_.separator);
  HF_TRY(const std::optional<CsvRecord> header, csv.next());
  if (!header) return fail("trade/bad_header", "The file is empty: its first line must name the columns.");
  if (!header->trouble.empty())
    return fail("trade/bad_header", "The line of column names cannot be read. " + header->trouble);
  HF_TRY_VOID(begin(header->fields));
  if (file_.is_elsewhere) return {};
  file_.refused_path = file_.path + ".refused.csv";
  auto refused = RefusedFile::create(file_.refused_path, header->fields, refused_bounds);
  if (!refused) {
    file_.refused_path = spare_folder + "/" + file_.name + ".refused.csv";
    refused = RefusedFile::create(file_.refused_path, header->fields, refused_bounds);
  }
  if (!refused) return pass_on(refused.error());
  file_.refused_rows = std::move(*refused);
  HF_TRY_VOID(read_rows(csv));
  file_.is_of_several_rows = orders_ || (levels_ && levels_->adds_rows());
  if (levels_) {
    file_.levels = levels_->take_levels();
    // Of several rows or columns of this site one was refused: the others are not its level.
    std::erase_if(file_.levels, [&](const Level& level) { return file_.unclear.contains(level.sku); });
  }
  if (orders_) {
    file_.unclear = orders_->spoilt();
    file_.orders = orders_->take_orders();
  }
  Status ends_well = check_end();
  if (!ends_well) HF_TRY_VOID(close_refused(file_));
  return ends_well;
}

}  // namespace

Result<FeedFile> read_feed_file(const std::string& path, const FeedSite& site, const std::string& spare_folder) {
  FeedFile file;
  file.path = path;
  file.name = std::filesystem::path(path).filename().string();
  const FileRule& rule = site.mapping.rule_for(file.name);
  file.stream = rule.stream.empty() ? stream_of(file.name) : rule.stream;
  HF_TRY(const std::unique_ptr<FeedSource> source, FeedSource::open(path));
  const FileIdentity before = source->identity();
  // The earlier of the two: a copy that keeps an old date, and a date in the future, both say less than they seem to.
  file.as_of = Instant{std::min(before.modified_ns, before.changed_ns)};
  HF_TRY_VOID(FeedReader(*source, site, rule, file).run(spare_folder));
  if (source->identity() != before)
    return fail("feed/changed", fmt::format("{} was written to while it was read.", file.name));
  if (!file.is_elsewhere) file.sha256 = source->sha256();
  return file;
}

void doubt_last_line(FeedFile& file) {
  if (!file.last_item) return;
  const std::string& item = *file.last_item;
  if (file.kind == feed::Kind::catalogue) {
    file.products.pop_back();  // it was the last to be taken
    file.product_lines.pop_back();
  }
  std::erase_if(file.levels, [&](const Level& level) { return level.sku == item; });
  std::erase_if(file.orders, [&](const FedOrder& order) { return order.number == item; });
  file.unclear.insert(item);
}

Result<std::string> close_refused(FeedFile& file) {
  if (file.refused_rows) HF_TRY_VOID(file.refused_rows->close());
  file.refused_rows.reset();
  return file.refused == 0 ? std::string() : file.refused_path;
}

Result<feed::Kind> peek_kind(const std::string& path, const FileRule& rule) {
  HF_TRY(const std::unique_ptr<FeedSource> source, FeedSource::open(path));
  HF_TRY(std::unique_ptr<ByteSource> bytes, source->bytes());
  if (rule.is_windows_1252) bytes = from_windows_1252(std::move(bytes));
  CsvReader csv(std::move(bytes), rule.separator);
  HF_TRY(const std::optional<CsvRecord> header, csv.next());
  if (!header) return fail("trade/bad_header", "The file is empty: its first line must name the columns.");
  if (!header->trouble.empty())
    return fail("trade/bad_header", "The line of column names cannot be read. " + header->trouble);
  HF_TRY(const Header read, read_header(header->fields, rule));
  return read.kind;
}

Result<Hash> hash_feed_file(const std::string& path) {
  HF_TRY(const std::unique_ptr<FeedSource> source, FeedSource::open(path));
  HF_TRY(const std::unique_ptr<ByteSource> bytes, source->bytes());
  std::vector<char> buffer(1u << 18);
  for (;;) {
    HF_TRY(const std::size_t got, bytes->read(buffer));
    if (got == 0) return source->sha256();
  }
}

std::string reasons_text(const FeedFile& file) {
  std::string why;
  for (const auto& [kind, rows] : file.reasons) why += fmt::format("{}{} {}", why.empty() ? ": " : ", ", rows, kind);
  return fmt::format("{} of {} rows refused{}", file.refused, file.rows, why);
}

std::string kept_text(const FeedFile& file) {
  std::string out;
  if (file.last_item)
    out = fmt::format(
        " Its last line is not ended and may be cut off, so what it says of {} stays as it was: let the export "
        "end that line, or write {}.done when it is whole.",
        *file.last_item, file.name);
  if (!file.whole || file.nameless == 0) return out;
  const std::string_view of = file.kind == feed::Kind::orders ? "order" : "product";
  const std::string_view end = file.kind == feed::Kind::orders  ? "is gone"
                               : file.kind == feed::Kind::stock ? "is set to 0"
                                                                : "is delisted";
  return out + fmt::format(
                   " Refused rows that nobody can tell the {} of: {}. So nothing {}, and what the file does not name "
                   "stays as it was.",
                   of, file.nameless, end);
}

}  // namespace holdfast::trade
