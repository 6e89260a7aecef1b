// Incidents: what people say and do about an attack, kept so that it can be told later who knew what, and when.
//
// Shape:  nothing is changed: a note that was wrong is corrected by a later one that names it. Notes are written at any
//         site that sees the incident; each site's part is the fold of its own journal, and merge.h puts the parts
//         together. Facts are what the journal itself knows (alerts, postures, cuts, …), translated by fold.
//         People are opaque subject ids; texts hold no personal data by rule of the page and no card number by check.
// Errors: incident/unknown (no such incident, note or task is seen here), incident/full, incident/bad_snapshot.
// Source: docs/events.md, Incidents of several sites, says how parts of several sites are put together.
#pragma once

#include <array>
#include <deque>
#include <map>

#include "core/incident/event.h"

namespace holdfast::incident {

// What one journal can put into its part; what is beyond is counted and not kept (protocol 7.6).
struct Room {
  std::size_t records = 0;
  std::size_t bytes = 0;   // of what records say, in memory
  std::size_t joined = 0;  // incidents that IncidentsJoined name, in all
};
inline constexpr Room own_room{20'000, 64u << 20, 20'000};
// Less, because every look at an incident goes through all parts: a peer must not make that slow.
inline constexpr Room peer_room{5000, 8u << 20, 5000};
inline constexpr std::size_t facts_max = 5000;  // the newest
inline constexpr std::size_t sealings_max = 200;

struct Record {
  Instant at;
  std::uint32_t epoch = 0;  // where it stands in its site's journals
  EntryIndex index = 0;
  NoteId id;  // zero: the node wrote it by itself
  SubjectId by;
  What what;
  bool operator==(const Record&) const = default;
};

enum class FactKind : std::uint8_t {
  alert,          // about: source; text: what and why
  posture,        // about: the new posture; text: reason
  link_cut,       // about: the other site
  link_healed,    // about: the other site
  contradiction,  // about: origin
  epoch_opened,   // about: origin; a rebuilt machine serves
  registration,   // about: origin; a peer's new machine is known here
  take_over,      // the standby opened for trade; text: reason
  handback,       // about: its number
  rejoin_step,    // about: site; text: step
  link_returned,  // about: site
};
inline constexpr std::uint8_t fact_kinds = 11;
std::string_view to_text(FactKind kind);
// The text of an alert's fact when it stands for so many alike, and how many a text stands for.
std::string with_count(std::string text, std::uint64_t count);
std::uint64_t count_in(std::string_view text);
struct Fact {
  Instant at;
  std::uint32_t epoch = 0;
  EntryIndex index = 0;
  FactKind kind = FactKind::alert;
  SubjectId by;  // zero: nobody
  std::string about, text;
  bool operator==(const Fact&) const = default;
};
// A stretch in which the site was sealed, with its totals at both ends.
struct Sealing {
  Instant from;
  std::uint64_t entries_from = 0, sales_from = 0;
  Money gross_from;
  std::optional<Instant> to;  // none: sealed still
  std::uint64_t entries_to = 0, sales_to = 0;
  Money gross_to;
  bool operator==(const Sealing&) const = default;
};
// What stood at a moment, as fold counts it.
struct Standing {
  Instant at;
  std::uint64_t entries = 0, sales = 0;
  Money gross;
};

struct CheckDone {
  Instant at;
  SubjectId by;
  bool not_needed = false;
  std::string text;
  bool operator==(const CheckDone&) const = default;
};
// Of one link since the last seal. A check that is done again, or corrected, takes the agreement back.
struct Checklist {
  std::array<std::optional<CheckDone>, rejoin_checks> checks;
  std::vector<RejoinCheck> missing() const;
  bool operator==(const Checklist&) const = default;
};

struct IncidentState {
  std::vector<Record> records;  // in the order of the journal
  std::deque<Fact> facts;
  std::deque<Sealing> sealings;
  std::map<SiteName, Checklist> rejoin;  // of this site's own links
  std::uint64_t records_dropped = 0, facts_dropped = 0;
  std::size_t bytes = 0, joined = 0;  // of `records`; not in a snapshot, which is counted again

  void encode(Writer& out) const;
  static Result<IncidentState> decode(Reader& in);
  bool operator==(const IncidentState&) const = default;
};
// The states that the deciding site sees, its own first.
using States = std::vector<const IncidentState*>;

Result<IncidentOpened> decide(const States& states, const OpenIncident& command, const IncidentId& id);
Result<IncidentNoted> decide(const States& states, const NoteIncident& command);
Result<TaskSet> decide(const States& states, const SetTask& command, const TaskId& id);
Result<IncidentsJoined> decide(const States& states, const JoinIncidents& command);
Result<IncidentClosed> decide(const States& states, const CloseIncident& command, std::vector<SiteFigures> figures);

// incident/check_missing: an agreement before the rest is done. incident/second_person: by somebody who did a check, or
// by nobody.
Result<RejoinStep> decide(const IncidentState& state, const StepRejoin& command, const SubjectId& by);

void apply(IncidentState& state, Record record, const Room& room = own_room);
void count_room(IncidentState& state);  // `bytes` and `joined`, from the records
void apply(IncidentState& state, const RejoinStep& event, Instant at, const SubjectId& by);
void apply(IncidentState& state, Fact fact);
// The site was sealed, or is no more; what changes nothing does nothing.
void seal(IncidentState& state, const Standing& standing);
void unseal(IncidentState& state, const Standing& standing);

}  // namespace holdfast::incident
