#include "edge/demo/site.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/base/crypto.h"
#include "edge/demo/own_directory.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/local_client.h"

namespace holdfast::demo {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int rebuild_seconds_max = 120;

std::string new_key() {
  ByteArray<16> key;
  edge::SodiumEntropy().fill(key);
  return to_hex(key);
}

}  // namespace

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
const json::array& list_of(const json::object& object, std::string_view name) {
  static const json::array none;
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

Site::Site(Place place, std::string enrolment_code)
    : place_(std::move(place)),
      enrolment_code_(std::move(enrolment_code)),
      directory_(fmt::format("{}/{}", place_.chain, place_.name)) {}

std::string Site::directory() const {
  const std::lock_guard lock(mutex_);
  return directory_;
}

Status Site::start(const std::string& control_url) {
  HF_TRY(process_, Child::start({"serve", "--data", directory(), "--http", place_.http, "--demo-control", control_url},
                                place_.log));
  return {};
}

Status Site::wait_until_serving(int seconds, const IsEnding& is_ending) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!ask("GET", "/v1/about")) {
    if (is_ending()) return fail("demo/ending", fmt::format("The demo ends; {} was not waited for.", name()));
    if (!process_.is_alive()) return fail("demo/failed", fmt::format("{} ended; {} says why.", name(), place_.log));
    if (std::chrono::steady_clock::now() > until) {
      return fail("demo/failed", fmt::format("{} does not answer after {} s; see {}.", name(), seconds, place_.log));
    }
    std::this_thread::sleep_for(50ms);
  }
  is_serving = true;
  return {};
}

Status Site::enrol(const Person& manager) {
  json::object body{{"code", enrolment_code_}, {"staff", manager.number}, {"pin", manager.pin}};
  HF_TRY_VOID(ask("POST", "/v1/enrol", json::serialize(body)));
  return {};
}

Result<json::object> Site::ask(std::string_view method, const std::string& path, const std::string& body) const {
  return serve::ask_node(directory(), method, path, body);
}

Result<json::object> Site::write(json::object body) const {
  if (!body.contains("key")) body["key"] = new_key();
  const json::object batch{{"writes", json::array{std::move(body)}}};
  HF_TRY(json::object answer, ask("POST", "/v1/writes", json::serialize(batch)));
  const json::array& replies = list_of(answer, "replies");
  const json::object* reply = replies.empty() ? nullptr : replies.front().if_object();
  if (reply == nullptr) return fail("demo/failed", fmt::format("{} gave no reply to a write.", name()));
  const json::value* ok = reply->if_contains("ok");
  if (ok == nullptr || *ok != true) {
    return fail("demo/failed", fmt::format("{} refused a write: {}", name(), json::serialize(*reply)));
  }
  return *reply;
}

Status Site::destroy() {
  if (!is_serving.exchange(false)) return fail("demo/failed", fmt::format("{} is gone already.", name()));
  process_.end(0);
  HF_TRY_VOID(overwrite_all(directory()));
  return {};
}

Status Site::set_links(bool cut) {
  HF_TRY(const json::object links, ask("GET", "/v1/links"));
  for (const json::value& link : list_of(links, "links")) {
    HF_TRY_VOID(ask("POST", "/v1/links/" + text_of(link.as_object(), "site"),
                    cut ? R"({"state":"cut"})" : R"({"state":"open"})"));
  }
  is_cut = cut;
  return {};
}

// As at a real ceremony (protocol 5.1, 9.2): the new machine makes its own keys, recovery keys sign a certificate for
// them, and the mirrors give back what they hold.
Status Site::rebuild(const Person& manager, const std::string& control_url, const IsEnding& is_ending) {
  if (is_serving) return fail("demo/failed", fmt::format("{} lives; destroy it first.", name()));
  const std::string top = std::filesystem::path(place_.chain).parent_path().string();
  const std::string machine = fmt::format("{}/{}-machine-{}", top, name(), ++rebuilds_ + 1);
  const std::string certificates = machine + "-certificates", chain_file = place_.chain + "/chain.hfc";
  const Child::Limits at_once{60, is_ending}, from_mirrors{rebuild_seconds_max, is_ending};
  HF_TRY_VOID(Child::run({"site", "keygen", name(), "--replacement", "--into", machine}, place_.log, at_once));
  HF_TRY_VOID(mark(machine));
  HF_TRY(const std::string said,
         Child::run({"recovery", "sign", "--chain", chain_file, "--keys", place_.chain + "/ceremony/recovery",
                     "--request", fmt::format("{}/{}.pub.toml", machine, name()), "--out", certificates},
                    place_.log, at_once));
  const std::size_t code = said.rfind(' ');
  if (code == std::string::npos) return fail("demo/failed", "The ceremony printed no enrolment code.");
  enrolment_code_ = said.substr(code + 1, said.find('\n', code) - code - 1);
  const auto rebuilt = Child::run({"site", "rebuild", name(), "--into", machine, "--chain", chain_file, "--certificate",
                                   fmt::format("{}/{}.certificate", certificates, name())},
                                  place_.log, from_mirrors);
  if (!rebuilt && rebuilt.error().code == "demo/too_slow") {
    return fail("demo/failed",
                fmt::format("too few mirrors of {} have answered in {} s. Rebuild other sites first, or heal their "
                            "links, and try again; where too many are gone at once, start the demo anew.",
                            name(), rebuild_seconds_max));
  }
  HF_TRY_VOID(rebuilt);
  {
    const std::lock_guard lock(mutex_);
    directory_ = machine;
  }
  is_cut = false;
  HF_TRY_VOID(start(control_url));
  HF_TRY_VOID(wait_until_serving(60, is_ending));
  return enrol(manager);
}

}  // namespace holdfast::demo
