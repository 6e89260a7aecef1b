// A journal's files, damaged: opening them gives all that was durable, names what of it cannot be read, or says
// journal/damaged; what is named is put back by whoever has it (protocol 2.3, 2.4).
//
// The input says which of a few journals, edits of its files, and sectors that cannot be read. So that what lies behind
// checksums and hashes is tried too, they may be put right after the edits: then the journal is another one, and must
// only be read the same twice, or be refused. Who can forge checksums can write two branches; the segment that an
// opening makes may lead the next one to the other branch, and two are refused.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "core/chain/test_chain.h"
#include "core/journal/format.h"
#include "core/journal/log.h"
#include "core/journal/memory_disk.h"
#include "core/journal/note.h"
#include "core/journal/peek.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const Origin segment_origin{"holdfast.example/acme", SiteName("store-07"), 1};
enum class PutRight : std::uint8_t { nothing, checksums, hashes };
constexpr std::uint64_t entries_looked_at_max = 2'000;  // a forged index may promise billions, all of them lost

std::string entry_text(EntryIndex index) { return "entry " + std::to_string(index); }

struct Journal {
  std::unique_ptr<journal::MemoryDisk> disk;
  std::uint64_t size = 0;         // entries
  std::uint64_t before_last = 0;  // entries under all records but the last
  std::vector<Hash> roots;        // of each size
};

class Maker {
 public:
  Maker() : disk_(std::make_unique<journal::MemoryDisk>()) { open(); }
  Maker& open() {
    log_ = std::move(*journal::Log::open(*disk_, executor_, segment_origin));
    return *this;
  }
  Maker& commit(int entries) {
    before_last_ = log_->durable_size();
    for (int i = 0; i < entries; ++i) log_->append(as_bytes(entry_text(log_->size())));
    HF_CHECK(log_->commit().has_value(), "commit");
    return *this;
  }
  Maker& checkpoint() {
    before_last_ = log_->durable_size();
    const chain::testing::TestKey key("log");
    const auto made = journal::sign_checkpoint({segment_origin, log_->size(), log_->root()}, key.pub, key.signer());
    HF_CHECK(log_->put_checkpoint(log_->size(), journal::to_text(made.note)).has_value(), "checkpoint");
    return *this;
  }
  Maker& rewind(std::uint64_t size) {
    HF_CHECK(log_->rewind(size).has_value(), "rewind");
    before_last_ = size;
    return *this;
  }
  Journal done() {
    Journal out{nullptr, log_->size(), before_last_, {}};
    for (std::uint64_t size = 0; size <= out.size; ++size) out.roots.push_back(*log_->root_at(size));
    log_.reset();
    out.disk = std::move(disk_);
    return out;
  }

 private:
  SerialExecutor executor_;
  std::unique_ptr<journal::MemoryDisk> disk_;
  std::unique_ptr<journal::Log> log_;
  std::uint64_t before_last_ = 0;
};

const std::vector<Journal>& journals() {
  static const std::vector<Journal> all = [] {
    std::vector<Journal> out;
    out.push_back(Maker().commit(1).done());
    out.push_back(Maker().commit(2).checkpoint().commit(300).commit(1).checkpoint().commit(3).done());
    out.push_back(Maker().commit(4).checkpoint().commit(2).rewind(4).commit(1).done());
    out.push_back(Maker().commit(2).checkpoint().open().commit(1).open().commit(5).checkpoint().done());
    return out;
  }();
  return all;
}

std::uint32_t u32_at(const Bytes& file, std::size_t at) {
  std::uint32_t v;
  std::memcpy(&v, file.data() + at, sizeof v);
  return v;
}
void put_u32(Bytes& file, std::size_t at, std::uint32_t v) { std::memcpy(file.data() + at, &v, sizeof v); }

void put_right(Bytes& file, PutRight what, Hash& before) {
  const ByteView all = file;
  put_u32(file, journal::block_bytes - 4, crc32c(all.first(journal::block_bytes - 4)));
  for (std::size_t at = journal::block_bytes; at + journal::block_bytes <= file.size(); at += journal::block_bytes) {
    if (as_text(all.subspan(at, 7)) != "HFRECRD") continue;
    const std::uint32_t bytes = u32_at(file, at + 64), count = u32_at(file, at + 12);
    if (bytes > file.size() - at - journal::record_header_bytes) continue;
    const ByteView payload = all.subspan(at + journal::record_header_bytes, bytes);
    put_u32(file, at + 68, crc32c(payload));
    if (what == PutRight::hashes) {
      Hash content = sha256(payload);
      if (const auto bodies = journal::split_entries(payload, count); u32_at(file, at + 8) == 1 && bodies) {
        std::vector<Hash> leaves;
        for (const ByteView body : *bodies) leaves.push_back(leaf_hash(body));
        content = journal::content_of(leaves);
      }
      std::memcpy(file.data() + at + 72, content.data(), content.size());
      std::memcpy(file.data() + at + 104, before.data(), before.size());
    }
    put_u32(file, at + 156, crc32c(all.subspan(at, 156)));
    before = journal::record_hash(all.subspan(at, journal::record_header_bytes));
  }
}

Result<std::unique_ptr<journal::Log>> open_whole(Disk& disk) {
  SerialExecutor executor;
  HF_TRY(auto log, journal::Log::open(disk, executor, segment_origin));
  return log;
}

struct Damaged {
  const Journal& whole;
  PutRight put_right = PutRight::nothing;
  std::unique_ptr<journal::MemoryDisk> disk;
  std::set<std::pair<std::size_t, std::size_t>> blocks;  // that are touched: file, number

  bool is_touched() const { return !blocks.empty() || put_right != PutRight::nothing; }
  // Nothing but what a disk does, and that once: all that is promised holds.
  bool is_one_fault() const { return blocks.size() <= 1 && put_right == PutRight::nothing; }
};

// Each edit: a file (and 128: the block cannot be read), an offset, a byte.
Damaged damage(ByteView in) {
  Reader reader(in);
  Damaged out{journals()[reader.u8() % journals().size()], {}, {}, {}};
  out.put_right = static_cast<PutRight>(reader.u8() % 3);
  out.disk = out.whole.disk->copy();
  const std::vector<std::string> paths = out.disk->paths();
  while (reader.left() >= 4) {
    const std::uint8_t what = reader.u8();
    const std::size_t file = (what & 127) % paths.size();
    Bytes& content = out.disk->content(paths[file]);
    const std::size_t at = reader.u16() % (12 * journal::block_bytes);
    const auto value = static_cast<std::byte>(reader.u8());
    if (what < 128 && content[at] == value) continue;
    content[at] = what < 128 ? value : content[at];
    if (what >= 128) out.disk->make_unreadable(paths[file], at / journal::block_bytes);
    out.blocks.emplace(file, at / journal::block_bytes);
  }
  Hash before{};
  if (out.put_right != PutRight::nothing)
    for (const std::string& path : paths) put_right(out.disk->content(path), out.put_right, before);
  return out;
}

// What cannot be read is named, and nothing else is; what can be read is what was written. Of a forged record behind a
// hole opening sees no more than that its checksum holds: what cannot be read of it is refused when it is read.
void check_entries(const Damaged& damaged, journal::Log& log) {
  const std::vector<journal::Hole> holes = log.holes();
  for (EntryIndex i = 0; i < std::min(log.size(), entries_looked_at_max); ++i) {
    const auto body = log.read(i);
    const bool is_named = std::ranges::any_of(holes, [i](const journal::Hole& h) { return i >= h.first && i < h.end; });
    if (!is_named && !body && damaged.put_right != PutRight::nothing) {
      HF_CHECK(body.error().code == "journal/damaged", "{}", body.error().code);
      continue;
    }
    HF_CHECK(body.has_value() != is_named, "entry {} of {} is {} and {}", i, log.size(), body ? "read" : "not read",
             is_named ? "named" : "not named");
    if (body && damaged.put_right == PutRight::nothing)
      HF_CHECK(as_text(*body) == entry_text(i), "entry {} is not what was written", i);
  }
}

void check_size_and_roots(const Damaged& damaged, journal::Log& log) {
  const Journal& whole = damaged.whole;
  const std::uint64_t size = log.size();
  if (!log.has_holes() && size <= entries_looked_at_max) {
    std::uint64_t seen = 0;
    const Status scanned = log.scan(0, size, [&](EntryIndex, ByteView) -> Status {
      ++seen;
      return {};
    });
    HF_CHECK(scanned && seen == size, "a journal without a hole has {} of {} entries", seen, size);
    HF_CHECK(log.hashed_size() == size, "a journal without a hole is hashed to {} of {}", log.hashed_size(), size);
  }
  const std::string note = log.last_checkpoint();
  const std::optional<journal::Checkpoint> checkpoint = journal::peek_checkpoint(note);
  HF_CHECK(note.empty() || checkpoint, "the last checkpoint is none");
  if (checkpoint && checkpoint->size <= log.hashed_size())
    HF_CHECK(log.root_at(checkpoint->size) == checkpoint->root, "a checkpoint of another tree");
  if (!damaged.is_touched())
    HF_CHECK(size == whole.size && !log.has_holes(), "{} entries of {} in a whole journal", size, whole.size);
  if (!damaged.is_one_fault()) return;
  HF_CHECK(size >= whole.before_last && size <= whole.size, "one bad block takes {} of {} entries away", size,
           whole.size);
  HF_CHECK(log.root_at(log.hashed_size()) == whole.roots[log.hashed_size()], "other entries than were written");
}

// What a round of the scrub finds in a journal that was just opened is what opening has found.
void check_scrub(const Damaged& damaged, journal::Log& log) {
  const std::vector<journal::Hole> holes = log.holes();
  for (bool is_done = false; !is_done;) {
    const auto scrubbed = log.scrub(1u << 20);
    if (!scrubbed) {
      HF_CHECK(scrubbed.error().code == "journal/damaged" && damaged.put_right != PutRight::nothing, "{}: {}",
               scrubbed.error().code, scrubbed.error().text);
      return;
    }
    is_done = scrubbed->is_round_done;
  }
  HF_CHECK(log.holes() == holes, "opening has found {} holes, a scrub {}", holes.size(), log.holes().size());
}

// From somebody who has what was written. With one block lost, all comes back that a signed root or the record's own
// header proves; and what was not there never does.
void check_mends(const Damaged& damaged, journal::Log& log) {
  for (int i = 0; i < 20 && (log.has_holes() || log.hashed_size() < log.size()); ++i) {
    std::vector<journal::Piece> pieces;
    for (const journal::Hole& hole : log.wanted()) {
      if (hole.end - hole.first > entries_looked_at_max) return;
      pieces.push_back({hole.first, {}});
      for (EntryIndex at = hole.first; at < hole.end; ++at)
        pieces.back().entries.push_back(to_bytes(as_bytes(entry_text(at))));
    }
    const Status done = pieces.empty() ? Status() : log.mend(pieces);
    HF_CHECK(done || (!damaged.is_one_fault() && done.error().code.starts_with("journal/")), "{}: {}",
             done.error().code, done.error().text);
    if (!done) return;
    if (!pieces.empty()) continue;
    const auto hashed = log.hash_on(1u << 20);
    HF_CHECK(hashed || (!damaged.is_one_fault() && hashed.error().code == "journal/damaged"), "{}",
             hashed.error().text);
    if (!hashed || log.has_holes()) break;
  }
  check_entries(damaged, log);
  if (!damaged.is_one_fault()) return;
  const std::string note = log.last_checkpoint();
  const std::uint64_t signed_size = note.empty() ? 0 : journal::peek_checkpoint(note)->size;
  for (const journal::Hole& hole : log.holes())
    HF_CHECK(hole.end > signed_size, "entries {} to {} do not come back, and {} are signed", hole.first, hole.end,
             signed_size);
  if (!log.has_holes())
    HF_CHECK(log.hashed_size() == log.size() && log.root() == damaged.whole.roots[log.size()],
             "a journal that is mended has another root");
}

}  // namespace

void fuzz_segment(ByteView in) {
  const Damaged damaged = damage(in);
  const auto log = open_whole(*damaged.disk);
  if (!log) {
    HF_CHECK(log.error().code.starts_with("journal/"), "{}: {}", log.error().code, log.error().text);
    HF_CHECK(damaged.is_touched(), "a whole journal is damaged: {}", log.error().text);
    return;
  }
  check_entries(damaged, **log);
  check_size_and_roots(damaged, **log);
  {
    const auto again = open_whole(*damaged.disk);
    if (!again && damaged.put_right != PutRight::nothing) {
      HF_CHECK(again.error().code == "journal/damaged", "{}: {}", again.error().code, again.error().text);
      return;
    }
    HF_CHECK(again && (*again)->size() == (*log)->size() && (*again)->holes() == (*log)->holes() &&
                 (*again)->hashed_size() == (*log)->hashed_size() && (*again)->root() == (*log)->root() &&
                 (*again)->aside_count() == (*log)->aside_count() && (*again)->lost_aside() == (*log)->lost_aside(),
             "opened twice, a journal is not the same");
    check_scrub(damaged, **again);
    check_mends(damaged, **again);
  }
  const auto mended = open_whole(*damaged.disk);
  // A forged record that a hole hid is looked at now, and refused.
  HF_CHECK(mended || damaged.put_right != PutRight::nothing, "after it was mended a journal cannot be opened: {}",
           mended.error().text);
  if (mended) check_entries(damaged, **mended);
}

Seeds seeds_of_segment() {
  Seeds out;
  for (std::uint8_t journal = 0; journal < journals().size(); ++journal)
    for (std::uint8_t put_right = 0; put_right < 3; ++put_right) {
      Writer w;
      w.u8(journal);
      w.u8(put_right);
      for (std::uint16_t block = 0; block < 6; block += 5 - put_right) {
        w.u8(0);
        w.u16(static_cast<std::uint16_t>(block * journal::block_bytes + 12));
        w.u8(static_cast<std::uint8_t>(block));
      }
      out.push_back({"journal-" + std::to_string(journal) + "-" + std::to_string(put_right), w.take()});
    }
  // One block each of the journal with most records: rotten, in its header or behind it, or not to be read.
  for (std::uint16_t block = 0; block < 9; ++block)
    for (const auto& [kind, file, at] : {std::tuple("header", 0, 20), {"payload", 0, 190}, {"unreadable", 128, 0}}) {
      Writer w;
      w.u8(1);
      w.u8(0);
      w.u8(static_cast<std::uint8_t>(file));
      w.u16(static_cast<std::uint16_t>(block * journal::block_bytes + at));
      w.u8(0xA5);
      out.push_back({fmt::format("{}-of-block-{}", kind, block), w.take()});
    }
  return out;
}

}  // namespace holdfast::fuzz
