// What people do on a simulated day when nothing goes wrong: they sell and take back, goods come in, are thrown away,
// counted and sent from the warehouse to stores, head office changes prices, and where a change is beyond its bound
// (protocol 7.6) somebody at each site accepts it, sooner or later.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/chain.h"

namespace holdfast::sim {

class Trade {
 public:
  Trade(Chain& chain, Random random, unsigned stores);

  // Somebody at this store writes something, if its machine runs: mostly a sale. Now and then somebody at another site
  // does, too.
  void ring(const SiteName& store);
  // Whoever has gone to look at what waits for a person accepts it, at each site that runs.
  void accept_all_held();

  struct Counts {
    std::uint64_t sales = 0, refunds = 0, movements = 0, price_lists = 0, accepted = 0;
    Counts& operator+=(const Counts& other);
  };
  const Counts& counts() const { return counts_; }

 private:
  bool runs(const SiteName& site) { return chain_.machine(chain_.serving(site)).node != nullptr; }
  SiteName any_store();
  void take_back(const SiteName& store);
  void take_back_without_receipt(const SiteName& store);
  void move_goods(const SiteName& site);
  void dispatch();
  void unload();
  void change_prices();
  void accept_held(const SiteName& site);
  void write(const SiteName& site, fold::Command command);
  std::vector<stock::Line> some_lines(unsigned lines_max, unsigned pieces_max);

  Chain& chain_;
  Random random_;
  unsigned stores_;
  Counts counts_;
  struct OnTheWay {
    SiteName to;
    std::size_t number;  // of the warehouse's write
  };
  std::vector<OnTheWay> on_the_way_;
};

}  // namespace holdfast::sim
