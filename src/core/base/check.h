// HF_CHECK(condition, format, ...): a broken program stops here, release builds too, and prints what it saw.
// Never for input: bytes from disk, peers, HTTP and files get a Result.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace holdfast {
[[noreturn]] inline void check_failed(const char* file, int line, const char* condition, const std::string& saw) {
  std::fprintf(stderr, "%s:%d: check failed: %s: %s\n", file, line, condition, saw.c_str());
  std::abort();
}
}  // namespace holdfast

#define HF_CHECK(condition, ...)                                                          \
  do {                                                                                    \
    if (!(condition)) [[unlikely]]                                                        \
      ::holdfast::check_failed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)); \
  } while (false)
