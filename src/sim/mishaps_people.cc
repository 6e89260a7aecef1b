// Faults of the network, and what people do.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/mishaps.h"

namespace holdfast::sim {

// ---- the network

void Mishaps::fire_net(Fault fault) {
  switch (fault) {
    case Fault::net_delay:
      chain_.network.delay_max = milliseconds(1500);
      chain_.faults.fired(fault);
      lasts(seconds(1), seconds(5), [this] { chain_.network.delay_max = Network::delay_usual; });
      return tell("messages are slow everywhere");
    case Fault::net_drop:
      if (chain_.network.drop_any()) chain_.faults.fired(fault);
      return;
    case Fault::net_duplicate:
      if (chain_.network.duplicate_any()) chain_.faults.fired(fault);
      return;
    case Fault::net_reorder:
      if (chain_.network.reorder_any()) chain_.faults.fired(fault);
      return;
    case Fault::net_reset:
      if (chain_.network.reset_any()) chain_.faults.fired(fault);
      return;
    case Fault::net_half_open:
      if (chain_.network.half_open_any()) chain_.faults.fired(fault);
      return;
    default:
      return cut_way(fault);
  }
}

void Mishaps::cut_way(Fault fault) {
  const SiteName a = any_site(), b = any_site();
  if (a == b) return;
  const std::string from = name_at(a), to = name_at(b);
  Network& network = chain_.network;
  chain_.faults.fired(fault);
  if (fault == Fault::net_cut) return cut_for_now(from, to);
  fault == Fault::net_clog ? network.clog(from, to) : network.mute(from, to);
  lasts(seconds(1), fault == Fault::net_clog ? seconds(10) : seconds(20),
        [this, from, to] { chain_.network.clear(from, to); });
  tell(fmt::format("nothing from {} reaches {}{}", from, to, fault == Fault::net_clog ? " for now" : ""));
}

void Mishaps::cut_for_now(const std::string& a, const std::string& b) {
  chain_.network.cut(a, b);
  lasts(seconds(1), seconds(15), [this, a, b] {
    chain_.network.heal(a, b);
    isolate_old();
  });
  tell(fmt::format("the link {} - {} is cut", a, b));
}

// ---- people

void Mishaps::fire_people(Fault fault) {
  switch (fault) {
    case Fault::people_rebuild_twice:
      return rebuild_twice();
    case Fault::people_cut_link:
      return cut_link();
    case Fault::people_seal:
      return seal();
    case Fault::people_till_lost:
      return lose_till();
    default:
      return send_again(fault);
  }
}

void Mishaps::send_again(Fault fault) {
  const SiteName store = any_store();
  const std::vector<TillWrite>& writes = chain_.writes(store);
  if (!runs(store) || writes.empty()) return;
  const std::size_t recent = std::min<std::size_t>(writes.size(), 20);
  const std::size_t number =
      fault == Fault::people_till_slept ? random().below(writes.size()) : writes.size() - 1 - random().below(recent);
  const TillWrite& w = writes[number];
  if (!std::holds_alternative<till::RecordSale>(w.request.command) || w.is_forgotten) return;
  const bool is_known = chain_.node(name_at(store)).state().find_write({w.request.till, w.request.key}) != nullptr;
  switch (fault) {
    case Fault::people_retry_same_key:
      if (w.reply && !is_known) return;  // a till that has the reply sends it along (8.2)
      chain_.send_once_more(store, number, false, fault);
      break;
    case Fault::people_retry_new_key: {
      fold::WriteRequest again = w.request;
      again.key = {};
      chain_.submit(store, std::move(again));
      chain_.faults.bit(fault);
      break;
    }
    case Fault::people_other_body:
      if (!is_known || !w.reply) return;
      chain_.send_other_body(store, number);
      break;
    default:
      if (!w.reply) return;
      chain_.send_once_more(store, number, true, fault);
  }
  chain_.faults.fired(fault);
}

void Mishaps::lose_till() {
  const SiteName store = any_store();
  const auto till = static_cast<std::uint32_t>(1 + random().below(3));
  const std::size_t forgotten = chain_.forget_till(store, till);
  if (forgotten == 0) return;
  chain_.faults.fired(Fault::people_till_lost);
  chain_.faults.bit(Fault::people_till_lost);
  tell(fmt::format("till {} of {} is lost, and {} writes with it", till, store.view(), forgotten));
}

void Mishaps::rebuild_twice() {
  if (!rebuilding_ || old_alive_) return;
  Machine& first = chain_.machine(*rebuilding_);
  if (!first.node || first.node->phase() != node::Phase::rebuilding || lost_ >= lost_max_) return;
  chain_.faults.fired(Fault::people_rebuild_twice);
  chain_.faults.bit(Fault::people_rebuild_twice);
  const bool has_twin = chain_.machines().contains(first.name + "-twin");
  // Under a number that was given already: it waits in vain, and somebody takes it away.
  if (random().one_in(3) && !has_twin) {
    const std::string twin = chain_.rebuild_under_same_number(first.site);
    (void)chain_.start(twin);
    lasts(seconds(2), seconds(6), [this, twin, site = first.site, name = first.name] {
      chain_.destroy(twin);
      begin_again(site, name);
    });
    return tell(fmt::format("{} is being rebuilt, and another machine gets the same number", first.site.view()));
  }
  tell(fmt::format("{} is being rebuilt, and somebody begins once more", first.site.view()));
  replace(first.site);
}

// Some mirrors have sealed for the one and some for its twin: neither gets its quorum, and both say so.
void Mishaps::begin_again(const SiteName& site, const std::string& name) {
  if (!rebuilding_ || *rebuilding_ != name) return;
  if (!runs(site)) return lasts(seconds(1), seconds(2), [this, site, name] { begin_again(site, name); });
  if (chain_.node(name).phase() != node::Phase::rebuilding) return;
  tell(fmt::format("{} waits for mirrors that sealed for the other; it is begun again with a new number", name));
  replace(site);
}

void Mishaps::cut_link() {
  const SiteName a = any_site(), b = any_site();
  if (a == b || !runs(a) || !chain_.file().linked(a, b)) return;
  const std::string name = name_at(a);
  bool was_up = false;
  for (const node::LinkView& link : chain_.node(name).links())
    was_up = was_up || (link.to == b && link.state == node::LinkState::up);
  const Status cut = chain_.node(name).cut_link(b);
  if (!cut) {
    if (!is_of_the_disk(cut.error())) broken_ = fmt::format("{} cannot cut {}: {}", name, b.view(), cut.error().text);
    // It is cut, and may be open again after a start.
    return lasts(seconds(1), seconds(15), [this, a, b] { open_link(a, b); });
  }
  chain_.auditor().cut(name, b.str(), chain_.now().unix_ns);
  chain_.faults.fired(Fault::people_cut_link);
  if (was_up) chain_.faults.bit(Fault::people_cut_link);
  tell(fmt::format("a person at {} cuts the link to {}", name, b.view()));
  lasts(seconds(1), seconds(15), [this, a, b] { open_link(a, b); });
}

// Wherever the site is by now; of a machine that is down, people ask again.
void Mishaps::open_link(const SiteName& a, const SiteName& b) {
  if (!runs(a)) return lasts(seconds(1), seconds(2), [this, a, b] { open_link(a, b); });
  chain_.auditor().healed(name_at(a), b.str());
  if (!chain_.node(name_at(a)).open_link(b)) lasts(seconds(1), seconds(2), [this, a, b] { open_link(a, b); });
}

// A link that was cut when this disk was written is cut again, and a seal holds again, until a person opens it: a node
// opens nothing by itself. Its page says so.
void Mishaps::open_what_old_disk_shuts(const SiteName& site) {
  if (!runs(site)) return lasts(seconds(1), seconds(2), [this, site] { open_what_old_disk_shuts(site); });
  if (chain_.node(name_at(site)).posture().posture != guard::Posture::open) unseal(site);
  for (const node::LinkView& link : chain_.node(name_at(site)).links())
    if (link.state == node::LinkState::cut) open_link(site, link.to);
}

void Mishaps::unseal(const SiteName& site) {
  if (!runs(site)) return lasts(seconds(1), seconds(2), [this, site] { unseal(site); });
  const std::string name = name_at(site);
  if (chain_.node(name).posture().posture == guard::Posture::open) return;
  chain_.auditor().healed(name, {});
  guard::SetPosture order;
  order.posture = guard::Posture::open;
  order.reason = "a false alarm";
  chain_.node(name).set_posture(order, [](const Status&) {});
  tell(fmt::format("a person calls the seal of {} a false alarm", name));
  lasts(seconds(1), seconds(2), [this, site] { unseal(site); });  // until it is so
}

void Mishaps::seal() {
  const SiteName site = any_site();
  if (!is_quiet() || !is_signing(site)) return;
  const std::string name = name_at(site);
  chain_.faults.fired(Fault::people_seal);
  guard::SetPosture order;
  order.posture = guard::Posture::sealed;
  chain_.node(name).set_posture(order, [this, name](const Status& done) {
    // In the same step somebody may have opened it again.
    if (!done || chain_.node(name).posture().posture != guard::Posture::sealed) return;
    chain_.faults.bit(Fault::people_seal);
    chain_.auditor().cut(name, {}, chain_.now().unix_ns);
  });
  tell(fmt::format("a person seals {}", name));
  lasts(seconds(1), seconds(10), [this, site] { unseal(site); });
}

}  // namespace holdfast::sim
