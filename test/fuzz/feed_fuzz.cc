// Exports of other systems, row by row: from the header that says what they are to what would be written of them. What
// is taken keeps the bounds of the events that it becomes, and nothing is taken twice.
#include <set>

#include "core/base/ids.h"
#include "core/catalogue/catalogue.h"
#include "edge/trade/rows.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const std::set<std::string> sites = {"store-01", "store-02", "head-office"};
const trade::Mapping& mapping() {
  static const trade::Mapping made = *trade::read_mapping(
      "[locations]\n\"Main Street\" = \"store-01\"\n\"WH1/Stock/*\" = \"store-01\"\n\"Elsewhere\" = \"store-02\"\n"
      "[vat]\ndefault = \"S\"\n\"20% S\" = \"S\"\nuntaxed = \"Z\"\n");
  return made;
}

void read_products(trade::ProductRows rows, trade::CsvReader& csv) {
  std::set<std::string> taken;
  for (auto record = csv.next(); record && *record; record = csv.next()) {
    (void)rows.sku_of(**record);
    trade::Product product;
    const auto row = rows.read(**record, product);
    if (!row) HF_CHECK(!row.error().kind.empty() && !row.error().reason.empty(), "a row is refused without a reason");
    if (!row || *row != trade::Row::taken) continue;
    HF_CHECK(!product.sku.empty() && product.sku.size() <= Sku::bytes_max, "SKU \"{}\"", product.sku);
    HF_CHECK(product.name.size() <= catalogue::name_bytes_max, "a name of {} bytes", product.name.size());
    HF_CHECK(product.unit_price.millionths >= 0 && product.unit_price.millionths <= unit_price_millionths_max,
             "a price of {}", product.unit_price.millionths);
    HF_CHECK(product.vat == "S" || product.vat == "Z", "VAT \"{}\"", product.vat);
    HF_CHECK(taken.insert(product.sku).second, "\"{}\" is taken twice", product.sku);
  }
}
void read_levels(trade::LevelRows rows, trade::CsvReader& csv) {
  for (auto record = csv.next(); record && *record; record = csv.next()) {
    (void)rows.sku_of(**record);
    (void)rows.read(**record);
  }
  (void)rows.names_known_sites_alone();
  std::string before;
  for (const trade::Level& level : rows.take_levels()) {
    HF_CHECK(level.sku > before && level.sku.size() <= Sku::bytes_max, "\"{}\" after \"{}\"", level.sku, before);
    HF_CHECK(std::abs(level.quantity.thousandths) <= quantity_thousandths_max, "a level of {}",
             level.quantity.thousandths);
    before = level.sku;
  }
}
void read_orders(trade::OrderRows rows, trade::CsvReader& csv) {
  for (auto record = csv.next(); record && *record; record = csv.next())
    if (!rows.read(**record)) rows.spoil();
  const std::set<std::string> spoilt = rows.spoilt();
  std::string before;
  for (const trade::FedOrder& order : rows.take_orders()) {
    HF_CHECK(order.number > before && order.number.size() <= feed::number_bytes_max, "order \"{}\"", order.number);
    HF_CHECK(!spoilt.contains(order.number) && !order.lines.empty(), "order \"{}\" is half", order.number);
    HF_CHECK(order.customer.empty() || (order.customer.size() == 32 && from_hex(order.customer)), "a person: \"{}\"",
             order.customer);
    before = order.number;
  }
}

}  // namespace

void fuzz_feed(ByteView in) {
  const std::string text(as_text(in));
  trade::CsvReader csv(trade::text_source(text, text.size() + 1));
  const auto names = csv.next();
  if (!names || !*names || !(*names)->trouble.empty()) return;
  const trade::FileRule rule;
  const auto header = trade::read_header((*names)->fields, rule);
  if (!header) return;
  const trade::RowRules rules{'.', std::nullopt, mapping().vat, mapping().vat_default, mapping().vat_untaxed};
  const Allocations allocations;
  if (header->kind == feed::Kind::catalogue) {
    read_products({*header, rules, {"S", "Z"}}, csv);
  } else if (header->kind == feed::Kind::stock) {
    read_levels({*header, rules, mapping(), "store-01", sites}, csv);
  } else {
    read_orders({*header, rules, mapping(), rule, "store-01", true, std::string(32, 'k')}, csv);
  }
  check_peak(allocations, text.size(), 256, 256u << 10);
}

Seeds seeds_of_feed() {
  return {
      text_seed("own-catalogue",
                "sku,gtin,name,unit_price,vat,goods\nTEE-S,4006381333931,Tee,9.99,S,true\nPOST,,Postage,3.5,,false\n"),
      text_seed("own-stock", "sku,location,quantity\nTEE-S,store-01,12\nTEE-M,store-01,-2\nTEE-M,store-02,7\n"),
      text_seed("shopify-old",
                "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Requires Shipping,Variant "
                "Taxable,Variant Barcode,Variant Tax Code,Status\n"
                "tee,Tee,Size,Small,TEE-S,9.99,true,true,'4006381333931,,active\ntee,,,M,TEE-M,9.99,true,false,,,\n"
                "old,Old,Title,Default Title,OLD,9.99,true,true,,,archived\n"),
      text_seed("shopify-new",
                "Title,URL handle,Status,SKU,Barcode,Option1 name,Option1 value,Price,Charge tax,Tax code,Requires "
                "shipping\nTee,tee,Active,TEE-S,4006381333931,Size,Small,9.99,true,,true\n"),
      text_seed("shopify-stock",
                "Handle,Title,Option1 Name,Option1 Value,SKU,Location,On hand (current)\n"
                "tee,Tee,Size,S,TEE-S,Main Street,12\ntee,Tee,Size,L,TEE-L,Elsewhere,not stocked\n"),
      text_seed("shopify-columns",
                "Handle,Title,Option1 Name,Option1 Value,SKU,HS Code,COO,Elsewhere,Main Street\n"
                "tee,Tee,Size,S,TEE-S,,,5,12\ntee,Tee,Size,M,TEE-M,,,,-2\n"),
      text_seed("shopify-orders",
                "Name,Email,Financial Status,Fulfillment Status,Created at,Lineitem quantity,Lineitem sku,Cancelled "
                "at,Location\n#1002,jane@example.com,paid,unfulfilled,2026-05-01 09:59:00 +0200,1,TEE-S,,\n"
                "#1002,jane@example.com,,,,2,TEE-M,,\n#1003,eve@example.com,paid,,2026-05-01,1,TEE-S,,Elsewhere\n"),
      text_seed("odoo-catalogue",
                "id,default_code,barcode,name,list_price,taxes_id,type,active\n"
                "a.b,TEE-S,4006381333931,Tee - Small,9.990000,20% S,consu,True\na.c,POST,,Post,3.5,,service,True\n"),
      text_seed("odoo-stock",
                "id,product_id/default_code,location_id,lot_id,quantity\n"
                "q1,TEE-S,WH1/Stock,,5.0\nq2,TEE-S,WH1/Stock/Shelf 1,L1,4.0\nq4,TEE-M,WH1/Stock,,-2.0\n"),
      text_seed("odoo-orders",
                "Order Reference,Customer,Status,Order Date,Order Lines/Product,Order Lines/Quantity\n"
                "#1002,Jane,Sales Order,2026-05-01 07:59:00,[TEE-S] Tee,1.00\n,,,,[TEE-M] Tee,2.00\n")};
}

}  // namespace holdfast::fuzz
