// What a node and a waiting spare begin alike: their pages, their HTTP address, and how they say why they cannot.
//
// Errors: of http::Pages::load and http::Server::open.
#pragma once

#include <memory>
#include <string>

#include "core/base/ids.h"
#include "core/base/world.h"
#include "edge/http/pages.h"
#include "edge/http/server.h"
#include "edge/posix/data_lock.h"
#include "edge/serve/serve.h"
#include "edge/tills/machine.h"

namespace holdfast::serve {

// As many open files as the system allows: tills alone may hold a thousand connections, and a disk that cannot open a
// file ends the process.
void raise_descriptor_limit();
Result<http::Pages> pages_of(const ServeSettings& settings);
// The ports are bound, so that one in use is told at once; nobody is accepted yet.
Result<std::unique_ptr<http::Server>> listen_for_http(const ServeSettings& settings, const Log& log);
// What tills come by; none where `settings.tills` is empty.
Result<std::unique_ptr<tills::Machine>> open_tills(const ServeSettings& settings, const SiteName& site, bool is_node,
                                                   Clock& clock, const Log& log);
// Where commands on this machine find its process. A disk without room for it keeps no store shut (protocol 13.117):
// that is said, and it is tried again.
class AddressFile {
 public:
  static Result<AddressFile> write(std::unique_ptr<Disk> disk, const std::string& address, const Log& log);
  void look(Instant now);  // monotonic; now and then
  void remove() { static_cast<void>(disk_->remove(edge::http_address_path)); }

 private:
  std::unique_ptr<Disk> disk_;
  std::string line_;
  bool is_written_ = false;
  Instant next_;
};
// The sentence on standard error; returns `code`.
int complain(const Error& error, int code);

}  // namespace holdfast::serve
