// For tests: a directory of its own under TMPDIR (or `under`), removed at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "core/base/check.h"

namespace holdfast::edge {

class ScratchDirectory {
 public:
  explicit ScratchDirectory(std::string under = std::filesystem::temp_directory_path()) {
    path_ = std::move(under) + "/holdfast-test-XXXXXX";
    HF_CHECK(::mkdtemp(path_.data()) != nullptr, "mkdtemp {}", path_);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace holdfast::edge
