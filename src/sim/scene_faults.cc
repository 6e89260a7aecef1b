// Scenes: time, the network, machines and disks, and thieves.
#include <utility>
#include <variant>

#include "sim/scene.h"

namespace holdfast::sim {

std::string Scene::wait(const Said& said) {
  chain_->run_for(seconds(static_cast<std::int64_t>(said.number())));
  return "";
}

// Of each day a minute is played, whose trade the lines before and after tell; then nothing happens to anybody for the
// rest of it.
std::string Scene::days_pass(const Said& said) {
  for (std::uint64_t day = 0; day < said.number(); ++day) {
    chain_->run_for(seconds(60));
    chain_->network.leap(seconds(24 * 3600 - 60));
  }
  return "";
}

std::string Scene::fails(const Said& said) {
  chain_->network.cut(name(said), name(said, 1));
  return "";
}

std::string Scene::heals(const Said& said) {
  chain_->network.heal(name(said), name(said, 1));
  return "";
}

std::string Scene::is_cut_off(const Said& said) {
  cut_off_.insert(name(said));
  cut_from_all();
  return "";
}

std::string Scene::is_reached(const Said& said) { return reach(name(said)); }

std::string Scene::one_way(const Said& said) {
  chain_->network.mute(name(said), name(said, 1));
  return "";
}

std::string Scene::clogs(const Said& said) {
  chain_->network.clog(name(said), name(said, 1));
  return "";
}

std::string Scene::clogs_spare(const Said& said) {
  if (!spares_.contains(said.site())) return "it has no spare";
  chain_->network.clog(name(said), spares_[said.site()]);
  return "";
}

std::string Scene::clears(const Said& said) {
  chain_->network.clear(name(said), name(said, 1));
  return "";
}

std::string Scene::all_heals(const Said&) {
  cut_off_.clear();
  chain_->network.heal_all();
  return "";
}

std::string Scene::resets(const Said& said) {
  for (std::uint64_t i = 0; i < said.number(); ++i) {
    i % 2 == 0 ? chain_->network.reset_any() : chain_->network.half_open_any();
    chain_->run_for(milliseconds(100));
  }
  return "";
}

std::string Scene::loses_messages(const Said& said) {
  return to_messages(said, [&] { return chain_->network.drop_any(); });
}

std::string Scene::repeats_messages(const Said& said) {
  return to_messages(said, [&] { return chain_->network.duplicate_any(); });
}

std::string Scene::mixes_messages(const Said& said) {
  return to_messages(said, [&] { return chain_->network.reorder_any(); });
}

// Whenever something is in flight.
std::string Scene::to_messages(const Said& said, const std::function<bool()>& happens) {
  std::uint64_t times = 0;
  for (int tries = 0; times < said.number() && tries < 10'000; ++tries) {
    chain_->run_for(milliseconds(10));
    times += happens();
  }
  return times == said.number() ? "" : "too few messages are sent";
}

std::string Scene::power_off(const Said& said) {
  chain_->kill(name(said));
  return "";
}

std::string Scene::power_on(const Said& said) {
  Machine& m = machine(said);
  if (m.node) chain_->kill(m.name);
  const Status started = chain_->start(m.name);
  return started ? "" : started.error().text;
}

std::string Scene::does_not_open(const Said& said) {
  Machine& m = machine(said);
  if (m.node) chain_->kill(m.name);
  const Status started = chain_->start(m.name);
  if (started) return "it has opened";
  return started.error().code == "journal/damaged" || started.error().code.starts_with("base/disk")
             ? ""
             : started.error().text;
}

std::string Scene::fails_in_a_write(const Said& said) {
  machine(said).disk.crash_after(1);
  return "";
}

std::string Scene::tears_a_write(const Said& said) {
  machine(said).disk.crash_after(0, Fault::disk_torn_write);
  return "";
}

std::string Scene::write_fails(const Said& said) {
  machine(said).disk.fail_next_sync();
  return "";
}

std::string Scene::misdirects(const Said& said) {
  machine(said).disk.misdirect_next_write();
  chain_->disk_was_replaced(said.site());
  return "";
}

std::string Scene::forgets(const Said& said) {
  chain_->kill(name(said));
  machine(said).disk.forget(said.number());
  chain_->disk_was_replaced(said.site());
  return "";
}

std::string Scene::is_full(const Said& said) {
  machine(said).disk.is_full = true;
  return "";
}

std::string Scene::has_room(const Said& said) {
  machine(said).disk.is_full = false;
  return "";
}

std::string Scene::rots(const Said& said) {
  chain_->disk_was_replaced(said.site());
  return machine(said).disk.rot() ? "" : "there is nothing to rot";
}

std::string Scene::loses_sector(const Said& said) {
  chain_->disk_was_replaced(said.site());
  return machine(said).disk.spoil_sector() ? "" : "there is nothing to spoil";
}

std::string Scene::keeps_image(const Said& said) {
  images_.insert_or_assign(name(said), machine(said).disk);
  return "";
}

std::string Scene::puts_back(const Said& said) {
  const auto image = images_.find(name(said));
  if (image == images_.end()) return "no image was kept of it";
  chain_->kill(name(said));
  chain_->put_back(name(said), image->second);
  chain_->disk_was_replaced(said.site());
  return power_on(said);
}

std::string Scene::is_destroyed(const Said& said) {
  chain_->destroy(name(said));
  return "";
}

std::string Scene::is_rebuilt(const Said& said) {
  old_.insert_or_assign(said.site(), name(said));
  return start(chain_->rebuild(said.site()));
}

std::string Scene::is_rebuilt_as_before(const Said& said) {
  return start(chain_->rebuild_under_same_number(said.site()));
}

std::string Scene::has_spare(const Said& said) {
  spares_[said.site()] = chain_->add_spare(said.site());
  return start(spares_[said.site()]);
}

std::string Scene::spare_holds_all(const Said& said) {
  if (!spares_.contains(said.site())) return "it has no spare";
  return until([&] {
    const auto& spare = chain_->machine(spares_[said.site()]).spare;
    if (!spare || !machine(said).node) return false;
    const node::SpareView view = spare->view();
    return view.is_linked && view.size == machine(said).node->safety().size;
  });
}

std::string Scene::opens_on_spare(const Said& said) {
  if (!spares_.contains(said.site())) return "it has no spare";
  old_.insert_or_assign(said.site(), name(said));
  const Status opened = chain_->promote(spares_[said.site()]);
  return opened ? "" : opened.error().text;
}

std::string Scene::stands_still(const Said& said) {
  chain_->pause(name(said), seconds(static_cast<std::int64_t>(said.number())));
  return "";
}

std::string Scene::is_fast(const Said& said) { return set_clock(said, 1); }

std::string Scene::is_slow(const Said& said) { return set_clock(said, -1); }

std::string Scene::set_clock(const Said& said, int sign) {
  machine(said).clock->offset = seconds(sign * 60 * static_cast<std::int64_t>(said.number()));
  return "";
}

std::string Scene::second_history(const Said& said) {
  Thief thief(*chain_, machine(said));
  return visit(thief, said, {thief.second_history()});
}

std::string Scene::boasts(const Said& said) {
  Thief thief(*chain_, machine(said));
  return visit(thief, said, {thief.boast(said.number())});
}

std::string Scene::floods(const Said& said) {
  Thief thief(*chain_, machine(said));
  return visit(thief, said, std::vector<sync::Message>(said.number(), thief.question()));
}

std::string Scene::replays(const Said& said) {
  std::vector<sync::Message> words;
  for (const Bytes& bytes : chain_->recorded(name(said)))
    if (auto message = sync::decode(bytes); message && !std::holds_alternative<sync::Known>(*message))
      words.push_back(std::move(*message));
  if (words.empty()) return "nobody has recorded anything of it";
  Thief thief(*chain_, machine(said));
  return visit(thief, said, words);
}

std::string Scene::offers_old_epoch(const Said& said) {
  if (!old_.contains(said.site())) return "it has no old machine";
  Thief thief(*chain_, chain_->machine(old_[said.site()]));
  return visit(thief, said, {thief.more_entries(), thief.boast(1'000'000)});
}

std::string Scene::lies_about_storing(const Said& said) {
  liar_ = std::make_unique<Thief>(*chain_, machine(said));
  liar_->lie(Thief::Lie::signs_unstored);
  return "";
}

std::string Scene::hides(const Said& said) {
  liar_ = std::make_unique<Thief>(*chain_, machine(said));
  liar_->lie(Thief::Lie::hides);
  return "";
}

std::string Scene::is_honest(const Said&) {
  if (!liar_) return "nobody lies";
  const bool was_heard = liar_->was_heard();
  liar_.reset();
  cut_from_all();
  return was_heard ? "" : "nobody has heard its lies";
}

// Of each mirror of the site, one after the other.
std::string Scene::visit(Thief& thief, const Said& said, const std::vector<sync::Message>& words) {
  for (const SiteName& mirror : chain_->file().find(said.site())->mirrors) {
    thief.visit(mirror, words);
    chain_->run_for(seconds(1));
  }
  return thief.was_heard() ? "" : "nobody has heard the thief";
}

std::string Scene::runs_copy(const Said& said) {
  const auto image = images_.find(name(said));
  if (image == images_.end()) return "no image was kept of it";
  copy_ = chain_->copy_of(name(said), image->second);
  return start(copy_);
}

std::string Scene::copy_reaches(const Said& said) {
  if (copy_.empty()) return "there is no thief who runs a machine";
  chain_->network.heal(copy_, name(said));
  return "";
}

std::string Scene::copy_sells(const Said& said) {
  if (copy_.empty()) return "there is no thief who runs a machine";
  const SiteName site = chain_->machine(copy_).site;
  for (std::uint64_t i = 0; i < said.number(); ++i) {
    fold::WriteRequest forged = chain_->a_sale(site, 9);
    forged.key.bytes[0] = static_cast<std::byte>(1 + i);
    if (!chain_->machine(copy_).node) return "the thief's machine does not run";
    chain_->node(copy_).submit(forged, [](const Result<fold::Taken>&) {});
    chain_->run_for(seconds(1));
  }
  return "";
}

std::string Scene::old_is_reached(const Said& said) {
  return old_.contains(said.site()) ? reach(old_[said.site()]) : "it has no old machine";
}

// Machines that came later, too.
void Scene::cut_from_all() {
  for (const std::string& alone : cut_off_)
    for (const auto& [other, m] : chain_->machines())
      if (other != alone) chain_->network.cut(alone, other);
}

std::string Scene::reach(const std::string& machine) {
  cut_off_.erase(machine);
  for (const auto& [other, m] : chain_->machines()) chain_->network.heal(machine, other);
  cut_from_all();
  return "";
}

}  // namespace holdfast::sim
