// Entries of standing beside an old system: take-over and handback.
#include "core/fold/decode_field.h"

namespace holdfast::fold {
namespace {

std::optional<Instant> age(Field& f, std::uint64_t at) {
  return at == 0 ? std::nullopt : std::optional(f.time(at, "age"));
}
standby::TotalKey total_key(Field& f, std::int64_t day, fbs::TotalKind kind, const flatbuffers::String* code) {
  const bool is_known = kind <= fbs::TotalKind::MAX;
  f.expect(is_known, "total", "is of an unknown kind");
  return {day, is_known ? static_cast<standby::TotalKind>(kind) : standby::TotalKind::sales,
          f.text(code, "total's code", standby::code_bytes_max)};
}

}  // namespace

Body read(Field& f, const fbs::StandbyBegun& t) {
  standby::StandbyBegun e{f.text(t.reason(), "reason", standby::text_bytes_max)};
  return checked(f, std::move(e), standby::check_event(e));
}
Body read(Field& f, const fbs::TakenOver& t) {
  standby::TakenOver e{{age(f, t.prices_as_of()), age(f, t.stock_as_of()), age(f, t.orders_as_of())},
                       f.text(t.reason(), "reason", standby::text_bytes_max)};
  return checked(f, std::move(e), standby::check_event(e));
}
Body read(Field& f, const fbs::StandbyResumed& t) {
  standby::StandbyResumed e{f.text(t.reason(), "reason", standby::text_bytes_max)};
  return checked(f, std::move(e), standby::check_event(e));
}
Body read(Field& f, const fbs::HandbackMade& t) {
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
    const standby::TotalKey key = total_key(f, total.day(), total.kind(), total.code());
    f.expect(m.totals.empty() || m.totals.rbegin()->first < key, "totals", "are not in order");
    m.totals.emplace(key, total.amount());
    return 0;
  });
  m.counts = {t.sales(), t.refunds(), t.movements()};
  m.late = t.late();
  standby::HandbackMade e{std::move(m)};
  return checked(f, std::move(e), standby::check_event(e));
}
Body read(Field& f, const fbs::HandbackConfirmed& t) {
  standby::HandbackConfirmed e{t.number(), {}, f.text(t.note(), "note", standby::text_bytes_max)};
  f.list<int>(t.totals(), "totals", standby::totals_max, [&](const fbs::ReportedTotal& total) {
    const standby::TotalKey key = total_key(f, total.day(), total.kind(), total.code());
    f.expect(e.totals.empty() || e.totals.rbegin()->first < key, "totals", "are not in order");
    e.totals.emplace(key, standby::Reported{total.reported(), total.ours()});
    return 0;
  });
  return checked(f, std::move(e), standby::check_event(e));
}

}  // namespace holdfast::fold
