#include "edge/trade/catalogue_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "edge/trade/barcode.h"

namespace holdfast::trade {
namespace {

constexpr std::size_t products_a_write = 200;

// Names in the order of preference; compared in lower case with _ as a blank. Sources: Shopify's product CSV and Odoo's
// product template export, both in English.
struct Column {
  std::string_view name;
  int CatalogueColumns::*place;
  std::vector<std::string_view> also;
};
const std::array<Column, 6>& columns() {
  static const std::array<Column, 6> all = {{
      {"sku",
       &CatalogueColumns::sku,
       {"variant sku", "internal reference", "default code", "product code", "item code"}},
      {"gtin", &CatalogueColumns::gtin, {"barcode", "variant barcode", "ean", "ean13", "upc"}},
      {"name", &CatalogueColumns::name, {"title", "product name", "description"}},
      {"unit price",
       &CatalogueColumns::unit_price,
       {"price", "variant price", "sales price", "list price", "lst price"}},
      {"vat", &CatalogueColumns::vat, {"vat code", "tax code", "customer taxes"}},
      {"goods", &CatalogueColumns::goods, {"product type", "detailed type", "variant requires shipping"}},
  }};
  return all;
}

std::string plain(std::string_view text) {
  std::string out(trimmed(text));
  for (char& c : out) c = c == '_' ? ' ' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  return out;
}

std::optional<bool> goods_of(std::string_view text) {
  const std::string word = plain(text);
  static constexpr std::array<std::string_view, 10> goods = {
      "", "true", "yes", "1", "goods", "consu", "product", "storable product", "consumable", "combo"};
  static constexpr std::array<std::string_view, 4> service = {"false", "no", "0", "service"};
  if (std::find(goods.begin(), goods.end(), word) != goods.end()) return true;
  if (std::find(service.begin(), service.end(), word) != service.end()) return false;
  return std::nullopt;
}

struct Why {
  std::string kind, reason;  // kind: to count by
};

class Import {
 public:
  Import(CsvReader& csv, Node& node, const CatalogueOptions& options) : csv_(csv), node_(node), options_(options) {}
  Result<CatalogueReport> run();

 private:
  Status take(const CsvRecord& record);
  // The product of a row, or why there is none.
  std::expected<Product, Why> product_of(const CsvRecord& record);
  Status refuse(std::uint64_t line, const Why& why, const std::vector<std::string>& fields);

  CsvReader& csv_;
  Node& node_;
  const CatalogueOptions& options_;
  About about_;
  std::size_t width_ = 0;
  CatalogueColumns at_;
  std::map<std::string, Product> known_;
  std::map<std::string, std::uint64_t> skus_, gtins_;       // seen in this file, on which line
  std::map<std::uint64_t, std::vector<std::string>> sent_;  // rows on their way, for the refused file
  std::optional<RefusedFile> refused_;
  std::optional<ProductLister> lister_;
  CatalogueReport report_;
};

Result<CatalogueReport> Import::run() {
  HF_TRY(const std::optional<CsvRecord> header, csv_.next());
  if (!header) return fail("trade/bad_header", "The file is empty: its first line must name the columns.");
  if (!header->trouble.empty())
    return fail("trade/bad_header", "The line of column names cannot be read. " + header->trouble);
  width_ = header->fields.size();
  HF_TRY(at_, catalogue_columns(header->fields, options_));
  HF_TRY(about_, node_.about());
  report_.site = about_.site;
  if (!options_.vat_for_all.empty() && !about_.vat_codes.contains(options_.vat_for_all)) {
    return fail("trade/bad_header", fmt::format("The VAT code {} is not in the chain file.", options_.vat_for_all));
  }
  std::string as_of;
  HF_TRY(std::vector<Product> products, all_products(node_, &as_of));
  for (Product& product : products) known_.emplace(product.sku, std::move(product));
  HF_TRY(refused_, RefusedFile::create(options_.refused_path, header->fields));
  lister_.emplace(
      node_, as_of,
      [this](const Product&, std::uint64_t line, const std::string& code, const std::string& reason) -> Status {
        const auto row = sent_.extract(line);
        if (reason.empty()) {
          ++report_.listed;
          return {};
        }
        return refuse(line, {code, reason}, row.mapped());
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
  auto product = product_of(record);
  if (!product) return refuse(record.line, product.error(), record.fields);
  skus_.emplace(product->sku, record.line);
  if (!product->gtin.empty()) gtins_.emplace(product->gtin, record.line);
  const auto known = known_.find(product->sku);
  if (known != known_.end() && known->second == *product) {
    ++report_.unchanged;
    return {};
  }
  sent_.emplace(record.line, record.fields);
  return lister_->add(std::move(*product), record.line);
}

Status Import::refuse(std::uint64_t line, const Why& why, const std::vector<std::string>& fields) {
  ++report_.refused;
  ++report_.reasons[why.kind];
  return refused_->add(line, why.reason, fields);
}

std::expected<Product, Why> Import::product_of(const CsvRecord& record) {
  const auto no = [](std::string kind, std::string reason) {
    return std::unexpected(Why{std::move(kind), std::move(reason)});
  };
  if (!record.trouble.empty()) return no("row cannot be read", record.trouble);
  if (record.fields.size() != width_) {
    return no("wrong number of fields",
              fmt::format("The row has {} fields, the header {}.", record.fields.size(), width_));
  }
  const auto cell = [&](int place) {
    return place < 0 ? std::string() : std::string(trimmed(record.fields[static_cast<std::size_t>(place)]));
  };
  Product product{cell(at_.sku), cell(at_.gtin), cell(at_.name), {}, at_.vat < 0 ? options_.vat_for_all : cell(at_.vat),
                  true};
  if (product.sku.empty()) return no("no SKU", "The row has no SKU.");
  if (product.sku.size() > sku_bytes_max) {
    return no("SKU too long", fmt::format("The SKU has {} bytes; {} are the most.", product.sku.size(), sku_bytes_max));
  }
  if (!is_clean_text(product.sku) || !is_clean_text(product.name)) {
    return no("control characters", "The SKU or the name holds a control character, such as a line end.");
  }
  if (product.name.empty()) return no("no name", "The row has no name.");
  if (product.name.size() > name_bytes_max) {
    return no("name too long",
              fmt::format("The name has {} bytes; {} are the most.", product.name.size(), name_bytes_max));
  }
  if (const auto seen = skus_.find(product.sku); seen != skus_.end()) {
    return no("SKU twice", fmt::format("SKU {} stands on line {} already.", product.sku, seen->second));
  }
  if (!product.gtin.empty()) {
    if (auto trouble = barcode_trouble(product.gtin)) return no("spoilt barcode", std::move(*trouble));
    if (const auto seen = gtins_.find(product.gtin); seen != gtins_.end()) {
      return no("barcode twice", fmt::format("Barcode {} stands on line {} already.", product.gtin, seen->second));
    }
  }
  auto price = parse_unit_price(cell(at_.unit_price));
  if (!price) return no("bad price", price.error().text);
  if (price->millionths < 0) return no("bad price", fmt::format("The price {} is negative.", cell(at_.unit_price)));
  product.unit_price = *price;
  if (!about_.vat_codes.contains(product.vat)) {
    std::string codes;
    for (const std::string& code : about_.vat_codes) codes += (codes.empty() ? "" : ", ") + code;
    return no("unknown VAT code",
              fmt::format("VAT code \"{}\" is not in the chain file, which has {}.", product.vat, codes));
  }
  const auto goods = goods_of(cell(at_.goods));
  if (!goods) return no("bad goods", fmt::format("goods is \"{}\", not true or false.", cell(at_.goods)));
  product.goods = *goods;
  return product;
}

}  // namespace

Result<CatalogueReport> import_catalogue(std::unique_ptr<ByteSource> source, Node& node,
                                         const CatalogueOptions& options) {
  CsvReader csv(std::move(source));
  return Import(csv, node, options).run();
}

Result<CatalogueColumns> catalogue_columns(const std::vector<std::string>& header, const CatalogueOptions& options) {
  CatalogueColumns found;
  std::string missing;
  for (const Column& column : columns()) {
    std::vector<std::string_view> names = {column.name};
    names.insert(names.end(), column.also.begin(), column.also.end());
    for (std::size_t n = 0; n < names.size() && found.*column.place < 0; ++n) {
      for (std::size_t i = 0; i < header.size() && found.*column.place < 0; ++i) {
        if (plain(header[i]) == names[n]) found.*column.place = static_cast<int>(i);
      }
    }
    const bool optional = column.name == "goods" || (column.name == "gtin" && options.without_gtin) ||
                          (column.name == "vat" && !options.vat_for_all.empty());
    if (found.*column.place >= 0 || optional) continue;
    missing +=
        fmt::format("{}{}", missing.empty() ? "" : ", ", column.name == "unit price" ? "unit_price" : column.name);
  }
  if (missing.empty()) return found;
  std::string has;
  for (const std::string& name : header) has += (has.empty() ? "" : ", ") + name;
  if (has.size() > 500) has = has.substr(0, 500) + " …";
  return fail("trade/bad_header",
              fmt::format("The file has no column for: {}. It has: {}. Nothing was imported.", missing, has));
}

Status ProductLister::add(Product product, std::uint64_t line) {
  waiting_.push_back({std::move(product), line});
  if (waiting_.size() == products_a_write) return flush();
  return {};
}

Status ProductLister::flush() {
  if (waiting_.empty()) return {};
  const std::vector<Waiting> products = std::exchange(waiting_, {});
  HF_TRY(const Reply together, post(products));
  for (const Waiting& each : products) {
    Reply reply = together;
    if (!together.ok && products.size() > 1) {
      HF_TRY(reply, post({each}));
    }
    const std::string reason = reply.ok ? "" : reply.detail.empty() ? "Refused: " + reply.code : reply.detail;
    HF_TRY_VOID(done_(each.product, each.line, reply.code, reason));
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
