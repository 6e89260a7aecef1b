#include "edge/handback/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/base/toml.h"
#include "edge/trade/csv.h"

namespace holdfast::handback {
namespace {

constexpr std::string_view bad = "handback/bad_settings";
constexpr std::string_view products_line = "\n# products\n";
constexpr std::size_t files_max = 20, columns_max = 100, text_bytes_max = 200;

std::unexpected<Error> wrong(const toml::node& node, std::string why) {
  return fail(bad, fmt::format("line {} of the settings: {}", node.source().begin.line, std::move(why)));
}
Result<std::string> text_of(const toml::node& node, std::string_view name) {
  const auto* text = node.as_string();
  if (text == nullptr) return wrong(node, fmt::format("{} must be a text in quotes", name));
  if (text->get().empty() || text->get().size() > text_bytes_max || !is_clean_text(text->get()))
    return wrong(node, fmt::format("{} is empty, longer than {} bytes, or not printable", name, text_bytes_max));
  return text->get();
}

// Texts under names that are known, over the defaults that stand there.
Status read_names(const toml::node& node, std::string_view table,
                  std::map<std::string, std::string, std::less<>>& into) {
  const toml::table* names = node.as_table();
  if (names == nullptr) return wrong(node, fmt::format("[{}] must be a table", table));
  for (const auto& [key, value] : *names) {
    const auto known = into.find(std::string_view(key.str()));
    if (known == into.end()) return wrong(value, fmt::format("[{}] knows no {}", table, std::string_view(key.str())));
    HF_TRY(known->second, text_of(value, key.str()));
  }
  return {};
}

Status read_formats(const toml::node& node, Settings& settings) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return wrong(node, "formats must be a list, such as [\"odoo\"]");
  settings.shopify = settings.odoo = settings.plain = false;
  for (const toml::node& each : *list) {
    HF_TRY(const std::string name, text_of(each, "a format"));
    if (name == "shopify")
      settings.shopify = true;
    else if (name == "odoo")
      settings.odoo = true;
    else if (name == "plain")
      settings.plain = true;
    else
      return wrong(each, fmt::format("\"{}\" is no format; there are \"shopify\", \"odoo\" and \"plain\"", name));
  }
  return {};
}

Status read_offset(const toml::node& node, Settings& settings) {
  HF_TRY(const std::string text, text_of(node, "utc_offset"));
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  const bool has_shape = text.size() == 6 && (text[0] == '+' || text[0] == '-') && digit(1) && digit(2) &&
                         text[3] == ':' && digit(4) && digit(5);
  const int hours = has_shape ? (text[1] - '0') * 10 + text[2] - '0' : 99;
  const int minutes = has_shape ? (text[4] - '0') * 10 + text[5] - '0' : 99;
  if (hours > 14 || minutes > 59) return wrong(node, "utc_offset is written \"+01:00\"");
  settings.utc_offset_minutes = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  return {};
}

Result<Column> read_column(const toml::node& node, Rows rows) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return wrong(node, "a column is {header = \"...\", field = \"...\"}");
  Column column;
  for (const auto& [key, value] : *table) {
    const std::string_view name = key.str();
    if (name == "header") {
      HF_TRY(column.header, text_of(value, name));
    } else if (name == "field") {
      HF_TRY(column.field, text_of(value, name));
    } else if (name == "text") {
      HF_TRY(column.text, text_of(value, name));
    } else {
      return wrong(value, fmt::format("a column knows no {}; it has header, and field or text", name));
    }
  }
  if (column.header.empty() || column.field.empty() == column.text.empty())
    return wrong(node, "a column needs a header, and either a field or a text");
  const auto& known = fields_of(rows);
  if (!column.field.empty() && std::ranges::find(known, column.field) == known.end())
    return wrong(node,
                 fmt::format("\"{}\" is no field of these rows; there are {}", column.field, fmt::join(known, ", ")));
  return column;
}

Result<MappedFile> read_file(const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return wrong(node, "[[file]] must be a table");
  MappedFile file;
  const toml::node* rows = table->get("rows");
  if (rows == nullptr) return wrong(node, "a file needs rows = \"sales\", \"lines\", \"payments\" or \"movements\"");
  HF_TRY(const std::string what, text_of(*rows, "rows"));
  static const std::map<std::string, Rows> kinds = {
      {"sales", Rows::sales}, {"lines", Rows::lines}, {"payments", Rows::payments}, {"movements", Rows::movements}};
  const auto kind = kinds.find(what);
  if (kind == kinds.end()) return wrong(*rows, "rows is \"sales\", \"lines\", \"payments\" or \"movements\"");
  file.rows = kind->second;
  for (const auto& [key, value] : *table) {
    const std::string_view name = key.str();
    if (name == "rows") continue;
    if (name == "name") {
      HF_TRY(file.name, text_of(value, name));
    } else if (const toml::array* list = value.as_array(); name == "columns" && list != nullptr) {
      for (const toml::node& each : *list) {
        HF_TRY(Column column, read_column(each, file.rows));
        file.columns.push_back(std::move(column));
      }
    } else {
      return wrong(value, fmt::format("a file has name, rows and a list of columns; {} does not fit", name));
    }
  }
  const bool is_plain = std::ranges::all_of(file.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
  if (file.name.empty() || file.name.size() > 60 || !is_plain || file.name.front() == '.')
    return wrong(node, "a file's name is 1 to 60 of a-z A-Z 0-9 - _ .");
  if (file.columns.empty() || file.columns.size() > columns_max)
    return wrong(node, fmt::format("a file has 1 to {} columns", columns_max));
  return file;
}

Status read_table(const toml::table& table, Settings& settings) {
  for (const auto& [key, value] : table) {
    const std::string_view name = key.str();
    if (name == "formats") {
      HF_TRY_VOID(read_formats(value, settings));
    } else if (name == "utc_offset") {
      HF_TRY_VOID(read_offset(value, settings));
    } else if (name == "odoo") {
      HF_TRY_VOID(read_names(value, name, settings.odoo_names));
    } else if (name == "shopify") {
      HF_TRY_VOID(read_names(value, name, settings.shopify_names));
    } else if (const toml::array* files = value.as_array(); name == "file" && files != nullptr) {
      if (files->size() > files_max) return wrong(value, fmt::format("at most {} files are mapped", files_max));
      for (const toml::node& each : *files) {
        HF_TRY(MappedFile file, read_file(each));
        settings.files.push_back(std::move(file));
      }
    } else {
      return wrong(value,
                   fmt::format("nobody knows {}; there are formats, utc_offset, [odoo], [shopify], [[file]]", name));
    }
  }
  return {};
}

Result<ShopifyProducts> read_products(std::unique_ptr<trade::ByteSource> source, const std::set<std::string>* wanted) {
  constexpr std::string_view no = "handback/bad_products";
  trade::CsvReader reader(std::move(source));
  ShopifyProducts out;
  std::size_t sku_at = 0;
  while (true) {
    HF_TRY(auto record, reader.next());
    if (!record) return out;
    if (!record->trouble.empty())
      return fail(no, fmt::format("line {} of the product file: {}", record->line, record->trouble));
    if (out.header.empty()) {
      const auto sku = std::ranges::find(record->fields, "SKU");
      if (sku == record->fields.end())
        return fail(no, "the product file has no column SKU; give the inventory CSV that Shopify exports");
      sku_at = static_cast<std::size_t>(sku - record->fields.begin());
      out.header = std::move(record->fields);
      continue;
    }
    if (record->fields.size() != out.header.size())
      return fail(no, fmt::format("line {} of the product file has {} fields, its header {}", record->line,
                                  record->fields.size(), out.header.size()));
    const std::string sku = record->fields[sku_at];
    if (sku.empty() || (wanted != nullptr && !wanted->contains(sku))) continue;
    out.rows.try_emplace(sku,
                         std::move(record->fields));  // of several locations the first; the new level names its own
  }
}

}  // namespace

const std::vector<std::string>& fields_of(Rows rows) {
  static const std::vector<std::string> sales = {"id",       "kind", "receipt", "of",    "of_id",  "day",
                                                 "time_utc", "till", "staff",   "total", "net",    "vat",
                                                 "currency", "site", "items",   "late",  "reason", "handback"};
  static const std::vector<std::string> lines = {
      "id",         "sale_id",  "kind",     "receipt", "of",  "day", "time_utc", "till", "sku",  "name",    "quantity",
      "unit_price", "vat_code", "vat_rate", "amount",  "net", "vat", "currency", "site", "late", "handback"};
  static const std::vector<std::string> payments = {"id",       "sale_id",  "kind",   "receipt", "day",
                                                    "time_utc", "till",     "tender", "amount",  "reference",
                                                    "masked",   "currency", "site",   "late",    "handback"};
  static const std::vector<std::string> movements = {"id",     "movement_id", "kind", "day",  "time_utc", "sku",
                                                     "change", "reference",   "site", "late", "handback"};
  switch (rows) {
    case Rows::sales:
      return sales;
    case Rows::lines:
      return lines;
    case Rows::payments:
      return payments;
    case Rows::movements:
      return movements;
  }
  return lines;
}

std::vector<MappedFile> plain_files() {
  const auto whole = [](std::string name, Rows rows) {
    MappedFile file{std::move(name), rows, {}};
    for (const std::string& field : fields_of(rows)) file.columns.push_back({field, field, ""});
    return file;
  };
  return {whole("sales.csv", Rows::sales), whole("lines.csv", Rows::lines), whole("payments.csv", Rows::payments),
          whole("movements.csv", Rows::movements)};
}

Result<Settings> parse_settings(std::string_view text) {
  Settings settings;
  settings.odoo_names = {{"journal", "Point of Sale"},
                         {"cash", "101501"},
                         {"card", "101403"},
                         {"sales", "400000"},
                         {"vat", "251000"},
                         {"stock", "WH/Stock"},
                         {"customers", "Partners/Customers"},
                         {"vendors", "Partners/Vendors"},
                         {"losses", "Virtual Locations/Scrap"},
                         {"adjustment", "Virtual Locations/Inventory adjustment"},
                         {"transit", "Physical Locations/Inter-warehouse transit"}};
  settings.shopify_names = {{"prefix", "#"}, {"location", ""}};
  if (!is_utf8(text)) return fail(bad, "the settings are not UTF-8");
  const std::size_t cut = text.find(products_line);
  std::string products;
  if (cut != std::string_view::npos) {
    products = text.substr(cut + products_line.size());
    text = text.substr(0, cut + 1);
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return fail(bad, fmt::format("line {} of the settings is not TOML: {}", parsed.error().source().begin.line,
                                 std::string_view(parsed.error().description())));
  HF_TRY_VOID(read_table(parsed.table(), settings));
  if (!settings.shopify && !settings.odoo && !settings.plain && settings.files.empty())
    return fail(bad, "the settings name no format and no file, so nothing would be written");
  if (!products.empty()) {
    HF_TRY(settings.products, read_products(trade::text_source(std::move(products), 65'536), nullptr));
  }
  return settings;
}

Result<std::string> products_part(const std::string& path, const std::vector<std::string>& skus) {
  const std::set<std::string> wanted(skus.begin(), skus.end());
  HF_TRY(auto source, trade::open_source(path));
  HF_TRY(const ShopifyProducts products, read_products(std::move(source), &wanted));
  if (products.header.empty()) return fail("handback/bad_products", "the product file is empty");
  std::string out(products_line);
  out += trade::csv_line(products.header);
  for (const auto& [sku, fields] : products.rows) out += trade::csv_line(fields);
  return out;
}

}  // namespace holdfast::handback
