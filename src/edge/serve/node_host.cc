#include "edge/serve/node_host.h"

#include <fmt/format.h>

#include <chrono>

#include "edge/keys/data_directory.h"

namespace holdfast::serve {

Result<std::unique_ptr<NodeHost>> NodeHost::open(const Settings& settings, const Log& log) {
  HF_TRY(const SiteName site, keys::read_site_marker(settings.data));
  HF_TRY(edge::DataLock lock, edge::DataLock::take(settings.data));
  std::unique_ptr<NodeHost> host(new NodeHost(std::move(lock)));
  host->site_ = site;
  HF_TRY(const chain::ChainFile file, keys::read_chain_file(settings.data));
  const chain::Site* here = file.find(site);
  if (here == nullptr) {
    return fail(
        "keys/wrong_site",
        fmt::format("The chain file in {} names no site {}. Adopt the one that does: holdfast site adopt {} CHAINFILE.",
                    settings.data, site.view(), settings.data));
  }
  HF_TRY(host->signer_, keys::FileSigner::open(settings.data, site));
  HF_TRY(host->disk_, edge::PosixDisk::open_root(settings.data));
  edge::TlsNetOptions options;
  options.tls_seed = host->signer_->tls_seed();
  options.listen = settings.listen.empty()     ? here->link_address
                   : settings.listen == "none" ? std::string()
                                               : settings.listen;
  options.is_outside = settings.is_outside;
  options.log = [log](std::string_view line) { log.info("link", {{"what", std::string(line)}}); };
  HF_TRY(host->net_, edge::TlsNet::open(std::move(options), [raw = host.get()](std::function<void()> event) {
           raw->post({[event = std::move(event)](node::Node&) { event(); }, true});
         }));
  World world{*host->disk_, *host->net_, host->clock_, host->entropy_, *host->signer_, host->pool_};
  node::Options node_options;
  node_options.site = site;
  node_options.spare_silence = std::max(settings.spare_silence, node::spare_silence_min);
  node_options.old_address = settings.old_machine;
  HF_TRY(host->node_, node::Node::open(world, node_options));
  host->net_->start(*host->node_);
  return host;
}

NodeHost::~NodeHost() {
  // Links first: nothing may call a node that is going.
  net_.reset();
}

void NodeHost::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (has_ended_) return;
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;  // it is awake, or on its way
  }
  wake_.notify_one();
}
void NodeHost::change(std::function<void(node::Node&)> task) { post({std::move(task), true}); }
void NodeHost::read(std::function<void(const node::Node&)> task) {
  post({[task = std::move(task)](node::Node& node) { task(node); }, false});
}
void NodeHost::request_stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_requested_ = true;
  }
  wake_.notify_one();
}

// What was posted; empty when it is time for a turn, or to stop.
std::deque<NodeHost::Task> NodeHost::wait() {
  std::unique_lock lock(mutex_);
  const auto due = [&] { return !tasks_.empty() || stop_requested_; };
  if (!due()) {
    const std::int64_t left = (node_->wake_at() - clock_.monotonic()).ns;
    // A bound, so that a clock that is set wrong somewhere costs a second and not a day.
    if (left > 0) wake_.wait_for(lock, std::chrono::nanoseconds(std::min(left, seconds(1).ns)), due);
  }
  return std::exchange(tasks_, {});
}

Status NodeHost::run(const std::function<bool(node::Node&)>& round) {
  Status status;
  while (status) {
    std::deque<Task> tasks = wait();
    bool has_changes = false;
    for (Task& task : tasks) {
      task.run(*node_);
      has_changes = has_changes || task.is_change;
    }
    tasks.clear();
    {
      const std::lock_guard lock(mutex_);
      if (stop_requested_ && tasks_.empty()) break;
    }
    if (has_changes || node_->wake_at() <= clock_.monotonic()) status = node_->turn();
    if (status && round && round(*node_)) break;
  }
  if (status) status = node_->stop();
  std::deque<Task> rest;
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    rest.swap(tasks_);
  }
  return status;
}

}  // namespace holdfast::serve
