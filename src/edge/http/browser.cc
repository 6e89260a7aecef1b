#include "edge/http/browser.h"

#include <arpa/inet.h>

#include <algorithm>

namespace holdfast::http {
namespace {

// "127.0.0.1:7400" -> "127.0.0.1", "[::1]:7400" -> "::1".
std::string host_part(std::string_view host) {
  if (host.starts_with('['))
    return std::string(host.substr(1, host.find(']') == std::string_view::npos ? 0 : host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}
bool is_address(const std::string& host) {
  in6_addr ignored;
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 || inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

bool is_change(Method method) { return method == Method::post || method == Method::del; }

bool is_from_store(const Request& request, const std::vector<std::string>& others) {
  return !request.origin.empty() && std::ranges::find(others, request.origin) != others.end();
}

Status check_browser(const Request& request, const Place& place) {
  const std::string host = host_part(request.host);
  if (!host.empty() && host != "localhost" && host != host_part(place.listen) && !is_address(host) &&
      std::ranges::find(place.names, host) == place.names.end()) {
    return fail("http/bad_host",
                "This node answers only to its address or to localhost. If a web site sent you here, leave it.");
  }
  if (!is_change(request.method) || is_from_store(request, place.others)) return {};
  // Over plain HTTP a TLS proxy may stand in front.
  const bool is_foreign = !request.origin.empty() && request.origin != "https://" + request.host &&
                          (request.is_secure || request.origin != "http://" + request.host);
  const bool is_cross =
      !request.fetch_site.empty() && request.fetch_site != "same-origin" && request.fetch_site != "none";
  if (is_foreign || is_cross) {
    return fail("http/bad_origin",
                "Another web site tried to change something here; this node takes changes only from its own pages.");
  }
  return {};
}

Status check_json_body(const Request& request) {
  std::string type = request.content_type.substr(0, request.content_type.find(';'));
  while (type.ends_with(' ')) type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (type != "application/json")
    return fail("http/wrong_media_type", "Send the body as Content-Type: application/json.");
  return {};
}

Respond for_page_of_store(Respond respond, const std::string& origin) {
  return [respond = std::move(respond), origin](std::function<Response()> make) {
    respond([make = std::move(make), origin] {
      Response response = make();
      response.headers.emplace_back("Access-Control-Allow-Origin", origin);
      response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
      response.headers.emplace_back("Vary", "Origin");
      return response;
    });
  };
}

Response preflight() {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE");
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Holdfast-Session");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

std::string content_security_policy(const std::vector<std::string>& others, std::string_view demo_control) {
  std::string to = "'self'";
  if (const std::size_t scheme = demo_control.find("://"); scheme != std::string_view::npos)
    to += " " + std::string(demo_control.substr(0, demo_control.find('/', scheme + 3)));
  for (const std::string& other : others) to += " " + other;
  return "default-src 'self'; connect-src " + to +
         "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

}  // namespace holdfast::http
