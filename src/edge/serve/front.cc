#include "edge/serve/front.h"

#include <sys/resource.h>

#include <cstdio>

#include "edge/http/api.h"
#include "edge/keys/spare_directory.h"

namespace holdfast::serve {

void raise_descriptor_limit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

Result<http::Pages> pages_of(const ServeSettings& settings) {
  return settings.pages.empty() ? http::Pages::embedded() : http::Pages::load(settings.pages);
}

Result<std::unique_ptr<http::Server>> listen_for_http(const ServeSettings& settings, const Log& log) {
  http::ServerSettings server;
  server.listen = settings.http;
  server.insecure_bind = settings.http_insecure_bind;
  server.tills = settings.tills;
  server.headers = http::security_headers(settings.demo_control);
  server.log = [log](const std::string& what) { log.warn("tills-address", {{"what", what}}); };
  return http::Server::open(std::move(server));
}

Result<std::unique_ptr<tills::Machine>> open_tills(const ServeSettings& settings, const SiteName& site, bool is_node,
                                                   Clock& clock, const Log& log) {
  if (settings.tills.empty()) return std::unique_ptr<tills::Machine>();
  return tills::Machine::open({.data = settings.data,
                               .site = site.str(),
                               .listen = settings.tills,
                               .names = settings.tills_names,
                               .is_node = is_node,
                               .goes_on_without = keys::is_promoted(settings.data)},
                              clock, [log](const tills::News& told) {
                                const std::string event = "tills-" + told.event;
                                if (told.is_warning)
                                  log.warn(event, {{"what", told.what}});
                                else
                                  log.info(event, {{"what", told.what}});
                              });
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "holdfast: %s [%.*s]\n", error.text.c_str(), static_cast<int>(error.code.size()),
               error.code.data());
  return code;
}

}  // namespace holdfast::serve
