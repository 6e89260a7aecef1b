// The process around one node: its data directory, its links, its clock, and the thread on which it lives.
//
// Shape:  run() is the loop of the node's thread: what was posted runs, then a turn, then a wait until wake_at() or the
//         next post. While a turn writes, more is posted: all of that shares the next commit (protocol 1.1).
// Errors: open(): keys/* (no data directory, another site's, no chain file), edge/data_in_use, edge/port_in_use,
//         node/*, journal/*. run(): the node's fatal error; the process must end (protocol 1.2).
// Thread: change, read and request_stop from any; open, run and the destructor on one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "edge/http/node_access.h"
#include "edge/keys/file_signer.h"
#include "edge/net/tls_net.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/log.h"

namespace holdfast::serve {

class NodeHost final : public http::NodeAccess {
 public:
  struct Settings {
    std::string data;    // the data directory
    std::string listen;  // for links, where it differs from the chain file's address of this site; "none": only dials
    std::string old_machine;
    Duration spare_silence = node::spare_silence_min;
    std::function<bool(std::string_view address)> is_outside = {};  // of the shop's own network (TlsNetOptions)
  };
  static Result<std::unique_ptr<NodeHost>> open(const Settings& settings, const Log& log);
  ~NodeHost() override;

  void change(std::function<void(node::Node&)> task) override;
  void read(std::function<void(const node::Node&)> task) override;

  // Until request_stop(), or until `round`, called after each round, returns true. Leaves the node stopped (Node::stop)
  // unless a turn failed.
  Status run(const std::function<bool(node::Node&)>& round = {});
  void request_stop();

  const SiteName& site() const { return site_; }
  node::Node& node() { return *node_; }
  const chain::ChainFile& chain_file() const { return node_->chain_file(); }
  Clock& clock() { return clock_; }
  Entropy& entropy() { return entropy_; }
  const edge::TlsNet& net() const { return *net_; }

 private:
  explicit NodeHost(edge::DataLock lock) : lock_(std::move(lock)) {}
  struct Task {
    std::function<void(node::Node&)> run;
    bool is_change = false;
  };
  void post(Task task);
  std::deque<Task> wait();

  edge::DataLock lock_;
  SiteName site_;
  std::unique_ptr<edge::PosixDisk> disk_;
  std::unique_ptr<keys::FileSigner> signer_;
  edge::PosixClock clock_;
  edge::SodiumEntropy entropy_;
  edge::ThreadPool pool_{2};
  std::unique_ptr<edge::TlsNet> net_;
  std::unique_ptr<node::Node> node_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool stop_requested_ = false;
  bool has_ended_ = false;
};

}  // namespace holdfast::serve
