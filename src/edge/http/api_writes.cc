// Writes: parsed on the server's thread, decided on the node's, answered together when the last of them is durable or
//         refused.
#include <fmt/format.h>

#include "edge/http/api.h"
#include "edge/http/problem.h"
#include "edge/http/state_json.h"

namespace holdfast::http {

struct Api::Batch {
  struct Slot {
    std::string key;
    bool is_dispatch = false;
    std::optional<ParsedWrite> write;
    std::optional<Result<fold::Taken>> answer;
  };
  CallPtr call;
  std::vector<Slot> slots;
  std::size_t waiting = 0;  // on the node's thread alone
  node::Safety safety;

  std::string json() const;
};

std::string Api::Batch::json() const {
  JsonOut out;
  out.object().array("replies");
  for (const Slot& slot : slots) {
    if (*slot.answer) {
      write_taken(out, slot.key, **slot.answer, slot.is_dispatch);
    } else {
      write_refused(out, slot.key, slot.answer->error());
    }
  }
  out.end_array().object("safety");
  write_cover(out, safety);
  if (safety.replaced_by) out.object("replaced_by").field("origin", safety.replaced_by->text()).end_object();
  return out.end_object().end_object().take();
}

void Api::post_writes(const CallPtr& call) {
  const auto list = writes_of(call->body);
  if (!list) return call->refuse(list.error());
  auto batch = std::make_shared<Batch>();
  batch->call = call;
  batch->slots.resize((*list)->size());
  for (std::size_t i = 0; i < batch->slots.size(); ++i) {
    Batch::Slot& slot = batch->slots[i];
    slot.key = key_as_sent((**list)[i]);
    auto parsed = parse_write((**list)[i], call->asker);
    if (parsed && call->asker.is_local && parsed->request.till.number != 0 &&
        !parts_.credentials.has_till(parsed->request.till)) {
      parsed = fail("till/no_till",
                    fmt::format("Till {} is not enrolled here. POST /v1/tills makes it.", parsed->request.till.number));
    }
    if (!parsed) {
      slot.answer = pass_on(std::move(parsed).error());
      continue;
    }
    slot.key = to_hex(parsed->request.key.bytes);
    slot.is_dispatch = std::holds_alternative<stock::Dispatch>(parsed->request.command);
    slot.write = std::move(*parsed);
  }
  parts_.node.change([this, batch](node::Node& node) {
    batch->waiting = 1;  // ourselves, so that answers given at once do not end the batch early
    for (Batch::Slot& slot : batch->slots) {
      if (!slot.write) continue;
      fold::WriteRequest& request = slot.write->request;
      // What was taken before is answered in the same words before any role is looked at (openapi.yaml, /v1/writes).
      std::optional<people::Role>& needs = slot.write->needs;
      // Guarded: money goes out only under a manager's eyes. What a till has paid out already is taken, and flagged.
      const bool pays_out = std::holds_alternative<till::Refund>(request.command);
      if (!needs && pays_out && guard::is_tight(node.posture().posture)) needs = people::Role::manager;
      const bool may = !needs || batch->call->asker.may(*needs);
      request.lacks_role = !may && slot.write->has_happened;
      if (!may && !request.lacks_role && node.state().find_write({request.till, request.key}) == nullptr) {
        slot.answer =
            fail("auth/role",
                 fmt::format("This kind of write needs a {}'s sign-in. The till keeps it and sends it again then.",
                             people::to_text(*needs)));
        continue;
      }
      ++batch->waiting;
      node.submit(std::move(request), [this, batch, &slot](const Result<fold::Taken>& taken) {
        slot.answer = taken;
        if (--batch->waiting == 0) finish_batch(batch);
      });
    }
    if (--batch->waiting == 0) finish_batch(batch);
  });
}

// Called inside a turn or before one: the state to tell of is read when the node has come to rest.
void Api::finish_batch(const std::shared_ptr<Batch>& batch) {
  parts_.node.read([batch](const node::Node& node) {
    batch->safety = node.safety();
    batch->call->respond([batch] {
      Response response;
      response.body = batch->json();
      return response;
    });
  });
}

void Api::post_link(const CallPtr& call) {
  std::optional<Error> problem;
  Fields body(call->body, "", problem);
  const std::string wanted = body.text("state", {});
  if (wanted != "cut" && wanted != "open") body.refuse("http/bad_value", "state", "must be \"cut\" or \"open\"");
  body.finish();
  if (problem) return call->refuse(*problem);
  const auto site = chain::site_name_of(call->argument);
  if (!site) return call->refuse({"node/unknown_link", "That is no site's name."});
  const SubjectId by = call->asker.signed_in.value_or(SubjectId{});
  parts_.node.change([call, site = *site, by, cut = wanted == "cut"](node::Node& node) {
    // It would leave the list of cuts, and nothing would pass: who asked would be told "open" of a link that is not.
    if (!cut && node.posture().posture == guard::Posture::sealed)
      return call->refuse({"guard/links_cut",
                           "This site is sealed, and all its links are cut. Begin the return from the seal (`holdfast "
                           "rejoin begin`), or open the site (`holdfast unseal`), first."});
    const Status done = cut ? node.cut_link(site, by) : node.open_link(site, by);
    if (!done) return call->refuse(done.error());
    call->answer(links_json(node));
  });
}

}  // namespace holdfast::http
