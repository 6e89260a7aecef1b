#include "sim/faults.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/disk.h"

namespace holdfast::sim {
namespace {

TEST(Faults, are_read_as_they_are_written) {
  Faults faults;
  ASSERT_TRUE(faults.read("all 0\n# only this one\nnet.cut 30  # often\n").has_value());
  EXPECT_EQ(faults.rate(Fault::net_cut), 30u);
  EXPECT_EQ(faults.rate(Fault::disk_full), 0u);
  Faults again;
  ASSERT_TRUE(again.read(faults.text()).has_value());
  EXPECT_EQ(again.text(), faults.text());
}

TEST(Faults, a_line_that_is_not_understood_is_named_and_changes_nothing) {
  for (const char* text : {"net.cut", "net.cut x", "net.cut 1001", "net.rain 3", "net.cut 3\ndisk.full -1"}) {
    Faults faults;
    const std::string before = faults.text();
    const Status read = faults.read(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, "sim/bad_faults");
    EXPECT_EQ(faults.text(), before);
  }
}

TEST(Faults, one_that_fires_or_bites_less_than_its_minimum_is_named) {
  Faults faults;
  ASSERT_TRUE(faults.read("all 0\nnet.cut 10\n").has_value());
  const auto after = [&](std::uint64_t steps) {
    Played played;
    played.add(steps, Days::all);
    return faults.below_minimum(played);
  };
  EXPECT_EQ(after(100), "") << "too short to say";
  EXPECT_NE(after(3000), "");
  faults.fired(Fault::net_cut);
  EXPECT_NE(after(3000), "") << "it fired, and changed nothing";
  faults.bit(Fault::net_cut);
  EXPECT_EQ(after(3000), "");
  EXPECT_NE(after(6000).find("net.cut"), std::string::npos) << "twice is the least in twice the time";
}

TEST(Faults, that_need_a_spare_or_a_liar_are_asked_for_on_such_days_only) {
  Faults faults;
  ASSERT_TRUE(faults.read("all 0\nmachine.spare_promoted 10\nkeys.mirror_hides 10\n").has_value());
  Played played;
  played.add(1'000'000, Days::all);
  EXPECT_EQ(faults.below_minimum(played), "");
  played.add(1'000'000, Days::with_spares);
  EXPECT_NE(faults.below_minimum(played).find("machine.spare_promoted"), std::string::npos);
  EXPECT_EQ(faults.below_minimum(played).find("keys.mirror_hides"), std::string::npos);
}

TEST(Faults, each_has_a_name_of_its_own_a_sentence_and_a_minimum) {
  std::set<std::string_view> names;
  for (const FaultKind& kind : fault_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_GT(kind.what.size(), 10u) << kind.name;
    EXPECT_GT(kind.steps_each, 0u) << kind.name;
    EXPECT_GT(kind.rate, 0u) << kind.name;
  }
}

struct WrittenDisk {
  SimDisk disk{Random(3)};
  Faults faults;
  std::unique_ptr<File> file;
  WrittenDisk() {
    disk.faults = &faults;
    file = *disk.create("journals/store-01/1/seg-00000000.hfj", 8 * 4096);
    EXPECT_TRUE(write(0, 1) && write(1, 2) && write(2, 3));
  }
  bool write(std::uint64_t block, int value) {
    return file->write_durable(block * 4096, Bytes(4096, static_cast<std::byte>(value))).has_value();
  }
  int read(std::uint64_t block) {
    Bytes out(4096);
    return file->read(block * 4096, out) ? std::to_integer<int>(out[9]) : -1;
  }
};

TEST(SimDisk, an_image_and_its_disk_do_not_see_what_the_other_is_written) {
  WrittenDisk d;
  SimDisk image = d.disk;
  EXPECT_TRUE(d.write(0, 7));
  const std::unique_ptr<File> file = std::move(*image.open("journals/store-01/1/seg-00000000.hfj"));
  Bytes block(4096);
  ASSERT_TRUE(file->read(0, block).has_value());
  EXPECT_EQ(std::to_integer<int>(block[9]), 1);
  ASSERT_TRUE(file->write_durable(4096, Bytes(4096, std::byte{8})).has_value());
  EXPECT_EQ(d.read(0), 7);
  EXPECT_EQ(d.read(1), 2);
}

TEST(SimDisk, a_failing_write_ends_nothing_else) {
  WrittenDisk d;
  d.disk.fail_next_sync();
  EXPECT_FALSE(d.write(3, 4));
  EXPECT_TRUE(d.write(4, 5));
  EXPECT_EQ(d.read(4), 5);
  EXPECT_EQ(d.faults.count(Fault::disk_sync_fails).fired, 1u);
}

TEST(SimDisk, a_misdirected_write_is_called_done_and_stands_elsewhere) {
  WrittenDisk d;
  d.disk.misdirect_next_write();
  EXPECT_TRUE(d.write(3, 4));
  EXPECT_EQ(d.read(3), 0);
  EXPECT_TRUE(d.read(0) == 4 || d.read(1) == 4 || d.read(2) == 4);
  EXPECT_TRUE(d.disk.was_misdirected());
}

TEST(SimDisk, a_power_cut_leaves_any_blocks_of_its_write_and_a_torn_one_ends_within_a_block) {
  std::set<std::string> seen;
  for (const Fault how : {Fault::disk_unsynced_lost, Fault::disk_torn_write}) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      SimDisk disk{Random(seed)};
      Faults faults;
      disk.faults = &faults;
      auto file = *disk.create("f", 3 * 4096);
      disk.crash_after(0, how);
      EXPECT_FALSE(file->write_durable(0, Bytes(3 * 4096, std::byte{1})).has_value());
      EXPECT_EQ(faults.count(how).bit, 1u);
      disk.reboot();
      std::string sectors;
      const Bytes there = disk.files().at("f")->range(0, 3 * 4096);
      for (std::size_t at = 0; at < there.size(); at += 512) sectors += there[at] == std::byte{1} ? '1' : '0';
      seen.insert(sectors);
      if (how == Fault::disk_torn_write) {
        const std::size_t torn = sectors.find('0') / 8 * 8;  // the block
        EXPECT_NE(sectors.substr(torn, 8).find('1'), std::string::npos) << sectors << ": it is within a block";
        EXPECT_EQ(sectors.find('1', torn + 8), std::string::npos) << sectors << ": nothing stands behind it";
      } else {
        for (std::size_t block = 0; block < 3; ++block)
          EXPECT_TRUE(sectors.substr(block * 8, 8) == "00000000" || sectors.substr(block * 8, 8) == "11111111");
      }
    }
  }
  EXPECT_TRUE(seen.contains("000000001111111100000000")) << "a subset that is no beginning";
  EXPECT_GT(seen.size(), 20u);
}

TEST(SimDisk, forgets_the_newest_writes_in_order) {
  WrittenDisk d;
  ASSERT_TRUE(d.disk.write_all("posture", as_bytes("sealed")).has_value());
  EXPECT_TRUE(d.disk.forget(2));
  EXPECT_FALSE(d.disk.read_all("posture").has_value());
  EXPECT_EQ(d.read(2), 0);
  EXPECT_EQ(d.read(1), 2);
}

TEST(SimDisk, a_bit_rots_where_something_is_written_and_a_sector_is_lost_for_good) {
  WrittenDisk d;
  EXPECT_TRUE(d.disk.rot());
  int changed = 0;
  for (std::uint64_t block = 0; block < 3; ++block) {
    Bytes out(4096);
    ASSERT_TRUE(d.file->read(block * 4096, out).has_value());
    for (const std::byte b : out) changed += b != static_cast<std::byte>(block + 1);
  }
  EXPECT_EQ(changed, 1);
  EXPECT_TRUE(d.disk.spoil_sector());
  d.disk.reboot();
  EXPECT_TRUE(d.read(0) < 0 || d.read(1) < 0 || d.read(2) < 0);
  EXPECT_EQ(d.faults.count(Fault::disk_unreadable).bit, 1u);
}

}  // namespace
}  // namespace holdfast::sim
