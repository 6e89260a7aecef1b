// Hostile bytes to events: FlatBuffers' verifier, bounds on every text and list before it is copied, then the event's
// own check. Nothing else reaches apply().
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/text.h"
#include "core/fold/event.h"
#include "schema/events_generated.h"

namespace holdfast::fold {
namespace {

constexpr std::string_view bad_entry = "fold/bad_entry";
constexpr std::size_t note_bytes_max = 1u << 20;  // signed notes: registrations, certificates, checkpoints
constexpr std::size_t reason_bytes_max = 4096;
constexpr std::size_t peers_max = 10'000;
constexpr std::uint64_t size_max = 1ull << 62;  // of a journal
constexpr flatbuffers::uoffset_t depth_max = 8, tables_max = 20'000;

// Collects the first thing that is wrong, so that each field is one line and the whole is checked once.
class Field {
 public:
  void wrong(std::string_view field, std::string_view why) {
    if (!error_) error_ = Error{bad_entry, fmt::format("the entry's {} {}", field, why)};
  }
  void pass(Status status) {
    if (!status && !error_) error_ = Error{bad_entry, std::move(status.error().text)};
  }
  void expect(bool holds, std::string_view field, std::string_view why) {
    if (!holds) wrong(field, why);
  }
  bool ok() const { return !error_; }
  std::optional<Error> take_error() { return std::move(error_); }

  std::string_view view(const flatbuffers::String* s, std::string_view field, std::size_t bytes_max) {
    if (s == nullptr) return "";  // not {}: memcpy may not be given its null, even for no bytes
    if (s->size() > bytes_max) {
      wrong(field, "is too long");
      return "";
    }
    return {s->c_str(), s->size()};
  }
  std::string text(const flatbuffers::String* s, std::string_view field, std::size_t bytes_max) {
    const std::string_view t = view(s, field, bytes_max);
    if (!is_utf8(t)) wrong(field, "is not UTF-8");
    return std::string(t);
  }
  template <class T>
  T short_text(const flatbuffers::String* s, std::string_view field) {
    return T(view(s, field, T::bytes_max));
  }
  ByteView bytes(const flatbuffers::Vector<std::uint8_t>* v, std::string_view field, std::size_t bytes_max) {
    if (v == nullptr) return {};
    if (v->size() > bytes_max) {
      wrong(field, "is too long");
      return {};
    }
    return {reinterpret_cast<const std::byte*>(v->data()), v->size()};
  }
  template <std::size_t N>
  ByteArray<N> array(const flatbuffers::Vector<std::uint8_t>* v, std::string_view field) {
    const auto out = array_from<N>(bytes(v, field, N));
    if (!out) wrong(field, "has a wrong size");
    return out.value_or(ByteArray<N>{});
  }
  std::string note(const flatbuffers::Vector<std::uint8_t>* v, std::string_view field) {
    const std::string_view t = as_text(bytes(v, field, note_bytes_max));
    if (!is_utf8(t)) wrong(field, "is not UTF-8");
    return std::string(t);
  }
  Origin origin(const flatbuffers::String* s, std::string_view field) {
    const std::string_view t = view(s, field, 200);
    auto parsed = parse_origin(t);
    if (!parsed || !is_clean_text(t)) {
      wrong(field, "is no origin");
      return {};
    }
    return std::move(*parsed);
  }
  SiteName site(const flatbuffers::String* s, std::string_view field) {
    const auto name = short_text<SiteName>(s, field);
    const bool fine = !name.empty() && std::ranges::all_of(name.view(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!fine) wrong(field, "is no site's name");
    return name;
  }
  Instant time(std::uint64_t at, std::string_view field) {
    if (at > static_cast<std::uint64_t>(INT64_MAX)) wrong(field, "is out of range");
    return Instant{static_cast<std::int64_t>(at)};
  }
  // Items of a list, each made by `make`; stops at the first that is wrong.
  template <class T, class Table, class Make>
  std::vector<T> list(const flatbuffers::Vector<flatbuffers::Offset<Table>>* v, std::string_view field,
                      std::size_t count_max, Make make) {
    std::vector<T> out;
    if (v == nullptr) return out;
    if (v->size() > count_max) {
      wrong(field, "has too many items");
      return out;
    }
    out.reserve(v->size());
    for (flatbuffers::uoffset_t i = 0; i < v->size() && ok(); ++i) out.push_back(make(*v->Get(i)));
    return out;
  }

 private:
  std::optional<Error> error_;
};

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

ReceiptNumber receipt(std::uint32_t till, std::uint64_t series, std::uint64_t n) {
  return {TillId{till}, SeriesId{series}, n};
}

// One overload a table: its typed event, every field bounded.
struct FromTable {
  Field& f;

  Body operator()(const fbs::EpochOpened& t) {
    EpochOpened e{f.text(t.chain(), "chain", 150), f.site(t.site(), "site"), t.epoch(),
                  f.text(t.currency(), "currency", 3), f.note(t.registration(), "registration")};
    f.expect(!e.chain.empty() && is_clean_text(e.chain), "chain", "is empty");
    f.expect(e.epoch >= 1 && (e.epoch == 1 || !e.registration.empty()), "epoch", "has no registration, or is 0");
    f.expect(currency_of(e.currency).has_value(), "currency", "is not known");
    return e;
  }
  Body operator()(const fbs::NodeStarted& t) {
    f.expect(t.series() >= 1 && t.series() <= till::series_bits_max, "series", "is out of range");
    return NodeStarted{SeriesId{t.series()}, f.text(t.software(), "software", 100)};
  }
  Body operator()(const fbs::RulesAdopted& t) {
    f.expect(t.version() >= 1, "version", "is 0");
    return RulesAdopted{t.version()};
  }
  Body operator()(const fbs::Part& t) {
    const ByteView data = f.bytes(t.data(), "data", part_bytes_max);
    f.expect(!data.empty(), "data", "is empty");
    return Part{t.number(), t.last(), to_bytes(data)};
  }
  Body operator()(const fbs::PeerFollowed& t) {
    PeerFollowed e;
    e.peers = f.list<FollowedPrefix>(t.peers(), "peers", peers_max, [&](const fbs::FollowedPrefix& p) {
      FollowedPrefix out{f.origin(p.origin(), "origin"), p.size(), f.array<32>(p.root(), "root"), {}};
      f.expect(out.size <= size_max, "size", "is out of range");
      if (p.held() != nullptr && p.held()->size() > 0) {
        // Copied as bytes: the verifier does not check that a vector's elements are aligned.
        out.held.resize(p.held()->size());
        std::memcpy(out.held.data(), p.held()->Data(), out.held.size() * sizeof(EntryIndex));
      }
      f.expect(std::ranges::adjacent_find(out.held, std::greater_equal<>()) == out.held.end(), "held entries",
               "are not in order");
      return out;
    });
    f.expect(!e.peers.empty(), "peers", "are missing");
    return e;
  }
  Body operator()(const fbs::PeerSucceeded& t) {
    PeerSucceeded e{f.origin(t.old_origin(), "old origin"), t.kept_size(), f.array<32>(t.kept_root(), "kept root"),
                    f.origin(t.new_origin(), "new origin")};
    f.expect(e.old_origin.chain == e.new_origin.chain && e.old_origin.site == e.new_origin.site &&
                 e.old_origin.epoch < e.new_origin.epoch,
             "new origin", "does not succeed the old one");
    f.expect(e.kept_size <= size_max, "kept size", "is out of range");
    return e;
  }
  Body operator()(const fbs::PeerEntryAccepted& t) {
    return PeerEntryAccepted{{f.origin(t.origin(), "origin"), t.index()}};
  }
  Body operator()(const fbs::EpochSealed& t) {
    EpochSealed e{f.note(t.certificate(), "certificate")};
    f.expect(!e.certificate.empty(), "certificate", "is empty");
    return e;
  }
  Body operator()(const fbs::RegistrationTaken& t) {
    RegistrationTaken e{f.note(t.registration(), "registration")};
    f.expect(!e.registration.empty(), "registration", "is empty");
    return e;
  }
  Body operator()(const fbs::ContradictionSeen& t) {
    return ContradictionSeen{f.origin(t.origin(), "origin"), f.text(t.note_a(), "first note", note_bytes_max),
                             f.text(t.note_b(), "second note", note_bytes_max)};
  }
  Body operator()(const fbs::TailListed& t) {
    return TailListed{{f.array<16>(t.id(), "id")},
                      {f.origin(t.origin(), "origin"), t.index()},
                      f.text(t.reason(), "reason", reason_bytes_max),
                      to_bytes(f.bytes(t.entry(), "entry", part_bytes_max))};
  }
  Body operator()(const fbs::WriteListed& t) {
    return WriteListed{{f.array<16>(t.id(), "id")},
                       f.text(t.reason(), "reason", reason_bytes_max),
                       f.text(t.body(), "body", part_bytes_max)};
  }
  Body operator()(const fbs::ListedClosed& t) {
    return ListedClosed{{f.array<16>(t.id(), "id")}, f.text(t.note(), "note", reason_bytes_max)};
  }
  Body operator()(const fbs::ProductsListed& t) {
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
    return checked(std::move(e), catalogue::check_event(e));
  }
  Body operator()(const fbs::ProductDelisted& t) {
    catalogue::ProductDelisted e{f.short_text<Sku>(t.sku(), "SKU")};
    return checked(std::move(e), catalogue::check_event(e));
  }
  Body operator()(const fbs::StockReceived& t) {
    stock::StockReceived e{stock_lines(f, t.lines()), f.text(t.reference(), "reference", stock::text_bytes_max)};
    return checked(std::move(e), stock::check_event(e));
  }
  Body operator()(const fbs::StockWrittenOff& t) {
    stock::StockWrittenOff e{stock_lines(f, t.lines()), f.text(t.reason(), "reason", stock::text_bytes_max)};
    return checked(std::move(e), stock::check_event(e));
  }
  Body operator()(const fbs::StockCounted& t) {
    stock::StockCounted e{stock_lines(f, t.lines())};
    return checked(std::move(e), stock::check_event(e));
  }
  Body operator()(const fbs::StockDispatched& t) {
    stock::StockDispatched e{f.site(t.to(), "receiver"), stock_lines(f, t.lines())};
    return checked(std::move(e), stock::check_event(e));
  }
  Body operator()(const fbs::DispatchReceived& t) {
    stock::DispatchReceived e{
        f.site(t.from(), "sender"), {f.array<16>(t.dispatch(), "dispatch")}, stock_lines(f, t.lines())};
    return checked(std::move(e), stock::check_event(e));
  }
  Body operator()(const fbs::SaleRecorded& t) {
    till::SaleRecorded e{receipt(t.till(), t.series(), t.n()), sale_lines(f, t.lines()), tenders(f, t.tenders()),
                         Money{t.change()}, Money{t.total()}};
    return checked(std::move(e), till::check_event(e));
  }
  Body operator()(const fbs::RefundRecorded& t) {
    till::RefundRecorded e{receipt(t.till(), t.series(), t.n()),
                           receipt(t.of_till(), t.of_series(), t.of_n()),
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
    return checked(std::move(e), till::check_event(e));
  }
  Body operator()(const fbs::RefundWithoutReceipt& t) {
    till::RefundWithoutReceipt e{receipt(t.till(), t.series(), t.n()), sale_lines(f, t.lines()),
                                 tenders(f, t.tenders()), Money{t.total()},
                                 f.text(t.reason(), "reason", till::text_bytes_max)};
    return checked(std::move(e), till::check_event(e));
  }
  Body operator()(const fbs::AlertRaised& t) {
    guard::AlertRaised e;
    e.alert = {f.text(t.source(), "source", guard::source_bytes_max),
               f.text(t.signature(), "signature", guard::signature_bytes_max),
               t.severity(),
               f.text(t.category(), "category", guard::category_bytes_max),
               f.text(t.text(), "text", guard::text_bytes_max),
               f.array<32>(t.digest(), "digest"),
               f.time(t.seen_at(), "sensor's time")};
    e.level = static_cast<guard::Level>(t.level());
    e.rule = f.text(t.rule(), "rule", guard::rule_bytes_max);
    e.count = t.count();
    return checked(std::move(e), guard::check_event(e));
  }
  Body operator()(const fbs::PostureChanged& t) {
    guard::PostureChanged e{static_cast<guard::Posture>(t.posture()),
                            static_cast<guard::Cause>(t.cause()),
                            {},
                            f.text(t.source(), "source", guard::source_bytes_max),
                            f.text(t.signature(), "signature", guard::signature_bytes_max),
                            f.text(t.rule(), "rule", guard::rule_bytes_max),
                            f.text(t.reason(), "reason", guard::reason_bytes_max)};
    if (t.staff() != nullptr) e.staff.bytes = f.array<16>(t.staff(), "staff id");
    return checked(std::move(e), guard::check_event(e));
  }
  Body operator()(const fbs::SubjectRead& t) {
    return SubjectRead{{f.array<16>(t.subject(), "subject")}, f.text(t.reason(), "reason", reason_bytes_max)};
  }
  Body operator()(const fbs::FeedTaken& t) {
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
    return checked(std::move(e), feed::check_event(e));
  }
  Body operator()(const fbs::StockFed& t) {
    stock::StockFed e{f.time(t.as_of(), "date"), stock_lines(f, t.lines())};
    return checked(std::move(e), stock::check_event(e));
  }
  Body operator()(const fbs::OrdersFed& t) {
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
    return checked(std::move(e), feed::check_event(e));
  }
  Body operator()(const fbs::IncidentOpened& t) {
    incident::IncidentOpened e{
        {f.array<16>(t.incident(), "incident")}, f.text(t.title(), "title", incident::title_bytes_max), std::nullopt};
    if (t.cause_origin() != nullptr) {
      e.cause = EntryRef{f.origin(t.cause_origin(), "cause"), t.cause_index()};
      f.expect(e.cause->index <= size_max, "cause", "is out of range");
    }
    return checked(std::move(e), incident::check_event(e));
  }
  Body operator()(const fbs::IncidentNoted& t) {
    incident::IncidentNoted e;
    e.incident.bytes = f.array<16>(t.incident(), "incident");
    f.expect(t.kind() <= fbs::NoteKind::MAX && t.knowing() <= fbs::Knowing::MAX, "kind", "is not known");
    if (!f.ok()) return e;
    e.kind = static_cast<incident::NoteKind>(t.kind());
    e.knowing = static_cast<incident::Knowing>(t.knowing());
    e.text = f.text(t.text(), "note", incident::text_bytes_max);
    if (t.has_from()) e.about.from = f.time(t.about_from(), "beginning");
    if (t.has_to()) e.about.to = f.time(t.about_to(), "end");
    e.by_whom = person(t.by_whom());
    if (t.corrects() != nullptr) e.corrects = incident::NoteId{f.array<16>(t.corrects(), "corrected note")};
    return checked(std::move(e), incident::check_event(e));
  }
  Body operator()(const fbs::TaskSet& t) {
    incident::TaskSet e{{f.array<16>(t.incident(), "incident")},
                        {f.array<16>(t.task(), "task")},
                        f.text(t.text(), "task", incident::text_bytes_max),
                        person(t.owner()),
                        incident::TaskState::open};
    f.expect(t.state() <= fbs::TaskState::MAX, "state", "is not known");
    if (f.ok()) e.state = static_cast<incident::TaskState>(t.state());
    return checked(std::move(e), incident::check_event(e));
  }
  Body operator()(const fbs::IncidentsJoined& t) {
    incident::IncidentsJoined e{{f.array<16>(t.into(), "incident")}, {}};
    ByteView all = f.bytes(t.others(), "incidents", incident::joined_max * 16);
    f.expect(all.size() % 16 == 0, "incidents", "have a wrong size");
    for (; all.size() >= 16; all = all.subspan(16)) e.others.push_back({*array_from<16>(all.first(16))});
    return checked(std::move(e), incident::check_event(e));
  }
  Body operator()(const fbs::IncidentClosed& t) {
    incident::IncidentClosed e{
        {f.array<16>(t.incident(), "incident")}, f.text(t.text(), "note", incident::text_bytes_max), {}};
    e.figures =
        f.list<incident::SiteFigures>(t.figures(), "figures", incident::figures_max, [&](const fbs::SiteFigures& s) {
          return incident::SiteFigures{
              f.site(s.site(), "site"), s.as_of(),   s.is_sealed(), Duration{s.sealed_ns()}, s.sales(),
              Money{s.gross()},         s.waiting(), s.alerts()};
        });
    return checked(std::move(e), incident::check_event(e));
  }
  Body operator()(const fbs::RejoinStep& t) {
    incident::RejoinStep e{f.site(t.site(), "site"), incident::RejoinCheck::clean_point, t.not_needed(),
                           f.text(t.text(), "step", incident::text_bytes_max)};
    f.expect(t.check() <= fbs::RejoinCheck::MAX, "check", "is not known");
    if (f.ok()) e.check = static_cast<incident::RejoinCheck>(t.check());
    return checked(std::move(e), incident::check_event(e));
  }
  Body operator()(const fbs::LinkCut& t) { return LinkCut{f.site(t.site(), "site"), person(t.by()), t.found()}; }
  Body operator()(const fbs::LinkHealed& t) { return LinkHealed{f.site(t.site(), "site"), person(t.by()), t.found()}; }

  Body operator()(const fbs::StandbyBegun& t) {
    standby::StandbyBegun e{f.text(t.reason(), "reason", standby::text_bytes_max)};
    return checked(std::move(e), standby::check_event(e));
  }
  Body operator()(const fbs::TakenOver& t) {
    standby::TakenOver e{{age(t.prices_as_of()), age(t.stock_as_of()), age(t.orders_as_of())},
                         f.text(t.reason(), "reason", standby::text_bytes_max)};
    return checked(std::move(e), standby::check_event(e));
  }
  Body operator()(const fbs::StandbyResumed& t) {
    standby::StandbyResumed e{f.text(t.reason(), "reason", standby::text_bytes_max)};
    return checked(std::move(e), standby::check_event(e));
  }
  Body operator()(const fbs::HandbackMade& t) {
    standby::MakeHandback m;
    m.number = t.number();
    m.first = {t.first_epoch(), t.first()};
    m.end = {t.end_epoch(), t.end()};
    m.writer = t.writer();
    m.settings = f.text(t.settings(), "settings", standby::settings_bytes_max);
    m.files = f.list<standby::File>(t.files(), "files", standby::files_max, [&](const fbs::HandbackFile& file) {
      return standby::File{f.text(file.name(), "file's name", standby::file_name_bytes_max),
                           f.array<32>(file.sha256(), "file's SHA-256"), file.bytes()};
    });
    f.list<int>(t.totals(), "totals", standby::totals_max, [&](const fbs::HandbackTotal& total) {
      const standby::TotalKey key = total_key(total.day(), total.kind(), total.code());
      f.expect(m.totals.empty() || m.totals.rbegin()->first < key, "totals", "are not in order");
      m.totals.emplace(key, total.amount());
      return 0;
    });
    m.counts = {t.sales(), t.refunds(), t.movements()};
    m.late = t.late();
    standby::HandbackMade e{std::move(m)};
    return checked(std::move(e), standby::check_event(e));
  }
  Body operator()(const fbs::HandbackConfirmed& t) {
    standby::HandbackConfirmed e{t.number(), {}, f.text(t.note(), "note", standby::text_bytes_max)};
    f.list<int>(t.totals(), "totals", standby::totals_max, [&](const fbs::ReportedTotal& total) {
      const standby::TotalKey key = total_key(total.day(), total.kind(), total.code());
      f.expect(e.totals.empty() || e.totals.rbegin()->first < key, "totals", "are not in order");
      e.totals.emplace(key, standby::Reported{total.reported(), total.ours()});
      return 0;
    });
    return checked(std::move(e), standby::check_event(e));
  }

 private:
  // A subject id; nobody, where there is none.
  SubjectId person(const flatbuffers::Vector<std::uint8_t>* id) {
    return id == nullptr ? SubjectId{} : SubjectId{f.array<16>(id, "person")};
  }
  std::optional<Instant> age(std::uint64_t at) { return at == 0 ? std::nullopt : std::optional(f.time(at, "age")); }
  standby::TotalKey total_key(std::int64_t day, fbs::TotalKind kind, const flatbuffers::String* code) {
    const bool is_known = kind <= fbs::TotalKind::MAX;
    f.expect(is_known, "total", "is of an unknown kind");
    return {day, is_known ? static_cast<standby::TotalKind>(kind) : standby::TotalKind::sales,
            f.text(code, "total's code", standby::code_bytes_max)};
  }
  // Both arguments are evaluated before the move inside.
  template <class E>
  Body checked(E&& event, Status status) {
    f.pass(std::move(status));
    return std::forward<E>(event);
  }
};

WriteInfo write_info(Field& f, const fbs::Write& w) {
  WriteInfo out;
  out.till.number = w.till();
  out.key.bytes = f.array<16>(w.key(), "key");
  out.request = f.array<32>(w.request(), "request hash");
  out.staff.bytes = f.array<16>(w.staff(), "staff id");
  if (w.prior_origin() == nullptr) return out;
  Prior prior{f.origin(w.prior_origin(), "prior origin"), w.prior_index(), f.time(w.prior_at(), "prior time"),
              w.readmitted()};
  f.expect(prior.index <= size_max, "prior index", "is out of range");
  if (w.printed_n() != 0) prior.printed = receipt(w.printed_till(), w.printed_series(), w.printed_n());
  prior.broke = f.text(w.broke(), "broken rule", 60);
  out.prior = std::move(prior);
  return out;
}

// The event of a kind known here; nullopt: unknown (or none).
std::optional<Body> body_of(Field& f, const fbs::Entry& entry) {
  FromTable from{f};
  switch (entry.body_type()) {
#define HF_KIND(Kind)   \
  case fbs::Body::Kind: \
    return from(*entry.body_as_##Kind());
    HF_KIND(EpochOpened)
    HF_KIND(NodeStarted)
    HF_KIND(RulesAdopted)
    HF_KIND(Part)
    HF_KIND(PeerFollowed)
    HF_KIND(PeerSucceeded)
    HF_KIND(PeerEntryAccepted)
    HF_KIND(EpochSealed)
    HF_KIND(RegistrationTaken)
    HF_KIND(ContradictionSeen)
    HF_KIND(TailListed)
    HF_KIND(WriteListed)
    HF_KIND(ListedClosed)
    HF_KIND(ProductsListed)
    HF_KIND(ProductDelisted)
    HF_KIND(StockReceived)
    HF_KIND(StockWrittenOff)
    HF_KIND(StockCounted)
    HF_KIND(StockDispatched)
    HF_KIND(DispatchReceived)
    HF_KIND(SaleRecorded)
    HF_KIND(RefundRecorded)
    HF_KIND(RefundWithoutReceipt)
    HF_KIND(SubjectRead)
    HF_KIND(FeedTaken)
    HF_KIND(StockFed)
    HF_KIND(OrdersFed)
    HF_KIND(AlertRaised)
    HF_KIND(PostureChanged)
    HF_KIND(IncidentOpened)
    HF_KIND(IncidentNoted)
    HF_KIND(TaskSet)
    HF_KIND(IncidentsJoined)
    HF_KIND(IncidentClosed)
    HF_KIND(LinkCut)
    HF_KIND(LinkHealed)
    HF_KIND(RejoinStep)
    HF_KIND(StandbyBegun)
    HF_KIND(TakenOver)
    HF_KIND(StandbyResumed)
    HF_KIND(HandbackMade)
    HF_KIND(HandbackConfirmed)
#undef HF_KIND
    case fbs::Body::NONE:
      break;
  }
  return std::nullopt;
}

// Whoever trades asked for it, so its key must be known (protocol 8.1).
bool needs_write(const Body& body) {
  return std::visit(
      [](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        return std::is_same_v<E, catalogue::ProductsListed> || std::is_same_v<E, catalogue::ProductDelisted> ||
               std::is_same_v<E, stock::StockReceived> || std::is_same_v<E, stock::StockWrittenOff> ||
               std::is_same_v<E, stock::StockCounted> || std::is_same_v<E, stock::StockDispatched> ||
               std::is_same_v<E, stock::DispatchReceived> || std::is_same_v<E, till::SaleRecorded> ||
               std::is_same_v<E, till::RefundRecorded> || std::is_same_v<E, till::RefundWithoutReceipt> ||
               std::is_same_v<E, WriteListed> || std::is_same_v<E, feed::FeedTaken> ||
               std::is_same_v<E, stock::StockFed> || std::is_same_v<E, feed::OrdersFed> ||
               std::is_same_v<E, incident::IncidentNoted> || std::is_same_v<E, incident::TaskSet> ||
               std::is_same_v<E, incident::IncidentsJoined> || std::is_same_v<E, incident::IncidentClosed> ||
               std::is_same_v<E, incident::RejoinStep> || std::is_same_v<E, standby::StandbyBegun> ||
               std::is_same_v<E, standby::TakenOver> || std::is_same_v<E, standby::StandbyResumed> ||
               std::is_same_v<E, standby::HandbackMade> || std::is_same_v<E, standby::HandbackConfirmed>;
      },
      body);
}

// `bytes` start at an address that is a multiple of 8.
Result<Event> decode_aligned(ByteView bytes) {
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), depth_max,
                                 tables_max);
  if (bytes.size() < 12 || !fbs::VerifyEntryBuffer(verifier))
    return fail(bad_entry, "the bytes are not an entry of a journal");
  const fbs::Entry& entry = *fbs::GetEntry(bytes.data());
  if (entry.body_type() > fbs::Body::MAX)
    return fail(
        "fold/unknown_event",
        fmt::format("the entry is of a kind ({}) that this version does not know; it needs a newer version of holdfast",
                    static_cast<int>(entry.body_type())));
  if (entry.body() == nullptr) return fail(bad_entry, "the entry says nothing");
  Field f;
  Event event;
  event.at = f.time(entry.at(), "time");
  if (entry.write() != nullptr) event.write = write_info(f, *entry.write());
  auto body = body_of(f, entry);
  if (!body) return fail(bad_entry, "the entry says nothing");
  event.body = std::move(*body);
  if (needs_write(event.body)) f.expect(event.write.has_value(), "write", "is missing");
  if (auto error = f.take_error()) return pass_on(std::move(*error));
  if (const auto* rules = std::get_if<RulesAdopted>(&event.body); rules != nullptr && rules->version > rules_known)
    return fail("fold/unknown_event",
                fmt::format("rules version {} is adopted here; it needs a newer version of holdfast", rules->version));
  return event;
}

}  // namespace

Result<Event> decode(ByteView entry) {
  if (entry.size() > part_bytes_max) return fail(bad_entry, "the entry is larger than any may be");
  if (reinterpret_cast<std::uintptr_t>(entry.data()) % alignof(std::uint64_t) == 0) return decode_aligned(entry);
  std::vector<std::uint64_t> aligned((entry.size() + 7) / 8);
  if (!entry.empty()) std::memcpy(aligned.data(), entry.data(), entry.size());
  return decode_aligned({reinterpret_cast<const std::byte*>(aligned.data()), entry.size()});
}

}  // namespace holdfast::fold
