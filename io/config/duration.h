// Durations as operators write them: 5, 5s, 500ms, 2m.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace patronus {

// A whole number of ms, s, m or h; without a unit seconds. Nothing if it is anything else or too large.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace patronus
