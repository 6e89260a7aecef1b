#include "edge/trade/catalogue_import.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "edge/trade/rows.h"

namespace holdfast::trade {
namespace {

class Import {
 public:
  Import(CsvReader& csv, Node& node, const CatalogueOptions& options) : csv_(csv), node_(node), options_(options) {}
  Result<CatalogueReport> run();

 private:
  Status take(const CsvRecord& record);
  Status refuse(std::uint64_t line, const Why& why, const std::vector<std::string>& fields);

  CsvReader& csv_;
  Node& node_;
  const CatalogueOptions& options_;
  About about_;
  std::optional<ProductRows> rows_;
  std::map<std::string, Product> known_;
  struct Sent {
    std::uint64_t line;
    std::vector<std::string> fields;
  };
  std::map<std::uint64_t, Sent> sent_;  // rows on their way, by how many rows were read: for the refused file
  std::optional<RefusedFile> refused_;
  std::optional<ProductLister> lister_;
  CatalogueReport report_;
};

Result<CatalogueReport> Import::run() {
  HF_TRY(const std::optional<CsvRecord> header, csv_.next());
  if (!header) return fail("trade/bad_header", "The file is empty: its first line must name the columns.");
  if (!header->trouble.empty())
    return fail("trade/bad_header", "The line of column names cannot be read. " + header->trouble);
  std::vector<Field> may_lack;
  if (options_.without_gtin) may_lack.push_back(Field::gtin);
  if (!options_.vat_for_all.empty()) may_lack.push_back(Field::vat);
  HF_TRY(Header columns, catalogue_header(header->fields, may_lack));
  HF_TRY(about_, node_.about());
  report_.site = about_.site;
  if (!options_.vat_for_all.empty() && !about_.vat_codes.contains(options_.vat_for_all)) {
    return fail("trade/bad_header", fmt::format("The VAT code {} is not in the chain file.", options_.vat_for_all));
  }
  rows_.emplace(std::move(columns), RowRules{'.', {}, {}, options_.vat_for_all, options_.vat_untaxed},
                about_.vat_codes);
  std::string as_of;
  HF_TRY(std::vector<Product> products, all_products(node_, &as_of));
  for (Product& product : products) known_.emplace(product.sku, std::move(product));
  HF_TRY(refused_, RefusedFile::create(options_.refused_path, header->fields));
  lister_.emplace(
      node_, as_of,
      [this](const Product&, std::uint64_t row, const std::string& code, const std::string& reason) -> Status {
        const auto sent = sent_.extract(row);
        HF_CHECK(!sent.empty(), "row {} is answered twice", row);
        if (reason.empty()) {
          ++report_.listed;
          return {};
        }
        return refuse(sent.mapped().line, {code, reason}, sent.mapped().fields);
      });
  for (;;) {
    HF_TRY(const std::optional<CsvRecord> record, csv_.next());
    if (!record) break;
    ++report_.rows;
    HF_TRY_VOID(take(*record));
  }
  HF_TRY_VOID(lister_->flush());
  HF_TRY_VOID(refused_->close());
  return std::move(report_);
}

Status Import::take(const CsvRecord& record) {
  Product product;
  auto row = rows_->read(record, product);
  if (!row) return refuse(record.line, row.error(), record.fields);
  if (*row == Row::skipped) {
    ++report_.skipped;
    return {};
  }
  const auto known = known_.find(product.sku);
  if (known != known_.end() && known->second == product) {
    ++report_.unchanged;
    return {};
  }
  sent_.emplace(report_.rows, Sent{record.line, record.fields});
  const bool is_held = known != known_.end() && is_held_by_followers(known->second, product, about_);
  return lister_->add(std::move(product), report_.rows, is_held ? &known->second : nullptr);
}

Status Import::refuse(std::uint64_t line, const Why& why, const std::vector<std::string>& fields) {
  ++report_.refused;
  ++report_.reasons[why.kind];
  return refused_->add(line, why.reason, fields);
}

}  // namespace

Result<CatalogueReport> import_catalogue(std::unique_ptr<ByteSource> source, Node& node,
                                         const CatalogueOptions& options) {
  CsvReader csv(std::move(source));
  return Import(csv, node, options).run();
}

Status ProductLister::add(Product product, std::uint64_t row, const Product* held_against) {
  if (held_against == nullptr) {
    near_.push_back({std::move(product), row});
  } else {
    // A barcode changes hands within one write.
    if (held_against->gtin != product.gtin) near_.push_back({without_held_change(*held_against, product), row, true});
    far_.push_back({std::move(product), row});
  }
  if (far_.size() >= held_products_a_write) return flush();
  return near_.size() >= products_a_write ? send(near_) : Status();
}

Status ProductLister::flush() {
  HF_TRY_VOID(send(near_));
  return send(far_);
}

Status ProductLister::send(std::vector<Waiting>& waiting) {
  if (waiting.empty()) return {};
  const std::vector<Waiting> products = std::exchange(waiting, {});
  HF_TRY(const Reply together, post(products));
  for (const Waiting& each : products) {
    Reply reply = together;
    if (!together.ok && products.size() > 1) {
      HF_TRY(reply, post({each}));
    }
    if (each.is_part) continue;
    const std::string reason = reply.ok ? "" : reply.detail.empty() ? "Refused: " + reply.code : reply.detail;
    HF_TRY_VOID(done_(each.product, each.row, reply.code, reason));
  }
  return {};
}

Result<Reply> ProductLister::post(const std::vector<Waiting>& products) {
  std::string list;
  for (const Waiting& each : products) list += (list.empty() ? "" : ",") + product_json(each.product);
  const std::string key = stable_key({"holdfast import catalogue 1", run_, list});
  HF_TRY(std::vector<Reply> replies,
         node_.post({fmt::format(R"({{"key":"{}","kind":"list_products","products":[{}]}})", key, list)}));
  if (replies.size() != 1) return fail("trade/bad_reply", "One write was sent and another number answered.");
  return std::move(replies.front());
}

}  // namespace holdfast::trade
