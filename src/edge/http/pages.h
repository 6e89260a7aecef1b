// The pages' files, served from memory: those that the program carries inside, or a directory's, read once at start. A
// request can name nothing that is not in the table.
//
// Shape:  "/till/index.html" -> bytes, content type, ETag. Regular files only; links and dot-files are left out. A path
//         that ends in '/' means its index.html; a directory without the slash is sent there. Files below /assets/ have
//         hashed names and never change; all others are asked for again each time.
// Errors: edge/no_pages: the directory cannot be read, or holds more than pages_bytes_max.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "edge/http/message.h"

namespace holdfast::http {

inline constexpr std::size_t pages_bytes_max = 64u << 20;

class Pages {
 public:
  static Result<Pages> load(const std::string& directory);
  static Pages embedded();
  Pages() = default;  // none
  // nullopt: there is no such page.
  std::optional<Response> find(const Request& request) const;
  std::size_t count() const { return files_.size(); }

 private:
  struct File {
    std::shared_ptr<const std::string> bytes;
    std::string_view content_type;
    std::string etag;
    bool never_changes = false;
  };
  void add(const std::string& path, std::string bytes);
  std::map<std::string, File> files_;
};

}  // namespace holdfast::http
