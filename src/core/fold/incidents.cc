#include "core/fold/incidents.h"

#include <fmt/format.h>

namespace holdfast::fold {
namespace {

// When it was written down: by the node's clock, also of what a tail brought back; never by a client's.
Instant written_at(const Event& event) {
  return event.write && event.write->prior && event.write->prior->readmitted ? happened_at(event) : event.at;
}

// One overload an event that is a fact.
struct ToFact {
  incident::Fact& fact;
  guard::Posture posture;

  bool operator()(const LinkCut& e) { return link(incident::FactKind::link_cut, e); }
  bool operator()(const LinkHealed& e) {
    const bool returns = posture == guard::Posture::rejoining;
    return link(returns ? incident::FactKind::link_returned : incident::FactKind::link_healed, e);
  }
  bool operator()(const guard::AlertRaised& e) {
    fact.kind = incident::FactKind::alert;
    fact.about = e.alert.source + " " + e.alert.signature;
    fact.text = incident::with_count(fmt::format("{} ({}: {})", e.alert.text, to_text(e.level), e.rule), e.count);
    return true;
  }
  bool operator()(const guard::PostureChanged& e) {
    fact.kind = incident::FactKind::posture;
    fact.by = e.staff;
    fact.about = std::string(to_text(e.posture));
    fact.text = e.reason;
    return true;
  }
  bool operator()(const ContradictionSeen& e) {
    fact.kind = incident::FactKind::contradiction;
    fact.about = e.origin.text();
    return true;
  }
  bool operator()(const EpochOpened& e) {
    if (e.epoch == 1) return false;  // the site's first day
    fact.kind = incident::FactKind::epoch_opened;
    fact.about = Origin{e.chain, e.site, e.epoch}.text();
    return true;
  }
  bool operator()(const incident::RejoinStep& e) {
    fact.kind = incident::FactKind::rejoin_step;
    fact.about = e.site.str();
    fact.text =
        std::string(to_text(e.check)) + (e.not_needed ? ", not needed" : "") + (e.text.empty() ? "" : ": ") + e.text;
    return true;
  }
  bool operator()(const standby::TakenOver& e) {
    fact.kind = incident::FactKind::take_over;
    fact.text = e.reason;
    return true;
  }
  bool operator()(const standby::HandbackMade& e) {
    fact.kind = incident::FactKind::handback;
    fact.about = fmt::format("{}", e.made.number);
    return true;
  }
  bool operator()(const auto&) { return false; }

 private:
  bool link(incident::FactKind kind, const auto& e) {
    fact.kind = kind;
    fact.by = e.by;
    fact.about = e.site.str();
    if (e.found) fact.text = "found";
    return true;
  }
};

}  // namespace

std::optional<incident::Fact> fact_of(const Event& event, const EntryPlace& at, guard::Posture posture) {
  incident::Fact fact;
  fact.at = written_at(event);
  fact.epoch = at.epoch;
  fact.index = at.index;
  if (event.write) fact.by = event.write->staff;
  if (!std::visit(ToFact{fact, posture}, event.body)) return std::nullopt;
  return fact;
}

std::optional<incident::Record> record_of(const Event& event, const EntryPlace& at) {
  const auto record = [&](incident::What what) {
    incident::Record out{written_at(event), at.epoch, at.index, {}, {}, std::move(what)};
    if (event.write) {
      out.id.bytes = event.write->key.bytes;
      out.by = event.write->staff;
    }
    return out;
  };
  return std::visit(
      [&](const auto& e) -> std::optional<incident::Record> {
        if constexpr (std::is_constructible_v<incident::What, const decltype(e)>)
          return record(e);
        else
          return std::nullopt;
      },
      event.body);
}

void tell_incidents(incident::IncidentState& state, const Event& event, const EntryPlace& at, guard::Posture posture,
                    const incident::Room& room) {
  if (auto record = record_of(event, at)) return incident::apply(state, std::move(*record), room);
  if (auto fact = fact_of(event, at, posture)) incident::apply(state, std::move(*fact));
}

void tell_posture(incident::IncidentState& state, guard::Posture posture, const incident::Standing& standing) {
  if (posture == guard::Posture::sealed)
    incident::seal(state, standing);
  else
    incident::unseal(state, standing);
}

SitePosture posture_of(const State& state) {
  return {to_text(state.guard.posture),
          state.guard.since.unix_ns == 0 ? std::nullopt : std::optional(state.guard.since)};
}
SitePosture posture_of(const PeerPart& part) {
  return {to_text(part.posture), part.posture_since.unix_ns == 0 ? std::nullopt : std::optional(part.posture_since)};
}

std::vector<incident::Part> incident_parts(const State& state) {
  std::vector<incident::Part> parts{{state.site, &state.incidents}};
  for (const auto& [site, part] : state.peers) parts.push_back({site, &part.incidents});
  return parts;
}

std::vector<incident::SeenIncident> incidents_seen(const State& state) {
  return incident::merge(incident_parts(state));
}

std::vector<incident::SiteFigures> incident_figures(const State& state, Instant from, std::optional<Instant> to) {
  std::vector<incident::SiteFigures> out;
  const auto add = [&](const incident::Part& part, std::uint64_t entries, const till::Totals& totals) {
    out.push_back(incident::figures_of(part, {state.newest, entries, totals.sales, totals.gross}, from, to));
  };
  add({state.site, &state.incidents}, state.size, state.till.totals);
  for (const auto& [site, part] : state.peers) add({site, &part.incidents}, part.size, part.totals);
  return out;
}

}  // namespace holdfast::fold
