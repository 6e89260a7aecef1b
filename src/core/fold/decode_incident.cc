// Entries of a bad night: alerts and postures, incidents, links, the way back.
#include "core/fold/decode_field.h"

namespace holdfast::fold {

Body read(Field& f, const fbs::AlertRaised& t) {
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
  return checked(f, std::move(e), guard::check_event(e));
}
Body read(Field& f, const fbs::PostureChanged& t) {
  guard::PostureChanged e{static_cast<guard::Posture>(t.posture()),
                          static_cast<guard::Cause>(t.cause()),
                          {},
                          f.text(t.source(), "source", guard::source_bytes_max),
                          f.text(t.signature(), "signature", guard::signature_bytes_max),
                          f.text(t.rule(), "rule", guard::rule_bytes_max),
                          f.text(t.reason(), "reason", guard::reason_bytes_max)};
  if (t.staff() != nullptr) e.staff.bytes = f.array<16>(t.staff(), "staff id");
  return checked(f, std::move(e), guard::check_event(e));
}
Body read(Field& f, const fbs::IncidentOpened& t) {
  incident::IncidentOpened e{
      {f.array<16>(t.incident(), "incident")}, f.text(t.title(), "title", incident::title_bytes_max), std::nullopt};
  if (t.cause_origin() != nullptr) {
    e.cause = EntryRef{f.origin(t.cause_origin(), "cause"), t.cause_index()};
    f.expect(e.cause->index <= size_max, "cause", "is out of range");
  }
  return checked(f, std::move(e), incident::check_event(e));
}
Body read(Field& f, const fbs::IncidentNoted& t) {
  incident::IncidentNoted e;
  e.incident.bytes = f.array<16>(t.incident(), "incident");
  f.expect(t.kind() <= fbs::NoteKind::MAX && t.knowing() <= fbs::Knowing::MAX, "kind", "is not known");
  if (!f.ok()) return e;
  e.kind = static_cast<incident::NoteKind>(t.kind());
  e.knowing = static_cast<incident::Knowing>(t.knowing());
  e.text = f.text(t.text(), "note", incident::text_bytes_max);
  if (t.has_from()) e.about.from = f.time(t.about_from(), "beginning");
  if (t.has_to()) e.about.to = f.time(t.about_to(), "end");
  e.by_whom = person(f, t.by_whom());
  if (t.corrects() != nullptr) e.corrects = incident::NoteId{f.array<16>(t.corrects(), "corrected note")};
  return checked(f, std::move(e), incident::check_event(e));
}
Body read(Field& f, const fbs::TaskSet& t) {
  incident::TaskSet e{{f.array<16>(t.incident(), "incident")},
                      {f.array<16>(t.task(), "task")},
                      f.text(t.text(), "task", incident::text_bytes_max),
                      person(f, t.owner()),
                      incident::TaskState::open};
  f.expect(t.state() <= fbs::TaskState::MAX, "state", "is not known");
  if (f.ok()) e.state = static_cast<incident::TaskState>(t.state());
  return checked(f, std::move(e), incident::check_event(e));
}
Body read(Field& f, const fbs::IncidentsJoined& t) {
  incident::IncidentsJoined e{{f.array<16>(t.into(), "incident")}, {}};
  ByteView all = f.bytes(t.others(), "incidents", incident::joined_max * 16);
  f.expect(all.size() % 16 == 0, "incidents", "have a wrong size");
  for (; all.size() >= 16; all = all.subspan(16)) e.others.push_back({*array_from<16>(all.first(16))});
  return checked(f, std::move(e), incident::check_event(e));
}
Body read(Field& f, const fbs::IncidentClosed& t) {
  incident::IncidentClosed e{
      {f.array<16>(t.incident(), "incident")}, f.text(t.text(), "note", incident::text_bytes_max), {}};
  e.figures =
      f.list<incident::SiteFigures>(t.figures(), "figures", incident::figures_max, [&](const fbs::SiteFigures& s) {
        return incident::SiteFigures{
            f.site(s.site(), "site"), s.as_of(),   s.is_sealed(), Duration{s.sealed_ns()}, s.sales(),
            Money{s.gross()},         s.waiting(), s.alerts()};
      });
  return checked(f, std::move(e), incident::check_event(e));
}
Body read(Field& f, const fbs::RejoinStep& t) {
  incident::RejoinStep e{f.site(t.site(), "site"), incident::RejoinCheck::clean_point, t.not_needed(),
                         f.text(t.text(), "step", incident::text_bytes_max)};
  f.expect(t.check() <= fbs::RejoinCheck::MAX, "check", "is not known");
  if (f.ok()) e.check = static_cast<incident::RejoinCheck>(t.check());
  return checked(f, std::move(e), incident::check_event(e));
}
Body read(Field& f, const fbs::LinkCut& t) { return LinkCut{f.site(t.site(), "site"), person(f, t.by()), t.found()}; }
Body read(Field& f, const fbs::LinkHealed& t) {
  return LinkHealed{f.site(t.site(), "site"), person(f, t.by()), t.found()};
}

}  // namespace holdfast::fold
