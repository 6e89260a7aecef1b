// Peers' entries beyond a bound that wait for a named person here (protocol 7.6).
#include <fmt/format.h>

#include <algorithm>

#include "core/fold/follow.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

constexpr std::size_t held_entries_shown_max = 1000, held_products_shown_max = 1000;
// Each page that is open asks each few seconds, and no sale is taken meanwhile.
constexpr std::size_t held_products_looked_at_max = 100'000;

// One product of a held entry, and what is taken of that peer now; null: it is new here.
struct HeldChange {
  const catalogue::Product* to;
  const catalogue::Product* from;
  // What a person has to look at comes first: an answer that is too long is cut at its end.
  int rank() const {
    if (from == nullptr) return 1;
    return from->unit_price == to->unit_price && from->vat == to->vat ? 2 : 0;
  }
};

void write_price_and_vat(JsonOut& out, std::string_view name, const catalogue::Product& product) {
  out.object(name).field("unit_price", to_text(product.unit_price)).field("vat", product.vat.view()).end_object();
}

class HeldWriter {
 public:
  HeldWriter(JsonOut& out, std::string_view bound) : out_(out), bound_(bound) {}
  void write(const Origin& origin, const std::map<EntryIndex, catalogue::ProductsListed>& held,
             const catalogue::CatalogueState& taken) {
    for (const auto& [index, event] : held) {
      if (entries_left_ == 0 || products_looked_at_ >= held_products_looked_at_max) return;
      --entries_left_;
      products_looked_at_ += event.products.size();
      out_.object().field("origin", origin.text()).field("index", index).field("bound", bound_);
      out_.field("products_sha256", to_hex(fold::hash_of(event)));
      write_products(event.products, taken);
      out_.end_object();
    }
  }

 private:
  void write_products(const std::vector<catalogue::Product>& products, const catalogue::CatalogueState& taken) {
    std::vector<HeldChange> changes;
    for (const catalogue::Product& product : products) {
      const catalogue::Listed* now = taken.find(product.sku);
      changes.push_back({&product, now == nullptr ? nullptr : &now->product});
    }
    std::ranges::stable_sort(changes, {}, &HeldChange::rank);
    out_.field("count", changes.size()).array("products");
    for (const HeldChange& change : changes) {
      if (products_left_ == 0) break;
      --products_left_;
      out_.object().field("sku", change.to->sku.view()).field("name", change.to->name);
      if (change.from == nullptr) {
        out_.field_null("from");
      } else {
        write_price_and_vat(out_, "from", *change.from);
      }
      write_price_and_vat(out_, "to", *change.to);
      out_.end_object();
    }
    out_.end_array();
  }

  JsonOut& out_;
  std::string_view bound_;
  std::size_t entries_left_ = held_entries_shown_max, products_left_ = held_products_shown_max;
  std::size_t products_looked_at_ = 0;
};

}  // namespace

std::string held_json(const node::Node& node) {
  const chain::ChainFile& file = node.chain_file();
  const std::string bound = fmt::format("{} %", file.bounds.price_change_percent_max);
  JsonOut out;
  HeldWriter writer(out, bound);
  out.object().array("held");
  for (const auto& [site, peer] : node.state().peers) {
    const chain::Site* lister = file.find(site);
    // The price list of another kind of site is never taken: nobody could accept it.
    if (lister == nullptr || lister->kind != chain::SiteKind::head_office) continue;
    for (const fold::KeptPrefix& kept : peer.lineage) writer.write(kept.origin, kept.held, peer.catalogue);
    writer.write(peer.origin, peer.held, peer.catalogue);
  }
  return out.end_array().end_object().take();
}

}  // namespace holdfast::http
