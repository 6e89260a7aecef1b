#include "sim/mishaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdfast::sim {

namespace {

// Sites that people rebuild: four on a day of 300 steps, and as many more on a longer one.
constexpr unsigned steps_a_loss = 75, lost_max_least = 4;
constexpr Duration repair_patience = seconds(30);  // of people, before they rebuild

}  // namespace

Mishaps::Mishaps(Chain& chain, Random random, const MishapOptions& options)
    : chain_(chain),
      options_(options),
      lost_max_(std::max(lost_max_least, options.steps / options.calm / steps_a_loss)) {
  for (std::size_t i = 0; i < fault_count; ++i) streams_.push_back(random.fork());
}

std::string Mishaps::step() {
  ++step_;
  for (const FaultKind& kind : fault_kinds()) {
    stream_ = static_cast<std::size_t>(kind.fault);
    if (chain_.faults.due(kind.fault, random(), options_.calm)) fire(kind.fault);
  }
  for (std::size_t i = 0; i < lasting_.size();) {
    if (lasting_[i].until > chain_.now()) {
      ++i;
      continue;
    }
    const auto end = std::move(lasting_[i].end);
    lasting_.erase(lasting_.begin() + static_cast<std::ptrdiff_t>(i));
    end();
  }
  mend();
  return broken_;
}

std::string Mishaps::end_all() {
  for (const Lasting& each : std::exchange(lasting_, {})) each.end();
  for (const auto& [name, m] : chain_.machines())  // an old one, too: what only it has, comes in a tail (5.3)
    if (!m->node && !m->spare && !m->is_lost) watch_over(name);
  old_back_ = chain_.now();  // when its successor serves: mirrors that hear it register no spare (10.2)
  for (const auto& [name, m] : chain_.machines()) m->paused_until = {};
  chain_.network.heal_all();
  isolate_old();
  up_again_ = chain_.now();
  for (auto& [name, at] : starts_at_) at = chain_.now();
  mend();
  return broken_;
}

void Mishaps::tell(const std::string& what) {
  if (options_.trace) fmt::print("{}  {}\n", to_text(chain_.now()).substr(11, 12), what);
}

Duration Mishaps::between(Duration shortest, Duration longest) {
  return {shortest.ns +
          static_cast<std::int64_t>(random().below(static_cast<std::uint64_t>(longest.ns - shortest.ns)))};
}

void Mishaps::lasts(Duration shortest, Duration longest, std::function<void()> end) {
  lasting_.push_back({chain_.now() + between(shortest, longest), std::move(end)});
}

SiteName Mishaps::any_site() { return chain_.file().sites[random().below(chain_.file().sites.size())].name; }
SiteName Mishaps::any_store() { return chain_.file().sites[2 + random().below(options_.stores)].name; }

bool Mishaps::runs(const SiteName& site) {
  const Machine& m = chain_.machine(name_at(site));
  return m.node != nullptr && m.paused_until <= chain_.now();
}

bool Mishaps::is_signing(const SiteName& site) {
  return runs(site) && chain_.node(name_at(site)).phase() == node::Phase::signing;
}

bool Mishaps::counts_for(const SiteName& mirror, const SiteName& owner) {
  const auto views = chain_.node(name_at(mirror)).sites();
  return std::ranges::find(views, owner, &node::SiteView::site)->counts_here;
}

unsigned Mishaps::bad_mirrors(const SiteName& site) {
  return static_cast<unsigned>(std::ranges::count_if(chain_.file().find(site)->mirrors, [&](const SiteName& mirror) {
    if (mirror == liar_) return true;
    if (chain_.machine(name_at(mirror)).is_spare) return false;  // it answers nothing, and the others are a quorum
    if (!set_back_.contains(mirror)) return false;
    return !is_signing(mirror) || !counts_for(mirror, site);  // who says that he counts must hold what he signed for
  }));
}

bool Mishaps::comes_back(const SiteName& site) {
  if (!is_signing(site)) return false;
  const unsigned bad = bad_mirrors(site);
  if (bad > options_.lying_mirrors) return false;
  // Who has signed for more than he holds waits for the word of all his fellows, and a spare's machine gives none (4.6,
  // 10.2).
  const auto is_spare = [this](const SiteName& mirror) { return chain_.machine(name_at(mirror)).is_spare; };
  return bad == 0 || std::ranges::none_of(chain_.file().find(site)->mirrors, is_spare);
}

bool Mishaps::may_be_lost(const SiteName& site) {
  if (!comes_back(site)) return false;
  // Nor as a mirror of one who has just lost something himself, and may need it.
  return std::ranges::all_of(chain_.file().sites, [&](const chain::Site& owner) {
    return !chain_.file().is_mirror(site, owner.name) || !set_back_.contains(owner.name) || is_signing(owner.name);
  });
}

bool Mishaps::may_be_replaced(const SiteName& site) {
  if (old_alive_ || lost_ >= lost_max_ || spares_.contains(site) || !may_be_lost(site)) return false;
  // Mirrors that came back and do not count yet are as good as lost themselves.
  const node::Safety safety = chain_.node(name_at(site)).safety();
  if (!may_be_rebuilt_from(*chain_.file().find(site), safety.origin, safety.cosigned_size)) return false;
  // As a mirror it comes back with empty hands, and counts when all fellow mirrors have told it what they hold (4.6); a
  // machine that was a spare tells nobody, and then the chain file must name another mirror.
  return std::ranges::none_of(chain_.file().sites, [&](const chain::Site& owner) {
    return chain_.file().is_mirror(site, owner.name) && std::ranges::any_of(owner.mirrors, [&](const SiteName& fellow) {
             return chain_.machine(name_at(fellow)).is_spare;
           });
  });
}

void Mishaps::fire(Fault fault) {
  if (fault < Fault::net_cut) return fire_disk(fault);
  if (fault < Fault::machine_power_cut) return fire_net(fault);
  if (fault < Fault::keys_two_histories) return fire_machine(fault);
  if (fault < Fault::people_retry_same_key) return fire_keys(fault);
  fire_people(fault);
}

void Mishaps::isolate_old() {
  if (!old_alive_) return;
  for (const auto& [name, m] : chain_.machines())
    if (name != *old_alive_) chain_.network.cut(*old_alive_, name);
}

// ---- mending

void Mishaps::start_again(const std::string& name) {
  Machine& m = chain_.machine(name);
  starts_at_.erase(name);
  if (m.is_lost || m.node || m.spare) return;
  const Status started = chain_.start(name);
  if (started) return tell(fmt::format("{} is up", name));
  const bool is_damage = damaged_ && name == name_at(damaged_->site);
  if (is_damage) return;  // mend_damaged() looks at it
  if (is_of_the_disk(started.error())) {
    starts_at_[name] = chain_.now() + seconds(1);
    return;
  }
  broken_ = fmt::format("{} does not open: {}", name, started.error().text);
}

// What does not run may have lost its power or its disk; a node that ends by itself for any other reason is a law
// broken, also where somebody was going to start it again.
void Mishaps::check_death(const std::string& name) {
  const Machine& m = chain_.machine(name);
  if (m.node || m.spare || !m.died_of || is_of_the_disk(*m.died_of)) return;
  broken_ = fmt::format("{} died: {}", name, m.died_of->text);
}

// A machine that is of no use any more, and its disk.
void Mishaps::take_away(const std::string& name) {
  chain_.destroy(name);
  meant_to_run_.erase(name);
}

void Mishaps::replace(const SiteName& site, const Chain::CleanPoint& clean_point, bool has_last_words) {
  ++lost_;
  set_back_.insert(site);
  const std::string before = name_at(site);
  rebuilding_ = chain_.rebuild(site, clean_point);
  watch_over(*rebuilding_);
  isolate_old();
  tell(fmt::format("{} is rebuilt on a new machine{}", site.view(),
                   clean_point ? fmt::format(", up to entry {}", clean_point->second) : ""));
  // Who holds more than the others may be away at first, and there when the machine is started again.
  away_.reset();
  if (has_last_words || random().one_in(4)) {
    const Origin old{chain_.file().chain, site, chain_.machine(before).epoch};
    const auto held = [&](const SiteName& mirror) { return held_at(mirror, old); };
    away_ = name_at(*std::ranges::max_element(chain_.file().find(site)->mirrors, {}, held));
    cut_for_now(*rebuilding_, *away_);
  }
  start_again(*rebuilding_);
}

// Started again after the damage, it puts back what it has lost. If it cannot, or does not open, people rebuild the
// site on another disk.
void Mishaps::mend_damaged() {
  const std::string name = name_at(damaged_->site);
  Machine& m = chain_.machine(name);
  if (damaged_->fault == Fault::disk_misdirected_write && !m.disk.was_misdirected()) {
    if (chain_.now() < up_again_ + seconds(5)) return;
    m.disk.misdirect_next_write(false);  // it has written nothing, or its power failed first
    return damaged_.reset();
  }
  check_death(name);
  if (damaged_->started_at) return watch_repair(m);
  if (m.node && chain_.now() < up_again_) return;
  chain_.disk_was_replaced(damaged_->site);  // it is not the disk that acknowledged
  set_back_.insert(damaged_->site);
  chain_.kill(name);
  const Status started = chain_.start(name);
  if (started) {
    damaged_->started_at = chain_.now();
    return tell(fmt::format("{} is up", name));
  }
  const bool rests_on_it = started.error().code == "sync/missing_entries";  // on a copy that stays closed (13.94)
  if (started.error().code != "journal/damaged" && !rests_on_it && !is_of_the_disk(started.error())) {
    broken_ = fmt::format("{} does not open: {}", name, started.error().text);
    return damaged_.reset();
  }
  if (damaged_->fault == Fault::disk_bit_rot) chain_.faults.bit(damaged_->fault);
  tell(fmt::format("{} does not open ({})", name, started.error().text));
  replace_damaged(name);
}

void Mishaps::watch_repair(Machine& m) {
  if (m.node && (m.node->counters().holes_found > 0 || !m.node->safety().damage.empty()) &&
      !std::exchange(damaged_->has_bitten, true) && damaged_->fault == Fault::disk_bit_rot)
    chain_.faults.bit(damaged_->fault);
  const bool is_whole = m.node && m.node->safety().damage.empty() && !m.node->progress();
  if (is_whole && chain_.now() >= *damaged_->started_at + seconds(2)) {
    tell(fmt::format("{} has put back {} entries", m.name, m.node->counters().entries_mended));
    return damaged_.reset();
  }
  if (m.node && chain_.now() < *damaged_->started_at + repair_patience) return;
  tell(fmt::format("{} lacks entries that nobody can prove", m.name));
  replace_damaged(m.name);
}

void Mishaps::replace_damaged(const std::string& name) {
  const SiteName site = std::exchange(damaged_, std::nullopt)->site;
  take_away(name);
  replace(site);
}

void Mishaps::mend() {
  if (down_ && chain_.now() >= up_again_) {
    const std::string name = name_at(*down_);
    check_death(name);
    if (chain_.machine(name).node) chain_.kill(name);
    down_.reset();
    if (name == rebuilding_ && away_) chain_.network.heal(name, *std::exchange(away_, std::nullopt));
    start_again(name);
  }
  if (damaged_) mend_damaged();
  if (stolen_) mend_stolen();
  rebuild_contradicted();
  choose_clean_point();
  rebuild_what_spares_opened();
  for (const auto& [name, at] : std::map(starts_at_))
    if (chain_.now() >= at) start_again(name);
  for (const std::string& name : meant_to_run_) {
    const Machine& m = chain_.machine(name);
    const bool is_waited_for = starts_at_.contains(name) || (down_ && name == name_at(*down_)) ||
                               (damaged_ && name == name_at(damaged_->site));
    if (m.node || m.spare || m.is_lost || is_waited_for) continue;
    check_death(name);
    starts_at_[name] = chain_.now() + milliseconds(500);
  }
  if (rebuilding_) {
    const Machine& m = chain_.machine(*rebuilding_);
    if (m.node && m.node->phase() == node::Phase::signing) {
      tell(fmt::format("{} serves", *rebuilding_));
      for (const auto& [name, older] : chain_.machines())
        if (older->site == m.site && older->epoch < m.epoch) replaced_.insert(name);
      rebuilding_.reset();
    }
  }
  if (old_alive_ && chain_.now() >= old_back_ && !rebuilding_) {
    tell(fmt::format("{} comes back alive", *old_alive_));
    const std::string old = *std::exchange(old_alive_, std::nullopt);
    for (const auto& [name, m] : chain_.machines()) chain_.network.heal(old, name);
  }
}

}  // namespace holdfast::sim
