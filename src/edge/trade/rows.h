// Rows of an export to products, levels and orders: one reader a kind, shared by `import catalogue` and `feed`.
//
// Shape:  read() takes one well-formed record. What comes back is taken, skipped (a row that is none: an image alone, a
//         product that is archived, another site's stock, an order that is done), or refused with the reason.
//         Each remembers what it has read, so that what stands twice is refused.
// Note:   of a person nothing passes but an opaque id: name, address, e-mail and phone are not looked at, or hashed
//         with the site's own key.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "edge/trade/csv.h"
#include "edge/trade/header.h"
#include "edge/trade/node.h"

namespace holdfast::trade {

inline constexpr std::size_t location_bytes_max = 200;

struct Why {
  std::string kind, reason;  // kind: to count by
};
enum class Row { taken, skipped };

// What all readers need to know of the file.
struct RowRules {
  char decimal = '.';
  std::optional<char> thousands;
  std::map<std::string, std::string> vat;
  std::string vat_default, vat_untaxed;
};

// Whether the fields of a row can be told apart. Where they cannot, nobody knows which product or order it is of.
bool is_readable(const CsvRecord& record, std::size_t width);

class ProductRows {
 public:
  ProductRows(Header header, RowRules rules, std::set<std::string> vat_codes)
      : header_(std::move(header)), rules_(std::move(rules)), vat_codes_(std::move(vat_codes)) {}
  // Taken: `into` is filled.
  std::expected<Row, Why> read(const CsvRecord& record, Product& into);
  // The SKU of a row, refused or not; empty: it has none, or cannot be read.
  std::string sku_of(const CsvRecord& record) const;

 private:
  std::string name_of(const CsvRecord& record);
  bool is_for_sale(const CsvRecord& record);
  std::expected<std::string, Why> vat_of(const CsvRecord& record) const;
  bool is_no_product(const CsvRecord& record) const;
  Header header_;
  RowRules rules_;
  std::set<std::string> vat_codes_;
  boost::unordered_flat_map<std::string, std::uint64_t> skus_;  // seen in this file, on which line
  boost::unordered_flat_map<std::string, std::uint64_t> gtins_,
      numbers_;                   // barcodes, and SKUs that are such; 14 digits
  std::string handle_, title_;    // of the product whose variants follow
  bool was_same_handle_ = false;  // the last row went on with that product
  bool is_retired_ = false;       // it is a draft, or archived
};

class LevelRows {
 public:
  // site: of this node; rows of other locations are skipped.
  LevelRows(Header header, RowRules rules, const Mapping& mapping, std::string site,
            const std::set<std::string>& sites_of_chain)
      : header_(std::move(header)),
        rules_(std::move(rules)),
        mapping_(mapping),
        site_(std::move(site)),
        sites_of_chain_(sites_of_chain) {}
  std::expected<Row, Why> read(const CsvRecord& record);
  std::string sku_of(const CsvRecord& record) const;
  std::vector<Level> take_levels();  // in SKU order
  std::size_t items() const { return found_.size(); }
  // Some locations of the file that are not this site's, for a person who looks for his own.
  const std::set<std::string>& other_locations() const { return others_; }
  bool has_own_rows() const { return own_locations_ > 0 || !header_.names_locations(); }
  // A level may be the sum of several rows: one that is missing makes it wrong.
  bool adds_rows() const { return header_.adds_up || (header_.locations.empty() && own_locations_ > 1); }
  // Each location of the file is another site of the chain, or the mapping file says whose it is.
  bool names_known_sites_alone() const { return !others_.empty() && !has_unknown_location_; }

 private:
  struct Found {
    Quantity quantity;
    std::uint64_t seen_at = 0;  // bit a location of this site
  };
  std::expected<Row, Why> add(std::string sku, std::string_view quantity, std::size_t location);
  // Which of this site's locations it is; nullopt: another site's.
  std::expected<std::optional<std::size_t>, Why> own_location(std::string_view location);
  Header header_;
  RowRules rules_;
  const Mapping& mapping_;
  std::string site_;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  boost::unordered_flat_map<std::string, std::optional<std::size_t>, TextHash, std::equal_to<>> locations_;
  const std::set<std::string>& sites_of_chain_;
  std::size_t own_locations_ = 0;
  bool has_unknown_location_ = false;
  std::set<std::string> others_;
  boost::unordered_flat_map<std::string, Found> found_;
};

class OrderRows {
 public:
  // customer_key: 32 bytes that are this site's own; takes_unplaced: orders without a location are this site's.
  OrderRows(Header header, RowRules rules, const Mapping& mapping, const FileRule& rule, std::string site,
            bool takes_unplaced, std::string customer_key)
      : header_(std::move(header)),
        rules_(std::move(rules)),
        mapping_(mapping),
        open_(rule.open),
        site_(std::move(site)),
        takes_unplaced_(takes_unplaced),
        customer_key_(std::move(customer_key)) {}
  std::expected<Row, Why> read(const CsvRecord& record);
  // A row of the current order could not be taken: none of that order is. False: there is none yet.
  bool spoil();
  // The order that the last row was of.
  const std::string& current() const { return current_; }
  // Orders that the file names and that could not be taken.
  std::set<std::string> spoilt() const;
  std::vector<FedOrder> take_orders();  // in the order of their numbers
  std::size_t items() const { return orders_.size() + lines_; }

 private:
  struct Open {
    FedOrder order;
    bool is_ours = true;
    bool is_spoilt = false;
  };
  bool is_open(const CsvRecord& record) const;
  std::expected<Row, Why> begin(const CsvRecord& record, const std::string& number);
  std::expected<Row, Why> add_line(const CsvRecord& record, Open& open);
  Header header_;
  RowRules rules_;
  const Mapping& mapping_;
  std::set<std::string> open_;
  std::string site_;
  bool takes_unplaced_;
  std::string customer_key_;
  std::map<std::string, Open> orders_;
  std::size_t lines_ = 0;  // of all orders that are ours
  std::string current_;
};

// A decimal as files hold it ("1.234,50" with decimal ','; "5.000000") to the plain form that core parses.
// thousands: the mark that groups digits by three. nullopt: the other one of "." and ",", where it cannot be a decimal
//            mark: it stands before a decimal mark, or more than once.
// Errors: in words: it does not group by three; or it stands alone ("5.000" with decimal ','), which is five to one
//         program and five thousand to another.
std::expected<std::string, std::string> plain_number(std::string_view text, char decimal,
                                                     std::optional<char> thousands);
// "2026-03-12 09:14:02 +0000", "2026-03-12T09:14:02Z", "2026-03-12"; nullopt: something else.
std::optional<Instant> parse_export_time(std::string_view text);

}  // namespace holdfast::trade
