// The incidents' part of a snapshot.
#include "core/base/snapshot.h"

#include "core/incident/incident.h"

namespace holdfast::incident {
namespace {

void put(Writer& out, const std::optional<Instant>& at) {
  out.u8(at ? 1 : 0);
  if (at) out.i64(at->unix_ns);
}
std::optional<Instant> get_time(Reader& in) {
  if (in.u8() == 0) return std::nullopt;
  return Instant{in.i64()};
}
template <class Id>
Id get_id(Reader& in) {
  return Id{in.array<16>()};
}
// A small number that stands for one of `count` names; another one spoils the reader.
template <class Enum>
Enum get_enum(Reader& in, std::uint8_t count) {
  const std::uint8_t value = in.u8();
  if (value >= count) in.fits(~0ull, 1);
  return static_cast<Enum>(value < count ? value : 0);
}
template <class T, class Get>
bool get_list(Reader& in, std::size_t bytes_each, T& list, Get get) {
  const std::uint64_t count = in.u64();
  if (!in.fits(count, bytes_each)) return false;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) list.push_back(get());
  return in.ok();
}

struct PutWhat {
  Writer& out;
  void operator()(const IncidentOpened& e) {
    out.raw(e.id.bytes);
    out.text(e.title);
    out.u8(e.cause ? 1 : 0);
    if (!e.cause) return;
    out.text(e.cause->origin.chain);
    out.text(e.cause->origin.site.view());
    out.u32(e.cause->origin.epoch);
    out.u64(e.cause->index);
  }
  void operator()(const IncidentNoted& e) {
    out.raw(e.incident.bytes);
    out.u8(static_cast<std::uint8_t>(e.kind));
    out.u8(static_cast<std::uint8_t>(e.knowing));
    out.text(e.text);
    put(out, e.about.from);
    put(out, e.about.to);
    out.raw(e.by_whom.bytes);
    out.u8(e.corrects ? 1 : 0);
    if (e.corrects) out.raw(e.corrects->bytes);
  }
  void operator()(const TaskSet& e) {
    out.raw(e.incident.bytes);
    out.raw(e.task.bytes);
    out.text(e.text);
    out.raw(e.owner.bytes);
    out.u8(static_cast<std::uint8_t>(e.state));
  }
  void operator()(const IncidentsJoined& e) {
    out.raw(e.into.bytes);
    out.u64(e.others.size());
    for (const IncidentId& other : e.others) out.raw(other.bytes);
  }
  void operator()(const IncidentClosed& e) {
    out.raw(e.incident.bytes);
    out.text(e.text);
    out.u64(e.figures.size());
    for (const SiteFigures& f : e.figures) {
      out.text(f.site.view());
      out.u64(f.as_of);
      out.u8(f.is_sealed ? 1 : 0);
      out.i64(f.sealed.ns);
      out.u64(f.sales);
      out.i64(f.gross.minor);
      out.u64(f.waiting);
      out.u64(f.alerts);
    }
  }
};

IncidentOpened get_opened(Reader& in) {
  IncidentOpened e;
  e.id = get_id<IncidentId>(in);
  e.title = in.text();
  if (in.u8() == 0) return e;
  EntryRef cause;
  cause.origin.chain = in.text();
  cause.origin.site = read_short_text<SiteName>(in);
  cause.origin.epoch = in.u32();
  cause.index = in.u64();
  e.cause = std::move(cause);
  return e;
}
IncidentNoted get_noted(Reader& in) {
  IncidentNoted e;
  e.incident = get_id<IncidentId>(in);
  e.kind = get_enum<NoteKind>(in, note_kinds);
  e.knowing = get_enum<Knowing>(in, 4);
  e.text = in.text();
  e.about.from = get_time(in);
  e.about.to = get_time(in);
  e.by_whom = get_id<SubjectId>(in);
  if (in.u8() == 1) e.corrects = get_id<NoteId>(in);
  return e;
}
TaskSet get_task(Reader& in) {
  TaskSet e;
  e.incident = get_id<IncidentId>(in);
  e.task = get_id<TaskId>(in);
  e.text = in.text();
  e.owner = get_id<SubjectId>(in);
  e.state = get_enum<TaskState>(in, 4);
  return e;
}
IncidentsJoined get_joined(Reader& in) {
  IncidentsJoined e;
  e.into = get_id<IncidentId>(in);
  get_list(in, 16, e.others, [&] { return get_id<IncidentId>(in); });
  return e;
}
IncidentClosed get_closed(Reader& in) {
  IncidentClosed e;
  e.incident = get_id<IncidentId>(in);
  e.text = in.text();
  get_list(in, 53, e.figures, [&] {
    SiteFigures f;
    f.site = read_short_text<SiteName>(in);
    f.as_of = in.u64();
    f.is_sealed = in.u8() == 1;
    f.sealed.ns = in.i64();
    f.sales = in.u64();
    f.gross.minor = in.i64();
    f.waiting = in.u64();
    f.alerts = in.u64();
    return f;
  });
  return e;
}
What get_what(Reader& in) {
  switch (in.u8()) {
    case 0:
      return get_opened(in);
    case 1:
      return get_noted(in);
    case 2:
      return get_task(in);
    case 3:
      return get_joined(in);
    case 4:
      return get_closed(in);
    default:
      in.fits(~0ull, 1);
      return IncidentOpened{};
  }
}

void put(Writer& out, const Sealing& s) {
  out.i64(s.from.unix_ns);
  out.u64(s.entries_from);
  out.u64(s.sales_from);
  out.i64(s.gross_from.minor);
  put(out, s.to);
  out.u64(s.entries_to);
  out.u64(s.sales_to);
  out.i64(s.gross_to.minor);
}
Sealing get_sealing(Reader& in) {
  Sealing s;
  s.from.unix_ns = in.i64();
  s.entries_from = in.u64();
  s.sales_from = in.u64();
  s.gross_from.minor = in.i64();
  s.to = get_time(in);
  s.entries_to = in.u64();
  s.sales_to = in.u64();
  s.gross_to.minor = in.i64();
  return s;
}

Checklist get_checklist(Reader& in) {
  Checklist list;
  for (auto& done : list.checks) {
    if (in.u8() == 0) continue;
    done.emplace();
    done->at.unix_ns = in.i64();
    done->by = get_id<SubjectId>(in);
    done->not_needed = in.u8() == 1;
    done->text = in.text();
  }
  return list;
}

}  // namespace

void IncidentState::encode(Writer& out) const {
  out.u64(records.size());
  for (const Record& r : records) {
    out.i64(r.at.unix_ns);
    out.u32(r.epoch);
    out.u64(r.index);
    out.raw(r.id.bytes);
    out.raw(r.by.bytes);
    out.u8(static_cast<std::uint8_t>(r.what.index()));
    std::visit(PutWhat{out}, r.what);
  }
  out.u64(facts.size());
  for (const Fact& f : facts) {
    out.i64(f.at.unix_ns);
    out.u32(f.epoch);
    out.u64(f.index);
    out.u8(static_cast<std::uint8_t>(f.kind));
    out.raw(f.by.bytes);
    out.text(f.about);
    out.text(f.text);
  }
  out.u64(sealings.size());
  for (const Sealing& s : sealings) put(out, s);
  out.u64(rejoin.size());
  for (const auto& [site, list] : rejoin) {
    out.text(site.view());
    for (const auto& done : list.checks) {
      out.u8(done ? 1 : 0);
      if (!done) continue;
      out.i64(done->at.unix_ns);
      out.raw(done->by.bytes);
      out.u8(done->not_needed ? 1 : 0);
      out.text(done->text);
    }
  }
  out.u64(records_dropped);
  out.u64(facts_dropped);
}

Result<IncidentState> IncidentState::decode(Reader& in) {
  IncidentState state;
  const bool whole = get_list(in, 69, state.records,
                              [&] {
                                Record r;
                                r.at.unix_ns = in.i64();
                                r.epoch = in.u32();
                                r.index = in.u64();
                                r.id = get_id<NoteId>(in);
                                r.by = get_id<SubjectId>(in);
                                r.what = get_what(in);
                                return r;
                              }) &&
                     get_list(in, 45, state.facts,
                              [&] {
                                Fact f;
                                f.at.unix_ns = in.i64();
                                f.epoch = in.u32();
                                f.index = in.u64();
                                f.kind = get_enum<FactKind>(in, fact_kinds);
                                f.by = get_id<SubjectId>(in);
                                f.about = in.text();
                                f.text = in.text();
                                return f;
                              }) &&
                     get_list(in, 57, state.sealings, [&] { return get_sealing(in); }) &&
                     read_map(
                         in, in.u64(), 8, state.rejoin, [&] { return read_short_text<SiteName>(in); },
                         [&] { return get_checklist(in); });
  state.records_dropped = in.u64();
  state.facts_dropped = in.u64();
  count_room(state);
  if (!whole || !in.ok())
    return fail("incident/bad_snapshot",
                "the snapshot's incidents are damaged; delete the snapshot, the journal has it all");
  return state;
}

}  // namespace holdfast::incident
