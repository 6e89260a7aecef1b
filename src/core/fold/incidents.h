// Incidents across domains: what of a journal joins them as a fact, which parts a site sees, and what they cost.
// Source: docs/events.md, Incidents of several sites.
#pragma once

#include "core/fold/state.h"
#include "core/incident/merge.h"

namespace holdfast::fold {

// What an event tells of an attack by itself; none: nothing.
std::optional<incident::Fact> fact_of(const Event& event, const EntryPlace& at, guard::Posture posture);
// An event about an incident, as a record; none: it is not about one.
std::optional<incident::Record> record_of(const Event& event, const EntryPlace& at);
// Both, into a part (also of a peer, which has less room). posture: of that site, as it is with this event.
void tell_incidents(incident::IncidentState& state, const Event& event, const EntryPlace& at, guard::Posture posture,
                    const incident::Room& room = incident::own_room);
void tell_posture(incident::IncidentState& state, guard::Posture posture, const incident::Standing& standing);

// "open", "guarded", "sealed", "rejoining", as a journal says it last; since when, if it was ever changed.
struct SitePosture {
  std::string_view posture;
  std::optional<Instant> since;
};
SitePosture posture_of(const State& state);
SitePosture posture_of(const PeerPart& part);

// This site's part, then those of the sites that it follows.
std::vector<incident::Part> incident_parts(const State& state);
std::vector<incident::SeenIncident> incidents_seen(const State& state);
// Figures of every site that is seen, from `from` on and until `to`; as of what is folded here.
std::vector<incident::SiteFigures> incident_figures(const State& state, Instant from, std::optional<Instant> to = {});

}  // namespace holdfast::fold
