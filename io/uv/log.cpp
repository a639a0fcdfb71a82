#include "io/uv/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "io/json/writer.h"

namespace patronus {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void set_up_log(const std::string& node, const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("patronusd");
  std::string name;
  json::append_quoted(name, node);
  std::string escaped;
  // A percent sign begins a field of the pattern.
  for (const char c : name) escaped += c == '%' ? std::string("%%") : std::string(1, c);
  logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","node":)" + escaped + "%v}",
                      spdlog::pattern_time_type::utc);
  logger->set_level(level == "error" ? spdlog::level::err : spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void log_line(LogLevel level, std::string_view event, std::string_view text) {
  std::string fields = ",\"event\":";
  json::append_quoted(fields, event);
  fields += ",\"message\":";
  json::append_quoted(fields, text);
  spdlog::default_logger_raw()->log(level_of(level), spdlog::string_view_t(fields.data(), fields.size()));
}

void flush_log() { spdlog::default_logger_raw()->flush(); }

}  // namespace patronus
