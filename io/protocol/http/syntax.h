// The small grammars of RFC 9110 section 5 that several checks share.
#pragma once

#include <optional>
#include <string_view>

#include "io/protocol/http/refusal.h"

namespace patronus::http {

// RFC 9110 section 5.6.2: the characters of a token.
[[nodiscard]] bool is_token_char(char c);
[[nodiscard]] bool is_token(std::string_view text);
[[nodiscard]] bool is_digit(char c);
// The value of a hexadecimal digit, or -1.
[[nodiscard]] int hex_value(char c);
// ASCII only, so that no locale can change what a header means.
[[nodiscard]] char to_lower(char c);
[[nodiscard]] bool equals_ignoring_case(std::string_view text, std::string_view lower);
// Without the spaces and tabs at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

// Checks one header or trailer line, without its line end (RFC 9112 section 5): a token, a colon directly
// after it, a value without control characters, no folding. `is_first` tells a first header line, which can't
// fold.
[[nodiscard]] std::optional<Refusal> check_field_line(std::string_view line, bool is_first);

// Whether `value` is a host with an optional port (RFC 9110 section 7.2, RFC 3986 section 3.2.2), not empty.
[[nodiscard]] bool is_host(std::string_view value);

}  // namespace patronus::http
