// What somebody does who has stolen keys, and what people do about it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <variant>

#include "sim/mishaps.h"

namespace holdfast::sim {

void Mishaps::fire_keys(Fault fault) {
  switch (fault) {
    case Fault::keys_two_histories:
      return sign_second_history();
    case Fault::keys_old_epoch:
      return offer_old_epoch();
    case Fault::keys_unstored_cosigned:
    case Fault::keys_mirror_hides:
      return lie_as_mirror(fault);
    default:
      return use_keys_of_store(fault);
  }
}

// Mirrors keep both histories as evidence and sign nothing more of either, so the store is rebuilt with new keys.
void Mishaps::sign_second_history() {
  if (!is_quiet()) return;
  const SiteName store = any_store();
  if (!may_be_replaced(store) || chain_.node(name_at(store)).safety().cosigned_size < 4) return;
  const std::string name = name_at(store);
  auto thief = std::make_shared<Thief>(chain_, chain_.machine(name));
  const Origin origin = chain_.node(name).safety().origin;
  const bool pushes = random().one_in(2);
  for (const SiteName& mirror : chain_.file().find(store)->mirrors)
    thief->visit(mirror, {pushes ? thief->entry_behind(held_at(mirror, origin)) : thief->second_history()});
  chain_.faults.fired(Fault::keys_two_histories);
  stolen_ = Stolen{origin, chain_.now() + seconds(5)};
  lasts(seconds(1), seconds(3), [thief] {});
  tell(fmt::format("a thief with the keys of {} {} a second history", name, pushes ? "writes on with" : "offers"));
}

std::uint64_t Mishaps::held_at(const SiteName& mirror, const Origin& origin) {
  if (!runs(mirror)) return 0;
  const auto views = chain_.node(name_at(mirror)).sites();
  const auto view = std::ranges::find(views, origin.site, &node::SiteView::site);
  return view->origin == origin ? view->held_here.value_or(0) : 0;
}

bool Mishaps::is_contradicted(const Origin& origin) {
  return std::ranges::any_of(chain_.machines(), [&](const auto& each) {
    const auto& node = each.second->node;
    return node &&
           std::ranges::any_of(node->state().contradictions, [&](const auto& seen) { return seen.origin == origin; });
  });
}

void Mishaps::mend_stolen() {
  const SiteName store = stolen_->origin.site;
  const bool is_known = is_contradicted(stolen_->origin);
  if (!is_known && chain_.now() < stolen_->until) return;
  if (is_known) chain_.faults.bit(Fault::keys_two_histories);
  stolen_.reset();
  const std::string name = name_at(store);
  tell(fmt::format("{} {}", is_known ? "two histories are known of" : "nobody has heard the thief; yet people replace",
                   name));
  take_away(name);
  replace(store);
}

// A mirror that does not count seals nothing; of those that do, no more than f may hold less than they have signed, or
// so many hold all that was cosigned that no quorum is without one of them.
bool Mishaps::may_be_rebuilt_from(const chain::Site& site, const Origin& origin, std::uint64_t size) {
  unsigned fit = 0, bad = 0, full = 0;
  const auto root = chain_.node(name_at(site.name)).root_of(origin, size);
  for (const SiteName& mirror : site.mirrors) {
    const bool is_gone = mirror != liar_ && (!is_signing(mirror) || !counts_for(mirror, site.name));
    if (is_gone) continue;
    const auto held =
        mirror == liar_ ? Result<Hash>(fail("sim/liar", "")) : chain_.node(name_at(mirror)).root_of(origin, size);
    const bool is_bad = mirror == liar_ || (set_back_.contains(mirror) && !held);
    ++(is_bad ? bad : fit);
    full += held && root && *held == *root;
  }
  if (fit + bad < chain_.file().quorum) return false;
  return bad <= options_.lying_mirrors || fit + bad - full < chain_.file().quorum;
}

// A node on an old disk has signed a second history, and somebody holds the first. Nobody cosigns its journal any
// further, so people rebuild it with new keys (docs/incident-guide.md, section 3), spare or not.
void Mishaps::rebuild_contradicted() {
  if (!is_quiet() || old_alive_) return;
  for (const chain::Site& site : chain_.file().sites) {
    const std::string name = name_at(site.name);
    if (!runs(site.name) || chain_.node(name).phase() == node::Phase::rebuilding) continue;
    if (!is_contradicted({chain_.file().chain, site.name, chain_.machine(name).epoch})) continue;
    // Whose keys were stolen is replaced as soon as that is known; of all others only an old disk signs twice.
    if (!chain_.machine(name).has_lost) {
      broken_ = fmt::format("{} has signed two histories, and its disk has lost nothing", name);
      return;
    }
    const node::Safety safety = chain_.node(name).safety();
    if (!may_be_rebuilt_from(site, safety.origin, safety.cosigned_size)) continue;
    tell(fmt::format("two histories are known of {}; it is rebuilt", name));
    take_away(name);
    return replace(site.name);
  }
}

// Of two histories nobody can tell which was cosigned, and no mirror is left that could. People choose what both have:
// the mirrors' pages say how much of the old journal they know to be cosigned.
void Mishaps::choose_clean_point() {
  constexpr Duration patience = seconds(15);
  const auto progress = rebuilding_ && chain_.machine(*rebuilding_).node ? chain_.node(*rebuilding_).progress()
                                                                         : std::optional<node::Progress>();
  if (!progress || !progress->step.contains("has two signed histories")) return waits_for_people_since_.reset();
  if (!waits_for_people_since_) waits_for_people_since_ = chain_.now();
  if (chain_.now() < *waits_for_people_since_ + patience) return;
  waits_for_people_since_.reset();
  const SiteName site = chain_.machine(*rebuilding_).site;
  std::pair<Origin, std::uint64_t> clean_point;  // the newest epoch that a mirror knows something of
  for (const SiteName& mirror : chain_.file().find(site)->mirrors) {
    if (!runs(mirror)) continue;
    const auto views = chain_.node(name_at(mirror)).sites();
    const auto view = std::ranges::find(views, site, &node::SiteView::site);
    const std::uint64_t size = view->cosigned_size.value_or(0);
    if (view->origin && std::pair(view->origin->epoch, size) >= std::pair(clean_point.first.epoch, clean_point.second))
      clean_point = {*view->origin, size};
  }
  tell(fmt::format("nobody can tell what of {} was cosigned; people choose a clean point", site.view()));
  take_away(*rebuilding_);
  replace(site, clean_point);
}

// A mirror that has come back may need the word of a store that its spare has opened, and gets none (4.6, 10.2). Then a
// ceremony rebuilds that store, too.
void Mishaps::rebuild_what_spares_opened() {
  constexpr Duration patience = seconds(10), look_each = seconds(1);
  if (chain_.now() < next_look_) return;
  next_look_ = chain_.now() + look_each;
  const auto waits_for = [&](const SiteName& store) {
    return std::ranges::any_of(chain_.file().sites, [&](const chain::Site& owner) {
      return chain_.file().is_mirror(store, owner.name) &&
             std::ranges::any_of(owner.mirrors, [&](const SiteName& fellow) {
               return fellow != store && is_signing(fellow) && !chain_.machine(name_at(fellow)).is_spare &&
                      !counts_for(fellow, owner.name);
             });
    });
  };
  const auto opened = std::ranges::find_if(spares_, [&](const auto& spare) {
    return name_at(spare.first) == spare.second && is_signing(spare.first) && waits_for(spare.first);
  });
  if (opened == spares_.end()) return waits_for_fellows_since_.reset();
  if (!waits_for_fellows_since_) waits_for_fellows_since_ = chain_.now();
  if (chain_.now() < *waits_for_fellows_since_ + patience || !is_quiet() || old_alive_ || !comes_back(opened->first))
    return;  // as a mirror it is no loss: a spare's machine holds nobody's journal (10.2)
  tell(fmt::format("others wait for the word of {}", opened->second));
  take_away(opened->second);
  replace(opened->first);
}

// What he says in the store's name changes nothing but what is announced.
void Mishaps::use_keys_of_store(Fault fault) {
  const SiteName store = any_store();
  const std::string name = name_at(store);
  const std::vector<SiteName>& mirrors = chain_.file().find(store)->mirrors;
  const SiteName mirror = mirrors[random().below(mirrors.size())];
  const std::vector<sync::Message> old_words = old_words_of(name);
  if (fault == Fault::keys_replay && old_words.empty()) return;
  auto thief = std::make_shared<Thief>(chain_, chain_.machine(name));
  if (fault == Fault::keys_flood) {
    thief->visit(mirror, std::vector<sync::Message>(300, thief->question()));
  } else {
    const std::uint64_t many = 1000 + random().below(1'000'000);
    for (const SiteName& each : mirrors)
      thief->visit(each, fault == Fault::keys_replay ? old_words : std::vector<sync::Message>{thief->boast(many)});
  }
  chain_.faults.fired(fault);
  lasts(seconds(1), seconds(3), [this, fault, thief] {
    if (thief->was_heard()) chain_.faults.bit(fault);
  });
  tell(fmt::format("a thief with the keys of {} speaks to its mirrors ({})", name, name_of(fault)));
}

// Of what its owner says about its own journal. What a mirror has told of others' would be a mirror's lie by now.
std::vector<sync::Message> Mishaps::old_words_of(const std::string& machine) {
  constexpr std::size_t words_max = 20;
  std::vector<sync::Message> out;
  for (const Bytes& bytes : chain_.recorded(machine)) {
    auto message = sync::decode(bytes);
    if (!message || out.size() >= words_max) continue;
    const bool is_its_own =
        std::holds_alternative<sync::Heartbeat>(*message) || std::holds_alternative<sync::Offer>(*message) ||
        std::holds_alternative<sync::Entries>(*message) || std::holds_alternative<sync::Cosigned>(*message);
    if (is_its_own) out.push_back(std::move(*message));
  }
  return out;
}

void Mishaps::offer_old_epoch() {
  if (replaced_.empty()) return;
  const std::string old = *std::next(replaced_.begin(), static_cast<std::ptrdiff_t>(random().below(replaced_.size())));
  auto thief = std::make_shared<Thief>(chain_, chain_.machine(old));
  for (const SiteName& mirror : chain_.file().find(chain_.machine(old).site)->mirrors)
    thief->visit(mirror, {thief->more_entries(), thief->boast(1'000'000)});
  chain_.faults.fired(Fault::keys_old_epoch);
  lasts(seconds(1), seconds(3), [this, thief] {
    if (thief->was_heard()) chain_.faults.bit(Fault::keys_old_epoch);
  });
  tell(fmt::format("a thief with the keys of {} offers more of that epoch", old));
}

// One mirror lies, and f = 1: it begins while it is the only bad mirror of everybody, and what may be lost meanwhile
// counts it (may_be_lost).
void Mishaps::lie_as_mirror(Fault fault) {
  if (options_.lying_mirrors == 0 || damaged_ || liar_ || stolen_ || old_alive_) return;
  const SiteName mirror = any_site();
  const std::string name = name_at(mirror);
  const bool is_only_one = std::ranges::all_of(chain_.file().sites, [&](const chain::Site& owner) {
    if (!chain_.file().is_mirror(mirror, owner.name)) return true;
    if (!is_signing(owner.name)) return false;
    return bad_mirrors(owner.name) == 0;
  });
  if (!is_only_one || !is_signing(mirror) || spares_.contains(mirror)) return;
  auto thief = std::make_shared<Thief>(chain_, chain_.machine(name));
  thief->lie(fault == Fault::keys_mirror_hides ? Thief::Lie::hides : Thief::Lie::signs_unstored);
  liar_ = mirror;
  set_back_.insert(mirror);
  chain_.faults.fired(fault);
  lasts(seconds(2), seconds(8), [this, fault, thief] { end_lie(fault, *thief); });
  tell(fmt::format("{} is in a thief's hands ({})", name, name_of(fault)));
}

// What it signed and did not store lies on the other mirrors, if its owner is lost before it has caught up.
void Mishaps::end_lie(Fault fault, const Thief& thief) {
  if (thief.was_heard()) chain_.faults.bit(fault);
  liar_.reset();
  const SiteName* owner = thief.lied_to();
  if (fault != Fault::keys_unstored_cosigned || owner == nullptr || !is_quiet() || !random().one_in(2)) return;
  if (!may_be_replaced(*owner)) return;
  tell(fmt::format("{} is destroyed", name_at(*owner)));
  take_away(name_at(*owner));
  replace(*owner);
}

}  // namespace holdfast::sim
