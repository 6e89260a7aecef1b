#include "edge/trade/till_writes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace holdfast::trade {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// The file is whatever its till, or whoever carried it, has written into it, and it is sent with the rights of this
// machine: so it brings what has happened at a till, and no decision (protocol 6.2; fold::has_physically_happened()).
bool is_of_a_till(const json::object& write) {
  constexpr std::array<std::string_view, 8> kinds = {"sale",      "refund", "refund_no_receipt", "receive",
                                                     "write_off", "count",  "dispatch",          "receive_dispatch"};
  return std::ranges::find(kinds, text_of(write, "kind")) != kinds.end();
}

bool is_same_till(const json::object& file, const json::object& write) {
  const json::value* till = write.if_contains("till");
  const json::value* whose = file.if_contains("till");
  return till != nullptr && whose != nullptr && till->is_int64() && *till == *whose;
}

}  // namespace

Result<TillWritesReport> import_till_writes(const std::string& text, Node& node) {
  const auto bad = [](std::string why) { return fail("trade/bad_till_file", std::move(why)); };
  boost::system::error_code error;
  const json::value whole = json::parse(text, error);
  const json::object* file = error ? nullptr : whole.if_object();
  if (file == nullptr || text_of(*file, "format") != "holdfast till writes 1") {
    return bad("This is no file that a till saved, or it was cut short; save it again at the till.");
  }
  const json::value* writes = file->if_contains("writes");
  if (writes == nullptr || !writes->is_array())
    return bad("The file has no list of writes; save it again at the till.");
  for (const json::value& write : writes->get_array()) {
    if (!write.is_object() || text_of(write.get_object(), "key").empty()) {
      return bad("A write in the file has no key: the file was changed after the till saved it.");
    }
    if (!is_same_till(*file, write.get_object()))
      return bad("A write in the file is of another till than the file: it was changed after the till saved it.");
  }
  HF_TRY(const About about, node.about());
  const std::string chain = text_of(*file, "chain"), site = text_of(*file, "site");
  if (chain != about.chain || site != about.site) {
    return bad(fmt::format("The file is of {} in {}, but the node is {} in {}. Hand it in where the till stands.", site,
                           chain, about.site, about.chain));
  }
  TillWritesReport report;
  Writes batch(node);
  std::vector<const json::object*> again;  // what they wait for may stand behind them
  const auto send = [&](const json::object& write, bool is_last) {
    return batch.add(json::serialize(write), [&, is_last, of = &write](const Reply& reply) {
      if (reply.ok) {
        ++(reply.duplicate ? report.known : report.taken);
      } else if (waits_at_node(reply) && !is_last) {
        again.push_back(of);
      } else {
        (waits_at_node(reply) ? report.waiting : report.refused)
            .push_back({text_of(*of, "key"), reply.code, reply.detail});
      }
      return Status();
    });
  };
  for (const json::value& write : writes->get_array()) {
    ++report.writes;
    if (!is_of_a_till(write.get_object())) {
      report.refused.push_back({text_of(write.get_object(), "key"), "auth/role",
                                "It is a decision and no sale: whoever may take it signs in and takes it again."});
      continue;
    }
    HF_TRY_VOID(send(write.get_object(), false));
  }
  HF_TRY_VOID(batch.flush());
  for (const json::object* write : again) HF_TRY_VOID(send(*write, true));
  HF_TRY_VOID(batch.flush());
  return report;
}

}  // namespace holdfast::trade
