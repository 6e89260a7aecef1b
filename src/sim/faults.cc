#include "sim/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/check.h"

namespace holdfast::sim {

const std::array<FaultKind, fault_count>& fault_kinds() {
  static constexpr std::array<FaultKind, fault_count> kinds{{
      {Fault::disk_unsynced_lost, "disk.unsynced_lost",
       "the power fails in the middle of a write, any subset of its blocks is there; up again after 1 to 5 s", 25,
       3000},
      {Fault::disk_torn_write, "disk.torn_write",
       "the power fails within a block of a write, some of its sectors (512 bytes) are there; up again after 1 to 5 s",
       15, 6000},
      {Fault::disk_sync_fails, "disk.sync_fails",
       "a write or its sync fails, any subset of its blocks is there; the disk goes on", 10, 3000},
      {Fault::disk_read_fails, "disk.read_fails", "a read fails once, also among those of a start", 20, 12000},
      {Fault::disk_forgets, "disk.forgets",
       "a disk that calls durable what is not: at a power cut the newest 1 to 20 writes are undone", 4, 12000},
      {Fault::disk_misdirected_write, "disk.misdirected_write",
       "a block is written at another place of its file, and called done", 3, 24000, Days::with_rebuilds},
      {Fault::disk_bit_rot, "disk.bit_rot", "a bit of a journal flips; the machine is started again", 3, 24000,
       Days::with_rebuilds},
      {Fault::disk_unreadable, "disk.unreadable", "a sector of a journal cannot be read any more", 3, 24000,
       Days::with_rebuilds},
      {Fault::disk_full, "disk.full", "nothing new is taken for 1 to 10 s", 4, 12000},
      {Fault::disk_slow, "disk.slow", "each write takes 50 to 250 ms, for 1 to 10 s", 6, 6000},
      {Fault::net_cut, "net.cut", "nothing passes between two machines, for 1 to 15 s", 40, 3000},
      {Fault::net_one_way_cut, "net.one_way_cut",
       "what one machine sends another is lost with its connection after 10 s; for 1 to 20 s", 15, 6000},
      {Fault::net_clog, "net.clog", "what one machine sends another waits at the sender, for 1 to 10 s", 15, 3000},
      {Fault::net_delay, "net.delay", "messages take up to 1.5 s, for 1 to 5 s", 6, 3000},
      {Fault::net_drop, "net.drop", "a message is lost; its connection ends within 10 s", 15, 3000},
      {Fault::net_duplicate, "net.duplicate", "a message arrives twice; its connection ends within 10 s", 15, 3000},
      {Fault::net_reorder, "net.reorder",
       "a message arrives up to 0.5 s late, after those behind it; its connection ends within 10 s", 15, 6000},
      {Fault::net_reset, "net.reset", "a connection ends in the middle of a message; what is in flight is lost", 25,
       3000},
      {Fault::net_half_open, "net.half_open",
       "one side thinks that a connection has ended, the other still gets what was sent, up to 3 s late", 20, 6000},
      {Fault::machine_power_cut, "machine.power_cut", "the power fails; up again after 1 to 5 s", 20, 3000},
      {Fault::machine_pause, "machine.pause", "a machine stands still for 1 to 20 s and does not know it", 8, 3000},
      {Fault::machine_clock_jump, "machine.clock_jump", "a clock is up to 40 h wrong, either way, for 1 to 20 s", 10,
       3000},
      {Fault::machine_old_image, "machine.old_image", "an older image of its disk is put back under a running name", 40,
       3000},
      {Fault::machine_destroyed, "machine.destroyed",
       "a machine and its disk are gone, and the site is rebuilt; one mirror alone may have heard its last words", 15,
       3000, Days::with_rebuilds},
      {Fault::machine_replaced_alive, "machine.replaced_alive",
       "a machine is taken for dead and replaced, and lives; or is back after 20 s", 10, 6000, Days::with_rebuilds},
      {Fault::machine_spare_promoted, "machine.spare_promoted",
       "a store opens on its spare, whether its node lives or not", 30, 6000, Days::with_spares},
      {Fault::keys_two_histories, "keys.two_histories",
       "a thief signs a second history with a store's key and offers it to its mirrors, or writes on with it; people "
       "rebuild the store",
       3, 24000, Days::with_rebuilds},
      {Fault::keys_replay, "keys.replay",
       "a thief who has recorded a store sends its mirrors up to 20 of its old messages again", 6, 6000},
      {Fault::keys_flood, "keys.flood", "a thief with a store's keys sends a mirror 300 messages at once", 4, 12000},
      {Fault::keys_old_epoch, "keys.old_epoch",
       "a thief with the keys of a machine that was replaced offers its mirrors more of the old epoch", 10, 12000,
       Days::with_rebuilds},
      {Fault::keys_size_boasted, "keys.size_boasted",
       "a thief with a store's keys announces entries that there are not", 4, 12000},
      {Fault::keys_unstored_cosigned, "keys.unstored_cosigned",
       "a mirror cosigns what it does not store, for 2 to 8 s; then perhaps the owner is destroyed", 8, 12000,
       Days::with_liars},
      {Fault::keys_mirror_hides, "keys.mirror_hides",
       "a mirror seals and registers what it is asked to, and says that it holds nothing, for 2 to 8 s", 8, 12000,
       Days::with_liars},
      {Fault::people_retry_same_key, "people.retry_same_key", "a till sends a write twice in a row", 60, 3000},
      {Fault::people_retry_new_key, "people.retry_new_key", "a sale is rung again as another one", 20, 3000},
      {Fault::people_other_body, "people.other_body", "a key is used again for something else", 20, 3000},
      {Fault::people_till_slept, "people.till_slept",
       "a till that slept sends again what was acknowledged long ago, with its reply", 30, 3000},
      {Fault::people_rebuild_twice, "people.rebuild_twice", "while a site is being rebuilt, it is rebuilt again", 30,
       6000, Days::with_rebuilds},
      {Fault::people_cut_link, "people.cut_link", "a person cuts a link of a site, and heals it after 1 to 15 s", 20,
       3000},
      {Fault::people_seal, "people.seal", "a person seals a site, and calls it a false alarm after 1 to 10 s", 8, 6000},
      {Fault::people_till_lost, "people.till_lost",
       "a till is lost with what it kept: what it has not been told is cosigned is never sent again", 15, 6000},
  }};
  return kinds;
}

std::string_view name_of(Fault fault) { return fault_kinds()[static_cast<std::size_t>(fault)].name; }

Faults::Faults() {
  for (std::size_t i = 0; i < fault_count; ++i) {
    HF_CHECK(static_cast<std::size_t>(fault_kinds()[i].fault) == i, "the table is not in the order of the names at {}",
             i);
    rates_[i] = fault_kinds()[i].rate;
  }
}

Status Faults::read(std::string_view text) {
  std::array<std::uint64_t, fault_count> rates = rates_;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t\r") + 1 - first);
    const std::string_view name = line.substr(0, line.find_first_of(" \t"));
    const std::size_t at = line.find_last_of(" \t");
    const std::string_view value = at == std::string_view::npos ? std::string_view() : line.substr(at + 1);
    std::uint64_t rate = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), rate);
    const auto kind = std::ranges::find(fault_kinds(), name, &FaultKind::name);
    if (value.empty() || error != std::errc() || stop != value.data() + value.size() || rate > 1000 ||
        (kind == fault_kinds().end() && name != "all"))
      return fail(
          "sim/bad_faults",
          fmt::format("line {}: want a fault's name, or \"all\", and how often in a thousand steps it comes", number));
    if (name == "all") {
      rates.fill(rate);
    } else {
      rates[index(kind->fault)] = rate;
    }
  }
  rates_ = rates;
  return {};
}

Status Faults::keep_only(std::string_view names) {
  std::array<std::uint64_t, fault_count> rates{};
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    const auto kind = std::ranges::find(fault_kinds(), name, &FaultKind::name);
    if (kind == fault_kinds().end()) return fail("sim/bad_faults", fmt::format("there is no fault \"{}\"", name));
    rates[index(kind->fault)] = rate(kind->fault);
  }
  rates_ = rates;
  return {};
}

std::string Faults::names_on() const {
  std::string out;
  for (const FaultKind& kind : fault_kinds())
    if (rate(kind.fault) > 0) out += (out.empty() ? "" : ",") + std::string(kind.name);
  return out;
}

std::string Faults::text() const {
  std::string out;
  for (const FaultKind& kind : fault_kinds()) out += fmt::format("{} {}\n", kind.name, rate(kind.fault));
  return out;
}

void Faults::add_counts(const Faults& other) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    counts_[i].fired += other.counts_[i].fired;
    counts_[i].bit += other.counts_[i].bit;
  }
}

std::string Faults::below_minimum(const Played& played) const {
  std::string out;
  for (const FaultKind& kind : fault_kinds()) {
    if (rate(kind.fault) == 0 || kind.steps_each == 0) continue;
    const std::uint64_t steps = played.on(kind.days), least = steps / kind.steps_each;
    const FaultCount& counted = count(kind.fault);
    if (counted.fired < least || counted.bit < least)
      out += fmt::format("{} has fired {} times and changed something {} times in {} steps; at least {} are wanted\n",
                         kind.name, counted.fired, counted.bit, steps, least);
  }
  return out;
}

}  // namespace holdfast::sim
