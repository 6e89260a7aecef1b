// Where published vectors and recorded data lie that are not in this repository (CONTRIBUTING, "Data from outside"): in
// the directory that HF_SHARED names, else in ../shared beside the sources. A test skips itself where it has none.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace holdfast {

inline std::filesystem::path path_in_shared(std::string_view below) {
  const char* given = std::getenv("HF_SHARED");
  const std::filesystem::path beside = std::filesystem::path(HF_SOURCE_DIR) / ".." / "shared";
  return (given != nullptr ? std::filesystem::path(given) : beside) / below;
}
inline constexpr const char* not_in_shared = "not below ../shared nor HF_SHARED (CONTRIBUTING, \"Data from outside\")";

}  // namespace holdfast
