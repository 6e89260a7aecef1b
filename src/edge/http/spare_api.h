// The HTTP API of a spare that waits: how good its copy is, and the code that promotes it (schema/openapi.yaml, tag
// spare). Everything else is there once it is the store's node.
//
// Shape:  GET /v1/spare; POST /v1/spare/promote {code, though_heard?}; /healthz; pages ("/" leads to /spare/).
//         Pages of the store's node may ask (browser.h): a till keeps looking whether this machine has been opened.
//         The code is its own right: whoever holds the paper may. Wrong ones are counted and made to wait (limits.h); a
//         mistyped one is told before anything is computed and does not count. A code costs as much as Argon2id is
//         made to, so whoever types at the machine's own screen waits behind nobody who types elsewhere.
// Errors: problem.h; spare/node_alive: the store's machine answers this spare, so it is not dead. spare/not_ready: its
//         copy is empty or has a hole, and could not be opened (protocol 13.116).
// Thread: handle() on the server's; `promote` is called on the worker's thread, once at a time.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "core/node/spare_copy.h"
#include "edge/http/message.h"
#include "edge/http/pace.h"
#include "edge/http/pages.h"
#include "edge/http/worker.h"
#include "edge/keys/spare_directory.h"
#include "edge/people/limits.h"
#include "edge/tills/machine.h"

namespace holdfast::http {

class SpareApi {
 public:
  using Read = std::function<void(std::function<void(const node::Spare&)>)>;
  using Promote = std::function<Result<keys::Promoted>(const std::string& typed_code)>;
  SpareApi(Read read, Promote promote, Worker& worker, Clock& clock, const Pages& pages, std::string listen,
           const tills::Machine* tills = nullptr)
      : read_(std::move(read)),
        promote_(std::move(promote)),
        worker_(worker),
        clock_(clock),
        pages_(pages),
        listen_(std::move(listen)),
        tills_(tills),
        limits_(people::LimitSettings{.all_together = false}) {}
  void handle(const Request& request, Respond respond);
  bool is_promoted() const { return is_promoted_; }

 private:
  void post_promote(const Request& request, const Respond& respond);
  Read read_;
  Promote promote_;
  Worker& worker_;
  Clock& clock_;
  const Pages& pages_;
  const std::string listen_;
  const tills::Machine* tills_;
  Pace pace_;         // on the server's thread
  std::mutex mutex_;  // guards limits_
  people::AttemptLimits limits_;
  std::atomic<bool> is_promoted_ = false;
};

}  // namespace holdfast::http
