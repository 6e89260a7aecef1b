#include "edge/serve/spare_serve.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "edge/http/api.h"
#include "edge/http/spare_api.h"
#include "edge/keys/spare_directory.h"
#include "edge/serve/front.h"
#include "edge/serve/spare_host.h"

namespace holdfast::serve {
namespace {

struct Waiting {
  Log log;
  http::Pages pages;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<SpareHost> host;
  std::unique_ptr<tills::Machine> tills;
  edge::SodiumEntropy entropy;
  std::unique_ptr<http::Worker> worker;
  std::unique_ptr<http::SpareApi> api;
};

Result<std::unique_ptr<Waiting>> prepare(const ServeSettings& settings, const std::string& node) {
  auto w = std::make_unique<Waiting>();
  HF_TRY(w->log, Log::open(settings.log));
  HF_TRY(w->pages, pages_of(settings));
  HF_TRY(w->server, listen_for_http(settings, w->log));
  HF_TRY(w->host, SpareHost::open({settings.data, node}, w->log));
  HF_TRY(w->tills, open_tills(settings, w->host->site(), false, w->host->clock(), w->log));
  if (w->tills) w->tills->serve(*w->server);
  w->worker = std::make_unique<http::Worker>(4);
  w->api = std::make_unique<http::SpareApi>([host = w->host.get()](auto task) { host->read(std::move(task)); },
                                            [data = settings.data, &entropy = w->entropy](const std::string& code) {
                                              return keys::promote_directory(data, code, entropy);
                                            },
                                            *w->worker, w->host->clock(), w->pages, settings.http, w->tills.get());
  return w;
}

// What this machine and the node tell each other about tills; on the spare's thread.
class TillsTalk {
 public:
  explicit TillsTalk(tills::Machine* tills) : tills_(tills) {}
  void round(node::Spare& spare) {
    if (tills_ == nullptr) return;
    if (spare.word_of_node() != heard_) {
      heard_ = spare.word_of_node();
      tills_->take_word_of_node(heard_);
    }
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(1);
    const bool again = now >= again_ && (tills_->wants_certificate() || !tills_->problem().empty());
    if (Bytes word = tills_->word_to_node(); word != told_ || again) {
      told_ = word;
      again_ = now + std::chrono::seconds(60);
      spare.tell_node(std::move(word));
    }
  }

 private:
  tills::Machine* tills_;
  Bytes heard_, told_;
  std::chrono::steady_clock::time_point next_, again_;
};

// Copies until it is promoted (true), or a signal or an error ends it.
Result<bool> wait_for_the_day(Waiting& w, const ServeSettings& settings) {
  HF_TRY(auto disk, edge::PosixDisk::open_root(settings.data));
  HF_TRY(AddressFile address, AddressFile::write(std::move(disk), w.server->address(), w.log));
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  Status ended;
  std::atomic<bool> has_ended = false;
  std::thread copying([&] {
    TillsTalk talk(w.tills.get());
    ended = w.host->run([&](node::Spare& spare) { talk.round(spare); });
    has_ended = true;
  });
  w.server->start([&api = *w.api](const http::Request& request, http::Respond respond) {
    api.handle(request, std::move(respond));
  });
  w.log.info("spare", {{"site", w.host->site().str()}, {"http", w.server->address()}});
  fmt::print("the spare of {} waits at http://{}/\n", w.host->site().view(), w.server->address());
  std::fflush(stdout);
  const timespec pause{0, 50'000'000};
  int signal = -1;
  while (signal < 0 && !has_ended && !w.api->is_promoted()) {
    signal = sigtimedwait(&ending, nullptr, &pause);
    address.look(w.host->clock().monotonic());
  }
  address.remove();  // first, while the port is still ours
  w.server->stop();
  w.host->request_stop();
  copying.join();
  w.worker.reset();
  if (!ended) return pass_on(ended.error());
  w.log.info(w.api->is_promoted() ? "promoted" : "stopped", {{"site", w.host->site().str()}});
  return w.api->is_promoted();
}

}  // namespace

int serve_spare(const SpareServeSettings& settings) {
  ::umask(077);
  raise_descriptor_limit();
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (!keys::is_spare_directory(settings.serve.data))
    return complain({"keys/wrong_site", fmt::format("{} is no directory of a spare; `holdfast spare keygen` makes one, "
                                                    "and `holdfast serve` serves a site's",
                                                    settings.serve.data)},
                    exit_failed);
  if (!keys::is_promoted(settings.serve.data)) {
    auto prepared = prepare(settings.serve, settings.node);
    if (!prepared) return complain(prepared.error(), exit_failed);
    const auto promoted = wait_for_the_day(**prepared, settings.serve);
    if (!promoted) return complain(promoted.error(), exit_fatal);
    if (!*promoted) return 0;
  }
  ServeSettings serves = settings.serve;
  serves.old_machine = settings.node;
  // The chain file's address is the dead machine's: this one could not listen there, and must not fail because of it.
  if (serves.links.empty()) serves.links = "none";
  return serve(serves);
}

}  // namespace holdfast::serve
