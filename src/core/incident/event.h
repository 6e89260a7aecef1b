// What can be asked and what can happen in an incident. incident.h says what it is for.
//
// Errors: incident/bad_note, incident/bad_title, incident/bad_task (check_event).
// Source: the kinds, the doubts and the periods were checked against 624 real incidents (VCDB, VERIS scheme): see
//         docs/incident-guide.md.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::incident {

inline constexpr std::size_t title_bytes_max = 200;
inline constexpr std::size_t text_bytes_max = 2000;
inline constexpr std::size_t joined_max = 500;
inline constexpr std::size_t figures_max = 10'000;  // sites in one closing

using IncidentId = OpaqueId<16, struct IncidentIdTag>;  // the key of the write that opened it
using NoteId = OpaqueId<16, struct NoteIdTag>;          // the key of the write that made the record
using TaskId = OpaqueId<16, struct TaskIdTag>;          // the key of the write that first set it

enum class NoteKind : std::uint8_t {
  note,                // what fits nowhere else
  observation,         // what was seen
  discovered,          // how and when we learned of it: a regulator's clock runs from here
  cause,               // how they came in, what they did
  contained,           // when and how it was stopped
  data_affected,       // whose or which data, seen, taken, changed or lost
  attacker_contact,    // the attacker wrote or called
  ransom_asked,        //
  decision,            // what was decided, and by whom
  authority_informed,  // police, regulator
  people_informed,     // those whose data it is, staff, customers, partners
  loss,                // what it costs
  title,               // what the incident is called from here on
};
inline constexpr std::uint8_t note_kinds = 13;
enum class Knowing : std::uint8_t { known, suspected, not_yet_known, ruled_out };
enum class TaskState : std::uint8_t { open, doing, done, dropped };
std::string_view to_text(NoteKind kind);  // "data_affected"
std::string_view to_text(Knowing knowing);
std::string_view to_text(TaskState state);

// About when it happened, as far as anybody knows: at or after `from`, before or at `to`. Neither: not yet known.
struct Period {
  std::optional<Instant> from, to;
  bool operator==(const Period&) const = default;
};

// Commands
struct OpenIncident {
  std::string title;  // may be empty; a note of kind `title` can name it later
};
struct NoteIncident {
  IncidentId incident;
  NoteKind kind = NoteKind::note;
  Knowing knowing = Knowing::known;
  std::string text;
  Period about;
  SubjectId by_whom;  // of a decision: who took it, where that is not the writer; zero: not said
  std::optional<NoteId> corrects;
};
struct SetTask {
  IncidentId incident;
  std::optional<TaskId> task;  // none: a new one
  std::string text;
  SubjectId owner;  // zero: nobody yet
  TaskState state = TaskState::open;
};
struct JoinIncidents {
  IncidentId into;
  std::vector<IncidentId> others;
};
struct CloseIncident {
  IncidentId incident;
  std::string text;
};

// Events
struct IncidentOpened {
  IncidentId id;
  std::string title;
  std::optional<EntryRef> cause;  // the entry that sealed the site; none: by hand
  bool operator==(const IncidentOpened&) const = default;
};
struct IncidentNoted {
  IncidentId incident;
  NoteKind kind = NoteKind::note;
  Knowing knowing = Knowing::known;
  std::string text;
  Period about;
  SubjectId by_whom;
  std::optional<NoteId> corrects;
  bool operator==(const IncidentNoted&) const = default;
};
struct TaskSet {
  IncidentId incident;
  TaskId task;
  std::string text;
  SubjectId owner;
  TaskState state = TaskState::open;
  bool operator==(const TaskSet&) const = default;
};
struct IncidentsJoined {
  IncidentId into;
  std::vector<IncidentId> others;
  bool operator==(const IncidentsJoined&) const = default;
};
// Of one site, from its first sealing in the incident to `as_of` entries of its journal.
struct SiteFigures {
  SiteName site;
  std::uint64_t as_of = 0;
  bool is_sealed = false;  // still, by those entries
  Duration sealed;         // in all
  std::uint64_t sales = 0;
  Money gross;                // sales less refunds, while sealed
  std::uint64_t waiting = 0;  // entries written while sealed: what had to catch up afterwards
  std::uint64_t alerts = 0;
  bool operator==(const SiteFigures&) const = default;
};
struct IncidentClosed {
  IncidentId incident;
  std::string text;
  std::vector<SiteFigures> figures;  // of the sites that the closing site saw
  bool operator==(const IncidentClosed&) const = default;
};
// Before a link returns after a seal, each of these is done or not needed, and at the end a second person agrees.
enum class RejoinCheck : std::uint8_t {
  clean_point,  // chosen for that site, or not needed
  keys,         // of that site and ours: changed, or not needed
  journals,     // verified against what mirrors hold; always needed
  agreed,       // by a person who has done none of the others
};
inline constexpr std::uint8_t rejoin_checks = 4;
std::string_view to_text(RejoinCheck check);
struct StepRejoin {
  SiteName site;  // at the other end of the link
  RejoinCheck check = RejoinCheck::clean_point;
  bool not_needed = false;
  std::string text;
};
struct RejoinStep {
  SiteName site;
  RejoinCheck check = RejoinCheck::clean_point;
  bool not_needed = false;
  std::string text;
  bool operator==(const RejoinStep&) const = default;
};
using What = std::variant<IncidentOpened, IncidentNoted, TaskSet, IncidentsJoined, IncidentClosed>;

// What every event must be, whoever wrote it.
Status check_event(const IncidentOpened& event);
Status check_event(const IncidentNoted& event);
Status check_event(const TaskSet& event);
Status check_event(const IncidentsJoined& event);
Status check_event(const IncidentClosed& event);
Status check_event(const RejoinStep& event);
// The incident that an event is of.
const IncidentId& incident_of(const What& what);

}  // namespace holdfast::incident
