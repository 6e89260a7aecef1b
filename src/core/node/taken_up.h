// For whose journals this mirror counts (protocol 4.6), and what its fellow mirrors have told of them. A mirror that
// has lost what it stored counts for a journal only after it has taken up what the others hold; once it counts it goes
// on counting: what it took up lies on its disk, and so does that it has.
//
// Shape:  two files below the data directory, each with the own origin in its first line and a site below it a line:
//         mirror.taken-up, those for whose journals we count; mirror.known, the chain's, at the last start. Of another
//         epoch of ours they say nothing. What was told is of this start, and in memory alone.
// Errors: base/disk_*: the process must end (1.2).
// Thread: one.
// Source: protocol 4.6, 4.7.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/base/world.h"
#include "core/chain/chain.h"
#include "core/journal/note.h"
#include "core/sync/replica.h"

namespace holdfast::node {

class TakenUp {
 public:
  explicit TakenUp(Disk& disk) : disk_(disk) {}

  // At the start, once, when the copies are open: what the files and the copies say.
  Status load(const Origin& own, const chain::ChainFile& chain, const sync::Replicas& replicas);

  bool contains(const SiteName& owner) const { return sites_.contains(owner); }
  // Durable on return.
  Status add(const SiteName& owner);
  Status remove(const SiteName& owner);
  Status clear();

  struct Told {
    Origin origin;
    std::optional<journal::SignedCheckpoint> longest = {};  // nullopt: holds nothing of it
    std::uint64_t size() const { return longest ? longest->checkpoint.size : 0; }
  };
  // By whom, and what he has told last of this site; nobody yet: empty.
  const std::map<SiteName, Told>& told_of(const SiteName& owner) { return told_[owner]; }
  // A new word of his, of this origin; the caller fills it in.
  Told& begin_told(const SiteName& owner, const SiteName& by, const Origin& of) {
    return told_[owner][by] = Told{of, {}};
  }
  std::uint64_t longest_told(const Origin& origin) const;  // 0: nobody has told of it

 private:
  Result<std::optional<std::set<SiteName>>> load_names(std::string_view path) const;
  Status save_names(std::string_view path, const std::set<SiteName>& names);
  Status save();

  Disk& disk_;
  std::string own_;  // origin
  std::set<SiteName> sites_;
  std::map<SiteName, std::map<SiteName, Told>> told_;  // journal's site -> mirror -> its longest
};

}  // namespace holdfast::node
