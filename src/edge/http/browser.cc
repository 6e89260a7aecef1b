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

Status check_browser(const Request& request, const std::string& listen) {
  const std::string host = host_part(request.host);
  if (!host.empty() && host != "localhost" && host != host_part(listen) && !is_address(host)) {
    return fail("http/bad_host",
                "This node answers only to its address or to localhost. If a web site sent you here, leave it.");
  }
  if (!is_change(request.method)) return {};
  const bool is_foreign = !request.origin.empty() && request.origin != "http://" + request.host &&
                          request.origin != "https://" + request.host;
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

}  // namespace holdfast::http
