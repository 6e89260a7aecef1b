#include "sim/day.h"

#include <fmt/format.h>

#include <optional>

namespace holdfast::sim {
namespace {

// A day in the making. One machine at a time may be missing or in rebuild, so that every quorum of 2 of 3 stays within
// reach.
class Day {
 public:
  explicit Day(const DayOptions& options)
      : options_(options), chain_(options.seed, options.stores), random_(options.seed * 7919 + 1) {}

  DayResult run() {
    result_.broken = begin();
    const Instant began = chain_.now();
    for (unsigned step = 0; step < options_.steps && result_.broken.empty(); ++step) {
      trade();
      if (random_.one_in(6)) fault();
      if (options_.spares && step >= promote_at_ && result_.spares_promoted == 0) promote();
      repair();
      chain_.run_for(milliseconds(200));
      result_.broken = chain_.broken_law();
    }
    if (result_.broken.empty()) result_.broken = settle();
    result_.acknowledged = chain_.acknowledged();
    result_.cosigned = chain_.cosigned_seen();
    result_.simulated_seconds = static_cast<double>((chain_.now() - began).ns) / 1e9;
    result_.state = chain_.state_hash();
    return result_;
  }

 private:
  std::string begin() {
    for (const auto& [name, m] : chain_.machines())
      if (const Status started = chain_.start(name); !started) return started.error().text;
    if (options_.spares) {
      promote_at_ = 20 + random_.below(options_.steps / 2);
      for (unsigned i = 0; i < options_.stores; ++i) {
        const SiteName store = chain_.file().sites[2 + i].name;
        spares_[store] = chain_.add_spare(store);
        if (const Status started = chain_.start(spares_[store]); !started) return started.error().text;
      }
    }
    chain_.run_for(seconds(3));
    chain_.list_products(10);
    chain_.run_for(seconds(3));
    return {};
  }

  SiteName any_site() { return chain_.file().sites[random_.below(chain_.file().sites.size())].name; }
  SiteName any_store() { return chain_.file().sites[2 + random_.below(options_.stores)].name; }
  bool runs(const SiteName& site) { return chain_.machine(chain_.serving(site)).node != nullptr; }

  void trade() {
    for (int i = 0; i < 2; ++i) {
      const SiteName store = any_store();
      if (!runs(store)) continue;
      const std::vector<TillWrite>& writes = chain_.writes(store);
      if (random_.one_in(8) && !writes.empty()) {
        refund(store, writes[random_.below(writes.size())]);
      } else {
        chain_.sell(store, static_cast<std::uint32_t>(1 + random_.below(3)),
                    static_cast<unsigned>(1 + random_.below(4)));
        ++result_.sales;
      }
      if (random_.one_in(5)) chain_.send_again(store);
    }
  }

  void refund(const SiteName& store, const TillWrite& sale) {
    const auto* command = std::get_if<till::RecordSale>(&sale.request.command);
    if (command == nullptr || !sale.reply || !sale.reply->receipt) return;
    const till::AskedLine& line = command->lines[0];
    till::Refund refund{command->till, *sale.reply->receipt, {{0, line.quantity}}, {}, "changed her mind"};
    const auto amount = line_amount(line.unit_price, line.quantity, 2);
    refund.tenders = {{till::TenderKind::cash, *amount, "", "", till::CardResult::approved}};
    fold::WriteRequest request;
    request.till = command->till;
    request.command = std::move(refund);
    chain_.submit(store, std::move(request));
    ++result_.refunds;
  }

  void tell(const std::string& what) {
    if (options_.trace) fmt::print("{}  {}\n", to_text(chain_.now()).substr(11, 12), what);
  }

  void fault() {
    switch (random_.below(5)) {
      case 0: {
        const SiteName a = any_site(), b = any_site();
        if (a == b) return;
        chain_.network.cut(chain_.serving(a), chain_.serving(b));
        ++result_.links_cut;
        return tell(fmt::format("link {} - {} is cut", a.view(), b.view()));
      }
      case 1:
        chain_.network.heal_all();
        isolate_old();
        return tell("all links heal");
      case 2:
        return power_cut();
      case 3:
        return lose_machine();
      default:
        return old_image();
    }
  }

  void power_cut() {
    if (down_) return;
    const SiteName site = any_site();
    if (!runs(site)) return;
    Machine& m = chain_.machine(chain_.serving(site));
    if (m.node->phase() == node::Phase::rebuilding) return;
    down_ = site;
    up_again_ = chain_.now() + seconds(1 + static_cast<std::int64_t>(random_.below(5)));
    ++result_.power_cuts;
    if (random_.one_in(2)) {
      chain_.kill(m.name);
      return tell(fmt::format("{} loses its power", m.name));
    }
    m.disk.crash_after(random_.below(6));  // in the middle of a write to come
    ++result_.torn_writes;
    tell(fmt::format("{} will lose its power in the middle of a write", m.name));
  }

  void lose_machine() {
    if (options_.spares || down_ || rebuilding_ || old_alive_ || result_.machines_destroyed >= 3) return;
    const SiteName site = any_site();
    if (!runs(site)) return;
    const std::string name = chain_.serving(site);
    if (chain_.node(name).phase() != node::Phase::signing) return;
    ++result_.machines_destroyed;
    if (random_.one_in(3)) {
      // Not dead after all: cut off, and back later.
      old_alive_ = name;
      isolate_old();
      old_back_ = chain_.now() + seconds(20);
      ++result_.old_machines_alive;
      tell(fmt::format("{} is cut off and taken for dead", name));
    } else {
      chain_.destroy(name);
      tell(fmt::format("{} is destroyed", name));
    }
    chain_.network.heal_all();
    isolate_old();
    rebuilding_ = chain_.rebuild(site);
    isolate_old();
    (void)chain_.start(*rebuilding_);
    tell(fmt::format("{} is rebuilt on a new machine", site.view()));
  }

  // The store's machine dies, or is cut off from everybody; a moment later the code is typed at its spare.
  void promote() {
    if (down_ || rebuilding_) return;
    const SiteName store = any_store();
    const std::string name = chain_.serving(store);
    const std::string spare = spares_.at(store);
    if (!runs(store) || chain_.node(name).phase() != node::Phase::signing || !chain_.machine(spare).spare) return;
    const node::SpareView view = chain_.machine(spare).spare->view();
    if (!view.is_linked || view.size + 5 < chain_.node(name).safety().size) return;
    ++result_.spares_promoted;
    if (random_.one_in(2)) {
      old_alive_ = name;
      isolate_old();
      old_back_ = chain_.now() + seconds(15);
      ++result_.old_machines_alive;
      tell(fmt::format("{} is cut off", name));
    } else {
      chain_.destroy(name);
      ++result_.machines_destroyed;
      tell(fmt::format("{} is destroyed", name));
    }
    if (random_.one_in(2)) chain_.run_for(milliseconds(500));
    if (const Status opened = chain_.promote(spare); !opened)
      result_.broken = fmt::format("{} does not open: {}", spare, opened.error().text);
    rebuilding_ = spare;
    tell(fmt::format("{} is promoted, of {} entries", spare, view.size));
  }

  void isolate_old() {
    if (!old_alive_) return;
    for (const auto& [name, m] : chain_.machines())
      if (name != *old_alive_) chain_.network.cut(*old_alive_, name);
  }

  // A store is started from an older copy of its disk.
  void old_image() {
    if (down_ || rebuilding_) return;
    const SiteName store = any_store();
    if (!runs(store)) return;
    const std::string name = chain_.serving(store);
    if (chain_.node(name).phase() != node::Phase::signing) return;
    if (!image_ || image_of_ != name) {
      image_ = std::make_unique<SimDisk>(chain_.machine(name).disk);
      image_of_ = name;
      return;
    }
    chain_.kill(name);
    chain_.machine(name).disk = *image_;
    chain_.disk_was_replaced(store);
    image_.reset();
    (void)chain_.start(name);
    ++result_.old_images;
    tell(fmt::format("{} is started from an old image of its disk", name));
  }

  void repair() {
    if (down_ && chain_.now() >= up_again_) {
      const std::string name = chain_.serving(*down_);
      if (chain_.machine(name).node) chain_.kill(name);
      down_.reset();
      if (const Status started = chain_.start(name); !started)
        result_.broken = fmt::format("{} does not open: {}", name, started.error().text);
      tell(fmt::format("{} is up again", name));
    }
    if (rebuilding_) {
      const Machine& m = chain_.machine(*rebuilding_);
      if (m.node == nullptr)
        result_.broken = fmt::format("{} died: {}", *rebuilding_, m.died_of ? m.died_of->text : "");
      if (m.node && m.node->phase() == node::Phase::signing) {
        tell(fmt::format("{} serves", *rebuilding_));
        rebuilding_.reset();
      }
    }
    if (old_alive_ && chain_.now() >= old_back_ && !rebuilding_) {
      tell(fmt::format("{} comes back alive", *old_alive_));
      old_alive_.reset();
      chain_.network.heal_all();
    }
  }

  std::string settle() {
    old_alive_.reset();
    chain_.network.heal_all();
    if (down_) {
      up_again_ = chain_.now();
      repair();
      if (!result_.broken.empty()) return result_.broken;
    }
    std::string law;
    for (int i = 0; i < 60; ++i) {
      for (const chain::Site& site : chain_.file().sites) chain_.send_again(site.name);
      chain_.run_for(seconds(1));
      law = chain_.broken_at_rest();
      if (law.empty()) return {};
    }
    return law;
  }

  DayOptions options_;
  Chain chain_;
  Random random_;
  DayResult result_;
  std::optional<SiteName> down_;
  Instant up_again_;
  std::optional<std::string> rebuilding_;
  std::optional<std::string> old_alive_;
  Instant old_back_;
  std::unique_ptr<SimDisk> image_;
  std::string image_of_;
  std::map<SiteName, std::string> spares_;
  std::uint64_t promote_at_ = 0;
};

}  // namespace

DayResult run_day(const DayOptions& options) { return Day(options).run(); }

}  // namespace holdfast::sim
