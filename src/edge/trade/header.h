// What an export is, and where each of its fields stands: from the names in its header, or as a mapping file says.
//
// Shape:  names are compared in lower case, with _ as a blank. Known: our own; Shopify's product export, old names
//         ("Variant SKU", "Variant Price") and new ("SKU", "Price", "URL handle"), its inventory export, one row a
//         location or one column a location, and its orders export; Odoo's product, stock.quant and sale.order exports,
//         technical names ("default_code", "product_id/default_code") and labels ("Internal Reference").
// Errors: trade/bad_header: the header is of no kind that is known, or lacks a column; says which, and what it has.
// Source: headers as those programs write them; docs/feed.md has them all.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/trade/mapping.h"

namespace holdfast::trade {

enum class Field : std::uint8_t {
  sku,
  gtin,
  name,
  unit_price,
  vat,
  goods,
  location,
  quantity,
  number,
  customer,
  state,
  placed_at,
  active,
  product,  // Odoo's display name, "[SKU] name"
  handle,   // Shopify's; rows of one product share it
  option1,
  option2,
  option3,
  delivery,   // a second state of an order
  cancelled,  // when an order was
  taxable,    // Shopify's: false where no tax is charged, whatever the tax code
  count_
};

struct Header {
  feed::Kind kind = feed::Kind::catalogue;
  std::string format;  // "shopify", "odoo", "own", "mapping": for people
  std::array<int, static_cast<std::size_t>(Field::count_)> columns;
  std::vector<std::pair<int, std::string>> locations;  // of one column a location: where, which
  bool adds_up = false;
  std::size_t width = 0;

  Header() { columns.fill(-1); }
  int at(Field field) const { return columns[static_cast<std::size_t>(field)]; }
  bool has(Field field) const { return at(field) >= 0; }
  bool names_locations() const { return has(Field::location) || !locations.empty(); }
};

Result<Header> read_header(const std::vector<std::string>& names, const FileRule& rule);
// Lower case, trimmed, with _ as a blank: how names and words are compared.
std::string plain(std::string_view text);
// The columns of a catalogue alone, as `import catalogue` needs them. may_lack: fields that are optional here.
Result<Header> catalogue_header(const std::vector<std::string>& names, const std::vector<Field>& may_lack);

}  // namespace holdfast::trade
