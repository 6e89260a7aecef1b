#include "edge/demo/control.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>

#include "core/base/crypto.h"
#include "edge/http/problem.h"

namespace holdfast::demo {
namespace {

http::Response refusal(unsigned status, std::string_view title) {
  http::Response response;
  response.status = status;
  response.body = http::JsonOut().object().field("title", title).end_object().take();
  return response;
}

bool same_token(std::string_view given, std::string_view mine) {
  return given.size() == mine.size() && ::sodium_memcmp(given.data(), mine.data(), mine.size()) == 0;
}

// "/token/action/site" in its parts.
std::array<std::string_view, 3> parts_of(std::string_view path) {
  std::array<std::string_view, 3> parts;
  path.remove_prefix(1);
  for (std::string_view& part : parts) {
    const std::size_t end = std::min(path.find('/'), path.size());
    part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

}  // namespace

Result<std::unique_ptr<Control>> Control::open(const std::string& listen, Sources sources) {
  http::ServerSettings settings;
  settings.listen = listen;
  settings.headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
  HF_TRY(auto server, http::Server::open(std::move(settings)));
  ByteArray<32> token;
  ::randombytes_buf(token.data(), token.size());
  std::unique_ptr<Control> control(new Control(std::move(server), std::move(sources), to_hex(token)));
  control->server_->start([raw = control.get()](const http::Request& request, const http::Respond& respond) {
    http::respond_now(respond, raw->answer(request));
  });
  return control;
}

Control::Control(std::unique_ptr<http::Server> server, Sources sources, std::string token)
    : server_(std::move(server)), sources_(std::move(sources)), token_(std::move(token)) {}

std::string Control::url() const { return fmt::format("http://{}/{}", server_->address(), token_); }

http::Response Control::answer(const http::Request& request) {
  // A name that points at loopback (DNS rebinding) is no way in, nor is another page.
  if (request.host != server_->address() && request.host != fmt::format("localhost:{}", server_->port())) {
    return refusal(403, "Wrong host.");
  }
  if (!request.origin.empty() && !sources_.is_page(request.origin)) return refusal(403, "Not a page of this chain.");
  const auto with_origin = [&](http::Response response) {
    if (!request.origin.empty()) {
      response.headers.emplace_back("Access-Control-Allow-Origin", request.origin);
      response.headers.emplace_back("Vary", "Origin");
    }
    return response;
  };
  const auto [token, action, site] = parts_of(request.path);
  if (request.method == http::Method::other) {  // OPTIONS: may a page of ours ask?
    http::Response response;
    response.status = 204;
    response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST");
    response.headers.emplace_back("Access-Control-Allow-Headers", "content-type, authorization");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
    return with_origin(std::move(response));
  }
  if (!same_token(token, token_)) return with_origin(refusal(401, "Wrong token."));
  const std::lock_guard lock(mutex_);
  if (request.method == http::Method::get && action == "state") {
    http::JsonOut out;
    out.object();
    sources_.state(out);
    out.field("busy", busy_.empty() ? std::nullopt : std::optional(busy_));
    out.field("trouble", trouble_.empty() ? std::nullopt : std::optional(trouble_));
    http::Response response;
    response.body = out.end_object().take();
    return with_origin(std::move(response));
  }
  const bool is_action = action == "destroy" || action == "cut" || action == "heal" || action == "rebuild";
  if (request.method != http::Method::post || !is_action || site.empty()) {
    return with_origin(refusal(404, "No such action."));
  }
  if (!busy_.empty()) return with_origin(refusal(409, busy_));
  asked_ = Action{std::string(action), std::string(site)};
  busy_ = fmt::format("{} {}", action, site);
  trouble_.clear();
  http::Response response;
  response.status = 202;
  response.body = http::JsonOut().object().field("busy", busy_).end_object().take();
  return with_origin(std::move(response));
}

std::optional<Action> Control::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(asked_, std::nullopt);
}

void Control::done(const Status& how) {
  const std::lock_guard lock(mutex_);
  if (!how) trouble_ = fmt::format("{}: {}", busy_, how.error().text);
  busy_.clear();
}

}  // namespace holdfast::demo
