#include "core/incident/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace holdfast::incident {
namespace {

constexpr std::string_view bad_note = "incident/bad_note";

constexpr std::array<std::string_view, note_kinds> kind_names = {
    "note",      "observation",        "discovered",       "cause",
    "contained", "data_affected",      "attacker_contact", "ransom_asked",
    "decision",  "authority_informed", "people_informed",  "loss",
    "title"};
constexpr std::array<std::string_view, 4> knowing_names = {"known", "suspected", "not_yet_known", "ruled_out"};
constexpr std::array<std::string_view, 4> task_names = {"open", "doing", "done", "dropped"};

Status check_text(std::string_view code, std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return fail(code, fmt::format("the {} is {} bytes long; {} are taken: write the rest as another note", what,
                                  text.size(), bytes_max));
  if (!is_clean_text(text))
    return fail(code, fmt::format("the {} holds what cannot be printed, or a line break; write it in one line", what));
  return {};
}

Status check_id(std::string_view code, std::string_view what, bool is_zero) {
  if (is_zero) return fail(code, fmt::format("the {} is missing", what));
  return {};
}

Status check_period(const Period& about) {
  if ((about.from && about.from->unix_ns < 0) || (about.to && about.to->unix_ns < 0))
    return fail(bad_note, "times before 1970 cannot be recorded");
  if (about.from && about.to && *about.to < *about.from)
    return fail(bad_note, "it cannot have ended before it began: exchange the two times");
  return {};
}

}  // namespace

std::string_view to_text(NoteKind kind) { return kind_names.at(static_cast<std::size_t>(kind)); }
std::string_view to_text(Knowing knowing) { return knowing_names.at(static_cast<std::size_t>(knowing)); }
std::string_view to_text(RejoinCheck check) {
  constexpr std::array<std::string_view, rejoin_checks> names = {"clean_point", "keys", "journals", "agreed"};
  return names.at(static_cast<std::size_t>(check));
}
std::string_view to_text(TaskState state) { return task_names.at(static_cast<std::size_t>(state)); }

Status check_event(const IncidentOpened& event) {
  constexpr std::string_view bad_title = "incident/bad_title";
  HF_TRY_VOID(check_id(bad_title, "incident's id", event.id.is_zero()));
  return check_text(bad_title, "title", event.title, title_bytes_max);
}

Status check_event(const IncidentNoted& event) {
  HF_TRY_VOID(check_id(bad_note, "incident's id", event.incident.is_zero()));
  if (event.corrects) HF_TRY_VOID(check_id(bad_note, "id of the note that is corrected", event.corrects->is_zero()));
  const bool is_title = event.kind == NoteKind::title;
  HF_TRY_VOID(
      check_text(bad_note, is_title ? "title" : "note", event.text, is_title ? title_bytes_max : text_bytes_max));
  // "Cause: not yet known" says enough; that something is so needs words.
  if (event.text.empty() && (is_title || event.knowing != Knowing::not_yet_known))
    return fail(bad_note, "the note says nothing; write what is known, or say that it is not yet known");
  return check_period(event.about);
}

Status check_event(const TaskSet& event) {
  constexpr std::string_view bad_task = "incident/bad_task";
  HF_TRY_VOID(check_id(bad_task, "incident's id", event.incident.is_zero()));
  HF_TRY_VOID(check_id(bad_task, "task's id", event.task.is_zero()));
  if (event.text.empty()) return fail(bad_task, "the task says nothing; write what is to be done");
  return check_text(bad_task, "task", event.text, text_bytes_max);
}

Status check_event(const IncidentsJoined& event) {
  HF_TRY_VOID(check_id(bad_note, "incident's id", event.into.is_zero()));
  if (event.others.empty() || event.others.size() > joined_max)
    return fail(bad_note, fmt::format("{} incidents to join; give 1 to {}", event.others.size(), joined_max));
  for (const IncidentId& other : event.others) {
    HF_TRY_VOID(check_id(bad_note, "id of an incident to join", other.is_zero()));
    if (other == event.into) return fail(bad_note, "an incident cannot be joined with itself");
  }
  if (std::ranges::adjacent_find(event.others, std::greater_equal<>()) != event.others.end())
    return fail(bad_note, "the incidents to join are not in order, or one is named twice");
  return {};
}

Status check_event(const IncidentClosed& event) {
  HF_TRY_VOID(check_id(bad_note, "incident's id", event.incident.is_zero()));
  HF_TRY_VOID(check_text(bad_note, "closing note", event.text, text_bytes_max));
  if (event.figures.size() > figures_max) return fail(bad_note, "more sites than a closing can have");
  for (const SiteFigures& site : event.figures)
    if (site.site.empty() || site.sealed.ns < 0) return fail(bad_note, "the figures of a site are damaged");
  return {};
}

Status check_event(const RejoinStep& event) {
  constexpr std::string_view bad_step = "incident/bad_step";
  if (event.site.empty() || !is_clean_text(event.site.view())) return fail(bad_step, "name the site at the other end");
  if (event.not_needed && event.check >= RejoinCheck::journals)
    return fail(bad_step, fmt::format("{} is always needed", to_text(event.check)));
  if (event.text.empty() && event.check != RejoinCheck::agreed)
    return fail(bad_step, "say what was done, or why it is not needed");
  return check_text(bad_step, "step", event.text, text_bytes_max);
}

const IncidentId& incident_of(const What& what) {
  return std::visit(
      [](const auto& e) -> const IncidentId& {
        using E = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<E, IncidentOpened>)
          return e.id;
        else if constexpr (std::is_same_v<E, IncidentsJoined>)
          return e.into;
        else
          return e.incident;
      },
      what);
}

}  // namespace holdfast::incident
