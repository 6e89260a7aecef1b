// The journal against a model: random commands, stopped at random moments, must leave what was acknowledged and at most
// the one record that was being written. And: no flipped bit goes unnoticed.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/journal/format.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::journal {
namespace {

struct Model {
  std::vector<std::string> entries;
  std::vector<std::pair<EntryIndex, std::string>> aside;
  std::map<std::uint64_t, std::string> checkpoints;
  std::uint64_t largest() const { return checkpoints.empty() ? 0 : checkpoints.rbegin()->first; }
  bool operator==(const Model&) const = default;
};

Model model_of(Log& log) {
  Model out;
  auto entries = content(log);
  RC_ASSERT(entries.has_value());
  out.entries = *entries;
  out.aside = aside(log);
  for (auto size = log.next_checkpoint_size(0); size; size = log.next_checkpoint_size(*size))
    out.checkpoints[*size] = log.checkpoint_at_most(*size);
  return out;
}

class Machine {
 public:
  explicit Machine(std::uint64_t seed) : disk_(seed) {}

  // One random command, carried out on log and model alike. False: the machine stopped in it.
  bool step() {
    before_ = durable_;
    const int what = *rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {1, 2}, {1, 3}});
    if (what == 1) return checkpoint();
    if (what == 2) return rewind();
    if (what == 3) return reopen();
    return commit();
  }
  void maybe_stop_soon() {
    if (*rc::gen::inRange(0, 4) != 0) return;
    disk_.stop_at(*rc::gen::inRange<std::uint64_t>(1, 6), *rc::gen::element(Left::nothing, Left::torn, Left::all));
  }
  // Starts again and compares with the model: before or after the command that was cut short.
  void start_and_compare() {
    disk_.restart();
    log_.reset();
    auto log = Log::open(disk_, executor_, test_origin(), mark_);
    if (!log) RC_FAIL(log.error().text);
    log_ = std::move(*log);
    const Model found = model_of(*log_);
    RC_ASSERT(found == before_ || found == durable_);
    durable_ = found;
    RC_ASSERT(log_->root() == root_of(found.entries));
    RC_ASSERT(log_->aside_count() == found.aside.size());
  }

 private:
  bool commit() {
    const int count = *rc::gen::inRange(0, 12);
    for (int i = 0; i < count; ++i) {
      const std::size_t size =
          *rc::gen::weightedOneOf<std::size_t>({{8, rc::gen::inRange<std::size_t>(0, 300)},
                                                {2, rc::gen::inRange<std::size_t>(3900, 4200)},
                                                {1, rc::gen::inRange<std::size_t>(60'000, entry_bytes_max + 1)}});
      const std::string entry(size, static_cast<char>('a' + i));
      log_->append(as_bytes(entry));
      durable_.entries.push_back(entry);
    }
    return log_->commit().has_value();
  }
  bool checkpoint() {
    const auto size = *rc::gen::inRange<std::uint64_t>(durable_.largest(), durable_.entries.size() + 1);
    if (size == 0) return true;
    const std::string note = signed_note(*log_, size);
    durable_.checkpoints[size] = note;
    return log_->put_checkpoint(size, note).has_value();
  }
  bool rewind() {
    const auto size = *rc::gen::inRange<std::uint64_t>(durable_.largest(), durable_.entries.size() + 1);
    for (std::uint64_t i = size; i < durable_.entries.size(); ++i) durable_.aside.emplace_back(i, durable_.entries[i]);
    durable_.entries.resize(size);
    return log_->rewind(size).has_value();
  }
  bool reopen() {
    if (*rc::gen::arbitrary<bool>()) mark_ = log_->mark();
    log_.reset();
    auto log = Log::open(disk_, executor_, test_origin(), mark_);
    if (!log) return false;
    log_ = std::move(*log);
    RC_ASSERT(model_of(*log_) == durable_);
    return true;
  }

  MemoryDisk disk_;
  SerialExecutor executor_;
  std::unique_ptr<Log> log_;
  std::optional<LogMark> mark_;
  Model before_, durable_;
};

RC_GTEST_PROP(LogProperty, after_any_commands_and_crashes_the_journal_is_what_was_acknowledged, ()) {
  Machine machine(*rc::gen::inRange<std::uint64_t>(1, 1'000'000));
  machine.start_and_compare();
  const int starts = *rc::gen::inRange(1, 5);
  for (int start = 0; start < starts; ++start) {
    const int steps = *rc::gen::inRange(0, 15);
    for (int i = 0; i < steps; ++i) {
      machine.maybe_stop_soon();
      if (!machine.step()) break;
    }
    machine.start_and_compare();
  }
}

// SQLite's way: the 1st, the 2nd, … the Nth change fails, until the body passes unharmed.
TEST(LogFault, every_single_change_may_be_the_last_one) {
  for (const Left left : {Left::nothing, Left::torn, Left::all}) {
    bool has_passed = false;
    for (std::uint64_t nth = 1; !has_passed; ++nth) {
      ASSERT_LT(nth, 200u);
      MemoryDisk disk(nth);
      SerialExecutor executor;
      disk.stop_at(nth, left);
      std::size_t acknowledged = 0;
      const auto body = [&]() -> Status {
        for (int start = 0; start < 4; ++start) {
          HF_TRY(auto log, Log::open(disk, executor, test_origin()));
          for (int i = 0; i < 3; ++i) {
            log->append(as_bytes(std::string(50'000, 'x')));
            log->append(as_bytes(std::to_string(acknowledged + 1)));
            HF_TRY_VOID(log->commit());
            acknowledged += 2;
            HF_TRY_VOID(log->put_checkpoint(log->size(), signed_note(*log, log->size())));
          }
        }
        return {};
      };
      has_passed = body().has_value();
      disk.restart();
      auto log = Log::open(disk, executor, test_origin());
      ASSERT_TRUE(log.has_value()) << "change " << nth << ": " << log.error().text;
      EXPECT_GE((*log)->size(), acknowledged) << "change " << nth;
      EXPECT_LE((*log)->size(), acknowledged + 2) << "change " << nth;
      const auto entries = content(**log);
      for (std::size_t i = 1; i < entries->size(); i += 2) EXPECT_EQ((*entries)[i], std::to_string(i));
    }
  }
}

// Someone who can write to the disk can make every checksum right. What he writes is refused, or is a journal; it never
// stops the program and never takes memory by a number that it names.
RC_GTEST_PROP(LogHostile, lies_with_right_checksums_are_refused_or_read, ()) {
  MemoryDisk disk;
  SerialExecutor executor;
  const std::string path = Log::directory(test_origin()) + "/" + segment_name(0);
  {
    auto log = std::move(*Log::open(disk, executor, test_origin()));
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j <= i; ++j) log->append(as_bytes("entry"));
      RC_ASSERT(log->commit().has_value());
    }
    RC_ASSERT(log->put_checkpoint(3, signed_note(*log, 3)).has_value());
    RC_ASSERT(log->rewind(4).has_value());
  }
  Bytes& file = disk.content(path);
  const std::size_t at = block_bytes * (1 + *rc::gen::inRange<std::size_t>(0, 5));
  const auto bytes = std::span(file).subspan(at, block_bytes);
  RecordHeader header = *decode_record_header(bytes);
  const auto number = *rc::gen::element<std::uint64_t>(0, 1, 2, 3, 4, 5, 6, 0x7fffffff, 0xffffffff, ~0ull, ~0ull - 1);
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      header.kind = static_cast<RecordKind>(1 + number % 3);
      break;
    case 1:
      header.count = static_cast<std::uint32_t>(number);
      break;
    case 2:
      header.number = number;
      break;
    case 3:
      header.first = number;
      break;
    case 4:
      header.payload_bytes = static_cast<std::uint32_t>(number);
      break;
    default:
      bytes[record_header_bytes + number % 64] ^= std::byte{0xff};
  }
  if (header.payload_bytes <= file.size() - at - record_header_bytes)
    header.payload_crc = crc32c(ByteView(file).subspan(at + record_header_bytes, header.payload_bytes));
  encode_record_header(header, bytes.first(record_header_bytes));
  auto log = Log::open(disk, executor, test_origin());
  if (!log) {
    RC_ASSERT(log.error().code == "journal/damaged");
    return;
  }
  (void)content(**log);
  (void)(*log)->scan_aside([](EntryIndex, ByteView) -> Status { return {}; });
}

// A journal of random records whose end has a copy, and what it must hold.
struct Written {
  MemoryDisk disk;
  std::vector<std::string> entries;
  bool has_rewound = false;
  std::optional<LogMark> mark;  // as a snapshot has it: of a signed size
};
void write_at_random(Written& out, Executor& executor) {
  const auto open = [&] { return std::move(*Log::open(out.disk, executor, test_origin())); };
  auto log = open();
  std::vector<std::uint64_t> borders = {0};
  std::uint64_t signed_size = 0;
  const auto commit = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto size =
          *rc::gen::weightedOneOf<std::size_t>({{6, rc::gen::inRange<std::size_t>(0, 300)},
                                                {2, rc::gen::inRange<std::size_t>(3'900, 9'000)},
                                                {1, rc::gen::inRange<std::size_t>(60'000, entry_bytes_max - 20)}});
      out.entries.push_back(std::to_string(out.entries.size()) + ":" + std::string(size, 'x'));
      log->append(as_bytes(out.entries.back()));
    }
    RC_ASSERT(log->commit().has_value());
    borders.push_back(out.entries.size());
  };
  const auto sign = [&] {
    signed_size = out.entries.size();
    RC_ASSERT(log->put_checkpoint(signed_size, signed_note(*log, signed_size)).has_value());
  };
  for (int steps = *rc::gen::inRange(3, 30); steps > 0; --steps) {
    const int what = *rc::gen::weightedElement<int>({{8, 0}, {3, 1}, {1, 2}, {1, 3}});
    if (what == 0) commit(*rc::gen::inRange(1, 6));
    if (what == 1 && !out.entries.empty()) {
      sign();
      if (*rc::gen::arbitrary<bool>()) out.mark = log->mark();
    }
    if (what == 2 && borders.size() > 1 && borders[borders.size() - 2] >= signed_size) {
      borders.pop_back();
      RC_ASSERT(log->rewind(borders.back()).has_value());
      out.entries.resize(borders.back());
      out.has_rewound = true;
    }
    if (what == 3) log = open();
  }
  commit(1);
  sign();
  log = open();
}

// Some blocks of all segments but the last, each in one of the ways in which disks lose them; or the end of one file.
void lose_blocks(Written& written) {
  std::vector<std::pair<std::string, std::uint64_t>> used;
  const std::vector<std::string> paths = written.disk.paths();
  for (std::size_t i = 0; i + 1 < paths.size(); ++i) {
    const Bytes& bytes = written.disk.content(paths[i]);
    for (std::uint64_t block = 0; (block + 1) * block_bytes <= bytes.size(); ++block)
      if (std::ranges::any_of(std::span(bytes).subspan(block * block_bytes, block_bytes),
                              [](std::byte b) { return b != std::byte{0}; }))
        used.emplace_back(paths[i], block);
  }
  // Or one of these files has become shorter.
  if (!written.has_rewound && *rc::gen::inRange(0, 4) == 0) {
    const auto& [path, block] = used[*rc::gen::inRange<std::size_t>(0, used.size())];
    written.disk.content(path).resize(block * block_bytes);
    return;
  }
  // Where entries were taken back and written anew, one record at a time: of several, nobody can always tell.
  const int count = written.has_rewound ? 1 : *rc::gen::inRange(1, 7);
  for (int i = 0; i < count; ++i) {
    const auto& [path, block] = used[*rc::gen::inRange<std::size_t>(0, used.size())];
    Bytes& bytes = written.disk.content(path);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        bytes[block * block_bytes + *rc::gen::inRange<std::size_t>(0, block_bytes)] ^= std::byte{0x40};
        break;
      case 1:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(block * block_bytes), block_bytes, std::byte{0});
        break;
      default:
        written.disk.make_unreadable(path, block);
    }
  }
}

// As a machine does it, from somebody who has everything.
void mend_from(const std::vector<std::string>& entries, Log& log) {
  for (int i = 0; i < 200 && (log.has_holes() || log.hashed_size() < log.size()); ++i) {
    std::vector<Piece> pieces;
    for (const Hole& hole : log.wanted()) {
      RC_ASSERT(hole.end <= entries.size());
      pieces.push_back({hole.first, {}});
      for (EntryIndex at = hole.first; at < hole.end; ++at)
        pieces.back().entries.push_back(to_bytes(as_bytes(entries[at])));
    }
    const Status done = pieces.empty() ? Status() : log.mend(pieces);
    if (!done) RC_FAIL(done.error().text);
    if (pieces.empty()) RC_ASSERT(log.hash_on(1u << 20).has_value());
  }
}

RC_GTEST_PROP(LogRepairProperty, whatever_blocks_are_lost_they_are_named_and_all_of_it_comes_back, ()) {
  Written written;
  SerialExecutor executor;
  write_at_random(written, executor);
  const bool is_open = *rc::gen::arbitrary<bool>();  // while it happens, and found by the scrub; else at a start
  auto log = is_open ? std::move(*Log::open(written.disk, executor, test_origin())) : nullptr;
  lose_blocks(written);
  for (bool is_done = !is_open; !is_done;) {
    const auto scrubbed = log->scrub(100'000);
    if (!scrubbed) RC_FAIL(scrubbed.error().text);
    is_done = scrubbed->is_round_done;
  }
  if (!is_open) {
    auto opened = Log::open(written.disk, executor, test_origin(), written.mark);
    if (!opened && written.mark) opened = Log::open(written.disk, executor, test_origin());  // its record is lost
    if (!opened) RC_FAIL(opened.error().text);
    log = std::move(*opened);
  }
  RC_ASSERT(log->size() == written.entries.size());
  const std::vector<Hole> holes = log->holes();
  for (EntryIndex i = 0; i < log->size(); ++i) {
    const auto body = log->read(i);
    const bool is_named = std::ranges::any_of(holes, [i](const Hole& h) { return i >= h.first && i < h.end; });
    RC_ASSERT(body.has_value() != is_named);
    if (body) RC_ASSERT(as_text(*body) == written.entries[i]);
  }
  mend_from(written.entries, *log);
  for (int start = 0; start < 2; ++start) {
    RC_ASSERT(!log->has_holes());
    RC_ASSERT(*content(*log) == written.entries);
    RC_ASSERT(log->root() == root_of(written.entries));
    log = std::move(*Log::open(written.disk, executor, test_origin()));
  }
}

// A journal over four segments, with every kind of record.
class BitFlip : public testing::Test {
 protected:
  void SetUp() override {
    for (int start = 0; start < 3; ++start) {
      auto log = std::move(*Log::open(disk_, executor_, test_origin()));
      for (int i = 0; i < 4; ++i) {
        for (int j = 0; j <= i; ++j)
          log->append(as_bytes("entry " + std::to_string(start) + std::to_string(i * 10 + j)));
        ASSERT_TRUE(log->commit().has_value());
        Status more;
        if (i == 1) more = log->put_checkpoint(log->size(), signed_note(*log, log->size()));
        if (i == 2) more = log->rewind(log->size() - 1);
        ASSERT_TRUE(more.has_value());
      }
    }
    auto log = std::move(*Log::open(disk_, executor_, test_origin()));
    expected_ = *content(*log);
    aside_ = aside(*log);
    disk_ = std::move(*disk_.copy());
  }
  // True if the flip was found or changed nothing that can be seen.
  bool is_found_or_harmless(const std::string& path, std::uint64_t bit) {
    auto disk = disk_.copy();
    disk->flip_bit(path, bit);
    auto log = Log::open(*disk, executor_, test_origin());
    if (!log) return log.error().code == "journal/damaged" || log.error().code == "journal/wrong_origin";
    if ((*log)->has_holes() || (*log)->lost_aside() > 0) {  // named, and all that can be read is right
      bool is_right = (*log)->size() <= expected_.size();
      for (EntryIndex i = 0; is_right && i < (*log)->size(); ++i)
        if (const auto body = (*log)->read(i)) is_right = as_text(*body) == expected_[i];
      return is_right;
    }
    return *content(**log) == expected_ && aside(**log) == aside_ && (*log)->root() == root_of(expected_);
  }

  MemoryDisk disk_;
  SerialExecutor executor_;
  std::vector<std::string> expected_;
  std::vector<std::pair<EntryIndex, std::string>> aside_;
};

// There is one thread, so tsan has nothing to find here; a hundred times slower than without it, it takes a few bits.
#ifdef __SANITIZE_THREAD__
constexpr std::uint64_t sparser = 101;
#else
constexpr std::uint64_t sparser = 1;
#endif

TEST_F(BitFlip, of_any_bit_is_found_or_harmless) {
  std::size_t checked = 0;
  for (const std::string& path : disk_.paths()) {
    const Bytes& bytes = disk_.content(path);
    // Every bit of every header, every 7th bit of what else is not zero, and some zeros. The last record has a copy.
    for (std::uint64_t bit = 0; bit < bytes.size() * 8;) {
      const std::uint64_t in_block = bit / 8 % block_bytes;
      const bool is_used = bytes[bit / 8] != std::byte{0};
      ASSERT_TRUE(is_found_or_harmless(path, bit)) << path << " bit " << bit;
      ++checked;
      const std::uint64_t step = is_used && in_block < record_header_bytes ? 1
                                 : is_used                                 ? 7
                                 : bit < 20 * block_bytes * 8              ? 613
                                                                           : 100'003;
      bit += sparser * step;
    }
  }
  EXPECT_GT(checked, 2'000u / sparser);
}

}  // namespace
}  // namespace holdfast::journal
