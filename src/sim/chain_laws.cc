// Laws that need what a node has in memory; all others are the auditor's.
#include <fmt/format.h>

#include <algorithm>

#include "sim/chain.h"
#include "sim/told.h"

namespace holdfast::sim {

static bool owes_an_answer(const TillWrite& w) { return !w.reply && !w.refused && !w.is_forgotten; }

// In the state, or, counted and named, on its list (6.4): what a rule refused when it was taken in again.
static bool is_known(const fold::State& state, const TillWrite& w) {
  const fold::WriteKey key{w.request.till, w.request.key};
  if (state.find_write(key) != nullptr) return true;
  return std::ranges::any_of(state.listed, [&](const auto& item) {
    const auto event = fold::decode(item.second.entry);
    return event && event->write && fold::WriteKey{event->write->till, event->write->key} == key;
  });
}

// Law: acknowledged by the machine that serves, which has lost nothing since -> in the state.
std::string Chain::check_acknowledged(const SiteName& store, std::size_t newest) {
  const Machine& m = machine(serving(store));
  if (!m.node || m.node->phase() == node::Phase::rebuilding || m.node->phase() == node::Phase::stopped) return {};
  const fold::State& state = m.node->state();
  const std::vector<TillWrite>& writes = till_writes_[store];
  for (std::size_t i = writes.size() - std::min(newest, writes.size()); i < writes.size(); ++i) {
    const TillWrite& w = writes[i];
    if (!w.reply || w.kept_by != m.name) continue;
    if (!is_known(state, w))
      return fmt::format("{}: an acknowledged write is not in the state; it was entry {} of {}", store.view(),
                         w.reply->index, w.reply->origin.text());
  }
  return {};
}

std::string Chain::broken_law(std::size_t newest) {
  if (!broken_.empty()) return broken_;
  if (std::string law = auditor_->broken(); !law.empty()) return law;
  if (network.delivered_over_cut > 0) return "a message passed over a cut link";
  for (const auto& [site, writes] : till_writes_)
    if (std::string law = check_acknowledged(site, newest); !law.empty()) return law;
  // Stock: what is here is what came less what went.
  for (const auto& [name, m] : machines_) {
    if (!m->node || m->node->phase() == node::Phase::rebuilding) continue;
    const stock::StockState& s = m->node->state().stock;
    const std::int64_t in = s.received.thousandths + s.counted_up.thousandths + s.taken_back.thousandths +
                            s.arrived_units.thousandths + s.fed_up.thousandths;
    const std::int64_t out = s.written_off.thousandths + s.counted_down.thousandths + s.sold.thousandths +
                             s.dispatched.thousandths + s.fed_down.thousandths;
    if (in - out != s.total.thousandths) return fmt::format("{}: stock is not conserved", name);
  }
  return {};
}

// Each mirror holds what its site has cosigned, also the one beyond the quorum: the next loss may need it. By its root:
// as many entries of an older epoch, or of another history, are not that.
std::string Chain::lagging_mirror(const SiteName& site, const node::Safety& safety) {
  for (const SiteName& mirror : file_.find(site)->mirrors) {
    const Machine& m = machine(serving(mirror));
    if (!m.node || m.is_spare) continue;  // a spare's epoch is no mirror (10.2)
    const auto& contradictions = m.node->state().contradictions;
    const auto is_frozen = [&](const fold::ContradictionSeen& seen) { return seen.origin == safety.origin; };
    if (safety.cosigned_size == 0 || std::ranges::any_of(contradictions, is_frozen)) continue;
    const auto root = machine(serving(site)).node->root_of(safety.origin, safety.cosigned_size);
    const auto held = m.node->root_of(safety.origin, safety.cosigned_size);
    if (!root || !held || *root != *held)
      return fmt::format("{} does not hold the {} entries of {} that are cosigned", m.name, safety.cosigned_size,
                         safety.origin.text());
  }
  return {};
}

std::string Chain::broken_at_rest() {
  if (std::string law = broken_law(); !law.empty()) return law;
  for (const auto& [site, writes] : till_writes_) {
    const Machine& m = machine(serving(site));
    if (!m.node) return fmt::format("{} does not run: {}", m.name, m.died_of ? m.died_of->text : "not started");
    if (const auto progress = m.node->progress())
      return fmt::format("{} is still rebuilding: {}", m.name, progress->step);
    const fold::State& state = m.node->state();
    std::uint64_t sales = 0;
    for (const TillWrite& w : writes) {
      if (!w.reply) continue;
      const bool is_there = is_known(state, w);
      // Of a till that is lost, what its machine's disk still has comes back in a tail (5.3); what was on a disk that
      // is lost, too, is lost.
      if (!is_there && w.is_forgotten && w.kept_by.empty()) continue;
      if (!is_there && w.is_settled() && auditor_->is_given_up(w.reply->origin.text(), w.reply->index)) continue;
      if (!is_there)
        return fmt::format("{}: an acknowledged write is lost; it was entry {} of {}, and its till {}", site.view(),
                           w.reply->index, w.reply->origin.text(),
                           w.is_safe        ? "was told that it is cosigned"
                           : w.is_forgotten ? "is lost, but not the disk of " + w.kept_by
                                            : "still sends it");
      const fold::KnownWrite* known = state.find_write({w.request.till, w.request.key});
      if (known != nullptr && !known->listed && std::holds_alternative<till::RecordSale>(w.request.command)) ++sales;
    }
    // Nothing twice: the state has as many sales as there are distinct writes of this till memory, unanswered ones at
    //                most more.
    const auto unanswered =
        static_cast<std::uint64_t>(std::ranges::count_if(writes, [](const TillWrite& w) { return !w.reply; }));
    const auto waiting = std::ranges::count_if(writes, owes_an_answer);
    if (waiting > 0) return fmt::format("{}: {} writes have no answer yet", site.view(), waiting);
    const auto unsafe = std::ranges::count_if(writes, [](const TillWrite& w) { return !w.is_settled(); });
    if (unsafe > 0) return fmt::format("{}: {} acknowledged writes are not cosigned yet", site.view(), unsafe);
    if (state.till.totals.sales < sales || state.till.totals.sales > sales + unanswered)
      return fmt::format("{}: {} sales in the journal, {} acknowledged, {} unanswered", site.view(),
                         state.till.totals.sales, sales, unanswered);
    for (const auto& [key, series] : state.till.receipts)
      if (series.receipts.size() > series.next) return fmt::format("{}: a receipt number was given twice", site.view());
  }
  for (const auto& [site, epoch] : epochs_) {
    const Machine& m = machine(serving(site));
    if (!m.node) return fmt::format("{} does not run: {}", m.name, m.died_of ? m.died_of->text : "not started");
    const node::Safety s = m.node->safety();
    if (s.phase != node::Phase::signing)
      return fmt::format("{} is {} and not signing{}{}", m.name, node::to_text(s.phase),
                         s.registering.empty() ? "" : ": ", s.registering);
  }
  for (const auto& [site, epoch] : epochs_) {
    const Machine& m = machine(serving(site));
    const node::Safety s = m.node->safety();
    // Only PeerFollowed entries may still be on their way.
    if (s.cosigned_size + 2 < s.size)
      return fmt::format("{}: {} of {} entries cosigned", m.name, s.cosigned_size, s.size);
    if (std::string lagging = lagging_mirror(site, s); !lagging.empty()) return lagging;
    for (const auto& [peer, part] : m.node->state().peers) {
      const auto waits = [](const auto& of) { return !of.held.empty(); };
      if (waits(part) || std::ranges::any_of(part.lineage, waits))
        return fmt::format("{}: price lists of {} wait for a person", m.name, peer.view());
      const Machine& other = machine(serving(peer));
      if (!other.node) continue;
      if (part.origin != other.node->safety().origin) {
        for (const node::SiteView& v : m.node->sites())
          if (v.site == peer)
            return fmt::format("{} still follows {} to {}; of {} it holds {}, cosigned {}, link {}", m.name,
                               part.origin.text(), part.size, v.origin->text(), v.held_here.value_or(0),
                               v.cosigned_size.value_or(0),
                               v.links.empty() || v.links[0].state != node::LinkState::up ? "down" : "up");
      }
      if (!(part.totals == other.node->state().till.totals))
        return fmt::format("{}: what it follows of {} ({} sales) is not what {} has ({} sales)", m.name, peer.view(),
                           part.totals.sales, other.name, other.node->state().till.totals.sales);
    }
  }
  return {};
}

// What a disk has lost is put back by itself, if anybody has it (2.4).
std::string Chain::unmended() {
  for (const auto& [name, m] : machines_) {
    if (!m->node) continue;
    const auto damage = m->node->safety().damage;
    if (!damage.empty())
      return fmt::format("{} lacks entries {} to {} of {}", name, damage[0].first, damage[0].end,
                         damage[0].origin.text());
  }
  return {};
}

std::string Chain::come_to_rest(int seconds_max, const std::function<std::string()>& before) {
  std::string law;
  for (int i = 0; i < seconds_max; ++i) {
    if (std::string stop = before ? before() : std::string(); !stop.empty()) return stop;
    for (const chain::Site& site : file().sites) send_again(site.name);
    run_for(seconds(1));
    if (law = broken_law(); !law.empty()) return law;  // what must hold at any time is not waited for
    law = broken_at_rest();
    if (law.empty()) law = unmended();
    if (law.empty()) return broken_in_audit();
  }
  return law;
}

std::string Chain::broken_in_audit() {
  std::vector<audit::Told> told;
  for (const auto& [site, epoch] : epochs_) {
    std::uint64_t unanswered = 0;
    for (const TillWrite& w : till_writes_[site]) unanswered += owes_an_answer(w);
    told.push_back(told_by(machine(serving(site)), unanswered));
  }
  for (const auto& [name, m] : machines_)
    if (!m->is_lost) auditor_->look_at(name, files_of(m->disk));
  auditor_->at_rest(std::move(told));
  return auditor_->broken();
}

}  // namespace holdfast::sim
