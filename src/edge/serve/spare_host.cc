#include "edge/serve/spare_host.h"

#include <algorithm>
#include <chrono>

#include "edge/keys/data_directory.h"

namespace holdfast::serve {

Result<std::unique_ptr<SpareHost>> SpareHost::open(const Settings& settings, const Log& log) {
  HF_TRY(const SiteName site, keys::read_site_marker(settings.data));
  HF_TRY(edge::DataLock lock, edge::DataLock::take(settings.data));
  std::unique_ptr<SpareHost> host(new SpareHost(std::move(lock)));
  host->site_ = site;
  HF_TRY(const keys::PrivateKey tls, keys::read_key(settings.data + "/keys/tls.key", keys::Use::tls));
  HF_TRY(host->disk_, edge::PosixDisk::open_root(settings.data));
  edge::TlsNetOptions options;
  options.tls_seed = tls.seed.bytes();
  options.log = [log](std::string_view line) { log.info("link", {{"what", std::string(line)}}); };
  HF_TRY(host->net_, edge::TlsNet::open(std::move(options), [raw = host.get()](std::function<void()> event) {
           raw->post(std::move(event));
         }));
  HF_TRY(host->spare_, node::Spare::open(*host->disk_, *host->net_, host->clock_, host->pool_, {site, settings.node}));
  host->net_->start(*host->spare_);
  return host;
}

SpareHost::~SpareHost() { net_.reset(); }

void SpareHost::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}
void SpareHost::read(std::function<void(const node::Spare&)> task) {
  post([this, task = std::move(task)] { task(*spare_); });
}
void SpareHost::request_stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_requested_ = true;
  }
  wake_.notify_one();
}

Status SpareHost::run(const std::function<void(node::Spare&)>& round) {
  while (true) {
    std::deque<std::function<void()>> tasks;
    {
      std::unique_lock lock(mutex_);
      const auto due = [&] { return !tasks_.empty() || stop_requested_; };
      const std::int64_t left = (spare_->wake_at() - clock_.monotonic()).ns;
      if (!due() && left > 0) wake_.wait_for(lock, std::chrono::nanoseconds(std::min(left, seconds(1).ns)), due);
      tasks.swap(tasks_);
      if (stop_requested_ && tasks.empty()) return {};
    }
    for (const auto& task : tasks) task();
    HF_TRY_VOID(spare_->turn());
    if (round) round(*spare_);
  }
}

}  // namespace holdfast::serve
