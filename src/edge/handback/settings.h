// How the old system wants its trade back: which files, its names of accounts and places, and a mapping of its own.
//
// Shape:  a text: TOML, then perhaps a line "# products" and CSV below it (the old system's own rows of the products
//         that moved). All that a handback's bytes depend on besides the journal and the writer; it is kept in the
//         journal.
//           formats = ["shopify", "odoo", "plain"]    utc_offset = "+01:00"
//           [odoo] journal, cash, card, sales, vat (account codes), stock, customers, vendors, losses, adjustment,
//           transit [shopify] prefix, location
//           [[file]] name = "x.csv", rows = "sales" | "lines" | "payments" | "movements",
//                    columns = [{header = "Receipt", field = "receipt"}, {header = "Source", text = "Holdfast"}]
// Errors: handback/bad_settings: what, in which line, and what to write instead.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace holdfast::handback {

enum class Rows { sales, lines, payments, movements };
struct Column {
  std::string header;
  std::string field;  // empty: `text` in each row
  std::string text;
};
struct MappedFile {
  std::string name;
  Rows rows = Rows::lines;
  std::vector<Column> columns;
};
// A row of Shopify's own inventory export, which finds the product there.
struct ShopifyProducts {
  std::vector<std::string> header;
  std::map<std::string, std::vector<std::string>, std::less<>> rows;  // by SKU
};
struct Settings {
  bool shopify = true, odoo = true, plain = true;
  int utc_offset_minutes = 0;
  std::map<std::string, std::string, std::less<>> odoo_names, shopify_names;  // with the defaults
  std::vector<MappedFile> files;
  ShopifyProducts products;
};

Result<Settings> parse_settings(std::string_view text);
// The fields that a mapping may name for such rows.
const std::vector<std::string>& fields_of(Rows rows);
// The rows of the old system's product file (Shopify's inventory CSV) whose SKU is wanted, as the part of a settings
// text. Errors: handback/bad_products: it has no column SKU.
Result<std::string> products_part(const std::string& path, const std::vector<std::string>& skus);
// The mapping that the format "plain" is.
std::vector<MappedFile> plain_files();

}  // namespace holdfast::handback
