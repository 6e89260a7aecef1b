// The process around a spare that copies: its data directory, its one connection, and the thread on which it lives.
//
// Shape:  as NodeHost, smaller: run() is the loop of the spare's thread.
// Errors: open(): keys/*, edge/data_in_use, node/*, journal/*. run(): a write failed; the process must end (1.2).
// Thread: read and request_stop from any; open, run and the destructor on one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/node/spare_copy.h"
#include "edge/keys/key_file.h"
#include "edge/net/tls_net.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/log.h"

namespace holdfast::serve {

class SpareHost {
 public:
  struct Settings {
    std::string data;
    std::string node;  // host:port of the store's node; empty: the chain file's
  };
  static Result<std::unique_ptr<SpareHost>> open(const Settings& settings, const Log& log);
  ~SpareHost();

  // Not run any more once run() has returned.
  void read(std::function<void(const node::Spare&)> task);
  // `round`: called after each turn, on this thread.
  Status run(const std::function<void(node::Spare&)>& round = {});
  void request_stop();
  const SiteName& site() const { return site_; }
  Clock& clock() { return clock_; }

 private:
  explicit SpareHost(edge::DataLock lock) : lock_(std::move(lock)) {}
  void post(std::function<void()> task);

  edge::DataLock lock_;
  SiteName site_;
  std::unique_ptr<edge::PosixDisk> disk_;
  edge::PosixClock clock_;
  edge::ThreadPool pool_{1};
  std::unique_ptr<edge::TlsNet> net_;
  std::unique_ptr<node::Spare> spare_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stop_requested_ = false;
};

}  // namespace holdfast::serve
