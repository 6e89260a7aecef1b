// Standby: who sells here, what this site could do now, and the take-over by a manager's PIN.
#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>

#include "edge/http/api.h"
#include "edge/http/problem.h"
#include "edge/http/state_json.h"
#include "edge/net/address.h"
#include "edge/tills/machine.h"

namespace holdfast::http {
namespace {

std::optional<std::uint64_t> free_bytes(const std::string& directory) {
  struct statvfs status {};
  if (directory.empty() || ::statvfs(directory.c_str(), &status) != 0) return std::nullopt;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace

void Api::get_standby(const CallPtr& call) { read(call, standby_json); }

void Api::get_ready(const CallPtr& call) {
  ReadyFacts facts;
  facts.now = parts_.clock.now();
  if (const auto given = call->query.find("max_age_hours"); given != call->query.end()) {
    const std::string& text = given->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), facts.age_hours_max);
    if (error != std::errc() || end != text.data() + text.size() || facts.age_hours_max < 1 ||
        facts.age_hours_max > 9999)
      return call->refuse({"http/bad_value", "max_age_hours must be a number from 1 to 9999."});
  }
  const auto staff = parts_.credentials.staff();
  facts.managers = static_cast<std::size_t>(
      std::ranges::count_if(staff, [](const people::Staff& each) { return each.role >= people::Role::manager; }));
  facts.tills = parts_.credentials.tills();
  facts.pages = parts_.pages.count();
  facts.disk_free_bytes = free_bytes(settings_.data);
  const bool tills_come = parts_.tills != nullptr && !parts_.tills->is_here_only();
  facts.loopback_only = !tills_come && edge::is_loopback(settings_.listen);
  facts.tills_cannot_come = parts_.tills != nullptr && !parts_.tills->can_be_reached();
  if (parts_.sensor_files) {
    const SensorFileCount files = parts_.sensor_files();
    facts.sensor_files = files.all;
    facts.sensor_files_unreadable = files.unreadable;
  }
  read(call, [this, facts](const node::Node& node) { return ready_json(node, facts, without_rate(node)); });
}

// Anybody may ask, as often as the pace lets him, and a large price list takes longer to walk over than a sale: one
// walk a second answers all of them.
std::uint64_t Api::without_rate(const node::Node& node) {
  const Instant now = parts_.clock.monotonic();
  if (!rates_looked_at_ || (now - *rates_looked_at_).ns >= seconds(1).ns) {
    without_rate_ = products_without_rate(node);
    rates_looked_at_ = now;
  }
  return without_rate_;
}

// The PIN is asked for at the moment of the act, whoever is signed in: it is the manager's word that the old system is
// dead, and from then on two systems must not sell.
void Api::post_takeover(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  fold::WriteRequest request;
  request.key.bytes = body.hex<16>("key");
  const std::string staff = body.text("staff", {.bytes_max = 8});
  const std::string pin = body.text("pin", {.bytes_max = 12});
  if (!body.flag("confirm", false))
    body.refuse(
        "http/bad_value", "confirm",
        "must be true: the manager has seen how old prices and stock are, and that the old system does not sell");
  request.command =
      standby::TakeOver{body.text_or_empty("reason", {.bytes_max = standby::text_bytes_max, .free_text = true})};
  body.finish();
  if (problem) return call->refuse(*problem);
  request.till = call->asker.till;
  on_worker(call, [this, call, staff, pin, request = std::move(request)]() mutable {
    const auto who = parts_.credentials.check_pin(staff, pin, place_of(*call));
    if (!who) return call->done(refused_person(who.error()));
    if (who->role < people::Role::manager)
      return call->refuse({"auth/role", "A manager takes over; this number is a cashier's."});
    request.staff = who->id;
    parts_.node.change([this, call, request = std::move(request)](node::Node& node) mutable {
      node.submit(std::move(request), [this, call](const Result<fold::Taken>& taken) {
        if (!taken) return call->refuse(taken.error());
        read(call, standby_json);
      });
    });
  });
}

}  // namespace holdfast::http
