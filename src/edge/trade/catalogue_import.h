// A catalogue from CSV into head office's journal.
//
// Shape:  columns sku, gtin, name, unit_price, vat, goods in any order, under these names or those that Shopify and
//         Odoo export. A file that has no barcodes at all is taken when `without_gtin` says so, one without VAT codes
//         when `vat_for_all` is given; without the column goods, everything is goods.
// Errors: trade/bad_header: a column is missing; nothing was imported. Otherwise a bad row costs that row: it goes to
//         the refused file with its line and the reason, and the rest is imported. Errors of Node end the import; what
//         was taken until then stays, and the import can be run again.
// After:  only what differs from the node's catalogue is sent, so a second import changes nothing.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/trade/csv.h"
#include "edge/trade/node.h"
#include "edge/trade/rows.h"

namespace holdfast::trade {

struct CatalogueOptions {
  std::string refused_path;
  std::string vat_for_all;       // VAT code of every row, for files without that column
  bool without_gtin = false;     // the file has no barcodes at all
  std::string vat_untaxed = {};  // of rows on which Shopify charges no tax; empty: they are refused
};
struct CatalogueReport {
  std::string site;
  std::uint64_t rows = 0, listed = 0, unchanged = 0, refused = 0;
  std::uint64_t skipped = 0;  // rows that are no product of today: an image alone, a draft, what is archived
  std::map<std::string, std::uint64_t> reasons;  // kind of reason -> rows
};
Result<CatalogueReport> import_catalogue(std::unique_ptr<ByteSource> source, Node& node,
                                         const CatalogueOptions& options);

// Lists products at a node in batches; a batch that is refused is taken apart, so that one bad product costs itself
// alone. What followers hold for a person goes into batches of its own, behind the others. `done` is called once for
// each product, with an empty reason where it was listed.
class ProductLister {
 public:
  using Done =
      std::function<Status(const Product&, std::uint64_t row, const std::string& code, const std::string& reason)>;
  // `run`: part of every key; names the state that the products were compared with.
  ProductLister(Node& node, std::string run, Done done) : node_(node), run_(std::move(run)), done_(std::move(done)) {}
  // `row`: what the caller knows it by; handed to `done`. `held_against`: what is listed of it now, if followers hold
  // the change.
  Status add(Product product, std::uint64_t row, const Product* held_against = nullptr);
  Status flush();

 private:
  struct Waiting {
    Product product;
    std::uint64_t row;
    bool is_part = false;  // the whole of it follows, and is answered for
  };
  Status send(std::vector<Waiting>& waiting);
  Result<Reply> post(const std::vector<Waiting>& products);
  Node& node_;
  std::string run_;
  Done done_;
  std::vector<Waiting> near_, far_;  // far: held by followers
};

}  // namespace holdfast::trade
