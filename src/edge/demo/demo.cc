#include "edge/demo/demo.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <thread>

#include "edge/demo/control.h"
#include "edge/demo/own_directory.h"
#include "edge/demo/shop.h"
#include "edge/embedded/embedded.h"
#include "edge/keys/demo_chain.h"
#include "edge/keys/private_files.h"
#include "edge/posix/posix_world.h"
#include "edge/trade/catalogue_import.h"

namespace holdfast::demo {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr unsigned stores_min = 2, stores_max = 20;
constexpr std::size_t quick_sales = 20;  // of each store, so that there is something to see at once
constexpr int serve_seconds_max = 60;
const Person shop_manager{"1", "73902846"};

struct Caption {
  std::string en, fr;
};

bool is_free(unsigned port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = socket >= 0 && ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  if (socket >= 0) ::close(socket);
  return free;
}
// The first of `count` free ports in a row, below the range from which the kernel hands out.
Result<unsigned> free_ports(unsigned count) {
  for (unsigned base = 20'000; base + count < 32'000; base += 50) {
    unsigned good = 0;
    while (good < count && is_free(base + good)) ++good;
    if (good == count) return base;
  }
  return fail("demo/failed", fmt::format("No {} ports in a row are free on 127.0.0.1.", count));
}

class Demo {
 public:
  explicit Demo(const DemoSettings& settings) : settings_(settings) {}
  Status run();

 private:
  Status make_chain();
  Status start_sites();
  void say_where() const;
  Status open_trade();
  Status list_catalogue();
  Status send_goods(Site& store, int seconds);
  void trade(Shop& shop);
  Status act(const Action& action);
  Status go_on();
  void end();
  bool is_ending();  // a signal has come
  bool pause(std::chrono::milliseconds time);
  void write_state(http::JsonOut& out);
  void set_caption(Caption caption);
  Site* site(std::string_view name);
  Shop* shop_of(const Site& site);

  DemoSettings settings_;
  std::optional<OwnDirectory> directory_;
  unsigned base_ = 0;
  std::vector<std::unique_ptr<Site>> sites_;  // head office, warehouse, stores
  std::vector<std::unique_ptr<Shop>> shops_;
  std::unique_ptr<Control> control_;
  std::vector<std::thread> sellers_;
  std::set<std::string> goods_, listed_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false, signalled_ = false;
  Caption caption_;
};

Status Demo::make_chain() {
  HF_TRY(OwnDirectory own, OwnDirectory::make(settings_.directory));
  directory_.emplace(std::move(own));
  const unsigned count = settings_.stores + 2;
  HF_TRY(base_, free_ports(2 * count + 1));
  const std::string chain = directory_->path() + "/chain";
  HF_TRY(const chain::ChainFile file, keys::make_demo_chain(chain, {settings_.stores, base_}));
  HF_TRY(const std::string codes, keys::read_public_file(chain + "/ceremony/enrolment-codes.txt"));
  for (const chain::Site& each : file.sites) {
    HF_TRY_VOID(mark(fmt::format("{}/{}", chain, each.name.view())));
    const std::string start = each.name.str() + " ";
    const std::size_t at = codes.starts_with(start) ? 0 : codes.find("\n" + start) + 1;
    const std::string code = codes.substr(at + start.size(), codes.find('\n', at) - at - start.size());
    sites_.push_back(std::make_unique<Site>(
        Site::Place{each.name.str(), chain, fmt::format("127.0.0.1:{}", base_ + count + sites_.size()),
                    fmt::format("{}/{}.log", directory_->path(), each.name.view())},
        code));
  }
  HF_TRY(control_, Control::open(fmt::format("127.0.0.1:{}", base_ + 2 * count),
                                 {[this](http::JsonOut& out) { write_state(out); },
                                  [this](std::string_view origin) {
                                    return std::ranges::any_of(sites_,
                                                               [&](const auto& s) { return s->url() == origin; });
                                  }}));
  return {};
}

Status Demo::start_sites() {
  for (const auto& each : sites_) HF_TRY_VOID(each->start(control_->url()));
  for (const auto& each : sites_) {
    HF_TRY_VOID(each->wait_until_serving(serve_seconds_max, [this] { return is_ending(); }));
    HF_TRY_VOID(each->enrol(shop_manager));
  }
  return {};
}

void Demo::say_where() const {
  fmt::print(
      "\nA chain of {} sites runs on this machine, each with its own keys and journal, until Ctrl-C.\n\n"
      "  chain page   {}/chain/     destroy a site there, or cut it off, and bring it back\n"
      "  a till       {}/till/\n"
      "  sign in      staff number {}, PIN {}\n\n",
      sites_.size(), sites_[0]->url(), sites_[2]->url(), shop_manager.number, shop_manager.pin);
  std::fflush(stdout);
}

// ---- goods and trade

Status Demo::list_catalogue() {
  std::string catalogue;
  for (const embedded::File& file : embedded::trade()) {
    if (file.path == "/catalogue.csv") catalogue = file.bytes;
  }
  const std::string token = fmt::format("{}/chain/head-office/admin.token", directory_->path());
  HF_TRY(const auto node, trade::http_node(sites_[0]->url(), token));
  trade::CatalogueOptions options;
  options.refused_path = directory_->path() + "/catalogue.refused.csv";
  HF_TRY(const trade::CatalogueReport report,
         trade::import_catalogue(trade::text_source(std::move(catalogue), 64u << 10), *node, options));
  fmt::print("head office lists {} products of {} rows; the {} that nobody should list are in {}\n", report.listed,
             report.rows, report.refused, options.refused_path);
  std::fflush(stdout);
  HF_TRY(const auto products, trade::all_products(*node, nullptr));
  for (const trade::Product& product : products) {
    listed_.insert(product.sku);
    if (product.goods) goods_.insert(product.sku);
  }
  return {};
}

json::array lines_of(const std::set<std::string>& goods, const char* quantity) {
  json::array lines;
  for (const std::string& sku : goods) lines.push_back(json::object{{"sku", sku}, {"quantity", quantity}});
  return lines;
}

// Warehouse to store: dispatched there, followed, received here (protocol 7.7).
Status Demo::send_goods(Site& store, int seconds) {
  const json::array lines = lines_of(goods_, "40");
  HF_TRY(const json::object sent, sites_[1]->write({{"kind", "dispatch"}, {"to", store.name()}, {"lines", lines}}));
  const json::value dispatch = sent.contains("dispatch") ? sent.at("dispatch") : json::value();
  const auto until = steady_clock::now() + std::chrono::seconds(seconds);
  while (steady_clock::now() < until && !is_ending()) {
    const auto seen = store.ask("GET", "/v1/dispatches");
    if (seen) {
      for (const json::value& each : list_of(*seen, "incoming")) {
        const json::value* number = each.as_object().if_contains("dispatch");
        if (number == nullptr || *number != dispatch) continue;
        HF_TRY_VOID(store.write(
            {{"kind", "receive_dispatch"}, {"from", "warehouse"}, {"dispatch", dispatch}, {"lines", lines}}));
        return {};
      }
    }
    std::this_thread::sleep_for(100ms);
  }
  if (is_ending()) return {};
  return fail("demo/failed", fmt::format("{} did not hear of its goods in {} s.", store.name(), seconds));
}

Status Demo::open_trade() {
  HF_TRY(auto baskets, embedded_baskets(settings_.stores));
  HF_TRY_VOID(list_catalogue());
  HF_TRY_VOID(
      sites_[1]->write({{"kind", "receive"}, {"reference", "opening stock"}, {"lines", lines_of(goods_, "5000")}}));
  for (unsigned i = 0; i < settings_.stores && !is_ending(); ++i) {
    HF_TRY_VOID(send_goods(*sites_[2 + i], serve_seconds_max));
    shops_.push_back(std::make_unique<Shop>(*sites_[2 + i], std::move(baskets[i])));
    HF_TRY_VOID(shops_.back()->open(listed_));
  }
  if (is_ending()) return {};
  fmt::print("the warehouse has sent goods to each store; {} tills sell\n", shops_.size());
  std::fflush(stdout);
  for (const auto& shop : shops_) sellers_.emplace_back([this, raw = shop.get()] { trade(*raw); });
  return {};
}

// Waits; true: the demo ends.
bool Demo::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, time, [this] { return stopping_; });
}

void Demo::trade(Shop& shop) {
  edge::SodiumEntropy entropy;
  for (std::size_t sold = 0;; ++sold) {
    std::byte drawn[1];
    entropy.fill(drawn);
    const auto time = sold < quick_sales ? 100ms : 1500ms + 12ms * std::to_integer<int>(drawn[0]);
    if (pause(time)) return;
    Site& site = shop.site();
    if (!site.is_serving || site.is_rebuilding) continue;  // no till to sell at
    const std::lock_guard lock(shop.mutex);
    if (const Status done = shop.sell(); !done && site.is_serving && !pause(0ms)) {
      fmt::print(stderr, "{}: {}\n", site.name(), done.error().text);
    }
  }
}

// ---- what is asked for on the chain page

Site* Demo::site(std::string_view name) {
  for (const auto& each : sites_) {
    if (each->name() == name) return each.get();
  }
  return nullptr;
}
Shop* Demo::shop_of(const Site& site) {
  for (const auto& each : shops_) {
    if (&each->site() == &site) return each.get();
  }
  return nullptr;
}

Status Demo::act(const Action& action) {
  Site* const at = site(action.site);
  if (at == nullptr) return fail("demo/failed", "There is no such site.");
  const std::string& name = at->name();
  if (action.what == "destroy") {
    HF_TRY_VOID(at->destroy());
    set_caption(
        {name + " is destroyed: its process killed, its disk overwritten. Its mirrors hold its journal; the others "
                "trade on.",
         name +
             " est détruit : processus tué, disque écrasé. Ses miroirs gardent son journal ; les autres continuent."});
    return {};
  }
  if (action.what == "rebuild") {
    at->is_rebuilding = true;
    const auto start = steady_clock::now();
    Status done = at->rebuild(shop_manager, control_->url(), [this] { return is_ending(); });
    if (Shop* shop = shop_of(*at); done && shop != nullptr) {
      const std::lock_guard lock(shop->mutex);
      done = shop->reopen();
    }
    at->is_rebuilding = false;
    HF_TRY_VOID(std::move(done));
    const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    Caption back{fmt::format("{} is back from its mirrors in {:.1f} s, verified.", name, seconds),
                 fmt::format("{} est revenu depuis ses miroirs en {:.1f} s, vérifié.", name, seconds)};
    if (at->is_store()) {
      back.en += " Its tills sent again what they held.";
      back.fr += " Ses caisses ont renvoyé ce qu’elles détenaient.";
    }
    set_caption(std::move(back));
    return {};
  }
  const bool cut = action.what == "cut";
  HF_TRY_VOID(at->set_links(cut));
  set_caption(cut ? Caption{name + " has cut every link and sells on alone. Cutting needed nobody else.",
                            name + " a coupé tous ses liens et vend seul. Personne d’autre n’était nécessaire."}
                  : Caption{name + " has opened its links; what it sold alone is copied at full speed.",
                            name + " a rouvert ses liens ; ce qu’il a vendu seul est copié à pleine vitesse."});
  return {};
}

void Demo::set_caption(Caption caption) {
  fmt::print("{}\n", caption.en);
  std::fflush(stdout);
  const std::lock_guard lock(mutex_);
  caption_ = std::move(caption);
}

void Demo::write_state(http::JsonOut& out) {
  {
    const std::lock_guard lock(mutex_);
    out.object("caption").field("en", caption_.en).field("fr", caption_.fr).end_object();
  }
  out.array("sites");
  for (const auto& each : sites_) {
    out.object().field("site", each->name()).field("url", each->url()).field("alive", each->is_serving.load());
    out.field("cut", each->is_cut.load()).field("rebuilding", each->is_rebuilding.load()).end_object();
  }
  out.end_array();
}

// ---- the whole

bool Demo::is_ending() {
  sigset_t ending;
  sigemptyset(&ending);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, signal);
  const timespec at_once{0, 0};
  if (!signalled_ && sigtimedwait(&ending, nullptr, &at_once) > 0) signalled_ = true;
  return signalled_;
}

Status Demo::go_on() {
  while (!is_ending()) {
    if (const auto action = control_->take()) {
      const Status done = act(*action);
      if (!done) fmt::print(stderr, "{} {}: {}\n", action->what, action->site, done.error().text);
      control_->done(done);
    }
    for (const auto& each : sites_) {
      if (each->is_serving && !each->process().is_alive()) {
        each->is_serving = false;
        fmt::print(stderr, "{} has ended by itself; its log, {}/{}.log, says why\n", each->name(), directory_->path(),
                   each->name());
      }
    }
    std::this_thread::sleep_for(100ms);
  }
  return {};
}

void Demo::end() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (const auto& each : sites_) {
    each->is_serving = false;
    each->process().ask_to_end();
  }
  for (const auto& each : sites_) each->process().end(20);
  for (std::thread& seller : sellers_) seller.join();
  if (control_) control_->stop();
}

Status Demo::run() {
  if (embedded::pages().empty()) {
    return fail("demo/no_pages",
                "This program carries no pages: it was built before them. Build it with `make build`.");
  }
  caption_ = {"The chain trades.", "La chaîne vend."};
  Status done = make_chain();
  if (done) done = start_sites();
  if (done) {
    say_where();
    done = open_trade();
  }
  if (done) done = go_on();
  if (!done && done.error().code == "demo/ending") done = {};  // as at any other moment
  end();
  if (directory_ && !settings_.keep && done) return directory_->remove();
  if (directory_ && !done) fmt::print(stderr, "What was written is left in {}.\n", directory_->path());
  return done;
}

}  // namespace

Status run_demo(const DemoSettings& settings) {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  // Before any thread starts: these are taken between the steps, so that a chain is never left half ended.
  sigset_t ending;
  sigemptyset(&ending);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, signal);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  DemoSettings complete = settings;
  if (complete.directory.empty()) complete.directory = fmt::format("/var/tmp/holdfast-demo-{}", ::geteuid());
  if (complete.stores < stores_min || complete.stores > stores_max) {
    return fail("demo/failed", fmt::format("A demo has {} to {} stores.", stores_min, stores_max));
  }
  return Demo(complete).run();
}

}  // namespace holdfast::demo
