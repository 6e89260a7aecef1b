// The node's structured log: one JSON object a line. What it says is about machines; no name, PIN, key or token is ever
// handed to it, and no free text that people typed. An event's name is in kebab-case and stands in the log as documents
// have it, so that an alarm can be set on it.
//
// Thread: any.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace spdlog {
class logger;
}

namespace holdfast::serve {

class Log {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;
  // path empty: standard error. edge/no_log: the file cannot be opened.
  static Result<Log> open(const std::string& path);
  void info(std::string_view event, Fields fields) const { write(false, event, fields); }
  void warn(std::string_view event, Fields fields) const { write(true, event, fields); }

 private:
  void write(bool warning, std::string_view event, Fields fields) const;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace holdfast::serve
