// Copies of others' journals that this machine cannot go on with: those that hold another history than the one that
// their owner's successor has kept (protocol 4.3, 5.2), and those that cannot be opened (13.94); and how one is left.
//
// Shape:  what was there stays on the disk beside the journal, at most eight times of each kind, as evidence and for
//         who wants to know what was in it. Of another history, what both have is kept in its place, for the state may
//         rest on it. While one is being left, the file leaving-copy names it, and says whether what was there lies
//         whole in its place.
// Errors: journal/damaged: a hole in the way, which is mended first. node/bad_file: put_back() finds no copy to put
//         back. base/disk_*: the process must end (1.2). A disk without room for a copy is no error (Told).
// After:  a crash amid leave() or leave_unopened(): put_back() undoes it.
// Lifetime, thread: copies, keys and state outlive it. One thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/world.h"
#include "core/fold/state.h"
#include "core/sync/keyring.h"
#include "core/sync/replica.h"

namespace holdfast::node {

class Branches {
 public:
  Branches(Disk& disk, sync::Replicas& replicas, const sync::KeyRing& keys, const fold::State& state)
      : disk_(disk), replicas_(replicas), keys_(keys), state_(state) {}

  // At the start, before the copies are opened.
  Status put_back();
  // Copies of other sites than ours that are lost, as far as it can be seen now; asked all the time.
  Result<std::vector<Origin>> lost(const SiteName& ours);
  // It was left, or stays for good: lost() does not name it again for this successor.
  void settled(const Origin& origin);
  struct Told {
    bool is_left = false;  // else it stays as it is, and is not tried again before the next start
    std::string_view signature;
    std::uint8_t severity = 0;
    std::string text;
  };
  // What people are to be told; nullopt: it stays as it is. Checkpoints of what is kept stay each `piece_bytes`, so
  // that it can be given in pieces.
  Result<std::optional<Told>> leave(const Origin& origin, std::size_t piece_bytes);
  // Once the state is whole: copies that are closed for what stands in them are left, if they may be; there is nothing
  // in their places then. What is to be told of each that is closed; one that is not left stays among the unopened.
  Result<std::vector<Told>> leave_unopened(const std::function<bool(const Origin&)>& may_be_left);

 private:
  struct Put {
    std::string place;           // empty: nothing was put there
    std::string_view signature;  // of what leave() tells then
    std::string why;
  };
  Result<Put> put_beside(const Origin& origin, std::string_view kind);
  Told cannot_leave(const Origin& origin, std::string_view signature, std::string_view why);
  Status copy_files(const std::string& from, const std::string& to);
  Status remove_all(const std::string& place);

  Disk& disk_;
  sync::Replicas& replicas_;
  const sync::KeyRing& keys_;
  const fold::State& state_;
  std::map<Origin, Hash> compared_;  // copies of old epochs, by the root that their successor kept
  std::set<Origin> cannot_leave_;    // lost ones for which there was no place; it has been said
};

}  // namespace holdfast::node
