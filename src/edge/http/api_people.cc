// People: sessions, enrolment, tills, staff, the vault. PINs and files are the worker's business, never the node's
//         thread.
#include <fmt/format.h>

#include "edge/http/api.h"
#include "edge/http/problem.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

constexpr TextRule number_rule{.bytes_max = 8};
constexpr TextRule pin_rule{.bytes_max = 12};

// `token`: for the header, where a cookie cannot go.
std::string session_json(const people::Session& session, Instant now, std::string_view token = {}) {
  JsonOut out;
  out.object();
  if (!token.empty()) out.field("session", token);
  out.field("staff_id", to_hex(session.staff.id.bytes)).field("number", session.staff.number);
  out.field("role", people::to_text(session.staff.role))
      .field("csrf", session.csrf)
      .field("expires_at", to_text(now + session.left))
      .field("expires_in_s", session.left.ns / seconds(1).ns);
  return out.end_object().take();
}

void write_staff(JsonOut& out, const people::Staff& staff) {
  out.object().field("staff_id", to_hex(staff.id.bytes)).field("number", staff.number);
  out.field("role", people::to_text(staff.role)).end_object();
}

Response nothing() {
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

Response Api::refused_person(const Error& error) const {
  std::string_view code = error.code;
  if (code == "people/wait") code = "auth/wait";
  if (code == "people/wrong_pin") code = "auth/wrong_pin";
  if (code == "people/wrong_code") code = "auth/wrong_code";
  if (code == "people/enrol_closed") code = "auth/enrol_closed";
  Response response = problem(Error{code, error.text});
  if (code == "auth/wait") {
    response.headers.emplace_back("Retry-After",
                                  fmt::format("{}", (parts_.credentials.wait_left().ns + 999'999'999) / 1'000'000'000));
  }
  return response;
}

void Api::post_session(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const std::string staff = body.text("staff", number_rule);
  const std::string pin = body.text("pin", pin_rule);
  body.finish();
  if (problem) return call->refuse(*problem);
  on_worker(call, [this, call, staff, pin] {
    const auto who = parts_.credentials.check_pin(staff, pin, place_of(*call));
    if (!who) return call->done(refused_person(who.error()));
    const auto at = call->is_of_store ? std::optional(call->asker.till) : std::nullopt;
    const auto [token, session] = parts_.sessions.start(*who, at);
    Response response;
    response.body = session_json(session, parts_.clock.now(), at ? token : std::string());
    if (at) return call->done(std::move(response));
    response.headers.emplace_back("Set-Cookie",
                                  fmt::format("{}={}; Path=/; HttpOnly; Secure; SameSite=Strict", cookie_name_, token));
    call->done(std::move(response));
  });
}

void Api::get_session(const CallPtr& call) { call->answer(session_json(*call->session, parts_.clock.now())); }

void Api::delete_session(const CallPtr& call) {
  if (call->session) parts_.sessions.end(call->token);
  Response response = nothing();
  if (call->session && call->request.session.empty()) {
    response.headers.emplace_back(
        "Set-Cookie", fmt::format("{}=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0", cookie_name_));
  }
  call->done(std::move(response));
}

void Api::post_enrol(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const std::string code = body.text("code", {.bytes_max = 64});
  const std::string staff = body.text("staff", number_rule);
  const std::string pin = body.text("pin", pin_rule);
  body.finish();
  if (problem) return call->refuse(*problem);
  on_worker(call, [this, call, code, staff, pin] {
    const people::Role role = settings_.is_head_office ? people::Role::chain_operator : people::Role::manager;
    const auto who = parts_.credentials.enrol(code, staff, pin, role, place_of(*call));
    call->done(who ? nothing() : refused_person(who.error()));
  });
}

// ---- tills

namespace {

// The highest till number that this site's journals have seen.
TillId used_tills_max(const fold::State& state) {
  TillId max;
  for (const auto& [till_and_series, series] : state.till.receipts) max = std::max(max, till_and_series.first);
  for (const auto& [at, key] : state.writes_by_age) max = std::max(max, key.till);
  return max;
}

}  // namespace

void Api::post_till(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const std::string name = body.text("name", {.bytes_max = 60, .free_text = true});
  TillId wanted;
  if (body.has("till")) wanted.number = static_cast<std::uint32_t>(body.number("till", 1, 999'999));
  body.finish();
  if (problem) return call->refuse(*problem);
  parts_.node.read([this, call, name, wanted](const node::Node& node) {
    if (wanted.number == 0 && node.progress())
      return call->refuse({"node/rebuilding",
                           "This site is being rebuilt, and which numbers its tills had is not known yet. Say this "
                           "till's own number, or wait until the site is back."});
    on_worker(call, [this, call, name, wanted, used = used_tills_max(node.state())] {
      const auto made = parts_.credentials.add_till(name, wanted, used);
      if (!made) return call->done(refused_person(made.error()));
      JsonOut out;
      out.object()
          .field("till", made->till.till.number)
          .field("name", made->till.name)
          .field("device_key", made->device_key);
      write_machines(out, machines());
      call->answer(out.end_object().take());
    });
  });
}

void Api::get_till(const CallPtr& call) {
  const auto name = parts_.credentials.till_name(call->asker.till);
  if (!name) return call->refuse({"auth/till", "Ask with the till's own device key."});
  JsonOut out;
  out.object().field("till", call->asker.till.number).field("name", *name);
  write_machines(out, machines());
  call->answer(out.end_object().take());
}

// ---- staff and the vault

void Api::post_staff(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const std::string number = body.text("number", number_rule);
  const std::string name = body.text("name", {.bytes_max = 200, .free_text = true});
  const std::string role_text = body.text("role", {});
  const std::string pin = body.text("pin", pin_rule);
  const auto role = people::role_of(role_text);
  if (!role) body.refuse("http/bad_value", "role", "must be \"cashier\", \"manager\" or \"operator\"");
  body.finish();
  if (problem) return call->refuse(*problem);
  if (!call->asker.may(*role)) return call->refuse({"auth/role", "Only an operator makes another operator."});
  on_worker(call, [this, call, number, name, role = *role, pin] {
    const auto staff = parts_.credentials.add_staff(number, role, pin);
    if (!staff) return call->done(refused_person(staff.error()));
    if (const auto sealed = parts_.vault.seal(staff->id, name); !sealed) {
      static_cast<void>(parts_.credentials.remove_staff(staff->id));
      return call->refuse(sealed.error());
    }
    JsonOut out;
    write_staff(out, *staff);
    call->answer(out.take());
  });
}

void Api::get_staff(const CallPtr& call) {
  JsonOut out;
  out.object().array("staff");
  for (const people::Staff& staff : parts_.credentials.staff()) write_staff(out, staff);
  call->answer(out.end_array().end_object().take());
}

// Who has left: no sign-in any more, and the name is erased. Nobody removes whom he could not have made.
void Api::delete_staff(const CallPtr& call) {
  const auto id = array_from_hex<16>(call->argument);
  if (!id) return call->refuse({"people/unknown_staff", "A staff id is 32 hexadecimal digits."});
  for (const people::Staff& staff : parts_.credentials.staff())
    if (staff.id == SubjectId{*id} && !call->asker.may(staff.role))
      return call->refuse({"auth/role", "Only an operator removes an operator."});
  on_worker(call, [this, call, subject = SubjectId{*id}] {
    if (const auto removed = parts_.credentials.remove_staff(subject); !removed) {
      // A second try, because the name could not be erased at the first (a full disk)?
      const bool is_gone = removed.error().code == "people/unknown_staff";
      const auto has_name = is_gone ? parts_.vault.knows(subject) : Result<bool>(false);
      if (!has_name) return call->refuse(has_name.error());
      if (!*has_name) return call->refuse(removed.error());
    }
    parts_.sessions.end_all_of(subject);
    if (const auto erased = parts_.vault.erase(subject); !erased) return call->refuse(erased.error());
    call->done(nothing());
  });
}

// The record first (design promise 8): the reason is durable in the journal before the vault is opened.
void Api::post_vault_read(const CallPtr& call) {
  if (!call->asker.may(people::Role::manager)) return call->refuse({"auth/role", "This needs a manager's sign-in."});
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const SubjectId subject{body.hex<16>("subject")};
  const std::string reason = body.text("reason", {.bytes_max = till::text_bytes_max, .free_text = true});
  body.finish();
  if (problem) return call->refuse(*problem);
  fold::WriteRequest request;
  parts_.entropy.fill(request.key.bytes);
  request.staff = *call->asker.signed_in;
  request.command = fold::ReadSubject{subject, reason};
  on_worker(call, [this, call, subject, request = std::move(request)] {
    const auto known = parts_.vault.knows(subject);
    if (!known) return call->refuse(known.error());
    if (!*known) {
      return call->refuse({"vault/unknown", "The vault holds nothing of this person, or it has been erased."});
    }
    parts_.node.change([this, call, subject, request](node::Node& node) {
      node.submit(request, [this, call, subject](const Result<fold::Taken>& taken) {
        if (!taken) return call->refuse(taken.error());
        on_worker(call, [this, call, subject] {
          const auto name = parts_.vault.read(subject);
          if (!name) return call->refuse(name.error());
          JsonOut out;
          call->answer(out.object().field("name", *name).end_object().take());
        });
      });
    });
  });
}

}  // namespace holdfast::http
