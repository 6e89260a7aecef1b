// Where an importer's bytes come from: a file, plain or Zstandard-compressed.
//
// Shape:  a file that starts with the Zstandard magic number is decompressed while it is read, whatever it is called.
// Errors: trade/no_file: cannot be opened, or a read failed. trade/bad_zstd: damaged or cut short.
//         trade/too_large: of at_most().
// Source: RFC 8878 (Zstandard).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/base/crypto.h"
#include "core/base/result.h"

namespace holdfast::trade {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next bytes, at least one; 0 at the end.
  virtual Result<std::size_t> read(std::span<char> into) = 0;
};

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);

// Which bytes lie under a name: two looks at a file that was not touched between them are equal.
struct FileIdentity {
  std::uint64_t inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};
// A file of a folder that others write into: no link is followed, nothing but a plain file is opened.
// Errors: trade/no_file. Lifetime: sources() of it must not outlive it.
class FeedSource {
 public:
  static Result<std::unique_ptr<FeedSource>> open(const std::string& path);
  virtual ~FeedSource() = default;
  virtual FileIdentity identity() const = 0;
  // Its bytes, decompressed if they are Zstandard's; to be read to the end once.
  virtual Result<std::unique_ptr<ByteSource>> bytes() = 0;
  // SHA-256 of the file as it lies there, when bytes() has been read to its end.
  virtual Hash sha256() = 0;
};
// Windows-1252 to UTF-8, as tills of the last century write.
std::unique_ptr<ByteSource> from_windows_1252(std::unique_ptr<ByteSource> source);
// trade/too_large behind so many bytes: what is packed small may be anything.
std::unique_ptr<ByteSource> at_most(std::unique_ptr<ByteSource> source, std::uint64_t bytes_max);
// For tests and for text that is already here; hands out at most `step` bytes at a time.
std::unique_ptr<ByteSource> text_source(std::string text, std::size_t step = 7);

}  // namespace holdfast::trade
