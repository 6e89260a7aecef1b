#include "core/catalogue/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/snapshot.h"
#include "core/base/text.h"

namespace holdfast::catalogue {
namespace {

constexpr std::string_view bad_product = "catalogue/bad_product";
constexpr std::string_view bad_snapshot = "catalogue/bad_snapshot";

Status check_product(const Product& p) {
  const auto bad = [&](std::string_view why) {
    return fail(bad_product, fmt::format("product {}: {}", is_clean_text(p.sku.view()) ? p.sku.view() : "?", why));
  };
  if (p.sku.empty() || !is_clean_text(p.sku.view()))
    return bad("its SKU is empty or has control characters; give it 1 to 31 printable characters");
  if (!p.gtin.empty() && !gtin_is_valid(p.gtin))
    return bad("its GTIN is not 8, 12, 13 or 14 digits with a right check digit; correct it or leave it out");
  if (p.name.empty() || p.name.size() > name_bytes_max || !is_clean_text(p.name))
    return bad("its name is empty, longer than 200 bytes, or not printable UTF-8");
  if (p.unit_price.millionths < 0 || p.unit_price.millionths > unit_price_millionths_max)
    return bad("its price is negative or too large");
  if (p.vat.empty() || !is_clean_text(p.vat.view())) return bad("its VAT code is missing");
  return {};
}

void forget_gtin(CatalogueState& state, const Product& product) {
  const auto it = state.by_gtin.find(product.gtin);
  if (it != state.by_gtin.end() && it->second == product.sku) state.by_gtin.erase(it);
}

// The ways to write a GTIN that a listing may have used; of what is none: nothing.
std::vector<std::string> spellings(std::string_view code) {
  std::vector<std::string> out;
  const std::string digits = gtin_in_14_digits(code);
  for (const std::size_t filled : {0u, 1u, 2u, 6u})
    if (!digits.empty() && digits.find_first_not_of('0') >= filled) out.push_back(digits.substr(filled));
  return out;
}

// Whom a scanned code would find, once the products of a command are listed.
class Codes {
 public:
  Codes(const CatalogueState& state, const std::vector<Product>& products) : state_(state) {
    for (const Product& p : products) {
      named_.insert(p.sku);
      if (!p.gtin.empty()) gtins_.emplace(gtin_in_14_digits(p.gtin), p.sku);
      if (gtin_is_valid(p.sku.view())) skus_.emplace(gtin_in_14_digits(p.sku.view()), p.sku);
    }
  }
  // Another product than `mine` that has the code as its GTIN, or as its SKU.
  std::optional<Sku> by_gtin(std::string_view code, const Sku& mine) const {
    for (const std::string& spelling : spellings(code)) {
      const auto owner = state_.by_gtin.find(spelling);
      // One that the command lists again has the GTIN that it says.
      if (owner != state_.by_gtin.end() && owner->second != mine && !named_.contains(owner->second))
        return owner->second;
    }
    return other(gtins_, code, mine);
  }
  std::optional<Sku> by_sku(std::string_view code, const Sku& mine) const {
    for (const std::string& spelling : spellings(code))
      if (Sku(spelling) != mine && state_.find(Sku(spelling)) != nullptr) return Sku(spelling);
    return other(skus_, code, mine);
  }

 private:
  using ByCode = std::multimap<std::string, Sku>;
  static std::optional<Sku> other(const ByCode& codes, std::string_view code, const Sku& mine) {
    const auto [first, end] = codes.equal_range(gtin_in_14_digits(code));
    const auto found = std::find_if(first, end, [&](const auto& each) { return each.second != mine; });
    return found == end ? std::nullopt : std::optional(found->second);
  }
  const CatalogueState& state_;
  std::set<Sku> named_;
  ByCode gtins_, skus_;
};

Status check_codes(const CatalogueState& state, const std::vector<Product>& products) {
  const Codes codes(state, products);
  for (const Product& p : products) {
    const Listed* known = state.find(p.sku);
    if (!p.gtin.empty() && (known == nullptr || known->product.gtin != p.gtin)) {
      auto other = codes.by_gtin(p.gtin, p.sku);
      if (!other) other = codes.by_sku(p.gtin, p.sku);
      if (other)
        return fail("catalogue/duplicate_gtin",
                    fmt::format("GTIN {} of product {} is a code of product {} too, leading zeros aside; correct one "
                                "of them",
                                p.gtin, p.sku.view(), other->view()));
    }
    if (known != nullptr || !gtin_is_valid(p.sku.view())) continue;
    if (const auto other = codes.by_gtin(p.sku.view(), p.sku))
      return fail("catalogue/duplicate_gtin",
                  fmt::format("SKU {} is the GTIN of product {}, so a scanner would find either; list it under another "
                              "SKU, or correct that GTIN",
                              p.sku.view(), other->view()));
  }
  return {};
}

}  // namespace

bool gtin_is_valid(std::string_view digits) {
  if (digits.size() != 8 && (digits.size() < 12 || digits.size() > 14)) return false;
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return false;
  int sum = 0;
  for (std::size_t i = 0; i + 1 < digits.size(); ++i)  // from the right, the digit before the check digit weighs 3
    sum += (digits[i] - '0') * ((digits.size() - i) % 2 == 0 ? 3 : 1);
  return (10 - sum % 10) % 10 == digits.back() - '0';
}

std::string gtin_in_14_digits(std::string_view code) {
  return gtin_is_valid(code) ? std::string(14 - code.size(), '0').append(code) : std::string();
}

const Listed* CatalogueState::find(const Sku& sku) const {
  const auto it = products.find(sku);
  return it == products.end() ? nullptr : &it->second;
}

const Listed* CatalogueState::find_code(std::string_view sku_or_gtin) const {
  if (sku_or_gtin.size() > Sku::bytes_max) return nullptr;
  if (const Listed* listed = find(Sku(sku_or_gtin))) return listed;
  const auto as_written = by_gtin.find(std::string(sku_or_gtin));
  if (as_written != by_gtin.end()) return find(as_written->second);
  const Listed* newest = nullptr;
  const auto consider = [&](const Listed* listed) {
    if (listed != nullptr && (newest == nullptr || listed->at > newest->at)) newest = listed;
  };
  for (const std::string& spelling : spellings(sku_or_gtin)) {
    const auto it = by_gtin.find(spelling);
    if (it != by_gtin.end()) consider(find(it->second));
    consider(find(Sku(spelling)));
  }
  return newest;
}

Status check_event(const ProductsListed& event) {
  if (event.products.empty() || event.products.size() > products_a_command_max)
    return fail(bad_product,
                fmt::format("{} products; list 1 to {} at a time", event.products.size(), products_a_command_max));
  for (const Product& product : event.products) HF_TRY_VOID(check_product(product));
  return {};
}

Status check_event(const ProductDelisted& event) {
  if (event.sku.empty() || !is_clean_text(event.sku.view())) return fail(bad_product, "the SKU to delist is not one");
  return {};
}

Result<Event> decide(const CatalogueState& state, const ListProducts& command) {
  ProductsListed event{command.products};
  HF_TRY_VOID(check_event(event));
  std::set<Sku> in_command;
  std::map<std::string_view, Sku> gtins;
  for (const Product& p : command.products) {
    if (!in_command.insert(p.sku).second)
      return fail(bad_product, fmt::format("product {} stands twice in one request; send it once", p.sku.view()));
    if (!p.gtin.empty() && !gtins.emplace(p.gtin, p.sku).second)
      return fail("catalogue/duplicate_gtin", fmt::format("GTIN {} is given to two products of this request", p.gtin));
  }
  for (const auto& [gtin, sku] : gtins) {
    const auto owner = state.by_gtin.find(std::string(gtin));
    // A product that this very command lists again gives its GTIN up.
    if (owner != state.by_gtin.end() && owner->second != sku && !in_command.contains(owner->second))
      return fail("catalogue/duplicate_gtin",
                  fmt::format("GTIN {} of product {} belongs to product {}; correct one of them", gtin, sku.view(),
                              owner->second.view()));
  }
  HF_TRY_VOID(check_codes(state, command.products));
  return Event{std::move(event)};
}

Result<Event> decide(const CatalogueState& state, const DelistProduct& command) {
  if (state.find(command.sku) == nullptr)
    return fail("catalogue/unknown_sku", fmt::format("product {} is not listed", command.sku.view()));
  return Event{ProductDelisted{command.sku}};
}

void apply(CatalogueState& state, EntryPlace at, const ProductsListed& event) {
  for (const Product& product : event.products) {
    const auto [it, is_new] = state.products.try_emplace(product.sku);
    if (!is_new && it->second.product.gtin != product.gtin) forget_gtin(state, it->second.product);
    it->second = {product, at};
    if (!product.gtin.empty()) state.by_gtin[product.gtin] = product.sku;
  }
}

void apply(CatalogueState& state, const ProductDelisted& event) {
  const auto it = state.products.find(event.sku);
  if (it == state.products.end()) return;
  forget_gtin(state, it->second.product);
  state.products.erase(it);
}

bool price_jumps(UnitPrice before, UnitPrice after, std::int64_t percent) {
  const std::int64_t difference = after.millionths - before.millionths;  // both within unit_price_millionths_max
  __extension__ using Wide = __int128;
  return static_cast<Wide>(difference < 0 ? -difference : difference) * 100 >
         static_cast<Wide>(percent) * before.millionths;
}

bool beyond_bound(const CatalogueState& state, const ProductsListed& event, std::int64_t percent) {
  return std::ranges::any_of(event.products, [&](const Product& product) {
    const Listed* known = state.find(product.sku);
    if (known == nullptr) return false;
    return product.vat != known->product.vat || price_jumps(known->product.unit_price, product.unit_price, percent);
  });
}

void encode(Writer& out, const Product& p) {
  out.text(p.sku.view());
  out.text(p.gtin);
  out.text(p.name);
  out.i64(p.unit_price.millionths);
  out.text(p.vat.view());
  out.u8(p.goods ? 1 : 0);
}

Product decode_product(Reader& in) {
  Product p;
  p.sku = read_short_text<Sku>(in);
  p.gtin = in.text();
  p.name = in.text();
  p.unit_price.millionths = in.i64();
  p.vat = read_short_text<VatCode>(in);
  p.goods = in.u8() == 1;
  return p;
}

void CatalogueState::encode(Writer& out) const {
  out.u64(products.size());
  for (const auto& [sku, listed] : products) {
    catalogue::encode(out, listed.product);
    write_place(out, listed.at);
  }
  out.u64(by_gtin.size());
  for (const auto& [gtin, sku] : by_gtin) {
    out.text(gtin);
    out.text(sku.view());
  }
}

Result<CatalogueState> CatalogueState::decode(Reader& in) {
  const auto bad = [] {
    return fail(bad_snapshot, "the snapshot's catalogue is damaged; delete the snapshot, the journal has it all");
  };
  CatalogueState state;
  const std::uint64_t count = in.u64();
  if (!in.fits(count, 37)) return bad();
  for (std::uint64_t i = 0; i < count; ++i) {
    Listed listed;
    listed.product = decode_product(in);
    listed.at = read_place(in);
    if (!in.ok()) return bad();
    if (!state.products.empty() && listed.product.sku <= state.products.rbegin()->first) return bad();
    if (!check_product(listed.product)) return bad();
    state.products.emplace_hint(state.products.end(), listed.product.sku, std::move(listed));
  }
  const std::uint64_t gtins = in.u64();
  if (!in.fits(gtins, 8)) return bad();
  for (std::uint64_t i = 0; i < gtins; ++i) {
    std::string gtin = in.text();
    const std::string_view sku = as_text(in.blob());
    if (!in.ok() || sku.size() > Sku::bytes_max) return bad();
    if (!state.by_gtin.empty() && gtin <= state.by_gtin.rbegin()->first) return bad();
    state.by_gtin.emplace_hint(state.by_gtin.end(), gtin, Sku(sku));
  }
  return state;
}

}  // namespace holdfast::catalogue
