#include "edge/http/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "edge/http/browser.h"
#include "edge/http/problem.h"
#include "edge/http/text.h"

namespace holdfast::http {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t found = text.find(at);
    out.push_back(text.substr(0, found));
    if (found == std::string_view::npos) return out;
    text.remove_prefix(found + 1);
  }
}

std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  for (std::string_view one : split(cookies, ';')) {
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=')
      return one.substr(name.size() + 1);
  }
  return {};
}

// Whether `path` fits the route, and what stands for its {}.
std::optional<std::string> match(std::string_view route, std::string_view path) {
  const std::size_t hole = route.find("{}");
  if (hole == std::string_view::npos) return route == path ? std::optional(std::string()) : std::nullopt;
  if (!path.starts_with(route.substr(0, hole))) return std::nullopt;
  const std::string_view rest = path.substr(hole);
  if (rest.empty() || rest.find('/') != std::string_view::npos) return std::nullopt;
  return percent_decode(rest, false);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> security_headers(std::string_view demo_control) {
  return {
      {"Content-Security-Policy", content_security_policy({}, demo_control)},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cache-Control", "no-store"},
  };
}

std::optional<Response> store_certificate(const tills::Machine* tills) {
  const std::string certificate = tills == nullptr ? std::string() : tills->authority();
  if (certificate.empty()) return std::nullopt;
  Response response;
  response.content_type = "application/x-x509-ca-cert";
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"holdfast-store.crt\"");
  response.body = certificate;
  return response;
}

Api::Api(ApiParts parts, ApiSettings settings) : parts_(std::move(parts)), settings_(std::move(settings)) {
  cookie_name_ = "hf_session_" + settings_.site;
  for (char& c : cookie_name_) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '_';
  }
}

const std::vector<Api::Route>& Api::routes() {
  static const std::vector<Route> all = {
      {Method::get, "/v1/about", Access::anyone, &Api::get_about},
      {Method::get, "/v1/safety", Access::anyone, &Api::get_safety},
      {Method::get, "/v1/chain", Access::anyone, &Api::get_chain},
      {Method::get, "/v1/totals", Access::anyone, &Api::get_totals},
      {Method::get, "/v1/recovery", Access::anyone, &Api::get_recovery},
      {Method::get, "/v1/links", Access::anyone, &Api::get_links},
      {Method::get, "/v1/posture", Access::anyone, &Api::get_posture},
      {Method::post, "/v1/posture", Access::known, &Api::post_posture},
      {Method::post, "/v1/alerts", Access::sensor, &Api::post_alert},
      {Method::post, "/v1/alerts/{}", Access::sensor, &Api::post_alert},
      {Method::get, "/v1/ready", Access::anyone, &Api::get_ready},
      {Method::get, "/v1/standby", Access::known, &Api::get_standby},
      {Method::post, "/v1/takeover", Access::known, &Api::post_takeover},
      {Method::get, "/metrics", Access::anyone, &Api::get_metrics},
      {Method::get, "/healthz", Access::anyone, &Api::get_health},
      {Method::post, "/v1/writes", Access::known, &Api::post_writes},
      {Method::get, "/v1/writes/status", Access::known, &Api::get_status},
      {Method::get, "/v1/products", Access::known, &Api::get_products},
      {Method::get, "/v1/products/{}", Access::known, &Api::get_product},
      {Method::get, "/v1/receipts/{}", Access::known, &Api::get_receipt},
      {Method::get, "/v1/stock", Access::known, &Api::get_stock},
      {Method::get, "/v1/feed", Access::known, &Api::get_feed},
      {Method::get, "/v1/orders", Access::known, &Api::get_orders},
      {Method::get, "/v1/dispatches", Access::known, &Api::get_dispatches},
      {Method::get, "/v1/held", Access::known, &Api::get_held},
      {Method::get, "/v1/listed", Access::known, &Api::get_listed},
      {Method::get, "/v1/situation", Access::anyone, &Api::get_situation},
      {Method::get, "/v1/incidents", Access::manager, &Api::get_incidents},
      {Method::get, "/v1/incidents/{}", Access::manager, &Api::get_incident},
      {Method::get, "/v1/incident-exports/{}", Access::manager, &Api::get_incident_export},
      {Method::get, "/v1/rejoin", Access::manager, &Api::get_rejoin},
      {Method::post, "/v1/links/{}", Access::manager, &Api::post_link},
      {Method::post, "/v1/session", Access::anyone, &Api::post_session},
      {Method::get, "/v1/session", Access::signed_in, &Api::get_session},
      {Method::del, "/v1/session", Access::anyone, &Api::delete_session, true},
      {Method::post, "/v1/enrol", Access::anyone, &Api::post_enrol},
      {Method::post, "/v1/tills", Access::manager, &Api::post_till},
      {Method::get, "/v1/tills/me", Access::known, &Api::get_till},
      {Method::post, "/v1/staff", Access::manager, &Api::post_staff},
      {Method::get, "/v1/staff", Access::manager, &Api::get_staff},
      {Method::del, "/v1/staff/{}", Access::manager, &Api::delete_staff, true},
      {Method::post, "/v1/vault/read", Access::signed_in, &Api::post_vault_read},
  };
  return all;
}

void Api::Call::refuse(const Error& error) { done(problem(error)); }
void Api::Call::answer(std::string text) {
  Response response;
  response.body = std::move(text);
  done(std::move(response));
}

void Api::handle(Request request, Respond respond) {
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->respond = std::move(respond);
  const Respond uncounted = call->respond;
  count_refusals(*call);
  if (parts_.is_shut_out && parts_.is_shut_out(call->request.from))
    return call->refuse({"guard/sealed", "This site is sealed: it answers only to the shop's own network."});
  const Place here = place();
  call->is_of_store = is_from_store(call->request, here.others);
  if (call->is_of_store) {
    call->request.cookie.clear();
    call->respond = for_page_of_store(std::move(call->respond), call->request.origin);
    if (call->request.method == Method::options) return call->done(preflight());
  }
  if (auto checked = check_browser(call->request, here); !checked) return call->refuse(checked.error());
  const std::string_view path = call->request.path;
  if (!path.starts_with("/v1/") && path != "/metrics" && path != "/healthz") return serve_page(call);

  const Method method = call->request.method == Method::head ? Method::get : call->request.method;
  std::string allowed;
  for (const Route& route : routes()) {
    auto argument = match(route.path, path);
    if (!argument) continue;
    if (route.method != method) {
      allowed += std::string(allowed.empty() ? "" : ", ") + (route.method == Method::get    ? "GET, HEAD"
                                                             : route.method == Method::post ? "POST"
                                                                                            : "DELETE");
      continue;
    }
    call->argument = std::move(*argument);
    Status ready = identify(*call);
    if (ready) tell_who(*call);
    if (const auto wait = too_fast(*call, route)) {
      call->respond = uncounted;  // else a flood would make the site guarded, which is harder for people than for it
      return call->done(too_many_requests(*wait));
    }
    if (ready) ready = allow(*call, route.access);
    if (ready) ready = read_query(*call);
    if (ready && is_change(method)) ready = read_body(*call, route.may_lack_body);
    if (!ready) return call->refuse(ready.error());
    return (this->*route.handler)(call);
  }
  if (allowed.empty())
    return call->refuse({"http/not_found", "There is no such address. schema/openapi.yaml names them all."});
  Response response = problem("http/wrong_method", fmt::format("This address takes {}.", allowed));
  response.headers.emplace_back("Allow", allowed);
  call->done(std::move(response));
}

// Each till, person and unknown address by itself, so that none takes the node's time from the others. Who could not
// say who he is counts by his address. Sensors have a pace of their own, and the machine's administrator none.
std::optional<Duration> Api::too_fast(const Call& call, const Route& route) {
  if (call.asker.is_local || call.asker.is_sensor) return std::nullopt;
  const Instant now = parts_.clock.monotonic();
  if (const auto name = name_of(call.asker)) {
    if (const auto wait = pace_.begin(*name, Pace::known, 1, now)) return wait;
    if (!is_change(route.method)) return std::nullopt;
    constexpr std::size_t kib = 1024;
    const auto cost = std::max<std::int64_t>(1, static_cast<std::int64_t>((call.request.body.size() + kib - 1) / kib));
    return pace_.begin("writing/" + *name, Pace::writing, cost, now);
  }
  const bool asks_the_node = route.access == Access::anyone && route.method == Method::get;
  return pace_.begin(asker_of_address(call.request.from), Pace::unknown, asks_the_node ? 2 : 1, now);
}

std::optional<std::string> Api::name_of(const Asker& asker) {
  if (asker.till.number != 0) return fmt::format("till/{}", asker.till.number);
  if (asker.signed_in) return fmt::format("staff/{}", to_hex(asker.signed_in->bytes));
  return std::nullopt;
}

people::Place Api::place_of(const Call& call) { return {call.asker.till, asker_of_address(call.request.from)}; }

// What is refused for who asks is counted: a program that tries doors is told by its number.
void Api::count_refusals(Call& call) const {
  if (!parts_.on_refused) return;
  const bool sign_in = call.request.path == "/v1/session" || call.request.path == "/v1/enrol";
  if (call.request.path.starts_with("/v1/alerts") && call.request.authorization.starts_with("Bearer "))
    return;  // a sensor that speaks too fast tries no doors
  call.respond = [this, sign_in, respond = std::move(call.respond)](std::function<Response()> make) {
    respond([this, sign_in, make = std::move(make)] {
      Response response = make();
      if (response.status == 401 || response.status == 403 || response.status == 421 || response.status == 429)
        parts_.on_refused(sign_in);
      return response;
    });
  };
}

// The server keeps the connections of who has shown who he is.
void Api::tell_who(Call& call) {
  const auto name = name_of(call.asker);
  if (!name) return;
  call.respond = [name = *name, respond = std::move(call.respond)](std::function<Response()> make) {
    respond([name, make = std::move(make)] {
      Response response = make();
      response.said_by = name;
      return response;
    });
  };
}

void Api::serve_page(const CallPtr& call) {
  if (call->request.method != Method::get && call->request.method != Method::head) {
    Response response = problem("http/wrong_method", "Pages are only read.");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return call->done(std::move(response));
  }
  if (call->request.path == "/store.crt") {
    auto certificate = store_certificate(parts_.tills);
    if (!certificate) return call->refuse({"http/not_found", "Tills do not come by TLS here."});
    return call->done(std::move(*certificate));
  }
  auto page = parts_.pages.find(call->request);
  if (!page) return call->refuse({"http/not_found", "There is no such page."});
  if (parts_.tills != nullptr)
    page->headers.emplace_back("Content-Security-Policy",
                               content_security_policy(parts_.tills->others(), settings_.demo_control));
  call->done(std::move(*page));
}

// ---- who asks

std::vector<std::string> Api::machines() const {
  return parts_.tills == nullptr ? std::vector<std::string>() : parts_.tills->origins();
}
Place Api::place() const {
  if (parts_.tills == nullptr) return {settings_.listen, {}, {}};
  return {settings_.listen, parts_.tills->names(), parts_.tills->known()};
}

Status Api::identify(Call& call) const {
  call.asker.chain = settings_.chain;
  call.asker.site = SiteName(settings_.site);
  const std::string_view authorization = call.request.authorization;
  if (authorization.starts_with("Till ")) {
    const std::string_view rest = authorization.substr(5);
    const std::size_t dot = rest.find('.');
    TillId till;
    const std::string_view number = rest.substr(0, dot);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), till.number);
    const bool is_number =
        error == std::errc() && dot != std::string_view::npos && end == number.data() + number.size();
    if (!is_number || !parts_.credentials.till_of(till, rest.substr(dot + 1))) {
      return fail("auth/till",
                  "This till's key is not known here: the site was rebuilt, or another device has taken its number. "
                  "Ask a manager "
                  "to enrol the till again; what it holds is kept and sent then.");
    }
    call.asker.till = till;
  } else if (authorization.starts_with("Local ")) {
    if (!parts_.credentials.is_admin(authorization.substr(6)))
      return fail("auth/local",
                  "The token is not this node's. It is the file admin.token in the node's data directory.");
    if (call.request.is_secure)
      return fail("auth/local", "The administrator's token counts at the address of --http alone, not at the tills'.");
    call.asker.is_local = true;
  } else if (authorization.starts_with("Bearer ")) {
    if (!parts_.is_alert_token || !parts_.is_alert_token(authorization.substr(7))) {
      return fail("auth/local",
                  "The token is not this node's. It is the file alerts.token in the node's data directory.");
    }
    call.asker.is_sensor = true;
  } else if (!authorization.empty()) {
    return fail("auth/needed", "Only \"Till\" and \"Local\" are understood in the Authorization header.");
  }
  return identify_session(call);
}

Status Api::identify_session(Call& call) const {
  // What a page does by itself is no use of a sign-in, else one that somebody left at a till would never end: pages
  // read each second, and a till sends again what waits. They ask who is signed in while somebody works.
  const bool is_tills = call.asker.till.number != 0;
  const bool is_use = call.request.path == "/v1/session" || (is_change(call.request.method) && !is_tills);
  if (!call.request.session.empty()) {
    call.session = parts_.sessions.find(call.request.session, call.asker.till, is_use);
    if (!call.session) return {};
    call.token = call.request.session;
    call.asker.signed_in = call.session->staff.id;
    call.asker.role = call.session->staff.role;
    return {};
  }
  std::string_view token = cookie_value(call.request.cookie, cookie_name_);
  if (token.empty()) token = cookie_value(call.request.cookie, "hf_session");
  if (token.empty()) return {};
  call.session = parts_.sessions.find(token, std::nullopt, is_use);
  if (!call.session) return {};
  call.token = token;
  if (is_change(call.request.method) && !same_secret(call.request.csrf, call.session->csrf)) {
    call.session.reset();
    // Signing in needs none. Signing out does: else it would be called done while the cookie's session, a newer one of
    // another tab, lives on.
    const bool needs_none =
        call.request.path == "/v1/enrol" || (call.request.path == "/v1/session" && call.request.method != Method::del);
    if (call.asker.till.number == 0 && !call.asker.is_local && !needs_none) {
      return fail("auth/csrf", "The X-CSRF-Token header is missing or not this session's. Load the page again.");
    }
    return {};
  }
  call.asker.signed_in = call.session->staff.id;
  call.asker.role = call.session->staff.role;
  return {};
}

Status Api::allow(const Call& call, Access access) const {
  const auto sign_in = [] { return fail("auth/needed", "Sign in with staff number and PIN, or enrol this till."); };
  switch (access) {
    case Access::anyone:
      return {};
    case Access::known:
      if (call.asker.till.number == 0 && !call.asker.is_local && !call.asker.signed_in) return sign_in();
      return {};
    case Access::signed_in:
      if (!call.asker.signed_in) return sign_in();
      return {};
    case Access::sensor:
      if (!call.asker.is_sensor && !call.asker.is_local)
        return fail("auth/needed", "Send the token of the file alerts.token: Authorization: Bearer TOKEN.");
      return {};
    case Access::manager:
      if (!call.asker.is_local && !call.asker.signed_in) return sign_in();
      if (!call.asker.may(people::Role::manager))
        return fail("auth/role", "This needs a manager's or an operator's sign-in.");
      return {};
  }
  return sign_in();
}

// ---- what for

Status Api::read_query(Call& call) const {
  if (call.request.query.empty()) return {};
  constexpr std::size_t parameters_max = 128;
  const auto parts = split(call.request.query, '&');
  if (parts.size() > parameters_max)
    return fail("http/bad_request", fmt::format("The query has more than {} parameters.", parameters_max));
  for (std::string_view part : parts) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1), true);
    if (!name || !value) return fail("http/bad_request", "The query is not percent-encoded UTF-8.");
    if (*name == "key") call.keys.push_back(*value);
    call.query[*name] = std::move(*value);
  }
  return {};
}

Status Api::read_body(Call& call, bool may_lack_body) const {
  if (may_lack_body && call.request.body.empty()) return {};
  HF_TRY_VOID(check_json_body(call.request));
  HF_TRY(call.body, parse_json(call.request.body, json::make_shared_resource<json::monotonic_resource>()));
  return {};
}

void Api::on_worker(const CallPtr& call, std::function<void()> job) {
  if (!parts_.worker.post(std::move(job))) {
    Response response = problem("http/busy", "Too many sign-ins at once. Try again in a moment.");
    response.headers.emplace_back("Retry-After", "2");
    call->done(std::move(response));
  }
}

void Api::read(const CallPtr& call, std::function<std::string(const node::Node&)> make) {
  parts_.node.read([call, make = std::move(make)](const node::Node& node) { call->answer(make(node)); });
}

}  // namespace holdfast::http
