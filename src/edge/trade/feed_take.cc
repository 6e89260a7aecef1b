#include "edge/trade/feed_take.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/catalogue/catalogue.h"

namespace holdfast::trade {
namespace {

constexpr std::size_t levels_a_write = 1000, orders_a_write = 100, gone_a_write = 1000, movers_max = 1000;

std::string level_json(const Level& level) {
  return fmt::format(R"({{"sku":{},"level":"{}"}})", json_text(level.sku), to_text(level.quantity));
}

std::string order_json(const FedOrder& order) {
  std::string lines;
  for (const Level& line : order.lines) {
    const std::string sku = line.sku.empty() ? "" : fmt::format("\"sku\":{},", json_text(line.sku));
    lines += fmt::format("{}{{{}\"quantity\":\"{}\"}}", lines.empty() ? "" : ",", sku, to_text(line.quantity));
  }
  std::string out = fmt::format("{{\"number\":{},\"state\":{}", json_text(order.number), json_text(order.state));
  if (!order.customer.empty()) out += fmt::format(",\"customer\":\"{}\"", order.customer);
  if (order.placed_at) out += fmt::format(",\"placed_at\":\"{}\"", to_text(*order.placed_at));
  return out + ",\"lines\":[" + lines + "]}";
}

class Taking {
 public:
  Taking(FeedFile& file, Node& node, const About& about, bool is_accepted)
      : file_(file), node_(node), about_(about), is_accepted_(is_accepted), writes_(node) {}
  Result<FeedOutcome> run();

 private:
  Result<bool> is_known();
  Status check_bounds(std::size_t known_here) const;
  Status waits(std::string why) const;
  Status write(std::string_view kind, const std::string& fields);
  Status take_products();
  Status check_prices(const std::map<std::string, Product>& known) const;
  Status list(const std::vector<const Product*>& products, std::size_t a_write);
  Status list_movers(const std::vector<Product>& movers, const std::map<std::string, Product>& known);
  using Owners = std::map<std::string, std::string>;  // SKU by barcode, in 14 digits
  Status refuse_for_barcode(std::size_t at, const std::string& other);
  Status refuse_taken_barcodes(const std::map<std::string, Product>& known, const Owners& owners);
  Status take_levels();
  Status take_orders();
  Status finish();

  FeedFile& file_;
  Node& node_;
  const About& about_;
  bool is_accepted_;
  Writes writes_;
  std::optional<feed::FeedTaken> before_;  // of this stream
  std::string run_;                        // part of every key
  FeedOutcome outcome_;
};

Result<bool> Taking::is_known() {
  HF_TRY(const std::vector<feed::FeedTaken> taken, node_.taken_files());
  for (const feed::FeedTaken& each : taken)
    if (each.kind == file_.kind && each.stream == file_.stream) before_ = each;
  run_ = fmt::format("{} {} {} {} {}", feed::to_text(file_.kind), file_.stream,
                     before_ ? to_hex(before_->sha256) + to_text(before_->as_of) : "", to_hex(file_.sha256),
                     to_text(file_.as_of));
  if (!before_) return false;
  if (before_->sha256 == file_.sha256 && before_->as_of >= file_.as_of) return true;
  if (before_->as_of > file_.as_of)
    return fail("feed/older", fmt::format("{} is older than {}, which was taken before; it is left alone.", file_.name,
                                          before_->file));
  return false;
}

Status Taking::waits(std::string why) const {
  if (is_accepted_) return {};
  return fail("feed/waits",
              fmt::format("{} waits for a person: {}. `holdfast feed accept` lets it in as it is; what was "
                          "true yesterday stays until then.",
                          file_.name, why));
}

Status Taking::check_bounds(std::size_t known_here) const {
  if (file_.is_cut_off) HF_TRY_VOID(waits("it ends in the middle of a row, so it may be cut off"));
  if (file_.is_unended && file_.whole && before_ && file_.rows < before_->rows)
    HF_TRY_VOID(
        waits(fmt::format("its last line is not ended and it has {} rows where {} had {}, so it may be cut off; "
                          "if its last line never is, write {}.done when it is whole",
                          file_.rows, before_->file, before_->rows, file_.name)));
  if (file_.refused * 2 > file_.rows) HF_TRY_VOID(waits(reasons_text(file_) + ", more than half"));
  if (file_.nameless > 0 && file_.is_of_several_rows) {
    const std::string_view what = file_.kind == feed::Kind::orders ? "order" : "level";
    HF_TRY_VOID(
        waits(fmt::format("nobody can tell which {} {} of its refused rows belong to, and one without a row of "
                          "its own would be taken for whole",
                          what, file_.nameless)));
  }
  if (file_.kind == feed::Kind::orders) return {};  // a day on which everything is delivered is a good day
  const std::size_t expected = before_ ? before_->taken : file_.whole ? known_here : 0;
  if (file_.taken() * 2 < expected)
    HF_TRY_VOID(waits(fmt::format("it holds {} where {} are known, fewer than half", file_.taken(), expected)));
  return {};
}

Status Taking::write(std::string_view kind, const std::string& fields) {
  const std::string key = stable_key({"holdfast feed 1", run_, kind, fields});
  return writes_.add(fmt::format(R"({{"key":"{}","kind":"{}",{}}})", key, kind, fields), [this](const Reply& reply) {
    if (!reply.ok)
      return Status(fail("feed/refused",
                         fmt::format("The node refused a part of {}: {} [{}]", file_.name, reply.detail, reply.code)));
    outcome_.entries += reply.duplicate ? 0 : 1;
    return Status();
  });
}

// ---- products

Status Taking::check_prices(const std::map<std::string, Product>& known) const {
  constexpr std::size_t far_min = 10, one_in = 20;
  std::size_t far = 0, both = 0;
  for (const Product& product : file_.products) {
    const auto old = known.find(product.sku);
    if (old == known.end()) continue;
    ++both;
    far +=
        catalogue::price_jumps(old->second.unit_price, product.unit_price, about_.price_change_percent_max) ? 1u : 0u;
  }
  if (far < far_min || far * one_in <= both) return {};
  return waits(
      fmt::format("{} of {} known prices change by more than {} %", far, both, about_.price_change_percent_max));
}

Status Taking::list(const std::vector<const Product*>& products, std::size_t a_write) {
  for (std::size_t from = 0; from < products.size(); from += a_write) {
    std::string list;
    for (std::size_t i = from; i < std::min(from + a_write, products.size()); ++i)
      list += (list.empty() ? "" : ",") + product_json(*products[i]);
    HF_TRY_VOID(write("list_products", "\"products\":[" + list + "]"));
  }
  return {};
}

// A barcode changes hands within one write, or the node would see it twice.
Status Taking::list_movers(const std::vector<Product>& movers, const std::map<std::string, Product>& known) {
  const auto list_all = [this](const std::vector<Product>& products, std::size_t a_write) {
    std::vector<const Product*> each;
    each.reserve(products.size());
    for (const Product& product : products) each.push_back(&product);
    return list(each, a_write);
  };
  if (movers.size() > movers_max) {
    std::vector<Product> bare;
    for (const Product& product : movers)
      if (known.contains(product.sku)) bare.push_back(product), bare.back().gtin.clear();
    HF_TRY_VOID(list_all(bare, products_a_write));
  }
  return list_all(movers, movers_max);
}

Status Taking::refuse_for_barcode(std::size_t at, const std::string& other) {
  const Product& product = file_.products[at];
  file_.unclear.insert(product.sku);
  ++file_.refused;
  ++file_.reasons["barcode of another product"];
  if (!file_.refused_rows) return {};
  return file_.refused_rows->add(
      file_.product_lines[at],
      fmt::format("A code of this row is one of product {} already, leading zeros aside: its SKU, or its barcode, and "
                  "this file gives it no other that can be taken.",
                  other),
      {product.sku, product.gtin, product.name});
}

// A barcode of a product that this file does not name cannot be given to another, nor can a SKU be another's barcode;
// known before anything is written, because the node would refuse the whole write.
Status Taking::refuse_taken_barcodes(const std::map<std::string, Product>& known, const Owners& owners) {
  Owners numbers;  // SKUs that are barcodes
  for (const auto& [sku, product] : known)
    if (std::string number = catalogue::gtin_in_14_digits(sku); !number.empty()) numbers[std::move(number)] = sku;
  std::set<std::string> named;                     // without those that are refused
  std::multimap<std::string, std::size_t> wanted;  // who gets a code by this file
  std::vector<std::size_t> looks;
  for (std::size_t i = 0; i < file_.products.size(); ++i) {
    looks.push_back(i);
    named.insert(file_.products[i].sku);
    for (const std::string& code : {file_.products[i].gtin, file_.products[i].sku})
      if (std::string number = catalogue::gtin_in_14_digits(code); !number.empty())
        wanted.emplace(std::move(number), i);
  }
  const auto other_with_code = [&](const Product& product) -> const std::string* {
    const auto other_in = [&](const Owners& codes, const std::string& code) -> const std::string* {
      const std::string number = catalogue::gtin_in_14_digits(code);
      const auto owner = number.empty() ? codes.end() : codes.find(number);
      const bool is_free = owner == codes.end() || owner->second == product.sku || file_.says_is_gone(owner->second);
      return is_free ? nullptr : &owner->second;
    };
    const auto before = known.find(product.sku);
    const bool stands = before != known.end() && before->second.gtin == product.gtin;  // what it has it keeps
    const std::string* other = stands ? nullptr : other_in(owners, product.gtin);
    if (other == nullptr && before == known.end()) other = other_in(owners, product.sku);
    if (other != nullptr && named.contains(*other)) other = nullptr;  // it has the barcode that the file says
    if (other == nullptr && !stands) other = other_in(numbers, product.gtin);
    return other;
  };
  std::vector<bool> is_refused(file_.products.size());
  for (std::size_t at = 0; at < looks.size(); ++at) {
    const Product& product = file_.products[looks[at]];
    const std::string* other = is_refused[looks[at]] ? nullptr : other_with_code(product);
    if (other == nullptr) continue;
    is_refused[looks[at]] = true;
    named.erase(product.sku);
    HF_TRY_VOID(refuse_for_barcode(looks[at], *other));
    // It keeps the barcode that it has: whoever was to get that is looked at again.
    const auto before = known.find(product.sku);
    if (before == known.end()) continue;
    const auto [first, end] = wanted.equal_range(catalogue::gtin_in_14_digits(before->second.gtin));
    for (auto who = first; who != end; ++who) looks.push_back(who->second);
  }
  std::vector<Product> kept;
  kept.reserve(file_.products.size());
  for (std::size_t i = 0; i < file_.products.size(); ++i)
    if (!is_refused[i]) kept.push_back(std::move(file_.products[i]));
  file_.products = std::move(kept);
  return {};
}

Status Taking::take_products() {
  HF_TRY(std::vector<Product> products, all_products(node_, nullptr));
  std::map<std::string, Product> known;
  Owners owners;
  for (Product& product : products) {
    if (!product.gtin.empty()) owners[catalogue::gtin_in_14_digits(product.gtin)] = product.sku;
    known.emplace(product.sku, std::move(product));
  }
  HF_TRY_VOID(refuse_taken_barcodes(known, owners));
  HF_TRY_VOID(check_bounds(known.size()));
  HF_TRY_VOID(check_prices(known));

  std::set<std::string> claimed;  // owners whose barcode goes to another product, and the products that get it
  for (const Product& product : file_.products) {
    const bool is_new = !known.contains(product.sku);
    for (const std::string& code : {product.gtin, is_new ? product.sku : std::string()}) {
      const auto owner = owners.find(catalogue::gtin_in_14_digits(code));
      if (code.empty() || owner == owners.end() || owner->second == product.sku) continue;
      claimed.insert(owner->second);
      claimed.insert(product.sku);
    }
  }
  std::vector<Product> movers;
  std::vector<const Product*> near, far;  // far: followers hold the whole entry for a person
  std::set<std::string> named;
  for (const Product& product : file_.products) {
    named.insert(product.sku);
    const auto old = known.find(product.sku);
    if (old != known.end() && old->second == product) continue;
    ++outcome_.changed;
    const bool is_far = old != known.end() && is_held_by_followers(old->second, product, about_);
    const bool moves = claimed.contains(product.sku);
    if (moves) movers.push_back(is_far ? without_held_change(old->second, product) : product);
    if (is_far) far.push_back(&product);
    if (!is_far && !moves) near.push_back(&product);
  }
  for (const auto& [sku, product] : known) {
    if (named.contains(sku) || !file_.says_is_gone(sku)) continue;
    ++outcome_.changed;
    HF_TRY_VOID(write("delist_product", "\"sku\":" + json_text(sku)));
  }
  HF_TRY_VOID(list_movers(movers, known));
  HF_TRY_VOID(list(near, products_a_write));
  return list(far, held_products_a_write);
}

// ---- levels and orders

Status Taking::take_levels() {
  HF_TRY(const std::vector<Level> levels, all_levels(node_));
  HF_TRY_VOID(check_bounds(levels.size()));
  std::vector<Level> changed;
  auto known = levels.begin();
  const auto gone_until = [&](std::string_view sku) {  // known levels before `sku` that the file does not name
    for (; known != levels.end() && known->sku < sku; ++known)
      if (known->quantity.thousandths != 0 && file_.says_is_gone(known->sku))
        changed.push_back({known->sku, Quantity{}});
  };
  for (const Level& level : file_.levels) {
    gone_until(level.sku);
    const bool is_known = known != levels.end() && known->sku == level.sku;
    if (!is_known || known->quantity != level.quantity) changed.push_back(level);
    if (is_known) ++known;
  }
  gone_until("\xff\xff");
  outcome_.changed = changed.size();
  for (std::size_t from = 0; from < changed.size(); from += levels_a_write) {
    std::string lines;
    for (std::size_t i = from; i < std::min(from + levels_a_write, changed.size()); ++i)
      lines += (lines.empty() ? "" : ",") + level_json(changed[i]);
    HF_TRY_VOID(write("feed_stock", fmt::format("\"as_of\":\"{}\",\"lines\":[{}]", to_text(file_.as_of), lines)));
  }
  return {};
}

Status Taking::take_orders() {
  HF_TRY(const std::vector<FedOrder> orders, all_orders(node_));
  HF_TRY_VOID(check_bounds(orders.size()));
  std::map<std::string_view, const FedOrder*> known;
  for (const FedOrder& order : orders) known.emplace(order.number, &order);
  const auto put = [&](const std::string& open, const std::string& gone) {
    return write("feed_orders",
                 fmt::format("\"as_of\":\"{}\",\"orders\":[{}],\"gone\":[{}]", to_text(file_.as_of), open, gone));
  };
  std::string list;
  std::size_t count = 0, lines = 0;
  for (const FedOrder& order : file_.orders) {
    const auto old = known.find(order.number);
    const bool is_same = old != known.end() && *old->second == order;
    if (old != known.end()) known.erase(old);
    if (is_same) continue;
    if (count == orders_a_write || lines + order.lines.size() > feed::lines_a_command_max) {
      HF_TRY_VOID(put(list, ""));
      list.clear();
      count = lines = 0;
    }
    list += (list.empty() ? "" : ",") + order_json(order);
    ++count;
    lines += order.lines.size();
    ++outcome_.changed;
  }
  if (count > 0) HF_TRY_VOID(put(list, ""));
  list.clear();
  count = 0;
  for (const auto& [number, order] : known) {
    if (!file_.says_is_gone(order->number)) continue;
    list += fmt::format("{}{{\"number\":{}}}", list.empty() ? "" : ",", json_text(number));
    ++outcome_.changed;
    if (++count % gone_a_write != 0) continue;
    HF_TRY_VOID(put("", list));
    list.clear();
  }
  return list.empty() ? Status() : put("", list);
}

Status Taking::finish() {
  HF_TRY_VOID(writes_.flush());
  HF_TRY_VOID(write("feed_taken",
                    fmt::format("\"feed\":\"{}\",\"stream\":{},\"file\":{},\"sha256\":\"{}\",\"as_of\":\"{}\","
                                "\"whole\":{},\"accepted\":{},\"rows\":{},\"refused\":{},\"taken\":{},\"changed\":{}",
                                feed::to_text(file_.kind), json_text(file_.stream), json_text(file_.name),
                                to_hex(file_.sha256), to_text(file_.as_of), file_.whole, is_accepted_, file_.rows,
                                file_.refused, file_.taken(), outcome_.changed)));
  return writes_.flush();
}

Result<FeedOutcome> Taking::run() {
  HF_TRY(outcome_.is_known, is_known());
  if (outcome_.is_known) return outcome_;
  if (is_accepted_) file_.last_item.reset();
  doubt_last_line(file_);
  switch (file_.kind) {
    case feed::Kind::catalogue:
      HF_TRY_VOID(take_products());
      break;
    case feed::Kind::stock:
      HF_TRY_VOID(take_levels());
      break;
    case feed::Kind::orders:
      HF_TRY_VOID(take_orders());
      break;
  }
  HF_TRY_VOID(finish());
  return outcome_;
}

}  // namespace

Result<FeedOutcome> take_feed_file(FeedFile& file, Node& node, const About& about, bool is_accepted) {
  return Taking(file, node, about, is_accepted).run();
}

}  // namespace holdfast::trade
