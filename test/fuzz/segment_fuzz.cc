// A journal's files, damaged: opening them gives all that was durable or says journal/damaged (protocol 2.3, 2.4).
//
// The input says which of a few journals, and edits of its files. So that what lies behind checksums and hashes is
// tried too, they may be put right after the edits: then the journal is another one, and must only be read the same
// twice.
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
enum Mend : std::uint8_t { mend_nothing, mend_checksums, mend_hashes };

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
    for (int i = 0; i < entries; ++i) log_->append(as_bytes("entry " + std::to_string(log_->size())));
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

void put_right(Bytes& file, Mend mend, Hash& before) {
  const ByteView all = file;
  put_u32(file, journal::block_bytes - 4, crc32c(all.first(journal::block_bytes - 4)));
  for (std::size_t at = journal::block_bytes; at + journal::block_bytes <= file.size(); at += journal::block_bytes) {
    if (as_text(all.subspan(at, 7)) != "HFRECRD") continue;
    const std::uint32_t bytes = u32_at(file, at + 64), count = u32_at(file, at + 12);
    if (bytes > file.size() - at - journal::record_header_bytes) continue;
    const ByteView payload = all.subspan(at + journal::record_header_bytes, bytes);
    put_u32(file, at + 68, crc32c(payload));
    if (mend == mend_hashes) {
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

}  // namespace

void fuzz_segment(ByteView in) {
  Reader reader(in);
  const Journal& whole = journals()[reader.u8() % journals().size()];
  const auto mend = static_cast<Mend>(reader.u8() % 3);
  const std::unique_ptr<journal::MemoryDisk> disk = whole.disk->copy();
  const std::vector<std::string> paths = disk->paths();
  std::set<std::pair<std::size_t, std::size_t>> blocks;  // that are touched
  while (reader.left() >= 4) {
    const std::size_t file = reader.u8() % paths.size();
    Bytes& content = disk->content(paths[file]);
    const std::size_t at = reader.u16() % (12 * journal::block_bytes);
    const auto value = static_cast<std::byte>(reader.u8());
    if (content[at] == value) continue;
    content[at] = value;
    blocks.emplace(file, at / journal::block_bytes);
  }
  Hash before{};
  if (mend != mend_nothing)
    for (const std::string& path : paths) put_right(disk->content(path), mend, before);

  const auto log = open_whole(*disk);
  if (!log) {
    HF_CHECK(log.error().code.starts_with("journal/"), "{}: {}", log.error().code, log.error().text);
    HF_CHECK(!blocks.empty() || mend != mend_nothing, "a whole journal is damaged: {}", log.error().text);
    return;
  }
  const std::uint64_t size = (*log)->size();
  std::uint64_t seen = 0;
  const Status scanned = (*log)->scan(0, size, [&](EntryIndex, ByteView) -> Status {
    ++seen;
    return {};
  });
  HF_CHECK(scanned && seen == size, "an open journal has {} of {} entries", seen, size);
  const std::string note = (*log)->last_checkpoint();
  if (!note.empty()) {
    const auto checkpoint = journal::peek_checkpoint(note);
    HF_CHECK(checkpoint && (*log)->root_at(checkpoint->size) == checkpoint->root, "a checkpoint of another tree");
  }
  if (blocks.empty() && mend == mend_nothing)
    HF_CHECK(size == whole.size, "{} entries of {} in a whole journal", size, whole.size);
  if (blocks.size() <= 1 && mend == mend_nothing) {
    HF_CHECK(size >= std::min(whole.before_last, whole.size), "one bad block takes {} of {} entries away", size,
             whole.size);
    HF_CHECK(size < whole.roots.size() && (*log)->root() == whole.roots[size], "other entries than were written");
  }
  const Hash root = (*log)->root();
  const std::uint64_t aside = (*log)->aside_count();
  const auto again = open_whole(*disk);
  HF_CHECK(again && (*again)->size() == size && (*again)->root() == root && (*again)->aside_count() == aside,
           "opened twice, a journal is not the same");
}

Seeds seeds_of_segment() {
  Seeds out;
  for (std::uint8_t journal = 0; journal < journals().size(); ++journal)
    for (const std::uint8_t mend : {mend_nothing, mend_checksums, mend_hashes}) {
      Writer w;
      w.u8(journal);
      w.u8(mend);
      for (std::uint16_t block = 0; block < 6; block += 5 - mend) {
        w.u8(0);
        w.u16(static_cast<std::uint16_t>(block * journal::block_bytes + 12));
        w.u8(static_cast<std::uint8_t>(block));
      }
      out.push_back({"journal-" + std::to_string(journal) + "-" + std::to_string(mend), w.take()});
    }
  return out;
}

}  // namespace holdfast::fuzz
