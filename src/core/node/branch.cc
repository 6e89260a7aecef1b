// A copy that holds another history than the one that its owner's successor has kept (protocol 4.3, 5.2).
#include <fmt/format.h>

#include <algorithm>

#include "core/base/read_file.h"
#include "core/journal/peek.h"
#include "core/journal/window.h"
#include "core/node/closing.h"
#include "core/node/node_impl.h"

namespace holdfast::node {
namespace {
constexpr std::size_t branches_max = 8;               // of one journal
constexpr std::uint64_t copied_bytes_max = 1u << 30;  // of one file, all of it in memory; no journal's comes near it
// While a branch is being left: of which journal, and its number. What was there lies whole in its place then.
constexpr std::string_view leaving_path = "leaving-branch";

std::string place_of(const Origin& origin, std::size_t branch) {
  return fmt::format("{}.branch-{}", journal::Log::directory(origin), branch);
}
}  // namespace

// Whoever holds at least as much as was kept can see it at once; who holds less, when the successor gives him the rest
// (on Entries).
Status NodeImpl::leave_lost_branches() {
  if (keys_.registrations() == 0) return {};  // no site has had a second epoch, as mostly; this is asked all the time
  std::vector<Origin> lost;
  for (const auto& [origin, replica] : replicas_.all()) {
    const chain::Registration* next = origin.site == me_->name ? nullptr : successor_of(origin);
    if (next == nullptr) continue;
    Hash& compared = compared_with_kept_[origin];
    if (compared == next->kept_root) continue;
    HF_TRY(const std::optional<bool> differs, differs_from_kept(*replica, *next));
    if (differs == false) compared = next->kept_root;
    if (differs == true) lost.push_back(origin);
  }
  for (const Origin& origin : lost) {
    const Result<bool> left = leave_branch(origin);
    if (!left && left.error().code == "journal/damaged") continue;  // what both have is mended first
    if (!left) return pass_on(left.error());
    compared_with_kept_[origin] = successor_of(origin)->kept_root;
    if (*left) want(origin.site);
  }
  return {};
}

// Nothing of it was cosigned where it differs, and its owner's people have decided (5.2). It stays on the disk beside
// the journal, as evidence and for who wants to know what was in it; what both histories have is kept in its place, for
// the state may rest on it. False: it stays as it is.
Result<bool> NodeImpl::leave_branch(const Origin& origin) {
  if (cannot_leave_.contains(origin)) return false;
  sync::Replica& replica = *replicas_.find(origin);
  const auto part = state_.peers.find(origin.site);
  if (part != state_.peers.end() && part->second.origin.epoch > origin.epoch) return false;  // the state is beyond it
  const std::uint64_t followed = part != state_.peers.end() && part->second.origin == origin ? part->second.size : 0;
  std::string note = replica.log().checkpoint_at_most(std::max(followed, replica.cosigned_size()));
  const auto checkpoint = journal::peek_checkpoint(note);
  const std::uint64_t signed_size = checkpoint ? checkpoint->size : 0;
  // A promoted spare has copied in larger pieces than its node had followed in.
  const std::uint64_t common = std::max(followed, signed_size);
  if (common > replica.size() || !replica.is_hashed()) return false;
  std::vector<Bytes> entries;
  std::vector<std::uint64_t> sizes;  // of checkpoints that are kept with them, so that it can be given in pieces
  std::size_t bytes = 0;
  HF_TRY_VOID(replica.log().scan(0, common, [&](EntryIndex index, ByteView body) -> Status {
    entries.push_back(to_bytes(body));
    bytes += body.size();
    if (bytes < unsigned_bytes_max || replica.log().next_checkpoint_size(index) != index + 1) return {};
    sizes.push_back(index + 1);
    bytes = 0;
    return {};
  }));
  std::map<std::uint64_t, std::string> notes;
  for (const std::uint64_t size : sizes)
    if (std::string each = replica.log().checkpoint_at_most(size); !each.empty()) notes.emplace(size, std::move(each));
  if (signed_size > 0) notes.emplace(signed_size, std::move(note));
  std::size_t branch = 1;
  for (;; ++branch) {
    HF_TRY(const std::vector<std::string> there, world_.disk.list(place_of(origin, branch)));
    if (there.empty()) break;
    if (branch == branches_max)
      return cannot_leave(
          origin, "journal-damage",
          "all places are taken; move " + place_of(origin, branch) + " and those before it out of the data directory");
  }
  const std::string place = place_of(origin, branch);
  Status copied = copy_files(journal::Log::directory(origin), place);
  if (!copied && copied.error().code == "node/bad_file") return false;  // nothing was written
  if (copied) copied = world_.disk.write_all(leaving_path, as_bytes(fmt::format("{} {}", origin.text(), branch)));
  if (!copied && copied.error().code == "base/disk_full") {
    // No part of a copy takes the room, or the number, of a whole one.
    HF_TRY(const std::vector<std::string> names, world_.disk.list(place));
    for (const std::string& name : names) HF_TRY_VOID(world_.disk.remove(fmt::format("{}/{}", place, name)));
    return cannot_leave(origin, "disk-full",
                        "the disk has no room; make some in the file system of the data directory");
  }
  HF_TRY_VOID(copied);
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
  HF_TRY_VOID(world_.disk.remove(leaving_path));
  trip(
      "contradiction-peer", 1,
      fmt::format("the {} entries kept here of {} were not the history that its successor goes on from; they lie in {}",
                  size, origin.text(), place_of(origin, branch)));
  return true;
}

// Tried again at the next start only: each try may fill the disk to its end.
bool NodeImpl::cannot_leave(const Origin& origin, std::string_view signature, std::string_view why) {
  cannot_leave_.insert(origin);
  trip(
      signature, 2,
      fmt::format("the copy of {} is not the history that its successor goes on from, and cannot be put aside, so that "
                  "site is not followed: {}, and start this node again",
                  origin.text(), why));
  return false;
}

// Zeros where a sector cannot be read: what a journal has lost there it can tell, and a site does not end because of
// another's lost history.
Status NodeImpl::copy_files(const std::string& from, const std::string& to) {
  HF_TRY(const std::vector<std::string> names, world_.disk.list(from));
  for (const std::string& name : names) {
    HF_TRY(const std::unique_ptr<File> file, world_.disk.open(fmt::format("{}/{}", from, name)));
    if (file->size() > copied_bytes_max)
      return fail("node/bad_file",
                  fmt::format("{}/{} has {} bytes, more than any file of a journal; find out who put it "
                              "there, move it out of the data directory, and start again",
                              from, name, file->size()));
  }
  for (const std::string& name : names) {
    HF_TRY(const std::unique_ptr<File> file, world_.disk.open(fmt::format("{}/{}", from, name)));
    Bytes bytes(file->size());
    std::set<std::uint64_t> unreadable;
    journal::read_what_can_be_read(*file, 0, bytes, unreadable);
    HF_TRY_VOID(world_.disk.write_all(fmt::format("{}/{}", to, name), bytes));
  }
  return {};
}

// The power has failed while a branch was being left, and the common part, on which the state may rest, may be gone:
// all is put back as it was, and the branch is left again.
Status NodeImpl::put_back_branch() {
  HF_TRY(const auto note, read_if_there(world_.disk, leaving_path));
  if (!note) return {};
  const std::string_view text = as_text(*note);
  const std::size_t space = std::min(text.find(' '), text.size());
  const auto origin = parse_origin(text.substr(0, space));
  std::size_t branch = 0;
  for (std::size_t n = 1; n <= branches_max; ++n)
    if (text.substr(space) == fmt::format(" {}", n)) branch = n;
  const std::string place = origin && branch != 0 ? place_of(*origin, branch) : std::string();
  HF_TRY(const std::vector<std::string> names,
         place.empty() ? Result<std::vector<std::string>>(std::vector<std::string>()) : world_.disk.list(place));
  if (names.empty())
    return fail(
        "node/bad_file",
        fmt::format("{} names no branch that is on this disk; bring {} back from the backup, or rebuild this site "
                    "(holdfast site rebuild)",
                    leaving_path, place.empty() ? "it" : place));
  HF_TRY_VOID(replicas_.discard(*origin));
  HF_TRY_VOID(copy_files(place, journal::Log::directory(*origin)));
  HF_TRY_VOID(world_.disk.remove(leaving_path));
  for (const std::string& name : names) HF_TRY_VOID(world_.disk.remove(fmt::format("{}/{}", place, name)));
  return {};
}

}  // namespace holdfast::node
