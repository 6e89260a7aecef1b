// Damage below the last record: named, proven, put back, looked for (protocol 2.4).
#include <fmt/format.h>

#include <algorithm>

#include "core/journal/disk_log.h"

namespace holdfast::journal {
namespace {

// Of a gap, what is lost and part of the journal still; nullopt: all of it was set aside.
std::optional<Hole> hole_of(const Gap& gap) {
  if (gap.has_entries() && gap.kept_end() <= gap.bridge.first) return std::nullopt;
  return Hole{gap.hole_first, gap.hole_end};
}

}  // namespace

std::vector<Hole> DiskLog::holes() const {
  std::vector<Hole> out;
  for (const Gap& gap : gaps_)
    if (const auto hole = hole_of(gap)) out.push_back(*hole);
  return out;
}

bool DiskLog::has_holes() const {
  return std::ranges::any_of(gaps_, [](const Gap& gap) { return hole_of(gap).has_value(); });
}

std::uint64_t DiskLog::lost_aside() const {
  std::uint64_t sum = 0;
  for (const Gap& gap : gaps_)
    if (gap.has_aside()) sum += gap.bridge.end - gap.kept_end();
  return sum;
}

// The smallest checkpointed size at or above `size`.
std::optional<std::uint64_t> DiskLog::checkpoint_over(std::uint64_t size) const {
  return size == 0 ? index_.next_checkpoint_size(0) : index_.next_checkpoint_size(size - 1);
}

// Up to where entries must be known for those below `end` to be proven; nullopt: nothing does that.
std::optional<std::uint64_t> DiskLog::proven_at(std::uint64_t end, bool is_in_tree) const {
  if (!is_in_tree) return checkpoint_over(end);  // on to a root that is signed
  if (end > tree_.size()) return std::nullopt;
  return std::min(tree_.size(), (end + tile_width - 1) / tile_width * tile_width);  // whole tiles
}

// Gap i and those that can only be proven with it. Empty: nothing can prove it yet, or ever.
std::vector<const Gap*> DiskLog::together(std::size_t i) const {
  const Gap& gap = gaps_[i];
  if (!gap.has_entries()) return {&gap};
  if (gap.has_aside()) return {};
  if (gap.content) return {&gap};
  const bool is_in_tree = gap.bridge.end <= tree_.size();
  if (!is_in_tree && gap.bridge.first != tree_.size()) return {};  // when the one before it is mended
  const std::uint64_t from = is_in_tree ? gap.bridge.first / tile_width * tile_width : gap.bridge.first;
  auto to = proven_at(gap.bridge.end, is_in_tree);
  std::vector<const Gap*> out;
  for (const Gap& other : gaps_) {
    const bool is_in_the_way =
        to && other.bridge.first < other.kept_end() && other.kept_end() > from && other.bridge.first < *to;
    if (!is_in_the_way) continue;
    const auto covered = proven_at(other.bridge.end, is_in_tree);
    if (other.has_aside() || !covered) return {};
    to = std::max(*to, *covered);
    out.push_back(&other);
  }
  return out;
}

std::vector<Hole> DiskLog::wanted() const {
  for (std::size_t i = 0; i < gaps_.size(); ++i) {
    std::vector<Hole> out;
    for (const Gap* gap : together(i)) out.push_back({gap->hole_first, gap->hole_end});
    if (!out.empty()) return out;
  }
  return {};
}

Status DiskLog::mend(std::span<const Piece> pieces) {
  std::vector<const Gap*> gaps;
  for (std::size_t i = 0; i < gaps_.size() && gaps.empty(); ++i) gaps = together(i);
  const auto bad = [&](std::string_view why) {
    return fail("journal/bad_entries", origin_.text() + ": " + std::string(why));
  };
  if (gaps.empty() || pieces.size() != gaps.size()) return bad("these entries are not the ones that are missing");
  Bodies bodies;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const Piece& piece = pieces[i];
    if (piece.first != gaps[i]->hole_first || piece.entries.size() != gaps[i]->hole_end - gaps[i]->hole_first)
      return bad("these entries are not the ones that are missing");
    if (std::ranges::any_of(piece.entries, [](const Bytes& e) { return e.size() > entry_bytes_max; }))
      return bad("an entry is too large");
    HF_TRY(Bodies more, bodies_of(*gaps[i], piece));
    bodies.merge(more);
  }
  HF_TRY_VOID(prove(gaps, bodies));
  std::vector<Gap> proven;
  proven.reserve(gaps.size());
  for (const Gap* gap : gaps) proven.push_back(*gap);
  for (const Gap& gap : proven) HF_TRY_VOID(fill(gap, bodies));
  return {};
}

// What still holds of the gap's record, and what was given.
Result<DiskLog::Bodies> DiskLog::bodies_of(const Gap& gap, const Piece& piece) {
  Bodies out;
  for (std::size_t i = 0; i < piece.entries.size(); ++i) out[piece.first + i] = piece.entries[i];
  for (EntryIndex i = gap.bridge.first; i < gap.bridge.end; ++i) {
    if (i >= gap.hole_first && i < gap.hole_end) continue;
    HF_TRY(out[i], read(i));
  }
  return out;
}

Status DiskLog::prove(std::span<const Gap* const> gaps, const Bodies& bodies) {
  const Bridge& bridge = gaps.front()->bridge;
  if (!gaps.front()->has_entries()) return {};
  if (gaps.size() > 1 || !gaps.front()->content)
    return bridge.end <= tree_.size() ? prove_by_tree(bridge.first, gaps.back()->bridge.end, bodies)
                                      : prove_by_checkpoint(gaps.back()->bridge.end, bodies);
  std::vector<Hash> leaves;
  for (const auto& [index, body] : bodies) leaves.push_back(leaf_hash(body));
  if (content_of(leaves) == *gaps.front()->content) return {};
  return fail("journal/bad_entries", fmt::format("{}: entries {} to {} do not have the hash that their record names",
                                                 origin_.text(), bridge.first, bridge.end - 1));
}

Result<Hash> DiskLog::leaf_of(EntryIndex index, const Bodies& bodies) {
  if (const auto given = bodies.find(index); given != bodies.end()) return leaf_hash(given->second);
  HF_TRY(const Bytes body, read(index));
  return leaf_hash(body);
}

Status DiskLog::prove_by_tree(std::uint64_t first, std::uint64_t end, const Bodies& bodies) {
  for (std::uint64_t tile = first / tile_width; tile * tile_width < end; ++tile) {
    const std::uint64_t from = tile * tile_width;
    std::vector<Hash> leaves;
    for (EntryIndex i = from; i < std::min(from + tile_width, tree_.size()); ++i) {
      HF_TRY(const Hash leaf, leaf_of(i, bodies));
      leaves.push_back(leaf);
    }
    const bool is_right = leaves.size() == tile_width ? complete_root(leaves) == tree_.full_tile_roots()[tile]
                                                      : std::ranges::equal(leaves, tree_.partial_tile());
    if (!is_right)
      return fail("journal/bad_entries",
                  fmt::format("{}: the entries given for {} to {} are not those of this journal's tree", origin_.text(),
                              first, end - 1));
  }
  return {};
}

Status DiskLog::prove_by_checkpoint(std::uint64_t end, const Bodies& bodies) {
  const std::uint64_t size = checkpoint_over(end).value_or(end);
  HF_TRY(const Note note, parse_note(checkpoint_at_most(size)));
  HF_TRY(const Checkpoint checkpoint, parse_checkpoint(note.text));
  Tree tree = tree_;
  while (tree.size() < size) {
    HF_TRY(const Hash leaf, leaf_of(tree.size(), bodies));
    tree.append(leaf);
  }
  if (checkpoint == Checkpoint{origin_, size, tree.root()}) return {};
  return fail("journal/bad_entries",
              fmt::format("{}: with the entries given, the first {} do not have the root that is signed",
                          origin_.text(), size));
}

// Proven: durable in a file of their own, and from now on read from there.
Status DiskLog::fill(const Gap& gap, const Bodies& bodies) {
  std::vector<Bytes> entries;
  for (EntryIndex i = gap.bridge.first; i < gap.bridge.end; ++i) entries.push_back(bodies.at(i));
  if (next_mend_ > mend_number_max)
    return fail("journal/damaged", fmt::format("{}: no number is left for a mend", directory(origin_)));
  const std::uint32_t number = next_mend_++;
  const Bytes bytes = encode_mend(origin_, number, gap.bridge, entries);
  if (bytes.size() > mend_bytes_max)
    return fail(
        "journal/damaged",
        fmt::format("{}: the lost entries {} to {} are too many to be put back; rebuild this site (holdfast site "
                    "rebuild)",
                    origin_.text(), gap.bridge.first, gap.bridge.end - 1));
  HF_TRY_VOID(disk_.write_all(directory(origin_) + "/" + mend_name(number), bytes));
  const auto mend = decode_mend(origin_, number, bytes);
  HF_CHECK(mend.has_value(), "a mend of entries {} to {} does not read as one", gap.bridge.first, gap.bridge.end);
  std::vector<std::pair<Place, std::uint32_t>> records;
  for (const Mend::Commit& commit : mend->commits) records.emplace_back(commit.place, commit.count);
  if (!records.empty()) index_.put_in_place(gap.bridge.first, records);
  std::erase_if(gaps_, [&](const Gap& g) { return g.bridge.after == gap.bridge.after; });
  segments_.forget_loaded();
  scrub_.reset();  // it may have passed by the gap already
  return {};
}

Result<bool> DiskLog::hash_on(std::uint64_t bytes_max) {
  if (refuted_) return pass_on(*refuted_);
  std::uint64_t end = index_.size();
  for (const Gap& gap : gaps_)
    if (gap.bridge.first < gap.kept_end() && gap.kept_end() > tree_.size()) end = std::min(end, gap.bridge.first);
  std::uint64_t bytes = 0;
  constexpr std::string_view enough = "journal/enough";
  const Status done = scan(tree_.size(), std::max(end, tree_.size()), [&](EntryIndex, ByteView body) -> Status {
    if (bytes > bytes_max) return fail(enough, "");
    bytes += body.size();
    tree_.append(leaf_hash(body));
    return check_root();
  });
  if (!done && done.error().code != enough) return pass_on(done.error());
  return is_hashed();
}

// If a checkpoint signs this very size, it signs what the entries give.
Status DiskLog::check_root() {
  const auto size = checkpoint_over(tree_.size());
  if (size != tree_.size()) return {};
  const auto note = parse_note(checkpoint_at_most(*size));
  const auto checkpoint = note ? parse_checkpoint(note->text) : pass_on(note.error());
  if (!checkpoint || checkpoint->size != *size || checkpoint->root == tree_.root()) return {};
  refuted_ =
      Error{"journal/damaged",
            fmt::format("{}: the entries do not have the root that the checkpoint at {} signs; rebuild this site "
                        "(holdfast site rebuild)",
                        origin_.text(), *size)};
  return pass_on(*refuted_);
}

Result<Scrubbed> DiskLog::scrub(std::uint64_t bytes_max) {
  if (!scrub_) scrub_ = Replayer::for_scrub(disk_, executor_, origin_);
  auto done = scrub_->read_on(bytes_max, Replayer::End{segments_.end(), last_record_, last_hash_, index_.size()});
  Scrubbed out{scrub_->bytes_read(), done && *done, {}};
  if (done && !*done) return out;
  auto now = done ? scrub_->finish() : pass_on(done.error());
  scrub_.reset();
  const bool was_suspicious = std::exchange(is_suspicious_, false);
  auto found = now ? take_scrubbed(std::move(*now)) : pass_on(now.error());
  was_suspected_in_vain_ = was_suspicious && !(found && !found->empty());
  if (!found) return pass_on(found.error());
  out.found = std::move(*found);
  return out;
}

// What stands on the disk now, as the next start would see it.
Result<std::vector<Hole>> DiskLog::take_scrubbed(Replayed now) {
  if (now.last_record != last_record_ || now.last_hash != last_hash_ || now.index.size() != index_.size())
    return fail("journal/damaged",
                fmt::format("{}: what is on the disk ends with record {} and {} entries, and {} and {} were written. "
                            "Rebuild this site before it is started again (holdfast site rebuild)",
                            origin_.text(), now.last_record, now.index.size(), last_record_, index_.size()));
  std::vector<Hole> found;
  for (const Gap& gap : now.gaps) {
    const bool is_known = std::ranges::any_of(gaps_, [&](const Gap& g) { return g.bridge.after == gap.bridge.after; });
    if (const auto hole = hole_of(gap); hole && !is_known) found.push_back(*hole);
  }
  index_ = std::move(now.index);
  gaps_ = std::move(now.gaps);
  segments_.forget_loaded();
  return found;
}

}  // namespace holdfast::journal
