// Receipts: what was sold or taken back, as it was printed.
#include <fmt/format.h>

#include <map>

#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

struct LineTotals {
  Money gross, vat;
};
// By code and rate: a rate may have changed since.
using VatTotals = std::map<std::pair<VatCode, std::int64_t>, LineTotals>;

void write_vat(JsonOut& out, const VatTotals& totals) {
  out.array("vat");
  for (const auto& [key, sum] : totals) {
    out.object().field("code", key.first.view()).field("rate", percent_text(key.second));
    out.field("net", sum.gross.minor - sum.vat.minor)
        .field("vat", sum.vat.minor)
        .field("gross", sum.gross.minor)
        .end_object();
  }
  out.end_array();
}

void write_sale_lines(JsonOut& out, const fold::State& state, const ReceiptNumber& number,
                      const std::vector<till::SaleLine>& lines) {
  const auto refunds = state.till.refunded.find(number);
  VatTotals totals;
  out.array("lines");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const till::SaleLine& line = lines[i];
    Quantity refunded;
    if (refunds != state.till.refunded.end()) {
      const auto of_line = refunds->second.find(static_cast<std::uint32_t>(i));
      if (of_line != refunds->second.end()) refunded = of_line->second;
    }
    out.object()
        .field("line", i)
        .field("sku", line.sku.view())
        .field("name", line.name)
        .field("quantity", to_text(line.quantity));
    out.field("unit_price", to_text(line.unit_price)).field("vat", line.vat.view()).field("amount", line.amount.minor);
    out.field("vat_amount", line.vat_amount.minor).field("refunded", to_text(refunded));
    out.field("open_price", line.open_price).field("price_differs", line.price_differs).end_object();
    LineTotals& sum = totals[{line.vat, line.vat_millionths}];
    sum.gross.minor += line.amount.minor;
    sum.vat.minor += line.vat_amount.minor;
  }
  out.end_array();
  write_vat(out, totals);
}

// The sale that a refund is of; nullopt: it cannot be read here now.
std::optional<till::SaleRecorded> sale_of(const node::Node& node, const ReceiptNumber& number) {
  const till::ReceiptPlace* place = node.state().till.find(number);
  if (place == nullptr) return std::nullopt;
  auto event = node.read(place->epoch, place->index);
  auto* sale = event ? std::get_if<till::SaleRecorded>(&event->body) : nullptr;
  if (sale == nullptr || sale->receipt != number) return std::nullopt;
  return std::move(*sale);
}

// Name and rate of a refund's line are those of its sale: its VAT was reckoned with that rate. Without the sale they
// are today's, the best that is known here.
struct LineAsSold {
  std::string name;
  std::int64_t vat_millionths = 0;
};
LineAsSold as_sold(const node::Node& node, const std::optional<till::SaleRecorded>& sale,
                   const till::RefundLine& line) {
  if (sale && line.line < sale->lines.size() && sale->lines[line.line].sku == line.sku)
    return {sale->lines[line.line].name, sale->lines[line.line].vat_millionths};
  const catalogue::CatalogueState* prices = node.state().prices();
  const catalogue::Listed* listed = prices == nullptr ? nullptr : prices->find(line.sku);
  const chain::VatRate* rate = node.chain_file().vat(line.vat);
  return {listed == nullptr ? std::string() : listed->product.name, rate == nullptr ? 0 : rate->millionths};
}

void write_receipt(JsonOut& out, const node::Node& node, const ReceiptNumber& number, const fold::Event& event) {
  const fold::State& state = node.state();
  if (const auto* sale = std::get_if<till::SaleRecorded>(&event.body)) {
    out.field("kind", "sale").field("total", sale->total.minor).field("change", sale->change.minor);
    write_sale_lines(out, state, number, sale->lines);
    write_tenders(out, sale->tenders);
  } else if (const auto* back = std::get_if<till::RefundWithoutReceipt>(&event.body)) {
    out.field("kind", "refund_no_receipt").field("total", back->total.minor).field("reason", back->reason);
    write_sale_lines(out, state, number, back->lines);
    write_tenders(out, back->tenders);
  } else if (const auto* refund = std::get_if<till::RefundRecorded>(&event.body)) {
    out.field("kind", "refund")
        .field("total", refund->total.minor)
        .field("of", to_text(refund->of))
        .field("reason", refund->reason);
    VatTotals totals;
    out.array("lines");
    const std::optional<till::SaleRecorded> original = sale_of(node, refund->of);
    for (const till::RefundLine& line : refund->lines) {
      const LineAsSold sold = as_sold(node, original, line);
      out.object().field("line", line.line).field("sku", line.sku.view());
      out.field("name", sold.name).field("quantity", to_text(line.quantity));
      out.field("vat", line.vat.view())
          .field("amount", line.amount.minor)
          .field("vat_amount", line.vat_amount.minor)
          .end_object();
      LineTotals& sum = totals[{line.vat, sold.vat_millionths}];
      sum.gross.minor += line.amount.minor;
      sum.vat.minor += line.vat_amount.minor;
    }
    out.end_array();
    write_vat(out, totals);
    write_tenders(out, refund->tenders);
  }
}

}  // namespace

void write_tenders(JsonOut& out, const std::vector<till::Tender>& tenders) {
  out.array("tenders");
  for (const till::Tender& tender : tenders) {
    const bool is_card = tender.kind == till::TenderKind::card;
    out.object().field("kind", is_card ? "card" : "cash").field("amount", tender.amount.minor);
    if (is_card) {
      out.field("token", tender.token).field("masked", tender.masked);
      out.field("result", tender.result == till::CardResult::approved ? "approved" : "declined");
    }
    out.end_object();
  }
  out.end_array();
}

Result<std::string> receipt_json(const node::Node& node, const ReceiptNumber& number) {
  const till::ReceiptPlace* place = node.state().till.find(number);
  if (place == nullptr) {
    return fail("till/unknown_receipt",
                fmt::format("Receipt {} is not known at this site. Look at the number again; another store's receipt "
                            "is known there.",
                            to_text(number)));
  }
  const node::Safety safety = node.safety();
  HF_TRY(const fold::Event event, node.read(place->epoch, place->index));
  Origin origin = safety.origin;
  origin.epoch = place->epoch;
  JsonOut out;
  out.object().field("receipt", to_text(number)).field("at", to_text(fold::happened_at(event)));
  out.field("staff", event.write ? to_hex(event.write->staff.bytes) : std::string());
  out.field("origin", origin.text()).field("index", place->index);
  out.field("cosigned", is_cosigned(safety, place->epoch, place->index));
  write_receipt(out, node, number, event);
  return out.end_object().take();
}

}  // namespace holdfast::http
