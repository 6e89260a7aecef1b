#include "core/incident/merge.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "core/base/sums.h"

namespace holdfast::incident {
namespace {

template <class Seen, class Of>
void sort_seen(std::vector<Seen>& all, Of of) {
  std::ranges::sort(all, [&](const Seen& a, const Seen& b) {
    const auto &x = *of(a), &y = *of(b);
    return std::tie(x.at, a.site, x.epoch, x.index) < std::tie(y.at, b.site, y.epoch, y.index);
  });
}

// Which incidents are one: the id that stands for each.
class Groups {
 public:
  IncidentId of(IncidentId id) {
    // Each step also shortens the way for the next one: a peer may have joined thousands in a row.
    for (auto it = into_.find(id); it != into_.end();) {
      const auto next = into_.find(it->second);
      if (next == into_.end()) return it->second;
      it->second = next->second;
      it = next;
      id = it->first;
    }
    return id;
  }
  void join(const IncidentId& a, const IncidentId& b) {
    const IncidentId x = of(a), y = of(b);
    if (x != y)
      into_.emplace(std::max(x, y), std::min(x, y));  // towards the smaller: the order of joining is no matter
  }
  void take(const IncidentState& state) {
    for (const Record& record : state.records)
      if (const auto* joined = std::get_if<IncidentsJoined>(&record.what))
        for (const IncidentId& other : joined->others) join(joined->into, other);
  }

 private:
  std::map<IncidentId, IncidentId> into_;
};

// One record after the other, in order.
class Tell {
 public:
  explicit Tell(SeenIncident& told) : incident(told) {}
  SeenIncident& incident;
  std::map<TaskId, std::size_t> task_places = {};
  std::vector<std::string> titles = {};  // each once
  std::set<std::string> known_titles = {};
  std::string named = {};
  std::set<IncidentId> not_opened = {};  // of whose openings this one has not come yet

  void operator()(const SeenRecord& seen, const IncidentOpened& e) {
    // A closing before the first opening, or before that of what it names, is dated by clocks that do not agree.
    const bool was_known = !incident.opening || (incident.closing && not_opened.contains(closed_id()));
    if (!was_known) incident.closing.reset();
    not_opened.erase(e.id);
    if (!incident.opening) {
      incident.opening = seen;
      incident.id = e.id;
    }
    incident.last_opened = seen;
    if (!e.title.empty()) title(e.title);
  }
  void operator()(const SeenRecord& seen, const IncidentNoted& e) {
    if (e.corrects) incident.corrected_by.insert_or_assign(*e.corrects, seen.record->id);
    if (e.kind != NoteKind::title) return;
    title(e.text);
    named = e.text;
  }
  void operator()(const SeenRecord& seen, const TaskSet& e) {
    const auto [place, is_new] = task_places.try_emplace(e.task, incident.tasks.size());
    if (is_new)
      incident.tasks.push_back(seen);
    else
      incident.tasks[place->second] = seen;
  }
  void operator()(const SeenRecord&, const IncidentsJoined&) {}
  void operator()(const SeenRecord& seen, const IncidentClosed&) {
    if (!incident.closing) incident.closing = seen;
  }

 private:
  const IncidentId& closed_id() const { return std::get<IncidentClosed>(incident.closing->record->what).incident; }
  void title(const std::string& text) {
    if (known_titles.insert(text).second) titles.push_back(text);
  }
};

void tell(SeenIncident& incident) {
  sort_seen(incident.records, [](const SeenRecord& seen) { return seen.record; });
  Tell tell(incident);
  for (const SeenRecord& seen : incident.records)
    if (const auto* opened = std::get_if<IncidentOpened>(&seen.record->what)) tell.not_opened.insert(opened->id);
  for (const SeenRecord& seen : incident.records)
    std::visit([&](const auto& what) { tell(seen, what); }, seen.record->what);
  if (!incident.opening) incident.id = incident.ids.front();
  for (const SeenRecord& seen : incident.records) {
    const auto* noted = std::get_if<IncidentNoted>(&seen.record->what);
    if (noted != nullptr && !incident.corrected_by.contains(seen.record->id))
      incident.standing[noted->kind].push_back(seen);
  }
  incident.title = !tell.named.empty() ? tell.named : tell.titles.empty() ? std::string() : tell.titles.front();
  for (std::string& title : tell.titles)
    if (title != incident.title) incident.other_titles.push_back(std::move(title));
}

}  // namespace

std::vector<SeenIncident> merge(const std::vector<Part>& parts) {
  Groups groups;
  for (const Part& part : parts) groups.take(*part.state);
  std::map<IncidentId, SeenIncident> by_group;
  for (const Part& part : parts) {
    for (const Record& record : part.state->records) {
      const IncidentId& id = incident_of(record.what);
      SeenIncident& incident = by_group[groups.of(id)];
      incident.records.push_back({part.site, &record});
      incident.ids.push_back(id);
      if (const auto* joined = std::get_if<IncidentsJoined>(&record.what))
        incident.ids.insert(incident.ids.end(), joined->others.begin(), joined->others.end());
    }
  }
  std::vector<SeenIncident> out;
  for (auto& [id, incident] : by_group) {
    std::ranges::sort(incident.ids);
    incident.ids.erase(std::ranges::unique(incident.ids).begin(), incident.ids.end());
    tell(incident);
    out.push_back(std::move(incident));
  }
  std::ranges::stable_sort(out, [](const SeenIncident& a, const SeenIncident& b) { return began(a) > began(b); });
  return out;
}

const SeenIncident* find(const std::vector<SeenIncident>& incidents, const IncidentId& id) {
  const auto it =
      std::ranges::find_if(incidents, [&](const SeenIncident& i) { return std::ranges::binary_search(i.ids, id); });
  return it == incidents.end() ? nullptr : &*it;
}

bool are_one(const States& states, const IncidentId& a, const IncidentId& b) {
  Groups groups;
  for (const IncidentState* state : states) groups.take(*state);
  return groups.of(a) == groups.of(b);
}

Instant began(const SeenIncident& incident) {
  return incident.opening ? incident.opening->record->at : incident.records.front().record->at;
}

std::optional<Instant> ended(const SeenIncident& incident) {
  if (!incident.closing) return std::nullopt;
  return std::max(incident.closing->record->at, began(incident));
}

IncidentId to_close(const SeenIncident& incident, const IncidentId& asked, Instant now) {
  if (!incident.last_opened || incident.last_opened->record->at < now) return asked;
  return std::get<IncidentOpened>(incident.last_opened->record->what).id;
}

std::vector<SeenFact> facts_between(const std::vector<Part>& parts, Instant from, std::optional<Instant> to) {
  std::vector<SeenFact> out;
  for (const Part& part : parts)
    for (const Fact& fact : part.state->facts)
      if (fact.at >= from && (!to || fact.at <= *to)) out.push_back({part.site, &fact});
  sort_seen(out, [](const SeenFact& seen) { return seen.fact; });
  return out;
}

std::vector<SeenFact> facts_of(const SeenIncident& incident, const std::vector<Part>& parts) {
  return facts_between(parts, began(incident) - facts_before_opening, ended(incident));
}

SiteFigures figures_of(const Part& part, const Standing& standing, Instant from, std::optional<Instant> to) {
  const auto opened_epoch = [&](Instant first, Instant last) {
    return std::ranges::any_of(part.state->facts, [&](const Fact& fact) {
      return fact.kind == FactKind::epoch_opened && fact.at >= first && fact.at <= last;
    });
  };
  SiteFigures out;
  out.site = part.site;
  out.as_of = standing.entries;
  for (const Sealing& s : part.state->sealings) {
    const Instant end = s.to.value_or(std::max(standing.at, s.from));
    if (end < from || (to && s.from > *to)) continue;
    out.is_sealed = !s.to || (to && *s.to > *to);
    out.sealed.ns = wrapping_sum(out.sealed.ns, ((to ? std::min(end, *to) : end) - s.from).ns);
    out.sales += (s.to ? s.sales_to : standing.sales) - s.sales_from;
    add(out.gross, s.to ? s.gross_to : standing.gross);
    take_off(out.gross, s.gross_from);
    // A machine that was replaced meanwhile counts in a new epoch, from 0: then what is in that one is told.
    const std::uint64_t entries = s.to ? s.entries_to : standing.entries;
    const bool is_same_epoch = entries >= s.entries_from && !opened_epoch(s.from, end);
    out.waiting += is_same_epoch ? entries - s.entries_from : entries;
  }
  for (const Fact& fact : part.state->facts)
    if (fact.kind == FactKind::alert && fact.at >= from && (!to || fact.at <= *to)) out.alerts += count_in(fact.text);
  return out;
}

}  // namespace holdfast::incident
