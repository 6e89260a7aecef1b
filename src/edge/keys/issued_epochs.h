// The memory of a recovery key's folder: which epoch numbers it has helped to give out (protocol 5.1).
//
// Shape:  DIR/issued-epochs: lines "<chain> <site> <epoch> <time>", only ever appended, each append synced. It is made
//         with its first line: a copy that was taken right after the keys were made must not look like a memory.
// Errors: keys/bad_file: a line is damaged; nothing is issued until a person has looked. keys/epoch_taken. keys/failed.
// Thread: two programs at once wait for one another (flock).
#pragma once

#include <map>
#include <string>

#include "core/base/ids.h"
#include "core/base/values.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::keys {

class IssuedEpochs {
 public:
  static Result<IssuedEpochs> open(const std::string& folder);

  std::uint32_t newest(std::string_view chain, const SiteName& site) const;  // 0: none
  Status remember(std::string_view chain, const std::vector<std::pair<SiteName, std::uint32_t>>& epochs, Instant now);

 private:
  explicit IssuedEpochs(std::string path) : path_(std::move(path)) {}
  Status lock();
  Status read();
  std::string path_;
  edge::Descriptor file_;  // invalid: not there yet
  std::map<std::pair<std::string, SiteName>, std::uint32_t> newest_;
};

}  // namespace holdfast::keys
