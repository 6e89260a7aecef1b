#include "edge/http/problem.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::http {
namespace {

struct Row {
  std::string_view code;
  ProblemKind kind;
};
constexpr Row rows[] = {
    {"http/bad_request", {400, "The request cannot be read"}},
    {"http/bad_json", {400, "The body is not JSON"}},
    {"http/bad_encoding", {400, "The body is not UTF-8"}},
    {"http/missing_field", {400, "A field is missing"}},
    {"http/unknown_field", {400, "A field is not known"}},
    {"http/unknown_kind", {400, "This kind of write is not known"}},
    {"http/wrong_type", {400, "A field has the wrong type"}},
    {"http/bad_value", {422, "A value is out of bounds"}},
    {"http/bad_host", {421, "This server is not known by that name"}},
    {"http/bad_origin", {403, "The request comes from another web site"}},
    {"http/not_found", {404, "There is nothing here"}},
    {"http/wrong_method", {405, "This address does not take that method"}},
    {"http/wrong_media_type", {415, "The body must be application/json"}},
    {"http/too_large", {413, "The body is too large"}},
    {"http/too_many", {400, "Too many writes at once"}},
    {"http/headers_too_large", {431, "The header is too large"}},
    {"http/too_fast", {429, "Too many requests at once"}},
    {"http/busy", {503, "Too much at once"}},
    {"http/stopping", {503, "This node is stopping"}},
    {"auth/needed", {401, "Sign in first"}},
    {"auth/till", {401, "This till is not known here"}},
    {"auth/local", {401, "The token is not this node's"}},
    {"auth/csrf", {403, "The request did not come from the page"}},
    {"auth/role", {403, "This needs another role"}},
    {"auth/staff", {403, "Nobody writes in another's name"}},
    {"auth/wrong_pin", {401, "Number or PIN is wrong"}},
    {"auth/wrong_code", {401, "The code is wrong"}},
    {"auth/wait", {429, "Too many attempts"}},
    {"keys/mistyped_code", {422, "The code was mistyped"}},
    {"keys/wrong_code", {403, "The code is another machine's"}},
    {"spare/node_alive", {409, "The store's machine still answers"}},
    {"spare/not_ready", {409, "This spare cannot be opened as it is"}},
    {"spare/waiting", {503, "This is a spare that waits"}},
    {"auth/enrol_closed", {403, "Nothing is to be enrolled"}},
    {"people/number_taken", {409, "The staff number is taken"}},
    {"people/unknown_staff", {404, "Nobody has this id"}},
    {"people/last_manager", {409, "The last manager stays"}},
    {"vault/unknown", {404, "The vault holds nothing of this person"}},
    {"fold/key_reused", {409, "The key was used for another write"}},
    {"fold/not_here", {409, "Not at this site"}},
    {"fold/unknown_held", {404, "This entry is not held here"}},
    {"fold/held_changed", {409, "What waits has changed"}},
    {"fold/unknown_listed", {404, "This is not on the list"}},
    {"catalogue/not_here", {409, "Only head office lists products"}},
    {"catalogue/unknown_sku", {404, "The SKU is not known"}},
    {"catalogue/duplicate_gtin", {409, "The GTIN is another product's"}},
    {"till/unknown_receipt", {404, "The receipt is not known here"}},
    {"till/unknown_sku", {422, "The SKU is not listed"}},
    {"till/wrong_vat", {422, "The VAT code is wrong"}},
    {"till/tender_mismatch", {422, "Tenders and total differ"}},
    {"till/refund_too_much", {409, "More than is left to refund"}},
    {"till/card_number", {422, "Card numbers are never stored"}},
    {"till/no_till", {422, "This is done at a till"}},
    {"stock/received_before", {409, "The dispatch was received before"}},
    {"stock/not_for_here", {409, "The dispatch is for another site"}},
    {"stock/other_sender", {409, "Another site sent the dispatch"}},
    {"incident/unknown", {404, "This is not seen here"}},
    {"incident/closed_before", {409, "The incident was closed before"}},
    {"incident/not_rejoining", {409, "There is nothing to rejoin"}},
    {"incident/check_missing", {409, "A check is missing"}},
    {"incident/second_person", {403, "This takes a second person"}},
    {"incident/full", {409, "No more can be written here"}},
    {"standby/stands_by", {409, "The old system sells here"}},
    {"standby/taken_over", {409, "This site has taken over"}},
    {"standby/exported_before", {409, "Exported before the old system sold again"}},
    {"standby/wrong_phase", {409, "Not as things stand"}},
    {"standby/wrong_number", {409, "That is not the next handback"}},
    {"standby/overtaken", {409, "Another handback came first"}},
    {"standby/nothing_new", {409, "Nothing new to hand back"}},
    {"standby/unknown_handback", {404, "There is no such handback"}},
    {"node/busy", {503, "The node has too much to do"}},
    {"fold/waits", {503, "This waits for another write"}},
    {"till/not_started", {503, "This node has only just started"}},
    {"till/provisional_cash", {503, "Too much cash before this machine is registered"}},
    {"node/stopped", {503, "This node has been replaced"}},
    {"node/rebuilding", {503, "This node is being rebuilt"}},
    {"node/unknown_link", {404, "There is no link with this site"}},
    {"guard/sealed", {403, "This site is sealed"}},
    {"guard/bad_alert", {422, "The line is no alert"}},
    {"guard/unknown_webhook", {404, "There is no such webhook"}},
    {"alerts/too_fast", {429, "Too many alerts at once"}},
    {"guard/already_so", {409, "The posture is this already"}},
    {"guard/changed_meanwhile", {409, "The posture has changed meanwhile"}},
    {"guard/reason_needed", {422, "A reason is needed"}},
    {"guard/links_cut", {409, "Links are still cut"}},
    {"guard/not_sealed", {409, "This site is not sealed"}},
    {"node/no_recovery", {404, "This site has not been rebuilt"}},
};

}  // namespace

ProblemKind problem_kind(std::string_view code) {
  const auto row = std::ranges::find(rows, code, &Row::code);
  if (row != std::end(rows)) return row->kind;
  // What a disk refuses may work later; every other room refuses what was asked.
  if (code.starts_with("base/disk") || code.starts_with("journal/")) return {503, "The node's disk does not take it"};
  if (code.starts_with("people/no_memory")) return {503, "Too much at once"};
  if (code.ends_with("/damaged")) return {500, "Something of this node is damaged"};
  return {422, "Refused"};
}

void write_problem(JsonOut& out, const Error& error) {
  const ProblemKind kind = problem_kind(error.code);
  out.field("type", fmt::format("https://holdfast.invalid/problems/{}", error.code));
  out.field("title", kind.title);
  out.field("status", kind.status);
  out.field("detail", error.text);
  out.field("code", error.code);
}

Response problem(const Error& error) {
  JsonOut out;
  out.object();
  write_problem(out, error);
  out.end_object();
  Response response;
  response.status = problem_kind(error.code).status;
  response.content_type = "application/problem+json";
  response.body = out.take();
  return response;
}
Response problem(std::string_view code, std::string detail) { return problem(Error{code, std::move(detail)}); }

Response too_many_requests(Duration wait) {
  Response response = problem("http/too_fast", "Too many requests at once. Ask again in a moment.");
  response.hold = flood_hold;
  response.headers.emplace_back("Retry-After", fmt::format("{}", wait.ns / seconds(1).ns + 1));
  return response;
}

}  // namespace holdfast::http
