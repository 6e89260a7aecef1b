#include "edge/trade/rows.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/catalogue/catalogue.h"
#include "core/till/till.h"
#include "edge/trade/barcode.h"

namespace holdfast::trade {
namespace {

std::unexpected<Why> no(std::string kind, std::string reason) {
  return std::unexpected(Why{std::move(kind), std::move(reason)});
}

std::string_view cell(const CsvRecord& record, int at) {
  return at < 0 ? std::string_view() : trimmed(record.fields[static_cast<std::size_t>(at)]);
}

std::optional<Why> shape_trouble(const CsvRecord& record, std::size_t width) {
  if (is_readable(record, width)) return std::nullopt;
  if (!record.trouble.empty()) return Why{"row cannot be read", record.trouble};
  return Why{"wrong number of fields",
             fmt::format("The row has {} fields, the header {}.", record.fields.size(), width)};
}

std::optional<bool> truth_of(std::string_view text) {
  const std::string word = plain(text);
  if (word == "true" || word == "yes" || word == "1") return true;
  if (word == "false" || word == "no" || word == "0") return false;
  return std::nullopt;
}

std::optional<bool> goods_of(std::string_view text) {
  const std::string word = plain(text);
  static constexpr std::array<std::string_view, 11> goods = {
      "", "true", "yes", "1", "goods", "consu", "product", "storable product", "storable", "consumable", "combo"};
  static constexpr std::array<std::string_view, 4> service = {"false", "no", "0", "service"};
  if (std::ranges::find(goods, word) != goods.end()) return true;
  if (std::ranges::find(service, word) != service.end()) return false;
  return std::nullopt;
}

bool is_retired(std::string_view text) {
  static constexpr std::array<std::string_view, 6> words = {"draft", "archived", "unlisted", "false", "0", "inactive"};
  return std::ranges::find(words, plain(text)) != words.end();
}

// Odoo shows a product as "[SKU] name".
std::string_view sku_in_name(std::string_view product) {
  if (!product.starts_with('[')) return {};
  const std::size_t end = product.find(']');
  return end == std::string_view::npos ? std::string_view() : trimmed(product.substr(1, end - 1));
}

std::string sku_at(const Header& header, const CsvRecord& record) {
  std::string_view sku = cell(record, header.at(Field::sku));
  if (sku.empty()) sku = sku_in_name(cell(record, header.at(Field::product)));
  return std::string(sku);
}

// "1.234.567": one to three digits, then threes; a sign may stand before them. Without the mark anything goes.
bool is_grouped(std::string_view whole, char group) {
  if (whole.find(group) == std::string_view::npos) return true;
  if (whole.starts_with('-') || whole.starts_with('+')) whole.remove_prefix(1);
  for (bool is_first = true;; is_first = false) {
    const std::size_t stop = std::min(whole.find(group), whole.size());
    const bool fits = is_first ? stop >= 1 && stop <= 3 : stop == 3;
    const bool digits = std::ranges::all_of(whole.substr(0, stop), [](char c) { return c >= '0' && c <= '9'; });
    if (!fits || !digits) return false;
    if (stop == whole.size()) return true;
    whole.remove_prefix(stop + 1);
  }
}

std::expected<Quantity, Why> quantity_of(std::string_view text, const RowRules& rules) {
  const auto number = plain_number(text, rules.decimal, rules.thousands);
  if (!number) return no("bad quantity", number.error());
  auto quantity = parse_quantity(*number);
  if (!quantity) return no("bad quantity", quantity.error().text);
  return *quantity;
}
std::expected<UnitPrice, Why> price_of(std::string_view text, const RowRules& rules) {
  const auto number = plain_number(text, rules.decimal, rules.thousands);
  if (!number) return no("bad price", number.error());
  const auto price = parse_unit_price(*number);
  if (!price) return no("bad price", price.error().text);
  if (price->millionths < 0) return no("bad price", fmt::format("The price {} is negative.", text));
  if (price->millionths > unit_price_millionths_max)
    return no("bad price", fmt::format("The price {} is too large.", text));
  return *price;
}

std::optional<Why> sku_trouble(std::string_view sku) {
  if (sku.empty()) return Why{"no SKU", "The row has no SKU."};
  if (sku.size() > Sku::bytes_max)
    return Why{"SKU too long", fmt::format("The SKU has {} bytes; {} are the most.", sku.size(), Sku::bytes_max)};
  if (!is_clean_text(sku)) return Why{"control characters", "The SKU holds a control character, such as a line end."};
  return std::nullopt;
}

}  // namespace

bool is_readable(const CsvRecord& record, std::size_t width) {
  return record.trouble.empty() && record.fields.size() == width;
}

std::expected<std::string, std::string> plain_number(std::string_view text, char decimal,
                                                     std::optional<char> thousands) {
  text = trimmed(text);
  const char group = thousands.value_or(decimal == ',' ? '.' : ',');
  const std::size_t mark = std::min(text.find(decimal), text.size());
  const std::string_view whole = text.substr(0, mark), fraction = text.substr(mark);
  if (fraction.find(group) != std::string_view::npos)
    return std::unexpected(fmt::format("{} has a \"{}\" behind its decimal mark \"{}\".", text, group, decimal));
  if (!is_grouped(whole, group))
    return std::unexpected(fmt::format(
        "{} has a \"{}\", which does not group its digits by three; the decimal mark of this file is \"{}\".", text,
        group, decimal));
  if (!thousands && fraction.empty() && std::ranges::count(whole, group) == 1)
    return std::unexpected(
        fmt::format("{} can be read in two ways. If \"{}\" groups digits in this file, say so in the mapping file: "
                    "thousands = \"{}\"; if it is the decimal mark: decimal = \"{}\".",
                    text, group, group, group));
  std::string out;
  for (const char c : text)
    if (c != group) out += c == decimal ? '.' : c;
  if (const std::size_t point = out.find('.'); point != std::string::npos) {
    while (out.size() > point + 1 && out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
  }
  return out;
}

std::optional<Instant> parse_export_time(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 10) return std::nullopt;
  std::string iso(text.substr(0, 10));
  std::string_view rest = text.substr(10);
  std::string clock = "00:00:00";
  if (rest.size() >= 9) {
    clock = std::string(rest.substr(1, 8));
    rest.remove_prefix(9);
  } else if (!rest.empty()) {
    return std::nullopt;
  }
  std::int64_t offset_minutes = 0;
  rest = trimmed(rest);
  if (rest.size() >= 5 && (rest[0] == '+' || rest[0] == '-')) {  // +0200 or +02:00
    std::string digits;
    for (const char c : rest.substr(1))
      if (c >= '0' && c <= '9') digits += c;
    if (digits.size() != 4) return std::nullopt;
    offset_minutes = ((digits[0] - '0') * 10 + digits[1] - '0') * 60 + (digits[2] - '0') * 10 + digits[3] - '0';
    if (rest[0] == '-') offset_minutes = -offset_minutes;
  }
  auto at = parse_instant(iso + "T" + clock + "Z");
  if (!at || at->unix_ns < 0) return std::nullopt;
  const Instant moved = *at - seconds(offset_minutes * 60);
  return moved.unix_ns < 0 ? std::nullopt : std::optional(moved);
}

// ---- products

std::string ProductRows::sku_of(const CsvRecord& record) const {
  return is_readable(record, header_.width) ? sku_at(header_, record) : std::string();
}

// A Shopify row that only adds an image to the product above it.
bool ProductRows::is_no_product(const CsvRecord& record) const {
  if (!header_.has(Field::handle)) return false;
  return std::ranges::all_of(std::array{Field::sku, Field::gtin, Field::unit_price, Field::option1, Field::name},
                             [&](Field field) { return cell(record, header_.at(field)).empty(); });
}

// A Shopify product's title stands on its first row alone; its variants are told apart by their options.
std::string ProductRows::name_of(const CsvRecord& record) {
  std::string name(cell(record, header_.at(Field::name)));
  if (!header_.has(Field::handle)) return name;
  const std::string_view handle = cell(record, header_.at(Field::handle));
  was_same_handle_ = handle == handle_;
  if (name.empty() && was_same_handle_) name = title_;
  handle_ = std::string(handle);
  title_ = name;
  std::string options;
  for (const Field option : {Field::option1, Field::option2, Field::option3}) {
    const std::string_view value = cell(record, header_.at(option));
    if (value.empty() || value == "Default Title") continue;
    options += fmt::format("{}{}", options.empty() ? " - " : " / ", value);
  }
  return name.empty() ? name : name + options;
}

// A Shopify product's state stands on its first row alone, as its title does, and holds for all its variants. To be
// called behind name_of().
bool ProductRows::is_for_sale(const CsvRecord& record) {
  const std::string_view state = cell(record, header_.at(Field::active));
  if (!header_.has(Field::handle)) return !is_retired(state);
  const bool goes_on = !handle_.empty() && was_same_handle_;
  if (!state.empty() || !goes_on) is_retired_ = is_retired(state);
  return !is_retired_;
}

std::expected<std::string, Why> ProductRows::vat_of(const CsvRecord& record) const {
  std::string vat(cell(record, header_.at(Field::vat)));
  const std::string_view text = cell(record, header_.at(Field::taxable));
  const auto is_taxed = text.empty() ? std::optional(true) : truth_of(text);
  if (!is_taxed) return no("bad tax flag", fmt::format("Whether it is taxed is \"{}\", not true or false.", text));
  if (!*is_taxed && rules_.vat_untaxed.empty())
    return no("untaxed",
              "The old system takes no tax on it: say with which VAT code of the chain file it is sold, in the "
              "mapping file ([vat] untaxed = \"...\") or with --vat-untaxed of `import catalogue`.");
  if (!*is_taxed) vat = rules_.vat_untaxed;
  if (vat.empty()) vat = rules_.vat_default;
  if (const auto mapped = rules_.vat.find(vat); *is_taxed && mapped != rules_.vat.end()) vat = mapped->second;
  if (!vat_codes_.contains(vat))
    return no("unknown VAT code",
              fmt::format("VAT code \"{}\" is not in the chain file, which has {}.", vat, fmt::join(vat_codes_, ", ")));
  return vat;
}

std::expected<Row, Why> ProductRows::read(const CsvRecord& record, Product& into) {
  if (auto trouble = shape_trouble(record, header_.width)) return std::unexpected(std::move(*trouble));
  if (is_no_product(record)) return Row::skipped;
  Product product;
  product.name = name_of(record);
  if (!is_for_sale(record)) return Row::skipped;
  product.sku = sku_at(header_, record);
  product.gtin = std::string(cell(record, header_.at(Field::gtin)));
  if (product.gtin.starts_with('\'')) product.gtin.erase(0, 1);  // keeps a spreadsheet from eating leading zeros
  if (auto trouble = sku_trouble(product.sku)) return std::unexpected(std::move(*trouble));
  if (!is_clean_text(product.name))
    return no("control characters", "The SKU or the name holds a control character, such as a line end.");
  if (product.name.empty()) return no("no name", "The row has no name.");
  if (product.name.size() > catalogue::name_bytes_max)
    return no("name too long",
              fmt::format("The name has {} bytes; {} are the most.", product.name.size(), catalogue::name_bytes_max));
  // The node would refuse the whole write, and so all other products in it (edge/http/json_read.cc).
  if (till::free_text_holds_card_number(product.name))
    return no("looks like a card number",
              "The name holds what looks like the number of a payment card, which Holdfast never stores. If it is a "
              "barcode or an ISBN, take it out of the name.");
  if (const auto seen = skus_.find(product.sku); seen != skus_.end())
    return no("SKU twice", fmt::format("SKU {} stands on line {} already.", product.sku, seen->second));
  const std::string gtin = catalogue::gtin_in_14_digits(product.gtin);  // the node compares them so
  if (!product.gtin.empty()) {
    if (auto trouble = barcode_trouble(product.gtin)) return no("spoilt barcode", std::move(*trouble));
    if (const auto seen = gtins_.find(gtin); seen != gtins_.end())
      return no("barcode twice", fmt::format("Barcode {} stands on line {} already.", product.gtin, seen->second));
    if (const auto seen = numbers_.find(gtin); seen != numbers_.end())
      return no("barcode is a SKU", fmt::format("Barcode {} is the SKU of line {}.", product.gtin, seen->second));
  }
  const std::string number = catalogue::gtin_in_14_digits(product.sku);
  if (const auto seen = gtins_.find(number); !number.empty() && seen != gtins_.end())
    return no("SKU is a barcode", fmt::format("SKU {} is the barcode of line {}.", product.sku, seen->second));
  const auto price = price_of(cell(record, header_.at(Field::unit_price)), rules_);
  if (!price) return std::unexpected(price.error());
  product.unit_price = *price;
  auto vat = vat_of(record);
  if (!vat) return std::unexpected(std::move(vat).error());
  product.vat = std::move(*vat);
  const std::string_view goods_text = cell(record, header_.at(Field::goods));
  const auto goods = goods_of(goods_text);
  if (!goods) return no("bad goods", fmt::format("goods is \"{}\", not true or false.", goods_text));
  product.goods = *goods;
  skus_.emplace(product.sku, record.line);
  if (!gtin.empty()) gtins_.emplace(gtin, record.line);
  if (!number.empty()) numbers_.emplace(number, record.line);
  into = std::move(product);
  return Row::taken;
}

// ---- levels

std::string LevelRows::sku_of(const CsvRecord& record) const {
  return is_readable(record, header_.width) ? sku_at(header_, record) : std::string();
}

std::expected<std::optional<std::size_t>, Why> LevelRows::own_location(std::string_view location) {
  constexpr std::size_t locations_max = 100'000;  // of a file whose column holds something else
  constexpr std::size_t shown_max = 10;
  auto known = locations_.find(location);
  if (known == locations_.end()) {
    std::optional<std::size_t> own;
    const std::string site = mapping_.site_of(location);
    const bool is_full = locations_.size() >= locations_max;
    if (site == site_ && is_full)
      return no("too many locations", fmt::format("{} locations stand above it already.", locations_max));
    if (site == site_) own = own_locations_++;
    if (!own && site == location && !sites_of_chain_.contains(site)) has_unknown_location_ = true;
    if (!own && others_.size() < shown_max) others_.emplace(first_bytes(location, 60));
    if (is_full) return std::nullopt;
    known = locations_.emplace(std::string(location), own).first;
  }
  return known->second;
}

std::expected<Row, Why> LevelRows::add(std::string sku, std::string_view text, std::size_t location) {
  if (auto trouble = sku_trouble(sku)) return std::unexpected(std::move(*trouble));
  if (plain(text) == "not stocked") return Row::skipped;
  if (text.empty()) return no("no quantity", "The row has no quantity.");
  const auto quantity = quantity_of(text, rules_);
  if (!quantity) return std::unexpected(quantity.error());
  Found& found = found_[sku];
  const std::uint64_t bit = 1ull << std::min<std::size_t>(location, 63);
  if ((found.seen_at & bit) != 0 && !header_.adds_up && location < 63)
    return no("SKU twice", fmt::format("SKU {} stands twice for this location.", sku));
  found.seen_at |= bit;
  const std::int64_t sum = found.quantity.thousandths + quantity->thousandths;  // each within 10^12
  if (sum > quantity_thousandths_max || sum < -quantity_thousandths_max)
    return no("bad quantity", fmt::format("The quantities of {} add up to too much.", sku));
  found.quantity.thousandths = sum;
  return Row::taken;
}

std::expected<Row, Why> LevelRows::read(const CsvRecord& record) {
  if (auto trouble = shape_trouble(record, header_.width)) return std::unexpected(std::move(*trouble));
  if (header_.locations.empty()) {
    const std::string_view location = cell(record, header_.at(Field::location));
    if (location.size() > location_bytes_max)
      return no("location too long",
                fmt::format("The location has {} bytes; {} are the most.", location.size(), location_bytes_max));
    const auto own = header_.has(Field::location) ? own_location(location) : std::optional<std::size_t>(0);
    if (!own) return std::unexpected(own.error());
    if (!*own) return Row::skipped;
    return add(sku_at(header_, record), cell(record, header_.at(Field::quantity)), **own);
  }
  std::expected<Row, Why> out = Row::skipped;
  for (const auto& [column, location] : header_.locations) {
    const auto own = own_location(location);
    if (!own) return std::unexpected(own.error());
    if (!*own) continue;
    auto one = add(sku_at(header_, record), cell(record, column), **own);
    if (!one) return one;
    if (*one == Row::taken) out = one;
  }
  return out;
}

std::vector<Level> LevelRows::take_levels() {
  std::vector<Level> out;
  out.reserve(found_.size());
  for (auto& [sku, found] : found_)
    if (found.seen_at != 0) out.push_back({sku, found.quantity});
  found_ = {};
  std::ranges::sort(out, {}, &Level::sku);
  return out;
}

// ---- orders

bool OrderRows::is_open(const CsvRecord& record) const {
  if (!cell(record, header_.at(Field::cancelled)).empty()) return false;
  const std::string state = plain(cell(record, header_.at(Field::state)));
  const std::string delivery = plain(cell(record, header_.at(Field::delivery)));
  if (!open_.empty())
    return std::ranges::any_of(
        open_, [&](const std::string& word) { return plain(word) == state || plain(word) == delivery; });
  static constexpr std::array<std::string_view, 17> closed = {
      "fulfilled", "cancel",         "canceled", "cancelled",       "done", "locked", "draft",
      "quotation", "quotation sent", "sent",     "fully delivered", "full", "closed", "voided",
      "refunded",  "restocked",      "expired"};
  const auto is_closed = [](std::string_view word) { return std::ranges::find(closed, word) != closed.end(); };
  return !is_closed(state) && !is_closed(delivery);
}

std::expected<Row, Why> OrderRows::begin(const CsvRecord& record, const std::string& number) {
  current_ = number;
  const std::string_view location = cell(record, header_.at(Field::location));
  const auto unplaced = mapping_.locations.find("");
  const bool is_here = !location.empty()                      ? mapping_.site_of(location) == site_
                       : unplaced != mapping_.locations.end() ? unplaced->second == site_
                                                              : takes_unplaced_;
  Open& open = orders_[number];
  if (!is_here || !is_open(record)) {
    open.is_ours = false;
    return Row::skipped;
  }
  FedOrder& order = open.order;
  order.number = number;
  for (const Field field : {Field::state, Field::delivery}) {
    const std::string_view state = cell(record, header_.at(field));
    if (!state.empty()) order.state += fmt::format("{}{}", order.state.empty() ? "" : " / ", state);
  }
  order.state = std::string(first_bytes(order.state, feed::state_bytes_max));
  order.placed_at = parse_export_time(cell(record, header_.at(Field::placed_at)));
  const std::string customer = plain(cell(record, header_.at(Field::customer)));
  if (!customer.empty()) {
    std::array<unsigned char, 16> id;
    crypto_generichash(id.data(), id.size(), reinterpret_cast<const unsigned char*>(customer.data()), customer.size(),
                       reinterpret_cast<const unsigned char*>(customer_key_.data()), customer_key_.size());
    order.customer = to_hex(std::as_bytes(std::span(id)));
  }
  const auto bad = [&](std::string kind, std::string reason) {
    open.is_spoilt = true;
    return no(std::move(kind), std::move(reason));
  };
  if (number.size() > feed::number_bytes_max || !is_clean_text(number) || !is_clean_text(order.state))
    return bad("bad order", "The order's number is too long, or it or its state is not printable.");
  if (till::looks_like_card_number(number) || till::looks_like_card_number(order.state))
    return bad("looks like a card number", "The order's number or state looks like a payment card's: it is not taken.");
  return add_line(record, open);
}

std::expected<Row, Why> OrderRows::add_line(const CsvRecord& record, Open& open) {
  if (!open.is_ours) return Row::skipped;
  if (open.is_spoilt)
    return no("order not whole", fmt::format("Another row of order {} is refused.", open.order.number));
  const auto bad = [&](Why why) {
    open.is_spoilt = true;
    return std::unexpected(std::move(why));
  };
  const std::string sku = sku_at(header_, record);
  const std::string_view text = cell(record, header_.at(Field::quantity));
  if (sku.empty() && text.empty()) return Row::skipped;  // Odoo: a section or a note
  if (!sku.empty())
    if (auto trouble = sku_trouble(sku)) return bad(std::move(*trouble));
  const auto quantity = quantity_of(text, rules_);
  if (!quantity) return bad(quantity.error());
  if (quantity->thousandths < 0) return bad({"bad quantity", fmt::format("The quantity {} is negative.", text)});
  if (quantity->thousandths == 0) return Row::skipped;
  constexpr std::size_t lines_max = 1000;
  if (open.order.lines.size() == lines_max)
    return bad({"order too long", fmt::format("Order {} has more than {} lines.", open.order.number, lines_max)});
  open.order.lines.push_back({sku, *quantity});
  ++lines_;
  return Row::taken;
}

std::expected<Row, Why> OrderRows::read(const CsvRecord& record) {
  if (auto trouble = shape_trouble(record, header_.width)) return std::unexpected(std::move(*trouble));
  // A number that is too long stays too long, and costs no more memory than another.
  const std::string number(first_bytes(cell(record, header_.at(Field::number)), feed::number_bytes_max + 4));
  if (number.empty() && current_.empty())
    return no("no order number", "The row has no order number, and none is above it.");
  if (!number.empty() && number != current_) {
    const auto known = orders_.find(number);
    if (known == orders_.end()) return begin(record, number);
    current_ = number;
  }
  return add_line(record, orders_.find(current_)->second);
}

bool OrderRows::spoil() {
  const auto open = orders_.find(current_);
  if (open == orders_.end()) return false;
  open->second.is_spoilt = true;
  return true;
}

std::set<std::string> OrderRows::spoilt() const {
  std::set<std::string> out;
  for (const auto& [number, open] : orders_)
    if (open.is_spoilt) out.insert(number);
  return out;
}

std::vector<FedOrder> OrderRows::take_orders() {
  std::vector<FedOrder> out;
  for (auto& [number, open] : orders_)
    if (open.is_ours && !open.is_spoilt && !open.order.lines.empty()) out.push_back(std::move(open.order));
  orders_.clear();
  return out;
}

}  // namespace holdfast::trade
