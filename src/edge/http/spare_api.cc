#include "edge/http/spare_api.h"

#include <fmt/format.h>

#include "edge/http/api.h"
#include "edge/http/browser.h"
#include "edge/http/json_out.h"
#include "edge/http/json_read.h"
#include "edge/http/problem.h"
#include "edge/http/state_json.h"
#include "edge/keys/promotion_code.h"
#include "edge/net/address.h"

namespace holdfast::http {
namespace {

// While the node has been heard so lately, it is not dead.
constexpr Duration node_is_alive = seconds(5);

std::string spare_json(const node::SpareView& view, const chain::ChainFile& file, const SiteName& site,
                       const tills::Machine* tills) {
  JsonOut out;
  const bool is_alive = view.is_linked && view.silent && *view.silent < node_is_alive;
  out.object().field("chain", file.chain).field("site", site.view()).field("role", "spare");
  out.object("node").field("alive", is_alive).field("last_heard_at", time_text(view.heard_at));
  if (view.silent)
    out.field("silent_seconds", static_cast<std::uint64_t>(view.silent->ns / seconds(1).ns));
  else
    out.field_null("silent_seconds");
  out.end_object().object("copy").field("origin", view.origin.epoch == 0 ? std::string() : view.origin.text());
  out.field("size", view.size).field("announced", view.announced).end_object();
  out.field("has_people", view.has_credentials).field("epoch", view.epoch);
  const std::string tills_problem = tills == nullptr ? std::string() : tills->problem();
  out.field("ready", view.size > 0 && view.has_credentials && view.problem.empty() && tills_problem.empty());
  if (view.problem.empty())
    out.field_null("problem");
  else
    out.field("problem", view.problem);
  out.field("can_open", view.cannot_open.empty());
  out.object("tills").field("wanted", tills != nullptr);
  out.field("problem", tills_problem.empty() ? std::nullopt : std::optional(tills_problem)).end_object();
  write_damage(out, view.damage);
  return out.end_object().take();
}

Response json_response(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace

void SpareApi::handle(const Request& request, Respond respond) {
  Place here{listen_, {}, {}};
  if (tills_ != nullptr) here = {listen_, tills_->names(), tills_->known()};
  if (is_from_store(request, here.others)) {
    respond = for_page_of_store(std::move(respond), request.origin);
    if (request.method == Method::options) return respond_now(respond, preflight());
  }
  if (const auto checked = check_browser(request, here); !checked)
    return respond_now(respond, problem(checked.error()));
  if (const auto wait = pace_.begin(asker_of_address(request.from), Pace::unknown, 1, clock_.monotonic()))
    return respond_now(respond, too_many_requests(*wait));
  const bool is_read = request.method == Method::get || request.method == Method::head;
  if (request.path == "/v1/spare" && is_read) {
    return read_([respond, tills = tills_](const node::Spare& spare) {
      const node::SpareView view = spare.view();
      respond_now(respond, json_response(spare_json(view, spare.chain_file(), spare.site(), tills)));
    });
  }
  if (request.path == "/v1/spare/promote") {
    if (request.method != Method::post)
      return respond_now(respond, problem("http/wrong_method", "This address takes POST."));
    return post_promote(request, respond);
  }
  if (request.path == "/healthz" && is_read) {
    return read_([respond](const node::Spare&) {
      Response response;
      response.content_type = "text/plain; charset=utf-8";
      response.body = "ok\n";
      respond_now(respond, std::move(response));
    });
  }
  if (request.path.starts_with("/v1/") || !is_read)
    return respond_now(respond,
                       problem("spare/waiting",
                               "This is the store's spare. It takes no trade until a manager opens it with the "
                               "code on the paper, at /spare/."));
  if (request.path == "/store.crt") {
    auto certificate = store_certificate(tills_);
    return respond_now(respond, certificate ? std::move(*certificate)
                                            : problem("http/not_found", "Tills do not come by TLS here, or not yet."));
  }
  if (request.path == "/") {
    Response response;
    response.status = 307;
    response.content_type = "text/plain; charset=utf-8";
    response.headers.emplace_back("Location", "/spare/");
    return respond_now(respond, std::move(response));
  }
  auto page = pages_.find(request);
  if (page && tills_ != nullptr)
    page->headers.emplace_back("Content-Security-Policy", content_security_policy(tills_->others(), ""));
  respond_now(respond, page ? std::move(*page) : problem("http/not_found", "There is no such page."));
}

void SpareApi::post_promote(const Request& request, const Respond& respond) {
  if (const auto checked = check_json_body(request); !checked) return respond_now(respond, problem(checked.error()));
  const auto parsed = parse_json(request.body, json::make_shared_resource<json::monotonic_resource>());
  if (!parsed) return respond_now(respond, problem(parsed.error()));
  std::optional<Error> wrong;
  Fields body(*parsed, "", wrong);
  const std::string code = body.text("code", {.bytes_max = 64});
  const bool though_heard = body.flag("though_heard", false);
  body.finish();
  if (wrong) return respond_now(respond, problem(*wrong));
  if (const auto typed = keys::read_promotion_code(code); !typed) return respond_now(respond, problem(typed.error()));
  // By address: a code of 80 bits needs no wait that all share, and with one, whoever is on the shop's network could
  // lock the manager out by typing wrong codes.
  const bool is_from_here = edge::is_loopback(request.from);
  read_([this, respond, code, though_heard, is_from_here,
         asker = asker_of_address(request.from)](const node::Spare& spare) {
    const node::SpareView view = spare.view();
    if (!though_heard && view.is_linked && view.silent && *view.silent < node_is_alive)
      return respond_now(respond,
                         problem("spare/node_alive",
                                 "The store's machine still answers this spare, so it is not dead. If it must be "
                                 "replaced, switch it off or pull its cable, and try again in a few seconds."));
    // With its keys in clear it copies nothing any more, and what lacks here now would be lacking at each start.
    if (!view.cannot_open.empty()) return respond_now(respond, problem(keys::not_ready(view.cannot_open)));
    {
      const std::lock_guard lock(mutex_);
      if (const auto wait = limits_.begin(asker, clock_.monotonic())) {
        Response response = problem("auth/wait", "Too many wrong codes. Wait a moment and try again.");
        response.headers.emplace_back("Retry-After", fmt::format("{}", wait->ns / seconds(1).ns + 1));
        return respond_now(respond, std::move(response));
      }
    }
    const auto try_it = [this, respond, code, asker] {
      const auto promoted = promote_(code);
      if (!promoted) return respond_now(respond, problem(promoted.error()));
      {
        const std::lock_guard lock(mutex_);
        limits_.succeeded(asker);
      }
      JsonOut out;
      respond_now(
          respond,
          json_response(
              out.object().field("promoted", true).field("has_people", promoted->has_people).end_object().take()));
      is_promoted_ = true;
    };
    if (!(is_from_here ? worker_.post_first(try_it) : worker_.post(try_it)))
      respond_now(respond, problem("http/busy", "Too much at once. Try again in a moment."));
  });
}

}  // namespace holdfast::http
