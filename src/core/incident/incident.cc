#include "core/incident/incident.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/sums.h"
#include "core/incident/merge.h"

namespace holdfast::incident {
namespace {

constexpr std::string_view unknown = "incident/unknown";
constexpr std::array<std::string_view, fact_kinds> fact_names = {
    "alert",        "posture",   "link_cut", "link_healed", "contradiction", "epoch_opened",
    "registration", "take_over", "handback", "rejoin_step", "link_returned"};

bool any_record(const States& states, const auto& holds) {
  return std::ranges::any_of(states, [&](const IncidentState* s) { return std::ranges::any_of(s->records, holds); });
}

Status check_known(const States& states, const IncidentId& id) {
  const bool is_known = any_record(states, [&](const Record& record) {
    const auto* opened = std::get_if<IncidentOpened>(&record.what);
    return opened != nullptr && opened->id == id;
  });
  if (is_known) return {};
  return fail(unknown, "no such incident is seen from this site; `incident list` names those that are");
}

// What it takes of a part's room: bytes in memory, and incidents named in a joining.
struct Weight {
  std::size_t bytes = sizeof(Record), joined = 0;
  explicit Weight(const What& what) { std::visit(*this, what); }
  void operator()(const IncidentOpened& e) { bytes += e.title.size(); }
  void operator()(const IncidentNoted& e) { bytes += e.text.size(); }
  void operator()(const TaskSet& e) { bytes += e.text.size(); }
  void operator()(const IncidentClosed& e) { bytes += e.text.size() + e.figures.size() * sizeof(SiteFigures); }
  void operator()(const IncidentsJoined& e) {
    joined += e.others.size();
    bytes += e.others.size() * sizeof(IncidentId);
  }
};

bool has_room(const IncidentState& state, const What& what, const Room& room) {
  const Weight weight(what);
  return state.records.size() < room.records && state.bytes + weight.bytes <= room.bytes &&
         state.joined + weight.joined <= room.joined;
}

Status check_room(const States& states, const What& what) {
  if (has_room(*states.front(), what, own_room)) return {};
  return fail("incident/full", "this site has written as much about incidents as it can keep; write at another site");
}

template <class E>
Result<E> checked(const States& states, E event, bool opens = false) {
  HF_TRY_VOID(check_event(event));
  HF_TRY_VOID(check_room(states, event));
  if (!opens) HF_TRY_VOID(check_known(states, incident_of(event)));
  return event;
}

}  // namespace

std::string_view to_text(FactKind kind) { return fact_names.at(static_cast<std::size_t>(kind)); }

std::string with_count(std::string text, std::uint64_t count) {
  return count > 1 ? fmt::format("{} x {}", text, count) : text;
}

std::uint64_t count_in(std::string_view text) {
  const std::size_t at = text.rfind(") x ");  // before it stands the rule, in brackets
  if (at == std::string_view::npos) return 1;
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + at + 4, end, count);
  return error == std::errc() && rest == end && count > 0 ? count : 1;
}

Result<IncidentOpened> decide(const States& states, const OpenIncident& command, const IncidentId& id) {
  if (command.title.empty())
    return fail("incident/bad_title", "give the incident a title: in a few words, what has happened");
  return checked(states, IncidentOpened{id, command.title, std::nullopt}, true);
}

Result<IncidentNoted> decide(const States& states, const NoteIncident& c) {
  HF_TRY(IncidentNoted event,
         checked(states, IncidentNoted{c.incident, c.kind, c.knowing, c.text, c.about, c.by_whom, c.corrects}));
  if (event.corrects && !any_record(states, [&](const Record& record) {
        const auto* noted = std::get_if<IncidentNoted>(&record.what);
        return noted != nullptr && record.id == *event.corrects && are_one(states, noted->incident, c.incident);
      }))
    return fail(unknown, "the note that this corrects is not seen from this site, or is of another incident");
  return event;
}

Result<TaskSet> decide(const States& states, const SetTask& c, const TaskId& id) {
  HF_TRY(TaskSet event, checked(states, TaskSet{c.incident, c.task.value_or(id), c.text, c.owner, c.state}));
  if (c.task && !any_record(states, [&](const Record& record) {
        const auto* set = std::get_if<TaskSet>(&record.what);
        return set != nullptr && set->task == *c.task && are_one(states, set->incident, c.incident);
      }))
    return fail(unknown, "no such task of this incident is seen from this site");
  return event;
}

Result<IncidentsJoined> decide(const States& states, const JoinIncidents& command) {
  IncidentsJoined event{command.into, command.others};
  std::ranges::sort(event.others);
  HF_TRY_VOID(check_event(event));
  for (const IncidentId& other : event.others) HF_TRY_VOID(check_known(states, other));
  return checked(states, std::move(event));
}

Result<IncidentClosed> decide(const States& states, const CloseIncident& command, std::vector<SiteFigures> figures) {
  return checked(states, IncidentClosed{command.incident, command.text, std::move(figures)});
}

std::vector<RejoinCheck> Checklist::missing() const {
  std::vector<RejoinCheck> out;
  for (std::uint8_t i = 0; i < rejoin_checks; ++i)
    if (!checks[i]) out.push_back(static_cast<RejoinCheck>(i));
  return out;
}

Result<RejoinStep> decide(const IncidentState& state, const StepRejoin& c, const SubjectId& by) {
  RejoinStep event{c.site, c.check, c.not_needed, c.text};
  HF_TRY_VOID(check_event(event));
  if (by.is_zero())
    return fail("incident/second_person", "each check is a person's: sign in, or name the person with --staff");
  if (c.check != RejoinCheck::agreed) return event;
  const auto known = state.rejoin.find(c.site);
  const Checklist list = known == state.rejoin.end() ? Checklist{} : known->second;
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(RejoinCheck::agreed); ++i) {
    if (!list.checks[i])
      return fail("incident/check_missing", fmt::format("the check \"{}\" is not done for {} yet; agree when it is",
                                                        to_text(static_cast<RejoinCheck>(i)), c.site.view()));
    if (list.checks[i]->by == by)
      return fail("incident/second_person", "you have done one of these checks yourself; another person must agree");
  }
  return event;
}

void apply(IncidentState& state, const RejoinStep& event, Instant at, const SubjectId& by) {
  Checklist& list = state.rejoin[event.site];
  list.checks[static_cast<std::size_t>(RejoinCheck::agreed)].reset();
  list.checks[static_cast<std::size_t>(event.check)] = CheckDone{at, by, event.not_needed, event.text};
}

void count_room(IncidentState& state) {
  state.bytes = state.joined = 0;
  for (const Record& record : state.records) {
    const Weight weight(record.what);
    state.bytes += weight.bytes;
    state.joined += weight.joined;
  }
}

void apply(IncidentState& state, Record record, const Room& room) {
  if (!has_room(state, record.what, room)) {
    ++state.records_dropped;
    return;
  }
  const Weight weight(record.what);
  state.bytes += weight.bytes;
  state.joined += weight.joined;
  state.records.push_back(std::move(record));
}

void apply(IncidentState& state, Fact fact) {
  state.facts.push_back(std::move(fact));
  if (state.facts.size() <= facts_max) return;
  state.facts.pop_front();
  ++state.facts_dropped;
}

void seal(IncidentState& state, const Standing& standing) {
  if (!state.sealings.empty() && !state.sealings.back().to) return;
  state.rejoin.clear();  // what was checked before this seal is to be checked again
  Sealing sealing;
  sealing.from = standing.at;
  sealing.entries_from = standing.entries;
  sealing.sales_from = standing.sales;
  sealing.gross_from = standing.gross;
  state.sealings.push_back(sealing);
  if (state.sealings.size() > sealings_max) state.sealings.pop_front();
}

void unseal(IncidentState& state, const Standing& standing) {
  if (state.sealings.empty() || state.sealings.back().to) return;
  Sealing& sealing = state.sealings.back();
  sealing.to = std::max(standing.at, sealing.from);
  sealing.entries_to = standing.entries;
  sealing.sales_to = standing.sales;
  sealing.gross_to = standing.gross;
}

}  // namespace holdfast::incident
