#include "edge/serve/front.h"

#include <cstdio>

#include "edge/http/api.h"

namespace holdfast::serve {

Result<http::Pages> pages_of(const ServeSettings& settings) {
  return settings.pages.empty() ? http::Pages::embedded() : http::Pages::load(settings.pages);
}

Result<std::unique_ptr<http::Server>> listen_for_http(const ServeSettings& settings) {
  http::ServerSettings server;
  server.listen = settings.http;
  server.insecure_bind = settings.http_insecure_bind;
  server.headers = http::security_headers(settings.demo_control);
  return http::Server::open(std::move(server));
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "holdfast: %s [%.*s]\n", error.text.c_str(), static_cast<int>(error.code.size()),
               error.code.data());
  return code;
}

}  // namespace holdfast::serve
