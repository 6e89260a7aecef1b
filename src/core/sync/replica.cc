#include "core/sync/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/base/mutant.h"
#include "core/journal/format.h"

namespace holdfast::sync {
namespace {

// Notes that a start reads back. Of a journal that goes on: two weeks without mirrors, of a store that signs each of
// its sales, some seconds. Of one that has ended: who cosigned it may have other keys by now, and none may count any
// more.
constexpr int cosigned_lookback = 200'000, cosigned_lookback_ended = 32;
constexpr std::size_t cosignatures_stored_max = 16;  // of one note: a journal has no more mirrors

std::optional<journal::SignedCheckpoint> unchecked(std::string_view text) {
  if (text.empty()) return std::nullopt;
  auto note = journal::parse_note(text);
  if (!note) return std::nullopt;
  auto checkpoint = journal::parse_checkpoint(note->text);
  if (!checkpoint) return std::nullopt;
  return journal::SignedCheckpoint{*checkpoint, std::move(*note)};
}

// What the disk says of a file of this journal that it does not open, now as before. Nothing is written.
std::optional<Error> cannot_be_opened(Disk& disk, const Origin& origin) {
  const std::string directory = journal::Log::directory(origin);
  const auto names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!journal::segment_number(name)) continue;
    const auto file = disk.open(directory + "/" + name);
    if (!file && file.error().code == "base/disk_failed") return file.error();
  }
  return std::nullopt;
}

bool is_owners(const journal::NoteSignature& line, const journal::Checkpoint& checkpoint) {
  return line.name == checkpoint.origin.text();
}

// A mirror's by its form; whether it holds, and counts, is asked when it is read.
bool may_be_mirrors(const journal::NoteSignature& line, const journal::Checkpoint& checkpoint) {
  const std::string before = checkpoint.origin.chain + "/";
  return line.signature.size() == 8 + sizeof(Signature) && line.name.starts_with(before) &&
         chain::site_name_of(std::string_view(line.name).substr(before.size()));
}

journal::Note without_foreign_lines(const journal::SignedCheckpoint& signed_checkpoint) {
  const auto& [checkpoint, note] = signed_checkpoint;
  journal::Note out{note.text, {}};
  std::set<std::string_view> mirrors;
  for (const journal::NoteSignature& line : note.signatures) {
    const bool is_first = may_be_mirrors(line, checkpoint) && mirrors.size() < cosignatures_stored_max &&
                          mirrors.insert(line.name).second;
    if (is_first || (is_owners(line, checkpoint) && line.signature.size() == sizeof(Signature)))
      out.signatures.push_back(line);
  }
  return out;
}

std::uint64_t bytes_of(std::span<const Bytes> entries) {
  std::uint64_t out = 0;
  for (const Bytes& e : entries) out += e.size();
  return out;
}

// What a piece takes of the disk: its entries and its note are a record each (format.h).
std::uint64_t bytes_on_disk(std::span<const Bytes> entries, const journal::Note& note) {
  std::size_t payload = 0;
  for (const Bytes& e : entries) payload += (8 + e.size() + 7) / 8 * 8;
  return journal::record_extent(static_cast<std::uint32_t>(payload)) +
         journal::record_extent(static_cast<std::uint32_t>(journal::to_text(note).size()));
}

}  // namespace

Replica::Replica(std::unique_ptr<journal::Log> log)
    : log_(std::move(log)), latest_(unchecked(log_->last_checkpoint())) {}

void Replica::reload(const KeyRing& keys) {
  latest_ = unchecked(log_->last_checkpoint());
  cosigned_.reset();
  auto candidate = latest_;
  const int lookback = keys.is_succeeded(origin()) ? cosigned_lookback_ended : cosigned_lookback;
  std::size_t lines = 0;
  for (int i = 0; i < lookback && candidate; ++i) {
    for (const journal::NoteSignature& line : candidate->note.signatures)
      if (!is_owners(line, candidate->checkpoint)) ++lines;
    if (lines > lines_read_back_max) return;
    if (keys.is_cosigned(*candidate)) {
      cosigned_ = candidate;
      return;
    }
    if (candidate->checkpoint.size == 0) return;
    candidate = unchecked(log_->checkpoint_at_most(candidate->checkpoint.size - 1));
  }
}

Status Replica::within_bounds(std::span<const Bytes> entries, const journal::SignedCheckpoint& checkpoint,
                              const chain::Bounds& bounds, Instant now) {
  const std::int64_t day = now.unix_ns / day_ns;
  DayBound next = today_.day == day ? today_ : DayBound{day, 0, 0};
  next.entries += entries.size();
  const bool is_at_pace = pieces_.wait(1, owners_pace, now).ns <= 0;
  next.bytes += is_at_pace ? bytes_of(entries) : bytes_on_disk(entries, without_foreign_lines(checkpoint));
  // The first piece of a day is taken however large it is: the same would come tomorrow.
  const bool is_first = today_.day != day || today_.entries == 0;
  if (!is_first && (next.entries > bounds.mirror_entries_a_day || next.bytes > bounds.mirror_bytes_a_day)) {
    over_bound_on_ = day;
    return fail(
        "sync/over_bound",
        fmt::format("{} sends more in a day than the chain file's bounds allow; more is taken from midnight UTC "
                    "on. For more today a person here must decide (raise mirror_bytes_a_day or "
                    "mirror_entries_a_day, or cut the link)",
                    origin().text()));
  }
  if (is_at_pace) pieces_.take(1, owners_pace, now);
  today_ = next;
  return {};
}

Status Replica::take(const Entries& entries, const PublicKey& owner_key, const chain::Bounds* bounds, Instant now) {
  if (!is_hashed())
    return fail("journal/damaged", fmt::format("{}: what is kept here has a hole, nothing is added behind it before it "
                                               "is mended",
                                               origin().text()));
  // What is here without its checkpoint: the power failed between the two (replica.h).
  const bool is_again = entries.first < size() && entries.first == signed_size();
  if (entries.first != size() && !is_again)
    return fail("sync/out_of_order",
                fmt::format("{}: entries from {} but {} are stored", origin().text(), entries.first, size()));
  HF_TRY(journal::SignedCheckpoint signed_by_owner, journal::open_checkpoint(entries.note, owner_key));
  const journal::Checkpoint& c = signed_by_owner.checkpoint;
  if (c.origin != origin() || c.size != entries.first + entries.entries.size())
    return fail("sync/bad_note",
                fmt::format("{}: the checkpoint does not cover exactly the entries sent", origin().text()));
  PieceRoom room;
  for (const Bytes& e : entries.entries)
    if (!room.take(e.size()))
      return fail("sync/bad_entries",
                  fmt::format("{}: a piece of {} entries is more than can be given on in one message", origin().text(),
                              entries.entries.size()));
  if (c.size <= size()) {
    HF_TRY(const bool is_same, agrees(c));
    return is_same && c.size > signed_size() ? put_signed(std::move(signed_by_owner)) : Status();
  }
  const auto known = static_cast<std::ptrdiff_t>(size() - entries.first);
  const std::span<const Bytes> more(entries.entries.begin() + known, entries.entries.end());
  // Hashed once: for this root, and for the commit below.
  for (const Bytes& e : more) log_->append(e);
  const auto refuse = [this](std::unexpected<Error> why) {
    log_->drop_uncommitted();
    return why;
  };
  if (log_->root() != c.root && !HF_MUTANT(20))
    return refuse(fail("sync/contradiction", fmt::format("{}: its checkpoint at {} does not extend the {} entries kept "
                                                         "here",
                                                         origin().text(), c.size, size())));
  if (bounds != nullptr)
    if (const Status within = within_bounds(more, signed_by_owner, *bounds, now); !within)
      return refuse(pass_on(within.error()));
  HF_TRY_VOID(log_->commit());
  return put_signed(std::move(signed_by_owner));
}

bool Replica::takes_again(Instant now) {
  if (!over_bound_on_ || *over_bound_on_ == now.unix_ns / day_ns) return false;
  over_bound_on_.reset();
  return true;
}

Result<bool> Replica::agrees(const journal::Checkpoint& checkpoint) {
  if (checkpoint.size > std::min(size(), log_->hashed_size())) return false;
  const auto root = log_->root_at(checkpoint.size);
  if (!root && root.error().code == "journal/damaged") return false;
  if (!root) return pass_on(root.error());
  if (*root != checkpoint.root)
    return fail("sync/contradiction",
                fmt::format("{}: two signed checkpoints disagree at size {}", origin().text(), checkpoint.size));
  return true;
}

Status Replica::take_cosigned(const journal::SignedCheckpoint& checkpoint, const KeyRing& keys, Instant now) {
  const std::uint64_t size = checkpoint.checkpoint.size;
  if (size <= cosigned_size() && cosigned_) return {};
  const auto cosignatures = keys.cosignatures(checkpoint);
  if (!keys.are_enough(cosignatures))
    return fail("sync/bad_signature",
                fmt::format("{}: the checkpoint lacks its quorum of cosignatures", origin().text()));
  HF_TRY(const bool held, agrees(checkpoint.checkpoint));
  if (!held) {
    if (!cosigned_ahead_ || cosigned_ahead_->checkpoint.size < size) cosigned_ahead_ = checkpoint;
    return {};
  }
  journal::SignedCheckpoint kept{checkpoint.checkpoint, without_foreign_lines(checkpoint)};
  std::erase_if(kept.note.signatures, [&](const auto& line) { return !is_owners(line, kept.checkpoint); });
  for (const auto& [mirror, line] : cosignatures) kept.note.signatures.push_back(line);
  // What is signed here is stored first, whatever it takes (4.1); it is of entries that are here, and they were
  // counted.
  const bool is_newest = size > signed_size();
  const bool is_at_pace = cosigned_stored_.wait(1, owners_pace, now).ns <= 0;
  if (is_at_pace) cosigned_stored_.take(1, owners_pace, now);
  if (is_newest || is_at_pace) HF_TRY_VOID(log_->put_checkpoint(size, journal::to_text(kept.note)));
  if (is_newest) latest_ = kept;
  cosigned_ = std::move(kept);
  return {};
}

Status Replica::take_cosigned_ahead(const KeyRing& keys, Instant now) {
  if (!cosigned_ahead_ || cosigned_ahead_->checkpoint.size > size()) return {};
  const journal::SignedCheckpoint checkpoint = std::move(*cosigned_ahead_);
  cosigned_ahead_.reset();
  return take_cosigned(checkpoint, keys, now);
}

Status Replica::put_signed(journal::SignedCheckpoint checkpoint) {
  checkpoint.note = without_foreign_lines(checkpoint);
  HF_TRY_VOID(log_->put_checkpoint(checkpoint.checkpoint.size, journal::to_text(checkpoint.note)));
  latest_ = std::move(checkpoint);
  return {};
}

Status Replicas::open_all(const Origin& own, const chain::ChainFile& file) {
  for (const chain::Site& site : file.sites) {
    HF_TRY(const std::vector<std::string> epochs, disk_.list("journals/" + site.name.str()));
    for (const std::string& name : epochs) {
      Origin origin{file.chain, site.name, 0};
      const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), origin.epoch);
      if (error != std::errc() || stop != name.data() + name.size() || origin.epoch == 0 || origin == own) continue;
      const auto opened = find_or_create(origin);
      if (opened) continue;
      // A site does not stay closed because of a copy that it keeps for another. What has failed in a write ends the
      // process (1.2).
      const bool is_journals = opened.error().code.starts_with("journal/");
      const auto why = is_journals ? std::optional(opened.error()) : cannot_be_opened(disk_, origin);
      if (!why) return pass_on(opened.error());
      unopened_.emplace(origin, *why);
    }
  }
  return {};
}

Replica* Replicas::find(const Origin& origin) {
  const auto it = all_.find(origin);
  return it == all_.end() ? nullptr : it->second.get();
}
const Replica* Replicas::find(const Origin& origin) const {
  const auto it = all_.find(origin);
  return it == all_.end() ? nullptr : it->second.get();
}

Result<Replica*> Replicas::find_or_create(const Origin& origin) {
  if (Replica* found = find(origin)) return found;
  if (const auto closed = unopened_.find(origin); closed != unopened_.end())
    return fail("journal/damaged", closed->second.text);
  HF_TRY(std::unique_ptr<journal::Log> log, journal::Log::open(disk_, executor_, origin));
  return all_.emplace(origin, std::make_unique<Replica>(std::move(log))).first->second.get();
}

Status Replicas::discard(const Origin& origin) {
  all_.erase(origin);
  unopened_.erase(origin);
  const std::string directory = journal::Log::directory(origin);
  HF_TRY(const std::vector<std::string> names, disk_.list(directory));
  // The last first: what a crash leaves is a shorter journal.
  for (auto name = names.rbegin(); name != names.rend(); ++name)
    HF_TRY_VOID(disk_.remove(fmt::format("{}/{}", directory, *name)));
  return {};
}

Status Replicas::scan(const Origin& origin, EntryIndex first, EntryIndex end,
                      const std::function<Status(EntryIndex, ByteView)>& each) const {
  if (first == end) return {};  // nothing is asked, so nothing can be missing
  const auto it = all_.find(origin);
  if (it == all_.end() || it->second->log().durable_size() < end)
    return fail("sync/missing_entries",
                fmt::format("entries {} to {} of {} are named by this journal but not on this disk; rebuild "
                            "this site, or bring the directory back from its backup",
                            first, end, origin.text()));
  // Nothing is derived from what no root has proven.
  if (it->second->log().hashed_size() < end)
    return fail("journal/damaged", fmt::format("entries {} to {} of {} lie behind a hole that is not mended yet", first,
                                               end, origin.text()));
  return it->second->log().scan(first, end, each);
}

Result<std::optional<Entries>> next_chunk(journal::Log& log, EntryIndex first, std::uint64_t limit) {
  auto size_of = [](const std::string& note) -> std::uint64_t {
    const auto c = unchecked(note);
    return c ? c->checkpoint.size : 0;
  };
  const std::uint64_t end_max = limit == 0 ? log.durable_size() : std::min(limit, log.durable_size());
  if (first >= end_max) return std::optional<Entries>();
  // As far as 2 MiB reach; then back to the last checkpoint, or on to the next if there is none in between.
  std::uint64_t reach = first;
  std::size_t bytes = 0;
  PieceRoom room;
  Entries out{log.origin(), first, {}, {}};
  constexpr std::string_view full = "sync/chunk_full";
  const auto collect = [&](EntryIndex, ByteView body) -> Status {
    if (!room.take(body.size())) return fail(full, "");
    out.entries.push_back(to_bytes(body));
    return {};
  };
  const Status walked = log.scan(first, end_max, [&](EntryIndex index, ByteView body) -> Status {
    if (bytes + body.size() > chunk_bytes && reach > first) return fail(full, "");
    HF_TRY_VOID(collect(index, body));
    bytes += body.size();
    reach = index + 1;
    return {};
  });
  // A hole ends what can be sent, as the size of a message does.
  const bool is_ended = !walked && (walked.error().code == full || walked.error().code == "journal/damaged");
  if (!walked && !is_ended) return pass_on(walked.error());
  if (reach == first) return std::optional<Entries>();
  out.note = log.checkpoint_at_most(reach);
  std::uint64_t end = out.note.empty() ? 0 : size_of(out.note);
  if (end <= first) {
    const auto next = log.next_checkpoint_size(first);
    if (!next || *next > end_max) return std::optional<Entries>();
    end = *next;
    out.note = log.checkpoint_at_most(end);
  }
  if (end < reach) out.entries.resize(end - first);
  if (end > reach) {
    const Status more = log.scan(reach, end, collect);
    if (!more && more.error().code == full)
      return fail("sync/no_checkpoint",
                  fmt::format("{}: the next checkpoint after entry {} is at {}, farther than a message reaches; its "
                              "owner can sign in between",
                              log.origin().text(), first, end));
    if (!more) return pass_on(more.error());
  }
  return std::optional<Entries>(std::move(out));
}

}  // namespace holdfast::sync
