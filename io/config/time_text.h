// RFC 3339, as operators and Litestream write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus {

// "2026-03-01T12:00:00Z", with up to nine digits of a second and with an offset instead of Z; Unix
// milliseconds. A time of day without an offset is not read: it would mean another moment to another reader.
[[nodiscard]] std::optional<int64_t> parse_time(std::string_view text);
// In UTC, with milliseconds.
[[nodiscard]] std::string format_time(int64_t unix_ms);
// The wall clock.
[[nodiscard]] int64_t wall_now_ms();

}  // namespace patronus
