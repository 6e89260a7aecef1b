// Entries of trade: catalogue, stock, till, and what an old system fed.
#include "core/fold/decode_field.h"

namespace holdfast::fold {
namespace {

std::vector<stock::Line> stock_lines(Field& f, const flatbuffers::Vector<flatbuffers::Offset<fbs::StockLine>>* lines) {
  return f.list<stock::Line>(lines, "lines", stock::lines_max, [&](const fbs::StockLine& l) {
    return stock::Line{f.short_text<Sku>(l.sku(), "SKU"), Quantity{l.quantity()}};
  });
}

std::vector<till::SaleLine> sale_lines(Field& f, const flatbuffers::Vector<flatbuffers::Offset<fbs::SaleLine>>* lines) {
  return f.list<till::SaleLine>(lines, "lines", till::lines_max, [&](const fbs::SaleLine& l) {
    till::SaleLine out;
    out.sku = f.short_text<Sku>(l.sku(), "SKU");
    out.quantity.thousandths = l.quantity();
    out.unit_price.millionths = l.unit_price();
    out.vat = f.short_text<VatCode>(l.vat(), "VAT code");
    out.vat_millionths = l.vat_millionths();
    out.amount.minor = l.amount();
    out.vat_amount.minor = l.vat_amount();
    out.name = f.text(l.name(), "name", till::name_bytes_max);
    out.open_price = l.open_price();
    out.price_differs = l.price_differs();
    out.goods = l.goods();
    out.listed_epoch = l.listed_epoch();
    out.listed_at = l.listed_at();
    return out;
  });
}

std::vector<till::Tender> tenders(Field& f, const flatbuffers::Vector<flatbuffers::Offset<fbs::Tender>>* list) {
  return f.list<till::Tender>(list, "tenders", till::tenders_max, [&](const fbs::Tender& t) {
    f.expect(t.kind() <= fbs::TenderKind::MAX && t.result() <= fbs::CardResult::MAX, "tender", "is of an unknown kind");
    return till::Tender{
        t.kind() == fbs::TenderKind::Card ? till::TenderKind::card : till::TenderKind::cash, Money{t.amount()},
        f.text(t.token(), "token", till::text_bytes_max), f.text(t.masked(), "masked number", till::text_bytes_max),
        t.result() == fbs::CardResult::Declined ? till::CardResult::declined : till::CardResult::approved};
  });
}

}  // namespace

Body read(Field& f, const fbs::ProductsListed& t) {
  catalogue::ProductsListed e;
  e.products = f.list<catalogue::Product>(
      t.products(), "products", catalogue::products_a_command_max, [&](const fbs::Product& p) {
        return catalogue::Product{f.short_text<Sku>(p.sku(), "SKU"),
                                  f.text(p.gtin(), "GTIN", 14),
                                  f.text(p.name(), "name", catalogue::name_bytes_max),
                                  UnitPrice{p.unit_price()},
                                  f.short_text<VatCode>(p.vat(), "VAT code"),
                                  p.goods()};
      });
  return checked(f, std::move(e), catalogue::check_event(e));
}
Body read(Field& f, const fbs::ProductDelisted& t) {
  const catalogue::ProductDelisted e{f.short_text<Sku>(t.sku(), "SKU")};
  return checked(f, e, catalogue::check_event(e));
}
Body read(Field& f, const fbs::StockReceived& t) {
  stock::StockReceived e{stock_lines(f, t.lines()), f.text(t.reference(), "reference", stock::text_bytes_max)};
  return checked(f, std::move(e), stock::check_event(e));
}
Body read(Field& f, const fbs::StockWrittenOff& t) {
  stock::StockWrittenOff e{stock_lines(f, t.lines()), f.text(t.reason(), "reason", stock::text_bytes_max)};
  return checked(f, std::move(e), stock::check_event(e));
}
Body read(Field& f, const fbs::StockCounted& t) {
  stock::StockCounted e{stock_lines(f, t.lines())};
  return checked(f, std::move(e), stock::check_event(e));
}
Body read(Field& f, const fbs::StockDispatched& t) {
  stock::StockDispatched e{f.site(t.to(), "receiver"), stock_lines(f, t.lines())};
  return checked(f, std::move(e), stock::check_event(e));
}
Body read(Field& f, const fbs::DispatchReceived& t) {
  stock::DispatchReceived e{
      f.site(t.from(), "sender"), {f.array<16>(t.dispatch(), "dispatch")}, stock_lines(f, t.lines())};
  return checked(f, std::move(e), stock::check_event(e));
}
Body read(Field& f, const fbs::SaleRecorded& t) {
  till::SaleRecorded e{receipt_number(t.till(), t.series(), t.n()), sale_lines(f, t.lines()), tenders(f, t.tenders()),
                       Money{t.change()}, Money{t.total()}};
  return checked(f, std::move(e), till::check_event(e));
}
Body read(Field& f, const fbs::RefundRecorded& t) {
  till::RefundRecorded e{receipt_number(t.till(), t.series(), t.n()),
                         receipt_number(t.of_till(), t.of_series(), t.of_n()),
                         {},
                         tenders(f, t.tenders()),
                         Money{t.total()},
                         f.text(t.reason(), "reason", till::text_bytes_max)};
  e.lines = f.list<till::RefundLine>(t.lines(), "lines", till::lines_max, [&](const fbs::RefundLine& l) {
    return till::RefundLine{l.line(),
                            Quantity{l.quantity()},
                            Money{l.amount()},
                            Money{l.vat_amount()},
                            f.short_text<Sku>(l.sku(), "SKU"),
                            f.short_text<VatCode>(l.vat(), "VAT code"),
                            l.goods()};
  });
  return checked(f, std::move(e), till::check_event(e));
}
Body read(Field& f, const fbs::RefundWithoutReceipt& t) {
  till::RefundWithoutReceipt e{receipt_number(t.till(), t.series(), t.n()), sale_lines(f, t.lines()),
                               tenders(f, t.tenders()), Money{t.total()},
                               f.text(t.reason(), "reason", till::text_bytes_max)};
  return checked(f, std::move(e), till::check_event(e));
}
Body read(Field& f, const fbs::StockFed& t) {
  stock::StockFed e{f.time(t.as_of(), "date"), stock_lines(f, t.lines())};
  return checked(f, std::move(e), stock::check_event(e));
}
Body read(Field& f, const fbs::FeedTaken& t) {
  f.expect(t.kind() <= fbs::FeedKind::MAX, "feed", "is of an unknown kind");
  feed::FeedTaken e{static_cast<feed::Kind>(t.kind()),
                    f.text(t.stream(), "stream", feed::stream_bytes_max),
                    f.text(t.file(), "file", feed::file_bytes_max),
                    f.array<32>(t.sha256(), "SHA-256"),
                    f.time(t.as_of(), "date"),
                    t.whole(),
                    t.accepted(),
                    t.rows(),
                    t.refused(),
                    t.taken(),
                    t.changed()};
  return checked(f, std::move(e), feed::check_event(e));
}
Body read(Field& f, const fbs::OrdersFed& t) {
  feed::OrdersFed e;
  e.as_of = f.time(t.as_of(), "date");
  e.orders = f.list<feed::Order>(t.orders(), "orders", feed::orders_a_command_max, [&](const fbs::FedOrder& o) {
    feed::Order order{f.text(o.number(), "order's number", feed::number_bytes_max),
                      {f.array<16>(o.customer(), "customer's id")},
                      f.text(o.state(), "order's state", feed::state_bytes_max),
                      f.time(o.placed_at(), "order's date"),
                      {}};
    order.lines =
        f.list<feed::OrderLine>(o.lines(), "order's lines", feed::lines_a_command_max, [&](const fbs::StockLine& l) {
          return feed::OrderLine{f.short_text<Sku>(l.sku(), "SKU"), Quantity{l.quantity()}};
        });
    return order;
  });
  if (t.gone() != nullptr) {
    f.expect(t.gone()->size() <= feed::lines_a_command_max, "orders that are gone", "are too many");
    for (flatbuffers::uoffset_t i = 0; i < t.gone()->size() && f.ok(); ++i)
      e.gone.push_back(f.text(t.gone()->Get(i), "order's number", feed::number_bytes_max));
  }
  return checked(f, std::move(e), feed::check_event(e));
}

}  // namespace holdfast::fold
