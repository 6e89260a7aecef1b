// The demo's control server: destroy, cut, heal and rebuild a site from the chain page. The same address, answers and
// rules as demo/lib/control.mjs, of which this is the part for the packaged program.
//
// Shape:  GET /TOKEN/state -> what `state` gives; POST /TOKEN/ACTION/SITE -> 202, and the action waits for take().
//         One action at a time (409 meanwhile). The token is 256 bits, drawn at each start.
//         Loopback only; answers to no other Host, and to no page but those of this chain's nodes.
// Errors: as Server::open.
// Thread: open, take and done on one; `state` and `is_page` are called on the server's.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "edge/http/json_out.h"
#include "edge/http/server.h"

namespace holdfast::demo {

struct Action {
  std::string what, site;  // what: destroy, cut, heal or rebuild
};

class Control {
 public:
  struct Sources {
    std::function<void(http::JsonOut&)> state;             // fields "caption" and "sites", into an open object
    std::function<bool(std::string_view origin)> is_page;  // "http://127.0.0.1:20007"
  };
  static Result<std::unique_ptr<Control>> open(const std::string& listen, Sources sources);
  std::string url() const;

  std::optional<Action> take();
  void done(const Status& how);  // of what was taken
  void stop() { server_->stop(); }

 private:
  Control(std::unique_ptr<http::Server> server, Sources sources, std::string token);
  http::Response answer(const http::Request& request);

  std::unique_ptr<http::Server> server_;
  Sources sources_;
  std::string token_;
  std::mutex mutex_;
  std::optional<Action> asked_;
  std::string busy_, trouble_;  // empty: none
};

}  // namespace holdfast::demo
