// What tripwires tell: that another process touched something; and how the kernel says so (fanotify).
//
// Shape:  one fanotify group for each signature, so that a change says what was touched. Our own changes never count.
// Thread: mark() from any, and it waits as long as the path's file system makes it; read() never waits.
#pragma once

#include <string>
#include <vector>

#include "edge/posix/posix_disk.h"

namespace holdfast::guard {

struct Touched {
  std::string signature;  // canary, journal, keys, chain-file, overflow
  std::string text;
};

class FanGroup {
 public:
  // "journal", "the journal". Not valid where fanotify is not to be had, or not wanted.
  FanGroup(std::string signature, std::string what, bool wanted);
  bool valid() const { return fan_.valid(); }
  int descriptor() const { return fan_.get(); }
  const std::string& signature() const { return signature_; }
  int mark(const std::string& path, bool is_directory) const;  // 0, or errno
  void read(std::vector<Touched>& out) const;

 private:
  std::string signature_, what_;
  edge::Descriptor fan_;
};

}  // namespace holdfast::guard
