// What tills ring, keep and send again.
#include <fmt/format.h>

#include <algorithm>

#include "sim/chain.h"
#include "sim/told.h"

namespace holdfast::sim {

void Chain::list_products(unsigned count) {
  catalogue::ListProducts command;
  for (unsigned i = 0; i < count; ++i)
    command.products.push_back({Sku(fmt::format("P{}", i)), "", fmt::format("Product {}", i),
                                UnitPrice{(i + 1) * 1'000'000ll}, VatCode("S"), true});
  submit(SiteName("head-office"), {{}, {}, {}, {}, {}, std::move(command), {}, {}});
}

std::size_t Chain::submit(const SiteName& site, fold::WriteRequest request) {
  if (request.key.is_zero())
    for (std::byte& b : request.key.bytes) b = static_cast<std::byte>(random_.next());
  std::vector<TillWrite>& writes = till_writes_[site];
  const std::size_t number = writes.size();
  auditor_->asked(site.str(), id_of(request), asked_of(request));
  writes.push_back({std::move(request), std::nullopt});
  Machine& m = machine(serving(site));
  if (!m.node) return number;
  writes[number].waiting = true;
  m.node->submit(writes[number].request, [this, site, number, from = m.name](const Result<fold::Taken>& taken) {
    take_reply(from, site, number, taken);
  });
  return number;
}

// Sent again: the node cannot answer now, the write waits for another one (8.3), or its first answer is in a hole that
// is not put back yet (2.4, 8.1).
static bool is_for_later(const Error& error) {
  return error.code.starts_with("node/") || error.code == "fold/waits" || error.code == "journal/damaged";
}

// A shop sells (promise 1), and what tills ring here is in order. Only what its machine knows of prices may be less, or
// more, when the sale reaches it than when it was rung: a new machine has to hear of them first.
static bool may_be_refused(const fold::WriteRequest& request, const Error& error) {
  const auto* sale = std::get_if<till::RecordSale>(&request.command);
  if (sale == nullptr || error.code == "till/unknown_sku") return true;
  return error.code == "till/bad_line" && std::ranges::any_of(sale->lines, &till::AskedLine::open_price);
}

// What the till is told of one of its writes, and keeps.
void Chain::take_reply(const std::string& from, const SiteName& store, std::size_t number,
                       const Result<fold::Taken>& taken) {
  TillWrite& w = till_writes_[store][number];
  w.waiting = false;
  if (taken) {
    w.reply = *taken;
    w.kept_by = from;
    auditor_->answered(store.str(), id_of(w.request), answer_of(from, *taken));
  } else if (!is_for_later(taken.error())) {
    w.refused = true;
    if (!w.reply && !may_be_refused(w.request, taken.error()))
      broken_ = fmt::format("{} has refused a sale: {}: {}", from, taken.error().code, taken.error().text);
    if (w.reply)
      broken_ = fmt::format("an acknowledged write was refused when it was sent again: {}", taken.error().text);
  }
}

void Chain::send_once_more(const SiteName& store, std::size_t number, bool with_reply, std::optional<Fault> why) {
  Machine& m = machine(serving(store));
  TillWrite& w = till_writes_[store][number];
  if (!m.node || w.refused || w.is_forgotten) return;
  fold::WriteRequest again = w.request;
  if (with_reply && w.reply && !w.reply->listed) {
    again.prior = fold::Prior{w.reply->origin, w.reply->index, w.reply->at, false};
    again.printed_receipt = w.reply->receipt;
  }
  w.waiting = true;
  m.node->submit(std::move(again), [this, store, number, why, from = m.name](const Result<fold::Taken>& taken) {
    if (why && taken && taken->duplicate) faults.bit(*why);
    take_reply(from, store, number, taken);
  });
}

void Chain::send_other_body(const SiteName& store, std::size_t number) {
  Machine& m = machine(serving(store));
  if (!m.node) return;
  fold::WriteRequest other = a_sale(store, till_writes_[store][number].request.till.number, 5);
  other.key = till_writes_[store][number].request.key;
  m.node->submit(std::move(other), [this](const Result<fold::Taken>& taken) {
    if (!taken && taken.error().code == "fold/key_reused") faults.bit(Fault::people_other_body);
    if (taken) broken_ = "a key that was used before was taken for another body";
  });
}

std::size_t Chain::sell(const SiteName& store, std::uint32_t till, unsigned lines) {
  return submit(store, a_sale(store, till, lines));
}

fold::WriteRequest Chain::a_sale(const SiteName& store, std::uint32_t till, unsigned lines) {
  till::RecordSale sale;
  sale.till = TillId{till};
  Money total;
  for (unsigned i = 0; i < lines; ++i) {
    const auto product = static_cast<std::int64_t>(random_.below(10));
    const auto pieces = static_cast<std::int64_t>(1 + random_.below(3));
    const Sku sku(fmt::format("P{}", product));
    // A till that reaches no machine still knows the prices.
    UnitPrice& shown = shown_[store].try_emplace(sku, UnitPrice{(product + 1) * 1'000'000}).first->second;
    const Machine& m = machine(serving(store));
    const catalogue::Listed* listed = m.node != nullptr ? m.node->state().find_product(sku.view()) : nullptr;
    if (listed != nullptr) shown = listed->product.unit_price;
    till::AskedLine line{sku, Quantity{pieces * 1000}, shown, VatCode("S"), "", false};
    if (m.node != nullptr && listed == nullptr) {
      line.open_price = true;
      line.name = "open price";
    }
    total.minor += shown.millionths / 10'000 * pieces;
    sale.lines.push_back(std::move(line));
  }
  const till::Tender card{till::TenderKind::card, total, "t-1", "**** 1234", till::CardResult::approved};
  if (random_.one_in(4)) {
    sale.tenders = {card};
  } else {
    if (random_.one_in(20)) {
      sale.tenders = {card};
      sale.tenders[0].result = till::CardResult::declined;
    }
    if (random_.one_in(3)) sale.change = Money{500 - total.minor % 500};
    total.minor += sale.change.minor;
    sale.tenders.push_back({till::TenderKind::cash, total, "", "", till::CardResult::approved});
  }
  return {TillId{till}, {}, SubjectId{}, {}, {}, std::move(sale), {}, {}};
}

void Chain::send_again(const SiteName& store) {
  Machine& m = machine(serving(store));
  if (!m.node) return;
  const node::Safety safety = m.node->safety();
  std::vector<TillWrite>& writes = till_writes_[store];
  std::size_t& first = open_from_[store];
  while (first < writes.size() && writes[first].is_settled()) ++first;
  for (std::size_t i = first; i < writes.size(); ++i) {
    TillWrite& w = writes[i];
    if (w.is_settled() || w.waiting) continue;
    const fold::KnownWrite* known = m.node->state().find_write({w.request.till, w.request.key});
    if (w.reply && known != nullptr)  // a status request says as much; entry 0 of an epoch stands for all before it
      w.is_safe = known->listed || (known->epoch == safety.origin.epoch ? known->index < safety.cosigned_size
                                                                        : safety.cosigned_size > 0);
    if (w.is_safe) continue;
    send_once_more(store, i, true);
  }
}

std::size_t Chain::forget_till(const SiteName& store, std::uint32_t till) {
  std::size_t forgotten = 0;
  std::vector<TillWrite>& writes = till_writes_[store];
  for (std::size_t i = open_from_[store]; i < writes.size(); ++i) {
    TillWrite& w = writes[i];
    if (w.request.till.number != till || w.is_settled()) continue;
    w.is_forgotten = true;
    auditor_->forgets(store.str(), id_of(w.request));
    ++forgotten;
  }
  return forgotten;
}

std::uint64_t Chain::acknowledged() const {
  std::uint64_t n = 0;
  for (const auto& [site, writes] : till_writes_)
    n += static_cast<std::uint64_t>(
        std::ranges::count_if(writes, [](const TillWrite& w) { return w.reply.has_value(); }));
  return n;
}

}  // namespace holdfast::sim
