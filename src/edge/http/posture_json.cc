// The posture of this site and what its sensors saw, as JSON.
#include <algorithm>

#include "edge/http/state_json.h"

namespace holdfast::http {

void write_alert(JsonOut& out, const guard::AlertRaised& raised) {
  const guard::Alert& alert = raised.alert;
  out.field("source", alert.source).field("signature", alert.signature).field("severity", unsigned{alert.severity});
  out.field("category", alert.category).field("text", alert.text).field("digest", to_hex(alert.digest));
  out.field("seen_at", alert.seen_at.unix_ns == 0 ? std::nullopt : std::optional(to_text(alert.seen_at)));
  out.field("level", guard::to_text(raised.level)).field("rule", raised.rule).field("count", raised.count);
}

void write_posture_change(JsonOut& out, const guard::PostureChanged& change) {
  out.field("posture", guard::to_text(change.posture)).field("cause", guard::to_text(change.cause));
  out.field("staff", change.staff.is_zero() ? std::nullopt : std::optional(to_hex(change.staff.bytes)));
  out.field("source", change.source).field("signature", change.signature).field("rule", change.rule);
  out.field("reason", change.reason);
}

std::string posture_json(const node::Node& node, bool in_full, const std::string& proof) {
  const guard::GuardState& state = node.state().guard;
  const node::PostureView view = node.posture();
  JsonOut out;
  out.object().field("site", node.safety().origin.site.view()).field("posture", guard::to_text(view.posture));
  out.field("recorded", view.recorded);
  out.field("since", state.since.unix_ns == 0 ? std::nullopt : std::optional(to_text(state.since)));
  if (state.last) {
    // What an alert says may name people. Who is not signed in is told the rule and why it stands there.
    guard::PostureChanged last = *state.last;
    if (!in_full && last.cause == guard::Cause::alert) {
      const auto& rules = node.rules().rules;
      const auto rule = std::ranges::find(rules, last.rule, &guard::Rule::name);
      last.reason = rule == rules.end() ? std::string() : rule->reason;
    }
    out.object("last");
    write_posture_change(out, last);
    out.end_object();
  } else {
    out.field_null("last");
  }
  out.field("seals", state.seals).field("alerts_recorded", state.alerts);
  out.array("alerts");
  if (in_full) {
    for (auto it = state.recent.rbegin(); it != state.recent.rend(); ++it) {
      out.object();
      guard::AlertRaised shown = it->first;
      shown.count = it->count;
      write_alert(out, shown);
      out.field("first_at", to_text(it->first_at)).field("last_at", to_text(it->last_at)).end_object();
    }
  }
  out.end_array();
  std::string text = out.end_object().take();
  if (proof.empty()) return text;
  text.pop_back();
  return text + ",\"seal\":" + proof + "}";
}

}  // namespace holdfast::http
