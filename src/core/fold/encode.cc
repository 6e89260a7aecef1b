// Events to bytes. Fields are written in the schema's order, so the same event gives the same bytes.
#include <algorithm>

#include "core/fold/event.h"
#include "core/journal/log.h"
#include "schema/events_generated.h"

namespace holdfast::fold {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using Text = Offset<flatbuffers::String>;
using Vector = Offset<flatbuffers::Vector<std::uint8_t>>;

Text text(Builder& b, std::string_view t) { return t.empty() ? Text() : b.CreateString(t.data(), t.size()); }
Vector bytes(Builder& b, ByteView v) {
  return v.empty() ? Vector() : b.CreateVector(reinterpret_cast<const std::uint8_t*>(v.data()), v.size());
}
std::uint64_t time_of(Instant at) { return static_cast<std::uint64_t>(at.unix_ns); }

template <class Table, class Items, class Make>
Offset<flatbuffers::Vector<Offset<Table>>> tables(Builder& b, const Items& items, Make make) {
  std::vector<Offset<Table>> offsets;
  offsets.reserve(items.size());
  for (const auto& item : items) offsets.push_back(make(item));
  return b.CreateVector(offsets);
}

auto stock_lines(Builder& b, const std::vector<stock::Line>& lines) {
  return tables<fbs::StockLine>(b, lines, [&](const stock::Line& l) {
    const Text sku = text(b, l.sku.view());
    return fbs::CreateStockLine(b, sku, l.quantity.thousandths);
  });
}

auto sale_lines(Builder& b, const std::vector<till::SaleLine>& lines) {
  return tables<fbs::SaleLine>(b, lines, [&](const till::SaleLine& l) {
    const Text sku = text(b, l.sku.view());
    const Text vat = text(b, l.vat.view());
    const Text name = text(b, l.name);
    return fbs::CreateSaleLine(b, sku, l.quantity.thousandths, l.unit_price.millionths, vat, l.vat_millionths,
                               l.amount.minor, l.vat_amount.minor, name, l.open_price, l.price_differs, l.goods,
                               l.listed_at, l.listed_epoch);
  });
}

auto tenders_of(Builder& b, const std::vector<till::Tender>& tenders) {
  return tables<fbs::Tender>(b, tenders, [&](const till::Tender& t) {
    const Text token = text(b, t.token);
    const Text masked = text(b, t.masked);
    return fbs::CreateTender(
        b, t.kind == till::TenderKind::card ? fbs::TenderKind::Card : fbs::TenderKind::Cash, t.amount.minor, token,
        masked, t.result == till::CardResult::declined ? fbs::CardResult::Declined : fbs::CardResult::Approved);
  });
}

// One overload an event: what its table holds. A new event without one does not compile.
struct ToTable {
  Builder& b;
  fbs::Body kind = fbs::Body::NONE;

  template <class Table>
  Offset<void> as(Offset<Table> table) {
    kind = fbs::BodyTraits<Table>::enum_value;
    return table.Union();
  }

  Offset<void> operator()(const EpochOpened& e) {
    const Text chain = text(b, e.chain), site = text(b, e.site.view()), currency = text(b, e.currency);
    const Vector registration = bytes(b, as_bytes(e.registration));
    return as(fbs::CreateEpochOpened(b, chain, site, e.epoch, currency, registration));
  }
  Offset<void> operator()(const NodeStarted& e) {
    const Text software = text(b, e.software);
    return as(fbs::CreateNodeStarted(b, e.series.bits, software));
  }
  Offset<void> operator()(const RulesAdopted& e) { return as(fbs::CreateRulesAdopted(b, e.version)); }
  Offset<void> operator()(const Part& e) {
    const Vector data = bytes(b, e.data);
    return as(fbs::CreatePart(b, e.number, e.last, data));
  }
  Offset<void> operator()(const PeerFollowed& e) {
    const auto peers = tables<fbs::FollowedPrefix>(b, e.peers, [&](const FollowedPrefix& p) {
      const Text origin = text(b, p.origin.text());
      const Vector root = bytes(b, p.root);
      const auto held = p.held.empty() ? Offset<flatbuffers::Vector<std::uint64_t>>() : b.CreateVector(p.held);
      return fbs::CreateFollowedPrefix(b, origin, p.size, root, held);
    });
    return as(fbs::CreatePeerFollowed(b, peers));
  }
  Offset<void> operator()(const PeerSucceeded& e) {
    const Text old_origin = text(b, e.old_origin.text());
    const Vector root = bytes(b, e.kept_root);
    const Text new_origin = text(b, e.new_origin.text());
    return as(fbs::CreatePeerSucceeded(b, old_origin, e.kept_size, root, new_origin));
  }
  Offset<void> operator()(const PeerEntryAccepted& e) {
    const Text origin = text(b, e.entry.origin.text());
    const Vector products = e.products == Hash{} ? Vector() : bytes(b, e.products);
    return as(fbs::CreatePeerEntryAccepted(b, origin, e.entry.index, products));
  }
  Offset<void> operator()(const EpochSealed& e) {
    const Vector certificate = bytes(b, as_bytes(e.certificate));
    return as(fbs::CreateEpochSealed(b, certificate));
  }
  Offset<void> operator()(const RegistrationTaken& e) {
    const Vector registration = bytes(b, as_bytes(e.registration));
    return as(fbs::CreateRegistrationTaken(b, registration));
  }
  Offset<void> operator()(const ContradictionSeen& e) {
    const Text origin = text(b, e.origin.text()), note_a = text(b, e.note_a), note_b = text(b, e.note_b);
    return as(fbs::CreateContradictionSeen(b, origin, note_a, note_b));
  }
  Offset<void> operator()(const TailListed& e) {
    const Vector id = bytes(b, e.id.bytes);
    const Text origin = text(b, e.from.origin.text()), reason = text(b, e.reason);
    const Vector entry = bytes(b, e.entry);
    return as(fbs::CreateTailListed(b, id, origin, e.from.index, reason, entry));
  }
  Offset<void> operator()(const WriteListed& e) {
    const Vector id = bytes(b, e.id.bytes);
    const Text reason = text(b, e.reason), body = text(b, e.body);
    return as(fbs::CreateWriteListed(b, id, reason, body));
  }
  Offset<void> operator()(const ListedClosed& e) {
    const Vector id = bytes(b, e.id.bytes);
    const Text note = text(b, e.note);
    return as(fbs::CreateListedClosed(b, id, note));
  }
  Offset<void> operator()(const catalogue::ProductsListed& e) {
    const auto products = tables<fbs::Product>(b, e.products, [&](const catalogue::Product& p) {
      const Text sku = text(b, p.sku.view()), gtin = text(b, p.gtin), name = text(b, p.name),
                 vat = text(b, p.vat.view());
      return fbs::CreateProduct(b, sku, gtin, name, p.unit_price.millionths, vat, p.goods);
    });
    return as(fbs::CreateProductsListed(b, products));
  }
  Offset<void> operator()(const catalogue::ProductDelisted& e) {
    const Text sku = text(b, e.sku.view());
    return as(fbs::CreateProductDelisted(b, sku));
  }
  Offset<void> operator()(const stock::StockReceived& e) {
    const auto lines = stock_lines(b, e.lines);
    const Text reference = text(b, e.reference);
    return as(fbs::CreateStockReceived(b, lines, reference));
  }
  Offset<void> operator()(const stock::StockWrittenOff& e) {
    const auto lines = stock_lines(b, e.lines);
    const Text reason = text(b, e.reason);
    return as(fbs::CreateStockWrittenOff(b, lines, reason));
  }
  Offset<void> operator()(const stock::StockCounted& e) {
    return as(fbs::CreateStockCounted(b, stock_lines(b, e.lines)));
  }
  Offset<void> operator()(const stock::StockDispatched& e) {
    const Text to = text(b, e.to.view());
    return as(fbs::CreateStockDispatched(b, to, stock_lines(b, e.lines)));
  }
  Offset<void> operator()(const stock::DispatchReceived& e) {
    const Text from = text(b, e.from.view());
    const Vector dispatch = bytes(b, e.dispatch.bytes);
    return as(fbs::CreateDispatchReceived(b, from, dispatch, stock_lines(b, e.lines)));
  }
  Offset<void> operator()(const till::SaleRecorded& e) {
    const auto lines = sale_lines(b, e.lines);
    const auto tenders = tenders_of(b, e.tenders);
    return as(fbs::CreateSaleRecorded(b, e.receipt.till.number, e.receipt.series.bits, e.receipt.n, lines, tenders,
                                      e.change.minor, e.total.minor));
  }
  Offset<void> operator()(const till::RefundRecorded& e) {
    const auto lines = tables<fbs::RefundLine>(b, e.lines, [&](const till::RefundLine& l) {
      const Text sku = text(b, l.sku.view()), vat = text(b, l.vat.view());
      return fbs::CreateRefundLine(b, l.line, l.quantity.thousandths, l.amount.minor, l.vat_amount.minor, sku, vat,
                                   l.goods);
    });
    const auto tenders = tenders_of(b, e.tenders);
    const Text reason = text(b, e.reason);
    return as(fbs::CreateRefundRecorded(b, e.receipt.till.number, e.receipt.series.bits, e.receipt.n, e.of.till.number,
                                        e.of.series.bits, e.of.n, lines, tenders, e.total.minor, reason));
  }
  Offset<void> operator()(const till::RefundWithoutReceipt& e) {
    const auto lines = sale_lines(b, e.lines);
    const auto tenders = tenders_of(b, e.tenders);
    const Text reason = text(b, e.reason);
    return as(fbs::CreateRefundWithoutReceipt(b, e.receipt.till.number, e.receipt.series.bits, e.receipt.n, lines,
                                              tenders, e.total.minor, reason));
  }
  Offset<void> operator()(const SubjectRead& e) {
    const Vector subject = bytes(b, e.subject.bytes);
    const Text reason = text(b, e.reason);
    return as(fbs::CreateSubjectRead(b, subject, reason));
  }
  Offset<void> operator()(const feed::FeedTaken& e) {
    const Text stream = text(b, e.stream), file = text(b, e.file);
    const Vector sha256 = bytes(b, e.sha256);
    return as(fbs::CreateFeedTaken(b, static_cast<fbs::FeedKind>(e.kind), stream, file, sha256, time_of(e.as_of),
                                   e.whole, e.accepted, e.rows, e.refused, e.taken, e.changed));
  }
  Offset<void> operator()(const stock::StockFed& e) {
    const auto lines = stock_lines(b, e.lines);
    return as(fbs::CreateStockFed(b, time_of(e.as_of), lines));
  }
  Offset<void> operator()(const feed::OrdersFed& e) {
    const auto orders = tables<fbs::FedOrder>(b, e.orders, [&](const feed::Order& o) {
      const Text number = text(b, o.number), state = text(b, o.state);
      const Vector customer = bytes(b, o.customer.bytes);
      const auto lines = tables<fbs::StockLine>(b, o.lines, [&](const feed::OrderLine& l) {
        const Text sku = text(b, l.sku.view());
        return fbs::CreateStockLine(b, sku, l.quantity.thousandths);
      });
      return fbs::CreateFedOrder(b, number, customer, state, time_of(o.placed_at), lines);
    });
    const auto gone = b.CreateVectorOfStrings(e.gone);
    return as(fbs::CreateOrdersFed(b, time_of(e.as_of), orders, gone));
  }
  Offset<void> operator()(const guard::AlertRaised& e) {
    const guard::Alert& a = e.alert;
    const Text source = text(b, a.source), signature = text(b, a.signature), category = text(b, a.category),
               words = text(b, a.text);
    const Vector digest = bytes(b, a.digest);
    const Text rule = text(b, e.rule);
    return as(fbs::CreateAlertRaised(b, source, signature, a.severity, category, words, digest, time_of(a.seen_at),
                                     static_cast<fbs::AlertLevel>(e.level), rule, e.count));
  }
  Offset<void> operator()(const guard::PostureChanged& e) {
    const Vector staff = e.staff.is_zero() ? Vector() : bytes(b, e.staff.bytes);
    const Text source = text(b, e.source), signature = text(b, e.signature), rule = text(b, e.rule),
               reason = text(b, e.reason);
    return as(fbs::CreatePostureChanged(b, static_cast<fbs::Posture>(e.posture),
                                        static_cast<fbs::PostureCause>(e.cause), staff, source, signature, rule,
                                        reason));
  }
  Offset<void> operator()(const incident::IncidentOpened& e) {
    const Vector id = bytes(b, e.id.bytes);
    const Text title = text(b, e.title), origin = e.cause ? text(b, e.cause->origin.text()) : Text();
    return as(fbs::CreateIncidentOpened(b, id, title, origin, e.cause ? e.cause->index : 0));
  }
  Offset<void> operator()(const incident::IncidentNoted& e) {
    const Vector id = bytes(b, e.incident.bytes);
    const Text words = text(b, e.text);
    const Vector by_whom = id_if_any(e.by_whom), corrects = e.corrects ? bytes(b, e.corrects->bytes) : Vector();
    return as(fbs::CreateIncidentNoted(b, id, static_cast<fbs::NoteKind>(e.kind), static_cast<fbs::Knowing>(e.knowing),
                                       words, e.about.from.has_value(), time_of(e.about.from.value_or(Instant{})),
                                       e.about.to.has_value(), time_of(e.about.to.value_or(Instant{})), by_whom,
                                       corrects));
  }
  Offset<void> operator()(const incident::TaskSet& e) {
    const Vector id = bytes(b, e.incident.bytes), task = bytes(b, e.task.bytes);
    const Text words = text(b, e.text);
    const Vector owner = id_if_any(e.owner);
    return as(fbs::CreateTaskSet(b, id, task, words, owner, static_cast<fbs::TaskState>(e.state)));
  }
  Offset<void> operator()(const incident::IncidentsJoined& e) {
    const Vector into = bytes(b, e.into.bytes);
    Bytes all;
    for (const incident::IncidentId& other : e.others) all.insert(all.end(), other.bytes.begin(), other.bytes.end());
    return as(fbs::CreateIncidentsJoined(b, into, bytes(b, all)));
  }
  Offset<void> operator()(const incident::IncidentClosed& e) {
    const Vector id = bytes(b, e.incident.bytes);
    const Text words = text(b, e.text);
    const auto figures = tables<fbs::SiteFigures>(b, e.figures, [&](const incident::SiteFigures& f) {
      const Text site = text(b, f.site.view());
      return fbs::CreateSiteFigures(b, site, f.as_of, f.is_sealed, f.sealed.ns, f.sales, f.gross.minor, f.waiting,
                                    f.alerts);
    });
    return as(fbs::CreateIncidentClosed(b, id, words, figures));
  }
  Offset<void> operator()(const LinkCut& e) {
    const Text site = text(b, e.site.view());
    return as(fbs::CreateLinkCut(b, site, id_if_any(e.by), e.found));
  }
  Offset<void> operator()(const LinkHealed& e) {
    const Text site = text(b, e.site.view());
    return as(fbs::CreateLinkHealed(b, site, id_if_any(e.by), e.found));
  }
  Offset<void> operator()(const incident::RejoinStep& e) {
    const Text site = text(b, e.site.view()), words = text(b, e.text);
    return as(fbs::CreateRejoinStep(b, site, static_cast<fbs::RejoinCheck>(e.check), e.not_needed, words));
  }
  Offset<void> operator()(const standby::StandbyBegun& e) { return as(fbs::CreateStandbyBegun(b, text(b, e.reason))); }
  Offset<void> operator()(const standby::TakenOver& e) {
    const auto age = [](const std::optional<Instant>& at) { return at ? time_of(*at) : 0; };
    const Text reason = text(b, e.reason);
    return as(fbs::CreateTakenOver(b, age(e.ages.prices), age(e.ages.stock), age(e.ages.orders), reason));
  }
  Offset<void> operator()(const standby::StandbyResumed& e) {
    return as(fbs::CreateStandbyResumed(b, text(b, e.reason)));
  }
  Offset<void> operator()(const standby::HandbackMade& e) {
    const standby::MakeHandback& m = e.made;
    const Text settings = text(b, m.settings);
    const auto files = tables<fbs::HandbackFile>(b, m.files, [&](const standby::File& f) {
      const Text name = text(b, f.name);
      const Vector sha256 = bytes(b, f.sha256);
      return fbs::CreateHandbackFile(b, name, sha256, f.bytes);
    });
    const auto totals = tables<fbs::HandbackTotal>(b, m.totals, [&](const auto& total) {
      const Text code = text(b, total.first.code);
      return fbs::CreateHandbackTotal(b, total.first.day, static_cast<fbs::TotalKind>(total.first.kind), code,
                                      total.second);
    });
    return as(fbs::CreateHandbackMade(b, m.number, m.first.epoch, m.first.index, m.end.epoch, m.end.index, m.writer,
                                      settings, files, totals, m.counts.sales, m.counts.refunds, m.counts.movements,
                                      m.late));
  }
  Offset<void> operator()(const standby::HandbackConfirmed& e) {
    const auto totals = tables<fbs::ReportedTotal>(b, e.totals, [&](const auto& total) {
      const Text code = text(b, total.first.code);
      return fbs::CreateReportedTotal(b, total.first.day, static_cast<fbs::TotalKind>(total.first.kind), code,
                                      total.second.reported, total.second.ours);
    });
    const Text note = text(b, e.note);
    return as(fbs::CreateHandbackConfirmed(b, e.number, totals, note));
  }

 private:
  Vector id_if_any(const SubjectId& id) { return id.is_zero() ? Vector() : bytes(b, id.bytes); }
};

Offset<fbs::Write> write_table(Builder& b, const WriteInfo& w) {
  const Vector key = bytes(b, w.key.bytes), request = bytes(b, w.request), staff = bytes(b, w.staff.bytes);
  if (!w.prior) return fbs::CreateWrite(b, w.till.number, key, request, staff);
  const Text origin = text(b, w.prior->origin.text()), broke = text(b, w.prior->broke);
  const ReceiptNumber printed = w.prior->printed.value_or(ReceiptNumber{});
  return fbs::CreateWrite(b, w.till.number, key, request, staff, origin, w.prior->index, time_of(w.prior->at),
                          w.prior->readmitted, printed.till.number, printed.series.bits, printed.n, broke);
}

}  // namespace

Bytes encode_whole(const Event& event) {
  Builder b(1024);
  ToTable to_table{b};
  const Offset<void> body = std::visit(to_table, event.body);
  const auto write = event.write ? write_table(b, *event.write) : Offset<fbs::Write>();
  b.Finish(fbs::CreateEntry(b, time_of(event.at), write, to_table.kind, body));
  const auto* data = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  return Bytes(data, data + b.GetSize());
}

std::vector<Bytes> encode(const Event& event) {
  constexpr std::size_t piece_bytes = journal::entry_bytes_max - 255;  // leaves room for the Part's own table
  Bytes whole = encode_whole(event);
  std::vector<Bytes> entries;
  if (whole.size() <= journal::entry_bytes_max) {
    entries.push_back(std::move(whole));
    return entries;
  }
  HF_CHECK(whole.size() <= part_bytes_max, "{} bytes in one event", whole.size());
  const ByteView all = whole;
  for (std::size_t from = 0; from < all.size(); from += piece_bytes) {
    const ByteView piece = all.subspan(from, std::min(piece_bytes, all.size() - from));
    const bool last = from + piece.size() == all.size();
    entries.push_back(
        encode_whole({event.at, {}, Part{static_cast<std::uint32_t>(entries.size()), last, to_bytes(piece)}}));
    HF_CHECK(entries.back().size() <= journal::entry_bytes_max, "{} bytes in a Part", entries.back().size());
  }
  return entries;
}

}  // namespace holdfast::fold
