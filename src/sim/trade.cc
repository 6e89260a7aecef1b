#include "sim/trade.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/values.h"

namespace holdfast::sim {
namespace {

constexpr unsigned products = 10;  // as Chain::list_products() lists them for a day
constexpr std::uint64_t tills = 3;
// One in so many of what is rung is another write, or comes with one.
constexpr std::uint64_t a_refund_each = 8, without_receipt_each = 4, goods_move_each = 20, dispatch_each = 60,
                        unloaded_each = 50, prices_change_each = 150, accepted_each = 100, sent_again_each = 5;
constexpr unsigned stock_left = 50;

const SiteName head_office("head-office"), warehouse("warehouse");

}  // namespace

Trade::Counts& Trade::Counts::operator+=(const Counts& other) {
  sales += other.sales;
  refunds += other.refunds;
  movements += other.movements;
  price_lists += other.price_lists;
  accepted += other.accepted;
  return *this;
}

Trade::Trade(Chain& chain, Random random, unsigned stores) : chain_(chain), random_(random), stores_(stores) {}

SiteName Trade::any_store() { return chain_.file().sites[2 + random_.below(stores_)].name; }

void Trade::write(const SiteName& site, fold::Command command) {
  chain_.submit(site, {{}, {}, {}, {}, {}, std::move(command), {}, {}});
}

void Trade::ring(const SiteName& store) {
  if (random_.one_in(goods_move_each)) move_goods(random_.one_in(3) ? warehouse : any_store());
  if (random_.one_in(dispatch_each)) dispatch();
  if (random_.one_in(unloaded_each)) unload();
  if (random_.one_in(prices_change_each)) change_prices();
  if (random_.one_in(accepted_each)) accept_held(random_.one_in(4) ? warehouse : any_store());
  if (!runs(store)) return;
  if (random_.one_in(a_refund_each)) {
    random_.one_in(without_receipt_each) ? take_back_without_receipt(store) : take_back(store);
  } else {
    const auto till = static_cast<std::uint32_t>(1 + random_.below(tills));
    const auto lines = static_cast<unsigned>(1 + random_.below(4));
    chain_.sell(store, till, lines);
    ++counts_.sales;
  }
  if (random_.one_in(sent_again_each)) chain_.send_again(store);
}

// One line of a sale of this store.
void Trade::take_back(const SiteName& store) {
  const std::vector<TillWrite>& writes = chain_.writes(store);
  if (writes.empty()) return;
  const TillWrite& sale = writes[random_.below(writes.size())];
  const auto* command = std::get_if<till::RecordSale>(&sale.request.command);
  if (command == nullptr || !sale.reply || !sale.reply->receipt || sale.is_forgotten) return;
  const till::AskedLine& line = command->lines[0];
  till::Refund refund{command->till, *sale.reply->receipt, {{0, line.quantity}}, {}, "changed her mind"};
  const auto amount = line_amount(line.unit_price, line.quantity, 2);
  refund.tenders = {{till::TenderKind::cash, *amount, "", "", till::CardResult::approved}};
  fold::WriteRequest request;
  request.till = command->till;
  request.command = std::move(refund);
  chain_.submit(store, std::move(request));
  ++counts_.refunds;
}

void Trade::take_back_without_receipt(const SiteName& store) {
  const auto till = static_cast<std::uint32_t>(1 + random_.below(tills));
  fold::WriteRequest request = chain_.a_sale(store, till, 1);
  auto& sale = std::get<till::RecordSale>(request.command);
  till::RefundNoReceipt refund{sale.till, std::move(sale.lines), {}, "a gift"};
  const auto amount = line_amount(refund.lines[0].unit_price, refund.lines[0].quantity, 2);
  refund.tenders = {{till::TenderKind::cash, *amount, "", "", till::CardResult::approved}};
  request.command = std::move(refund);
  chain_.submit(store, std::move(request));
  ++counts_.refunds;
}

std::vector<stock::Line> Trade::some_lines(unsigned lines_max, unsigned pieces_max) {
  std::vector<stock::Line> out;
  const std::uint64_t first = random_.below(products), count = 1 + random_.below(lines_max);
  out.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i)
    out.push_back({Sku(fmt::format("P{}", (first + i) % products)),
                   Quantity{static_cast<std::int64_t>(1 + random_.below(pieces_max)) * 1000}});
  return out;
}

void Trade::move_goods(const SiteName& site) {
  if (!runs(site)) return;
  switch (random_.below(3)) {
    case 0:
      write(site, stock::Receive{some_lines(3, 40), "delivery note"});
      break;
    case 1:
      write(site, stock::WriteOff{some_lines(2, 3), "broken"});
      break;
    default:
      write(site, stock::Count{some_lines(3, stock_left)});
  }
  ++counts_.movements;
  chain_.send_again(site);
}

void Trade::dispatch() {
  if (!runs(warehouse)) return;
  const SiteName to = any_store();
  on_the_way_.push_back({to, chain_.writes(warehouse).size()});
  write(warehouse, stock::Dispatch{to, some_lines(3, 20)});
  ++counts_.movements;
}

// The lorry has come: what is on its paper, or not quite. The paper stays, and is now and then typed again.
void Trade::unload() {
  if (on_the_way_.empty()) return;
  const std::size_t which = random_.below(on_the_way_.size());
  const OnTheWay lorry = on_the_way_[which];
  const TillWrite& sent = chain_.writes(warehouse)[lorry.number];
  if (!sent.reply || !runs(lorry.to)) return;
  std::vector<stock::Line> lines = std::get<stock::Dispatch>(sent.request.command).lines;
  if (random_.one_in(5)) lines[0].quantity.thousandths += 1000;
  write(lorry.to, stock::ReceiveDispatch{warehouse, DispatchId{sent.request.key.bytes}, std::move(lines)});
  ++counts_.movements;
  if (!random_.one_in(10)) on_the_way_.erase(on_the_way_.begin() + static_cast<std::ptrdiff_t>(which));
}

// Of some products, to between 80 and 120 % of what they cost at first; one list in four has one that costs three times
// that, which is beyond the bound, as the way back is.
void Trade::change_prices() {
  if (!runs(head_office)) return;
  catalogue::ListProducts list;
  const std::uint64_t first = random_.below(products), count = 1 + random_.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t product = (first + i) % products;
    const auto percent = static_cast<std::int64_t>(random_.one_in(4 * count) ? 300 : 80 + random_.below(41));
    const UnitPrice price{static_cast<std::int64_t>(product + 1) * percent * 10'000};  // in whole pennies
    list.products.push_back(
        {Sku(fmt::format("P{}", product)), "", fmt::format("Product {}", product), price, VatCode("S"), true});
  }
  write(head_office, std::move(list));
  ++counts_.price_lists;
  chain_.send_again(head_office);
}

void Trade::accept_held(const SiteName& site) {
  if (!runs(site)) return;
  std::vector<EntryRef> waiting;
  for (const auto& [peer, part] : chain_.machine(chain_.serving(site)).node->state().peers) {
    for (const auto& [index, held] : part.held) waiting.push_back({part.origin, index});
    for (const fold::KeptPrefix& kept : part.lineage)
      for (const auto& [index, held] : kept.held) waiting.push_back({kept.origin, index});
  }
  // In any order: who accepts a newer one first is not offered what it overtakes.
  for (std::size_t left = waiting.size(); left > 0; --left) {
    std::swap(waiting[random_.below(left)], waiting[left - 1]);
    write(site, fold::AcceptHeld{waiting[left - 1]});
  }
  counts_.accepted += waiting.size();
}

void Trade::accept_all_held() {
  for (const chain::Site& site : chain_.file().sites) accept_held(site.name);
}

}  // namespace holdfast::sim
