// The canonical form of a request (protocol 8.1), and what a client is told.
#include "core/base/snapshot.h"
#include "core/fold/state.h"

namespace holdfast::fold {
namespace {

void put(Writer& out, const std::vector<till::AskedLine>& lines) {
  out.u32(static_cast<std::uint32_t>(lines.size()));
  for (const till::AskedLine& l : lines) {
    out.text(l.sku.view());
    out.i64(l.quantity.thousandths);
    out.i64(l.unit_price.millionths);
    out.text(l.vat.view());
    out.text(l.name);
    out.u8(l.open_price ? 1 : 0);
  }
}
void put(Writer& out, const std::vector<till::Tender>& tenders) {
  out.u32(static_cast<std::uint32_t>(tenders.size()));
  for (const till::Tender& t : tenders) {
    out.u8(static_cast<std::uint8_t>(t.kind));
    out.i64(t.amount.minor);
    out.text(t.token);
    out.text(t.masked);
    out.u8(static_cast<std::uint8_t>(t.result));
  }
}
void put(Writer& out, const std::vector<stock::Line>& lines) {
  out.u32(static_cast<std::uint32_t>(lines.size()));
  for (const stock::Line& l : lines) {
    out.text(l.sku.view());
    out.i64(l.quantity.thousandths);
  }
}
void put(Writer& out, const standby::Totals& totals) {
  out.u32(static_cast<std::uint32_t>(totals.size()));
  for (const auto& [key, amount] : totals) {
    out.i64(key.day);
    out.u8(static_cast<std::uint8_t>(key.kind));
    out.text(key.code);
    out.i64(amount);
  }
}

struct Put {
  Writer& out;
  void operator()(const till::RecordSale& c) {
    out.u32(c.till.number);
    put(out, c.lines);
    put(out, c.tenders);
    out.i64(c.change.minor);
  }
  void operator()(const till::Refund& c) {
    out.u32(c.till.number);
    out.u32(c.of.till.number);
    out.u64(c.of.series.bits);
    out.u64(c.of.n);
    out.u32(static_cast<std::uint32_t>(c.lines.size()));
    for (const till::AskedRefundLine& l : c.lines) {
      out.u32(l.line);
      out.i64(l.quantity.thousandths);
    }
    put(out, c.tenders);
    out.text(c.reason);
  }
  void operator()(const till::RefundNoReceipt& c) {
    out.u32(c.till.number);
    put(out, c.lines);
    put(out, c.tenders);
    out.text(c.reason);
  }
  void operator()(const stock::Receive& c) {
    put(out, c.lines);
    out.text(c.reference);
  }
  void operator()(const stock::WriteOff& c) {
    put(out, c.lines);
    out.text(c.reason);
  }
  void operator()(const stock::Count& c) { put(out, c.lines); }
  void operator()(const stock::Dispatch& c) {
    out.text(c.to.view());
    put(out, c.lines);
  }
  void operator()(const stock::ReceiveDispatch& c) {
    out.text(c.from.view());
    out.raw(c.dispatch.bytes);
    put(out, c.lines);
  }
  void operator()(const catalogue::ListProducts& c) {
    out.u32(static_cast<std::uint32_t>(c.products.size()));
    for (const catalogue::Product& p : c.products) catalogue::encode(out, p);
  }
  void operator()(const catalogue::DelistProduct& c) { out.text(c.sku.view()); }
  void operator()(const AcceptHeld& c) {
    out.text(c.entry.origin.text());
    out.u64(c.entry.index);
    if (c.products != Hash{}) out.raw(c.products);
  }
  void operator()(const CloseListed& c) {
    out.raw(c.id.bytes);
    out.text(c.note);
  }
  void operator()(const ReadSubject& c) {
    out.raw(c.subject.bytes);
    out.text(c.reason);
  }
  void operator()(const feed::TakeFile& c) {
    const feed::FeedTaken& f = c.file;
    out.u8(static_cast<std::uint8_t>(f.kind));
    out.text(f.stream);
    out.text(f.file);
    out.raw(f.sha256);
    out.i64(f.as_of.unix_ns);
    out.u8(f.whole ? 1 : 0);
    out.u8(f.accepted ? 1 : 0);
    for (const std::uint64_t n : {f.rows, f.refused, f.taken, f.changed}) out.u64(n);
  }
  void operator()(const stock::Feed& c) {
    out.i64(c.as_of.unix_ns);
    put(out, c.lines);
  }
  void operator()(const feed::FeedOrders& c) {
    out.i64(c.as_of.unix_ns);
    out.u32(static_cast<std::uint32_t>(c.orders.size()));
    for (const feed::Order& o : c.orders) {
      out.text(o.number);
      out.raw(o.customer.bytes);
      out.text(o.state);
      out.i64(o.placed_at.unix_ns);
      out.u32(static_cast<std::uint32_t>(o.lines.size()));
      for (const feed::OrderLine& l : o.lines) {
        out.text(l.sku.view());
        out.i64(l.quantity.thousandths);
      }
    }
    out.u32(static_cast<std::uint32_t>(c.gone.size()));
    for (const std::string& number : c.gone) out.text(number);
  }
  void operator()(const incident::OpenIncident& c) { out.text(c.title); }
  void operator()(const incident::NoteIncident& c) {
    out.raw(c.incident.bytes);
    out.u8(static_cast<std::uint8_t>(c.kind));
    out.u8(static_cast<std::uint8_t>(c.knowing));
    out.text(c.text);
    put_time(c.about.from);
    put_time(c.about.to);
    out.raw(c.by_whom.bytes);
    out.raw(c.corrects.value_or(incident::NoteId{}).bytes);
  }
  void operator()(const incident::SetTask& c) {
    out.raw(c.incident.bytes);
    out.raw(c.task.value_or(incident::TaskId{}).bytes);
    out.text(c.text);
    out.raw(c.owner.bytes);
    out.u8(static_cast<std::uint8_t>(c.state));
  }
  void operator()(const incident::JoinIncidents& c) {
    out.raw(c.into.bytes);
    out.u32(static_cast<std::uint32_t>(c.others.size()));
    for (const incident::IncidentId& other : c.others) out.raw(other.bytes);
  }
  void operator()(const incident::StepRejoin& c) {
    out.text(c.site.view());
    out.u8(static_cast<std::uint8_t>(c.check));
    out.u8(c.not_needed ? 1 : 0);
    out.text(c.text);
  }
  void operator()(const incident::CloseIncident& c) {
    out.raw(c.incident.bytes);
    out.text(c.text);
  }
  void operator()(const standby::Begin& c) { out.text(c.reason); }
  void operator()(const standby::TakeOver& c) { out.text(c.reason); }
  void operator()(const standby::Resume& c) { out.text(c.reason); }
  void operator()(const standby::MakeHandback& c) {
    out.u32(c.number);
    for (const EntryPlace& place : {c.first, c.end}) write_place(out, place);
    out.u32(c.writer);
    out.text(c.settings);
    out.u32(static_cast<std::uint32_t>(c.files.size()));
    for (const standby::File& file : c.files) {
      out.text(file.name);
      out.raw(file.sha256);
      out.u64(file.bytes);
    }
    put(out, c.totals);
    for (const std::uint64_t n : {c.counts.sales, c.counts.refunds, c.counts.movements, c.late}) out.u64(n);
  }
  void operator()(const standby::ConfirmHandback& c) {
    out.u32(c.number);
    put(out, c.reported);
    out.text(c.note);
  }

 private:
  void put_time(const std::optional<Instant>& at) {
    out.u8(at ? 1 : 0);
    out.i64(at.value_or(Instant{}).unix_ns);
  }
};

bool any_below_zero(const State& state, const auto& lines) {
  for (const auto& line : lines) {
    const auto item = state.stock.items.find(line.sku);
    if (line.goods && item != state.stock.items.end() && item->second.on_hand.thousandths < 0) return true;
  }
  return false;
}

// Receipt, total and flags of what a till did; nothing for other events.
struct Told {
  const State& state;
  Taken& out;
  void operator()(const till::SaleRecorded& e) {
    lines(e);
    out.flags.below_zero = any_below_zero(state, e.lines);
  }
  void operator()(const till::RefundWithoutReceipt& e) { lines(e); }
  void operator()(const till::RefundRecorded& e) { number(e); }
  void operator()(const auto&) {}

 private:
  void number(const auto& e) {
    out.receipt = e.receipt;
    out.total = e.total;
  }
  void lines(const auto& e) {
    number(e);
    for (const till::SaleLine& line : e.lines) {
      out.flags.open_price |= line.open_price;
      out.flags.price_differs |= line.price_differs;
    }
  }
};

}  // namespace

Hash request_hash(const WriteRequest& request) {
  Writer out;
  out.text("holdfast request v1");
  out.u32(request.till.number);
  out.raw(request.staff.bytes);
  out.u32(static_cast<std::uint32_t>(request.command.index()));
  std::visit(Put{out}, request.command);
  return sha256(out.view());
}

Taken taken(const State& state, const Event& event, std::uint32_t epoch, EntryIndex index, bool duplicate) {
  Taken out;
  out.duplicate = duplicate;
  out.listed = std::holds_alternative<WriteListed>(event.body) || std::holds_alternative<TailListed>(event.body);
  out.origin = Origin{state.chain, state.site, epoch};
  out.index = index;
  out.at = happened_at(event);
  std::visit(Told{state, out}, event.body);
  if (event.write && event.write->prior) {
    out.flags.rung_alone = was_rung_alone(event);
    out.flags.resubmitted = !event.write->prior->readmitted && !out.flags.rung_alone;
    out.flags.readmitted = event.write->prior->readmitted;
    out.flags.renumbered = event.write->prior->printed.has_value();
  }
  return out;
}

}  // namespace holdfast::fold
