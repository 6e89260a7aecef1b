#include "core/journal/tiles.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/journal/note.h"

namespace holdfast::journal {
namespace {

constexpr std::string_view bad_tiles = "journal/bad_tiles";
constexpr std::uint64_t tiles_a_commit = 8;

ByteView bytes_of(std::span<const Hash> hashes) {
  return {reinterpret_cast<const std::byte*>(hashes.data()), hashes.size_bytes()};
}

// Number of hashes that tiles of `level` hold for a tree of `size`.
std::uint64_t hashes_at(unsigned level, std::uint64_t size) { return level < 8 ? size >> (8 * level) : 0; }

std::string in(std::string_view directory, const std::string& path) { return std::string(directory) + "/" + path; }

class Exporter {
 public:
  Exporter(Log& log, Disk& disk, std::string_view into) : log_(log), disk_(disk), into_(into), tree_(log.mark().tree) {}
  Result<ExportResult> run(std::string_view note);

 private:
  Status find_earlier();
  Status write_leaf_tiles(const Checkpoint& checkpoint);
  Status write_leaf_tile(std::uint64_t n, std::uint64_t width, Tree& checked);
  Status write_upper_tiles();
  Status write(const std::string& path, ByteView bytes) {
    ++result_.files;
    return disk_.write_all(in(into_, path), bytes);
  }

  Log& log_;
  Disk& disk_;
  std::string_view into_;
  Tree tree_;
  std::uint64_t earlier_size_ = 0;  // of the export that is there already
  ExportResult result_;
};

Result<ExportResult> Exporter::run(std::string_view text) {
  if (text.empty())
    return fail("journal/no_checkpoint",
                fmt::format("{} has no signed checkpoint yet; a node signs one when its mirrors have "
                            "answered after the start",
                            log_.origin().text()));
  HF_TRY(const Note note, parse_note(text));
  HF_TRY(const Checkpoint checkpoint, parse_checkpoint(note.text));
  if (checkpoint.origin != log_.origin() || checkpoint.size > log_.durable_size())
    return fail("journal/bad_note",
                fmt::format("the note is a checkpoint of {} at {}; this journal is {} with {} entries",
                            checkpoint.origin.text(), checkpoint.size, log_.origin().text(), log_.durable_size()));
  result_.size = checkpoint.size;
  HF_TRY_VOID(find_earlier());
  HF_TRY_VOID(write_leaf_tiles(checkpoint));
  HF_TRY_VOID(write_upper_tiles());
  HF_TRY_VOID(write("checkpoint", as_bytes(text)));
  return result_;
}

Status Exporter::find_earlier() {
  const auto text = disk_.read_all(in(into_, "checkpoint"));
  if (!text && text.error().code == "base/not_found") return {};
  if (!text) return pass_on(text.error());
  const auto note = parse_note(as_text(*text));
  const auto earlier = note ? parse_checkpoint(note->text) : pass_on(note.error());
  if (!earlier || earlier->origin != log_.origin())
    return fail(bad_tiles, fmt::format("{} holds something else than an export of {}; choose an empty directory", into_,
                                       log_.origin().text()));
  if (earlier->size > result_.size)
    return fail(bad_tiles, fmt::format("{} holds {} entries already, more than the {} to export", into_, earlier->size,
                                       result_.size));
  HF_TRY(const Hash root, log_.root_at(earlier->size));
  if (root != earlier->root)
    return fail(bad_tiles,
                fmt::format("{} holds another history of {}: its root at {} differs; keep it as evidence and "
                            "export into an empty directory",
                            into_, log_.origin().text(), earlier->size));
  earlier_size_ = earlier->size;
  return {};
}

Status Exporter::write_leaf_tiles(const Checkpoint& checkpoint) {
  const std::uint64_t first_tile = earlier_size_ / tile_width;
  Tree checked = tree_;
  HF_TRY_VOID(checked.truncate(first_tile * tile_width, [](std::uint64_t, std::span<Hash>) -> Status {
    return {};  // on a border of tiles: none is asked for
  }));
  for (std::uint64_t n = first_tile; n * tile_width < checkpoint.size; ++n)
    HF_TRY_VOID(write_leaf_tile(n, std::min(tile_width, checkpoint.size - n * tile_width), checked));
  if (checked.root() != checkpoint.root)
    return fail("journal/bad_note", fmt::format("the note signs a root that {} does not have at {}",
                                                checkpoint.origin.text(), checkpoint.size));
  return {};
}

Status Exporter::write_leaf_tile(std::uint64_t n, std::uint64_t width, Tree& checked) {
  std::vector<Hash> leaves;
  Bytes bundle;
  HF_TRY_VOID(log_.scan(n * tile_width, n * tile_width + width, [&](EntryIndex, ByteView body) -> Status {
    leaves.push_back(leaf_hash(body));
    checked.append(leaves.back());
    bundle.push_back(static_cast<std::byte>(body.size() >> 8));
    bundle.push_back(static_cast<std::byte>(body.size() & 0xff));
    bundle.insert(bundle.end(), body.begin(), body.end());
    return {};
  }));
  HF_TRY_VOID(write(tile_path(std::nullopt, n, width), bundle));
  return write(tile_path(0, n, width), bytes_of(leaves));
}

Status Exporter::write_upper_tiles() {
  for (unsigned level = 1; hashes_at(level, result_.size) > 0; ++level) {
    const std::uint64_t count = hashes_at(level, result_.size);
    const std::span<const Hash> hashes = std::span(tree_.full_roots(level - 1)).first(count);
    const std::uint64_t first_tile = hashes_at(level, earlier_size_) / tile_width;
    for (std::uint64_t n = first_tile; n * tile_width < count; ++n) {
      const std::uint64_t width = std::min(tile_width, count - n * tile_width);
      HF_TRY_VOID(write(tile_path(level, n, width), bytes_of(hashes.subspan(n * tile_width, width))));
    }
  }
  return {};
}

class Importer {
 public:
  Importer(Log& log, Disk& disk, std::string_view from) : log_(log), disk_(disk), from_(from) {}
  Result<std::uint64_t> run();

 private:
  Result<Bytes> read_tile(std::optional<unsigned> level, std::uint64_t n, std::uint64_t width);
  Result<std::vector<Bytes>> read_bundle(std::uint64_t n);
  Status check_leaves();
  Status check_upper_tiles();
  Status take_in();
  std::unexpected<Error> is_another_beginning() const {
    return fail(bad_tiles,
                fmt::format("{} has {} entries already, and they are not the first of {}; import into an empty "
                            "journal",
                            log_.origin().text(), begun_, from_));
  }
  std::uint64_t width_of(std::uint64_t n) const { return std::min(tile_width, size_ - n * tile_width); }

  Log& log_;
  Disk& disk_;
  std::string_view from_;
  std::uint64_t size_ = 0;
  std::uint64_t begun_ = 0;  // entries that an import which was interrupted has left in the log
  Tree tree_;
};

Result<std::uint64_t> Importer::run() {
  begun_ = log_.size();
  // What an import leaves when it is interrupted has no checkpoint: that is stored last.
  if (begun_ != 0 && (!log_.last_checkpoint().empty() || log_.hashed_size() != begun_))
    return fail(bad_tiles,
                fmt::format("{} has {} entries already; import into an empty journal", log_.origin().text(), begun_));
  HF_TRY(const Bytes text, disk_.read_all(in(from_, "checkpoint")));
  HF_TRY(const Note note, parse_note(as_text(text)));
  HF_TRY(const Checkpoint checkpoint, parse_checkpoint(note.text));
  if (checkpoint.origin != log_.origin())
    return fail(bad_tiles,
                fmt::format("{} is an export of {}, not of {}", from_, checkpoint.origin.text(), log_.origin().text()));
  size_ = checkpoint.size;
  if (begun_ > size_) return is_another_beginning();
  HF_TRY_VOID(check_leaves());
  HF_TRY_VOID(check_upper_tiles());
  if (tree_.root() != checkpoint.root)
    return fail(bad_tiles, fmt::format("the entries in {} do not have the root that its checkpoint signs", from_));
  HF_TRY_VOID(take_in());
  HF_CHECK(log_.root() == checkpoint.root, "root after import of {}", from_);
  HF_TRY_VOID(log_.put_checkpoint(size_, as_text(text)));
  return size_;
}

// A partial tile may have been deleted once the full one was there: its first hashes are the same.
Result<Bytes> Importer::read_tile(std::optional<unsigned> level, std::uint64_t n, std::uint64_t width) {
  auto bytes = disk_.read_all(in(from_, tile_path(level, n, width)));
  if (!bytes && bytes.error().code == "base/not_found" && width < tile_width)
    bytes = disk_.read_all(in(from_, tile_path(level, n, tile_width)));
  if (!bytes && bytes.error().code == "base/not_found")
    return fail(bad_tiles, fmt::format("{}/{} is missing", from_, tile_path(level, n, width)));
  if (bytes && level && bytes->size() != width * sizeof(Hash) && bytes->size() != tile_width * sizeof(Hash))
    return fail(bad_tiles, fmt::format("{}/{} does not hold {} hashes", from_, tile_path(level, n, width), width));
  if (bytes && level) bytes->resize(width * sizeof(Hash));
  return bytes;
}

Result<std::vector<Bytes>> Importer::read_bundle(std::uint64_t n) {
  HF_TRY(const Bytes bundle, read_tile(std::nullopt, n, width_of(n)));
  std::vector<Bytes> out;
  Reader in(bundle);
  while (out.size() < width_of(n) && in.left() > 0) {
    const std::size_t high = in.u8();
    const std::size_t length = high << 8 | in.u8();
    out.push_back(to_bytes(in.raw(length)));
  }
  if (!in.ok() || out.size() != width_of(n) || (width_of(n) == tile_width && in.left() > 0))
    return fail(bad_tiles, fmt::format("{}/{} does not hold {} entries", from_, tile_path(std::nullopt, n, width_of(n)),
                                       width_of(n)));
  return out;
}

Status Importer::check_leaves() {
  for (std::uint64_t n = 0; n * tile_width < size_; ++n) {
    HF_TRY(const std::vector<Bytes> entries, read_bundle(n));
    HF_TRY(const Bytes tile, read_tile(0, n, width_of(n)));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Hash leaf = leaf_hash(entries[i]);
      if (!std::ranges::equal(leaf, ByteView(tile).subspan(i * sizeof(Hash), sizeof(Hash))))
        return fail(bad_tiles,
                    fmt::format("entry {} in {} does not have the hash in its tile", n * tile_width + i, from_));
      tree_.append(leaf);
      if (tree_.size() == begun_ && tree_.root() != log_.root()) return is_another_beginning();
    }
  }
  return {};
}

Status Importer::check_upper_tiles() {
  for (unsigned level = 1; hashes_at(level, size_) > 0; ++level) {
    const std::uint64_t count = hashes_at(level, size_);
    const std::span<const Hash> hashes = std::span(tree_.full_roots(level - 1)).first(count);
    for (std::uint64_t n = 0; n * tile_width < count; ++n) {
      const std::uint64_t width = std::min(tile_width, count - n * tile_width);
      HF_TRY(const Bytes tile, read_tile(level, n, width));
      if (!std::ranges::equal(tile, bytes_of(hashes.subspan(n * tile_width, width))))
        return fail(bad_tiles, fmt::format("{}/{} does not hold the hashes of the tiles below it", from_,
                                           tile_path(level, n, width)));
    }
  }
  return {};
}

// The second reading must be the first one again: each tile is compared before it is committed.
Status Importer::take_in() {
  for (std::uint64_t n = begun_ / tile_width; n * tile_width < size_; ++n) {
    HF_TRY(const std::vector<Bytes> entries, read_bundle(n));
    std::vector<Hash> leaves;
    leaves.reserve(entries.size());
    for (const Bytes& e : entries) leaves.push_back(leaf_hash(e));
    const bool is_same = leaves.size() == tile_width ? complete_root(leaves) == tree_.full_tile_roots()[n]
                                                     : std::ranges::equal(leaves, tree_.partial_tile());
    if (!is_same) return fail(bad_tiles, fmt::format("{} changed while it was read; import it again", from_));
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (n * tile_width + i >= begun_) log_.append(entries[i]);
    if (n % tiles_a_commit == tiles_a_commit - 1) HF_TRY_VOID(log_.commit());
  }
  return log_.commit();
}

}  // namespace

std::string tile_path(std::optional<unsigned> level, std::uint64_t n, std::uint64_t width) {
  HF_CHECK(width >= 1 && width <= tile_width, "a tile of {} hashes", width);
  std::string number = fmt::format("{:03}", n % 1000);
  for (n /= 1000; n > 0; n /= 1000) number = fmt::format("x{:03}/{}", n % 1000, number);
  const std::string partial = width == tile_width ? "" : fmt::format(".p/{}", width);
  return level ? fmt::format("tile/{}/{}{}", *level, number, partial)
               : fmt::format("tile/entries/{}{}", number, partial);
}

Result<ExportResult> export_tiles(Log& log, std::string_view note, Disk& into_disk, std::string_view into) {
  return Exporter(log, into_disk, into).run(note);
}

Result<std::uint64_t> import_tiles(Disk& from_disk, std::string_view from, Log& log) {
  return Importer(log, from_disk, from).run();
}

}  // namespace holdfast::journal
