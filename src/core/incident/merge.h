// Incidents as they are seen from one site: the union of the parts that its own journal and the followed ones hold.
//
// Shape:  records stand in the order of (time, origin, index), so that every site that sees the same parts tells the
//         same. Incidents that an IncidentsJoined names are one; its id is that of the earliest opening seen.
//         Two titles: a note of kind `title` counts before the titles at opening, the newest of them; the others are
//         told beside it. Two closings: it is closed since the first one behind the newest opening; the others stay in
//         the timeline with their figures. A note behind a closing stays a note and opens nothing.
//         Clocks may be wrong: a closing closes what it names, and every opening before that, though it be dated
//         before them, as where the opening site's clock is ahead of the closing one's.
//         What was noted before its opening is seen (another site's link is behind) belongs to it already.
// Thread: pure; what it returns points into the parts.
// Source: docs/events.md, Incidents of several sites; protocol 7.4.
#pragma once

#include <map>

#include "core/incident/incident.h"

namespace holdfast::incident {

struct Part {
  SiteName site;
  const IncidentState* state = nullptr;
};
struct SeenRecord {
  SiteName site;
  const Record* record = nullptr;
};
struct SeenFact {
  SiteName site;
  const Fact* fact = nullptr;
};

struct SeenIncident {
  IncidentId id;
  std::vector<IncidentId> ids;  // all that are joined, rising
  std::vector<SeenRecord> records;
  std::string title;  // may be empty: opened by a seal, and not named yet
  std::vector<std::string> other_titles;
  std::optional<SeenRecord> opening;      // the earliest; none: not seen from here yet
  std::optional<SeenRecord> last_opened;  // the newest, of those that were joined
  std::optional<SeenRecord> closing;      // none: open
  std::vector<SeenRecord> tasks;          // each as it was set last, in the order of their first setting
  std::map<NoteId, NoteId> corrected_by;
  // Of each kind in order, without those that were corrected. Each stands beside the others: that card data is ruled
  // out takes nothing back of what is known about addresses.
  std::map<NoteKind, std::vector<SeenRecord>> standing;

  bool is_closed() const { return closing.has_value(); }
};

// The newest opening first.
std::vector<SeenIncident> merge(const std::vector<Part>& parts);
// Null: none.
const SeenIncident* find(const std::vector<SeenIncident>& incidents, const IncidentId& id);
// Whether they are one by now: they were joined, or are the same.
bool are_one(const States& states, const IncidentId& a, const IncidentId& b);
// What the journals know by themselves, from `from` on and until `to`, in the same order.
std::vector<SeenFact> facts_between(const std::vector<Part>& parts, Instant from, std::optional<Instant> to);
// By its earliest opening: a record that a peer has dated 1970 moves no deadline. Where none is seen: its first record.
Instant began(const SeenIncident& incident);
// Not before it began, whatever the closing site's clock says; none: it is open.
std::optional<Instant> ended(const SeenIncident& incident);
// What a closing decided at `now` names, so that it is closed then: what was asked for, or, where a joined opening is
// dated later than that, the newest opening.
IncidentId to_close(const SeenIncident& incident, const IncidentId& asked, Instant now);
// The facts of this long before an incident was opened belong to it: the alert comes before the seal.
inline constexpr Duration facts_before_opening = days(1);
std::vector<SeenFact> facts_of(const SeenIncident& incident, const std::vector<Part>& parts);

// Figures of one site for the incident: its sealings from `from` on and until `to`, as its journal of `standing` tells
// them. Of a sealing that goes on behind `to` the time is cut there; what was sold in it is told whole, because nobody
// has kept how much it was at that moment.
SiteFigures figures_of(const Part& part, const Standing& standing, Instant from, std::optional<Instant> to = {});

}  // namespace holdfast::incident
