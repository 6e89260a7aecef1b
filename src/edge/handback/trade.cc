#include "edge/handback/trade.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <functional>
#include <set>

#include "core/fold/follow.h"

namespace holdfast::handback {
namespace {

// The epochs of this site that count, oldest first, each with the size to which it counts.
struct Span {
  std::unique_ptr<journal::Log> log;
  std::uint64_t size = 0;
};

Result<std::vector<Span>> own_spans(serve::DataView& view) {
  std::vector<Span> spans;
  HF_TRY(Origin origin, view.newest_own());
  std::optional<std::uint64_t> kept;
  while (true) {
    HF_TRY(auto log, view.open_journal(origin));
    const std::uint64_t size = std::min(kept.value_or(log->durable_size()), log->durable_size());
    if (kept && *kept > size)
      return fail("journal/missing",
                  fmt::format("of {} only {} of {} entries are on this disk", origin.text(), size, *kept));
    if (size == 0) return fail("journal/missing", fmt::format("{} holds no entry yet", origin.text()));
    HF_TRY(const Bytes first, log->read(0));
    HF_TRY(const fold::Event opening, fold::decode(first));
    const auto* opened = std::get_if<fold::EpochOpened>(&opening.body);
    if (opened == nullptr) return fail("journal/damaged", fmt::format("{} does not open an epoch", origin.text()));
    spans.push_back({std::move(log), size});
    if (opened->registration.empty()) break;
    HF_TRY(const chain::Registration registration, chain::parse_registration(opened->registration));
    if (registration.old_origin.epoch >= origin.epoch || registration.kept_size == 0) break;
    origin = registration.old_origin;
    kept = registration.kept_size;
  }
  std::ranges::reverse(spans);
  return spans;
}

using Visit = std::function<Status(EntryPlace, const fold::Event&)>;
Status scan(const std::vector<Span>& spans, const Visit& visit) {
  for (const Span& span : spans) {
    const std::uint32_t epoch = span.log->origin().epoch;
    fold::Joiner joiner;
    HF_TRY_VOID(span.log->scan(0, span.size, [&](EntryIndex index, ByteView body) -> Status {
      HF_TRY(const std::optional<fold::Event> event, joiner.take(body));
      return event ? visit({epoch, index}, *event) : Status();
    }));
  }
  return {};
}

bool came_back(const fold::Event& event) { return event.write && event.write->prior.has_value(); }

// What moves money or goods: of all that can stand on the list, this is what the old system lacks.
bool is_trade(const fold::Body& body) {
  return std::visit(
      [](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        return std::is_same_v<E, till::SaleRecorded> || std::is_same_v<E, till::RefundRecorded> ||
               std::is_same_v<E, till::RefundWithoutReceipt> || std::is_same_v<E, stock::StockReceived> ||
               std::is_same_v<E, stock::StockWrittenOff> || std::is_same_v<E, stock::StockCounted> ||
               std::is_same_v<E, stock::StockDispatched> || std::is_same_v<E, stock::DispatchReceived>;
      },
      body);
}
// Of a request as it came; empty: it neither sells nor moves goods.
std::string kind_of_write(const std::string& body) {
  constexpr std::array<std::string_view, 8> trade = {"sale",      "refund", "refund_no_receipt", "receive",
                                                     "write_off", "count",  "dispatch",          "receive_dispatch"};
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  const boost::json::object* object = error ? nullptr : value.if_object();
  const boost::json::value* kind = object == nullptr ? nullptr : object->if_contains("kind");
  if (kind == nullptr || !kind->is_string()) return "a write that cannot be read";
  const std::string_view text(kind->get_string().data(), kind->get_string().size());
  return std::ranges::find(trade, text) == trade.end() ? std::string() : std::string(text);
}

// The number it was printed with, and its sum; of goods neither.
std::pair<std::string, std::optional<Money>> receipt_of(const fold::Event& event) {
  return std::visit(
      [&](const auto& e) -> std::pair<std::string, std::optional<Money>> {
        if constexpr (requires { e.receipt; }) {
          const bool renumbered = event.write && event.write->prior && event.write->prior->printed;
          return {to_text(renumbered ? *event.write->prior->printed : e.receipt), e.total};
        } else {
          return {};
        }
      },
      event.body);
}

TradeLine line_of(const till::SaleLine& l) {
  return {l.sku, l.name, l.quantity, l.unit_price, l.vat, l.vat_millionths, l.amount, l.vat_amount, l.goods, 0};
}

std::vector<till::Tender> approved(const std::vector<till::Tender>& tenders) {
  std::vector<till::Tender> out;
  for (const till::Tender& tender : tenders)
    if (tender.result == till::CardResult::approved) out.push_back(tender);
  return out;
}

// Reads the journals once, from their beginning, because a count's difference and a level rest on all that was before.
class Gatherer {
 public:
  Gatherer(const std::vector<Span>& spans, Gathered& out) : spans_(spans), out_(out) {}

  Status run() {
    HF_TRY_VOID(scan(spans_, [&](EntryPlace place, const fold::Event& event) {
      place_ = place;
      event_ = &event;
      return std::visit(*this, event.body);
    }));
    if (place_ < out_.first || !has_begun_)
      return fail("handback/no_range", "this disk does not hold the journal that the handback is of");
    HF_TRY_VOID(find_recorded());
    for (auto& [id, item] : on_list_) out_.on_list.push_back(std::move(item));
    std::ranges::stable_sort(out_.on_list, {}, &OnList::at);
    return find_sales();
  }

  Status operator()(const fold::EpochOpened& e) {
    out_.chain = e.chain;
    out_.site = e.site.str();
    out_.currency = e.currency;
    if (const auto currency = currency_of(e.currency)) out_.decimals = currency->decimals;
    return {};
  }
  Status operator()(const standby::StandbyBegun& e) {
    has_begun_ = true;
    standby::apply(standby_, e, event_->at, place_);
    return {};
  }
  Status operator()(const standby::TakenOver& e) {
    standby::apply(standby_, e, event_->at);
    return {};
  }
  Status operator()(const standby::StandbyResumed& e) {
    standby::apply(standby_, e, event_->at);
    return {};
  }
  Status operator()(const standby::HandbackMade& e) {
    if (e.made.number + 1 == out_.number) made_before_ = event_->at;
    return {};
  }
  Status operator()(const till::SaleRecorded& e) {
    sales_[e.receipt] = place_;
    for (const till::SaleLine& line : e.lines) name(line.sku, line.name);
    if (Trade* trade = begin_trade(e, TradeKind::sale)) {
      for (const till::SaleLine& line : e.lines) trade->lines.push_back(line_of(line));
      trade->change = e.change;
    }
    return moved(e);
  }
  Status operator()(const till::RefundRecorded& e) {
    if (Trade* trade = begin_trade(e, TradeKind::refund)) {
      trade->of = to_text(e.of);
      trade->reason = e.reason;
      for (const till::RefundLine& l : e.lines)
        trade->lines.push_back({l.sku, "", l.quantity, {}, l.vat, 0, l.amount, l.vat_amount, l.goods, l.line});
      refunds_.emplace_back(out_.trades.size() - 1, e.of);
    }
    return moved(e);
  }
  Status operator()(const till::RefundWithoutReceipt& e) {
    if (Trade* trade = begin_trade(e, TradeKind::refund_no_receipt)) {
      trade->reason = e.reason;
      for (const till::SaleLine& line : e.lines) trade->lines.push_back(line_of(line));
    }
    return moved(e);
  }
  Status operator()(const stock::StockReceived& e) { return move(e, MovementKind::received, e.reference); }
  Status operator()(const stock::StockWrittenOff& e) { return move(e, MovementKind::written_off, e.reason); }
  Status operator()(const stock::StockCounted& e) {
    return move(e, MovementKind::counted, "", fold::happened_at(*event_));
  }
  Status operator()(const stock::StockDispatched& e) {
    const DispatchId id{event_->write->key.bytes};
    return move(e, MovementKind::dispatched, e.to.view(), id, fold::happened_at(*event_), place_.index);
  }
  Status operator()(const stock::DispatchReceived& e) {
    if (stock_.arrived.contains(e.dispatch)) return {};
    return move(e, MovementKind::arrived, e.from.view(), fold::happened_at(*event_));
  }
  Status operator()(const stock::StockFed& e) {
    stock::apply(stock_, e);
    for (const auto& line : e.lines) {
      known_.insert(line.sku);
      const auto level = out_.levels.find(line.sku);
      if (!in_range() || level == out_.levels.end()) continue;
      // The old system tells a level and knows nothing yet of what moved here: that comes on top of what it tells.
      const std::int64_t moved_here = level->second.after.thousandths - level->second.before.thousandths;
      level->second.before = on_hand(line.sku);
      level->second.after = Quantity{level->second.before.thousandths + moved_here};
      level->second.known = true;
    }
    return {};
  }
  Status operator()(const fold::TailListed& e) {
    const auto entry = fold::decode(e.entry);
    if (!entry) return put_on_list(e.id, {"an entry that cannot be read", e.reason, event_->at, "", {}});
    if (!is_trade(entry->body)) return {};
    auto [receipt, total] = receipt_of(*entry);
    if (place_ < out_.end && entry->write) tail_keys_[{entry->write->till, entry->write->key}].push_back(e.id);
    return put_on_list(e.id, {std::string(fold::kind_name(entry->body)), e.reason, fold::happened_at(*entry),
                              std::move(receipt), total});
  }
  Status operator()(const fold::WriteListed& e) {
    const std::string kind = kind_of_write(e.body);
    if (kind.empty()) return {};
    return put_on_list(e.id, {kind, e.reason, fold::happened_at(*event_), "", {}});
  }
  Status operator()(const fold::ListedClosed& e) {
    const auto item = on_list_.find(e.id);
    if (!(place_ < out_.end) || item == on_list_.end()) return {};
    closed_.insert_or_assign(e.id, std::pair(std::move(item->second), place_));
    on_list_.erase(item);
    return {};
  }
  Status operator()(const auto&) { return {}; }

 private:
  Status put_on_list(const fold::ListedId& id, OnList item) {
    if (has_begun_ && place_ < out_.end) on_list_.insert_or_assign(id, std::move(item));
    return {};
  }
  bool in_range() const { return place_ >= out_.first && place_ < out_.end; }
  bool belongs() const { return in_range() && standby::goes_back(standby_, came_back(*event_)); }
  // By its own time, however it came: sent again, re-admitted, or by a till that was cut off until now.
  bool is_late() const { return made_before_ && fold::happened_at(*event_) < *made_before_; }
  std::string id() const {
    return fmt::format("{}-{}-{}", out_.site, event_->write->till.number, to_hex(event_->write->key.bytes));
  }
  void name(const Sku& sku, const std::string& text) {
    if (!text.empty()) names_[sku] = text;
  }
  void count(standby::Happened what, bool late) {
    standby::add(out_.counts, what);
    if (late) ++out_.late;
  }

  template <class E>
  Trade* begin_trade(const E& e, TradeKind kind) {
    if (!belongs()) return nullptr;
    Trade& trade = out_.trades.emplace_back();
    const auto& prior = event_->write->prior;
    trade.kind = kind;
    trade.id = id();
    trade.receipt = to_text(prior && prior->printed ? *prior->printed : e.receipt);
    trade.at = fold::happened_at(*event_);
    trade.till = e.receipt.till.number;
    trade.staff = to_hex(event_->write->staff.bytes);
    trade.tenders = approved(e.tenders);
    trade.total = e.total;
    trade.late = is_late();
    count(kind == TradeKind::sale ? standby::Happened::sale : standby::Happened::refund, trade.late);
    return &trade;
  }

  Quantity on_hand(const Sku& sku) const {
    const auto it = stock_.items.find(sku);
    return it == stock_.items.end() ? Quantity{} : it->second.on_hand;
  }
  // Applies the event to the book; `lines`: what it names. What changed in the range is noted as a level.
  template <class Apply>
  std::map<Sku, Quantity> book(const auto& lines, Apply apply) {
    std::map<Sku, Quantity> before;
    for (const auto& line : lines) {
      if constexpr (requires { line.goods; })
        if (!line.goods) continue;  // a service lies nowhere, so nobody misses its level
      before.emplace(line.sku, on_hand(line.sku));
    }
    apply();
    std::map<Sku, Quantity> change;
    for (const auto& [sku, was] : before) {
      const Quantity is = on_hand(sku);
      change[sku] = Quantity{is.thousandths - was.thousandths};
      if (!belongs()) continue;
      Level& level = out_.levels.try_emplace(sku, Level{was, was, known_.contains(sku), {}}).first->second;
      level.after.thousandths += is.thousandths - was.thousandths;
      if (const auto it = names_.find(sku); it != names_.end()) level.name = it->second;
    }
    return change;
  }
  Status moved(const auto& e) {
    book(e.lines, [&] { fold::move_stock(stock_, e); });
    return {};
  }
  template <class E, class... More>
  Status move(const E& e, MovementKind kind, std::string_view reference, const More&... more) {
    const auto change = book(e.lines, [&] { stock::apply(stock_, e, more...); });
    if (kind == MovementKind::counted)
      for (const auto& line : e.lines) known_.insert(line.sku);
    if (!belongs()) return {};
    Movement& movement = out_.movements.emplace_back();
    movement.kind = kind;
    movement.id = id();
    movement.at = fold::happened_at(*event_);
    movement.reference = reference;
    movement.late = is_late();
    for (const auto& [sku, quantity] : change) movement.lines.push_back({sku, quantity});
    count(standby::Happened::movement, movement.late);
    return {};
  }

  // Which of the old machine's entries on the list are here all the same, because a till has sent their write again:
  // before they were listed, or after. Read once more, and only where something is on the list.
  Status find_recorded() {
    if (tail_keys_.empty()) return {};
    return scan(spans_, [&](EntryPlace place, const fold::Event& event) -> Status {
      if (!event.write || !is_trade(event.body) || !(place < out_.end)) return {};
      const auto listed = tail_keys_.find({event.write->till, event.write->key});
      if (listed == tail_keys_.end()) return {};
      for (const fold::ListedId& id : listed->second) {
        if (const auto item = on_list_.find(id); item != on_list_.end())
          item->second.recorded = receipt_of(event).first;
        // A person has dealt with it, perhaps by booking it, and then it came all the same.
        const auto closed = closed_.find(id);
        if (closed == closed_.end() || place < closed->second.second || place < out_.first) continue;
        out_.came_since.push_back(closed->second.first);
        out_.came_since.back().recorded = receipt_of(event).first;
      }
      return {};
    });
  }

  // Names, prices and rates of what was refunded stand in its sale.
  Status find_sales() {
    for (const auto& [at, receipt] : refunds_) {
      Trade& trade = out_.trades[at];
      const auto place = sales_.find(receipt);
      const auto span = std::ranges::find_if(
          spans_, [&](const Span& s) { return place != sales_.end() && s.log->origin().epoch == place->second.epoch; });
      if (span == spans_.end())
        return fail("handback/no_sale", fmt::format("the sale {} that {} refunds is not in the journals here",
                                                    to_text(receipt), trade.receipt));
      HF_TRY(const fold::Event event,
             fold::read_event(place->second.index, [&](EntryIndex index) { return span->log->read(index); }));
      const auto* sale = std::get_if<till::SaleRecorded>(&event.body);
      if (sale == nullptr || !event.write) return fail("handback/no_sale", "a refund's sale is no sale");
      if (event.write->prior && event.write->prior->printed) trade.of = to_text(*event.write->prior->printed);
      trade.of_id = fmt::format("{}-{}-{}", out_.site, event.write->till.number, to_hex(event.write->key.bytes));
      for (TradeLine& line : trade.lines) {
        if (line.position >= sale->lines.size())
          return fail("handback/no_sale", "a refund names a line that its sale lacks");
        const till::SaleLine& sold = sale->lines[line.position];
        line.name = sold.name;
        line.unit_price = sold.unit_price;
        line.vat_millionths = sold.vat_millionths;
      }
    }
    return {};
  }

  const std::vector<Span>& spans_;
  Gathered& out_;
  EntryPlace place_;
  const fold::Event* event_ = nullptr;
  standby::StandbyState standby_;
  stock::StockState stock_;
  std::map<ReceiptNumber, EntryPlace> sales_;
  std::vector<std::pair<std::size_t, ReceiptNumber>> refunds_;
  std::map<Sku, std::string> names_;
  std::set<Sku> known_;
  std::map<fold::ListedId, OnList> on_list_;
  std::map<fold::ListedId, std::pair<OnList, EntryPlace>> closed_;
  std::map<fold::WriteKey, std::vector<fold::ListedId>> tail_keys_;  // of entries of the old machine on the list
  std::optional<Instant> made_before_;
  bool has_begun_ = false;
};

}  // namespace

std::string_view to_text(MovementKind kind) {
  switch (kind) {
    case MovementKind::received:
      return "received";
    case MovementKind::written_off:
      return "written off";
    case MovementKind::counted:
      return "counted";
    case MovementKind::dispatched:
      return "dispatched";
    case MovementKind::arrived:
      return "arrived";
  }
  return "received";
}

Result<Gathered> gather(serve::DataView& view, std::uint32_t number, EntryPlace first, EntryPlace end) {
  HF_TRY(const std::vector<Span> spans, own_spans(view));
  if (end.epoch < spans.front().log->origin().epoch || end.epoch > spans.back().log->origin().epoch)
    return fail("handback/no_range", "this disk does not hold the journal that the handback is of");
  Gathered out;
  out.number = number;
  out.first = first;
  out.end = end;
  HF_TRY_VOID(Gatherer(spans, out).run());
  return out;
}

Result<std::map<std::uint32_t, standby::MakeHandback>> handbacks_made(serve::DataView& view) {
  HF_TRY(const std::vector<Span> spans, own_spans(view));
  std::map<std::uint32_t, standby::MakeHandback> out;
  HF_TRY_VOID(scan(spans, [&](EntryPlace, const fold::Event& event) -> Status {
    if (const auto* made = std::get_if<standby::HandbackMade>(&event.body)) out[made->made.number] = made->made;
    return {};
  }));
  return out;
}

}  // namespace holdfast::handback
