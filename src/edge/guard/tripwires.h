// Holdfast's own tripwires on the disk: canary files, key files, the chain file, and the journal.
//
// How our own writes are told from others': by the kernel, which says of each change who made it. fanotify reports the
// process of a change; of a listener without privilege it hides every process but the listener's own (Linux 5.13 and
// later), which is all that is asked here. What lies below journals/ and keys/ is written by this process and by no
// other, so a change by any other process is one too many, however small, and one of ours never counts, however busy
// the tills are.
//
// Shape:  one fanotify group for each signature, so that a change says what was touched. descriptors() are readable
//         when there may be news; take() hands it over, and marks what is new (directories of new epochs, a canary put
//         back). Where fanotify is not to be had, weak() is true: files that this process does not write by itself
//         (canaries, keys, chain file, segments of the site's own journals that are not the last) are compared at each
//         take() by size, inode, time of change and content instead; a change of the last segment is then found only by
//         its hashes, at the next start or `journal verify`. Journals of others are left out there: this process
//         throws a history away that was lost, and who cannot tell it from a stranger would seal for it.
// Not seen: changes through a memory map (the kernel tells nobody), and what happens before watching begins.
//           docs/threat-model.md.
// Thread: one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/crypto.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::guard {

struct Touched {
  std::string signature;  // canary, journal, keys, chain-file, overflow
  std::string text;
};

class Tripwires {
 public:
  struct Settings {
    std::string data, site;
    std::vector<std::string> canaries;
    bool journal = true, keys = true;
    bool weak = false;  // for tests: as if there were no fanotify
  };
  explicit Tripwires(Settings settings);

  std::vector<int> descriptors() const;
  bool weak() const { return weak_; }
  std::vector<std::string> missing() const;  // canaries that are not there
  std::vector<Touched> take();

 private:
  struct Group {
    std::string signature, what;  // "journal", "the journal"
    edge::Descriptor fan;
  };
  struct Look {
    bool there = false;
    std::uint64_t size = 0, inode = 0;
    std::int64_t changed_ns = 0;
    Hash content{};
    bool operator==(const Look&) const = default;
  };
  void mark_all();
  void mark(const Group& group, const std::string& path, bool is_directory);
  void mark_tree(const Group& group, const std::string& directory);
  void read_events(const Group& group, std::vector<Touched>& out) const;
  static Look look_at(const std::string& path, bool content);
  std::map<std::string, std::pair<std::string, Look>> look_at_all() const;  // path -> signature, look

  Settings settings_;
  bool weak_ = false;
  std::vector<Group> groups_;
  std::map<std::string, std::pair<std::string, Look>> looks_;  // weak: as they were
};

}  // namespace holdfast::guard
