#include "edge/trade/header.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/trade/csv.h"

namespace holdfast::trade {
namespace {

using Names = std::vector<std::string_view>;
struct Column {
  Field field;
  Names names;  // in the order of preference
};

// Sources: Shopify's product CSV and Odoo's product export, both in English.
const std::vector<Column>& catalogue_columns() {
  static const std::vector<Column> all = {
      {Field::sku, {"sku", "variant sku", "internal reference", "default code", "product code", "item code"}},
      {Field::gtin, {"gtin", "barcode", "variant barcode", "ean", "ean13", "upc"}},
      {Field::name, {"name", "title", "product name", "description"}},
      {Field::unit_price,
       {"unit price", "price", "variant price", "sales price", "list price", "lst price", "public price"}},
      {Field::vat, {"vat", "vat code", "tax code", "variant tax code", "customer taxes", "sales taxes", "taxes id"}},
      {Field::taxable, {"charge tax", "variant taxable"}},
      {Field::goods, {"goods", "product type", "detailed type", "requires shipping", "variant requires shipping"}},
      {Field::active, {"status", "active"}},
      {Field::handle, {"handle", "url handle"}},
      {Field::option1, {"option1 value"}},
      {Field::option2, {"option2 value"}},
      {Field::option3, {"option3 value"}},
  };
  return all;
}
const std::vector<Column>& stock_columns() {
  static const std::vector<Column> all = {
      {Field::sku,
       {"sku", "variant sku", "product/internal reference", "product id/default code", "internal reference",
        "default code"}},
      {Field::product, {"product", "product id", "product/display name"}},
      {Field::location, {"location", "location id", "location/complete name", "warehouse", "warehouse id"}},
      {Field::quantity,
       {"on hand (current)", "on hand", "quantity", "on hand quantity", "level", "qty", "available (not editable)",
        "available"}},
  };
  return all;
}
const std::vector<Column>& order_columns() {
  static const std::vector<Column> all = {
      {Field::number, {"number", "name", "order reference", "order"}},
      {Field::customer, {"customer", "email", "partner id"}},
      {Field::state, {"financial status", "state", "status"}},
      {Field::delivery, {"fulfillment status", "delivery status"}},
      {Field::cancelled, {"cancelled at"}},
      {Field::placed_at, {"created at", "order date", "date order", "placed at"}},
      {Field::sku,
       {"lineitem sku", "order lines/product/internal reference", "order line/product id/default code", "sku"}},
      {Field::product, {"order lines/product", "order line/product id"}},
      {Field::quantity, {"lineitem quantity", "order lines/quantity", "order line/product uom qty", "quantity"}},
      {Field::location, {"location", "warehouse", "warehouse id"}},
  };
  return all;
}

int find(const std::vector<std::string>& header, const Names& names) {
  for (const std::string_view name : names) {
    const auto found = std::ranges::find(header, name);
    if (found != header.end()) return static_cast<int>(found - header.begin());
  }
  return -1;
}
bool has_any(const std::vector<std::string>& header, const Names& names) { return find(header, names) >= 0; }

Header place(const std::vector<std::string>& header, const std::vector<Column>& columns, feed::Kind kind) {
  Header out;
  out.kind = kind;
  out.width = header.size();
  for (const Column& column : columns) out.columns[static_cast<std::size_t>(column.field)] = find(header, column.names);
  return out;
}

std::string format_of(const std::vector<std::string>& header) {
  if (has_any(header, {"handle", "url handle", "lineitem quantity"})) return "shopify";
  if (std::ranges::any_of(header, [](const std::string& name) {
        return name.find('/') != std::string::npos || name == "default code" || name == "internal reference" ||
               name == "product id" || name == "list price" || name == "lst price";
      }))
    return "odoo";
  return "own";
}

// "type" is Odoo's for goods and services, and Shopify's for whatever a shop calls its kinds.
void place_odoo_type(Header& out, const std::vector<std::string>& header) {
  int& goods = out.columns[static_cast<std::size_t>(Field::goods)];
  if (out.kind == feed::Kind::catalogue && out.format == "odoo" && goods < 0) goods = find(header, {"type"});
}

// Shopify's older inventory export: behind COO each column is a location.
void place_locations(Header& out, const std::vector<std::string>& header, const std::vector<std::string>& names) {
  const int coo = find(header, {"coo"});
  for (std::size_t i = static_cast<std::size_t>(coo) + 1; i < names.size(); ++i)
    out.locations.emplace_back(static_cast<int>(i), std::string(trimmed(names[i])));
}

std::unexpected<Error> lacks(const std::vector<std::string>& names, std::string_view what, std::string_view missing) {
  std::string has;
  for (const std::string& name : names) has += (has.empty() ? "" : ", ") + name;
  if (has.size() > 500) has = std::string(first_bytes(has, 500)) + " …";
  return fail("trade/bad_header", fmt::format("The file has no column for: {}. It has: {}. {}", missing, has, what));
}

std::string_view text_of(Field field) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Field::count_)> texts = {
      "sku",      "gtin",    "name",     "unit_price", "vat",       "goods",     "location",
      "quantity", "number",  "customer", "state",      "placed_at", "active",    "product",
      "handle",   "option1", "option2",  "option3",    "delivery",  "cancelled", "taxable"};
  return texts[static_cast<std::size_t>(field)];
}

Result<Header> checked(Header out, const std::vector<std::string>& names, const std::vector<Field>& needed,
                       std::string_view what) {
  std::string missing;
  for (const Field field : needed) {
    const bool is_there = out.has(field) || (field == Field::sku && out.has(Field::product)) ||
                          (field == Field::quantity && !out.locations.empty());
    if (!is_there) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", text_of(field));
  }
  if (!missing.empty()) return lacks(names, what, missing);
  return out;
}

feed::Kind kind_by(const std::vector<std::string>& header) {
  if (has_any(header, {"lineitem quantity", "order lines/quantity", "order line/product uom qty"}) ||
      (has_any(header, {"number"}) && has_any(header, {"sku"}) && has_any(header, {"quantity"})))
    return feed::Kind::orders;
  const Header stock = place(header, stock_columns(), feed::Kind::stock);
  const bool names_goods = stock.has(Field::sku) || stock.has(Field::product);
  if (names_goods && stock.has(Field::location) && stock.has(Field::quantity)) return feed::Kind::stock;
  if (stock.has(Field::sku) && has_any(header, {"hs code"}) && has_any(header, {"coo"})) return feed::Kind::stock;
  return feed::Kind::catalogue;
}

constexpr std::string_view mapping_helps =
    "Nothing was taken. A mapping file can say which column is what (docs/feed.md).";

}  // namespace

std::string plain(std::string_view text) {
  std::string out(trimmed(text));
  for (char& c : out) c = c == '_' ? ' ' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  return out;
}

Result<Header> catalogue_header(const std::vector<std::string>& names, const std::vector<Field>& may_lack) {
  std::vector<std::string> header;
  header.reserve(names.size());
  for (const std::string& name : names) header.push_back(plain(name));
  Header out = place(header, catalogue_columns(), feed::Kind::catalogue);
  out.format = format_of(header);
  place_odoo_type(out, header);
  std::vector<Field> needed;
  for (const Field field : {Field::sku, Field::gtin, Field::name, Field::unit_price, Field::vat})
    if (std::ranges::find(may_lack, field) == may_lack.end()) needed.push_back(field);
  return checked(
      std::move(out), names, needed,
      "Nothing was imported. A file without barcodes wants --without-gtin, one without VAT codes --vat CODE.");
}

Result<Header> read_header(const std::vector<std::string>& names, const FileRule& rule) {
  std::vector<std::string> header;
  header.reserve(names.size());
  for (const std::string& name : names) header.push_back(plain(name));
  const feed::Kind kind = rule.kind.value_or(kind_by(header));
  const std::vector<Column>& columns = kind == feed::Kind::catalogue ? catalogue_columns()
                                       : kind == feed::Kind::stock   ? stock_columns()
                                                                     : order_columns();
  Header out = place(header, columns, kind);
  out.format = rule.columns.empty() ? format_of(header) : "mapping";
  place_odoo_type(out, header);
  for (const auto& [field, theirs] : rule.columns) {
    const int at = find(header, {plain(theirs)});
    if (at < 0) return lacks(names, mapping_helps, fmt::format("{} (\"{}\" in the mapping file)", field, theirs));
    for (std::size_t f = 0; f < out.columns.size(); ++f)
      if (text_of(static_cast<Field>(f)) == field) out.columns[f] = at;
  }
  if (kind == feed::Kind::stock && !out.has(Field::location) && has_any(header, {"coo"}))
    place_locations(out, header, names);
  out.adds_up = rule.adds_up.value_or(out.format == "odoo");
  std::vector<Field> needed = {Field::sku, Field::name, Field::unit_price};
  if (kind == feed::Kind::stock) needed = {Field::sku, Field::quantity};
  if (kind == feed::Kind::stock && rule.columns.empty() && out.locations.empty()) needed.push_back(Field::location);
  if (kind == feed::Kind::orders) needed = {Field::number, Field::sku, Field::quantity};
  return checked(std::move(out), names, needed, mapping_helps);
}

}  // namespace holdfast::trade
