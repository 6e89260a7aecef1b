// A write as JSON -> the command that core decides.
//
// Errors: those of Fields; http/unknown_kind; auth/staff: a signed-in person writes under another's id; auth/till: the
//         write names another till than the one that sends it; till/no_till.
// Thread: pure functions.
// Source: schema/openapi.yaml (Write), protocol 8.
#pragma once

#include <optional>
#include <string>

#include "core/fold/command.h"
#include "edge/http/json_read.h"
#include "edge/people/role.h"

namespace holdfast::http {

inline constexpr std::size_t writes_a_batch_max = 1000;

// Who sends a request, as far as it is proven. The till says where, the session says who may.
struct Asker {
  TillId till;                  // by its device key; 0: none
  std::string_view chain = {};  // of this node
  SiteName site = {};
  bool is_sensor = false;              // by the data directory's alerts.token: may tell of alerts, and nothing else
  bool is_local = false;               // by the data directory's admin.token: every role
  std::optional<SubjectId> signed_in;  // by session
  std::optional<people::Role> role;    // of the session
  bool may(people::Role needed) const { return is_local || (role && *role >= needed); }
};

struct ParsedWrite {
  fold::WriteRequest request;
  std::optional<people::Role> needs;  // nullopt: whoever may write at all
  // Sent again by a till that says it was done (protocol 8.2): without the role it is taken all the same, and flagged.
  bool has_happened = false;
};
// The list of the body {"writes": [...]}, 1 to writes_a_batch_max items.
Result<const json::array*> writes_of(const json::value& body);
Result<ParsedWrite> parse_write(const json::value& write, const Asker& asker);
// The write's key as it was sent, for the answer to one that cannot be read; at most 64 bytes.
std::string key_as_sent(const json::value& write);

}  // namespace holdfast::http
