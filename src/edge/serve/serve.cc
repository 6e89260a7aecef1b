#include "edge/serve/serve.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "edge/guard/watch.h"
#include "edge/http/api.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/serve/front.h"
#include "edge/serve/linger.h"
#include "edge/serve/node_host.h"

namespace holdfast::serve {
namespace {

// What happens to the node over time, for the log; looked at between rounds.
class Watch {
 public:
  Watch(const Log& log, Clock& clock, const people::Credentials& credentials, tills::Machine* tills)
      : log_(log), clock_(clock), credentials_(credentials), tills_(tills) {}

  // True: it was replaced and ends (Linger).
  bool round(node::Node& node) {
    const Instant now = clock_.monotonic();
    const node::Phase phase = node.phase();
    if (phase != phase_) {
      phase_ = phase;
      log_.info("phase", {{"phase", std::string(node::to_text(phase))}, {"origin", node.safety().origin.text()}});
    }
    if (now - looked_at_ < milliseconds(250)) return false;
    looked_at_ = now;
    look_at_links(node);
    look_at_spare(node);
    look_at_tills(node);
    look_at_damage(node);
    look_at_clock(node);
    const auto progress = node.progress();
    if (progress && progress->step != step_) log_.info("rebuild", {{"step", step_ = progress->step}});
    if (phase != node::Phase::stopped) return false;
    const node::Safety safety = node.safety();
    if (!safety.replaced_by) return false;  // contradicted: reads stay up for whoever looks into it
    const Linger::Step step = linger_.look(now, safety.not_taken_in);
    const std::string by = safety.replaced_by->text();
    if (step == Linger::Step::tell)
      log_.warn("offering-tail",
                {{"by", by},
                 {"not_taken_in", std::to_string(safety.not_taken_in)},
                 {"what",
                  "this machine was replaced, and nobody has taken these entries yet; it ends by itself when somebody "
                  "has all of them. Keep it on, and linked to the new machine or to a mirror"}});
    was_replaced_ = step == Linger::Step::end;
    if (was_replaced_) {
      log_.warn("replaced", {{"by", by}, {"not_taken_in", std::to_string(safety.not_taken_in)}});
      std::fprintf(stderr,
                   "holdfast: this machine was replaced by %s, which has taken over its journal; use that one. %llu of "
                   "its entries are still to be taken in there.%s\n",
                   by.c_str(), static_cast<unsigned long long>(safety.not_taken_in),
                   safety.not_taken_in == 0 ? "" : " Nobody has taken any for a day; link it, and start it again.");
    }
    return was_replaced_;
  }
  bool was_replaced() const { return was_replaced_; }

 private:
  // 11.1: the store's spare has the credential store as it is now, sealed to its key, and what lets it go on being
  // trusted by the tills.
  void look_at_spare(node::Node& node) {
    const auto spare = node.safety().spare;
    if (!spare || !spare->is_linked) return;
    const std::uint64_t version = credentials_.version();
    const bool has_authority = tills_ != nullptr && tills_->has_authority_key();
    if (version == kept_version_ && spare->sealing == kept_for_ && has_authority == kept_authority_) return;
    kept_version_ = version;
    kept_for_ = spare->sealing;
    kept_authority_ = has_authority;
    const auto authority = tills_ == nullptr ? std::nullopt : tills_->authority_key();
    // By its certificate, which people have signed: of a machine that was tampered with before, perhaps.
    auto box = keys::seal_to(spare->sealing, tills::pack_store_copy(credentials_.copy(), authority));
    if (!box) return log_.warn("spare-key", {{"why", box.error().text}, {"what", "it is given no list of people"}});
    node.keep_on_spare(std::move(*box));
  }
  void look_at_tills(node::Node& node) {
    if (tills_ == nullptr) return;
    tills_->look();
    const auto& word = node.word_of_spare();
    if (word.number == answered_word_) return;
    answered_word_ = word.number;
    Bytes answer = tills_->answer_to_spare(word.body);
    if (!answer.empty()) node.tell_spare(std::move(answer));
  }
  // What cannot be read, and what was put back; the journal has an alert for each (docs/operating.md).
  void look_at_damage(const node::Node& node) {
    const node::Node::Counters& n = node.counters();
    const std::uint64_t told = n.holes_found + n.holes_mended + n.bad_mends_refused;
    if (told == told_of_damage_) return;
    told_of_damage_ = told;
    std::string missing;
    for (const node::DamageView& hole : node.safety().damage)
      if (missing.size() < 500)
        missing += fmt::format("{}{} [{}, {})", missing.empty() ? "" : "; ", hole.origin.text(), hole.first, hole.end);
    log_.warn("damage", {{"found", std::to_string(n.holes_found)},
                         {"put_back", std::to_string(n.holes_mended)},
                         {"bytes_fetched", std::to_string(n.bytes_mended)},
                         {"lies_refused", std::to_string(n.bad_mends_refused)},
                         {"missing", missing}});
  }
  void look_at_clock(const node::Node& node) {
    const auto behind = node.safety().clock_behind;
    if (behind.has_value() == is_clock_behind_) return;
    is_clock_behind_ = behind.has_value();
    if (behind)
      log_.warn("clock-behind",
                {{"seconds", std::to_string(behind->ns / seconds(1).ns)},
                 {"what",
                  "the newest event of this journal is later than this machine's clock, now or then wrong; "
                  "what is written now has that event's time. Look at the clock"}});
    else
      log_.info("clock-caught-up", {});
  }
  void look_at_links(const node::Node& node) {
    for (const node::LinkView& link : node.links()) {
      auto [known, is_new] = links_.try_emplace(link.to, link.state);
      if (!is_new && known->second == link.state) continue;
      known->second = link.state;
      static constexpr std::string_view names[] = {"up", "down", "cut"};
      log_.info("link", {{"site", link.to.str()}, {"state", std::string(names[static_cast<int>(link.state)])}});
    }
  }
  const Log& log_;
  Clock& clock_;
  const people::Credentials& credentials_;
  tills::Machine* tills_;
  std::uint64_t answered_word_ = 0;
  std::uint64_t told_of_damage_ = 0;
  std::uint64_t kept_version_ = 0;
  PublicKey kept_for_{};
  bool kept_authority_ = false;
  bool is_clock_behind_ = false;
  std::optional<node::Phase> phase_;
  Instant looked_at_;
  std::map<SiteName, node::LinkState> links_;
  std::string step_;
  Linger linger_;
  bool was_replaced_ = false;
};

// Everything of `serve` that can fail before it serves, in the order in which it is undone.
struct Serving {
  Log log;
  http::Pages pages;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<NodeHost> host;
  std::unique_ptr<tills::Machine> tills;
  std::unique_ptr<guard::Watch> guard;  // before the host goes
  std::unique_ptr<people::Credentials> credentials;
  std::unique_ptr<people::Sessions> sessions;
  std::unique_ptr<people::Vault> vault;
  std::unique_ptr<http::Worker> worker;
  std::unique_ptr<http::Api> api;
};

// The enrolment codes that came with the machine's keys or its certificate, if there are any. A file that cannot be
// read keeps no store shut: its codes were mostly spent long ago, and while nobody is enrolled there is enrolment-code.
std::optional<keys::Enrolment> enrolment_of(const std::string& data, const SiteName& site, const Log& log) {
  auto enrolment = keys::read_enrolment(data, site);
  if (enrolment) return std::move(*enrolment);
  if (enrolment.error().code != "keys/not_found")
    log.warn("enrolment", {{"path", keys::join(data, keys::enrolment_file_name(site))},
                           {"error", enrolment.error().text},
                           {"do",
                            "nobody can enrol by its codes; who is enrolled signs in as before. Remove it, or put "
                            "the one in its place that came with the keys or the certificate"}});
  return std::nullopt;
}

// Whom a seal must not reach, by the addresses of the chain file.
std::vector<guard::Probed> peers_of(const chain::ChainFile& file, const SiteName& here) {
  std::vector<guard::Probed> out;
  for (const chain::Site& site : file.sites)
    if (site.name != here && file.linked(here, site.name)) out.push_back({site.name.str(), site.link_address});
  return out;
}

Result<std::unique_ptr<Serving>> prepare(const ServeSettings& settings) {
  auto s = std::make_unique<Serving>();
  HF_TRY(s->log, Log::open(settings.log));
  HF_TRY(s->pages, pages_of(settings));
  // Before the journal is opened: a wrong directory or port is told at once.
  HF_TRY_VOID(keys::read_site_marker(settings.data));
  HF_TRY(s->server, listen_for_http(settings, s->log));
  HF_TRY(guard::Config guarding, guard::read_config(settings.data));
  HF_TRY(s->host, NodeHost::open({.data = settings.data,
                                  .listen = settings.links,
                                  .old_machine = settings.old_machine,
                                  .spare_silence = seconds(settings.spare_silence_seconds),
                                  .is_outside = guard::outside_of(guarding.inside)},
                                 s->log));
  HF_TRY(s->tills, open_tills(settings, s->host->site(), true, s->host->clock(), s->log));
  if (s->tills) s->tills->serve(*s->server);  // before the spare is answered: it is told our address
  HF_TRY(auto people_disk, edge::PosixDisk::open_root(settings.data));
  HF_TRY(s->credentials, people::Credentials::open(std::move(people_disk), s->host->entropy(), s->host->clock(),
                                                   enrolment_of(settings.data, s->host->site(), s->log)));
  s->sessions = std::make_unique<people::Sessions>(s->host->entropy(), s->host->clock());
  HF_TRY(auto vault_disk, edge::PosixDisk::open_root(settings.data));
  s->vault = std::make_unique<people::Vault>(std::move(vault_disk), s->host->entropy());
  s->worker = std::make_unique<http::Worker>();
  const chain::Site* here = s->host->chain_file().find(s->host->site());
  HF_TRY(s->guard, guard::Watch::open({settings.data, std::move(guarding), *s->host, s->host->clock(),
                                       s->host->entropy(), s->log, peers_of(s->host->chain_file(), s->host->site()),
                                       [raw = s->credentials.get()](bool tight) { raw->tighten(tight); }},
                                      s->host->node()));
  http::ApiSettings api{.chain = s->host->chain_file().chain,
                        .site = s->host->site().str(),
                        .is_head_office = here != nullptr && here->kind == chain::SiteKind::head_office,
                        .demo_control = settings.demo_control,
                        .listen = settings.http,
                        .data = settings.data};
  s->api = std::make_unique<http::Api>(
      http::ApiParts{*s->host, *s->credentials, *s->sessions, *s->vault, *s->worker, s->host->clock(),
                     s->host->entropy(), s->pages, s->server->counters(),
                     [raw = s->guard.get()] { return raw->proof(); },
                     [raw = s->guard.get()](std::string_view t) { return raw->is_token(t); },
                     [raw = s->guard.get()](const std::string& webhook, std::string_view line) {
                       return raw->take(webhook, line);
                     },
                     [raw = s->guard.get()](std::string_view from) { return raw->shuts_out(from); },
                     [raw = s->guard.get()](bool sign_in) { raw->refused(sign_in); }, s->tills.get(),
                     [raw = s->guard.get()] {
                       return http::SensorFileCount{raw->sensor_files(), raw->unreadable_sensor_files()};
                     }},
      std::move(api));
  return s;
}

void print_tills(const tills::Machine& tills) {
  if (const std::string fingerprint = tills.authority_fingerprint(); !fingerprint.empty())
    fmt::print("tills come to {}/ and must trust the store's certificate, SHA-256 {}\n", tills.origin(), fingerprint);
  if (const std::string problem = tills.problem(); !problem.empty())
    fmt::print("tills cannot come to {}/ now: {}\n", tills.origin(), problem);
}

}  // namespace

int serve(const ServeSettings& settings) {
  ::umask(077);
  raise_descriptor_limit();
  // Before any thread starts, so that all of them leave these signals to sigtimedwait below.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  auto prepared = prepare(settings);
  if (!prepared) return complain(prepared.error(), exit_failed);
  Serving& s = **prepared;
  auto address_disk = edge::PosixDisk::open_root(settings.data);
  if (!address_disk) return complain(address_disk.error(), exit_failed);
  auto address = AddressFile::write(std::move(*address_disk), s.server->address(), s.log);
  if (!address) return complain(address.error(), exit_failed);

  Watch watch(s.log, s.host->clock(), *s.credentials, s.tills.get());
  Status ended;
  std::atomic<bool> has_ended = false;
  std::thread node_thread([&] {
    ended = s.host->run([&](node::Node& node) {
      if (settings.on_round) settings.on_round(node);
      return watch.round(node);
    });
    has_ended = true;
  });
  s.guard->start();
  s.server->start([&api = *s.api](http::Request request, http::Respond respond) {
    api.handle(std::move(request), std::move(respond));
  });
  s.log.info("serving", {{"site", s.host->site().str()},
                         {"http", s.server->address()},
                         {"version", std::string(node::software_version)}});
  fmt::print("{} serves at http://{}/\n", s.host->site().view(), s.server->address());
  if (s.tills) print_tills(*s.tills);
  std::fflush(stdout);

  const timespec pause{0, 100'000'000};
  int signal = -1;
  while (signal < 0 && !has_ended) {
    signal = sigtimedwait(&ending, nullptr, &pause);
    address->look(s.host->clock().monotonic());
  }
  if (signal >= 0) s.log.info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});

  // First, while the port is still ours: no command is to find who takes it next.
  address->remove();
  // Requests under way are answered while the node still runs; then it.
  s.server->stop();
  s.host->request_stop();
  node_thread.join();
  s.worker.reset();
  s.guard.reset();
  if (!ended) {
    s.log.warn("fatal", {{"code", std::string(ended.error().code)}, {"error", ended.error().text}});
    return complain(
        {ended.error().code, ended.error().text +
                                 " The node has ended; what it acknowledged is on disk. Put the cause right and "
                                 "start it again."},
        exit_fatal);
  }
  s.log.info("stopped", {{"site", s.host->site().str()}});
  return watch.was_replaced() ? exit_replaced : 0;
}

}  // namespace holdfast::serve
