// What the tests of damage in a simulated chain share: a shop that trades, and what its disk can lose (protocol 2.4).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/journal/format.h"
#include "core/journal/log.h"
#include "core/journal/segments.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {

enum class Harm { rot, unreadable };

struct Stored {
  std::string path;
  std::uint64_t block = 0;
  journal::RecordHeader header;
};

// The records of a journal on a machine's disk, in order; copies at the beginning of segments left out.
inline std::vector<Stored> records(const Machine& machine, const Origin& origin) {
  std::vector<Stored> out;
  std::uint64_t last = 0;
  for (const auto& [path, content] : machine.disk.files()) {
    if (!path.starts_with(journal::Log::directory(origin) + "/seg-")) continue;
    const Bytes written = content->written();
    for (std::uint64_t at = journal::block_bytes; at < written.size();) {
      const auto header = journal::decode_record_header(ByteView(written).subspan(at));
      if (header && header->number > last) {
        out.push_back({path, at / journal::block_bytes, *header});
        last = header->number;
      }
      at += header ? journal::record_extent(header->payload_bytes) : journal::block_bytes;
    }
  }
  return out;
}

inline void harm(Chain& chain, const std::string& name, const Stored& record, Harm how) {
  SimDisk& disk = chain.machine(name).disk;
  chain.disk_has_lost(name);
  if (how == Harm::unreadable) return disk.spoil_sector(record.path, record.block);
  // In the first entry's body.
  disk.files().at(record.path)->flip(record.block * journal::block_bytes + 250, std::byte{0x10});
}

// Commits of this journal, as they lie on the disk.
inline std::vector<Stored> commits(const Machine& machine, const Origin& origin) {
  std::vector<Stored> out = records(machine, origin);
  std::erase_if(out, [](const Stored& s) { return s.header.kind != journal::RecordKind::commit; });
  return out;
}

// Of what the disk has of this journal, the last commit and what is behind it.
inline void harm_end(Chain& chain, const std::string& name, const Origin& origin, Harm how) {
  const std::uint64_t last = commits(chain.machine(name), origin).back().header.number;
  for (const Stored& record : records(chain.machine(name), origin))
    if (record.header.number >= last) harm(chain, name, record, how);
}

struct Shop {
  explicit Shop(std::uint64_t seed) : chain(seed, 2) { chain.snapshot_entries = 20; }
  // Every machine runs, and so much is sold.
  void open(int sales) {
    start_all(chain);
    open_trade(chain);
    trade(sales);
  }
  void trade(int sales) {
    for (int i = 0; i < sales; ++i) {
      chain.sell(store_1, 1 + static_cast<std::uint32_t>(i % 3));
      chain.run_for(milliseconds(200));
    }
    chain.run_for(seconds(3));
  }
  bool run_until_mended(const std::string& name) {
    return chain.run_until(
        [&] {
          const Machine& m = chain.machine(name);
          return m.node && m.node->safety().damage.empty() && !m.node->progress() &&
                 m.node->counters().holes_mended > 0;
        },
        seconds(60));
  }
  std::string step() { return chain.node("store-01").progress() ? chain.node("store-01").progress()->step : ""; }
  Origin origin() const { return {chain.file().chain, store_1, 1}; }
  Chain chain;
};
// A segment of `from`'s journal in this machine's copy of another: as a person leaves it who mixes up directories. No
// mend fills that. Its path.
inline std::string put_foreign_segment(Chain& chain, const std::string& name, const Origin& copy,
                                       const SiteName& from) {
  Machine& m = chain.machine(name);
  std::string path = journal::Log::directory(copy) + "/" + journal::segment_name(99);
  const std::vector<Stored> other = commits(m, {chain.file().chain, from, 1});
  EXPECT_FALSE(other.empty());
  EXPECT_TRUE(m.disk.write_all(path, *m.disk.read_all(other.at(0).path)).has_value());
  return path;
}

// Whether an alert of this node names damage to a journal, and this.
inline bool tells_damage(Chain& chain, const std::string& name, std::string_view what) {
  return std::ranges::any_of(chain.node(name).state().guard.recent, [&](const guard::SeenAlert& seen) {
    return seen.first.alert.signature == "journal-damage" && seen.first.alert.text.find(what) != std::string::npos;
  });
}

}  // namespace holdfast::sim
