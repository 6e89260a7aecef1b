// Faults of disks and machines.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/recovery/rebuild.h"
#include "sim/mishaps.h"

namespace holdfast::sim {

void Mishaps::fire_disk(Fault fault) {
  switch (fault) {
    case Fault::disk_unsynced_lost:
    case Fault::disk_torn_write:
      return power_cut(fault);
    case Fault::disk_forgets:
      return forget_writes();
    case Fault::disk_full:
      return fill_disk();
    case Fault::disk_slow:
      return slow_disk();
    case Fault::disk_sync_fails:
    case Fault::disk_read_fails:
      return fail_once(fault);
    default:
      return damage(fault);
  }
}

// The next write; or a read, one of the next, or one of those that the next start begins with.
void Mishaps::fail_once(Fault fault) {
  constexpr std::uint64_t reads_max = 24;
  const SiteName site = any_site();
  if (!runs(site)) return;
  Machine& m = chain_.machine(name_at(site));
  if (fault == Fault::disk_sync_fails) {
    m.disk.fail_next_sync();
    return tell(fmt::format("the next write at {} fails", m.name));
  }
  const std::uint64_t reads = random().below(reads_max);
  if (random().one_in(2)) {
    m.disk.fail_read_after(reads);
    return tell(fmt::format("{} reads more, and one at {} fails", reads, m.name));
  }
  m.read_fails_after = reads;
  tell(fmt::format("a read will fail when {} is started again", m.name));
}

void Mishaps::power_cut(std::optional<Fault> in_a_write) {
  if (down_ || damaged_ || stolen_) return;
  const SiteName site = rebuilding_ ? chain_.machine(*rebuilding_).site : any_site();
  if (!runs(site)) return;
  Machine& m = chain_.machine(name_at(site));
  down_ = site;
  up_again_ = chain_.now() + between(seconds(1), seconds(5));
  if (in_a_write) {
    // In a rebuild also at the worst moment: some have heard what is kept, and the machine forgets that it has said so.
    if (rebuilding_ && !random().one_in(3))
      m.disk.crash_behind(recovery::registration_path, *in_a_write);
    else
      m.disk.crash_after(random().below(rebuilding_ ? 20 : 6), *in_a_write);
    return tell(fmt::format("{} will lose its power in the middle of a write", m.name));
  }
  chain_.kill(m.name);
  chain_.faults.fired(Fault::machine_power_cut);
  chain_.faults.bit(Fault::machine_power_cut);
  tell(fmt::format("{} loses its power", m.name));
}

void Mishaps::forget_writes() {
  if (!is_quiet()) return;
  const SiteName site = any_site();
  if (!may_be_lost(site)) return;
  Machine& m = chain_.machine(name_at(site));
  if (m.epoch > 1 && m.disk.writes() < 200) return;  // what a ceremony has just put there is on no such disk
  down_ = site;
  up_again_ = chain_.now() + between(seconds(1), seconds(5));
  chain_.kill(m.name);
  const std::size_t writes = 1 + random().below(SimDisk::writes_remembered);
  chain_.faults.fired(Fault::disk_forgets);
  if (m.disk.forget(writes)) chain_.faults.bit(Fault::disk_forgets);
  chain_.disk_was_replaced(site);
  set_back_.insert(site);
  lasts(seconds(1), seconds(15), [this, site] { open_what_old_disk_shuts(site); });
  tell(fmt::format("{} loses its power, and its disk the last {} writes", m.name, writes));
}

// Of what a disk has called durable. The machine is started again, and repairs it (2.4).
void Mishaps::damage(Fault fault) {
  if (!is_quiet()) return;
  const SiteName site = any_site();
  if (!may_be_replaced(site)) return;
  Machine& m = chain_.machine(name_at(site));
  damaged_ = Damaged{site, fault};
  up_again_ = chain_.now() + between(milliseconds(200), seconds(3));
  if (fault == Fault::disk_misdirected_write) {
    m.disk.misdirect_next_write();
    return tell(fmt::format("the next write at {} lands elsewhere", m.name));
  }
  chain_.faults.fired(fault);
  (void)(fault == Fault::disk_bit_rot ? m.disk.rot() : m.disk.spoil_sector());
  tell(fmt::format("{} at {}", fault == Fault::disk_bit_rot ? "a bit flips" : "a sector cannot be read any more",
                   m.name));
}

void Mishaps::fill_disk() {
  const SiteName site = any_site();
  if (!runs(site)) return;
  const std::string name = name_at(site);
  chain_.machine(name).disk.is_full = true;
  chain_.faults.fired(Fault::disk_full);
  lasts(seconds(1), seconds(10), [this, name] { chain_.machine(name).disk.is_full = false; });
  tell(fmt::format("the disk of {} is full", name));
}

void Mishaps::slow_disk() {
  const SiteName site = any_site();
  if (!runs(site)) return;
  const std::string name = name_at(site);
  Machine& m = chain_.machine(name);
  m.wire->lag = m.disk.write_takes = between(milliseconds(50), milliseconds(250));
  chain_.faults.fired(Fault::disk_slow);
  lasts(seconds(1), seconds(10), [this, name] {
    Machine& slow = chain_.machine(name);
    slow.wire->lag = slow.disk.write_takes = {};
  });
  tell(fmt::format("each write at {} takes {} ms", name, m.disk.write_takes.ns / 1'000'000));
}

// ---- machines

void Mishaps::fire_machine(Fault fault) {
  switch (fault) {
    case Fault::machine_power_cut:
      return power_cut({});
    case Fault::machine_pause: {
      const SiteName site = any_site();
      if (!runs(site)) return;
      chain_.faults.fired(fault);
      chain_.pause(name_at(site), between(seconds(1), seconds(20)));
      return tell(fmt::format("{} stands still", name_at(site)));
    }
    case Fault::machine_clock_jump:
      return jump_clock();
    case Fault::machine_old_image:
      return put_back_old_image();
    case Fault::machine_destroyed:
      return lose(false);
    case Fault::machine_replaced_alive:
      return lose(true);
    default:
      return promote();
  }
}

void Mishaps::jump_clock() {
  const SiteName site = any_site();
  if (!runs(site)) return;
  const std::string name = name_at(site);
  chain_.faults.fired(Fault::machine_clock_jump);
  const Duration offset = between(seconds(-40 * 3600), seconds(40 * 3600));
  chain_.machine(name).clock->offset = offset;
  const std::uint64_t size = chain_.node(name).safety().size;
  lasts(seconds(1), seconds(20), [this, name, size] {
    Machine& m = chain_.machine(name);
    if (m.node && m.node->safety().size > size) chain_.faults.bit(Fault::machine_clock_jump);
    m.clock->offset = {};
  });
  tell(fmt::format("the clock of {} jumps by {} min", name, offset.ns / 60'000'000'000));
}

// A machine is started from an older copy of its disk. The first time that this comes, the copy is taken.
void Mishaps::put_back_old_image() {
  if (!image_) {
    const SiteName site = any_site();
    if (!is_signing(site)) return;
    image_of_ = name_at(site);
    image_ = std::make_unique<SimDisk>(chain_.machine(image_of_).disk);
    return;
  }
  const std::string name = image_of_;
  const SiteName site = chain_.machine(name).site;
  if (name_at(site) != name) return image_.reset();  // it has been replaced
  if (!is_quiet() || !may_be_lost(site)) return;
  const std::uint64_t size = chain_.node(name).safety().size;
  chain_.kill(name);
  chain_.put_back(name, *image_);
  chain_.disk_was_replaced(site);
  set_back_.insert(site);
  image_.reset();
  chain_.faults.fired(Fault::machine_old_image);
  tell(fmt::format("{} is started from an old image of its disk", name));
  start_again(name);
  lasts(seconds(1), seconds(15), [this, site] { open_what_old_disk_shuts(site); });
  if (chain_.machine(name).node && chain_.node(name).safety().size < size) chain_.faults.bit(Fault::machine_old_image);
}

// Its links fail before it does, all but one: one mirror alone is given what it signs last.
void Mishaps::say_last_words(const SiteName& site) {
  const std::string name = name_at(site);
  const std::vector<SiteName>& mirrors = chain_.file().find(site)->mirrors;
  const SiteName lone = mirrors[random().below(mirrors.size())];
  for (const SiteName& mirror : mirrors)
    if (mirror != lone) chain_.network.cut(name, name_at(mirror));
  if (chain_.file().find(site)->kind == chain::SiteKind::store)
    for (std::uint32_t till = 1; till <= 3; ++till) chain_.sell(site, till);
  chain_.run_for(milliseconds(600));
  for (const SiteName& mirror : mirrors) chain_.network.heal(name, name_at(mirror));
}

void Mishaps::lose(bool is_alive) {
  if (!is_quiet()) return;
  const SiteName site = any_site();
  if (!may_be_replaced(site)) return;
  const std::string name = name_at(site);
  const bool has_last_words = random().one_in(2);
  if (has_last_words) say_last_words(site);
  const Fault fault = is_alive ? Fault::machine_replaced_alive : Fault::machine_destroyed;
  chain_.faults.fired(fault);
  chain_.faults.bit(fault);
  if (is_alive && random().one_in(2)) {
    tell(fmt::format("{} is taken for dead, and lives", name));  // until it hears of its successor
    meant_to_run_.erase(name);
  } else if (is_alive) {  // not dead after all: cut off, and back later
    old_alive_ = name;
    old_back_ = chain_.now() + seconds(20);
    tell(fmt::format("{} is cut off and taken for dead", name));
  } else {
    take_away(name);
    tell(fmt::format("{} is destroyed", name));
  }
  replace(site, {}, has_last_words);
}

// A promoted machine mirrors for nobody (10.2). Whose journals the store has mirrored, they go on with the others.
bool Mishaps::may_be_promoted(const SiteName& store) {
  // What its copy has not got yet comes back from its mirrors.
  return may_be_lost(store) && std::ranges::all_of(chain_.file().sites, [&](const chain::Site& owner) {
           if (!chain_.file().is_mirror(store, owner.name)) return true;
           const bool is_another_gone = std::ranges::any_of(
               owner.mirrors, [&](const SiteName& mirror) { return chain_.machine(name_at(mirror)).is_spare; });
           if (is_another_gone || !is_signing(owner.name)) return false;
           return bad_mirrors(owner.name) == 0;
         });
}

// The store's machine dies, or is cut off from everybody; a moment later the code is typed at its spare.
void Mishaps::promote() {
  if (spares_.empty() || step_ < 20 || !is_quiet() || old_alive_) return;
  const auto spare = std::next(spares_.begin(), static_cast<std::ptrdiff_t>(random().below(spares_.size())));
  const SiteName store = spare->first;
  const std::string name = name_at(store);
  if (name == spare->second || !may_be_promoted(store) || !chain_.machine(spare->second).spare) return;
  const node::SpareView view = chain_.machine(spare->second).spare->view();
  if (!view.is_linked || view.size + 5 < chain_.node(name).safety().size) return;
  chain_.faults.fired(Fault::machine_spare_promoted);
  chain_.faults.bit(Fault::machine_spare_promoted);
  if (random().one_in(2)) {
    old_alive_ = name;
    isolate_old();
    old_back_ = chain_.now() + seconds(15);
    tell(fmt::format("{} is cut off", name));
  } else {
    take_away(name);
    tell(fmt::format("{} is destroyed", name));
  }
  if (random().one_in(2)) chain_.run_for(milliseconds(500));
  const Status opened = chain_.promote(spare->second);
  if (!opened && is_of_the_disk(opened.error())) starts_at_[spare->second] = chain_.now() + seconds(1);
  if (!opened && !is_of_the_disk(opened.error()))
    broken_ = fmt::format("{} does not open: {}", spare->second, opened.error().text);
  rebuilding_ = spare->second;
  lasts(seconds(1), seconds(15), [this, store] { open_what_old_disk_shuts(store); });  // its copy is behind, too
  tell(fmt::format("{} is promoted, of {} entries", spare->second, view.size));
}

}  // namespace holdfast::sim
