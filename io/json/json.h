// Strict JSON (RFC 8259) for whatever comes from outside: what this accepts has one meaning only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "io/json/utf8.h"
#include "io/json/value.h"

namespace patronus::json {

// Why a text was refused, in words for its sender, and the byte at which that was seen.
struct Error {
  std::string reason;
  size_t offset = 0;
};

struct ParseLimits {
  size_t bytes_max = size_t{2} << 20U;
  size_t depth_max = 32;        // arrays and objects open at once; never more than kDepthCeiling
  size_t members_max = 100000;  // members of all objects and elements of all arrays together
};

// picojson reads nested values by recursion, so no caller may ask for a deeper text than this.
inline constexpr size_t kDepthCeiling = 64;

// Reads one JSON text. Refused, besides what RFC 8259 refuses: a byte order mark, invalid UTF-8 (RFC 3629), a
// surrogate escape without its pair, the same key twice in an object (compared after unescaping), an integer
// outside int64, a number outside the range of a double, and anything over a limit. A number written without
// fraction and exponent becomes an int64_t, any other a double. Never throws anything but std::bad_alloc.
[[nodiscard]] std::variant<picojson::value, Error> parse(std::string_view text,
                                                         const ParseLimits& limits = {});

}  // namespace patronus::json
