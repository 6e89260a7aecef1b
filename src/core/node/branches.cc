#include "core/node/branches.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/read_file.h"
#include "core/journal/peek.h"
#include "core/journal/window.h"
#include "core/node/closing.h"

namespace holdfast::node {
namespace {
constexpr std::size_t places_max = 8;                 // of one journal and kind
constexpr std::uint64_t copied_bytes_max = 1u << 30;  // of one file, all of it in memory; no journal's comes near it
// While a copy is being left: of which journal, the end of its place's name, and whether it lies there whole.
constexpr std::string_view leaving_path = "leaving-copy";

constexpr std::string_view kind_of_history = "branch", kind_of_damage = "damaged";
constexpr std::string_view copy_begun = "begun", copy_whole = "whole";

std::string end_of_place(std::string_view kind, std::size_t number) { return fmt::format("{}-{}", kind, number); }
std::string place_of(const Origin& origin, std::string_view end) {
  return fmt::format("{}.{}", journal::Log::directory(origin), end);
}
std::string leaving_text(const Origin& origin, std::string_view end, std::string_view how_far) {
  return fmt::format("{} {} {}", origin.text(), end, how_far);
}

struct Leaving {
  Origin origin;
  std::string end, place;
  bool is_whole = false;
};
std::optional<Leaving> parse_leaving(std::string_view text) {
  const auto origin = parse_origin(text.substr(0, text.find(' ')));
  if (!origin) return std::nullopt;
  for (const std::string_view kind : {kind_of_history, kind_of_damage})
    for (std::size_t number = 1; number <= places_max; ++number)
      for (const std::string_view how_far : {copy_begun, copy_whole})
        if (const std::string end = end_of_place(kind, number); text == leaving_text(*origin, end, how_far))
          return Leaving{*origin, end, place_of(*origin, end), how_far == copy_whole};
  return std::nullopt;
}
}  // namespace

// Whoever holds at least as much as was kept can see it at once; who holds less, when the successor gives him the rest
// (on Entries).
Result<std::vector<Origin>> Branches::lost(const SiteName& ours) {
  std::vector<Origin> out;
  if (keys_.registrations() == 0) return out;  // no site has had a second epoch, as mostly
  for (const auto& [origin, replica] : replicas_.all()) {
    const chain::Registration* next = origin.site == ours ? nullptr : successor_in(keys_, origin);
    if (next == nullptr) continue;
    Hash& compared = compared_[origin];
    if (compared == next->kept_root) continue;
    HF_TRY(const std::optional<bool> differs, differs_from_kept(*replica, *next));
    if (differs == false) compared = next->kept_root;
    if (differs == true) out.push_back(origin);
  }
  return out;
}

void Branches::settled(const Origin& origin) { compared_[origin] = successor_in(keys_, origin)->kept_root; }

// Nothing of it was cosigned where it differs, and its owner's people have decided (5.2).
Result<std::optional<Branches::Told>> Branches::leave(const Origin& origin, std::size_t piece_bytes) {
  constexpr std::nullopt_t stays = std::nullopt;
  if (cannot_leave_.contains(origin)) return stays;
  sync::Replica& replica = *replicas_.find(origin);
  const auto part = state_.peers.find(origin.site);
  if (part != state_.peers.end() && part->second.origin.epoch > origin.epoch) return stays;  // the state is beyond it
  const std::uint64_t followed = part != state_.peers.end() && part->second.origin == origin ? part->second.size : 0;
  std::string note = replica.log().checkpoint_at_most(std::max(followed, replica.cosigned_size()));
  const auto checkpoint = journal::peek_checkpoint(note);
  const std::uint64_t signed_size = checkpoint ? checkpoint->size : 0;
  // A promoted spare has copied in larger pieces than its node had followed in.
  const std::uint64_t common = std::max(followed, signed_size);
  if (common > replica.size() || !replica.is_hashed()) return stays;
  std::vector<Bytes> entries;
  std::vector<std::uint64_t> sizes;  // of checkpoints that are kept with them, so that it can be given in pieces
  std::size_t bytes = 0;
  HF_TRY_VOID(replica.log().scan(0, common, [&](EntryIndex index, ByteView body) -> Status {
    entries.push_back(to_bytes(body));
    bytes += body.size();
    if (bytes < piece_bytes || replica.log().next_checkpoint_size(index) != index + 1) return {};
    sizes.push_back(index + 1);
    bytes = 0;
    return {};
  }));
  std::map<std::uint64_t, std::string> notes;
  for (const std::uint64_t size : sizes)
    if (std::string each = replica.log().checkpoint_at_most(size); !each.empty()) notes.emplace(size, std::move(each));
  if (signed_size > 0) notes.emplace(signed_size, std::move(note));
  HF_TRY(const Put put, put_beside(origin, kind_of_history));
  if (put.place.empty()) return cannot_leave(origin, put.signature, put.why);
  const std::uint64_t size = replica.size();
  HF_TRY_VOID(replicas_.discard(origin));
  HF_TRY(sync::Replica * kept, replicas_.find_or_create(origin));
  for (const Bytes& body : entries) {
    kept->log().append(body);
    const auto signed_here = notes.find(kept->log().size());
    if (signed_here == notes.end()) continue;
    HF_TRY_VOID(kept->log().commit());
    HF_TRY_VOID(kept->log().put_checkpoint(signed_here->first, signed_here->second));
  }
  HF_TRY_VOID(kept->log().commit());
  kept->reload(keys_);
  HF_TRY_VOID(disk_.remove(leaving_path));
  return Told{
      true, "contradiction-peer", 1,
      fmt::format("the {} entries kept here of {} were not the history that its successor goes on from; they lie in {}",
                  size, origin.text(), put.place)};
}

// Nothing of it can be given to anybody as it stands, and what a site lacks of another's journal it asks for.
Result<std::vector<Branches::Told>> Branches::leave_unopened(const std::function<bool(const Origin&)>& may_be_left) {
  std::vector<Told> out;
  for (const auto& [origin, why] : std::map(replicas_.unopened())) {
    const std::string stays = fmt::format("the copy of {} stays closed: {}", origin.text(), why.text);
    // Of a file that the disk does not open, another try may come out otherwise.
    if (!why.code.starts_with("journal/") || !may_be_left(origin)) {
      out.push_back({false, "journal-damage", 2, stays});
      continue;
    }
    HF_TRY(const Put put, put_beside(origin, kind_of_damage));
    if (put.place.empty()) {
      out.push_back({false, "journal-damage", 2,
                     fmt::format("{}; it cannot be put aside: {}, and start this node again", stays, put.why)});
      continue;
    }
    HF_TRY_VOID(replicas_.discard(origin));
    HF_TRY_VOID(disk_.remove(leaving_path));
    const std::string_view what = std::string_view(why.text).substr(0, why.text.find(" Nothing was changed"));
    out.push_back(
        {true, "journal-damage", 2,
         fmt::format("the copy of {} could not be opened ({}) and lies in {} now. It is fetched again, as far "
                     "as others have it; keep those files until it is known that nothing else was in them",
                     origin.text(), what.substr(0, what.find_last_not_of('.') + 1), put.place)});
  }
  return out;
}

// All files of a copy, in a place of their own beside it; and the note that it is being left.
Result<Branches::Put> Branches::put_beside(const Origin& origin, std::string_view kind) {
  std::string end, place;
  for (std::size_t number = 1;; ++number) {
    end = end_of_place(kind, number);
    place = place_of(origin, end);
    HF_TRY(const std::vector<std::string> there, disk_.list(place));
    if (there.empty()) break;
    if (number == places_max)
      return Put{.place = {},
                 .signature = "journal-damage",
                 .why = "all places are taken; move " + place + " and those before it out of the data directory"};
  }
  // No part of a copy takes the room, or the number, of a whole one; nor after a power failure (put_back).
  Status put = disk_.write_all(leaving_path, as_bytes(leaving_text(origin, end, copy_begun)));
  if (put) put = copy_files(journal::Log::directory(origin), place);
  if (put) put = disk_.write_all(leaving_path, as_bytes(leaving_text(origin, end, copy_whole)));
  if (!put && (put.error().code == "node/bad_file" || put.error().code == "base/disk_full")) {
    HF_TRY_VOID(remove_all(place));
    HF_TRY_VOID(disk_.remove(leaving_path));
    if (put.error().code == "node/bad_file")
      return Put{.place = {}, .signature = "journal-damage", .why = put.error().text};
    return Put{.place = {},
               .signature = "disk-full",
               .why = "the disk has no room; make some in the file system of the data directory"};
  }
  HF_TRY_VOID(put);
  return Put{.place = std::move(place), .signature = {}, .why = {}};
}

// Tried again at the next start only: each try may fill the disk to its end.
Branches::Told Branches::cannot_leave(const Origin& origin, std::string_view signature, std::string_view why) {
  cannot_leave_.insert(origin);
  return {
      false, signature, 2,
      fmt::format("the copy of {} is not the history that its successor goes on from, and cannot be put aside, so that "
                  "site is not followed: {}, and start this node again",
                  origin.text(), why)};
}

// Zeros where a sector cannot be read: what a journal has lost there it can tell, and a site does not end because of
// another's lost history.
Status Branches::copy_files(const std::string& from, const std::string& to) {
  HF_TRY(const std::vector<std::string> names, disk_.list(from));
  for (const std::string& name : names) {
    auto file = disk_.open(fmt::format("{}/{}", from, name));
    if (!file) return fail("node/bad_file", file.error().text + " Check the file system");
    if ((*file)->size() > copied_bytes_max)
      return fail("node/bad_file",
                  fmt::format("{}/{} has {} bytes, more than any file of a journal; find out who put it "
                              "there, move it out of the data directory",
                              from, name, (*file)->size()));
  }
  for (const std::string& name : names) {
    HF_TRY(const std::unique_ptr<File> file, disk_.open(fmt::format("{}/{}", from, name)));
    Bytes bytes(file->size());
    std::set<std::uint64_t> unreadable;
    journal::read_what_can_be_read(*file, 0, bytes, unreadable);
    HF_TRY_VOID(disk_.write_all(fmt::format("{}/{}", to, name), bytes));
  }
  return {};
}

// The power has failed while a copy was being left, and the common part, on which the state may rest, may be gone: all
// is put back as it was, and the copy is left again.
Status Branches::put_back() {
  HF_TRY(const auto note, read_if_there(disk_, leaving_path));
  if (!note) return {};
  const std::optional<Leaving> leaving = parse_leaving(as_text(*note));
  if (leaving && !leaving->is_whole) {
    HF_TRY_VOID(remove_all(leaving->place));
    return disk_.remove(leaving_path);
  }
  HF_TRY(const std::vector<std::string> names,
         leaving ? disk_.list(leaving->place) : Result<std::vector<std::string>>(std::vector<std::string>()));
  if (names.empty())
    return fail(
        "node/bad_file",
        fmt::format("{} names no copy that is on this disk; bring {} back from the backup, or rebuild this site "
                    "(holdfast site rebuild)",
                    leaving_path, leaving ? leaving->place : "it"));
  HF_TRY_VOID(replicas_.discard(leaving->origin));
  HF_TRY_VOID(copy_files(leaving->place, journal::Log::directory(leaving->origin)));
  HF_TRY_VOID(disk_.write_all(leaving_path, as_bytes(leaving_text(leaving->origin, leaving->end, copy_begun))));
  HF_TRY_VOID(remove_all(leaving->place));
  return disk_.remove(leaving_path);
}

Status Branches::remove_all(const std::string& place) {
  HF_TRY(const std::vector<std::string> names, disk_.list(place));
  for (const std::string& name : names) HF_TRY_VOID(disk_.remove(fmt::format("{}/{}", place, name)));
  return {};
}

}  // namespace holdfast::node
