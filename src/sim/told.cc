#include "sim/told.h"

namespace holdfast::sim {

audit::ChainFacts facts_of(const chain::ChainFile& file) {
  audit::ChainFacts out{file.chain, {}};
  for (const chain::Site& site : file.sites) {
    audit::SiteFacts& facts = out.sites.emplace_back(audit::SiteFacts{site.name.str(), {}});
    for (const SiteName& mirror : site.mirrors) facts.mirrors.push_back(mirror.str());
  }
  return out;
}

audit::MachineFacts facts_of(const std::string& chain, const Machine& machine) {
  return {machine.name,
          machine.site.str(),
          Origin{chain, machine.site, machine.epoch}.text(),
          machine.is_spare,
          machine.signer->public_key(KeyUse::log),
          machine.signer->public_key(KeyUse::cosign)};
}

audit::WriteId id_of(const fold::WriteRequest& request) { return {request.till.number, request.key}; }

static void take_tenders(audit::Asked& asked, const std::vector<till::Tender>& tenders, int sign) {
  for (const till::Tender& tender : tenders)
    if (tender.result == till::CardResult::approved)
      (tender.kind == till::TenderKind::cash ? asked.cash_minor : asked.card_minor) += sign * tender.amount.minor;
}
// Prices here have two decimals and quantities are whole pieces, so nothing is rounded.
static void take_lines(audit::Asked& asked, const std::vector<till::AskedLine>& lines, int sign) {
  for (const till::AskedLine& line : lines) {
    asked.total_minor += line.unit_price.millionths / 10'000 * (line.quantity.thousandths / 1000);
    asked.units[line.sku.str()] += sign * line.quantity.thousandths;
  }
}

audit::Asked asked_of(const fold::WriteRequest& request) {
  audit::Asked out;
  const auto moved = [&out](std::string_view how, const std::vector<stock::Line>& lines, int sign) {
    out.movement = how;
    for (const stock::Line& line : lines) out.units[line.sku.str()] += sign * line.quantity.thousandths;
  };
  out.has_happened = true;
  if (const auto* sale = std::get_if<till::RecordSale>(&request.command)) {
    take_lines(out, sale->lines, 1);
    take_tenders(out, sale->tenders, 1);
    out.cash_minor -= sale->change.minor;
  } else if (const auto* refund = std::get_if<till::Refund>(&request.command)) {
    out.is_by_receipt = true;
    out.has_happened = false;  // its sale may not have come back
    for (const till::Tender& tender : refund->tenders) out.total_minor += tender.amount.minor;
    take_tenders(out, refund->tenders, -1);
  } else if (const auto* given = std::get_if<till::RefundNoReceipt>(&request.command)) {
    take_lines(out, given->lines, -1);
    take_tenders(out, given->tenders, -1);
  } else if (const auto* received = std::get_if<stock::Receive>(&request.command)) {
    moved("received", received->lines, -1);
  } else if (const auto* thrown = std::get_if<stock::WriteOff>(&request.command)) {
    moved("written off", thrown->lines, 1);
  } else if (const auto* sent = std::get_if<stock::Dispatch>(&request.command)) {
    moved("dispatched", sent->lines, 1);
    out.partner = sent->to.str();
  } else if (const auto* arrived = std::get_if<stock::ReceiveDispatch>(&request.command)) {
    moved("arrived", arrived->lines, -1);
    out.partner = arrived->from.str();
    out.arrival = IdempotencyKey{arrived->dispatch.bytes};
    out.has_happened = false;  // it arrives once, and its paper may be typed twice
  } else if (const auto* counted = std::get_if<stock::Count>(&request.command)) {
    moved("counted", {}, 1);
    for (const stock::Line& line : counted->lines) out.levels[line.sku.str()] = line.quantity.thousandths;
  } else {
    out.has_happened = false;
    if (const auto* listed = std::get_if<catalogue::ListProducts>(&request.command))
      for (const catalogue::Product& product : listed->products)
        out.prices[product.sku.str()] = product.unit_price.millionths;
  }
  return out;
}

audit::Answer answer_of(const std::string& machine, const fold::Taken& taken) {
  return {machine, taken.origin.text(), taken.index, taken.receipt};
}

audit::Files files_of(const SimDisk& disk) {
  audit::Files out;
  for (const auto& [path, content] : disk.files())
    out.emplace(path, [content](Bytes& into) { content->written(into); });
  return out;
}

static audit::Shipment shipment(const SiteName& partner, const std::vector<stock::Line>& lines) {
  audit::Shipment out{partner.str(), {}};
  for (const stock::Line& line : lines) out.units[line.sku.str()] += line.quantity.thousandths;
  return out;
}
static audit::Shipments shipments(const std::map<DispatchId, stock::Sent>& sent) {
  audit::Shipments out;
  for (const auto& [id, each] : sent) out.emplace(IdempotencyKey{id.bytes}, shipment(each.to, each.lines));
  return out;
}
static audit::Shipments shipments(const std::map<DispatchId, stock::Arrived>& arrived) {
  audit::Shipments out;
  for (const auto& [id, each] : arrived) out.emplace(IdempotencyKey{id.bytes}, shipment(each.from, each.lines));
  return out;
}

static void take_goods(audit::Goods& goods, const catalogue::CatalogueState& catalogue, const stock::StockState& stock,
                       const std::map<DispatchId, stock::Sent>& sent,
                       const std::map<DispatchId, stock::Arrived>& arrived) {
  for (const auto& [sku, listed] : catalogue.products) goods.prices[sku.str()] = listed.product.unit_price.millionths;
  for (const auto& [sku, item] : stock.items) goods.on_hand[sku.str()] = item.on_hand.thousandths;
  goods.dispatched = shipments(sent);
  goods.arrived = shipments(arrived);
}

static audit::Told::Peer peer_of(const fold::PeerPart& part) {
  audit::Told::Peer out;
  out.sales = part.totals.sales;
  out.gross_minor = part.totals.gross.minor;
  take_goods(out, part.catalogue, part.stock, part.dispatches, part.arrivals);
  out.held = part.held.size();
  for (const fold::KeptPrefix& kept : part.lineage) out.held += kept.held.size();
  return out;
}

audit::Told told_by(const Machine& machine, std::uint64_t unanswered) {
  audit::Told out;
  out.machine = machine.name;
  out.site = machine.site.str();
  out.files = files_of(machine.disk);
  out.unanswered = unanswered;
  const fold::State& state = machine.node->state();
  const till::Totals& totals = state.till.totals;
  out.sales = totals.sales;
  out.refunds = totals.refunds + totals.refunds_without_receipt;
  out.gross_minor = totals.gross.minor;
  out.cash_minor = totals.cash.minor;
  out.card_minor = totals.card.minor;
  take_goods(out, state.catalogue, state.stock, state.stock.sent, state.stock.arrived);
  if (const auto report = machine.node->recovery())
    out.report = audit::Told::Report{report->old_origin.text(), report->cosigned, report->announced, report->known_lost,
                                     report->missing_receipts};
  out.missing = machine.node->safety().missing_receipts;
  for (const fold::ContradictionSeen& seen : state.contradictions) out.contradicted.insert(seen.origin.text());
  for (const node::SiteView& view : machine.node->sites())
    if (!view.is_here && view.totals != nullptr) out.peers[view.site.str()] = peer_of(state.peers.at(view.site));
  return out;
}

}  // namespace holdfast::sim
