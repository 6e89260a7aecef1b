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

Result<AddressFile> AddressFile::write(std::unique_ptr<Disk> disk, const std::string& address, const Log& log) {
  AddressFile out;
  out.disk_ = std::move(disk);
  out.line_ = address + "\n";
  const Status written = out.disk_->write_all(edge::http_address_path, as_bytes(out.line_));
  if (!written && written.error().code != "base/disk_full") return pass_on(written.error());
  out.is_written_ = written.has_value();
  if (!written)
    log.warn("http-address", {{"error", written.error().text},
                              {"what",
                               "it serves all the same; commands on this machine find it when there is room again, "
                               "which is tried every 10 s"}});
  return out;
}

void AddressFile::look(Instant now) {
  if (is_written_ || now < next_) return;
  next_ = now + seconds(10);
  is_written_ = disk_->write_all(edge::http_address_path, as_bytes(line_)).has_value();
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "holdfast: %s [%.*s]\n", error.text.c_str(), static_cast<int>(error.code.size()),
               error.code.data());
  return code;
}

}  // namespace holdfast::serve
