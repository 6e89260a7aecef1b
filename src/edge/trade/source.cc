#include "edge/trade/source.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace holdfast::trade {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

class FileSource : public ByteSource {
 public:
  FileSource(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Result<std::size_t> read(std::span<char> into) override {
    const std::size_t got = std::fread(into.data(), 1, into.size(), file_.get());
    if (got == 0 && std::ferror(file_.get()) != 0) {
      return fail("trade/no_file", fmt::format("{} cannot be read: {}.", path_, std::strerror(errno)));
    }
    return got;
  }

 private:
  File file_;
  std::string path_;
};

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

class ZstdSource : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> packed, std::string path)
      : packed_(std::move(packed)), path_(std::move(path)), stream_(ZSTD_createDStream()), in_(ZSTD_DStreamInSize()) {
    // A frame may ask for a window of gigabytes; 128 MiB is what `zstd --ultra -22` needs.
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, 27);
  }
  Result<std::size_t> read(std::span<char> into) override {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos == 0) {
      if (buffer_.pos == buffer_.size) {
        HF_TRY(const std::size_t got, packed_->read(in_));
        if (got == 0) {
          if (in_frame_) return fail("trade/bad_zstd", fmt::format("{} ends in the middle: fetch it again.", path_));
          return std::size_t{0};
        }
        buffer_ = {in_.data(), got, 0};
      }
      const std::size_t hint = ZSTD_decompressStream(stream_.get(), &out, &buffer_);
      if (ZSTD_isError(hint) != 0) {
        return fail("trade/bad_zstd",
                    fmt::format("{} is damaged ({}): fetch it again.", path_, ZSTD_getErrorName(hint)));
      }
      in_frame_ = hint != 0;
    }
    return out.pos;
  }

 private:
  std::unique_ptr<ByteSource> packed_;
  std::string path_;
  std::unique_ptr<ZSTD_DStream, FreeStream> stream_;
  std::vector<char> in_;
  ZSTD_inBuffer buffer_{nullptr, 0, 0};
  bool in_frame_ = true;
};

class TextSource : public ByteSource {
 public:
  TextSource(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
  Result<std::size_t> read(std::span<char> into) override {
    const std::size_t size = std::min({step_, into.size(), text_.size() - at_});
    std::memcpy(into.data(), text_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t step_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path) {
  File file(std::fopen(path.c_str(), "rbe"));
  struct stat status {};
  if (!file || ::fstat(::fileno(file.get()), &status) != 0) {
    return fail("trade/no_file", fmt::format("{} cannot be opened: {}.", path, std::strerror(errno)));
  }
  if (S_ISDIR(status.st_mode)) return fail("trade/no_file", fmt::format("{} is a directory, not a file.", path));
  constexpr unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
  unsigned char head[4] = {};
  const bool packed = std::fread(head, 1, 4, file.get()) == 4 && std::memcmp(head, magic, 4) == 0;
  std::rewind(file.get());
  std::unique_ptr<ByteSource> source = std::make_unique<FileSource>(std::move(file), path);
  if (packed) source = std::make_unique<ZstdSource>(std::move(source), path);
  return source;
}

std::unique_ptr<ByteSource> text_source(std::string text, std::size_t step) {
  return std::make_unique<TextSource>(std::move(text), step);
}

}  // namespace holdfast::trade
