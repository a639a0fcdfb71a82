// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patronus::json {

// The length (1 to 4) of the well-formed sequence that begins at `at`, or 0 when there is none. `at` must be
// inside `text`.
[[nodiscard]] size_t utf8_sequence(std::string_view text, size_t at);

// Whether all of `text` is well-formed UTF-8 (RFC 3629 section 4). The empty text is.
[[nodiscard]] bool is_valid_utf8(std::string_view text);

// Appends the UTF-8 form of a code point, which must be a Unicode scalar value.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace patronus::json
