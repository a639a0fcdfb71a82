// Structured logs: one JSON object a line on standard error.
#pragma once

#include <string>
#include <string_view>

namespace patronus {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// Once, before the first line. `level` is debug, info, warn or error.
void set_up_log(const std::string& node, const std::string& level);
// `event` is a short fixed word for programs, `text` a sentence for people.
void log_line(LogLevel level, std::string_view event, std::string_view text);
void flush_log();

}  // namespace patronus
