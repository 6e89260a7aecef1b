// The posture of this site: shown to anybody, closed by anybody who is known here, opened by a manager's PIN or the
// machine's administrator. Closing is cheap and undone in one step; opening is what an attacker would want.
#include <fmt/format.h>

#include "edge/http/api.h"
#include "edge/http/problem.h"
#include "edge/http/state_json.h"

namespace holdfast::http {

// How fast sensors may speak, all together; what is beyond stays in their own logs.
static constexpr std::int64_t alerts_a_second = 100;
static constexpr Rate alert_rate = a_second(500, alerts_a_second);

void Api::get_posture(const CallPtr& call) {
  const bool in_full = call->asker.is_local || call->asker.signed_in;
  read(call, [this, in_full](const node::Node& node) {
    return posture_json(node, in_full, parts_.seal_proof ? parts_.seal_proof() : std::string());
  });
}

void Api::post_posture(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const std::string wanted = body.text("posture", {.bytes_max = 20});
  std::string reason, pin;
  if (body.has("reason")) reason = body.text("reason", {.bytes_max = guard::reason_bytes_max, .free_text = true});
  if (body.has("pin")) pin = body.text("pin", {.bytes_max = 12});
  const std::optional<Instant> seen_since = body.time_if_any("seen_since");
  const auto posture = guard::posture_of(wanted);
  if (!posture) body.refuse("http/bad_value", "posture", "must be \"open\", \"guarded\", \"sealed\" or \"rejoining\"");
  body.finish();
  if (problem) return call->refuse(*problem);

  guard::SetPosture order{*posture, guard::Cause::person, {}, "", "", "", reason, seen_since};
  if (call->asker.is_local) {
    order.cause = guard::Cause::machine;
    return order_posture(call, std::move(order));
  }
  // A till's device key says where, not who: it alone changes no posture.
  if (!call->asker.signed_in) return call->refuse({"auth/needed", "Sign in with staff number and PIN."});
  order.staff = *call->asker.signed_in;
  if (*posture == guard::Posture::sealed) return order_posture(call, std::move(order));
  if (!call->asker.may(people::Role::manager))
    return call->refuse(
        {"auth/role", "Only a manager, signed in, opens what is sealed or guarded. Sealing needs no manager."});
  if (pin.empty())
    return call->refuse(
        {"http/missing_field", "pin is missing: a session may be somebody else's by now; say your PIN."});
  on_worker(call, [this, call, pin, order = std::move(order)] {
    const auto who = parts_.credentials.check_pin(call->session->staff.number, pin, place_of(*call));
    if (!who) return call->done(refused_person(who.error()));
    order_posture(call, order);
  });
}

void Api::post_alert(const CallPtr& call) {
  if (!parts_.take_alert) return call->refuse({"http/not_found", "This node takes no alerts."});
  const Instant now = parts_.clock.monotonic();
  if (alerts_.wait(1, alert_rate, now).ns > 0) {
    Response response =
        problem("alerts/too_fast", fmt::format("More than {} alerts a second. Send fewer; what is not sent "
                                               "stays in your own log.",
                                               alerts_a_second));
    response.headers.emplace_back("Retry-After", "1");
    return call->done(std::move(response));
  }
  alerts_.take(1, alert_rate, now);
  const Status taken = parts_.take_alert(call->argument, call->request.body);
  if (!taken) return call->refuse(taken.error());
  Response response;
  response.status = 202;
  response.body = "{}";
  call->done(std::move(response));
}

void Api::order_posture(const CallPtr& call, guard::SetPosture order) {
  parts_.node.change([this, call, order = std::move(order)](node::Node& node) {
    node.set_posture(order, [this, call](const Status& done) {
      if (!done) return call->refuse(done.error());
      parts_.node.read([this, call](const node::Node& now) {
        call->answer(posture_json(now, true, parts_.seal_proof ? parts_.seal_proof() : std::string()));
      });
    });
  });
}

}  // namespace holdfast::http
