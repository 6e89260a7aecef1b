// What to do next: a short playbook from what is known, in the order in which it is to be done. Its sentences are here
// and nowhere else; the pages show them as they come.
#include <fmt/format.h>

#include <algorithm>

#include "edge/incident/report.h"

namespace holdfast::incident_report {
namespace {

using incident::Knowing;
using incident::NoteKind;

// GDPR article 33 (1); others count otherwise, and counsel decides.
constexpr Duration authority_hours = seconds(72 * 3600);

// What is noted of it and was not corrected, in order.
std::vector<const incident::IncidentNoted*> noted(const incident::SeenIncident& incident, NoteKind kind) {
  std::vector<const incident::IncidentNoted*> out;
  if (const auto it = incident.standing.find(kind); it != incident.standing.end())
    for (const incident::SeenRecord& seen : it->second)
      out.push_back(&std::get<incident::IncidentNoted>(seen.record->what));
  return out;
}
bool any_says(const incident::SeenIncident& incident, NoteKind kind, std::initializer_list<Knowing> what) {
  return std::ranges::any_of(noted(incident, kind), [&](const incident::IncidentNoted* note) {
    return std::ranges::find(what, note->knowing) != what.end();
  });
}
bool is_known(const incident::SeenIncident& incident, NoteKind kind) {
  return any_says(incident, kind, {Knowing::known});
}
bool is_suspected(const incident::SeenIncident& incident, NoteKind kind) {
  return any_says(incident, kind, {Knowing::known, Knowing::suspected});
}
// One thing that is ruled out rules nothing else out: whoever has said more corrects it first.
bool is_ruled_out(const incident::SeenIncident& incident, NoteKind kind) {
  return any_says(incident, kind, {Knowing::ruled_out}) && !is_suspected(incident, kind);
}
// Whether something is said of it, even a suspicion.
bool is_told(const incident::SeenIncident& incident, NoteKind kind) {
  return is_suspected(incident, kind) || is_ruled_out(incident, kind);
}
// Whether it is so by now: what was contained may be contained no longer.
bool is_so_now(const incident::SeenIncident& incident, NoteKind kind) {
  const auto notes = noted(incident, kind);
  return !notes.empty() && notes.back()->knowing == Knowing::known;
}

// When the first of us learned of it, as far as it is noted; else when the incident was opened. None: that is said to
// be later than now, so the clock that said it was ahead, and nobody knows.
std::optional<Instant> learned_at(const incident::SeenIncident& incident, Instant now) {
  std::optional<Instant> first;
  for (const incident::IncidentNoted* note : noted(incident, NoteKind::discovered)) {
    const std::optional<Instant> at = note->about.from ? note->about.from : note->about.to;
    if (at && (!first || *at < *first)) first = at;
  }
  const Instant at = first.value_or(began(incident));
  return at > now + clock_slack ? std::nullopt : std::optional(at);
}

struct Steps {
  std::vector<Step> out = {};
  void add(std::string_view code, For whom, std::string en, std::string fr, std::optional<Instant> at = {}) {
    out.push_back({code, whom, std::move(en), std::move(fr), at});
  }
};

void for_the_store(Steps& steps, const fold::State& state, const Live& live) {
  steps.add("sell_on", For::store,
            "Go on selling. The tills need nobody outside the store. Do not switch the node or the tills off.",
            "Continuez à vendre. Les caisses n’ont besoin de personne hors du magasin. N’éteignez ni le nœud ni les "
            "caisses.");
  if (const auto now = fold::posture_of(state); now.posture == "sealed")
    steps.add("no_outside", For::store,
              "This site is sealed: plug nothing in, connect nothing, and answer no call that asks you to.",
              "Ce site est scellé : ne branchez rien, ne reconnectez rien, et n’obéissez à aucun appel qui le demande.",
              now.since);
  if (live.no_copy_since)
    steps.add("no_copy", For::store,
              "The newest sales are on this machine alone. Keep the tills running and do not clear their browsers.",
              "Les dernières ventes ne sont que sur cette machine. Laissez les caisses allumées et n’effacez pas leurs "
              "navigateurs.",
              live.no_copy_since);
}

void for_security(Steps& steps, const Report& report, const fold::State& state) {
  const incident::SeenIncident& incident = report.incident;
  const std::string_view posture = fold::posture_of(state).posture;
  const bool is_sealed = posture == "sealed";
  if (!is_told(incident, NoteKind::discovered))
    steps.add("note_discovered", For::security,
              "Note how and when this was discovered. Clocks that others set run from that moment.",
              "Notez comment et quand cela a été découvert. Des délais courent à partir de ce moment.");
  const bool has_contradiction = std::ranges::any_of(
      report.facts, [](const auto& f) { return f.fact->kind == incident::FactKind::contradiction; });
  if (has_contradiction)
    steps.add("contradiction", For::security,
              "A journal contradicts itself: a key is stolen or a machine was copied. Cut that site at its peers and "
              "rebuild it with new keys.",
              "Un journal se contredit : une clé est volée ou une machine copiée. Coupez ce site chez ses pairs et "
              "reconstruisez-le avec de nouvelles clés.");
  const bool has_cause = is_suspected(incident, NoteKind::cause);
  if (is_sealed && !has_cause)
    steps.add(
        "explain_seal", For::security,
        "Sealed and not explained: stay sealed. Look at the alert, and note the cause or that it is not yet known.",
        "Scellé et inexpliqué : restez scellé. Examinez l’alerte et notez la cause, ou qu’elle n’est pas encore "
        "connue.");
  const bool has_spoken =
      is_suspected(incident, NoteKind::ransom_asked) || is_suspected(incident, NoteKind::attacker_contact);
  if (has_spoken && noted(incident, NoteKind::decision).empty())
    steps.add(
        "decide", For::security,
        "The attacker has spoken: nobody answers before it is decided who speaks. Note the decision and who took it.",
        "L’attaquant s’est manifesté : personne ne répond avant que l’on ait décidé qui parle. Notez la décision et "
        "qui l’a prise.");
  if (!is_so_now(incident, NoteKind::contained) && has_cause)
    steps.add("contain", For::security,
              "The cause is noted. Stop it everywhere, then note when and how it was contained.",
              "La cause est notée. Arrêtez-la partout, puis notez quand et comment elle a été contenue.");
  if (is_sealed && has_cause && is_so_now(incident, NoteKind::contained))
    steps.add("begin_rejoin", For::security,
              "Explained and contained: begin to rejoin. Each link returns when its checklist is met.",
              "Expliqué et contenu : commencez le retour. Chaque lien revient quand sa liste de contrôle est remplie.");
  if (posture == "rejoining")
    steps.add("rejoin_links", For::security,
              "Rejoining: go through the checklist of each link; a second person agrees before it returns.",
              "Retour en cours : suivez la liste de contrôle de chaque lien ; une deuxième personne donne son accord "
              "avant son retour.");
}

void for_tasks(Steps& steps, const Report& report, const Live& live) {
  std::size_t open = 0, without_owner = 0;
  for (const incident::SeenRecord& seen : report.incident.tasks) {
    const auto& task = std::get<incident::TaskSet>(seen.record->what);
    if (task.state != incident::TaskState::open && task.state != incident::TaskState::doing) continue;
    ++open;
    without_owner += task.owner.is_zero() ? 1 : 0;
  }
  if (without_owner > 0)
    steps.add("own_tasks", For::security,
              fmt::format("Give each task a person: {} of {} have none.", without_owner, open),
              fmt::format("Donnez un responsable à chaque tâche : {} sur {} n’en ont pas.", without_owner, open));
  const bool calm = std::ranges::all_of(report.sites, [&](const SiteSight& s) {
    return (s.posture.empty() || s.posture == "open") && !live.silent.contains(s.site);
  });
  if (calm && open == 0 && is_so_now(report.incident, NoteKind::contained))
    steps.add("close", For::security,
              "Every site that is seen is open and no task is left: close the incident with its figures.",
              "Tous les sites visibles sont ouverts et aucune tâche ne reste : clôturez l’incident avec ses chiffres.");
}

void add_authority(Steps& steps, std::optional<Instant> learned) {
  constexpr std::string_view code = "inform_authority";
  if (learned)
    return steps.add(code, For::lawyer,
                     "Personal data is not ruled out and no authority is informed. Under the GDPR, 72 hours end at the "
                     "time shown; counsel decides.",
                     "Des données personnelles ne sont pas exclues et aucune autorité n’est informée. Selon le RGPD, "
                     "les 72 heures s’achèvent à l’heure indiquée ; le juriste décide.",
                     *learned + authority_hours);
  steps.add(
      code, For::lawyer,
      "Personal data is not ruled out and no authority is informed. When the 72 hours of the GDPR end is not yet "
      "known: the clock of the site that wrote it down was ahead. Note when it was discovered; counsel decides.",
      "Des données personnelles ne sont pas exclues et aucune autorité n’est informée. La fin des 72 heures du "
      "RGPD n’est pas encore connue : l’horloge du site qui l’a noté avançait. Notez quand cela a été découvert ; "
      "le juriste décide.");
}

void for_the_lawyer(Steps& steps, const Report& report) {
  const incident::SeenIncident& incident = report.incident;
  if (!is_told(incident, NoteKind::data_affected))
    steps.add("note_data", For::lawyer,
              "Say which people’s data may be affected, or that it is not yet known. Do not guess.",
              "Dites quelles personnes peuvent être touchées, ou que ce n’est pas encore connu. Ne devinez pas.");
  if (!is_ruled_out(incident, NoteKind::data_affected) && !is_known(incident, NoteKind::authority_informed))
    add_authority(steps, learned_at(incident, report.as_of));
  if (is_known(incident, NoteKind::data_affected) && !is_known(incident, NoteKind::people_informed))
    steps.add("inform_people", For::lawyer, "People’s data is affected: decide who tells them, and note it.",
              "Des données de personnes sont touchées : décidez qui les informe, et notez-le.");
}

}  // namespace

std::vector<Step> steps_without_incident(const fold::State& state, const Live& live) {
  Steps steps;
  if (fold::posture_of(state).posture == "open" && !live.no_copy_since) return {};
  for_the_store(steps, state, live);
  return std::move(steps.out);
}

std::vector<Step> steps_of(const Report& report, const fold::State& state, const Live& live) {
  Steps steps;
  if (report.incident.is_closed()) return {};
  for_the_store(steps, state, live);
  for_security(steps, report, state);
  for_the_lawyer(steps, report);
  for_tasks(steps, report, live);
  return std::move(steps.out);
}

}  // namespace holdfast::incident_report
