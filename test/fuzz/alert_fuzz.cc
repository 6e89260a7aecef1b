// Lines of sensors: EVE, and a webhook's JSON through the shipped mapping. What becomes of one can stand in the
//                   journal.
#include "core/fold/event.h"
#include "edge/guard/alert_json.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const guard::Config& shipped() {
  static const guard::Config config = [] {
    auto parsed = guard::parse_config(std::nullopt, "guard.toml");
    HF_CHECK(parsed.has_value(), "{}", parsed.error().text);
    return std::move(*parsed);
  }();
  return config;
}

void check(const guard::Alert& alert, std::string_view line) {
  HF_CHECK(alert.digest == sha256(as_bytes(line)), "another line's digest");
  guard::Alert kept = alert;
  kept.unrecorded.clear();
  const fold::Event event{Instant{5}, {}, guard::AlertRaised{kept, guard::Level::watch, "rule", 1}};
  if (alert.seen_at.unix_ns < 0) return;
  const auto back = fold::decode(fold::encode(event).front());
  HF_CHECK(back.has_value(), "an alert that cannot be written: {}", back.error().text);
  HF_CHECK(*back == event, "an alert that is read back as another");
  guard::Judge judge(shipped().rules);
  (void)judge.judge(alert, Instant{0});
}

}  // namespace

void fuzz_alert(ByteView in) {
  const std::string_view line = as_text(in);
  const Allocations allocations;
  const auto eve = guard::read_eve(line);
  check_peak(allocations, in.size(), 256);
  if (eve && *eve) check(**eve, line);
  for (const guard::Mapping& mapping : shipped().webhooks)
    if (const auto alert = guard::read_mapped(mapping, line)) check(*alert, line);
}

Seeds seeds_of_alert() {
  return {
      text_seed("eve",
                R"({"timestamp":"2018-03-24T13:01:02.500000-0600","event_type":"alert","src_ip":"10.0.0.5",)"
                R"("src_port":1,"dest_ip":"10.0.0.6","dest_port":445,"alert":{"signature_id":2024297,)"
                R"("severity":1,"category":"Attempted Administrator Privilege Gain","signature":"ET EXPLOIT"}})"),
      text_seed("eve-other", R"({"event_type":"dns","dns":{"rrname":"example.com"}})"),
      text_seed("eve-hostile", R"({"event_type":"alert","timestamp":"yesterday","alert":{"signature_id":"a\u0000b",)"
                               R"("severity":9,"category":[1],"signature":"x"}})"),
      text_seed("windows", R"({"Channel":"Security","EventID":4742,"TimeCreated":"2020-09-14T10:00:00Z",)"
                           R"("Event":{"System":{"Channel":"Security","EventID":"4742"}},)"
                           R"("SubjectUserName":"ANONYMOUS LOGON","TargetUserName":"DC$"})")};
}

}  // namespace holdfast::fuzz
