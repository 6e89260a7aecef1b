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

audit::Asked asked_of(const fold::WriteRequest& request) {
  audit::Asked out;
  if (const auto* sale = std::get_if<till::RecordSale>(&request.command)) {
    out.kind = audit::Asked::Kind::sale;
    for (const till::AskedLine& line : sale->lines) {
      // Prices here have two decimals and quantities are whole pieces, so nothing is rounded.
      out.total_minor += line.unit_price.millionths / 10'000 * (line.quantity.thousandths / 1000);
      out.units[line.sku.str()] += line.quantity.thousandths;
    }
  } else if (const auto* refund = std::get_if<till::Refund>(&request.command)) {
    out.kind = audit::Asked::Kind::refund;
    for (const till::Tender& tender : refund->tenders) out.total_minor += tender.amount.minor;
  }
  if (const auto* refund = std::get_if<till::RefundNoReceipt>(&request.command)) {
    out.kind = audit::Asked::Kind::refund;
    for (const till::Tender& tender : refund->tenders) out.total_minor += tender.amount.minor;
  }
  const auto moved = [&out](const std::vector<stock::Line>& lines, int sign) {
    out.kind = audit::Asked::Kind::moved;
    for (const stock::Line& line : lines) out.units[line.sku.str()] += sign * line.quantity.thousandths;
  };
  if (const auto* received = std::get_if<stock::Receive>(&request.command)) moved(received->lines, -1);
  if (const auto* thrown = std::get_if<stock::WriteOff>(&request.command)) moved(thrown->lines, 1);
  if (const auto* sent = std::get_if<stock::Dispatch>(&request.command)) moved(sent->lines, 1);
  if (const auto* arrived = std::get_if<stock::ReceiveDispatch>(&request.command)) moved(arrived->lines, -1);
  if (const auto* counted = std::get_if<stock::Count>(&request.command)) {
    out.kind = audit::Asked::Kind::moved;
    for (const stock::Line& line : counted->lines) out.levels[line.sku.str()] = line.quantity.thousandths;
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

static audit::Told::Peer peer_of(const fold::PeerPart& part) {
  audit::Told::Peer out;
  out.sales = part.totals.sales;
  out.gross_minor = part.totals.gross.minor;
  for (const auto& [sku, listed] : part.catalogue.products)
    out.prices[sku.str()] = listed.product.unit_price.millionths;
  for (const auto& [id, sent] : part.dispatches) out.dispatched.insert(IdempotencyKey{id.bytes});
  for (const auto& [id, arrived] : part.arrivals) out.arrived.insert(IdempotencyKey{id.bytes});
  for (const auto& [sku, item] : part.stock.items) out.on_hand[sku.str()] = item.on_hand.thousandths;
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
  for (const auto& [sku, item] : state.stock.items) out.on_hand[sku.str()] = item.on_hand.thousandths;
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
