// A store's till in the demo: sells baskets of the generated trade, one after the other, now and then takes something
// back, and keeps what was acknowledged until it is cosigned (protocol 8.2).
//
// Thread: any, with `mutex` held.
#pragma once

#include <deque>
#include <set>
#include <vector>

#include "edge/demo/site.h"

namespace holdfast::demo {

class Shop {
 public:
  Shop(Site& site, std::vector<boost::json::array> baskets) : site_(site), baskets_(std::move(baskets)) {}
  Site& site() { return site_; }
  std::mutex mutex;

  // A cashier and a till; `listed`: what head office lists, the rest is sold by open price.
  Status open(std::set<std::string> listed);
  // At the rebuilt site: the same till number, and everything sent again that may not have survived.
  Status reopen();
  Status sell();

 private:
  struct Kept {
    boost::json::object write, reply;
  };
  Status enter();
  Status record(boost::json::object write);
  Status forget_what_is_safe();
  Status refund_something();

  Site& site_;
  std::vector<boost::json::array> baskets_;
  std::set<std::string> listed_;
  std::size_t next_ = 0;
  std::int64_t till_ = 0;
  std::string staff_;
  std::deque<Kept> kept_;
  boost::json::object last_sale_;  // its write, with "receipt"
};

// "/baskets.jsonl" of the program, by store.
Result<std::vector<std::vector<boost::json::array>>> embedded_baskets(std::size_t stores);

}  // namespace holdfast::demo
