// Catalogue: what is sold, at what price and VAT. Head office lists; others hold what they follow, one part per origin.
//
// Errors: catalogue/bad_product (which, why), catalogue/unknown_sku, catalogue/duplicate_gtin, catalogue/not_here (only
//         a head office lists products), catalogue/bad_snapshot.
// Source: GS1 General Specifications 7.9 (check digit of GTIN-8/12/13/14), 3.3.2 (14 digits, filled with zeros).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/indexed_map.h"
#include "core/base/values.h"

namespace holdfast::catalogue {

inline constexpr std::size_t name_bytes_max = 200;
inline constexpr std::size_t products_a_command_max = 1000;

struct Product {
  Sku sku;
  std::string gtin;  // empty, or 8, 12, 13 or 14 digits with a right check digit
  std::string name;
  UnitPrice unit_price;
  VatCode vat;
  bool goods = true;  // false: a service (postage, fee): no stock
  bool operator==(const Product&) const = default;
};

// Commands
struct ListProducts {
  std::vector<Product> products;  // new or changed
};
struct DelistProduct {
  Sku sku;
};

// Events
struct ProductsListed {
  std::vector<Product> products;
  bool operator==(const ProductsListed&) const = default;
};
// Canonical; in snapshots, and in what requests and price lists are told apart by.
void encode(Writer& out, const Product& product);
// Of any form: what is too long or cut short spoils the reader, and nothing else is checked.
Product decode_product(Reader& in);
struct ProductDelisted {
  Sku sku;
  bool operator==(const ProductDelisted&) const = default;
};
using Event = std::variant<ProductsListed, ProductDelisted>;

struct Listed {
  Product product;
  EntryPlace at;  // entry of the listing site that says so
  bool operator==(const Listed&) const = default;
};

// Ordered by SKU, so that pages and snapshots need no sorting.
struct CatalogueState {
  IndexedMap<Sku, Listed> products;
  IndexedMap<std::string, Sku> by_gtin;  // as listed

  const Listed* find(const Sku& sku) const;
  // By SKU, then by GTIN, with or without leading zeros; so is a SKU that is a GTIN, for that is what scanners send.
  // There may be two spellings of one (two SKUs; of GTINs in journals from before decide() compared them): then as it
  // is written, else the one that was listed last.
  const Listed* find_code(std::string_view sku_or_gtin) const;
  void encode(Writer& out) const;
  static Result<CatalogueState> decode(Reader& in);  // catalogue/bad_snapshot
  bool operator==(const CatalogueState&) const = default;
};

bool gtin_is_valid(std::string_view digits);
// Leading zeros are no part of a GTIN: as scanners and systems store it, in 14 digits. Empty: it is none.
std::string gtin_in_14_digits(std::string_view code);
// What every product of an event must be, whoever wrote it; catalogue/bad_product.
Status check_event(const ProductsListed& event);
Status check_event(const ProductDelisted& event);
// catalogue/duplicate_gtin: also if another product's GTIN is the same number, or is a SKU, so that a scanned code
// would lead to either. What is listed with its code already keeps it.
Result<Event> decide(const CatalogueState& state, const ListProducts& command);
Result<Event> decide(const CatalogueState& state, const DelistProduct& command);
// A GTIN belongs to the product that was listed with it last.
void apply(CatalogueState& state, EntryPlace at, const ProductsListed& event);
void apply(CatalogueState& state, const ProductDelisted& event);
// Whether a price changes by more than `percent`, either way.
bool price_jumps(UnitPrice before, UnitPrice after, std::int64_t percent);
// Protocol 7.6: whether an entry of a followed head office changes a price by more than `percent` against what is
// held here, or a VAT code at all. New products and a first price pass.
bool beyond_bound(const CatalogueState& state, const ProductsListed& event, std::int64_t percent);

}  // namespace holdfast::catalogue
