// Every fault that a simulated day may meet: one table, with names, units and rates; and what came of each.
//
// Shape:  a fault *fires* when the world does it, and *bites* when that changed something: bytes on a disk, a message
//         that did not arrive as it would have, an answer; of thieves, a word of theirs that was heard. A fault that
//         fires and never bites tests nothing, so a night fails when either count of one stays below its minimum.
// Units:  a rate is so many in a thousand steps of a day (of 200 ms each), or in a thousand times `calm` steps of a
//         calm one; what lasts, lasts as long as `what` says.
//
// What this model can mean, and cannot:
// * Disk (core/base/world.h) writes synchronously: what write_durable has returned for is durable, and the program
//   opens its files so. At most one write is in flight per journal (protocol 2.1). So "unsynced writes lost in any
//   subset" is any subset of the blocks of the one write in flight, and a torn write is one that ends within a block; a
//   whole file (write_all) appears or does not. A disk that calls durable what is not is disk.forgets: the newest
//   writes are undone at a power cut, in order.
// * Net is an ordered stream of whole frames (TLS): a connection loses nothing but by its end, which takes everything
//   in flight. Faults go beyond that: net.drop, net.duplicate and net.reorder happen within one connection, as over a
//   broken TLS library, and it ends within 10 s. Across connections (net.half_open) what one side thinks ended is still
//   heard by the other, after what came by the next one.
// * A machine whose disk was damaged below the last commit is started again and puts back what it lost (protocol 2.4).
//   Where it does not open, or is not whole within 30 s, the day does as people do: they rebuild the site on another
//   disk.
// * With lying_mirrors = 0 no mirror may lie, so liars among mirrors come on days of chains that bear one. f + 1 of
//   them break what is promised but for the proof of it: that is a scenario (test/scenarios/), no fault of a day.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "sim/random.h"

namespace holdfast::sim {

enum class Fault : std::uint8_t {
  disk_unsynced_lost,
  disk_torn_write,
  disk_sync_fails,
  disk_read_fails,
  disk_forgets,
  disk_misdirected_write,
  disk_bit_rot,
  disk_unreadable,
  disk_full,
  disk_slow,
  net_cut,
  net_one_way_cut,
  net_clog,
  net_delay,
  net_drop,
  net_duplicate,
  net_reorder,
  net_reset,
  net_half_open,
  machine_power_cut,
  machine_pause,
  machine_clock_jump,
  machine_old_image,
  machine_destroyed,
  machine_replaced_alive,
  machine_spare_promoted,
  keys_two_histories,
  keys_replay,
  keys_flood,
  keys_old_epoch,
  keys_size_boasted,
  keys_unstored_cosigned,
  keys_mirror_hides,
  people_retry_same_key,
  people_retry_new_key,
  people_other_body,
  people_till_slept,
  people_rebuild_twice,
  people_cut_link,
  people_seal,
  people_till_lost,
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::people_till_lost) + 1;

// On which days a fault can come at all.
enum class Days : std::uint8_t {
  all,
  with_spares,    // some store has a spare
  with_rebuilds,  // some store has none: it is rebuilt
  with_liars,     // the chain bears a lying mirror
};
struct FaultKind {
  Fault fault;
  std::string_view name;
  std::string_view what;         // a sentence for people, with its length in time
  std::uint64_t rate;            // in a thousand steps; 0: off unless asked for
  std::uint64_t steps_each = 0;  // its minimum: once in so many steps it must have fired and bitten; 0: never asked
  Days days = Days::all;
};
// Steps that were played, in steps of a busy day; by what could come on them.
struct Played {
  std::array<std::uint64_t, 4> steps{};
  void add(std::uint64_t more, Days days) { steps[static_cast<std::size_t>(days)] += more; }
  void add_all(const Played& other) {
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] += other.steps[i];
  }
  std::uint64_t on(Days days) const { return steps[static_cast<std::size_t>(days)]; }
};
const std::array<FaultKind, fault_count>& fault_kinds();
std::string_view name_of(Fault fault);

struct FaultCount {
  std::uint64_t fired = 0, bit = 0;
};

class Faults {
 public:
  Faults();  // the table's rates
  // Lines "name rate", or "all rate"; '#' begins a comment; a later line counts. What is not named keeps its rate.
  // Errors: sim/bad_faults names the line. After it nothing has changed.
  Status read(std::string_view text);
  std::string text() const;  // all rates, as read() takes them

  std::uint64_t rate(Fault fault) const { return rates_[index(fault)]; }
  void set_rate(Fault fault, std::uint64_t rate) { rates_[index(fault)] = rate; }
  bool due(Fault fault, Random& random, std::uint64_t calm = 1) const {
    return random.below(1000 * calm) < rate(fault);
  }
  // Lists "name,name": all others are off. sim/bad_faults names the one that there is not.
  Status keep_only(std::string_view names);
  std::string names_on() const;  // as keep_only() takes them

  void fired(Fault fault) { ++counts_[index(fault)].fired; }
  void bit(Fault fault) { ++counts_[index(fault)].bit; }
  const FaultCount& count(Fault fault) const { return counts_[index(fault)]; }
  void add_counts(const Faults& other);
  // Each kind that is on and of which either count is below its minimum for so many steps, a line each; empty: none.
  std::string below_minimum(const Played& played) const;

 private:
  static std::size_t index(Fault fault) { return static_cast<std::size_t>(fault); }
  std::array<std::uint64_t, fault_count> rates_{};
  std::array<FaultCount, fault_count> counts_{};
};

}  // namespace holdfast::sim
