// The check every JSON text passes before picojson may read it.
#pragma once

#include <optional>
#include <string_view>

#include "io/json/json.h"

namespace patronus::json {

// What is wrong with `text` as a strict JSON text within `limits` (see parse()), or nothing. One pass without
// recursion; keys are kept only while their object is open.
[[nodiscard]] std::optional<Error> validate(std::string_view text, const ParseLimits& limits);

}  // namespace patronus::json
