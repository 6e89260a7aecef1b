#include "edge/trade/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
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

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

// Reads a descriptor that its FeedSource owns, and adds what passes to the digest.
class HashedSource : public ByteSource {
 public:
  HashedSource(int fd, EVP_MD_CTX* digest, std::string path) : fd_(fd), digest_(digest), path_(std::move(path)) {}
  Result<std::size_t> read(std::span<char> into) override {
    for (;;) {
      const ::ssize_t got = ::read(fd_, into.data(), into.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail("trade/no_file", fmt::format("{} cannot be read: {}.", path_, std::strerror(errno)));
      EVP_DigestUpdate(digest_, into.data(), static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
  }

 private:
  int fd_;
  EVP_MD_CTX* digest_;
  std::string path_;
};

class OpenFeedSource : public FeedSource {
 public:
  OpenFeedSource(int fd, std::string path) : fd_(fd), path_(std::move(path)), digest_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
  }
  OpenFeedSource(const OpenFeedSource&) = delete;
  OpenFeedSource& operator=(const OpenFeedSource&) = delete;
  ~OpenFeedSource() override { ::close(fd_); }
  FileIdentity identity() const override {
    struct stat s {};
    if (::fstat(fd_, &s) != 0) return {};
    const auto ns = [](const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
    return {s.st_ino, static_cast<std::uint64_t>(s.st_size), ns(s.st_mtim), ns(s.st_ctim)};
  }
  Result<std::unique_ptr<ByteSource>> bytes() override {
    constexpr unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    unsigned char head[4] = {};
    const bool packed = ::pread(fd_, head, 4, 0) == 4 && std::memcmp(head, magic, 4) == 0;
    std::unique_ptr<ByteSource> source = std::make_unique<HashedSource>(fd_, digest_.get(), path_);
    if (packed) source = std::make_unique<ZstdSource>(std::move(source), path_);
    return source;
  }
  Hash sha256() override {
    Hash hash{};
    EVP_DigestFinal_ex(digest_.get(), reinterpret_cast<unsigned char*>(hash.data()), nullptr);
    return hash;
  }

 private:
  int fd_;
  std::string path_;
  Digest digest_;
};

class BoundedSource : public ByteSource {
 public:
  BoundedSource(std::unique_ptr<ByteSource> source, std::uint64_t bytes_max)
      : source_(std::move(source)), bytes_max_(bytes_max), left_(bytes_max) {}
  Result<std::size_t> read(std::span<char> into) override {
    HF_TRY(const std::size_t got, source_->read(into));
    if (got > left_)
      return fail(
          "trade/too_large",
          fmt::format("It holds more than {} bytes, unpacked, which is more than an export can be: look at what "
                      "writes it, or export it in parts.",
                      bytes_max_));
    left_ -= got;
    return got;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::uint64_t bytes_max_, left_;
};

class Windows1252Source : public ByteSource {
 public:
  explicit Windows1252Source(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  Result<std::size_t> read(std::span<char> into) override {
    if (at_ == utf8_.size()) HF_TRY_VOID(convert_more());
    const std::size_t size = std::min(into.size(), utf8_.size() - at_);
    std::memcpy(into.data(), utf8_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  // Up to three bytes for one, which wait here: a caller that has room for one alone is not told that it was the end.
  Status convert_more() {
    // Its 0x80 to 0x9f; 0: a byte that stands for nothing, and becomes U+FFFD.
    static constexpr std::array<std::uint16_t, 32> high = {
        0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};
    std::array<char, 4096> bytes;
    HF_TRY(const std::size_t got, source_->read(bytes));
    utf8_.clear();
    at_ = 0;
    const auto put = [&](unsigned byte) { utf8_ += static_cast<char>(byte); };
    for (std::size_t i = 0; i < got; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      std::uint16_t code = byte;
      if (byte >= 0x80 && byte < 0xa0) code = high[byte - 0x80] == 0 ? std::uint16_t{0xfffd} : high[byte - 0x80];
      if (code < 0x80) {
        put(code);
      } else if (code < 0x800) {
        put(0xc0u | (code >> 6));
        put(0x80u | (code & 0x3f));
      } else {
        put(0xe0u | (code >> 12));
        put(0x80u | ((code >> 6) & 0x3f));
        put(0x80u | (code & 0x3f));
      }
    }
    return {};
  }

  std::unique_ptr<ByteSource> source_;
  std::string utf8_;  // from at_ on: converted, and not handed out yet
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
  if (std::fseek(file.get(), 0, SEEK_SET) != 0)
    return fail("trade/no_file", fmt::format("{} cannot be read from its beginning: {}.", path, std::strerror(errno)));
  std::unique_ptr<ByteSource> source = std::make_unique<FileSource>(std::move(file), path);
  if (packed) source = std::make_unique<ZstdSource>(std::move(source), path);
  return source;
}

Result<std::unique_ptr<FeedSource>> FeedSource::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fail("trade/no_file", fmt::format("{} cannot be opened: {}.", path, std::strerror(errno)));
  auto source = std::make_unique<OpenFeedSource>(fd, path);
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return fail("trade/no_file", fmt::format("{} is no plain file.", path));
  return std::unique_ptr<FeedSource>(std::move(source));
}

std::unique_ptr<ByteSource> from_windows_1252(std::unique_ptr<ByteSource> source) {
  return std::make_unique<Windows1252Source>(std::move(source));
}

std::unique_ptr<ByteSource> at_most(std::unique_ptr<ByteSource> source, std::uint64_t bytes_max) {
  return std::make_unique<BoundedSource>(std::move(source), bytes_max);
}

std::unique_ptr<ByteSource> text_source(std::string text, std::size_t step) {
  return std::make_unique<TextSource>(std::move(text), step);
}

}  // namespace holdfast::trade
