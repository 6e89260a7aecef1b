#include "sim/day.h"

#include <fmt/format.h>

#include "sim/mishaps.h"
#include "sim/trade.h"

namespace holdfast::sim {
namespace {

constexpr unsigned tills = 3;              // of each store
constexpr unsigned sale_each_steps = 100;  // at each till of an open shop: 20 s
constexpr unsigned open_hours = 10;
constexpr std::size_t newest_writes = 64;  // that are looked at in each step; all are now and then
constexpr unsigned steps_a_whole_look = 500;
// Of days and nights: reading all that they write every ten minutes took 20 to 30 % of the time (perf, 20 sites, day
//                     1).
constexpr Duration scrub_pause_of_days = seconds(4 * 3600);

class Day {
 public:
  explicit Day(const DayOptions& options)
      : options_(options),
        chain_(options.seed, options.stores, {options.lying_mirrors, options.signatures}),
        random_(options.seed * 7919 + 1),
        mishaps_(chain_, random_.fork(),
                 {options.stores, options.steps, options.calm, options.lying_mirrors, options.trace}),
        trade_(chain_, random_.fork(), options.stores) {
    chain_.faults = options.faults;
    if (options.closes_at_night) chain_.scrub_pause = scrub_pause_of_days;
  }

  DayResult run() {
    result_.broken = begin();
    const Instant began = chain_.now();
    for (; result_.step < options_.steps; ++result_.step) {
      trade();
      result_.broken = mishaps_.step();
      if (!result_.broken.empty()) break;
      chain_.run_for(step_takes);
      const bool is_whole = result_.step % steps_a_whole_look == 0;
      result_.broken = is_whole ? chain_.broken_law() : chain_.broken_law(newest_writes);
      if (!result_.broken.empty()) break;
      const unsigned done = result_.step + 1;
      if (options_.each_hour && done % steps_an_hour == 0 && done < options_.steps) {
        result_.trade = trade_.counts();
        options_.each_hour(result_);
      }
    }
    if (result_.broken.empty())
      result_.broken = chain_.come_to_rest(rest_seconds_max, [this] {
        trade_.accept_all_held();
        return mishaps_.end_all();
      });
    if (!result_.broken.empty() && options_.trace) show_sites();
    result_.trade = trade_.counts();
    result_.acknowledged = chain_.acknowledged();
    result_.cosigned = chain_.cosigned_seen();
    result_.simulated_seconds = static_cast<double>((chain_.now() - began).ns) / 1e9;
    result_.state = chain_.state_hash();
    result_.faults = chain_.faults;
    result_.laws = chain_.auditor().counts();
    const unsigned played = result_.step / options_.calm;
    result_.played.add(played, Days::all);
    if (options_.spares > 0) result_.played.add(played, Days::with_spares);
    if (options_.spares < options_.stores) result_.played.add(played, Days::with_rebuilds);
    if (options_.lying_mirrors > 0) result_.played.add(played, Days::with_liars);
    return result_;
  }

 private:
  std::string begin() {
    for (const auto& [name, m] : chain_.machines()) {
      if (const Status started = chain_.start(name); !started) return started.error().text;
      mishaps_.watch_over(name);
    }
    for (unsigned i = 0; i < options_.spares; ++i) {
      const SiteName store = chain_.file().sites[1 + options_.stores - i].name;
      const std::string spare = chain_.add_spare(store);
      if (const Status started = chain_.start(spare); !started) return started.error().text;
      mishaps_.watch_over(spare);
      mishaps_.has_spare(store, spare);
    }
    chain_.run_for(seconds(3));
    chain_.list_products(10);
    chain_.run_for(seconds(3));
    return {};
  }

  SiteName any_store() { return chain_.file().sites[2 + random_.below(options_.stores)].name; }

  void trade() {
    if (!options_.is_shop) {
      for (int i = 0; i < 2; ++i) trade_.ring(any_store());
      return;
    }
    const unsigned hour = result_.step / steps_an_hour % 24;
    if (options_.closes_at_night && hour >= open_hours) return;
    for (unsigned i = 0; i < options_.stores * tills; ++i)
      if (random_.one_in(sale_each_steps)) trade_.ring(chain_.file().sites[2 + i / tills].name);
  }

  // What the page of each site says of itself, when a law is broken.
  void show_sites() {
    for (const chain::Site& site : chain_.file().sites) {
      const std::string name = chain_.serving(site.name);
      const Machine& m = chain_.machine(name);
      if (!m.node) {
        fmt::print("{} does not run\n", name);
        continue;
      }
      const node::Safety safety = m.node->safety();
      std::string line = fmt::format("{} is {}, {}; {} entries, {} cosigned", name, node::to_text(safety.phase),
                                     guard::to_text(m.node->posture().posture), safety.size, safety.cosigned_size);
      for (const node::LinkView& link : m.node->links())
        if (link.state != node::LinkState::up)
          line += fmt::format("; {} {}", link.to.view(), link.state == node::LinkState::cut ? "is cut off" : "is away");
      for (const node::SiteView& other : m.node->sites())
        if (other.contradictions > 0) line += fmt::format("; {} contradicts itself", other.site.view());
      for (const node::SiteView& other : m.node->sites())
        if (!other.is_here && other.held_here)
          line += fmt::format("; of {} {} held, {} cosigned, {} followed", other.origin->text(), *other.held_here,
                              other.cosigned_size.value_or(0), other.followed_size.value_or(0));
      fmt::print("{}\n", line);
    }
    for (const auto& [name, m] : chain_.machines()) {
      if (name == chain_.serving(m->site) || m->is_lost || m->spare) continue;
      if (!m->node) {
        fmt::print("{}, replaced, does not run\n", name);
        continue;
      }
      const node::Safety safety = m->node->safety();
      fmt::print("{}, replaced, is {}; {} entries, {} of them not taken in elsewhere\n", name,
                 node::to_text(safety.phase), safety.size, safety.not_taken_in);
    }
  }

  DayOptions options_;
  Chain chain_;
  Random random_;
  Mishaps mishaps_;
  Trade trade_;
  DayResult result_;
};

}  // namespace

DayResult run_day(const DayOptions& options) { return Day(options).run(); }

}  // namespace holdfast::sim
