#include "edge/http/pages.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/base/crypto.h"
#include "edge/embedded/embedded.h"
#include "edge/http/text.h"

namespace holdfast::http {
namespace {

namespace fs = std::filesystem;

std::string_view content_type_of(const std::string& extension) {
  static constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
      {".webmanifest", "application/manifest+json"},
  };
  for (const auto& [end, type] : types) {
    if (end == extension) return type;
  }
  return "application/octet-stream";
}

}  // namespace

Result<Pages> Pages::load(const std::string& directory) {
  const auto refused = [&](const std::string& why) {
    return fail("edge/no_pages",
                fmt::format("The pages in {} cannot be served: {}. Build them with `make`, or leave --pages out.",
                            directory, why));
  };
  Pages pages;
  std::error_code error;
  std::size_t bytes_total = 0;
  fs::recursive_directory_iterator walk(directory, error), end;
  if (error) return refused(error.message());
  for (; walk != end; walk.increment(error)) {
    if (error) return refused(error.message());
    const fs::directory_entry& entry = *walk;
    if (entry.path().filename().string().starts_with('.')) {
      walk.disable_recursion_pending();
      continue;
    }
    if (entry.is_symlink(error) || !entry.is_regular_file(error)) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in) return refused(entry.path().string() + " cannot be read");
    bytes_total += bytes.size();
    if (bytes_total > pages_bytes_max) return refused(fmt::format("they hold more than {} MiB", pages_bytes_max >> 20));
    pages.add("/" + entry.path().lexically_relative(directory).generic_string(), std::move(bytes));
  }
  return pages;
}

Pages Pages::embedded() {
  Pages pages;
  for (const embedded::File& file : embedded::pages()) pages.add(std::string(file.path), std::string(file.bytes));
  return pages;
}

void Pages::add(const std::string& path, std::string bytes) {
  File& file = files_[path];
  file.content_type = content_type_of(fs::path(path).extension().string());
  file.etag = "\"" + to_hex(sha256(as_bytes(bytes))).substr(0, 32) + "\"";
  file.never_changes = path.find("/assets/") != std::string::npos;
  file.bytes = std::make_shared<const std::string>(std::move(bytes));
}

std::optional<Response> Pages::find(const Request& request) const {
  auto path = percent_decode(request.path, false);
  if (!path) return std::nullopt;
  if (path->ends_with('/')) *path += "index.html";
  Response response;
  const auto found = files_.find(*path);
  if (found == files_.end()) {
    if (!files_.contains(*path + "/index.html")) return std::nullopt;
    response.status = 308;
    response.content_type = "text/plain; charset=utf-8";
    response.headers.emplace_back("Location", request.path + "/");
    return response;
  }
  const File& file = found->second;
  response.content_type = file.content_type;
  response.headers.emplace_back("ETag", file.etag);
  response.headers.emplace_back("Cache-Control",
                                file.never_changes ? "public, max-age=31536000, immutable" : "no-cache");
  if (!request.if_none_match.empty() && request.if_none_match.find(file.etag) != std::string::npos) {
    response.status = 304;
  } else {
    response.shared_body = file.bytes;
  }
  return response;
}

}  // namespace holdfast::http
