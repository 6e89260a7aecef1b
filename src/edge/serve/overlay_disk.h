// A disk that reads another one and keeps every change in memory: what core would do to a data directory can be looked
// at, also while its node runs, and nothing is written.
//
// Shape:  files made or replaced here hide those below; removed ones are gone. `hidden`: names of top directories that
//         are shown as empty (snapshots, to see what the journal alone says).
// Thread: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/base/world.h"

namespace holdfast::serve {

class OverlayDisk final : public Disk {
 public:
  explicit OverlayDisk(Disk& below, std::set<std::string> hidden = {}) : below_(below), hidden_(std::move(hidden)) {}

  Result<std::vector<std::string>> list(std::string_view directory) override;
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override;
  Result<std::unique_ptr<File>> open(std::string_view path) override;
  Result<Bytes> read_all(std::string_view path) override;
  Status write_all(std::string_view path, ByteView bytes) override;
  Status remove(std::string_view path) override;

 private:
  using Content = std::shared_ptr<Bytes>;
  bool is_hidden(std::string_view path) const;

  Disk& below_;
  const std::set<std::string> hidden_;
  std::map<std::string, Content, std::less<>> changed_;  // null: removed
};

}  // namespace holdfast::serve
