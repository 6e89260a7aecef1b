// Where an importer's bytes come from: a file, plain or Zstandard-compressed.
//
// Shape:  a file that starts with the Zstandard magic number is decompressed while it is read, whatever it is called.
// Errors: trade/no_file: cannot be opened, or a read failed. trade/bad_zstd: damaged or cut short.
// Source: RFC 8878 (Zstandard).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"

namespace holdfast::trade {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next bytes, at least one; 0 at the end.
  virtual Result<std::size_t> read(std::span<char> into) = 0;
};

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);
// For tests and for text that is already here; hands out at most `step` bytes at a time.
std::unique_ptr<ByteSource> text_source(std::string text, std::size_t step = 7);

}  // namespace holdfast::trade
