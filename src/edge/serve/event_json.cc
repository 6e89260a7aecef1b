#include "edge/serve/event_json.h"

#include "edge/http/state_json.h"

namespace holdfast::serve {
namespace {

using http::JsonOut;
using http::write_tenders;

void write_goods(JsonOut& out, const std::vector<stock::Line>& lines) {
  out.array("lines");
  for (const stock::Line& line : lines) {
    out.object().field("sku", line.sku.view()).field("quantity", to_text(line.quantity)).end_object();
  }
  out.end_array();
}

void write_sale_lines(JsonOut& out, const std::vector<till::SaleLine>& lines) {
  out.array("lines");
  for (const till::SaleLine& line : lines) {
    out.object().field("sku", line.sku.view()).field("name", line.name).field("quantity", to_text(line.quantity));
    out.field("unit_price", to_text(line.unit_price))
        .field("vat", line.vat.view())
        .field("vat_millionths", line.vat_millionths);
    out.field("amount", line.amount.minor)
        .field("vat_amount", line.vat_amount.minor)
        .field("open_price", line.open_price);
    out.field("price_differs", line.price_differs).field("goods", line.goods).end_object();
  }
  out.end_array();
}

// One function for each kind: a new event without one does not compile.
struct Fields {
  JsonOut& out;

  void operator()(const fold::EpochOpened& e) {
    out.field("chain", e.chain).field("site", e.site.view()).field("epoch", e.epoch).field("currency", e.currency);
    if (!e.registration.empty()) out.field("registration", e.registration);
  }
  void operator()(const fold::NodeStarted& e) { out.field("series", e.series.bits).field("software", e.software); }
  void operator()(const fold::RulesAdopted& e) { out.field("version", e.version); }
  void operator()(const fold::Part& e) {
    out.field("number", e.number).field("last", e.last).field("bytes", e.data.size());
  }
  void operator()(const fold::PeerFollowed& e) {
    out.array("peers");
    for (const fold::FollowedPrefix& peer : e.peers) {
      out.object()
          .field("origin", peer.origin.text())
          .field("size", peer.size)
          .field("root", to_hex(peer.root))
          .array("held");
      for (const EntryIndex index : peer.held) out.number(index);
      out.end_array().end_object();
    }
    out.end_array();
  }
  void operator()(const fold::PeerSucceeded& e) {
    out.field("old_origin", e.old_origin.text())
        .field("kept_size", e.kept_size)
        .field("kept_root", to_hex(e.kept_root));
    out.field("new_origin", e.new_origin.text());
  }
  void operator()(const fold::PeerEntryAccepted& e) {
    out.field("origin", e.entry.origin.text()).field("entry", e.entry.index);
    if (e.products != Hash{}) out.field("products", to_hex(e.products));
  }
  void operator()(const fold::EpochSealed& e) { out.field("certificate", e.certificate); }
  void operator()(const fold::RegistrationTaken& e) { out.field("registration", e.registration); }
  void operator()(const fold::ContradictionSeen& e) {
    out.field("origin", e.origin.text()).field("note_a", e.note_a).field("note_b", e.note_b);
  }
  void operator()(const fold::TailListed& e) {
    out.field("id", to_hex(e.id.bytes))
        .field("origin", e.from.origin.text())
        .field("entry", e.from.index)
        .field("reason", e.reason);
  }
  void operator()(const fold::WriteListed& e) {
    out.field("id", to_hex(e.id.bytes)).field("reason", e.reason).field("request", e.body);
  }
  void operator()(const fold::ListedClosed& e) { out.field("id", to_hex(e.id.bytes)).field("note", e.note); }
  void operator()(const catalogue::ProductsListed& e) {
    out.array("products");
    for (const catalogue::Product& product : e.products) {
      out.object().field("sku", product.sku.view()).field("gtin", product.gtin).field("name", product.name);
      out.field("unit_price", to_text(product.unit_price))
          .field("vat", product.vat.view())
          .field("goods", product.goods)
          .end_object();
    }
    out.end_array();
  }
  void operator()(const catalogue::ProductDelisted& e) { out.field("sku", e.sku.view()); }
  void operator()(const stock::StockReceived& e) {
    out.field("reference", e.reference);
    write_goods(out, e.lines);
  }
  void operator()(const stock::StockWrittenOff& e) {
    out.field("reason", e.reason);
    write_goods(out, e.lines);
  }
  void operator()(const stock::StockCounted& e) { write_goods(out, e.lines); }
  void operator()(const stock::StockDispatched& e) {
    out.field("to", e.to.view());
    write_goods(out, e.lines);
  }
  void operator()(const stock::DispatchReceived& e) {
    out.field("from", e.from.view()).field("dispatch", to_hex(e.dispatch.bytes));
    write_goods(out, e.lines);
  }
  void operator()(const till::SaleRecorded& e) {
    out.field("receipt", to_text(e.receipt)).field("total", e.total.minor).field("change", e.change.minor);
    write_sale_lines(out, e.lines);
    write_tenders(out, e.tenders);
  }
  void operator()(const till::RefundRecorded& e) {
    out.field("receipt", to_text(e.receipt))
        .field("of", to_text(e.of))
        .field("total", e.total.minor)
        .field("reason", e.reason)
        .array("lines");
    for (const till::RefundLine& line : e.lines) {
      out.object().field("line", line.line).field("sku", line.sku.view()).field("quantity", to_text(line.quantity));
      out.field("amount", line.amount.minor)
          .field("vat", line.vat.view())
          .field("vat_amount", line.vat_amount.minor)
          .end_object();
    }
    out.end_array();
    write_tenders(out, e.tenders);
  }
  void operator()(const till::RefundWithoutReceipt& e) {
    out.field("receipt", to_text(e.receipt)).field("total", e.total.minor).field("reason", e.reason);
    write_sale_lines(out, e.lines);
    write_tenders(out, e.tenders);
  }
  void operator()(const feed::FeedTaken& e) {
    out.field("feed", feed::to_text(e.kind)).field("stream", e.stream).field("file", e.file);
    out.field("sha256", to_hex(e.sha256)).field("as_of", to_text(e.as_of)).field("whole", e.whole);
    out.field("accepted", e.accepted).field("rows", e.rows).field("refused", e.refused).field("taken", e.taken);
    out.field("changed", e.changed);
  }
  void operator()(const stock::StockFed& e) {
    out.field("as_of", to_text(e.as_of));
    write_goods(out, e.lines);
  }
  void operator()(const feed::OrdersFed& e) {
    out.field("as_of", to_text(e.as_of)).array("orders");
    for (const feed::Order& order : e.orders) {
      out.object();
      http::write_order(out, order);
      out.end_object();
    }
    out.end_array().array("gone");
    for (const std::string& number : e.gone) out.text(number);
    out.end_array();
  }
  void operator()(const fold::SubjectRead& e) {
    out.field("subject", to_hex(e.subject.bytes)).field("reason", e.reason);
  }
  void operator()(const guard::AlertRaised& e) { http::write_alert(out, e); }
  void operator()(const guard::PostureChanged& e) { http::write_posture_change(out, e); }
  void operator()(const incident::IncidentOpened& e) {
    out.field("incident", to_hex(e.id.bytes)).field("title", e.title);
    if (e.cause)
      out.object("cause").field("origin", e.cause->origin.text()).field("entry", e.cause->index).end_object();
  }
  void operator()(const incident::IncidentNoted& e) {
    out.field("incident", to_hex(e.incident.bytes)).field("note", to_text(e.kind)).field("knowing", to_text(e.knowing));
    out.field("text", e.text).field("about_from", http::time_text(e.about.from));
    out.field("about_to", http::time_text(e.about.to));
    if (!e.by_whom.is_zero()) out.field("by_whom", to_hex(e.by_whom.bytes));
    if (e.corrects) out.field("corrects", to_hex(e.corrects->bytes));
  }
  void operator()(const incident::TaskSet& e) {
    out.field("incident", to_hex(e.incident.bytes)).field("task", to_hex(e.task.bytes)).field("text", e.text);
    if (!e.owner.is_zero()) out.field("owner", to_hex(e.owner.bytes));
    out.field("state", to_text(e.state));
  }
  void operator()(const incident::IncidentsJoined& e) {
    out.field("into", to_hex(e.into.bytes)).array("others");
    for (const incident::IncidentId& other : e.others) out.text(to_hex(other.bytes));
    out.end_array();
  }
  void operator()(const incident::IncidentClosed& e) {
    out.field("incident", to_hex(e.incident.bytes)).field("text", e.text).array("figures");
    for (const incident::SiteFigures& f : e.figures) {
      out.object().field("site", f.site.view()).field("as_of", f.as_of).field("is_sealed", f.is_sealed);
      out.field("sealed_ns", f.sealed.ns).field("sales", f.sales).field("gross", f.gross.minor);
      out.field("waiting", f.waiting).field("alerts", f.alerts).end_object();
    }
    out.end_array();
  }
  void operator()(const incident::RejoinStep& e) {
    out.field("site", e.site.view()).field("check", to_text(e.check)).field("not_needed", e.not_needed);
    out.field("text", e.text);
  }
  void operator()(const fold::LinkCut& e) { write_link(e); }
  void operator()(const fold::LinkHealed& e) { write_link(e); }

  void operator()(const standby::StandbyBegun& e) { out.field("reason", e.reason); }
  void operator()(const standby::TakenOver& e) {
    const auto age = [](const std::optional<Instant>& at) { return at ? std::optional(to_text(*at)) : std::nullopt; };
    out.field("prices_as_of", age(e.ages.prices)).field("stock_as_of", age(e.ages.stock));
    out.field("orders_as_of", age(e.ages.orders)).field("reason", e.reason);
  }
  void operator()(const standby::StandbyResumed& e) { out.field("reason", e.reason); }
  void operator()(const standby::HandbackMade& e) {
    const standby::MakeHandback& made = e.made;
    out.field("number", made.number).field("first_epoch", made.first.epoch).field("first", made.first.index);
    out.field("end_epoch", made.end.epoch).field("end", made.end.index).field("writer", made.writer);
    out.field("sales", made.counts.sales).field("refunds", made.counts.refunds);
    out.field("movements", made.counts.movements).field("late", made.late).array("files");
    for (const standby::File& file : made.files) {
      out.object().field("name", file.name).field("sha256", to_hex(file.sha256)).field("bytes", file.bytes);
      out.end_object();
    }
    out.end_array().array("totals");
    for (const auto& [key, amount] : made.totals) {
      total_key(key);
      out.field("amount", amount).end_object();
    }
    out.end_array().field("settings", made.settings);
  }
  void operator()(const standby::HandbackConfirmed& e) {
    out.field("number", e.number).field("note", e.note).array("totals");
    for (const auto& [key, figures] : e.totals) {
      total_key(key);
      out.field("reported", figures.reported).field("ours", figures.ours);
      out.field("difference", figures.difference()).end_object();
    }
    out.end_array();
  }

 private:
  void write_link(const auto& e) {
    out.field("site", e.site.view()).field("found", e.found);
    if (!e.by.is_zero()) out.field("by", to_hex(e.by.bytes));
  }
  void total_key(const standby::TotalKey& key) {
    out.object().field("day", key.day).field("total", standby::to_text(key.kind)).field("code", key.code);
  }
};

}  // namespace

void write_event(JsonOut& out, const fold::Event& event) {
  out.field("kind", fold::kind_name(event.body)).field("at", to_text(event.at));
  if (event.write) {
    const fold::WriteInfo& write = *event.write;
    out.object("write")
        .field("till", write.till.number)
        .field("key", to_hex(write.key.bytes))
        .field("staff", to_hex(write.staff.bytes));
    out.field("request", to_hex(write.request));
    if (write.prior) {
      out.object("prior").field("origin", write.prior->origin.text()).field("index", write.prior->index);
      out.field("at", to_text(write.prior->at)).field("readmitted", write.prior->readmitted).end_object();
    }
    out.end_object();
  }
  out.object("body");
  std::visit(Fields{out}, event.body);
  out.end_object();
}

}  // namespace holdfast::serve
