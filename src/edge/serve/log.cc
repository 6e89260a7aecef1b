#include "edge/serve/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "edge/http/json_out.h"
#include "edge/posix/posix_world.h"

namespace holdfast::serve {

Result<Log> Log::open(const std::string& path) {
  Log out;
  try {
    spdlog::sink_ptr sink;
    if (path.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    }
    out.logger_ = std::make_shared<spdlog::logger>("holdfast", sink);
  } catch (const spdlog::spdlog_ex& error) {
    return fail("edge/no_log", fmt::format("{} cannot be written to as a log: {}.", path, error.what()));
  }
  out.logger_->set_pattern("%v");
  out.logger_->flush_on(spdlog::level::info);
  return out;
}

void Log::write(bool warning, std::string_view event, Fields fields) const {
  http::JsonOut line;
  line.object()
      .field("at", to_text(edge::PosixClock().now()))
      .field("level", warning ? "warning" : "info")
      .field("event", event);
  for (const auto& [name, value] : fields) line.field(name, value);
  logger_->log(warning ? spdlog::level::warn : spdlog::level::info, spdlog::string_view_t(line.end_object().take()));
}

}  // namespace holdfast::serve
