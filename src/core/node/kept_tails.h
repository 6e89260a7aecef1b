// Pieces of other sites' tails, kept here for the machine that took the place of the one that wrote them (protocol 5.3,
// 6.4): the old one may go as soon as its piece is durable here.
//
// Shape:  one file a piece below tails/ (recovery::tail_path), and an empty one beside it, with ".taken", when it has
//         been taken. Only their places are in memory; at most tails_a_site_max of a site that are not taken.
// Errors: keep(): node/refused (too many of that site), sync/bad_message; nothing was kept. keep(), taken():
//         base/disk_full: all is as it was before; nothing rests on these files, so for want of room alone nobody has
//         to end (1.2). Any other base/disk_*: the process must. A piece that cannot be read, or is another, is no
//         error: read() gives nothing, load() tells it. It is no hole of a journal: how much was in it is not known,
//         and no mirror of ours has it. Its sender offers it again with its next link, if it still has one (6.4).
// Lifetime, thread: the keys outlive it. One thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "core/base/world.h"
#include "core/sync/keyring.h"
#include "core/sync/messages.h"

namespace holdfast::node {

inline constexpr std::size_t tails_a_site_max = 1000;

class KeptTails {
 public:
  KeptTails(Disk& disk, const sync::KeyRing& keys) : disk_(disk), keys_(keys) {}

  struct Lost {
    std::string first;  // path
    std::size_t count = 0;
  };
  // At the start, once. What cannot be read is not kept any more, and told.
  Result<Lost> load();
  // One that is not here. Durable on return.
  Status keep(const sync::Tail& tail);
  // Of older epochs of this site than that, by path.
  std::deque<std::string> paths_for(const SiteName& site, std::uint32_t epoch) const;
  bool contains(const std::string& path) const { return origins_.contains(path); }
  std::optional<sync::Tail> read(const std::string& path) const;
  // It cannot be read any more.
  void forget(const std::string& path) { origins_.erase(path); }
  // Its site has taken it. Durable on return; one that is not here changes nothing.
  Status taken(const std::string& path);
  static std::string taken_path(const std::string& path);  // of the file that says so

 private:
  Disk& disk_;
  const sync::KeyRing& keys_;
  std::map<std::string, Origin> origins_;  // whose each piece is, by path
};

}  // namespace holdfast::node
