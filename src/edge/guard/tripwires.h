// Holdfast's own tripwires on the disk: canary files, key files, the chain file, and the journal.
//
// How our own writes are told from others': by the kernel, which says of each change who made it. fanotify reports the
// process of a change; of a listener without privilege it hides every process but the listener's own (Linux 5.13 and
// later), which is all that is asked here. What lies below journals/ and keys/ is written by this process and by no
// other, so a change by any other process is one too many, however small, and one of ours never counts, however busy
// the tills are.
//
// Shape:  descriptors() are readable when there may be news; take() hands it over, and marks what is new (directories
//         of new epochs). Where fanotify is not to be had for the data directory, files in it that this process does
//         not write by itself (keys, chain file, segments of the site's own journals that are not the last) are
//         compared at each take() by size, inode, time of change and content instead; a change of the last segment is
//         then found only by its hashes, at the next start or `journal verify`. Journals of others are left out there:
//         this process throws a history away that was lost, and who cannot tell it from a stranger would seal for it.
//         weak(): this is so, or canaries are compared for want of fanotify. A canary on a file system that has none
//         makes nothing else weak (canaries.h), and neither construction nor take() waits for one.
// Errors: a file that cannot be looked at, but for one that is not there, is as it was.
// Not seen: changes through a memory map (the kernel tells nobody), and what happens before watching begins.
//           docs/threat-model.md.
// Thread: one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "edge/guard/canaries.h"
#include "edge/guard/file_look.h"
#include "edge/guard/touched.h"

namespace holdfast::guard {

class Tripwires {
 public:
  struct Settings {
    std::string data, site;
    std::vector<std::string> canaries;
    bool journal = true, keys = true;
    bool weak = false;  // for tests: as if there were no fanotify
    Canaries::Look look_at_canary = look_at;
  };
  explicit Tripwires(Settings settings);

  std::vector<int> descriptors() const;
  bool weak() const { return weak_ || canaries_.weak(); }
  std::vector<Touched> take();
  std::vector<Canaries::News> news() { return canaries_.news(); }

 private:
  void mark_all();
  void mark(const FanGroup& group, const std::string& path, bool is_directory);
  void mark_tree(const FanGroup& group, const std::string& directory);
  std::map<std::string, std::pair<std::string, FileLook>> look_at_all() const;  // path -> signature, look

  Settings settings_;
  bool weak_ = false;  // in the data directory
  Canaries canaries_;
  std::vector<FanGroup> groups_;
  std::map<std::string, std::pair<std::string, FileLook>> looks_;  // weak: as they were
};

}  // namespace holdfast::guard
